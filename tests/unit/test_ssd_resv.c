/* SPDX-License-Identifier: BSD-3-Clause */
/* Reservations: what each command does and refuses. */
#include "ssd_resv_io.h"

#define CONFLICT NVME_SC_RESV_CONFLICT
#define IEKEY (1u << 3)
#define REG NVME_RREGA_REGISTER
#define UNREG NVME_RREGA_UNREGISTER
#define REPLACE NVME_RREGA_REPLACE
#define ACQ NVME_RACQA_ACQUIRE
#define PREEMPT NVME_RACQA_PREEMPT

static void
announced(void **state)
{
	struct io *a = ((struct hosts *)*state)->h[0];
	const struct nvme_id_ctrl *id = (const void *)io_buf(a);
	const struct nvme_id_ns *ns = (const void *)io_buf(a);

	assert_int_equal(two_identify(a, NVME_CNS_CTRL, 0), 0);
	assert_int_equal(nvme_get(le16_get(id->oncs), NVME_ONCS_RESERVS), 1);
	assert_int_equal(nvme_get(le32_get(id->ctratt), NVME_CTRATT_HIDS), 1);
	assert_int_equal(nvme_get(le32_get(id->ctratt), NVME_CTRATT_RHII), 0);
	assert_int_equal(two_identify(a, NVME_CNS_NS, 1), 0);
	assert_int_equal(ns->rescap, 0xff);
	assert_int_equal(two_identify(a, NVME_CNS_IND_NS, 1), 0);
	assert_int_equal(((const struct nvme_id_ns_ind *)(const void *)io_buf(a))->rescap, 0xff);
}

static void
register_and_unregister(void **state)
{
	struct hosts *h = *state;
	struct io *a = h->h[0], *b = h->h[1];

	assert_int_equal(resv_state(a), STATE(0, 0, 0));
	assert_int_equal(resv_register(a, REG, 0x77, KEY_A), 0); /* CRKEY is not looked at */
	assert_int_equal(resv_state(b), STATE(0, 1, 0));
	assert_int_equal(le64_get(resv_registrant(b, 0)->rkey), KEY_A);
	assert_int_equal(resv_register(a, REG, 0, KEY_A), 0); /* the same again */
	assert_int_equal(resv_register(a, REG, KEY_A, KEY_B), CONFLICT);
	assert_int_equal(io_blamed(a), 24);
	assert_int_equal(resv_register(b, REG, 0, KEY_A), 0); /* a key may be that of two hosts */
	assert_int_equal(resv_state(b), STATE(0, 2, 0));
	assert_int_equal(resv_register(b, UNREG, KEY_B, 0), CONFLICT);
	assert_int_equal(resv_register(b, UNREG, KEY_A, 0), 0);
	assert_int_equal(resv_register(b, UNREG, KEY_A, 0), CONFLICT);
	assert_int_equal(resv_register(b, UNREG | IEKEY, 0, 0), 0); /* nothing to do */
	assert_int_equal(resv_register(a, UNREG | IEKEY, 0x1234, 0), 0);
	assert_int_equal(resv_state(b), STATE(0, 0, 0));
}

static void
replace(void **state)
{
	struct hosts *h = *state;
	struct io *a = h->h[0], *b = h->h[1];

	assert_int_equal(resv_register(a, REPLACE, 0, KEY_A), CONFLICT);
	assert_int_equal(resv_register(a, REPLACE | IEKEY, 0, KEY_A), 0);
	assert_int_equal(resv_state(b), STATE(0, 1, 0));
	assert_int_equal(le64_get(resv_registrant(b, 0)->rkey), KEY_A);
	assert_int_equal(resv_acquire(a, ACQ, NVME_RTYPE_EA, KEY_A, 0), 0);
	assert_int_equal(resv_register(a, REPLACE, KEY_B, KEY_C), CONFLICT);
	assert_int_equal(resv_register(a, REPLACE, KEY_A, KEY_B), 0);
	assert_int_equal(resv_state(b), STATE(NVME_RTYPE_EA, 1, BY_B));
	assert_int_equal(resv_register(a, REPLACE | IEKEY, 0, KEY_C), 0);
	assert_int_equal(resv_state(b), STATE(NVME_RTYPE_EA, 1, BY_C));
	assert_int_equal(resv_release(a, NVME_RRELA_RELEASE, NVME_RTYPE_EA, KEY_B), CONFLICT);
	assert_int_equal(resv_release(a, NVME_RRELA_RELEASE, NVME_RTYPE_EA, KEY_C), 0);
}

static void
bad_fields(void **state)
{
	struct hosts *h = *state;
	struct io *a = h->h[0];

	for (uint32_t action = 3; action < 8; action++) {
		assert_int_equal(resv_register(a, action, KEY_A, KEY_A), NVME_SC_INVALID_FIELD);
		assert_int_equal(io_blamed(a), 40);
		assert_int_equal(resv_acquire(a, action, NVME_RTYPE_EA, KEY_A, 0), NVME_SC_INVALID_FIELD);
		assert_int_equal(io_blamed(a), 40);
		assert_int_equal(resv_release(a, action - 1, NVME_RTYPE_EA, KEY_A), NVME_SC_INVALID_FIELD);
		assert_int_equal(io_blamed(a), 40);
	}
	assert_int_equal(resv_register(a, REG | 1u << 30, 0, KEY_A), NVME_SC_INVALID_FIELD); /* CPTPL 01b */
	assert_int_equal(io_blamed(a), 43);
	assert_int_equal(resv_register(a, REG, 0, 0), NVME_SC_INVALID_FIELD);
	assert_int_equal(io_blamed(a), 24);
	assert_int_equal(resv_register(a, REPLACE | IEKEY, 0, 0), NVME_SC_INVALID_FIELD);
	assert_int_equal(resv_state(a), STATE(0, 0, 0));
	hosts_register(h, 1);
	for (uint32_t rtype = 0; rtype < 256; rtype += rtype == 0 ? 7 : 31) {
		assert_int_equal(resv_acquire(a, ACQ, rtype, KEY_A, 0), NVME_SC_INVALID_FIELD);
		assert_int_equal(io_blamed(a), 41);
	}
	assert_int_equal(resv_acquire(a, ACQ | IEKEY, NVME_RTYPE_EA, KEY_A, 0), NVME_SC_INVALID_FIELD);
	assert_int_equal(resv_release(a, NVME_RRELA_CLEAR | IEKEY, 0, KEY_A), NVME_SC_INVALID_FIELD);
	assert_int_equal(resv_state(a), STATE(0, 1, 0));
}

/* An address that is not there; and the namespaces that are not. */
static void
bad_data(void **state)
{
	static const uint8_t opc[] = { NVME_OPC_RESV_REGISTER, NVME_OPC_RESV_ACQUIRE, NVME_OPC_RESV_RELEASE,
				       NVME_OPC_RESV_REPORT };
	struct hosts *h = *state;
	struct io *a = h->h[0];

	hosts_register(h, 1);
	for (size_t i = 0; i < sizeof(opc); i++) {
		struct nvme_sqe sqe = { .opc = opc[i], .nsid = le32_from(1), .cdw10 = le32_from(0x100) };
		uint64_t buf = a->buf;

		a->buf = 1ull << 50;
		assert_int_equal(io_cmd(a, &sqe, 16), NVME_SC_DATA_TRANSFER);
		a->buf = buf;
		sqe.nsid = le32_from(3);
		assert_int_equal(io_cmd(a, &sqe, 16), NVME_SC_INVALID_NS);
		sqe.nsid = le32_from(NVME_NSID_ALL);
		assert_int_equal(io_cmd(a, &sqe, 16), NVME_SC_INVALID_NS);
	}
	assert_int_equal(resv_state(a), STATE(0, 1, 0));
}

static void
acquire(void **state)
{
	struct hosts *h = *state;
	struct io *a = h->h[0], *b = h->h[1], *c = h->h[2];

	assert_int_equal(resv_acquire(a, ACQ, NVME_RTYPE_WE, 0, 0), CONFLICT); /* not registered */
	assert_int_equal(io_blamed(a), 24);
	hosts_register(h, 2);
	assert_int_equal(resv_acquire(a, ACQ, NVME_RTYPE_WE, KEY_B, 0), CONFLICT);
	for (uint32_t rtype = NVME_RTYPE_WE; rtype <= NVME_RTYPE_EAAR; rtype++) {
		bool all = rtype >= NVME_RTYPE_WEAR;

		assert_int_equal(resv_acquire(a, ACQ, rtype, KEY_A, 0), 0);
		assert_int_equal(resv_state(c), STATE(rtype, 2, all ? BY_A | BY_B : BY_A));
		assert_int_equal(resv_acquire(a, ACQ, rtype, KEY_A, 0), 0);
		assert_int_equal(resv_acquire(a, ACQ, rtype % 6 + 1, KEY_A, 0), CONFLICT);
		assert_int_equal(resv_acquire(b, ACQ, rtype, KEY_B, 0), all ? 0 : CONFLICT);
		assert_int_equal(resv_acquire(b, ACQ, rtype % 6 + 1, KEY_B, 0), CONFLICT);
		assert_int_equal(resv_acquire(c, ACQ, rtype, KEY_C, 0), CONFLICT);
		assert_int_equal(resv_release(b, NVME_RRELA_RELEASE, rtype, KEY_A), CONFLICT);
		assert_int_equal(resv_release(c, NVME_RRELA_RELEASE, rtype, KEY_A), CONFLICT);
		assert_int_equal(resv_release(a, NVME_RRELA_RELEASE, rtype % 6 + 1, KEY_A), NVME_SC_INVALID_FIELD);
		assert_int_equal(io_blamed(a), 41);
		if (!all)
			assert_int_equal(resv_release(b, NVME_RRELA_RELEASE, rtype, KEY_B),
					 0); /* and nothing happens */
		assert_int_equal(resv_state(c), STATE(rtype, 2, all ? BY_A | BY_B : BY_A));
		assert_int_equal(resv_release(all ? b : a, NVME_RRELA_RELEASE, rtype, all ? KEY_B : KEY_A), 0);
		assert_int_equal(resv_state(c), STATE(0, 2, 0));
	}
	assert_int_equal(resv_acquire(b, ACQ, NVME_RTYPE_WE, KEY_B, 0), 0);
	assert_int_equal(resv_state(c), STATE(NVME_RTYPE_WE, 2, BY_B));
}

/* Who unregisters takes the reservation with it; of all registrants that is the last one. */
static void
unregister_holder(void **state)
{
	struct hosts *h = *state;
	struct io *a = h->h[0], *b = h->h[1], *c = h->h[2];

	hosts_register(h, 3);
	assert_int_equal(resv_acquire(b, ACQ, NVME_RTYPE_EARO, KEY_B, 0), 0);
	assert_int_equal(resv_register(a, UNREG, KEY_A, 0), 0);
	assert_int_equal(resv_state(c), STATE(NVME_RTYPE_EARO, 2, BY_B));
	assert_int_equal(resv_register(b, UNREG, KEY_B, 0), 0);
	assert_int_equal(resv_state(c), STATE(0, 1, 0));
	hosts_register(h, 3);
	assert_int_equal(resv_acquire(a, ACQ, NVME_RTYPE_WEAR, KEY_A, 0), 0);
	assert_int_equal(resv_register(a, UNREG, KEY_A, 0), 0);
	assert_int_equal(resv_register(c, UNREG, KEY_C, 0), 0);
	assert_int_equal(resv_state(c), STATE(NVME_RTYPE_WEAR, 1, BY_B));
	assert_int_equal(resv_register(b, UNREG, KEY_B, 0), 0);
	assert_int_equal(resv_state(c), STATE(0, 0, 0));
}

static void
preempt_holder(void **state)
{
	struct hosts *h = *state;
	struct io *a = h->h[0], *b = h->h[1], *c = h->h[2];

	for (uint32_t action = PREEMPT; action <= NVME_RACQA_PREEMPT_ABORT; action++) {
		hosts_register(h, 3);
		assert_int_equal(resv_acquire(a, ACQ, NVME_RTYPE_WE, KEY_A, 0), 0);
		assert_int_equal(resv_acquire(b, action, NVME_RTYPE_EARO, KEY_A, KEY_A), CONFLICT);
		assert_int_equal(resv_acquire(b, action, NVME_RTYPE_EARO, KEY_B, KEY_A), 0);
		assert_int_equal(resv_state(c), STATE(NVME_RTYPE_EARO, 2, BY_B));
		/* by the holder, of its own key: another type, and nobody goes */
		assert_int_equal(resv_acquire(b, action, NVME_RTYPE_EA, KEY_B, KEY_B), 0);
		assert_int_equal(resv_state(c), STATE(NVME_RTYPE_EA, 2, BY_B));
		/* into one of all registrants */
		assert_int_equal(resv_acquire(c, action, NVME_RTYPE_EAAR, KEY_C, KEY_B), 0);
		assert_int_equal(resv_state(c), STATE(NVME_RTYPE_EAAR, 1, BY_C));
		assert_int_equal(resv_register(a, REG, 0, KEY_A), 0);
		/* and key 0h takes that from all others */
		assert_int_equal(resv_acquire(a, action, NVME_RTYPE_WE, KEY_A, 0), 0);
		assert_int_equal(resv_state(c), STATE(NVME_RTYPE_WE, 1, BY_A));
		assert_int_equal(resv_release(a, NVME_RRELA_CLEAR, 0, KEY_A), 0);
	}
}

/* Where the key is not the holder's, registrants go and the reservation stays. */
static void
preempt_registrant(void **state)
{
	struct hosts *h = *state;
	struct io *a = h->h[0], *b = h->h[1], *c = h->h[2];

	hosts_register(h, 3);
	assert_int_equal(resv_acquire(a, PREEMPT, NVME_RTYPE_EA, KEY_A, 0), NVME_SC_INVALID_FIELD);
	assert_int_equal(io_blamed(a), 24);
	assert_int_equal(resv_acquire(a, PREEMPT, NVME_RTYPE_EA, KEY_A, KEY_B), 0); /* no reservation there */
	assert_int_equal(resv_state(a), STATE(0, 2, 0));
	assert_int_equal(resv_acquire(a, PREEMPT, NVME_RTYPE_EA, KEY_A, KEY_B), CONFLICT); /* nobody's key */
	assert_int_equal(resv_register(b, REG, 0, KEY_C), 0);
	assert_int_equal(resv_acquire(a, ACQ, NVME_RTYPE_WERO, KEY_A, 0), 0);
	assert_int_equal(resv_acquire(c, PREEMPT, NVME_RTYPE_EA, KEY_C, 0), NVME_SC_INVALID_FIELD);
	assert_int_equal(resv_acquire(a, PREEMPT, NVME_RTYPE_EA, KEY_A, KEY_C), 0); /* both that have it */
	assert_int_equal(resv_state(a), STATE(NVME_RTYPE_WERO, 1, BY_A));
	hosts_register(h, 3);
	assert_int_equal(resv_acquire(b, PREEMPT, NVME_RTYPE_EA, KEY_B, KEY_B), 0); /* itself */
	assert_int_equal(resv_state(a), STATE(NVME_RTYPE_WERO, 2, BY_A));
	assert_int_equal(resv_release(a, NVME_RRELA_RELEASE, NVME_RTYPE_WERO, KEY_A), 0);
	assert_int_equal(resv_acquire(a, ACQ, NVME_RTYPE_WEAR, KEY_A, 0), 0);
	assert_int_equal(resv_acquire(a, PREEMPT, NVME_RTYPE_EA, KEY_A, KEY_C), 0); /* a key that is not 0h */
	assert_int_equal(resv_state(a), STATE(NVME_RTYPE_WEAR, 1, BY_A));
}

static void
clear(void **state)
{
	struct hosts *h = *state;
	struct io *a = h->h[0], *b = h->h[1], *c = h->h[2];

	hosts_register(h, 2);
	assert_int_equal(resv_acquire(a, ACQ, NVME_RTYPE_EA, KEY_A, 0), 0);
	assert_int_equal(resv_release(c, NVME_RRELA_CLEAR, 0, KEY_A), CONFLICT);
	assert_int_equal(resv_release(b, NVME_RRELA_CLEAR, 0, KEY_A), CONFLICT);
	assert_int_equal(resv_release(b, NVME_RRELA_CLEAR, 0, KEY_B), 0); /* any registrant may */
	assert_int_equal(resv_state(c), STATE(0, 0, 0));
	assert_int_equal(io_write(c, 1, 0, 1, 1), 0);
}

static void
generation(void **state)
{
	struct hosts *h = *state;
	struct io *a = h->h[0], *b = h->h[1];

	hosts_register(h, 2);
	assert_int_equal(resv_gen(a), 2);
	assert_int_equal(resv_register(a, REG, 0, KEY_B), CONFLICT);
	assert_int_equal(resv_acquire(a, ACQ, NVME_RTYPE_EA, KEY_A, 0), 0);
	assert_int_equal(resv_release(a, NVME_RRELA_RELEASE, NVME_RTYPE_EA, KEY_A), 0);
	assert_int_equal(resv_gen(a), 2);
	assert_int_equal(resv_register(a, REPLACE, KEY_A, KEY_C), 0);
	assert_int_equal(resv_gen(a), 3);
	assert_int_equal(resv_acquire(a, PREEMPT, NVME_RTYPE_EA, KEY_C, KEY_B), 0);
	assert_int_equal(resv_gen(b), 4);
	assert_int_equal(resv_register(a, UNREG, KEY_C, 0), 0);
	assert_int_equal(resv_gen(b), 5);
	assert_int_equal(resv_register(a, REG, 0, KEY_A), 0);
	assert_int_equal(resv_release(a, NVME_RRELA_CLEAR, 0, KEY_A), 0);
	assert_int_equal(resv_gen(b), 7);
	h->t.a.r->sub->resv[0].gen = le32_from(0xffffffff);
	assert_int_equal(resv_register(a, REG, 0, KEY_A), 0);
	assert_int_equal(resv_gen(b), 0);
}

static void
report(void **state)
{
	struct hosts *h = *state;
	struct io *a = h->h[0], *b = h->h[1], *c = h->h[2];
	const struct nvme_resv_registrant *e;

	hosts_register(h, 2);
	assert_int_equal(resv_acquire(b, ACQ, NVME_RTYPE_EA, KEY_B, 0), 0);
	assert_int_equal(resv_report(c, false, 4096), 0);
	e = resv_registrant(c, 0);
	assert_int_equal(le16_get(e[0].cntlid), 1);
	assert_int_equal(e[0].rcsts, 0);
	assert_int_equal(le64_get(*(const le64 *)(const void *)e[0].hostid), 0x1000);
	assert_int_equal(le64_get(e[0].rkey), KEY_A);
	assert_int_equal(le16_get(e[1].cntlid), 2);
	assert_int_equal(e[1].rcsts, 1);
	assert_int_equal(le64_get(*(const le64 *)(const void *)e[1].hostid), 0x1001);
	assert_int_equal(io_buf(c)[24 + 2 * 24], 0xee); /* no more than there is */
	assert_int_equal(resv_report(c, true, 4096), NVME_SC_HOSTID_FORMAT);
	assert_int_equal(io_blamed(c), 44);
	assert_int_equal(resv_report(a, false, 24), 0);
	assert_int_equal(io_buf(a)[5], 2);
	assert_int_equal(io_buf(a)[24], 0xee);
	assert_int_equal(resv_report(a, false, 4), 0);
	assert_int_equal(io_buf(a)[4], 0xee);
	assert_int_equal(resv_report(a, false, (4096u << SSD_MAX_MDTS) + 4), NVME_SC_INVALID_FIELD);
	assert_int_equal(io_blamed(a), 40);
	/* a host that is away at the moment */
	ssd_function_reset(a->r->ssd);
	assert_int_equal(resv_report(c, false, 4096), 0);
	assert_int_equal(le16_get(resv_registrant(c, 0)->cntlid), 0xffff);
	assert_int_equal(le16_get(resv_registrant(c, 1)->cntlid), 2);
}

static void
full(void **state)
{
	struct hosts *h = *state;
	struct io *a = h->h[0], *b = h->h[1];

	for (uint32_t i = 0; i < SSD_RESV_HOSTS; i++) {
		ssd_function_reset(a->r->ssd);
		a->r->used = a->buf + IO_PAGES * SSD_PAGE + 2 * SSD_PAGE - RIG_BASE;
		memset(rig_ptr(a->r, RIG_BASE + a->r->used), 0, 16 * SSD_PAGE);
		two_again(a);
		assert_int_equal(resv_set_id(a, 0x2000 + i, 0, false), 0);
		assert_int_equal(resv_register(a, REG, 0, KEY_A), 0);
	}
	assert_int_equal(resv_register(b, REG, 0, KEY_B), NVME_SC_INTERNAL);
	assert_int_equal(resv_register(b, REPLACE | IEKEY, 0, KEY_B), NVME_SC_INTERNAL);
	assert_int_equal(resv_state(b), STATE(0, SSD_RESV_HOSTS, 0));
	assert_int_equal(le16_get(resv_registrant(b, 63)->cntlid), 1);
	assert_int_equal(resv_acquire(a, ACQ, NVME_RTYPE_EA, KEY_A, 0), 0);
	assert_int_equal(resv_acquire(a, PREEMPT, NVME_RTYPE_EA, KEY_A, KEY_A), 0); /* all but itself */
	assert_int_equal(resv_state(b), STATE(NVME_RTYPE_EA, 1, BY_A));
	assert_int_equal(resv_register(b, REG, 0, KEY_B), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, hosts_setup, hosts_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(announced),
		T(register_and_unregister),
		T(replace),
		T(bad_fields),
		T(bad_data),
		T(acquire),
		T(unregister_holder),
		T(preempt_holder),
		T(preempt_registrant),
		T(clear),
		T(generation),
		T(report),
		T(full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
