/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An SSD in this process: addresses "sim:PROFILE?key=value&...".  Single-threaded, on virtual time, deterministic: one
 * seed, one run.
 * PROFILE: "" or "ram" (sparse memory), "null" (keeps nothing), a flash profile such as "slow", or a file NAME.ini.
 * Keys: nasty=1 (what is legal and unpleasant, chosen by the seed: completions out of order, and many at once, late interrupts,
 * events at bad moments), size=64G (of each namespace; K M G T), ns=2, lba=512|4096, seed=7, queues=8, mqes=255, mdts=5.
 *
 * The device works and time passes while the driver waits (nvp_qpair_wait(), nvp_admin(), CSTS.RDY).  Who only polls
 * calls nvp_sim_run().
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nvp_bus;
struct ssd;
struct ssd_subsys;

/* Make "sim:" addresses known to nvp_bus_open() and nvp_ctrlr_open().  Again is fine. */
int nvp_sim_register(void);

/* For tests: what is behind a bus that was opened as "sim:"; NULL when it is another one. */
struct ssd *nvp_sim_ssd(struct nvp_bus *bus);
struct ssd_subsys *nvp_sim_subsys(struct nvp_bus *bus);
/* Power of the SSD behind a bus.  -ENOTSUP: that is no simulated one. */
int nvp_sim_power(struct nvp_bus *bus, bool on);
/*
 * Faults of the SSD behind a bus: as ssd_fault_add(), ssd_fault_clear() and ssd_fault_state() of include/ssd/fault.h.  add: -ENOTSUP
 * too, when that is no simulated one; then the others tell of none.
 */
struct nvp_sim_fault {
	uint32_t id;
	uint64_t seen, hits;
	char rule[160];
};
int nvp_sim_fault_add(struct nvp_bus *bus, const char *rule, uint32_t *id, char *err, size_t errlen);
uint32_t nvp_sim_fault_clear(struct nvp_bus *bus, uint32_t id);
bool nvp_sim_fault(struct nvp_bus *bus, uint32_t i, struct nvp_sim_fault *out);
/* Virtual nanoseconds since the bus was opened. */
uint64_t nvp_sim_now_ns(struct nvp_bus *bus);
/* Let ns of virtual time pass, the device working. */
void nvp_sim_run(struct nvp_bus *bus, uint64_t ns);
