/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All 256 log page identifiers and all 256 values of CNS: what Identify announces, what the Supported Log Pages log says, and
 * what Get Log Page and Identify return is the same.
 *
 * NVMe Base 2.2, "Log Page Support Requirements", "Supported Log Pages", "Get Log Page command", figure "Identify - CNS Values".
 */
#include "ssd_claims.h"
#include "nvproof/spec/id_lists.h"

struct page {
	uint8_t lid;
	struct claim by;
};

static const struct page table[] = {
	{ NVME_LOG_SUPPORTED, CLAIM(lpa, NVME_LPA_MLPS) },
	{ NVME_LOG_ERROR, MANDATORY },
	{ NVME_LOG_SMART, MANDATORY },
	{ NVME_LOG_FW_SLOT, MANDATORY },
	{ NVME_LOG_CHANGED_NS, CLAIM(oaes, NVME_OAES_NSAN) },
	{ NVME_LOG_EFFECTS, CLAIM(lpa, NVME_LPA_CSES) },
	{ NVME_LOG_SELF_TEST, CLAIM(oacs, NVME_OACS_DSTS) },
	{ NVME_LOG_TELEMETRY_HOST, CLAIM(lpa, NVME_LPA_TS) },
	{ NVME_LOG_TELEMETRY_CTRL, CLAIM(lpa, NVME_LPA_TS) },
	{ NVME_LOG_ENDGRP, CLAIM(ctratt, NVME_CTRATT_EGS) },
	{ NVME_LOG_PL_NVMSET, CLAIM(ctratt, NVME_CTRATT_PLM) },
	{ NVME_LOG_PL_AGG, CLAIM(ctratt, NVME_CTRATT_PLM) },
	{ NVME_LOG_ANA, CLAIM(cmic, NVME_CMIC_ANARS) },
	{ NVME_LOG_PEL, CLAIM(lpa, NVME_LPA_PES) },
	{ NVME_LOG_LBA_STATUS, CLAIM(oacs, NVME_OACS_GLSS) },
	{ NVME_LOG_ENDGRP_AGG, CLAIM(ctratt, NVME_CTRATT_EGS) },
	{ NVME_LOG_MEDIA_UNIT, CLAIM(ctratt, NVME_CTRATT_FCM) },
	{ NVME_LOG_CAPACITY_CONFIG, CLAIM(ctratt, NVME_CTRATT_FCM) },
	{ NVME_LOG_FID_EFFECTS, CLAIM(lpa, NVME_LPA_MLPS) },
	{ NVME_LOG_MI_EFFECTS, CLAIM(oacs, NVME_OACS_NSRS) },
	{ NVME_LOG_LOCKDOWN, CLAIM(oacs, NVME_OACS_CFLS) },
	{ NVME_LOG_BOOT_PARTITION, CLAIM_CAP(NVME_CAP_BPS) },
	{ NVME_LOG_REACH_GROUPS, CLAIM(oaes, NVME_OAES_RGCNS) },
	{ NVME_LOG_CHANGED_ALLOC_NS, CLAIM(oaes, NVME_OAES_ANSAN) },
	{ NVME_LOG_FDP_CONFIGS, CLAIM(ctratt, NVME_CTRATT_FDPS) },
	{ NVME_LOG_FDP_RUH_USAGE, CLAIM(ctratt, NVME_CTRATT_FDPS) },
	{ NVME_LOG_FDP_STATS, CLAIM(ctratt, NVME_CTRATT_FDPS) },
	{ NVME_LOG_FDP_EVENTS, CLAIM(ctratt, NVME_CTRATT_FDPS) },
	{ NVME_LOG_RESV, CLAIM(oncs, NVME_ONCS_RESERVS) },
	{ NVME_LOG_SANITIZE, CLAIM(sanicap, NVME_SANICAP_CES | NVME_SANICAP_BES | NVME_SANICAP_OWS) },
	{ NVME_LOG_ZNS_CHANGED, CLAIM(oaes, NVME_OAES_ZDCN) },
};

static bool
expected_lid(const struct claims *c, uint32_t lid)
{
	for (size_t i = 0; i < UT_ARRAY_LEN(table); i++) {
		if (table[i].lid == lid)
			return claimed(c, &table[i].by);
	}
	return false;
}

/* A part at an offset, without one, a dword, and an offset that is no multiple of a dword (LPA.LPEDS). */
static void
parts(struct io *io, uint32_t lid)
{
	bool blocks = lid == NVME_LOG_TELEMETRY_HOST || lid == NVME_LOG_TELEMETRY_CTRL;
	uint32_t first, second;

	/* The Persistent Event log needs a context first: Log Specific Field 1h establishes it. */
	if (lid == NVME_LOG_PEL)
		assert_int_equal(adm_log_part(io, lid | 1u << 8, 0, 512), 0);
	assert_int_equal(adm_log_part(io, lid, 0, blocks ? 512 : 64), 0);
	if (blocks) { /* "a multiple of 512 bytes" */
		assert_int_equal(adm_log_part(io, lid, 512, 512), 0);
		assert_int_equal(adm_log_part(io, lid, 4, 512), NVME_SC_INVALID_FIELD);
		return;
	}
	memcpy(&first, io_buf(io), sizeof(first));
	memcpy(&second, io_buf(io) + 4, sizeof(second));
	if (lid == NVME_LOG_RESV)
		return; /* reading takes the page */
	assert_int_equal(adm_log_part(io, lid, 0, 4), 0);
	assert_memory_equal(io_buf(io), &first, sizeof(first));
	assert_int_equal(adm_log_part(io, lid, 4, 4), 0);
	assert_memory_equal(io_buf(io), &second, sizeof(second));
	assert_int_equal(adm_log_part(io, lid, 2, 4), NVME_SC_INVALID_FIELD);
	assert_int_equal(adm_log_part(io, lid, 1ull << 40, 4), NVME_SC_INVALID_FIELD);
}

/* An index instead of an offset is only for logs that say so (IOS). */
static void
index_offset(struct io *io, uint32_t lid)
{
	struct nvme_sqe sqe = {
		.opc = NVME_ADM_GET_LOG_PAGE,
		.nsid = le32_from(NVME_NSID_ALL),
		.cdw10 = le32_from(lid),
		.cdw14 = le32_from((uint32_t)NVME_GLP_OT),
	};

	assert_int_equal(io_admin(io, &sqe, SSD_PAGE), NVME_SC_INVALID_FIELD);
}

static void
not_there(struct io *io, uint32_t lid)
{
	assert_int_equal(adm_log_part(io, lid, 0, 512), NVME_SC_INVALID_LOG_PAGE);
	assert_int_equal(io_blamed(io), offsetof(struct nvme_sqe, cdw10));
	assert_int_equal(adm_log_part(io, lid | (uint32_t)NVME_GLP_RAE, 0, 4), NVME_SC_INVALID_LOG_PAGE);
}

static void
each_log(void **state)
{
	struct io *io = *state;
	struct nvme_supported_log_pages log;
	struct claims c;

	claims_read(io, &c);
	memcpy(&log, adm_log(io, NVME_LOG_SUPPORTED, sizeof(log)), sizeof(log));
	for (uint32_t lid = 0; lid < 256; lid++) {
		uint32_t e = le32_get(log.lids[lid]);
		bool want = expected_lid(&c, lid);

		if (!!(e & NVME_LIDS_LSUPP) != want)
			fail_msg("LID %02x: %s, but the log has %08x", lid, want ? "announced" : "not announced", e);
		assert_int_equal(e & 0xfffe, 0); /* no index offsets, and reserved bits */
		if (!want) {
			assert_int_equal(e, 0);
			not_there(io, lid);
			continue;
		}
		parts(io, lid);
		index_offset(io, lid);
	}
}

/* Get Log Page with a namespace: LPA.SMARTS alone allows it, and for SMART only. */
static void
log_of_a_namespace(void **state)
{
	struct nvme_sqe sqe = { .opc = NVME_ADM_GET_LOG_PAGE, .nsid = le32_from(1) };
	struct io *io = *state;
	struct claims c;

	claims_read(io, &c);
	sqe.cdw10 = le32_from(NVME_LOG_SMART | 127u << 16);
	assert_int_equal(io_admin(io, &sqe, 512), c.id.lpa & NVME_LPA_SMARTS ? 0 : NVME_SC_INVALID_FIELD);
	sqe.cdw10 = le32_from(NVME_LOG_ERROR | 15u << 16);
	assert_int_equal(io_admin(io, &sqe, 64), NVME_SC_INVALID_FIELD);
}

/* In its order; NSID, CNTID and so on are such that all of them mean something. */
static const struct page cns_table[] = {
	{ NVME_CNS_NS, MANDATORY },
	{ NVME_CNS_CTRL, MANDATORY },
	{ NVME_CNS_ACTIVE_NS_LIST, MANDATORY },
	{ NVME_CNS_NS_DESC_LIST, MANDATORY },
	{ NVME_CNS_NVMSET_LIST, CLAIM(ctratt, NVME_CTRATT_NSETS) },
	{ NVME_CNS_CSI_NS, MANDATORY },
	{ NVME_CNS_CSI_CTRL, MANDATORY },
	{ NVME_CNS_CSI_ACTIVE_NS_LIST, MANDATORY },
	{ NVME_CNS_IND_NS, MANDATORY },
	{ NVME_CNS_ALLOC_NS_LIST, CLAIM(oacs, NVME_OACS_NMS) },
	{ NVME_CNS_ALLOC_NS, CLAIM(oacs, NVME_OACS_NMS) },
	{ NVME_CNS_NS_CTRL_LIST, CLAIM(oacs, NVME_OACS_NMS) },
	{ NVME_CNS_CTRL_LIST, CLAIM(oacs, NVME_OACS_NMS) },
	{ NVME_CNS_PRIMARY_CTRL_CAP, CLAIM(oacs, NVME_OACS_VMS) },
	{ NVME_CNS_SECONDARY_CTRL_LIST, CLAIM(oacs, NVME_OACS_VMS) },
	{ NVME_CNS_NS_GRANULARITY_LIST, CLAIM(ctratt, NVME_CTRATT_NG) },
	{ NVME_CNS_UUID_LIST, CLAIM(ctratt, NVME_CTRATT_ULIST) },
	{ NVME_CNS_DOMAIN_LIST, CLAIM(ctratt, NVME_CTRATT_MDS) },
	{ NVME_CNS_ENDGRP_LIST, CLAIM(ctratt, NVME_CTRATT_EGS) },
	{ NVME_CNS_CSI_ALLOC_NS_LIST, CLAIM(oacs, NVME_OACS_NMS) },
	{ NVME_CNS_CSI_ALLOC_NS, CLAIM(oacs, NVME_OACS_NMS) },
	{ NVME_CNS_IOCS, CLAIM_CAP(NVME_CAP_CSS_IOCSS) },
	{ NVME_CNS_IND_ALLOC_NS, CLAIM(oacs, NVME_OACS_NMS) },
	{ NVME_CNS_CTRL_STATE_FORMATS, CLAIM(oacs, NVME_OACS_HMLMS) },
};

static nvme_status
identify(struct io *io, uint32_t cns, uint32_t nsid)
{
	struct nvme_sqe sqe = { .opc = NVME_ADM_IDENTIFY, .nsid = le32_from(nsid) };

	if (cns == NVME_CNS_IOCS)
		cns |= NVME_CNTLID_ALL << 16;
	sqe.cdw10 = le32_from(cns);
	return io_admin(io, &sqe, SSD_PAGE);
}

static void
each_cns(void **state)
{
	struct io *io = *state;
	struct claims c;

	claims_read(io, &c);
	for (uint32_t cns = 0; cns < 256; cns++) {
		bool want = false;
		nvme_status st;

		for (size_t i = 0; i < UT_ARRAY_LEN(cns_table); i++)
			want |= cns_table[i].lid == cns && claimed(&c, &cns_table[i].by);
		st = identify(io, cns, 1);
		if (st != (want ? NVME_SC_SUCCESS : NVME_SC_INVALID_FIELD))
			fail_msg("CNS %02x: %s, and its status is %03x", cns, want ? "announced" : "not announced", st);
		if (!want)
			assert_int_equal(io_blamed(io), offsetof(struct nvme_sqe, cdw10));
	}
}

/* A command set that is not there has nothing to identify: 05h to 07h, 1Ah, 1Bh with each CSI. */
static void
each_csi(void **state)
{
	static const uint8_t by_csi[] = { NVME_CNS_CSI_NS, NVME_CNS_CSI_CTRL, NVME_CNS_CSI_ACTIVE_NS_LIST,
					  NVME_CNS_CSI_ALLOC_NS_LIST, NVME_CNS_CSI_ALLOC_NS };
	struct io *io = *state;
	uint64_t sets = NVME_IOCSC_CSI(NVME_CSI_NVM);

	if (ssd_bar_read(io->r->ssd, NVME_REG_CAP, 8) & NVME_CAP_CSS_IOCSS) {
		assert_int_equal(identify(io, NVME_CNS_IOCS, 0), 0);
		sets = le64_get(((struct nvme_iocs *)(void *)io_buf(io))->iocsc[0]);
	}
	for (size_t i = 0; i < UT_ARRAY_LEN(by_csi); i++) {
		for (uint32_t csi = 0; csi < 256; csi++) {
			struct nvme_sqe sqe = { .opc = NVME_ADM_IDENTIFY,
						.nsid = le32_from(1),
						.cdw10 = le32_from(by_csi[i]),
						.cdw11 = le32_from(csi << 24) };
			nvme_status st = io_admin(io, &sqe, SSD_PAGE);

			if (csi >= 64 || !(sets & NVME_IOCSC_CSI(csi)))
				assert_int_equal(st, NVME_SC_INVALID_FIELD);
			else if (csi == NVME_CSI_NVM)
				assert_int_equal(st, 0);
		}
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, io_setup, io_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(each_log),
		T(log_of_a_namespace),
		T(each_cns),
		T(each_csi),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
