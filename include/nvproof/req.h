/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One command: prepare, submit, reap.  Take a request of a queue pair, fill its SQE with nvme_prep_*() (and change any
 * byte of it), attach data, submit.  One call sends one SQE, byte for byte: nothing is split, retried, reordered or
 * padded.  A queue pair and its requests belong to one thread at a time.
 */
#pragma once
#include <stdint.h>
#include "nvproof/buf.h"
#include "nvproof/spec/cmd.h"

struct nvp_qpair;
struct nvp_req;

/*
 * Called from nvp_qpair_poll() (or wait, expire, reset) exactly once per submitted request.  The request is free again
 * when it is called, so it may submit new ones.  It must not poll or wait.  cqe is valid during the call only.
 * The status of a command that the driver ended itself: 07/ff with all-ones dwords (timeout), 00/08 (queue deleted by a
 * reset).
 */
typedef void (*nvp_cb)(void *arg, const struct nvme_cqe *cqe);

/* NULL: the queue is full (depth - 1 outstanding).  A request that was got is submitted or put back, soon. */
struct nvp_req *nvp_req_get(struct nvp_qpair *q);
void nvp_req_put(struct nvp_req *r);

/* The SQE to fill.  submit() sets only its CID. */
struct nvme_sqe *nvp_req_sqe(struct nvp_req *r);

/*
 * Describe `len` bytes of buf from `off` with PRPs in the SQE (and a list page that belongs to the request).
 * NVMe Base, "Physical Region Page Entry and List".  -EINVAL: outside buf, or more than one list page describes.
 */
int nvp_req_data(struct nvp_req *r, const struct nvp_buf *buf, uint64_t off, uint32_t len);
/* The same with one SGL data block descriptor in the SQE (PSDT 01b). */
int nvp_req_data_sgl(struct nvp_req *r, const struct nvp_buf *buf, uint64_t off, uint32_t len);

/* A metadata buffer of its own: MPTR is the address of buf's byte `off`.  -EINVAL: `len` bytes of it are outside buf. */
int nvp_req_meta(struct nvp_req *r, const struct nvp_buf *buf, uint64_t off, uint32_t len);

/* Write the SQE into the queue.  The doorbell rings at once, or at nvp_qpair_ring() when the queue is lazy. */
void nvp_req_submit(struct nvp_req *r, nvp_cb cb, void *arg);
uint16_t nvp_req_cid(const struct nvp_req *r);
