/* SPDX-License-Identifier: BSD-3-Clause */
/* A stand-in for libssd in tests of the front end. */
#include "fake_ssd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ssd/fault.h"
#include "util/alloc.h"

int
ssd_subsys_open(const struct ssd_config *cfg, struct ssd_subsys **out, char *err, size_t errlen)
{
	struct ssd_subsys *sub = ut_calloc(1, sizeof(*sub));

	(void)cfg;
	(void)err;
	(void)errlen;
	if (!sub)
		return -ENOMEM;
	sub->powered = true;
	*out = sub;
	return 0;
}

void
ssd_subsys_close(struct ssd_subsys *sub)
{
	free(sub);
}

int
ssd_ctrlr_open(struct ssd_subsys *sub, const struct ssd_port_ops *ops, void *port, void *doorbells, struct ssd **out)
{
	static const uint8_t class[4] = { 0x00, 0x02, 0x08, 0x01 };
	struct ssd *ssd = ut_calloc(1, sizeof(*ssd));

	if (!ssd)
		return -ENOMEM;
	ssd->sub = sub;
	ssd->ops = ops;
	ssd->port = port;
	ssd->db = doorbells;
	ssd->cmb_size = sub->cmb_size;
	memcpy(ssd->cfg + 8, class, sizeof(class));
	for (uint32_t i = 0; i < SSD_BAR_SIZE; i++)
		ssd->bar[i] = (uint8_t)(i * 7 + 1);
	sub->ctrlr[sub->nr++] = ssd;
	*out = ssd;
	return 0;
}

void
ssd_ctrlr_close(struct ssd *ssd)
{
	ssd->sub->nr--;
	free(ssd);
}

uint64_t
ssd_bar_read(struct ssd *ssd, uint32_t off, int width)
{
	uint64_t v = 0;

	ssd->last_off = off;
	ssd->last_width = width;
	ssd->accesses++;
	memcpy(&v, ssd->bar + off, (size_t)width);
	return v;
}

void
ssd_bar_write(struct ssd *ssd, uint32_t off, int width, uint64_t val)
{
	ssd->last_off = off;
	ssd->last_width = width;
	ssd->last_val = val;
	ssd->accesses++;
	memcpy(ssd->bar + off, &val, (size_t)width);
}

void
ssd_cfg_read(struct ssd *ssd, uint32_t off, void *buf, uint32_t len)
{
	memcpy(buf, ssd->cfg + off, len);
}

void
ssd_cfg_write(struct ssd *ssd, uint32_t off, const void *buf, uint32_t len)
{
	memcpy(ssd->cfg + off, buf, len);
}

uint64_t
ssd_step(struct ssd *ssd, uint64_t now_ns)
{
	(void)now_ns;
	ssd->steps++;
	return SSD_NEVER;
}

bool
ssd_was_busy(const struct ssd *ssd)
{
	return ssd->busy;
}

bool
ssd_rung(const struct ssd *ssd)
{
	(void)ssd;
	return false;
}

void
ssd_port_changed(struct ssd *ssd)
{
	ssd->changes++;
}

void
ssd_function_reset(struct ssd *ssd)
{
	ssd->resets++;
	ssd->msix = ssd->msi = false;
}

void
ssd_msix_setup(struct ssd *ssd, bool on)
{
	ssd->msix = on;
	ssd->msix_setups++;
}

void
ssd_msi_setup(struct ssd *ssd, bool on)
{
	ssd->msi = on;
}

uint64_t
ssd_cmb_bar_size(const struct ssd *ssd)
{
	return ssd->cmb_size;
}

void
ssd_cmb_place(struct ssd *ssd, void *mem)
{
	ssd->cmb = mem;
}

void
ssd_power_off(struct ssd_subsys *sub)
{
	sub->powered = false;
}

void
ssd_power_on(struct ssd_subsys *sub)
{
	sub->powered = true;
}

bool
ssd_powered(const struct ssd_subsys *sub)
{
	return sub->powered;
}

void
ssd_get_stats(const struct ssd_subsys *sub, struct ssd_stats *out)
{
	*out = sub->stats;
}

void
ssd_set_temperature(struct ssd_subsys *sub, uint16_t kelvin)
{
	sub->kelvin = kelvin;
}

/* No faults here. */
int
ssd_fault_add(struct ssd_subsys *sub, const char *rule, uint32_t *id, char *err, size_t errlen)
{
	(void)sub, (void)rule, (void)id;
	snprintf(err, errlen, "no faults here");
	return -EINVAL;
}

uint32_t
ssd_fault_clear(struct ssd_subsys *sub, uint32_t id)
{
	(void)sub, (void)id;
	return 0;
}

bool
ssd_fault_state(const struct ssd_subsys *sub, uint32_t i, struct ssd_fault_state *out)
{
	(void)sub, (void)i, (void)out;
	return false;
}
