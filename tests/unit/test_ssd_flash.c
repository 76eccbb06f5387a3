/* SPDX-License-Identifier: BSD-3-Clause */
/* A controller whose media are modelled flash: commands take as long as it does, and a power loss leaves what it should. */
#include "ssd/admin/log.h"
#include "ssd_flash_io.h"

static void
commands_take_their_time(void **state)
{
	struct drive d;

	(void)state;
	start(&d, "slow", QD);
	assert_true(timed(&d, NVME_OPC_READ, 0, 8) < 10000); /* nothing was ever written there */
	assert_true(timed(&d, NVME_OPC_WRITE, 0, 8) < 10000); /* the write buffer takes it */
	assert_true(timed(&d, NVME_OPC_READ, 0, 8) < 10000); /* and has it */
	assert_in_range(timed(&d, NVME_OPC_FLUSH, 0, 1), SLOW_PROGRAM, SLOW_PROGRAM * 3 / 2);
	assert_in_range(timed(&d, NVME_OPC_READ, 0, 8), SLOW_READ, SLOW_READ * 3 / 2);
	rig_close(d.r);
}

/* A write that finds the buffer full waits for a program. */
static void
writes_meet_the_speed_of_the_flash(void **state)
{
	struct drive d;
	uint64_t from, units = 400;

	(void)state;
	start(&d, "slow", QD);
	from = d.r->now;
	for (uint64_t u = 0; u < units; u++)
		timed(&d, NVME_OPC_WRITE, u * 8, 8);
	/* four units a page, one die: all but what the buffer holds */
	assert_in_range(d.r->now - from, (units - 32) / 4 * SLOW_PROGRAM, (units + 4) / 4 * (SLOW_PROGRAM + 500000));
	rig_close(d.r);
}

static void
completions_come_when_they_are_due(void **state)
{
	struct drive d;
	uint16_t slow, fast;

	(void)state;
	start(&d, "slow", QD);
	write_byte(&d, 0, 1);
	timed(&d, NVME_OPC_FLUSH, 0, 1);
	slow = send(&d, NVME_OPC_READ, 0, 8);
	fast = send(&d, NVME_OPC_WRITE, 64, 8);
	assert_int_equal(wait(&d), 0);
	assert_int_equal(d.io.cqe.cid, fast);
	assert_int_equal(wait(&d), 0);
	assert_int_equal(d.io.cqe.cid, slow);
	rig_close(d.r);
}

static void
power_loss_keeps_what_was_flushed(void **state)
{
	struct drive d;

	(void)state;
	start(&d, "slow", QD);
	write_byte(&d, 0, 1);
	timed(&d, NVME_OPC_FLUSH, 0, 1);
	write_byte(&d, 0, 2);
	write_byte(&d, 8, 3);
	power_cycle(&d);
	assert_int_equal(read_byte(&d, 0), 1); /* 2 was in the write buffer */
	assert_int_equal(read_byte(&d, 8), 0);
	write_byte(&d, 0, 4);
	timed(&d, NVME_OPC_FLUSH, 0, 1);
	power_cycle(&d);
	assert_int_equal(read_byte(&d, 0), 4);
	rig_close(d.r);
}

static void
a_flush_that_was_cut_promised_nothing(void **state)
{
	struct drive d;

	(void)state;
	start(&d, "slow", QD);
	write_byte(&d, 0, 1);
	timed(&d, NVME_OPC_FLUSH, 0, 1);
	write_byte(&d, 0, 2);
	send(&d, NVME_OPC_FLUSH, 0, 1);
	ssd_step(d.r->ssd, d.r->now += SLOW_PROGRAM / 2);
	power_cycle(&d);
	assert_int_equal(read_byte(&d, 0), 1);
	rig_close(d.r);
}

static void
a_capacitor_saves_the_write_buffer(void **state)
{
	struct drive d;

	(void)state;
	start(&d, "enterprise-tlc", QD);
	write_byte(&d, 0, 1);
	write_byte(&d, 80, 2);
	power_cycle(&d);
	assert_int_equal(read_byte(&d, 0), 1);
	assert_int_equal(read_byte(&d, 80), 2);
	rig_close(d.r);
}

static void
a_shutdown_is_complete_when_all_is_safe(void **state)
{
	struct drive d;
	uint64_t from;

	(void)state;
	start(&d, "slow", QD);
	write_byte(&d, 0, 7);
	from = d.r->now;
	rig_set(d.r, NVME_REG_CC, RIG_CC | nvme_put32(NVME_CC_SHN, 1));
	while (nvme_get(rig_reg(d.r, NVME_REG_CSTS), NVME_CSTS_SHST) != NVME_CSTS_SHST_COMPLETE)
		d.r->now = UT_MIN(ssd_step(d.r->ssd, d.r->now), d.r->now + 1000000);
	assert_true(d.r->now - from >= SLOW_PROGRAM);
	power_cycle(&d);
	assert_int_equal(read_byte(&d, 0), 7);
	assert_int_equal(d.r->sub->smart.unsafe_shutdowns, 0);
	rig_close(d.r);
}

static void
resets_forget_what_is_under_way(void **state)
{
	struct drive d;

	(void)state;
	start(&d, "slow", QD);
	write_byte(&d, 0, 1);
	timed(&d, NVME_OPC_FLUSH, 0, 1);
	for (int i = 0; i < 4; i++)
		send(&d, NVME_OPC_READ, 0, 8);
	ssd_step(d.r->ssd, d.r->now);
	assert_int_equal(rig_delete(d.r, 1, false), 0);
	assert_int_equal(rig_delete(d.r, 1, true), 0);
	rig_pair(d.r, 1, QD, -1);
	assert_int_equal(read_byte(&d, 0), 1);
	send(&d, NVME_OPC_READ, 0, 8);
	ssd_step(d.r->ssd, d.r->now);
	rig_set(d.r, NVME_REG_CC, 0);
	rig_enable(d.r, 32);
	rig_pair(d.r, 1, QD, -1);
	assert_int_equal(read_byte(&d, 0), 1);
	rig_close(d.r);
}

/* Both halves of a fused pair wait for what the pair does. */
static void
fused_pairs_wait_together(void **state)
{
	struct nvme_sqe sqe;
	struct drive d;
	uint64_t from;

	(void)state;
	start(&d, "slow", QD);
	write_byte(&d, 0, 1);
	timed(&d, NVME_OPC_FLUSH, 0, 1);
	from = d.r->now;
	nvme_prep_lba_cmd(&sqe, NVME_OPC_COMPARE, 1, 0, 8);
	sqe.flags = (uint8_t)nvme_put(NVME_SQE_FUSE, NVME_FUSE_FIRST);
	io_prp(&d.io, &sqe, 4096);
	memset(io_buf(&d.io), 1, 4096);
	rig_put(d.r, 1, &sqe);
	nvme_prep_lba_cmd(&sqe, NVME_OPC_WRITE, 1, 0, 8);
	sqe.flags = (uint8_t)nvme_put(NVME_SQE_FUSE, NVME_FUSE_SECOND);
	sqe.cdw12 = le32_from(le32_get(sqe.cdw12) | (uint32_t)NVME_RW_FUA);
	io_prp(&d.io, &sqe, 4096);
	rig_put(d.r, 1, &sqe);
	rig_ring(d.r, 1);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(wait(&d), 0);
		assert_true(d.r->now - from >= SLOW_PROGRAM);
	}
	rig_close(d.r);
}

/* What waits when the controller stops is forgotten at the reset: until then nobody has to look. */
static void
a_stopped_controller_is_at_rest(void **state)
{
	struct drive d;

	(void)state;
	start(&d, "slow", QD);
	write_byte(&d, 0, 1);
	timed(&d, NVME_OPC_FLUSH, 0, 1);
	send(&d, NVME_OPC_READ, 0, 8);
	ssd_step(d.r->ssd, d.r->now);
	rig_set(d.r, NVME_REG_CC, RIG_CC | nvme_put32(NVME_CC_SHN, 1));
	for (int i = 0; i < 100; i++)
		ssd_step(d.r->ssd, d.r->now += 1000000);
	assert_true(ssd_step(d.r->ssd, d.r->now) > d.r->now + 1000000);
	rig_close(d.r);
}

/* RDY comes when the recovery has read what it has to, however long the power was off. */
static void
ready_when_recovered(void **state)
{
	struct drive d;
	uint64_t from;

	(void)state;
	start(&d, "slow", QD);
	for (uint64_t u = 0; u < 100; u++)
		write_byte(&d, u * 8, 1);
	timed(&d, NVME_OPC_FLUSH, 0, 1);
	ssd_power_off(d.r->sub);
	d.r->now += 1000000000;
	ssd_power_on(d.r->sub);
	rig_cfg_set(d.r, NVME_PCI_CMD, 2, (uint32_t)(NVME_PCI_CMD_BME | NVME_PCI_CMD_MSE));
	from = d.r->now;
	rig_set(d.r, NVME_REG_AQA, 31u << 16 | 31);
	ssd_bar_write(d.r->ssd, NVME_REG_ASQ, 8, rig_alloc(d.r, 1));
	ssd_bar_write(d.r->ssd, NVME_REG_ACQ, 8, rig_alloc(d.r, 1));
	rig_set(d.r, NVME_REG_CC, RIG_CC);
	while (!(rig_reg(d.r, NVME_REG_CSTS) & NVME_CSTS_RDY) && d.r->now < from + 1000000000)
		ssd_step(d.r->ssd, d.r->now += 100000);
	assert_in_range(d.r->now - from, 25 * SLOW_READ, 1000000000 - 1);
	rig_close(d.r);
}

/* Format completes when what it erased cannot come back. */
static void
what_was_formatted_stays_away(void **state)
{
	struct nvme_sqe sqe;
	struct drive d;
	uint64_t from;

	(void)state;
	start(&d, "slow", QD);
	write_byte(&d, 0, 1);
	timed(&d, NVME_OPC_FLUSH, 0, 1);
	from = d.r->now;
	nvme_prep_format(&sqe, 1, 0, 0);
	rig_put(d.r, 0, &sqe);
	rig_ring(d.r, 0);
	while (!rig_reap(d.r, 0, &d.io.cqe) && d.r->now < from + 1000000000)
		ssd_step(d.r->ssd, d.r->now += 100000);
	assert_int_equal(rig_sc(nvme_status_of(le16_get(d.io.cqe.status))), 0);
	assert_true(d.r->now - from >= SLOW_PROGRAM);
	power_cycle(&d);
	assert_int_equal(read_byte(&d, 0), 0);
	rig_close(d.r);
}

/* Another queue that goes makes no room where there is none: nothing completes before its time. */
static void
deleting_another_queue_makes_no_room(void **state)
{
	const uint32_t n = SSD_MAX_DELAYED + 100;
	struct drive d;

	(void)state;
	start(&d, "slow", n + 1);
	rig_pair(d.r, 2, QD, -1);
	write_byte(&d, 0, 1);
	timed(&d, NVME_OPC_FLUSH, 0, 1);
	for (uint32_t i = 0; i < n; i++) {
		struct nvme_sqe sqe;

		nvme_prep_lba_cmd(&sqe, NVME_OPC_READ, 1, 0, 8);
		io_prp(&d.io, &sqe, 4096);
		rig_put(d.r, 1, &sqe);
	}
	rig_ring(d.r, 1);
	for (int i = 0; i < 200 && !(d.r->ssd->hold & SSD_HOLD_MEDIA); i++)
		ssd_step(d.r->ssd, d.r->now);
	assert_true(d.r->ssd->hold & SSD_HOLD_MEDIA);
	ssd_delay_drop(d.r->ssd, 2);
	assert_true(d.r->ssd->hold & SSD_HOLD_MEDIA);
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(wait(&d), 0);
	rig_close(d.r);
}

/* More commands than can be kept: the rest is taken when there is room again. */
static void
any_number_of_commands(void **state)
{
	const uint32_t n = SSD_MAX_DELAYED + 500;
	struct drive d;

	(void)state;
	start(&d, "slow", n + 1);
	write_byte(&d, 0, 1);
	timed(&d, NVME_OPC_FLUSH, 0, 1);
	for (uint32_t i = 0; i < n; i++) {
		struct nvme_sqe sqe;

		nvme_prep_lba_cmd(&sqe, NVME_OPC_READ, 1, 0, 8);
		io_prp(&d.io, &sqe, 4096);
		rig_put(d.r, 1, &sqe);
	}
	rig_ring(d.r, 1);
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(wait(&d), 0);
	assert_true(rig_works(d.r));
	rig_close(d.r);
}

static void
counts_what_was_programmed(void **state)
{
	struct ssd_stats st;
	struct drive d;

	(void)state;
	start(&d, "slow", QD);
	for (uint64_t u = 0; u < 8; u++)
		write_byte(&d, u * 8, (uint8_t)u);
	timed(&d, NVME_OPC_FLUSH, 0, 1);
	timed(&d, NVME_OPC_WRITE, 8, 1); /* half a kilobyte counts as that */
	ssd_get_stats(d.r->sub, &st);
	assert_int_equal(st.flash_host_bytes, 8 * 4096 + 512);
	assert_int_equal(st.flash_host_bytes, d.r->sub->smart.units_written_512 * 512);
	assert_in_range(st.flash_programmed_bytes, 8 * 4096, (8 + 8) * 4096); /* the map has a few */
	rig_close(d.r);
}

/* Blocks fail one by one, and then the drive can only be read.   NVMe Base 2.1, "SMART / Health Information". */
static void
the_end_of_its_life(void **state)
{
	struct nvme_smart_log log = { 0 };
	struct ssd_stats st;
	struct drive d;
	nvme_status sc = 0;

	(void)state;
	start_worn(&d, "slow", QD, 4);
	adm_aer(&d.io);
	ssd_log_smart(d.r->ssd, &log);
	assert_int_equal(log.cw, 0);
	assert_int_equal(log.avsp, 100);
	assert_int_equal(log.pused, 0);
	for (uint32_t i = 0; i < 200000 && !sc; i++) {
		memset(io_buf(&d.io), (int)(i % 251), 4096);
		send(&d, NVME_OPC_WRITE, i * 2654435761u % 4096 * 8, 8);
		sc = wait(&d);
	}
	assert_int_equal(sc, NVME_SC_READ_ONLY_RANGE);
	ssd_log_smart(d.r->ssd, &log);
	assert_int_equal(log.cw, NVME_CW_AMRO | NVME_CW_ASCBT);
	assert_int_equal(log.avsp, 0);
	assert_int_equal(adm_event(&d.io), NVME_AER_SMART | NVME_AER_SMART_SPARE << 8 | NVME_LOG_SMART << 16);
	assert_in_range(log.pused, 90, 150);
	ssd_get_stats(d.r->sub, &st);
	assert_true(st.flash_bad_blocks > 0);
	for (uint64_t u = 0; u < 4096; u += 61)
		read_byte(&d, u * 8);
	timed(&d, NVME_OPC_FLUSH, 0, 1);
	power_cycle(&d);
	read_byte(&d, 0);
	send(&d, NVME_OPC_WRITE, 0, 8);
	assert_int_equal(wait(&d), NVME_SC_READ_ONLY_RANGE);
	rig_close(d.r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_take_their_time),
		cmocka_unit_test(writes_meet_the_speed_of_the_flash),
		cmocka_unit_test(completions_come_when_they_are_due),
		cmocka_unit_test(power_loss_keeps_what_was_flushed),
		cmocka_unit_test(a_flush_that_was_cut_promised_nothing),
		cmocka_unit_test(a_capacitor_saves_the_write_buffer),
		cmocka_unit_test(a_shutdown_is_complete_when_all_is_safe),
		cmocka_unit_test(resets_forget_what_is_under_way),
		cmocka_unit_test(fused_pairs_wait_together),
		cmocka_unit_test(a_stopped_controller_is_at_rest),
		cmocka_unit_test(ready_when_recovered),
		cmocka_unit_test(what_was_formatted_stays_away),
		cmocka_unit_test(deleting_another_queue_makes_no_room),
		cmocka_unit_test(any_number_of_commands),
		cmocka_unit_test(counts_what_was_programmed),
		cmocka_unit_test(the_end_of_its_life),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
