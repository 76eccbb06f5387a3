/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The worker's process: takes descriptors and plan from its parent, maps them, runs the engine, ends.  It never
 * outlives its parent: the kernel signals the parent's death, and the socket's end tells it too (that of the process:
 * the signal also comes when only the thread that started us ends, and then it means nothing).
 */
#include "ioworker/child.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "ioworker/engine.h"
#include "ioworker/hello.h"
#include "nvproof/verify.h"
#include "util/barrier.h"
#include "util/bits.h"

#define HELLO_MS 5000
#define LOOK_NS 10000000ull /* how often to see whether the parent is there */
#define NAP_NS 500000ull
#define AWAKE 9999u /* idle turns after which the clock lets us sleep for longer than a latency may be wrong */
#define POLITE 32u /* turns */

struct child {
	int sock;
	struct iow_hello hello;
	int fds[IOW_MSG_FDS];
	uint32_t nfds;
	struct iow_shared *sh;
	void *doorbells;
	struct nvp_share_region region[IOW_HELLO_REGIONS];
	uint32_t nregions;
	struct iow_engine engine;
};

static volatile sig_atomic_t asked_to_end;
static pid_t parent_pid;

static void
on_term(int sig)
{
	(void)sig;
	asked_to_end = 1;
}

/* The parent's thread ended, or all of it. */
static void
on_parent_death(int sig)
{
	(void)sig;
	if (getppid() != parent_pid)
		_exit(EXIT_FAILURE);
}

static void
set_signals(void)
{
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, on_term);
	signal(SIGUSR2, on_parent_death);
	prctl(PR_SET_PDEATHSIG, SIGUSR2);
	prctl(PR_SET_TIMERSLACK, 1000ul); /* ns: a tick is a tick */
}

/* What the other end says of the layout: within bounds, and in agreement with the size. */
static bool
sane(const struct child *c)
{
	const struct iow_dims *d = &c->sh->dims;
	struct iow_view v;

	return c->sh->magic == IOW_MAGIC && d->qdepth && d->qdepth <= UINT16_MAX && d->nops &&
	       d->nops <= NVP_IOW_OPS_MAX && d->qdepth == c->sh->plan.qdepth &&
	       iow_view_init(&v, NULL, d) == c->hello.shared_len;
}

static int
map_shared(struct child *c)
{
	const struct iow_hello *h = &c->hello;
	struct stat st;
	void *p;

	if (h->shared_len < sizeof(*c->sh) || fstat(c->fds[0], &st) || (uint64_t)st.st_size < h->shared_len)
		return -EPROTO;
	p = mmap(NULL, h->shared_len, PROT_READ | PROT_WRITE, MAP_SHARED, c->fds[0], 0);
	if (p == MAP_FAILED)
		return -ENOMEM;
	c->sh = p;
	return sane(c) ? 0 : -EPROTO;
}

static int
map_regions(struct child *c)
{
	int rc = 0;

	while (!rc && c->nregions < c->hello.nregions) {
		c->region[c->nregions] = (struct nvp_share_region){
			.fd = c->fds[2 + c->nregions],
			.iova = c->hello.region[c->nregions].iova,
			.len = c->hello.region[c->nregions].len,
		};
		rc = nvp_share_map(&c->region[c->nregions]);
		c->nregions += !rc;
	}
	return rc;
}

static int
map_doorbells(struct child *c)
{
	const struct nvp_qpair_share *s = &c->hello.qpair;

	c->doorbells = mmap(NULL, s->db_len, PROT_READ | PROT_WRITE, MAP_SHARED, c->fds[1], (off_t)s->db_off);
	if (c->doorbells == MAP_FAILED)
		c->doorbells = NULL;
	return c->doorbells ? 0 : -errno;
}

static int
import_qpair(struct child *c)
{
	return nvp_qpair_import(&c->hello.qpair, c->region, c->nregions, c->doorbells, &c->engine.q);
}

static int
find_buffers(struct child *c)
{
	const struct iow_target *t = &c->sh->target;

	return nvp_share_buf(c->region, c->nregions, t->buf_iova, t->buf_len, &c->engine.buf);
}

static int
attach_verify(struct child *c)
{
	return c->hello.verify ? nvp_verify_attach(c->fds[2 + c->nregions], &c->engine.verify) : 0;
}

/* Core `cpu` of those that we may use. */
static int
pin(struct child *c)
{
	size_t cpu = (size_t)c->sh->plan.cpu, i;
	cpu_set_t may, one;

	if (c->sh->plan.cpu < 0 || sched_getaffinity(0, sizeof(may), &may) || !CPU_COUNT(&may))
		return 0;
	for (i = 0, cpu %= (size_t)CPU_COUNT(&may); i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &may) && cpu-- == 0)
			break;
	CPU_ZERO(&one);
	CPU_SET(i, &one);
	sched_setaffinity(0, sizeof(one), &one); /* not allowed: it runs where it runs */
	return 0;
}

static int
open_engine(struct child *c)
{
	c->engine.sh = c->sh;
	c->engine.clock = ut_clock_real();
	return iow_engine_open(&c->engine);
}

static const struct {
	const char *what;
	int (*up)(struct child *c);
} steps[] = {
	{ "mapping the shared page", map_shared },
	{ "mapping memory", map_regions },
	{ "mapping doorbells", map_doorbells },
	{ "taking the queue pair", import_qpair },
	{ "finding the buffers", find_buffers },
	{ "attaching the verification table", attach_verify },
	{ "choosing a core", pin },
	{ "preparing data", open_engine },
};

static int
bring_up(struct child *c)
{
	size_t i;
	int rc;

	rc = iow_msg_recv(c->sock, &c->hello, sizeof(c->hello), c->fds, &c->nfds, HELLO_MS);
	if (rc)
		return rc;
	parent_pid = c->hello.parent;
	ut_clock_adopt(&c->hello.clock); /* refused: it is measured here, which takes 2 ms */
	if (c->hello.magic != IOW_MAGIC || c->hello.nregions > IOW_HELLO_REGIONS || c->hello.verify > 1 ||
	    c->nfds != 2 + c->hello.nregions + c->hello.verify)
		return -EPROTO;
	set_signals();
	for (i = 0; i < UT_ARRAY_LEN(steps); i++) {
		rc = steps[i].up(c);
		if (rc)
			break;
	}
	if (rc && c->sh && c->sh->magic == IOW_MAGIC) {
		iow_reason(c->sh, "%s: %s", steps[i].what, strerror(-rc));
		c->sh->res.error = NVP_IOW_INIT;
	}
	return rc;
}

static void
tear_down(struct child *c)
{
	uint32_t i;

	nvp_qpair_delete(c->engine.q, NULL);
	iow_engine_close(&c->engine);
	nvp_verify_close(c->engine.verify);
	for (i = 0; i < c->nregions; i++)
		nvp_share_unmap(&c->region[i]);
	if (c->doorbells)
		munmap(c->doorbells, c->hello.qpair.db_len);
	if (c->sh)
		munmap(c->sh, c->hello.shared_len);
	for (i = 0; i < c->nfds; i++)
		close(c->fds[i]);
}

static uint64_t
cpu_ns(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return ((uint64_t)u.ru_utime.tv_sec + (uint64_t)u.ru_stime.tv_sec) * 1000000000u +
	       ((uint64_t)u.ru_utime.tv_usec + (uint64_t)u.ru_stime.tv_usec) * 1000u;
}

static bool
parent_is_gone(const struct child *c)
{
	char byte;

	return recv(c->sock, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0 || getppid() != parent_pid;
}

/* Until the tick at which it begins, which may be moved meanwhile.  false: the parent is gone. */
static bool
wait_begin(const struct child *c)
{
	struct timespec nap = { 0 };
	uint64_t begin, now;

	while (!ut_load(&c->sh->stop) && !asked_to_end) {
		begin = ut_load(&c->sh->begin_ns);
		now = ut_mono_ns();
		if (begin && now >= begin)
			return true;
		if (parent_is_gone(c))
			return false;
		nap.tv_nsec = begin && begin - now < 2 * NAP_NS ? (long)(begin - now) / 2 : (long)NAP_NS;
		nanosleep(&nap, NULL);
	}
	return true;
}

/* A completion is not waited for asleep, or not for long: what is measured is the drive. */
static void
give_way(struct iow_engine *e, uint32_t idle)
{
	e->clock->relax(e->clock, e->q->outstanding ? UT_MIN(idle, AWAKE) : idle);
}

/* Returns whether the plan was carried on to its end: the parent is still there. */
static bool
run(struct child *c)
{
	struct iow_engine *e = &c->engine;
	uint64_t look_ticks = ut_ns_to_ticks(e->clock, LOOK_NS), next_look = 0;
	uint32_t idle = 0, turns = 0;

	while (!e->ended) {
		if (iow_engine_turn(e))
			idle = 0;
		else
			give_way(e, idle++);
		if (turns < POLITE && turns++ < POLITE)
			sched_yield(); /* others begin in this instant too, maybe on this core */
		if (asked_to_end)
			ut_store(&c->sh->stop, (uint32_t)IOW_STOP_ASKED);
		if (e->now < next_look)
			continue;
		next_look = e->now + look_ticks;
		if (parent_is_gone(c))
			return false;
	}
	return true;
}

static int
serve(struct child *c)
{
	const char started = IOW_SAYS_STARTED, ended = IOW_SAYS_ENDED;
	uint64_t cpu0;

	if (iow_msg_send(c->sock, &started, 1, NULL, 0) || !wait_begin(c))
		return EXIT_FAILURE;
	cpu0 = cpu_ns();
	if (!run(c))
		return EXIT_FAILURE;
	c->sh->res.cpu_ns = cpu_ns() - cpu0;
	__atomic_store_n(&c->sh->state, (uint32_t)IOW_ENDED, __ATOMIC_RELEASE); /* the results before the state */
	iow_msg_send(c->sock, &ended, 1, NULL, 0);
	return EXIT_SUCCESS;
}

int
iow_child(int sock)
{
	static struct child c;
	int status = EXIT_FAILURE;

	c = (struct child){ .sock = sock };
	if (!bring_up(&c))
		status = serve(&c);
	tear_down(&c);
	return status;
}
