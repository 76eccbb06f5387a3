/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Power states: their descriptors, and going from one to another.
 *
 * In a state that is not operational no I/O command is taken: the first one that comes makes the drive go back to the
 * operational state that it had last.  Admin commands are served in any state.
 *
 * NVMe Base 2.1, "Power Management", "Non-Operational Power States", feature "Power Management".
 */
#include "ssd/admin/pstate.h"
#include "ssd/admin/feat.h"
#include "ssd/core.h"

struct pstate {
	uint16_t mp_10mw;
	bool nops;
	uint32_t enlat_us, exlat_us;
	uint8_t rank; /* of throughput and latency, for reading and writing alike; 0 is the best */
	uint16_t idlp_10mw, actp_10mw;
};

/* A state draws no more power than the one before it. */
static const struct pstate states[SSD_NPSS + 1] = {
	{ 2500, false, 0, 0, 0, 500, 1800 }, { 1500, false, 20, 20, 1, 500, 1200 }, { 900, false, 30, 30, 2, 450, 800 },
	{ 50, true, 5000, 10000, 3, 40, 0 }, { 5, true, 20000, 40000, 4, 4, 0 },
};

bool
ssd_pstate_operational(uint8_t ps)
{
	return ps <= SSD_NPSS && !states[ps].nops;
}

void
ssd_id_psds(struct nvme_id_ctrl *id)
{
	id->npss = SSD_NPSS;
	for (uint32_t i = 0; i <= SSD_NPSS; i++) {
		const struct pstate *p = &states[i];

		id->psd[i] = (struct nvme_psd){
			.mp = le16_from(p->mp_10mw),
			.flags = (uint8_t)nvme_put(NVME_PSD_NOPS, p->nops),
			.enlat = le32_from(p->enlat_us),
			.exlat = le32_from(p->exlat_us),
			.rrt = p->rank,
			.rrl = p->rank,
			.rwt = p->rank,
			.rwl = p->rank,
			.idlp = le16_from(p->idlp_10mw),
			.ips = (uint8_t)nvme_put(NVME_PSD_IPS, NVME_PSD_SCALE_10MW),
			.actp = le16_from(p->actp_10mw),
			.apws = (uint8_t)(p->actp_10mw ? nvme_put(NVME_PSD_APS, NVME_PSD_SCALE_10MW) |
								 nvme_put(NVME_PSD_APW, 1)
						       : 0),
		};
	}
}

/* Leaving takes EXLAT of the one, entering ENLAT of the other; a transition that is under way ends first. */
uint64_t
ssd_pstate_enter(struct ssd *ssd, uint8_t ps)
{
	struct ssd_power *p = &ssd->power;
	uint64_t from = UT_MAX(p->ready_ns, ssd->now_ns);

	if (ps == p->ps)
		return p->ready_ns;
	p->ready_ns = from + (states[p->ps].exlat_us + states[ps].enlat_us) * 1000ull;
	p->ps = ps;
	if (!states[ps].nops)
		p->op = ps;
	ssd->hold |= SSD_HOLD_POWER;
	ssd_timer_arm(ssd, p->ready_ns);
	return p->ready_ns;
}

void
ssd_pstate_reset(struct ssd *ssd)
{
	uint8_t ps = (uint8_t)nvme_get(ssd->feat.power, NVME_FEAT_PM_PS);

	ssd_power_features_reset(ssd);
	ssd->hold &= (uint8_t) ~(SSD_HOLD_POWER | SSD_HOLD_HEAT);
	ssd->power.ps = ssd->power.op = 0;
	ssd->power.ready_ns = ssd->power.idle_ns = ssd->now_ns;
	if (ps)
		ssd_pstate_enter(ssd, ps); /* a reset leaves the drive in state 0; what is saved comes after it */
}

void
ssd_pstate_io(struct ssd *ssd)
{
	ssd->power.idle_ns = ssd->now_ns;
	if (ssd_unlikely(ssd->heat.level))
		ssd_heat_io(ssd);
}

void
ssd_pstate_wake(struct ssd *ssd)
{
	ssd->io_held = false;
	ssd_pstate_enter(ssd, ssd->power.op); /* where it is, or on its way to, unless that is not operational */
}

uint64_t
ssd_pstate_tick(struct ssd *ssd)
{
	struct ssd_power *p = &ssd->power;

	if (ssd->now_ns < p->ready_ns)
		return p->ready_ns;
	if (!states[p->ps].nops && (ssd->hold & SSD_HOLD_POWER)) {
		ssd->hold &= (uint8_t)~SSD_HOLD_POWER;
		ssd->busy = true;
	}
	return ssd_apst_tick(ssd);
}

/* "Upon successful completion of a Set Features command for this feature, the controller shall be in the power state specified." */
nvme_status
ssd_feat_power_set(struct ssd_cmd *c, uint32_t cdw11, bool save)
{
	uint8_t ps = (uint8_t)nvme_get(cdw11, NVME_FEAT_PM_PS);
	struct ssd_feat_saved *s = ssd_feat_saved(c->ssd);

	if (ps > SSD_NPSS)
		return ssd_fail(c, NVME_SC_INVALID_FIELD, SSD_FEAT_CDW11);
	c->ssd->feat.power = cdw11 & (uint32_t)(NVME_FEAT_PM_PS | NVME_FEAT_PM_WH);
	if (save) {
		s->power = c->ssd->feat.power;
		s->set |= ssd_saved_bit(offsetof(struct ssd_feat_saved, power));
		if (ssd_persist_save(c->ssd->sub))
			return NVME_SC_INTERNAL;
	}
	return ssd_later(c, ssd_pstate_enter(c->ssd, ps));
}

/* The current value is the state that the drive is in, however it came there. */
nvme_status
ssd_feat_power_get(struct ssd_cmd *c, uint32_t cdw11, uint32_t sel)
{
	const struct ssd_feat_saved *s = ssd_feat_saved(c->ssd);

	(void)cdw11;
	if (sel == NVME_FEAT_SEL_CURRENT)
		c->dw0 = (c->ssd->feat.power & (uint32_t)NVME_FEAT_PM_WH) | c->ssd->power.ps;
	else if (sel == NVME_FEAT_SEL_SAVED && (s->set & ssd_saved_bit(offsetof(struct ssd_feat_saved, power))))
		c->dw0 = s->power;
	return NVME_SC_SUCCESS;
}
