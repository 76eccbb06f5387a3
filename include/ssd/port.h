/* SPDX-License-Identifier: BSD-3-Clause */
/* What the device may do to its host: everything that crosses the edge of the software SSD outwards. */
#pragma once
#include <stdint.h>

struct ssd_port_ops {
	/* Host memory at a bus address.  0, or -EFAULT: (part of) the range is not mapped, nothing is assumed of the rest. */
	int (*mem_read)(void *port, uint64_t addr, void *buf, uint32_t len);
	int (*mem_write)(void *port, uint64_t addr, const void *buf, uint32_t len);
	/*
	 * The same range as a pointer, so that data is copied once: NULL when it is not one contiguous mapping (the model
	 * then uses mem_read and mem_write).  Valid until the port calls ssd_port_changed().
	 */
	void *(*mem_map)(void *port, uint64_t addr, uint64_t len);
	/* Raise MSI-X vector `vector` (not masked, enabled); or INTx with vector 0 when MSI-X is off. */
	void (*irq)(void *port, uint16_t vector);
};
