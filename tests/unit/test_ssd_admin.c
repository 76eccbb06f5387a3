/* SPDX-License-Identifier: BSD-3-Clause */
/* Identify, log pages and Format NVM on the whole model. */
#include "ssd_io.h"
#include "nvproof/spec/feat.h"
#include "nvproof/spec/nvm.h"

static nvme_status
identify(struct io *io, uint8_t cns, uint32_t nsid, uint16_t cntid, uint8_t csi)
{
	struct nvme_sqe sqe;

	memset(io_buf(io), 0xee, 4096);
	nvme_prep_identify_csi(&sqe, cns, nsid, cntid, csi);
	return io_admin(io, &sqe, 4096);
}

static bool
zeros(const uint8_t *p, size_t n)
{
	while (n && !*p) {
		p++;
		n--;
	}
	return !n;
}

static void
controller(void **state)
{
	struct io *io = *state;
	struct nvme_id_ctrl *id = (void *)io_buf(io);
	struct ssd *second;

	assert_int_equal(identify(io, NVME_CNS_CTRL, 0, 0, 0), 0);
	assert_memory_equal(&id->vid, io->r->ssd->cfg, 2);
	assert_int_equal(le32_get(id->ver), rig_reg(io->r, NVME_REG_VS));
	assert_int_equal(le16_get(id->cntlid), 1);
	assert_int_equal(id->cntrltype, NVME_CNTRLTYPE_IO);
	assert_int_equal(id->cmic, 0);
	assert_int_equal(id->mdts, 9);
	assert_int_equal(le32_get(id->nn), 32);
	assert_int_equal(id->sn[19], ' ');
	assert_memory_equal(id->subnqn, "nqn.2014-08.org.nvmexpress:uuid:", 32);
	assert_int_equal(strnlen(id->subnqn, 256), 32 + 36);
	assert_int_equal(ssd_ctrlr_open(io->r->sub, &rig_port_ops, io->r, NULL, &second), 0);
	assert_int_equal(identify(io, NVME_CNS_CTRL, 0, 0, 0), 0);
	assert_int_equal(id->cmic & NVME_CMIC_MCTRS, NVME_CMIC_MCTRS);
	assert_int_equal(identify(io, NVME_CNS_CTRL_LIST, 0, 0, 0), 0);
	assert_int_equal(((le16 *)(void *)io_buf(io))[0].raw, 2);
	assert_int_equal(identify(io, NVME_CNS_CTRL_LIST, 0, 2, 0), 0);
	assert_int_equal(((le16 *)(void *)io_buf(io))[0].raw, 1);
	assert_int_equal(((le16 *)(void *)io_buf(io))[1].raw, 2);
	assert_int_equal(identify(io, NVME_CNS_NS_CTRL_LIST, 1, 0, 0), 0);
	assert_int_equal(((le16 *)(void *)io_buf(io))[0].raw, 2);
	assert_int_equal(identify(io, NVME_CNS_NS_CTRL_LIST, 33, 0, 0), NVME_SC_INVALID_NS);
	ssd_ctrlr_close(second);
}

static void
namespaces(void **state)
{
	struct io *io = *state;
	struct nvme_id_ns *id = (void *)io_buf(io);
	uint8_t eui64[8];

	assert_int_equal(identify(io, NVME_CNS_NS, 1, 0, 0), 0);
	assert_int_equal(le64_get(id->nsze), 32768);
	assert_int_equal(id->nlbaf, SSD_LBAF_EXT - 1);
	assert_int_equal(id->flbas, 0);
	assert_int_equal(id->lbaf[0].lbads, 9);
	assert_int_equal(id->lbaf[1].lbads, 12);
	memcpy(eui64, id->eui64, 8);
	assert_int_equal(identify(io, NVME_CNS_ALLOC_NS, 2, 0, 0), 0);
	assert_int_equal(le64_get(id->nsze), 4096);
	assert_int_equal(id->flbas, 1);
	assert_memory_not_equal(eui64, id->eui64, 8);
	assert_int_equal(identify(io, NVME_CNS_NS, 0, 0, 0), NVME_SC_INVALID_NS);
	assert_int_equal(identify(io, NVME_CNS_NS, 33, 0, 0), NVME_SC_INVALID_NS);
	assert_int_equal(io_blamed(io), 4);
	assert_int_equal(identify(io, NVME_CNS_NS_DESC_LIST, NVME_NSID_ALL, 0, 0), NVME_SC_INVALID_NS);
	assert_int_equal(identify(io, NVME_CNS_NS, NVME_NSID_ALL, 0, 0), 0); /* what all have in common */
	assert_int_equal(le64_get(id->nsze) | le64_get(id->nvmcap[0]), 0);
	assert_int_equal(id->lbaf[1].lbads, 12);
	assert_int_equal(identify(io, NVME_CNS_CSI_NS, 1, 0, NVME_CSI_NVM), 0);
	assert_int_equal(io_buf(io)[8], NVME_PIC_PISTS16 | NVME_PIC_STCRS);
	io_buf(io)[8] = 0;
	assert_true(zeros(io_buf(io), 4096)); /* the first formats have neither wide guards nor storage tags */
	assert_int_equal(identify(io, NVME_CNS_IND_NS, 1, 0, 0), 0);
	assert_int_equal(io_buf(io)[14], 1); /* NRDY: ready */
}

static void
namespace_lists(void **state)
{
	static const uint8_t lists[] = { NVME_CNS_ACTIVE_NS_LIST, NVME_CNS_CSI_ACTIVE_NS_LIST, NVME_CNS_ALLOC_NS_LIST,
					 NVME_CNS_CSI_ALLOC_NS_LIST };
	struct io *io = *state;
	struct nvme_ns_list *list = (void *)io_buf(io);

	for (size_t i = 0; i < UT_ARRAY_LEN(lists); i++) {
		assert_int_equal(identify(io, lists[i], 0, 0, 0), 0);
		assert_int_equal(le32_get(list->nsid[0]), 1);
		assert_int_equal(le32_get(list->nsid[1]), 2);
		assert_int_equal(le32_get(list->nsid[2]), 0);
		assert_int_equal(identify(io, lists[i], 1, 0, 0), 0);
		assert_int_equal(le32_get(list->nsid[0]), 2);
		assert_int_equal(identify(io, lists[i], 0xfffffffd, 0, 0), 0);
		assert_true(zeros(io_buf(io), 4096));
		assert_int_equal(identify(io, lists[i], 0xfffffffe, 0, 0), NVME_SC_INVALID_NS);
	}
}

static void
descriptors(void **state)
{
	static const uint8_t types[][2] = { { 1, 8 }, { 2, 16 }, { 3, 16 }, { 4, 1 } };
	struct io *io = *state;
	const uint8_t *p = io_buf(io);

	assert_int_equal(identify(io, NVME_CNS_NS_DESC_LIST, 2, 0, 0), 0);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(p[0], types[i][0]);
		assert_int_equal(p[1], types[i][1]);
		p += 4 + types[i][1];
	}
	assert_true(zeros(p, 4000));
}

/* Within NN, but not attached. */
static void
inactive_namespace(void **state)
{
	struct io *io = *state;
	struct nvme_sqe sqe = { .opc = NVME_ADM_FORMAT_NVM, .nsid = le32_from(2) };

	io->r->sub->ns[1].attached = 0;
	assert_int_equal(identify(io, NVME_CNS_NS, 2, 0, 0), 0);
	assert_true(zeros(io_buf(io), 4096));
	assert_int_equal(identify(io, NVME_CNS_ACTIVE_NS_LIST, 1, 0, 0), 0);
	assert_true(zeros(io_buf(io), 4096));
	assert_int_equal(identify(io, NVME_CNS_NS_CTRL_LIST, 2, 0, 0), 0);
	assert_true(zeros(io_buf(io), 4096));
	assert_int_equal(io_admin(io, &sqe, 0), NVME_SC_INVALID_FIELD);
	assert_int_equal(io_feature_get(io, NVME_FEAT_ERR_RECOVERY, 2, 0, 0), NVME_SC_INVALID_FIELD);
	assert_int_equal(io_feature_set(io, NVME_FEAT_ERR_RECOVERY, 2, 0, false), NVME_SC_INVALID_FIELD);
}

static void
wrong_identify(void **state)
{
	static const uint8_t cns[] = { 0x04, 0x09, 0x0a, 0x14, 0x15, 0x16, 0x17,
				       0x18, 0x19, 0x1c, 0x1d, 0x21, 0x7f, 0xff };
	struct io *io = *state;

	for (size_t i = 0; i < UT_ARRAY_LEN(cns); i++) {
		assert_int_equal(identify(io, cns[i], 1, 0, 0), NVME_SC_INVALID_FIELD);
		assert_int_equal(io_blamed(io), 40);
	}
	assert_int_equal(identify(io, NVME_CNS_CSI_NS, 1, 0, NVME_CSI_ZNS), NVME_SC_INVALID_FIELD);
	assert_int_equal(io_blamed(io), 47);
	assert_int_equal(identify(io, NVME_CNS_CSI_CTRL, 0, 0, NVME_CSI_KV), NVME_SC_INVALID_FIELD);
	assert_int_equal(identify(io, NVME_CNS_CSI_CTRL, 0, 0, NVME_CSI_NVM), 0);
	io->r->ssd->cap |= NVME_CAP_CSS_IOCSS;
	assert_int_equal(identify(io, NVME_CNS_IOCS, 0, 0xffff, 0), 0);
	assert_int_equal(io_buf(io)[0], 1);
	assert_int_equal(identify(io, NVME_CNS_IOCS, 0, 7, 0), NVME_SC_INVALID_FIELD);
}

/* LID, offset and length in bytes. */
static nvme_status
get_log(struct io *io, uint8_t lid, uint64_t off, uint32_t len, bool rae)
{
	struct nvme_sqe sqe = { .opc = NVME_ADM_GET_LOG_PAGE, .nsid = le32_from(NVME_NSID_ALL) };
	uint32_t numd = len / 4 - 1;

	memset(io_buf(io), 0xee, len);
	sqe.cdw10 = le32_from(lid | (rae ? 1u << 15 : 0) | (numd & 0xffff) << 16);
	sqe.cdw11 = le32_from(numd >> 16);
	sqe.cdw12 = le32_from((uint32_t)off);
	sqe.cdw13 = le32_from((uint32_t)(off >> 32));
	return io_admin(io, &sqe, len);
}

static void
log_parts(void **state)
{
	struct io *io = *state;
	struct nvme_sqe sqe = { .opc = NVME_ADM_GET_LOG_PAGE, .cdw10 = le32_from(NVME_LOG_SMART) };

	assert_int_equal(get_log(io, NVME_LOG_SMART, 0, 1024, true), 0);
	assert_int_equal(io_buf(io)[3], 100);
	assert_true(zeros(io_buf(io) + 512, 512)); /* beyond the end */
	assert_int_equal(get_log(io, NVME_LOG_SMART, 512, 16, true), 0);
	assert_int_equal(get_log(io, NVME_LOG_SMART, 516, 16, true), NVME_SC_INVALID_FIELD);
	assert_int_equal(io_blamed(io), 48);
	assert_int_equal(get_log(io, NVME_LOG_SMART, 1ull << 32, 16, true), NVME_SC_INVALID_FIELD);
	assert_int_equal(get_log(io, NVME_LOG_SMART, 2, 16, true), NVME_SC_INVALID_FIELD);
	assert_int_equal(get_log(io, NVME_LOG_SMART, 0, 512 * 4096, true), 0);
	assert_int_equal(get_log(io, NVME_LOG_SMART, 0, 512 * 4096 + 4, true), NVME_SC_INVALID_FIELD);
	sqe.cdw14 = le32_from((uint32_t)NVME_GLP_OT);
	assert_int_equal(io_admin(io, &sqe, 4), NVME_SC_INVALID_FIELD);
	sqe.cdw14 = le32_from(0);
	assert_int_equal(io_admin(io, &sqe, 4), 0); /* NSID 0 is the controller too */
	sqe.nsid = le32_from(1);
	assert_int_equal(io_admin(io, &sqe, 4), NVME_SC_INVALID_FIELD);
	assert_int_equal(io_blamed(io), 4);
}

static void
supported_logs(void **state)
{
	struct io *io = *state;
	uint32_t there[256];

	assert_int_equal(get_log(io, NVME_LOG_SUPPORTED, 0, 1024, false), 0);
	for (uint32_t i = 0; i < 256; i++)
		there[i] = le32_get(((le32 *)(void *)io_buf(io))[i]);
	for (uint32_t i = 0; i < 256; i++) {
		if (i == NVME_LOG_PEL) /* needs a context first */
			assert_int_equal(get_log(io, (uint8_t)i, 0, 512, true), NVME_SC_CMD_SEQUENCE);
		else
			assert_int_equal(get_log(io, (uint8_t)i, 0, 512, true),
					 there[i] ? 0 : NVME_SC_INVALID_LOG_PAGE);
	}
	assert_int_equal(there[NVME_LOG_ERROR] & there[NVME_LOG_SMART] & there[NVME_LOG_FW_SLOT] & 1, 1);
}

/* What the logs announce is what the controller does. */
static void
effects(void **state)
{
	struct io *io = *state;
	struct nvme_effects_log log;
	struct nvme_sqe sqe;

	assert_int_equal(get_log(io, NVME_LOG_EFFECTS, 0, sizeof(log), false), 0);
	memcpy(&log, io_buf(io), sizeof(log));
	for (uint32_t opc = 0; opc < 256; opc++) {
		sqe = (struct nvme_sqe){ .opc = (uint8_t)opc, .nsid = le32_from(1) };
		if (opc == NVME_ADM_ASYNC_EVENT)
			continue;
		assert_int_equal(io_admin(io, &sqe, 4096) == NVME_SC_INVALID_OPCODE, !(le32_get(log.acs[opc]) & 1));
		sqe = (struct nvme_sqe){ .opc = (uint8_t)opc, .nsid = le32_from(1) };
		assert_int_equal(io_cmd(io, &sqe, 4096) == NVME_SC_INVALID_OPCODE, !(le32_get(log.iocs[opc]) & 1));
	}
	assert_true(le32_get(log.iocs[NVME_OPC_WRITE]) & NVME_EFFECTS_LBCC);
	assert_false(le32_get(log.iocs[NVME_OPC_READ]) & NVME_EFFECTS_LBCC);
	sqe = (struct nvme_sqe){ .opc = NVME_ADM_GET_LOG_PAGE,
				 .cdw10 = le32_from(NVME_LOG_EFFECTS),
				 .cdw14 = le32_from((uint32_t)NVME_CSI_ZNS << 24) };
	assert_int_equal(io_admin(io, &sqe, 4), 0); /* CSI means nothing yet */
	io->r->ssd->cc |= nvme_put32(NVME_CC_CSS, NVME_CC_CSS_IOCSS);
	assert_int_equal(io_admin(io, &sqe, 4), NVME_SC_INVALID_FIELD);
}

static void
feature_effects(void **state)
{
	struct io *io = *state;
	struct nvme_fid_effects_log log;

	assert_int_equal(get_log(io, NVME_LOG_FID_EFFECTS, 0, sizeof(log), false), 0);
	memcpy(&log, io_buf(io), sizeof(log));
	for (uint32_t fid = 0; fid < 256; fid++)
		assert_int_equal(io_feature_get(io, (uint8_t)fid, 1, NVME_FEAT_SEL_CAPS, 0) == 0,
				 le32_get(log.fids[fid]) & 1);
}

static void
errors_and_firmware(void **state)
{
	struct io *io = *state;
	struct nvme_error_log_entry *e = (void *)io_buf(io);

	assert_int_equal(get_log(io, NVME_LOG_ERROR, 0, 4096, false), 0);
	assert_true(zeros(io_buf(io), 4096));
	assert_int_equal(io_read(io, 1, 40000, 1), NVME_SC_LBA_RANGE);
	assert_int_equal(identify(io, 0xff, 0, 0, 0), NVME_SC_INVALID_FIELD);
	assert_int_equal(get_log(io, NVME_LOG_ERROR, 0, 4096, false), 0);
	assert_int_equal(le64_get(e[0].ec), 2);
	assert_int_equal(le16_get(e[0].sqid), 0);
	assert_int_equal(le64_get(e[1].ec), 1);
	assert_int_equal(le16_get(e[1].sqid), 1);
	assert_int_equal(le64_get(e[1].lba), 40000);
	assert_int_equal(le32_get(e[1].nsid), 1);
	assert_int_equal(le64_get(e[2].ec), 0);
	for (int i = 0; i < 70; i++)
		identify(io, 0xff, 0, 0, 0);
	assert_int_equal(get_log(io, NVME_LOG_ERROR, 0, 4096, false), 0);
	assert_int_equal(le64_get(e[0].ec), 72);
	assert_int_equal(le64_get(e[63].ec), 9);
	assert_int_equal(get_log(io, NVME_LOG_FW_SLOT, 0, 512, false), 0);
	assert_int_equal(io_buf(io)[0], 1);
	assert_memory_equal(io_buf(io) + 8, "0.1     ", 8);
}

static void
smart(void **state)
{
	struct io *io = *state;
	const struct nvme_smart_log *log = (const void *)io_buf(io);

	for (int i = 0; i < 1001; i++)
		assert_int_equal(io_read(io, 1, 0, 1), 0);
	ssd_set_temperature(io->r->sub, 300);
	assert_int_equal(get_log(io, NVME_LOG_SMART, 0, 512, false), 0);
	assert_int_equal(le64_get(log->hrc[0]), 1001);
	assert_int_equal(le64_get(log->dur[0]), 2); /* rounded up */
	assert_int_equal(le64_get(log->duw[0]), 0);
	assert_int_equal(le64_get(log->pwrc[0]), 1);
	assert_int_equal(nvme_smart_ctemp(log), 300);
	assert_int_equal(log->cw, 0);
	ssd_set_temperature(io->r->sub, 345);
	io->r->now += 120ull * 1000000000;
	assert_int_equal(get_log(io, NVME_LOG_SMART, 0, 512, false), 0);
	assert_int_equal(log->cw, NVME_CW_TTC);
	assert_int_equal(le32_get(log->wctt), 2);
	ssd_set_temperature(io->r->sub, 360);
	io->r->now += 60ull * 1000000000;
	assert_int_equal(get_log(io, NVME_LOG_SMART, 0, 512, false), 0);
	assert_int_equal(le32_get(log->wctt), 2);
	assert_int_equal(le32_get(log->cctt), 1);
}

static nvme_status
format(struct io *io, uint32_t nsid, uint32_t cdw10)
{
	struct nvme_sqe sqe = { .opc = NVME_ADM_FORMAT_NVM, .nsid = le32_from(nsid), .cdw10 = le32_from(cdw10) };

	return io_admin(io, &sqe, 0);
}

static void
formatting(void **state)
{
	struct io *io = *state;
	struct nvme_id_ns *id = (void *)io_buf(io);
	struct nvme_sqe sqe;

	assert_int_equal(io_write(io, 1, 0, 8, 0xaa), 0);
	assert_int_equal(io_write(io, 2, 0, 8, 0xbb), 0);
	nvme_prep_write_uncor(&sqe, 1, 4, 1);
	assert_int_equal(io_cmd(io, &sqe, 0), 0);
	assert_int_equal(format(io, 1, 1 | 1u << 9), 0);
	assert_int_equal(identify(io, NVME_CNS_NS, 1, 0, 0), 0);
	assert_int_equal(le64_get(id->nsze), 4096);
	assert_int_equal(le64_get(id->nuse), 0);
	assert_int_equal(id->flbas, 1);
	io_expect(io, 1, 0, 8, 0);
	io_expect(io, 2, 0, 8, 0xbb);
	assert_int_equal(io_write(io, 1, 4095, 1, 0xcc), 0);
	assert_int_equal(io_write(io, 1, 4096, 1, 0xcc), NVME_SC_LBA_RANGE);
	assert_int_equal(format(io, NVME_NSID_ALL, 2u << 9), 0); /* all, cryptographic erase */
	io_expect(io, 2, 0, 8, 0);
	assert_int_equal(io_shift(io, 2), 9);
	assert_int_equal(io_read(io, 2, 32767, 1), 0);
}

static void
wrong_formats(void **state)
{
	struct io *io = *state;

	assert_int_equal(io_write(io, 1, 0, 1, 0xaa), 0);
	assert_int_equal(format(io, 1, SSD_LBAF_EXT), NVME_SC_INVALID_FORMAT); /* without LBAFEE */
	assert_int_equal(format(io, 1, 1u << 12), NVME_SC_INVALID_FORMAT); /* LBAFU */
	assert_int_equal(format(io, 1, 1u << 5), NVME_SC_INVALID_FORMAT); /* PI, and no metadata to have it in */
	assert_int_equal(format(io, 1, 2 | 4u << 5), NVME_SC_INVALID_FIELD); /* a reserved type of it */
	assert_int_equal(format(io, 1, 3u << 9), NVME_SC_INVALID_FIELD); /* SES */
	assert_int_equal(format(io, 33, 0), NVME_SC_INVALID_NS);
	assert_int_equal(format(io, 0, 0), NVME_SC_INVALID_NS);
	io_expect(io, 1, 0, 1, 0xaa);
}

/* The other controller's host is told, once its log is read no more. */
static void
changed_namespaces(void **state)
{
	struct io *io = *state;
	struct ssd *second;
	struct nvme_ns_list *list = (void *)io_buf(io);
	struct nvme_sqe aer = { .opc = NVME_ADM_ASYNC_EVENT };
	struct nvme_cqe cqe;

	/* As if the second controller had formatted: the first has the event. */
	assert_int_equal(ssd_ctrlr_open(io->r->sub, &rig_port_ops, io->r, NULL, &second), 0);
	second->stopped = false;
	assert_int_equal(format(io, 2, 0), 0);
	assert_int_equal(second->changed_ns[0], 2);
	assert_int_equal(io->r->ssd->changed_ns[0], 0);
	assert_int_equal(second->nr_aer_events, 1);
	io->r->ssd->changed_ns[0] = second->changed_ns[0];
	rig_put(io->r, 0, &aer);
	rig_ring(io->r, 0);
	ssd_event(io->r->ssd, NVME_AER_NOTICE, NVME_AER_NOTICE_NS_ATTR, NVME_LOG_CHANGED_NS);
	rig_step(io->r);
	assert_true(rig_reap(io->r, 0, &cqe));
	assert_int_equal(le32_get(cqe.dw0), NVME_AER_NOTICE | NVME_LOG_CHANGED_NS << 16);
	assert_int_equal(get_log(io, NVME_LOG_CHANGED_NS, 0, 4096, true), 0);
	assert_int_equal(le32_get(list->nsid[0]), 2);
	assert_true(io->r->ssd->aer_masked); /* RAE */
	assert_int_equal(get_log(io, NVME_LOG_CHANGED_NS, 0, 4096, false), 0);
	assert_int_equal(le32_get(list->nsid[0]), 2);
	assert_false(io->r->ssd->aer_masked);
	assert_int_equal(get_log(io, NVME_LOG_CHANGED_NS, 0, 4096, false), 0);
	assert_int_equal(le32_get(list->nsid[0]), 0);
	ssd_ctrlr_close(second);
}

#define T(f) cmocka_unit_test_setup_teardown(f, io_setup, io_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(controller),		T(namespaces), T(namespace_lists), T(descriptors),   T(wrong_identify),
		T(inactive_namespace),	T(log_parts),  T(supported_logs),  T(effects),	     T(feature_effects),
		T(errors_and_firmware), T(smart),      T(formatting),	   T(wrong_formats), T(changed_namespaces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
