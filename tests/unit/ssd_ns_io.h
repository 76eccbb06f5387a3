/* SPDX-License-Identifier: BSD-3-Clause */
/* Namespace Management and Attachment, as a test sends them. */
#pragma once
#include "ssd_second.h"
#include "nvproof/spec/id_lists.h"
#include "nvproof/spec/ns_mgmt.h"

#define MIB (1ull << 20)
#define SHARED 1u /* NMIC */

static inline struct nvme_ns_create *
ns_want(struct io *io, uint64_t nsze, uint8_t lbaf, uint8_t nmic)
{
	struct nvme_ns_create *d = (void *)io_buf(io);

	memset(d, 0, sizeof(*d));
	d->nsze = d->ncap = le64_from(nsze);
	d->flbas = lbaf;
	d->nmic = nmic;
	return d;
}

static inline nvme_status
ns_send_create(struct io *io)
{
	struct nvme_sqe sqe;

	nvme_prep_ns_mgmt(&sqe, 0, NVME_NS_MGMT_CREATE, NVME_CSI_NVM);
	return io_admin(io, &sqe, 4096);
}

static inline uint32_t
ns_create(struct io *io, uint64_t nsze, uint8_t lbaf, uint8_t nmic)
{
	ns_want(io, nsze, lbaf, nmic);
	assert_int_equal(ns_send_create(io), 0);
	return le32_get(io->cqe.dw0);
}

static inline nvme_status
ns_delete(struct io *io, uint32_t nsid)
{
	struct nvme_sqe sqe;

	nvme_prep_ns_mgmt(&sqe, nsid, NVME_NS_MGMT_DELETE, 0);
	return io_admin(io, &sqe, 0);
}

static inline nvme_status
ns_attach_list(struct io *io, uint32_t nsid, enum nvme_ns_attach_sel sel, const uint16_t *ids, uint16_t n)
{
	struct nvme_ctrl_list *list = (void *)io_buf(io);
	struct nvme_sqe sqe;

	memset(list, 0, sizeof(*list));
	list->num = le16_from(n);
	for (uint16_t i = 0; i < n && i < 8; i++)
		list->cntlid[i] = le16_from(ids[i]);
	nvme_prep_ns_attach(&sqe, nsid, sel);
	return io_admin(io, &sqe, 4096);
}

static inline nvme_status
ns_attach(struct io *io, uint32_t nsid, uint16_t cntlid)
{
	return ns_attach_list(io, nsid, NVME_NS_ATTACH_ATTACH, &cntlid, 1);
}

static inline nvme_status
ns_detach(struct io *io, uint32_t nsid, uint16_t cntlid)
{
	return ns_attach_list(io, nsid, NVME_NS_ATTACH_DETACH, &cntlid, 1);
}

static inline bool
ns_listed(struct io *io, uint8_t cns, uint32_t nsid)
{
	const struct nvme_ns_list *list = (const void *)io_buf(io);

	assert_int_equal(two_identify(io, cns, nsid - 1), 0);
	return le32_get(list->nsid[0]) == nsid;
}

static inline uint64_t
ns_unallocated(struct io *io)
{
	const struct nvme_id_ctrl *id = (const void *)io_buf(io);

	assert_int_equal(two_identify(io, NVME_CNS_CTRL, 0), 0);
	assert_true(id->oacs.raw & htole16(NVME_OACS_NMS));
	assert_int_equal(le64_get(id->tnvmcap[0]), 32 * MIB);
	return le64_get(id->unvmcap[0]);
}
