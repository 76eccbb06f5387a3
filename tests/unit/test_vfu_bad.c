/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages that are wrong in every way: the server answers with an error, keeps no descriptor of them, and goes on
 * serving; what puts the stream out of step ends the connection.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <cmocka.h>
#include "util/rng.h"
#include "vfu_rig.h"

#define MB2 (2u << 20)
#define LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Still there, and says so. */
static void
still_serves(struct rig *r, int sock)
{
	struct vfu_device_info info = { .argsz = sizeof(info) };

	assert_int_equal(raw_call(r, sock, VFU_DEVICE_GET_INFO, &info, sizeof(info), NULL), 0);
}

static void
payload_too_short(void **state)
{
	static const uint32_t need[] = { [VFU_DMA_MAP] = 32,
					 [VFU_DMA_UNMAP] = 24,
					 [VFU_DEVICE_GET_INFO] = 16,
					 [VFU_DEVICE_GET_REGION_INFO] = 32,
					 [VFU_DEVICE_GET_IRQ_INFO] = 16,
					 [VFU_DEVICE_SET_IRQS] = 20,
					 [VFU_REGION_READ] = 16,
					 [VFU_REGION_WRITE] = 16 };
	uint8_t zeros[64] = { 0 };
	struct rig *r = *state;
	int sock = raw_attach(r);

	for (uint16_t cmd = 0; cmd < LEN(need); cmd++) {
		for (uint32_t len = 0; len < need[cmd]; len++)
			assert_int_equal(raw_call(r, sock, cmd, zeros, len, NULL), EINVAL);
	}
	still_serves(r, sock);
	close(sock);
}

static void
unknown_commands(void **state)
{
	static const uint16_t cmds[] = {
		0, VFU_DEVICE_GET_REGION_IO_FDS, VFU_DMA_READ, VFU_DMA_WRITE, 14, 15, 18, 65535
	};
	uint8_t payload[100] = { 0 };
	struct rig *r = *state;
	int sock = raw_attach(r);

	for (size_t i = 0; i < LEN(cmds); i++)
		assert_int_equal(raw_call(r, sock, cmds[i], payload, sizeof(payload), NULL), ENOTSUP);
	still_serves(r, sock);
	close(sock);
}

/* Sizes that no message can have: answered, and then the connection is over, because nobody knows where the next one starts. */
static void
impossible_sizes(void **state)
{
	static const uint32_t sizes[] = { 0, 1, 15, 0x80000000u, 0xffffffffu, (1u << 20) + 4096 + 17 };
	struct raw_reply *rep = malloc(sizeof(*rep));
	struct rig *r = *state;

	for (size_t i = 0; i < LEN(sizes); i++) {
		struct vfu_hdr hdr = { .id = 3, .cmd = VFU_DEVICE_RESET, .size = sizes[i] };
		int sock = raw_attach(r);

		raw_send(sock, &hdr, sizeof(hdr), NULL, 0);
		assert_int_equal(raw_reply(r, sock, rep), 1);
		assert_int_equal(rep->hdr.error, EMSGSIZE);
		assert_int_equal(rep->hdr.id, 3);
		assert_int_equal(raw_reply(r, sock, rep), -1);
		close(sock);
		raw_pump(r);
		assert_int_equal(rig_sockets(r), 0);
	}
	free(rep);
}

/* Larger than we take, but a message: read, dropped, refused, and the next one is understood. */
static void
too_large_to_keep(void **state)
{
	uint32_t len = (1u << 20) + 16, at = 0;
	struct raw_reply *rep = malloc(sizeof(*rep));
	struct vfu_hdr hdr = { .cmd = VFU_REGION_WRITE, .size = 16 + len };
	uint8_t *data = calloc(1, len);
	struct rig *r = *state;
	int sock = raw_attach(r);

	raw_send(sock, &hdr, sizeof(hdr), NULL, 0);
	while (at < len) {
		ssize_t n = vfu_send_some(sock, data + at, len - at, NULL, 0);

		if (n > 0)
			at += (uint32_t)n;
		raw_pump(r);
	}
	assert_int_equal(raw_reply(r, sock, rep), 1);
	assert_int_equal(rep->hdr.error, E2BIG);
	still_serves(r, sock);
	close(sock);
	free(data);
	free(rep);
}

static void
wrong_flags(void **state)
{
	struct raw_reply *rep = malloc(sizeof(*rep));
	struct vfu_hdr hdr = { .cmd = VFU_DEVICE_RESET, .size = 16 };
	struct rig *r = *state;
	int sock = raw_attach(r);

	/* A reply to nothing is not answered: two ends that answer replies would never stop. */
	hdr.flags = VFU_F_REPLY;
	raw_send(sock, &hdr, sizeof(hdr), NULL, 0);
	assert_int_equal(raw_reply(r, sock, rep), 0);
	for (uint32_t type = 2; type < 16; type++) {
		hdr.flags = type;
		raw_send(sock, &hdr, sizeof(hdr), NULL, 0);
		assert_int_equal(raw_reply(r, sock, rep), 1);
		assert_int_equal(rep->hdr.error, EINVAL);
	}
	hdr.flags = VFU_F_ERROR;
	raw_send(sock, &hdr, sizeof(hdr), NULL, 0);
	assert_int_equal(raw_reply(r, sock, rep), 1);
	assert_int_equal(rep->hdr.error, EINVAL);
	assert_int_equal(r->ssd->resets, 0);
	still_serves(r, sock);
	close(sock);
	free(rep);
}

static void
nothing_before_the_version(void **state)
{
	struct vfu_device_info info = { .argsz = sizeof(info) };
	struct raw_reply *rep = malloc(sizeof(*rep));
	struct vfu_version v = { .minor = 1 };
	struct rig *r = *state;
	int sock = raw_connect(r);

	assert_int_equal(raw_call(r, sock, VFU_DEVICE_GET_INFO, &info, sizeof(info), NULL), EPROTO);
	assert_int_equal(raw_reply(r, sock, rep), -1);
	close(sock);
	/* And not twice. */
	sock = raw_attach(r);
	assert_int_equal(raw_call(r, sock, VFU_VERSION, &v, sizeof(v), NULL), EINVAL);
	close(sock);
	free(rep);
}

static void
regions_out_of_range(void **state)
{
	static const struct vfu_region_access cases[] = {
		{ 0, 0, 0 },	  { 0, 0, 0x4001 },	 { 0x4000, 0, 1 },
		{ 0x3fff, 0, 2 }, { UINT64_MAX, 0, 4 },	 { UINT64_MAX - 3, 0, 8 },
		{ 0, 1, 4 },	  { 0, 6, 4 },		 { 0, 8, 4 },
		{ 0, 9, 4 },	  { 0, 0xffffffffu, 4 }, { 0x1000, 7, 1 },
		{ 0xfff, 7, 2 },  { 0, 7, 0xffffffffu },
	};
	struct rig *r = *state;
	int sock = raw_attach(r);

	for (size_t i = 0; i < LEN(cases); i++) {
		assert_int_equal(raw_call(r, sock, VFU_REGION_READ, &cases[i], sizeof(cases[i]), NULL), EINVAL);
		assert_int_equal(raw_call(r, sock, VFU_REGION_WRITE, &cases[i], sizeof(cases[i]), NULL), EINVAL);
	}
	assert_int_equal(r->ssd->accesses, 0);
	still_serves(r, sock);
	close(sock);
}

/* The count of a write and its data must agree. */
static void
write_with_other_length(void **state)
{
	uint8_t m[16 + 8] = { 0x14 };
	struct rig *r = *state;
	int sock = raw_attach(r);

	m[12] = 4;
	for (uint32_t len = 16; len <= sizeof(m); len++)
		assert_int_equal(raw_call(r, sock, VFU_REGION_WRITE, m, len, NULL), len == 20 ? 0 : EINVAL);
	assert_int_equal(r->ssd->accesses, 1);
	close(sock);
}

static void
argsz_lies(void **state)
{
	static const struct {
		uint16_t cmd;
		uint32_t len, argsz;
	} cases[] = {
		{ VFU_DMA_MAP, 32, 31 },
		{ VFU_DMA_MAP, 32, 33 },
		{ VFU_DMA_UNMAP, 24, 23 },
		{ VFU_DEVICE_GET_INFO, 16, 15 },
		{ VFU_DEVICE_GET_REGION_INFO, 32, 31 },
		{ VFU_DEVICE_GET_IRQ_INFO, 16, 0 },
		{ VFU_DEVICE_SET_IRQS, 20, 19 },
		{ VFU_DEVICE_SET_IRQS, 20, 21 },
	};
	struct rig *r = *state;
	int sock = raw_attach(r);

	for (size_t i = 0; i < LEN(cases); i++) {
		uint8_t payload[64] = { 0 };

		memcpy(payload, &cases[i].argsz, 4);
		assert_int_equal(raw_call(r, sock, cases[i].cmd, payload, cases[i].len, NULL), EINVAL);
	}
	still_serves(r, sock);
	close(sock);
}

static void
bad_indexes(void **state)
{
	struct vfu_region_info reg = { .argsz = sizeof(reg), .index = 9 };
	struct vfu_irq_info irq = { .argsz = sizeof(irq), .index = 5 };
	struct rig *r = *state;
	int sock = raw_attach(r);

	assert_int_equal(raw_call(r, sock, VFU_DEVICE_GET_REGION_INFO, &reg, sizeof(reg), NULL), EINVAL);
	reg.index = 0xffffffffu;
	assert_int_equal(raw_call(r, sock, VFU_DEVICE_GET_REGION_INFO, &reg, sizeof(reg), NULL), EINVAL);
	assert_int_equal(raw_call(r, sock, VFU_DEVICE_GET_IRQ_INFO, &irq, sizeof(irq), NULL), EINVAL);
	close(sock);
}

static void
bad_irq_sets(void **state)
{
	enum { N = VFIO_IRQ_SET_DATA_NONE, B = VFIO_IRQ_SET_DATA_BOOL, E = VFIO_IRQ_SET_DATA_EVENTFD };
	enum { M = VFIO_IRQ_SET_ACTION_MASK, T = VFIO_IRQ_SET_ACTION_TRIGGER };
	static const struct {
		uint32_t flags, index, start, count;
		int err;
	} cases[] = {
		{ N, 2, 0, 1, EINVAL },
		{ T, 2, 0, 1, EINVAL },
		{ N | B | T, 2, 0, 1, EINVAL },
		{ N | T | M, 2, 0, 1, EINVAL },
		{ N | T | 0x40, 2, 0, 1, EINVAL },
		{ N | T, 5, 0, 1, EINVAL },
		{ N | T, 2, 128, 1, EINVAL },
		{ N | T, 2, 0, 129, EINVAL },
		{ N | T, 2, 0xffffffffu, 2, EINVAL },
		{ N | T, 2, 1, 0xffffffffu, EINVAL },
		{ N | T, 1, 32, 1, EINVAL },
		{ N | T, 1, 0, 33, EINVAL },
		{ N | M, 2, 0, 0, EINVAL },
		{ B | T, 2, 0, 1, EINVAL },
		{ E | T, 2, 0, 0, EINVAL },
		{ E | M, 2, 0, 1, ENOTSUP },
	};
	struct rig *r = *state;
	int sock = raw_attach(r);

	for (size_t i = 0; i < LEN(cases); i++) {
		struct vfu_irq_set set = { sizeof(set), cases[i].flags, cases[i].index, cases[i].start,
					   cases[i].count };

		assert_int_equal(raw_call(r, sock, VFU_DEVICE_SET_IRQS, &set, sizeof(set), NULL), cases[i].err);
	}
	close(sock);
}

/* Descriptors where none belong, too many, of the wrong kind: refused and closed. */
static void
unwanted_descriptors(void **state)
{
	struct vfu_irq_set set = { sizeof(set), VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER, 2, 0, 1 };
	struct vfu_device_info info = { .argsz = sizeof(info) };
	struct vfu_dma_map map = { .argsz = sizeof(map), .flags = 3, .addr = MB2, .size = MB2 };
	struct rig *r = *state;
	int sock = raw_attach(r), mem = raw_memfd(MB2, false), many[VFU_MAX_FDS], before;

	for (uint32_t i = 0; i < VFU_MAX_FDS; i++)
		many[i] = mem;
	before = count_fds();
	assert_int_equal(raw_call_fds(r, sock, VFU_DEVICE_GET_INFO, &info, sizeof(info), many, 1, NULL), EINVAL);
	assert_int_equal(raw_call_fds(r, sock, VFU_DMA_MAP, &map, sizeof(map), many, 2, NULL), EINVAL);
	assert_int_equal(raw_call_fds(r, sock, VFU_DEVICE_SET_IRQS, &set, sizeof(set), many, 1, NULL), EINVAL);
	assert_int_equal(raw_call_fds(r, sock, VFU_DEVICE_SET_IRQS, &set, sizeof(set), many, 2, NULL), EINVAL);
	assert_int_equal(raw_call_fds(r, sock, VFU_DEVICE_SET_IRQS, &set, sizeof(set), many, VFU_MAX_FDS, NULL),
			 EINVAL);
	assert_int_equal(raw_call_fds(r, sock, 999, &set, sizeof(set), many, VFU_MAX_FDS, NULL), ENOTSUP);
	set.flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER;
	assert_int_equal(raw_call_fds(r, sock, VFU_DEVICE_SET_IRQS, &set, sizeof(set), many, 1, NULL), EINVAL);
	assert_int_equal(count_fds(), before);
	still_serves(r, sock);
	close(mem);
	close(sock);
}

/* More descriptors than any message has, a byte at a time. */
static void
descriptors_with_each_byte(void **state)
{
	struct vfu_hdr hdr = { .cmd = VFU_DEVICE_SET_IRQS, .size = 36 };
	struct raw_reply *rep = malloc(sizeof(*rep));
	struct rig *r = *state;
	int sock = raw_attach(r), mem = raw_memfd(4096, false), many[100], before = count_fds();
	uint8_t msg[36] = { 0 };

	for (size_t i = 0; i < LEN(many); i++)
		many[i] = mem;
	memcpy(msg, &hdr, sizeof(hdr));
	for (size_t i = 0; i < sizeof(msg); i++) {
		raw_send(sock, msg + i, 1, many, LEN(many));
		raw_pump(r);
	}
	assert_int_equal(raw_reply(r, sock, rep), 1);
	assert_int_equal(rep->hdr.error, EINVAL);
	assert_int_equal(count_fds(), before);
	close(mem);
	close(sock);
	free(rep);
}

/* Who has not even said which version it speaks can make the server hold no descriptors; the version is refused then. */
static void
descriptors_of_strangers(void **state)
{
	struct vfu_version v = { .minor = 1 };
	struct vfu_hdr hdr = { .cmd = VFU_VERSION, .size = sizeof(hdr) + sizeof(v) };
	struct raw_reply *rep = malloc(sizeof(*rep));
	struct rig *r = *state;
	int sock = raw_connect(r), mem = raw_memfd(4096, false), many[100], before;
	uint8_t msg[sizeof(hdr) + sizeof(v)];

	for (size_t i = 0; i < LEN(many); i++)
		many[i] = mem;
	memcpy(msg, &hdr, sizeof(hdr));
	memcpy(msg + sizeof(hdr), &v, sizeof(v));
	raw_pump(r);
	before = count_fds();
	raw_send(sock, msg, 8, many, LEN(many));
	raw_pump(r);
	assert_int_equal(count_fds(), before);
	raw_send(sock, msg + 8, sizeof(msg) - 8, NULL, 0);
	assert_int_equal(raw_reply(r, sock, rep), 1);
	assert_int_equal(rep->hdr.error, EINVAL);
	close(mem);
	close(sock);
	free(rep);
}

/* A client that sends slowly keeps nobody waiting. */
static void
byte_by_byte(void **state)
{
	struct vfu_device_info info = { .argsz = sizeof(info) };
	struct vfu_hdr hdr = { .id = 9, .cmd = VFU_DEVICE_GET_INFO, .size = 32 };
	struct raw_reply *rep = malloc(sizeof(*rep));
	struct rig *r = *state;
	int sock = raw_attach(r);
	uint8_t msg[32];

	memcpy(msg, &hdr, sizeof(hdr));
	memcpy(msg + sizeof(hdr), &info, sizeof(info));
	for (size_t i = 0; i < sizeof(msg); i++) {
		uint32_t steps = r->ssd->steps;

		assert_int_equal(raw_reply(r, sock, rep), 0);
		assert_true(r->ssd->steps > steps);
		raw_send(sock, msg + i, 1, NULL, 0);
	}
	assert_int_equal(raw_reply(r, sock, rep), 1);
	assert_int_equal(rep->len, sizeof(info));
	close(sock);
	free(rep);
}

/* Many commands at once, and a client that reads no answer: the server stops reading, and then all answers come. */
static void
pipelined_without_reading(void **state)
{
	struct vfu_region_access a = { .count = SSD_BAR_SIZE };
	struct raw_reply *rep = malloc(sizeof(*rep));
	struct vfu_hdr hdr = { .cmd = VFU_REGION_READ, .size = 32 };
	struct rig *r = *state;
	int sock = raw_attach(r), got = 0;
	uint8_t msg[32];

	memcpy(msg, &hdr, sizeof(hdr));
	memcpy(msg + sizeof(hdr), &a, sizeof(a));
	for (int i = 0; i < 100; i++) {
		raw_send(sock, msg, sizeof(msg), NULL, 0);
		raw_pump(r);
	}
	for (int i = 0; i < 100; i++) {
		struct vfu_hdr h;

		raw_pump(r);
		assert_int_equal(vfu_recv(sock, &h, sizeof(h), NULL, UINT64_MAX, NULL), 0);
		assert_int_equal(h.size, 32 + SSD_BAR_SIZE);
		raw_pump(r);
		assert_int_equal(vfu_recv(sock, rep->data, h.size - 16, NULL, UINT64_MAX, NULL), 0);
		got++;
	}
	assert_int_equal(got, 100);
	close(sock);
	free(rep);
}

/* Seeded: bytes that mean nothing, in messages whose frames are sometimes right, with descriptors now and then. */
static void
random_bytes(void **state)
{
	struct rig *r = *state;
	struct ut_rng rng;
	int mem = raw_memfd(MB2, false), before = count_fds();
	uint8_t scrap[70000];

	ut_rng_seed(&rng, 20240501);
	for (int round = 0; round < 300; round++) {
		int sock = ut_rng_below(&rng, 8) ? raw_attach(r) : raw_connect(r);

		for (int m = 0; m < 12; m++) {
			struct vfu_hdr hdr;
			uint8_t msg[128];
			uint32_t len = (uint32_t)ut_rng_below(&rng, sizeof(msg) - 16);

			for (size_t i = 0; i < sizeof(msg); i++)
				msg[i] = (uint8_t)(ut_rng_below(&rng, 3) ? 0 : ut_rng_next(&rng));
			if (ut_rng_below(&rng, 10)) {
				hdr = (struct vfu_hdr){ .cmd = (uint16_t)ut_rng_below(&rng, 15), .size = 16 + len };
				memcpy(msg, &hdr, sizeof(hdr));
				msg[16] = (uint8_t)len;
			}
			vfu_send_some(sock, msg, 16 + len, &mem, ut_rng_below(&rng, 4) == 0);
			raw_pump(r);
			while (vfu_recv_some(sock, scrap, sizeof(scrap), NULL) > 0)
				;
		}
		close(sock);
	}
	raw_pump(r);
	assert_int_equal(rig_sockets(r), 0);
	assert_int_equal(r->server.dma.n, 0);
	assert_int_equal(count_fds(), before);
	close(mem);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, rig_open, rig_close)
	const struct CMUnitTest tests[] = {
		T(payload_too_short),
		T(unknown_commands),
		T(impossible_sizes),
		T(too_large_to_keep),
		T(wrong_flags),
		T(nothing_before_the_version),
		T(regions_out_of_range),
		T(write_with_other_length),
		T(argsz_lies),
		T(bad_indexes),
		T(bad_irq_sets),
		T(unwanted_descriptors),
		T(descriptors_with_each_byte),
		T(descriptors_of_strangers),
		T(byte_by_byte),
		T(pipelined_without_reading),
		T(random_bytes),
	};

	return cmocka_run_group_tests_name("vfu_bad", tests, NULL, NULL);
}
