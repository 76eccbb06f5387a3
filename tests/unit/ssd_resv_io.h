/* SPDX-License-Identifier: BSD-3-Clause */
/* Three hosts at one drive, and the reservation commands as they send them. */
#pragma once
#include "ssd_second.h"
#include "nvproof/spec/feat.h"
#include "nvproof/spec/nvm.h"
#include "nvproof/spec/resv.h"

#define KEY_A 0xaaaa000000000001ull
#define KEY_B 0xbbbb000000000002ull
#define KEY_C 0xcccc000000000003ull

struct hosts {
	struct two t;
	struct io c, *h[3];
};

static const uint64_t resv_keys[3] = { KEY_A, KEY_B, KEY_C };

static inline nvme_status
resv_set_id(struct io *io, uint64_t lo, uint64_t hi, bool wide)
{
	*(le64 *)(void *)io_buf(io) = le64_from(lo);
	*(le64 *)(void *)(io_buf(io) + 8) = le64_from(hi);
	return io_feature_set(io, NVME_FEAT_HOST_ID, 0, wide, false);
}

static inline nvme_status
resv_send(struct io *io, uint8_t opc, uint32_t cdw10, uint64_t crkey, uint64_t other)
{
	struct nvme_sqe sqe = { .opc = opc, .nsid = le32_from(1), .cdw10 = le32_from(cdw10) };

	*(le64 *)(void *)io_buf(io) = le64_from(crkey);
	*(le64 *)(void *)(io_buf(io) + 8) = le64_from(other);
	return io_cmd(io, &sqe, 16);
}

static inline nvme_status
resv_register(struct io *io, uint32_t action, uint64_t crkey, uint64_t nrkey)
{
	return resv_send(io, NVME_OPC_RESV_REGISTER, action, crkey, nrkey);
}

static inline nvme_status
resv_acquire(struct io *io, uint32_t action, uint32_t rtype, uint64_t crkey, uint64_t prkey)
{
	return resv_send(io, NVME_OPC_RESV_ACQUIRE, action | rtype << 8, crkey, prkey);
}

static inline nvme_status
resv_preempt(struct io *io, uint32_t rtype, uint64_t crkey, uint64_t prkey)
{
	return resv_acquire(io, NVME_RACQA_PREEMPT, rtype, crkey, prkey);
}

static inline nvme_status
resv_release(struct io *io, uint32_t action, uint32_t rtype, uint64_t crkey)
{
	return resv_send(io, NVME_OPC_RESV_RELEASE, action | rtype << 8, crkey, 0);
}

static inline nvme_status
resv_report(struct io *io, bool eds, uint32_t len)
{
	struct nvme_sqe sqe = { .opc = NVME_OPC_RESV_REPORT, .nsid = le32_from(1), .cdw11 = le32_from(eds) };

	memset(io_buf(io), 0xee, 8192);
	sqe.cdw10 = le32_from(len / 4 - 1);
	return io_cmd(io, &sqe, len);
}

/* The plain report: its header, its registrants. */
static inline const struct nvme_resv_status *
resv_status(struct io *io)
{
	assert_int_equal(resv_report(io, false, 4096), 0);
	return (const void *)io_buf(io);
}

static inline const struct nvme_resv_registrant *
resv_registrant(struct io *io, uint32_t i)
{
	return (const void *)(io_buf(io) + sizeof(struct nvme_resv_status) + i * sizeof(struct nvme_resv_registrant));
}

/* rtype << 16 | registrants << 8 | bit 0 to 2: the hosts A, B and C hold it. */
static inline uint32_t
resv_state(struct io *io)
{
	const struct nvme_resv_status *s = resv_status(io);
	uint32_t held = 0;

	for (uint32_t i = 0; i < s->regstrnt[0]; i++) {
		for (uint32_t k = 0; k < 3; k++) {
			if (le64_get(resv_registrant(io, i)->rkey) == resv_keys[k])
				held |= (uint32_t)(resv_registrant(io, i)->rcsts & 1) << k;
		}
	}
	return (uint32_t)s->rtype << 16 | (uint32_t)s->regstrnt[0] << 8 | held;
}
#define STATE(rtype, n, held) ((uint32_t)(rtype) << 16 | (uint32_t)(n) << 8 | (uint32_t)(held))
enum { BY_A = 1, BY_B = 2, BY_C = 4 };

static inline uint32_t
resv_gen(struct io *io)
{
	return le32_get(resv_status(io)->gen);
}

static inline int
hosts_bare(void **state)
{
	struct hosts *h = test_calloc(1, sizeof(*h));

	two_open(&h->t, NULL);
	two_more(&h->c, h->t.a.r);
	h->h[0] = &h->t.a;
	h->h[1] = &h->t.b;
	h->h[2] = &h->c;
	*state = h;
	return 0;
}

static inline void
hosts_ids(struct hosts *h)
{
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(resv_set_id(h->h[i], 0x1000 + i, 0, false), 0);
}

/* A, B and C have identifiers; none is registered. */
static inline int
hosts_setup(void **state)
{
	hosts_bare(state);
	hosts_ids(*state);
	return 0;
}

static inline void
hosts_power_cycle(struct hosts *h)
{
	two_power_cycle(&h->t);
	two_again(&h->c);
}

static inline int
hosts_teardown(void **state)
{
	struct hosts *h = *state;

	two_less(&h->c);
	two_close(&h->t);
	test_free(h);
	return 0;
}

/* The first n hosts, with their keys. */
static inline void
hosts_register(struct hosts *h, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(resv_register(h->h[i], NVME_RREGA_REGISTER, 0, resv_keys[i]), 0);
}
