/* SPDX-License-Identifier: BSD-3-Clause */
/* Reservations: who is told of what; the features 81h to 83h; what survives the power. */
#include "ssd_ns_io.h"
#include "ssd_resv_io.h"

#define EVENT (NVME_AER_IOCS | NVME_LOG_RESV << 16)
#define MASK NVME_FEAT_RESV_NOTIFY
#define PERSIST NVME_FEAT_RESV_PERSIST
#define REGPRE NVME_RNLPT_REG_PREEMPTED
#define RESREL NVME_RNLPT_RESV_RELEASED
#define RESPRE NVME_RNLPT_RESV_PREEMPTED

/* The oldest notification of a host: its type, 0: none.  The log of the one before it counts its page. */
static uint32_t
note(struct io *io)
{
	const struct nvme_resv_log *log = (const void *)io_buf(io);

	assert_int_equal(two_log(io, NVME_LOG_RESV, 64), 0);
	assert_int_equal(le32_get(log->nsid), log->rnlpt ? 1 : 0);
	assert_int_equal(!le64_get(log->lpc), !log->rnlpt);
	return log->rnlpt;
}

static void
expect(struct hosts *h, uint32_t a, uint32_t b, uint32_t c)
{
	const uint32_t want[3] = { a, b, c };

	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(note(h->h[i]), want[i]);
		assert_int_equal(note(h->h[i]), 0);
	}
}

static void
acquire(struct hosts *h, uint32_t i, uint32_t rtype)
{
	assert_int_equal(resv_acquire(h->h[i], NVME_RACQA_ACQUIRE, rtype, resv_keys[i], 0), 0);
}

static void
released(void **state)
{
	struct hosts *h = *state;

	hosts_register(h, 3);
	for (uint32_t rtype = NVME_RTYPE_WE; rtype <= NVME_RTYPE_EAAR; rtype++) {
		uint32_t want = rtype >= NVME_RTYPE_WERO ? RESREL : 0;

		acquire(h, 0, rtype);
		expect(h, 0, 0, 0);
		assert_int_equal(resv_release(h->h[0], NVME_RRELA_RELEASE, rtype, KEY_A), 0);
		expect(h, 0, want, want);
	}
	for (uint32_t rtype = NVME_RTYPE_WE; rtype <= NVME_RTYPE_EARO; rtype++) {
		uint32_t want = rtype >= NVME_RTYPE_WERO ? RESREL : 0;

		hosts_register(h, 3);
		acquire(h, 0, rtype);
		assert_int_equal(resv_register(h->h[0], NVME_RREGA_UNREGISTER, KEY_A, 0), 0);
		expect(h, 0, want, want);
	}
	assert_int_equal(resv_register(h->h[2], NVME_RREGA_UNREGISTER, KEY_C, 0), 0); /* who holds nothing */
	expect(h, 0, 0, 0);
}

/* A holder without an identifier, and the reset of its controller. */
static void
released_by_reset(void **state)
{
	struct hosts *h = *state;

	hosts_register(h, 2);
	acquire(h, 0, NVME_RTYPE_WERO);
	ssd_function_reset(h->h[0]->r->ssd);
	assert_int_equal(note(h->h[1]), RESREL);
	assert_int_equal(note(h->h[2]), 0);
	two_again(h->h[0]);
	hosts_register(h, 1);
	acquire(h, 0, NVME_RTYPE_WE);
	ssd_function_reset(h->h[0]->r->ssd);
	assert_int_equal(note(h->h[1]), 0);
}

static void
preempted(void **state)
{
	struct hosts *h = *state;

	hosts_register(h, 3);
	assert_int_equal(resv_preempt(h->h[0], NVME_RTYPE_EA, KEY_A, KEY_B), 0);
	expect(h, 0, REGPRE, 0);
	hosts_register(h, 3);
	acquire(h, 0, NVME_RTYPE_WE);
	assert_int_equal(resv_preempt(h->h[1], NVME_RTYPE_WE, KEY_B, KEY_A), 0); /* the same type: no news for C */
	expect(h, REGPRE, 0, 0);
	hosts_register(h, 3);
	assert_int_equal(resv_preempt(h->h[0], NVME_RTYPE_EA, KEY_A, KEY_B), 0);
	expect(h, 0, REGPRE, RESREL);
	hosts_register(h, 3);
	assert_int_equal(resv_release(h->h[0], NVME_RRELA_CLEAR, 0, KEY_A), 0);
	expect(h, 0, RESPRE, RESPRE);
}

/* Preempting with the key of the holder, which is its own: nobody goes, but the type is another. */
static void
preempts_itself(void **state)
{
	struct hosts *h = *state;

	hosts_register(h, 3);
	acquire(h, 0, NVME_RTYPE_WE);
	assert_int_equal(resv_preempt(h->h[0], NVME_RTYPE_WE, KEY_A, KEY_A), 0);
	expect(h, 0, 0, 0);
	assert_int_equal(resv_preempt(h->h[0], NVME_RTYPE_EA, KEY_A, KEY_A), 0);
	expect(h, 0, RESREL, RESREL);
	assert_int_equal(resv_preempt(h->h[0], NVME_RTYPE_WEAR, KEY_A, KEY_A), 0);
	expect(h, 0, RESREL, RESREL);
	assert_int_equal(resv_preempt(h->h[0], NVME_RTYPE_WE, KEY_A, 0), 0);
	expect(h, 0, REGPRE, REGPRE);
}

/* All controllers of a host are told, and none of the host that did it. */
static void
hosts_not_controllers(void **state)
{
	struct hosts *h = *state;
	struct io d;

	two_more(&d, h->t.a.r);
	assert_int_equal(resv_set_id(&d, 0x1001, 0, false), 0); /* B's */
	hosts_register(h, 3);
	assert_int_equal(resv_preempt(h->h[0], NVME_RTYPE_EA, KEY_A, KEY_B), 0);
	assert_int_equal(note(&d), REGPRE);
	expect(h, 0, REGPRE, 0);
	assert_int_equal(resv_register(&d, NVME_RREGA_REGISTER, 0, KEY_B), 0);
	assert_int_equal(resv_release(h->h[1], NVME_RRELA_CLEAR, 0, KEY_B), 0);
	assert_int_equal(note(&d), 0);
	expect(h, RESPRE, 0, RESPRE);
	hosts_register(h, 3);
	assert_int_equal(ns_detach(h->h[0], 1, d.r->ssd->cntlid), 0);
	assert_int_equal(resv_release(h->h[0], NVME_RRELA_CLEAR, 0, KEY_A), 0);
	assert_int_equal(note(&d), 0); /* the namespace is not attached to it */
	expect(h, 0, RESPRE, RESPRE);
	two_less(&d);
}

static void
events(void **state)
{
	struct hosts *h = *state;
	struct io *b = h->h[1];
	struct nvme_sqe sqe;

	two_aer(b);
	hosts_register(h, 2);
	assert_int_equal(two_event(b), 0);
	acquire(h, 0, NVME_RTYPE_WERO);
	assert_int_equal(resv_release(h->h[0], NVME_RRELA_RELEASE, NVME_RTYPE_WERO, KEY_A), 0);
	assert_int_equal(two_event(b), EVENT);
	two_aer(b);
	assert_int_equal(resv_release(h->h[0], NVME_RRELA_CLEAR, 0, KEY_A), 0);
	assert_int_equal(two_event(b), 0); /* until the log is read */
	nvme_prep_get_log_page(&sqe, NVME_LOG_RESV, NVME_NSID_ALL, 64, 0);
	sqe.cdw10.raw |= htole32(NVME_GLP_RAE);
	assert_int_equal(io_admin(b, &sqe, 64), 0);
	assert_int_equal(io_buf(b)[8], RESREL);
	assert_int_equal(io_buf(b)[9], 1); /* one more */
	assert_int_equal(two_event(b), 0); /* with RAE it is still not asked for */
	hosts_register(h, 2);
	assert_int_equal(resv_release(h->h[0], NVME_RRELA_CLEAR, 0, KEY_A), 0);
	assert_int_equal(note(b), RESPRE);
	assert_int_equal(io_buf(b)[9], 1);
	assert_int_equal(two_event(b), EVENT);
	assert_int_equal(note(b), RESPRE);
	two_aer(b);
	assert_int_equal(two_event(b), 0);
	hosts_register(h, 2);
	assert_int_equal(resv_release(h->h[0], NVME_RRELA_CLEAR, 0, KEY_A), 0);
	assert_int_equal(two_event(b), EVENT);
}

/* What was read before anybody asked for events is no event any more. */
static void
no_stale_event(void **state)
{
	struct hosts *h = *state;
	struct io *b = h->h[1];

	hosts_register(h, 2);
	assert_int_equal(resv_release(h->h[0], NVME_RRELA_CLEAR, 0, KEY_A), 0);
	assert_int_equal(note(b), RESPRE);
	two_aer(b);
	assert_int_equal(two_event(b), 0);
}

static void
queue(void **state)
{
	struct hosts *h = *state;
	struct io *b = h->h[1];
	const struct nvme_resv_log *log = (const void *)io_buf(b);

	for (uint32_t i = 0; i < SSD_RESV_NOTES + 4; i++) {
		hosts_register(h, 2);
		assert_int_equal(resv_release(h->h[0], NVME_RRELA_CLEAR, 0, KEY_A), 0);
	}
	for (uint32_t i = 0; i < SSD_RESV_NOTES; i++) {
		assert_int_equal(note(b), RESPRE);
		assert_int_equal(log->nalp, SSD_RESV_NOTES - 1 - i);
		/* some were lost before the last: a gap in the count tells */
		assert_int_equal(le64_get(log->lpc), i < SSD_RESV_NOTES - 1 ? i + 1 : SSD_RESV_NOTES + 4);
	}
	assert_int_equal(note(b), 0);
	hosts_register(h, 2);
	b->r->ssd->resv_notes.count = UINT64_MAX;
	assert_int_equal(resv_release(h->h[0], NVME_RRELA_CLEAR, 0, KEY_A), 0);
	assert_int_equal(note(b), RESPRE);
	assert_int_equal(le64_get(log->lpc), 1);
	hosts_register(h, 2);
	assert_int_equal(resv_release(h->h[0], NVME_RRELA_CLEAR, 0, KEY_A), 0);
	ssd_function_reset(b->r->ssd);
	two_again(b);
	assert_int_equal(note(b), 0);
}

static uint32_t
value(struct io *io, uint8_t fid, uint32_t nsid, uint32_t sel)
{
	assert_int_equal(io_feature_get(io, fid, nsid, sel, 0), 0);
	return le32_get(io->cqe.dw0);
}

static void
rules(struct io *a, uint8_t fid)
{
	assert_int_equal(value(a, fid, 1, NVME_FEAT_SEL_CAPS), NVME_FEAT_CAPS_NS_SPEC | NVME_FEAT_CAPS_CHANGEABLE);
	assert_int_equal(io_feature_get(a, fid, NVME_NSID_ALL, 0, 0), NVME_SC_INVALID_FIELD);
	assert_int_equal(io_blamed(a), 4);
	assert_int_equal(io_feature_get(a, fid, 0, 0, 0), NVME_SC_INVALID_NS);
	assert_int_equal(io_feature_get(a, fid, 33, 0, 0), NVME_SC_INVALID_NS);
	assert_int_equal(io_feature_get(a, fid, 3, 0, 0), NVME_SC_INVALID_FIELD);
	assert_int_equal(io_feature_set(a, fid, 33, 0, false), NVME_SC_INVALID_NS);
	assert_int_equal(io_feature_set(a, fid, 3, 0, false), NVME_SC_INVALID_FIELD);
	assert_int_equal(io_feature_set(a, fid, 1, 1, true), NVME_SC_FEAT_NOT_SAVEABLE);
	assert_int_equal(value(a, fid, 1, 0) | value(a, fid, 2, 0), 0);
}

static void
mask(void **state)
{
	struct hosts *h = *state;
	struct io *a = h->h[0], *b = h->h[1];

	rules(b, MASK);
	hosts_register(h, 3);
	assert_int_equal(io_feature_set(b, MASK, 1, ~(uint32_t)NVME_FEAT_RESV_RESREL, false), 0);
	assert_int_equal(value(b, MASK, 1, 0), NVME_FEAT_RESV_REGPRE | NVME_FEAT_RESV_RESPRE);
	assert_int_equal(value(b, MASK, 1, NVME_FEAT_SEL_DEFAULT), 0);
	assert_int_equal(value(b, MASK, 2, 0) | value(a, MASK, 1, 0), 0);
	assert_int_equal(resv_preempt(a, NVME_RTYPE_EA, KEY_A, KEY_B), 0);
	hosts_register(h, 3);
	acquire(h, 0, NVME_RTYPE_WERO);
	assert_int_equal(resv_release(a, NVME_RRELA_RELEASE, NVME_RTYPE_WERO, KEY_A), 0);
	assert_int_equal(note(b), RESREL);
	assert_int_equal(resv_release(a, NVME_RRELA_CLEAR, 0, KEY_A), 0);
	assert_int_equal(note(b), 0);
	assert_int_equal(note(h->h[2]), RESREL);
	assert_int_equal(note(h->h[2]), RESPRE);
	assert_int_equal(ns_detach(a, 2, 2), 0);
	assert_int_equal(io_feature_set(b, MASK, NVME_NSID_ALL, (uint32_t)NVME_FEAT_RESV_RESREL, false), 0);
	assert_int_equal(value(b, MASK, 1, 0), NVME_FEAT_RESV_RESREL);
	assert_int_equal(ns_attach(a, 2, 2), 0);
	assert_int_equal(value(b, MASK, 2, 0), 0); /* it was not there to be set */
	ssd_function_reset(b->r->ssd);
	two_again(b);
	assert_int_equal(value(b, MASK, 1, 0), 0);
}

static void
host_identifier(void **state)
{
	struct hosts *h = *state;
	struct io *a = h->h[0], *b = h->h[1];

	assert_int_equal(value(a, NVME_FEAT_HOST_ID, 0, NVME_FEAT_SEL_CAPS), NVME_FEAT_CAPS_CHANGEABLE);
	assert_int_equal(io_feature_get(a, NVME_FEAT_HOST_ID, 0, 0, 0), 0);
	assert_int_equal(io_buf(a)[0], 0);
	assert_int_equal(io_feature_set(a, NVME_FEAT_HOST_ID, 1, 0, false), NVME_SC_FEAT_NOT_NS_SPECIFIC);
	assert_int_equal(io_feature_set(a, NVME_FEAT_HOST_ID, 0, 0, true), NVME_SC_FEAT_NOT_SAVEABLE);
	assert_int_equal(resv_set_id(a, 0, 0, false), 0); /* none, as before */
	assert_int_equal(resv_set_id(a, 0x1122334455667788, 0x99, false), 0);
	assert_int_equal(resv_set_id(a, 1, 0, false), NVME_SC_CMD_SEQUENCE);
	memset(io_buf(a), 0xee, 16);
	assert_int_equal(io_feature_get(a, NVME_FEAT_HOST_ID, 0, 0, 0), 0);
	assert_memory_equal(io_buf(a), "\x88\x77\x66\x55\x44\x33\x22\x11\xee", 9);
	assert_int_equal(io_feature_get(a, NVME_FEAT_HOST_ID, 0, 0, 1), NVME_SC_HOSTID_FORMAT);
	assert_int_equal(io_blamed(a), 44);
	assert_int_equal(io_feature_get(a, NVME_FEAT_HOST_ID, 0, NVME_FEAT_SEL_DEFAULT, 1), 0);
	assert_memory_equal(io_buf(a), "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
	assert_int_equal(resv_set_id(b, 1, 2, true), NVME_SC_HOSTID_FORMAT);
	ssd_function_reset(a->r->ssd);
	two_again(a);
	assert_int_equal(resv_set_id(b, 1, 2, true), 0);
	assert_int_equal(io_feature_get(b, NVME_FEAT_HOST_ID, 0, 0, 1), 0);
	assert_memory_equal(io_buf(b), "\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0", 16);
	b->buf += 1ull << 50;
	assert_int_equal(io_feature_get(b, NVME_FEAT_HOST_ID, 0, 0, 1), NVME_SC_DATA_TRANSFER);
	a->buf += 1ull << 50;
	assert_int_equal(io_feature_set(a, NVME_FEAT_HOST_ID, 0, 1, false), NVME_SC_DATA_TRANSFER);
}

static void
persistence(void **state)
{
	struct hosts *h = *state;
	struct io *a = h->h[0], *b = h->h[1];

	rules(a, PERSIST);
	hosts_register(h, 2);
	acquire(h, 0, NVME_RTYPE_EA);
	assert_int_equal(resv_status(b)->ptpls, 0);
	hosts_power_cycle(h);
	assert_int_equal(resv_state(b), 0);
	assert_int_equal(resv_gen(b), 0);
	hosts_ids(h);
	hosts_register(h, 2);
	acquire(h, 0, NVME_RTYPE_EA);
	assert_int_equal(io_feature_set(b, PERSIST, 1, ~0u, false), 0);
	assert_int_equal(value(a, PERSIST, 1, 0), 1);
	assert_int_equal(value(a, PERSIST, 2, 0) | value(a, PERSIST, 1, NVME_FEAT_SEL_DEFAULT), 0);
	assert_int_equal(resv_status(b)->ptpls, 1);
	hosts_power_cycle(h);
	hosts_ids(h);
	assert_int_equal(resv_state(b), (uint32_t)NVME_RTYPE_EA << 16 | 2u << 8 | BY_A);
	assert_int_equal(resv_gen(b), 2);
	assert_int_equal(io_write(b, 1, 0, 1, 1), NVME_SC_RESV_CONFLICT);
	assert_int_equal(io_write(a, 1, 0, 1, 1), 0);
	assert_int_equal(io_feature_set(b, PERSIST, NVME_NSID_ALL, 0, false), 0);
	assert_int_equal(resv_status(b)->ptpls, 0);
	assert_int_equal(io_feature_set(b, PERSIST, NVME_NSID_ALL, 1, false), 0);
	assert_int_equal(value(a, PERSIST, 1, 0) + value(a, PERSIST, 2, 0), 2);
}

static void
persistence_by_register(void **state)
{
	struct hosts *h = *state;
	struct io *a = h->h[0];

	assert_int_equal(resv_register(a, (uint32_t)NVME_CPTPL_SET << 30, 0, KEY_A), 0);
	assert_int_equal(value(a, PERSIST, 1, 0), 1);
	assert_int_equal(resv_register(a, 0, 0, KEY_A), 0);
	assert_int_equal(value(a, PERSIST, 1, 0), 1);
	assert_int_equal(resv_register(a, (uint32_t)NVME_CPTPL_CLEAR << 30, 0, KEY_B), NVME_SC_RESV_CONFLICT);
	assert_int_equal(value(a, PERSIST, 1, 0), 1);
	assert_int_equal(resv_register(a, (uint32_t)NVME_CPTPL_CLEAR << 30, 0, KEY_A), 0);
	assert_int_equal(value(a, PERSIST, 1, 0), 0);
	/* who has no identifier is gone with the power, whatever persists */
	assert_int_equal(resv_register(a, (uint32_t)NVME_CPTPL_SET << 30, 0, KEY_A), 0);
	acquire(h, 0, NVME_RTYPE_EA);
	hosts_power_cycle(h);
	assert_int_equal(resv_state(a), 0);
	assert_int_equal(value(a, PERSIST, 1, 0), 1);
	assert_int_equal(io_write(h->h[2], 1, 0, 1, 1), 0);
}

#define T(f, setup) cmocka_unit_test_setup_teardown(f, setup, hosts_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(released, hosts_setup),
		T(released_by_reset, hosts_bare),
		T(preempted, hosts_setup),
		T(preempts_itself, hosts_setup),
		T(hosts_not_controllers, hosts_setup),
		T(events, hosts_setup),
		T(no_stale_event, hosts_setup),
		T(queue, hosts_setup),
		T(mask, hosts_setup),
		T(host_identifier, hosts_bare),
		T(persistence, hosts_setup),
		T(persistence_by_register, hosts_bare),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
