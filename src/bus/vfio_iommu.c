/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who translates the device's memory accesses.  An IOMMU group can be opened once, so functions of one group that this
 * process opens share a container, and count who mapped what.
 */
#include "bus/vfio.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>
#include "mem/phys.h"
#include "util/alloc.h"
#include "util/bits.h"

static int
real_ioctl(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg);
}

int (*vfio_ioctl)(int fd, unsigned long request, void *arg) = real_ioctl;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct vfio_iommu *spaces; /* of this process */
static pid_t owner; /* whose list that is: a forked child begins with none */

static struct vfio_bus *
of(struct nvp_bus *bus)
{
	return ut_container_of(bus, struct vfio_bus, base);
}

/* --- opening --- */

static int
open_node(const char *bdf, const char *path, const char *missing)
{
	int fd = ut_alloc_spend() ? (errno = ENOMEM, -1) : open(path, O_RDWR | O_CLOEXEC), rc = -errno;

	if (fd >= 0)
		return fd;
	if (rc == -ENOENT)
		nvp_bus_set_error("%s: %s does not exist: %s", bdf, path, missing);
	else if (rc == -EACCES || rc == -EPERM)
		nvp_bus_set_error("%s: no permission for %s: run as root, or give it to yourself: sudo chown $USER %s",
				  bdf, path, path);
	else if (rc == -EBUSY)
		nvp_bus_set_error("%s: another process has %s open; a drive has one tester at a time", bdf, path);
	else
		nvp_bus_set_error("%s: %s: %s", bdf, path, strerror(-rc));
	return rc;
}

static int
open_group(const char *bdf, int group, bool noiommu)
{
	struct vfio_group_status st = { .argsz = sizeof(st) };
	char path[192];
	int fd, rc = 0;

	snprintf(path, sizeof(path), "%s/dev/vfio/%s%d", vfio_root, noiommu ? "noiommu-" : "", group);
	fd = open_node(bdf, path, "the kernel made no VFIO group of it; bind it again");
	if (fd < 0)
		return fd;
	if (vfio_ioctl(fd, VFIO_GROUP_GET_STATUS, &st))
		rc = -errno;
	else if (!(st.flags & VFIO_GROUP_FLAGS_VIABLE))
		rc = -EPERM;
	if (!rc)
		return fd;
	nvp_bus_set_error(
		"%s: IOMMU group %d cannot be used: another device of it has a kernel driver; `nvproof list` shows "
		"the group, bind all of it",
		bdf, group);
	close(fd);
	return rc;
}

static int
set_container(struct vfio_iommu *io, const char *bdf)
{
	int type = io->noiommu ? VFIO_NOIOMMU_IOMMU : VFIO_TYPE1v2_IOMMU, rc;

	if (vfio_ioctl(io->fd, VFIO_GET_API_VERSION, NULL) != VFIO_API_VERSION ||
	    vfio_ioctl(io->fd, VFIO_CHECK_EXTENSION, (void *)(uintptr_t)type) <= 0) {
		nvp_bus_set_error("%s: this kernel's VFIO has no %s", bdf,
				  io->noiommu ? "no-IOMMU mode (vfio.enable_unsafe_noiommu_mode=1)" : "type1 IOMMU");
		return -ENOTSUP;
	}
	if (vfio_ioctl(io->group_fd, VFIO_GROUP_SET_CONTAINER, &io->fd) == 0 &&
	    vfio_ioctl(io->fd, VFIO_SET_IOMMU, (void *)(uintptr_t)type) == 0)
		return 0;
	rc = -errno;
	nvp_bus_set_error("%s: the IOMMU cannot be used: %s%s", bdf, strerror(-rc),
			  rc == -EPERM && !io->noiommu ? "; the platform cannot remap interrupts" : "");
	return rc;
}

static int
open_container(struct vfio_iommu *io, const char *bdf)
{
	char path[160];
	int rc;

	snprintf(path, sizeof(path), "%s/dev/vfio/vfio", vfio_root);
	io->fd = open_node(bdf, path, "the kernel module is missing: modprobe vfio-pci");
	if (io->fd < 0)
		return io->fd;
	io->group_fd = open_group(bdf, io->group, io->noiommu);
	rc = io->group_fd < 0 ? io->group_fd : set_container(io, bdf);
	return rc;
}

void
vfio_maps_free(struct vfio_dma *m)
{
	struct vfio_dma *next;

	for (; m; m = next) {
		next = m->next;
		free(m);
	}
}

static void
space_free(struct vfio_iommu *io)
{
	if (io->group_fd >= 0)
		close(io->group_fd);
	if (io->fd >= 0)
		close(io->fd);
	vfio_maps_free(io->maps);
	free(io);
}

/* The space of this group (-1: the iommufd), or a new one.  Locked. */
static int
space_get(const struct vfio_bus *b, int group, struct vfio_iommu **out)
{
	struct vfio_iommu *io;
	int rc;

	if (owner != getpid())
		spaces = NULL;
	owner = getpid();
	for (io = spaces; io && io->group != group;)
		io = io->next;
	if (!io) {
		io = ut_calloc(1, sizeof(*io));
		if (!io)
			return -ENOMEM;
		*io = (struct vfio_iommu){ .fd = -1, .group_fd = -1, .group = group, .iommufd = group < 0 };
		io->noiommu = b->addr.noiommu && group >= 0;
		rc = io->iommufd ? vfio_iommufd_open(io) : open_container(io, b->addr.bdf);
		if (rc) {
			space_free(io);
			return rc;
		}
		io->next = spaces;
		spaces = io;
	}
	io->refs++;
	*out = io;
	return 0;
}

static void
space_put(struct vfio_iommu *io)
{
	struct vfio_iommu **at = &spaces;

	if (--io->refs)
		return;
	while (*at != io)
		at = &(*at)->next;
	*at = io->next;
	space_free(io);
}

static int
device_of_group(struct vfio_bus *b, const struct vfio_iommu *io)
{
	b->dev = vfio_ioctl(io->group_fd, VFIO_GROUP_GET_DEVICE_FD, b->addr.bdf);
	if (b->dev >= 0)
		return 0;
	nvp_bus_set_error("%s: the kernel does not hand it out: %s", b->addr.bdf, strerror(errno));
	return -errno;
}

/* Whether the kernel has made a group without an IOMMU of it; it names such groups. */
static bool
without_iommu(int group)
{
	char path[192], name[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "%s/sys/kernel/iommu_groups/%d/name", vfio_root, group);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (!fgets(name, sizeof(name), f))
		name[0] = '\0';
	fclose(f);
	return !strncmp(name, "vfio-noiommu", 12);
}

static int
check_iommu(struct vfio_bus *b, int group)
{
	bool none = group < 0 || without_iommu(group);

	if (none && !b->addr.noiommu) {
		nvp_bus_set_error(
			"%s: no IOMMU translates its accesses.  Enable it in the firmware (VT-d, AMD-Vi, SMMU) and in "
			"the kernel (intel_iommu=on); or accept the risk with --allow-noiommu",
			b->addr.bdf);
		return -EPERM;
	}
	if (none && group < 0) {
		nvp_bus_set_error(
			"%s: no VFIO group without an IOMMU: load vfio with enable_unsafe_noiommu_mode=1 and bind "
			"again",
			b->addr.bdf);
		return -ENOTSUP;
	}
	b->addr.noiommu = none; /* where there is one, it stays on */
	return 0;
}

static int
attach_locked(struct vfio_bus *b)
{
	int group = vfio_group_of(b->addr.bdf), rc = check_iommu(b, group);
	char cdev[192], node[192];
	bool has_cdev = vfio_cdev_of(b->addr.bdf, cdev, sizeof(cdev)), has_group;

	if (rc)
		return rc;
	snprintf(node, sizeof(node), "%s/dev/vfio/%s%d", vfio_root, b->addr.noiommu ? "noiommu-" : "", group);
	has_group = !access(node, F_OK);
	if (b->addr.how == VFIO_HOW_IOMMUFD && !has_cdev) {
		nvp_bus_set_error("%s: this kernel has no VFIO device files, so no iommufd; leave the option out",
				  b->addr.bdf);
		return -ENOTSUP;
	}
	if (b->addr.how == VFIO_HOW_IOMMUFD || (b->addr.how == VFIO_HOW_ANY && has_cdev && !has_group))
		group = -1;
	rc = space_get(b, group, &b->iommu);
	if (rc)
		return rc;
	rc = group < 0 ? vfio_iommufd_attach(b, cdev, b->iommu) : device_of_group(b, b->iommu);
	if (rc) {
		space_put(b->iommu);
		b->iommu = NULL;
	}
	return rc;
}

int
vfio_attach(struct vfio_bus *b)
{
	int rc;

	pthread_mutex_lock(&lock);
	rc = attach_locked(b);
	pthread_mutex_unlock(&lock);
	return rc;
}

void
vfio_detach(struct vfio_bus *b)
{
	pthread_mutex_lock(&lock);
	if (b->dev >= 0)
		close(b->dev);
	b->dev = -1;
	if (b->iommu)
		space_put(b->iommu);
	b->iommu = NULL;
	pthread_mutex_unlock(&lock);
}

/* --- memory --- */

static int
type1_map(const struct vfio_iommu *io, void *va, uint64_t len, uint64_t iova)
{
	struct vfio_iommu_type1_dma_map m = { .argsz = sizeof(m),
					      .flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
					      .vaddr = (uintptr_t)va,
					      .iova = iova,
					      .size = len };

	return vfio_ioctl(io->fd, VFIO_IOMMU_MAP_DMA, &m) ? -errno : 0;
}

static int
type1_unmap(const struct vfio_iommu *io, uint64_t iova, uint64_t len)
{
	struct vfio_iommu_type1_dma_unmap u = { .argsz = sizeof(u), .iova = iova, .size = len };

	return vfio_ioctl(io->fd, VFIO_IOMMU_UNMAP_DMA, &u) ? -errno : 0;
}

static int
explain_map(const struct vfio_bus *b, int rc, uint64_t len, uint64_t iova)
{
	struct rlimit lim = { 0 };

	getrlimit(RLIMIT_MEMLOCK, &lim);
	if (rc == -ENOMEM)
		nvp_bus_set_error(
			"%s: %llu MiB cannot be pinned for the device; the limit of locked memory (ulimit -l) is %llu "
			"KiB, raise it or run as root",
			b->addr.bdf, (unsigned long long)(len >> 20), (unsigned long long)(lim.rlim_cur >> 10));
	else if (b->iommu->noiommu)
		nvp_bus_set_error(
			"%s: without an IOMMU memory needs physical addresses: reserve huge pages "
			"(/proc/sys/vm/nr_hugepages), be root, and set NVPROOF_NOIOMMU=1 before the first buffer: %s",
			b->addr.bdf, strerror(-rc));
	else
		nvp_bus_set_error("%s: the IOMMU does not map %llu MiB at %llxh: %s", b->addr.bdf,
				  (unsigned long long)(len >> 20), (unsigned long long)iova, strerror(-rc));
	return rc;
}

static struct vfio_dma **
find_map(struct vfio_iommu *io, uint64_t iova, uint64_t len)
{
	struct vfio_dma **at = &io->maps;

	while (*at && ((*at)->iova != iova || (*at)->len != len))
		at = &(*at)->next;
	return at;
}

/* Nobody translates: a device that is told another address than the physical one would write into foreign memory. */
static int
check_physical(const void *va, uint64_t len, uint64_t iova)
{
	uint64_t phys;
	int rc = nvp_phys_of(va, len, &phys);

	return rc ? rc : phys == iova ? 0 : -EADDRNOTAVAIL;
}

static int
map_new(struct vfio_iommu *io, void *va, uint64_t len, uint64_t iova)
{
	struct vfio_dma *m = ut_calloc(1, sizeof(*m));
	int rc = m ? 0 : -ENOMEM;

	if (!rc && io->noiommu)
		rc = check_physical(va, len, iova);
	else if (!rc)
		rc = io->iommufd ? vfio_iommufd_map(io, va, len, iova) : type1_map(io, va, len, iova);
	if (rc) {
		free(m);
		return rc;
	}
	*m = (struct vfio_dma){ .next = io->maps, .iova = iova, .len = len, .va = va, .refs = 1 };
	io->maps = m;
	return 0;
}

/* One call for a whole region; another function in the same space only counts. */
int
vfio_dma_map(struct nvp_bus *bus, void *va, uint64_t len, int fd, uint64_t *iova)
{
	struct vfio_bus *b = of(bus);
	struct vfio_dma *m;
	int rc = 0;

	(void)fd;
	pthread_mutex_lock(&lock);
	if (!b->iommu) {
		rc = -ENODEV;
	} else if ((m = *find_map(b->iommu, *iova, len))) {
		m->refs++;
	} else {
		rc = map_new(b->iommu, va, len, *iova);
		if (rc)
			explain_map(b, rc, len, *iova);
	}
	pthread_mutex_unlock(&lock);
	return rc;
}

static int
unmap_locked(struct vfio_iommu *io, uint64_t iova, uint64_t len)
{
	struct vfio_dma **at = find_map(io, iova, len), *m = *at;
	int rc = 0;

	if (!m)
		return -ENOENT;
	if (m->refs == 1 && !io->noiommu)
		rc = io->iommufd ? vfio_iommufd_unmap(io, iova, len) : type1_unmap(io, iova, len);
	if (rc || --m->refs)
		return rc;
	*at = m->next;
	free(m);
	return 0;
}

int
vfio_dma_unmap(struct nvp_bus *bus, uint64_t iova, uint64_t len)
{
	struct vfio_bus *b = of(bus);
	int rc;

	pthread_mutex_lock(&lock);
	rc = b->iommu ? unmap_locked(b->iommu, iova, len) : -ENODEV;
	pthread_mutex_unlock(&lock);
	return rc;
}

int
vfio_maps_take(struct vfio_bus *b, struct vfio_dma **maps)
{
	int rc = -EBUSY;

	pthread_mutex_lock(&lock);
	if (!b->iommu) {
		rc = -ENODEV;
	} else if (b->iommu->refs == 1) {
		*maps = b->iommu->maps;
		b->iommu->maps = NULL;
		rc = 0;
	}
	pthread_mutex_unlock(&lock);
	return rc;
}

int
vfio_maps_again(struct vfio_bus *b, struct vfio_dma *maps)
{
	int rc = 0;

	for (struct vfio_dma *m = maps; m && !rc; m = m->next) {
		uint64_t iova = m->iova;

		rc = vfio_dma_map(&b->base, m->va, m->len, -1, &iova);
	}
	vfio_maps_free(maps);
	return rc;
}

/* --- for a reset of all that is behind a bridge --- */

uint32_t
vfio_group_fds(int *fds, uint32_t max)
{
	uint32_t n = 0;

	pthread_mutex_lock(&lock);
	for (const struct vfio_iommu *io = spaces; io && n < max; io = io->next)
		if (io->group_fd >= 0)
			fds[n++] = io->group_fd;
	pthread_mutex_unlock(&lock);
	return n;
}

bool
vfio_group_is_ours(int group)
{
	const struct vfio_iommu *io;

	pthread_mutex_lock(&lock);
	for (io = spaces; io && io->group != group;)
		io = io->next;
	pthread_mutex_unlock(&lock);
	return io;
}
