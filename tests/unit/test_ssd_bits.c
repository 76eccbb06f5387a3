/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The bits and limits of Identify that are no command, feature or log: each is tried from both sides.  What is announced
 * beyond the bits that a test knows fails here, until there is a test of it.
 *
 * NVMe Base 2.2, "Identify Controller Data Structure"; NVM Command Set 1.1, "Identify Namespace Data Structure".
 */
#include "ssd_claims.h"
#include "ssd_second.h"
#include "nvproof/spec/nvm.h"

static struct nvme_id_ns
identify_ns(struct io *io, uint32_t nsid)
{
	struct nvme_id_ns id;
	struct nvme_sqe sqe;

	nvme_prep_identify(&sqe, NVME_CNS_NS, nsid, 0);
	assert_int_equal(io_admin(io, &sqe, SSD_PAGE), 0);
	memcpy(&id, io_buf(io), sizeof(id));
	return id;
}

#define KNOWN(field, bits) assert_int_equal((uint64_t)(field) & ~(uint64_t)(bits), 0)

/* A new bit comes with a line here, and the line with a test. */
static void
nothing_else(void **state)
{
	struct io *io = *state;
	struct nvme_id_ns ns;
	struct claims c;

	claims_read(io, &c);
	/* ssd_opcodes */
	KNOWN(le16_get(c.id.oacs), NVME_BITS(11, 0));
	KNOWN(le16_get(c.id.oncs), NVME_BITS(11, 0));
	KNOWN(le16_get(c.id.fuses), NVME_FUSES_FCWS);
	/* ssd_fids, ssd_lids */
	KNOWN(le32_get(c.id.oaes), NVME_OAES_NSAN | NVME_OAES_FAN | NVME_OAES_ANSAN | NVME_OAES_ZDCN);
	KNOWN(c.id.lpa, NVME_LPA_CSES | NVME_LPA_LPEDS | NVME_LPA_TS | NVME_LPA_PES | NVME_LPA_MLPS);
	KNOWN(c.id.bpcap, NVME_BPCAP_SFBPWPS | NVME_BPCAP_RPMBBPWPS);
	KNOWN(c.id.nwpc, NVME_NWPC_NWPWPS);
	/* here and in the tests of each */
	KNOWN(le32_get(c.id.ctratt), NVME_CTRATT_HIDS | NVME_CTRATT_NOPSPM | NVME_CTRATT_ELBAS);
	KNOWN(le32_get(c.id.sgls), NVME_SGLS_SUPP | NVME_SGLS_BIT_BUCKET | NVME_SGLS_MPTR_BYTE | NVME_SGLS_MPTR_SGL);
	KNOWN(c.id.fna, NVME_FNA_CRYES);
	KNOWN(c.id.vwc, NVME_VWC_VWCP | NVME_VWC_FB);
	KNOWN(le32_get(c.id.sanicap),
	      NVME_SANICAP_CES | NVME_SANICAP_BES | NVME_SANICAP_OWS | NVME_SANICAP_NDI | NVME_SANICAP_NODMMAS);
	KNOWN(c.id.cmic, 0);
	ns = identify_ns(io, 1);
	KNOWN(ns.nsfeat, NVME_NSFEAT_DAE | NVME_NSFEAT_UIDREUSE);
	KNOWN(ns.mc, NVME_MC_MTELBA | NVME_MC_MTSMB);
	KNOWN(ns.dpc, NVME_DPC_PIT1S | NVME_DPC_PIT2S | NVME_DPC_PIT3S | NVME_DPC_PIIFB | NVME_DPC_PIILB);
	KNOWN(ns.dlfeat, NVME_DLFEAT_DRB | NVME_DLFEAT_WZDS);
	KNOWN(ns.nmic, 0);
	KNOWN(ns.fpi, NVME_FPI_SUPP);
	KNOWN(ns.kpios, 0);
}

static void
reserved_fields(void **state)
{
	struct io *io = *state;
	struct nvme_id_ctrl id;

	memcpy(&id, adm_identify(io), sizeof(id));
#define ZERO(f)                                   \
	for (size_t i = 0; i < sizeof(id.f); i++) \
	assert_int_equal(((const uint8_t *)&id.f)[i], 0)
	ZERO(rsvd108);
	ZERO(rsvd144);
	ZERO(rsvd240);
	ZERO(rsvd359);
	ZERO(rsvd363);
	ZERO(rsvd385);
	ZERO(rsvd396);
	ZERO(rsvd424);
	ZERO(rsvd577);
	ZERO(rsvd588);
	ZERO(rsvd1024);
	ZERO(ioccsz); /* fabrics */
	ZERO(iorcsz);
	ZERO(rsvd1808);
#undef ZERO
	assert_int_equal(le32_get(id.ver), rig_reg(io->r, NVME_REG_VS));
	assert_true(le32_get(id.ver) >= NVME_VERSION(2, 2, 0));
	assert_int_equal(id.cntrltype, NVME_CNTRLTYPE_IO);
}

static void
transfer_size(void **state)
{
	struct io *io = *state;
	uint64_t bytes = 4096ull << adm_identify(io)->mdts;

	assert_int_equal(io_read(io, 1, 0, (uint32_t)(bytes / 512)), 0);
	assert_int_equal(io_read(io, 1, 0, (uint32_t)(bytes / 512) + 1), NVME_SC_INVALID_FIELD);
	assert_int_equal(io_write(io, 2, 0, (uint32_t)(bytes / 4096), 1), 0);
	assert_int_equal(io_write(io, 2, 0, (uint32_t)(bytes / 4096) + 1, 1), NVME_SC_INVALID_FIELD);
}

static void
limits_of_events_and_errors(void **state)
{
	struct io *io = *state;
	uint32_t aerl = adm_identify(io)->aerl, elpe = adm_identify(io)->elpe;
	const struct nvme_error_log_entry *e;
	struct nvme_cqe cqe;

	for (uint32_t i = 0; i <= aerl; i++)
		adm_aer(io);
	assert_false(rig_reap(io->r, 0, &cqe));
	adm_aer(io);
	assert_true(rig_reap(io->r, 0, &cqe));
	assert_int_equal(nvme_status_code(nvme_status_of(le16_get(cqe.status))), NVME_SC_AER_LIMIT);
	for (uint32_t i = 0; i < elpe + 10; i++)
		assert_int_equal(adm_opc(io, 0xff, 0, 0, 0), NVME_SC_INVALID_OPCODE);
	e = adm_log(io, NVME_LOG_ERROR, (elpe + 2) * 64);
	for (uint32_t i = 0; i <= elpe; i++)
		assert_int_equal(le64_get(e[i].ec), le64_get(e[0].ec) - i);
	assert_int_equal(le64_get(e[elpe + 1].ec), 0); /* beyond the log */
}

static void
namespace_identifiers(void **state)
{
	struct io *io = *state;
	uint32_t nn = le32_get(adm_identify(io)->nn);
	struct nvme_sqe sqe;

	nvme_prep_identify(&sqe, NVME_CNS_NS, nn, 0);
	assert_int_equal(io_admin(io, &sqe, SSD_PAGE), 0);
	nvme_prep_identify(&sqe, NVME_CNS_NS, nn + 1, 0);
	assert_int_equal(io_admin(io, &sqe, SSD_PAGE), NVME_SC_INVALID_NS);
}

/* SQES and CQES: entries of 64 and 16 bytes, and none else. */
static void
entry_sizes(void **state)
{
	struct io *io = *state;

	assert_int_equal(adm_identify(io)->sqes, 0x66);
	assert_int_equal(adm_identify(io)->cqes, 0x44);
	for (uint32_t es = 1; es < 16; es++) {
		rig_set(io->r, NVME_REG_CC, 0);
		rig_step(io->r);
		io->r->used = 600 * SSD_PAGE;
		if (es != 6)
			assert_true(rig_enable_cc(io->r, 2, 1 | es << 16 | 4 << 20) & NVME_CSTS_CFS);
		rig_set(io->r, NVME_REG_CC, 0);
		rig_step(io->r);
		if (es != 4)
			assert_true(rig_enable_cc(io->r, 2, 1 | 6 << 16 | es << 20) & NVME_CSTS_CFS);
	}
}

static nvme_status
format(struct io *io, uint32_t nsid, uint32_t cdw10)
{
	return adm_opc(io, NVME_ADM_FORMAT_NVM, nsid, cdw10, 0);
}

/* FNA: cryptographic erase; a format and an erase are of one namespace; FFFFFFFFh is taken. */
static void
format_attributes(void **state)
{
	struct io *io = *state;

	for (uint32_t ses = 0; ses < 8; ses++) {
		assert_int_equal(io_write(io, 1, 5, 1, 0x55), 0);
		assert_int_equal(io_write(io, 2, 5, 1, 0x66), 0);
		assert_int_equal(format(io, 1, ses << 9), ses <= 2 ? 0 : NVME_SC_INVALID_FIELD);
		io_expect(io, 1, 5, 1, ses <= 2 ? 0 : 0x55);
		io_expect(io, 2, 5, 1, 0x66);
	}
	assert_int_equal(format(io, NVME_NSID_ALL, 0), 0);
	io_expect(io, 2, 5, 1, 0);
}

/* MC and DPC: metadata either way, each type of protection at either end, and no fourth type. */
static void
formats_of_a_namespace(void **state)
{
	struct io *io = *state;

	for (uint32_t how = 0; how < 32; how++) { /* MSET, PI, PIL */
		uint32_t pi = how >> 1 & 7, cdw10 = 2 | (how & 1) << 4 | pi << 5 | (how >> 4) << 8;

		assert_int_equal(format(io, 1, cdw10), pi > 3 ? NVME_SC_INVALID_FIELD : 0);
		if (pi > 3)
			continue;
		assert_int_equal(identify_ns(io, 1).flbas, 2 | (how & 1) << 4);
		assert_int_equal(nvme_get(identify_ns(io, 1).dps, NVME_DPS_PIT), pi);
	}
	for (uint32_t lbaf = identify_ns(io, 1).nlbaf + 1u; lbaf < 64; lbaf++)
		assert_int_equal(format(io, 1, (lbaf & 15) | (lbaf >> 4) << 12), NVME_SC_INVALID_FORMAT);
}

/* CTRATT.ELBAS: formats that only a host with LBAFEE sees. */
static void
extended_formats(void **state)
{
	struct io *io = *state;
	uint32_t before = identify_ns(io, 1).nlbaf, after;

	memset(io_buf(io), 0, 512);
	io_buf(io)[2] = 1;
	assert_int_equal(io_feature_set(io, NVME_FEAT_HOST_BEHAVIOR, 0, 0, false), 0);
	after = identify_ns(io, 1).nlbaf;
	assert_true(after > before);
	assert_int_equal(format(io, 1, (after & 15) | (after >> 4) << 12), 0);
}

/* NSFEAT and DLFEAT. */
static void
deallocation(void **state)
{
	struct io *io = *state;
	struct nvme_sqe sqe;

	assert_int_equal(nvme_get(identify_ns(io, 1).dlfeat, NVME_DLFEAT_DRB), NVME_DLFEAT_DRB_00);
	assert_int_equal(io_write(io, 1, 0, 8, 0xff), 0);
	assert_int_equal(le64_get(identify_ns(io, 1).nuse), 8);
	nvme_prep_write_zeroes(&sqe, 1, 0, 4);
	sqe.cdw12 = le32_from(le32_get(sqe.cdw12) | (uint32_t)NVME_WZ_DEAC);
	assert_int_equal(io_cmd(io, &sqe, 0), 0);
	assert_int_equal(le64_get(identify_ns(io, 1).nuse), 4);
	io_expect(io, 1, 0, 4, 0);
	assert_int_equal(io_feature_set(io, NVME_FEAT_ERR_RECOVERY, 1, 1u << 16, false), 0);
	assert_int_equal(io_read(io, 1, 3, 1), NVME_SC_UNWRITTEN_BLOCK);
	assert_int_equal(io_read(io, 1, 4, 1), 0);
	assert_int_equal(io_read(io, 1, 4, 5), NVME_SC_UNWRITTEN_BLOCK);
	assert_int_equal(io_blamed_lba(io), 8);
}

static void
capacity(void **state)
{
	struct io *io = *state;
	uint64_t total = le64_get(adm_identify(io)->tnvmcap[0]), left = le64_get(adm_identify(io)->unvmcap[0]);

	for (uint32_t nsid = 1; nsid <= 2; nsid++)
		left += le64_get(identify_ns(io, nsid).nvmcap[0]);
	assert_int_equal(left, total);
}

/* VWC: there is a cache, and Flush with FFFFFFFFh is of all namespaces. */
static void
write_cache(void **state)
{
	struct io *io = *state;
	struct nvme_sqe sqe;

	assert_int_equal(adm_identify(io)->vwc, NVME_VWC_VWCP | NVME_VWC_FB_YES << 1);
	nvme_prep_flush(&sqe, NVME_NSID_ALL);
	assert_int_equal(io_cmd(io, &sqe, 0), 0);
	assert_int_equal(io_feature_get(io, NVME_FEAT_VWC, 0, 0, 0), 0);
	assert_int_equal(le32_get(io->cqe.dw0), 1);
}

/* HCTMA, MNTMT, MXTMT. */
static void
thermal_management(void **state)
{
	struct io *io = *state;
	uint32_t min = le16_get(adm_identify(io)->mntmt), max = le16_get(adm_identify(io)->mxtmt);

	assert_true(min && min < max);
	assert_int_equal(io_feature_set(io, NVME_FEAT_HCTM, 0, min << 16 | max, false), 0);
	assert_int_equal(io_feature_set(io, NVME_FEAT_HCTM, 0, (min - 1) << 16 | max, false), NVME_SC_INVALID_FIELD);
	assert_int_equal(io_feature_set(io, NVME_FEAT_HCTM, 0, min << 16 | (max + 1), false), NVME_SC_INVALID_FIELD);
}

/* NPSS: power states up to that, each with a descriptor; ssd_power enters them. */
static void
power_states(void **state)
{
	struct io *io = *state;
	struct nvme_id_ctrl id;

	memcpy(&id, adm_identify(io), sizeof(id));
	for (uint32_t ps = 0; ps < 32; ps++) {
		assert_int_equal(le16_get(id.psd[ps].mp) != 0, ps <= id.npss);
		if (ps > id.npss)
			assert_int_equal(io_feature_set(io, NVME_FEAT_POWER_MGMT, 0, ps, false), NVME_SC_INVALID_FIELD);
	}
}

/* CMIC and NMIC: what is shared with a second controller. */
static void
two_controllers(void **state)
{
	struct two t;

	(void)state;
	two_open(&t, NULL);
	assert_int_equal(adm_identify(&t.a)->cmic, NVME_CMIC_MPORTS | NVME_CMIC_MCTRS);
	assert_int_equal(identify_ns(&t.a, 1).nmic, NVME_NMIC_SHRNS);
	assert_int_equal(io_write(&t.a, 1, 0, 1, 0x42), 0);
	io_expect(&t.b, 1, 0, 1, 0x42);
	assert_int_equal(le16_get(adm_identify(&t.a)->cntlid), 1);
	assert_int_equal(le16_get(adm_identify(&t.b)->cntlid), 2);
	two_close(&t);
}

#define T(f) cmocka_unit_test_setup_teardown(f, io_setup, io_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(nothing_else),
		T(reserved_fields),
		T(transfer_size),
		T(limits_of_events_and_errors),
		T(namespace_identifiers),
		T(entry_sizes),
		T(format_attributes),
		T(formats_of_a_namespace),
		T(extended_formats),
		T(deallocation),
		T(capacity),
		T(write_cache),
		T(thermal_management),
		T(power_states),
		cmocka_unit_test(two_controllers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
