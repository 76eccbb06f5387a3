/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Telemetry: what the inside of the controller looked like, when the host asked for it or when something went wrong.
 *
 *	area 1	block 1		the SMART log
 *	area 2	blocks 2-9	the error log
 *	area 3	blocks 10-17	text: state of the controller and its queues
 *
 * NVMe Base 2.1, "Telemetry", "Telemetry Host-Initiated", "Telemetry Controller-Initiated" log pages.
 */
#pragma once
#include "ssd/ssd_int.h"

#define SSD_TELEMETRY_LIDSP 1u /* 07h takes the greatest data area to create (MCDA) */

nvme_status ssd_log_telemetry_host_check(struct ssd_cmd *c);
void ssd_log_telemetry_host(struct ssd *ssd, void *buf);
nvme_status ssd_log_telemetry_ctrl_check(struct ssd_cmd *c);
void ssd_log_telemetry_ctrl(struct ssd *ssd, void *buf);
void ssd_log_telemetry_ctrl_read(struct ssd *ssd);

/* Something went wrong: the controller-initiated log is made, and the host is told, now or when it is back. */
void ssd_telemetry_capture(struct ssd *ssd, const char *reason);
void ssd_telemetry_ready(struct ssd *ssd); /* the controller is ready again */
bool ssd_telemetry_kept_ok(const struct ssd_subsys *sub);
