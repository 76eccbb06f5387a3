/* SPDX-License-Identifier: BSD-3-Clause */
/* Polling doorbells and sockets without burning a core when there is nothing to do. */
#include "front/loop.h"

#include <errno.h>
#include <sched.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>
#include "util/bits.h"
#include "util/clock.h"

#define SPIN_NS 150000u /* after activity: no sleep for so long */
#define POLL_BUSY_NS 30000u /* look at the sockets this often while commands are executed */
#define POLL_SPIN_NS 5000u /* and this often when nothing has come for as long: a register access must not wait */
#define LOOKS 64u /* at doorbells, before others may run: that is some microseconds, as long as a switch costs */
#define NAP_FIRST_NS 50000u
/*
 * A doorbell is noticed after half of this on average.  Waking up costs 20 us of CPU time where timers are a hypervisor's: a
 * nap of one millisecond would be more than 2 % of a core there.  Who has been idle for a second may sleep longer.
 */
#define NAP_ATTACHED_NS 1400000u
#define NAP_IDLE_NS 4000000u
#define IDLE_NS 1000000000u
#define NAP_ALONE_NS 1000000000u
#define MAX_EVENTS 32

int
loop_init(struct loop *l)
{
	cpu_set_t set;

	*l = (struct loop){ .ep = epoll_create1(EPOLL_CLOEXEC), .nap_ns = NAP_FIRST_NS };
	if (l->ep < 0)
		return -errno;
	l->crowded = sched_getaffinity(0, sizeof(set), &set) || CPU_COUNT(&set) <= 4;
	/* The default slack of 50 us would be added to every short sleep. */
	prctl(PR_SET_TIMERSLACK, 10000ul, 0ul, 0ul, 0ul);
	return 0;
}

void
loop_fini(struct loop *l)
{
	if (l->ep >= 0)
		close(l->ep);
	l->ep = -1;
}

int
loop_add(struct loop *l, struct loop_source *src, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = src };

	return epoll_ctl(l->ep, EPOLL_CTL_ADD, src->fd, &ev) ? -errno : 0;
}

int
loop_mod(struct loop *l, struct loop_source *src, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = src };

	return epoll_ctl(l->ep, EPOLL_CTL_MOD, src->fd, &ev) ? -errno : 0;
}

void
loop_del(struct loop *l, struct loop_source *src)
{
	if (src->fd >= 0)
		epoll_ctl(l->ep, EPOLL_CTL_DEL, src->fd, NULL);
}

void
loop_add_ssd(struct loop *l, struct ssd *ssd)
{
	l->ssd[l->nr_ssds++] = ssd;
}

void
loop_del_ssd(struct loop *l, const struct ssd *ssd)
{
	for (uint32_t i = 0; i < l->nr_ssds; i++) {
		if (l->ssd[i] == ssd) {
			l->ssd[i] = l->ssd[--l->nr_ssds];
			return;
		}
	}
}

static int
wait_events(struct loop *l, struct epoll_event *ev, uint64_t ns)
{
	struct timespec ts = { .tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u) };
	int n = epoll_pwait2(l->ep, ev, MAX_EVENTS, &ts, NULL);

	/* Kernels before 5.11 and some sandboxes do not have it. */
	if (n < 0 && (errno == ENOSYS || errno == EPERM))
		n = epoll_wait(l->ep, ev, MAX_EVENTS, (int)((ns + 999999u) / 1000000u));
	return n;
}

static void
look_at_sockets(struct loop *l, uint64_t sleep_ns)
{
	struct epoll_event ev[MAX_EVENTS];
	int n = wait_events(l, ev, sleep_ns);

	for (int i = 0; i < n; i++) {
		struct loop_source *src = ev[i].data.ptr;

		/* An earlier one of this round may have closed it. */
		if (src->fd >= 0)
			src->ready(src, ev[i].events);
	}
	l->polled_ns = ut_mono_ns();
	if (n > 0)
		l->active_ns = l->polled_ns;
}

/* True when any did work; *next: when the first of them has to be called again. */
static bool
step_all(struct loop *l, uint64_t now, uint64_t *next)
{
	bool busy = false;

	*next = SSD_NEVER;
	for (uint32_t i = 0; i < l->nr_ssds; i++) {
		uint64_t due = ssd_step(l->ssd[i], now);

		*next = UT_MIN(*next, due);
		busy |= ssd_was_busy(l->ssd[i]);
	}
	return busy;
}

static bool
any_rung(const struct loop *l)
{
	for (uint32_t i = 0; i < l->nr_ssds; i++) {
		if (ssd_rung(l->ssd[i]))
			return true;
	}
	return false;
}

/*
 * A step that finds nothing takes longer than a host that answers at once: look at the doorbells alone for a moment, also
 * after a step that was busy.
 */
static void
relax(const struct loop *l)
{
	for (uint32_t i = 0; i < LOOKS; i++) {
		if (any_rung(l))
			return;
#if defined(__x86_64__)
		__builtin_ia32_pause();
#endif
	}
	if (l->crowded)
		sched_yield();
}

static void
nap(struct loop *l, uint64_t now, uint64_t next, uint64_t max_ns)
{
	uint64_t attached_ns = now - l->active_ns < IDLE_NS ? NAP_ATTACHED_NS : NAP_IDLE_NS;
	uint64_t limit = UT_MIN(max_ns, l->attached ? attached_ns : NAP_ALONE_NS);
	uint64_t ns = UT_MIN(l->nap_ns, limit);

	if (next != SSD_NEVER)
		ns = next > now ? UT_MIN(ns, next - now) : 0;
	l->nap_ns = UT_MIN(l->nap_ns * 2, NAP_ALONE_NS);
	look_at_sockets(l, ns);
}

void
loop_once(struct loop *l, uint64_t max_ns)
{
	uint64_t now = ut_mono_ns(), next;
	bool busy = step_all(l, now, &next);

	if (busy)
		l->active_ns = now;
	if (now - l->active_ns < SPIN_NS) {
		l->nap_ns = NAP_FIRST_NS;
		if (now - l->polled_ns >= (now - l->active_ns < POLL_SPIN_NS ? POLL_BUSY_NS : POLL_SPIN_NS))
			look_at_sockets(l, 0);
		else
			relax(l);
		return;
	}
	nap(l, now, next, max_ns);
}

void
loop_run(struct loop *l)
{
	while (!l->stop)
		loop_once(l, NAP_ALONE_NS);
}
