/* SPDX-License-Identifier: BSD-3-Clause */
/* What happens to locks and codes around each command.  No allocation, no system call, and nobody waits. */
#include "verify/lock.h"

#include <errno.h>
#include <string.h>
#include "verify/doubt.h"
#include "verify/same.h"

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

static bool
shared(const struct nvp_verify_op *op)
{
	return op->kind == NVP_VERIFY_READ || op->kind == NVP_VERIFY_LOOK;
}

static bool
bulk(const struct nvp_verify_op *op)
{
	return op->nranges || op->nlb > VERIFY_BULK;
}

/* --- begin --- */

static int
lock(struct nvp_verify *v, struct nvp_verify_op *op)
{
	if (unlikely(bulk(op)))
		return verify_bulk_lock(v, op);
	if (shared(op))
		return lock_reads(v, op->slba, op->n) ? 0 : -EAGAIN;
	if (op->locked == LOCKED_NOT) {
		if (!lock_lanes(v, op->slba, op->n))
			return -EAGAIN;
		op->locked = LOCKED_CLAIMED;
	}
	return drained(v, op->slba, op->n) ? 0 : -EAGAIN;
}

static void
unlock(struct nvp_verify *v, struct nvp_verify_op *op)
{
	if (unlikely(bulk(op)))
		verify_bulk_unlock(v, op);
	else if (shared(op))
		unlock_reads(v, op->slba, op->n);
	else
		unlock_lanes(v, op->slba, op->n);
	v->held -= op->locked == LOCKED_ALL;
	op->locked = LOCKED_NOT;
}

/* A long operation's sources are locked with it, and do not change. */
static void
make_busy(struct nvp_verify *v, struct nvp_verify_op *op)
{
	struct nvp_verify_range r;
	uint32_t i;

	if (!op->nranges) {
		verify_make_busy(v, op->slba, op->n);
		return;
	}
	for (i = 0; i < verify_ranges(op); i++) {
		r = verify_range(v, op, i);
		if (op->kind == NVP_VERIFY_COPY && i < op->nranges)
			continue;
		/* Ranges may name an LBA twice, which is no sign of a dead process. */
		verify_set(v, r.slba, r.nlb, CODE_UNKNOWN);
	}
}

/* What is there until this write is durable. */
static inline void
keep(struct nvp_verify *v, const struct nvp_verify_op *op)
{
	struct verify_part p;

	EACH_PART(p, op->slba, op->n)
	{
		doubt_keep(v, lba_, p.n);
	}
}

int
nvp_verify_begin(struct nvp_verify *v, struct nvp_verify_op *op)
{
	int rc;

	if (op->locked == LOCKED_NOT)
		op->n = (uint32_t)verify_clip(v, op->slba, op->nlb);
	rc = lock(v, op);
	if (rc)
		return rc;
	op->locked = LOCKED_ALL;
	op->noted = false;
	v->held++;
	if (op->kind == NVP_VERIFY_WRITE && !op->durable && likely(!bulk(op)))
		keep(v, op);
	if (!shared(op))
		make_busy(v, op);
	return 0;
}

void
nvp_verify_cancel(struct nvp_verify *v, struct nvp_verify_op *op)
{
	if (op->locked == LOCKED_NOT)
		return;
	if (op->locked == LOCKED_ALL && !shared(op) && !op->nranges)
		verify_settle(v, op->slba, op->n, CODE_UNKNOWN);
	unlock(v, op);
}

void
nvp_verify_prefetch(const struct nvp_verify *v, uint64_t slba)
{
	uint64_t g = slba / VERIFY_LANES % VERIFY_GROUPS;

	__builtin_prefetch(&v->group[g], 1);
	__builtin_prefetch(&v->reads[g * 2], 1);
	__builtin_prefetch(verify_code(v, slba));
}

/* --- codes of data --- */

/* Returns a sum over the CRCs, which tells whether the data are the same later. */
static inline uint32_t
make_codes(const struct nvp_verify *v, const uint8_t *d, uint64_t n, uint8_t *out)
{
	uint32_t sum = 0, crc, wide, len = v->crc32 ? v->lba_size : VERIFY_UNIT;
	const uint8_t *end = d + n * v->lba_size;

	for (; d < end; d += len) {
		crc = crc_of(d, len);
		sum = sum * 31 + crc;
		if (v->crc32) {
			wide = code32(crc);
			memcpy(out, &wide, sizeof(wide));
			out += sizeof(wide);
		} else {
			*out++ = code8(crc);
		}
	}
	return sum;
}

static uint32_t
sum_on(const struct nvp_verify *v, const uint8_t *d, uint64_t n, uint32_t sum)
{
	uint32_t len = v->crc32 ? v->lba_size : VERIFY_UNIT;
	const uint8_t *end = d + n * v->lba_size;

	for (; d < end; d += len)
		sum = sum * 31 + crc_of(d, len);
	return sum;
}

static uint32_t
sum_of(const struct nvp_verify *v, const struct nvp_verify_op *op, const uint8_t *d)
{
	uint32_t sum = 0, i;

	if (likely(!op->stride))
		return sum_on(v, d, op->n, 0);
	for (i = 0; i < op->n; i++, d += op->stride)
		sum = sum_on(v, d, 1, sum);
	return sum;
}

void
nvp_verify_note(struct nvp_verify *v, struct nvp_verify_op *op, const void *data)
{
	op->sum = sum_of(v, op, data);
	op->noted = true;
}

/* --- the end of a write --- */

#define BATCH 256u /* codes of 4 bytes */

static void
note_foreign(struct nvp_verify *v, uint64_t slba, uint64_t n)
{
	uint64_t i;

	for (i = slba >> VERIFY_CHUNK_SHIFT; i <= (slba + n - 1) >> VERIFY_CHUNK_SHIFT; i++)
		ut_store(&v->foreign[i], (uint8_t)1);
}

/* Before the codes are there: whoever sees them sees this too. */
static void
look_at_ids(struct nvp_verify *v, const struct nvp_verify_op *op, const uint8_t *d)
{
	uint32_t i, stride = verify_stride(v, op);

	for (i = 0; i < op->n; i++, d += stride)
		if (unlikely(!verify_has_id(v, d, op->slba + i))) {
			note_foreign(v, op->slba, op->n);
			return;
		}
}

/* Codes go where the LBAs are still busy: they were not tainted at the beginning, and nobody has forgotten or marked them since. */
static void
put_codes(struct nvp_verify *v, uint64_t lba, const uint8_t *from, uint64_t len)
{
	uint8_t *to = verify_code(v, lba);
	uint32_t step = v->crc32 ? 4 : 1;
	uint64_t i, word;

	for (i = 0; i + 8 <= len; i += 8) {
		memcpy(&word, to + i, 8);
		if (unlikely(word != (v->crc32 ? 0x0000000100000001ull : 0x0101010101010101ull) * CODE_BUSY))
			break;
		memcpy(to + i, from + i, 8);
	}
	for (; i < len; i += step)
		if (to[i] == CODE_BUSY && (step == 1 || !(to[i + 1] | to[i + 2] | to[i + 3])))
			memcpy(to + i, from + i, step);
}

static void
record_same(struct nvp_verify *v, const struct nvp_verify_op *op, const uint8_t *d)
{
	uint32_t i, stride = verify_stride(v, op);
	uint8_t codes[VERIFY_SAME_MAX];

	for (i = 0; i < op->n; i++, d += stride) {
		verify_same_codes(v, op, i, d, codes);
		put_codes(v, op->slba + i, codes, v->code_bytes);
	}
}

/* Returns whether the data are still those that were noted; if not, nothing is recorded. */
static bool
record(struct nvp_verify *v, const struct nvp_verify_op *op, const uint8_t *d)
{
	uint64_t lba = op->slba, left = op->n, n, max = op->stride ? 1 : BATCH * 4 / v->code_bytes;
	uint32_t stride = verify_stride(v, op);
	uint8_t codes[BATCH * 4];
	uint32_t sum;

	if (unlikely(op->noted && left > max && sum_of(v, op, d) != op->sum))
		return false;
	for (; left; left -= n, lba += n, d += n * stride) {
		n = UT_MIN(left, max);
		sum = make_codes(v, d, n, codes);
		if (unlikely(op->noted && op->n <= max && sum != op->sum))
			return false;
		put_codes(v, lba, codes, n * v->code_bytes);
	}
	return true;
}

/* For who explains a miscompare: which version is the last one here. */
static void
remember(struct nvp_verify *v, const struct nvp_verify_op *op, uint64_t token)
{
	struct verify_group *g = &v->group[op->slba / VERIFY_LANES % VERIFY_GROUPS];

	ut_store(&g->last, op->slba << 16 | (op->nlb - 1));
	ut_store(&g->token, token);
}

static uint64_t
token_of(const struct nvp_verify *v, const uint8_t *d)
{
	uint64_t token;

	memcpy(&token, d + v->lba_size - sizeof(token), sizeof(token));
	return token;
}

static inline void
note_durability(struct nvp_verify *v, const struct nvp_verify_op *op)
{
	if (op->durable) {
		if (ut_load(&v->head->volatiles))
			doubt_settle(v, op->slba, op->n);
		return;
	}
	if (unlikely(bulk(op)))
		doubt_mix(v, op->slba, op->n);
	verify_stamp(v, op->slba, op->n);
}

static void
end_write(struct nvp_verify *v, const struct nvp_verify_op *op, enum nvp_verify_verdict verdict, const uint8_t *d)
{
	if (unlikely(!op->n))
		return;
	if (verdict == NVP_VERIFY_LOST) {
		verify_settle(v, op->slba, op->n, CODE_TAINTED);
		return;
	}
	if (likely(!verdict && d)) {
		note_durability(v, op);
		if (op->same) {
			remember(v, op, op->token);
			record_same(v, op, d);
			return;
		}
		look_at_ids(v, op, d);
		remember(v, op, token_of(v, d));
		if (likely(record(v, op, d)))
			return;
	}
	verify_settle(v, op->slba, op->n, CODE_UNKNOWN);
}

/* --- the end of others that change LBAs --- */

static uint8_t
state_after(const struct nvp_verify_op *op, enum nvp_verify_verdict verdict)
{
	if (verdict == NVP_VERIFY_LOST)
		return CODE_TAINTED;
	if (op->kind == NVP_VERIFY_UNCORR)
		return CODE_UNCORR;
	return op->kind == NVP_VERIFY_ZERO && !verdict ? CODE_UNMAPPED : CODE_UNKNOWN;
}

/* Codes of one LBA; those that are known. */
static void
copy_lba(struct nvp_verify *v, uint64_t to, uint64_t from)
{
	uint32_t step = v->crc32 ? 4 : 1, k;
	uint8_t *c = verify_code(v, to), *is = verify_code(v, from);

	for (k = 0; k < v->code_bytes; k += step)
		if (is[k] >= CODE_FIRST || (step == 4 && (is[k + 1] | is[k + 2] | is[k + 3])))
			memcpy(c + k, is + k, step);
}

/* The destination is what the sources are, and carries their ids; of which version a source is that is in doubt nobody knows. */
static void
copy_codes(struct nvp_verify *v, const struct nvp_verify_op *op)
{
	uint64_t to = op->slba, n, k;
	struct nvp_verify_range r;
	uint32_t i;

	if (op->n)
		note_foreign(v, op->slba, op->n);
	for (i = 0; i < op->nranges; i++, to += op->ranges[i - 1].nlb) {
		r = verify_range(v, op, i);
		n = UT_MIN(r.nlb, verify_clip(v, to, op->ranges[i].nlb));
		for (k = 0; k < n; k++)
			if (!doubt_is(v, r.slba + k))
				copy_lba(v, to + k, r.slba + k);
	}
}

static void
end_change(struct nvp_verify *v, const struct nvp_verify_op *op, enum nvp_verify_verdict verdict)
{
	uint8_t to = state_after(op, verdict);
	struct nvp_verify_range r;
	uint32_t i;

	if (op->kind == NVP_VERIFY_COPY || to == CODE_UNCORR) {
		doubt_mix(v, op->slba, op->n);
		verify_stamp(v, op->slba, op->n);
	}
	if (!op->nranges) {
		verify_settle(v, op->slba, op->n, to);
		return;
	}
	for (i = op->kind == NVP_VERIFY_COPY ? op->nranges : 0; i < verify_ranges(op); i++) {
		r = verify_range(v, op, i);
		/* What is unmapped is not checked either, and a large hole needs no memory. */
		verify_set(v, r.slba, r.nlb, to == CODE_UNMAPPED && r.nlb > VERIFY_BULK ? CODE_UNKNOWN : to);
	}
	if (op->kind == NVP_VERIFY_COPY && verdict == NVP_VERIFY_OK)
		copy_codes(v, op);
}

/* --- the end of a read --- */

static int
mismatch(const struct nvp_verify *v, struct nvp_miscompare *mis, uint64_t lba, uint32_t expected, uint32_t got,
	 bool by_id)
{
	if (mis)
		*mis = (struct nvp_miscompare){
			.lba = lba,
			.expected_crc = expected,
			.got_crc = got,
			.lba_mismatch = by_id,
			.in_doubt = doubt_is(v, lba),
			.kind = expected == CODE_UNCORR ? NVP_MIS_UNCORRECTABLE : NVP_MIS_OTHER,
		};
	return 1;
}

/* The id of another LBA, where all that is known was written with its own.  0 and ones are what nobody wrote. */
static bool
wrong_id(const struct nvp_verify *v, uint64_t lba, const uint8_t *d)
{
	uint64_t id;

	memcpy(&id, d, sizeof(id));
	return unlikely(id != nvp_verify_id(v->nsid, lba)) && id && id != UINT64_MAX &&
	       !ut_load(&v->foreign[lba >> VERIFY_CHUNK_SHIFT]);
}

/* Not the newest version: but one that a power loss may have left? */
static bool
older(const struct nvp_verify *v, uint64_t lba, const uint8_t *d)
{
	return doubt_is(v, lba) && !wrong_id(v, lba, d) && doubt_allows(v, lba, d);
}

static int
check_lba8(const struct nvp_verify *v, uint64_t lba, const uint8_t *d, struct nvp_miscompare *mis)
{
	const uint8_t *code = verify_code(v, lba), *end = d + v->lba_size, *u;
	uint8_t want = ut_load(code), got = 0;

	if (unlikely(want < CODE_FIRST))
		return want == CODE_UNCORR ? mismatch(v, mis, lba, want, 0, false) : 0;
	for (u = d; u < end; u += VERIFY_UNIT) {
		want = ut_load(code++);
		got = code8(crc_of(u, VERIFY_UNIT));
		if (unlikely(want >= CODE_FIRST && got != want))
			return older(v, lba, d) ? 0 : mismatch(v, mis, lba, want, got, wrong_id(v, lba, d));
	}
	return unlikely(wrong_id(v, lba, d)) ? mismatch(v, mis, lba, want, got, true) : 0;
}

static int
check_lba32(const struct nvp_verify *v, uint64_t lba, const uint8_t *d, struct nvp_miscompare *mis)
{
	uint32_t want = ut_load((const uint32_t *)(const void *)verify_code(v, lba)), got;

	if (unlikely(want < CODE_FIRST))
		return want == CODE_UNCORR ? mismatch(v, mis, lba, want, 0, false) : 0;
	got = code32(crc_of(d, v->lba_size));
	if (unlikely(got != want || wrong_id(v, lba, d)))
		return older(v, lba, d) ? 0 : mismatch(v, mis, lba, want, got, wrong_id(v, lba, d));
	return 0;
}

static int
check(const struct nvp_verify *v, const struct nvp_verify_op *op, const uint8_t *d, struct nvp_miscompare *mis)
{
	uint64_t lba = op->slba, end = lba + op->n;
	uint32_t stride = verify_stride(v, op);

	if (!nvp_verify_enabled(v))
		return 0;
	for (; lba < end; lba++, d += stride)
		if (unlikely(v->crc32 ? check_lba32(v, lba, d, mis) : check_lba8(v, lba, d, mis)))
			return 1;
	return 0;
}

int
nvp_verify_end(struct nvp_verify *v, struct nvp_verify_op *op, enum nvp_verify_verdict verdict, const void *data,
	       struct nvp_miscompare *mis)
{
	int wrong = 0;

	if (op->kind == NVP_VERIFY_READ)
		wrong = !verdict && data ? check(v, op, data, mis) : 0;
	else if (op->kind == NVP_VERIFY_WRITE)
		end_write(v, op, verdict, data);
	else if (op->kind != NVP_VERIFY_LOOK)
		end_change(v, op, verdict);
	unlock(v, op);
	return wrong;
}

/* --- written data --- */

uint64_t
nvp_verify_tokens(struct nvp_verify *v, uint32_t n)
{
	return __atomic_fetch_add(&v->head->token, n, __ATOMIC_RELAXED) + 1;
}

void
nvp_verify_inject(void *data, uint32_t lba_size, uint32_t stride, uint64_t id, uint32_t nlb, uint64_t token,
		  unsigned what)
{
	uint8_t *p = data;

	for (; nlb--; p += stride, id++) {
		if (what & NVP_INJECT_ID)
			memcpy(p, &id, sizeof(id));
		if (what & NVP_INJECT_TOKEN)
			memcpy(p + lba_size - sizeof(token), &token, sizeof(token));
	}
}
