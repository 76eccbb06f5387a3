/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Regions: BAR0 (registers trapped, doorbells as one mappable area), BAR2 (the controller memory buffer, mappable as a whole)
 * and configuration space.
 * vfio-user Protocol Specification 0.9, "VFIO_USER_DEVICE_GET_REGION_INFO", "VFIO_USER_REGION_READ" and "..._WRITE".
 */
#include <errno.h>
#include <linux/vfio.h>
#include <string.h>
#include "front/vfu_server.h"
#include "nvproof/spec/regs.h"
#include "util/clock.h"

static uint64_t
region_size(const struct vfu_server *s, uint32_t index)
{
	if (index == VFIO_PCI_BAR0_REGION_INDEX)
		return SSD_BAR_SIZE;
	if (index == SSD_CMB_BAR)
		return s->cmb_size;
	return index == VFIO_PCI_CONFIG_REGION_INDEX ? SSD_CFG_SIZE : 0;
}

/* Exactly one area: there are clients that take the i-th descriptor for the i-th area, and a server sends one. */
static uint32_t
put_sparse(struct vfu_region_info *info)
{
	struct vfu_cap_sparse *cap = (struct vfu_cap_sparse *)(info + 1);

	*cap = (struct vfu_cap_sparse){ .hdr = { .id = VFIO_REGION_INFO_CAP_SPARSE_MMAP, .version = 1 },
					.nr_areas = 1 };
	cap->areas[0] = (struct vfu_sparse_area){ .offset = SSD_BAR_DB, .size = SSD_BAR_DB_SIZE };
	return (uint32_t)(sizeof(*cap) + sizeof(cap->areas[0]));
}

/*
 * "If the full reply payload does not fit in argsz, ... only the info": the client asks again with more room, and the
 * descriptor comes with the full reply only.
 */
int
vfu_on_region_info(struct vfu_server *s, struct vfu_conn *c, struct vfu_reply *r)
{
	struct vfu_region_info *out = conn_payload(c);
	struct vfu_region_info in;
	uint32_t caps;

	memcpy(&in, c->in, sizeof(in));
	if (in.argsz < sizeof(in) || in.index >= VFIO_PCI_NUM_REGIONS)
		return -EINVAL;
	*out = (struct vfu_region_info){ .argsz = sizeof(*out), .index = in.index, .size = region_size(s, in.index) };
	r->len = sizeof(*out);
	if (out->size)
		out->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	if (in.index == SSD_CMB_BAR && s->cmb_size) {
		out->flags |= VFIO_REGION_INFO_FLAG_MMAP;
		r->fd = s->cmb_fd;
	}
	if (in.index != VFIO_PCI_BAR0_REGION_INDEX)
		return 0;
	out->flags |= VFIO_REGION_INFO_FLAG_MMAP | VFIO_REGION_INFO_FLAG_CAPS;
	caps = put_sparse(out);
	out->argsz += caps;
	if (in.argsz < out->argsz)
		return 0;
	out->cap_offset = sizeof(*out);
	r->len += caps;
	r->fd = s->db_fd;
	return 0;
}

/* How wide the next access is: 8 bytes only when the client made one of 8, else what alignment allows, up to 4. */
static uint32_t
width_at(uint64_t off, uint32_t left, uint32_t count)
{
	uint32_t w = 4;

	if (count == 8 && left == 8 && off % 8 == 0)
		return 8;
	while (off % w || w > left)
		w /= 2;
	return w;
}

static void
bar_read(struct ssd *ssd, uint64_t off, uint8_t *buf, uint32_t count)
{
	uint32_t w;

	for (uint32_t i = 0; i < count; i += w) {
		uint64_t v;

		w = width_at(off + i, count - i, count);
		v = ssd_bar_read(ssd, (uint32_t)(off + i), (int)w);
		for (uint32_t b = 0; b < w; b++)
			buf[i + b] = (uint8_t)(v >> (8 * b));
	}
}

static void
bar_write(struct ssd *ssd, uint64_t off, const uint8_t *buf, uint32_t count)
{
	uint32_t w;

	for (uint32_t i = 0; i < count; i += w) {
		uint64_t v = 0;

		w = width_at(off + i, count - i, count);
		for (uint32_t b = 0; b < w; b++)
			v |= (uint64_t)buf[i + b] << (8 * b);
		ssd_bar_write(ssd, (uint32_t)(off + i), (int)w, v);
	}
}

static int
check_access(const struct vfu_server *s, const struct vfu_region_access *a)
{
	uint64_t size = a->region < VFIO_PCI_NUM_REGIONS ? region_size(s, a->region) : 0;

	if (!a->count || a->count > CONN_MAX_XFER)
		return -EINVAL;
	if (a->offset >= size || a->count > size - a->offset)
		return -EINVAL;
	return 0;
}

int
vfu_on_region_read(struct vfu_server *s, struct vfu_conn *c, struct vfu_reply *r)
{
	struct vfu_region_access *out = conn_payload(c);
	struct vfu_region_access a;
	int rc;

	memcpy(&a, c->in, sizeof(a));
	rc = check_access(s, &a);
	if (rc)
		return rc;
	*out = a;
	if (a.region == VFIO_PCI_BAR0_REGION_INDEX)
		bar_read(s->ssd, a.offset, out->data, a.count);
	else if (a.region == SSD_CMB_BAR)
		memcpy(out->data, (const char *)s->cmb + a.offset, a.count);
	else
		ssd_cfg_read(s->ssd, (uint32_t)a.offset, out->data, a.count);
	r->len = (uint32_t)sizeof(a) + a.count;
	return 0;
}

/*
 * A doorbell that is written by message is an event: the device looks before the writer goes on, and the next value does not
 * cover this one.  One that is mapped is looked at when its turn comes.
 */
static void
look_at_doorbells(struct vfu_server *s, const struct vfu_region_access *a)
{
	if (a->region == VFIO_PCI_BAR0_REGION_INDEX && a->offset >= SSD_BAR_DB && a->offset < SSD_BAR_MSIX)
		ssd_step(s->ssd, ut_mono_ns());
}

int
vfu_on_region_write(struct vfu_server *s, struct vfu_conn *c, struct vfu_reply *r)
{
	const uint8_t *data = c->in + sizeof(struct vfu_region_access);
	struct vfu_region_access *out = conn_payload(c);
	struct vfu_region_access a;
	int rc;

	memcpy(&a, c->in, sizeof(a));
	rc = check_access(s, &a);
	if (rc)
		return rc;
	if (c->in_len - sizeof(a) != a.count)
		return -EINVAL; /* less or more data than it says */
	if (a.region == VFIO_PCI_BAR0_REGION_INDEX)
		bar_write(s->ssd, a.offset, data, a.count);
	else if (a.region == SSD_CMB_BAR)
		memcpy((char *)s->cmb + a.offset, data, a.count);
	else
		ssd_cfg_write(s->ssd, (uint32_t)a.offset, data, a.count);
	look_at_doorbells(s, &a);
	*out = a;
	r->len = sizeof(a);
	return 0;
}
