/* SPDX-License-Identifier: BSD-3-Clause */
/* Getting to know a vfio-user server: version, device, regions, interrupts.  It must be an NVMe function. */
#include <errno.h>
#include <jansson.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "bus/vfu_client.h"
#include "nvproof/spec/pcie.h"
#include "util/alloc.h"
#include "util/bits.h"

#define VERSION_ROOM 4096u
#define REGION_ROOM 4096u

/* What we take.  The server answers with those that it knows as well. */
static const char our_caps[] = "{\"capabilities\":{\"max_msg_fds\":8,\"max_data_xfer_size\":1048576,"
			       "\"max_dma_maps\":65535,\"pgsizes\":4096}}";

static uint64_t
cap_number(const json_t *caps, const char *name, uint64_t otherwise)
{
	const json_t *v = json_object_get(caps, name);

	return json_is_integer(v) && json_integer_value(v) > 0 ? (uint64_t)json_integer_value(v) : otherwise;
}

/* The server's limits; a server without JSON, or with JSON that we cannot read, has the default ones. */
static void
read_caps(struct vfu_bus *b, const char *text, size_t len)
{
	json_t *root = len && memchr(text, '\0', len) ? json_loads(text, 0, NULL) : NULL;
	const json_t *caps = json_object_get(root, "capabilities");

	b->max_fds = (uint32_t)UT_MIN(cap_number(caps, "max_msg_fds", VFU_DEF_MAX_FDS), VFU_MAX_FDS);
	b->max_xfer = (uint32_t)UT_MIN(cap_number(caps, "max_data_xfer_size", VFU_DEF_MAX_XFER), VFU_DEF_MAX_XFER);
	b->pgsizes = cap_number(caps, "pgsizes", 4096);
	json_decref(root);
}

static int
explain_version(const char *path, int rc, const struct vfu_version *v)
{
	if (rc == -EBUSY)
		nvp_bus_set_error("%s: in use by another client; a vfio-user device has one at a time", path);
	else if (rc == -ETIMEDOUT)
		nvp_bus_set_error(
			"%s: the server does not answer; it serves another client, or it is no vfio-user server", path);
	else if (rc == -ENODEV)
		nvp_bus_set_error("%s: the server closed the connection; is it in use by another client?", path);
	else if (rc == -EPROTO && v)
		nvp_bus_set_error("%s: the server speaks vfio-user %u.%u, this program %u.%u; use matching versions",
				  path, v->major, v->minor, VFU_MAJOR, VFU_MINOR);
	else
		nvp_bus_set_error("%s: the server refused vfio-user version %u.%u: %s", path, VFU_MAJOR, VFU_MINOR,
				  strerror(-rc));
	return rc;
}

static int
negotiate(struct vfu_bus *b, const char *path)
{
	struct vfu_version ours = { .major = VFU_MAJOR, .minor = VFU_MINOR };
	struct vfu_version *theirs = ut_calloc(1, VERSION_ROOM);
	struct vfu_req r = { .cmd = VFU_VERSION,
			     .out = &ours,
			     .out_len = sizeof(ours),
			     .data = our_caps,
			     .data_len = sizeof(our_caps),
			     .in = theirs,
			     .room = VERSION_ROOM };
	int rc;

	if (!theirs)
		return -ENOMEM;
	rc = vfu_call(b, &r);
	if (!rc && r.in_len < sizeof(*theirs))
		rc = explain_version(path, -EPROTO, NULL);
	else if (!rc && (theirs->major != VFU_MAJOR || theirs->minor > VFU_MINOR))
		rc = explain_version(path, -EPROTO, theirs);
	else if (rc)
		explain_version(path, rc, NULL);
	else
		read_caps(b, theirs->data, r.in_len - sizeof(*theirs));
	free(theirs);
	return rc;
}

static int
device_info(struct vfu_bus *b)
{
	struct vfu_device_info info = { .argsz = sizeof(info) };
	struct vfu_req r = {
		.cmd = VFU_DEVICE_GET_INFO, .out = &info, .out_len = sizeof(info), .in = &info, .room = sizeof(info)
	};
	int rc = vfu_call(b, &r);

	if (rc)
		return rc;
	if (r.in_len < sizeof(info) || !(info.flags & VFIO_DEVICE_FLAGS_PCI) ||
	    info.num_regions <= VFIO_PCI_CONFIG_REGION_INDEX)
		return -EPROTO;
	b->dev_flags = info.flags;
	b->nr_regions = UT_MIN(info.num_regions, VFU_NR_REGIONS);
	b->nr_irqs = info.num_irqs;
	return 0;
}

static void
add_area(struct vfu_region *reg, uint64_t offset, uint64_t size)
{
	/* Only what is inside the region: the rest would map something else, or fault. */
	if (reg->nr_areas == VFU_MAX_AREAS || !size || offset > reg->size || size > reg->size - offset)
		return;
	reg->area[reg->nr_areas++] = (struct vfu_area){ .offset = offset, .size = size, .fd = -1 };
}

/* The list of capabilities of a region: offsets are the server's, so each step is checked and goes forward only. */
static bool
read_sparse(struct vfu_region *reg, const uint8_t *payload, uint32_t len, uint32_t off)
{
	while (off && off <= len - sizeof(struct vfu_cap_hdr)) {
		struct vfu_cap_sparse cap;
		struct vfu_sparse_area a;

		memcpy(&cap, payload + off, sizeof(cap.hdr));
		if (cap.hdr.id == VFIO_REGION_INFO_CAP_SPARSE_MMAP && len - off >= sizeof(cap)) {
			memcpy(&cap, payload + off, sizeof(cap));
			for (uint32_t i = 0; i < cap.nr_areas && i < VFU_MAX_AREAS; i++) {
				uint64_t at = off + sizeof(cap) + i * sizeof(a);

				if (at + sizeof(a) > len)
					break;
				memcpy(&a, payload + at, sizeof(a));
				add_area(reg, a.offset, a.size);
			}
			return true;
		}
		off = cap.hdr.next > off ? cap.hdr.next : 0;
	}
	return false;
}

/* Descriptors of the reply.  One for all areas, or one each: the last one serves those that have none. */
static void
keep_fds(struct vfu_region *reg, struct vfu_fds *fds)
{
	reg->nr_fds = UT_MIN(fds->n, VFU_MAX_AREAS);
	for (uint32_t i = 0; i < reg->nr_fds; i++)
		reg->fd[i] = vfu_fds_take(fds, i);
	for (uint32_t i = 0; i < reg->nr_areas && reg->nr_fds; i++)
		reg->area[i].fd = reg->fd[UT_MIN(i, reg->nr_fds - 1)];
}

static int
region_info(struct vfu_bus *b, uint32_t index, uint8_t *payload, struct vfu_fds *fds)
{
	struct vfu_region_info in = { .argsz = REGION_ROOM, .index = index }, out;
	struct vfu_req r = { .cmd = VFU_DEVICE_GET_REGION_INFO,
			     .out = &in,
			     .out_len = sizeof(in),
			     .in = payload,
			     .room = REGION_ROOM,
			     .in_fds = fds };
	struct vfu_region *reg = &b->region[index];
	bool sparse = false;
	int rc = vfu_call(b, &r);

	if (rc)
		return rc;
	if (r.in_len < sizeof(out))
		return -EPROTO;
	memcpy(&out, payload, sizeof(out));
	reg->size = out.size;
	reg->flags = out.flags;
	reg->fd_offset = out.offset;
	if (!(out.flags & VFIO_REGION_INFO_FLAG_MMAP))
		return 0;
	if (out.flags & VFIO_REGION_INFO_FLAG_CAPS)
		sparse = read_sparse(reg, payload, r.in_len, out.cap_offset);
	if (!sparse)
		add_area(reg, 0, reg->size);
	keep_fds(reg, fds);
	return 0;
}

static int
all_regions(struct vfu_bus *b)
{
	uint8_t *payload = ut_calloc(1, REGION_ROOM);
	struct vfu_fds fds = { .n = 0 };
	int rc = payload ? 0 : -ENOMEM;

	for (uint32_t i = 0; i < b->nr_regions && !rc; i++) {
		rc = region_info(b, i, payload, &fds);
		vfu_fds_close(&fds);
	}
	free(payload);
	return rc;
}

/* MSI-X is optional: a device that is polled works without. */
static int
vectors(struct vfu_bus *b)
{
	struct vfu_irq_info info = { .argsz = sizeof(info), .index = VFIO_PCI_MSIX_IRQ_INDEX };
	struct vfu_req r = {
		.cmd = VFU_DEVICE_GET_IRQ_INFO, .out = &info, .out_len = sizeof(info), .in = &info, .room = sizeof(info)
	};
	int rc;

	if (b->nr_irqs <= VFIO_PCI_MSIX_IRQ_INDEX)
		return 0;
	rc = vfu_call(b, &r);
	if (b->dead || rc == -ETIMEDOUT || rc == -ENOMEM)
		return rc;
	if (rc || r.in_len < sizeof(info) || !(info.flags & VFIO_IRQ_INFO_EVENTFD) || !info.count)
		return 0;
	b->nr_vectors = UT_MIN(info.count, VFU_MAX_VECTORS);
	b->vector_fd = ut_calloc(b->nr_vectors, sizeof(int));
	if (!b->vector_fd) {
		b->nr_vectors = 0;
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < b->nr_vectors; i++)
		b->vector_fd[i] = -1;
	return 0;
}

/* All ones: the function is powered off. */
static int
is_nvme(struct vfu_bus *b)
{
	uint8_t id[4];
	uint32_t class;
	int rc = vfu_cfg_read(&b->base, NVME_PCI_RID, id, sizeof(id));

	if (rc)
		return rc;
	class = (uint32_t)id[1] | (uint32_t)id[2] << 8 | (uint32_t)id[3] << 16;
	if (class == 0xffffff)
		return -ENODEV;
	return class == NVME_PCI_CLASS_IO || class == NVME_PCI_CLASS_ADMIN ? 0 : -EPROTO;
}

int
vfu_probe(struct vfu_bus *b, const char *path)
{
	static int (*const steps[])(struct vfu_bus *) = { device_info, all_regions, vectors, is_nvme };
	int rc = negotiate(b, path);

	if (rc)
		return rc;
	for (size_t i = 0; i < UT_ARRAY_LEN(steps); i++) {
		rc = steps[i](b);
		if (!rc)
			continue;
		if (rc == -EPROTO)
			nvp_bus_set_error("%s: the server is no vfio-user NVMe device", path);
		else if (rc == -ENODEV && !b->dead)
			nvp_bus_set_error("%s: the device is powered off, or a virtual function that is not enabled",
					  path);
		else
			nvp_bus_set_error("%s: the server does not say what it is: %s", path, strerror(-rc));
		return rc;
	}
	return 0;
}
