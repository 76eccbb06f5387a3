/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reservations: the state of a namespace (resv.c), who is told of changes (resv_note.c), and one file a command.
 *
 * A registrant is a host, not a controller.  Controllers with the same Host Identifier are one host's; a controller without
 * one is a host of its own, which a Controller Level Reset makes a different one.
 *
 * NVMe Base 2.1, "Reservations", "Host Identifier".
 */
#pragma once
#include "nvproof/spec/resv.h"
#include "ssd/ssd_int.h"

#define SSD_RESCAP 0xffu /* PTPL, all six types, IEKEY as since NVMe 1.3 */
#define SSD_RESV_NOBODY 0xffu

nvme_status ssd_nvm_resv_register(struct ssd_cmd *c);
nvme_status ssd_nvm_resv_acquire(struct ssd_cmd *c);
nvme_status ssd_nvm_resv_release(struct ssd_cmd *c);
nvme_status ssd_nvm_resv_report(struct ssd_cmd *c);

/* resv.c */
struct ssd_resv_kept *ssd_resv_of(const struct ssd_ns *ns);
/* Whether a reservation forbids the host of this controller to read or write. */
bool ssd_resv_conflict(const struct ssd *ssd, const struct ssd_ns *ns, bool write);
/* The index of the controller's host among the registrants; SSD_RESV_NOBODY: it is none. */
uint32_t ssd_resv_find(const struct ssd *ssd, const struct ssd_resv_kept *r);
bool ssd_resv_is_host(const struct ssd *ssd, const struct ssd_resv_host *h);
bool ssd_resv_holds(const struct ssd_resv_kept *r, uint32_t i);
static inline bool
ssd_resv_all_registrants(uint8_t rtype)
{
	return rtype == NVME_RTYPE_WEAR || rtype == NVME_RTYPE_EAAR;
}
/* A registrant for the host of this controller; false: the table is full. */
bool ssd_resv_add(const struct ssd *ssd, struct ssd_resv_kept *r, uint64_t key);
/* The registrant is none any more.  true: with it the reservation went. */
bool ssd_resv_remove(struct ssd_resv_kept *r, uint32_t i);
void ssd_resv_changed(struct ssd_ns *ns); /* the gate, and what an image keeps */
/* What Acquire and Release check first: no IEKEY, and the key that this host has registered.  *me: its index. */
nvme_status ssd_resv_check(struct ssd_cmd *c, uint64_t crkey, uint32_t *me);

void ssd_resv_init(struct ssd_subsys *sub);
bool ssd_resv_kept_ok(const struct ssd_subsys *sub);
void ssd_resv_power_lost(struct ssd_subsys *sub); /* all that does not persist */
void ssd_resv_ctrlr_reset(struct ssd *ssd);
void ssd_resv_ns_deleted(struct ssd_ns *ns);

/* resv_note.c: a notification of `type` (NVME_RNLPT_*) for the controllers of one host, or of all registrants except `by`'s. */
void ssd_resv_note_host(const struct ssd *by, const struct ssd_ns *ns, const struct ssd_resv_host *h, uint8_t type);
void ssd_resv_note_all(const struct ssd *by, const struct ssd_ns *ns, uint8_t type);
void ssd_resv_notes_reset(struct ssd *ssd);
void ssd_log_resv(struct ssd *ssd, void *buf);
void ssd_log_resv_taken(struct ssd *ssd);
