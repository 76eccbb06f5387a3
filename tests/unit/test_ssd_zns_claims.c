/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a zoned drive announces for Command Set Identifier 2 works there, and what it does not is refused: all opcodes on a zoned
 * namespace, all log pages, all features, all values of CNS with that command set.
 */
#include "ssd_zns_io.h"
#include "nvproof/spec/feat.h"

/* Zoned Namespace Command Set, "I/O Commands": mandatory, and those of the NVM command set that ONCS announces. */
static const uint8_t commands[] = {
	NVME_OPC_FLUSH,	       NVME_OPC_WRITE,	      NVME_OPC_READ,	       NVME_OPC_COMPARE,
	NVME_OPC_WRITE_ZEROES, NVME_OPC_VERIFY,	      NVME_OPC_RESV_REGISTER,  NVME_OPC_RESV_REPORT,
	NVME_OPC_RESV_ACQUIRE, NVME_OPC_RESV_RELEASE, NVME_OPC_ZONE_MGMT_SEND, NVME_OPC_ZONE_MGMT_RECV,
	NVME_OPC_ZONE_APPEND,
};
static const uint8_t changes[] = { NVME_OPC_WRITE, NVME_OPC_WRITE_ZEROES, NVME_OPC_ZONE_MGMT_SEND,
				   NVME_OPC_ZONE_APPEND };

static void
log_of_csi(struct io *io, uint8_t lid, void *out, uint32_t len)
{
	struct nvme_sqe sqe = { .opc = NVME_ADM_GET_LOG_PAGE,
				.nsid = le32_from(NVME_NSID_ALL),
				.cdw10 = le32_from(lid | (len / 4 - 1) << 16),
				.cdw14 = le32_from(CSI_ZNS) };

	assert_int_equal(io_admin(io, &sqe, len), 0);
	memcpy(out, io_buf(io), len);
}

static bool
has(const uint8_t *list, size_t n, uint32_t v)
{
	return memchr(list, (int)v, n) != NULL;
}

static void
each_opcode(void **state)
{
	struct io *io = *state;
	struct nvme_effects_log log;

	log_of_csi(io, NVME_LOG_EFFECTS, &log, sizeof(log));
	for (uint32_t opc = 0; opc < 256; opc++) {
		struct nvme_sqe sqe = { .opc = (uint8_t)opc, .nsid = le32_from(1) };
		bool want = has(commands, sizeof(commands), opc);
		uint32_t e = le32_get(log.iocs[opc]);

		if ((io_cmd(io, &sqe, SSD_PAGE) != NVME_SC_INVALID_OPCODE) != want)
			fail_msg("opcode %02x: %s", opc, want ? "refused" : "not refused");
		assert_int_equal(!!(e & NVME_EFFECTS_CSUPP), want);
		assert_int_equal(!!(e & NVME_EFFECTS_LBCC), has(changes, sizeof(changes), opc));
	}
}

/* Changed Zone List is there because OAES says that its event is. */
static void
each_log(void **state)
{
	struct io *io = *state;
	struct nvme_supported_log_pages log;
	bool zdcn = le32_get(adm_identify(io)->oaes) & NVME_OAES_ZDCN;

	assert_true(zdcn);
	log_of_csi(io, NVME_LOG_SUPPORTED, &log, sizeof(log));
	assert_true(le32_get(log.lids[NVME_LOG_ZNS_CHANGED]) & NVME_LIDS_LSUPP);
	for (uint32_t lid = 0; lid < 256; lid++) {
		uint32_t lsp = lid == NVME_LOG_PEL ? 1u << 8 : 0; /* it needs a context */
		uint32_t nsid = lid == NVME_LOG_ZNS_CHANGED ? 1 : NVME_NSID_ALL;
		struct nvme_sqe sqe = { .opc = NVME_ADM_GET_LOG_PAGE,
					.nsid = le32_from(nsid),
					.cdw10 = le32_from(lid | lsp | (512 / 4 - 1) << 16),
					.cdw14 = le32_from(CSI_ZNS) };
		bool want = le32_get(log.lids[lid]) & NVME_LIDS_LSUPP;
		nvme_status st = io_admin(io, &sqe, SSD_PAGE);

		if (st != (want ? NVME_SC_SUCCESS : NVME_SC_INVALID_LOG_PAGE))
			fail_msg("LID %02x: %s, and its status is %03x", lid, want ? "announced" : "not announced", st);
	}
}

/* Identify with CSI 2: there, or refused; nothing in between. */
static void
each_cns(void **state)
{
	static const uint8_t there[] = { NVME_CNS_CSI_NS, NVME_CNS_CSI_CTRL, NVME_CNS_CSI_ACTIVE_NS_LIST };
	struct io *io = *state;

	for (size_t i = 0; i < sizeof(there); i++) {
		for (uint32_t csi = 0; csi < 256; csi++) {
			struct nvme_sqe sqe = { .opc = NVME_ADM_IDENTIFY,
						.nsid = le32_from(there[i] == NVME_CNS_CSI_NS ? 1 : 0),
						.cdw10 = le32_from(there[i]),
						.cdw11 = le32_from(csi << 24) };
			bool want = csi == NVME_CSI_ZNS || csi == NVME_CSI_NVM;
			nvme_status st = io_admin(io, &sqe, SSD_PAGE);

			if (!want && !st)
				fail_msg("CNS %02x, CSI %02x: not refused", there[i], csi);
			if (csi == NVME_CSI_ZNS && st)
				fail_msg("CNS %02x, CSI %02x: status %03x", there[i], csi, st);
		}
	}
}

/* I/O Command Set Profile (19h) is what makes the choice; it and all others are as the log says. */
static void
each_feature(void **state)
{
	struct io *io = *state;
	struct nvme_fid_effects_log log;

	log_of_csi(io, NVME_LOG_FID_EFFECTS, &log, sizeof(log));
	assert_true(le32_get(log.fids[NVME_FEAT_IOCS_PROFILE]) & NVME_FIDS_FSUPP);
	for (uint32_t fid = 0; fid < 256; fid++) {
		struct nvme_sqe sqe = { .opc = NVME_ADM_GET_FEATURES,
					.nsid = le32_from(1),
					.cdw10 = le32_from(fid | 3u << 8) }; /* supported capabilities */
		bool want = le32_get(log.fids[fid]) & NVME_FIDS_FSUPP;
		nvme_status st = io_admin(io, &sqe, SSD_PAGE);

		if (!want && st != NVME_SC_INVALID_FIELD)
			fail_msg("FID %02x: not announced, and its status is %03x", fid, st);
		if (want && st && st != NVME_SC_FEAT_NOT_NS_SPECIFIC)
			fail_msg("FID %02x: announced, and its status is %03x", fid, st);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, io_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = { T(each_opcode), T(each_log), T(each_cns), T(each_feature) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
