/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The host's protection information engine against the software SSD's: every LBA format, type, place and way of transfer.
 * What one makes the other has to find right, and what is corrupted on the way has to be found by either.
 * The seed is printed: NVPROOF_SEED=n repeats a run.
 */
#include "sim_test.h"

#include "nvproof/pi.h"
#include "util/bits.h"

#define NLB 5u
#define ALL (NVP_PI_GUARD | NVP_PI_APP | NVP_PI_REF | NVP_PI_STORAGE)

struct world {
	struct nvp_ctrlr *c;
	struct nvp_qpair *q;
	struct nvp_ns ns;
	struct nvp_buf data, meta;
	struct nvp_pi_tags tags;
	uint64_t slba;
	struct ut_rng rng;
};

static bool
set_format(struct world *w, uint32_t lbaf, bool extended, uint32_t type, bool first)
{
	struct nvme_sqe sqe = { .opc = NVME_ADM_FORMAT_NVM, .nsid = le32_from(1) };
	struct nvme_cqe cqe;

	sqe.cdw10 = le32_from(nvme_put32(NVME_FORMAT_LBAFL, lbaf) | nvme_put32(NVME_FORMAT_LBAFU, lbaf >> 4) |
			      nvme_put32(NVME_FORMAT_MSET, extended) | nvme_put32(NVME_FORMAT_PI, type) |
			      nvme_put32(NVME_FORMAT_PIL, first));
	assert_int_equal(nvp_admin(w->c, &sqe, NULL, 0, &cqe), 0);
	if (status_of(&cqe) == NVME_SC_INVALID_FORMAT)
		return false; /* no room */
	assert_int_equal(status_of(&cqe), 0);
	assert_int_equal(nvp_ns_open(w->c, 1, &w->ns, NULL), 0);
	assert_int_equal(w->ns.pi.type, type);
	return true;
}

static void
on_done(void *arg, const struct nvme_cqe *cqe)
{
	*(struct nvme_cqe *)arg = *cqe;
}

/* What the host asks the device to check. */
static uint32_t
flags(const struct world *w, unsigned check, bool pract)
{
	uint32_t f = pract ? (uint32_t)NVME_RW_PRACT : 0;

	f |= check & NVP_PI_GUARD ? (uint32_t)NVME_RW_PRCHK_GUARD : 0;
	f |= check & NVP_PI_APP ? (uint32_t)NVME_RW_PRCHK_APP : 0;
	f |= check & NVP_PI_REF && w->ns.pi.type != 3 ? (uint32_t)NVME_RW_PRCHK_REF : 0;
	f |= check & NVP_PI_STORAGE ? (uint32_t)NVME_RW_STC : 0;
	return f;
}

static nvme_status
io(struct world *w, uint8_t opc, unsigned check, bool pract)
{
	struct nvp_req *r = nvp_req_get(w->q);
	struct nvme_sqe *sqe = nvp_req_sqe(r);
	struct nvme_cqe cqe;

	nvme_prep_lba_cmd(sqe, opc, 1, w->slba, NLB);
	sqe->cdw12 = le32_from(le32_get(sqe->cdw12) | flags(w, check, pract));
	if (w->ns.pi.type)
		nvp_pi_put_tags(&w->ns.pi, &w->tags, sqe);
	assert_int_equal(nvp_req_data(r, &w->data, 0, NLB * nvp_ns_block(&w->ns, pract)), 0);
	if (w->ns.meta_size && !w->ns.extended)
		assert_int_equal(nvp_req_meta(r, &w->meta, 0, NLB * w->ns.meta_size), 0);
	nvp_req_submit(r, on_done, &cqe);
	assert_int_equal(nvp_qpair_wait(w->q, 1), 1);
	return status_of(&cqe);
}

static void
scramble(struct world *w)
{
	for (uint64_t i = 0; i < w->data.len; i += 8)
		((uint64_t *)w->data.va)[i / 8] = ut_rng_next(&w->rng);
	for (uint64_t i = 0; i < w->meta.len; i += 8)
		((uint64_t *)w->meta.va)[i / 8] = ut_rng_next(&w->rng);
}

static int
host_check(struct world *w, struct nvp_pi_error *err)
{
	return nvp_pi_check(&w->ns.pi, &w->tags, ALL, w->data.va, w->meta.va, NLB, err);
}

static void
host_make(struct world *w)
{
	scramble(w);
	nvp_pi_make(&w->ns.pi, &w->tags, w->data.va, w->meta.va, NLB);
}

/* Host to device and back; device to host. */
static void
right(struct world *w)
{
	uint8_t *copy = test_malloc(w->data.len);

	host_make(w);
	assert_int_equal(io(w, NVME_OPC_WRITE, ALL, false), 0);
	memcpy(copy, w->data.va, w->data.len);
	assert_int_equal(io(w, NVME_OPC_COMPARE, ALL, false), 0);
	scramble(w);
	assert_int_equal(io(w, NVME_OPC_READ, ALL, false), 0);
	assert_memory_equal(copy, w->data.va, NLB * nvp_ns_block(&w->ns, false));
	assert_int_equal(host_check(w, NULL), 0);

	scramble(w);
	assert_int_equal(io(w, NVME_OPC_WRITE, 0, true), 0);
	assert_int_equal(io(w, NVME_OPC_READ, ALL, true), 0);
	assert_int_equal(io(w, NVME_OPC_VERIFY, ALL, false), 0);
	scramble(w);
	assert_int_equal(io(w, NVME_OPC_READ, 0, false), 0);
	assert_int_equal(host_check(w, NULL), 0);
	test_free(copy);
}

/* The byte `at` of what is protected: data, the metadata in front of the protection information, and that itself. */
static uint8_t *
protected_byte(struct world *w, uint32_t block, uint32_t at)
{
	const struct nvp_pi *pi = &w->ns.pi;
	uint8_t *data = (uint8_t *)w->data.va + (size_t)block * nvp_ns_block(&w->ns, false);
	uint8_t *meta = pi->extended ? data + pi->lba_size : (uint8_t *)w->meta.va + (size_t)block * pi->meta_size;

	return at < pi->lba_size ? data + at : meta + at - pi->lba_size;
}

/* One bit wrong, anywhere: the device refuses the write; when it is told not to look, the host finds it in what it reads. */
static void
corrupted(struct world *w)
{
	static const struct {
		unsigned what;
		nvme_status st;
	} verdicts[] = { { NVP_PI_GUARD, NVME_SC_GUARD_CHECK },
			 { NVP_PI_APP, NVME_SC_APPTAG_CHECK },
			 { NVP_PI_REF, NVME_SC_REFTAG_CHECK },
			 { NVP_PI_STORAGE, NVME_SC_STORAGE_TAG_CHECK } };
	uint32_t block = (uint32_t)ut_rng_below(&w->rng, NLB);
	uint32_t at = (uint32_t)ut_rng_below(&w->rng, w->ns.lba_size + w->ns.pi.off + w->ns.pi.size);
	struct nvp_pi_error err = { 0 };
	nvme_status want = 0;

	if (ut_rng_below(&w->rng, 2)) /* half of them in the protection information */
		at = w->ns.lba_size + w->ns.pi.off + (uint32_t)ut_rng_below(&w->rng, w->ns.pi.size);
	host_make(w);
	*protected_byte(w, block, at) ^= (uint8_t)(1u << ut_rng_below(&w->rng, 8));
	if (!host_check(w, &err)) {
		assert_int_equal(w->ns.pi.type, 3); /* the reference tag of type 3 is the application's own */
		assert_int_equal(io(w, NVME_OPC_WRITE, ALL, false), 0);
		return;
	}
	assert_int_equal(err.block, block);
	for (size_t i = 0; i < UT_ARRAY_LEN(verdicts); i++)
		if (verdicts[i].what == err.what)
			want = verdicts[i].st;
	assert_int_equal(io(w, NVME_OPC_WRITE, ALL, false), want);
	assert_int_equal(io(w, NVME_OPC_WRITE, 0, false), 0);
	scramble(w);
	assert_int_equal(io(w, NVME_OPC_READ, 0, false), 0);
	assert_int_equal(host_check(w, &err), 1);
	assert_int_equal(err.block, block);
	assert_int_equal(io(w, NVME_OPC_READ, ALL, false), want);
	assert_int_equal(io(w, NVME_OPC_VERIFY, ALL, false), want);
}

static void
choose_tags(struct world *w)
{
	w->slba = ut_rng_below(&w->rng, w->ns.nsze - NLB);
	w->tags = (struct nvp_pi_tags){
		.storage = ut_rng_next(&w->rng),
		.ref = w->ns.pi.type == 1 ? w->slba : ut_rng_next(&w->rng),
		.app = (uint16_t)(ut_rng_next(&w->rng) & 0x3fff), /* one bit more is not all ones */
		.app_mask = 0xffff,
	};
	if (w->ns.pi.type == 3)
		w->tags.ref &= ~0xffull; /* neither is this */
}

static void
world_open(struct world *w)
{
	const char *env = getenv("NVPROOF_SEED");
	uint64_t seed = env ? strtoull(env, NULL, 0) : 20240607;

	print_message("seed %llu\n", (unsigned long long)seed);
	ut_rng_seed(&w->rng, seed);
	w->c = sim_ctrlr("sim:?size=4M", NULL);
	w->q = sim_qpair(w->c, 4);
	assert_int_equal(nvp_buf_alloc(NLB * (4096 + 128), 0, &w->data), 0);
	assert_int_equal(nvp_buf_alloc(NLB * 128, 0, &w->meta), 0);
}

static void
world_close(struct world *w)
{
	nvp_qpair_delete(w->q, NULL);
	nvp_buf_free(&w->data);
	nvp_buf_free(&w->meta);
	nvp_ctrlr_close(w->c);
}

/* how: bit 0 extended, bit 1 first, the rest type - 1. */
static void
protection(void **state)
{
	struct world w = { 0 };
	uint32_t used = 0, nr;

	(void)state;
	world_open(&w);
	assert_int_equal(nvp_ns_open(w.c, 1, &w.ns, NULL), 0);
	nr = w.ns.id.nlbaf + 1u;
	assert_true(nr > 16); /* extended formats too: the driver has said that it knows them */
	for (uint32_t lbaf = 0; lbaf < nr; lbaf++) {
		for (uint32_t how = 0; how < 12; how++) {
			if (!set_format(&w, lbaf, how & 1, 1 + how / 4, how & 2))
				continue;
			used++;
			for (int i = 0; i < 4; i++) {
				choose_tags(&w);
				right(&w);
				corrupted(&w);
			}
		}
	}
	assert_int_equal(used, 12 * (nr - 2));
	world_close(&w);
}

/* Metadata without protection goes where it came from. */
static void
plain_metadata(void **state)
{
	struct world w = { 0 };
	uint8_t copy[NLB * 128];

	(void)state;
	world_open(&w);
	for (uint32_t lbaf = 2; lbaf < 10; lbaf++) {
		assert_true(set_format(&w, lbaf, false, 0, false));
		choose_tags(&w);
		scramble(&w);
		memcpy(copy, w.meta.va, sizeof(copy));
		assert_int_equal(io(&w, NVME_OPC_WRITE, 0, false), 0);
		scramble(&w);
		assert_int_equal(io(&w, NVME_OPC_READ, 0, false), 0);
		assert_memory_equal(copy, w.meta.va, NLB * w.ns.meta_size);
	}
	assert_int_equal(nvp_req_meta(nvp_req_get(w.q), &w.meta, 1, NLB * 128), -EINVAL);
	world_close(&w);
}

/* The format is there again after a reset, and the driver still knows it. */
static void
reset(void **state)
{
	struct world w = { 0 };

	(void)state;
	world_open(&w);
	assert_int_equal(nvp_ns_open(w.c, 1, &w.ns, NULL), 0);
	assert_true(set_format(&w, w.ns.id.nlbaf, true, 2, true));
	choose_tags(&w);
	assert_int_equal(nvp_ctrlr_reset(w.c), 0);
	assert_int_equal(nvp_ns_open(w.c, 1, &w.ns, NULL), 0);
	right(&w);
	world_close(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(protection),
		cmocka_unit_test(plain_metadata),
		cmocka_unit_test(reset),
	};

	return sim_end(cmocka_run_group_tests(tests, NULL, NULL), sim_seed(20240607));
}
