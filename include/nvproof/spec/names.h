/* SPDX-License-Identifier: BSD-3-Clause */
/* What numbers of the wire are called, in the specification's words.  The texts live as long as the program. */
#pragma once

#include <stdint.h>

/* "Invalid Field in Command" for sct/sc of a status (CQE status word >> 1); "unknown status" otherwise. */
const char *nvp_status_text(uint16_t status);
/* "Read", "Identify": the command of an opcode; "unknown" otherwise. */
const char *nvp_admin_name(uint8_t opc);
const char *nvp_io_name(uint8_t opc);
