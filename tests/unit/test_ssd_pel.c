/* SPDX-License-Identifier: BSD-3-Clause */
/* The Persistent Event log: the context protocol, what each event says, and the bound on all of it. */
#include "ssd_fw_image.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "nvproof/spec/pel.h"
#include "ssd/admin/pel.h"
#define LSP(a) ((uint32_t)(a) << 8)
#define PEL(a) (NVME_LOG_PEL | LSP(a))

static nvme_status
pel(struct io *io, enum nvme_pel_action action, uint32_t off, uint32_t len)
{
	return adm_log_part(io, PEL(action), off, len);
}

/* A context made anew, and all of the log. */
static const struct nvme_pel_hdr *
snapshot(struct io *io)
{
	assert_int_equal(pel(io, NVME_PEL_RELEASE, 0, 4), 0);
	assert_int_equal(pel(io, NVME_PEL_ESTABLISH, 0, SSD_PEL_MAX), 0);
	return (const void *)io_buf(io);
}

/* The n-th event, the newest is 0; *data is what follows its header. */
static struct nvme_pel_event
event(struct io *io, uint32_t n, const void **data)
{
	const struct nvme_pel_hdr *h = (const void *)io_buf(io);
	uint32_t off = sizeof(*h);
	struct nvme_pel_event e;

	assert_true(n < le32_get(h->tnev));
	for (;; off += 3u + e.ehl + le16_get(e.el)) {
		memcpy(&e, io_buf(io) + off, sizeof(e));
		assert_int_equal(e.ehl, 21);
		assert_int_equal(e.etrev, 1);
		if (!n--)
			break;
	}
	*data = io_buf(io) + off + sizeof(e);
	return e;
}

static struct nvme_pel_event
newest(struct io *io, enum nvme_pel_type type, uint16_t len, void *data)
{
	const void *p;
	struct nvme_pel_event e;

	snapshot(io);
	e = event(io, 0, &p);
	assert_int_equal(e.etype, type);
	assert_int_equal(le16_get(e.el), len);
	memcpy(data, p, len);
	return e;
}

static void
announced(void **state)
{
	struct io *io = *state;
	const struct nvme_id_ctrl *id = adm_identify(io);
	const le32 *lids;

	assert_true(id->lpa & NVME_LPA_PES);
	assert_int_equal(le32_get(id->pels), 1);
	lids = adm_log(io, NVME_LOG_SUPPORTED, 1024);
	assert_int_equal(le32_get(lids[NVME_LOG_PEL]), 1 | 1u << 16);
}

static void
context(void **state)
{
	struct io *io = *state;
	const struct nvme_pel_hdr *h = (const void *)io_buf(io);
	uint32_t before;

	assert_int_equal(pel(io, NVME_PEL_READ, 0, 512), NVME_SC_CMD_SEQUENCE);
	assert_int_equal(io_blamed(io), 41);
	assert_int_equal(pel(io, NVME_PEL_RELEASE, 0, 512), 0); /* none: no error */
	assert_int_equal(io_buf(io)[0], 0xee); /* and no data */
	assert_int_equal(pel(io, NVME_PEL_ESTABLISH, 0, 512), 0);
	before = le32_get(h->tnev);
	assert_int_equal(le16_get(h->gnum), 1);
	assert_int_equal(pel(io, NVME_PEL_ESTABLISH, 0, 512), NVME_SC_CMD_SEQUENCE);
	assert_int_equal(adm_opc(io, NVME_ADM_FORMAT_NVM, 1, 0, 0), 0);
	assert_int_equal(pel(io, NVME_PEL_READ, 0, 512), 0); /* what it was */
	assert_int_equal(le32_get(h->tnev), before);
	assert_int_equal(pel(io, NVME_PEL_ESTABLISH_HDR, 0, 512), 0); /* that one, and not anew */
	assert_int_equal(le32_get(h->tnev), before);
	assert_int_equal(le16_get(h->rci[1]), 4); /* RCE */
	assert_int_equal(pel(io, NVME_PEL_READ, 0, 512), 0);
	assert_int_equal(le16_get(h->rci[1]), 0);
	assert_int_equal(pel(io, NVME_PEL_RELEASE, 0, 512), 0);
	assert_int_equal(pel(io, NVME_PEL_READ, 0, 512), NVME_SC_CMD_SEQUENCE);
	assert_int_equal(pel(io, NVME_PEL_ESTABLISH_HDR, 0, 512), 0);
	assert_int_equal(le32_get(h->tnev), before + 2);
	assert_int_equal(le16_get(h->gnum), 2);
	assert_int_equal(le16_get(h->rci[1]), 0);
	adm_reset(io);
	assert_int_equal(pel(io, NVME_PEL_READ, 0, 512), NVME_SC_CMD_SEQUENCE);
}

static void
wrong_reads(void **state)
{
	struct io *io = *state;

	assert_int_equal(pel(io, NVME_PEL_ESTABLISH, SSD_PEL_MAX + 4, 512), NVME_SC_INVALID_FIELD);
	assert_int_equal(pel(io, NVME_PEL_ESTABLISH, 2, 512), NVME_SC_INVALID_FIELD);
	assert_int_equal(pel(io, NVME_PEL_READ, 0, 512), NVME_SC_CMD_SEQUENCE); /* those established nothing */
}

static void
header(void **state)
{
	struct io *io = *state;
	struct nvme_id_ctrl id = *adm_identify(io);
	const struct nvme_pel_hdr *h = snapshot(io);
	uint32_t len = 512, n = 0;
	const void *p;

	assert_int_equal(h->lid, 0x0d);
	assert_int_equal(le16_get(h->lhl), 492);
	assert_int_equal(le32_get(h->pcc[0]), 1);
	assert_memory_equal(h->sn, id.sn, 20);
	assert_memory_equal(h->mn, id.mn, 40);
	assert_memory_equal(h->subnqn, id.subnqn, 256);
	assert_int_equal(le16_get(h->vid), le16_get(id.vid));
	for (; n < le32_get(h->tnev); n++) {
		struct nvme_pel_event e = event(io, n, &p);

		assert_true(h->seb[e.etype / 8] >> e.etype % 8 & 1);
		len += 24u + le16_get(e.el);
	}
	assert_int_equal(le32_get(h->tll[0]), len);
	/* Power-on came first, the SMART snapshot after it. */
	assert_int_equal(event(io, n - 1, &p).etype, NVME_PEL_RESET);
	assert_memory_equal(p, id.fr, 8);
	assert_int_equal(event(io, n - 2, &p).etype, NVME_PEL_SMART);
	assert_int_equal(((const uint8_t *)p)[3], 100); /* AVSP */
}

/* Parts of the log are the parts of the whole. */
static void
parts(void **state)
{
	struct io *io = *state;
	uint8_t *whole = test_malloc(4096);

	snapshot(io);
	memcpy(whole, io_buf(io), 4096);
	for (uint32_t off = 0; off < 4096; off += 64) {
		assert_int_equal(pel(io, NVME_PEL_READ, off, 64), 0);
		assert_memory_equal(io_buf(io), whole + off, 64);
	}
	test_free(whole);
}

static void
resets(void **state)
{
	struct io *io = *state;
	uint8_t data[44];
	struct nvme_pel_reset r;

	adm_sleep(io, 5000 * ADM_MS);
	adm_reset(io);
	assert_int_equal(le16_get(newest(io, NVME_PEL_RESET, 44, data).cntlid), 1);
	memcpy(&r, data + 8, sizeof(r));
	assert_int_equal(le16_get(r.cid), 1);
	assert_int_equal(r.fwact, 0);
	assert_int_equal(le32_get(r.cpc), 1);
	assert_true(le32_get(r.poms[0]) >= 5000);
	ssd_function_reset(io->r->ssd);
	adm_restart(io);
	newest(io, NVME_PEL_RESET, 44, data);
}

/* Power off and on: a reset event of all controllers, and that it was not shut down before. */
static void
power(void **state)
{
	struct io *io = *state;
	struct nvme_pel_hw_error e;
	struct nvme_pel_event ev;
	const void *p;

	adm_power_cycle(io);
	snapshot(io);
	assert_int_equal(event(io, 0, &p).etype, NVME_PEL_SMART);
	ev = event(io, 1, &p);
	assert_int_equal(ev.etype, NVME_PEL_RESET);
	assert_int_equal(le16_get(ev.el), 44);
	assert_int_equal(event(io, 2, &p).etype, NVME_PEL_HW_ERROR);
	memcpy(&e, p, sizeof(e));
	assert_int_equal(le16_get(e.code), NVME_PEL_HW_UNSAFE_SHUTDOWN);
	rig_set(io->r, NVME_REG_CC, RIG_CC | nvme_put32(NVME_CC_SHN, NVME_CC_SHN_NORMAL));
	rig_step(io->r);
	adm_power_cycle(io);
	snapshot(io);
	assert_int_equal(event(io, 2, &p).etype, NVME_PEL_SMART); /* that of before: it was clean */
}

static void
smart_every_day(void **state)
{
	struct io *io = *state;
	const uint64_t hour = 3600000 * ADM_MS;
	uint32_t before = le32_get(snapshot(io)->tnev);

	adm_sleep(io, 23 * hour);
	assert_int_equal(le32_get(snapshot(io)->tnev), before);
	adm_sleep(io, hour);
	assert_int_equal(le32_get(snapshot(io)->tnev), before + 1);
	adm_sleep(io, 24 * hour);
	assert_int_equal(le32_get(snapshot(io)->tnev), before + 2);
}

static void
firmware(void **state)
{
	static uint8_t img[4096];
	struct io *io = *state;
	struct nvme_pel_fw_commit e;
	uint8_t data[44];

	fw_make(img, 4096, "2.0     ", 0);
	fw_load(io, img, 4096);
	assert_int_equal(fw_commit(io, 3, NVME_FW_CA_REPLACE_ACTIVATE), 0);
	newest(io, NVME_PEL_FW_COMMIT, 22, &e);
	assert_memory_equal(e.ofr, "0.1     ", 8);
	assert_memory_equal(e.nfr, "2.0     ", 8);
	assert_int_equal(e.fca, 1);
	assert_int_equal(e.fslt, 3);
	assert_int_equal(e.sct | e.sc, 0);
	assert_int_equal(fw_commit(io, 7, NVME_FW_CA_ACTIVATE), NVME_SC_INVALID_FW_SLOT);
	newest(io, NVME_PEL_FW_COMMIT, 22, &e);
	assert_int_equal(e.sct, 1);
	assert_int_equal(e.sc, 6);
	adm_reset(io);
	newest(io, NVME_PEL_RESET, 44, data);
	assert_memory_equal(data, "2.0     ", 8);
	assert_int_equal(data[10], 1); /* FWACT */
	adm_reset(io);
	newest(io, NVME_PEL_RESET, 44, data);
	assert_int_equal(data[10], 0);
}

static void
timestamps(void **state)
{
	struct io *io = *state;
	struct nvme_pel_timestamp e;
	struct nvme_pel_event ev;

	adm_sleep(io, 3000 * ADM_MS);
	adm_reset(io);
	adm_sleep(io, 7000 * ADM_MS);
	memset(io_buf(io), 0, 8);
	io_buf(io)[2] = 1; /* 65,536 ms */
	assert_int_equal(io_feature_set(io, NVME_FEAT_TIMESTAMP, 0, 0, false), 0);
	ev = newest(io, NVME_PEL_TIMESTAMP, 16, &e);
	assert_in_range(le32_get(e.msr[0]), 7000, 7010);
	assert_in_range(le32_get(e.ptstp[0]), 7000, 7010);
	assert_in_range(le16_get(ev.ets[0]), 0, 10);
	assert_int_equal(le16_get(ev.ets[1]), 1); /* the new one */
	assert_int_equal(le16_get(ev.ets[3]), 1 << 1); /* origin: Set Features */
}

static void
formats(void **state)
{
	struct io *io = *state;
	struct nvme_pel_format_start s;
	struct nvme_pel_format_done d;
	const void *p;

	assert_int_equal(adm_opc(io, NVME_ADM_FORMAT_NVM, 2, 1u << 9, 0), 0);
	newest(io, NVME_PEL_FORMAT_DONE, 12, &d);
	assert_int_equal(le32_get(d.nsid), 2);
	assert_int_equal(le32_get(d.sf), 0);
	assert_int_equal(event(io, 1, &p).etype, NVME_PEL_FORMAT_START);
	memcpy(&s, p, sizeof(s));
	assert_int_equal(le32_get(s.nsid), 2);
	assert_int_equal(le32_get(s.cdw10), 1u << 9);
	assert_int_equal(s.fna, NVME_FNA_CRYES);
}

static void
heat(void **state)
{
	static const struct {
		uint16_t to;
		uint8_t thresh, otmp;
	} steps[] = { { 320, NVME_PEL_THRESH_TMT1, 0 },
		      { 334, NVME_PEL_THRESH_TMT2, 4 },
		      { 343, NVME_PEL_THRESH_WCTEMP, 0 },
		      { 300, NVME_PEL_THRESH_NORMAL, 43 },
		      { 280, NVME_PEL_THRESH_UNDER, 10 } };
	struct io *io = *state;
	struct nvme_pel_thermal e;
	struct nvme_pel_hw_error hw;
	const void *p;

	assert_int_equal(io_feature_set(io, NVME_FEAT_HCTM, 0, 320u << 16 | 330, false), 0);
	assert_int_equal(io_feature_set(io, NVME_FEAT_TEMP_THRESH, 0, 1u << 20 | 290, false), 0);
	for (size_t i = 0; i < UT_ARRAY_LEN(steps); i++) {
		ssd_set_temperature(io->r->sub, steps[i].to);
		newest(io, NVME_PEL_THERMAL, 2, &e);
		assert_int_equal(e.thresh, steps[i].thresh);
		assert_int_equal(e.otmp, steps[i].otmp);
	}
	ssd_set_temperature(io->r->sub, 350);
	ssd_set_temperature(io->r->sub, 353);
	snapshot(io);
	assert_int_equal(event(io, 0, &p).etype, NVME_PEL_TELEMETRY);
	assert_int_equal(event(io, 1, &p).etype, NVME_PEL_HW_ERROR);
	memcpy(&hw, p, sizeof(hw));
	assert_int_equal(le16_get(hw.code), NVME_PEL_HW_CRITICAL_WARNING);
	assert_int_equal(event(io, 2, &p).etype, NVME_PEL_THERMAL);
	memcpy(&e, p, sizeof(e));
	assert_int_equal(e.thresh, NVME_PEL_THRESH_CCTEMP);
}

static void
namespaces(void **state)
{
	struct io *io = *state;
	struct nvme_pel_ns_change e;
	uint64_t nsze = io->r->sub->ns[1].nsze;

	assert_int_equal(adm_opc(io, NVME_ADM_NS_MGMT, 2, NVME_NS_MGMT_DELETE, 0), 0);
	newest(io, NVME_PEL_NS_CHANGE, 48, &e);
	assert_int_equal(le32_get(e.cdw10), NVME_NS_MGMT_DELETE);
	assert_int_equal(le32_get(e.nsid), 2);
	assert_int_equal(le64_get(e.nsze), nsze);
	memset(io_buf(io), 0, SSD_PAGE);
	io_buf(io)[0] = 64; /* NSZE, NCAP */
	io_buf(io)[8] = 64;
	assert_int_equal(adm_opc(io, NVME_ADM_NS_MGMT, 0, NVME_NS_MGMT_CREATE, 0), 0);
	newest(io, NVME_PEL_NS_CHANGE, 48, &e);
	assert_int_equal(le32_get(e.cdw10), NVME_NS_MGMT_CREATE);
	assert_int_equal(le64_get(e.ncap), 64);
}

static void
sanitize(void **state)
{
	struct io *io = *state;
	struct nvme_pel_sanitize_start s;
	struct nvme_pel_sanitize_done d;
	const void *p;

	assert_int_equal(adm_opc(io, NVME_ADM_SANITIZE, 0, NVME_SANACT_CRYPTO_ERASE, 7), 0);
	adm_sleep(io, 3600000 * ADM_MS);
	newest(io, NVME_PEL_SANITIZE_DONE, 8, &d);
	assert_int_equal(le16_get(d.sprog), 0xffff);
	assert_int_equal(nvme_get(le16_get(d.sstat), NVME_SSTAT_SOS), NVME_SOS_OK);
	assert_int_equal(event(io, 1, &p).etype, NVME_PEL_SANITIZE_START);
	memcpy(&s, p, sizeof(s));
	assert_int_equal(le32_get(s.cdw10), NVME_SANACT_CRYPTO_ERASE);
	assert_int_equal(le32_get(s.cdw11), 7);
	assert_int_equal(le32_get(s.sanicap), le32_get(adm_identify(io)->sanicap));
}

static void
fatal(void **state)
{
	struct io *io = *state;
	struct nvme_pel_hw_error hw;
	const void *p;

	ssd_fatal(io->r->ssd);
	ssd_fatal(io->r->ssd); /* it cannot become more so */
	adm_reset(io);
	snapshot(io);
	assert_int_equal(event(io, 0, &p).etype, NVME_PEL_RESET);
	assert_int_equal(event(io, 1, &p).etype, NVME_PEL_TELEMETRY);
	assert_int_equal(event(io, 2, &p).etype, NVME_PEL_HW_ERROR);
	memcpy(&hw, p, sizeof(hw));
	assert_int_equal(le16_get(hw.code), NVME_PEL_HW_FATAL);
	assert_int_not_equal(event(io, 3, &p).etype, NVME_PEL_TELEMETRY);
}

/* More events than there is room for: the oldest are gone, the rest is whole. */
static void
bounded(void **state)
{
	struct io *io = *state;
	const struct nvme_pel_hdr *h;
	const void *p;

	for (uint32_t i = 0; i < 400; i++) {
		uint8_t data[512];

		memset(data, (int)i, sizeof(data));
		ssd_pel_add(io->r->sub, io->r->ssd, NVME_PEL_VENDOR, data, 100 + i);
	}
	h = snapshot(io);
	assert_true(le32_get(h->tll[0]) <= SSD_PEL_MAX);
	assert_true(le32_get(h->tll[0]) > SSD_PEL_MAX - 600);
	assert_in_range(le32_get(h->tnev), 100, 200);
	for (uint32_t n = 0; n < le32_get(h->tnev); n++) {
		struct nvme_pel_event e = event(io, n, &p);

		assert_int_equal(e.etype, NVME_PEL_VENDOR);
		assert_int_equal(le16_get(e.el), 100 + 399 - n);
		assert_int_equal(((const uint8_t *)p)[99 + 399 - n], (uint8_t)(399 - n));
	}
}

static struct io
image_io(const char *path)
{
	struct io io;

	io_init(&io, rig_open_config(&(struct ssd_config){ .nr_ns = 1,
							   .ns = { { 1u << 20, 512 } },
							   .media = SSD_MEDIA_FILE,
							   .image = path,
							   .create = true }));
	adm_enable(&io);
	return io;
}

static void
kept_in_the_image(void **state)
{
	char path[] = "/tmp/nvproof-pel-XXXXXX";
	int fd = mkstemp(path);
	uint32_t before;
	struct io io;
	const void *p;

	(void)state;
	assert_true(fd >= 0);
	io = image_io(path);
	assert_int_equal(adm_opc(&io, NVME_ADM_FORMAT_NVM, 1, 0, 0), 0);
	before = le32_get(snapshot(&io)->tnev);
	rig_close(io.r);
	io = image_io(path);
	assert_int_equal(le32_get(snapshot(&io)->tnev), before + 3); /* unsafe, power on, SMART */
	assert_int_equal(event(&io, 3, &p).etype, NVME_PEL_FORMAT_DONE);
	assert_int_equal(le16_get(((const struct nvme_pel_hdr *)(const void *)io_buf(&io))->gnum), 2);
	assert_int_equal(adm_opc(&io, NVME_ADM_FORMAT_NVM, 1, 0, 0), 0);
	io.r->sub->powered = false; /* nothing more is saved */
	rig_close(io.r);
	io = image_io(path);
	snapshot(&io);
	assert_int_equal(event(&io, 3, &p).etype, NVME_PEL_FORMAT_DONE);
	for (int i = 0; i < 2; i++) {
		struct ssd_pel_kept *k = &io.r->sub->pel;

		if (i)
			k->used = le32_from(SSD_PEL_BYTES + 1);
		else
			k->used = le32_from(le32_get(k->used) - 1); /* the last is not whole */
		ssd_part_save(io.r->sub, SSD_PART_PEL);
		memset(k, 0, sizeof(*k));
		io.r->sub->powered = false; /* nothing more is saved */
		rig_close(io.r);
		io = image_io(path);
		assert_int_equal(le32_get(snapshot(&io)->tnev), 2); /* as a new one */
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
		T(context),
		T(wrong_reads),
		T(header),
		T(parts),
		T(resets),
		T(power),
		T(formats),
		T(smart_every_day),
		T(firmware),
		T(heat),
		T(timestamps),
		T(fatal),
		T(bounded),
		T(namespaces),
		T(sanitize),
		cmocka_unit_test(kept_in_the_image),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
