/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Protection information on the SSD: each check broken once, in each command, with each guard and type.  What is right is made
 * by the test, bit by bit (ssd_pi.h).
 */
#include "ssd_pi.h"

/* A format of each guard, with room besides and without, with storage tags and without. */
static const uint8_t formats[] = { 2, 3, 4, 7, 10, 13, 14, 15, 18, 20, 21, 22, 25, 27, 28, 30 };

static uint64_t
ones(unsigned bits)
{
	return bits ? UINT64_MAX >> (64 - bits) : 0;
}

static unsigned
ref_bits(const struct ssd_ns *ns)
{
	return ns->pi.sr * 8u - ns->pi.sts;
}

/* Tags that fit: for type 1 those of the LBA. */
static struct tags
good_tags(const struct ssd_ns *ns, uint64_t slba)
{
	return (struct tags){
		.prinfo = ns->pi.type == 3 ? GUARD | APP : ALL,
		.stc = true,
		.st = 0x123456789abcdef1ull & ones(ns->pi.sts),
		.rt = (ns->pi.type == 1 ? slba : 0xfedcba98fffffffeull) & ones(ref_bits(ns)),
		.app = 0xa5c3,
		.mask = 0xffff,
	};
}

static void
for_each(struct io *io, void (*run)(struct io *))
{
	pi_lbafee(io, true);
	for (size_t i = 0; i < UT_ARRAY_LEN(formats); i++) {
		for (uint32_t how = 0; how < 12; how++) {
			assert_int_equal(pi_format(io, formats[i], how & 1, how / 4 + 1, how & 2), 0);
			run(io);
		}
	}
}

static uint8_t *
pi_at(struct io *io, uint32_t i)
{
	return pi_meta_at(io, i) + pi_ns(io)->pi.off;
}

/* Blocks 20 and 21 as in memory; the LBA that the error log blames. */
static void
refused(struct io *io, const struct tags *t, nvme_status st)
{
	assert_int_equal(pi_cmd(io, NVME_OPC_WRITE, 20, 2, t), st);
	assert_int_equal(io_blamed_lba(io), 21);
}

/* Break one byte of block 21's information, write, mend it. */
static void
broken(struct io *io, const struct tags *t, uint32_t byte, nvme_status st)
{
	uint8_t *p = pi_at(io, 1) + byte;

	*p ^= 0x10;
	refused(io, t, st);
	*p ^= 0x10;
}

static void
write_checks_one(struct io *io)
{
	const struct ssd_ns *ns = pi_ns(io);
	struct tags t = good_tags(ns, 20);

	pi_fill(io, 2, &t, 1);
	for (uint32_t i = 0; i < ns->pi.guard; i++)
		broken(io, &t, i, NVME_SC_GUARD_CHECK);
	broken(io, &t, ns->pi.guard, NVME_SC_APPTAG_CHECK);
	broken(io, &t, ns->pi.guard + 1u, NVME_SC_APPTAG_CHECK);
	if (ns->pi.type != 3 && ref_bits(ns))
		broken(io, &t, ns->pi.size - 1u, NVME_SC_REFTAG_CHECK);
	if (ns->pi.sts)
		broken(io, &t, ns->pi.guard + 2u, NVME_SC_STORAGE_TAG_CHECK);
	pi_data_at(io, 1)[ns->lba_size - 1] ^= 1;
	refused(io, &t, NVME_SC_GUARD_CHECK);
	pi_data_at(io, 1)[ns->lba_size - 1] ^= 1;
	if (ns->pi.off) { /* metadata in front of it is protected too */
		pi_meta_at(io, 1)[ns->pi.off - 1] ^= 1;
		refused(io, &t, NVME_SC_GUARD_CHECK);
		pi_meta_at(io, 1)[ns->pi.off - 1] ^= 1;
	}
	/* Nothing of all that was written, and the whole is right. */
	pi_clear(io);
	assert_int_equal(pi_cmd(io, NVME_OPC_READ, 20, 1, NULL), 0);
	assert_int_equal(pi_data_at(io, 0)[0], 0);
	assert_int_equal(pi_at(io, 0)[0], 0xff);
	pi_fill(io, 2, &t, 1);
	assert_int_equal(pi_cmd(io, NVME_OPC_WRITE, 20, 2, &t), 0);
}

static void
write_checks(void **state)
{
	for_each(*state, write_checks_one);
}

static nvme_status
read_with(struct io *io, uint8_t opc, struct tags t, uint8_t prinfo, bool stc)
{
	t.prinfo = prinfo;
	t.stc = stc;
	return pi_cmd(io, opc, 20, 2, &t);
}

/* What is wrong in the media is found by Read and Verify that look at it, and by no others. */
static void
media_wrong(struct io *io, const struct tags *t, uint32_t byte, uint8_t prinfo, bool stc, nvme_status st)
{
	uint8_t most = pi_ns(io)->pi.type == 3 ? GUARD | APP : ALL;

	pi_fill(io, 2, t, 1);
	pi_at(io, 1)[byte] ^= 0x20;
	assert_int_equal(read_with(io, NVME_OPC_WRITE, *t, 0, false), 0);
	assert_int_equal(read_with(io, NVME_OPC_READ, *t, prinfo, stc), st);
	assert_int_equal(io_blamed_lba(io), 21);
	assert_int_equal(read_with(io, NVME_OPC_VERIFY, *t, prinfo, stc), st);
	assert_int_equal(read_with(io, NVME_OPC_READ, *t, PRACT | prinfo, stc), st);
	assert_int_equal(read_with(io, NVME_OPC_READ, *t, most & ~prinfo, !stc), 0);
	assert_int_equal(read_with(io, NVME_OPC_VERIFY, *t, most & ~prinfo, !stc), 0);
}

static void
read_checks_one(struct io *io)
{
	const struct ssd_ns *ns = pi_ns(io);
	struct tags t = good_tags(ns, 20);

	media_wrong(io, &t, 0, GUARD, false, NVME_SC_GUARD_CHECK);
	media_wrong(io, &t, ns->pi.guard, APP, false, NVME_SC_APPTAG_CHECK);
	if (ns->pi.type != 3 && ref_bits(ns))
		media_wrong(io, &t, ns->pi.size - 1u, REF, false, NVME_SC_REFTAG_CHECK);
	if (ns->pi.sts)
		media_wrong(io, &t, ns->pi.guard + 2u, 0, true, NVME_SC_STORAGE_TAG_CHECK);
}

static void
read_checks(void **state)
{
	for_each(*state, read_checks_one);
}

/* PRACT: the controller makes it on a write and takes it away on a read, unless there is other metadata. */
static void
pract_one(struct io *io)
{
	const struct ssd_ns *ns = pi_ns(io);
	struct tags t = good_tags(ns, 20);
	bool room = ns->meta_size > ns->pi.size;
	uint8_t data[4096], want[16];

	pi_fill(io, 2, &t, 8);
	if (room)
		memset(pi_at(io, 1), 0x77, ns->pi.size); /* is not looked at */
	memcpy(data, room ? pi_data_at(io, 1) : io_buf(io) + ns->lba_size, ns->lba_size);
	t.prinfo |= PRACT;
	assert_int_equal(pi_cmd(io, NVME_OPC_WRITE, 20, 2, &t), 0);
	t.prinfo &= (uint8_t)~PRACT;
	pi_clear(io);
	assert_int_equal(pi_cmd(io, NVME_OPC_READ, 20, 2, &t), 0);
	assert_memory_equal(pi_data_at(io, 1), data, ns->lba_size);
	pi_make(ns, pi_data_at(io, 1), pi_meta_at(io, 1), &t, ns->pi.type == 3 ? t.rt : t.rt + 1, want);
	assert_memory_equal(pi_at(io, 1), want, ns->pi.size);
	t.prinfo |= PRACT;
	pi_clear(io);
	assert_int_equal(pi_cmd(io, NVME_OPC_READ, 20, 2, &t), 0);
	assert_memory_equal(room ? pi_data_at(io, 1) : io_buf(io) + ns->lba_size, data, ns->lba_size);
	if (room) {
		assert_memory_equal(pi_at(io, 1), want, ns->pi.size);
	} else {
		assert_int_equal(io_buf(io)[2 * ns->lba_size], 0xa5);
		assert_int_equal(pi_meta(io)[0], 0xa5);
	}
}

static void
pract(void **state)
{
	for_each(*state, pract_one);
}

/* All ones in the application tag: not checked.  Type 3 wants the reference tag all ones too. */
static void
escapes_one(struct io *io)
{
	const struct ssd_ns *ns = pi_ns(io);
	struct tags t = good_tags(ns, 20), all = t;
	nvme_status st = ns->pi.type == 3 && ref_bits(ns) ? NVME_SC_GUARD_CHECK : NVME_SC_SUCCESS;

	all.app = 0xffff;
	pi_fill(io, 2, &all, 1);
	for (uint32_t i = 0; i < 2; i++)
		memset(pi_at(io, i), 0x11, ns->pi.guard);
	assert_int_equal(pi_cmd(io, NVME_OPC_WRITE, 20, 2, &t), st);
	memset(pi_at(io, 0) + ns->pi.guard, 0xff, ns->pi.size - ns->pi.guard);
	memset(pi_at(io, 1) + ns->pi.guard, 0xff, ns->pi.size - ns->pi.guard);
	assert_int_equal(pi_cmd(io, NVME_OPC_WRITE, 20, 2, &t), 0);
	assert_int_equal(pi_cmd(io, NVME_OPC_READ, 20, 2, &t), 0);
	assert_int_equal(pi_cmd(io, NVME_OPC_VERIFY, 20, 2, &t), 0);
	/* Unwritten blocks are like that, guard included. */
	t = good_tags(ns, 40);
	assert_int_equal(pi_cmd(io, NVME_OPC_READ, 40, 3, &t), 0);
	for (uint32_t i = 0; i < 3u * ns->pi.size; i++)
		assert_int_equal(pi_at(io, i % 3)[i / 3], 0xff);
}

static void
escapes(void **state)
{
	for_each(*state, escapes_one);
}

/* Only the bits of the mask count. */
static void
masks(void **state)
{
	struct io *io = *state;
	struct tags t;

	pi_lbafee(io, true);
	assert_int_equal(pi_format(io, 14, false, 1, false), 0);
	t = good_tags(pi_ns(io), 20);
	pi_fill(io, 2, &t, 1);
	assert_int_equal(pi_cmd(io, NVME_OPC_WRITE, 20, 2, &t), 0);
	t.app ^= 0x0100;
	assert_int_equal(pi_cmd(io, NVME_OPC_READ, 20, 2, &t), NVME_SC_APPTAG_CHECK);
	t.mask = 0xfeff;
	assert_int_equal(pi_cmd(io, NVME_OPC_READ, 20, 2, &t), 0);
	t.st ^= 0x8000;
	assert_int_equal(pi_cmd(io, NVME_OPC_READ, 20, 2, &t), NVME_SC_STORAGE_TAG_CHECK);
	pi_ns(io)->pi.lbstm = 0x7fff;
	assert_int_equal(pi_cmd(io, NVME_OPC_READ, 20, 2, &t), 0);
}

static void
invalid(struct io *io, uint8_t opc, const struct tags *t)
{
	assert_int_equal(pi_cmd(io, opc, 20, 1, t), NVME_SC_INVALID_PI);
	assert_true(io_blamed(io) == 51 || io_blamed(io) == 56);
}

/* What a type cannot check, and what Compare, Verify and Write Zeroes do not take. */
static void
invalid_protection_information(void **state)
{
	static const uint8_t opcs[] = { NVME_OPC_READ, NVME_OPC_WRITE, NVME_OPC_COMPARE, NVME_OPC_VERIFY };
	struct io *io = *state;

	for (size_t i = 0; i < UT_ARRAY_LEN(opcs); i++) {
		assert_int_equal(pi_format(io, 3, false, 1, false), 0);
		invalid(io, opcs[i], &(struct tags){ .prinfo = REF, .rt = 21 });
		if (opcs[i] != NVME_OPC_COMPARE) /* a wrong tag that is not looked at */
			assert_int_equal(pi_cmd(io, opcs[i], 20, 1, &(struct tags){ .rt = 21 }), 0);
		assert_int_equal(pi_format(io, 3, false, 3, false), 0);
		invalid(io, opcs[i], &(struct tags){ .prinfo = REF, .rt = 20 });
	}
	for (uint32_t type = 1; type <= 3; type++) {
		assert_int_equal(pi_format(io, 3, false, type, false), 0);
		invalid(io, NVME_OPC_COMPARE, &(struct tags){ .prinfo = PRACT });
		invalid(io, NVME_OPC_VERIFY, &(struct tags){ .prinfo = PRACT });
		invalid(io, NVME_OPC_WRITE_ZEROES, &(struct tags){ .prinfo = GUARD });
		invalid(io, NVME_OPC_WRITE_ZEROES, &(struct tags){ .prinfo = PRACT | APP });
	}
	/* Without protection information nothing of it is looked at. */
	assert_int_equal(pi_format(io, 3, false, 0, false), 0);
	assert_int_equal(pi_cmd(io, NVME_OPC_VERIFY, 20, 1, &(struct tags){ .prinfo = PRACT | ALL }), 0);
	assert_int_equal(pi_cmd(io, NVME_OPC_WRITE_ZEROES, 20, 1, &(struct tags){ .prinfo = PRACT | ALL }), 0);
}

/* Zeros: with PRACT protected, without it zeros too, deallocated all ones. */
static void
write_zeroes_one(struct io *io)
{
	const struct ssd_ns *ns = pi_ns(io);
	struct tags t = good_tags(ns, 20), make = t;
	struct nvme_sqe sqe;
	uint8_t want[16];

	make.prinfo = PRACT;
	assert_int_equal(pi_cmd(io, NVME_OPC_WRITE_ZEROES, 20, 300, &make), 0);
	assert_int_equal(pi_cmd(io, NVME_OPC_VERIFY, 20, 300, &t), 0);
	pi_clear(io);
	assert_int_equal(pi_cmd(io, NVME_OPC_READ, 20, 2, &t), 0);
	assert_int_equal(pi_data_at(io, 1)[3], 0);
	pi_make(ns, pi_data_at(io, 1), pi_meta_at(io, 1), &t, ns->pi.type == 3 ? t.rt : t.rt + 1, want);
	assert_memory_equal(pi_at(io, 1), want, ns->pi.size);
	assert_int_equal(pi_cmd(io, NVME_OPC_WRITE_ZEROES, 20, 1, NULL), 0);
	assert_int_equal(pi_cmd(io, NVME_OPC_READ, 20, 1, NULL), 0);
	for (uint32_t i = 0; i < ns->pi.size; i++)
		assert_int_equal(pi_at(io, 0)[i], 0);
	nvme_prep_write_zeroes(&sqe, NS, 20, 1);
	pi_tags(&sqe, ns, &make);
	sqe.cdw12 = le32_from(le32_get(sqe.cdw12) | (uint32_t)NVME_WZ_DEAC);
	assert_int_equal(io_cmd(io, &sqe, 0), 0);
	assert_int_equal(pi_cmd(io, NVME_OPC_READ, 20, 1, &t), 0);
	for (uint32_t i = 0; i < ns->pi.size; i++)
		assert_int_equal(pi_at(io, 0)[i], 0xff);
}

static void
write_zeroes(void **state)
{
	for_each(*state, write_zeroes_one);
}

/* Compare checks both sides, and compares everything but the protection information. */
static void
compare_one(struct io *io)
{
	const struct ssd_ns *ns = pi_ns(io);
	struct tags t = good_tags(ns, 20);

	pi_fill(io, 2, &t, 1);
	assert_int_equal(pi_cmd(io, NVME_OPC_WRITE, 20, 2, &t), 0);
	assert_int_equal(pi_cmd(io, NVME_OPC_COMPARE, 20, 2, &t), 0);
	pi_at(io, 1)[0] ^= 1; /* the host's */
	assert_int_equal(read_with(io, NVME_OPC_COMPARE, t, GUARD, false), NVME_SC_GUARD_CHECK);
	assert_int_equal(read_with(io, NVME_OPC_COMPARE, t, 0, false), 0);
	assert_int_equal(read_with(io, NVME_OPC_WRITE, t, 0, false), 0);
	pi_at(io, 1)[0] ^= 1; /* the media's */
	assert_int_equal(read_with(io, NVME_OPC_COMPARE, t, GUARD, false), NVME_SC_GUARD_CHECK);
	assert_int_equal(read_with(io, NVME_OPC_COMPARE, t, 0, false), 0);
	if (ns->meta_size == ns->pi.size)
		return;
	pi_meta_at(io, 1)[ns->pi.off ? 0 : ns->meta_size - 1] ^= 1;
	assert_int_equal(read_with(io, NVME_OPC_COMPARE, t, 0, false), NVME_SC_COMPARE_FAILED);
}

static void
compare(void **state)
{
	for_each(*state, compare_one);
}

/* A source range in the format that the guard asks for. */
static void
put_range(struct io *io, const struct tags *t, uint64_t slba, uint32_t nlb)
{
	const struct ssd_ns *ns = pi_ns(io);
	unsigned __int128 sr = (unsigned __int128)t->st << ref_bits(ns) | t->rt;
	struct nvme_copy_range *plain = (void *)io_buf(io);
	struct nvme_copy_range_ext *ext = (void *)io_buf(io);

	memset(io_buf(io), 0, sizeof(*ext));
	plain->slba = le64_from(slba);
	plain->nlb = le16_from((uint16_t)(nlb - 1));
	if (ns->pi.guard == 2) {
		plain->elbrt = le32_from((uint32_t)sr);
		plain->elbat = le16_from(t->app);
		plain->elbatm = le16_from(t->mask);
		return;
	}
	for (int i = 9; i >= 0; i--, sr >>= 8)
		ext->elbt[i] = (uint8_t)sr;
	ext->elbat = le16_from(t->app);
	ext->elbatm = le16_from(t->mask);
}

static nvme_status
copy(struct io *io, const struct tags *from, const struct tags *to)
{
	const struct ssd_ns *ns = pi_ns(io);
	struct nvme_sqe sqe;

	put_range(io, from, 20, 2);
	nvme_prep_copy(&sqe, NS, 30, 1, ns->pi.guard != 2);
	pi_tags(&sqe, ns, to);
	sqe.cdw12 = le32_from(le32_get(sqe.cdw12) | nvme_put32(NVME_COPY_PRINFOR, from->prinfo) |
			      nvme_put32(NVME_COPY_STCR, from->stc));
	return io_cmd(io, &sqe, 40);
}

/* A Copy checks the source as a Read, and the destination as a Write; with PRACT it makes new tags. */
static void
copy_one(struct io *io)
{
	const struct ssd_ns *ns = pi_ns(io);
	struct tags from = good_tags(ns, 20), to = good_tags(ns, 30);

	pi_fill(io, 2, &from, 1);
	assert_int_equal(pi_cmd(io, NVME_OPC_WRITE, 20, 2, &from), 0);
	to.app = 0x1111;
	from.prinfo |= PRACT;
	assert_int_equal(copy(io, &from, &to), NVME_SC_INVALID_FIELD); /* in one direction only */
	to.prinfo |= PRACT;
	assert_int_equal(copy(io, &from, &to), 0);
	to.prinfo &= (uint8_t)~PRACT;
	assert_int_equal(pi_cmd(io, NVME_OPC_VERIFY, 30, 2, &to), 0);
	from.prinfo &= (uint8_t)~PRACT;
	assert_int_equal(copy(io, &from, &to), NVME_SC_APPTAG_CHECK); /* unchanged, so it is wrong there */
	assert_int_equal(le32_get(io->cqe.dw0), 0);
	to.app = from.app;
	if (ns->pi.type == 1 && ref_bits(ns)) {
		assert_int_equal(copy(io, &from, &to), NVME_SC_REFTAG_CHECK);
		from.rt++;
		assert_int_equal(copy(io, &from, &to), NVME_SC_INVALID_PI);
		return;
	}
	assert_int_equal(copy(io, &from, &to), 0);
	if (ns->pi.sts) {
		from.st ^= 1;
		assert_int_equal(copy(io, &from, &to), NVME_SC_STORAGE_TAG_CHECK);
		from.st ^= 1;
	}
	from.app ^= 1;
	assert_int_equal(copy(io, &from, &to), NVME_SC_APPTAG_CHECK);
}

static void
copies(void **state)
{
	for_each(*state, copy_one);
}

static void
copy_formats(void **state)
{
	struct tags from = { .prinfo = ALL | PRACT, .rt = 20, .mask = 0xffff }, to = { .prinfo = PRACT, .rt = 30 };
	struct io *io = *state;
	struct nvme_sqe sqe;

	/* Two ranges: the tags of the second go on from those of the first. */
	assert_int_equal(pi_format(io, 3, false, 1, false), 0);
	assert_int_equal(pi_cmd(io, NVME_OPC_WRITE, 20, 4, &from), 0);
	put_range(io, &(struct tags){ .rt = 22 }, 22, 2);
	memcpy(io_buf(io) + 32, io_buf(io), 32);
	put_range(io, &from, 20, 2);
	nvme_prep_copy(&sqe, NS, 30, 2, 0);
	pi_tags(&sqe, pi_ns(io), &to);
	sqe.cdw12 = le32_from(le32_get(sqe.cdw12) | nvme_put32(NVME_COPY_PRINFOR, from.prinfo));
	assert_int_equal(io_cmd(io, &sqe, 64), 0);
	assert_int_equal(pi_cmd(io, NVME_OPC_VERIFY, 30, 4, &(struct tags){ .prinfo = ALL, .rt = 30 }), 0);
	pi_lbafee(io, true);
	assert_int_equal(pi_format(io, 16, false, 1, false), 0);
	nvme_prep_copy(&sqe, NS, 30, 1, 0);
	assert_int_equal(io_cmd(io, &sqe, 40), NVME_SC_INVALID_FORMAT);
	assert_int_equal(pi_format(io, 3, false, 1, false), 0);
	nvme_prep_copy(&sqe, NS, 30, 1, 1);
	assert_int_equal(io_cmd(io, &sqe, 40), NVME_SC_INVALID_FORMAT);
}

/* A write of many chunks whose last block is wrong leaves the first as it was. */
static void
all_or_nothing(void **state)
{
	struct io *io = *state;
	struct tags t = { .prinfo = ALL, .app = 1, .mask = 0xffff };

	assert_int_equal(pi_format(io, 2, true, 1, false), 0);
	pi_fill(io, 400, &t, 1);
	pi_at(io, 399)[0] ^= 1;
	assert_int_equal(pi_cmd(io, NVME_OPC_WRITE, 0, 400, &t), NVME_SC_GUARD_CHECK);
	assert_int_equal(io_blamed_lba(io), 399);
	assert_int_equal(pi_cmd(io, NVME_OPC_READ, 0, 1, NULL), 0);
	assert_int_equal(pi_data_at(io, 0)[0], 0);
	pi_fill(io, 400, &t, 1);
	assert_int_equal(pi_cmd(io, NVME_OPC_WRITE, 0, 400, &t), 0);
	assert_int_equal(pi_cmd(io, NVME_OPC_READ, 0, 400, &t), 0);
	t.prinfo |= PRACT;
	assert_int_equal(pi_cmd(io, NVME_OPC_WRITE, 0, 400, &t), 0);
	t.prinfo = ALL;
	assert_int_equal(pi_cmd(io, NVME_OPC_VERIFY, 0, 400, &t), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, io_setup, io_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(write_checks), T(read_checks),    T(pract),
		T(escapes),	 T(masks),	    T(invalid_protection_information),
		T(write_zeroes), T(compare),	    T(copies),
		T(copy_formats), T(all_or_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
