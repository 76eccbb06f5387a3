/* SPDX-License-Identifier: BSD-3-Clause */
/* Log pages: one line of a table each; what fills them. */
#pragma once
#include "ssd/ssd_int.h"

struct ssd_log {
	uint32_t size; /* bytes; 0: there is no such log */
	bool fdp; /* only of drives with an endurance group, and FDP */
	void (*fill)(struct ssd *ssd, void *buf); /* `size` bytes, zero on entry */
	/* Instead, for a log that is longer than the scratch memory: send bytes [off, off + len) of it, after ssd_data(). */
	nvme_status (*part)(struct ssd_cmd *c, uint64_t off, uint64_t len);
	nvme_status (*check)(struct ssd_cmd *c); /* more than all logs need; may be NULL */
	void (*read_done)(struct ssd *ssd); /* it was read with RAE = 0; may be NULL */
	void (*taken)(struct ssd *ssd); /* it was read, whatever RAE is; may be NULL */
};
#define SSD_LOG_NO_DATA 0xfffe /* check: done, and nothing is to be sent */
extern const struct ssd_log ssd_logs[256]; /* log.c */
bool ssd_log_there(const struct ssd *ssd, uint32_t lid); /* whether this drive has it */

/* log_health.c */
void ssd_log_error(struct ssd *ssd, void *buf);
void ssd_log_smart(struct ssd *ssd, void *buf);
void ssd_log_changed_ns(struct ssd *ssd, void *buf);
void ssd_log_changed_ns_read(struct ssd *ssd);

/* log_ocp.c: only where there is flash */
void ssd_log_ocp_smart(struct ssd *ssd, void *buf);

/* log_effects.c */
void ssd_log_supported(struct ssd *ssd, void *buf);
void ssd_log_effects(struct ssd *ssd, void *buf);
nvme_status ssd_log_effects_check(struct ssd_cmd *c);
void ssd_log_fid_effects(struct ssd *ssd, void *buf);
