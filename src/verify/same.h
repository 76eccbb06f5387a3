/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include "verify/verify_int.h"

#define VERIFY_SAME_MAX 1024u /* bytes of codes of one LBA */

/* Those of LBA i of a write with op->same, at d; `out` has room for code_bytes.  LBAs come in order. */
void verify_same_codes(const struct nvp_verify *v, const struct nvp_verify_op *op, uint32_t i, const uint8_t *d,
		       uint8_t *out);
