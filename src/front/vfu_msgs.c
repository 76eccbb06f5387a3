/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The messages of a client, one function each, and the table that finds them.  Every size is checked against what
 * arrived before a field is read; descriptors that a handler does not take are closed with the message.
 */
#include <errno.h>
#include <linux/vfio.h>
#include <string.h>
#include "front/vfu_server.h"

static int
on_dma_map(struct vfu_server *s, struct vfu_conn *c, struct vfu_reply *r)
{
	struct vfu_dma_map in;
	struct dma_map map;
	int rc;

	(void)r;
	memcpy(&in, c->in, sizeof(in));
	if (in.argsz < sizeof(in) || in.argsz > c->in_len || (in.flags & ~(VFU_DMA_F_READ | VFU_DMA_F_WRITE)))
		return -EINVAL;
	if (c->fds.n > 1)
		return -EINVAL;
	map = (struct dma_map){ .addr = in.addr,
				.len = in.size,
				.readable = in.flags & VFU_DMA_F_READ,
				.writable = in.flags & VFU_DMA_F_WRITE };
	rc = dma_add(&s->dma, &map, c->fds.n ? c->fds.fd[0] : -1, in.offset);
	if (!rc)
		ssd_port_changed(s->ssd);
	return rc;
}

static void
drop_map(struct vfu_server *s, const struct dma_map *gone)
{
	ssd_port_changed(s->ssd); /* before the memory goes: the model lets go of its pointers */
	dma_release(gone);
}

static int
unmap_all(struct vfu_server *s, const struct vfu_dma_unmap *in)
{
	struct dma_map gone;

	if (in->addr || in->size)
		return -EINVAL;
	while (s->dma.n) {
		dma_remove(&s->dma, s->dma.map[0].addr, s->dma.map[0].len, &gone);
		drop_map(s, &gone);
	}
	return 0;
}

/* A descriptor may come along; it says nothing that the address does not.  "The server responds with the original DMA entry". */
static int
on_dma_unmap(struct vfu_server *s, struct vfu_conn *c, struct vfu_reply *r)
{
	struct vfu_dma_unmap in;
	struct dma_map gone;
	int rc;

	memcpy(&in, c->in, sizeof(in));
	if (in.argsz < sizeof(in))
		return -EINVAL;
	if (in.flags & VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP)
		return -ENOTSUP;
	if (in.flags & ~(uint32_t)VFIO_DMA_UNMAP_FLAG_ALL)
		return -EINVAL;
	if (in.flags) {
		rc = unmap_all(s, &in);
	} else {
		rc = dma_remove(&s->dma, in.addr, in.size, &gone);
		if (!rc)
			drop_map(s, &gone);
	}
	memcpy(conn_payload(c), &in, sizeof(in));
	r->len = sizeof(in);
	return rc;
}

static int
on_device_info(struct vfu_server *s, struct vfu_conn *c, struct vfu_reply *r)
{
	struct vfu_device_info *out = conn_payload(c);
	struct vfu_device_info in;

	(void)s;
	memcpy(&in, c->in, sizeof(in));
	if (in.argsz < sizeof(in))
		return -EINVAL;
	*out = (struct vfu_device_info){ .argsz = sizeof(*out),
					 .flags = VFIO_DEVICE_FLAGS_RESET | VFIO_DEVICE_FLAGS_PCI,
					 .num_regions = VFIO_PCI_NUM_REGIONS,
					 .num_irqs = IRQ_NR_INDEXES };
	r->len = sizeof(*out);
	return 0;
}

static int
on_irq_info(struct vfu_server *s, struct vfu_conn *c, struct vfu_reply *r)
{
	struct vfu_irq_info *out = conn_payload(c);
	struct vfu_irq_info in;

	(void)s;
	memcpy(&in, c->in, sizeof(in));
	if (in.argsz < sizeof(in) || in.index >= IRQ_NR_INDEXES)
		return -EINVAL;
	*out = (struct vfu_irq_info){ .argsz = sizeof(*out), .index = in.index, .count = irqs_count(in.index) };
	if (out->count)
		out->flags = VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE;
	r->len = sizeof(*out);
	return 0;
}

/* As with VFIO in the kernel, giving the first eventfd turns MSI-X (or MSI) on, and taking the last one away turns it off. */
static int
on_set_irqs(struct vfu_server *s, struct vfu_conn *c, struct vfu_reply *r)
{
	bool before = irqs_msix_used(&s->irqs), msi_before = irqs_msi_used(&s->irqs), after;
	int rc = irqs_set(&s->irqs, c->in, c->in_len, &c->fds);

	(void)r;
	after = irqs_msix_used(&s->irqs);
	if (before != after)
		ssd_msix_setup(s->ssd, after);
	after = irqs_msi_used(&s->irqs);
	if (msi_before != after)
		ssd_msi_setup(s->ssd, after);
	return rc;
}

static int
on_reset(struct vfu_server *s, struct vfu_conn *c, struct vfu_reply *r)
{
	(void)c;
	(void)r;
	ssd_function_reset(s->ssd);
	if (irqs_msix_used(&s->irqs))
		ssd_msix_setup(s->ssd, true); /* the client's eventfds outlive a reset */
	if (irqs_msi_used(&s->irqs))
		ssd_msi_setup(s->ssd, true);
	return 0;
}

static const struct {
	vfu_handler fn;
	uint32_t min; /* payload */
	uint32_t max_fds;
} handlers[VFU_NR_COMMANDS] = {
	[VFU_VERSION] = { vfu_on_version, sizeof(struct vfu_version), 0 },
	[VFU_DMA_MAP] = { on_dma_map, sizeof(struct vfu_dma_map), 1 },
	[VFU_DMA_UNMAP] = { on_dma_unmap, sizeof(struct vfu_dma_unmap), 1 },
	[VFU_DEVICE_GET_INFO] = { on_device_info, sizeof(struct vfu_device_info), 0 },
	[VFU_DEVICE_GET_REGION_INFO] = { vfu_on_region_info, sizeof(struct vfu_region_info), 0 },
	[VFU_DEVICE_GET_IRQ_INFO] = { on_irq_info, sizeof(struct vfu_irq_info), 0 },
	[VFU_DEVICE_SET_IRQS] = { on_set_irqs, sizeof(struct vfu_irq_set), IRQ_MSIX_VECTORS },
	[VFU_REGION_READ] = { vfu_on_region_read, sizeof(struct vfu_region_access), 0 },
	[VFU_REGION_WRITE] = { vfu_on_region_write, sizeof(struct vfu_region_access), 0 },
	[VFU_DEVICE_RESET] = { on_reset, 0, 0 },
};

/* What is wrong with a message before anybody looks at its payload. */
static int
check_message(const struct vfu_conn *c)
{
	if (c->bad_size)
		return -EMSGSIZE;
	if ((c->hdr.flags & VFU_F_TYPE) != VFU_F_COMMAND || (c->hdr.flags & VFU_F_ERROR))
		return -EINVAL;
	if (!c->attached && c->hdr.cmd != VFU_VERSION)
		return -EPROTO; /* "the client must send a VFIO_USER_VERSION message" first */
	if (c->hdr.cmd >= VFU_NR_COMMANDS || !handlers[c->hdr.cmd].fn)
		return -ENOTSUP;
	if (c->too_big)
		return -E2BIG;
	if (c->in_len < handlers[c->hdr.cmd].min || c->fds.n > handlers[c->hdr.cmd].max_fds || c->fds.lost)
		return -EINVAL;
	return 0;
}

void
vfu_dispatch(struct vfu_conn *c)
{
	struct vfu_reply r = { .fd = -1 };
	int rc;

	/* We send no commands, so a reply answers nothing.  It must not be answered either. */
	if (!c->bad_size && (c->hdr.flags & VFU_F_TYPE) == VFU_F_REPLY)
		return;
	rc = check_message(c);
	if (c->bad_size || (rc && !c->attached))
		c->closing = true;
	if (!rc)
		rc = handlers[c->hdr.cmd].fn(c->owner, c, &r);
	conn_reply(c, -rc, r.len, r.fd);
}
