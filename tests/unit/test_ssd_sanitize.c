/* SPDX-License-Identifier: BSD-3-Clause */
/* Sanitize: what it does to the data, what it forbids, how it ends, and that nothing stops it. */
#include "ssd_second.h"
#include "nvproof/spec/feat.h"
#include "nvproof/spec/nvm.h"

#define SECOND 1000000000ull
#define NDAS ((uint32_t)NVME_SANITIZE_NDAS)
#define AUSE ((uint32_t)NVME_SANITIZE_AUSE)
#define COMPLETED (NVME_AER_IOCS | NVME_AER_IOCS_SANITIZE << 8 | NVME_LOG_SANITIZE << 16)

static nvme_status
sanitize(struct io *io, enum nvme_sanact act, uint32_t more, uint32_t pattern)
{
	struct nvme_sqe sqe;

	nvme_prep_sanitize(&sqe, act, pattern);
	sqe.cdw10 = le32_from(le32_get(sqe.cdw10) | more);
	return io_admin(io, &sqe, 0);
}

static const struct nvme_sanitize_log *
status(struct io *io)
{
	assert_int_equal(two_log(io, NVME_LOG_SANITIZE, 512), 0);
	return (const void *)io_buf(io);
}

static uint32_t
sos(struct io *io)
{
	return nvme_get32(le16_get(status(io)->sstat), NVME_SSTAT_SOS);
}

static bool
erased(struct io *io)
{
	return nvme_get(le16_get(status(io)->sstat), NVME_SSTAT_GDE);
}

/* Time for both hosts. */
static void
wait(struct two *t, uint64_t ns)
{
	t->a.r->now = t->b.r->now = UT_MAX(t->a.r->now, t->b.r->now) + ns;
	rig_step(t->a.r);
	rig_step(t->b.r);
}

static void
until_done(struct two *t)
{
	for (int i = 0; i < 100000 && sos(&t->a) == NVME_SOS_IN_PROGRESS; i++)
		wait(t, SECOND / 100);
}

static void
announced(void **state)
{
	struct two *t = *state;
	const struct nvme_id_ctrl *id = (const void *)io_buf(&t->a);
	const struct nvme_sanitize_log *log;

	assert_int_equal(two_identify(&t->a, NVME_CNS_CTRL, 0), 0);
	assert_int_equal(le32_get(id->sanicap), 0x40000007);
	log = status(&t->a);
	assert_int_equal(le16_get(log->sprog), 0xffff);
	assert_int_equal(le16_get(log->sstat), 0x100); /* never sanitized, never written */
	assert_int_equal(le32_get(log->scdw10), 0);
	assert_int_equal(le32_get(log->eto), 16);
	assert_int_equal(le32_get(log->etbe), 2);
	assert_int_equal(le32_get(log->etce), 1);
	assert_int_equal(le32_get(log->etond) & le32_get(log->etbend) & le32_get(log->etcend), 0xffffffff);
	assert_int_equal(log->ssi, 0);
}

static void
wrong_commands(void **state)
{
	struct two *t = *state;

	for (uint32_t act = 0; act < 8; act = act ? act + 1 : 5) {
		assert_int_equal(sanitize(&t->a, act, 0, 0), NVME_SC_INVALID_FIELD);
		assert_int_equal(io_blamed(&t->a), 40);
	}
	assert_int_equal(sanitize(&t->a, NVME_SANACT_BLOCK_ERASE, (uint32_t)NVME_SANITIZE_EMVS, 0),
			 NVME_SC_INVALID_FIELD);
	assert_int_equal(io_blamed(&t->a), 41);
	assert_int_equal(sanitize(&t->a, NVME_SANACT_EXIT_FAILURE, 0, 0), 0); /* nothing to exit is no error */
	assert_int_equal(sanitize(&t->a, NVME_SANACT_EXIT_FAILURE, (uint32_t)NVME_SANITIZE_EMVS, 0), 0);
	assert_int_equal(sos(&t->a), NVME_SOS_NEVER);
	t->a.r->sub->fw.kept.next = 1; /* firmware that waits for a reset comes first */
	assert_int_equal(sanitize(&t->a, NVME_SANACT_BLOCK_ERASE, 0, 0), NVME_SC_FW_NEEDS_CTRLR_RESET);
	t->a.r->sub->fw.kept.slot[0].flags = le32_from(SSD_FW_NEEDS_CONV);
	assert_int_equal(sanitize(&t->a, NVME_SANACT_BLOCK_ERASE, 0, 0), NVME_SC_FW_NEEDS_CONV_RESET);
	t->a.r->sub->fw.kept.slot[0].flags = le32_from(SSD_FW_NEEDS_NSSR);
	assert_int_equal(sanitize(&t->a, NVME_SANACT_BLOCK_ERASE, 0, 0), NVME_SC_FW_NEEDS_SUBSYS_RESET);
	t->a.r->sub->fw.kept.slot[0].flags = le32_from(0);
	t->a.r->sub->fw.kept.next = 0;
	assert_int_equal(sos(&t->a), NVME_SOS_NEVER);
}

/* All data of all namespaces, attached or not; deallocated, and readable again. */
static void
data_is_gone(void **state)
{
	struct two *t = *state;
	const struct nvme_id_ns *id = (const void *)io_buf(&t->a);
	struct nvme_sqe sqe;

	for (enum nvme_sanact act = NVME_SANACT_BLOCK_ERASE; act <= NVME_SANACT_CRYPTO_ERASE; act++) {
		t->a.r->sub->ns[1].attached = 3;
		assert_int_equal(io_write(&t->a, 1, 100, 64, 0x41), 0);
		assert_int_equal(io_write(&t->a, 2, 4000, 8, 0x42), 0);
		t->a.r->sub->ns[1].attached = 2;
		nvme_prep_write_uncor(&sqe, 1, 5, 1);
		assert_int_equal(io_cmd(&t->a, &sqe, 0), 0);
		assert_false(erased(&t->a));
		assert_int_equal(sanitize(&t->a, act, 0x10, 0xdeadbeef), 0);
		assert_false(erased(&t->a));
		until_done(t);
		assert_int_equal(le16_get(status(&t->a)->sstat),
				 0x100 | (act == NVME_SANACT_OVERWRITE) << 3 | NVME_SOS_OK);
		assert_true(erased(&t->a));
		assert_int_equal(le32_get(status(&t->a)->scdw10), act | 0x10);
		assert_int_equal(le16_get(status(&t->a)->sprog), 0xffff);
		io_expect(&t->a, 1, 96, 72, 0);
		io_expect(&t->a, 1, 5, 1, 0);
		io_expect(&t->b, 2, 4000, 8, 0);
		assert_int_equal(two_identify(&t->a, NVME_CNS_NS, 1), 0);
		assert_int_equal(le64_get(id->nuse), 0);
		assert_true(erased(&t->a)); /* reading is not writing */
	}
}

/* With No-Deallocate what was allocated stays so; an overwrite leaves its pattern there, and nowhere else. */
static void
no_deallocate(void **state)
{
	struct two *t = *state;
	const struct nvme_id_ns *id = (const void *)io_buf(&t->a);

	assert_int_equal(io_write(&t->a, 1, 100, 64, 0x41), 0);
	assert_int_equal(io_write(&t->a, 1, 20000, 4096, 0x41), 0);
	assert_int_equal(io_write(&t->a, 1, 20000 + 4096, 100, 0x41), 0);
	assert_int_equal(io_write(&t->a, 2, 4095, 1, 0x42), 0);
	assert_int_equal(sanitize(&t->a, NVME_SANACT_OVERWRITE, NDAS | 0x130, 0x04030201), 0);
	wait(t, 100 * SECOND); /* the time is over, the work is not */
	assert_int_equal(sos(&t->a), NVME_SOS_IN_PROGRESS);
	until_done(t);
	assert_int_equal(le16_get(status(&t->a)->sstat), 0x100 | 3 << 3 | NVME_SOS_OK);
	for (uint64_t lba = 100; lba < 164; lba++) {
		assert_int_equal(io_read(&t->a, 1, lba, 1), 0);
		for (uint32_t i = 0; i < 512; i++)
			assert_int_equal(io_buf(&t->a)[i], 1 + i % 4);
	}
	for (uint64_t lba = 20000 + 4095; lba < 20000 + 4196; lba += 50) {
		assert_int_equal(io_read(&t->a, 1, lba, 1), 0);
		assert_int_equal(io_buf(&t->a)[0] | io_buf(&t->a)[511] << 8, 0x0401);
	}
	assert_int_equal(io_read(&t->a, 1, 20000 + 4096, 1), 0);
	assert_int_equal(io_buf(&t->a)[0] | io_buf(&t->a)[511] << 8, 0x0401);
	assert_int_equal(io_read(&t->a, 2, 4095, 1), 0);
	assert_int_equal(io_buf(&t->a)[0] | io_buf(&t->a)[4095] << 8, 0x0401);
	io_expect(&t->a, 1, 99, 1, 0);
	io_expect(&t->a, 1, 164, 1, 0);
	assert_int_equal(two_identify(&t->a, NVME_CNS_NS, 1), 0);
	assert_int_equal(le64_get(id->nuse), 64 + 4196);
	assert_int_equal(sanitize(&t->a, NVME_SANACT_BLOCK_ERASE, NDAS, 0x55555555), 0);
	until_done(t);
	io_expect(&t->a, 1, 100, 64, 0);
	assert_int_equal(two_identify(&t->a, NVME_CNS_NS, 1), 0);
	assert_int_equal(le64_get(id->nuse), 64 + 4196);
}

/* Global Data Erased ends with the first write that is done. */
static void
written_again(void **state)
{
	struct two *t = *state;
	struct nvme_dsm_range *range = (void *)io_buf(&t->a);
	struct nvme_sqe sqe;

	assert_int_equal(io_write(&t->a, 1, 32768, 1, 1), NVME_SC_LBA_RANGE);
	assert_int_equal(io_read(&t->a, 1, 0, 1), 0);
	memset(range, 0, sizeof(*range));
	range->nlb = le32_from(8);
	nvme_prep_dsm(&sqe, 1, 1, (uint32_t)NVME_DSM_AD);
	assert_int_equal(io_cmd(&t->a, &sqe, 16), 0);
	assert_true(erased(&t->a));
	nvme_prep_write_zeroes(&sqe, 1, 0, 1);
	assert_int_equal(io_cmd(&t->a, &sqe, 0), 0);
	assert_false(erased(&t->a));
	assert_int_equal(t->a.r->sub->ns[0].gate | t->a.r->sub->ns[1].gate, 0);
}

static void
progress(void **state)
{
	struct two *t = *state;
	const struct nvme_sanitize_log *log;
	uint32_t half;

	assert_int_equal(sanitize(&t->a, NVME_SANACT_OVERWRITE, 4u << 4, 0), 0);
	log = status(&t->a);
	assert_int_equal(le16_get(log->sstat), NVME_SOS_IN_PROGRESS);
	assert_in_range(le16_get(log->sprog), 0, 10);
	wait(t, 2 * SECOND);
	log = status(&t->a);
	half = le16_get(log->sprog);
	assert_in_range(half, 32000, 33500);
	assert_int_equal(nvme_get(le16_get(log->sstat), NVME_SSTAT_OPC), 2);
	wait(t, SECOND + SECOND / 2);
	assert_in_range(le16_get(status(&t->b)->sprog), half + 16000, 65534); /* each controller tells it */
	wait(t, SECOND);
	log = status(&t->b);
	assert_int_equal(le16_get(log->sprog), 0xffff);
	assert_int_equal(le16_get(log->sstat), 0x100 | 4 << 3 | NVME_SOS_OK);
	assert_int_equal(sanitize(&t->a, NVME_SANACT_OVERWRITE, 0, 0), 0); /* 0h is sixteen passes */
	wait(t, 15 * SECOND);
	assert_int_equal(sos(&t->a), NVME_SOS_IN_PROGRESS);
	wait(t, 2 * SECOND);
	assert_int_equal(nvme_get(le16_get(status(&t->a)->sstat), NVME_SSTAT_OPC), 16);
}

static nvme_status
admin(struct io *io, uint8_t opc, uint32_t cdw10)
{
	struct nvme_sqe sqe = { .opc = opc, .nsid = le32_from(1), .cdw10 = le32_from(cdw10) };

	return io_admin(io, &sqe, 4096);
}

static void
restrictions(struct io *io, nvme_status sc)
{
	static const uint8_t io_opcs[] = { 0x01, 0x02, 0x04, 0x05, 0x08, 0x09, 0x0c, 0x19 };
	static const uint8_t refused[] = { NVME_ADM_NS_MGMT,   NVME_ADM_NS_ATTACH,   NVME_ADM_FORMAT_NVM,
					   NVME_ADM_FW_COMMIT, NVME_ADM_FW_DOWNLOAD, NVME_ADM_DEV_SELF_TEST };
	static const uint8_t logs[] = { NVME_LOG_SUPPORTED, NVME_LOG_ERROR,	  NVME_LOG_SMART,   NVME_LOG_CHANGED_NS,
					NVME_LOG_EFFECTS,   NVME_LOG_FID_EFFECTS, NVME_LOG_SANITIZE };
	struct nvme_sqe sqe;

	for (size_t i = 0; i < UT_ARRAY_LEN(io_opcs); i++) {
		sqe = (struct nvme_sqe){ .opc = io_opcs[i], .nsid = le32_from(1) };
		assert_int_equal(io_cmd(io, &sqe, 512), sc);
		assert_int_equal(io_blamed(io), 0);
	}
	nvme_prep_flush(&sqe, 1);
	assert_int_equal(io_cmd(io, &sqe, 0), 0);
	nvme_prep_flush(&sqe, NVME_NSID_ALL);
	assert_int_equal(io_cmd(io, &sqe, 0), 0);
	for (size_t i = 0; i < UT_ARRAY_LEN(refused); i++)
		assert_int_equal(admin(io, refused[i], 0), sc);
	for (size_t i = 0; i < UT_ARRAY_LEN(logs); i++)
		assert_int_equal(two_log(io, logs[i], 64), 0);
	assert_int_equal(two_log(io, NVME_LOG_SELF_TEST, 64), sc);
	assert_int_equal(two_identify(io, NVME_CNS_CTRL, 0), 0);
	assert_int_equal(io_feature_get(io, NVME_FEAT_VWC, 0, 0, 0), 0);
	assert_int_equal(io_feature_set(io, NVME_FEAT_VWC, 0, 1, false), 0);
	assert_int_equal(admin(io, NVME_ADM_KEEP_ALIVE, 0), 0);
	assert_int_equal(admin(io, NVME_ADM_ABORT, 1), 0);
	assert_int_equal(rig_delete(io->r, 1, false), 0);
	assert_int_equal(rig_delete(io->r, 1, true), 0);
	rig_pair(io->r, 1, 64, -1);
	assert_int_equal(admin(io, 0xbf, 0), NVME_SC_INVALID_OPCODE);
}

static void
forbidden_meanwhile(void **state)
{
	struct two *t = *state;
	const struct nvme_error_log_entry *e = (const void *)io_buf(&t->a);

	assert_int_equal(io_read(&t->a, 1, 40000, 1), NVME_SC_LBA_RANGE);
	assert_int_equal(sanitize(&t->a, NVME_SANACT_CRYPTO_ERASE, 0, 0), 0);
	restrictions(&t->a, NVME_SC_SANITIZE_IN_PROGRESS);
	restrictions(&t->b, NVME_SC_SANITIZE_IN_PROGRESS);
	for (enum nvme_sanact act = NVME_SANACT_EXIT_FAILURE; act <= NVME_SANACT_CRYPTO_ERASE; act++)
		assert_int_equal(sanitize(&t->b, act, 0, 0), NVME_SC_SANITIZE_IN_PROGRESS);
	assert_int_equal(two_log(&t->a, NVME_LOG_ERROR, 4096), 0);
	for (int i = 0; i < 64; i++)
		assert_int_equal(le64_get(e[i].lba), 0); /* nobody is told where data was */
	until_done(t);
	assert_int_equal(io_write(&t->a, 1, 0, 1, 1), 0);
	assert_int_equal(admin(&t->a, NVME_ADM_FORMAT_NVM, 0), 0);
}

static void
self_test_ends(void **state)
{
	struct two *t = *state;
	const struct nvme_self_test_log *log = (const void *)io_buf(&t->a);

	assert_int_equal(admin(&t->a, NVME_ADM_DEV_SELF_TEST, NVME_DST_EXTENDED), 0);
	assert_int_equal(sanitize(&t->b, NVME_SANACT_CRYPTO_ERASE, 0, 0), 0);
	until_done(t);
	assert_int_equal(two_log(&t->a, NVME_LOG_SELF_TEST, 564), 0);
	assert_int_equal(nvme_get(log->result[0].dsts, NVME_DSTS_RESULT), NVME_DSTS_ABORT_SANITIZE);
}

/* Only the controller that had the command reports its end; starting anew forgets a report that nobody took. */
static void
event(void **state)
{
	struct two *t = *state;

	assert_int_equal(sanitize(&t->b, NVME_SANACT_CRYPTO_ERASE, 0, 0), 0);
	wait(t, 2 * SECOND);
	assert_int_equal(sanitize(&t->b, NVME_SANACT_CRYPTO_ERASE, 0, 0), 0);
	two_aer(&t->a);
	two_aer(&t->b);
	assert_int_equal(two_event(&t->b), 0);
	wait(t, 2 * SECOND);
	assert_int_equal(two_event(&t->b), COMPLETED);
	assert_int_equal(two_event(&t->a), 0);
	two_aer(&t->b);
	assert_int_equal(sanitize(&t->b, NVME_SANACT_CRYPTO_ERASE, 0, 0), 0);
	wait(t, 2 * SECOND);
	assert_int_equal(two_event(&t->b), 0); /* masked until the log is read */
	assert_int_equal(sos(&t->b), NVME_SOS_OK);
	assert_int_equal(two_event(&t->b), COMPLETED);
}

/* Restricted: only another sanitize operation, just as restricted, leads out of a failure. */
static void
restricted_failure(void **state)
{
	struct two *t = *state;

	t->a.r->sub->sanitize.fault = true;
	assert_int_equal(sanitize(&t->a, NVME_SANACT_BLOCK_ERASE, 0, 0), 0);
	two_aer(&t->a);
	wait(t, 3 * SECOND);
	assert_int_equal(two_event(&t->a), COMPLETED);
	assert_int_equal(le16_get(status(&t->a)->sstat), NVME_SOS_FAILED);
	restrictions(&t->a, NVME_SC_SANITIZE_FAILED);
	restrictions(&t->b, NVME_SC_SANITIZE_FAILED);
	assert_int_equal(sanitize(&t->a, NVME_SANACT_EXIT_FAILURE, 0, 0), NVME_SC_SANITIZE_FAILED);
	assert_int_equal(sanitize(&t->a, NVME_SANACT_BLOCK_ERASE, AUSE, 0), NVME_SC_SANITIZE_FAILED);
	two_power_cycle(t);
	assert_int_equal(io_read(&t->a, 1, 0, 1), NVME_SC_SANITIZE_FAILED);
	assert_int_equal(sanitize(&t->a, NVME_SANACT_CRYPTO_ERASE, 0, 0), 0);
	until_done(t);
	assert_int_equal(sos(&t->a), NVME_SOS_OK);
	assert_int_equal(io_read(&t->a, 1, 0, 1), 0);
}

static void
unrestricted_failure(void **state)
{
	struct two *t = *state;

	t->a.r->sub->sanitize.fault = true;
	assert_int_equal(sanitize(&t->a, NVME_SANACT_BLOCK_ERASE, AUSE, 0), 0);
	wait(t, 3 * SECOND);
	assert_int_equal(sos(&t->a), NVME_SOS_FAILED);
	assert_int_equal(io_read(&t->a, 1, 0, 1), NVME_SC_SANITIZE_FAILED);
	t->a.r->sub->sanitize.fault = true;
	assert_int_equal(sanitize(&t->a, NVME_SANACT_BLOCK_ERASE, AUSE, 0), 0);
	wait(t, 3 * SECOND);
	assert_int_equal(sos(&t->a), NVME_SOS_FAILED);
	assert_int_equal(sanitize(&t->b, NVME_SANACT_EXIT_FAILURE, 0, 0), 0);
	assert_int_equal(sos(&t->a), NVME_SOS_FAILED); /* what the last one came to, still */
	assert_int_equal(io_read(&t->a, 1, 0, 1), 0);
	assert_false(erased(&t->a));
}

/* Nothing stops it: it goes on where it was. */
static void
resets(void **state)
{
	struct two *t = *state;

	assert_int_equal(io_write(&t->a, 1, 0, 256, 0x41), 0);
	assert_int_equal(sanitize(&t->a, NVME_SANACT_OVERWRITE, NDAS | 10u << 4, 0x11111111), 0);
	wait(t, 4 * SECOND);
	rig_set(t->a.r, NVME_REG_CC, 0);
	wait(t, SECOND);
	two_again(&t->a);
	assert_in_range(le16_get(status(&t->a)->sprog), 32000, 33500);
	assert_int_equal(io_read(&t->a, 1, 0, 1), NVME_SC_SANITIZE_IN_PROGRESS);
	ssd_power_off(t->a.r->sub);
	wait(t, 100 * SECOND); /* without power nothing happens */
	ssd_power_on(t->a.r->sub);
	two_again(&t->a);
	two_again(&t->b);
	assert_in_range(le16_get(status(&t->a)->sprog), 32000, 33500);
	wait(t, 4 * SECOND);
	assert_int_equal(sos(&t->a), NVME_SOS_IN_PROGRESS);
	wait(t, 2 * SECOND);
	assert_int_equal(sos(&t->a), NVME_SOS_OK);
	io_expect(&t->a, 1, 0, 256, 0x11);
}

#define T(f) cmocka_unit_test_setup_teardown(f, two_setup, two_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(announced),	  T(wrong_commands),	 T(data_is_gone),	  T(no_deallocate),
		T(written_again), T(progress),		 T(forbidden_meanwhile),  T(self_test_ends),
		T(event),	  T(restricted_failure), T(unrestricted_failure), T(resets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
