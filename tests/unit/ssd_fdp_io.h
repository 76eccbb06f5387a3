/* SPDX-License-Identifier: BSD-3-Clause */
/* A host of a drive with Flexible Data Placement, on flash that is quick and small. */
#pragma once
#include "ssd_claims.h"
#include <stdio.h>
#include "nvproof/spec/directive.h"
#include "nvproof/spec/fdp.h"
#include "nvproof/spec/id_lists.h"
#include "nvproof/spec/ns_mgmt.h"
#include "nvproof/spec/nvm.h"
#include "ssd/media/flash.h"

#define HANDLES 4u
#define SIZE (16u << 20)
#define RU_BLOCKS (4u * 2 * 8 * 4) /* 4 KiB: a page has 8 units, a block 8 pages, and there are 4 dies */
#define ENDGID_LSI (1u << 16)
#define S 1000000000ull
#define INVALID NVME_SC_INVALID_FIELD

static const char profile[] = "[drive]\nmedia = flash\ncapacity = 16M\nlba = 4096\n"
			      "[flash]\nchannels = 2\ndies = 2\nplanes = 2\npage_size = 16K\npages = 8\ncell = slc\n"
			      "read_us = 1\nprogram_us = 2\nerase_us = 5\nbus_mb_s = 100000\nspare_percent = 20\n"
			      "capacitor = yes\n[fdp]\nhandles = 4\n";

static inline int
setup_more(void **state, const char *more, uint32_t nr_ns)
{
	struct ssd_config cfg = { .nr_ns = nr_ns, .media = SSD_MEDIA_FLASH };
	struct io *io = test_calloc(1, sizeof(*io));
	char text[800], err[200] = "";

	snprintf(text, sizeof(text), "%s%s", profile, more);
	if (ssd_profile_parse("test.ini", text, strlen(text), &cfg.profile, err, sizeof(err)))
		fail_msg("%s", err);
	for (uint32_t i = 0; i < nr_ns; i++)
		cfg.ns[i] = (struct ssd_ns_config){ SIZE / nr_ns, 4096 };
	io->r = rig_open_config(&cfg);
	rig_enable(io->r, 32);
	rig_pair(io->r, 1, 64, -1);
	io_init(io, io->r);
	*state = io;
	return 0;
}

static inline int
setup(void **state)
{
	return setup_more(state, "enabled = yes\n", 1);
}

static inline int
setup_two(void **state)
{
	return setup_more(state, "enabled = yes\n", 2);
}

static inline int
setup_off(void **state)
{
	return setup_more(state, "", 1);
}

static inline int
setup_limit(void **state)
{
	return setup_more(state, "enabled = yes\ntime_limit_s = 30\n", 1);
}

/* A command on flash, which takes its time. */
static inline nvme_status
slow(struct io *io, struct nvme_sqe *sqe, uint64_t len)
{
	uint64_t end = io->r->now + 10 * S;

	io_prp(io, sqe, len);
	rig_put(io->r, 1, sqe);
	rig_ring(io->r, 1);
	while (!rig_reap(io->r, 1, &io->cqe) && io->r->now < end)
		ssd_step(io->r->ssd, io->r->now += 1000);
	return rig_sc(nvme_status_of(le16_get(io->cqe.status)));
}

static inline nvme_status
write_as(struct io *io, uint32_t dtype, uint32_t dspec, uint64_t slba, uint32_t nlb)
{
	struct nvme_sqe sqe;

	nvme_prep_write(&sqe, 1, slba, nlb);
	sqe.cdw12 = le32_from(le32_get(sqe.cdw12) | dtype << 20);
	sqe.cdw13 = le32_from(dspec << 16);
	return slow(io, &sqe, (uint64_t)nlb * 4096);
}

static inline void
put(struct io *io, uint32_t pid, uint64_t slba, uint32_t nlb)
{
	for (uint32_t n; nlb; nlb -= n, slba += n) {
		n = UT_MIN(nlb, 64);
		assert_int_equal(write_as(io, NVME_DTYPE_DATA_PLACEMENT, pid, slba, n), 0);
	}
}

static inline nvme_status
get_log(struct io *io, uint32_t lid, uint32_t lsi, uint32_t len)
{
	struct nvme_sqe sqe = { .opc = NVME_ADM_GET_LOG_PAGE,
				.nsid = le32_from(NVME_NSID_ALL),
				.cdw10 = le32_from(lid | (len / 4 - 1) << 16),
				.cdw11 = le32_from(lsi) };

	memset(io_buf(io), 0xee, len);
	return io_admin(io, &sqe, len);
}

static inline const void *
a_log(struct io *io, uint32_t lid, uint32_t len)
{
	assert_int_equal(get_log(io, lid, ENDGID_LSI, len), 0);
	return io_buf(io);
}

static inline nvme_status
receive(struct io *io, uint32_t nsid, uint32_t cdw10, uint32_t len)
{
	struct nvme_sqe sqe = { .opc = NVME_OPC_IO_MGMT_RECV,
				.nsid = le32_from(nsid),
				.cdw10 = le32_from(cdw10),
				.cdw11 = le32_from(len / 4 - 1) };

	memset(io_buf(io), 0xee, 4096);
	return slow(io, &sqe, len);
}

static inline struct nvme_ruhs_desc
status_of(struct io *io, uint32_t pid)
{
	const struct nvme_ruhs *s = (const void *)io_buf(io);

	assert_int_equal(receive(io, 1, NVME_IO_MGMT_RECV_RUHS, 4096), 0);
	return s->desc[pid];
}

static inline nvme_status
update(struct io *io, uint32_t cdw10, const uint16_t *pid, uint32_t n)
{
	struct nvme_sqe sqe = { .opc = NVME_OPC_IO_MGMT_SEND,
				.nsid = le32_from(1),
				.cdw10 = le32_from(cdw10 | (n - 1) << 16) };

	for (uint32_t i = 0; i < n; i++)
		((le16 *)(void *)io_buf(io))[i] = le16_from(pid[i]);
	return slow(io, &sqe, n * 2);
}

static inline nvme_status
set(struct io *io, uint8_t fid, uint32_t nsid, uint32_t cdw11, uint32_t cdw12)
{
	struct nvme_sqe sqe = { .opc = NVME_ADM_SET_FEATURES,
				.nsid = le32_from(nsid),
				.cdw10 = le32_from(fid),
				.cdw11 = le32_from(cdw11),
				.cdw12 = le32_from(cdw12) };

	return io_admin(io, &sqe, SSD_PAGE);
}

static inline void
events_on(struct io *io, uint32_t ph, bool on)
{
	static const uint8_t all[] = { 0, 1, 2, 3, 0x80, 0x81 };

	memcpy(io_buf(io), all, sizeof(all));
	assert_int_equal(set(io, NVME_FEAT_FDP_EVENTS, 1, ph | 6u << 16, on), 0);
}

static inline const struct nvme_fdp_events_log *
events(struct io *io, bool host)
{
	return a_log(io, NVME_LOG_FDP_EVENTS | (host ? 1u << 8 : 0), sizeof(struct nvme_fdp_events_log));
}

static inline void
expect_event(const struct nvme_fdp_event *e, uint8_t type, uint8_t flags, uint16_t pid, uint16_t ruh)
{
	assert_int_equal(e->type, type);
	assert_int_equal(e->fdpef, flags);
	assert_int_equal(le16_get(e->pid), pid);
	assert_int_equal(le32_get(e->nsid), 1);
	assert_int_equal(le16_get(e->rgid), 0);
	assert_int_equal(le16_get(e->ruhid), ruh);
}

static inline nvme_status
create_ns(struct io *io, uint32_t size, const uint16_t *ruh, uint16_t n)
{
	struct nvme_sqe sqe = { .opc = NVME_ADM_NS_MGMT };
	struct nvme_ns_create *d = (void *)io_buf(io);

	memset(d, 0, sizeof(*d));
	d->nsze = d->ncap = le64_from(size / 4096);
	d->flbas = 1;
	d->endgid = le16_from(1);
	d->nphndls = le16_from(n);
	for (uint32_t i = 0; i < n && i < 128; i++)
		d->phndl[i] = le16_from(ruh ? ruh[i] : (uint16_t)i);
	return io_admin(io, &sqe, SSD_PAGE);
}

static inline void
attach(struct io *io, uint32_t nsid)
{
	struct nvme_ctrl_list *list = (void *)io_buf(io);

	memset(list, 0, sizeof(*list));
	list->num = le16_from(1);
	list->cntlid[0] = le16_from(1);
	assert_int_equal(adm_opc(io, NVME_ADM_NS_ATTACH, nsid, 0, 0), 0);
}

static inline void
delete_ns(struct io *io, uint32_t nsid)
{
	assert_int_equal(adm_opc(io, NVME_ADM_NS_MGMT, nsid, NVME_NS_MGMT_DELETE, 0), 0);
}
