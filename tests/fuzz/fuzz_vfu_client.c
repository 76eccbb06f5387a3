/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fuzzing the vfio-user client: the input is all that a server says, written before anybody asks.  Its first byte is flags: 2: a
 * descriptor comes along.  When the bytes run out the server is gone, so nothing waits.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include "bus/vfu_client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever the server made us believe about its device. */
static void
use(struct nvp_bus *bus)
{
	static const uint64_t offsets[] = { 0, 0xfff, 0x1000, 0x1ffc, 0x2000, UINT64_MAX - 3 };
	uint64_t off, iova = 0x200000;
	uint8_t b[64];

	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		volatile uint32_t *db = vfu_bar_map(bus, 0, offsets[i], 4);

		if (db && offsets[i] % 4 == 0)
			*db = 1;
		vfu_bar_fd(bus, 0, offsets[i], &off);
		vfu_bar_read(bus, (int)i, offsets[i], b, sizeof(b));
	}
	vfu_bar_write(bus, 0, 0x14, b, 4);
	vfu_cfg_read(bus, 0, b, sizeof(b));
	vfu_dma_map(bus, NULL, 0x200000, 0, &iova);
	vfu_dma_unmap(bus, iova, 0x200000);
	vfu_irq_fd(bus, 0);
	vfu_reset(bus, NVP_RESET_HOT);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int memory = -1;
	struct vfu_bus *b;
	int pair[2];

	if (memory < 0)
		memory = memfd_create("fuzz", MFD_CLOEXEC);
	if (memory < 0 || ftruncate(memory, 0x2000))
		abort();
	if (size < 2 || size > 65536 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair))
		return 0;
	vfu_send_some(pair[1], data + 1, size - 1, &memory, (data[0] & 2) != 0);
	shutdown(pair[1], SHUT_WR);
	if (vfu_client_adopt(pair[0], "fuzz", 1000, &b) == 0) {
		use(&b->base);
		vfu_client_close(&b->base);
	}
	close(pair[1]);
	return 0;
}
