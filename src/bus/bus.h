/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How to reach a memory-mapped device: the first of the driver's two seams.  A back end embeds struct nvp_bus, fills a
 * const table, and is found by the prefix of the address.  What runs per command never goes through this table.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "util/clock.h"

enum nvp_reset {
	NVP_RESET_FUNCTION, /* function-level reset */
	NVP_RESET_HOT, /* hot reset through the bridge; a software SSD: vfio-user device reset */
	NVP_RESET_LINK, /* link disable and enable */
	NVP_RESET_RESCAN, /* a PCI function: forgotten by the kernel and found again; others: as the hot reset */
};

struct nvp_bus;

struct nvp_bus_ops {
	const char *name; /* the prefix of addresses: "vfu", "sim" */
	bool has_msi; /* irq_fd() can do MSI too */
	/* addr is what follows "name:".  On success *bus is whole; the caller closes it. */
	int (*open)(const char *addr, struct nvp_bus **bus);
	void (*close)(struct nvp_bus *bus);
	int (*cfg_read)(struct nvp_bus *bus, uint32_t off, void *buf, uint32_t len);
	int (*cfg_write)(struct nvp_bus *bus, uint32_t off, const void *buf, uint32_t len);
	int (*bar_read)(struct nvp_bus *bus, int bar, uint64_t off, void *buf, uint32_t len);
	int (*bar_write)(struct nvp_bus *bus, int bar, uint64_t off, const void *buf, uint32_t len);
	/* NULL: not mappable there, use bar_write().  The mapping lives until close(). */
	void *(*bar_map)(struct nvp_bus *bus, int bar, uint64_t off, uint64_t len);
	/*
	 * The descriptor and the offset in it behind bar_map(), to hand to another process; -ENOTSUP when there is
	 * none.
	 */
	int (*bar_fd)(struct nvp_bus *bus, int bar, uint64_t off, uint64_t *fd_off);
	/* Make [va, va+len) of fd visible to the device at *iova.  A bus may change *iova. */
	int (*dma_map)(struct nvp_bus *bus, void *va, uint64_t len, int fd, uint64_t *iova);
	int (*dma_unmap)(struct nvp_bus *bus, uint64_t iova, uint64_t len);
	/* An eventfd that counts the interrupts of this MSI-X vector (or MSI, see below); owned by the bus. */
	int (*irq_fd)(struct nvp_bus *bus, uint16_t vector);
	int (*reset)(struct nvp_bus *bus, enum nvp_reset kind);
};

/*
 * All functions of a bus but open() may be called by several threads (one polls an I/O queue and looks whether the
 * device is alive, another sends admin commands): a back end that talks over a socket takes its own lock.  A device or
 * server that is gone is -ENODEV or -EPIPE from each of them.
 */
struct nvp_bus {
	const struct nvp_bus_ops *ops;
	struct ut_clock *clock; /* real, or the simulation's */
	bool msi; /* interrupts are MSI, not MSI-X; set before the first irq_fd(), where ops->has_msi */
	char addr[256]; /* as opened, prefix included; for "ssd:" the vfu: address it became */
	bool pins; /* the device sees the pages that were there when they were mapped: none may be exchanged */
	/* The same for all who reach one device, and for no other with its serial number; 0: not known. */
	uint64_t instance;
};

/*
 * The back ends of this layer: vfu_client.c, ssd_spawn.c, qemu_bus.c and vfio.c.  open() of "ssd:" may return a bus of "vfu:" whose
 * ops it set itself; nvp_bus_open() keeps ops, clock and addr that open() filled, and fills the rest (clock: the real one).
 */
extern const struct nvp_bus_ops nvp_vfu_bus_ops, nvp_ssd_bus_ops, nvp_qemu_bus_ops, nvp_vfio_bus_ops;

/* Add a back end of a higher layer (the in-process SSD).  Before the first open; -EEXIST, -ENOSPC. */
int nvp_bus_register(const struct nvp_bus_ops *ops);

/*
 * Open by address: "" or "ssd:..." (a private software SSD), "vfu:/path", "sim:...", a PCI function "0000:01:00.0".
 * -EINVAL: no such form; -ENOENT, -ECONNREFUSED: nobody serves it; -EBUSY: in use; -EPROTO: not a vfio-user NVMe drive.
 * On failure nvp_bus_error() has one line for a person that says what to do.  Any thread.
 */
int nvp_bus_open(const char *addr, struct nvp_bus **out);
void nvp_bus_close(struct nvp_bus *bus); /* NULL is fine */

/* Why the last open in this thread failed.  Valid until the next open. */
const char *nvp_bus_error(void);
void nvp_bus_set_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
