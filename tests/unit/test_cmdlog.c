/* SPDX-License-Identifier: BSD-3-Clause */
/* The command log: order, wrap, text, and a reader that runs against a writer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "host/log.h"
#include "nvproof/spec/prep_nvm.h"

static struct nvp_cmdlog_ring *
ring_make(uint16_t qid)
{
	struct nvp_cmdlog_ring *r = aligned_alloc(128, sizeof(*r));

	assert_non_null(r);
	memset(r, 0, sizeof(*r));
	r->qid = qid;
	r->mult = 1u << 24;
	return r;
}

/* Every field of command i follows from i, so that a torn copy shows. */
static void
log_one(struct nvp_cmdlog_ring *r, uint64_t i)
{
	struct nvme_cqe cqe = { .dw0 = le32_from((uint32_t)i), .cid = (uint16_t)i };
	struct nvme_sqe sqe;

	nvme_prep_write(&sqe, (uint32_t)i, i, 1);
	sqe.cdw15 = le32_from((uint32_t)i);
	sqe.cid = (uint16_t)i;
	cmdlog_complete(r, cmdlog_submit(r, &sqe, i * 10), &cqe, i * 10 + 5);
}

static void
check(const struct nvp_cmdlog_rec *rec)
{
	uint64_t i = rec->seq;

	assert_int_equal(le32_get(rec->sqe.nsid), (uint32_t)i);
	assert_int_equal(le32_get(rec->sqe.cdw10), (uint32_t)i);
	assert_int_equal(le32_get(rec->sqe.cdw15), (uint32_t)i);
	assert_int_equal(rec->submit_ns, i * 10);
	if (!rec->complete_ns)
		return;
	assert_int_equal(rec->complete_ns, i * 10 + 5);
	assert_int_equal(le32_get(rec->cqe.dw0), (uint32_t)i);
	assert_int_equal(rec->cqe.cid, (uint16_t)i);
}

static void
newest_first(void **state)
{
	struct nvp_cmdlog_ring *r = ring_make(1);
	struct nvp_cmdlog_rec rec[8];

	(void)state;
	assert_int_equal(nvp_cmdlog_read(r, 0, rec, 8), 0);
	for (uint64_t i = 1; i <= 5; i++)
		log_one(r, i);
	assert_int_equal(nvp_cmdlog_read(r, 0, rec, 8), 5);
	assert_int_equal(rec[0].seq, 5);
	assert_int_equal(rec[4].seq, 1);
	assert_int_equal(nvp_cmdlog_read(r, 3, rec, 1), 1);
	assert_int_equal(rec[0].seq, 2);
	assert_int_equal(nvp_cmdlog_read(r, 5, rec, 8), 0);
	free(r);
}

static void
outstanding_and_overwritten(void **state)
{
	static struct nvp_cmdlog_rec rec[NVP_CMDLOG_ENTRIES + 1];
	struct nvp_cmdlog_ring *r = ring_make(1);
	struct nvme_sqe sqe = { .opc = 2 };
	struct nvme_cqe cqe = { .cid = 77 };
	uint64_t old = cmdlog_submit(r, &sqe, 1);

	(void)state;
	assert_int_equal(nvp_cmdlog_read(r, 0, rec, 1), 1);
	assert_int_equal(rec[0].complete_ns, 0);
	for (uint64_t i = 2; i <= NVP_CMDLOG_ENTRIES + 1; i++)
		log_one(r, i);
	cmdlog_complete(r, old, &cqe, 3); /* its entry belongs to a newer command now */
	assert_int_equal(nvp_cmdlog_read(r, 0, rec, NVP_CMDLOG_ENTRIES + 1), NVP_CMDLOG_ENTRIES);
	for (uint32_t i = 0; i < NVP_CMDLOG_ENTRIES; i++)
		check(&rec[i]);
	free(r);
}

static void
merged_by_time(void **state)
{
	struct nvp_cmdlog_ring *a = ring_make(1), *b = ring_make(2);
	const struct nvp_cmdlog_ring *both[] = { a, b };
	struct nvme_sqe sqe = { .opc = 1 };
	struct nvp_cmdlog_rec rec[8];
	static const uint16_t order[] = { 2, 1, 1, 2, 1 };

	(void)state;
	cmdlog_submit(a, &sqe, 10);
	cmdlog_submit(b, &sqe, 20);
	cmdlog_submit(a, &sqe, 30);
	cmdlog_submit(a, &sqe, 40);
	cmdlog_submit(b, &sqe, 50);
	assert_int_equal(nvp_cmdlog_merge(both, 2, rec, 8), 5);
	for (int i = 0; i < 5; i++)
		assert_int_equal(rec[i].qid, order[i]);
	assert_int_equal(rec[0].slot, 1);
	assert_int_equal(nvp_cmdlog_merge(both, 2, rec, 2), 2);
	free(a);
	free(b);
}

static void
as_text(void **state)
{
	struct nvp_cmdlog_rec rec = { .qid = 1, .submit_ns = 1500000000, .complete_ns = 1500012345, .seq = 1 };
	char text[400], small[10];
	int n;

	(void)state;
	nvme_prep_read(&rec.sqe, 1, 0x1ffffffff, 8);
	rec.sqe.cid = 3;
	n = nvp_cmdlog_text(&rec, text, sizeof(text));
	assert_int_equal(n, strlen(text));
	assert_string_equal(text, "+1.500000: Read (02h) sqid:1 cid:3 nsid:1 slba:8589934591 nlb:8 -> "
				  "SUCCESS (00/00) cdw0:0 sqhd:0 p:0 m:0 dnr:0 12.3 us");
	rec.cqe.status = le16_from(0x285 << 1 | 1);
	nvp_cmdlog_text(&rec, text, sizeof(text));
	assert_non_null(strstr(text, "Compare Failure (02/85)"));
	rec.complete_ns = 0;
	nvp_cmdlog_text(&rec, text, sizeof(text));
	assert_non_null(strstr(text, "outstanding"));
	assert_true(nvp_cmdlog_text(&rec, small, sizeof(small)) > 10);
	assert_int_equal(strlen(small), 9);
}

struct race {
	struct nvp_cmdlog_ring *ring;
	atomic_bool stop;
	uint64_t written;
};

static void *
writer(void *arg)
{
	struct race *x = arg;

	while (!atomic_load(&x->stop))
		log_one(x->ring, ++x->written);
	return NULL;
}

/* Whatever is returned is whole, in order, and never twice. */
static void
reader_against_writer(void **state)
{
	static struct nvp_cmdlog_rec rec[NVP_CMDLOG_ENTRIES];
	struct race x = { .ring = ring_make(1) };
	uint64_t seen = 0;
	pthread_t t;

	(void)state;
	assert_int_equal(pthread_create(&t, NULL, writer, &x), 0);
	for (int round = 0; seen < 300000 && round < 20000; round++) {
		uint32_t n = nvp_cmdlog_read(x.ring, 0, rec, NVP_CMDLOG_ENTRIES);

		if (!n) /* the writer has not begun, or was faster than every copy */
			usleep(1000);

		for (uint32_t i = 0; i < n; i++) {
			check(&rec[i]);
			assert_true(i == 0 || rec[i].seq < rec[i - 1].seq);
		}
		seen += n;
	}
	atomic_store(&x.stop, true);
	pthread_join(t, NULL);
	assert_true(seen >= 1000);
	free(x.ring);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(newest_first),		 cmocka_unit_test(outstanding_and_overwritten),
		cmocka_unit_test(merged_by_time),	 cmocka_unit_test(as_text),
		cmocka_unit_test(reader_against_writer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
