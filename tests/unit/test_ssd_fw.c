/* SPDX-License-Identifier: BSD-3-Clause */
/* Firmware: pieces of an image, what is an image, slots, and activation by each kind of reset and without one. */
#include "ssd_fw_image.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "nvproof/spec/pcie.h"

#define LEN 20000u /* 5 units of 4 KiB, the last of them not full */
#define UNITS 5u

static uint8_t img[UNITS * 4096];

static void
expect_slots(struct io *io, uint8_t active, uint8_t next, const char *const rev[3])
{
	const struct nvme_fw_slot_log *log = adm_log(io, NVME_LOG_FW_SLOT, sizeof(*log));
	static const char none[8];

	assert_int_equal(log->afi, active | next << 4);
	for (int i = 0; i < 3; i++)
		assert_memory_equal(log->frs[i], rev[i] ? rev[i] : none, 8);
}

static void
expect_fr(struct io *io, const char *fr)
{
	assert_memory_equal(adm_identify(io)->fr, fr, 8);
}

#define SLOTS(a, b, c) ((const char *const[3]){ a, b, c })
#define FIRST "0.1     "

static void
announced(void **state)
{
	const struct nvme_id_ctrl *id = adm_identify(*state);

	assert_true(le16_get(id->oacs) & NVME_OACS_FWDS);
	assert_int_equal(id->frmw, 1 | 3 << 1 | 1 << 4);
	assert_int_equal(id->fwug, 1);
	assert_int_equal(le16_get(id->mtfa), 1);
	assert_true(le32_get(id->oaes) & NVME_OAES_FAN);
	expect_slots(*state, 1, 0, SLOTS(FIRST, NULL, NULL));
}

static void
pieces(void **state)
{
	struct io *io = *state;
	struct nvme_sqe sqe;

	assert_int_equal(fw_piece(io, NULL, 0, 4092), NVME_SC_INVALID_FIELD);
	assert_int_equal(io_blamed(io), 40);
	assert_int_equal(fw_piece(io, NULL, 4, 4096), NVME_SC_INVALID_FIELD);
	assert_int_equal(io_blamed(io), 44);
	assert_int_equal(fw_piece(io, NULL, SSD_FW_MAX, 4096), NVME_SC_INVALID_FIELD);
	assert_int_equal(fw_piece(io, NULL, SSD_FW_MAX - 4096, 8192), NVME_SC_INVALID_FIELD);
	assert_int_equal(fw_piece(io, NULL, SSD_FW_MAX - 4096, 4096), 0);
	nvme_prep_fw_download(&sqe, 4096, 0);
	sqe.cdw10 = le32_from(UINT32_MAX); /* 16 GiB */
	assert_int_equal(io_admin(io, &sqe, 4096), NVME_SC_INVALID_FIELD);
	sqe.cdw10 = le32_from(1023);
	sqe.cdw11 = le32_from(UINT32_MAX - 1023);
	assert_int_equal(io_admin(io, &sqe, 4096), NVME_SC_INVALID_FIELD);
}

static void
overlap(void **state)
{
	struct io *io = *state;

	assert_int_equal(fw_piece(io, NULL, 8192, 8192), 0);
	assert_int_equal(fw_piece(io, NULL, 8192, 4096), NVME_SC_OVERLAPPING_RANGE);
	assert_int_equal(fw_piece(io, NULL, 4096, 8192), NVME_SC_OVERLAPPING_RANGE);
	assert_int_equal(fw_piece(io, NULL, 12288, 8192), NVME_SC_OVERLAPPING_RANGE);
	assert_int_equal(fw_piece(io, NULL, 4096, 4096), 0);
	assert_int_equal(fw_commit(io, 2, NVME_FW_CA_REPLACE), NVME_SC_INVALID_FW_IMAGE);
	assert_int_equal(fw_piece(io, NULL, 8192, 8192), 0); /* the commit has used it up */
	adm_reset(io);
	assert_int_equal(fw_piece(io, NULL, 8192, 8192), 0); /* and so does a reset */
	io->r->hole = io->buf;
	io->r->hole_len = SSD_PAGE;
	ssd_port_changed(io->r->ssd);
	assert_int_equal(fw_piece(io, NULL, 0, 4096), NVME_SC_DATA_TRANSFER);
	io->r->hole_len = 0;
	ssd_port_changed(io->r->ssd);
	assert_int_equal(fw_piece(io, NULL, 0, 4096), 0); /* nothing was got */
}

static void
any_order(void **state)
{
	struct io *io = *state;

	fw_make(img, LEN, "2.0-beta", 0);
	assert_int_equal(fw_piece(io, img, 16384, 4096), 0);
	assert_int_equal(fw_piece(io, img, 8192, 8192), 0);
	assert_int_equal(fw_piece(io, img, 0, 8192), 0);
	assert_int_equal(fw_commit(io, 3, NVME_FW_CA_REPLACE), 0);
	expect_slots(io, 1, 0, SLOTS(FIRST, NULL, "2.0-beta"));
	expect_fr(io, FIRST);
	adm_reset(io); /* stored, not to be activated */
	expect_fr(io, FIRST);
}

/* One thing wrong at a time; sealed again where the CRC is not the point. */
static void
not_an_image(void **state)
{
	struct io *io = *state;
	static const struct {
		uint32_t off;
		uint8_t with;
		bool seal;
	} wrong[] = {
		{ 0, 'N', true },   { 16, 2, true },   { 24, ' ', true },    { 28, 0x1f, true },  { 31, 0x7f, true },
		{ 32, 0x20, true }, { 20, 63, false }, { 100, 0xff, false }, { 19999, 0, false }, { 37, 0x55, false },
	};

	for (size_t i = 0; i < UT_ARRAY_LEN(wrong); i++) {
		fw_make(img, LEN, "3.0     ", 0);
		img[wrong[i].off] = wrong[i].with;
		if (wrong[i].seal)
			fw_seal(img, LEN);
		fw_load(io, img, UNITS * 4096);
		assert_int_equal(fw_commit(io, 2, NVME_FW_CA_REPLACE_ACTIVATE), NVME_SC_INVALID_FW_IMAGE);
		assert_int_equal(io_blamed(io), 40);
	}
	expect_slots(io, 1, 0, SLOTS(FIRST, NULL, NULL));
}

static void
wrong_lengths(void **state)
{
	struct io *io = *state;

	fw_make(img, LEN, "3.0     ", 0);
	fw_load(io, img, 4 * 4096); /* the end is missing */
	assert_int_equal(fw_commit(io, 2, NVME_FW_CA_REPLACE), NVME_SC_INVALID_FW_IMAGE);
	assert_int_equal(fw_piece(io, img, 0, 4096), 0); /* a hole */
	assert_int_equal(fw_piece(io, img, 8192, 12288), 0);
	assert_int_equal(fw_commit(io, 2, NVME_FW_CA_REPLACE), NVME_SC_INVALID_FW_IMAGE);
	fw_make(img, 4096, "3.0     ", 0);
	fw_load(io, img, 8192); /* a unit too many */
	assert_int_equal(fw_commit(io, 2, NVME_FW_CA_REPLACE), NVME_SC_INVALID_FW_IMAGE);
	assert_int_equal(fw_commit(io, 2, NVME_FW_CA_REPLACE), NVME_SC_INVALID_FW_IMAGE); /* nothing downloaded */
	assert_int_equal(fw_piece(io, img, 0, 4096), 0);
	assert_int_equal(fw_piece(io, img, 8192, 4096), 0); /* whole, and something after a hole */
	assert_int_equal(fw_commit(io, 2, NVME_FW_CA_REPLACE), NVME_SC_INVALID_FW_IMAGE);
	fw_make(img, 64, "3.0     ", 0); /* the least there is */
	fw_load(io, img, 4096);
	assert_int_equal(fw_commit(io, 2, NVME_FW_CA_REPLACE), 0);
	fw_make(img, 60, "3.0     ", 0);
	fw_load(io, img, 4096);
	assert_int_equal(fw_commit(io, 2, NVME_FW_CA_REPLACE), NVME_SC_INVALID_FW_IMAGE);
}

static void
wrong_slots(void **state)
{
	struct io *io = *state;

	fw_make(img, 4096, "3.0     ", 0);
	fw_load(io, img, 4096);
	assert_int_equal(fw_commit(io, 1, NVME_FW_CA_REPLACE), NVME_SC_INVALID_FW_SLOT); /* read only */
	fw_load(io, img, 4096);
	assert_int_equal(fw_commit(io, 1, NVME_FW_CA_ACTIVATE_NOW), NVME_SC_INVALID_FW_SLOT);
	fw_load(io, img, 4096);
	assert_int_equal(fw_commit(io, 4, NVME_FW_CA_REPLACE), NVME_SC_INVALID_FW_SLOT);
	assert_int_equal(fw_commit(io, 7, NVME_FW_CA_ACTIVATE), NVME_SC_INVALID_FW_SLOT);
	assert_int_equal(fw_commit(io, 0, NVME_FW_CA_ACTIVATE), NVME_SC_INVALID_FW_SLOT);
	assert_int_equal(fw_commit(io, 2, NVME_FW_CA_ACTIVATE), NVME_SC_INVALID_FW_IMAGE); /* empty */
	assert_int_equal(fw_commit(io, 2, 4), NVME_SC_INVALID_FIELD);
	assert_int_equal(fw_commit(io, 2, 5), NVME_SC_INVALID_FIELD);
	expect_slots(io, 1, 0, SLOTS(FIRST, NULL, NULL));
	assert_int_equal(fw_commit(io, 1, NVME_FW_CA_ACTIVATE), 0); /* what runs may be activated again */
}

static void
store(struct io *io, uint8_t slot, const char *rev, enum nvme_fw_ca ca)
{
	fw_make(img, 4096, rev, 0);
	fw_load(io, img, 4096);
	assert_int_equal(fw_commit(io, slot, ca), 0);
}

static void
drive_chooses_empty(void **state)
{
	struct io *io = *state;

	store(io, 0, "A       ", NVME_FW_CA_REPLACE);
	store(io, 0, "B       ", NVME_FW_CA_REPLACE);
	expect_slots(io, 1, 0, SLOTS(FIRST, "A       ", "B       "));
	assert_int_equal(fw_commit(io, 2, NVME_FW_CA_ACTIVATE), 0);
	store(io, 0, "C       ", NVME_FW_CA_REPLACE);
	expect_slots(io, 1, 2, SLOTS(FIRST, "A       ", "C       "));
}

/* FS 0h: what is empty, then what neither runs nor is to. */
static void
drive_chooses(void **state)
{
	struct io *io = *state;
	static const char *const rev[] = { "A", "B", "C", "D", "E" };
	char r[8] = "A       ";

	for (size_t i = 0; i < 5; i++) {
		r[0] = rev[i][0];
		fw_make(img, 4096, r, 0);
		fw_load(io, img, 4096);
		assert_int_equal(fw_commit(io, 0, NVME_FW_CA_REPLACE_ACTIVATE), 0);
		if (i == 2) {
			expect_slots(io, 1, 2, SLOTS(FIRST, "C       ", "B       ")); /* 3 was the next one */
			adm_reset(io);
		}
		if (i == 3)
			expect_slots(io, 2, 3, SLOTS(FIRST, "C       ", "D       "));
	}
	expect_slots(io, 2, 3, SLOTS(FIRST, "C       ", "E       ")); /* no other: not the one that runs */
}

static void
activate_at_reset(void **state)
{
	struct io *io = *state;

	fw_make(img, 4096, "4.0     ", SSD_FW_NEEDS_RESET | SSD_FW_NEEDS_TIME);
	fw_load(io, img, 4096);
	assert_int_equal(fw_commit(io, 2, NVME_FW_CA_REPLACE_ACTIVATE), 0);
	expect_slots(io, 1, 2, SLOTS(FIRST, "4.0     ", NULL));
	expect_fr(io, FIRST);
	adm_reset(io);
	expect_slots(io, 2, 0, SLOTS(FIRST, "4.0     ", NULL));
	expect_fr(io, "4.0     ");
	assert_int_equal(fw_commit(io, 1, NVME_FW_CA_ACTIVATE), 0); /* and back */
	expect_slots(io, 2, 1, SLOTS(FIRST, "4.0     ", NULL));
	ssd_function_reset(io->r->ssd);
	adm_restart(io);
	expect_fr(io, FIRST);
}

/* Firmware that runs is in memory: its slot may be overwritten, and counts from the next power-on. */
static void
slot_in_use(void **state)
{
	struct io *io = *state;

	fw_make(img, 4096, "4.0     ", 0);
	fw_load(io, img, 4096);
	assert_int_equal(fw_commit(io, 2, NVME_FW_CA_REPLACE_ACTIVATE), 0);
	adm_reset(io);
	fw_make(img, 4096, "4.1     ", 0);
	fw_load(io, img, 4096);
	assert_int_equal(fw_commit(io, 2, NVME_FW_CA_REPLACE), 0);
	adm_reset(io);
	expect_fr(io, "4.0     ");
	expect_slots(io, 2, 0, SLOTS(FIRST, "4.1     ", NULL));
	adm_power_cycle(io);
	expect_fr(io, "4.1     ");
}

static void
needs_more_than_a_reset(void **state)
{
	static const struct {
		uint32_t flags;
		nvme_status st;
	} cases[] = { { SSD_FW_NEEDS_CONV, NVME_SC_FW_NEEDS_CONV_RESET },
		      { SSD_FW_NEEDS_NSSR, NVME_SC_FW_NEEDS_SUBSYS_RESET } };
	struct io *io = *state;

	for (size_t i = 0; i < 2; i++) {
		for (int how = 0; how < 3; how++) {
			fw_make(img, 4096, "5.0     ", cases[i].flags);
			fw_load(io, img, 4096);
			assert_int_equal(
				fw_commit(io, 2, how < 2 ? NVME_FW_CA_REPLACE_ACTIVATE : NVME_FW_CA_ACTIVATE_NOW),
				cases[i].st);
			adm_reset(io);
			expect_fr(io, FIRST);
			ssd_function_reset(io->r->ssd);
			adm_restart(io);
			expect_fr(io, FIRST);
			expect_slots(io, 1, 2, SLOTS(FIRST, "5.0     ", NULL));
			if (how == 1) {
				adm_power_cycle(io);
			} else {
				rig_set(io->r, NVME_REG_NSSR, NVME_NSSR_VALUE);
				adm_restart(io);
			}
			expect_fr(io, "5.0     ");
			assert_int_equal(fw_commit(io, 1, NVME_FW_CA_ACTIVATE), 0);
			adm_reset(io);
		}
	}
}

static void
not_at_once(void **state)
{
	struct io *io = *state;

	fw_make(img, 4096, "6.0     ", SSD_FW_NEEDS_TIME);
	fw_load(io, img, 4096);
	assert_int_equal(fw_commit(io, 2, NVME_FW_CA_ACTIVATE_NOW), NVME_SC_FW_NEEDS_MAX_TIME);
	expect_slots(io, 1, 0, SLOTS(FIRST, "6.0     ", NULL));
	fw_make(img, 4096, "6.1     ", SSD_FW_NEEDS_RESET);
	fw_load(io, img, 4096);
	assert_int_equal(fw_commit(io, 3, NVME_FW_CA_ACTIVATE_NOW), NVME_SC_FW_NEEDS_CTRLR_RESET);
	expect_slots(io, 1, 3, SLOTS(FIRST, "6.0     ", "6.1     "));
	adm_reset(io);
	expect_fr(io, "6.1     ");
}

static void
prohibited(void **state)
{
	struct io *io = *state;

	fw_make(img, 4096, "0.0     ", SSD_FW_PROHIBITED);
	for (int ca = NVME_FW_CA_REPLACE_ACTIVATE; ca <= NVME_FW_CA_ACTIVATE_NOW; ca++) {
		fw_load(io, img, 4096);
		assert_int_equal(fw_commit(io, 2, (enum nvme_fw_ca)ca),
				 ca == NVME_FW_CA_ACTIVATE ? NVME_SC_INVALID_FW_IMAGE : NVME_SC_FW_PROHIBITED);
	}
	expect_slots(io, 1, 0, SLOTS(FIRST, NULL, NULL));
	fw_load(io, img, 4096);
	assert_int_equal(fw_commit(io, 2, NVME_FW_CA_REPLACE), 0);
	assert_int_equal(fw_commit(io, 2, NVME_FW_CA_ACTIVATE), NVME_SC_FW_PROHIBITED);
}

/* The event, the pause in which nothing is served, and the completion, in that order. */
static void
activate_now(void **state)
{
	struct io *io = *state;
	struct nvme_sqe sqe;
	struct nvme_cqe cqe;
	uint16_t cid;

	fw_make(img, 4096, "7.0     ", 0);
	fw_load(io, img, 4096);
	adm_aer(io);
	nvme_prep_fw_commit(&sqe, 2, NVME_FW_CA_ACTIVATE_NOW);
	cid = rig_put(io->r, 0, &sqe);
	nvme_prep_keep_alive(&sqe);
	rig_put(io->r, 0, &sqe);
	rig_ring(io->r, 0);
	rig_flushes(io->r, 1, 3);
	assert_int_equal(adm_event(io), NVME_AER_NOTICE | NVME_AER_NOTICE_FW_ACTIVATION << 8 | 3 << 16);
	assert_true(rig_reg(io->r, NVME_REG_CSTS) & NVME_CSTS_PP);
	assert_false(rig_reap(io->r, 0, &cqe));
	assert_true(ssd_step(io->r->ssd, io->r->now) > io->r->now);
	io->r->ssd->timers_ns = 0; /* as if something else were due */
	adm_sleep(io, 40 * ADM_MS);
	assert_true(rig_reg(io->r, NVME_REG_CSTS) & NVME_CSTS_PP);
	assert_false(rig_reap(io->r, 0, &cqe));
	assert_int_equal(rig_reap_all(io->r, 1), 0);
	adm_sleep(io, 10 * ADM_MS);
	assert_false(rig_reg(io->r, NVME_REG_CSTS) & NVME_CSTS_PP);
	assert_true(rig_reap(io->r, 0, &cqe));
	assert_int_equal(cqe.cid, cid);
	assert_int_equal(nvme_status_of(le16_get(cqe.status)), 0);
	assert_true(rig_reap(io->r, 0, &cqe));
	assert_int_equal(rig_reap_all(io->r, 1), 3);
	expect_fr(io, "7.0     ");
	expect_slots(io, 2, 0, SLOTS(FIRST, "7.0     ", NULL));
}

/* One that is in its slot already; all controllers pause; a reset in the middle activates too. */
static void
activate_now_existing(void **state)
{
	struct io *io = *state;
	struct nvme_sqe sqe;
	struct ssd *second;

	assert_int_equal(ssd_ctrlr_open(io->r->sub, &rig_port_ops, io->r, NULL, &second), 0);
	second->stopped = false;
	fw_make(img, 4096, "8.0     ", 0);
	fw_load(io, img, 4096);
	assert_int_equal(fw_commit(io, 3, NVME_FW_CA_REPLACE), 0);
	nvme_prep_fw_commit(&sqe, 3, NVME_FW_CA_ACTIVATE_NOW);
	rig_put(io->r, 0, &sqe);
	rig_ring(io->r, 0);
	rig_step(io->r);
	assert_true(ssd_bar_read(second, NVME_REG_CSTS, 4) == UINT32_MAX || (second->csts & NVME_CSTS_PP));
	assert_int_equal(second->nr_aer_events, 1);
	second->stopped = true;
	ssd_step(second, io->r->now + 50 * ADM_MS);
	assert_false(second->csts & NVME_CSTS_PP);
	ssd_ctrlr_close(second);
	adm_reset(io);
	assert_false(rig_reg(io->r, NVME_REG_CSTS) & NVME_CSTS_PP);
	adm_sleep(io, 60 * ADM_MS);
	assert_int_equal(rig_reap_all(io->r, 0), 0); /* that completion went with its queue */
	expect_fr(io, "8.0     ");
	assert_int_equal(fw_commit(io, 7, NVME_FW_CA_ACTIVATE_NOW), NVME_SC_INVALID_FW_SLOT);
	assert_int_equal(fw_commit(io, 0, NVME_FW_CA_ACTIVATE_NOW), NVME_SC_INVALID_FW_SLOT);
}

static struct io
image_io(const char *path, const char *fr)
{
	struct ssd_config cfg = {
		.nr_ns = 1, .ns = { { 1u << 20, 512 } }, .media = SSD_MEDIA_FILE, .image = path, .create = true
	};
	struct io io;

	memcpy(cfg.fr, fr, strlen(fr));
	io_init(&io, rig_open_config(&cfg));
	adm_enable(&io);
	return io;
}

/* Slots are in the image; slot 1 is what the program that opens it says. */
static void
kept_in_the_image(void **state)
{
	char path[] = "/tmp/nvproof-fw-XXXXXX";
	int fd = mkstemp(path);
	struct io io;

	(void)state;
	assert_true(fd >= 0);
	io = image_io(path, "first");
	fw_make(img, 4096, "9.0     ", SSD_FW_NEEDS_NSSR);
	fw_load(&io, img, 4096);
	assert_int_equal(fw_commit(&io, 3, NVME_FW_CA_REPLACE_ACTIVATE), NVME_SC_FW_NEEDS_SUBSYS_RESET);
	rig_close(io.r);
	io = image_io(path, "second");
	expect_fr(&io, "9.0     ");
	expect_slots(&io, 3, 0, SLOTS("second  ", NULL, "9.0     "));
	for (uint8_t i = 0; i < 3; i++) {
		io.r->sub->fw.kept.active = (uint8_t[]){ 2, 0, 4 }[i]; /* an empty one, and none */
		ssd_part_save(io.r->sub, SSD_PART_FW);
		rig_close(io.r);
		io = image_io(path, "third");
		expect_slots(&io, 1, 0, SLOTS("third   ", NULL, NULL));
	}
	rig_close(io.r);
	close(fd);
	unlink(path);
}

#define T(f) cmocka_unit_test_setup_teardown(f, io_setup, io_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(announced),
		T(pieces),
		T(overlap),
		T(any_order),
		T(not_an_image),
		T(wrong_lengths),
		T(wrong_slots),
		T(drive_chooses),
		T(drive_chooses_empty),
		T(activate_at_reset),
		T(slot_in_use),
		T(not_at_once),
		T(needs_more_than_a_reset),
		T(prohibited),
		T(activate_now),
		T(activate_now_existing),
		cmocka_unit_test(kept_in_the_image),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
