/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What happens to the table around each command.  On the I/O path: no lock, no allocation, no system call.
 *
 * Why a read is judged rightly: its first look at an entry comes before the command is submitted, its last one after
 * the completion was seen.  If both show the same generation and no writer, then no write began or ended in between; the
 * ones before had completed, so the device owed their data, and the ones after had not been submitted yet.
 */
#include "verify/verify_int.h"

#include <isa-l/crc.h>
#include "util/barrier.h"

#define READ_UNKNOWN UINT64_MAX /* somebody was writing when the read began */

/* ISA-L's CRC-32C takes a pointer without const, and only reads. */
static uint32_t
crc_of(const struct nvp_verify *v, const uint8_t *data)
{
	return crc32_iscsi((unsigned char *)(uintptr_t)data, (int)v->lba_size, 0xffffffffu);
}

static uint64_t
entry_begin(uint64_t e)
{
	uint64_t n = entry_next_gen(e);

	if (n & ENTRY_WRITERS)
		n |= ENTRY_OVERLAPPED;
	return (n & ENTRY_WRITERS) == ENTRY_WRITERS ? n : n + 1;
}

uint64_t
nvp_verify_write_begin(struct nvp_verify *v, uint64_t slba, uint32_t nlb)
{
	uint64_t n = verify_clip(v, slba, nlb), i, e, *entry;

	for (i = 0; i < n; i++) {
		entry = &v->entry[slba + i];
		e = ut_load(entry);
		/* Counted in before the submission, which a later doorbell store publishes. */
		while (!__atomic_compare_exchange_n(entry, &e, entry_begin(e), false, __ATOMIC_ACQ_REL,
						    __ATOMIC_RELAXED))
			;
	}
	return 0;
}

/* known: ENTRY_KNOWN and the CRC in place, or 0.  Only the last writer out may say what is there, and only if it was alone. */
static uint64_t
entry_end(uint64_t e, uint64_t known)
{
	uint64_t n = entry_next_gen(e);

	/* No writer: reset() was called meanwhile.  All bits set: more writers than can be counted. */
	if (!(n & ENTRY_WRITERS) || (n & ENTRY_WRITERS) == ENTRY_WRITERS)
		return n & ~ENTRY_KNOWN;
	n--;
	if (n & ENTRY_WRITERS)
		return n;
	if (n & ENTRY_OVERLAPPED)
		known = 0;
	return (n & ENTRY_GEN) | known;
}

void
nvp_verify_write_end(struct nvp_verify *v, uint64_t slba, uint32_t nlb, const void *data, bool ok, uint64_t token)
{
	uint64_t n = verify_clip(v, slba, nlb), i, e, *entry, known = 0;
	const uint8_t *d = data;

	(void)token;
	for (i = 0; i < n; i++) {
		if (ok)
			known = ENTRY_KNOWN | (uint64_t)crc_of(v, d + i * v->lba_size) << ENTRY_CRC_SHIFT;
		entry = &v->entry[slba + i];
		e = ut_load(entry);
		while (!__atomic_compare_exchange_n(entry, &e, entry_end(e, known), false, __ATOMIC_ACQ_REL,
						    __ATOMIC_RELAXED))
			;
	}
}

/* The token is the sum of the generations: it stays the same only if none of them moved on. */
uint64_t
nvp_verify_read_begin(struct nvp_verify *v, uint64_t slba, uint32_t nlb)
{
	uint64_t n = verify_clip(v, slba, nlb), i, e, writers = 0, token = 0;

	if (!nvp_verify_enabled(v))
		return READ_UNKNOWN;
	for (i = 0; i < n; i++) {
		e = __atomic_load_n(&v->entry[slba + i], __ATOMIC_ACQUIRE);
		writers |= e & ENTRY_WRITERS;
		token += (e & ENTRY_GEN) >> ENTRY_GEN_SHIFT;
	}
	return writers ? READ_UNKNOWN : token;
}

int
nvp_verify_read_end(struct nvp_verify *v, uint64_t slba, uint32_t nlb, const void *data, uint64_t token,
		    struct nvp_miscompare *mis)
{
	uint64_t n = verify_clip(v, slba, nlb), i, e, now = 0;
	struct nvp_miscompare first = { .lba = UINT64_MAX };
	const uint8_t *d = data;
	uint32_t crc;

	if (token == READ_UNKNOWN || !nvp_verify_enabled(v))
		return 0;
	for (i = 0; i < n; i++) {
		/* One load serves both questions, so an entry that changes after it cannot be mistaken for its old self. */
		e = __atomic_load_n(&v->entry[slba + i], __ATOMIC_ACQUIRE);
		now += (e & ENTRY_GEN) >> ENTRY_GEN_SHIFT;
		if (!(e & ENTRY_KNOWN) || first.lba != UINT64_MAX)
			continue;
		crc = crc_of(v, d + i * v->lba_size);
		if (crc != (uint32_t)(e >> ENTRY_CRC_SHIFT))
			first = (struct nvp_miscompare){ slba + i, (uint32_t)(e >> ENTRY_CRC_SHIFT), crc };
	}
	if (now != token || first.lba == UINT64_MAX)
		return 0;
	if (mis)
		*mis = first;
	return 1;
}
