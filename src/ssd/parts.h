/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The state of what stands beside the data path, by subsystem and by controller.  A struct that ends in _kept survives the power:
 * it is made of little-endian and byte fields only, because an image file holds it as it is.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "nvproof/spec/fdp.h"
#include "nvproof/spec/log.h"
#include "nvproof/spec/mi.h"
#include "ssd/fw.h"
#include "ssd/ns.h"
#include "ssd/ssd.h"
#include "ssd/zns/zone.h"

/* admin/dst.c */
struct ssd_dst_kept {
	struct nvme_self_test_result result[NVME_SELF_TEST_RESULTS]; /* newest first */
	uint8_t stc; /* what runs; 0: nothing */
	uint8_t rsvd561;
	le16 cntlid; /* whose command it was */
	le32 nsid;
	le32 left_ms; /* while the power is off */
};
static_assert(sizeof(struct ssd_dst_kept) == 572, "self-test, kept");

struct ssd_dst {
	struct ssd_dst_kept kept;
	uint64_t end_ns; /* 0: not known yet, left_ms from the next step on */
};

/* admin/fw.c */
struct ssd_fw_slot {
	char rev[8]; /* rev[0] is 0: empty */
	le32 flags; /* SSD_FW_* */
};

struct ssd_fw_kept {
	struct ssd_fw_slot slot[SSD_FW_SLOTS];
	uint8_t active, next; /* slots, from 1; next 0: none waits for a reset */
	uint8_t rsvd38[2];
};
static_assert(sizeof(struct ssd_fw_kept) == 40, "firmware, kept");

struct ssd_fw {
	struct ssd_fw_kept kept;
	char fr[8]; /* what runs */
	bool activated; /* since the last event that tells of it */
	bool pausing; /* until pause_end_ns, to activate without a reset */
	uint64_t pause_end_ns;
};

/* admin/fw_load.c, of a controller */
#define SSD_FW_WORDS 4u
struct ssd_fw_load {
	uint8_t *buf; /* SSD_FW_MAX bytes */
	uint64_t got[SSD_FW_WORDS]; /* a bit for each 4 KiB */
};

/* gather.h: a copy that waits */
struct ssd_copy {
	uint8_t *media, *host;
	uint32_t len;
	bool to_host;
};

/* gather.c, of one direction: whether its copies are stored past the cache, and what says so */
struct ssd_past {
	bool on;
	uint32_t burst; /* of the present period */
	uint64_t cost[2]; /* ticks a MiB, the best seen in it: as `on` says, and the other way */
};

/* admin/pstate.c, of a controller */
struct ssd_power {
	uint8_t ps; /* the state it is in, or on its way to */
	uint8_t op; /* the last one that was operational */
	uint64_t ready_ns; /* when ps is reached */
	uint64_t idle_ns; /* of the last I/O command */
};

/* admin/apst.c: what Set Features saved, of a controller */
#define SSD_POWER_APST 0x01u /* set: which of the members were */
#define SSD_POWER_NOPSC 0x02u
#define SSD_POWER_HCTM 0x04u
#define SSD_POWER_SENSOR(s, under) (0x10u << (2 * ((s)-1) + (under)))
#define SSD_SENSORS 2u /* temperature sensors, from 1; 0 is the composite temperature */
struct ssd_power_kept {
	uint8_t set, apste, nopsc, rsvd3;
	le32 hctm;
	le64 apst[32];
	le16 sensor[SSD_SENSORS][2]; /* thresholds, over and under, in K */
};
static_assert(sizeof(struct ssd_power_kept) == 272, "power features, kept");

/* admin/heat.c: of the subsystem, by thermal management temperature; and of a controller */
struct ssd_heat_kept {
	le64 ns[2];
	le32 count[2];
};
static_assert(sizeof(struct ssd_heat_kept) == 24, "heat, kept");

struct ssd_heat {
	uint8_t level; /* 0, or the TMT that is exceeded */
	uint64_t since_ns, until_ns; /* of the pause after I/O commands */
};

/* admin/warm.c: when it looked last, what had been moved by then, and the temperature with its fractions, in K */
struct ssd_warm {
	bool begun;
	double k;
	uint64_t at_ns, bytes;
};

/* admin/pel.c: events as the log has them, the oldest first */
#define SSD_PEL_BYTES (65536u - 512u)
struct ssd_pel_kept {
	le32 used;
	le16 gnum;
	uint8_t unsafe; /* the power went without a shutdown */
	uint8_t rsvd7;
	uint8_t buf[SSD_PEL_BYTES];
};
static_assert(sizeof(struct ssd_pel_kept) == SSD_PEL_BYTES + 8, "persistent events, kept");

/* admin/telemetry.c: the header and its blocks */
#define SSD_TELEMETRY_BLOCKS 17u
struct ssd_telemetry {
	uint8_t data[(1 + SSD_TELEMETRY_BLOCKS) * 512] __attribute__((aligned(8)));
};

struct ssd_telemetry_kept {
	struct ssd_telemetry log;
	uint8_t tcda, tcdgn;
	uint8_t rsvd[6];
};
static_assert(sizeof(struct ssd_telemetry_kept) == 9224, "telemetry, kept");

/* admin/boot.c: boot partitions */
#define SSD_BPS 2
#define SSD_BP_SIZE (128u << 10) /* a multiple of 128 KiB */
struct ssd_boot_kept {
	uint8_t data[SSD_BP_SIZE];
	uint8_t abpid; /* which one is active; in the first of them */
	uint8_t rsvd[7];
};
static_assert(sizeof(struct ssd_boot_kept) == SSD_BP_SIZE + 8, "boot partition, kept");

struct ssd_boot {
	struct ssd_boot_kept kept[SSD_BPS];
	uint8_t wps[SSD_BPS]; /* NVME_BPWPS_* */
};

/* admin/boot_reg.c: a read by property, of a controller */
struct ssd_boot_read {
	uint64_t bpmbl, due_ns;
	uint32_t bprsel;
	uint8_t brs; /* NVME_BPINFO_BRS_* */
};

/* nvm/streams.c */
#define SSD_STREAMS 16u /* MSL */
struct ssd_stream_host {
	uint8_t id[16]; /* Host Identifier; 0h: the host of controller cntlid */
	uint16_t cntlid;
};

struct ssd_stream {
	uint64_t used; /* when it was written to, counted */
	uint32_t nsid; /* 0: this entry is free */
	uint16_t sid;
	bool own; /* it uses what was allocated for its host; else the subsystem's resources */
	struct ssd_stream_host host;
};

struct ssd_stream_share { /* what was allocated */
	uint32_t nsid;
	uint16_t nsa; /* 0: this entry is free */
	struct ssd_stream_host host;
};

struct ssd_streams {
	struct ssd_stream open[SSD_STREAMS];
	struct ssd_stream_share share[SSD_STREAMS];
	uint64_t count; /* of writes to streams */
};

/* fdp/: Flexible Data Placement, of the one endurance group */
#define SSD_FDP_HANDLES 16u
struct ssd_fdp_ns_kept { /* placement handles: the reclaim unit handle of each */
	uint8_t n, how; /* how: NVME_RUHA_* */
	uint8_t ruh[SSD_FDP_HANDLES];
};

struct ssd_fdp_events { /* the oldest first */
	le32 n;
	le32 rsvd4;
	struct nvme_fdp_event event[NVME_FDP_EVENTS_MAX];
};

struct ssd_fdp_kept {
	uint8_t enabled;
	uint8_t rsvd1[7];
	struct ssd_fdp_ns_kept ns[32];
	uint8_t filter[SSD_FDP_HANDLES]; /* of a handle: which events are kept, a bit for each of ssd_fdp_event_types */
	le64 base[3]; /* what the counters of the statistics were when it was enabled */
	struct ssd_fdp_events events[2]; /* of the host, of the controller */
};
static_assert(sizeof(struct ssd_fdp_kept) == 8704, "FDP, kept");

struct ssd_fdp {
	struct ssd_fdp_kept kept;
	uint32_t ru[SSD_FDP_HANDLES]; /* which reclaim unit a handle was at, at the last look */
	uint64_t since_ns[SSD_FDP_HANDLES]; /* it was seen to hold something; 0: it was not */
	uint64_t reallocs; /* that were told of */
};

/* admin/mi_vpd.c: Vital Product Data */
#define SSD_VPD_SIZE 256u
#define SSD_VPD_WRITES 100u /* how often it can be written: Identify's VWCI */
struct ssd_vpd_kept {
	uint8_t data[SSD_VPD_SIZE];
	uint8_t left; /* writes */
	uint8_t rsvd[7];
};
static_assert(sizeof(struct ssd_vpd_kept) == SSD_VPD_SIZE + 8, "VPD, kept");

/* admin/mi_health.c, of a controller */
struct ssd_mi {
	struct nvme_mi_ctrl_health seen; /* at the last look */
	uint32_t changed, sticky; /* NVME_MI_CCS_* */
};

/* later.c */
#define SSD_MAX_LATER 8u
struct ssd_later {
	uint64_t at_ns;
	uint32_t dw0;
	uint16_t cid;
};

/* admin/sanitize_run.c */
enum ssd_sanitize_state {
	SSD_SANITIZE_IDLE,
	SSD_SANITIZE_RESTRICTED,
	SSD_SANITIZE_RESTRICTED_FAILED,
	SSD_SANITIZE_UNRESTRICTED,
	SSD_SANITIZE_UNRESTRICTED_FAILED,
};

struct ssd_sanitize_kept {
	uint8_t state, sos; /* SSD_SANITIZE_*, NVME_SOS_* */
	uint8_t passes; /* of the last operation, when it has ended */
	uint8_t erased; /* 1: nothing was written since it, or ever */
	le32 scdw10, ovrpat; /* of the command */
	le16 cntlid; /* whose command it was */
	uint8_t rsvd14[2];
	le64 done_ns; /* up to sanitize.since_ns */
	le32 work_ns; /* the pattern is written up to here: index of the namespace, block */
	uint8_t rsvd28[4];
	le64 work_lba;
};
static_assert(sizeof(struct ssd_sanitize_kept) == 40, "sanitize, kept");

struct ssd_sanitize {
	struct ssd_sanitize_kept kept;
	uint64_t since_ns;
	bool fault; /* the next operation fails at its end */
};

/* nvm/resv.c: the reservation of a namespace */
#define SSD_RESV_HOSTS 64u /* registrants */
struct ssd_resv_host {
	le64 rkey;
	uint8_t id[16]; /* Host Identifier; 0h: none, then it is the host of controller cntlid until that is reset */
	uint8_t there, wide; /* wide: all 16 bytes of id are used */
	le16 cntlid;
	uint8_t rsvd28[4];
};
static_assert(sizeof(struct ssd_resv_host) == 32, "registrant, kept");

struct ssd_resv_kept {
	struct ssd_resv_host host[SSD_RESV_HOSTS];
	le32 gen;
	uint8_t rtype; /* NVME_RTYPE_* */
	uint8_t holder; /* index of host, where one alone holds it; else SSD_RESV_NOBODY */
	uint8_t ptpl; /* 1: survives the power */
	uint8_t rsvd2055;
};
static_assert(sizeof(struct ssd_resv_kept) == 2056, "reservation, kept");

/* nvm/resv_note.c: notifications that a controller has for its host, oldest first */
#define SSD_RESV_NOTES 16u
struct ssd_resv_note {
	uint64_t count;
	uint32_t nsid;
	uint8_t type; /* NVME_RNLPT_* */
};

struct ssd_resv_notes {
	struct ssd_resv_note note[SSD_RESV_NOTES];
	uint32_t n;
	uint64_t count; /* of all there were */
};

struct ssd_virt { /* admin/virt.c; resources by NVME_VIRT_RT_* */
	uint16_t rfap[2], rfap_now[2]; /* flexible ones of the primary controller: from its next reset on, and now */
	uint16_t vfs; /* virtual functions that are enabled; sriov.c */
	bool vf_mse;
	struct ssd_virt_sec {
		bool online;
		uint16_t has[2];
	} sec[SSD_MAX_CTRLRS]; /* index cntlid - 1; 0 is the primary controller, and not used */
};

struct ssd_cmb { /* controller memory buffer; cmb.c */
	uint64_t size; /* bytes; 0: there is none */
	uint64_t msc; /* CMBMSC */
	uint64_t cba; /* where commands name it, while on */
	void *va, *own;
	bool on, bad; /* bad: CMBSTS.CBAI */
};

struct ssd_hmb_piece {
	uint64_t addr;
	uint32_t pages;
};

struct ssd_hmb { /* host memory buffer; admin/hmb.c */
	bool on;
	bool lost; /* a piece cannot be reached, and that was told */
	uint32_t hsize, list_low, list_high, count; /* as the host set them */
	uint32_t nr; /* pieces in use */
	struct ssd_hmb_piece piece[256];
	uint32_t lent; /* 0: what is in the memory means nothing */
	uint64_t beat, host_reads, host_writes; /* as the records have them */
	uint64_t due_ns;
};

struct ssd_dbbuf { /* shadow doorbells; dbbuf.c */
	bool on;
	uint64_t shadow, event;
	const void *va; /* of the shadow buffer; NULL: not mappable, copy[] is read each step */
	uint32_t copy[SSD_BAR_DB_SIZE / 4];
};

struct ssd_wrr { /* weighted round robin: where it is; arb.c */
	uint32_t credits; /* what class prio may still have in this round */
	uint8_t prio;
	uint16_t next[4]; /* by class: the queue that is next in it */
};

/* parts.c: what an image keeps of all this.  Media that keep nothing: loading changes nothing, saving does nothing. */
enum ssd_part { /* the numbers are those in the file */
		SSD_PART_DST = 0,
		SSD_PART_FW = 1,
		SSD_PART_NS = 2,
		SSD_PART_POWER = 3,
		SSD_PART_HEAT = 4,
		SSD_PART_SANITIZE = 5,
		SSD_PART_PEL = 6,
		SSD_PART_TELEMETRY = 7,
		SSD_PART_RESV = 8,
		SSD_PART_BOOT0 = 9,
		SSD_PART_BOOT1 = 10,
		SSD_PART_VPD = 11,
		SSD_PART_ZNS = 12,
		SSD_PART_FDP = 13,
		SSD_PARTS,
};
struct ssd_subsys;
void ssd_parts_init(struct ssd_subsys *sub); /* as a new drive */
void ssd_parts_load(struct ssd_subsys *sub); /* a part that is not there, or damaged, stays as it is */
void ssd_part_save(struct ssd_subsys *sub, enum ssd_part part);
