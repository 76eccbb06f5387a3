/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All 256 admin opcodes and all 256 I/O opcodes: Identify announces a command exactly when the Commands Supported and Effects
 * log does, and exactly then it is not refused as Invalid Command Opcode.
 *
 * NVMe Base 2.2, "Command Support Requirements", "Commands Supported and Effects"; NVM Command Set 1.1, the same.
 */
#include "ssd_claims.h"

struct command {
	uint8_t opc;
	struct claim by;
};

static const struct command admin[] = {
	{ NVME_ADM_DELETE_IO_SQ, MANDATORY },
	{ NVME_ADM_CREATE_IO_SQ, MANDATORY },
	{ NVME_ADM_GET_LOG_PAGE, MANDATORY },
	{ NVME_ADM_DELETE_IO_CQ, MANDATORY },
	{ NVME_ADM_CREATE_IO_CQ, MANDATORY },
	{ NVME_ADM_IDENTIFY, MANDATORY },
	{ NVME_ADM_ABORT, MANDATORY },
	{ NVME_ADM_SET_FEATURES, MANDATORY },
	{ NVME_ADM_GET_FEATURES, MANDATORY },
	{ NVME_ADM_ASYNC_EVENT, MANDATORY },
	{ NVME_ADM_NS_MGMT, CLAIM(oacs, NVME_OACS_NMS) },
	{ NVME_ADM_FW_COMMIT, CLAIM(oacs, NVME_OACS_FWDS) },
	{ NVME_ADM_FW_DOWNLOAD, CLAIM(oacs, NVME_OACS_FWDS) },
	{ NVME_ADM_DEV_SELF_TEST, CLAIM(oacs, NVME_OACS_DSTS) },
	{ NVME_ADM_NS_ATTACH, CLAIM(oacs, NVME_OACS_NMS) },
	{ NVME_ADM_KEEP_ALIVE, CLAIM_ANY(kas) },
	{ NVME_ADM_DIRECTIVE_SEND, CLAIM(oacs, NVME_OACS_DIRS) },
	{ NVME_ADM_DIRECTIVE_RECV, CLAIM(oacs, NVME_OACS_DIRS) },
	{ NVME_ADM_VIRT_MGMT, CLAIM(oacs, NVME_OACS_VMS) },
	{ NVME_ADM_MI_SEND, CLAIM(oacs, NVME_OACS_NSRS) },
	{ NVME_ADM_MI_RECV, CLAIM(oacs, NVME_OACS_NSRS) },
	{ NVME_ADM_CAPACITY_MGMT, CLAIM(ctratt, NVME_CTRATT_FCM | NVME_CTRATT_VCM) },
	{ NVME_ADM_LOCKDOWN, CLAIM(oacs, NVME_OACS_CFLS) },
	{ NVME_ADM_TRACK_SEND, CLAIM(oacs, NVME_OACS_HMLMS) },
	{ NVME_ADM_TRACK_RECV, CLAIM(oacs, NVME_OACS_HMLMS) },
	{ NVME_ADM_MIGRATION_SEND, CLAIM(oacs, NVME_OACS_HMLMS) },
	{ NVME_ADM_MIGRATION_RECV, CLAIM(oacs, NVME_OACS_HMLMS) },
	{ NVME_ADM_CTRLR_DATA_QUEUE, CLAIM(oacs, NVME_OACS_HMLMS) },
	{ NVME_ADM_DBBUF_CONFIG, CLAIM(oacs, NVME_OACS_DBCS) },
	{ NVME_ADM_FORMAT_NVM, CLAIM(oacs, NVME_OACS_FNVMS) },
	{ NVME_ADM_SECURITY_SEND, CLAIM(oacs, NVME_OACS_SSRS) },
	{ NVME_ADM_SECURITY_RECV, CLAIM(oacs, NVME_OACS_SSRS) },
	{ NVME_ADM_SANITIZE, CLAIM(sanicap, NVME_SANICAP_CES | NVME_SANICAP_BES | NVME_SANICAP_OWS) },
	{ NVME_ADM_GET_LBA_STATUS, CLAIM(oacs, NVME_OACS_GLSS) },
};

static const struct command nvm[] = {
	{ NVME_OPC_FLUSH, MANDATORY },
	{ NVME_OPC_WRITE, MANDATORY },
	{ NVME_OPC_READ, MANDATORY },
	{ NVME_OPC_WRITE_UNCOR, CLAIM(oncs, NVME_ONCS_NVMWUSV) },
	{ NVME_OPC_COMPARE, CLAIM(oncs, NVME_ONCS_NVMCMPS) },
	{ NVME_OPC_WRITE_ZEROES, CLAIM(oncs, NVME_ONCS_NVMWZSV) },
	{ NVME_OPC_DSM, CLAIM(oncs, NVME_ONCS_NVMDSMSV) },
	{ NVME_OPC_VERIFY, CLAIM(oncs, NVME_ONCS_NVMVFYS) },
	{ NVME_OPC_RESV_REGISTER, CLAIM(oncs, NVME_ONCS_RESERVS) },
	{ NVME_OPC_RESV_REPORT, CLAIM(oncs, NVME_ONCS_RESERVS) },
	{ NVME_OPC_RESV_ACQUIRE, CLAIM(oncs, NVME_ONCS_RESERVS) },
	{ NVME_OPC_RESV_RELEASE, CLAIM(oncs, NVME_ONCS_RESERVS) },
	{ NVME_OPC_IO_MGMT_RECV, CLAIM(ctratt, NVME_CTRATT_FDPS) },
	{ NVME_OPC_IO_MGMT_SEND, CLAIM(ctratt, NVME_CTRATT_FDPS) },
	{ NVME_OPC_COPY, CLAIM(oncs, NVME_ONCS_NVMCPYS) },
};

static bool
expected(const struct claims *c, const struct command *table, size_t n, uint32_t opc)
{
	for (size_t i = 0; i < n; i++) {
		if (table[i].opc == opc)
			return claimed(c, &table[i].by);
	}
	return false; /* nothing could announce it */
}

static void
effects(struct io *io, struct nvme_effects_log *log)
{
	memcpy(log, adm_log(io, NVME_LOG_EFFECTS, sizeof(*log)), sizeof(*log));
}

/* Bits that are reserved are 0, and each command that there is has a scope (LPA.MLPS). */
static void
check_entry(uint32_t opc, uint32_t e, bool want)
{
	const uint32_t reserved = 0x00003fe0u; /* 13:5 */

	if (!!(e & NVME_EFFECTS_CSUPP) != want)
		fail_msg("opcode %02x: %s, but the effects log has %08x", opc, want ? "announced" : "not announced", e);
	assert_int_equal(e & reserved, 0);
	if (want)
		assert_int_not_equal(nvme_get(e, NVME_EFFECTS_CSP), 0);
	else
		assert_int_equal(e, 0);
}

static void
check_status(struct io *io, const char *what, uint32_t opc, nvme_status st, bool want)
{
	if ((st != NVME_SC_INVALID_OPCODE) != want)
		fail_msg("%s opcode %02x: %s, and its status is %03x", what, opc, want ? "announced" : "not announced",
			 st);
	if (!want)
		assert_int_equal(io_blamed(io), offsetof(struct nvme_sqe, opc));
}

/* Nothing but the opcode; where that would do something, an address that is refused. */
static nvme_status
try_admin(struct io *io, uint32_t opc)
{
	struct nvme_sqe sqe = { .opc = (uint8_t)opc };
	struct nvme_cqe cqe;

	if (opc == NVME_ADM_DBBUF_CONFIG) {
		sqe.prp1 = le64_from(io->buf + 4);
		return rig_sc(rig_admin(io->r, &sqe));
	}
	if (opc != NVME_ADM_ASYNC_EVENT)
		return io_admin(io, &sqe, SSD_PAGE);
	adm_aer(io);
	assert_false(rig_reap(io->r, 0, &cqe)); /* it waits for an event */
	return NVME_SC_SUCCESS;
}

static void
admin_opcodes(void **state)
{
	struct io *io = *state;
	struct nvme_effects_log log;
	struct claims c;

	claims_read(io, &c);
	effects(io, &log);
	for (uint32_t opc = 0; opc < 256; opc++) {
		bool want = expected(&c, admin, UT_ARRAY_LEN(admin), opc);

		check_entry(opc, le32_get(log.acs[opc]), want);
		check_status(io, "admin", opc, try_admin(io, opc), want);
	}
}

/* On a namespace of the NVM command set: what other command sets have is no command there. */
static void
io_opcodes(void **state)
{
	struct io *io = *state;
	struct nvme_effects_log log;
	struct claims c;

	claims_read(io, &c);
	effects(io, &log);
	for (uint32_t opc = 0; opc < 256; opc++) {
		struct nvme_sqe sqe = { .opc = (uint8_t)opc, .nsid = le32_from(1) };
		bool want = expected(&c, nvm, UT_ARRAY_LEN(nvm), opc);

		check_entry(opc, le32_get(log.iocs[opc]), want);
		check_status(io, "I/O", opc, io_cmd(io, &sqe, SSD_PAGE), want);
	}
}

/* Zone management is for zoned namespaces.  ZNS Command Set, "Zone Management Send command". */
static void
zones_on_an_nvm_namespace(void **state)
{
	static const uint8_t opcodes[] = { NVME_OPC_ZONE_MGMT_SEND, NVME_OPC_ZONE_MGMT_RECV, NVME_OPC_ZONE_APPEND };
	struct io *io = *state;

	for (size_t i = 0; i < UT_ARRAY_LEN(opcodes); i++) {
		for (uint32_t nsid = 1; nsid <= 2; nsid++) {
			struct nvme_sqe sqe = { .opc = opcodes[i], .nsid = le32_from(nsid) };

			assert_int_equal(io_cmd(io, &sqe, SSD_PAGE), NVME_SC_INVALID_OPCODE);
		}
	}
}

/* What changes user data says so.  What does not is not said to. */
static void
content_changes(void **state)
{
	static const uint8_t writes[] = { NVME_OPC_WRITE, NVME_OPC_WRITE_UNCOR, NVME_OPC_WRITE_ZEROES, NVME_OPC_DSM,
					  NVME_OPC_COPY };
	struct io *io = *state;
	struct nvme_effects_log log;
	bool lbcc[256] = { false };

	effects(io, &log);
	for (size_t i = 0; i < UT_ARRAY_LEN(writes); i++)
		lbcc[writes[i]] = true;
	for (uint32_t opc = 0; opc < 256; opc++)
		assert_int_equal(!!(le32_get(log.iocs[opc]) & NVME_EFFECTS_LBCC),
				 lbcc[opc] && (le32_get(log.iocs[opc]) & NVME_EFFECTS_CSUPP));
	assert_true(le32_get(log.acs[NVME_ADM_FORMAT_NVM]) & NVME_EFFECTS_LBCC);
	assert_true(le32_get(log.acs[NVME_ADM_FORMAT_NVM]) & NVME_EFFECTS_NCC);
	assert_true(le32_get(log.acs[NVME_ADM_SANITIZE]) & NVME_EFFECTS_LBCC);
	assert_true(le32_get(log.acs[NVME_ADM_NS_MGMT]) & NVME_EFFECTS_NIC);
	assert_true(le32_get(log.acs[NVME_ADM_NS_ATTACH]) & NVME_EFFECTS_NIC);
}

/* FUSES: Compare and Write is the only pair. */
static void
fused(void **state)
{
	struct io *io = *state;
	struct claims c;

	claims_read(io, &c);
	assert_int_equal(le16_get(c.id.fuses), NVME_FUSES_FCWS);
	for (uint32_t a = 0; a < 256; a++) {
		struct nvme_sqe first = { .opc = (uint8_t)a, .nsid = le32_from(1), .flags = NVME_FUSE_FIRST };
		struct nvme_sqe second = { .opc = NVME_OPC_WRITE, .nsid = le32_from(1), .flags = NVME_FUSE_SECOND };
		struct nvme_cqe cqe[2];

		io_prp(io, &first, 512);
		io_prp(io, &second, 512);
		rig_put(io->r, 1, &first);
		rig_put(io->r, 1, &second);
		rig_ring(io->r, 1);
		rig_step(io->r);
		assert_true(rig_reap(io->r, 1, &cqe[0]) && rig_reap(io->r, 1, &cqe[1]));
		if (a == NVME_OPC_COMPARE)
			assert_true(nvme_status_code(nvme_status_of(le16_get(cqe[0].status))) != NVME_SC_INVALID_FIELD);
		else
			assert_int_equal(nvme_status_code(nvme_status_of(le16_get(cqe[0].status))),
					 NVME_SC_INVALID_FIELD);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, io_setup, io_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(admin_opcodes), T(io_opcodes), T(zones_on_an_nvm_namespace), T(content_changes), T(fused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
