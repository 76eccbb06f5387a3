/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Flexible Data Placement: what is announced, each status, and each field of logs, features and I/O Management.
 *
 * NVMe Base 2.2, "Flexible Data Placement".
 */
#include "ssd_fdp_io.h"

static void
announced(void **state)
{
	struct io *io = *state;
	struct nvme_id_ctrl *id = adm_identify(io);
	struct nvme_sqe sqe;

	assert_true(le32_get(id->ctratt) & NVME_CTRATT_FDPS);
	assert_true(le32_get(id->ctratt) & NVME_CTRATT_EGS);
	assert_int_equal(le16_get(id->endgidmax), 1);
	nvme_prep_identify(&sqe, NVME_CNS_NS, 1, 0);
	assert_int_equal(io_admin(io, &sqe, SSD_PAGE), 0);
	assert_int_equal(le16_get(((const struct nvme_id_ns *)(const void *)io_buf(io))->endgid), 1);
	nvme_prep_identify(&sqe, NVME_CNS_IND_NS, 1, 0);
	assert_int_equal(io_admin(io, &sqe, SSD_PAGE), 0);
	assert_int_equal(le16_get(((const struct nvme_id_ns_ind *)(const void *)io_buf(io))->endgid), 1);
	for (uint32_t from = 0; from < 3; from++) {
		nvme_prep_identify(&sqe, NVME_CNS_ENDGRP_LIST, 0, 0);
		sqe.cdw11 = le32_from(from);
		assert_int_equal(io_admin(io, &sqe, SSD_PAGE), 0);
		assert_int_equal(io_buf(io)[0], from < 2);
		assert_int_equal(io_buf(io)[2], from < 2);
	}
}

/* What only such drives have is in the logs of what there is, and each log page and feature works. */
static void
there(void **state)
{
	static const uint8_t lids[] = { NVME_LOG_ENDGRP,	NVME_LOG_ENDGRP_AGG, NVME_LOG_FDP_CONFIGS,
					NVME_LOG_FDP_RUH_USAGE, NVME_LOG_FDP_STATS,  NVME_LOG_FDP_EVENTS };
	static const uint8_t fids[] = { NVME_FEAT_ENDGRP_EVENT, NVME_FEAT_FDP, NVME_FEAT_FDP_EVENTS };
	struct io *io = *state;
	struct nvme_effects_log effects;
	const struct nvme_supported_log_pages *pages;
	const struct nvme_fid_effects_log *fid;

	pages = adm_log(io, NVME_LOG_SUPPORTED, sizeof(*pages));
	for (size_t i = 0; i < sizeof(lids); i++)
		assert_true(le32_get(pages->lids[lids[i]]) & NVME_LIDS_LSUPP);
	for (size_t i = 0; i < sizeof(lids); i++) {
		bool any = lids[i] == NVME_LOG_ENDGRP_AGG; /* of all groups */

		assert_int_equal(get_log(io, lids[i], ENDGID_LSI, 512), 0);
		assert_int_equal(get_log(io, lids[i], 0, 512), any ? 0 : INVALID);
		assert_int_equal(get_log(io, lids[i], 2 * ENDGID_LSI, 512), any ? 0 : INVALID);
	}
	fid = adm_log(io, NVME_LOG_FID_EFFECTS, sizeof(*fid));
	for (size_t i = 0; i < sizeof(fids); i++)
		assert_true(le32_get(fid->fids[fids[i]]) & NVME_FIDS_FSUPP);
	memcpy(&effects, adm_log(io, NVME_LOG_EFFECTS, sizeof(effects)), sizeof(effects));
	assert_true(le32_get(effects.iocs[NVME_OPC_IO_MGMT_RECV]) & NVME_EFFECTS_CSUPP);
	assert_true(le32_get(effects.iocs[NVME_OPC_IO_MGMT_SEND]) & NVME_EFFECTS_CSUPP);
	for (uint32_t opc = 1; opc < 256; opc++) {
		struct nvme_sqe sqe = { .opc = (uint8_t)opc, .nsid = le32_from(1) };
		bool want = le32_get(effects.iocs[opc]) & NVME_EFFECTS_CSUPP;

		assert_int_equal(slow(io, &sqe, SSD_PAGE) != NVME_SC_INVALID_OPCODE, want);
	}
}

/* A drive without it. */
static void
not_there(void **state)
{
	struct io *io = *state;
	struct nvme_sqe sqe = { .opc = NVME_OPC_IO_MGMT_RECV, .nsid = le32_from(1) };

	assert_false(le32_get(adm_identify(io)->ctratt) & (NVME_CTRATT_FDPS | NVME_CTRATT_EGS));
	assert_int_equal(io_cmd(io, &sqe, 4), NVME_SC_INVALID_OPCODE);
	sqe.opc = NVME_OPC_IO_MGMT_SEND;
	assert_int_equal(io_cmd(io, &sqe, 4), NVME_SC_INVALID_OPCODE);
	assert_int_equal(get_log(io, NVME_LOG_FDP_CONFIGS, ENDGID_LSI, 64), NVME_SC_INVALID_LOG_PAGE);
	assert_int_equal(set(io, NVME_FEAT_FDP, 0, 1, 1), INVALID);
	assert_int_equal(create_ns(io, 1 << 20, NULL, 1), INVALID); /* placement handles, an endurance group */
}

static void
configurations(void **state)
{
	struct io *io = *state;
	const struct nvme_fdp_configs_log *log = a_log(io, NVME_LOG_FDP_CONFIGS, 512);
	const struct nvme_fdp_config_desc *d = (const void *)(log + 1);

	assert_int_equal(le16_get(log->numfdpc), 0); /* 0's based */
	assert_int_equal(log->version, 0);
	assert_int_equal(le32_get(log->size), 16 + 64 + 4 * HANDLES);
	assert_int_equal(le16_get(d->dsze), 64 + 4 * HANDLES);
	assert_int_equal(d->fdpa, 0x90);
	assert_int_equal(d->vss, 0);
	assert_int_equal(le32_get(d->nrg), 1);
	assert_int_equal(le16_get(d->nruh), HANDLES);
	assert_int_equal(le16_get(d->maxpids), HANDLES - 1);
	assert_int_equal(le32_get(d->nnss), ssd_nn(io->r->sub));
	assert_int_equal(le64_get(d->runs), RU_BLOCKS * 4096);
	assert_int_equal(le32_get(d->erutl), io->r->sub->cfg.profile.fdp.time_limit_s);
	for (uint32_t i = 0; i < HANDLES; i++)
		assert_int_equal(d->ruh[i].ruht, NVME_RUHT_INITIALLY_ISOLATED);
	assert_int_equal(io_buf(io)[16 + 64 + 4 * HANDLES], 0);
}

static void
disabled(void **state)
{
	static const uint8_t lids[] = { NVME_LOG_FDP_RUH_USAGE, NVME_LOG_FDP_STATS, NVME_LOG_FDP_EVENTS };
	struct io *io = *state;
	uint16_t pid = 0;

	configurations(state);
	for (size_t i = 0; i < sizeof(lids); i++) {
		assert_int_equal(get_log(io, lids[i], ENDGID_LSI, 64), NVME_SC_FDP_DISABLED);
		assert_int_equal(get_log(io, lids[i], 0, 64), INVALID);
	}
	assert_int_equal(receive(io, 1, NVME_IO_MGMT_RECV_RUHS, 64), NVME_SC_FDP_DISABLED);
	assert_int_equal(update(io, NVME_IO_MGMT_SEND_RUHU, &pid, 1), NVME_SC_FDP_DISABLED);
	assert_int_equal(receive(io, 1, NVME_IO_MGMT_NO_ACTION, 64), 0);
	assert_int_equal(set(io, NVME_FEAT_FDP_EVENTS, 1, 1u << 16, 1), NVME_SC_FDP_DISABLED);
	assert_int_equal(io_feature_get(io, NVME_FEAT_FDP_EVENTS, 1, 0, 1u << 16), NVME_SC_FDP_DISABLED);
	assert_int_equal(write_as(io, NVME_DTYPE_DATA_PLACEMENT, 99, 0, 1), 0); /* no directive is enabled: ignored */
	assert_int_equal(io_feature_get(io, NVME_FEAT_FDP, 0, 0, 1), 0);
	assert_int_equal(le32_get(io->cqe.dw0), 0);
	assert_int_equal(set(io, NVME_FEAT_FDP, 0, 1, 1), NVME_SC_CMD_SEQUENCE); /* there is a namespace */
	delete_ns(io, NVME_NSID_ALL);
	assert_int_equal(set(io, NVME_FEAT_FDP, 0, 0, 1), INVALID);
	assert_int_equal(set(io, NVME_FEAT_FDP, 0, 2, 1), INVALID);
	assert_int_equal(set(io, NVME_FEAT_FDP, 0, 1, 1 | 1 << 8), INVALID); /* no such configuration */
	assert_int_equal(create_ns(io, 1 << 20, NULL, 1), NVME_SC_FDP_DISABLED);
	assert_int_equal(set(io, NVME_FEAT_FDP, 0, 1, 1), 0);
	for (uint32_t sel = 0; sel < 3; sel++) {
		assert_int_equal(io_feature_get(io, NVME_FEAT_FDP, 0, sel, 1), 0);
		assert_int_equal(le32_get(io->cqe.dw0), sel != 1);
	}
	assert_int_equal(io_feature_get(io, NVME_FEAT_FDP, 0, 0, 2), INVALID);
	adm_reset(io);
	adm_power_cycle(io);
	assert_int_equal(io_feature_get(io, NVME_FEAT_FDP, 0, 0, 1), 0);
	assert_int_equal(le32_get(io->cqe.dw0), 1); /* it stays */
	assert_int_equal(set(io, NVME_FEAT_FDP, 0, 1, 0), 0);
	assert_int_equal(get_log(io, NVME_LOG_FDP_STATS, ENDGID_LSI, 64), NVME_SC_FDP_DISABLED);
}

static void
expect_usage(struct io *io, const char *want)
{
	const struct nvme_fdp_ruhu_log *log = a_log(io, NVME_LOG_FDP_RUH_USAGE, 64);

	assert_int_equal(le16_get(log->nruh), HANDLES);
	for (uint32_t i = 0; i < HANDLES; i++)
		assert_int_equal(log->ruh[i].ruha, want[i] - '0');
}

static void
placement_handles(void **state)
{
	static const uint16_t twice[] = { 1, 1 }, beyond[] = { HANDLES }, some[] = { 3, 1 }, taken[] = { 1, 0 };
	const struct nvme_ruhs *s;
	struct io *io = *state;

	expect_usage(io, "1111");
	delete_ns(io, NVME_NSID_ALL);
	expect_usage(io, "0000");
	assert_int_equal(create_ns(io, 1 << 20, twice, 2), NVME_SC_INVALID_PLACEMENT_LIST);
	assert_int_equal(create_ns(io, 1 << 20, beyond, 1), NVME_SC_INVALID_PLACEMENT_LIST);
	assert_int_equal(create_ns(io, 1 << 20, NULL, HANDLES + 1), NVME_SC_INVALID_PLACEMENT_LIST);
	assert_int_equal(create_ns(io, 1 << 20, NULL, 0xffff), NVME_SC_INVALID_PLACEMENT_LIST);
	assert_int_equal(create_ns(io, 1 << 20, some, 2), 0);
	attach(io, 1);
	expect_usage(io, "0101");
	assert_int_equal(create_ns(io, 1 << 20, NULL, 0), 0); /* the controller chooses */
	expect_usage(io, "2101");
	assert_int_equal(create_ns(io, 1 << 20, NULL, 0), 0); /* the same */
	expect_usage(io, "2101");
	assert_int_equal(create_ns(io, 1 << 20, taken, 2), NVME_SC_INVALID_PLACEMENT_LIST);
	assert_int_equal(create_ns(io, 1 << 20, some, 1), 0); /* shared */
	assert_int_equal(receive(io, 1, NVME_IO_MGMT_RECV_RUHS, 4096), 0);
	s = (const void *)io_buf(io);
	assert_int_equal(le16_get(s->nruhsd), 2);
	assert_int_equal(le16_get(s->desc[0].ruhid), 3);
	assert_int_equal(le16_get(s->desc[1].ruhid), 1);
	delete_ns(io, 2);
	delete_ns(io, 3);
	expect_usage(io, "0101");
	put(io, 1, 0, 8); /* placement handle 1: reclaim unit handle 1 */
	assert_int_equal(ftl_ru_used(ssd_flash_ftl(io->r->sub->media), 1), 8);
	delete_ns(io, 1);
	delete_ns(io, 4);
	expect_usage(io, "0000");
}

/* All are given to namespaces: there is none left to choose. */
static void
none_left(void **state)
{
	struct io *io = *state;

	delete_ns(io, 1);
	expect_usage(io, "1111");
	assert_int_equal(create_ns(io, 1 << 20, NULL, 0), NVME_SC_INVALID_PLACEMENT_LIST);
	assert_int_equal(create_ns(io, 1 << 20, NULL, HANDLES), 0);
}

static void
status_and_update(void **state)
{
	static const uint16_t both[] = { 1, 2 }, bad[] = { 1, HANDLES };
	struct io *io = *state;
	const struct nvme_ruhs *s = (const void *)io_buf(io);

	assert_int_equal(receive(io, 1, NVME_IO_MGMT_RECV_RUHS, 4096), 0);
	assert_int_equal(le16_get(s->nruhsd), HANDLES);
	for (uint32_t pid = 0; pid < HANDLES; pid++) {
		assert_int_equal(le16_get(s->desc[pid].pid), pid);
		assert_int_equal(le16_get(s->desc[pid].ruhid), pid);
		assert_int_equal(le32_get(s->desc[pid].earutr), 0);
		assert_int_equal(le64_get(s->desc[pid].ruamw), RU_BLOCKS);
	}
	for (uint32_t i = 16 + 32 * HANDLES; i < 4096; i++)
		assert_int_equal(io_buf(io)[i], 0);
	assert_int_equal(receive(io, 1, NVME_IO_MGMT_RECV_RUHS, 16), 0);
	assert_int_equal(io_buf(io)[16], 0xee); /* no more than NUMD says */
	put(io, 1, 0, 24);
	put(io, 2, 100, 8);
	assert_int_equal(write_as(io, 0, 3, 200, 3), 0); /* no directive: placement handle 0 */
	assert_int_equal(le64_get(status_of(io, 0).ruamw), RU_BLOCKS - 3);
	assert_int_equal(le64_get(status_of(io, 1).ruamw), RU_BLOCKS - 24);
	assert_int_equal(le64_get(status_of(io, 2).ruamw), RU_BLOCKS - 8);
	assert_int_equal(le64_get(status_of(io, 3).ruamw), RU_BLOCKS);
	assert_int_equal(update(io, NVME_IO_MGMT_SEND_RUHU, bad, 2), INVALID);
	assert_int_equal(le64_get(status_of(io, 1).ruamw), RU_BLOCKS - 24); /* all or none */
	assert_int_equal(update(io, NVME_IO_MGMT_SEND_RUHU, both, 2), 0);
	assert_int_equal(le64_get(status_of(io, 0).ruamw), RU_BLOCKS - 3);
	assert_int_equal(le64_get(status_of(io, 1).ruamw), RU_BLOCKS);
	assert_int_equal(le64_get(status_of(io, 2).ruamw), RU_BLOCKS);
	put(io, 3, 300, RU_BLOCKS + 5);
	assert_int_equal(le64_get(status_of(io, 3).ruamw), RU_BLOCKS - 5);
	for (uint32_t mo = 2; mo < 256; mo++) {
		assert_int_equal(receive(io, 1, mo, 64), INVALID);
		assert_int_equal(update(io, mo, both, 1), INVALID);
		assert_int_equal(io_blamed(io), 40);
	}
	assert_int_equal(update(io, NVME_IO_MGMT_NO_ACTION, both, 1), 0);
	{
		struct nvme_sqe sqe = { .opc = NVME_OPC_IO_MGMT_SEND, .nsid = le32_from(1) };

		sqe.cdw10 = le32_from(1 | HANDLES << 16); /* one more than there can be */
		assert_int_equal(slow(io, &sqe, 64), INVALID);
		sqe.nsid = le32_from(NVME_NSID_ALL);
		assert_int_equal(slow(io, &sqe, 64), NVME_SC_INVALID_NS);
	}
	assert_int_equal(receive(io, 9, NVME_IO_MGMT_RECV_RUHS, 64), NVME_SC_INVALID_NS);
}

static nvme_status
directive(struct io *io, uint8_t opc, uint32_t cdw11, uint32_t cdw12)
{
	struct nvme_sqe sqe = { .opc = opc, .nsid = le32_from(1), .cdw10 = le32_from(1023) };

	sqe.cdw11 = le32_from(cdw11);
	sqe.cdw12 = le32_from(cdw12);
	return io_admin(io, &sqe, 4096);
}

static void
directives(void **state)
{
	struct io *io = *state;
	const struct nvme_dir_id_params *p = (const void *)io_buf(io);

	assert_int_equal(directive(io, NVME_ADM_DIRECTIVE_RECV, 1, 0), 0);
	assert_int_equal(p->supported[0], 5); /* Identify, Data Placement; no Streams beside it */
	assert_int_equal(p->enabled[0], 5);
	assert_int_equal(p->persistent[0], 4);
	assert_int_equal(directive(io, NVME_ADM_DIRECTIVE_SEND, 1, 1 | 2 << 8), INVALID);
	assert_int_equal(directive(io, NVME_ADM_DIRECTIVE_SEND, 1, 0 | 2 << 8), INVALID);
	assert_int_equal(directive(io, NVME_ADM_DIRECTIVE_SEND, 1, 1 | 1 << 8), INVALID);
	assert_int_equal(directive(io, NVME_ADM_DIRECTIVE_RECV, 1 | 2 << 8, 0), INVALID);
	for (uint32_t dtype = 0; dtype < 16; dtype++)
		assert_int_equal(write_as(io, dtype, 0, 0, 1), dtype == 0 || dtype == 2 ? 0 : INVALID);
	adm_reset(io);
	assert_int_equal(directive(io, NVME_ADM_DIRECTIVE_RECV, 1, 0), 0);
	assert_int_equal(p->enabled[0], 5);
}

/* Of Copy and Write Zeroes, too. */
static void
other_writes(void **state)
{
	struct io *io = *state;
	struct nvme_copy_range *range = (void *)io_buf(io);
	struct nvme_sqe sqe = { .opc = NVME_OPC_COPY, .nsid = le32_from(1), .cdw10 = le32_from(64) };

	put(io, 1, 0, 8);
	memset(range, 0, sizeof(*range));
	range->nlb = le16_from(7);
	sqe.cdw12 = le32_from(NVME_DTYPE_DATA_PLACEMENT << 20);
	sqe.cdw13 = le32_from(2u << 16);
	assert_int_equal(slow(io, &sqe, sizeof(*range)), 0);
	assert_int_equal(le64_get(status_of(io, 2).ruamw), RU_BLOCKS - 8);
	nvme_prep_write_zeroes(&sqe, 1, 0, 8);
	sqe.cdw12 = le32_from(le32_get(sqe.cdw12) | 3u << 20);
	assert_int_equal(slow(io, &sqe, 0), INVALID); /* no such directive */
	sqe.cdw12 = le32_from((le32_get(sqe.cdw12) & 0xffff) | NVME_DTYPE_DATA_PLACEMENT << 20);
	assert_int_equal(slow(io, &sqe, 0), 0);
}

static void
event_feature(void **state)
{
	static const uint8_t types[] = { 0, 1, 2, 3, 0x80, 0x81 };
	struct io *io = *state;
	const struct nvme_fdp_event_desc *d = (const void *)io_buf(io);

	assert_int_equal(io_feature_get(io, NVME_FEAT_FDP_EVENTS, 1, 0, 1 | 255u << 16), 0);
	assert_int_equal(le32_get(io->cqe.dw0), 6);
	for (uint32_t i = 0; i < 6; i++) {
		assert_int_equal(d[i].type, types[i]);
		assert_int_equal(d[i].fdpeta, 0);
	}
	io_buf(io)[0] = 3;
	io_buf(io)[1] = 0x81;
	assert_int_equal(set(io, NVME_FEAT_FDP_EVENTS, 1, 1 | 2u << 16, 1), 0);
	adm_reset(io);
	assert_int_equal(io_feature_get(io, NVME_FEAT_FDP_EVENTS, 1, 0, 1 | 4u << 16), 0);
	assert_int_equal(le32_get(io->cqe.dw0), 4);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(d[i].fdpeta, types[i] == 3);
	assert_int_equal(io_feature_get(io, NVME_FEAT_FDP_EVENTS, 1, 0, 2 | 6u << 16), 0);
	assert_int_equal(d[3].fdpeta, 0); /* another handle */
	assert_int_equal(io_feature_get(io, NVME_FEAT_FDP_EVENTS, 1, 1, 1 | 6u << 16), 0);
	assert_int_equal(d[3].fdpeta, 0); /* the default */
	io_buf(io)[0] = 3;
	assert_int_equal(set(io, NVME_FEAT_FDP_EVENTS, 1, 1 | 1u << 16, 0), 0);
	assert_int_equal(io_feature_get(io, NVME_FEAT_FDP_EVENTS, 1, 0, 1 | 6u << 16), 0);
	assert_int_equal(d[3].fdpeta, 0);
	assert_int_equal(d[5].fdpeta, 1);
	assert_int_equal(io_feature_get(io, NVME_FEAT_FDP_EVENTS, 1, 0, 1), 0);
	assert_int_equal(le32_get(io->cqe.dw0), 0);
	assert_int_equal(set(io, NVME_FEAT_FDP_EVENTS, 1, 1, 1), INVALID); /* no types */
	assert_int_equal(set(io, NVME_FEAT_FDP_EVENTS, 1, HANDLES | 1u << 16, 1), INVALID);
	assert_int_equal(set(io, NVME_FEAT_FDP_EVENTS, NVME_NSID_ALL, 1u << 16, 1), INVALID);
	io_buf(io)[0] = 4;
	assert_int_equal(set(io, NVME_FEAT_FDP_EVENTS, 1, 1 | 1u << 16, 1), INVALID); /* no such event */
}

static void
endurance_group(void **state)
{
	struct io *io = *state;
	const struct nvme_endgrp_log *log;

	put(io, 0, 0, 64);
	log = a_log(io, NVME_LOG_ENDGRP, 512);
	assert_int_equal(log->cw, 0);
	assert_int_equal(log->egfeat, 0);
	assert_int_equal(log->avsp, 100);
	assert_int_equal(le64_get(log->duw[0]), 1);
	assert_int_equal(le64_get(log->hwc[0]), 1);
	assert_int_equal(le64_get(log->tegcap[0]), SIZE);
	assert_int_equal(le64_get(log->uegcap[0]), 0);
	assert_int_equal(set(io, NVME_FEAT_ENDGRP_EVENT, 0, 1 | 0xffu << 16, 0), 0);
	assert_int_equal(io_feature_get(io, NVME_FEAT_ENDGRP_EVENT, 0, 0, 1), 0);
	assert_int_equal(le32_get(io->cqe.dw0), 1 | 0x0du << 16);
	assert_int_equal(set(io, NVME_FEAT_ENDGRP_EVENT, 0, 2, 0), INVALID);
	assert_int_equal(io_feature_get(io, NVME_FEAT_ENDGRP_EVENT, 0, 0, 0), INVALID);
	assert_int_equal(*(const uint8_t *)adm_log(io, NVME_LOG_ENDGRP_AGG, 64), 0);
	adm_aer(io);
	assert_int_equal(adm_event(io), UINT32_MAX);
	io->r->sub->media->warning = (uint8_t)NVME_CW_ASCBT;
	io->r->sub->media->warned = (uint8_t)NVME_CW_ASCBT;
	assert_int_equal(set(io, NVME_FEAT_ENDGRP_EVENT, 0, 1 | 1u << 16, 0), 0);
	assert_int_equal(adm_event(io), NVME_AER_NOTICE | NVME_AER_NOTICE_ENDGRP << 8 | NVME_LOG_ENDGRP_AGG << 16);
	adm_log(io, NVME_LOG_ENDGRP_AGG, 64);
	assert_int_equal(io_buf(io)[0], 1);
	assert_int_equal(io_buf(io)[8], 1);
	adm_log(io, NVME_LOG_ENDGRP_AGG, 64);
	assert_int_equal(io_buf(io)[0], 0);
	log = a_log(io, NVME_LOG_ENDGRP, 512);
	assert_int_equal(log->cw, NVME_CW_ASCBT);
}

#define T(f, s) cmocka_unit_test_setup_teardown(f, s, io_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(announced, setup),
		T(there, setup),
		cmocka_unit_test_setup_teardown(not_there, io_setup, io_teardown),
		T(configurations, setup),
		T(disabled, setup_off),
		T(placement_handles, setup),
		T(none_left, setup_two),
		T(status_and_update, setup),
		T(directives, setup),
		T(other_writes, setup),
		T(event_feature, setup),
		T(endurance_group, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
