/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which submission queue is served next, and for how many commands.  A command is taken only when its completion can be
 * posted.
 *
 * Round robin: the queues in turn, the admin queue included, at most the arbitration burst from each.
 * Weighted round robin with urgent priority class: the admin queue before all, urgent queues before the rest, in turn; high,
 * medium and low share what is left by their weights.  A class with nothing to do gives its credits up, so that nobody waits
 * for it.
 *
 * NVMe Base, "Command Arbitration", "Round Robin Arbitration", "Weighted Round Robin with Urgent Priority Class Arbitration";
 * "Arbitration" feature.
 */
#include "ssd/core.h"
#include "nvproof/spec/feat.h"
#include "ssd/gather.h"

/* Without limit means as many as a step takes: registers and other controllers want to be looked at too. */
static uint32_t
burst(const struct ssd *ssd)
{
	uint32_t ab = nvme_get32(ssd->feat.arbitration, NVME_FEAT_ARB_AB);

	return ab == NVME_FEAT_ARB_AB_NO_LIMIT ? SSD_STEP_CMDS : 1u << ab;
}

/* Processing is paused, or I/O waits for a power state. */
static bool
held(struct ssd *ssd, const struct ssd_sq *sq)
{
	ssd->io_held |= sq->id && (ssd->hold & ~(SSD_HOLD_MEDIA | SSD_HOLD_FAULT));
	return sq->id || (ssd->hold & SSD_HOLD_ADMIN);
}

static bool
copies(const struct nvme_sqe *sqe)
{
	return sqe->opc == NVME_OPC_READ || sqe->opc == NVME_OPC_WRITE;
}

static inline uint32_t
free_cqes(const struct ssd_cq *cq)
{
	return cq->head > cq->tail ? cq->head - cq->tail - 1 : cq->head + cq->size - cq->tail - 1;
}

/* So many CQEs can be posted, n at most.  What is known of the head doorbell is looked at first. */
static inline uint32_t
room_for(struct ssd *ssd, struct ssd_cq *cq, uint32_t n)
{
	if (ssd_likely(free_cqes(cq) >= n))
		return n;
	return ssd_cq_room_slow(ssd, cq) ? UT_MAX(1u, UT_MIN(n, free_cqes(cq))) : 0;
}

/* The commands that were fetched; how many of them were taken. */
static inline uint32_t
run(struct ssd *ssd, struct ssd_sq *sq, uint32_t n)
{
	uint32_t done = 0;

	while (done < n) {
		if (ssd->nr_copies && (!copies(&ssd->fetch[done]) || ssd->copy_bytes >= SSD_GATHER_BYTES))
			ssd_cq_store_held(ssd, sq->cq);
		sq->head = sq->head + 1 == sq->size ? 0 : sq->head + 1;
		ssd_exec(ssd, sq, &ssd->fetch[done++]);
		if (ssd_unlikely(ssd->stopped || ssd->hold))
			break;
	}
	return done;
}

/* At most what is copied at once. */
static uint32_t
serve(struct ssd *ssd, struct ssd_sq *sq, uint32_t max)
{
	uint32_t n = ssd_sq_poll(ssd, sq);

	if (!n || sq->broken || ssd_unlikely(ssd->hold && held(ssd, sq)))
		return 0;
	n = room_for(ssd, sq->cq, UT_MIN(n, UT_MIN(max, SSD_FETCH)));
	if (!n) {
		ssd->io_waits |= sq->id != 0;
		return 0;
	}
	n = ssd_sq_fetch(ssd, sq, n);
	sq->cq->gather = sq->id && sq->cq->ring;
	n = run(ssd, sq, n);
	sq->cq->gather = false;
	ssd_cq_store_held(ssd, sq->cq);
	return n;
}

/* The rest of a burst that is larger than what is copied at once. */
static __attribute__((noinline)) uint32_t
serve_more(struct ssd *ssd, struct ssd_sq *sq, uint32_t max)
{
	uint32_t done = 0, n = 1;

	while (n && done < max && sq->live && !ssd->stopped) {
		n = serve(ssd, sq, max - done);
		done += n;
	}
	return done;
}

static inline uint32_t
serve_burst(struct ssd *ssd, struct ssd_sq *sq, uint32_t max)
{
	uint32_t n = serve(ssd, sq, max);

	return ssd_unlikely(n == SSD_FETCH && n < max) ? n + serve_more(ssd, sq, max - n) : n;
}

static uint32_t
round_robin(struct ssd *ssd)
{
	uint32_t max = burst(ssd), done = 0;

	for (uint32_t w = 0; w < SSD_MAX_QUEUES / 64; w++) {
		for (uint64_t live = ssd->live_sqs[w]; live && !ssd->stopped; live &= live - 1) {
			struct ssd_sq *sq = &ssd->sq[w * 64 + (uint32_t)__builtin_ctzll(live)];

			if (sq->live) /* an admin command of this round may have deleted it */
				done += serve_burst(ssd, sq, max);
		}
	}
	return done;
}

/* The first queue of the class at `from` or after it, around the end; NULL: it has none. */
static struct ssd_sq *
next_of(struct ssd *ssd, uint32_t prio, uint32_t from)
{
	const uint64_t *set = ssd->prio_sqs[prio];

	for (uint32_t i = 0; i <= SSD_MAX_QUEUES / 64; i++) {
		uint32_t w = (from / 64 + i) % (SSD_MAX_QUEUES / 64);
		uint64_t there = set[w];

		if (!i)
			there &= ~0ull << (from % 64);
		if (there)
			return &ssd->sq[w * 64 + (uint32_t)__builtin_ctzll(there)];
	}
	return NULL;
}

/* One burst of the next queue of a class that has something to do. */
static uint32_t
serve_class(struct ssd *ssd, uint32_t prio, uint32_t max)
{
	struct ssd_sq *first = next_of(ssd, prio, ssd->wrr.next[prio]), *sq = first;
	uint32_t n = 0;

	while (sq && !n && !ssd->stopped) {
		uint32_t after = (sq->id + 1u) % SSD_MAX_QUEUES;

		n = serve_burst(ssd, sq, max);
		ssd->wrr.next[prio] = (uint16_t)after;
		sq = next_of(ssd, prio, after);
		if (sq == first)
			break;
	}
	return n;
}

static uint32_t
weight(const struct ssd *ssd, uint32_t prio)
{
	static const uint64_t fields[] = {
		[NVME_QPRIO_HIGH] = NVME_FEAT_ARB_HPW,
		[NVME_QPRIO_MEDIUM] = NVME_FEAT_ARB_MPW,
		[NVME_QPRIO_LOW] = NVME_FEAT_ARB_LPW,
	};

	return nvme_get32(ssd->feat.arbitration, fields[prio]) + 1;
}

/* High, medium, low, and high again; each as many commands as its weight, a burst at a time. */
static uint32_t
weighted(struct ssd *ssd, uint32_t max)
{
	struct ssd_wrr *w = &ssd->wrr;

	for (uint32_t i = 0; i <= NVME_QPRIO_LOW && !ssd->stopped; i++) {
		uint32_t n = w->credits ? serve_class(ssd, w->prio, UT_MIN(max, w->credits)) : 0;

		if (n) {
			w->credits -= n;
			return n;
		}
		w->prio = w->prio == NVME_QPRIO_LOW || !w->prio ? NVME_QPRIO_HIGH : (uint8_t)(w->prio + 1);
		w->credits = weight(ssd, w->prio);
	}
	*w = (struct ssd_wrr){ .next = { w->next[0], w->next[1], w->next[2], w->next[3] } };
	return 0; /* nothing anywhere: what comes next begins a round */
}

/* One burst of whoever is first. */
static __attribute__((noinline)) uint32_t
weighted_round_robin(struct ssd *ssd)
{
	uint32_t max = burst(ssd);
	uint32_t n = serve_burst(ssd, &ssd->sq[0], max);

	if (!n && !ssd->stopped)
		n = serve_class(ssd, NVME_QPRIO_URGENT, max);
	return n || ssd->stopped ? n : weighted(ssd, max);
}

uint32_t
ssd_arb_run(struct ssd *ssd)
{
	const bool wrr = nvme_get(ssd->cc, NVME_CC_AMS) == NVME_CC_AMS_WRR;
	uint32_t done = 0, n;

	do {
		n = ssd_unlikely(wrr) ? weighted_round_robin(ssd) : round_robin(ssd);
		done += n;
	} while (n && done < SSD_STEP_CMDS && !ssd->stopped);
	return done;
}
