/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line of nvproof-ssd. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "ssd/ssd.h"

struct ssd_args {
	struct ssd_config cfg;
	const char *socket[SSD_MAX_CTRLRS];
	uint32_t nr_sockets;
	const char *control; /* NULL: first socket + ".ctl" */
	const char *run_dir; /* private directory to remove at the end, or NULL */
	int cpu; /* -1: not pinned */
	int ready_fd, lifeline_fd; /* -1: none */
	bool quiet, nasty;
};

/* 0: go on; 1: done (--help, --version); -EINVAL with a line in err. */
int ssd_args_parse(struct ssd_args *a, int argc, char **argv, char *err, size_t errlen);
