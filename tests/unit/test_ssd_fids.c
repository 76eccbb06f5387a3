/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All 256 feature identifiers, with each value of Select: what Identify announces, what the Feature Identifiers Supported and
 * Effects log says, and what Get and Set Features do is the same.
 *
 * NVMe Base 2.2, "Feature Support Requirements", "Get Features command", "Set Features command", "Feature Identifiers Supported
 * and Effects"; NVM Command Set 1.1, "Feature Support".
 */
#include "ssd_claims.h"

struct feature {
	uint8_t fid;
	struct claim by;
};

static const struct feature table[] = {
	{ NVME_FEAT_ARBITRATION, MANDATORY },
	{ NVME_FEAT_POWER_MGMT, MANDATORY },
	{ NVME_FEAT_TEMP_THRESH, MANDATORY },
	{ NVME_FEAT_ERR_RECOVERY, MANDATORY },
	{ NVME_FEAT_VWC, CLAIM(vwc, NVME_VWC_VWCP) },
	{ NVME_FEAT_NUM_QUEUES, MANDATORY },
	{ NVME_FEAT_IRQ_COALESCE, MANDATORY },
	{ NVME_FEAT_IRQ_CONFIG, MANDATORY },
	{ NVME_FEAT_WRITE_ATOMIC, MANDATORY },
	{ NVME_FEAT_ASYNC_EVENT, MANDATORY },
	{ NVME_FEAT_APST, CLAIM(apsta, NVME_APSTA_APSTS) },
	{ NVME_FEAT_HMB, CLAIM_ANY(hmpre) },
	{ NVME_FEAT_TIMESTAMP, CLAIM(oncs, NVME_ONCS_TSS) },
	{ NVME_FEAT_KATO, CLAIM_ANY(kas) },
	{ NVME_FEAT_HCTM, CLAIM(hctma, NVME_HCTMA_HCTMS) },
	{ NVME_FEAT_NOPSC, CLAIM(ctratt, NVME_CTRATT_NOPSPM) },
	{ NVME_FEAT_RRL, CLAIM(ctratt, NVME_CTRATT_RRLVLS) },
	{ NVME_FEAT_PLM_CONFIG, CLAIM(ctratt, NVME_CTRATT_PLM) },
	{ NVME_FEAT_PLM_WINDOW, CLAIM(ctratt, NVME_CTRATT_PLM) },
	{ NVME_FEAT_LBA_STATUS, CLAIM(oacs, NVME_OACS_GLSS) },
	{ NVME_FEAT_HOST_BEHAVIOR, CLAIM(ctratt, NVME_CTRATT_ELBAS) }, /* LBAFEE needs it */
	{ NVME_FEAT_SANITIZE, CLAIM(sanicap, NVME_SANICAP_NDI) },
	{ NVME_FEAT_ENDGRP_EVENT, CLAIM(ctratt, NVME_CTRATT_EGS) },
	{ NVME_FEAT_IOCS_PROFILE, CLAIM_CAP(NVME_CAP_CSS_IOCSS) },
	{ NVME_FEAT_POWER_LOSS, CLAIM(ctratt, NVME_CTRATT_PLS) },
	{ NVME_FEAT_FDP, CLAIM(ctratt, NVME_CTRATT_FDPS) },
	{ NVME_FEAT_FDP_EVENTS, CLAIM(ctratt, NVME_CTRATT_FDPS) },
	{ NVME_FEAT_CDQ, CLAIM(oacs, NVME_OACS_HMLMS) },
	{ NVME_FEAT_SW_PROGRESS, MANDATORY }, /* it is optional, and nothing announces it: this drive has it */
	{ NVME_FEAT_HOST_ID, CLAIM(oncs, NVME_ONCS_RESERVS) },
	{ NVME_FEAT_RESV_NOTIFY, CLAIM(oncs, NVME_ONCS_RESERVS) },
	{ NVME_FEAT_RESV_PERSIST, CLAIM(oncs, NVME_ONCS_RESERVS) },
	{ NVME_FEAT_WRITE_PROTECT, CLAIM_ANY(nwpc) },
	{ NVME_FEAT_BP_WRITE_PROTECT, CLAIM(bpcap, NVME_BPCAP_SFBPWPS) },
};

static bool
expected(const struct claims *c, uint32_t fid)
{
	for (size_t i = 0; i < UT_ARRAY_LEN(table); i++) {
		if (table[i].fid == fid)
			return claimed(c, &table[i].by);
	}
	return false;
}

static void
log_read(struct io *io, struct nvme_fid_effects_log *log)
{
	memcpy(log, adm_log(io, NVME_LOG_FID_EFFECTS, sizeof(*log)), sizeof(*log));
}

/* A log that is not there has the reasons of its own in CDW11: a data structure to write. */
static uint32_t
cdw11_of(uint32_t fid)
{
	return fid == NVME_FEAT_HOST_ID ? (uint32_t)NVME_FEAT_HOST_ID_EXHID : 0;
}

static void
not_there(struct io *io, uint32_t fid)
{
	for (uint32_t sel = 0; sel < 8; sel++) {
		assert_int_equal(io_feature_get(io, (uint8_t)fid, 1, sel, 0), NVME_SC_INVALID_FIELD);
		assert_int_equal(io_blamed(io), offsetof(struct nvme_sqe, cdw10));
	}
	for (uint32_t sv = 0; sv < 2; sv++) {
		assert_int_equal(io_feature_set(io, (uint8_t)fid, 0, 0, sv), NVME_SC_INVALID_FIELD);
		assert_int_equal(io_blamed(io), offsetof(struct nvme_sqe, cdw10));
	}
}

static uint32_t
caps_of(struct io *io, uint32_t fid)
{
	assert_int_equal(io_feature_get(io, (uint8_t)fid, 0, NVME_FEAT_SEL_CAPS, 0), 0);
	return le32_get(io->cqe.dw0);
}

/* NVMe Base 2.2, "Get Features command": Select above 3h is reserved. */
static void
each_select(struct io *io, uint32_t fid, uint32_t nsid)
{
	for (uint32_t sel = 0; sel < 8; sel++) {
		nvme_status st = io_feature_get(io, (uint8_t)fid, nsid, sel, cdw11_of(fid));

		if (st != (sel <= NVME_FEAT_SEL_CAPS ? NVME_SC_SUCCESS : NVME_SC_INVALID_FIELD))
			fail_msg("FID %02x, Select %u: %03x", fid, sel, st);
	}
}

/* What was read is written back, with the data structure that is in the buffer; then it reads the same. */
static void
write_back(struct io *io, uint32_t fid, uint32_t nsid, bool save)
{
	static uint8_t before[512];
	uint32_t dw0;
	nvme_status st;

	memset(io_buf(io), 0, sizeof(before));
	assert_int_equal(io_feature_get(io, (uint8_t)fid, nsid, 0, cdw11_of(fid)), 0);
	memcpy(before, io_buf(io), sizeof(before));
	dw0 = le32_get(io->cqe.dw0);
	st = io_feature_set(io, (uint8_t)fid, nsid, dw0 | cdw11_of(fid), save);
	if (st != (fid == NVME_FEAT_NUM_QUEUES ? NVME_SC_CMD_SEQUENCE : NVME_SC_SUCCESS))
		fail_msg("FID %02x: what was read cannot be written: %03x", fid, st);
	assert_int_equal(io_feature_get(io, (uint8_t)fid, nsid, 0, cdw11_of(fid)), 0);
	assert_int_equal(le32_get(io->cqe.dw0), dw0);
	if (fid != NVME_FEAT_TIMESTAMP)
		assert_memory_equal(io_buf(io), before, sizeof(before));
	if (!save)
		return;
	assert_int_equal(io_feature_get(io, (uint8_t)fid, nsid, NVME_FEAT_SEL_SAVED, cdw11_of(fid)), 0);
	assert_int_equal(le32_get(io->cqe.dw0), dw0);
}

static void
capabilities(struct io *io, uint32_t fid, uint32_t caps)
{
	uint32_t nsid = caps & NVME_FEAT_CAPS_NS_SPEC ? 1 : 0;

	if (!(caps & NVME_FEAT_CAPS_CHANGEABLE)) {
		assert_int_equal(io_feature_set(io, (uint8_t)fid, nsid, 0, false), NVME_SC_FEAT_NOT_CHANGEABLE);
		return;
	}
	if (!(caps & NVME_FEAT_CAPS_SAVEABLE))
		assert_int_equal(io_feature_set(io, (uint8_t)fid, nsid, 0, true), NVME_SC_FEAT_NOT_SAVEABLE);
	if (!(caps & NVME_FEAT_CAPS_NS_SPEC))
		assert_int_equal(io_feature_set(io, (uint8_t)fid, 1, 0, false), NVME_SC_FEAT_NOT_NS_SPECIFIC);
	write_back(io, fid, nsid, false);
	if (caps & NVME_FEAT_CAPS_SAVEABLE)
		write_back(io, fid, nsid, true);
}

/* The log has a scope for each: the namespace exactly when the feature is namespace specific. */
static void
check_entry(uint32_t fid, uint32_t e, uint32_t caps)
{
	const uint32_t reserved = 0x0007ffe0u; /* 18:5 */
	uint32_t scope = nvme_get32(e, NVME_FIDS_FSP);

	assert_int_equal(e & reserved, 0);
	if (!!(scope & NVME_SCOPE_NS) != !!(caps & NVME_FEAT_CAPS_NS_SPEC) || !scope)
		fail_msg("FID %02x: capabilities %u, but the log has %08x", fid, caps, e);
}

static void
there(struct io *io, uint32_t fid, uint32_t e)
{
	uint32_t caps = caps_of(io, fid);

	assert_int_equal(caps & ~7u, 0);
	check_entry(fid, e, caps);
	each_select(io, fid, caps & NVME_FEAT_CAPS_NS_SPEC ? 1 : 0);
	capabilities(io, fid, caps);
}

static void
each_feature(void **state)
{
	struct io *io = *state;
	struct nvme_fid_effects_log log;
	struct claims c;

	claims_read(io, &c);
	log_read(io, &log);
	assert_true(le16_get(c.id.oncs) & NVME_ONCS_SSFS); /* Save and Select are supported */
	for (uint32_t fid = 0; fid < 256; fid++) {
		uint32_t e = le32_get(log.fids[fid]);
		bool want = expected(&c, fid);

		if (!!(e & NVME_FIDS_FSUPP) != want)
			fail_msg("FID %02x: %s, but the log has %08x", fid, want ? "announced" : "not announced", e);
		if (want)
			there(io, fid, e);
		else
			not_there(io, fid);
	}
}

/* NVMe Base 2.2, "Asynchronous Event Configuration": the notices that OAES announces, and no others, can be enabled. */
static void
events(void **state)
{
	const uint32_t notices = ~0xffu, always = (uint32_t)NVME_FEAT_AEC_TLN; /* 10: OAES has no bit for telemetry */
	struct io *io = *state;
	struct claims c;

	claims_read(io, &c);
	assert_int_equal(io_feature_set(io, NVME_FEAT_ASYNC_EVENT, 0, UINT32_MAX, false), 0);
	assert_int_equal(io_feature_get(io, NVME_FEAT_ASYNC_EVENT, 0, 0, 0), 0);
	assert_int_equal(le32_get(io->cqe.dw0) & notices & ~always, le32_get(c.id.oaes));
	assert_int_equal(!!(le32_get(io->cqe.dw0) & always), !!(c.id.lpa & NVME_LPA_TS));
}

/* A namespace specific feature of a namespace that is not there. */
static void
namespaces(void **state)
{
	struct io *io = *state;

	for (uint32_t fid = 0; fid < 256; fid++) {
		if (io_feature_get(io, (uint8_t)fid, 0, NVME_FEAT_SEL_CAPS, 0) ||
		    !(le32_get(io->cqe.dw0) & NVME_FEAT_CAPS_NS_SPEC))
			continue;
		assert_int_equal(io_feature_get(io, (uint8_t)fid, 0, 0, 0), NVME_SC_INVALID_NS);
		assert_int_equal(io_feature_get(io, (uint8_t)fid, 33, 0, 0), NVME_SC_INVALID_NS);
		assert_int_equal(io_feature_set(io, (uint8_t)fid, 33, 0, false), NVME_SC_INVALID_NS);
		assert_int_equal(io_feature_get(io, (uint8_t)fid, 7, 0, 0), NVME_SC_INVALID_FIELD); /* inactive */
		assert_int_equal(io_feature_set(io, (uint8_t)fid, 7, 0, false), NVME_SC_INVALID_FIELD);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, io_setup, io_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = { T(each_feature), T(events), T(namespaces) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
