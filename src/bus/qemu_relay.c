/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Doorbells for another process.  There is one socket, so an ioworker writes its doorbells to a page of memory, and a
 * thread here takes them out and sends them.  A word that was taken is marked as empty; a doorbell that is rung again
 * before that only counts with its last value, which is all that it says.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>
#include <signal.h>
#include "bus/qemu_int.h"
#include "nvproof/spec/regs.h"
#include "util/alloc.h"
#include "util/bits.h"

#define DOORBELLS 0x1000u /* where they are in BAR 0 */
#define PAGE 4096u
#define WORDS (PAGE / 4)
#define EMPTY 0xffffffffu /* no doorbell's value: they have 16 bits */
#define SPIN 200u /* looks without a pause after something was found */
#define NAP_MIN_NS 20000l
#define NAP_MAX_NS 500000l

struct qemu_relay {
	struct qemu_bus *bus;
	pthread_t thread;
	atomic_bool stop;
	int fd;
	_Atomic uint32_t *page;
};

static int
forward(struct qemu_relay *r, uint32_t i, uint32_t *found)
{
	uint32_t val = atomic_load_explicit(&r->page[i], memory_order_relaxed);

	if (val == EMPTY)
		return 0;
	val = atomic_exchange(&r->page[i], EMPTY);
	++*found;
	return qemu_qtest_write(&r->bus->qtest, r->bus->func.bar[0] + DOORBELLS + 4ull * i, 4, val);
}

static uint32_t
forward_all(struct qemu_relay *r)
{
	uint32_t found = 0;
	int rc = 0;

	for (uint32_t i = 0; i < WORDS && !rc; i++)
		rc = forward(r, i, &found);
	return found;
}

/* Without the lock: whether there may be something. */
static bool
any(const struct qemu_relay *r)
{
	for (uint32_t i = 0; i < WORDS; i++)
		if (atomic_load_explicit(&r->page[i], memory_order_relaxed) != EMPTY)
			return true;
	return false;
}

int
qemu_relay_flush(struct qemu_bus *b)
{
	if (b->relay && any(b->relay))
		(void)forward_all(b->relay);
	return 0;
}

static void
rest(uint32_t idle)
{
	long nap = NAP_MIN_NS << UT_MIN((idle - SPIN) / 256, 5u);

	if (idle < SPIN)
		sched_yield();
	else
		nanosleep(&(struct timespec){ .tv_nsec = UT_MIN(nap, NAP_MAX_NS) }, NULL);
}

static void *
relay(void *arg)
{
	struct qemu_relay *r = arg;
	uint32_t idle = 0;

	prctl(PR_SET_TIMERSLACK, 1000ul);
	while (!atomic_load(&r->stop)) {
		if (any(r)) {
			pthread_mutex_lock(&r->bus->lock);
			(void)forward_all(r);
			pthread_mutex_unlock(&r->bus->lock);
			idle = 0;
		} else {
			rest(idle++);
		}
	}
	return NULL;
}

static void
relay_free(struct qemu_relay *r)
{
	if (r->page)
		munmap((void *)(uintptr_t)r->page, PAGE);
	if (r->fd >= 0)
		close(r->fd);
	free(r);
}

static int
make_page(struct qemu_relay *r)
{
	void *va;

	r->fd = ut_alloc_spend() ? -1 : memfd_create("nvproof-doorbells", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (r->fd < 0 || ftruncate(r->fd, PAGE) || fcntl(r->fd, F_ADD_SEALS, F_SEAL_SHRINK))
		return -ENOMEM;
	va = ut_alloc_spend() ? MAP_FAILED : mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
	if (va == MAP_FAILED)
		return -ENOMEM;
	memset(va, 0xff, PAGE);
	r->page = va;
	return 0;
}

/* The program's signals are not for this thread. */
static int
start_thread(struct qemu_relay *r)
{
	sigset_t all, old;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&r->thread, NULL, relay, r);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -rc;
}

static int
relay_make(struct qemu_bus *b)
{
	struct qemu_relay *r = ut_calloc(1, sizeof(*r));
	int rc;

	if (!r)
		return -ENOMEM;
	r->bus = b;
	r->fd = -1;
	rc = make_page(r);
	if (!rc)
		rc = start_thread(r);
	if (rc)
		relay_free(r);
	else
		b->relay = r;
	return rc;
}

int
qemu_relay_fd(struct qemu_bus *b, uint64_t off, uint64_t *fd_off)
{
	int rc = 0;

	if (off < DOORBELLS || off >= DOORBELLS + PAGE)
		return -ENOTSUP;
	if (!b->relay)
		rc = relay_make(b);
	*fd_off = off - DOORBELLS;
	return rc ? rc : b->relay->fd;
}

void
qemu_relay_close(struct qemu_bus *b)
{
	if (!b->relay)
		return;
	atomic_store(&b->relay->stop, true);
	pthread_join(b->relay->thread, NULL);
	relay_free(b->relay);
	b->relay = NULL;
}
