/* SPDX-License-Identifier: BSD-3-Clause */
/* Host memory buffer: the list and its checks, what the drive keeps there, and that it lets go of it. */
#include "ssd_adm.h"
#include "nvproof/spec/feat.h"
#include "ssd/admin/hmb.h"
#include "util/crc.h"

#define EHM ((uint32_t)NVME_FEAT_HMB_EHM)
#define MR ((uint32_t)NVME_FEAT_HMB_MR)

struct hmb {
	struct io io;
	uint64_t list, mem;
};

static int
setup(void **state)
{
	struct hmb *h = test_calloc(1, sizeof(*h));

	if (rig_setup_pair(state))
		return -1;
	io_init(&h->io, *state);
	h->list = rig_alloc(h->io.r, 2);
	h->mem = rig_alloc(h->io.r, 64);
	*state = h;
	return 0;
}

static int
teardown(void **state)
{
	struct hmb *h = *state;

	rig_close(h->io.r);
	test_free(h);
	return 0;
}

static void
desc(struct hmb *h, uint32_t i, uint64_t addr, uint32_t pages)
{
	struct nvme_hmb_desc *d = rig_ptr(h->io.r, h->list);

	d[i] = (struct nvme_hmb_desc){ .badd = le64_from(addr), .bsize = le32_from(pages) };
}

static nvme_status
lend_list(struct hmb *h, uint32_t cdw11, uint32_t hsize, uint64_t list, uint32_t count)
{
	struct nvme_sqe sqe = { .opc = NVME_ADM_SET_FEATURES, .cdw10 = le32_from(NVME_FEAT_HMB) };

	sqe.cdw11 = le32_from(cdw11);
	sqe.cdw12 = le32_from(hsize);
	sqe.cdw13 = le32_from((uint32_t)list);
	sqe.cdw14 = le32_from((uint32_t)(list >> 32));
	sqe.cdw15 = le32_from(count);
	return rig_sc(rig_cmd(h->io.r, 0, &sqe, &h->io.cqe));
}

/* Two pieces of 32 pages. */
static nvme_status
lend(struct hmb *h, uint32_t cdw11)
{
	desc(h, 0, h->mem, 32);
	desc(h, 1, h->mem + 32 * SSD_PAGE, 32);
	return lend_list(h, cdw11, 64, h->list, 2);
}

static struct ssd_hmb_record *
record(struct hmb *h, uint32_t i)
{
	struct ssd_hmb_record *rec = rig_ptr(h->io.r, h->mem + i * 32ull * SSD_PAGE);

	return rec;
}

static void
assert_record(struct hmb *h, uint32_t i, uint32_t lent)
{
	struct ssd_hmb_record *rec = record(h, i);

	assert_memory_equal(rec->magic, "nvproof", 8);
	assert_int_equal(le16_get(rec->index), i);
	assert_int_equal(le32_get(rec->lent), lent);
	assert_int_equal(le32_get(rec->crc), ut_crc32c(0, rec, 60));
}

static void
announced(void **state)
{
	struct hmb *h = *state;
	struct nvme_id_ctrl *id = adm_identify(&h->io);

	assert_int_equal(le32_get(id->hmpre), SSD_HMPRE);
	assert_int_equal(le32_get(id->hmmin), SSD_HMMIN);
	assert_int_equal(le32_get(id->hmminds), 1);
	assert_int_equal(le16_get(id->hmmaxd), 256);
	assert_int_equal(le32_get(id->ctratt) & NVME_CTRATT_HMBR, 0);
	assert_int_equal(io_feature_get(&h->io, NVME_FEAT_HMB, 0, NVME_FEAT_SEL_CAPS, 0), 0);
	assert_int_equal(le32_get(h->io.cqe.dw0), NVME_FEAT_CAPS_CHANGEABLE);
}

static void
in_use(void **state)
{
	struct hmb *h = *state;
	struct nvme_hmb_attr *a = (void *)io_buf(&h->io);
	uint64_t beat;

	assert_int_equal(lend(h, EHM), 0);
	assert_record(h, 0, 1);
	assert_record(h, 1, 1);
	beat = le64_get(record(h, 1)->beat);
	assert_int_equal(io_write(&h->io, 1, 0, 8, 0x11), 0);
	adm_sleep(&h->io, SSD_HMB_BEAT_NS);
	assert_record(h, 0, 1);
	assert_int_equal(le64_get(record(h, 1)->beat), beat + 1);
	assert_int_equal(le64_get(record(h, 0)->host_writes), 1);
	assert_int_equal(io_feature_get(&h->io, NVME_FEAT_HMB, 0, 0, 0), 0);
	assert_int_equal(le32_get(h->io.cqe.dw0), EHM);
	assert_int_equal(le32_get(a->hsize), 64);
	assert_int_equal(le32_get(a->hmdlal), (uint32_t)h->list);
	assert_int_equal(le32_get(a->hmdlau), h->list >> 32);
	assert_int_equal(le32_get(a->hmdlec), 2);
	/* "... if the host memory buffer is enabled already" */
	assert_int_equal(lend(h, EHM), NVME_SC_CMD_SEQUENCE);
	assert_int_equal(io_blamed(&h->io), 44);
	assert_int_equal(io_feature_get(&h->io, NVME_FEAT_HMB, 0, NVME_FEAT_SEL_DEFAULT, 0), 0);
	assert_int_equal(le32_get(a->hsize), 0);
}

/* After the completion of the command, or after a reset, no byte changes, however long it takes. */
static void
assert_left_alone(struct hmb *h)
{
	memset(rig_ptr(h->io.r, h->mem), 0x3c, 64 * SSD_PAGE);
	for (int i = 0; i < 5; i++)
		adm_sleep(&h->io, SSD_HMB_BEAT_NS);
	for (uint32_t i = 0; i < 64 * SSD_PAGE; i++)
		assert_int_equal(((uint8_t *)rig_ptr(h->io.r, h->mem))[i], 0x3c);
}

static void
let_go(void **state)
{
	struct hmb *h = *state;
	uint64_t errors = h->io.r->ssd->error_count;

	assert_int_equal(lend(h, EHM), 0);
	assert_int_equal(io_feature_set(&h->io, NVME_FEAT_HMB, 0, 0, false), 0);
	assert_left_alone(h);
	assert_int_equal(lend(h, EHM), 0);
	adm_reset(&h->io);
	assert_left_alone(h);
	assert_int_equal(lend(h, EHM), 0);
	ssd_function_reset(h->io.r->ssd);
	adm_restart(&h->io);
	assert_left_alone(h);
	assert_int_equal(lend(h, EHM), 0);
	adm_power_cycle(&h->io);
	assert_left_alone(h);
	assert_int_equal(io_feature_set(&h->io, NVME_FEAT_HMB, 0, 0, false), 0); /* twice is once */
	assert_int_equal(h->io.r->ssd->error_count, errors);
}

/* MR: the same memory with the same contents.  The drive looks. */
static void
returned(void **state)
{
	struct hmb *h = *state;

	assert_int_equal(lend(h, EHM | MR), 0); /* never lent before */
	assert_record(h, 0, 1);
	assert_int_equal(lend_list(h, 0, 0, 0, 0), 0);
	assert_int_equal(lend(h, EHM | MR), 0);
	assert_record(h, 0, 2);
	assert_record(h, 1, 2);
	adm_reset(&h->io);
	assert_int_equal(lend(h, EHM | MR), 0);
	assert_record(h, 0, 3);
	/* Not what it was: the drive starts anew. */
	assert_int_equal(lend_list(h, 0, 0, 0, 0), 0);
	record(h, 1)->rsvd40[3] ^= 1;
	assert_int_equal(lend(h, EHM | MR), 0);
	assert_record(h, 0, 1);
	/* Without MR, too; and after the power went. */
	assert_int_equal(lend_list(h, 0, 0, 0, 0), 0);
	assert_int_equal(lend(h, EHM), 0);
	assert_record(h, 0, 1);
	adm_power_cycle(&h->io);
	assert_int_equal(lend(h, EHM | MR), 0);
	assert_record(h, 0, 1);
}

/* The host writes to memory that is lent, or takes it away: the drive tells, and goes on. */
static void
misused(void **state)
{
	struct hmb *h = *state;
	struct rig *r = h->io.r;
	uint64_t errors;

	assert_int_equal(lend(h, EHM), 0);
	errors = r->ssd->error_count;
	record(h, 1)->beat = le64_from(7);
	adm_sleep(&h->io, SSD_HMB_BEAT_NS);
	assert_int_equal(r->ssd->error_count, errors + 1);
	assert_record(h, 1, 1);
	adm_sleep(&h->io, SSD_HMB_BEAT_NS);
	assert_int_equal(r->ssd->error_count, errors + 1);
	r->hole = h->mem + 32 * SSD_PAGE;
	r->hole_len = SSD_PAGE;
	ssd_port_changed(r->ssd);
	for (int i = 0; i < 5; i++)
		adm_sleep(&h->io, SSD_HMB_BEAT_NS);
	assert_int_equal(r->ssd->error_count, errors + 2); /* once */
	assert_int_equal(io_write(&h->io, 1, 0, 8, 0x22), 0);
	io_expect(&h->io, 1, 0, 8, 0x22);
	r->hole_len = 0;
	ssd_port_changed(r->ssd);
	adm_sleep(&h->io, SSD_HMB_BEAT_NS);
	adm_sleep(&h->io, SSD_HMB_BEAT_NS);
	assert_record(h, 1, 1);
	assert_int_equal(r->ssd->error_count, errors + 2);
}

static void
assert_refused(struct hmb *h, nvme_status st, nvme_status want, uint32_t byte)
{
	assert_int_equal(st, want);
	assert_int_equal(io_blamed(&h->io), byte);
	assert_int_equal(io_feature_get(&h->io, NVME_FEAT_HMB, 0, 0, 0), 0);
	assert_int_equal(le32_get(h->io.cqe.dw0), 0);
}

static void
refused(void **state)
{
	struct hmb *h = *state;

	desc(h, 0, h->mem, 64);
	assert_refused(h, lend_list(h, EHM, SSD_HMMIN - 1, h->list, 1), NVME_SC_INVALID_FIELD, 48);
	assert_refused(h, lend_list(h, EHM, 65, h->list, 1), NVME_SC_INVALID_FIELD, 48); /* more than the list has */
	assert_refused(h, lend_list(h, EHM, 64, h->list + 8, 1), NVME_SC_INVALID_FIELD, 52);
	assert_refused(h, lend_list(h, EHM, 64, h->list, 0), NVME_SC_INVALID_FIELD, 60);
	assert_refused(h, lend_list(h, EHM, 64, h->list, UINT32_MAX), NVME_SC_INVALID_FIELD, 60);
	assert_refused(h, lend_list(h, EHM, 64, RIG_BASE - SSD_PAGE, 1), NVME_SC_DATA_TRANSFER, 52);
	assert_refused(h, lend_list(h, EHM | 4, 64, h->list, 1), NVME_SC_INVALID_FIELD, 44); /* HMNARE */
	assert_refused(h, lend_list(h, EHM | 8, 64, h->list, 1), NVME_SC_INVALID_FIELD, 44);
	desc(h, 0, h->mem + 512, 64);
	assert_refused(h, lend_list(h, EHM, 64, h->list, 1), NVME_SC_INVALID_FIELD, 52);
	desc(h, 0, UINT64_MAX - SSD_PAGE + 1, 64);
	assert_refused(h, lend_list(h, EHM, 64, h->list, 1), NVME_SC_INVALID_FIELD, 52);
	desc(h, 0, RIG_BASE + RIG_MEM, 64); /* not there */
	assert_refused(h, lend_list(h, EHM, 64, h->list, 1), NVME_SC_DATA_TRANSFER, 52);
	assert_int_equal(io_feature_set(&h->io, NVME_FEAT_HMB, 0, EHM, true), NVME_SC_FEAT_NOT_SAVEABLE);
}

/* Only HMMAXD descriptors are used; empty ones do not count. */
static void
many_pieces(void **state)
{
	struct hmb *h = *state;

	for (uint32_t i = 0; i < 300; i++)
		desc(h, i, h->mem + i % 64 * SSD_PAGE, i < 5 ? 0 : 1);
	assert_int_equal(lend_list(h, EHM, 200, h->list, 300), 0);
	assert_int_equal(h->io.r->ssd->hmb.nr, 256);
	assert_int_equal(h->io.r->ssd->hmb.piece[0].addr, h->mem + 5 * SSD_PAGE);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(announced), T(in_use), T(let_go), T(returned), T(misused), T(refused), T(many_pieces),
	};

	return cmocka_run_group_tests_name("ssd hmb", tests, NULL, NULL);
}
