/* SPDX-License-Identifier: BSD-3-Clause */
/* Controller memory buffer: its registers and BAR, and queues, lists, data and metadata in it. */
#include "ssd_adm.h"
#include "nvproof/spec/pcie.h"

#define CMB_SIZE (192u * SSD_PAGE) /* not a power of two */
#define CBA 0x400000000000ull
#define ENABLE (CBA | NVME_CMBMSC_CRE | NVME_CMBMSC_CMSE)

static struct rig *
open_cmb(uint64_t size)
{
	return rig_open_config(&(struct ssd_config){
		.nr_ns = 2, .ns = { { 16u << 20, 512 }, { 16u << 20, 4096 } }, .seed = 1, .cmb_size = size });
}

static int
setup(void **state)
{
	struct io *io = test_calloc(1, sizeof(*io));
	struct rig *r = open_cmb(CMB_SIZE);

	if (rig_enable(r, 32) != NVME_CSTS_RDY)
		return -1;
	rig_pair(r, 1, 64, -1);
	io_init(io, r);
	ssd_bar_write(r->ssd, NVME_REG_CMBMSC, 8, ENABLE);
	*state = io;
	return 0;
}

static uint8_t *
cmb(struct io *io)
{
	uint64_t len;
	uint8_t *p = ssd_cmb(io->r->ssd, &len);

	assert_int_equal(len, CMB_SIZE);
	return p;
}

static void
none(void **state)
{
	struct rig *r = rig_open();
	uint64_t len;

	*state = r;
	assert_int_equal(nvme_get(ssd_bar_read(r->ssd, NVME_REG_CAP, 8), NVME_CAP_CMBS), 0);
	ssd_bar_write(r->ssd, NVME_REG_CMBMSC, 8, UINT64_MAX);
	assert_int_equal(ssd_bar_read(r->ssd, NVME_REG_CMBMSC, 8), 0);
	assert_int_equal(rig_reg(r, NVME_REG_CMBLOC), 0);
	assert_int_equal(rig_reg(r, NVME_REG_CMBSZ), 0);
	assert_int_equal(rig_reg(r, NVME_REG_CMBSTS), 0);
	assert_null(ssd_cmb(r->ssd, &len));
	assert_int_equal(ssd_cmb_bar_size(r->ssd), 0);
	/* Nor a persistent memory region. */
	assert_int_equal(nvme_get(ssd_bar_read(r->ssd, NVME_REG_CAP, 8), NVME_CAP_PMRS), 0);
	for (uint32_t off = NVME_REG_PMRCAP; off <= NVME_REG_PMRMSCU; off += 4) {
		rig_set(r, off, UINT32_MAX);
		assert_int_equal(rig_reg(r, off), 0);
	}
}

static void
registers(void **state)
{
	struct rig *r = open_cmb(CMB_SIZE);
	uint32_t sz;

	*state = r;
	assert_int_equal(nvme_get(ssd_bar_read(r->ssd, NVME_REG_CAP, 8), NVME_CAP_CMBS), 1);
	assert_int_equal(rig_reg(r, NVME_REG_CMBLOC), 0); /* until CRE */
	assert_int_equal(rig_reg(r, NVME_REG_CMBSZ), 0);
	rig_set(r, NVME_REG_CMBMSC, NVME_CMBMSC_CRE);
	sz = rig_reg(r, NVME_REG_CMBSZ);
	assert_int_equal(nvme_get(sz, NVME_CMBSZ_SZ), 192);
	assert_int_equal(nvme_get(sz, NVME_CMBSZ_SZU), 0);
	assert_int_equal(sz & 0x1f, 0x1f); /* SQS CQS LISTS RDS WDS */
	assert_int_equal(nvme_get(rig_reg(r, NVME_REG_CMBLOC), NVME_CMBLOC_BIR), 2);
	assert_int_equal(nvme_get(rig_reg(r, NVME_REG_CMBLOC), NVME_CMBLOC_OFST), 0);
	assert_int_equal(nvme_get(rig_reg(r, NVME_REG_CMBLOC), NVME_CMBLOC_CQDA), 0);
	rig_set(r, NVME_REG_CMBSZ, 0xffffffff);
	assert_int_equal(rig_reg(r, NVME_REG_CMBSZ), sz);
	ssd_bar_write(r->ssd, NVME_REG_CMBMSC, 8, UINT64_MAX); /* past the end of the address space */
	assert_int_equal(ssd_bar_read(r->ssd, NVME_REG_CMBMSC, 8), UINT64_MAX & ~0xffcull);
	assert_int_equal(rig_reg(r, NVME_REG_CMBSTS), NVME_CMBSTS_CBAI);
	assert_false(r->ssd->cmb.on);
	ssd_bar_write(r->ssd, NVME_REG_CMBMSC, 8, ENABLE);
	assert_int_equal(rig_reg(r, NVME_REG_CMBSTS), 0);
	assert_true(r->ssd->cmb.on);
	/* The BAR is a power of two, 64 bits, prefetchable. */
	assert_int_equal(ssd_cmb_bar_size(r->ssd), 1u << 20);
	rig_cfg_set(r, NVME_PCI_BAR2, 4, 0xffffffff);
	rig_cfg_set(r, NVME_PCI_BAR3, 4, 0xffffffff);
	assert_int_equal(rig_cfg(r, NVME_PCI_BAR2, 4), 0xfff0000c);
	assert_int_equal(rig_cfg(r, NVME_PCI_BAR3, 4), 0xffffffff);
}

/* "... not reset by a Controller Reset"; by all others it is. */
static void
resets(void **state)
{
	struct io *io = *state;
	struct rig *r = io->r;

	adm_reset(io);
	assert_int_equal(ssd_bar_read(r->ssd, NVME_REG_CMBMSC, 8), ENABLE);
	memset(cmb(io), 0x77, CMB_SIZE);
	ssd_function_reset(r->ssd);
	assert_int_equal(ssd_bar_read(r->ssd, NVME_REG_CMBMSC, 8), 0);
	ssd_bar_write(r->ssd, NVME_REG_CMBMSC, 8, ENABLE);
	rig_set(r, NVME_REG_NSSR, NVME_NSSR_VALUE);
	assert_int_equal(ssd_bar_read(r->ssd, NVME_REG_CMBMSC, 8), 0);
	ssd_bar_write(r->ssd, NVME_REG_CMBMSC, 8, ENABLE);
	ssd_power_off(r->sub);
	ssd_power_on(r->sub);
	assert_int_equal(ssd_bar_read(r->ssd, NVME_REG_CMBMSC, 8), 0);
	assert_int_equal(cmb(io)[CMB_SIZE - 1], 0);
}

/* Data: all there, all here, and a PRP list with both; the list itself here. */
static void
data(void **state)
{
	struct io *io = *state;
	struct nvme_sqe sqe;
	le64 *list = (le64 *)(void *)(cmb(io) + 8 * SSD_PAGE);

	for (uint32_t i = 0; i < 4 * SSD_PAGE; i++)
		cmb(io)[i] = (uint8_t)(i * 7 + i / SSD_PAGE);
	nvme_prep_write(&sqe, 1, 0, 32); /* 16 KiB */
	sqe.prp1 = le64_from(CBA);
	sqe.prp2 = le64_from(CBA + 8 * SSD_PAGE);
	list[0] = le64_from(CBA + SSD_PAGE);
	list[1] = le64_from(io->buf);
	list[2] = le64_from(CBA + 3 * SSD_PAGE);
	memset(io_buf(io), 0x99, SSD_PAGE);
	assert_int_equal(rig_cmd(io->r, 1, &sqe, NULL), 0);
	assert_int_equal(io_read(io, 1, 0, 32), 0);
	assert_memory_equal(io_buf(io), cmb(io), 2 * SSD_PAGE);
	assert_int_equal(io_buf(io)[2 * SSD_PAGE], 0x99);
	assert_memory_equal(io_buf(io) + 3 * SSD_PAGE, cmb(io) + 3 * SSD_PAGE, SSD_PAGE);
	/* And back, unaligned, by an SGL whose segment is there too. */
	nvme_prep_read(&sqe, 1, 0, 32);
	sqe.flags = (uint8_t)nvme_put(NVME_SQE_PSDT, NVME_PSDT_SGL);
	struct nvme_sgl_desc *seg = (void *)(cmb(io) + 9 * SSD_PAGE);
	seg[0] = (struct nvme_sgl_desc){ .addr = le64_from(CBA + 16 * SSD_PAGE + 1), .len = le32_from(10000) };
	seg[1] = (struct nvme_sgl_desc){ .addr = le64_from(io->buf + 3), .len = le32_from(6384) };
	sqe.sgl = (struct nvme_sgl_desc){ .addr = le64_from(CBA + 9 * SSD_PAGE),
					  .len = le32_from(32),
					  .type = nvme_sgl_id(NVME_SGL_LAST_SEGMENT, NVME_SGL_SUBTYPE_ADDRESS) };
	assert_int_equal(rig_cmd(io->r, 1, &sqe, NULL), 0);
	assert_memory_equal(cmb(io) + 16 * SSD_PAGE + 1, cmb(io), 2 * SSD_PAGE);
	assert_memory_equal(io_buf(io) + 3 + (3 * SSD_PAGE - 10000), cmb(io) + 3 * SSD_PAGE, SSD_PAGE);
}

/* Beyond its end, and while it is not enabled, those addresses are the host's: nothing is there. */
static void
edges(void **state)
{
	struct io *io = *state;
	struct nvme_sqe sqe;

	nvme_prep_read(&sqe, 1, 0, 1);
	sqe.prp1 = le64_from(CBA + CMB_SIZE);
	assert_int_equal(rig_sc(rig_cmd(io->r, 1, &sqe, NULL)), NVME_SC_DATA_TRANSFER);
	sqe.prp1 = le64_from(CBA + CMB_SIZE - SSD_PAGE);
	assert_int_equal(rig_cmd(io->r, 1, &sqe, NULL), 0);
	sqe.prp1 = le64_from(CBA - SSD_PAGE);
	assert_int_equal(rig_sc(rig_cmd(io->r, 1, &sqe, NULL)), NVME_SC_DATA_TRANSFER);
	ssd_bar_write(io->r->ssd, NVME_REG_CMBMSC, 8, NVME_CMBMSC_CRE | CBA);
	sqe.prp1 = le64_from(CBA);
	assert_int_equal(rig_sc(rig_cmd(io->r, 1, &sqe, NULL)), NVME_SC_DATA_TRANSFER);
	/* An SGL data block that goes over the end of it. */
	ssd_bar_write(io->r->ssd, NVME_REG_CMBMSC, 8, ENABLE);
	nvme_prep_read(&sqe, 1, 0, 16);
	sqe.flags = (uint8_t)nvme_put(NVME_SQE_PSDT, NVME_PSDT_SGL);
	sqe.sgl = (struct nvme_sgl_desc){ .addr = le64_from(CBA + CMB_SIZE - SSD_PAGE), .len = le32_from(8192) };
	assert_int_equal(rig_sc(rig_cmd(io->r, 1, &sqe, NULL)), NVME_SC_DATA_TRANSFER);
}

/* It lies over host memory and goes away again: what was looked up is not remembered. */
static void
moved(void **state)
{
	struct io *io = *state;
	struct nvme_sqe sqe;

	nvme_prep_read(&sqe, 1, 0, 1);
	assert_int_equal(io_write(io, 1, 0, 1, 0x42), 0);
	for (int i = 0; i < 2; i++) {
		ssd_bar_write(io->r->ssd, NVME_REG_CMBMSC, 8, io->buf | NVME_CMBMSC_CRE | NVME_CMBMSC_CMSE);
		memset(cmb(io), 0, SSD_PAGE);
		memset(io_buf(io), 0, SSD_PAGE);
		sqe.prp1 = le64_from(io->buf);
		assert_int_equal(rig_cmd(io->r, 1, &sqe, NULL), 0);
		assert_int_equal(cmb(io)[511], 0x42);
		assert_int_equal(io_buf(io)[511], 0);
		ssd_bar_write(io->r->ssd, NVME_REG_CMBMSC, 8, 0);
		assert_int_equal(rig_cmd(io->r, 1, &sqe, NULL), 0);
		assert_int_equal(io_buf(io)[511], 0x42);
	}
}

/* Rings: an SQ there, with its CQ here; a CQ there; both of one page each in a PRP list, mixed. */
static void
queues(void **state)
{
	struct io *io = *state;
	struct rig *r = io->r;
	struct nvme_sqe sqe;
	uint64_t at = rig_alloc(r, 1);
	struct nvme_cqe *cqes = (void *)(cmb(io) + 34 * SSD_PAGE);

	assert_int_equal(rig_create_cq(r, 2, 64, CBA + 34 * SSD_PAGE, -1), 0);
	assert_int_equal(rig_create_sq(r, 2, 64, CBA + 32 * SSD_PAGE, 2), 0);
	for (uint32_t i = 0; i < 10; i++) {
		nvme_prep_flush(&sqe, 1);
		sqe.cid = (uint16_t)(i + 100);
		memcpy(cmb(io) + 32 * SSD_PAGE + i * 64, &sqe, 64);
	}
	((uint32_t *)ssd_doorbells(r->ssd))[2 * 16] = 10;
	rig_step(r);
	for (uint32_t i = 0; i < 10; i++) {
		assert_int_equal(cqes[i].cid, i + 100);
		assert_int_equal(le16_get(cqes[i].status), 1);
	}
	/* Not contiguous: the list and one page of the ring are in the buffer, the other is not. */
	le64 *list = (le64 *)(void *)(cmb(io) + 40 * SSD_PAGE);
	list[0] = le64_from(CBA + 41 * SSD_PAGE);
	list[1] = le64_from(at);
	assert_int_equal(rig_create_cq(r, 3, 64, CBA + 36 * SSD_PAGE, -1), 0);
	nvme_prep_create_io_sq(&sqe, 3, 128, CBA + 40 * SSD_PAGE, 3, NVME_QPRIO_MEDIUM);
	sqe.cdw11 = le32_from(le32_get(sqe.cdw11) & ~(uint32_t)NVME_SQ_PC);
	assert_int_equal(rig_admin(r, &sqe), 0);
	nvme_prep_flush(&sqe, 1);
	for (uint32_t i = 0; i < 63; i++)
		memcpy(cmb(io) + 41 * SSD_PAGE + i * 64, &sqe, 64);
	memcpy(cmb(io) + 41 * SSD_PAGE + 63 * 64, &sqe, 64);
	memcpy(rig_ptr(r, at), &sqe, 64);
	((uint32_t *)ssd_doorbells(r->ssd))[3 * 16] = 60;
	rig_step(r);
	((uint32_t *)ssd_doorbells(r->ssd))[3 * 16 + 8] = 60;
	((uint32_t *)ssd_doorbells(r->ssd))[3 * 16] = 65;
	rig_step(r);
	assert_int_equal(r->ssd->sq[3].head, 65);
	/* A ring goes on after the port changed, and is lost when the buffer is switched off. */
	ssd_port_changed(r->ssd);
	((uint32_t *)ssd_doorbells(r->ssd))[2 * 16] = 11;
	rig_step(r);
	assert_int_equal(r->ssd->sq[2].head, 11);
	ssd_bar_write(r->ssd, NVME_REG_CMBMSC, 8, 0);
	((uint32_t *)ssd_doorbells(r->ssd))[2 * 16] = 12;
	rig_step(r);
	assert_int_equal(r->ssd->sq[2].head, 11);
	assert_true(rig_works(r));
}

/* The admin queues, and the memory that a server brings. */
static void
admin_queues_there(void **state)
{
	struct io *io = *state;
	struct rig *r = io->r;
	static uint8_t mem[CMB_SIZE] __attribute__((aligned(4096)));
	struct nvme_sqe sqe;

	rig_set(r, NVME_REG_CC, 0);
	ssd_cmb_place(r->ssd, mem);
	assert_ptr_equal(cmb(io), mem);
	rig_set(r, NVME_REG_AQA, 0x001f001f);
	ssd_bar_write(r->ssd, NVME_REG_ASQ, 8, CBA);
	ssd_bar_write(r->ssd, NVME_REG_ACQ, 8, CBA + SSD_PAGE);
	rig_set(r, NVME_REG_CC, RIG_CC);
	for (int i = 0; i < 100; i++)
		rig_step(r);
	assert_int_equal(rig_reg(r, NVME_REG_CSTS), NVME_CSTS_RDY);
	nvme_prep_keep_alive(&sqe);
	memcpy(mem, &sqe, 64);
	((uint32_t *)ssd_doorbells(r->ssd))[0] = 1;
	rig_step(r);
	assert_int_equal(le16_get(((struct nvme_cqe *)(void *)(mem + SSD_PAGE))->status), 1);
}

static void
bad_sizes(void **state)
{
	struct ssd_config cfg = { .nr_ns = 1, .ns = { { 1u << 20, 512 } }, .cmb_size = 1000 };
	struct ssd_subsys *sub;
	char err[128];

	(void)state;
	assert_int_not_equal(ssd_subsys_open(&cfg, &sub, err, sizeof(err)), 0);
	assert_non_null(strstr(err, "controller memory buffer"));
	cfg.cmb_size = 2ull << 30;
	assert_int_not_equal(ssd_subsys_open(&cfg, &sub, err, sizeof(err)), 0);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, io_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(none, rig_teardown),
		cmocka_unit_test_teardown(registers, rig_teardown),
		T(resets),
		T(data),
		T(edges),
		T(moved),
		T(queues),
		T(admin_queues_there),
		cmocka_unit_test(bad_sizes),
	};

	return cmocka_run_group_tests_name("ssd cmb", tests, NULL, NULL);
}
