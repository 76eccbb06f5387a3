/* SPDX-License-Identifier: BSD-3-Clause */
/* A second host with a controller of its own at the same drive; both have a queue pair and a buffer. */
#pragma once
#include "ssd_io.h"
#include <stdlib.h>
#include "nvproof/spec/pcie.h"
#include "util/alloc.h"

struct two {
	struct io a, b; /* controllers 1 and 2 */
};

static inline void
two_start(struct io *io, struct rig *r)
{
	assert_int_equal(rig_enable(r, 32), NVME_CSTS_RDY);
	rig_pair(r, 1, 64, -1);
	io_init(io, r);
}

/* One more controller at the drive of `first`. */
static inline void
two_more(struct io *io, struct rig *first)
{
	struct rig *r = ut_calloc(1, sizeof(*r));

	assert_non_null(r);
	r->sub = first->sub;
	r->mem = ut_calloc_aligned(SSD_PAGE, RIG_MEM);
	assert_non_null(r->mem);
	assert_int_equal(ssd_ctrlr_open(first->sub, &rig_port_ops, r, NULL, &r->ssd), 0);
	ssd_cfg_write(r->ssd, NVME_PCI_CMD, (uint8_t[]){ 6, 0 }, 2);
	r->now = first->now;
	two_start(io, r);
}

static inline void
two_less(struct io *io)
{
	ssd_ctrlr_close(io->r->ssd);
	free(io->r->mem);
	free(io->r);
}

static inline void
two_open(struct two *t, const struct ssd_config *cfg)
{
	struct rig *first = cfg ? rig_open_config(cfg) : rig_open();

	two_start(&t->a, first);
	two_more(&t->b, first);
}

static inline void
two_close(struct two *t)
{
	two_less(&t->b);
	rig_close(t->a.r);
}

/* After a reset or a power cycle: queues anew, the buffer stays. */
static inline void
two_again(struct io *io)
{
	struct rig *r = io->r;

	ssd_cfg_write(r->ssd, NVME_PCI_CMD, (uint8_t[]){ 6, 0 }, 2);
	assert_int_equal(rig_enable(r, 32), NVME_CSTS_RDY);
	rig_pair(r, 1, 64, -1);
}

static inline void
two_power_cycle(struct two *t)
{
	ssd_power_off(t->a.r->sub);
	ssd_power_on(t->a.r->sub);
	two_again(&t->a);
	two_again(&t->b);
}

static inline int
two_setup(void **state)
{
	struct two *t = test_calloc(1, sizeof(*t));

	two_open(t, NULL);
	*state = t;
	return 0;
}

static inline int
two_teardown(void **state)
{
	two_close(*state);
	test_free(*state);
	return 0;
}

/* An Asynchronous Event Request; DW0 of what comes within the next steps, 0: nothing does. */
static inline void
two_aer(struct io *io)
{
	struct nvme_sqe sqe;

	nvme_prep_aer(&sqe);
	rig_put(io->r, 0, &sqe);
	rig_ring(io->r, 0);
	rig_step(io->r);
}

static inline uint32_t
two_event(struct io *io)
{
	struct nvme_cqe cqe;

	rig_step(io->r);
	if (!rig_reap(io->r, 0, &cqe))
		return 0;
	assert_int_equal(nvme_status_of(le16_get(cqe.status)), 0);
	return le32_get(cqe.dw0);
}

static inline nvme_status
two_log(struct io *io, uint8_t lid, uint32_t len)
{
	struct nvme_sqe sqe;

	memset(io_buf(io), 0xee, len);
	nvme_prep_get_log_page(&sqe, lid, NVME_NSID_ALL, len, 0);
	return io_admin(io, &sqe, len);
}

static inline nvme_status
two_identify(struct io *io, uint8_t cns, uint32_t nsid)
{
	struct nvme_sqe sqe;

	memset(io_buf(io), 0xee, 4096);
	nvme_prep_identify(&sqe, cns, nsid, 0);
	return io_admin(io, &sqe, 4096);
}

static inline uint64_t
two_blamed_cs(struct io *io)
{
	struct ssd *ssd = io->r->ssd;

	return le64_get(ssd->errors[(ssd->error_count - 1) % SSD_ERROR_ENTRIES].cs);
}
