/* SPDX-License-Identifier: BSD-3-Clause */
/* What plans can ask for beyond reading and writing: opcodes, SGLs, long lists, rates, traces, logs, retries. */
#define FAKE_LBAS 16384u
#include "iow_fake.h"

#include "nvproof/spec/status.h"

#define FOREVER 10000000u

static struct fake_drive drive;
#define RES (&drive.e.sh->res)

static void
run(const struct nvp_iow_plan *p, struct nvp_verify *v)
{
	fake_drive_open(&drive, p, v);
	fake_drive_run(&drive, FOREVER);
	assert_true(drive.e.ended);
}

static struct nvp_verify *
table(void)
{
	struct nvp_verify *v;

	assert_int_equal(nvp_verify_open(FAKE_LBAS, FAKE_LBA, NULL, &v), 0);
	nvp_verify_enable(v, true);
	return v;
}

static void
every_opcode(void **state)
{
	const struct nvp_iow_op ops[] = { { NVME_OPC_READ, 20 },	 { NVME_OPC_WRITE, 20 },
					  { NVME_OPC_DSM, 10 },		 { NVME_OPC_FLUSH, 10 },
					  { NVME_OPC_WRITE_ZEROES, 10 }, { NVME_OPC_VERIFY, 10 },
					  { NVME_OPC_WRITE_UNCOR, 10 },	 { 0x80, 10 } };
	const struct nvp_iow_plan p = FAKE_PLAN(.io_count = 8000, .ops = ops, .nops = 8, .region_end = 100,
						.io_flags = 0x4000, .cdw13 = 0x12340005);
	struct nvp_verify *v = table();
	uint64_t sum = 0;
	uint32_t i, k, seen[256] = { 0 };

	(void)state;
	run(&p, v);
	assert_int_equal(RES->error, 0);
	for (i = 0; i < drive.nseen; i++) {
		const struct nvme_sqe *s = &drive.seen[i].sqe;
		bool flush = s->opc == NVME_OPC_FLUSH;

		seen[s->opc]++;
		assert_int_equal(le32_get(s->cdw13), flush ? 0 : 0x12340005);
		assert_int_equal(le32_get(s->cdw12) >> 16, flush ? 0 : 0x4000);
		if (s->opc != NVME_OPC_READ && s->opc != NVME_OPC_WRITE && s->opc != NVME_OPC_DSM)
			assert_true(!le64_get(s->prp1) && !le64_get(s->prp2));
		if (!flush)
			assert_true(drive.seen[i].slba + drive.seen[i].nlb <= 100 && drive.seen[i].nlb == 8);
	}
	for (k = 0; k < 8; k++) {
		assert_int_equal(drive.e.view.stat[k].ios, seen[ops[k].opc]);
		assert_in_range(seen[ops[k].opc], ops[k].weight * 80 - 150, ops[k].weight * 80 + 150);
		sum += drive.e.view.stat[k].hist.count;
	}
	assert_int_equal(sum, 8000);
	assert_int_equal(RES->others, 8000 - RES->reads - RES->writes);
	fake_drive_close(&drive);
	nvp_verify_close(v);
}

/*
 * What a trim or a write of zeroes leaves is not checked, what a write leaves is, and none is mistaken for the other.
 */
static void
verified_between_trims(void **state)
{
	const struct nvp_iow_op ops[] = { { NVME_OPC_READ, 50 }, { NVME_OPC_WRITE, 30 }, { NVME_OPC_DSM, 20 } };
	const struct nvp_iow_plan p =
		FAKE_PLAN(.io_count = 15000, .ops = ops, .nops = 3, .region_end = 300, .verify = true);
	struct nvp_verify *v = table();

	(void)state;
	run(&p, v);
	assert_int_equal(RES->error, 0);
	fake_drive_close(&drive);
	nvp_verify_close(v);
}

static void
sgl_share(void **state)
{
	const uint32_t percent[] = { 0, 30, 100 };
	uint32_t i, k, n;

	(void)state;
	for (k = 0; k < 3; k++) {
		const struct nvp_iow_plan p = FAKE_PLAN(.io_count = 5000, .sgl_percent = percent[k], .io_size = 40);

		run(&p, NULL);
		for (i = n = 0; i < drive.nseen; i++)
			n += nvme_get(drive.seen[i].sqe.flags, NVME_SQE_PSDT) == NVME_PSDT_SGL;
		assert_in_range(n, percent[k] * 50 - (k == 1 ? 200 : 0), percent[k] * 50 + (k == 1 ? 200 : 0));
		assert_int_equal(RES->error, 0);
		fake_drive_close(&drive);
	}
}

/* Lengths around a page, two, a list page, two list pages: the fake drive checks each entry. */
static void
lists_of_every_length(void **state)
{
	static const uint32_t nlb[] = { 1,    7,    8,	  9,	16,   17,   24,	  25,	4095,
					4096, 4097, 4103, 4104, 4105, 8192, 8200, 8201, 16000 };
	struct nvp_iow_size size[UT_ARRAY_LEN(nlb)];
	const uint32_t max[] = { 3, 7, 8, 13, 17, 18 };
	uint32_t i, k;

	(void)state;
	for (i = 0; i < UT_ARRAY_LEN(nlb); i++)
		size[i] = (struct nvp_iow_size){ nlb[i], 1, 1 };
	for (k = 0; k < UT_ARRAY_LEN(max); k++) {
		const struct nvp_iow_plan p = FAKE_PLAN(.io_count = 400, .sizes = size, .nsizes = max[k], .qdepth = 3);
		struct nvp_verify *v = table();

		run(&p, v);
		assert_int_equal(RES->error, 0);
		fake_drive_close(&drive);
		nvp_verify_close(v);
	}
}

/* The same without anything that makes it leave the short way. */
static void
lists_on_the_short_way(void **state)
{
	const struct nvp_iow_size size[] = { { 1, 1, 1 }, { 8, 1, 1 }, { 9, 1, 1 }, { 17, 1, 1 }, { 4104, 1, 1 } };
	struct nvp_iow_plan p =
		FAKE_PLAN(.io_count = 1000, .sizes = size, .nsizes = 5, .qdepth = 5, .ptype = 0, .pvalue = 1);

	(void)state;
	run(&p, NULL);
	assert_null(drive.e.extra);
	assert_int_equal(RES->error, 0);
	fake_drive_close(&drive);
	/* Cut at the end of the region: fewer pages than the size has. */
	p.nsizes = 0;
	p.io_size = 64;
	p.random_percent = 0;
	p.region_end = 1003;
	p.io_count = 100;
	run(&p, NULL);
	assert_int_equal(drive.seen[15].nlb, 1003 - 15 * 64);
	assert_int_equal(RES->error, 0);
	fake_drive_close(&drive);
}

/* The short way is taken where nothing forbids it. */
static void
which_way(void **state)
{
	struct nvp_iow_plan p = FAKE_PLAN(.io_count = 10, .read_percent = 100);
	struct nvp_verify *v = table();

	(void)state;
	run(&p, NULL);
	assert_null(drive.e.extra);
	fake_drive_close(&drive);
	run(&p, v); /* verify_disable: nothing is checked */
	assert_null(drive.e.extra);
	fake_drive_close(&drive);
	p.verify = true;
	run(&p, v);
	assert_non_null(drive.e.extra);
	fake_drive_close(&drive);
	nvp_verify_close(v);
}

static void
lba_count_with_sizes(void **state)
{
	const struct nvp_iow_size size[] = { { 3, 1, 1 }, { 10, 1, 1 } };
	const struct nvp_iow_plan p = FAKE_PLAN(.lba_count = 5000, .sizes = size, .nsizes = 2);
	uint64_t sum = 0;
	uint32_t i;

	(void)state;
	run(&p, NULL);
	for (i = 0; i < drive.nseen; i++)
		sum += drive.seen[i].nlb;
	assert_in_range(sum, 5000, 5009);
	assert_int_equal(RES->bytes, sum * FAKE_LBA);
	fake_drive_close(&drive);
}

static void
a_rate_holds(void **state)
{
	const uint32_t iops[] = { 16, 1234, 99991, 7000000 };
	uint32_t i, k;

	(void)state;
	for (k = 0; k < 4; k++) {
		struct nvp_iow_plan p = FAKE_PLAN(.time_ns = 3000000000ull, .iops = iops[k], .read_percent = 100);
		uint64_t n;

		p.time_ns = k == 2 ? 100000000 : k == 3 ? 2000000 : p.time_ns;
		p.qdepth = k == 3 ? 63 : 15;
		fake_drive_open(&drive, &p, NULL);
		drive.fq.step_ns = k == 2 ? 1000 : k == 3 ? 10 : 50000;
		drive.turn_ns = k == 3 ? 10 : 1000;
		fake_drive_run(&drive, FOREVER);
		n = RES->reads * 1000000000 / p.time_ns;
		assert_in_range(n, iops[k] - iops[k] / 1000 - 1,
				iops[k] + iops[k] / 1000 + (k == 2 ? 10 : 1) + (k == 3 ? 1000 : 0));
		for (i = 0; k < 2 && i < 3; i++)
			assert_in_range(drive.e.view.second[i].reads, iops[k] - 1, iops[k] + 1);
		fake_drive_close(&drive);
	}
}

/* A drive that stalls is not flooded afterwards. */
static void
a_rate_after_a_stall(void **state)
{
	const struct nvp_iow_plan p = FAKE_PLAN(.time_ns = 4000000000ull, .iops = 1000, .timeout_ms = 10000);
	uint32_t i;

	(void)state;
	fake_drive_open(&drive, &p, NULL);
	drive.fq.step_ns = 100000;
	while (drive.fq.now_ns < 1000000000)
		fake_drive_run(&drive, 1);
	while (drive.fq.now_ns < 3000000000u)
		if (!iow_engine_turn(&drive.e))
			drive.e.clock->relax(drive.e.clock, 0);
	fake_drive_run(&drive, FOREVER);
	assert_in_range(RES->reads + RES->writes, 2000, 2120);
	for (i = 1; i < drive.nseen; i++)
		assert_true(drive.seen[i].ns >= drive.seen[i - 1].ns);
	fake_drive_close(&drive);
}

static void
a_trace_with_its_times(void **state)
{
	static struct nvp_iow_step step[1000];
	const struct nvp_iow_plan p = FAKE_PLAN(.steps = step, .nsteps = 1000, .log_entries = 1000);
	uint32_t i;

	(void)state;
	for (i = 0; i < 1000; i++) {
		step[i] = (struct nvp_iow_step){ i * 7 % 5000, i * 300, 1 + i % 50, 1 + i % 2 };
		if (i % 10 == 9)
			step[i] =
				(struct nvp_iow_step){ i, i * 300, 16000, i % 20 == 9 ? NVME_OPC_DSM : NVME_OPC_FLUSH };
		if (step[i].opc == NVME_OPC_DSM)
			step[i].nlb = 12000;
	}
	fake_drive_open(&drive, &p, NULL);
	drive.fq.step_ns = 20000;
	fake_drive_run(&drive, FOREVER);
	assert_int_equal(RES->error, 0);
	assert_int_equal(drive.nseen, 1000);
	for (i = 0; i < 1000; i++) {
		assert_int_equal(drive.seen[i].opc, step[i].opc);
		if (step[i].opc == NVME_OPC_FLUSH)
			continue;
		assert_int_equal(drive.seen[i].slba, step[i].slba);
		assert_int_equal(drive.seen[i].nlb, step[i].nlb);
		assert_in_range(drive.seen[i].ns / 1000, step[i].time_us, step[i].time_us + 100);
		assert_int_equal(drive.e.view.log[i].slba, step[i].slba);
	}
	fake_drive_close(&drive);
}

static void
the_last_commands(void **state)
{
	const struct nvp_iow_plan p = FAKE_PLAN(.io_count = 1000, .log_entries = 20, .exit_on_error = false);
	uint64_t seq;

	(void)state;
	fake_drive_open(&drive, &p, NULL);
	drive.fail_at = 995;
	drive.fail_status = NVME_SC_WRITE_FAULT;
	fake_drive_run(&drive, FOREVER);
	assert_int_equal(drive.e.sh->log_seq, 1000);
	assert_int_equal(drive.e.sh->dims.nlog, 35); /* those outstanding may be as old as that */
	for (seq = 981; seq <= 1000; seq++) {
		const struct iow_log *l = &drive.e.view.log[(seq - 1) % 35];

		assert_int_equal(l->seq, seq);
		assert_int_equal(l->slba, drive.seen[seq - 1].slba);
		assert_int_equal(l->opc, drive.seen[seq - 1].opc);
		assert_int_equal(l->status, seq == 995 ? 0x280 : 0);
		assert_true(l->completed > l->sent);
	}
	fake_drive_close(&drive);
}

static void
slow_ones_are_counted(void **state)
{
	const struct nvp_iow_plan p = FAKE_PLAN(.io_count = 1000, .slow_us = 500, .qdepth = 1, .read_percent = 100);
	uint32_t i;

	(void)state;
	fake_drive_open(&drive, &p, NULL);
	drive.turn_ns = 100;
	for (i = 0; !drive.e.ended && i < FOREVER; i++) {
		if (!iow_engine_turn(&drive.e))
			drive.e.clock->relax(drive.e.clock, 0);
		if (drive.nseen % 100 == 99 && drive.e.q->outstanding)
			drive.fq.now_ns += 2000000;
		fake_drive_step(&drive);
	}
	assert_int_equal(RES->slow, 10);
	assert_true(RES->latency_max_ns >= 2000000);
	fake_drive_close(&drive);
}

/* Each command has its own retries, though they come one after the other in the same place. */
static void
retries_are_counted_per_command(void **state)
{
	const struct nvp_iow_plan fill = FAKE_PLAN(.random_percent = 0, .read_percent = 0, .region_end = 800);
	const struct nvp_iow_plan check = FAKE_PLAN(.random_percent = 0, .read_percent = 100, .qdepth = 1,
						    .region_end = 800, .verify = true, .retry_max = 1);
	static uint8_t media[800 * FAKE_LBA];
	struct nvp_verify *v = table();

	(void)state;
	run(&fill, v);
	memcpy(media, drive.media, sizeof(media));
	fake_drive_close(&drive);
	fake_drive_open(&drive, &check, v);
	memcpy(drive.media, media, sizeof(media));
	drive.media[100] ^= 1;
	drive.media[400 * FAKE_LBA + 100] ^= 1;
	while (!drive.e.ended) {
		if (!iow_engine_turn(&drive.e))
			drive.e.clock->relax(drive.e.clock, 0);
		if (RES->retries)
			memcpy(drive.media + (RES->retries - 1) * 400 * FAKE_LBA,
			       media + (RES->retries - 1) * 400 * FAKE_LBA, 8 * FAKE_LBA);
		fake_drive_step(&drive);
	}
	assert_int_equal(RES->retries, 2);
	assert_int_equal(RES->status, 0);
	fake_drive_close(&drive);
	nvp_verify_close(v);
}

/* Read wrong once, and right when it is read again. */
static void
a_retry_helps(void **state)
{
	const struct nvp_iow_plan fill = FAKE_PLAN(.random_percent = 0, .read_percent = 0, .region_end = 800);
	struct nvp_iow_plan check = FAKE_PLAN(.random_percent = 0, .read_percent = 100, .qdepth = 1, .region_end = 800,
					      .verify = true, .retry_max = 2);
	static uint8_t media[800 * FAKE_LBA];
	struct nvp_verify *v = table();
	int healed;

	(void)state;
	run(&fill, v);
	memcpy(media, drive.media, sizeof(media));
	fake_drive_close(&drive);
	for (healed = 1; healed >= 0; healed--) {
		fake_drive_open(&drive, &check, v);
		memcpy(drive.media, media, sizeof(media));
		drive.damage_at = 10;
		drive.damage_lba = 77;
		while (!drive.e.ended) {
			if (!iow_engine_turn(&drive.e))
				drive.e.clock->relax(drive.e.clock, 0);
			if (healed && RES->retries)
				memcpy(drive.media, media, sizeof(media));
			fake_drive_step(&drive);
		}
		assert_int_equal(RES->retries, healed ? 1 : 2);
		assert_int_equal(RES->status, healed ? 0 : 0x781);
		assert_int_equal(RES->reads, healed ? 100 : 10);
		assert_int_equal(drive.nseen, healed ? 101 : 12);
		assert_string_equal(drive.e.sh->reason[0] ? "said" : "", healed ? "" : "said");
		fake_drive_close(&drive);
	}
	nvp_verify_close(v);
}

static void
failed_ones_only_in_the_queues_log(void **state)
{
	const struct nvp_iow_plan p =
		FAKE_PLAN(.io_count = 500, .log_errors_only = true, .exit_on_error = false, .io_flags = 0x40);
	const struct nvp_cmdlog_entry *l;

	(void)state;
	fake_drive_open(&drive, &p, NULL);
	drive.fail_at = 123;
	drive.fail_status = NVME_SC_WRITE_FAULT;
	l = drive.e.log->entry;
	fake_drive_run(&drive, FOREVER);
	assert_int_equal(drive.e.log->head, 1);
	assert_memory_equal(&l->sqe, &drive.seen[122].sqe, sizeof(l->sqe));
	assert_int_equal(nvme_get(le16_get(l->cqe.status), NVME_CQE_STATUS), NVME_SC_WRITE_FAULT);
	fake_drive_close(&drive);
}

/* At the first failure nothing is touched any more, not even reaped. */
static void
fw_debug_leaves_all_as_it_is(void **state)
{
	const struct nvp_iow_plan p = FAKE_PLAN(.io_count = 1000, .fw_debug = true, .exit_on_error = false);
	uint32_t head;

	(void)state;
	fake_drive_open(&drive, &p, NULL);
	drive.fail_at = 100;
	drive.fail_status = NVME_SC_WRITE_FAULT;
	fake_drive_run(&drive, FOREVER);
	assert_int_equal(RES->error, NVP_IOW_IO);
	assert_true(drive.e.q->outstanding > 0 && !drive.e.sh->ring_valid);
	head = drive.e.q->mq.cq_head;
	fake_drive_step(&drive);
	fake_drive_run(&drive, 10);
	assert_int_equal(drive.e.q->mq.cq_head, head);
	fake_drive_close(&drive);
}

static void
where_the_ring_stands(void **state)
{
	const struct nvp_iow_plan p = FAKE_PLAN(.io_count = 1000);

	(void)state;
	run(&p, NULL);
	assert_int_equal(drive.e.sh->ring_valid, 1);
	assert_int_equal(drive.e.sh->ring.sq_tail, 1000 % 16);
	assert_int_equal(drive.e.sh->ring.cq_head, 1000 % 16);
	assert_int_equal(drive.e.sh->ring.phase, !(1000 / 16 % 2));
	fake_drive_close(&drive);
}

static void
the_heat_is_where_the_commands_are(void **state)
{
	const struct nvp_iow_plan p = FAKE_PLAN(.io_count = 1000, .region_start = 4096, .region_end = 8192);
	uint64_t sum = 0, outside = 0;
	uint32_t i;

	(void)state;
	run(&p, NULL);
	assert_int_equal(1u << drive.e.sh->target.heat_shift, 16); /* 16384 LBAs in 1024 stretches */
	for (i = 0; i < IOW_HEAT; i++) {
		sum += drive.e.view.heat[i];
		outside += i < 256 || i >= 512 ? drive.e.view.heat[i] : 0;
	}
	assert_int_equal(sum, 1000);
	assert_int_equal(outside, 0);
	fake_drive_close(&drive);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_opcode),
		cmocka_unit_test(verified_between_trims),
		cmocka_unit_test(sgl_share),
		cmocka_unit_test(lists_of_every_length),
		cmocka_unit_test(lists_on_the_short_way),
		cmocka_unit_test(which_way),
		cmocka_unit_test(lba_count_with_sizes),
		cmocka_unit_test(a_rate_holds),
		cmocka_unit_test(a_rate_after_a_stall),
		cmocka_unit_test(a_trace_with_its_times),
		cmocka_unit_test(the_last_commands),
		cmocka_unit_test(slow_ones_are_counted),
		cmocka_unit_test(a_retry_helps),
		cmocka_unit_test(retries_are_counted_per_command),
		cmocka_unit_test(failed_ones_only_in_the_queues_log),
		cmocka_unit_test(fw_debug_leaves_all_as_it_is),
		cmocka_unit_test(where_the_ring_stands),
		cmocka_unit_test(the_heat_is_where_the_commands_are),
	};

	return cmocka_run_group_tests_name("iow_full", tests, NULL, NULL);
}
