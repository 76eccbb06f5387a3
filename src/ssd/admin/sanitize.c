/* SPDX-License-Identifier: BSD-3-Clause */
/* The Sanitize command, and the Sanitize Status log.   NVMe Base 2.1, "Sanitize command", "Sanitize Status". */
#include "ssd/admin/sanitize.h"
#include "ssd/fw.h"

#define CDW10 offsetof(struct nvme_sqe, cdw10)
#define SECOND_NS 1000000000ull
#define UNKNOWN_TIME 0xffffffffu

bool
ssd_sanitize_busy(const struct ssd_subsys *sub)
{
	return sub->sanitize.kept.state == SSD_SANITIZE_RESTRICTED ||
	       sub->sanitize.kept.state == SSD_SANITIZE_UNRESTRICTED;
}

nvme_status
ssd_sanitize_status(const struct ssd_subsys *sub)
{
	if (sub->sanitize.kept.state == SSD_SANITIZE_IDLE)
		return NVME_SC_SUCCESS;
	return ssd_sanitize_busy(sub) ? NVME_SC_SANITIZE_IN_PROGRESS : NVME_SC_SANITIZE_FAILED;
}

/* No media verification is announced (VERS): neither EMVS nor the way out of it. */
static nvme_status
check_fields(struct ssd_cmd *c, uint32_t cdw10, uint32_t act)
{
	if (act < NVME_SANACT_EXIT_FAILURE || act > NVME_SANACT_CRYPTO_ERASE)
		return ssd_fail(c, NVME_SC_INVALID_FIELD, CDW10);
	if (act != NVME_SANACT_EXIT_FAILURE && (cdw10 & NVME_SANITIZE_EMVS))
		return ssd_fail(c, NVME_SC_INVALID_FIELD, CDW10 + 1);
	return NVME_SC_SUCCESS;
}

/* Firmware that waits for a reset comes first. */
static nvme_status
check_firmware(struct ssd_cmd *c)
{
	const struct ssd_fw_kept *k = &c->ssd->sub->fw.kept;
	uint32_t flags;

	if (!k->next)
		return NVME_SC_SUCCESS;
	flags = le32_get(k->slot[k->next - 1].flags);
	if (flags & SSD_FW_NEEDS_NSSR)
		return ssd_fail(c, NVME_SC_FW_NEEDS_SUBSYS_RESET, CDW10);
	return ssd_fail(c, flags & SSD_FW_NEEDS_CONV ? NVME_SC_FW_NEEDS_CONV_RESET : NVME_SC_FW_NEEDS_CTRLR_RESET,
			CDW10);
}

/* In restricted completion mode a failure is only left by another operation in that mode. */
static nvme_status
check_state(struct ssd_cmd *c, uint32_t cdw10, uint32_t act)
{
	const struct ssd_subsys *sub = c->ssd->sub;

	if (ssd_sanitize_busy(sub))
		return ssd_fail(c, NVME_SC_SANITIZE_IN_PROGRESS, CDW10);
	if (sub->sanitize.kept.state != SSD_SANITIZE_RESTRICTED_FAILED)
		return NVME_SC_SUCCESS;
	if (act == NVME_SANACT_EXIT_FAILURE || (cdw10 & NVME_SANITIZE_AUSE))
		return ssd_fail(c, NVME_SC_SANITIZE_FAILED, CDW10);
	return NVME_SC_SUCCESS;
}

static void
exit_failure(struct ssd_subsys *sub)
{
	if (sub->sanitize.kept.state != SSD_SANITIZE_UNRESTRICTED_FAILED)
		return; /* there is none, which is no error */
	sub->sanitize.kept.state = SSD_SANITIZE_IDLE;
	ssd_part_save(sub, SSD_PART_SANITIZE);
	ssd_ns_gate(sub);
}

nvme_status
ssd_adm_sanitize(struct ssd_cmd *c)
{
	uint32_t cdw10 = le32_get(c->sqe->cdw10), act = nvme_get32(cdw10, NVME_SANITIZE_SANACT);
	nvme_status st = check_fields(c, cdw10, act);

	if (!st)
		st = check_state(c, cdw10, act);
	if (!st)
		st = check_firmware(c);
	if (st)
		return st;
	if (act == NVME_SANACT_EXIT_FAILURE)
		exit_failure(c->ssd->sub);
	else
		ssd_sanitize_start(c->ssd, cdw10, le32_get(c->sqe->cdw11));
	return NVME_SC_SUCCESS;
}

void
ssd_sanitize_written(struct ssd_subsys *sub)
{
	sub->sanitize.kept.erased = 0;
	ssd_part_save(sub, SSD_PART_SANITIZE);
	ssd_ns_gate(sub);
}

static le32
seconds(const struct ssd_subsys *sub, enum nvme_sanact act)
{
	uint64_t ns = ssd_sanitize_total_ns(sub, nvme_put32(NVME_SANITIZE_SANACT, act));

	return le32_from((uint32_t)((ns + SECOND_NS - 1) / SECOND_NS));
}

/* SPROG counts to 65,536; FFFFh means that nothing is in progress. */
void
ssd_sanitize_log(const struct ssd_subsys *sub, struct nvme_sanitize_log *log)
{
	const struct ssd_sanitize_kept *k = &sub->sanitize.kept;
	uint32_t cdw10 = le32_get(k->scdw10), passes = k->passes, sprog = 0xffff;

	if (ssd_sanitize_busy(sub)) {
		uint64_t total = ssd_sanitize_total_ns(sub, cdw10), done = UT_MIN(ssd_sanitize_done_ns(sub), total - 1);

		sprog = (uint32_t)(done / (total / 65535 + 1));
		passes = ssd_sanitize_passes(cdw10) ? (uint32_t)(done / (total / ssd_sanitize_passes(cdw10))) : 0;
	}
	log->sprog = le16_from((uint16_t)sprog);
	log->sstat = le16_from((uint16_t)(nvme_put(NVME_SSTAT_SOS, k->sos) | nvme_put(NVME_SSTAT_OPC, passes) |
					  nvme_put(NVME_SSTAT_GDE, k->erased)));
	log->scdw10 = k->scdw10;
	log->eto = seconds(sub, NVME_SANACT_OVERWRITE);
	log->etbe = seconds(sub, NVME_SANACT_BLOCK_ERASE);
	log->etce = seconds(sub, NVME_SANACT_CRYPTO_ERASE);
	/* Only for drives that modify the media after it (NODMMAS 10b), or let it be verified. */
	log->etond = log->etbend = log->etcend = log->etpvds = le32_from(UNKNOWN_TIME);
}

void
ssd_log_sanitize(struct ssd *ssd, void *buf)
{
	ssd_sanitize_log(ssd->sub, buf);
}
