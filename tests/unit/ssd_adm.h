/* SPDX-License-Identifier: BSD-3-Clause */
/* Admin commands with data, logs, events and time, for tests of the SSD's admin side. */
#pragma once
#include "ssd_io.h"

#define ADM_MS 1000000ull

/* Virtual time passes, and the drive does what becomes due. */
static inline void
adm_sleep(struct io *io, uint64_t ns)
{
	io->r->now += ns;
	rig_step(io->r);
}

/* CDW10 has LID, LSP and RAE; NUMD is added. */
static inline nvme_status
adm_log_part(struct io *io, uint32_t cdw10, uint64_t off, uint32_t len)
{
	struct nvme_sqe sqe = { .opc = NVME_ADM_GET_LOG_PAGE, .nsid = le32_from(NVME_NSID_ALL) };
	uint32_t numd = len / 4 - 1;

	memset(io_buf(io), 0xee, len);
	sqe.cdw10 = le32_from(cdw10 | numd << 16);
	sqe.cdw11 = le32_from(numd >> 16);
	sqe.cdw12 = le32_from((uint32_t)off);
	sqe.cdw13 = le32_from((uint32_t)(off >> 32));
	return io_admin(io, &sqe, len);
}

static inline void *
adm_log(struct io *io, uint8_t lid, uint32_t len)
{
	assert_int_equal(adm_log_part(io, lid, 0, len), 0);
	return io_buf(io);
}

static inline struct nvme_id_ctrl *
adm_identify(struct io *io)
{
	struct nvme_sqe sqe;

	nvme_prep_identify(&sqe, NVME_CNS_CTRL, 0, 0);
	assert_int_equal(io_admin(io, &sqe, SSD_PAGE), 0);
	return (void *)io_buf(io);
}

static inline nvme_status
adm_opc(struct io *io, uint8_t opc, uint32_t nsid, uint32_t cdw10, uint32_t cdw11)
{
	struct nvme_sqe sqe = {
		.opc = opc, .nsid = le32_from(nsid), .cdw10 = le32_from(cdw10), .cdw11 = le32_from(cdw11)
	};

	return io_admin(io, &sqe, SSD_PAGE);
}

/* Controller reset: queues are made anew, with the buffer where it was. */
static inline void
adm_enable(struct io *io)
{
	assert_int_equal(rig_enable(io->r, 32) & (NVME_CSTS_RDY | NVME_CSTS_CFS), NVME_CSTS_RDY);
	rig_pair(io->r, 1, 64, -1);
}

static inline void
adm_reset(struct io *io)
{
	rig_set(io->r, NVME_REG_CC, 0);
	rig_step(io->r);
	adm_enable(io);
}

/* After what resets configuration space too. */
static inline void
adm_restart(struct io *io)
{
	rig_cfg_set(io->r, 4, 2, 6); /* MSE, BME */
	adm_enable(io);
}

static inline void
adm_power_cycle(struct io *io)
{
	ssd_power_off(io->r->sub);
	ssd_power_on(io->r->sub);
	adm_restart(io);
}

/* An Asynchronous Event Request goes out. */
static inline void
adm_aer(struct io *io)
{
	struct nvme_sqe sqe;

	nvme_prep_aer(&sqe);
	rig_put(io->r, 0, &sqe);
	rig_ring(io->r, 0);
	rig_step(io->r);
}

/* The event that came; 0xffffffff: none. */
static inline uint32_t
adm_event(struct io *io)
{
	struct nvme_cqe cqe;

	rig_step(io->r);
	return rig_reap(io->r, 0, &cqe) ? le32_get(cqe.dw0) : UINT32_MAX;
}
