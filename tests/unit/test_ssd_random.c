/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * No command may harm the host or the SSD, whatever its fields are.  Two hundred thousand SQEs, half of them all
 * random, half plausible with one thing wrong; the sanitizers, a guard around the host's memory and a drive that still
 * works are the judges. NVPROOF_SEED chooses the seed, which is printed.
 */
#include "ssd_again.h"
#include "ssd_io.h"
#include <stdio.h>
#include <stdlib.h>
#include "nvproof/spec/nvm.h"
#include "util/rng.h"

#define ROUNDS 200000
#define HOST_PAGES 64u /* at the end of the rig's memory: all that a command may touch by a good address */

struct fuzz {
	struct io io;
	struct ut_rng rng;
	uint64_t area; /* bus address of what commands point to */
	uint64_t guard; /* a page in front of it that nobody may write */
	uint64_t completed;
};

static uint32_t
below(struct fuzz *f, uint32_t n)
{
	return (uint32_t)ut_rng_below(&f->rng, n);
}

static uint64_t
any_addr(struct fuzz *f)
{
	uint64_t addr = f->area + below(f, HOST_PAGES) * SSD_PAGE;

	switch (below(f, 8)) {
	case 0:
		return ut_rng_next(&f->rng);
	case 1:
		return addr + below(f, SSD_PAGE);
	case 2:
		return addr + 4 * below(f, 1024);
	case 3:
		return 0;
	default:
		return addr;
	}
}

static uint32_t
any_dword(struct fuzz *f)
{
	uint32_t v = (uint32_t)ut_rng_next(&f->rng);

	switch (below(f, 6)) {
	case 0:
		return v;
	case 1:
		return 1u << (v % 32);
	case 2:
		return ~(v % 16);
	case 3:
		return v % 512;
	default:
		return v % 8;
	}
}

static void
random_sqe(struct fuzz *f, struct nvme_sqe *sqe, bool admin)
{
	static const uint8_t adm[] = { 0x00, 0x01, 0x02, 0x04, 0x05, 0x06, 0x08, 0x09, 0x0a,
				       0x0d, 0x10, 0x11, 0x14, 0x15, 0x18, 0x80, 0x84 };
	static const uint8_t nvm[] = { 0x00, 0x01, 0x02, 0x04, 0x05, 0x08, 0x09, 0x0c, 0x0d, 0x0e, 0x11, 0x15, 0x19 };
	uint64_t *raw = (uint64_t *)(void *)sqe;

	for (int i = 0; i < 8; i++)
		raw[i] = ut_rng_next(&f->rng);
	if (below(f, 8) == 0)
		return;
	sqe->opc = admin ? adm[below(f, sizeof(adm))] : nvm[below(f, sizeof(nvm))];
	sqe->flags = (uint8_t)(below(f, 4) ? (admin ? 0 : below(f, 2) * 0x40) : below(f, 256));
	sqe->nsid = le32_from(below(f, 4) ? 1 + below(f, 2) : any_dword(f));
	sqe->prp1 = le64_from(any_addr(f));
	sqe->prp2 = le64_from(any_addr(f));
	if (sqe->flags & 0x40)
		sqe->sgl = (struct nvme_sgl_desc){ .addr = le64_from(any_addr(f)),
						   .len = le32_from(below(f, 2) ? 16 * below(f, 40) : any_dword(f)),
						   .type = (uint8_t)(below(f, 4) << 4) };
	sqe->cdw10 = le32_from(any_dword(f));
	sqe->cdw11 = le32_from(any_dword(f));
	sqe->cdw12 = le32_from(any_dword(f));
	sqe->cdw13 = le32_from(any_dword(f));
	sqe->cdw14 = le32_from(any_dword(f));
	sqe->cdw15 = le32_from(any_dword(f));
}

/* What commands point to: lists of addresses, SGL descriptors, ranges; nonsense most of all. */
static void
random_page(struct fuzz *f)
{
	le64 *p = rig_ptr(f->io.r, f->area + below(f, HOST_PAGES) * SSD_PAGE);

	for (uint32_t i = 0; i < 512; i += 2) {
		p[i] = le64_from(below(f, 2) ? any_addr(f) : any_dword(f));
		p[i + 1] = le64_from(below(f, 2) ? any_addr(f)
						 : (uint64_t)(16 * below(f, 300)) | (uint64_t)below(f, 64) << 60 |
							   (uint64_t)below(f, 2) << 32);
	}
}

static void
restart(struct fuzz *f)
{
	struct rig *r = f->io.r;
	uint64_t used = r->used;

	rig_set(r, NVME_REG_CC, 0);
	rig_step(r);
	r->used = used - 16 * SSD_PAGE; /* the rings of the last start, without what is in them */
	memset(rig_ptr(r, RIG_BASE + r->used), 0, 16 * SSD_PAGE);
	assert_int_equal(rig_enable(r, 64), NVME_CSTS_RDY);
	rig_pair(r, 1, 64, -1);
	assert_true(r->used <= used);
	r->used = used;
}

static void
drain(struct fuzz *f)
{
	struct nvme_cqe cqe;

	for (uint16_t qid = 0; qid < 2; qid++) {
		while (rig_reap(f->io.r, qid, &cqe)) {
			assert_int_equal(le16_get(cqe.sqid), qid);
			f->completed++;
		}
	}
}

static void
batch(struct fuzz *f, uint32_t n)
{
	struct nvme_sqe sqe;
	bool io_only = below(f, 4);

	for (uint32_t i = 0; i < n; i++) {
		uint16_t qid = io_only || below(f, 2) ? 1 : 0;

		random_sqe(f, &sqe, !qid);
		rig_put(f->io.r, qid, &sqe);
	}
	rig_ring(f->io.r, 0);
	rig_ring(f->io.r, 1);
	rig_step(f->io.r);
	for (int i = 0; i < 4 && f->io.r->ssd->hold; i++) { /* firmware is activated, or a power state entered */
		f->io.r->now += 100000000;
		rig_step(f->io.r);
	}
	drain(f);
}

static void
check_guard(struct fuzz *f)
{
	const uint8_t *g = rig_ptr(f->io.r, f->guard);

	for (uint32_t i = 0; i < SSD_PAGE; i++)
		assert_int_equal(g[i], 0xc3);
}

static void
still_works(struct fuzz *f)
{
	struct io *io = &f->io;
	struct nvme_sqe sqe = { .opc = NVME_ADM_FORMAT_NVM, .nsid = le32_from(NVME_NSID_ALL) };

	assert_int_equal(io_admin(io, &sqe, 0), 0);
	for (uint32_t nsid = 1; nsid <= 2; nsid++) {
		assert_int_equal(io_write(io, nsid, 9, 9, 0x39), 0);
		io_expect(io, nsid, 9, 9, 0x39);
		io_expect(io, nsid, 8, 1, 0);
	}
}

static void
random_commands(void **state)
{
	const char *s = getenv("NVPROOF_SEED");
	uint64_t seed = s ? strtoull(s, NULL, 0) : 1;
	struct fuzz f = { .completed = 0 };

	(void)state;
	print_message("NVPROOF_SEED=%llu\n", (unsigned long long)seed);
	ut_rng_seed(&f.rng, seed);
	io_init(&f.io, rig_open());
	f.guard = rig_alloc(f.io.r, 1);
	f.area = rig_alloc(f.io.r, HOST_PAGES);
	memset(rig_ptr(f.io.r, f.guard), 0xc3, SSD_PAGE);
	rig_alloc(f.io.r, 16);
	f.io.r->ssd->now_ns = 0;
	restart(&f);
	for (uint32_t done = 0, n; done < ROUNDS; done += n) {
		n = 1 + below(&f, 24);
		random_page(&f);
		f.io.r->no_map = below(&f, 8) == 0;
		batch(&f, n);
		check_guard(&f);
		if (below(&f, 200) == 0 || !(rig_reg(f.io.r, NVME_REG_CSTS) & NVME_CSTS_RDY) ||
		    (rig_reg(f.io.r, NVME_REG_CSTS) & NVME_CSTS_CFS) || !f.io.r->ssd->sq[1].live)
			restart(&f);
		if (below(&f, 8) == 0)
			rig_again(f.io.r->sub);
	}
	f.io.r->no_map = false;
	restart(&f);
	rig_again(f.io.r->sub);
	still_works(&f);
	print_message("%llu completions\n", (unsigned long long)f.completed);
	assert_true(f.completed > ROUNDS / 2);
	rig_close(f.io.r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(random_commands) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
