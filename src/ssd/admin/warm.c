/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The temperature follows the load, where the profile says so ([temperature] load_c): towards idle_c plus a share of load_c, as
 * large as what hosts read and write is of load_mb_s, and exponentially, with settle_s as the time constant.  Who sets the
 * temperature sets where it goes on from.
 */
#include "ssd/admin/pstate.h"
#include "ssd/core.h"

#define LOOK_NS 1000000000ull

/* Close to exp(-x), which would take another library. */
static double
decay(double x)
{
	double y = 1 / (1 + x / 256);

	for (int i = 0; i < 8; i++)
		y *= y;
	return y;
}

static double
target_k(const struct ssd_profile_heat *h, uint64_t bytes, uint64_t ns)
{
	double share = (double)bytes * 1000 / (double)ns / h->load_mb_s;

	return SSD_KELVIN + h->idle_c + h->load_c * UT_MIN(share, 1.0);
}

static void
move(struct ssd_subsys *sub, uint64_t bytes, uint64_t ns)
{
	const struct ssd_profile_heat *h = &sub->cfg.profile.heat;
	struct ssd_warm *w = &sub->warm;
	double to = target_k(h, bytes, ns);
	uint16_t k;

	if ((uint16_t)(w->k + 0.5) != sub->temperature_k)
		w->k = sub->temperature_k;
	w->k = to + (w->k - to) * decay((double)ns / 1e9 / h->settle_s);
	k = (uint16_t)(w->k + 0.5);
	if (k != sub->temperature_k)
		ssd_set_temperature(sub, k);
}

/* Of each controller; the first that is due does it for all. */
uint64_t
ssd_warm_tick(struct ssd *ssd)
{
	struct ssd_subsys *sub = ssd->sub;
	struct ssd_warm *w = &sub->warm;
	uint64_t bytes = sub->stats.bytes_read + sub->stats.bytes_written;

	if (!sub->cfg.profile.heat.load_c)
		return SSD_NEVER;
	if (w->begun && ssd->now_ns >= w->at_ns && ssd->now_ns - w->at_ns < LOOK_NS)
		return w->at_ns + LOOK_NS;
	if (w->begun && ssd->now_ns > w->at_ns)
		move(sub, bytes - w->bytes, ssd->now_ns - w->at_ns);
	*w = (struct ssd_warm){ .begun = true, .k = w->k, .at_ns = ssd->now_ns, .bytes = bytes };
	return w->at_ns + LOOK_NS;
}
