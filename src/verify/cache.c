/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The device's volatile write cache: a write that it completed is there for every read, and after a power loss it is not,
 * unless a flush came between.  So each write leaves its stamp, the number of the flush that it waits for, and a flush
 * that succeeded covers all stamps that were there when it was submitted.  A stamp stands for all LBAs that share a
 * lock; doubt.h tells more of them apart.   NVMe Base, "Flush command", "Volatile Write Cache".
 */
#include "verify/doubt.h"

#include <string.h>

#define CODE_PAGE 4096u /* a multiple of what the codes of an LBA take */

/*
 * The numbers are used up: what is covered needs none, and all others begin anew.  Meanwhile nothing counts as covered: a stamp
 * that has its new number must not be compared with the old ones, or a write that begins now would take one that no flush covers for
 * durable.
 */
static void
renumber(struct nvp_verify *v)
{
	uint32_t covered = ut_load(&v->head->covered);
	uint8_t was, now;
	uint64_t i;

	__atomic_store_n(&v->head->covered, 0u, __ATOMIC_SEQ_CST);
	for (i = 0; i < VERIFY_LOCKS; i++) {
		was = ut_load(&v->stamp[i]);
		do
			now = was == STAMP_DOUBT ? was : was > covered;
		while (was != now && !__atomic_compare_exchange_n(&v->stamp[i], &was, now, false, __ATOMIC_RELEASE,
								  __ATOMIC_RELAXED));
	}
	__atomic_store_n(&v->head->stamp, 2u, __ATOMIC_SEQ_CST);
}

/* One flush at a time moves the stamps on; another one meanwhile just covers nothing. */
bool
nvp_verify_flush_begin(struct nvp_verify *v)
{
	uint32_t none = 0;

	if (!__atomic_compare_exchange_n(&v->head->flusher, &none, v->user, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return false;
	if (ut_load(&v->head->stamp) >= STAMP_LAST)
		renumber(v);
	__atomic_store_n(&v->head->stamp, ut_load(&v->head->stamp) + 1, __ATOMIC_SEQ_CST);
	return true;
}

void
nvp_verify_flush_end(struct nvp_verify *v, bool ok)
{
	if (ok)
		ut_store(&v->head->covered, ut_load(&v->head->stamp) - 1);
	__atomic_store_n(&v->head->flusher, 0u, __ATOMIC_RELEASE);
}

/* What a power loss has left in doubt stays so: no flush tells which version it is. */
void
nvp_verify_flushed(struct nvp_verify *v)
{
	for (uint64_t i = 0; i < VERIFY_LOCKS; i++)
		if (ut_load(&v->stamp[i]) != STAMP_DOUBT)
			ut_store(&v->stamp[i], (uint8_t)0);
}

/* LBAs whose codes lie in one page: of those that a flush did not cover, the ones of which nothing can be said. */
static void
doubt_page(struct nvp_verify *v, uint64_t lba, uint64_t end)
{
	uint32_t covered = ut_load(&v->head->covered);

	for (; lba < end; lba++)
		if (ut_load(&v->stamp[lba % VERIFY_LOCKS]) > covered && !doubt_known(v, lba))
			verify_forget(v, lba);
}

/* Not one byte more than the pages that are there: a hole that is touched becomes one. */
void
nvp_verify_power_lost(struct nvp_verify *v)
{
	uint8_t *c = v->code, *end = verify_code(v, verify_clip(v, 0, v->nlba)), *stop;

	while ((c = verify_skip_hole(v, c, end)) < end) {
		stop = UT_MIN(end, c + CODE_PAGE - (uintptr_t)c % CODE_PAGE);
		doubt_page(v, (uint64_t)(c - v->code) / v->code_bytes,
			   ((uint64_t)(stop - v->code) + v->code_bytes - 1) / v->code_bytes);
		c = stop;
	}
	doubt_begin_all(v);
}
