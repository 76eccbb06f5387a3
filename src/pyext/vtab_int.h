/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside of the extension's verification: vtab.c (tables), vcmd.c (commands), vtell.c (miscompares). */
#pragma once
#include "pyext/vtab.h"

struct py_vtab {
	struct py_vtab *next;
	uint32_t refs;
	unsigned tell; /* PY_TELL_* */
	struct nvp_verify *v;
	char sn[20];
	char subnqn[256];
	uint64_t instance;
	uint32_t nsid, lba_size;
	uint64_t nsze;
};

extern struct py_vtab *py_vtabs;

/* vtell.c: find out what it is and tell; data of the whole command. */
void py_verify_explain(const struct py_vcmd *v, struct nvp_miscompare *mis);
