/* SPDX-License-Identifier: BSD-3-Clause */
/* Faults of admin commands, events, registers, and of the controller as a whole. */
#include "fault_trials.h"
#include "ssd/admin/fw.h"

static uint32_t
vwc(struct trial *t)
{
	return ssd_of(t)->feat.vwc;
}

static bool
feature_ignored(struct trial *t)
{
	struct nvme_sqe sqe;

	arm(t, "feature-ignored");
	nvme_prep_set_features(&sqe, NVME_FEAT_VWC, 0, 0, 0);
	return admin(t, &sqe) && status(t) == 0 && vwc(t) == 1;
}

static bool
feature_zero(struct trial *t)
{
	struct nvme_sqe sqe;

	arm(t, "feature-zero");
	nvme_prep_get_features(&sqe, NVME_FEAT_VWC, NVME_FEAT_SEL_CURRENT, 0);
	return admin(t, &sqe) && status(t) == 0 && le32_get(t->io.cqe.dw0) == 0;
}

static bool
format(struct trial *t)
{
	struct nvme_sqe sqe;

	put(t, 5, 1, 0x11);
	arm(t, "format-ignored");
	nvme_prep_format(&sqe, 1, 0, NVME_FORMAT_SES_USER);
	go(t, 0, &sqe, 0);
	adm_sleep(&t->io, 10000 * ADM_MS);
	return holds(t, 5) == 0x11 && status(t) == 0;
}

static bool
sanitize(struct trial *t)
{
	struct nvme_sqe sqe;

	put(t, 5, 1, 0x11);
	arm(t, "sanitize-ignored");
	nvme_prep_sanitize(&sqe, NVME_SANACT_BLOCK_ERASE, 0);
	go(t, 0, &sqe, 0);
	return status(t) == 0 && ssd_of(t)->sub->sanitize.kept.state == SSD_SANITIZE_IDLE &&
	       ssd_of(t)->sub->sanitize.kept.sos == 0;
}

/* Slot 7 of the drive is empty: activating it is an error. */
static bool
fw_commit(struct trial *t)
{
	struct nvme_sqe sqe;

	arm(t, "fw-commit-ignored");
	nvme_prep_fw_commit(&sqe, 7, NVME_FW_CA_ACTIVATE);
	return go(t, 0, &sqe, 0) && status(t) == 0;
}

static bool
sq_delete(struct trial *t)
{
	struct nvme_sqe sqe;

	arm(t, "sq-delete-ignored");
	nvme_prep_delete_io_sq(&sqe, 1);
	return go(t, 0, &sqe, 0) && status(t) == 0 && get(t, 0, 1);
}

static bool
cq_create(struct trial *t)
{
	struct nvme_sqe sqe;

	arm(t, "cq-create-ignored");
	nvme_prep_create_io_cq(&sqe, 5, 16, rig_alloc(t->io.r, 1), -1);
	return go(t, 0, &sqe, 0) && status(t) == 0 && !ssd_of(t)->cq[5].live;
}

static bool
cq_delete_shared(struct trial *t)
{
	struct nvme_sqe sqe;

	arm(t, "cq-delete-shared");
	nvme_prep_delete_io_cq(&sqe, 1);
	return go(t, 0, &sqe, 0) && status(t) == 0 && !ssd_of(t)->cq[1].live && ssd_of(t)->sq[1].live;
}

static bool
abort_lies(struct trial *t)
{
	struct nvme_sqe sqe;

	arm(t, "abort-lies");
	nvme_prep_abort(&sqe, 1, 77);
	return go(t, 0, &sqe, 0) && status(t) == 0 && le32_get(t->io.cqe.dw0) == 0;
}

static bool
log_offset(struct trial *t)
{
	struct nvme_sqe sqe;

	arm(t, "log-offset");
	nvme_prep_get_log_page(&sqe, NVME_LOG_SMART, NVME_NSID_ALL, 128, 3 * 4);
	memset(buf(t), 0xee, SSD_PAGE);
	return admin(t, &sqe) && status(t) == 0 && buf(t)[3] == 100; /* the spare is in byte 3 */
}

static bool
unlogged(struct trial *t)
{
	arm(t, "error-unlogged");
	return cmd(t, NVME_OPC_READ, 1, 1ull << 40, 1) && status(t) == NVME_SC_LBA_RANGE && ssd_of(t)->error_count == 0;
}

static bool
frozen(struct trial *t)
{
	arm(t, "smart-frozen,opc=read");
	return get(t, 0, 1) && ssd_of(t)->sub->smart.host_reads == 0;
}

static bool
aer_lost(struct trial *t)
{
	arm(t, "aer-lost");
	adm_aer(&t->io);
	ssd_set_temperature(t->io.r->sub, 350);
	return adm_event(&t->io) == UINT32_MAX;
}

static bool
aer_wrong(struct trial *t)
{
	arm(t, "aer-wrong=0x10");
	adm_aer(&t->io);
	ssd_set_temperature(t->io.r->sub, 350);
	return nvme_get(adm_event(&t->io), NVME_AER_INFO) == (NVME_AER_SMART_TEMPERATURE ^ 0x10);
}

static bool
aer_unasked(struct trial *t)
{
	arm(t, "aer-unasked");
	adm_aer(&t->io);
	return adm_event(&t->io) == 0;
}

static uint32_t
reg(struct trial *t, uint32_t off)
{
	return rig_reg(t->io.r, off);
}

static bool
ones(struct trial *t)
{
	arm(t, "reg-ones=0x1c");
	return reg(t, NVME_REG_CSTS) == UINT32_MAX && reg(t, NVME_REG_CSTS) == 1;
}

static bool
rdy_never(struct trial *t)
{
	arm(t, "rdy-never");
	rig_set(t->io.r, NVME_REG_CC, 0);
	rig_step(t->io.r);
	rig_set(t->io.r, NVME_REG_CC, RIG_CC);
	adm_sleep(&t->io, 20000 * ADM_MS);
	return !(reg(t, NVME_REG_CSTS) & NVME_CSTS_RDY);
}

static bool
rdy_stuck(struct trial *t)
{
	arm(t, "rdy-stuck");
	rig_set(t->io.r, NVME_REG_CC, 0);
	adm_sleep(&t->io, 20000 * ADM_MS);
	return reg(t, NVME_REG_CSTS) & NVME_CSTS_RDY;
}

static bool
shst_stuck(struct trial *t)
{
	arm(t, "shst-stuck");
	rig_set(t->io.r, NVME_REG_CC, RIG_CC | nvme_put32(NVME_CC_SHN, 1));
	adm_sleep(&t->io, 20000 * ADM_MS);
	return nvme_get(reg(t, NVME_REG_CSTS), NVME_CSTS_SHST) == NVME_CSTS_SHST_OCCURRING;
}

static bool
vs_zero(struct trial *t)
{
	arm(t, "vs-zero");
	return reg(t, NVME_REG_VS) == 0;
}

static bool
mqes_zero(struct trial *t)
{
	arm(t, "mqes-zero");
	return nvme_get(reg(t, NVME_REG_CAP), NVME_CAP_MQES) == 0;
}

static bool
fatal(struct trial *t)
{
	arm(t, "cfs,opc=read");
	return !get(t, 0, 1) && (reg(t, NVME_REG_CSTS) & NVME_CSTS_CFS);
}

/* Neither I/O nor admin commands, until it is over; then all of them. */
static bool
hang(struct trial *t)
{
	struct nvme_sqe sqe;
	bool quiet = true;

	arm(t, "hang=3s,opc=read");
	quiet = quiet && !get(t, 0, 1);
	nvme_prep_keep_alive(&sqe);
	quiet = quiet && !go(t, 0, &sqe, 0);
	adm_sleep(&t->io, 2999 * ADM_MS);
	quiet = quiet && !came(t, 0) && !came(t, 1);
	adm_sleep(&t->io, 2 * ADM_MS);
	return quiet && came(t, 0) && came(t, 1);
}

static bool
removed(struct trial *t)
{
	arm(t, "remove,opc=read");
	return !get(t, 0, 1) && reg(t, NVME_REG_CSTS) == UINT32_MAX && !ssd_powered(t->io.r->sub);
}

static bool
forgets(struct trial *t)
{
	get(t, 0, 1);
	arm(t, "smart-forgets");
	adm_power_cycle(&t->io);
	return t->io.r->sub->smart.host_reads == 0 && t->io.r->sub->smart.power_cycles == 1;
}

static bool
uncounted(struct trial *t)
{
	uint64_t before = t->io.r->sub->smart.unsafe_shutdowns;

	arm(t, "unsafe-uncounted");
	adm_power_cycle(&t->io);
	return t->io.r->sub->smart.unsafe_shutdowns == before;
}

/* On a drive of flash instead: writes until a program, or a collected block, is there. */
static bool
flash_fails(struct trial *t, const char *rule, uint32_t writes)
{
	struct ssd_config cfg = { .nr_ns = 1, .ns = { { 16u << 20, 512 } }, .media = SSD_MEDIA_FLASH };
	struct ssd_stats st;

	rig_close(t->io.r);
	assert_int_equal(ssd_profile_find("slow", &cfg.profile, NULL, 0), 0);
	io_init(&t->io, rig_open_config(&cfg));
	rig_enable(t->io.r, 32);
	rig_pair(t->io.r, 1, 64, -1);
	arm(t, rule);
	for (uint32_t i = 0; i < writes; i++) {
		put(t, i % 512 * 8, 8, (uint8_t)i);
		adm_sleep(&t->io, 20 * ADM_MS);
		(void)came(t, 1);
	}
	ssd_get_stats(t->io.r->sub, &st);
	return st.flash_bad_blocks == 1;
}

static bool
program_fails(struct trial *t)
{
	return flash_fails(t, "program-fail,opc=write", 16);
}

static bool
erase_fails(struct trial *t)
{
	return flash_fails(t, "erase-fail,opc=write", 1024);
}

/* A unit is less than a page: only a flush would program it. */
static bool
splits_writes(struct trial *t)
{
	struct ssd_stats st;

	(void)flash_fails(t, "write-split,opc=write", 1);
	ssd_get_stats(t->io.r->sub, &st);
	return st.flash_programmed_bytes != 0;
}

const struct trial_of trials_ctrl[] = {
	{ "feature-ignored", feature_ignored },
	{ "feature-zero", feature_zero },
	{ "format-ignored", format },
	{ "sanitize-ignored", sanitize },
	{ "fw-commit-ignored", fw_commit },
	{ "sq-delete-ignored", sq_delete },
	{ "cq-create-ignored", cq_create },
	{ "cq-delete-shared", cq_delete_shared },
	{ "abort-lies", abort_lies },
	{ "log-offset", log_offset },
	{ "error-unlogged", unlogged },
	{ "smart-frozen", frozen },
	{ "aer-lost", aer_lost },
	{ "aer-wrong", aer_wrong },
	{ "aer-unasked", aer_unasked },
	{ "reg-ones", ones },
	{ "rdy-never", rdy_never },
	{ "rdy-stuck", rdy_stuck },
	{ "shst-stuck", shst_stuck },
	{ "vs-zero", vs_zero },
	{ "mqes-zero", mqes_zero },
	{ "cfs", fatal },
	{ "hang", hang },
	{ "remove", removed },
	{ "program-fail", program_fails },
	{ "erase-fail", erase_fails },
	{ "write-split", splits_writes },
	{ "smart-forgets", forgets },
	{ "unsafe-uncounted", uncounted },
	{ NULL, NULL },
};
