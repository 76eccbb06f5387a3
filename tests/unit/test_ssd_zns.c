/* SPDX-License-Identifier: BSD-3-Clause */
/* Zoned namespaces through commands: identify, writes and appends, zone management, reports, events, power. */
#include "ssd_zns_io.h"
#include "nvproof/spec/feat.h"
#include "nvproof/spec/id_lists.h"
#include "nvproof/spec/ns_mgmt.h"

static nvme_status
identify(struct io *io, uint8_t cns, uint32_t nsid, uint32_t cdw11)
{
	struct nvme_sqe sqe;

	nvme_prep_identify(&sqe, cns, nsid, 0);
	sqe.cdw11 = le32_from(cdw11);
	if (cns == NVME_CNS_IOCS)
		sqe.cdw10 = le32_from(cns | 0xffffu << 16);
	return io_admin(io, &sqe, 4096);
}

static void
what_it_announces(void **state)
{
	struct io *io = *state;
	const struct nvme_id_ns_zns *id = (const void *)io_buf(io);
	const struct nvme_id_ns *ns = (const void *)io_buf(io);

	assert_true(ssd_bar_read(io->r->ssd, NVME_REG_CAP, 8) & NVME_CAP_CSS_IOCSS);
	assert_int_equal(identify(io, NVME_CNS_NS, 1, 0), 0);
	assert_int_equal(le64_get(ns->nsze), ZONES * ZSZE);
	assert_int_equal(le64_get(ns->ncap), ZONES * ZCAP);
	assert_int_equal(ns->dpc, 0);
	assert_int_equal(identify(io, NVME_CNS_CSI_NS, 1, CSI_ZNS), 0);
	assert_int_equal(le32_get(id->mar), 4);
	assert_int_equal(le32_get(id->mor), 2);
	assert_int_equal(le16_get(id->ozcs), NVME_OZCS_ZRWASUP);
	assert_int_equal(le32_get(id->numzrwa), 1);
	assert_int_equal(le16_get(id->zrwasz), 16);
	assert_int_equal(le16_get(id->zrwafg), 4);
	assert_int_equal(le64_get(id->lbafe[1].zsze), ZSZE);
	assert_int_equal(id->lbafe[1].zdes, 1);
	assert_int_equal(identify(io, NVME_CNS_CSI_CTRL, 0, CSI_ZNS), 0);
	assert_int_equal(io_buf(io)[0], 4); /* 64 KiB */
	assert_int_equal(identify(io, NVME_CNS_CSI_ACTIVE_NS_LIST, 0, CSI_ZNS), 0);
	assert_int_equal(io_buf(io)[0], 1);
	assert_int_equal(identify(io, NVME_CNS_CSI_ACTIVE_NS_LIST, 0, 0), 0);
	assert_int_equal(io_buf(io)[0], 0);
	assert_int_equal(identify(io, NVME_CNS_IOCS, 0, 0), 0);
	assert_int_equal(io_buf(io)[0], 5); /* NVM and ZNS */
	assert_int_equal(identify(io, NVME_CNS_NS_DESC_LIST, 1, 0), 0);
	assert_memory_equal(io_buf(io) + 12 + 20 + 20, ((uint8_t[]){ 4, 1, 0, 0, 2 }), 5);
	assert_int_equal(io_feature_set(io, NVME_FEAT_IOCS_PROFILE, 0, 0, false), 0);
	assert_int_equal(io_feature_set(io, NVME_FEAT_IOCS_PROFILE, 0, 1, false), NVME_SC_IOCS_COMBINATION);
}

/* With CC.CSS of the NVM command set alone nobody sees the namespace. */
static void
not_enabled(void **state)
{
	struct io *io = *state;

	rig_set(io->r, NVME_REG_CC, 0);
	rig_step(io->r);
	assert_int_equal(rig_enable(io->r, 32), NVME_CSTS_RDY);
	rig_pair(io->r, 1, 64, -1);
	assert_int_equal(identify(io, NVME_CNS_ACTIVE_NS_LIST, 0, 0), 0);
	assert_int_equal(io_buf(io)[0], 0);
	assert_int_equal(io_read(io, 1, 0, 1), NVME_SC_INVALID_NS);
}

static void
writing(void **state)
{
	struct io *io = *state;

	expect(io, 0, NVME_ZS_EMPTY, 0);
	assert_int_equal(io_write(io, 1, 1, 1, 1), NVME_SC_ZONE_INVALID_WRITE);
	assert_int_equal(io_write(io, 1, 0, 8, 1), 0);
	expect(io, 0, NVME_ZS_IMPLICIT, 8);
	assert_int_equal(io_write(io, 1, 0, 8, 1), NVME_SC_ZONE_INVALID_WRITE);
	assert_int_equal(io_blamed_lba(io), 0);
	assert_int_equal(io_write(io, 1, 8, 185, 2), NVME_SC_ZONE_BOUNDARY);
	assert_int_equal(io_write(io, 1, 8, 184, 2), 0);
	expect(io, 0, NVME_ZS_FULL, 0);
	assert_int_equal(io_write(io, 1, 191, 1, 2), NVME_SC_ZONE_IS_FULL);
	io_expect(io, 1, 0, 8, 1);
	io_expect(io, 1, 8, 184, 2);
	io_expect(io, 1, ZCAP, 8, 0); /* behind the capacity */
	assert_int_equal(io_read(io, 1, ZSZE - 1, 2), NVME_SC_ZONE_BOUNDARY);
	assert_int_equal(io_write(io, 1, (uint64_t)ZONES * ZSZE, 1, 1), NVME_SC_LBA_RANGE);
}

/* Where the profile says so: also of a zone that is Empty, as zeros; not of one that is Offline. */
static void
reads_that_cross(void **state)
{
	struct ssd_config cfg = config();
	struct io *io;

	(void)state;
	cfg.profile.zones.cross_read = true;
	setup_config((void **)&io, &cfg);
	assert_int_equal(append(io, ZSZE, 1, 5), 0);
	memset(io_buf(io), 0xee, 3 * 4096);
	assert_int_equal(io_read(io, 1, ZSZE - 2, 3), 0);
	assert_int_equal(io_buf(io)[0], 0);
	assert_int_equal(io_buf(io)[2 * 4096 - 1], 0);
	assert_int_equal(io_buf(io)[2 * 4096], 5);
	assert_int_equal(io_read(io, 1, 0, 2 * ZSZE), 0);
	assert_int_equal(ssd_zone_change(io->r->sub, 1, 1, SSD_ZONE_OFFLINE), 0);
	assert_int_equal(io_read(io, 1, ZSZE - 2, 3), NVME_SC_ZONE_IS_OFFLINE);
	assert_int_equal(io_blamed_lba(io), ZSZE);
	io_teardown((void **)&io);
}

static void
appending(void **state)
{
	struct io *io = *state;

	assert_int_equal(append(io, ZSZE, 3, 7), 0);
	assert_int_equal(le32_get(io->cqe.dw0), ZSZE);
	assert_int_equal(append(io, ZSZE, 16, 8), 0);
	assert_int_equal(le32_get(io->cqe.dw0), ZSZE + 3);
	assert_int_equal(le32_get(io->cqe.dw1), 0);
	expect(io, 1, NVME_ZS_IMPLICIT, 19);
	assert_int_equal(append(io, ZSZE + 19, 1, 8), NVME_SC_INVALID_FIELD); /* not the start of a zone */
	assert_int_equal(append(io, ZSZE, 17, 8), NVME_SC_INVALID_FIELD); /* ZASL */
	assert_int_equal(append(io, (uint64_t)ZONES * ZSZE, 1, 8), NVME_SC_LBA_RANGE);
	io_expect(io, 1, ZSZE, 3, 7);
	io_expect(io, 1, ZSZE + 3, 16, 8);
	for (uint32_t n = 19; n + 16 <= ZCAP; n += 16)
		assert_int_equal(append(io, ZSZE, 16, 9), 0);
	assert_int_equal(append(io, ZSZE, 16, 9), NVME_SC_ZONE_BOUNDARY);
	assert_int_equal(append(io, ZSZE, 13, 9), 0);
	assert_int_equal(append(io, ZSZE, 1, 9), NVME_SC_ZONE_IS_FULL);
}

/* The host's memory is not there: nothing was written, and the pointer is where it was. */
static void
a_failed_transfer(void **state)
{
	struct io *io = *state;
	struct nvme_sqe sqe;

	assert_int_equal(io_write(io, 1, 0, 4, 1), 0);
	memset(io_buf(io), 0x55, 16384);
	io->r->hole = io->buf + 8192;
	io->r->hole_len = 4096;
	ssd_port_changed(io->r->ssd);
	nvme_prep_write(&sqe, 1, 4, 4);
	assert_int_not_equal(io_cmd(io, &sqe, 16384), 0);
	nvme_prep_write(&sqe, 1, 0, 4);
	sqe.opc = NVME_OPC_ZONE_APPEND;
	assert_int_not_equal(io_cmd(io, &sqe, 16384), 0);
	io->r->hole_len = 0;
	ssd_port_changed(io->r->ssd);
	expect(io, 0, NVME_ZS_IMPLICIT, 4);
	io_expect(io, 1, 4, 4, 0);
	assert_int_equal(io_write(io, 1, 4, 4, 2), 0);
}

static void
limits(void **state)
{
	struct io *io = *state;

	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(io_write(io, 1, i * ZSZE, 1, 1), 0);
	assert_int_equal(io_write(io, 1, 3 * ZSZE, 1, 1), 0); /* zone 0 is closed for it */
	expect(io, 0, NVME_ZS_CLOSED, 1);
	expect(io, 3, NVME_ZS_IMPLICIT, 1);
	for (uint32_t i = 1; i < 4; i++)
		assert_int_equal(send(io, i * ZSZE, NVME_ZSA_OPEN), 0);
	assert_int_equal(send(io, 0, NVME_ZSA_OPEN), NVME_SC_ZONE_TOO_MANY_OPEN);
	assert_int_equal(send(io, 4 * ZSZE, NVME_ZSA_SET_ZDE), 0);
	assert_int_equal(io_write(io, 1, 5 * ZSZE, 1, 1), NVME_SC_ZONE_TOO_MANY_ACTIVE);
	assert_int_equal(send(io, 1 * ZSZE, NVME_ZSA_FINISH), 0);
	assert_int_equal(io_write(io, 1, 5 * ZSZE, 1, 1), 0);
}

static void
managing(void **state)
{
	struct io *io = *state;

	assert_int_equal(io_write(io, 1, 0, 8, 5), 0);
	assert_int_equal(send(io, 0, NVME_ZSA_CLOSE), 0);
	expect(io, 0, NVME_ZS_CLOSED, 8);
	assert_int_equal(send(io, 0, NVME_ZSA_OPEN), 0);
	expect(io, 0, NVME_ZS_EXPLICIT, 8);
	assert_int_equal(send(io, 0, NVME_ZSA_OFFLINE), NVME_SC_ZONE_INVALID_TRANSITION);
	assert_int_equal(send(io, 0, NVME_ZSA_FINISH), 0);
	expect(io, 0, NVME_ZS_FULL, 0);
	assert_int_equal(send(io, 0, NVME_ZSA_OPEN), NVME_SC_ZONE_INVALID_TRANSITION);
	assert_int_equal(send(io, 0, NVME_ZSA_CLOSE), NVME_SC_ZONE_INVALID_TRANSITION);
	io_expect(io, 1, 0, 8, 5);
	assert_int_equal(send(io, 0, NVME_ZSA_RESET), 0);
	expect(io, 0, NVME_ZS_EMPTY, 0);
	io_expect(io, 1, 0, 8, 0);
	assert_int_equal(send(io, 1, NVME_ZSA_RESET), NVME_SC_INVALID_FIELD);
	assert_int_equal(send(io, (uint64_t)ZONES * ZSZE, NVME_ZSA_RESET), NVME_SC_LBA_RANGE);
	assert_int_equal(send(io, 0, 0x06), NVME_SC_INVALID_FIELD);
	assert_int_equal(send(io, 0, 0), NVME_SC_INVALID_FIELD);
	assert_int_equal(send(io, 0, NVME_ZSA_SET_ZDE | (uint32_t)NVME_ZMS_SALL), NVME_SC_INVALID_FIELD);
}

static void
select_all(void **state)
{
	struct io *io = *state;

	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(io_write(io, 1, i * ZSZE, 1, 1), 0);
	assert_int_equal(send(io, 3 * ZSZE, NVME_ZSA_FINISH), 0);
	assert_int_equal(send(io, UINT64_MAX, NVME_ZSA_CLOSE | (uint32_t)NVME_ZMS_SALL), 0);
	for (uint32_t i = 0; i < 3; i++)
		expect(io, i, NVME_ZS_CLOSED, 1);
	assert_int_equal(send(io, 0, NVME_ZSA_OPEN | (uint32_t)NVME_ZMS_SALL), 0);
	for (uint32_t i = 0; i < 3; i++)
		expect(io, i, NVME_ZS_EXPLICIT, 1);
	expect(io, 4, NVME_ZS_EMPTY, 0);
	assert_int_equal(send(io, 0, NVME_ZSA_RESET | (uint32_t)NVME_ZMS_SALL), 0);
	for (uint32_t i = 0; i < 4; i++)
		expect(io, i, NVME_ZS_EMPTY, 0);
}

static uint64_t
nr_zones(struct io *io)
{
	return le64_get(((const struct nvme_zone_report *)(const void *)io_buf(io))->nr_zones);
}

static void
reports(void **state)
{
	struct io *io = *state;
	const uint32_t partial = (uint32_t)NVME_ZMR_PARTIAL;

	assert_int_equal(io_write(io, 1, 2 * ZSZE, 5, 1), 0);
	assert_int_equal(recv(io, 0, 64 * 4, 0), 0);
	assert_int_equal(nr_zones(io), ZONES);
	assert_int_equal(recv(io, 0, 64 * 4, partial), 0);
	assert_int_equal(nr_zones(io), 3);
	assert_int_equal(recv(io, 0, 4096, NVME_ZRASF_IMPLICIT << 8), 0);
	assert_int_equal(nr_zones(io), 1);
	assert_int_equal(le64_get(((struct nvme_zone_desc *)(void *)(io_buf(io) + 64))->wp), 2 * ZSZE + 5);
	assert_int_equal(io_buf(io)[128], 0); /* nothing follows */
	assert_int_equal(recv(io, 3 * ZSZE, 4096, NVME_ZRASF_EMPTY << 8), 0);
	assert_int_equal(nr_zones(io), ZONES - 3);
	assert_int_equal(recv(io, 3 * ZSZE + 7, 4096, 0), 0); /* a block inside names its zone */
	assert_int_equal(nr_zones(io), ZONES - 3);
	assert_int_equal(recv(io, 0, 4096, 8 << 8), NVME_SC_INVALID_FIELD);
	assert_int_equal(recv(io, 0, 4096, 2), NVME_SC_INVALID_FIELD);
	assert_int_equal(recv(io, (uint64_t)ZONES * ZSZE, 4096, 0), NVME_SC_LBA_RANGE);
	assert_int_equal(recv(io, 0, 4, 0), 0);
	assert_int_equal(io_buf(io)[0], ZONES);
}

static void
extensions(void **state)
{
	struct io *io = *state;

	memset(io_buf(io), 0x5a, 64);
	assert_int_equal(send(io, ZSZE, NVME_ZSA_SET_ZDE), 0);
	expect(io, 1, NVME_ZS_CLOSED, 0);
	assert_int_equal(zone(io, 1).za, NVME_ZA_ZDEV);
	assert_int_equal(send(io, ZSZE, NVME_ZSA_SET_ZDE), NVME_SC_ZONE_INVALID_TRANSITION);
	assert_int_equal(recv(io, 0, 4096, NVME_ZRA_EXTENDED), 0);
	for (uint32_t i = 0; i < 64; i++) {
		assert_int_equal(io_buf(io)[64 + 64 + i], 0); /* of zone 0 */
		assert_int_equal(io_buf(io)[64 + 128 + 64 + i], 0x5a);
	}
	assert_int_equal(send(io, ZSZE, NVME_ZSA_RESET), 0);
	assert_int_equal(zone(io, 1).za, 0);
}

static void
random_write_area(void **state)
{
	struct io *io = *state;

	assert_int_equal(send(io, 0, NVME_ZSA_OPEN | (uint32_t)NVME_ZMS_ZRWAA), 0);
	assert_int_equal(zone(io, 0).za, NVME_ZA_ZRWAV);
	assert_int_equal(io_write(io, 1, 8, 4, 3), 0);
	assert_int_equal(io_write(io, 1, 0, 8, 1), 0);
	assert_int_equal(io_write(io, 1, 4, 4, 2), 0);
	expect(io, 0, NVME_ZS_EXPLICIT, 0);
	assert_int_equal(append(io, 0, 1, 1), NVME_SC_ZONE_INVALID_OP);
	assert_int_equal(send(io, 11, NVME_ZSA_ZRWA_FLUSH), 0);
	expect(io, 0, NVME_ZS_EXPLICIT, 12);
	io_expect(io, 1, 0, 4, 1);
	io_expect(io, 1, 4, 4, 2);
	assert_int_equal(io_write(io, 1, 0, 1, 9), NVME_SC_ZONE_INVALID_WRITE);
	assert_int_equal(send(io, ZSZE + 3, NVME_ZSA_ZRWA_FLUSH), NVME_SC_ZONE_INVALID_OP);
	assert_int_equal(send(io, ZSZE, NVME_ZSA_OPEN | (uint32_t)NVME_ZMS_ZRWAA), 0);
	assert_int_equal(send(io, 2 * ZSZE, NVME_ZSA_OPEN | (uint32_t)NVME_ZMS_ZRWAA), NVME_SC_ZRWA_UNAVAILABLE);
}

/* The drive takes a zone away: the event, the log, and what is refused then. */
static void
zones_that_change(void **state)
{
	struct io *io = *state;
	const struct nvme_changed_zones_log *log = (const void *)io_buf(io);
	struct nvme_sqe sqe = { .opc = NVME_ADM_GET_LOG_PAGE,
				.nsid = le32_from(1),
				.cdw10 = le32_from(NVME_LOG_ZNS_CHANGED | 1023u << 16) };
	struct nvme_cqe cqe;

	assert_int_equal(io_write(io, 1, 3 * ZSZE, 4, 1), 0);
	adm_aer(io);
	assert_int_equal(ssd_zone_change(io->r->sub, 1, 3, SSD_ZONE_READ_ONLY), 0);
	rig_step(io->r);
	assert_true(rig_reap(io->r, 0, &cqe));
	assert_int_equal(le32_get(cqe.dw0), 0xbfef02);
	assert_int_equal(le32_get(cqe.dw1), 1);
	assert_int_equal(io_write(io, 1, 3 * ZSZE + 4, 1, 1), NVME_SC_ZONE_IS_READ_ONLY);
	io_expect(io, 1, 3 * ZSZE, 4, 1);
	assert_int_equal(send(io, 3 * ZSZE, NVME_ZSA_RESET), NVME_SC_ZONE_INVALID_TRANSITION);
	assert_int_equal(io_admin(io, &sqe, 4096), 0);
	assert_int_equal(le16_get(log->nrzid), 1);
	assert_int_equal(le64_get(log->zid[0]), 3 * ZSZE);
	assert_int_equal(io_admin(io, &sqe, 4096), 0);
	assert_int_equal(le16_get(log->nrzid), 0);
	assert_int_equal(send(io, 3 * ZSZE, NVME_ZSA_OFFLINE), 0);
	assert_int_equal(io_read(io, 1, 3 * ZSZE, 1), NVME_SC_ZONE_IS_OFFLINE);
	assert_int_equal(io_write(io, 1, 3 * ZSZE, 1, 1), NVME_SC_ZONE_IS_OFFLINE);
	assert_int_equal(append(io, 3 * ZSZE, 1, 1), NVME_SC_ZONE_IS_OFFLINE);
	sqe.nsid = le32_from(NVME_NSID_ALL);
	assert_int_equal(io_admin(io, &sqe, 4096), NVME_SC_INVALID_NS);
	assert_int_equal(io_write(io, 1, 0, 4, 1), 0);
	assert_int_equal(ssd_zone_change(io->r->sub, 1, 0, SSD_ZONE_RECOMMEND_FINISH), 0);
	assert_int_equal(zone(io, 0).za, NVME_ZA_FZR);
	assert_int_equal(ssd_zone_change(io->r->sub, 1, 0, SSD_ZONE_FINISHED), 0);
	assert_int_equal(zone(io, 0).za, NVME_ZA_ZFC);
	assert_int_equal(ssd_zone_change(io->r->sub, 1, 0, SSD_ZONE_RECOMMEND_RESET), 0);
	assert_int_equal(send(io, 0, NVME_ZSA_RESET), 0);
	assert_int_equal(zone(io, 0).za, 0);
}

static void
power(void **state)
{
	struct io *io = *state;

	assert_int_equal(io_write(io, 1, 0, 4, 1), 0);
	assert_int_equal(send(io, ZSZE, NVME_ZSA_OPEN), 0);
	assert_int_equal(io_write(io, 1, 2 * ZSZE, ZCAP, 2), 0);
	ssd_power_off(io->r->sub);
	ssd_power_on(io->r->sub);
	again(io);
	expect(io, 0, NVME_ZS_CLOSED, 4);
	expect(io, 1, NVME_ZS_EMPTY, 0); /* nothing was written */
	expect(io, 2, NVME_ZS_FULL, 0);
	io_expect(io, 1, 0, 4, 1);
	assert_int_equal(io_write(io, 1, 4, 4, 1), 0);
	rig_set(io->r, NVME_REG_CC, 0); /* a controller reset changes no zone */
	rig_step(io->r);
	again(io);
	expect(io, 0, NVME_ZS_IMPLICIT, 8);
}

static void
formatting(void **state)
{
	struct io *io = *state;
	struct nvme_sqe sqe = { .opc = NVME_ADM_FORMAT_NVM, .nsid = le32_from(1), .cdw10 = le32_from(0) };

	assert_int_equal(io_write(io, 1, 0, 4, 1), 0);
	assert_int_equal(io_admin(io, &sqe, 0), 0); /* 512 bytes a block */
	assert_int_equal(recv(io, 8u * ZSZE, 4096, 0), 0);
	assert_int_equal(nr_zones(io), ZONES - 1);
	assert_int_equal(io_write(io, 1, 8u * ZSZE, 8, 1), 0);
	sqe.cdw10 = le32_from(2 | 1u << 5); /* with protection information */
	assert_int_equal(io_admin(io, &sqe, 0), NVME_SC_INVALID_FORMAT);
}

static void
other_commands(void **state)
{
	struct io *io = *state;
	struct nvme_sqe sqe;

	nvme_prep_write(&sqe, 1, 0, 8);
	sqe.opc = NVME_OPC_WRITE_ZEROES;
	assert_int_equal(io_cmd(io, &sqe, 0), 0);
	expect(io, 0, NVME_ZS_IMPLICIT, 8);
	sqe.opc = NVME_OPC_WRITE_UNCOR;
	assert_int_equal(io_cmd(io, &sqe, 0), NVME_SC_INVALID_OPCODE);
	sqe.opc = NVME_OPC_COPY;
	assert_int_equal(io_cmd(io, &sqe, 4096), NVME_SC_INVALID_OPCODE);
	sqe.opc = NVME_OPC_DSM;
	assert_int_equal(io_cmd(io, &sqe, 4096), NVME_SC_INVALID_OPCODE);
}

static nvme_status
create(struct io *io, uint8_t csi, uint64_t nsze, uint64_t ncap)
{
	struct nvme_ns_create *d = (void *)io_buf(io);
	struct nvme_sqe sqe;

	memset(d, 0, sizeof(*d));
	d->nsze = le64_from(nsze);
	d->ncap = le64_from(ncap);
	d->flbas = 1;
	nvme_prep_ns_mgmt(&sqe, 0, NVME_NS_MGMT_CREATE, csi);
	return io_admin(io, &sqe, 4096);
}

static void
attach(struct io *io)
{
	uint16_t *list = (uint16_t *)(void *)io_buf(io);
	struct nvme_sqe sqe;

	memset(list, 0, 4096);
	list[0] = list[1] = 1;
	nvme_prep_ns_attach(&sqe, 1, NVME_NS_ATTACH_ATTACH);
	assert_int_equal(io_admin(io, &sqe, 4096), 0);
}

static void
made_by_a_host(void **state)
{
	struct io *io = *state;
	struct nvme_sqe sqe;

	nvme_prep_ns_mgmt(&sqe, 1, NVME_NS_MGMT_DELETE, 0);
	assert_int_equal(io_admin(io, &sqe, 0), 0);
	assert_int_equal(create(io, NVME_CSI_ZNS, 4 * ZSZE + 1, 4 * ZCAP), NVME_SC_INVALID_FIELD);
	assert_int_equal(create(io, NVME_CSI_ZNS, 4 * ZSZE, 4 * ZSZE), NVME_SC_INVALID_FIELD);
	assert_int_equal(create(io, NVME_CSI_ZNS, 4 * ZSZE, 4 * ZCAP), 0);
	assert_int_equal(le32_get(io->cqe.dw0), 1);
	attach(io);
	assert_int_equal(recv(io, 0, 4096, 0), 0);
	assert_int_equal(nr_zones(io), 4);
	assert_int_equal(append(io, 3 * ZSZE, 1, 1), 0);
}

/* A namespace of the NVM command set on the same drive has the commands of its own set, and no others. */
static void
no_zones_beside(void **state)
{
	struct io *io = *state;
	struct nvme_sqe sqe;

	nvme_prep_ns_mgmt(&sqe, 1, NVME_NS_MGMT_DELETE, 0);
	assert_int_equal(io_admin(io, &sqe, 0), 0);
	assert_int_equal(create(io, NVME_CSI_NVM, 1024, 1024), 0);
	attach(io);
	assert_int_equal(io_write(io, 1, 9, 2, 5), 0);
	io_expect(io, 1, 8, 1, 0);
	io_expect(io, 1, 9, 2, 5);
	nvme_prep_write(&sqe, 1, 9, 1);
	sqe.opc = NVME_OPC_WRITE_UNCOR;
	assert_int_equal(io_cmd(io, &sqe, 0), 0);
	assert_int_equal(recv(io, 0, 4096, 0), NVME_SC_INVALID_OPCODE);
	assert_int_equal(send(io, 0, NVME_ZSA_OPEN), NVME_SC_INVALID_OPCODE);
	assert_int_equal(append(io, 0, 1, 1), NVME_SC_INVALID_OPCODE);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, io_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_it_announces),
		T(not_enabled),
		T(writing),
		cmocka_unit_test(reads_that_cross),
		T(appending),
		T(a_failed_transfer),
		T(limits),
		T(managing),
		T(select_all),
		T(reports),
		T(extensions),
		T(random_write_area),
		T(zones_that_change),
		T(power),
		T(formatting),
		T(other_commands),
		T(made_by_a_host),
		T(no_zones_beside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
