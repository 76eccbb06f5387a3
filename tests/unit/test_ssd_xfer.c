/* SPDX-License-Identifier: BSD-3-Clause */
/* Data pointers as the software SSD walks them: PRP entries and lists, SGLs of all descriptor types, memory that is not there. */
#include "ssd_rig.h"
#include "util/rng.h"

#define LBAS 256u /* LBAs 0 to 255 hold a pattern */

static uint8_t
pattern(uint64_t i)
{
	return (uint8_t)(i * 31 + (i >> 8) * 7 + (i >> 16));
}

/* One piece of contiguous memory as an SGL is the shortest way to any amount of data. */
static void
one_block(struct nvme_sqe *sqe, uint64_t addr, uint32_t len)
{
	sqe->flags = (uint8_t)nvme_put(NVME_SQE_PSDT, NVME_PSDT_SGL);
	sqe->sgl = (struct nvme_sgl_desc){ .addr = le64_from(addr), .len = le32_from(len) };
}

static int
setup(void **state)
{
	struct nvme_sqe sqe;
	struct rig *r;

	if (rig_setup_pair(state))
		return -1;
	r = *state;
	uint64_t buf = rig_alloc(r, LBAS / 8);
	uint8_t *p = rig_ptr(r, buf);

	for (uint32_t i = 0; i < LBAS * 512; i++)
		p[i] = pattern(i);
	nvme_prep_write(&sqe, 1, 0, LBAS);
	one_block(&sqe, buf, LBAS * 512);
	return rig_cmd(r, 1, &sqe, NULL);
}

static void
assert_pattern(struct rig *r, uint64_t addr, uint64_t off, uint32_t len)
{
	const uint8_t *p = rig_ptr(r, addr);

	for (uint32_t i = 0; i < len; i++) {
		if (p[i] != pattern(off + i))
			fail_msg("byte %u of the data at offset %lu is wrong", i, (unsigned long)off);
	}
}

static void
assert_byte(struct rig *r, uint64_t addr, uint8_t v)
{
	assert_int_equal(*(uint8_t *)rig_ptr(r, addr), v);
}

static nvme_status
read_prp(struct rig *r, uint32_t nlb, uint64_t prp1, uint64_t prp2)
{
	struct nvme_sqe sqe;

	nvme_prep_read(&sqe, 1, 0, nlb);
	sqe.prp1 = le64_from(prp1);
	sqe.prp2 = le64_from(prp2);
	return rig_sc(rig_cmd(r, 1, &sqe, NULL));
}

static void
guilty(struct rig *r, uint32_t byte)
{
	const struct nvme_error_log_entry *e = &r->ssd->errors[(r->ssd->error_count - 1) % SSD_ERROR_ENTRIES];

	assert_int_equal(nvme_get(le16_get(e->pel), NVME_PEL_BYTE), byte);
}

static void
prp_entries(void **state)
{
	struct rig *r = *state;
	uint64_t buf = rig_alloc(r, 8);

	memset(rig_ptr(r, buf), 0xee, 8 * SSD_PAGE);
	assert_int_equal(read_prp(r, 1, buf, 1), 0); /* PRP2 is not used: whatever it is */
	assert_pattern(r, buf, 0, 512);
	assert_byte(r, buf + 512, 0xee);
	assert_int_equal(read_prp(r, 1, buf + SSD_PAGE + 3584, 3), 0); /* up to the end of the page */
	assert_pattern(r, buf + SSD_PAGE + 3584, 0, 512);
	assert_byte(r, buf + SSD_PAGE + 3583, 0xee);
	assert_byte(r, buf + 2 * SSD_PAGE, 0xee);
	assert_int_equal(read_prp(r, 1, buf + 3 * SSD_PAGE - 100, buf + 5 * SSD_PAGE), 0);
	assert_pattern(r, buf + 3 * SSD_PAGE - 100, 0, 100);
	assert_pattern(r, buf + 5 * SSD_PAGE, 100, 412);
	assert_byte(r, buf + 5 * SSD_PAGE + 412, 0xee);
	assert_int_equal(read_prp(r, 16, buf, buf + 7 * SSD_PAGE), 0);
	assert_pattern(r, buf, 0, SSD_PAGE);
	assert_pattern(r, buf + 7 * SSD_PAGE, SSD_PAGE, SSD_PAGE);
}

static void
prp_offsets(void **state)
{
	struct rig *r = *state;
	uint64_t buf = rig_alloc(r, 4), list = rig_alloc(r, 1);

	for (uint64_t bad = 1; bad < 4; bad++) {
		assert_int_equal(read_prp(r, 1, buf + bad, 0), NVME_SC_PRP_INVALID_OFFSET);
		guilty(r, 24);
	}
	assert_int_equal(read_prp(r, 1, buf + 4, 0), 0);
	assert_int_equal(read_prp(r, 16, buf, buf + SSD_PAGE + 8), NVME_SC_PRP_INVALID_OFFSET);
	guilty(r, 32);
	assert_int_equal(read_prp(r, 16, buf, buf + SSD_PAGE + 2048), NVME_SC_PRP_INVALID_OFFSET);
	rig_le64(r, list)[0] = le64_from(buf + SSD_PAGE);
	rig_le64(r, list)[1] = le64_from(buf + 2 * SSD_PAGE + 512);
	assert_int_equal(read_prp(r, 24, buf, list), NVME_SC_PRP_INVALID_OFFSET);
	rig_le64(r, list)[1] = le64_from(buf + 2 * SSD_PAGE);
	for (uint64_t bad = 1; bad < 8; bad++)
		assert_int_equal(read_prp(r, 24, buf, list + bad), NVME_SC_PRP_INVALID_OFFSET);
	assert_int_equal(read_prp(r, 24, buf, list), 0);
	assert_pattern(r, buf, 0, 3 * SSD_PAGE);
}

/* Lists that start anywhere in a page: the one that fills its page exactly has no pointer at its end. */
static void
prp_lists(void **state)
{
	struct rig *r = *state;
	uint64_t buf = rig_alloc(r, 32), lists = rig_alloc(r, 3);
	const uint32_t pages = LBAS / 8;

	for (uint32_t start = 512 - pages - 2; start <= 511; start++) {
		uint64_t list = lists;
		uint32_t slot = start;

		memset(rig_ptr(r, buf), 0, 32 * SSD_PAGE);
		memset(rig_ptr(r, lists), 0xff, 3 * SSD_PAGE);
		for (uint32_t i = 1; i < pages; i++, slot++) {
			if (slot == 511 && pages - i > 1) {
				rig_le64(r, list)[slot] = le64_from(lists + 2 * SSD_PAGE);
				list = lists + 2 * SSD_PAGE;
				slot = 0;
			}
			rig_le64(r, list)[slot] = le64_from(buf + (pages - i) * SSD_PAGE);
		}
		assert_int_equal(read_prp(r, LBAS, buf, lists + start * 8), 0);
		assert_pattern(r, buf, 0, SSD_PAGE);
		for (uint32_t i = 1; i < pages; i++)
			assert_pattern(r, buf + (pages - i) * SSD_PAGE, i * SSD_PAGE, SSD_PAGE);
	}
	/* The pointer to the next list has an offset, though a good list is there. */
	for (uint32_t i = 0; i < 64; i++)
		rig_le64(r, lists + 2 * SSD_PAGE)[i] = le64_from(buf);
	rig_le64(r, lists)[511] = le64_from(lists + 2 * SSD_PAGE);
	assert_int_equal(read_prp(r, LBAS, buf, lists + 511 * 8), 0);
	rig_le64(r, lists)[511] = le64_from(lists + 2 * SSD_PAGE + 8);
	assert_int_equal(read_prp(r, LBAS, buf, lists + 511 * 8), NVME_SC_PRP_INVALID_OFFSET);
	/* A list that is its own continuation ends: each turn takes data. */
	for (uint32_t i = 0; i < 512; i++)
		rig_le64(r, lists)[i] = le64_from(lists);
	uint64_t self = rig_alloc(r, 1);
	rig_le64(r, self)[511] = le64_from(self);
	for (uint32_t i = 0; i < 511; i++)
		rig_le64(r, self)[i] = le64_from(buf);
	assert_int_equal(read_prp(r, LBAS, buf, self + 511 * 8), 0);
}

/* MDTS: 2 MiB, in pages that follow each other and in pages that do not. */
static void
prp_largest(void **state)
{
	struct rig *r = *state;
	uint64_t buf = rig_alloc(r, 1024), list = rig_alloc(r, 2);
	struct nvme_sqe sqe;
	uint8_t *p = rig_ptr(r, buf);

	for (uint32_t stride = 1; stride <= 2; stride++) {
		for (uint32_t i = 0; i < 511; i++)
			rig_le64(r, list)[i] = le64_from(buf + (i + 1) * (uint64_t)stride * SSD_PAGE);
		for (uint32_t i = 0; i < 512; i++)
			memset(p + (uint64_t)i * stride * SSD_PAGE, (int)(i * 3 + stride), SSD_PAGE);
		nvme_prep_write(&sqe, 1, 4096, 4096);
		sqe.prp1 = le64_from(buf);
		sqe.prp2 = le64_from(list);
		assert_int_equal(rig_cmd(r, 1, &sqe, NULL), 0);
		memset(p, 0, 1024 * SSD_PAGE);
		sqe.opc = NVME_OPC_READ;
		assert_int_equal(rig_cmd(r, 1, &sqe, NULL), 0);
		for (uint32_t i = 0; i < 512; i++) {
			assert_int_equal(p[(uint64_t)i * stride * SSD_PAGE], (uint8_t)(i * 3 + stride));
			assert_int_equal(p[(uint64_t)i * stride * SSD_PAGE + 4095], (uint8_t)(i * 3 + stride));
		}
	}
}

/* Pages that follow each other on the bus lie the other way round in this process: no copy may go across. */
static void
pages_elsewhere(void **state)
{
	struct rig *r = *state;
	uint64_t buf = rig_alloc(r, 2);

	r->swap = buf;
	ssd_port_changed(r->ssd);
	assert_int_equal(read_prp(r, 16, buf, buf + SSD_PAGE), 0);
	assert_int_equal(read_prp(r, 15, buf + 512, buf + SSD_PAGE), 0);
	assert_pattern(r, buf + SSD_PAGE + 512, 0, 3584);
	assert_pattern(r, buf, 3584, SSD_PAGE);
}

static void
not_there(void **state)
{
	struct rig *r = *state;
	uint64_t buf = rig_alloc(r, 4), list = rig_alloc(r, 1);
	struct nvme_sqe sqe;

	assert_int_equal(read_prp(r, 1, 0, 0), NVME_SC_DATA_TRANSFER);
	assert_int_equal(read_prp(r, 1, UINT64_MAX - 4095, 0), NVME_SC_DATA_TRANSFER);
	assert_int_equal(read_prp(r, 16, buf, RIG_BASE + RIG_MEM), NVME_SC_DATA_TRANSFER);
	assert_int_equal(read_prp(r, 24, buf, RIG_BASE + RIG_MEM), NVME_SC_DATA_TRANSFER);
	rig_le64(r, list)[0] = le64_from(buf + SSD_PAGE);
	rig_le64(r, list)[1] = le64_from(0);
	assert_int_equal(read_prp(r, 24, buf, list), NVME_SC_DATA_TRANSFER);
	/* Half a page is there: what is there works, and nothing more. */
	r->hole = buf + 2048;
	r->hole_len = 2048;
	ssd_port_changed(r->ssd);
	assert_int_equal(read_prp(r, 4, buf, 0), 0);
	assert_pattern(r, buf, 0, 2048);
	assert_int_equal(read_prp(r, 5, buf, 0), NVME_SC_DATA_TRANSFER);
	nvme_prep_write(&sqe, 1, 0, 8);
	sqe.prp1 = le64_from(buf);
	nvme_status st = rig_cmd(r, 1, &sqe, NULL);
	assert_int_equal(st, NVME_SC_DATA_TRANSFER | NVME_STATUS_M); /* may be tried again */
	/* A page that was mapped and known, and then is not. */
	r->hole_len = 0;
	ssd_port_changed(r->ssd);
	assert_int_equal(read_prp(r, 8, buf, 0), 0);
	r->hole_len = 2048;
	ssd_port_changed(r->ssd);
	assert_int_equal(read_prp(r, 8, buf, 0), NVME_SC_DATA_TRANSFER);
	nvme_prep_read(&sqe, 1, 0, 8);
	one_block(&sqe, UINT64_MAX - 511, 4096);
	assert_int_equal(rig_sc(rig_cmd(r, 1, &sqe, NULL)), NVME_SC_DATA_TRANSFER);
	sqe.sgl = (struct nvme_sgl_desc){ .addr = le64_from(UINT64_MAX - 7), .len = le32_from(32), .type = 0x30 };
	assert_int_equal(rig_sc(rig_cmd(r, 1, &sqe, NULL)), NVME_SC_DATA_TRANSFER);
}

static struct nvme_sgl_desc
desc(uint8_t type, uint64_t addr, uint32_t len)
{
	return (struct nvme_sgl_desc){ .addr = le64_from(addr), .len = le32_from(len), .type = type };
}

static nvme_status
sgl_cmd(struct rig *r, uint8_t opc, uint32_t nlb, struct nvme_sgl_desc d)
{
	struct nvme_sqe sqe;

	nvme_prep_read(&sqe, 1, 0, nlb);
	sqe.opc = opc;
	sqe.flags = (uint8_t)nvme_put(NVME_SQE_PSDT, NVME_PSDT_SGL);
	sqe.sgl = d;
	return rig_sc(rig_cmd(r, 1, &sqe, NULL));
}

static nvme_status
read_sgl(struct rig *r, uint32_t nlb, struct nvme_sgl_desc d)
{
	return sgl_cmd(r, NVME_OPC_READ, nlb, d);
}

/*
 * The example of the Base Specification, "SGL Example": a read of 13 KiB... three segments: data blocks of 3 KiB, 4 KiB, a bit
 * bucket of 2 KiB and a data block of 4 KiB in the last one.
 */
static void
sgl_example(void **state)
{
	struct rig *r = *state;
	uint64_t a = rig_alloc(r, 1), b = rig_alloc(r, 1), c = rig_alloc(r, 2), segs = rig_alloc(r, 3);
	struct nvme_sgl_desc *s0 = rig_ptr(r, segs + 16), *s1 = rig_ptr(r, segs + SSD_PAGE),
			     *s2 = rig_ptr(r, segs + 2 * SSD_PAGE + 8);

	memset(rig_ptr(r, a), 0xee, 4 * SSD_PAGE);
	s0[0] = desc(0x00, a, 3 << 10);
	s0[1] = desc(0x20, segs + SSD_PAGE, 2 * 16);
	s1[0] = desc(0x00, b, 4 << 10);
	s1[1] = desc(0x30, segs + 2 * SSD_PAGE + 8, 2 * 16);
	s2[0] = desc(0x10, 0, 2 << 10);
	s2[1] = desc(0x00, c + 1, 4 << 10); /* any alignment */
	assert_int_equal(read_sgl(r, 26, desc(0x20, segs + 16, 2 * 16)), 0);
	assert_pattern(r, a, 0, 3 << 10);
	assert_byte(r, a + (3 << 10), 0xee);
	assert_pattern(r, b, 3 << 10, 4 << 10);
	assert_byte(r, c, 0xee);
	assert_pattern(r, c + 1, 9 << 10, 4 << 10);
	assert_byte(r, c + 4097, 0xee);
}

static void
sgl_bit_buckets(void **state)
{
	struct rig *r = *state;
	uint64_t buf = rig_alloc(r, 1), seg = rig_alloc(r, 1);
	struct nvme_sgl_desc *s = rig_ptr(r, seg);

	assert_int_equal(read_sgl(r, 8, desc(0x10, 0, 4096)), 0); /* all of it is thrown away */
	assert_int_equal(read_sgl(r, 8, desc(0x10, 0, 4097)), NVME_SC_SGL_DATA_LEN);
	s[0] = desc(0x10, UINT64_MAX, 512);
	s[1] = desc(0x00, buf, 512);
	s[2] = desc(0x10, 0, 0);
	assert_int_equal(read_sgl(r, 2, desc(0x30, seg, 48)), 0);
	assert_pattern(r, buf, 512, 512);
	/* From the host they mean nothing, whatever their length. */
	s[0] = desc(0x10, 0, UINT32_MAX);
	s[1] = desc(0x00, buf, 1024);
	memset(rig_ptr(r, buf), 0x5a, 1024);
	assert_int_equal(sgl_cmd(r, NVME_OPC_WRITE, 2, desc(0x30, seg, 32)), 0);
	assert_int_equal(sgl_cmd(r, NVME_OPC_COMPARE, 2, desc(0x30, seg, 32)), 0);
	assert_int_equal(sgl_cmd(r, NVME_OPC_WRITE, 3, desc(0x30, seg, 32)), NVME_SC_SGL_DATA_LEN);
}

static void
sgl_errors(void **state)
{
	struct rig *r = *state;
	uint64_t buf = rig_alloc(r, 1), seg = rig_alloc(r, 2);
	struct nvme_sgl_desc *s = rig_ptr(r, seg), *t = rig_ptr(r, seg + SSD_PAGE);

	/* Lengths. */
	assert_int_equal(read_sgl(r, 2, desc(0, buf, 1023)), NVME_SC_SGL_DATA_LEN);
	assert_int_equal(read_sgl(r, 2, desc(0, buf, 1025)), NVME_SC_SGL_DATA_LEN);
	guilty(r, 24);
	/* Types: reserved, keyed, transport, vendor; subtypes: offset, transport. */
	static const uint8_t types[] = { 0x40, 0x50, 0x60, 0xf0, 0x01, 0x0a, 0x11, 0x21, 0x31, 0x3f };
	for (size_t i = 0; i < UT_ARRAY_LEN(types); i++)
		assert_int_equal(read_sgl(r, 2, desc(types[i], buf, 1024)), NVME_SC_SGL_INVALID_TYPE);
	s[0] = desc(0x05, buf, 1024);
	assert_int_equal(read_sgl(r, 2, desc(0x30, seg, 16)), NVME_SC_SGL_INVALID_TYPE);
	/* Segments: their length and address. */
	s[0] = desc(0, buf, 1024);
	assert_int_equal(read_sgl(r, 2, desc(0x30, seg, 0)), NVME_SC_SGL_INVALID_SEGMENT);
	assert_int_equal(read_sgl(r, 2, desc(0x30, seg, 15)), NVME_SC_SGL_INVALID_SEGMENT);
	assert_int_equal(read_sgl(r, 2, desc(0x30, seg, 17)), NVME_SC_SGL_INVALID_SEGMENT);
	assert_int_equal(read_sgl(r, 2, desc(0x30, seg + 4, 16)), NVME_SC_SGL_INVALID_SEGMENT);
	assert_int_equal(read_sgl(r, 2, desc(0x30, seg, 16)), 0);
	/* A segment that leads nowhere, a last one that leads on. */
	assert_int_equal(read_sgl(r, 2, desc(0x20, seg, 16)), NVME_SC_SGL_INVALID_SEGMENT);
	s[1] = desc(0x30, seg + SSD_PAGE, 16);
	assert_int_equal(read_sgl(r, 2, desc(0x30, seg, 32)), NVME_SC_SGL_INVALID_SEGMENT);
	t[0] = desc(0, buf, 0);
	assert_int_equal(read_sgl(r, 2, desc(0x20, seg, 32)), 0);
	s[1] = desc(0x30, seg + SSD_PAGE, 0);
	assert_int_equal(read_sgl(r, 2, desc(0x20, seg, 32)), NVME_SC_SGL_INVALID_SEGMENT);
	/* A segment descriptor that is not the last of its segment. */
	s[0] = desc(0x30, seg + SSD_PAGE, 16);
	s[1] = desc(0, buf, 1024);
	assert_int_equal(read_sgl(r, 2, desc(0x20, seg, 32)), NVME_SC_SGL_INVALID_COUNT);
}

/* Chains without end: a segment that is its own next one, and 4 GiB of empty descriptors. */
static void
sgl_endless(void **state)
{
	struct rig *r = *state;
	uint64_t buf = rig_alloc(r, 1), seg = rig_alloc(r, 64);
	struct nvme_sgl_desc *s = rig_ptr(r, seg);

	s[0] = desc(0x20, seg, 16);
	assert_int_equal(read_sgl(r, 2, desc(0x20, seg, 16)), NVME_SC_SGL_INVALID_COUNT);
	s[0] = desc(0, buf, 0);
	s[1] = desc(0x20, seg, 32);
	assert_int_equal(read_sgl(r, 2, desc(0x20, seg, 32)), NVME_SC_SGL_INVALID_COUNT);
	memset(s, 0, 64 * SSD_PAGE);
	assert_int_equal(read_sgl(r, 2, desc(0x30, seg, 0xfffffff0)), NVME_SC_SGL_INVALID_COUNT);
	/* One byte each, backwards: as many pieces as there may be, and one more. */
	for (uint32_t i = 0; i < 2048; i++)
		s[i] = desc(0, buf + 2 * (2047 - i), 1);
	assert_int_equal(read_sgl(r, 2, desc(0x30, seg, 1024 * 16)), 0);
	assert_byte(r, buf + 2 * 2047, pattern(0));
	assert_byte(r, buf + 2 * 1024, pattern(1023));
	assert_int_equal(read_sgl(r, 3, desc(0x30, seg, 1536 * 16)), NVME_SC_SGL_INVALID_COUNT);
	assert_int_equal(rig_reg(r, NVME_REG_CSTS), NVME_CSTS_RDY);
}

static void
psdt(void **state)
{
	struct rig *r = *state;
	uint64_t buf = rig_alloc(r, 1);
	struct nvme_sqe sqe;

	nvme_prep_read(&sqe, 1, 0, 1);
	sqe.prp1 = le64_from(buf);
	sqe.flags = 3u << 6;
	assert_int_equal(rig_cmd(r, 1, &sqe, NULL), NVME_SC_INVALID_FIELD | NVME_STATUS_DNR | NVME_STATUS_M);
	assert_int_equal(le16_get(r->ssd->errors[(r->ssd->error_count - 1) % 64].pel), 6 << 8 | 1);
	/* Admin commands over PCIe use PRPs. */
	nvme_prep_identify(&sqe, 1, 0, 0);
	sqe.flags = 0x40;
	sqe.sgl = desc(0, buf, 4096);
	assert_int_equal(rig_sc(rig_admin(r, &sqe)), NVME_SC_INVALID_FIELD);
}

/*
 * Random SGLs over one segment or several, in a port that can map memory and in one that cannot: the data is what the same
 * descriptors give when they are read by hand.
 */
static void
sgl_random(void **state)
{
	struct rig *r = *state;
	uint64_t buf = rig_alloc(r, 64), segs = rig_alloc(r, 8);
	struct {
		uint64_t addr;
		uint32_t off, len;
	} piece[64];
	struct ut_rng rng;

	ut_rng_seed(&rng, 7);
	for (int round = 0; round < 400; round++) {
		uint32_t nlb = 1 + (uint32_t)ut_rng_below(&rng, 64), left = nlb * 512, n = 0, slot = 0;
		struct nvme_sgl_desc first = desc(0x20, segs, 0), *seg = rig_ptr(r, segs), *up = &first;
		uint64_t at = buf;

		r->no_map = round & 1;
		ssd_port_changed(r->ssd);
		memset(rig_ptr(r, buf), 0, 64 * SSD_PAGE);
		while (left) {
			uint32_t len = n == 50 ? left : 1 + (uint32_t)ut_rng_below(&rng, left);

			at += ut_rng_below(&rng, 1500);
			seg[slot++] = desc(0, at, len);
			piece[n].addr = at;
			piece[n].off = nlb * 512 - left;
			piece[n++].len = len;
			at += len;
			left -= len;
			if (left && slot == 7) { /* goes on in the next page */
				seg[slot++] = desc(0x20, segs + (n / 7) * SSD_PAGE, 0);
				up->len = le32_from(slot * 16);
				up = &seg[slot - 1];
				seg = rig_ptr(r, segs + (n / 7) * SSD_PAGE);
				slot = 0;
			}
		}
		up->len = le32_from(slot * 16);
		up->type = 0x30;
		assert_int_equal(read_sgl(r, nlb, first), 0);
		for (uint32_t i = 0; i < n; i++)
			assert_pattern(r, piece[i].addr, piece[i].off, piece[i].len);
		assert_int_equal(sgl_cmd(r, NVME_OPC_COMPARE, nlb, first), 0);
		*(uint8_t *)rig_ptr(r, piece[n - 1].addr) ^= 1;
		assert_int_equal(sgl_cmd(r, NVME_OPC_COMPARE, nlb, first), NVME_SC_COMPARE_FAILED);
	}
}

#define WITH(f) cmocka_unit_test_setup_teardown(f, setup, rig_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(prp_entries),     WITH(prp_offsets), WITH(prp_lists),   WITH(prp_largest),
		WITH(pages_elsewhere), WITH(not_there),	  WITH(sgl_example), WITH(sgl_bit_buckets),
		WITH(sgl_errors),      WITH(sgl_endless), WITH(psdt),	     WITH(sgl_random),
	};

	return cmocka_run_group_tests_name("ssd xfer", tests, NULL, NULL);
}
