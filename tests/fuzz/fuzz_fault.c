/* SPDX-License-Identifier: BSD-3-Clause */
/* Fuzzing rules of faults: any text is a rule or one line that says what is wrong; what it arms can be cleared. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "ssd/fault.h"
#include "ssd/ssd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ssd_subsys *sub;
	const struct ssd_config cfg = { .nr_ns = 1, .ns = { { 1 << 20, 512 } } };
	char text[400], err[480] = "";
	uint32_t id;

	if (!sub && ssd_subsys_open(&cfg, &sub, err, sizeof(err)))
		abort();
	if (size >= sizeof(text))
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (ssd_fault_add(sub, text, &id, err, sizeof(err))) {
		if (!err[0])
			abort();
	} else if (ssd_fault_clear(sub, id) != 1)
		abort();
	return 0;
}
