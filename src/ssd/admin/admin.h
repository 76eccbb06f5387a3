/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The admin command set: one handler a command, listed in table.c.  A handler checks its command, moves data, sets c->dw0 and
 * returns a status; SSD_PENDING when the CQE comes later through ssd_cqe_post().
 *
 * NVMe Base, "Admin Command Set".
 */
#pragma once
#include "ssd/ssd_int.h"

/* queues.c */
nvme_status ssd_adm_create_cq(struct ssd_cmd *c);
nvme_status ssd_adm_create_sq(struct ssd_cmd *c);
nvme_status ssd_adm_delete_cq(struct ssd_cmd *c);
nvme_status ssd_adm_delete_sq(struct ssd_cmd *c);

/* abort.c, aer_cmd.c, keep_alive.c */
nvme_status ssd_adm_abort(struct ssd_cmd *c);
nvme_status ssd_adm_aer(struct ssd_cmd *c);
nvme_status ssd_adm_keep_alive(struct ssd_cmd *c);

/* identify.c, features.c, log.c, format.c */
nvme_status ssd_adm_identify(struct ssd_cmd *c);
nvme_status ssd_adm_get_features(struct ssd_cmd *c);
nvme_status ssd_adm_set_features(struct ssd_cmd *c);
nvme_status ssd_adm_get_log_page(struct ssd_cmd *c);
nvme_status ssd_adm_format(struct ssd_cmd *c);

/* ns_mgmt.c, ns_attach.c */
nvme_status ssd_adm_ns_mgmt(struct ssd_cmd *c);
nvme_status ssd_adm_ns_attach(struct ssd_cmd *c);

/* directive.c, security.c */
nvme_status ssd_adm_directive_send(struct ssd_cmd *c);
nvme_status ssd_adm_directive_recv(struct ssd_cmd *c);
nvme_status ssd_adm_security_send(struct ssd_cmd *c);
nvme_status ssd_adm_security_recv(struct ssd_cmd *c);
/* dbbuf_cmd.c, virt.c */
nvme_status ssd_adm_dbbuf_config(struct ssd_cmd *c);
nvme_status ssd_adm_virt_mgmt(struct ssd_cmd *c);

/* keep_alive.c: start the timer anew from feat.kato (0 stops it); Set Features calls it after a change. */
void ssd_kato_restart(struct ssd *ssd);
/* Whether the timer has run out: the controller fails.  Called by ssd_step(). */
void ssd_kato_check(struct ssd *ssd);

/*
 * features.c: ssd->feat as after a Controller Level Reset, of whatever kind: feat_saved where a feature is saveable, defaults
 * elsewhere.  Called by ctrlr.c before the controller can run.
 */
void ssd_features_reset(struct ssd *ssd);
