/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The worker as a process: started, watched, ended.  And the device, watched for it: a worker only sees that nothing
 * completes.
 */
#include "ioworker/parent.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "ioworker/hello.h"
#include "ioworker/launch.h"
#include "util/barrier.h"
#include "util/bits.h"

#define MS 1000000ull /* in ns */
#define START_MS 5000u
#define LOOK_MS 100u /* how often to look at the device */
#define END_MS 700u /* a worker that was asked to end has this long; all of close() takes less than a second */
#define KILL_MS 200u /* one that was killed is gone by then, unless the kernel cannot end it */
#define OVERTIME_MS 30000u

/* --- what it gets --- */

static bool
holds(const struct nvp_region *r, uint64_t iova)
{
	return iova >= r->iova && iova - r->iova < r->len;
}

static bool
needed(const struct nvp_iow *w, const struct nvp_qpair_share *s, const struct nvp_region *r)
{
	return holds(r, s->sq_iova) || holds(r, s->cq_iova) || holds(r, s->lists_iova) || holds(r, w->buf.iova);
}

static void
add_region(struct iow_hello *h, int *fds, uint32_t *nfds, uint64_t iova, uint64_t len, int fd)
{
	h->region[h->nregions].iova = iova;
	h->region[h->nregions++].len = len;
	fds[(*nfds)++] = fd;
}

static int
add_regions(const struct nvp_iow *w, struct iow_hello *h, int *fds, uint32_t *nfds)
{
	struct nvp_share_region log;
	const struct nvp_region *r;

	if (h->qpair.log_iova && nvp_share_log_region(&log))
		add_region(h, fds, nfds, log.iova, log.len, log.fd);
	for (r = nvp_arena_regions(w->ctrlr->arena); r; r = r->next) {
		if (!needed(w, &h->qpair, r))
			continue;
		if (h->nregions == IOW_HELLO_REGIONS)
			return -E2BIG;
		add_region(h, fds, nfds, r->iova, r->len, r->fd);
	}
	return 0;
}

static int
send_hello(struct nvp_iow *w, struct iow_hello *h)
{
	int fds[IOW_HELLO_FDS] = { w->sh_fd, h->qpair.db_fd };
	uint32_t nfds = 2;
	int rc;

	h->magic = IOW_MAGIC;
	h->shared_len = w->sh_len;
	h->parent = getpid();
	h->clock = ut_clock_base();
	rc = add_regions(w, h, fds, &nfds);
	if (rc)
		return rc;
	if (w->verify) {
		h->verify = 1;
		fds[nfds++] = nvp_verify_fd(w->verify);
	}
	return iow_msg_send(w->sock, h, sizeof(*h), fds, nfds);
}

/* --- its end --- */

static uint64_t
usage_ns(const struct rusage *u)
{
	return ((uint64_t)u->ru_utime.tv_sec + (uint64_t)u->ru_stime.tv_sec) * 1000000000u +
	       ((uint64_t)u->ru_utime.tv_usec + (uint64_t)u->ru_stime.tv_usec) * 1000u;
}

/* At most ms; 0: it is still there. */
static pid_t
wait_pid(pid_t child, uint32_t ms, int *status, struct rusage *u)
{
	uint64_t end = ut_mono_ns() + ms * MS;
	pid_t pid;

	while ((pid = wait4(child, status, WNOHANG, u)) == 0 && ut_mono_ns() < end)
		usleep(500);
	return pid;
}

/*
 * Wait for the process itself: it has said that it ends, or its socket is closed, or it gets killed here.
 * False: not even that ends it, because it is in the kernel for something that does not come back.
 */
static bool
reap(struct nvp_iow *w, uint32_t ms, int *status)
{
	struct rusage u = { 0 };
	pid_t pid;

	*status = 0;
	pid = wait_pid(w->pid, ms, status, &u);
	if (pid == 0) {
		kill(w->pid, SIGKILL);
		pid = wait_pid(w->pid, w->stuck ? 0 : KILL_MS, status, &u);
	}
	w->stuck = pid == 0;
	if (w->stuck)
		return false;
	w->pid = 0;
	if (w->sh->state != IOW_ENDED)
		w->sh->res.cpu_ns = usage_ns(&u);
	close(w->sock);
	w->sock = -1;
	return true;
}

static void
died(struct nvp_iow *w, int status)
{
	if (w->reason[0] || w->sh->reason[0])
		return;
	if (WIFSIGNALED(status))
		snprintf(w->reason, sizeof(w->reason), "the worker was killed by signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else
		snprintf(w->reason, sizeof(w->reason), "the worker ended unexpectedly with exit status %d",
			 WEXITSTATUS(status));
}

/* error: why we ended it; NVP_IOW_OK: it ended by itself, so either it is done, or it died.  w->ended says whether it did. */
static void
ended(struct nvp_iow *w, uint32_t ms, int32_t error)
{
	int status;

	if (!reap(w, ms, &status))
		return;
	if (!error && __atomic_load_n(&w->sh->state, __ATOMIC_ACQUIRE) != IOW_ENDED) {
		died(w, status);
		error = NVP_IOW_DIED;
	}
	iow_collect(w, error);
}

void
iow_process_end(struct nvp_iow *w, enum iow_stop how)
{
	struct pollfd p = { .fd = w->sock, .events = 0 };
	uint64_t end = ut_mono_ns() + END_MS * MS, now;

	if (w->ended)
		return;
	ut_store(&w->sh->stop, (uint32_t)how);
	/* POLLHUP comes with its end. */
	while ((now = ut_mono_ns()) < end && poll(&p, 1, (int)((end - now) / MS)) <= 0)
		;
	ended(w, 0, NVP_IOW_TERMINATED);
	if (!w->ended)
		iow_collect(w, NVP_IOW_TERMINATED); /* nobody waits for it any more, and it gets no more work */
}

/* --- watching --- */

void
iow_process_terminate(struct nvp_iow *w, const char *why)
{
	if (w->ended)
		return;
	snprintf(w->reason, sizeof(w->reason), "%s", why);
	w->reset = true;
	iow_process_end(w, IOW_STOP_RESET);
}

void
iow_process_unlend(struct nvp_iow *w)
{
	qpair_batch_owner(w->q, NULL, NULL);
	w->q->exported = false;
}

static void
look_at_device(struct nvp_iow *w, uint64_t now)
{
	uint32_t csts;

	if (now < w->look_ns)
		return;
	w->look_ns = now + LOOK_MS * MS;
	if (w->ctrlr->gone || ctrlr_csts(w->ctrlr, &csts))
		iow_process_terminate(w, "the device is gone");
	else if (!w->q->live || !nvme_get(csts, NVME_CSTS_RDY))
		iow_process_terminate(w, "the controller was reset");
}

static void
look_at_time(struct nvp_iow *w, uint64_t now)
{
	uint64_t time_ns = w->sh->plan.time_ns, begin_ns = ut_load(&w->sh->begin_ns);

	if (w->stop_ns && now >= w->stop_ns + END_MS * MS) { /* it does not listen */
		ended(w, 0, NVP_IOW_TERMINATED);
		return;
	}
	if (!time_ns || now < begin_ns + time_ns + OVERTIME_MS * MS)
		return;
	snprintf(w->reason, sizeof(w->reason), "still running %u s after its time", OVERTIME_MS / 1000);
	ended(w, 0, NVP_IOW_OVERTIME);
}

/* 1: it said or did something; 0: not within ms. */
static int
listen_to(struct nvp_iow *w, uint32_t ms)
{
	struct pollfd p = { .fd = w->sock, .events = POLLIN };
	char byte = 0;
	ssize_t n;

	if (poll(&p, 1, (int)ms) <= 0)
		return 0;
	n = recv(w->sock, &byte, 1, MSG_DONTWAIT);
	if (n == 1 && byte == IOW_SAYS_STARTED)
		return 1;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	ended(w, END_MS, NVP_IOW_OK);
	return 1;
}

int
iow_process_wait(struct nvp_iow *w, uint32_t ms)
{
	uint64_t now = ut_mono_ns(), end = now + ms * MS;

	for (;;) {
		listen_to(w, (uint32_t)UT_MIN((end - now) / MS, (uint64_t)LOOK_MS));
		now = ut_mono_ns();
		if (!w->ended)
			look_at_time(w, now);
		if (!w->ended)
			look_at_device(w, now);
		if (w->ended || now >= end || w->stuck)
			return w->ended ? 1 : w->stuck ? -ETIMEDOUT : 0;
	}
}

/* --- its beginning --- */

static int
wait_started(struct nvp_iow *w)
{
	uint64_t end = ut_mono_ns() + START_MS * MS;

	while (!w->ended && ut_mono_ns() < end)
		if (listen_to(w, LOOK_MS) && !w->ended)
			return 0;
	if (!w->ended) {
		snprintf(w->reason, sizeof(w->reason), "it did not start within %u s", START_MS / 1000);
		ended(w, 0, NVP_IOW_INIT);
	}
	return ctrlr_fail(w->ctrlr, -ECHILD, "nvproof-worker: %s", nvp_iow_reason(w));
}

int
iow_process_start(struct nvp_iow *w)
{
	struct iow_hello h = { 0 };
	const char *why = "";
	int rc;

	rc = nvp_qpair_export(w->q, &h.qpair);
	if (rc == -ENOTSUP)
		return rc;
	if (rc)
		return ctrlr_fail(w->ctrlr, rc, "ioworker: the queue pair cannot be handed over: %s", strerror(-rc));
	w->q->free = REQ_NONE; /* who tries to use it meanwhile finds it full */
	rc = iow_spawn(&w->pid, &w->sock, &why);
	if (rc)
		return ctrlr_fail(w->ctrlr, rc, "ioworker: %s", why);
	rc = send_hello(w, &h);
	if (rc && rc != -EPIPE) { /* -EPIPE: it has ended, and wait_started() finds out how */
		ended(w, 0, NVP_IOW_INIT);
		return ctrlr_fail(w->ctrlr, rc, "ioworker: nothing can be sent to it: %s", strerror(-rc));
	}
	return wait_started(w);
}
