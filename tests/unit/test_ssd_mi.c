/* SPDX-License-Identifier: BSD-3-Clause */
/* The management interface in band: what it tells, what changes, what is refused where, and Vital Product Data. */
#include "ssd_adm.h"
#include "ssd_second.h"
#include "nvproof/spec/mi.h"
#include <unistd.h>

#define HEADER (NVME_MI_MT_NVME | NVME_MI_NMIMT_MI << 11)
#define ALL_CHANGES 0x1fu

static nvme_status
mi_raw(struct io *io, uint8_t adm, uint32_t header, uint32_t opc, uint32_t nmd0, uint32_t nmd1)
{
	struct nvme_sqe sqe = { .opc = adm,
				.cdw10 = le32_from(header),
				.cdw11 = le32_from(opc),
				.cdw12 = le32_from(nmd0),
				.cdw13 = le32_from(nmd1) };

	return io_admin(io, &sqe, 4096);
}

/* The answer's DW0 of a command that the drive itself accepts. */
static uint32_t
recv(struct io *io, uint32_t opc, uint32_t nmd0, uint32_t nmd1)
{
	memset(io_buf(io), 0xee, 4096);
	assert_int_equal(mi_raw(io, NVME_ADM_MI_RECV, HEADER, opc, nmd0, nmd1), 0);
	return le32_get(io->cqe.dw0);
}

static uint32_t
send(struct io *io, uint32_t opc, uint32_t nmd0, uint32_t nmd1)
{
	assert_int_equal(mi_raw(io, NVME_ADM_MI_SEND, HEADER, opc, nmd0, nmd1), 0);
	return le32_get(io->cqe.dw0);
}

static uint32_t
bad(uint32_t byte)
{
	return byte << 16 | NVME_MI_INVALID_PARAM;
}

static uint32_t
data(uint32_t dtyp, uint32_t port, uint32_t ctrl)
{
	return dtyp << 24 | port << 16 | ctrl;
}

static void
announced(void **state)
{
	struct io *io = *state;
	const struct nvme_id_ctrl *id = adm_identify(io);
	struct nvme_mi_effects_log log;

	assert_true(le16_get(id->oacs) & NVME_OACS_NSRS);
	assert_int_equal(id->nvmsr, NVME_NVMSR_NVMESD);
	assert_int_equal(id->mec, 0);
	assert_int_equal(id->vwci, 0x80 | 100);
	memcpy(&log, adm_log(io, NVME_LOG_MI_EFFECTS, sizeof(log)), sizeof(log));
	for (uint32_t opc = 0; opc < 256; opc++) {
		bool there = le32_get(log.mics[opc]) & NVME_EFFECTS_CSUPP;
		bool by_send = (send(io, opc, 0, 0) & 0xff) != NVME_MI_INVALID_OPCODE;
		bool by_recv = (recv(io, opc, 0, 0) & 0xff) != NVME_MI_INVALID_OPCODE;

		assert_int_equal(there, by_send || by_recv);
		assert_false(by_send && by_recv); /* one direction each */
		assert_int_equal(there, opc <= NVME_MI_VPD_WRITE);
	}
}

static void
headers(void **state)
{
	static const uint32_t wrong[] = { 0,
					  3 | 1 << 11,
					  4,
					  4 | 2 << 11,
					  4 | 4 << 11,
					  HEADER | 1 << 7,
					  HEADER | 1 << 15,
					  HEADER | 1 << 16,
					  HEADER | 1 << 17 };
	struct io *io = *state;

	for (size_t i = 0; i < UT_ARRAY_LEN(wrong); i++) {
		assert_int_equal(mi_raw(io, NVME_ADM_MI_RECV, wrong[i], 0, 0, 0), NVME_SC_INVALID_FIELD);
		assert_int_equal(mi_raw(io, NVME_ADM_MI_SEND, wrong[i], 3, 2, 0), NVME_SC_INVALID_FIELD);
	}
	assert_int_equal(mi_raw(io, NVME_ADM_MI_RECV, HEADER | 1 << 8, 0, 0, 0), 0); /* a command slot */
}

static void
data_structures(void **state)
{
	struct io *io = *state;
	const struct nvme_mi_subsys_info *sub = (const void *)io_buf(io);
	const struct nvme_mi_port_info *port = (const void *)io_buf(io);
	const struct nvme_mi_ctrl_info *ctrl = (const void *)io_buf(io);

	assert_int_equal(recv(io, 0, data(NVME_MI_DTYP_SUBSYS, 0, 0), 0), 32 << 8);
	assert_int_equal(sub->nump, 0);
	assert_int_equal(sub->mjr << 8 | sub->mnr, 0x102);
	assert_int_equal(recv(io, 0, data(NVME_MI_DTYP_PORT, 0, 0), 0), 32 << 8);
	assert_int_equal(port->portt, 1);
	assert_int_equal(le32_get(port->meb), 0);
	assert_int_equal(port->cls, rig_cfg(io->r, rig_capability(io->r, 0x10) + 0x12, 2) & 0xf);
	assert_int_equal(port->nlw, rig_cfg(io->r, rig_capability(io->r, 0x10) + 0x12, 2) >> 4 & 0x3f);
	assert_int_equal(port->sls, (1 << (rig_cfg(io->r, rig_capability(io->r, 0x10) + 0x0c, 4) & 0xf)) - 1);
	assert_int_equal(recv(io, 0, data(NVME_MI_DTYP_PORT, 1, 0), 0), bad(10));
	assert_int_equal(recv(io, 0, data(NVME_MI_DTYP_CTRL_LIST, 0, 0), 0), 4 << 8);
	assert_int_equal(io_buf(io)[0] | io_buf(io)[2] << 8, 0x101);
	assert_int_equal(io_buf(io)[4], 0xee);
	assert_int_equal(recv(io, 0, data(NVME_MI_DTYP_CTRL_LIST, 0, 2), 0), 2 << 8);
	assert_int_equal(recv(io, 0, data(NVME_MI_DTYP_CTRL, 0, 1), 0), 32 << 8);
	assert_int_equal(le16_get(ctrl->vid), rig_cfg(io->r, 0, 2));
	assert_int_equal(le16_get(ctrl->did), rig_cfg(io->r, 2, 2));
	assert_int_equal(recv(io, 0, data(NVME_MI_DTYP_CTRL, 0, 2), 0), bad(8));
	assert_int_equal(recv(io, 0, data(NVME_MI_DTYP_CTRL, 0, 0), 0), bad(8));
	assert_int_equal(recv(io, 0, data(NVME_MI_DTYP_OPTIONAL, 0, 0), 0), 4 << 8);
	assert_memory_equal(io_buf(io), ((uint8_t[]){ 1, 0, 1 << 3, 6 }), 4);
	for (uint32_t dtyp = NVME_MI_DTYP_MEB; dtyp < 256; dtyp++)
		assert_int_equal(recv(io, 0, data(dtyp, 0, 1), 0), bad(11));
}

static struct nvme_mi_subsys_health
subsystem(struct io *io, bool clear)
{
	struct nvme_mi_subsys_health h;

	assert_int_equal(recv(io, NVME_MI_SUBSYS_HEALTH, 0, clear ? 1u << 31 : 0), 0);
	memcpy(&h, io_buf(io), sizeof(h));
	return h;
}

static void
subsystem_health(void **state)
{
	struct io *io = *state;
	struct nvme_mi_subsys_health h = subsystem(io, true);

	assert_int_equal(h.nss, 0x38);
	assert_int_equal(h.sw, 0x3f);
	assert_int_equal(h.ctemp, 35);
	assert_int_equal(le16_get(h.ccs), NVME_MI_CCS_RDY | NVME_MI_CCS_CECO | NVME_MI_CCS_CSTS);
	assert_int_equal(le16_get(subsystem(io, false).ccs), 0);
	ssd_set_temperature(io->r->sub, 350);
	h = subsystem(io, false);
	assert_int_equal(h.ctemp, 77);
	assert_int_equal(h.sw, 0x3f & ~2);
	assert_int_equal(le16_get(h.ccs), NVME_MI_CCS_CTEMP | NVME_MI_CCS_CWARN);
	assert_int_equal(send(io, NVME_MI_CONFIG_SET, NVME_MI_CONFIG_HEALTH, (uint32_t)NVME_MI_CCS_CTEMP), 0);
	assert_int_equal(le16_get(subsystem(io, false).ccs), NVME_MI_CCS_CWARN);
	ssd_set_temperature(io->r->sub, 200);
	assert_int_equal(subsystem(io, true).ctemp, 0xc4);
	ssd_set_temperature(io->r->sub, 263);
	assert_int_equal(subsystem(io, true).ctemp, 0xf6);
	ssd_set_temperature(io->r->sub, 500);
	assert_int_equal(subsystem(io, true).ctemp, 0x7f);
	adm_reset(io);
	assert_int_equal(le16_get(subsystem(io, true).ccs), NVME_MI_CCS_RDY | NVME_MI_CCS_CECO | NVME_MI_CCS_CSTS);
}

static void
configuration(void **state)
{
	struct io *io = *state;

	for (uint32_t id = 0; id < 256; id++) {
		assert_int_equal(recv(io, NVME_MI_CONFIG_GET, id, 0), id == 2 ? 0 : bad(8));
		assert_int_equal(send(io, NVME_MI_CONFIG_SET, id, 0), id == 2 ? 0 : bad(8));
	}
}

static const struct nvme_mi_ctrl_health *
poll(struct io *io, uint32_t nmd0, uint32_t nmd1, uint32_t rent)
{
	assert_int_equal(recv(io, NVME_MI_CTRLR_HEALTH, nmd0, nmd1), rent << 24);
	return (const void *)io_buf(io);
}

static void
controller_health(void **state)
{
	const uint32_t all = (uint32_t)(NVME_MI_POLL_ALL | NVME_MI_POLL_INCF) | 7u << 16;
	const uint32_t news = (uint32_t)NVME_MI_POLL_INCF | 7u << 16, clear = (uint32_t)NVME_MI_POLL_CCF;
	const struct nvme_mi_ctrl_health *h;
	struct two t;

	(void)state;
	two_open(&t, NULL);
	h = poll(&t.a, all, clear, 2);
	assert_int_equal(le16_get(h[0].ctlid), 1);
	assert_int_equal(le16_get(h[1].ctlid), 2);
	assert_int_equal(le16_get(h[0].csts), NVME_MI_CSTS_RDY | NVME_MI_CSTS_CECO);
	assert_int_equal(le16_get(h[0].ctemp), 308);
	assert_int_equal(h[0].spare, 100);
	assert_int_equal(h[0].cwarn, 0);
	assert_int_equal(le16_get(poll(&t.a, all, 0, 2)[0].csts), NVME_MI_CSTS_RDY);
	poll(&t.a, all & ~(uint32_t)NVME_MI_POLL_INCF, 0, 0);
	assert_int_equal(le16_get(poll(&t.a, all | 2, 0, 1)->ctlid), 2);
	assert_int_equal(le16_get(poll(&t.a, (all & ~(7u << 16)), 0, 1)->ctlid), 1); /* MAXRENT 0h is one */
	poll(&t.a, all | 3, 0, 0);
	assert_int_equal(recv(&t.a, NVME_MI_CTRLR_HEALTH, all | 255u << 16, 0), bad(10));
	poll(&t.a, news, ALL_CHANGES, 0); /* nothing has changed */
	adm_reset(&t.b);
	assert_int_equal(le16_get(poll(&t.a, news, ALL_CHANGES, 1)->ctlid), 2);
	poll(&t.a, news, ALL_CHANGES & ~1u, 0); /* but CSTS */
	poll(&t.a, news, ALL_CHANGES | clear, 1);
	poll(&t.a, news, ALL_CHANGES, 0);
	/* A namespace is detached from controller 2 by controller 1. */
	memset(io_buf(&t.a), 0, 4096);
	io_buf(&t.a)[0] = 1;
	io_buf(&t.a)[2] = 2;
	assert_int_equal(adm_opc(&t.a, NVME_ADM_NS_ATTACH, 1, NVME_NS_ATTACH_DETACH, 0), 0);
	assert_int_equal(le16_get(poll(&t.a, news, ALL_CHANGES | clear, 1)->csts), NVME_MI_CSTS_RDY | NVME_MI_CSTS_NAC);
	ssd_set_temperature(t.a.r->sub, 310);
	poll(&t.a, news, 1u << 1, 2);
	poll(&t.a, news, 1u << 2 | 1u << 3 | 1u << 4, 0);
	two_close(&t);
}

static uint8_t
sum(const uint8_t *p, uint32_t n)
{
	uint8_t s = 0;

	while (n--)
		s = (uint8_t)(s + *p++);
	return s;
}

/* IPMI Platform Management FRU Information Storage Definition: header, product area, records. */
static void
vital_product_data(void **state)
{
	struct io *io = *state;
	const uint8_t *d = io_buf(io), *p, *r;
	char sn[20];

	memcpy(sn, adm_identify(io)->sn, sizeof(sn));
	assert_int_equal(recv(io, NVME_MI_VPD_READ, 0, 256), 0);
	assert_int_equal(d[0], 1);
	assert_int_equal(sum(d, 8), 0);
	p = d + d[4] * 8;
	assert_int_equal(p[0], 1);
	assert_int_equal(sum(p, p[1] * 8u), 0);
	assert_int_equal(p[3], 0xc8);
	assert_memory_equal(p + 4, "nvproof ", 8);
	assert_memory_equal(p + 4 + 8 + 1 + 24 + 1 + 40 + 1 + 2 + 1, sn, sizeof(sn));
	r = d + d[5] * 8;
	assert_int_equal(r[0], 0x0b);
	assert_int_equal(sum(r, 5), 0);
	assert_int_equal((uint8_t)(r[3] + sum(r + 5, r[2])), 0);
	assert_int_equal(r[1] & 0x80, 0);
	r += 5 + r[2];
	assert_int_equal(r[0], 0x0c);
	assert_int_equal(sum(r, 5), 0);
	assert_int_equal((uint8_t)(r[3] + sum(r + 5, r[2])), 0);
	assert_int_equal(r[1] & 0x80, 0x80);
	assert_int_equal(recv(io, NVME_MI_VPD_READ, 255, 1), 0);
	assert_int_equal(d[1], 0xee);
	assert_int_equal(recv(io, NVME_MI_VPD_READ, 256, 0), 0); /* no bytes: no error */
	assert_int_equal(recv(io, NVME_MI_VPD_READ, 257, 0), bad(8));
	assert_int_equal(recv(io, NVME_MI_VPD_READ, 1, 256), bad(12));
}

static void
vpd_writes(void **state)
{
	struct io *io = *state;

	for (uint32_t i = 0; i < 100; i++) {
		assert_int_equal(adm_identify(io)->vwci, 0x80 | (100 - i));
		memset(io_buf(io), (int)i, 16);
		assert_int_equal(send(io, NVME_MI_VPD_WRITE, 240, 16), 0);
	}
	assert_int_equal(send(io, NVME_MI_VPD_WRITE, 240, 16), NVME_MI_VPD_EXCEEDED);
	assert_int_equal(send(io, NVME_MI_VPD_WRITE, 250, 7), bad(12));
	assert_int_equal(send(io, NVME_MI_VPD_WRITE, 300, 0), bad(8));
	assert_int_equal(send(io, NVME_MI_VPD_WRITE, 0, 0), 0);
	assert_int_equal(adm_identify(io)->vwci, 0x80);
	assert_int_equal(recv(io, NVME_MI_VPD_READ, 238, 18), 0);
	assert_int_equal(io_buf(io)[1], 0);
	for (int i = 2; i < 18; i++)
		assert_int_equal(io_buf(io)[i], 99);
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
	char path[] = "/tmp/nvproof-mi-XXXXXX";
	int fd = mkstemp(path);
	struct io io;

	(void)state;
	assert_true(fd >= 0);
	io = image_io(path);
	memset(io_buf(&io), 0x77, 4);
	assert_int_equal(send(&io, NVME_MI_VPD_WRITE, 200, 4), 0);
	rig_close(io.r);
	io = image_io(path);
	assert_int_equal(adm_identify(&io)->vwci, 0x80 | 99);
	assert_int_equal(recv(&io, NVME_MI_VPD_READ, 200, 4), 0);
	assert_memory_equal(io_buf(&io), "\x77\x77\x77\x77\xee", 5);
	rig_close(io.r);
	close(fd);
	unlink(path);
}

#define T(f) cmocka_unit_test_setup_teardown(f, io_setup, io_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(announced),	       T(headers),	 T(data_structures),
		T(subsystem_health),   T(configuration), cmocka_unit_test(controller_health),
		T(vital_product_data), T(vpd_writes),	 cmocka_unit_test(kept_in_the_image),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
