/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands that failed, were given up, or took long. */
#include "ioworker/step.h"

#include <stdarg.h>
#include <stdio.h>
#include "ioworker/hold.h"
#include "ioworker/zoned.h"
#include "nvproof/spec/names.h"
#include "util/bits.h"

void
iow_reason(struct iow_shared *sh, const char *fmt, ...)
{
	va_list ap;

	if (sh->reason[0])
		return;
	va_start(ap, fmt);
	vsnprintf(sh->reason, sizeof(sh->reason), fmt, ap);
	va_end(ap);
}

void
iow_drain(struct iow_engine *e, enum nvp_iow_error error)
{
	e->draining = true;
	if (!e->sh->res.error)
		ut_store(&e->sh->res.error, (int32_t)error);
}

void
iow_watched(struct iow_stat *s, uint64_t ns, uint64_t slow_ns)
{
	s->max_ns = UT_MAX(s->max_ns, ns);
	s->second_max_ns = UT_MAX(s->second_max_ns, ns);
	if (slow_ns && ns > slow_ns)
		s->slow++;
	s->watch_ns = slow_ns ? UT_MIN(s->second_max_ns, slow_ns) : s->second_max_ns;
}

/* The driver ended it by itself, so the device may still be at it. */
static bool
host_made(const struct nvme_cqe *cqe, uint16_t status)
{
	return status == IOW_STATUS_TIMEOUT && le32_get(cqe->dw0) == UINT32_MAX;
}

/* The queue's command log gets failed commands only: made up again from what is known of it. */
static void
log_failure(struct iow_engine *e, const struct nvme_cqe *cqe)
{
	const struct iow_place *p = &e->place[cqe->cid];
	const struct iow_io io = { p->slba, p->nlb, p->op };
	struct nvme_sqe sqe;
	uint64_t seq;

	iow_fill(e, &sqe, cqe->cid, &io);
	seq = cmdlog_submit(e->log, &sqe, e->q->reqs[cqe->cid].submit_ticks);
	cmdlog_complete(e->log, seq, cqe, e->now);
}

static void
tell(struct iow_engine *e, const struct nvme_cqe *cqe, uint16_t status)
{
	const struct iow_place *p = &e->place[cqe->cid];
	char name[40];
	size_t i;

	snprintf(name, sizeof(name), "%s", nvp_io_name(e->op[p->op].opc));
	for (i = 0; name[i]; i++)
		if (name[i] >= 'A' && name[i] <= 'Z')
			name[i] = (char)(name[i] - 'A' + 'a');
	iow_reason(e->sh,
		   host_made(cqe, status) ? "%s of %u LBAs at %llu got no completion within %u ms"
					  : "%s of %u LBAs at %llu failed",
		   name, p->nlb, (unsigned long long)p->slba, e->sh->plan.timeout_ms);
}

void
iow_failed(struct iow_engine *e, const struct nvme_cqe *cqe, uint16_t status)
{
	struct nvp_iow_result *res = &e->sh->res;

	/* The queue was deleted under its commands.  Nobody made a mistake, so it is no failed command. */
	if (status == NVME_SC_ABORT_SQ_DELETION) {
		iow_reason(e->sh, "the controller was reset");
		iow_drain(e, NVP_IOW_TERMINATED);
		return;
	}
	if (!res->status)
		ut_store(&res->status, status);
	tell(e, cqe, status);
	if (e->log)
		log_failure(e, cqe);
	if (!res->error)
		ut_store(&res->error, (int32_t)(host_made(cqe, status) ? NVP_IOW_TIMEOUT : NVP_IOW_IO));
	e->draining |= e->sh->plan.exit_on_error || e->sh->plan.fw_debug;
}

/*
 * One that the driver ended may still be executed, so its place is not used again, and its LBAs stay tainted until the
 * parent has deleted the queue.
 */
void
iow_on_end(void *arg, const struct nvme_cqe *cqe)
{
	struct iow_engine *e = arg;
	const struct iow_place *p = &e->place[cqe->cid];
	uint16_t status = iow_status(cqe);

	if (e->ended)
		return;
	if (e->zoned)
		iow_zoned_ended(e, cqe->cid, host_made(cqe, status));
	if (!host_made(cqe, status) && status != NVME_SC_ABORT_SQ_DELETION) {
		e->room++;
		if (e->extra)
			status = iow_full_end(e, cqe->cid, cqe, status, NULL);
	} else if (e->extra && e->verify) {
		iow_lose(e, cqe->cid);
	}
	iow_count(e, p, ut_ticks(e->clock) - e->q->reqs[cqe->cid].submit_ticks, status);
	if (status)
		iow_failed(e, cqe, status);
}
