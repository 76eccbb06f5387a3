/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The Streams directive: which streams are open, whose resources they use, and where the directive is enabled.  A host is a
 * Host Identifier, or the host of one controller where that is 0h; a stream belongs to a host and a namespace (SSID is 0).
 *
 * NVMe Base 2.2, "Streams (Directive Type 01h)".
 */
#pragma once
#include "ssd/ssd_int.h"

/* A write command with DTYPE not 0h, or any with Flexible Data Placement: what it is refused with, or it has its place, and its stream is open.   NVMe Base 2.2, "Directive Use in I/O Commands". */
nvme_status ssd_nvm_directive(struct ssd_cmd *c);

bool ssd_streams_on(const struct ssd *ssd, uint32_t nsid); /* FFFFFFFFh: in any namespace */
void ssd_streams_enable(struct ssd *ssd, uint32_t nsid, bool on); /* FFFFFFFFh: in all, for all controllers */

/* NSSA and NSSO; NSA and NSO of a namespace for the host of this controller. */
struct ssd_streams_count {
	uint16_t nssa, nsso, nsa, nso;
};
void ssd_streams_count(const struct ssd *ssd, uint32_t nsid, struct ssd_streams_count *n);
/* Ascending.  FFFFFFFFh: of all that use the subsystem's resources, each number once. */
uint16_t ssd_streams_list(const struct ssd *ssd, uint32_t nsid, uint16_t sid[SSD_STREAMS]);
/* For the exclusive use of this host in this namespace.  How many of those asked for; -1: it has some already. */
int ssd_streams_allocate(struct ssd *ssd, uint32_t nsid, uint16_t nsr);
void ssd_streams_release(struct ssd *ssd, uint32_t nsid); /* what was allocated */
void ssd_streams_close(struct ssd *ssd, uint32_t nsid, uint16_t sid);

/* What ends streams from outside. */
void ssd_streams_ns_formatted(struct ssd_ns *ns);
void ssd_streams_ns_protected(struct ssd_ns *ns);
void ssd_streams_ns_deleted(struct ssd_ns *ns);
void ssd_streams_host_id(struct ssd *ssd); /* it has one now */
void ssd_streams_reset(struct ssd *ssd); /* before the Host Identifier is forgotten */
