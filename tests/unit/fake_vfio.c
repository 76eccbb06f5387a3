/* SPDX-License-Identifier: BSD-3-Clause */
/* See fake_vfio.h. */
#include "fake_vfio.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "bus/vfio.h"
#include "nvproof/spec/pcie.h"

#define MIB 0x100000u

struct fake_vfio fv;

static void
in_root(char *path, size_t room, const char *name)
{
	snprintf(path, room, "%s/%s", fv.root, name);
	for (char *c = path + strlen(fv.root) + 1; *c; c++) {
		if (*c != '/')
			continue;
		*c = '\0';
		mkdir(path, 0700);
		*c = '/';
	}
}

void
fv_link(const char *name, const char *to)
{
	char path[256];

	in_root(path, sizeof(path), name);
	unlink(path);
	if (to && symlink(to, path))
		abort();
}

void
fv_file(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	in_root(path, sizeof(path), name);
	f = text ? fopen(path, "w") : NULL;
	if (!text)
		unlink(path);
	else if (!f || fputs(text, f) < 0 || fclose(f))
		abort();
}

uint32_t
fv_get(uint32_t at)
{
	uint32_t v = 0;

	if (pread(fv.dev, &v, sizeof(v), at) != sizeof(v))
		abort();
	return v;
}

void
fv_set(uint32_t at, uint32_t val)
{
	if (pwrite(fv.dev, &val, sizeof(val), at) != sizeof(val))
		abort();
}

static void
make_config(void)
{
	fv_set(FV_CFG + NVME_PCI_VID, 0x5a5a1b36);
	fv_set(FV_CFG + NVME_PCI_RID, NVME_PCI_CLASS_IO << 8);
	fv_set(FV_CFG + NVME_PCI_CAP, FV_PM);
	fv_set(FV_CFG + FV_PM, NVME_PCI_CAPID_PM | FV_MSIX << 8);
	fv_set(FV_CFG + FV_MSIX, NVME_PCI_CAPID_MSIX | FV_EXP << 8 | (FV_VECTORS - 1) << 16);
	fv_set(FV_CFG + FV_MSIX + NVME_PCI_MSIX_MTAB, FV_TABLE);
	fv_set(FV_CFG + FV_EXP, NVME_PCI_CAPID_PCIE);
}

static int
region_info(struct vfio_region_info *info)
{
	const struct vfio_region_info_cap_sparse_mmap cap = { .header = { .id = VFIO_REGION_INFO_CAP_SPARSE_MMAP },
							      .nr_areas = 2 };
	const struct vfio_region_sparse_mmap_area area[2] = { { 0, FV_TABLE }, { FV_TABLE + 0x1000, 0x1000 } };

	if (info->index == VFIO_PCI_CONFIG_REGION_INDEX) {
		info->offset = FV_CFG;
		info->size = NVME_PCI_ECFG_SIZE;
	} else if (info->index == 0) {
		info->offset = FV_BAR0;
		info->size = FV_BAR0_SIZE;
		info->flags = VFIO_REGION_INFO_FLAG_MMAP | VFIO_REGION_INFO_FLAG_CAPS;
		info->cap_offset = sizeof(*info);
		memcpy((char *)info + sizeof(*info), &cap, sizeof(cap));
		memcpy((char *)info + sizeof(*info) + sizeof(cap), area, sizeof(area));
	} else if (info->index == VFIO_PCI_VGA_REGION_INDEX) {
		errno = EINVAL;
		return -1;
	}
	return 0;
}

static int
irq_info(struct vfio_irq_info *info)
{
	info->flags = VFIO_IRQ_INFO_EVENTFD;
	info->count = info->index == VFIO_PCI_MSIX_IRQ_INDEX ? FV_VECTORS : 0;
	if (info->index == VFIO_PCI_MSI_IRQ_INDEX && fv.has_msi)
		info->count = 2;
	return 0;
}

static int
set_irqs(const struct vfio_irq_set *set)
{
	fv.irq_calls++;
	fv.irq_index = set->index;
	for (uint32_t i = 0; i < set->count && set->flags & VFIO_IRQ_SET_DATA_EVENTFD; i++)
		memcpy(&fv.irq_fd[set->start + i], set->data + i * sizeof(int), sizeof(int));
	if (set->flags & VFIO_IRQ_SET_DATA_NONE)
		memset(fv.irq_fd, 0xff, sizeof(fv.irq_fd));
	return 0;
}

static int
behind(struct vfio_pci_hot_reset_info *info)
{
	info->count = fv.behind_group ? 2 : 1;
	info->devices[0] = (struct vfio_pci_dependent_device){ .group_id = 7, .bus = 1 };
	info->devices[1] = (struct vfio_pci_dependent_device){ .group_id = fv.behind_group, .bus = 1, .devfn = 9 };
	return 0;
}

static int
map(const struct vfio_iommu_type1_dma_map *m)
{
	fv.maps++;
	fv.last_iova = m->iova;
	fv.last_len = m->size;
	return 0;
}

static int
on_device(unsigned long request, void *arg)
{
	switch (request) {
	case VFIO_DEVICE_GET_INFO:
		((struct vfio_device_info *)arg)->flags = VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET;
		((struct vfio_device_info *)arg)->num_regions = 9;
		((struct vfio_device_info *)arg)->num_irqs = 5;
		return 0;
	case VFIO_DEVICE_GET_REGION_INFO:
		return region_info(arg);
	case VFIO_DEVICE_GET_IRQ_INFO:
		return irq_info(arg);
	case VFIO_DEVICE_SET_IRQS:
		return set_irqs(arg);
	case VFIO_DEVICE_RESET:
		fv.resets++;
		return 0;
	case VFIO_DEVICE_GET_PCI_HOT_RESET_INFO: /* the number of VFIO_IOMMU_GET_INFO */
		return behind(arg);
	case _IO(VFIO_TYPE, VFIO_BASE + 18): /* VFIO_DEVICE_BIND_IOMMUFD: argsz, flags, iommufd, out_devid */
		fv.bound++;
		return ((int *)arg)[2] >= 0 ? 0 : (errno = EBADF, -1);
	case _IO(VFIO_TYPE, VFIO_BASE + 19): /* VFIO_DEVICE_ATTACH_IOMMUFD_PT: argsz, flags, pt_id */
		return ((uint32_t *)arg)[2] == FV_IOAS ? 0 : (errno = ENOENT, -1);
	}
	errno = ENOTTY;
	return -1;
}

/* linux/iommufd.h, which older headers lack: IOAS_ALLOC, IOAS_MAP, IOAS_UNMAP; the first word is the size. */
static int
on_iommufd(unsigned long request, void *arg)
{
	uint32_t *w = arg;
	uint64_t *q = (uint64_t *)(void *)((char *)arg + 16);

	if (request == _IO(';', 0x81) && w[0] == 12) {
		w[2] = FV_IOAS;
		return 0;
	}
	if (request == _IO(';', 0x85) && w[0] == 40 && w[1] == 7 && w[2] == FV_IOAS) {
		fv.maps++;
		fv.last_len = q[1];
		fv.last_iova = q[2];
		return 0;
	}
	if (request == _IO(';', 0x86) && w[0] == 24 && w[1] == FV_IOAS) {
		fv.unmaps++;
		return 0;
	}
	errno = EINVAL;
	return -1;
}

static bool
is_device(int fd)
{
	struct stat a, b;

	return !fstat(fd, &a) && !fstat(fv.dev, &b) && a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

/* Numbers mean one thing on a container and another on a device. */
static int
fake_ioctl(int fd, unsigned long request, void *arg)
{
	if (request == fv.fail) {
		errno = fv.fail_errno;
		return fv.fail_errno ? -1 : fv.fail_value;
	}
	if (is_device(fd) && request == VFIO_DEVICE_PCI_HOT_RESET) {
		fv.hot_groups = ((struct vfio_pci_hot_reset *)arg)->count;
		return 0;
	}
	if (is_device(fd))
		return on_device(request, arg);
	if (_IOC_NR(request) >= 0x80) /* the type is VFIO's too */
		return on_iommufd(request, arg);
	switch (request) {
	case VFIO_GET_API_VERSION:
		return VFIO_API_VERSION;
	case VFIO_CHECK_EXTENSION:
		return 1;
	case VFIO_GROUP_GET_STATUS:
		((struct vfio_group_status *)arg)->flags = fv.viable ? VFIO_GROUP_FLAGS_VIABLE : 0;
		return 0;
	case VFIO_GROUP_GET_DEVICE_FD:
		return strcmp(arg, FV_BDF) ? (errno = ENODEV, -1) : dup(fv.dev);
	case VFIO_IOMMU_MAP_DMA:
		return map(arg);
	case VFIO_IOMMU_UNMAP_DMA:
		fv.unmaps++;
		return 0;
	case VFIO_GROUP_SET_CONTAINER:
	case VFIO_SET_IOMMU:
		return 0;
	}
	errno = ENOTTY;
	return -1;
}

void
fv_up(void)
{
	char path[256];

	fv = (struct fake_vfio){ .root = "/tmp/nvproof-vfio-XXXXXX", .viable = true };
	if (!mkdtemp(fv.root))
		abort();
	memset(fv.irq_fd, 0xff, sizeof(fv.irq_fd));
	fv_file("dev/vfio/devices/vfio0", "");
	in_root(path, sizeof(path), "dev/vfio/devices/vfio0");
	fv.dev = open(path, O_RDWR | O_CLOEXEC);
	if (fv.dev < 0 || ftruncate(fv.dev, 4 * MIB))
		abort();
	make_config();
	fv_file("sys/devices/pci0000:00/0000:00:06.0/" FV_BDF "/class", "0x010802\n");
	fv_link("sys/bus/pci/devices/" FV_BDF, "../../../devices/pci0000:00/0000:00:06.0/" FV_BDF);
	fv_link("sys/bus/pci/devices/" FV_BDF "/driver", "../drivers/vfio-pci");
	fv_link("sys/bus/pci/devices/" FV_BDF "/iommu_group", "../iommu_groups/7");
	fv_file("dev/vfio/vfio", "");
	fv_file("dev/vfio/7", "");
	snprintf(vfio_root, sizeof(vfio_root), "%s", fv.root);
	vfio_ioctl = fake_ioctl;
}

void
fv_down(void)
{
	char cmd[128];

	close(fv.dev);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", fv.root);
	if (system(cmd))
		abort();
	vfio_root[0] = '\0';
}
