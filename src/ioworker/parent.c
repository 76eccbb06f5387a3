/* SPDX-License-Identifier: BSD-3-Clause */
/* Workers as their parent sees them: made, asked, summed up, and cleaned up after. */
#include "ioworker/parent.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "ioworker/plan.h"
#include "nvproof/spec/status.h"
#include "util/alloc.h"
#include "util/barrier.h"
#include "util/bits.h"

#define SECONDS_SPARE 40u /* over the planned time: the grace of 30 s, and some */
#define SECONDS_OPEN 86400u /* without a planned time */

/* Its queue is about to be gone.  An engine of this process learns it from the driver, by how its commands end. */
static void
before_reset(struct ctrlr_watch *watch)
{
	struct nvp_iow *w = ut_container_of(watch, struct nvp_iow, watch);

	if (!w->ended && !w->local)
		iow_process_terminate(w, "the controller was reset");
}

/* All workers of this process, for sums and for stepping. */
static pthread_mutex_t all_lock = PTHREAD_MUTEX_INITIALIZER;
static struct nvp_iow *all;

static void
list_add(struct nvp_iow *w)
{
	struct nvp_iow **at;

	pthread_mutex_lock(&all_lock);
	for (at = &all; *at; at = &(*at)->next)
		;
	*at = w; /* in the order of their start: a simulation steps them so */
	pthread_mutex_unlock(&all_lock);
	w->watch.before_reset = before_reset;
	w->watch.next = w->ctrlr->watches;
	w->ctrlr->watches = &w->watch;
}

static void
list_del(struct nvp_iow *w)
{
	struct ctrlr_watch **watch = &w->ctrlr->watches;
	struct nvp_iow **at;

	while (*watch && *watch != &w->watch)
		watch = &(*watch)->next;
	if (*watch)
		*watch = w->watch.next;

	pthread_mutex_lock(&all_lock);
	for (at = &all; *at && *at != w; at = &(*at)->next)
		;
	if (*at)
		*at = w->next;
	w->ctrlr->worker_cmds += w->sh->res.reads + w->sh->res.writes;
	w->ctrlr->worker_bytes += w->sh->res.bytes;
	pthread_mutex_unlock(&all_lock);
}

bool
iow_turn_all(const struct nvp_bus *bus)
{
	struct nvp_iow *w;
	bool busy = false;

	pthread_mutex_lock(&all_lock);
	for (w = all; w; w = w->next)
		if (w->local && w->ctrlr->bus == bus)
			busy |= iow_engine_turn(&w->engine);
	pthread_mutex_unlock(&all_lock);
	return busy;
}

void
nvp_iow_live(const struct nvp_iow *w, uint64_t *ios, uint64_t *bytes)
{
	*ios = ut_load(&w->sh->res.reads) + ut_load(&w->sh->res.writes);
	*bytes = ut_load(&w->sh->res.bytes);
}

void
nvp_iow_total(const struct nvp_ctrlr *c, uint64_t *ios, uint64_t *bytes)
{
	const struct nvp_iow *w;
	uint64_t i, b;

	pthread_mutex_lock(&all_lock);
	*ios = c->worker_cmds;
	*bytes = c->worker_bytes;
	for (w = all; w; w = w->next) {
		if (w->ctrlr != c)
			continue;
		nvp_iow_live(w, &i, &b);
		*ios += i;
		*bytes += b;
	}
	pthread_mutex_unlock(&all_lock);
}

/* --- making --- */

static int
share_memory(struct nvp_iow *w, const struct nvp_iow_plan *p)
{
	uint64_t seconds = p->time_ns ? p->time_ns / 1000000000u + SECONDS_SPARE : SECONDS_OPEN;
	struct iow_shared layout = { .magic = IOW_MAGIC, .plan = *p };
	void *m;

	w->sh_len = iow_shared_layout(&layout, p->qdepth, (uint32_t)seconds);
	w->sh_fd = ut_alloc_spend() ? -1 : memfd_create("nvproof-ioworker", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (w->sh_fd < 0 || ftruncate(w->sh_fd, (off_t)w->sh_len) || fcntl(w->sh_fd, F_ADD_SEALS, F_SEAL_SHRINK))
		return -ENOMEM;
	m = ut_alloc_spend() ? MAP_FAILED
			     : mmap(NULL, w->sh_len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, w->sh_fd, 0);
	if (m == MAP_FAILED)
		return -ENOMEM;
	w->sh = m;
	memcpy(w->sh, &layout, offsetof(struct iow_shared, state));
	w->sh->res.miscompare_lba = UINT64_MAX;
	return 0;
}

/* NVMe Base, "Identify Controller" (MDTS): a longer transfer is aborted with Invalid Field in Command. */
static bool
too_long(struct nvp_iow *w)
{
	uint64_t len = (uint64_t)w->sh->plan.io_size * w->sh->target.lba_bytes;

	if (len <= nvp_ctrlr_mdts_bytes(w->ctrlr))
		return false;
	iow_reason(w->sh, "io_size of %llu bytes is above MDTS (%llu bytes)", (unsigned long long)len,
		   (unsigned long long)nvp_ctrlr_mdts_bytes(w->ctrlr));
	w->sh->res.status = NVME_SC_INVALID_FIELD;
	iow_collect(w, NVP_IOW_MDTS);
	return true;
}

static int
queue_up(struct nvp_iow *w)
{
	struct nvp_qpair_opts opts = { .depth = w->sh->plan.qdepth + 1, .lazy = true, .ien = false };
	struct nvme_cqe cqe;
	int rc;

	rc = nvp_buf_alloc(w->sh->target.buf_len, 0, &w->buf);
	if (rc)
		return ctrlr_fail(w->ctrlr, rc, "ioworker: no memory for %u data buffers", w->sh->plan.qdepth);
	w->sh->target.buf_iova = w->buf.iova;
	rc = nvp_qpair_create(w->ctrlr, &opts, &w->q, &cqe);
	if (rc)
		return ctrlr_fail(w->ctrlr, rc, "ioworker: no queue pair: %s%s", strerror(-rc),
				  rc == -EIO ? " (the device refused)" : "");
	return 0;
}

static int
go(struct nvp_iow *w)
{
	uint64_t len = (uint64_t)w->sh->plan.io_size * w->sh->target.lba_bytes;
	int rc;

	if (too_long(w))
		return 0;
	if (len > IOW_BYTES_MAX)
		return ctrlr_fail(w->ctrlr, -EINVAL, "ioworker: io_size: one PRP list page describes at most 2 MiB");
	rc = queue_up(w);
	if (rc)
		return rc;
	rc = iow_process_start(w);
	return rc == -ENOTSUP ? iow_local_start(w) : rc;
}

static int
check_verify(const struct nvp_iow *w)
{
	if (!w->verify || nvp_verify_lba_size(w->verify) == w->sh->target.lba_bytes)
		return 0;
	return ctrlr_fail(w->ctrlr, -EINVAL, "ioworker: the verification table is for LBAs of %u bytes, not %u",
			  nvp_verify_lba_size(w->verify), w->sh->target.lba_bytes);
}

static void release(struct nvp_iow *w);

int
nvp_iow_start(struct nvp_ns *ns, const struct nvp_iow_plan *plan, struct nvp_verify *verify, struct nvp_iow **out)
{
	struct nvp_iow_plan p;
	struct nvp_iow *w;
	const char *why = "";
	int rc;

	rc = iow_plan_check(ns, plan, &p, &why);
	if (rc)
		return ctrlr_fail(ns->ctrlr, rc, "ioworker: %s", why);
	w = ut_calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->ctrlr = ns->ctrlr;
	w->verify = verify;
	w->sock = -1;
	rc = share_memory(w, &p);
	if (rc)
		goto err;
	iow_target_init(&w->sh->target, ns, &p);
	rc = check_verify(w);
	if (!rc)
		rc = go(w);
	if (rc)
		goto err;
	list_add(w);
	*out = w;
	return 0;

err:
	release(w);
	return rc;
}

/* --- unmaking --- */

/* What of a write is still counted in: from *first, how many LBAs. */
static uint32_t
still_counted(const struct iow_slot *s, uint32_t *first)
{
	*first = 0;
	switch (s->phase) {
	case IOW_COUNTING_IN:
		return s->done;
	case IOW_IN_FLIGHT:
		return s->nlb;
	case IOW_COUNTING_OUT:
		*first = s->done + 1;
		return s->nlb - *first;
	default:
		return 0;
	}
}

/* Nobody uses the queue any more: now it is certain that the writes it had are over, one way or the other. */
static void
end_writes(struct nvp_iow *w)
{
	const struct iow_slot *s = w->sh->slot;
	uint32_t n = w->sh->plan.qdepth, first, count;

	for (; n--; s++) {
		count = still_counted(s, &first);
		if (count)
			nvp_verify_write_end(w->verify, s->slba + first, count, NULL, false, 0);
	}
}

/* Whatever there is of it.  The process has ended. */
static void
release(struct nvp_iow *w)
{
	int rc = nvp_qpair_delete(w->q, NULL);
	bool over = !rc || rc == -ENODEV;

	if (w->local)
		iow_engine_close(&w->engine);
	if (w->verify && w->sh && over)
		end_writes(w);
	/* A device that is there but did not delete the queue may still use it: its buffers are lost, not reused. */
	if (over)
		nvp_buf_free(&w->buf);
	if (w->sock >= 0)
		close(w->sock);
	if (w->sh)
		munmap(w->sh, w->sh_len);
	if (w->sh_fd >= 0)
		close(w->sh_fd);
	free(w);
}

void
iow_collect(struct nvp_iow *w, int32_t error)
{
	struct iow_shared *sh = w->sh;

	if (w->ended)
		return;
	w->ended = true;
	sh->reason[IOW_REASON - 1] = '\0';
	w->res = sh->res;
	if (!w->res.error)
		w->res.error = error;
	/* It came to no end by itself: the times are those of the last completion. */
	if (!w->res.ns && sh->last_ticks > sh->first_ticks)
		w->res.ns =
			(uint64_t)((unsigned __int128)(sh->last_ticks - sh->first_ticks) * sh->mult >> UT_CLOCK_SHIFT);
}

bool
nvp_iow_running(struct nvp_iow *w)
{
	return !nvp_iow_wait(w, 0);
}

int
nvp_iow_wait(struct nvp_iow *w, uint32_t ms)
{
	if (w->ended)
		return 1;
	return w->local ? iow_local_wait(w, ms) : iow_process_wait(w, ms);
}

void
nvp_iow_stop(struct nvp_iow *w)
{
	if (!w->ended && !w->sh->stop)
		ut_store(&w->sh->stop, (uint32_t)IOW_STOP_ASKED);
}

const struct nvp_iow_result *
nvp_iow_result(const struct nvp_iow *w)
{
	return &w->res;
}

const char *
nvp_iow_reason(const struct nvp_iow *w)
{
	return w->reason[0] ? w->reason : w->sh->reason;
}

const uint32_t *
nvp_iow_seconds(const struct nvp_iow *w, uint32_t *n)
{
	uint32_t seconds = ut_load(&w->sh->seconds);

	*n = seconds < w->sh->seconds_max ? seconds : w->sh->seconds_max;
	return iow_shared_seconds(w->sh);
}

uint64_t
nvp_iow_percentile_ns(const struct nvp_iow *w, uint32_t ppm)
{
	return ut_hist_percentile(&w->sh->hist, ppm);
}

static void
end_now(struct nvp_iow *w)
{
	if (w->ended)
		return;
	if (w->local)
		iow_local_end(w, IOW_STOP_ASKED);
	else
		iow_process_end(w, IOW_STOP_ASKED);
}

void
nvp_iow_close(struct nvp_iow *w, struct nvp_iow_result *out)
{
	if (!w)
		return;
	end_now(w);
	if (out)
		*out = w->res;
	list_del(w);
	release(w);
}
