/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Worker, driver and software SSD in one thread, for counting instructions: `count` random 4 KiB reads of null media, 32 at a
 * time.  The worker's share is iow_engine_turn(), the SSD's is ssd_step().
 * usage: bench_sim COUNT
 */
#include <stdio.h>
#include <stdlib.h>

#include "nvproof/ioworker.h"
#include "nvproof/ns.h"
#include "nvproof/sim.h"

#define NLB 8u

static int
run(struct nvp_ns *ns, uint32_t count)
{
	const struct nvp_iow_plan plan = {
		.io_size = NLB,
		.lba_align = NLB,
		.random_percent = 100,
		.read_percent = 100,
		.qdepth = 32,
		.io_count = count,
		.region_end = ns->nsze,
		.seed = 1,
		.cpu = -1,
		.exit_on_error = true,
		.log_errors_only = true,
	};
	struct nvp_iow_result res = { 0 };
	struct nvp_iow *w;
	int rc = nvp_iow_start(ns, &plan, NULL, &w);

	if (rc)
		return rc;
	while (!(rc = nvp_iow_wait(w, 0)))
		;
	nvp_iow_close(w, &res);
	return rc < 0 || res.error || res.status || res.reads != count;
}

int
main(int argc, char **argv)
{
	uint32_t count = argc == 2 ? (uint32_t)strtoul(argv[1], NULL, 10) : 0;
	struct nvp_ctrlr *c = NULL;
	struct nvp_ns ns;
	int rc = 1;

	if (!count) {
		fprintf(stderr, "usage: bench_sim COUNT\n");
		return 2;
	}
	if (nvp_sim_register() || nvp_ctrlr_open("sim:null?size=1G", NULL, &c)) {
		fprintf(stderr, "bench_sim: %s\n", nvp_error());
		return 1;
	}
	if (!nvp_ns_open(c, 1, &ns, NULL))
		rc = run(&ns, count);
	nvp_ctrlr_close(c);
	return rc;
}
