/* SPDX-License-Identifier: BSD-3-Clause */
/* The C API in one page: open a drive, write a block, read it back, let the drive compare it.  Argument: an address. */
#include <stdio.h>
#include <string.h>

#include "nvproof/buf.h"
#include "nvproof/ctrlr.h"
#include "nvproof/ns.h"
#include "nvproof/spec/prep_nvm.h"
#include "nvproof/spec/status.h"

/* 0: the command succeeded.  Trouble of the host and the verdict of the drive are two different things. */
static int
check(const char *what, int rc, const struct nvme_cqe *cqe)
{
	nvme_status st = nvme_status_code(nvme_status_of(le16_get(cqe->status)));

	if (rc)
		printf("%-8s could not be sent: %s\n", what, strerror(-rc));
	else
		printf("%-8s %02x/%02x %s\n", what, st >> 8, st & 0xff, nvp_status_text(st));
	return rc || st;
}

/* Submission and completion are separate; nvp_io() does both for one command. */
static int
write_read_compare(struct nvp_qpair *q, const struct nvp_ns *ns, struct nvp_buf *out, struct nvp_buf *in)
{
	struct nvme_cqe cqe = { 0 };
	struct nvme_sqe sqe;

	memcpy((char *)out->va + 10, "hello world", 11);
	nvme_prep_write(&sqe, ns->nsid, 0, 1);
	if (check("write", nvp_io(q, &sqe, out, ns->lba_size, &cqe), &cqe))
		return 1;
	nvme_prep_read(&sqe, ns->nsid, 0, 1);
	if (check("read", nvp_io(q, &sqe, in, ns->lba_size, &cqe), &cqe))
		return 1;
	printf("the block says \"%.11s\"\n", (const char *)in->va + 10);
	nvme_prep_compare(&sqe, ns->nsid, 0, 1);
	if (check("compare", nvp_io(q, &sqe, out, ns->lba_size, &cqe), &cqe))
		return 1;
	return memcmp(out->va, in->va, ns->lba_size) != 0;
}

int
main(int argc, char **argv)
{
	struct nvp_qpair_opts opts = { .depth = 16 };
	struct nvp_buf out = { 0 }, in = { 0 };
	struct nvp_qpair *q = NULL;
	struct nvp_ctrlr *c;
	struct nvp_ns ns;
	int failed = 1;

	if (nvp_ctrlr_open(argc > 1 ? argv[1] : "", NULL, &c)) {
		fprintf(stderr, "hello: %s\n", nvp_error());
		return 1;
	}
	printf("model    %.40s\nserial   %.20s\n", nvp_ctrlr_id(c)->mn, nvp_ctrlr_id(c)->sn);
	if (nvp_ns_open(c, 1, &ns, NULL)) {
		fprintf(stderr, "hello: %s\n", nvp_error());
	} else if (nvp_qpair_create(c, &opts, &q, NULL) || nvp_buf_alloc(ns.lba_size, 0, &out) ||
		   nvp_buf_alloc(ns.lba_size, 0, &in)) {
		fprintf(stderr, "hello: no queue or no memory\n");
	} else {
		printf("capacity %llu blocks of %u bytes\n", (unsigned long long)ns.nsze, ns.lba_size);
		failed = write_read_compare(q, &ns, &out, &in);
	}
	nvp_qpair_delete(q, NULL);
	nvp_buf_free(&in);
	nvp_buf_free(&out);
	nvp_ctrlr_close(c);
	return failed;
}
