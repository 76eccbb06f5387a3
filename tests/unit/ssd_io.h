/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands with data, for tests of the SSD's handlers: a buffer at a fixed place and PRPs for any length of it. */
#pragma once
#include "ssd_rig.h"

#define IO_PAGES 520u /* of the buffer: a little more than MDTS allows */

struct io {
	struct rig *r;
	uint64_t buf, list; /* bus addresses */
	struct nvme_cqe cqe; /* of the last command */
};

static inline void
io_init(struct io *io, struct rig *r)
{
	*io = (struct io){ .r = r, .buf = rig_alloc(r, IO_PAGES), .list = rig_alloc(r, 2) };
}

static inline uint8_t *
io_buf(struct io *io)
{
	return rig_ptr(io->r, io->buf);
}

/* PRPs for the first len bytes of the buffer. */
static inline void
io_prp(struct io *io, struct nvme_sqe *sqe, uint64_t len)
{
	uint32_t pages = (uint32_t)((len + SSD_PAGE - 1) / SSD_PAGE), in_first = 511;

	sqe->prp1 = le64_from(io->buf);
	if (pages <= 2) {
		sqe->prp2 = le64_from(pages == 2 ? io->buf + SSD_PAGE : 0);
		return;
	}
	sqe->prp2 = le64_from(io->list);
	for (uint32_t i = 1, slot = 0; i < pages; i++, slot++) {
		if (slot == in_first && pages - i > 1) {
			rig_le64(io->r, io->list)[slot] = le64_from(io->list + SSD_PAGE);
			slot = 512;
		}
		rig_le64(io->r, io->list)[slot] = le64_from(io->buf + (uint64_t)i * SSD_PAGE);
	}
}

/* On I/O queue 1; the status code without DNR and M. */
static inline nvme_status
io_cmd(struct io *io, struct nvme_sqe *sqe, uint64_t len)
{
	io_prp(io, sqe, len);
	return rig_sc(rig_cmd(io->r, 1, sqe, &io->cqe));
}

static inline nvme_status
io_admin(struct io *io, struct nvme_sqe *sqe, uint64_t len)
{
	io_prp(io, sqe, len);
	return rig_sc(rig_cmd(io->r, 0, sqe, &io->cqe));
}

static inline uint32_t
io_shift(struct io *io, uint32_t nsid)
{
	return io->r->sub->ns[nsid - 1].lba_shift;
}

static inline nvme_status
io_read(struct io *io, uint32_t nsid, uint64_t slba, uint32_t nlb)
{
	struct nvme_sqe sqe;

	nvme_prep_read(&sqe, nsid, slba, nlb);
	return io_cmd(io, &sqe, (uint64_t)nlb << io_shift(io, nsid));
}

static inline nvme_status
io_write(struct io *io, uint32_t nsid, uint64_t slba, uint32_t nlb, uint8_t with)
{
	struct nvme_sqe sqe;

	memset(io_buf(io), with, (size_t)nlb << io_shift(io, nsid));
	nvme_prep_write(&sqe, nsid, slba, nlb);
	return io_cmd(io, &sqe, (uint64_t)nlb << io_shift(io, nsid));
}

/* Every byte of these blocks reads as `with`. */
static inline void
io_expect(struct io *io, uint32_t nsid, uint64_t slba, uint32_t nlb, uint8_t with)
{
	memset(io_buf(io), ~with, (size_t)nlb << io_shift(io, nsid));
	assert_int_equal(io_read(io, nsid, slba, nlb), 0);
	for (size_t i = 0; i < (size_t)nlb << io_shift(io, nsid); i++)
		assert_int_equal(io_buf(io)[i], with);
}

static inline nvme_status
io_feature_set(struct io *io, uint8_t fid, uint32_t nsid, uint32_t cdw11, bool save)
{
	struct nvme_sqe sqe = { .opc = NVME_ADM_SET_FEATURES, .nsid = le32_from(nsid), .cdw11 = le32_from(cdw11) };

	sqe.cdw10 = le32_from(fid | (save ? 1u << 31 : 0));
	return io_admin(io, &sqe, SSD_PAGE);
}

static inline nvme_status
io_feature_get(struct io *io, uint8_t fid, uint32_t nsid, uint32_t sel, uint32_t cdw11)
{
	struct nvme_sqe sqe = { .opc = NVME_ADM_GET_FEATURES, .nsid = le32_from(nsid), .cdw11 = le32_from(cdw11) };

	sqe.cdw10 = le32_from(fid | sel << 8);
	return io_admin(io, &sqe, SSD_PAGE);
}

/* The field that the newest error log entry blames. */
static inline uint32_t
io_blamed(struct io *io)
{
	struct ssd *ssd = io->r->ssd;

	return le16_get(ssd->errors[(ssd->error_count - 1) % SSD_ERROR_ENTRIES].pel) & 0xff;
}

static inline uint64_t
io_blamed_lba(struct io *io)
{
	struct ssd *ssd = io->r->ssd;

	return le64_get(ssd->errors[(ssd->error_count - 1) % SSD_ERROR_ENTRIES].lba);
}

/* A rig with a queue pair and a buffer. */
static inline int
io_setup(void **state)
{
	struct io *io = test_calloc(1, sizeof(*io));

	if (rig_setup_pair(state))
		return -1;
	io_init(io, *state);
	*state = io;
	return 0;
}

static inline int
io_teardown(void **state)
{
	struct io *io = *state;

	rig_close(io->r);
	test_free(io);
	return 0;
}
