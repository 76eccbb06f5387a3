/* SPDX-License-Identifier: BSD-3-Clause */
/* Doorbell Buffer Config: shadow doorbells, event indexes, what is refused, what ends it. */
#include "ssd_io.h"

#define STRIDE 32u /* CAP.DSTRD is 3 */

struct bufs {
	uint64_t shadow, event;
};

static le32 *
dw(struct rig *r, uint64_t base, uint16_t qid, bool cq)
{
	return (le32 *)rig_ptr(r, base + (2u * qid + cq) * STRIDE);
}

static nvme_status
config(struct rig *r, uint64_t shadow, uint64_t event)
{
	struct nvme_sqe sqe;

	nvme_prep_dbbuf_config(&sqe, shadow, event);
	return rig_sc(rig_admin(r, &sqe));
}

static struct bufs
start(struct rig *r)
{
	struct bufs b = { .shadow = rig_alloc(r, 2), .event = rig_alloc(r, 2) };

	memset(rig_ptr(r, b.shadow), 0xa5, 2 * SSD_PAGE); /* whatever it holds: the drive begins from what it knows */
	assert_int_equal(config(r, b.shadow, b.event), 0);
	return b;
}

/* Flushes placed in the ring; only the shadow doorbell is written. */
static void
ring_shadow(struct rig *r, const struct bufs *b, uint16_t q, uint32_t n)
{
	struct nvme_sqe sqe;

	for (uint32_t i = 0; i < n; i++) {
		nvme_prep_flush(&sqe, 1);
		rig_put(r, q, &sqe);
	}
	*dw(r, b->shadow, q, false) = le32_from(r->q[q].tail);
}

/* How many completions; the head goes to the shadow doorbell. */
static uint32_t
reap_shadow(struct rig *r, const struct bufs *b, uint16_t q)
{
	uint32_t n = rig_reap_all(r, q);

	((uint32_t *)ssd_doorbells(r->ssd))[q * 16 + 8] = 0xdead; /* the register means nothing any more */
	*dw(r, b->shadow, q, true) = le32_from(r->q[q].head);
	return n;
}

static void
shadow_is_read(void **state)
{
	struct rig *r = *state;
	struct bufs b;

	rig_flushes(r, 1, 5);
	rig_step(r);
	assert_int_equal(rig_reap_all(r, 1), 5);
	rig_step(r);
	b = start(r);
	assert_int_equal(le32_get(*dw(r, b.shadow, 1, false)), 5);
	assert_int_equal(le32_get(*dw(r, b.event, 1, false)), 5);
	for (int i = 0; i < 100; i++) {
		ring_shadow(r, &b, 1, 50);
		rig_step(r);
		assert_int_equal(reap_shadow(r, &b, 1), 50);
		assert_int_equal(le32_get(*dw(r, b.event, 1, false)), r->q[1].tail);
	}
	rig_step(r);
	assert_int_equal(le32_get(*dw(r, b.event, 1, true)), r->q[1].head);
	/* A register that is written without its shadow is no doorbell. */
	rig_flushes(r, 1, 1);
	rig_step(r);
	assert_int_equal(rig_reap_all(r, 1), 0);
	assert_true(rig_works(r)); /* the admin queue has its registers */
}

/* A queue that is made afterwards starts at 0, the last one beyond the first page included. */
static void
new_queues(void **state)
{
	struct rig *r = *state;
	struct bufs b = start(r);

	for (uint16_t q = 2; q < 128; q += 125) {
		memset(dw(r, b.shadow, q, false), 0x77, 2 * STRIDE);
		rig_pair(r, q, 8, -1);
		assert_int_equal(le32_get(*dw(r, b.shadow, q, false)), 0);
		assert_int_equal(le32_get(*dw(r, b.shadow, q, true)), 0);
		ring_shadow(r, &b, q, 7);
		rig_step(r);
		assert_int_equal(reap_shadow(r, &b, q), 7);
		ring_shadow(r, &b, q, 3);
		rig_step(r);
		assert_int_equal(reap_shadow(r, &b, q), 3);
	}
}

/* Values that cannot be are reported as those of registers are. */
static void
bad_values(void **state)
{
	struct rig *r = *state;
	struct bufs b = start(r);
	struct nvme_sqe sqe;
	struct nvme_cqe cqe;

	nvme_prep_aer(&sqe);
	rig_put(r, 0, &sqe);
	rig_ring(r, 0);
	rig_step(r);
	*dw(r, b.shadow, 1, false) = le32_from(64);
	rig_step(r);
	assert_true(rig_reap(r, 0, &cqe));
	assert_int_equal(le32_get(cqe.dw0), 0x10100); /* error, Invalid Doorbell Value, error log */
	ring_shadow(r, &b, 1, 2);
	rig_step(r);
	assert_int_equal(reap_shadow(r, &b, 1), 2);
}

/* A buffer that the port cannot map as one piece, or at all. */
static void
not_mappable(void **state)
{
	struct rig *r = *state;
	struct bufs b = start(r);

	r->no_map = true;
	ssd_port_changed(r->ssd);
	for (int i = 0; i < 10; i++) {
		ring_shadow(r, &b, 1, 9);
		rig_step(r);
		assert_int_equal(reap_shadow(r, &b, 1), 9);
	}
	r->no_map = false;
	ssd_port_changed(r->ssd);
	ring_shadow(r, &b, 1, 9);
	rig_step(r);
	assert_int_equal(reap_shadow(r, &b, 1), 9);
	/* Memory that is gone: nothing is executed, nothing breaks, and it goes on when it is back. */
	r->hole = b.shadow;
	r->hole_len = 2 * SSD_PAGE;
	ssd_port_changed(r->ssd);
	ring_shadow(r, &b, 1, 4);
	rig_step(r);
	assert_int_equal(rig_reap_all(r, 1), 0);
	assert_true(rig_works(r));
	r->hole_len = 0;
	ssd_port_changed(r->ssd);
	rig_step(r);
	assert_int_equal(reap_shadow(r, &b, 1), 4);
}

static void
refused(void **state)
{
	struct io *io = *state;
	uint64_t at = rig_alloc(io->r, 2), out = RIG_BASE + RIG_MEM;

	assert_int_equal(config(io->r, at + 8, at + SSD_PAGE), NVME_SC_INVALID_FIELD);
	assert_int_equal(io_blamed(io), 24);
	assert_int_equal(config(io->r, at, at + SSD_PAGE + 64), NVME_SC_INVALID_FIELD);
	assert_int_equal(io_blamed(io), 32);
	assert_int_equal(config(io->r, 0, at), NVME_SC_INVALID_FIELD);
	assert_int_equal(config(io->r, out, at), NVME_SC_INVALID_FIELD);
	assert_int_equal(io_blamed(io), 24);
	assert_int_equal(config(io->r, at, out), NVME_SC_INVALID_FIELD);
	assert_int_equal(config(io->r, UINT64_MAX - 4095, at), NVME_SC_INVALID_FIELD);
	/* Nothing changed: registers are read. */
	rig_flushes(io->r, 1, 3);
	rig_step(io->r);
	assert_int_equal(rig_reap_all(io->r, 1), 3);
}

static void
ended_by_reset(void **state)
{
	struct rig *r = *state;

	for (int i = 0; i < 3; i++) {
		struct bufs b = start(r);

		ring_shadow(r, &b, 1, 3);
		rig_step(r);
		reap_shadow(r, &b, 1);
		if (i == 0) {
			rig_set(r, NVME_REG_CC, 0);
		} else {
			if (i == 1)
				ssd_function_reset(r->ssd);
			else
				rig_set(r, NVME_REG_NSSR, NVME_NSSR_VALUE);
			rig_cfg_set(r, 4, 2, 6);
		}
		memset(rig_ptr(r, b.shadow), 0x5a, SSD_PAGE);
		memset(rig_ptr(r, b.event), 0x5a, SSD_PAGE);
		assert_int_equal(rig_enable(r, 32) & NVME_CSTS_RDY, NVME_CSTS_RDY);
		rig_pair(r, 1, 64, -1);
		rig_flushes(r, 1, 7);
		rig_step(r);
		assert_int_equal(rig_reap_all(r, 1), 7);
		rig_step(r);
		for (uint32_t k = 0; k < SSD_PAGE; k++) /* not touched any more */
			assert_int_equal(((uint8_t *)rig_ptr(r, b.event))[k], 0x5a);
	}
}

static void
announced(void **state)
{
	struct io *io = *state;
	struct nvme_id_ctrl *id = (void *)io_buf(io);
	struct nvme_sqe sqe;

	nvme_prep_identify(&sqe, NVME_CNS_CTRL, 0, 0);
	assert_int_equal(io_admin(io, &sqe, SSD_PAGE), 0);
	assert_true(le16_get(id->oacs) & NVME_OACS_DBCS);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, rig_setup_pair, rig_teardown)
#define I(f) cmocka_unit_test_setup_teardown(f, io_setup, io_teardown)
	const struct CMUnitTest tests[] = {
		T(shadow_is_read), T(new_queues),     T(bad_values), T(not_mappable),
		I(refused),	   T(ended_by_reset), I(announced),
	};

	return cmocka_run_group_tests_name("ssd dbbuf", tests, NULL, NULL);
}
