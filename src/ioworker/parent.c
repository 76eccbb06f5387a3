/* SPDX-License-Identifier: BSD-3-Clause */
/* Workers as their parent sees them: made, asked, summed up, and cleaned up after. */
#include "ioworker/parent.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "host/share.h"
#include "ioworker/plan.h"
#include "nvproof/spec/names.h"
#include "nvproof/spec/regs.h"
#include "nvproof/spec/status.h"
#include "util/alloc.h"
#include "util/barrier.h"
#include "util/bits.h"
#include "util/pattern.h"

/* Its queue is about to be gone.  An engine of this process learns it from the driver, by how its commands end. */
static void
before_reset(struct ctrlr_watch *watch)
{
	struct nvp_iow *w = ut_container_of(watch, struct nvp_iow, watch);

	if (w->local)
		return;
	iow_process_terminate(w, "the controller was reset");
	if (w->given)
		iow_process_unlend(w); /* it is created again like all others */
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
	uint64_t ios, bytes;
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
	nvp_iow_live(w, &ios, &bytes);
	w->ctrlr->worker_cmds += ios;
	w->ctrlr->worker_bytes += bytes;
	pthread_mutex_unlock(&all_lock);
}

struct nvp_iow *
iow_all_lock(void)
{
	pthread_mutex_lock(&all_lock);
	return all;
}

void
iow_all_unlock(void)
{
	pthread_mutex_unlock(&all_lock);
}

bool
iow_turn_all(const struct nvp_bus *bus)
{
	struct nvp_iow *w;
	bool busy = false;

	for (w = iow_all_lock(); w; w = w->next)
		if (w->local && w->ctrlr->bus == bus)
			busy |= iow_engine_turn(&w->engine);
	iow_all_unlock();
	return busy;
}

void
nvp_iow_total(const struct nvp_ctrlr *c, uint64_t *ios, uint64_t *bytes)
{
	const struct nvp_iow *w;
	uint64_t i, b;

	w = iow_all_lock();
	*ios = c->worker_cmds;
	*bytes = c->worker_bytes;
	for (; w; w = w->next) {
		if (w->ctrlr != c)
			continue;
		nvp_iow_live(w, &i, &b);
		*ios += i;
		*bytes += b;
	}
	iow_all_unlock();
}

/* --- making --- */

static int
map_shared(struct nvp_iow *w, const struct iow_dims *d)
{
	void *m;

	w->sh_len = iow_view_init(&w->view, NULL, d);
	w->sh_fd = ut_alloc_spend() ? -1 : memfd_create("nvproof-ioworker", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (w->sh_fd < 0 || ftruncate(w->sh_fd, (off_t)w->sh_len) || fcntl(w->sh_fd, F_ADD_SEALS, F_SEAL_SHRINK))
		return -ENOMEM;
	m = ut_alloc_spend() ? MAP_FAILED
			     : mmap(NULL, w->sh_len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, w->sh_fd, 0);
	if (m == MAP_FAILED)
		return -ENOMEM;
	w->sh = m;
	iow_view_init(&w->view, m, d);
	return 0;
}

static void
copy_arrays(const struct iow_view *v, const struct nvp_iow_plan *p)
{
	memcpy(v->op, p->ops, p->nops * sizeof(*v->op));
	if (p->nsizes)
		memcpy(v->size, p->sizes, p->nsizes * sizeof(*v->size));
	if (p->nregions)
		memcpy(v->region, p->regions, p->nregions * sizeof(*v->region));
	if (p->distribution)
		memcpy(v->distribution, p->distribution, NVP_IOW_BUCKETS * sizeof(*v->distribution));
	if (p->nsteps)
		memcpy(v->step, p->steps, p->nsteps * sizeof(*v->step));
	if (p->nzones)
		memcpy(v->zone, p->zones, p->nzones * sizeof(*v->zone));
}

static int
share_memory(struct nvp_iow *w, const struct nvp_ns *ns, const struct iow_recipe *r)
{
	struct iow_dims d;
	int rc;

	iow_dims_init(&d, r);
	rc = map_shared(w, &d);
	if (rc)
		return rc;
	w->sh->magic = IOW_MAGIC;
	w->sh->plan = r->p;
	w->sh->dims = d;
	w->sh->res.miscompare_lba = UINT64_MAX;
	iow_target_init(&w->sh->target, ns, r);
	copy_arrays(&w->view, &r->p);
	return 0;
}

/* NVMe Base, "Identify Controller" (MDTS): a longer transfer is aborted with Invalid Field in Command. */
static bool
too_long(struct nvp_iow *w)
{
	uint64_t len = (uint64_t)w->sh->target.nlb_max * w->sh->target.lba_bytes;

	if (len <= nvp_ctrlr_mdts_bytes(w->ctrlr))
		return false;
	iow_reason(w->sh, "io_size of %llu bytes is above MDTS (%llu bytes)", (unsigned long long)len,
		   (unsigned long long)nvp_ctrlr_mdts_bytes(w->ctrlr));
	w->sh->res.status = NVME_SC_INVALID_FIELD;
	iow_collect(w, NVP_IOW_MDTS);
	return true;
}

/* Write data that the worker cannot make by itself. */
static void
fill_data(struct nvp_iow *w, const struct nvp_iow_plan *p)
{
	const struct iow_target *t = &w->sh->target;
	uint8_t *to = (uint8_t *)w->buf.va + t->write_off;
	uint64_t len = t->list_off[0] - t->write_off, off, n;

	for (off = 0; p->ptype == UT_PTYPE_FILE && off < len; off += n) {
		n = UT_MIN(p->data_len, len - off);
		memcpy(to + off, p->data, n);
	}
}

/* The memory of all commands.  Too much is asked for: that is the result, not an error of the call. */
static bool
no_buffers(struct nvp_iow *w)
{
	struct iow_target *t = &w->sh->target;

	if (!nvp_buf_alloc(t->buf_len, 1ull << t->page_shift, &w->buf)) {
		t->buf_iova = w->buf.iova;
		fill_data(w, &w->sh->plan);
		return false;
	}
	iow_reason(w->sh, "no memory for %u data buffers (%llu MiB)", w->sh->plan.qdepth,
		   (unsigned long long)(t->buf_len >> 20));
	iow_collect(w, NVP_IOW_BUFFERS);
	return true;
}

/* The device gives none: the same. */
static bool
no_queue(struct nvp_iow *w, int rc, const struct nvme_cqe *cqe)
{
	w->sh->res.status = nvme_status_code(nvme_status_of(le16_get(cqe->status)));
	iow_reason(w->sh, "no queue pair: %s", rc == -EIO ? nvp_status_text(w->sh->res.status) : strerror(-rc));
	iow_collect(w, NVP_IOW_INIT);
	return true;
}

/* 0: there is one.  1: there is none, and that is the result. */
static int
queue_up(struct nvp_iow *w)
{
	struct nvp_qpair_opts opts = { .depth = w->sh->plan.qdepth + 1, .prio = w->sh->plan.qprio, .lazy = true };
	struct nvme_cqe cqe = { 0 };
	int rc;

	if (no_buffers(w))
		return 1;
	w->q = w->sh->plan.qpair;
	w->given = w->q != NULL;
	if (w->given)
		return w->q->outstanding || w->q->exported ? -EBUSY : 0;
	rc = nvp_qpair_create(w->ctrlr, &opts, &w->q, &cqe);
	if (rc == -EIO || rc == -ENOSPC)
		return no_queue(w, rc, &cqe);
	if (rc)
		return ctrlr_fail(w->ctrlr, rc, "ioworker: no queue pair: %s", strerror(-rc));
	return 0;
}

static int
go(struct nvp_iow *w)
{
	int rc;

	if (too_long(w))
		return 0;
	rc = queue_up(w);
	if (rc)
		return UT_MIN(rc, 0);
	iow_begin_announce();
	rc = iow_process_start(w);
	if (rc == -ENOTSUP)
		return iow_local_start(w);
	if (!rc)
		iow_begin_set(w);
	return rc;
}

static int
check_verify(const struct nvp_iow *w)
{
	if (!w->verify || nvp_verify_lba_size(w->verify) == w->sh->target.data_bytes)
		return 0;
	return ctrlr_fail(w->ctrlr, -EINVAL, "ioworker: the verification table is for LBAs of %u bytes, not %u",
			  nvp_verify_lba_size(w->verify), w->sh->target.data_bytes);
}

static void release(struct nvp_iow *w);

static int
make(struct nvp_iow *w, struct nvp_ns *ns, const struct iow_recipe *r)
{
	int rc = share_memory(w, ns, r);

	if (!rc)
		rc = check_verify(w);
	if (!rc)
		rc = go(w);
	if (!rc)
		list_add(w);
	return rc;
}

int
nvp_iow_start(struct nvp_ns *ns, const struct nvp_iow_plan *plan, struct nvp_verify *verify, struct nvp_iow **out)
{
	struct nvp_iow *w = ut_calloc(1, sizeof(*w));
	struct iow_recipe r;
	const char *why = "";
	int rc;

	if (!w)
		return -ENOMEM;
	w->ctrlr = ns->ctrlr;
	w->verify = verify;
	w->sock = w->sh_fd = -1;
	rc = iow_recipe_make(&r, ns, plan, &why);
	if (!rc)
		rc = make(w, ns, &r);
	else if (rc == -EINVAL)
		ctrlr_fail(ns->ctrlr, rc, "ioworker: %s", why);
	iow_recipe_free(&r);
	if (rc)
		release(w);
	else
		*out = w;
	return rc;
}

/* --- unmaking --- */

/* Nobody uses the queue any more: now it is certain that the writes it had are over, one way or the other. */
static void
end_writes(struct nvp_iow *w)
{
	const struct iow_slot *s = w->view.slot;
	uint32_t n = w->sh->plan.qdepth;

	for (; n--; s++)
		if (s->nlb)
			nvp_verify_over(w->verify, s->slba, s->nlb);
}

/*
 * The controller is up, or it was reset under the worker, and then all its queues are created again by who does that.
 */
static int
give_back(struct nvp_iow *w)
{
	if (w->local)
		return w->q->outstanding ? qpair_renew(w->q) : 0;
	if (!w->q->exported)
		return 0;
	iow_process_unlend(w);
	if (w->reset || !w->q->live)
		return w->q->live ? -EIO : 0;
	return nvp_qpair_take_back(w->q, w->sh->ring_valid ? &w->sh->ring : NULL);
}

/* What a device that did not delete the queue may still use is freed when the queue's own memory is. */
static void
leave_buffers(struct nvp_iow *w)
{
	if (!w->q->data_buf.va) /* else it is lost rather than used for something else */
		w->q->data_buf = w->buf;
	w->buf = (struct nvp_buf){ 0 };
}

/* A controller that is not ready answers no Delete command, and has no I/O queues to delete any more. */
static bool
is_up(struct nvp_ctrlr *c)
{
	uint32_t csts;

	return !ctrlr_csts(c, &csts) && nvme_get(csts, NVME_CSTS_RDY);
}

/* Whether the device is certainly done with the commands. */
static bool
end_queue(struct nvp_iow *w)
{
	int rc;

	if (!w->q)
		return true;
	if (w->local && w->engine.log)
		w->q->log = w->engine.log;
	if (w->local)
		qpair_batch_owner(w->q, NULL, NULL); /* nobody is told of what still ends */
	if (w->sh->plan.fw_debug &&
	    w->res.status) { /* it is to be looked at: it stays until the controller is closed */
		leave_buffers(w);
		return false;
	}
	if (!w->given)
		leave_buffers(w);
	if (!w->given && !w->local && !is_up(w->ctrlr))
		qpair_unplug(w->q);
	rc = w->given ? give_back(w) : nvp_qpair_delete(w->q, NULL);
	if (w->given && rc)
		leave_buffers(w);
	return !rc || rc == -ENODEV;
}

/* Whatever there is of it.  The process has ended. */
static void
release(struct nvp_iow *w)
{
	bool over = end_queue(w);

	if (w->local)
		iow_engine_close(&w->engine);
	if (w->verify)
		nvp_verify_recover(w->verify); /* it may have been killed with locks */
	if (w->verify && w->sh && over)
		end_writes(w);
	nvp_buf_free(&w->buf);
	if (w->sock >= 0)
		close(w->sock);
	if (w->sh)
		munmap(w->sh, w->sh_len);
	if (w->sh_fd >= 0)
		close(w->sh_fd);
	free(w);
}

bool
nvp_iow_running(struct nvp_iow *w)
{
	return nvp_iow_wait(w, 0) <= 0;
}

int
nvp_iow_wait(struct nvp_iow *w, uint32_t ms)
{
	if (w->ended)
		return 1;
	return w->local ? iow_local_wait(w, ms) : iow_process_wait(w, ms);
}

void
nvp_iow_stop(struct nvp_iow *w, const char *why)
{
	if (w->ended || w->sh->stop)
		return;
	snprintf(w->reason, sizeof(w->reason), "%s", why);
	w->stop_ns = ut_mono_ns();
	ut_store(&w->sh->stop, (uint32_t)IOW_STOP_ASKED);
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
