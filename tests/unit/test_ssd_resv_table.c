/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which commands of whom a reservation lets pass: a line for each type, as in "Command Behavior in the Presence of a
 * Reservation"; and who counts as a host.
 */
#include "ssd_resv_io.h"
#include "ssd_ns_io.h"

#define CONFLICT NVME_SC_RESV_CONFLICT

/* LBAs 0 to 7 are zeros, so that a write of zeros, a comparison with them and a copy change nothing. */
static nvme_status
try(struct io *io, uint8_t opc)
{
	struct nvme_sqe sqe;

	memset(io_buf(io), 0, 4096);
	switch (opc) {
	case NVME_OPC_FLUSH:
		nvme_prep_flush(&sqe, 1);
		return io_cmd(io, &sqe, 0);
	case NVME_OPC_DSM:
		nvme_prep_dsm(&sqe, 1, 1, 0);
		return io_cmd(io, &sqe, 16);
	case NVME_OPC_COPY:
		nvme_prep_copy(&sqe, 1, 1, 1, 0);
		return io_cmd(io, &sqe, 32);
	default:
		nvme_prep_lba_cmd(&sqe, opc, 1, opc == NVME_OPC_WRITE_UNCOR ? 100 : 0, 1);
		return io_cmd(io, &sqe, 4096);
	}
}

static void
expect(struct io *io, bool reads, bool writes)
{
	static const uint8_t reading[] = { NVME_OPC_READ, NVME_OPC_COMPARE, NVME_OPC_VERIFY };
	static const uint8_t writing[] = { NVME_OPC_FLUSH,	  NVME_OPC_WRITE, NVME_OPC_WRITE_UNCOR,
					   NVME_OPC_WRITE_ZEROES, NVME_OPC_DSM,	  NVME_OPC_COPY };
	struct nvme_sqe sqe;

	for (size_t i = 0; i < sizeof(reading); i++) {
		assert_int_equal(try(io, reading[i]), reads ? 0 : CONFLICT);
		assert_true(reads || io_blamed(io) == 4);
	}
	for (size_t i = 0; i < sizeof(writing); i++)
		assert_int_equal(try(io, writing[i]), writes ? 0 : CONFLICT);
	nvme_prep_flush(&sqe, NVME_NSID_ALL);
	assert_int_equal(io_cmd(io, &sqe, 0), writes ? 0 : CONFLICT);
	assert_int_equal(io_write(io, 2, 0, 1, 1), 0); /* a namespace that is not reserved */
}

static void
types(void **state)
{
	static const struct {
		uint8_t type, registrant, other; /* bit 0: reads, bit 1: writes */
	} table[] = {
		{ NVME_RTYPE_WE, 1, 1 },   { NVME_RTYPE_EA, 0, 0 },   { NVME_RTYPE_WERO, 3, 1 },
		{ NVME_RTYPE_EARO, 3, 0 }, { NVME_RTYPE_WEAR, 3, 1 }, { NVME_RTYPE_EAAR, 3, 0 },
	};
	struct hosts *h = *state;

	hosts_register(h, 2);
	for (uint32_t i = 0; i < 3; i++)
		expect(h->h[i], true, true);
	for (size_t i = 0; i < UT_ARRAY_LEN(table); i++) {
		assert_int_equal(resv_acquire(h->h[0], NVME_RACQA_ACQUIRE, table[i].type, KEY_A, 0), 0);
		expect(h->h[0], true, true);
		expect(h->h[1], table[i].registrant & 1, table[i].registrant & 2);
		expect(h->h[2], table[i].other & 1, table[i].other & 2);
		assert_int_equal(resv_release(h->h[0], NVME_RRELA_RELEASE, table[i].type, KEY_A), 0);
	}
	expect(h->h[2], true, true);
}

/* The reservation commands themselves pass, whoever holds what. */
static void
reservation_commands_pass(void **state)
{
	struct hosts *h = *state;

	hosts_register(h, 1);
	assert_int_equal(resv_acquire(h->h[0], NVME_RACQA_ACQUIRE, NVME_RTYPE_EA, KEY_A, 0), 0);
	assert_int_equal(resv_state(h->h[2]), (uint32_t)NVME_RTYPE_EA << 16 | 1u << 8 | BY_A);
	assert_int_equal(resv_register(h->h[2], NVME_RREGA_REGISTER, 0, KEY_C), 0);
	assert_int_equal(resv_preempt(h->h[2], NVME_RTYPE_EA, KEY_C, KEY_A), 0);
	expect(h->h[0], false, false);
	expect(h->h[2], true, true);
}

static nvme_status
format(struct io *io, uint32_t nsid)
{
	struct nvme_sqe sqe;

	nvme_prep_format(&sqe, nsid, 0, NVME_FORMAT_SES_NONE);
	return io_admin(io, &sqe, 0);
}

static nvme_status
sanitize(struct io *io)
{
	struct nvme_sqe sqe;

	nvme_prep_sanitize(&sqe, NVME_SANACT_CRYPTO_ERASE, 0);
	return io_admin(io, &sqe, 0);
}

static void
admin_commands(void **state)
{
	struct hosts *h = *state;
	struct io *a = h->h[0], *c = h->h[2];

	hosts_register(h, 1);
	assert_int_equal(resv_acquire(a, NVME_RACQA_ACQUIRE, NVME_RTYPE_WE, KEY_A, 0), 0);
	assert_int_equal(format(c, 1), CONFLICT);
	assert_int_equal(io_blamed(c), 4);
	assert_int_equal(format(c, NVME_NSID_ALL), CONFLICT);
	assert_int_equal(format(c, 2), 0);
	assert_int_equal(ns_attach(c, 1, 3), CONFLICT);
	assert_int_equal(ns_detach(c, 1, 1), CONFLICT);
	assert_int_equal(ns_detach(c, 2, 1), 0);
	assert_int_equal(ns_delete(c, 1), CONFLICT);
	assert_int_equal(ns_delete(c, NVME_NSID_ALL), CONFLICT);
	assert_int_equal(sanitize(c), CONFLICT);
	assert_int_equal(two_identify(c, NVME_CNS_NS, 1), 0);
	assert_int_equal(format(a, 1), 0);
	assert_int_equal(ns_attach(a, 1, 3), NVME_SC_NS_ALREADY_ATTACHED);
	assert_int_equal(resv_state(c), (uint32_t)NVME_RTYPE_WE << 16 | 1u << 8 | BY_A); /* a format leaves it */
	assert_int_equal(ns_detach(a, 1, 3), 0);
	assert_int_equal(ns_attach(c, 1, 3), CONFLICT); /* not even there */
	assert_int_equal(ns_delete(a, 1), 0);
	assert_int_equal(sanitize(c), 0); /* nothing is left to ask for */
	assert_int_equal(h->t.a.r->sub->resv[0].rtype, 0);
	assert_int_equal(h->t.a.r->sub->resv[0].host[0].there, 0);
}

/* While a sanitize operation is in progress there are no reservation commands. */
static void
sanitize_comes_first(void **state)
{
	struct hosts *h = *state;

	assert_int_equal(sanitize(h->h[0]), 0);
	assert_int_equal(resv_register(h->h[1], NVME_RREGA_REGISTER, 0, KEY_B), NVME_SC_SANITIZE_IN_PROGRESS);
	assert_int_equal(resv_report(h->h[1], false, 64), NVME_SC_SANITIZE_IN_PROGRESS);
}

static nvme_status
security(struct io *io, uint8_t opc, uint32_t nsid)
{
	struct nvme_sqe sqe = { .opc = opc, .nsid = le32_from(nsid), .cdw11 = le32_from(512) };

	return io_admin(io, &sqe, 512);
}

/* Security Send writes and Security Receive reads, where they name a namespace.  Of what is sent the drive takes nothing. */
static void
security_commands(void **state)
{
	struct hosts *h = *state;
	struct io *a = h->h[0], *c = h->h[2];

	hosts_register(h, 1);
	assert_int_equal(resv_acquire(a, NVME_RACQA_ACQUIRE, NVME_RTYPE_WE, KEY_A, 0), 0);
	assert_int_equal(security(c, NVME_ADM_SECURITY_RECV, 1), 0);
	assert_int_equal(security(c, NVME_ADM_SECURITY_SEND, 1), CONFLICT);
	assert_int_equal(security(c, NVME_ADM_SECURITY_SEND, NVME_NSID_ALL), CONFLICT);
	assert_int_equal(security(c, NVME_ADM_SECURITY_SEND, 0), NVME_SC_INVALID_FIELD);
	assert_int_equal(security(a, NVME_ADM_SECURITY_SEND, 1), NVME_SC_INVALID_FIELD);
	assert_int_equal(resv_preempt(a, NVME_RTYPE_EA, KEY_A, KEY_A), 0);
	assert_int_equal(security(c, NVME_ADM_SECURITY_RECV, 1), CONFLICT);
	assert_int_equal(security(c, NVME_ADM_SECURITY_RECV, NVME_NSID_ALL), CONFLICT);
	assert_int_equal(security(c, NVME_ADM_SECURITY_RECV, 2), 0);
	assert_int_equal(security(c, NVME_ADM_SECURITY_RECV, 0), 0);
	assert_int_equal(security(a, NVME_ADM_SECURITY_RECV, 1), 0);
}

/* Two controllers with one Host Identifier are one host's: what one of them registers counts for both. */
static void
one_host_two_controllers(void **state)
{
	struct hosts *h = *state;
	struct io *a = h->h[0], *b = h->h[1], *c = h->h[2];

	assert_int_equal(resv_set_id(a, 0x42, 0, false), 0);
	assert_int_equal(resv_set_id(b, 0x42, 0, false), 0);
	assert_int_equal(resv_set_id(c, 0x43, 0, false), 0);
	hosts_register(h, 1);
	assert_int_equal(resv_acquire(b, NVME_RACQA_ACQUIRE, NVME_RTYPE_EA, KEY_A, 0), 0);
	expect(a, true, true);
	expect(b, true, true);
	expect(c, false, false);
	assert_int_equal(resv_state(a), (uint32_t)NVME_RTYPE_EA << 16 | 1u << 8 | BY_A);
	assert_int_equal(le16_get(resv_registrant(a, 0)->cntlid), 1);
	assert_int_equal(resv_state(b), (uint32_t)NVME_RTYPE_EA << 16 | 1u << 8 | BY_A);
	assert_int_equal(le16_get(resv_registrant(b, 0)->cntlid), 2);
	assert_int_equal(resv_register(b, NVME_RREGA_REGISTER, 0, KEY_B), CONFLICT);
	ssd_function_reset(a->r->ssd); /* the host is still there */
	expect(c, false, false);
	assert_int_equal(resv_register(b, NVME_RREGA_UNREGISTER, KEY_A, 0), 0);
	expect(c, true, true);
}

/* Without an identifier each controller is a host, and another one after each reset. */
static void
no_identifier(void **state)
{
	struct hosts *h = *state;
	struct io *a = h->h[0], *b = h->h[1], *c = h->h[2];

	hosts_register(h, 2);
	assert_int_equal(resv_acquire(a, NVME_RACQA_ACQUIRE, NVME_RTYPE_EA, KEY_A, 0), 0);
	expect(a, true, true);
	expect(b, false, false);
	assert_int_equal(resv_report(c, true, 4096), 0); /* whichever it likes */
	ssd_function_reset(b->r->ssd);
	two_again(b);
	assert_int_equal(resv_state(c), (uint32_t)NVME_RTYPE_EA << 16 | 1u << 8 | BY_A);
	ssd_function_reset(a->r->ssd);
	expect(c, true, true);
	assert_int_equal(resv_state(c), 0);
	two_again(a);
	expect(a, true, true);
	assert_int_equal(resv_register(a, NVME_RREGA_UNREGISTER, KEY_A, 0), CONFLICT);
}

/* With one, a reset changes nothing, once the identifier is set again. */
static void
identifier_survives_reset(void **state)
{
	struct hosts *h = *state;
	struct io *a = h->h[0], *b = h->h[1];

	hosts_ids(h);
	hosts_register(h, 1);
	assert_int_equal(resv_acquire(a, NVME_RACQA_ACQUIRE, NVME_RTYPE_EA, KEY_A, 0), 0);
	rig_set(a->r, NVME_REG_NSSR, NVME_NSSR_VALUE);
	a->r->ssd->csts = b->r->ssd->csts = 0; /* NSSRO */
	two_again(a);
	two_again(b);
	expect(a, false, false);
	assert_int_equal(resv_set_id(a, 0x1000, 0, false), 0);
	expect(a, true, true);
	expect(b, false, false);
	assert_int_equal(resv_set_id(b, 0x1000, 1, false), 0); /* 64 bits count */
	expect(b, true, true);
}

/* 128 bits of it, and the report that has room for them. */
static void
wide_identifiers(void **state)
{
	struct hosts *h = *state;
	struct io *a = h->h[0], *b = h->h[1], *c = h->h[2];
	const struct nvme_resv_status *s = (const void *)io_buf(b);
	const struct nvme_resv_registrant_ext *e = (const void *)(io_buf(b) + NVME_RESV_STATUS_EXT);

	assert_int_equal(resv_set_id(a, 7, 1, true), 0);
	assert_int_equal(resv_set_id(b, 7, 2, true), 0);
	assert_int_equal(resv_set_id(c, 7, 0, false), NVME_SC_HOSTID_FORMAT);
	assert_int_equal(io_blamed(c), 44);
	hosts_register(h, 2);
	assert_int_equal(resv_acquire(a, NVME_RACQA_ACQUIRE, NVME_RTYPE_EARO, KEY_A, 0), 0);
	expect(b, true, true);
	expect(c, false, false);
	assert_int_equal(resv_report(b, false, 4096), NVME_SC_HOSTID_FORMAT);
	assert_int_equal(resv_report(b, true, 4096), 0);
	assert_int_equal(s->rtype, NVME_RTYPE_EARO);
	assert_int_equal(s->regstrnt[0], 2);
	assert_int_equal(io_buf(b)[24], 0); /* reserved up to 64 */
	assert_int_equal(le16_get(e[0].cntlid), 1);
	assert_int_equal(e[0].rcsts, 1);
	assert_int_equal(le64_get(e[0].rkey), KEY_A);
	assert_int_equal(e[0].hostid[0] | e[0].hostid[8] << 8, 0x0107);
	assert_int_equal(e[1].rcsts, 0);
	assert_int_equal(e[1].hostid[0] | e[1].hostid[8] << 8, 0x0207);
	assert_int_equal(io_buf(b)[64 + 2 * 64 - 1], 0);
	assert_int_equal(io_buf(b)[64 + 2 * 64], 0xee);
	assert_int_equal(resv_set_id(c, 7, 1, true), 0);
	expect(c, true, true);
}

#define T(f, setup) cmocka_unit_test_setup_teardown(f, setup, hosts_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(types, hosts_setup),
		T(reservation_commands_pass, hosts_setup),
		T(admin_commands, hosts_setup),
		T(security_commands, hosts_setup),
		T(sanitize_comes_first, hosts_setup),
		T(one_host_two_controllers, hosts_bare),
		T(no_identifier, hosts_bare),
		T(identifier_survives_reset, hosts_bare),
		T(wide_identifiers, hosts_bare),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
