/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Resets.  Of the function: what the kernel finds best, a function-level reset where the device has one (NVMe requires
 * it).  Hot: the kernel resets everything behind the bridge, if all of it is ours.  Of the link: vfio_relink.c.
 *
 * The kernel saves and restores configuration space around the first two; mappings wait meanwhile.
 */
#include "bus/vfio.h"

#include <errno.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "util/alloc.h"
#include "util/bits.h"

#define MAX_BEHIND 256u

static int
fail(const struct vfio_bus *b, int rc, const char *what)
{
	nvp_bus_set_error("%s: %s: %s", b->addr.bdf, what, strerror(-rc));
	return rc;
}

static int
function_reset(struct vfio_bus *b)
{
	if (!(b->dev_flags & VFIO_DEVICE_FLAGS_RESET))
		return fail(b, -ENOTSUP, "the kernel knows no way to reset this function");
	return vfio_ioctl(b->dev, VFIO_DEVICE_RESET, NULL) ? fail(b, -errno, "function reset") : 0;
}

/* All functions behind the bridge must be ours: the reset hits them too. */
static int
check_behind(const struct vfio_bus *b, const struct vfio_pci_hot_reset_info *info)
{
	for (uint32_t i = 0; i < info->count; i++) {
		const struct vfio_pci_dependent_device *d = &info->devices[i];

		if (b->iommu->iommufd || vfio_group_is_ours((int)d->group_id))
			continue;
		nvp_bus_set_error("%s: hot reset would reset %04x:%02x:%02x.%x too, which is not open here",
				  b->addr.bdf, d->segment, d->bus, d->devfn >> 3, d->devfn & 7u);
		return -EPERM;
	}
	return 0;
}

static int
ask_behind(struct vfio_bus *b)
{
	size_t size = sizeof(struct vfio_pci_hot_reset_info) + MAX_BEHIND * sizeof(struct vfio_pci_dependent_device);
	struct vfio_pci_hot_reset_info *info = ut_calloc(1, size);
	int rc;

	if (!info)
		return -ENOMEM;
	info->argsz = (uint32_t)size;
	if (vfio_ioctl(b->dev, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, info))
		rc = fail(b, -errno, "no hot reset: the function has no bridge of its own above it, use flr()");
	else
		rc = check_behind(b, info);
	free(info);
	return rc;
}

static int
hot_reset(struct vfio_bus *b)
{
	uint32_t size = (uint32_t)(sizeof(struct vfio_pci_hot_reset) + VFIO_MAX_GROUPS * sizeof(int32_t));
	struct vfio_pci_hot_reset *set;
	int rc = ask_behind(b);

	if (rc)
		return rc;
	set = ut_calloc(1, size);
	if (!set)
		return -ENOMEM;
	set->argsz = size;
	if (!b->iommu->iommufd)
		set->count = vfio_group_fds(set->group_fds, VFIO_MAX_GROUPS);
	rc = vfio_ioctl(b->dev, VFIO_DEVICE_PCI_HOT_RESET, set) ? fail(b, -errno, "hot reset") : 0;
	free(set);
	return rc;
}

int
vfio_reset(struct nvp_bus *bus, enum nvp_reset kind)
{
	struct vfio_bus *b = ut_container_of(bus, struct vfio_bus, base);

	if (b->dev < 0 && kind != NVP_RESET_RESCAN)
		return -ENODEV;
	switch (kind) {
	case NVP_RESET_FUNCTION:
		return function_reset(b);
	case NVP_RESET_HOT:
		return hot_reset(b);
	case NVP_RESET_LINK:
		return vfio_link_reset(b);
	case NVP_RESET_RESCAN:
		return vfio_rescan(b);
	}
	return -EINVAL;
}
