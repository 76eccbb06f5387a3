/* SPDX-License-Identifier: BSD-3-Clause */
/* A host of a drive of modelled flash, which lets time pass until its command is done. */
#pragma once
#include <stdio.h>
#include "nvproof/spec/pcie.h"
#include "ssd/core.h"
#include "ssd_adm.h"

#define SLOW_READ 500000u /* of the profile "slow", in ns */
#define SLOW_PROGRAM 5000000u
#define QD 16u

struct drive {
	struct rig *r;
	struct io io;
};

static inline void
start_config(struct drive *d, const struct ssd_config *cfg, uint32_t entries)
{
	d->r = rig_open_config(cfg);
	rig_enable(d->r, 32);
	rig_pair(d->r, 1, entries, -1);
	io_init(&d->io, d->r);
}

static inline void
start_worn(struct drive *d, const char *profile, uint32_t entries, uint32_t endurance)
{
	struct ssd_config cfg = { .nr_ns = 1, .ns = { { 16u << 20, 512 } }, .media = SSD_MEDIA_FLASH };

	assert_int_equal(ssd_profile_find(profile, &cfg.profile, NULL, 0), 0);
	cfg.profile.flash.endurance = endurance;
	start_config(d, &cfg, entries);
}

static inline void
start(struct drive *d, const char *profile, uint32_t entries)
{
	start_worn(d, profile, entries, 0);
}

/* Let time pass, as fast as it goes, until there is a completion.  Its status. */
static inline nvme_status
wait(struct drive *d)
{
	struct rig *r = d->r;

	for (int i = 0; i < 100000; i++) {
		uint64_t next = ssd_step(r->ssd, r->now);

		if (rig_reap(r, 1, &d->io.cqe))
			return rig_sc(nvme_status_of(le16_get(d->io.cqe.status)));
		r->now = next == SSD_NEVER || next <= r->now ? r->now + 1000 : next;
	}
	fail_msg("no completion");
	return 0;
}

static inline uint16_t
send(struct drive *d, uint8_t opc, uint64_t lba, uint32_t nlb)
{
	struct nvme_sqe sqe;
	uint16_t cid;

	nvme_prep_lba_cmd(&sqe, opc, 1, lba, nlb);
	if (opc == NVME_OPC_FLUSH)
		nvme_prep_flush(&sqe, 1);
	else
		io_prp(&d->io, &sqe, nlb * 512);
	cid = rig_put(d->r, 1, &sqe);
	rig_ring(d->r, 1);
	return cid;
}

/* How long a command takes. */
static inline uint64_t
timed(struct drive *d, uint8_t opc, uint64_t lba, uint32_t nlb)
{
	uint64_t from = d->r->now;

	send(d, opc, lba, nlb);
	assert_int_equal(wait(d), 0);
	return d->r->now - from;
}

static inline void
write_byte(struct drive *d, uint64_t lba, uint8_t value)
{
	memset(io_buf(&d->io), value, 4096);
	timed(d, NVME_OPC_WRITE, lba, 8);
}

static inline uint8_t
read_byte(struct drive *d, uint64_t lba)
{
	uint8_t *buf = io_buf(&d->io);

	memset(buf, 0xee, 4096);
	timed(d, NVME_OPC_READ, lba, 8);
	for (int i = 1; i < 4096; i++)
		assert_int_equal(buf[i], buf[0]); /* never a mix */
	return buf[0];
}

/* A drive that was used before recovers first. */
static inline void
start_again(struct drive *d, const struct ssd_config *cfg)
{
	d->r = rig_open_config(cfg);
	ssd_step(d->r->ssd, d->r->now);
	d->r->now = d->r->sub->media_ready_ns;
	rig_enable(d->r, 32);
	rig_pair(d->r, 1, QD, -1);
	io_init(&d->io, d->r);
}

static inline void
power_cycle(struct drive *d)
{
	ssd_power_off(d->r->sub);
	ssd_power_on(d->r->sub);
	rig_cfg_set(d->r, NVME_PCI_CMD, 2, (uint32_t)(NVME_PCI_CMD_BME | NVME_PCI_CMD_MSE));
	d->r->now += d->r->sub->recovery_ns;
	ssd_step(d->r->ssd, d->r->now);
	d->r->now = d->r->sub->media_ready_ns;
	rig_enable(d->r, 32);
	rig_pair(d->r, 1, QD, -1);
}
