/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The vfio-user server against a client that writes bytes: the sequence of the client in the field, then each message with
 * what it must answer.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "nvproof/spec/regs.h"
#include "vfu_rig.h"

#define MB2 (2u << 20)

static void
region_info(struct rig *r, int sock, uint32_t index, struct raw_reply *rep)
{
	/* The client in the field sends a payload of 4,064 bytes: argsz is the room that it has. */
	uint8_t payload[4064] = { 0 };
	struct vfu_region_info in = { .argsz = sizeof(payload), .index = index };

	memcpy(payload, &in, sizeof(in));
	assert_int_equal(raw_call(r, sock, VFU_DEVICE_GET_REGION_INFO, payload, sizeof(payload), rep), 0);
}

static uint32_t
reg_read(struct rig *r, int sock, uint32_t region, uint64_t off)
{
	struct vfu_region_access a = { .offset = off, .region = region, .count = 4 };
	struct raw_reply *rep = malloc(sizeof(*rep));
	uint32_t v;

	assert_int_equal(raw_call(r, sock, VFU_REGION_READ, &a, sizeof(a), rep), 0);
	assert_int_equal(rep->len, sizeof(a) + 4);
	memcpy(&v, rep->data + sizeof(a), 4);
	free(rep);
	return v;
}

static int
reg_write(struct rig *r, int sock, uint32_t region, uint64_t off, uint32_t v)
{
	struct {
		uint64_t offset;
		uint32_t region, count, val;
	} __attribute__((packed)) m = { off, region, 4, v };

	return raw_call(r, sock, VFU_REGION_WRITE, &m, sizeof(m), NULL);
}

/* All of it, in the order in which it was seen on the socket. */
static void
client_in_the_field(void **state)
{
	static const uint8_t version[] = { 0, 0, 1, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0 };
	static const uint8_t version_reply[] = { 0, 0, 1, 0, 20, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0 };
	struct vfu_device_info info = { .argsz = sizeof(info) };
	struct raw_reply *rep = malloc(sizeof(*rep));
	struct rig *r = *state;
	uint64_t iova = 0x7f1200000000u;
	int sock = raw_connect(r), mem = raw_memfd(MB2, false);
	uint32_t *db = NULL;

	raw_send(sock, version, sizeof(version), NULL, 0);
	assert_int_equal(raw_reply(r, sock, rep), 1);
	assert_int_equal(rep->len, 4);
	assert_memory_equal(&rep->hdr, version_reply, 16);
	assert_memory_equal(rep->data, version_reply + 16, 4);

	assert_int_equal(raw_call(r, sock, VFU_DEVICE_GET_INFO, &info, sizeof(info), rep), 0);
	memcpy(&info, rep->data, sizeof(info));
	assert_int_equal(rep->len, sizeof(info));
	assert_int_equal(info.flags, VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET);
	assert_int_equal(info.num_regions, 9);
	assert_int_equal(info.num_irqs, 5);

	for (uint32_t i = 0; i < 9; i++) {
		struct vfu_region_info reg;

		region_info(r, sock, i, rep);
		memcpy(&reg, rep->data, sizeof(reg));
		assert_int_equal(reg.index, i);
		assert_int_equal(reg.argsz, rep->len);
		assert_int_equal(reg.size, i == 0 ? 0x4000 : i == 7 ? 0x1000 : 0);
		assert_int_equal(rep->nfds, i == 0);
		if (i == 0) {
			struct stat st;

			assert_int_equal(fstat(rep->fd[0], &st), 0);
			assert_int_equal(st.st_size, SSD_BAR_DB + SSD_BAR_DB_SIZE);
			db = mmap(NULL, SSD_BAR_DB_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, rep->fd[0], SSD_BAR_DB);
			assert_ptr_not_equal(db, MAP_FAILED);
		}
		raw_close_fds(rep);
	}

	assert_int_equal(raw_map(r, sock, iova, MB2, 0, mem), 0);
	assert_int_equal(r->ssd->changes, 1);
	assert_int_equal(reg_read(r, sock, 7, 8), 0x01080200);
	assert_int_equal(reg_write(r, sock, 7, 4, 6), 0);
	assert_int_equal(r->ssd->cfg[4], 6);
	r->ssd->bar[0x1c] = 1;
	assert_int_equal(reg_read(r, sock, 0, 0x1c) & 0xff, 1);
	assert_int_equal(reg_write(r, sock, 0, 0x14, 0x460001), 0);
	assert_int_equal(r->ssd->last_off, 0x14);
	assert_int_equal(r->ssd->last_width, 4);
	assert_int_equal(r->ssd->last_val, 0x460001);

	/* A doorbell is a store, and nothing on the socket. */
	db[2] = 0x55;
	assert_int_equal(r->ssd->db[2], 0x55);

	/* It unmaps with the descriptor attached. */
	{
		struct vfu_dma_unmap u = { .argsz = sizeof(u), .addr = iova, .size = MB2 };

		assert_int_equal(raw_call_fds(r, sock, VFU_DMA_UNMAP, &u, sizeof(u), &mem, 1, rep), 0);
		assert_int_equal(rep->len, sizeof(u));
		assert_memory_equal(rep->data, &u, sizeof(u));
	}
	assert_int_equal(r->server.dma.n, 0);
	munmap(db, SSD_BAR_DB_SIZE);
	close(mem);
	close(sock);
	raw_pump(r);
	assert_int_equal(r->ssd->resets, 1);
	free(rep);
}

static void
sparse_area(void **state)
{
	struct raw_reply *rep = malloc(sizeof(*rep));
	struct rig *r = *state;
	struct vfu_region_info in = { .argsz = 32 }, out;
	struct vfu_cap_sparse cap;
	struct vfu_sparse_area area;
	int sock = raw_attach(r);

	/* No room for the capability: only how much is needed. */
	assert_int_equal(raw_call(r, sock, VFU_DEVICE_GET_REGION_INFO, &in, sizeof(in), rep), 0);
	memcpy(&out, rep->data, sizeof(out));
	assert_int_equal(rep->len, 32);
	assert_int_equal(out.argsz, 64);
	assert_int_equal(out.cap_offset, 0);
	assert_int_equal(rep->nfds, 0);

	in.argsz = 64;
	assert_int_equal(raw_call(r, sock, VFU_DEVICE_GET_REGION_INFO, &in, sizeof(in), rep), 0);
	memcpy(&out, rep->data, sizeof(out));
	assert_int_equal(rep->len, 64);
	assert_int_equal(out.flags, VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE |
					    VFIO_REGION_INFO_FLAG_MMAP | VFIO_REGION_INFO_FLAG_CAPS);
	memcpy(&cap, rep->data + out.cap_offset, sizeof(cap));
	memcpy(&area, rep->data + out.cap_offset + sizeof(cap), sizeof(area));
	assert_int_equal(cap.hdr.id, VFIO_REGION_INFO_CAP_SPARSE_MMAP);
	assert_int_equal(cap.hdr.version, 1);
	assert_int_equal(cap.hdr.next, 0);
	assert_int_equal(cap.nr_areas, 1);
	assert_int_equal(area.offset, SSD_BAR_DB);
	assert_int_equal(area.size, SSD_BAR_DB_SIZE);
	assert_int_equal(out.offset, 0);
	raw_close_fds(rep);
	close(sock);
	free(rep);
}

static void
versions(void **state)
{
	static const struct {
		uint16_t major, minor;
		const char *json;
		int err;
		uint16_t answer;
	} cases[] = {
		{ 0, 0, NULL, 0, 0 },
		{ 0, 1, NULL, 0, 1 },
		{ 0, 7, NULL, 0, 1 },
		{ 1, 0, NULL, EPROTONOSUPPORT, 0 },
		{ 0, 1, "", 0, 1 },
		{ 0, 1, "{}", 0, 1 },
		{ 0, 1, "{\"capabilities\":{\"max_msg_fds\":8,\"migration\":{\"pgsize\":4096}}}", 0, 1 },
		{ 0, 1, "{\"capabilities\":[]}", EINVAL, 0 },
		{ 0, 1, "{\"capabilities\":{\"max_msg_fds\":\"8\"}}", EINVAL, 0 },
		{ 0, 1, "{\"capabilities\":{\"pgsizes\":-1}}", EINVAL, 0 },
		{ 0, 1, "{nonsense", EINVAL, 0 },
		{ 0, 1, "[]", EINVAL, 0 },
	};
	struct raw_reply *rep = malloc(sizeof(*rep));
	struct rig *r = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct {
			uint16_t major, minor;
			char text[200];
		} m = { .major = cases[i].major, .minor = cases[i].minor };
		uint32_t len = 4;
		uint16_t minor;
		int sock = raw_connect(r);

		if (cases[i].json) {
			strcpy(m.text, cases[i].json);
			len += (uint32_t)strlen(m.text) + 1;
		}
		assert_int_equal(raw_call(r, sock, VFU_VERSION, &m, len, rep), cases[i].err);
		if (cases[i].err) {
			assert_int_equal(raw_reply(r, sock, rep), -1);
		} else {
			memcpy(&minor, rep->data + 2, 2);
			assert_int_equal(minor, cases[i].answer);
		}
		close(sock);
		raw_pump(r);
		assert_int_equal(rig_sockets(r), 0);
	}
	free(rep);
}

/* Only what the client proposed comes back. */
static void
capabilities_are_a_subset(void **state)
{
	static const char text[] = "\0\0\1\0{\"capabilities\":{\"max_data_xfer_size\":1048576,\"x\":true}}";
	struct raw_reply *rep = malloc(sizeof(*rep));
	struct rig *r = *state;
	int sock = raw_connect(r);

	assert_int_equal(raw_call(r, sock, VFU_VERSION, text, sizeof(text), rep), 0);
	assert_string_equal((char *)rep->data + 4, "{\"capabilities\":{\"max_data_xfer_size\":65536}}");
	assert_int_equal(rep->len, 4 + strlen((char *)rep->data + 4) + 1);
	close(sock);
	free(rep);
}

static void
register_widths(void **state)
{
	static const struct {
		uint64_t off;
		uint32_t count;
		int width; /* of the last access */
		uint32_t accesses;
	} cases[] = {
		{ 0x28, 8, 8, 1 }, { 0x14, 4, 4, 1 }, { 0x14, 8, 4, 2 },   { 0x16, 2, 2, 1 },
		{ 0x17, 1, 1, 1 }, { 0x15, 3, 2, 2 }, { 0x00, 64, 4, 16 }, { 0x3ffc, 4, 4, 1 },
	};
	struct raw_reply *rep = malloc(sizeof(*rep));
	struct rig *r = *state;
	int sock = raw_attach(r);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct {
			struct vfu_region_access a;
		} m = { { .offset = cases[i].off, .region = 0, .count = cases[i].count } };

		r->ssd->accesses = 0;
		assert_int_equal(raw_call(r, sock, VFU_REGION_READ, &m, sizeof(m), rep), 0);
		assert_memory_equal(rep->data + 16, r->ssd->bar + cases[i].off, cases[i].count);
		assert_int_equal(r->ssd->last_width, cases[i].width);
		assert_int_equal(r->ssd->accesses, cases[i].accesses);
	}
	close(sock);
	free(rep);
}

static void
whole_bar_in_one_message(void **state)
{
	struct vfu_region_access a = { .offset = 0, .region = 0, .count = SSD_BAR_SIZE };
	struct raw_reply *rep = malloc(sizeof(*rep));
	struct rig *r = *state;
	int sock = raw_attach(r);

	assert_int_equal(raw_call(r, sock, VFU_REGION_READ, &a, sizeof(a), rep), 0);
	assert_int_equal(rep->len, sizeof(a) + SSD_BAR_SIZE);
	assert_memory_equal(rep->data + sizeof(a), r->ssd->bar, SSD_BAR_SIZE);
	close(sock);
	free(rep);
}

static void
interrupts(void **state)
{
	struct vfu_irq_set set = { .argsz = sizeof(set),
				   .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
				   .index = VFIO_PCI_MSIX_IRQ_INDEX,
				   .start = 5,
				   .count = 2 };
	struct vfu_irq_info info = { .argsz = sizeof(info), .index = VFIO_PCI_MSIX_IRQ_INDEX };
	struct raw_reply *rep = malloc(sizeof(*rep));
	struct rig *r = *state;
	int sock = raw_attach(r), efd[2] = { eventfd(0, EFD_NONBLOCK), eventfd(0, 0) };
	uint64_t n;

	assert_int_equal(raw_call(r, sock, VFU_DEVICE_GET_IRQ_INFO, &info, sizeof(info), rep), 0);
	memcpy(&info, rep->data, sizeof(info));
	assert_int_equal(info.count, 128);
	assert_true(info.flags & VFIO_IRQ_INFO_EVENTFD);

	assert_int_equal(raw_call_fds(r, sock, VFU_DEVICE_SET_IRQS, &set, sizeof(set), efd, 2, NULL), 0);
	assert_true(r->ssd->msix);
	r->ssd->ops->irq(r->ssd->port, 6);
	r->ssd->ops->irq(r->ssd->port, 6);
	r->ssd->ops->irq(r->ssd->port, 7);
	r->ssd->ops->irq(r->ssd->port, 4000);
	assert_int_equal(read(efd[1], &n, 8), 8);
	assert_int_equal(n, 2);
	assert_int_equal(read(efd[0], &n, 8), -1);

	/* Masked: pending until it is unmasked. */
	set = (struct vfu_irq_set){ .argsz = sizeof(set),
				    .flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_MASK,
				    .index = 2,
				    .start = 5,
				    .count = 1 };
	assert_int_equal(raw_call(r, sock, VFU_DEVICE_SET_IRQS, &set, sizeof(set), NULL), 0);
	r->ssd->ops->irq(r->ssd->port, 5);
	assert_int_equal(read(efd[0], &n, 8), -1);
	set.flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK;
	assert_int_equal(raw_call(r, sock, VFU_DEVICE_SET_IRQS, &set, sizeof(set), NULL), 0);
	assert_int_equal(read(efd[0], &n, 8), 8);

	/* Pending, and then there is another eventfd: it is that one's. */
	set.flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_MASK;
	assert_int_equal(raw_call(r, sock, VFU_DEVICE_SET_IRQS, &set, sizeof(set), NULL), 0);
	r->ssd->ops->irq(r->ssd->port, 5);
	set.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER;
	assert_int_equal(raw_call_fds(r, sock, VFU_DEVICE_SET_IRQS, &set, sizeof(set), efd, 1, NULL), 0);
	assert_int_equal(read(efd[0], &n, 8), -1);
	set.flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK;
	assert_int_equal(raw_call(r, sock, VFU_DEVICE_SET_IRQS, &set, sizeof(set), NULL), 0);
	assert_int_equal(read(efd[0], &n, 8), 8);

	/* The client triggers one itself, by a boolean each. */
	{
		uint8_t bools[sizeof(set) + 2];

		set.flags = VFIO_IRQ_SET_DATA_BOOL | VFIO_IRQ_SET_ACTION_TRIGGER;
		set.argsz = sizeof(bools);
		set.count = 2;
		memcpy(bools, &set, sizeof(set));
		bools[sizeof(set)] = 0;
		bools[sizeof(set) + 1] = 1;
		assert_int_equal(raw_call(r, sock, VFU_DEVICE_SET_IRQS, bools, sizeof(bools), NULL), 0);
		assert_int_equal(read(efd[0], &n, 8), -1);
		assert_int_equal(read(efd[1], &n, 8), 8);
	}

	/* A counter that is full must not stop the server: this one blocks. */
	n = UINT64_MAX - 1;
	assert_int_equal(write(efd[1], &n, 8), 8);
	r->ssd->ops->irq(r->ssd->port, 6);

	set = (struct vfu_irq_set){ .argsz = sizeof(set),
				    .flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER,
				    .index = 2 };
	assert_int_equal(raw_call(r, sock, VFU_DEVICE_SET_IRQS, &set, sizeof(set), NULL), 0);
	assert_false(r->ssd->msix);
	assert_int_equal(r->server.irqs.msix[5].fd, -1);
	close(efd[0]);
	close(efd[1]);
	close(sock);
	free(rep);
}

/* INTx when the client listens to that and not to MSI-X; one without descriptors takes them away. */
static void
legacy_interrupt(void **state)
{
	struct vfu_irq_set set = { .argsz = sizeof(set),
				   .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
				   .index = VFIO_PCI_INTX_IRQ_INDEX,
				   .count = 1 };
	struct rig *r = *state;
	int sock = raw_attach(r), efd = eventfd(0, EFD_NONBLOCK);
	uint64_t n;

	assert_int_equal(raw_call_fds(r, sock, VFU_DEVICE_SET_IRQS, &set, sizeof(set), &efd, 1, NULL), 0);
	assert_false(r->ssd->msix);
	r->ssd->ops->irq(r->ssd->port, 0);
	assert_int_equal(read(efd, &n, 8), 8);
	assert_int_equal(raw_call(r, sock, VFU_DEVICE_SET_IRQS, &set, sizeof(set), NULL), 0);
	r->ssd->ops->irq(r->ssd->port, 0);
	assert_int_equal(read(efd, &n, 8), -1);
	close(efd);
	close(sock);
}

static int
write_reg(struct rig *r, int sock, uint32_t off, uint32_t len)
{
	uint8_t msg[24] = { 0 };
	struct vfu_region_access a = { .offset = off, .region = VFIO_PCI_BAR0_REGION_INDEX, .count = len };

	memcpy(msg, &a, sizeof(a));
	return raw_call(r, sock, VFU_REGION_WRITE, msg, (uint32_t)sizeof(a) + len, NULL);
}

/* What MSI-X lost with configuration space is the client's to set up again: no other register's write does that. */
static void
msix_stays_lost(void **state)
{
	struct vfu_irq_set set = { .argsz = sizeof(set),
				   .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
				   .index = VFIO_PCI_MSIX_IRQ_INDEX,
				   .count = 1 };
	struct rig *r = *state;
	int sock = raw_attach(r), efd = eventfd(0, EFD_NONBLOCK);

	assert_int_equal(raw_call_fds(r, sock, VFU_DEVICE_SET_IRQS, &set, sizeof(set), &efd, 1, NULL), 0);
	assert_int_equal(r->ssd->msix_setups, 1);
	r->ssd->msix = false; /* an NVM subsystem reset */
	assert_int_equal(write_reg(r, sock, NVME_REG_CC, 4), 0);
	assert_int_equal(write_reg(r, sock, NVME_REG_INTMC, 8), 0); /* the second half is CC */
	assert_false(r->ssd->msix);
	assert_int_equal(r->ssd->msix_setups, 1);
	close(efd);
	close(sock);
}

static void
device_reset(void **state)
{
	struct rig *r = *state;
	int sock = raw_attach(r), mem = raw_memfd(MB2, true);

	assert_int_equal(raw_map(r, sock, MB2, MB2, 0, mem), 0);
	assert_int_equal(raw_call(r, sock, VFU_DEVICE_RESET, NULL, 0, NULL), 0);
	assert_int_equal(r->ssd->resets, 1);
	assert_int_equal(r->server.dma.n, 1);
	close(mem);
	close(sock);
}

static void
no_reply_flag(void **state)
{
	struct vfu_hdr hdr = { .id = 77, .cmd = VFU_DEVICE_RESET, .size = 16, .flags = VFU_F_NO_REPLY };
	struct raw_reply *rep = malloc(sizeof(*rep));
	struct rig *r = *state;
	int sock = raw_attach(r);

	raw_send(sock, &hdr, sizeof(hdr), NULL, 0);
	hdr.cmd = 999; /* an error is not told either */
	raw_send(sock, &hdr, sizeof(hdr), NULL, 0);
	hdr.cmd = VFU_DEVICE_RESET;
	hdr.flags = 0;
	raw_send(sock, &hdr, sizeof(hdr), NULL, 0);
	assert_int_equal(raw_reply(r, sock, rep), 1);
	assert_int_equal(rep->hdr.id, 77);
	assert_int_equal(raw_reply(r, sock, rep), 0);
	assert_int_equal(r->ssd->resets, 2);
	close(sock);
	free(rep);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, rig_open, rig_close)
	const struct CMUnitTest tests[] = {
		T(client_in_the_field),
		T(sparse_area),
		T(versions),
		T(capabilities_are_a_subset),
		T(register_widths),
		T(whole_bar_in_one_message),
		T(interrupts),
		T(legacy_interrupt),
		T(msix_stays_lost),
		T(device_reset),
		T(no_reply_flag),
	};

	return cmocka_run_group_tests_name("vfu_server", tests, NULL, NULL);
}
