/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Inside the software SSD.  ctrlr.c bar.c cfg.c msix.c: registers and life cycle; sq.c cq.c arb.c: queues; xfer.c: PRP and SGL
 * to host memory; exec.c: from SQE to CQE; admin/ and nvm/: one file a command or family; media/: where the data is.
 *
 * A handler checks its command, moves data, and returns an NVMe status; ssd_fail() names the guilty byte on the way.
 * Nothing from the host is trusted: queue indexes, addresses, lengths and SQE fields are checked before use.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "nvproof/spec/cmd.h"
#include "nvproof/spec/id_ctrl.h"
#include "nvproof/spec/id_ns.h"
#include "nvproof/spec/log.h"
#include "nvproof/spec/regs.h"
#include "nvproof/spec/status.h"
#include "ssd/media/ops.h"
#include "ssd/parts.h"
#include "ssd/lbaf.h"
#include "ssd/ssd.h"
#include "util/bits.h"
#include "util/rng.h"

#define SSD_PAGE 4096u /* CAP.MPSMIN = CAP.MPSMAX = 0: 4 KiB pages */
#define SSD_NR_VECTORS 128u
#define SSD_MSI_MMC 5u /* log2 of the messages that MSI asks for */
#define SSD_ERROR_ENTRIES 64u
#define SSD_MAX_AERS 8u /* AERL + 1, at most */
#define SSD_KELVIN 273u /* 0 C, as far as whole degrees go */
#define SSD_MAX_SEGS 1024u /* pieces of host memory that one command may be scattered over */
#define SSD_BOUNCE (64u << 10) /* per controller scratch for what cannot be done in place */
#define SSD_PENDING 0xffff /* handler: the CQE comes later (AER, a long format) */
#define SSD_MAX_LATE 256u /* CQEs that wait for room in their queue */
#define SSD_MAX_EVENTS 16u
#define SSD_TLB_SIZE 512u /* host pages whose address in this process is remembered */
#define SSD_MAX_MDTS 9u /* SSD_MAX_SEGS must hold a transfer of that many pages, and one more */
#define SSD_SQ_PAGES 1024u /* a PC=0 queue of 65,536 entries, in pages */
#define SSD_CQ_PAGES 256u
#define SSD_FETCH 16u /* SQEs copied at once */
#define SSD_PCI_VID 0x4e56u /* Identify's VID and SSVID too.  "NV": assigned to nobody that we know of */
#define SSD_PCI_DID 0x5052u
#define SSD_DSTRD 3u /* 32 bytes from doorbell to doorbell: each queue pair has a cache line of its own */
#define SSD_VS NVME_VERSION(2, 2, 0) /* the VS register and Identify's VER; docs/conformance.md says why */

/* Identify's SGLS: any alignment, bit buckets; an SGL must be exactly as long as the data. */
#define SSD_SGLS                                                                                                 \
	((uint32_t)(nvme_put(NVME_SGLS_SUPP, NVME_SGLS_SUPP_BYTE) | NVME_SGLS_BIT_BUCKET | NVME_SGLS_MPTR_BYTE | \
		    NVME_SGLS_MPTR_SGL))

struct ssd_cmd;
typedef nvme_status (*ssd_exec_fn)(struct ssd_cmd *c);

/* Whether this controller has an admin command; admin/table.c. */
bool ssd_admin_there(const struct ssd *ssd, uint32_t opc);

/* A line of an opcode table; the Commands Supported and Effects log is printed from the same table. */
struct ssd_opcode {
	ssd_exec_fn exec;
	uint32_t effects;
};
extern const struct ssd_opcode ssd_admin_opcodes[256]; /* admin/table.c */
extern const struct ssd_opcode ssd_nvm_opcodes[256]; /* nvm/table.c */

/* Protection information as a namespace is formatted.  NVM Command Set, "Protection Information Formats". */
struct ssd_pi_format {
	uint8_t type; /* 0: none, and the rest means nothing */
	uint8_t size, guard, sr; /* bytes: of all of it, of the guard, of storage and reference tag */
	uint8_t sts; /* bits of sr that are the storage tag, the upper ones */
	uint16_t off; /* in the metadata of a block */
	uint64_t lbstm; /* which bits of the storage tag are checked */
};

struct ssd_ns {
	struct ssd_subsys *sub;
	uint32_t nsid, first_zone; /* first_zone: in the table of the subsystem */
	uint64_t media_off; /* where it starts in the media */
	uint64_t media_size;
	uint64_t nsze; /* LBAs in the current format; 0: no such namespace */
	uint32_t attached; /* to the controllers of bit cntlid - 1 */
	uint8_t gate; /* SSD_GATE_*; 0: commands run at once */
	uint8_t nmic, wps; /* NVME_NMIC_*; NVME_WPS_* */
	bool created; /* by a host */
	bool fdp; /* Flexible Data Placement is enabled: each write has a place */
	uint32_t made; /* see ns.h */
	uint32_t lba_size, lba_shift;
	uint32_t meta_size; /* bytes of metadata a block; 0: the plain commands of nvm/rw.c */
	uint64_t meta_off; /* where the metadata starts in the media: behind all data */
	struct ssd_format format;
	struct ssd_pi_format pi;
	uint8_t eui64[8], nguid[16], uuid[16];
	uint32_t err_recovery; /* feature 05h, of the namespace: DULBE */
	struct ssd_lba_map *bad; /* LBAs that Write Uncorrectable marked; nvm/uncor.c */
	struct ssd_zones *zones; /* NULL: not a zoned namespace */
	struct ssd_lba_map *alloc; /* LBAs written and not deallocated since (NUSE); nvm/uncor.c */
};

struct ssd_smart { /* what really happened; persists with the image */
	uint64_t units_read_512, units_written_512; /* 512-byte units; the log counts thousands */
	uint64_t host_reads, host_writes, busy_ns;
	uint64_t power_cycles, power_on_ns, unsafe_shutdowns, media_errors, error_entries;
};

/* What Set Features with SV keeps; by controller, because a controller may come and go. */
struct ssd_feat_saved {
	uint32_t set; /* bitmap of the members below, in this order */
	uint32_t arbitration, power, temp_over, temp_under, vwc, int_coal, write_atomic, aec, sw_progress;
};

struct ssd_thermal { /* for WCTT and CCTT; admin/feat_temp.c */
	uint16_t k; /* since when it is that warm */
	uint64_t since_ns, warm_ns, hot_ns;
};

struct ssd_subsys {
	struct ssd_config cfg;
	struct ssd_thermal thermal;
	struct ssd_feat_saved saved[SSD_MAX_CTRLRS];
	struct ssd_media *media;
	struct ssd_ns ns[SSD_MAX_NAMESPACES]; /* index nsid - 1; nsze 0: not there */
	uint64_t capacity; /* of the media, bytes */
	struct ssd_ns_table_kept ns_kept;
	struct ssd_sanitize sanitize;
	struct ssd_resv_kept resv[SSD_MAX_NAMESPACES]; /* index nsid - 1 */
	struct ssd *ctrlr[SSD_MAX_CTRLRS]; /* index cntlid - 1 */
	struct ssd_smart smart;
	struct ssd_stats stats;
	struct ssd_dst dst;
	struct ssd_fw fw;
	struct ssd_power_kept power_kept[SSD_MAX_CTRLRS];
	struct ssd_heat_kept heat;
	struct ssd_warm warm;
	struct ssd_pel_kept pel;
	struct ssd_telemetry_kept telemetry; /* controller-initiated */
	struct ssd_boot boot;
	struct ssd_vpd_kept vpd;
	uint32_t mi_ccs; /* Composite Controller Status, in band */
	struct ssd_streams streams;
	struct ssd_zns_kept zns;
	struct ssd_zones zone_sets[SSD_MAX_NAMESPACES]; /* index nsid - 1 */
	uint32_t zone_place[16]; /* index + 1 of the zone that writes to each place of the flash */
	uint8_t zone_changed[SSD_ZONES]; /* bit cntlid - 1: it has not been told yet */
	struct ssd_virt virt;
	struct ssd_fdp fdp;
	uint16_t temperature_k;
	bool powered;
	bool stepped; /* last_ns is valid */
	uint64_t io_due_ns; /* raised by media that take time, while a command is carried out; 0: at once */
	uint64_t recovery_ns, media_ready_ns; /* of the media, from the first step after power-on; when it ends */
	uint32_t io_busy; /* bit cntlid - 1: it had I/O commands at the end of its last step */
	struct ssd_faults *faults; /* NULL: there never were any */
	uint64_t last_ns; /* time of the last step of any controller: for smart.power_on_ns */
};

struct ssd_cq {
	bool live, pc, ien;
	uint16_t id, iv;
	uint32_t size; /* entries */
	uint32_t head, tail;
	uint16_t phase; /* 0 or 1 */
	uint16_t refs; /* SQs that use it */
	uint64_t base; /* PC=1: the ring; PC=0: the PRP list was read into pages[] */
	uint64_t *pages; /* PC=0: one bus address a page */
	void *ring; /* PC=1 and mappable: the host's memory; else NULL */
	uint32_t told; /* the tail at the last interrupt; coalesce.c */
	const uint32_t *db; /* the head doorbell: the register, or its shadow */
	uint64_t bad_db; /* a doorbell value that was refused and reported already, plus 1; 0: none */
	bool broken; /* the ring was not there; until ssd_port_changed() */
	bool gather; /* entries are stored together at the end of the burst; see cq.c */
	uint32_t nr_held; /* entries before the tail that are not stored yet */
	uint64_t held[SSD_FETCH][2];
};

struct ssd_sq {
	bool live, pc;
	uint16_t id;
	uint8_t prio;
	uint32_t size;
	uint32_t head, tail;
	struct ssd_cq *cq;
	uint64_t base;
	uint64_t *pages;
	const void *ring;
	const uint32_t *db; /* the tail doorbell: the register, or its shadow */
	uint64_t bad_db;
	bool broken;
	union {
		uint16_t unusual; /* any of these: commands go the slow way */
		struct {
			bool fused; /* the first half of a fused pair waits for the second */
			bool faulty; /* as the controller */
		};
	};
	struct nvme_sqe fused_sqe;
};

#define SSD_HOLD_FW 0x01u /* CSTS.PP: firmware is activated */
#define SSD_HOLD_POWER 0x02u /* I/O: not in an operational power state, or on the way to one */
#define SSD_HOLD_HEAT 0x04u /* I/O: thermal management */
#define SSD_HOLD_MEDIA 0x08u /* I/O: as many commands wait for their media as can be kept */
#define SSD_HOLD_FAULT 0x10u /* a fault has the drive hang */
#define SSD_HOLD_ADMIN (SSD_HOLD_FW | SSD_HOLD_FAULT) /* what holds the admin queue */

/* A piece of host memory: `va` when the port could map it, else only `addr`; or a bit bucket, which has neither. */
struct ssd_seg {
	void *va;
	uint64_t addr;
	uint32_t len;
	bool bucket;
};

struct ssd_cmd {
	struct ssd *ssd;
	struct ssd_sq *sq;
	const struct nvme_sqe *sqe; /* a private copy: the host cannot change it any more */
	struct ssd_ns *ns; /* valid for I/O commands and where admin handlers set it */
	uint32_t dw0, dw1; /* for the CQE */
	uint32_t place; /* of what it writes, on the media */
	uint16_t err_byte; /* offset in the SQE of the guilty field; 0xffff: none */
	uint8_t err_bit;
	uint64_t err_lba;
	uint64_t err_cs; /* for the error log: what the command says that it is */
	uint32_t nsegs; /* filled by ssd_data() */
	struct ssd_seg *segs; /* the controller's SSD_MAX_SEGS entries */
};

#define SSD_MAX_DELAYED 8192u
struct ssd_delayed { /* an I/O command that waits for its media */
	uint64_t due_ns, order;
	uint16_t sqid, cid;
	nvme_status status;
	uint32_t dw0, dw1;
};

struct ssd_late { /* a CQE that found its queue full */
	uint16_t sqid, cqid, cid;
	nvme_status status;
	uint32_t dw0, dw1;
};

struct ssd_coal { /* interrupt coalescing; coalesce.c */
	bool on;
	uint64_t held[SSD_NR_VECTORS / 64]; /* vectors that have something to tell, and wait */
	uint64_t now[SSD_NR_VECTORS / 64]; /* vectors that must not */
	uint64_t due_ns[SSD_NR_VECTORS];
};

struct ssd_tlb { /* one page of host memory in this process */
	uint64_t tag; /* page number + 1; 0: empty */
	uint8_t *va;
};

struct ssd_feat {
	uint32_t arbitration, power, temp_over, temp_under, vwc, int_coal, aec, kato;
	uint32_t nr_queues; /* dw0 of the answer; after a reset all there are */
	uint64_t timestamp_ms, timestamp_set_ns;
	bool timestamp_synced;
	uint32_t write_atomic, sw_progress;
	uint64_t irq_cd[SSD_NR_VECTORS / 64]; /* vectors without coalescing (09h) */
	uint8_t endgrp_warnings; /* Endurance Group Event Configuration */
	uint8_t acre, lbafee; /* Host Behavior Support (16h) */
	uint8_t apste;
	uint32_t nopsc, hctm;
	uint32_t sensor[SSD_SENSORS][2]; /* temperature thresholds, over and under */
	le64 apst[32];
	uint8_t host_id[16];
	bool host_id_wide; /* all 16 bytes of it */
	uint8_t resv_mask[SSD_MAX_NAMESPACES]; /* Reservation Notification Mask */
};

struct ssd {
	struct ssd_subsys *sub;
	uint16_t cntlid; /* 1.. */
	const struct ssd_port_ops *ops;
	void *port;
	uint64_t now_ns;

	uint64_t cap;
	uint32_t cc, csts, aqa, intm;
	uint64_t asq, acq;
	uint64_t ready_ns; /* when CSTS.RDY follows CC.EN */
	uint64_t timers_ns; /* when timers.c is due; it may find nothing to do */
	bool busy; /* the last step did something */
	uint8_t hold; /* SSD_HOLD_*: no command is taken */
	bool faulty; /* rules are armed; fault/fault.h */
	bool stopped; /* CC.EN=0, shut down, fatal or powered off: no queue is looked at */
	bool shutting; /* CSTS.SHST is 01b; the next step completes it */
	bool clean; /* shut down, or never enabled: losing power now is not unsafe */
	/* What configuration space says; cfg.c keeps these up to date. */
	bool mem_ok; /* BAR accesses are answered: memory space enable, D0 */
	bool dma_ok; /* may read and write host memory and interrupt: bus master enable, D0 */
	bool msix_on, msix_fmask, intx_off, msi_on;
	uint32_t msi_nr, msi_pending; /* messages that the host granted; masked by INTMS */

	uint32_t *db, *db_own; /* doorbells: [qid * stride], see sq.c */
	struct ssd_sq sq[SSD_MAX_QUEUES];
	struct ssd_cq cq[SSD_MAX_QUEUES];
	uint64_t live_sqs[SSD_MAX_QUEUES / 64];
	uint64_t prio_sqs[4][SSD_MAX_QUEUES / 64]; /* I/O queues by QPRIO */
	struct ssd_wrr wrr;
	struct ssd_coal coal;
	struct ssd_cmb cmb;
	struct ssd_hmb hmb;
	struct ssd_dbbuf dbbuf;
	uint32_t nr_ioqs, nr_vectors; /* what this controller has; admin/virt.c changes it */
	uint64_t irq_due[SSD_NR_VECTORS / 64]; /* vectors whose CQs posted in this batch */
	uint64_t *queue_pages; /* pages[] of all PC=0 queues */
	struct nvme_sqe fetch[SSD_FETCH];
	struct ssd_copy copies[SSD_FETCH]; /* data of commands that were taken; gather.h */
	uint32_t nr_copies, copy_bytes;
	struct ssd_past past[2]; /* to media, to the host */
	struct ssd_late late[SSD_MAX_LATE];
	uint32_t nr_late;
	struct ssd_delayed *delayed; /* delay.c */
	uint32_t nr_delayed;
	uint64_t delay_order;
	uint64_t shut_ns; /* when what a shutdown makes durable is */
	bool io_held; /* I/O commands are there, and held */
	bool io_waits; /* I/O commands wait for room in their completion queue */
	struct ssd_tlb tlb[SSD_TLB_SIZE];

	uint8_t cfg[SSD_CFG_SIZE];
	uint8_t msix[SSD_NR_VECTORS * 16];
	uint64_t pba[SSD_NR_VECTORS / 64];

	struct ssd_feat feat;
	uint16_t aer_cid[SSD_MAX_AERS];
	uint32_t nr_aers;
	uint32_t aer_events[SSD_MAX_EVENTS]; /* events not yet reported (dw0), oldest first */
	uint32_t nr_aer_events;
	uint32_t aer_masked; /* event types masked until their log is read (bitmap) */
	uint8_t aer_lid[8]; /* for each masked type: the log that unmasks it */
	struct nvme_error_log_entry errors[SSD_ERROR_ENTRIES]; /* ring; [count % 64] is the next */
	uint64_t error_count;
	uint64_t kato_due; /* 0: off */
	uint64_t changed_ns[SSD_MAX_NAMESPACES / 32];
	struct ssd_fw_load fw_load;
	struct ssd_power power;
	struct ssd_heat heat;
	struct ssd_telemetry telemetry; /* host-initiated */
	uint8_t telemetry_gen;
	bool telemetry_due; /* an event for when the controller is ready */
	uint8_t *pel; /* what the reporting context shows */
	uint32_t pel_len; /* 0: no context */
	uint64_t pel_smart_ns; /* when the next SMART snapshot is due */
	uint64_t reset_ns; /* of the last Controller Level Reset */
	struct ssd_later later[SSD_MAX_LATER]; /* completions that wait for their time */
	uint32_t nr_later;
	struct ssd_resv_notes resv_notes;
	struct ssd_boot_read boot;
	struct ssd_mi mi;
	bool endgrp_event; /* the aggregate log has the endurance group */
	uint32_t log_nsid, log_csi, log_lsp; /* of the Get Log Page command that is carried out */
	uint32_t streams_on; /* bit nsid - 1: the Streams directive is enabled */

	struct ssd_seg segs[SSD_MAX_SEGS];
	struct ssd_seg meta_segs[SSD_MAX_SEGS];
	uint8_t *bounce; /* SSD_BOUNCE bytes */
	uint8_t *bounce2; /* the same again, for Compare and Copy */
};

/* exec.c */
/* Add an entry to the error log.  pel: NVME_PEL_*. */
struct ssd_error {
	uint16_t sqid, cid, pel;
	nvme_status status;
	uint64_t lba, cs;
	uint32_t nsid;
	uint8_t opc, csi;
};
void ssd_error_add(struct ssd *ssd, const struct ssd_error *e);
void ssd_error_note(struct ssd *ssd, nvme_status status); /* one that is not about a command */
/* Note the guilty field (byte offset in the SQE) for the error log, and return sc. */
nvme_status ssd_fail(struct ssd_cmd *c, nvme_status sc, size_t byte);
nvme_status ssd_fail_lba(struct ssd_cmd *c, nvme_status sc, uint64_t lba);

/* xfer.c: the data of a command */
/*
 * Walk PRP or SGL of the command for exactly `len` bytes and fill c->segs.  Checks offsets, alignment, descriptor types, that an SGL is long
 * enough.  Success or the status that the specification asks for.  NVMe Base, "Data Layout".
 */
nvme_status ssd_data(struct ssd_cmd *c, uint64_t len);
/* Copy after ssd_data(); off is within the data.  NVME_SC_DATA_TRANSFER when the memory is not there. */
nvme_status ssd_to_host(struct ssd_cmd *c, uint64_t off, const void *src, uint64_t len);
nvme_status ssd_from_host(struct ssd_cmd *c, uint64_t off, void *dst, uint64_t len);
/*
 * mptr.c: the same for a metadata buffer of its own, into a second command that is otherwise as the first; ssd_to_host() and
 * ssd_from_host() take that.
 */
nvme_status ssd_meta(struct ssd_cmd *c, uint64_t len, struct ssd_cmd *m);
/* For admin data: ssd_data() and ssd_to_host() in one. */
nvme_status ssd_reply(struct ssd_cmd *c, const void *src, uint64_t len);

/*
 * later.c: have the completion of an admin command posted at at_ns, with c->dw0 and success.  What the handler returns then;
 * NVME_SC_SUCCESS when it cannot wait.
 */
nvme_status ssd_later(struct ssd_cmd *c, uint64_t at_ns);

/* cq.c */
void ssd_cqe_post(struct ssd *ssd, struct ssd_sq *sq, uint16_t cid, uint32_t dw0, uint32_t dw1, nvme_status st);

/*
 * aer.c: raise an event.  It is reported at the end of the step, or when an AER comes, unless its type is masked or the
 * Asynchronous Event Configuration feature leaves it out.  NVMe Base, "Asynchronous Event Request command".
 */
void ssd_event(struct ssd *ssd, uint8_t type, uint8_t info, uint8_t lid);
void ssd_event_all(struct ssd_subsys *sub, uint8_t type, uint8_t info, uint8_t lid);
/* Forget what waits to be reported of this type and log. */
void ssd_event_drop(struct ssd *ssd, uint8_t type, uint8_t lid);
/* Get Log Page with RAE=0 read this log: the event type that it belongs to is reported again. */
void ssd_event_unmask(struct ssd *ssd, uint8_t lid);

/* What MDTS stands for, in bytes.   NVMe Base, "Identify Controller data structure". */
static inline uint64_t
ssd_max_xfer(const struct ssd_subsys *sub)
{
	return (uint64_t)SSD_PAGE << sub->cfg.mdts;
}

/* ctrlr.c: what no command can report.  CSTS.CFS=1, and nothing runs until a reset. */
void ssd_fatal(struct ssd *ssd);

/* How many NSIDs are valid (Identify's NN): 1 to this. */
static inline uint32_t
ssd_nn(const struct ssd_subsys *sub)
{
	return sub->cfg.profile.max_namespaces;
}

/* How many LBA formats a host of this controller may use: the extended ones only when it has said that it knows them. */
static inline uint32_t
ssd_nr_lbafs(const struct ssd *ssd)
{
	return ssd->feat.lbafee ? SSD_NR_LBAFS : SSD_LBAF_EXT;
}

/* A namespace that is allocated, attached or not; NULL: not there. */
static inline struct ssd_ns *
ssd_ns_get(struct ssd_subsys *sub, uint32_t nsid)
{
	if (nsid - 1 >= SSD_MAX_NAMESPACES || !sub->ns[nsid - 1].nsze)
		return NULL;
	return &sub->ns[nsid - 1];
}

/* A namespace as a command to this controller names it: an active one.  NULL: it is not attached, or not there. */
static inline struct ssd_ns *
ssd_ns_active(const struct ssd *ssd, uint32_t nsid)
{
	if (nsid - 1 >= SSD_MAX_NAMESPACES || !(ssd->sub->ns[nsid - 1].attached >> (ssd->cntlid - 1) & 1))
		return NULL;
	return &ssd->sub->ns[nsid - 1];
}

/*
 * stats: exec.c counts commands and errors, handlers count bytes.  smart: handlers count units and commands, and media errors;
 * exec.c counts error entries; subsys.c what has to do with power.
 */

/* nvm/uncor.c: the maps of a namespace whose other fields are filled in.  -ENOMEM. */
int ssd_ns_maps_open(struct ssd_ns *ns);
void ssd_ns_maps_close(struct ssd_ns *ns); /* of a zeroed namespace is fine */
void ssd_ns_maps_move(struct ssd_ns *ns); /* media_off has changed */

/* media/: -ENOMEM and the errors of ssd_subsys_open() */
/* limit: bytes that may be written before there is no space; 0: three quarters of what the machine has to spare */
int ssd_media_ram(uint64_t size, uint64_t limit, struct ssd_media **out);
int ssd_media_null(uint64_t size, struct ssd_media **out);
int ssd_media_file(const struct ssd_config *cfg, uint64_t size, struct ssd_media **out, char *err, size_t errlen);
/*
 * What survives besides user data: SMART, the formats, bad LBAs.  load: after media and maps are open; changes nothing for media
 * that keep none.  save: at shutdown, flush of the metadata, power off and close.  0, -EUCLEAN, -EIO.
 */
int ssd_persist_load(struct ssd_subsys *sub);
int ssd_persist_save(struct ssd_subsys *sub);

/* admin/feat_temp.c: for each controller when sub->temperature_k changed; raises the SMART event when a threshold is crossed. */
void ssd_temp_check(struct ssd *ssd);
