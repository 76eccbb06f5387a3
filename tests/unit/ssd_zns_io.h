/* SPDX-License-Identifier: BSD-3-Clause */
/* A drive with a zoned namespace, and commands on zones, as a test sends them. */
#pragma once
#include "ssd_adm.h"
#include "nvproof/spec/zns.h"

#define ZSZE 256u /* blocks of 4 KiB: 1 MiB */
#define ZCAP 192u
#define ZONES 16u
#define CSI_ZNS (2u << 24)
#define CC_IOCSS (RIG_CC | nvme_put32(NVME_CC_CSS, NVME_CC_CSS_IOCSS))

static inline struct ssd_config
config(void)
{
	struct ssd_config cfg = { .nr_ns = 1, .ns = { { 16u << 20, 4096 } }, .media = SSD_MEDIA_RAM, .seed = 1 };
	char err[80];

	assert_int_equal(ssd_profile_find("zns", &cfg.profile, err, sizeof(err)), 0);
	cfg.profile.zones = (struct ssd_profile_zones){
		.size = 1u << 20,
		.capacity = ZCAP * 4096u,
		.max_open = 3,
		.max_active = 5,
		.append_limit = 64u << 10,
		.zrwa = 64u << 10,
		.zrwa_zones = 2,
		.descriptor_bytes = 64,
	};
	return cfg;
}

static inline int
setup_config(void **state, const struct ssd_config *cfg)
{
	struct io *io = test_calloc(1, sizeof(*io));
	struct rig *r = rig_open_config(cfg);

	assert_int_equal(rig_enable_cc(r, 32, CC_IOCSS), NVME_CSTS_RDY);
	rig_pair(r, 1, 64, -1);
	io_init(io, r);
	*state = io;
	return 0;
}

static inline int
setup(void **state)
{
	struct ssd_config cfg = config();

	return setup_config(state, &cfg);
}

static inline void
again(struct io *io)
{
	rig_cfg_set(io->r, 4, 2, 6);
	assert_int_equal(rig_enable_cc(io->r, 32, CC_IOCSS), NVME_CSTS_RDY);
	rig_pair(io->r, 1, 64, -1);
}

static inline nvme_status
send(struct io *io, uint64_t slba, uint32_t cdw13)
{
	struct nvme_sqe sqe = { .opc = NVME_OPC_ZONE_MGMT_SEND,
				.nsid = le32_from(1),
				.cdw10 = le32_from((uint32_t)slba),
				.cdw11 = le32_from((uint32_t)(slba >> 32)),
				.cdw13 = le32_from(cdw13) };

	return io_cmd(io, &sqe, 4096);
}

static inline nvme_status
recv(struct io *io, uint64_t slba, uint32_t len, uint32_t cdw13)
{
	struct nvme_sqe sqe = { .opc = NVME_OPC_ZONE_MGMT_RECV,
				.nsid = le32_from(1),
				.cdw10 = le32_from((uint32_t)slba),
				.cdw12 = le32_from(len / 4 - 1),
				.cdw13 = le32_from(cdw13) };

	memset(io_buf(io), 0xee, len);
	return io_cmd(io, &sqe, len);
}

static inline nvme_status
append(struct io *io, uint64_t zslba, uint32_t nlb, uint8_t with)
{
	struct nvme_sqe sqe;

	memset(io_buf(io), with, (size_t)nlb * 4096);
	nvme_prep_write(&sqe, 1, zslba, nlb);
	sqe.opc = NVME_OPC_ZONE_APPEND;
	return io_cmd(io, &sqe, (uint64_t)nlb * 4096);
}

static inline struct nvme_zone_desc
zone(struct io *io, uint32_t n)
{
	struct nvme_zone_desc d;

	assert_int_equal(recv(io, (uint64_t)n * ZSZE, 4096, 0), 0);
	memcpy(&d, io_buf(io) + 64, sizeof(d));
	assert_int_equal(d.zt, 2);
	assert_int_equal(le64_get(d.zslba), n * ZSZE);
	assert_int_equal(le64_get(d.zcap), ZCAP);
	return d;
}

static inline void
expect(struct io *io, uint32_t n, enum nvme_zs zs, uint64_t wp)
{
	struct nvme_zone_desc d = zone(io, n);

	assert_int_equal(d.zs >> 4, zs);
	assert_true(le64_get(d.wp) == (zs >= NVME_ZS_READ_ONLY ? UINT64_MAX : n * ZSZE + wp));
}
