/* SPDX-License-Identifier: BSD-3-Clause */
/* What a function has, and access to its registers and configuration space: each access is one call to the kernel. */
#include "bus/vfio.h"

#include <errno.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "nvproof/spec/pcie.h"
#include "util/alloc.h"
#include "util/bits.h"

#define REGION_ROOM 4096u
#define MAX_CAPS 48u /* in 192 bytes, of 4 at least: a device's list may be a circle */

static struct vfio_bus *
of(struct nvp_bus *bus)
{
	return ut_container_of(bus, struct vfio_bus, base);
}

/* --- registers --- */

static int
check_access(const struct vfio_bus *b, uint32_t index, uint64_t off, uint64_t len)
{
	const struct vfio_region *r = &b->region[index];

	if (index >= b->nr_regions || off > r->size || len > r->size - off)
		return -EINVAL;
	return b->dev < 0 ? -ENODEV : 0;
}

static int
region_read(struct vfio_bus *b, uint32_t index, uint64_t off, void *buf, uint32_t len)
{
	int rc = check_access(b, index, off, len);
	ssize_t n;

	if (rc)
		return rc;
	n = pread(b->dev, buf, len, (off_t)(b->region[index].fd_offset + off));
	if (n == (ssize_t)len)
		return 0;
	return n < 0 ? -errno : -EIO;
}

static int
region_write(struct vfio_bus *b, uint32_t index, uint64_t off, const void *buf, uint32_t len)
{
	int rc = check_access(b, index, off, len);
	ssize_t n;

	if (rc)
		return rc;
	n = pwrite(b->dev, buf, len, (off_t)(b->region[index].fd_offset + off));
	if (n == (ssize_t)len)
		return 0;
	return n < 0 ? -errno : -EIO;
}

/* In pieces of the width that registers have: the kernel would cut a longer one at places of its own choice. */
int
vfio_cfg_read(struct nvp_bus *bus, uint32_t off, void *buf, uint32_t len)
{
	int rc = 0;

	for (uint32_t done = 0, n; done < len && !rc; done += n) {
		n = (off + done) % 4 ? UT_MIN(4 - (off + done) % 4, len - done) : UT_MIN(4u, len - done);
		rc = region_read(of(bus), VFIO_PCI_CONFIG_REGION_INDEX, off + done, (char *)buf + done, n);
	}
	return rc;
}

uint16_t
vfio_cfg16(struct vfio_bus *b, uint32_t off)
{
	le16 v = le16_from(0);

	return vfio_cfg_read(&b->base, off, &v, sizeof(v)) ? 0 : le16_get(v);
}

uint32_t
vfio_find_cap(struct vfio_bus *b, uint8_t id)
{
	uint32_t at = vfio_cfg16(b, NVME_PCI_CAP) & 0xfc;

	for (uint32_t i = 0; i < MAX_CAPS && at; i++) {
		uint16_t head = vfio_cfg16(b, at);

		if (nvme_get(head, NVME_PCI_CAP_CID) == id)
			return at;
		at = (uint32_t)nvme_get(head, NVME_PCI_CAP_NEXT) & 0xfc;
	}
	return 0;
}

static bool
covers(uint32_t off, uint32_t len, uint32_t reg)
{
	return reg >= off && reg - off < len;
}

/* Does its memory answer?  PCI Local Bus, "Command Register"; PCI Power Management, "PMCSR". */
static bool
is_asleep(struct vfio_bus *b)
{
	uint16_t cmd = vfio_cfg16(b, NVME_PCI_CMD);
	uint16_t pm = b->pm_cap ? vfio_cfg16(b, b->pm_cap + NVME_PCI_PMCS) : 0;

	return !nvme_get(cmd, NVME_PCI_CMD_MSE) || nvme_get(pm, NVME_PCI_PMCS_PS);
}

/* Whether a write puts it to sleep: the byte with the bit, or the state. */
static bool
puts_to_sleep(const struct vfio_bus *b, uint32_t off, const uint8_t *buf, uint32_t len)
{
	uint32_t pm = b->pm_cap + NVME_PCI_PMCS;

	if (covers(off, len, NVME_PCI_CMD) && !nvme_get(buf[NVME_PCI_CMD - off], NVME_PCI_CMD_MSE))
		return true;
	return b->pm_cap && covers(off, len, pm) && nvme_get(buf[pm - off], NVME_PCI_PMCS_PS);
}

int
vfio_cfg_write(struct nvp_bus *bus, uint32_t off, const void *buf, uint32_t len)
{
	struct vfio_bus *b = of(bus);
	int rc = puts_to_sleep(b, off, buf, len) ? vfio_windows_off(b) : 0;

	for (uint32_t done = 0, n; done < len && !rc; done += n) {
		n = (off + done) % 4 ? UT_MIN(4 - (off + done) % 4, len - done) : UT_MIN(4u, len - done);
		rc = region_write(b, VFIO_PCI_CONFIG_REGION_INDEX, off + done, (const char *)buf + done, n);
	}
	if (b->asleep && !is_asleep(b)) {
		int on = vfio_windows_on(b);

		rc = rc ? rc : on;
	}
	return rc;
}

static bool
is_bar(int bar)
{
	return bar >= 0 && bar <= VFIO_PCI_BAR5_REGION_INDEX;
}

/*
 * The kernel refuses (EIO) while memory decoding is off or the function sleeps: on the link that is an unsupported
 * request, which reads as all ones and is lost when it is a write.
 */
int
vfio_bar_read(struct nvp_bus *bus, int bar, uint64_t off, void *buf, uint32_t len)
{
	struct vfio_bus *b = of(bus);
	int rc;

	if (!is_bar(bar))
		return -EINVAL;
	if (vfio_irq_table_read(b, bar, off, buf, len))
		return 0;
	rc = region_read(b, (uint32_t)bar, off, buf, len);
	if (rc != -EIO)
		return rc;
	memset(buf, 0xff, len);
	return 0;
}

int
vfio_bar_write(struct nvp_bus *bus, int bar, uint64_t off, const void *buf, uint32_t len)
{
	struct vfio_bus *b = of(bus);
	int rc;

	if (!is_bar(bar))
		return -EINVAL;
	if (vfio_irq_table_write(b, bar, off, buf, len, &rc))
		return rc;
	rc = region_write(b, (uint32_t)bar, off, buf, len);
	return rc == -EIO ? 0 : rc;
}

/* --- what it has --- */

static void
add_area(struct vfio_region *r, uint64_t offset, uint64_t size)
{
	if (r->nr_areas < VFIO_MAX_AREAS && size && offset <= r->size && size <= r->size - offset)
		r->area[r->nr_areas++] = (struct vfio_area){ offset, size };
}

/* Parts that may be mapped: the kernel leaves out what it keeps for itself, such as the pages of the MSI-X table. */
static bool
read_sparse(struct vfio_region *r, const uint8_t *info, uint32_t len, uint32_t off)
{
	struct vfio_region_info_cap_sparse_mmap cap;
	struct vfio_region_sparse_mmap_area a;

	while (off && off <= len - sizeof(cap)) {
		memcpy(&cap, info + off, sizeof(cap));
		if (cap.header.id == VFIO_REGION_INFO_CAP_SPARSE_MMAP) {
			for (uint32_t i = 0; i < cap.nr_areas; i++) {
				uint64_t at = off + sizeof(cap) + i * sizeof(a);

				if (at + sizeof(a) > len)
					break;
				memcpy(&a, info + at, sizeof(a));
				add_area(r, a.offset, a.size);
			}
			return true;
		}
		off = cap.header.next > off ? cap.header.next : 0;
	}
	return false;
}

static int
region_info(struct vfio_bus *b, uint32_t index, void *room)
{
	struct vfio_region_info *info = room;
	struct vfio_region *r = &b->region[index];

	memset(info, 0, REGION_ROOM);
	info->argsz = REGION_ROOM;
	info->index = index;
	if (vfio_ioctl(b->dev, VFIO_DEVICE_GET_REGION_INFO, info))
		return errno == EINVAL ? 0 : -errno; /* this one it does not have */
	*r = (struct vfio_region){ .size = info->size, .fd_offset = info->offset, .flags = info->flags };
	if (!(info->flags & VFIO_REGION_INFO_FLAG_MMAP))
		return 0;
	if (!(info->flags & VFIO_REGION_INFO_FLAG_CAPS) ||
	    !read_sparse(r, room, UT_MIN(info->argsz, REGION_ROOM), info->cap_offset))
		add_area(r, 0, r->size);
	return 0;
}

static int
all_regions(struct vfio_bus *b)
{
	void *room = ut_calloc(1, REGION_ROOM);
	int rc = room ? 0 : -ENOMEM;

	for (uint32_t i = 0; i < b->nr_regions && !rc; i++)
		rc = region_info(b, i, room);
	free(room);
	return rc;
}

static int
device_info(struct vfio_bus *b)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };

	if (vfio_ioctl(b->dev, VFIO_DEVICE_GET_INFO, &info))
		return -errno;
	if (!(info.flags & VFIO_DEVICE_FLAGS_PCI) || info.num_regions <= VFIO_PCI_CONFIG_REGION_INDEX)
		return -EPROTO;
	b->dev_flags = info.flags;
	b->nr_regions = UT_MIN(info.num_regions, VFIO_NR_REGIONS);
	b->nr_irqs = info.num_irqs;
	return 0;
}

static int
is_nvme(struct vfio_bus *b)
{
	uint8_t id[4];
	uint32_t class;
	int rc = vfio_cfg_read(&b->base, NVME_PCI_RID, id, sizeof(id));

	if (rc)
		return rc;
	class = (uint32_t)id[1] | (uint32_t)id[2] << 8 | (uint32_t)id[3] << 16;
	if (class == 0xffffff)
		return -ENODEV;
	b->pm_cap = vfio_find_cap(b, NVME_PCI_CAPID_PM);
	b->exp_cap = vfio_find_cap(b, NVME_PCI_CAPID_PCIE);
	return class == NVME_PCI_CLASS_IO || class == NVME_PCI_CLASS_ADMIN ? 0 : -EPROTO;
}

/* Registers answer from the start: the kernel hands the function out with memory decoding off. */
int
vfio_wake(struct vfio_bus *b)
{
	le16 cmd = le16_from((uint16_t)(vfio_cfg16(b, NVME_PCI_CMD) | NVME_PCI_CMD_MSE));

	return vfio_cfg_write(&b->base, NVME_PCI_CMD, &cmd, sizeof(cmd));
}

int
vfio_probe(struct vfio_bus *b)
{
	static int (*const steps[])(struct vfio_bus *) = { device_info, all_regions, is_nvme, vfio_wake,
							   vfio_irq_probe };
	int rc = 0;

	for (size_t i = 0; i < UT_ARRAY_LEN(steps) && !rc; i++)
		rc = steps[i](b);
	if (rc == -EPROTO)
		nvp_bus_set_error("%s: is no NVMe function", b->addr.bdf);
	else if (rc == -ENODEV)
		nvp_bus_set_error("%s: the device does not answer (all ones): powered off, or fallen off the link",
				  b->addr.bdf);
	else if (rc && !nvp_bus_error()[0])
		nvp_bus_set_error("%s: the kernel does not say what it is: %s", b->addr.bdf, strerror(-rc));
	return rc;
}
