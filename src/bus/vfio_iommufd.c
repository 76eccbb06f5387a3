/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The kernel's newer interface: a device is a file of its own, and an iommufd holds the I/O address space, so that memory
 * is pinned once for all devices.  Kernel documentation, "IOMMUFD" and "VFIO - Virtual Function I/O", "VFIO Device
 * cdev".
 *
 * The headers of a distribution may be older than its kernel: where they lack this interface, the layouts are below.
 */
#include "bus/vfio.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ioctl.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define IOMMUFD_TYPE_ ';'
#define IOAS_ALLOC _IO(IOMMUFD_TYPE_, 0x81)
#define IOAS_MAP _IO(IOMMUFD_TYPE_, 0x85)
#define IOAS_UNMAP _IO(IOMMUFD_TYPE_, 0x86)
#define BIND_IOMMUFD _IO(VFIO_TYPE, VFIO_BASE + 18)
#define ATTACH_PT _IO(VFIO_TYPE, VFIO_BASE + 19)

#define MAP_FIXED_IOVA 1u
#define MAP_WRITEABLE 2u
#define MAP_READABLE 4u

struct ioas_alloc {
	uint32_t size, flags, out_ioas_id;
};

struct ioas_map {
	uint32_t size, flags, ioas_id, reserved;
	uint64_t user_va, length, iova;
};

struct ioas_unmap {
	uint32_t size, ioas_id;
	uint64_t iova, length;
};

struct bind_iommufd {
	uint32_t argsz, flags;
	int32_t iommufd;
	uint32_t out_devid;
};

struct attach_pt {
	uint32_t argsz, flags, pt_id;
};

int
vfio_iommufd_open(struct vfio_iommu *io)
{
	struct ioas_alloc alloc = { .size = sizeof(alloc) };
	char path[160];

	snprintf(path, sizeof(path), "%s/dev/iommu", vfio_root);
	io->fd = open(path, O_RDWR | O_CLOEXEC);
	if (io->fd < 0) {
		nvp_bus_set_error("%s: %s%s", path, strerror(errno),
				  errno == ENOENT ? "; this kernel has no iommufd (modprobe iommufd), use the group"
						  : "");
		return -errno;
	}
	if (vfio_ioctl(io->fd, IOAS_ALLOC, &alloc) == 0) {
		io->ioas = alloc.out_ioas_id;
		return 0;
	}
	nvp_bus_set_error("%s: no I/O address space: %s", path, strerror(errno));
	return -errno;
}

int
vfio_iommufd_attach(struct vfio_bus *b, const char *cdev, struct vfio_iommu *io)
{
	struct bind_iommufd bind = { .argsz = sizeof(bind), .iommufd = io->fd };
	struct attach_pt attach = { .argsz = sizeof(attach), .pt_id = io->ioas };
	int rc;

	b->dev = open(cdev, O_RDWR | O_CLOEXEC);
	if (b->dev < 0) {
		nvp_bus_set_error("%s: %s: %s", b->addr.bdf, cdev, strerror(errno));
		return -errno;
	}
	if (vfio_ioctl(b->dev, BIND_IOMMUFD, &bind) == 0 && vfio_ioctl(b->dev, ATTACH_PT, &attach) == 0)
		return 0;
	rc = -errno;
	nvp_bus_set_error("%s: cannot be attached to an iommufd: %s%s", b->addr.bdf, strerror(-rc),
			  rc == -EBUSY ? "; another process has it" : "");
	close(b->dev);
	b->dev = -1;
	return rc;
}

int
vfio_iommufd_map(const struct vfio_iommu *io, void *va, uint64_t len, uint64_t iova)
{
	struct ioas_map m = { .size = sizeof(m),
			      .flags = MAP_FIXED_IOVA | MAP_WRITEABLE | MAP_READABLE,
			      .ioas_id = io->ioas,
			      .user_va = (uintptr_t)va,
			      .length = len,
			      .iova = iova };

	return vfio_ioctl(io->fd, IOAS_MAP, &m) ? -errno : 0;
}

int
vfio_iommufd_unmap(const struct vfio_iommu *io, uint64_t iova, uint64_t len)
{
	struct ioas_unmap u = { .size = sizeof(u), .ioas_id = io->ioas, .iova = iova, .length = len };

	return vfio_ioctl(io->fd, IOAS_UNMAP, &u) ? -errno : 0;
}
