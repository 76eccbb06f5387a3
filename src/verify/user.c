/* SPDX-License-Identifier: BSD-3-Clause */
/* Handles of a table have numbers, and locks bear them: so what a dead process has locked can be taken from it. */
#include "verify/verify_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* When a process started, in clock ticks since boot, and its state.  false: there is no such process. */
static bool
look_up(uint32_t pid, uint32_t *start, char *state)
{
	char path[40], text[512], *p;
	unsigned long long at;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return false;
	text[n] = 0;
	p = strrchr(text, ')'); /* its name may contain anything */
	if (!p || sscanf(p + 1, " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu",
			 state, &at) != 2)
		return false;
	*start = (uint32_t)at;
	return true;
}

uint64_t
verify_user_self(void)
{
	uint32_t pid = (uint32_t)getpid(), start = 0;
	char state;

	look_up(pid, &start, &state);
	return (uint64_t)pid << 32 | start;
}

/* A zombie holds nothing any more, but it cannot let go either. */
bool
verify_user_dead(uint64_t owner)
{
	uint32_t start;
	char state;

	return !look_up((uint32_t)(owner >> 32), &start, &state) || start != (uint32_t)owner || state == 'Z' ||
	       state == 'X';
}

/* All locks that bear this number. */
static void
release_locks(struct nvp_verify *v, uint32_t user)
{
	struct verify_group *g = v->group, *end = g + VERIFY_GROUPS;
	uint64_t was, now;
	uint32_t i;

	for (; g < end; g++) {
		if (ut_load(&g->readers) >> user & 1)
			__atomic_fetch_and(&g->readers, ~(1ull << user), __ATOMIC_RELEASE);
		was = ut_load(&g->writers);
		do {
			now = was;
			for (i = 0; i < VERIFY_LANES; i++)
				if ((was >> 8 * i & 0x7f) == user)
					now &= ~(0xffull << 8 * i);
		} while (now != was && !__atomic_compare_exchange_n(&g->writers, &was, now, false, __ATOMIC_RELEASE,
								    __ATOMIC_RELAXED));
	}
}

static void
drop_flush(struct nvp_verify *v, uint32_t user)
{
	__atomic_compare_exchange_n(&v->head->flusher, &user, 0u, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED);
}

/*
 * Whoever recovers takes the dead one's place first, so that nobody else does the same or gets the number meanwhile; and
 * if he dies in the middle, he is one of the dead.
 */
uint32_t
nvp_verify_recover(struct nvp_verify *v)
{
	uint64_t self = verify_user_self(), owner;
	uint32_t i, n = 0;

	for (i = 1; i <= NVP_VERIFY_USERS; i++) {
		owner = ut_load(&v->head->user[i]);
		if (!owner || owner == self || !verify_user_dead(owner))
			continue;
		if (!__atomic_compare_exchange_n(&v->head->user[i], &owner, self, false, __ATOMIC_ACQ_REL,
						 __ATOMIC_RELAXED))
			continue;
		release_locks(v, i);
		drop_flush(v, i);
		__atomic_store_n(&v->head->user[i], 0ull, __ATOMIC_RELEASE);
		n++;
	}
	return n;
}

static bool
take_free(struct nvp_verify *v, uint64_t self)
{
	uint64_t none;
	uint32_t i;

	for (i = 1; i <= NVP_VERIFY_USERS; i++) {
		none = 0;
		if (ut_load(&v->head->user[i]) || !__atomic_compare_exchange_n(&v->head->user[i], &none, self, false,
									       __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			continue;
		v->user = i;
		v->bit = 1ull << i;
		v->tags = 0x0101010101010101ull * i;
		return true;
	}
	return false;
}

int
verify_user_take(struct nvp_verify *v)
{
	uint64_t self = verify_user_self();

	if (take_free(v, self) || (nvp_verify_recover(v) && take_free(v, self)))
		return 0;
	return -EUSERS;
}

/* In a child of fork() this is the parent's, who goes on with it. */
void
verify_user_drop(struct nvp_verify *v)
{
	if (!v->user || ut_load(&v->head->user[v->user]) != verify_user_self())
		return;
	if (v->held || v->bulk)
		release_locks(v, v->user);
	drop_flush(v, v->user);
	__atomic_store_n(&v->head->user[v->user], 0ull, __ATOMIC_RELEASE);
	v->user = 0;
}

int
nvp_verify_holder(const struct nvp_verify *v, const struct nvp_verify_op *op)
{
	uint64_t lba = op->nranges ? op->ranges[0].slba : op->slba;
	uint32_t user =
		(uint32_t)(ut_load(&v->group[lba / VERIFY_LANES % VERIFY_GROUPS].writers) >> 8 * (lba % VERIFY_LANES)) &
		0x7f;

	if (!user || user > NVP_VERIFY_USERS || user == v->user)
		return 0;
	return (int)(ut_load(&v->head->user[user]) >> 32);
}
