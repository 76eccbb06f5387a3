/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The software SSD: an NVM subsystem (namespaces, media) and its controllers.
 *
 * The model reads no clock, starts no thread, never sleeps and allocates nothing on its I/O path.  ssd_step(now) does
 * what is due and returns when to call next.  Driven with a virtual clock it is deterministic; driven by a server process
 * with the real clock it is a drive.  All calls for one subsystem come from one thread.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "ssd/port.h"
#include "ssd/profile.h"

#define SSD_MAX_CTRLRS 8u
#define SSD_MAX_NAMESPACES 32u
#define SSD_MAX_QUEUES 128u /* queue pairs, the admin queue included */
#define SSD_BAR_SIZE 0x4000u /* BAR0: registers, doorbells, MSI-X */
#define SSD_BAR_DB 0x1000u /* doorbells: may be mapped and written without telling */
#define SSD_BAR_DB_SIZE 0x2000u
#define SSD_BAR_MSIX 0x3000u /* MSI-X table, then the pending bits at 3800h */
#define SSD_BAR_PBA 0x3800u
#define SSD_CMB_BAR 2 /* BAR2: the controller memory buffer, where there is one */
#define SSD_CMB_MAX (1ull << 30)
#define SSD_CFG_SIZE 0x1000u /* PCI configuration space */
#define SSD_NEVER UINT64_MAX

enum ssd_media_kind {
	SSD_MEDIA_RAM, /* sparse memory, gone with the process */
	SSD_MEDIA_FILE, /* an image file that survives it */
	SSD_MEDIA_NULL, /* keeps nothing, copies nothing: for measuring */
	SSD_MEDIA_FLASH, /* modelled NAND behind a translation layer, in memory or an image file: it takes its time, and forgets at power loss what a drive would */
};

struct ssd_ns_config {
	uint64_t size; /* bytes; > 0, rounded down to whole LBAs */
	uint32_t lba_size; /* 512 or 4096 */
};

struct ssd_config {
	struct ssd_ns_config ns[SSD_MAX_NAMESPACES];
	uint32_t nr_ns;
	enum ssd_media_kind media;
	struct ssd_profile profile; /* without a name: "ram"; SSD_MEDIA_FLASH needs one of flash */
	const char *image; /* SSD_MEDIA_FILE, and if not NULL SSD_MEDIA_FLASH: the path; one file for all namespaces */
	bool create; /* an image: make it when it is missing, and size it */
	/*
	 * SSD_MEDIA_RAM: how much may be written, in bytes (whole 2 MiB).  Beyond it writes fail as on a full disk.
	 * 0: three quarters of the memory that the machine has available when the drive is opened.  SSD_MEDIA_FLASH: all of the
	 * flash has to fit, or the drive is not opened.
	 */
	uint64_t ram_limit;
	uint16_t queues; /* I/O queue pairs; 0: 127 */
	uint16_t mqes; /* CAP.MQES, 0's based; 0: 65,534 (that is 65,535 entries) */
	uint8_t mdts; /* 0: 2^9 pages, 2 MiB */
	uint64_t cmb_size; /* controller memory buffer of each controller: whole 4 KiB up to SSD_CMB_MAX; 0: none */
	/*
	 * The first controller is a primary one, the others are its secondary controllers; and the first function is a physical
	 * one of SR-IOV, the others are its virtual functions.
	 */
	bool virt;
	char sn[21], mn[41], fr[9]; /* empty: defaults */
	uint64_t seed;
};

struct ssd_subsys;
struct ssd; /* one controller */

/*
 * Make a subsystem.  -EINVAL, -ENOMEM; with an image: -ENOENT, -EBUSY (in use by another process), -EFBIG (the image is too small),
 * -EUCLEAN (not an image of ours, or damaged).  err gets one line for a person.
 */
int ssd_subsys_open(const struct ssd_config *cfg, struct ssd_subsys **out, char *err, size_t errlen);
void ssd_subsys_close(struct ssd_subsys *sub); /* closes its controllers too; NULL is fine */

/*
 * Add a controller that talks to its host through ops/port.  `doorbells`: SSD_BAR_DB_SIZE bytes that the host writes (shared
 * memory, owned by the caller, valid until close), or NULL: the model's own.  -ENOMEM, -ENOSPC (SSD_MAX_CTRLRS).
 */
int
ssd_ctrlr_open(struct ssd_subsys *sub, const struct ssd_port_ops *ops, void *port, void *doorbells, struct ssd **out);
void ssd_ctrlr_close(struct ssd *ssd);

/* BAR0, by offset; width 1, 2, 4 or 8.  Reads of nothing are 0; all ones when the power is off. */
uint64_t ssd_bar_read(struct ssd *ssd, uint32_t off, int width);
void ssd_bar_write(struct ssd *ssd, uint32_t off, int width, uint64_t val);
/* PCI configuration space.  A write to nothing is dropped. */
void ssd_cfg_read(struct ssd *ssd, uint32_t off, void *buf, uint32_t len);
void ssd_cfg_write(struct ssd *ssd, uint32_t off, const void *buf, uint32_t len);
void *ssd_doorbells(struct ssd *ssd);
/*
 * The controller memory buffer: NULL and 0 when there is none.  ssd_cmb_place() has it in the caller's memory instead (zeroed,
 * page aligned, as long as the controller lives).  How large its BAR is: a power of two; beyond *len there is nothing.
 */
void *ssd_cmb(struct ssd *ssd, uint64_t *len);
void ssd_cmb_place(struct ssd *ssd, void *mem);
uint64_t ssd_cmb_bar_size(const struct ssd *ssd);

/* Do what is due at now_ns (it never goes back).  Returns when to call next at the latest; SSD_NEVER: only on a doorbell or register. */
uint64_t ssd_step(struct ssd *ssd, uint64_t now_ns);
/* Whether the last step did any work: a poller backs off when it did not. */
bool ssd_was_busy(const struct ssd *ssd);
/* Whether commands wait in a submission queue: much cheaper than a step that finds none. */
bool ssd_rung(const struct ssd *ssd);

/* Host memory was mapped or unmapped: pointers from mem_map() are void. */
void ssd_port_changed(struct ssd *ssd);
/* Function-level reset, hot reset, or the host went away: queues, interrupts, registers and configuration space as at power-on. */
void ssd_function_reset(struct ssd *ssd);

/*
 * For a host whose bus driver sets up MSI-X on its behalf (vfio-user DEVICE_SET_IRQS, as VFIO does in the kernel) and never writes the
 * table itself: enable the capability and unmask all vectors, or disable it.
 */
void ssd_msix_setup(struct ssd *ssd, bool on);
void ssd_msi_setup(struct ssd *ssd, bool on); /* the same for MSI, with all 32 messages */

/* Power of the whole subsystem.  Off: volatile state is gone, registers read all ones, nothing is answered. */
void ssd_power_off(struct ssd_subsys *sub);
void ssd_power_on(struct ssd_subsys *sub);
bool ssd_powered(const struct ssd_subsys *sub);

/* Counters since the process started, those of flash in an image since it was made, for statistics. */
struct ssd_stats {
	uint64_t cmds_admin, cmds_read, cmds_write, cmds_other, bytes_read, bytes_written, errors;
	/* SSD_MEDIA_FLASH: changed by the host, and programmed; their ratio; blocks erased, and failed; programs that failed. */
	uint64_t flash_host_bytes, flash_programmed_bytes, flash_erases, flash_bad_blocks, flash_failed_programs;
	uint64_t flash_refreshed_blocks, flash_levelled_blocks, flash_unreadable; /* moved for their own sake; reads */
	uint64_t flash_hard_reads; /* that took error recovery */
	uint64_t flash_slc_bytes, flash_folded_bytes; /* of the host into the SLC cache, and out of it */
	double flash_write_amplification;
};
void ssd_get_stats(const struct ssd_subsys *sub, struct ssd_stats *out);
/*
 * What a drive does to a zone by itself; hosts get the event.  Zones are numbered from 0.  -1: there is no such zone, or it is in
 * no state for it.
 */
enum ssd_zone_change {
	SSD_ZONE_READ_ONLY,
	SSD_ZONE_OFFLINE,
	SSD_ZONE_FINISHED,
	SSD_ZONE_RECOMMEND_FINISH,
	SSD_ZONE_RECOMMEND_RESET,
};
int ssd_zone_change(struct ssd_subsys *sub, uint32_t nsid, uint32_t zone, enum ssd_zone_change what);
/* Composite temperature in Kelvin, as SMART tells it; crossing a threshold raises the event. */
void ssd_set_temperature(struct ssd_subsys *sub, uint16_t kelvin);
uint16_t ssd_temperature(const struct ssd_subsys *sub);
