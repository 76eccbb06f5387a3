/* SPDX-License-Identifier: BSD-3-Clause */
/* LBA formats and metadata without protection: sizes, both ways of transfer, the metadata pointer, what survives. */
#include "ssd_pi.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static nvme_status
identify(struct io *io, uint8_t cns)
{
	struct nvme_sqe sqe;

	nvme_prep_identify(&sqe, cns, NS, 0);
	return io_admin(io, &sqe, SSD_PAGE);
}

/* What Identify prints is the table, and what Format makes is what Identify prints. */
static void
identify_format(struct io *io, uint32_t lbaf, bool extended)
{
	struct nvme_id_ns *id = (void *)io_buf(io);
	struct nvme_id_ns_nvm *nvm = (void *)io_buf(io);
	uint32_t block = (1u << ssd_lbafs[lbaf].lbads) + ssd_lbafs[lbaf].ms;

	assert_int_equal(identify(io, NVME_CNS_NS), 0);
	assert_int_equal(id->nlbaf, SSD_NR_LBAFS - 1);
	assert_int_equal(nvme_flbas_fidx(id->flbas), lbaf);
	assert_int_equal(nvme_get(id->flbas, NVME_FLBAS_MTELBA), extended && ssd_lbafs[lbaf].ms);
	assert_int_equal(id->lbaf[lbaf].lbads, ssd_lbafs[lbaf].lbads);
	assert_int_equal(le16_get(id->lbaf[lbaf].ms), ssd_lbafs[lbaf].ms);
	assert_int_equal(id->mc, 3);
	assert_int_equal(id->dpc, 0x1f);
	assert_int_equal(id->dps, 0);
	assert_int_equal(le64_get(id->nsze), (16u << 20) / block);
	assert_int_equal(le16_get(id->mssrl), 65536 / block);
	assert_int_equal(identify(io, NVME_CNS_CSI_NS), 0);
	assert_int_equal(nvme_get(le32_get(nvm->elbaf[lbaf]), NVME_ELBAF_PIF), ssd_lbafs[lbaf].pif);
	assert_int_equal(nvme_get(le32_get(nvm->elbaf[lbaf]), NVME_ELBAF_STS), ssd_lbafs[lbaf].sts);
}

/* Blocks as pi_fill() makes them, at slba. */
static void
expect_filled(struct io *io, uint64_t slba, uint32_t nlb, uint32_t seed)
{
	const struct ssd_ns *ns = pi_ns(io);
	uint8_t *got = test_malloc((size_t)nlb * (4096 + 256));

	pi_clear(io);
	assert_int_equal(pi_cmd(io, NVME_OPC_READ, slba, nlb, NULL), 0);
	for (uint32_t i = 0; i < nlb; i++) {
		memcpy(got + i * 4352, pi_data_at(io, i), ns->lba_size);
		memcpy(got + i * 4352 + 4096, pi_meta_at(io, i), ns->meta_size);
	}
	pi_fill(io, nlb, NULL, seed);
	for (uint32_t i = 0; i < nlb; i++) {
		assert_memory_equal(got + i * 4352, pi_data_at(io, i), ns->lba_size);
		assert_memory_equal(got + i * 4352 + 4096, pi_meta_at(io, i), ns->meta_size);
	}
	test_free(got);
}

static void
use_format(struct io *io, uint32_t lbaf, bool extended)
{
	uint64_t last;

	assert_int_equal(pi_format(io, lbaf, extended, 0, false), 0);
	identify_format(io, lbaf, extended);
	last = pi_ns(io)->nsze - 1;
	pi_fill(io, 3, NULL, lbaf);
	assert_int_equal(pi_cmd(io, NVME_OPC_WRITE, 5, 3, NULL), 0);
	pi_fill(io, 2, NULL, lbaf + 77);
	assert_int_equal(pi_cmd(io, NVME_OPC_WRITE, last - 1, 2, NULL), 0);
	assert_int_equal(pi_cmd(io, NVME_OPC_WRITE, last, 2, NULL), NVME_SC_LBA_RANGE);
	expect_filled(io, 5, 3, lbaf);
	expect_filled(io, last - 1, 2, lbaf + 77);
	pi_fill(io, 3, NULL, lbaf);
	assert_int_equal(pi_cmd(io, NVME_OPC_COMPARE, 5, 3, NULL), 0);
	if (!ssd_lbafs[lbaf].ms)
		return;
	pi_meta_at(io, 1)[pi_ns(io)->meta_size - 1] ^= 1;
	assert_int_equal(pi_cmd(io, NVME_OPC_COMPARE, 5, 3, NULL), NVME_SC_COMPARE_FAILED);
	assert_int_equal(io_blamed_lba(io), 6);
	pi_meta_at(io, 1)[pi_ns(io)->meta_size - 1] ^= 1;
	pi_data_at(io, 2)[0] ^= 0x80;
	assert_int_equal(pi_cmd(io, NVME_OPC_COMPARE, 5, 3, NULL), NVME_SC_COMPARE_FAILED);
	assert_int_equal(io_blamed_lba(io), 7);
}

static void
every_format(void **state)
{
	struct io *io = *state;

	pi_lbafee(io, true);
	for (uint32_t lbaf = 0; lbaf < SSD_NR_LBAFS; lbaf++) {
		use_format(io, lbaf, false);
		use_format(io, lbaf, true);
	}
	assert_int_equal(pi_format(io, SSD_NR_LBAFS, false, 0, false), NVME_SC_INVALID_FORMAT);
	assert_int_equal(pi_format(io, 4, false, 0, true), 0); /* no information, so it is nowhere */
	identify_format(io, 4, false);
}

static bool
all(const uint8_t *p, uint32_t len, uint8_t v)
{
	while (len && p[len - 1] == v)
		len--;
	return !len;
}

static void
expect_zeros(struct io *io, uint64_t slba)
{
	pi_clear(io);
	assert_int_equal(pi_cmd(io, NVME_OPC_READ, slba, 1, NULL), 0);
	assert_true(all(pi_data_at(io, 0), pi_ns(io)->lba_size, 0));
	assert_true(all(pi_meta_at(io, 0), pi_ns(io)->meta_size, 0));
}

/* What was never written, was deallocated, was written with zeros, or formatted, is zeros: its metadata too. */
static void
zeros(void **state)
{
	struct io *io = *state;
	struct nvme_sqe sqe;

	assert_int_equal(pi_format(io, 4, false, 0, false), 0);
	expect_zeros(io, 0);
	for (uint64_t lba = 0; lba < 6; lba++) {
		pi_fill(io, 1, NULL, (uint32_t)lba);
		assert_int_equal(pi_cmd(io, NVME_OPC_WRITE, lba, 1, NULL), 0);
	}
	*(struct nvme_dsm_range *)(void *)io_buf(io) =
		(struct nvme_dsm_range){ .slba = le64_from(1), .nlb = le32_from(2) };
	nvme_prep_dsm(&sqe, NS, 1, NVME_DSM_AD);
	assert_int_equal(io_cmd(io, &sqe, 16), 0);
	assert_int_equal(pi_cmd(io, NVME_OPC_WRITE_ZEROES, 4, 1, NULL), 0);
	expect_filled(io, 0, 1, 0);
	expect_zeros(io, 1);
	expect_zeros(io, 2);
	expect_filled(io, 3, 1, 3);
	expect_zeros(io, 4);
	expect_filled(io, 5, 1, 5);
	assert_int_equal(pi_cmd(io, NVME_OPC_WRITE_UNCOR, 5, 1, NULL), 0);
	assert_int_equal(pi_cmd(io, NVME_OPC_READ, 5, 1, NULL), NVME_SC_UNRECOVERED_READ);
	assert_int_equal(pi_cmd(io, NVME_OPC_VERIFY, 5, 1, NULL), NVME_SC_UNRECOVERED_READ);
	pi_fill(io, 1, NULL, 50);
	assert_int_equal(pi_cmd(io, NVME_OPC_WRITE, 5, 1, NULL), 0);
	expect_filled(io, 5, 1, 50);
	assert_int_equal(pi_cmd(io, NVME_OPC_VERIFY, 0, 5, NULL), 0);
	assert_int_equal(pi_format(io, 4, false, 0, false), 0);
	expect_zeros(io, 3);
}

/* More than one chunk of the scratch memory. */
static void
large(void **state)
{
	struct io *io = *state;

	assert_int_equal(pi_format(io, 8, false, 0, false), 0); /* 512 + 128 */
	pi_fill(io, 500, NULL, 9);
	assert_int_equal(pi_cmd(io, NVME_OPC_WRITE, 11, 500, NULL), 0);
	expect_filled(io, 11, 500, 9);
}

/* Compare and Write is atomic up to ACWU blocks, which is announced, and refused beyond. */
static void
fused(void **state)
{
	struct io *io = *state;
	struct nvme_sqe sqe[2];
	struct nvme_cqe cqe;

	assert_int_equal(pi_format(io, 2, false, 0, false), 0);
	for (uint32_t nlb = 128; nlb <= 129; nlb++) {
		for (int i = 0; i < 2; i++) {
			nvme_prep_lba_cmd(&sqe[i], i ? NVME_OPC_WRITE : NVME_OPC_COMPARE, NS, 0, nlb);
			io_prp(io, &sqe[i], nlb * 512ull);
			sqe[i].mptr = le64_from(io->buf + META_PAGE * SSD_PAGE);
			sqe[i].flags = (uint8_t)(1 + i);
			rig_put(io->r, 1, &sqe[i]);
		}
		rig_ring(io->r, 1);
		rig_step(io->r);
		for (int i = 0; i < 2; i++) {
			nvme_status want = i ? NVME_SC_ABORT_FAILED_FUSED : NVME_SC_ATOMIC_WRITE_UNIT;

			assert_true(rig_reap(io->r, 1, &cqe));
			assert_int_equal(rig_sc(nvme_status_of(le16_get(cqe.status))), nlb == 128 ? 0 : want);
		}
	}
}

/* Interleaved metadata counts for MDTS, separate metadata does not.  NVMe Base, CTRATT.MEM. */
static void
mdts(void **state)
{
	struct io *io = *state;
	uint32_t pages = 256;

	io->r->sub->cfg.mdts = 8; /* 1 MiB */
	assert_int_equal(pi_format(io, 3, false, 0, false), 0);
	assert_int_equal(pi_cmd(io, NVME_OPC_READ, 0, pages, NULL), 0);
	assert_int_equal(pi_cmd(io, NVME_OPC_READ, 0, pages + 1, NULL), NVME_SC_INVALID_FIELD);
	assert_int_equal(pi_format(io, 3, true, 0, false), 0);
	assert_int_equal(pi_cmd(io, NVME_OPC_READ, 0, pages, NULL), NVME_SC_INVALID_FIELD);
	assert_int_equal(pi_cmd(io, NVME_OPC_READ, 0, pages - 1, NULL), 0);
	assert_int_equal(pi_cmd(io, NVME_OPC_VERIFY, 0, pages + 1, NULL), 0); /* transfers nothing */
}

static nvme_status
with_mptr(struct io *io, uint8_t opc, uint64_t mptr, uint8_t psdt)
{
	struct nvme_sqe sqe;

	nvme_prep_lba_cmd(&sqe, opc, NS, 0, 2);
	io_prp(io, &sqe, 8192);
	if (psdt)
		sqe.sgl = (struct nvme_sgl_desc){ .addr = le64_from(io->buf), .len = le32_from(8192) };
	sqe.flags = (uint8_t)nvme_put(NVME_SQE_PSDT, psdt);
	sqe.mptr = le64_from(mptr);
	return rig_sc(rig_cmd(io->r, 1, &sqe, &io->cqe));
}

/* Write through one kind of pointer, read through another. */
static void
metadata_pointer(void **state)
{
	struct io *io = *state;
	uint64_t meta = io->buf + META_PAGE * SSD_PAGE, list = io->list;
	struct nvme_sgl_desc *d = rig_ptr(io->r, list);

	assert_int_equal(pi_format(io, 4, false, 0, false), 0);
	pi_fill(io, 2, NULL, 1);
	memcpy(pi_meta(io) + 4096 - 61, pi_meta(io), 128); /* over the end of a page, at an odd address */
	assert_int_equal(with_mptr(io, NVME_OPC_WRITE, meta + 4096 - 61, 1), 0);
	expect_filled(io, 0, 2, 1);
	assert_int_equal(with_mptr(io, NVME_OPC_READ, meta + 2, 0), NVME_SC_INVALID_FIELD);
	assert_int_equal(io_blamed(io), offsetof(struct nvme_sqe, mptr));
	assert_int_equal(with_mptr(io, NVME_OPC_READ, 0x1000, 0), NVME_SC_DATA_TRANSFER);
	assert_int_equal(io_blamed(io), offsetof(struct nvme_sqe, mptr));
	assert_int_equal(with_mptr(io, NVME_OPC_WRITE, UINT64_MAX - 3, 0), NVME_SC_DATA_TRANSFER);

	*d = (struct nvme_sgl_desc){ .addr = le64_from(meta + 1001), .len = le32_from(128) };
	memset(pi_meta(io), 0, 4096);
	assert_int_equal(with_mptr(io, NVME_OPC_READ, list, 2), 0);
	memcpy(pi_meta(io) + 2048, pi_meta(io) + 1001, 128);
	pi_fill(io, 2, NULL, 1);
	assert_memory_equal(pi_meta(io) + 2048, pi_meta(io), 128);
	assert_int_equal(with_mptr(io, NVME_OPC_READ, list + 4, 2), NVME_SC_INVALID_FIELD);
	assert_int_equal(with_mptr(io, NVME_OPC_READ, 0x1000, 2), NVME_SC_DATA_TRANSFER);
	d->len = le32_from(127);
	assert_int_equal(with_mptr(io, NVME_OPC_READ, list, 2), NVME_SC_SGL_DATA_LEN);
	assert_int_equal(io_blamed(io), offsetof(struct nvme_sqe, mptr));
	d->type = 0x50;
	assert_int_equal(with_mptr(io, NVME_OPC_READ, list, 2), NVME_SC_SGL_INVALID_TYPE);
}

/* A host that has not said that it knows extended formats sees and reaches none. */
static void
extended_formats(void **state)
{
	static const uint8_t opcs[] = { NVME_OPC_READ, NVME_OPC_WRITE, NVME_OPC_COMPARE, NVME_OPC_VERIFY,
					NVME_OPC_WRITE_ZEROES };
	struct nvme_id_ns *id = (void *)io_buf(*state);
	struct io *io = *state;
	struct nvme_sqe sqe;

	assert_int_equal(pi_format(io, SSD_LBAF_EXT, false, 0, false), NVME_SC_INVALID_FORMAT);
	pi_lbafee(io, true);
	assert_int_equal(pi_format(io, SSD_LBAF_EXT, false, 0, false), 0);
	pi_lbafee(io, false);
	assert_int_equal(identify(io, NVME_CNS_NS), 0);
	assert_int_equal(id->nlbaf, SSD_LBAF_EXT - 1);
	for (size_t i = 0; i < UT_ARRAY_LEN(opcs); i++)
		assert_int_equal(pi_cmd(io, opcs[i], 0, 1, NULL), NVME_SC_INVALID_FORMAT);
	nvme_prep_copy(&sqe, NS, 8, 1, 0);
	assert_int_equal(io_cmd(io, &sqe, 32), NVME_SC_INVALID_FORMAT);
	pi_lbafee(io, true);
	assert_int_equal(pi_cmd(io, NVME_OPC_READ, 0, 1, NULL), 0);
	assert_int_equal(pi_format(io, 0, false, 0, false), 0);
}

/* Copy moves the metadata along, also over itself. */
static void
copy(void **state)
{
	struct io *io = *state;
	struct nvme_sqe sqe;

	assert_int_equal(pi_format(io, 4, true, 0, false), 0);
	pi_fill(io, 10, NULL, 3);
	assert_int_equal(pi_cmd(io, NVME_OPC_WRITE, 100, 10, NULL), 0);
	((struct nvme_copy_range *)(void *)io_buf(io))[0] =
		(struct nvme_copy_range){ .slba = le64_from(100), .nlb = le16_from(9) };
	nvme_prep_copy(&sqe, NS, 103, 1, 0);
	assert_int_equal(io_cmd(io, &sqe, 32), 0);
	expect_filled(io, 103, 10, 3);
	((struct nvme_copy_range *)(void *)io_buf(io))[0] =
		(struct nvme_copy_range){ .slba = le64_from(100), .nlb = le16_from(15) };
	nvme_prep_copy(&sqe, NS, 103, 1, 0);
	assert_int_equal(io_cmd(io, &sqe, 32), NVME_SC_CMD_SIZE_LIMIT); /* 16 * 4160 > MSSRL */
}

static void
image(void **state)
{
	char path[] = "/tmp/nvproof-meta-XXXXXX";
	struct ssd_config cfg = {
		.nr_ns = 2,
		.ns = { { 1u << 20, 512 }, { 4u << 20, 512 } },
		.media = SSD_MEDIA_FILE,
		.image = path,
		.create = true,
	};
	struct io io;
	struct rig *r;

	(void)state;
	close(mkstemp(path));
	for (int round = 0; round < 2; round++) {
		r = rig_open_config(&cfg);
		assert_int_equal(rig_enable(r, 32), NVME_CSTS_RDY);
		rig_pair(r, 1, 64, -1);
		io_init(&io, r);
		if (!round) {
			assert_int_equal(pi_format(&io, 7, true, 1, true), 0);
			pi_fill(&io, 4, &(struct tags){ .rt = 8000 }, 5);
			assert_int_equal(pi_cmd(&io, NVME_OPC_WRITE, 7200, 4, NULL), 0);
		}
		assert_int_equal(pi_ns(&io)->nsze, (4u << 20) / 576);
		assert_int_equal(pi_ns(&io)->pi.type, 1);
		assert_int_equal(pi_ns(&io)->pi.off, 0);
		pi_clear(&io);
		assert_int_equal(pi_cmd(&io, NVME_OPC_READ, 7200, 4, NULL), 0);
		assert_int_equal(pi_meta_at(&io, 3)[8], 5 + 3 * 5 + 9);
		rig_close(r);
	}
	unlink(path);
}

/* Media that keep nothing take the commands and move nothing. */
static void
null_media(void **state)
{
	struct rig *r = rig_open_config(&(struct ssd_config){
		.nr_ns = 2, .ns = { { 1u << 20, 512 }, { 4u << 20, 512 } }, .media = SSD_MEDIA_NULL });
	struct io io;

	(void)state;
	assert_int_equal(rig_enable(r, 32), NVME_CSTS_RDY);
	rig_pair(r, 1, 64, -1);
	io_init(&io, r);
	assert_int_equal(pi_format(&io, 3, true, 1, false), 0);
	for (uint8_t opc = NVME_OPC_WRITE; opc <= NVME_OPC_VERIFY; opc++) {
		if (ssd_nvm_opcodes[opc].exec && opc != NVME_OPC_DSM && opc != NVME_OPC_WRITE_UNCOR)
			assert_int_equal(pi_cmd(&io, opc, 0, 20, &(struct tags){ .prinfo = opc == 8 ? 0 : GUARD }), 0);
	}
	rig_close(r);
}

static void
random_command(struct io *io, struct ut_rng *rng)
{
	static const uint8_t opcs[] = { NVME_OPC_READ,	 NVME_OPC_WRITE,	NVME_OPC_COMPARE,
					NVME_OPC_VERIFY, NVME_OPC_WRITE_ZEROES, NVME_OPC_COPY };
	uint64_t meta = io->buf + META_PAGE * SSD_PAGE + ut_rng_below(rng, 64), nsze = pi_ns(io)->nsze;
	struct nvme_sqe sqe;

	nvme_prep_lba_cmd(&sqe, opcs[ut_rng_below(rng, UT_ARRAY_LEN(opcs))], NS, ut_rng_below(rng, nsze),
			  1 + (uint32_t)ut_rng_below(rng, ut_rng_below(rng, 4) ? 8 : 300));
	io_prp(io, &sqe, 1 << 20);
	sqe.mptr = le64_from(ut_rng_below(rng, 16) ? meta : ut_rng_next(rng));
	sqe.flags = (uint8_t)(ut_rng_below(rng, 8) ? 0 : ut_rng_below(rng, 4) << 6);
	sqe.cdw12 = le32_from(le32_get(sqe.cdw12) | (uint32_t)(ut_rng_next(rng) & 0x3d00) << 16);
	sqe.cdw14 = ut_rng_below(rng, 2) ? sqe.cdw10 : le32_from((uint32_t)ut_rng_next(rng));
	sqe.cdw2 = le32_from((uint32_t)ut_rng_next(rng));
	sqe.cdw3 = le32_from((uint32_t)ut_rng_below(rng, 2));
	sqe.cdw15 = le32_from((uint32_t)ut_rng_next(rng));
	rig_cmd(io->r, 1, &sqe, &io->cqe); /* it is answered, whatever it is */
}

/* Anything, on any format, with pointers to anywhere: the sanitizers look on. */
static void
random_commands(void **state)
{
	struct io *io = *state;
	struct ut_rng rng;

	ut_rng_seed(&rng, 5);
	pi_lbafee(io, true);
	for (int i = 0; i < 300; i++) {
		pi_format(io, (uint32_t)ut_rng_below(&rng, SSD_NR_LBAFS), ut_rng_below(&rng, 2),
			  (uint32_t)ut_rng_below(&rng, 4), ut_rng_below(&rng, 2));
		for (int k = 0; k < 40; k++)
			random_command(io, &rng);
	}
	use_format(io, 4, true);
}

#define T(name) cmocka_unit_test_setup_teardown(name, io_setup, io_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(every_format),
		T(zeros),
		T(large),
		T(mdts),
		T(fused),
		T(metadata_pointer),
		T(extended_formats),
		T(copy),
		T(random_commands),
		cmocka_unit_test(image),
		cmocka_unit_test(null_media),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
