/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A PCIe function through the kernel's VFIO: "0000:01:00.0", "01:00.0", with options after a question mark.
 *
 * vfio_addr.c: the address, and what sysfs says of the function; vfio_iommu.c: who translates its memory accesses (a
 * type1 container, an iommufd, or nobody); vfio_dev.c: what the function has; vfio_irq.c: MSI-X and MSI; vfio_map.c:
 * mappings of BARs; vfio_reset.c: resets, and the link above it; vfio.c: the table of bus functions.
 *
 * Kernel documentation, "VFIO - Virtual Function I/O" and "IOMMUFD".
 */
#pragma once
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include "bus/bus.h"

#define VFIO_NR_REGIONS 9u /* six BARs, ROM, configuration space, VGA */
#define VFIO_MAX_AREAS 8u
#define VFIO_MAX_VECTORS 2048u
#define VFIO_MAX_WINDOWS 32u
#define VFIO_MAX_GROUPS 16u

enum vfio_how {
	VFIO_HOW_ANY, /* the group where there is one, else iommufd */
	VFIO_HOW_GROUP,
	VFIO_HOW_IOMMUFD,
};

struct vfio_addr {
	char bdf[16]; /* 0000:01:00.0 */
	enum vfio_how how;
	bool msi; /* MSI in place of MSI-X */
	bool noiommu; /* asked for: without an IOMMU, if there is none */
};

struct vfio_dma {
	struct vfio_dma *next;
	uint64_t iova, len;
	void *va;
	uint32_t refs; /* buses behind this IOMMU that mapped it */
};

/* An I/O address space.  Functions of one IOMMU group share it; with an iommufd, all functions do. */
struct vfio_iommu {
	struct vfio_iommu *next;
	bool iommufd, noiommu;
	int fd; /* container or iommufd */
	int group_fd; /* -1: iommufd */
	int group; /* number; -1: iommufd */
	uint32_t ioas;
	uint32_t refs;
	struct vfio_dma *maps;
};

struct vfio_area {
	uint64_t offset, size; /* in the region */
};

struct vfio_region {
	uint64_t size, fd_offset;
	uint32_t flags; /* VFIO_REGION_INFO_FLAG_* */
	uint32_t nr_areas;
	struct vfio_area area[VFIO_MAX_AREAS];
};

/* A part of a BAR that somebody has an address of. */
struct vfio_window {
	int bar;
	uint64_t offset, size;
	void *va;
};

struct vfio_irqs {
	uint32_t index; /* VFIO_PCI_MSIX_IRQ_INDEX or VFIO_PCI_MSI_IRQ_INDEX */
	uint32_t nr;
	int *fd; /* nr of them, -1: not asked for yet */
	bool *masked;
	bool on; /* the kernel has enabled it */
	uint8_t table_bir; /* where the MSI-X table is; nr_table 0: there is none */
	uint32_t table_off, nr_table;
};

struct vfio_bus {
	struct nvp_bus base;
	struct vfio_bus *next; /* all that are open in this process */
	struct vfio_addr addr;
	pthread_mutex_t setup; /* guards what is made on demand: windows, vectors */
	int dev;
	struct vfio_iommu *iommu;
	uint32_t dev_flags, nr_regions, nr_irqs; /* VFIO_DEVICE_FLAGS_* */
	struct vfio_region region[VFIO_NR_REGIONS];
	struct vfio_window window[VFIO_MAX_WINDOWS];
	uint32_t nr_windows;
	bool asleep; /* its memory does not answer: windows are plain memory meanwhile */
	uint32_t pm_cap, exp_cap; /* offsets of capabilities; 0: it has none */
	struct vfio_irqs irq;
};

/* The edge to the kernel.  Tests put a folder before /sys and /dev, and a function in place of ioctl(). */
extern char vfio_root[128];
extern int (*vfio_ioctl)(int fd, unsigned long request, void *arg);

/* vfio_addr.c */
/* Whether addr names a PCI function, whatever follows the question mark. */
bool vfio_is_addr(const char *addr);
/* -EINVAL with a line for a person. */
int vfio_parse(const char *text, struct vfio_addr *out);
/* The last part of where a link of the function's folder in sysfs points: "driver", "iommu_group".  false: none. */
bool vfio_link(const char *bdf, const char *name, char *out, size_t room);
/* Whether it exists and belongs to a VFIO driver.  -ENODEV, -EBUSY. */
int vfio_check_bound(const char *bdf);
/* The number of its IOMMU group; -1: none. */
int vfio_group_of(const char *bdf);
/* /dev/vfio/devices/NAME of the function; false: this kernel has none. */
bool vfio_cdev_of(const char *bdf, char *path, size_t room);
/* Its configuration space, or another function's, through sysfs: -1 and errno. */
int vfio_open_config(const char *bdf);
/* The port above it: false when it sits on a root bus. */
bool vfio_parent(const char *bdf, char *out, size_t room);

/* vfio_iommu.c */
/* Open the device behind b->addr: b->dev and b->iommu.  -EACCES, -EBUSY, -EPERM ... with a line for a person. */
int vfio_attach(struct vfio_bus *b);
void vfio_detach(struct vfio_bus *b);
int vfio_dma_map(struct nvp_bus *bus, void *va, uint64_t len, int fd, uint64_t *iova);
int vfio_dma_unmap(struct nvp_bus *bus, uint64_t iova, uint64_t len);
/* For a device that goes and comes back: what it reaches, taken away and mapped again.  -EBUSY: others use the space. */
int vfio_maps_take(struct vfio_bus *b, struct vfio_dma **maps);
int vfio_maps_again(struct vfio_bus *b, struct vfio_dma *maps);
void vfio_maps_free(struct vfio_dma *maps);
/* The group descriptors of this process, for a hot reset.  Returns how many; 0: iommufd. */
uint32_t vfio_group_fds(int *fds, uint32_t max);
bool vfio_group_is_ours(int group);

/* vfio_iommufd.c */
int vfio_iommufd_attach(struct vfio_bus *b, const char *cdev, struct vfio_iommu *io);
int vfio_iommufd_map(const struct vfio_iommu *io, void *va, uint64_t len, uint64_t iova);
int vfio_iommufd_unmap(const struct vfio_iommu *io, uint64_t iova, uint64_t len);
int vfio_iommufd_open(struct vfio_iommu *io);

/* vfio_dev.c */
int vfio_probe(struct vfio_bus *b);
/* Its registers answer from now on. */
int vfio_wake(struct vfio_bus *b);
int vfio_cfg_read(struct nvp_bus *bus, uint32_t off, void *buf, uint32_t len);
int vfio_cfg_write(struct nvp_bus *bus, uint32_t off, const void *buf, uint32_t len);
int vfio_bar_read(struct nvp_bus *bus, int bar, uint64_t off, void *buf, uint32_t len);
int vfio_bar_write(struct nvp_bus *bus, int bar, uint64_t off, const void *buf, uint32_t len);
uint16_t vfio_cfg16(struct vfio_bus *b, uint32_t off); /* 0 when it cannot be read */
uint32_t vfio_find_cap(struct vfio_bus *b, uint8_t id);

/* vfio_map.c */
void *vfio_bar_map(struct nvp_bus *bus, int bar, uint64_t off, uint64_t len);
int vfio_bar_fd(struct nvp_bus *bus, int bar, uint64_t off, uint64_t *fd_off);
void vfio_unmap_windows(struct vfio_bus *b);
/*
 * Memory that does not answer (decoding off, D3hot, the device given back meanwhile) would be a bus error to whoever
 * rings a doorbell: its windows become plain memory, at the same addresses, and the device's again afterwards.
 */
int vfio_windows_off(struct vfio_bus *b);
int vfio_windows_on(struct vfio_bus *b);

/* vfio_irq.c */
int vfio_irq_probe(struct vfio_bus *b);
void vfio_irq_free(struct vfio_bus *b);
int vfio_irq_fd(struct nvp_bus *bus, uint16_t vector);
/* Give the kernel all eventfds again, after it lost them. */
int vfio_irq_again(struct vfio_bus *b);
/* An access to the MSI-X table, which is the kernel's: true when it was one, and *rc is its result. */
bool vfio_irq_table_write(struct vfio_bus *b, int bar, uint64_t off, const void *buf, uint32_t len, int *rc);
bool vfio_irq_table_read(struct vfio_bus *b, int bar, uint64_t off, void *buf, uint32_t len);

/* vfio_reset.c */
int vfio_reset(struct nvp_bus *bus, enum nvp_reset kind);
/* vfio_rescan.c */
int vfio_rescan(struct vfio_bus *b);
/* vfio_relink.c */
int vfio_link_reset(struct vfio_bus *b);
