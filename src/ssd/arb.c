/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Round robin over the submission queues, the admin queue included: from each in turn at most as many commands as the
 * arbitration burst says.  A command is taken only when its completion can be posted.
 *
 * NVMe Base, "Command Arbitration", "Round Robin Arbitration"; "Arbitration" feature.
 */
#include "ssd/core.h"
#include "nvproof/spec/feat.h"
#include "ssd/nvm/ahead.h"

/* At most what is copied at once: a higher burst, or none, would only starve the others. */
static uint32_t
burst(const struct ssd *ssd)
{
	uint32_t ab = nvme_get32(ssd->feat.arbitration, NVME_FEAT_ARB_AB);

	return ab >= 4 ? SSD_FETCH : 1u << ab;
}

/* Processing is paused, or I/O waits for a power state. */
static bool
held(struct ssd *ssd, const struct ssd_sq *sq)
{
	ssd->io_held |= sq->id && (ssd->hold & ~SSD_HOLD_MEDIA);
	return sq->id || (ssd->hold & SSD_HOLD_ADMIN);
}

static uint32_t
serve(struct ssd *ssd, struct ssd_sq *sq, uint32_t max)
{
	uint32_t n = ssd_sq_poll(ssd, sq), done = 0;

	if (!n || sq->broken || ssd_unlikely(ssd->hold && held(ssd, sq)))
		return 0;
	if (!ssd_cq_room(ssd, sq->cq)) {
		ssd->io_waits |= sq->id != 0;
		return 0;
	}
	n = ssd_sq_fetch(ssd, sq, UT_MIN(n, max));
	while (done < n && ssd_cq_room(ssd, sq->cq)) {
		if (done + 1 < n)
			ssd_nvm_ahead(ssd, sq, &ssd->fetch[done + 1]);
		sq->head = sq->head + 1 == sq->size ? 0 : sq->head + 1;
		ssd_exec(ssd, sq, &ssd->fetch[done++]);
		if (ssd_unlikely(ssd->stopped || ssd->hold))
			break;
	}
	return done;
}

static uint32_t
round_robin(struct ssd *ssd)
{
	uint32_t max = burst(ssd), done = 0;

	for (uint32_t w = 0; w < SSD_MAX_QUEUES / 64; w++) {
		for (uint64_t live = ssd->live_sqs[w]; live && !ssd->stopped; live &= live - 1) {
			struct ssd_sq *sq = &ssd->sq[w * 64 + (uint32_t)__builtin_ctzll(live)];

			if (sq->live) /* an admin command of this round may have deleted it */
				done += serve(ssd, sq, max);
		}
	}
	return done;
}

uint32_t
ssd_arb_run(struct ssd *ssd)
{
	uint32_t done = 0, n;

	do {
		n = round_robin(ssd);
		done += n;
	} while (n && done < SSD_STEP_CMDS && !ssd->stopped);
	return done;
}
