/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Driver and software SSD in one thread, for counting instructions: `count` random 4 KiB reads of null media, 32 at a time.
 * usage: bench_sim COUNT
 */
#include <stdio.h>
#include <stdlib.h>

#include "nvproof/ns.h"
#include "nvproof/sim.h"
#include "nvproof/spec/prep_nvm.h"
#include "util/rng.h"

#define DEPTH 32u
#define NLB 8u

static int
run(struct nvp_qpair *q, const struct nvp_ns *ns, struct nvp_buf *buf, uint32_t count)
{
	struct ut_rng rng;

	ut_rng_seed(&rng, 1);
	for (uint32_t done = 0; done < count; done += DEPTH) {
		for (uint32_t i = 0; i < DEPTH; i++) {
			struct nvp_req *r = nvp_req_get(q);

			nvme_prep_read(nvp_req_sqe(r), ns->nsid, ut_rng_below(&rng, ns->nsze / NLB) * NLB, NLB);
			if (nvp_req_data(r, buf, (uint64_t)i * NLB * ns->lba_size, NLB * ns->lba_size))
				return 1;
			nvp_req_submit(r, NULL, NULL);
		}
		if (nvp_qpair_wait(q, DEPTH) != (int)DEPTH)
			return 1;
	}
	return 0;
}

int
main(int argc, char **argv)
{
	struct nvp_qpair_opts opts = { .depth = DEPTH + 1, .iv = 0xffff, .lazy = true, .no_cmdlog = true };
	uint32_t count = argc == 2 ? (uint32_t)strtoul(argv[1], NULL, 10) : 0;
	struct nvp_qpair *q = NULL;
	struct nvp_ctrlr *c = NULL;
	struct nvp_buf buf = { 0 };
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
	if (!nvp_ns_open(c, 1, &ns, NULL) && !nvp_qpair_create(c, &opts, &q, NULL) &&
	    !nvp_buf_alloc((uint64_t)DEPTH * NLB * ns.lba_size, 0, &buf))
		rc = run(q, &ns, &buf, count);
	nvp_qpair_delete(q, NULL);
	nvp_buf_free(&buf);
	nvp_ctrlr_close(c);
	return rc;
}
