/* SPDX-License-Identifier: BSD-3-Clause */
/* Clients that come, go, die and cheat with their memory; sockets that are stale, taken or not sockets at all. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "util/alloc.h"
#include "util/clock.h"
#include "vfu_rig.h"

#define MB2 (2u << 20)

static int
dev_read(struct rig *r, uint64_t addr, void *buf, uint32_t len)
{
	return r->ssd->ops->mem_read(r->ssd->port, addr, buf, len);
}

static int
dev_write(struct rig *r, uint64_t addr, const void *buf, uint32_t len)
{
	return r->ssd->ops->mem_write(r->ssd->port, addr, buf, len);
}

static void *
dev_map(struct rig *r, uint64_t addr, uint64_t len)
{
	return r->ssd->ops->mem_map(r->ssd->port, addr, len);
}

static void
second_client_is_refused(void **state)
{
	struct vfu_version v = { .minor = 1 };
	struct raw_reply *rep = malloc(sizeof(*rep));
	struct rig *r = *state;
	int first = raw_attach(r), second = raw_connect(r);

	assert_int_equal(raw_call(r, second, VFU_VERSION, &v, sizeof(v), NULL), EBUSY);
	assert_int_equal(raw_reply(r, second, rep), -1);
	close(second);
	assert_int_equal(raw_call(r, first, VFU_DEVICE_RESET, NULL, 0, NULL), 0);
	/* The first one leaves and the next comes before the server looked: it is not refused. */
	close(first);
	second = raw_attach(r);
	assert_int_equal(r->server.nr_refused, 1);
	close(second);
	free(rep);
}

/* Connections that say nothing do not keep others out. */
static void
silent_connections(void **state)
{
	struct rig *r = *state;
	int silent[20], sock;

	for (int i = 0; i < 20; i++) {
		silent[i] = raw_connect(r);
		raw_pump(r);
	}
	assert_int_equal(rig_sockets(r), SERVER_MAX_CONNS);
	sock = raw_attach(r);
	assert_int_equal(raw_call(r, sock, VFU_DEVICE_RESET, NULL, 0, NULL), 0);
	for (int i = 0; i < 20; i++)
		close(silent[i]);
	close(sock);
	raw_pump(r);
	assert_int_equal(rig_sockets(r), 0);
}

static void
death_frees_everything(void **state)
{
	struct vfu_irq_set set = { sizeof(set), VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER, 2, 0, 1 };
	struct rig *r = *state;
	int before = count_fds(), sock, mem = raw_memfd(64 * MB2, true), efd = eventfd(0, 0);
	char b[16];

	sock = raw_attach(r);
	for (uint32_t i = 0; i < 64; i++)
		assert_int_equal(raw_map(r, sock, 0x7f0000000000u + i * 2ull * MB2, MB2, i * (uint64_t)MB2, mem), 0);
	assert_int_equal(raw_call_fds(r, sock, VFU_DEVICE_SET_IRQS, &set, sizeof(set), &efd, 1, NULL), 0);
	assert_int_equal(dev_read(r, 0x7f0000000000u, b, sizeof(b)), 0);
	r->ssd->db[1] = 7;
	/* In the middle of a message. */
	raw_send(sock, b, 10, NULL, 0);
	close(sock);
	raw_pump(r);
	assert_int_equal(r->ssd->resets, 1);
	assert_int_equal(r->server.dma.n, 0);
	assert_int_equal(r->loop.attached, 0);
	assert_int_equal(dev_read(r, 0x7f0000000000u, b, sizeof(b)), -EFAULT);
	assert_int_equal(r->ssd->db[1], 0);
	r->ssd->ops->irq(r->ssd->port, 0);
	close(mem);
	close(efd);
	assert_int_equal(count_fds(), before);
	close(raw_attach(r));
}

/* The page that a dead client may still have mapped is not the next one's. */
static void
doorbells_are_not_inherited(void **state)
{
	struct vfu_region_info in = { .argsz = 4096 };
	struct raw_reply *rep = malloc(sizeof(*rep));
	struct rig *r = *state;
	int sock = raw_attach(r);
	uint32_t *old;

	assert_int_equal(raw_call(r, sock, VFU_DEVICE_GET_REGION_INFO, &in, sizeof(in), rep), 0);
	old = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, rep->fd[0], SSD_BAR_DB);
	assert_int_equal(ftruncate(rep->fd[0], 0), -1); /* sealed: it cannot be taken from under us */
	raw_close_fds(rep);
	close(sock);
	sock = raw_attach(r);
	old[0] = 99;
	assert_int_equal(r->ssd->db[0], 0);
	munmap(old, 4096);
	close(sock);
	free(rep);
}

static void
map_rules(void **state)
{
	struct rig *r = *state;
	int sock = raw_attach(r), mem = raw_memfd(8 * MB2, true);
	uint64_t base = 0x700000000000u;

	assert_int_equal(raw_map(r, sock, base, MB2, 0, mem), 0);
	assert_int_equal(raw_map(r, sock, base, MB2, 0, mem), EEXIST);
	assert_int_equal(raw_map(r, sock, base + MB2 - 4096, 4096, 0, mem), EEXIST);
	assert_int_equal(raw_map(r, sock, base - 4096, 8192, 0, mem), EEXIST);
	assert_int_equal(raw_map(r, sock, base - MB2, 4 * MB2, 0, mem), EEXIST);
	assert_int_equal(raw_map(r, sock, base + MB2, MB2, MB2, mem), 0);
	assert_int_equal(raw_map(r, sock, base - MB2, MB2, MB2, mem), 0);
	assert_int_equal(raw_map(r, sock, 0x1000, 0, 0, mem), EINVAL);
	assert_int_equal(raw_map(r, sock, 0x1001, 4096, 0, mem), EINVAL);
	assert_int_equal(raw_map(r, sock, 0x1000, 4095, 0, mem), EINVAL);
	assert_int_equal(raw_map(r, sock, 0x1000, 4096, 1, mem), EINVAL);
	assert_int_equal(raw_map(r, sock, 0x1000, 4096, 8 * MB2, mem), EINVAL); /* beyond the file */
	assert_int_equal(raw_map(r, sock, 0x1000, 4096, 0xfffffffffffff000u, mem), EINVAL);
	assert_int_equal(raw_map(r, sock, 0xfffffffffffff000u, 8192, 0, mem), EINVAL); /* wraps */
	assert_int_equal(raw_map(r, sock, 0xfffffffffffff000u, 4096, 0, mem), 0); /* the last page does not */
	assert_int_equal(r->server.dma.n, 4);

	assert_int_equal(raw_unmap(r, sock, base, MB2 / 2, 0), ENOENT);
	assert_int_equal(raw_unmap(r, sock, base + 4096, MB2, 0), ENOENT);
	assert_int_equal(raw_unmap(r, sock, 0x123000, MB2, 0), ENOENT);
	assert_int_equal(raw_unmap(r, sock, base, MB2, VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP), ENOTSUP);
	assert_int_equal(raw_unmap(r, sock, base, MB2, 8), EINVAL);
	assert_int_equal(raw_unmap(r, sock, base, MB2, VFIO_DMA_UNMAP_FLAG_ALL), EINVAL);
	assert_int_equal(raw_unmap(r, sock, base, MB2, 0), 0);
	assert_int_equal(r->server.dma.n, 3);
	assert_int_equal(raw_unmap(r, sock, 0, 0, VFIO_DMA_UNMAP_FLAG_ALL), 0);
	assert_int_equal(r->server.dma.n, 0);
	close(mem);
	close(sock);
}

static void
table_is_full(void **state)
{
	struct rig *r = *state;
	int sock = raw_attach(r), mem = raw_memfd(MB2, true);

	/* Backwards, so that each goes in front. */
	for (uint64_t i = DMA_MAX_MAPS; i > 0; i--)
		assert_int_equal(raw_map(r, sock, i * MB2, 4096, 0, mem), 0);
	assert_int_equal(raw_map(r, sock, 0, 4096, 0, mem), ENOSPC);
	for (uint64_t i = 1; i < DMA_MAX_MAPS; i++)
		assert_true(r->server.dma.map[i - 1].addr < r->server.dma.map[i].addr);
	close(mem);
	close(sock);
}

static void
device_reaches_memory(void **state)
{
	struct vfu_dma_map ro = { .argsz = sizeof(ro), .flags = VFU_DMA_F_READ, .addr = 0x900000, .size = 4096 };
	struct rig *r = *state;
	int sock = raw_attach(r), mem = raw_memfd(2 * MB2, true), loose = raw_memfd(MB2, false);
	char buf[8192], *va = mmap(NULL, 2 * MB2, PROT_READ | PROT_WRITE, MAP_SHARED, mem, 0);

	/* Two neighbours, in the file the other way round. */
	assert_int_equal(raw_map(r, sock, MB2, MB2, MB2, mem), 0);
	assert_int_equal(raw_map(r, sock, 2 * MB2, MB2, 0, mem), 0);
	memset(va, 0xaa, MB2);
	memset(va + MB2, 0xbb, MB2);
	assert_int_equal(dev_read(r, 2 * MB2 - 4096, buf, 8192), 0);
	assert_int_equal((uint8_t)buf[4095], 0xbb);
	assert_int_equal((uint8_t)buf[4096], 0xaa);
	memset(buf, 0x11, sizeof(buf));
	assert_int_equal(dev_write(r, 2 * MB2 - 1, buf, 2), 0);
	assert_int_equal(va[0], 0x11);
	assert_int_equal(va[2 * MB2 - 1], 0x11);
	assert_int_equal(dev_read(r, 3 * MB2 - 1, buf, 2), -EFAULT);
	assert_int_equal(dev_read(r, MB2 - 1, buf, 1), -EFAULT);
	assert_int_equal(dev_read(r, UINT64_MAX, buf, 2), -EFAULT);
	/* A pointer: inside one range only. */
	assert_ptr_not_equal(dev_map(r, MB2, MB2), NULL);
	assert_null(dev_map(r, MB2 + 1, MB2));
	assert_null(dev_map(r, MB2, UINT64_MAX));
	assert_null(dev_map(r, 0, 1));
	((char *)dev_map(r, 2 * MB2, 1))[0] = 0x22;
	assert_int_equal(va[0], 0x22);

	/* Read-only for the device; and without a descriptor: known, but out of reach. */
	assert_int_equal(raw_call_fds(r, sock, VFU_DMA_MAP, &ro, sizeof(ro), &loose, 1, NULL), 0);
	assert_int_equal(dev_read(r, 0x900000, buf, 4), 0);
	assert_int_equal(dev_write(r, 0x900000, buf, 4), -EFAULT);
	assert_null(dev_map(r, 0x900000, 4));
	assert_int_equal(raw_map(r, sock, 0xa00000, 4096, 0, -1), 0);
	assert_int_equal(dev_read(r, 0xa00000, buf, 4), -EFAULT);
	assert_null(dev_map(r, 0xa00000, 4));
	munmap(va, 2 * MB2);
	close(mem);
	close(loose);
	close(sock);
}

/* The client truncates the file behind a mapping: an error for the command, and the server lives. */
static void
truncated_under_us(void **state)
{
	struct rig *r = *state;
	int sock = raw_attach(r), mem = raw_memfd(MB2, false);
	char buf[8192] = { 1 };

	assert_int_equal(dma_guard(), 0); /* again: cmocka has put its own handler in place for this test */
	assert_int_equal(raw_map(r, sock, MB2, MB2, 0, mem), 0);
	assert_int_equal(dev_write(r, MB2 + 4096, buf, 4096), 0);
	assert_null(dev_map(r, MB2, 4096)); /* it can shrink: no pointers into it */
	assert_int_equal(ftruncate(mem, 4096), 0);
	assert_int_equal(dev_read(r, MB2, buf, 4096), 0);
	assert_int_equal(dev_read(r, MB2, buf, 8192), -EFAULT);
	assert_int_equal(dev_read(r, MB2, buf, 1), -EFAULT); /* from now on the whole range is bad */
	assert_int_equal(dev_write(r, MB2, buf, 1), -EFAULT);
	assert_int_equal(raw_unmap(r, sock, MB2, MB2, 0), 0);
	assert_int_equal(raw_map(r, sock, MB2, 4096, 0, mem), 0);
	assert_int_equal(dev_read(r, MB2, buf, 4096), 0);
	close(mem);
	close(sock);
}

static void
listening(void **state)
{
	struct rig *r = *state;
	struct vfu_server *other = calloc(1, sizeof(*other));
	char path[128], err[256] = "", *longer;
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct stat st;
	int fd;

	assert_int_equal(stat(r->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	/* A live server. */
	assert_int_equal(vfu_server_open(other, &r->loop, r->sub, r->path, err, sizeof(err)), -EADDRINUSE);
	assert_non_null(strstr(err, "address in use by another server"));
	/* A file that is not a socket stays. */
	snprintf(path, sizeof(path), "%s/file", r->dir);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	close(fd);
	err[0] = '\0';
	assert_int_equal(vfu_server_open(other, &r->loop, r->sub, path, err, sizeof(err)), -EADDRINUSE);
	assert_non_null(strstr(err, "not a socket"));
	assert_int_equal(unlink(path), 0);
	/* A dead one is replaced. */
	strcpy(sa.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	close(fd);
	assert_int_equal(vfu_server_open(other, &r->loop, r->sub, path, err, sizeof(err)), 0);
	vfu_server_close(other);
	assert_int_equal(access(path, F_OK), -1);
	/* Too long, and a directory that is not there. */
	longer = malloc(200);
	memset(longer, 'a', 199);
	longer[199] = '\0';
	err[0] = '\0';
	assert_int_equal(vfu_server_open(other, &r->loop, r->sub, longer, err, sizeof(err)), -ENAMETOOLONG);
	assert_int_not_equal(err[0], 0);
	err[0] = '\0';
	assert_int_equal(vfu_server_open(other, &r->loop, r->sub, "/nonexistent/x", err, sizeof(err)), -ENOENT);
	assert_int_not_equal(err[0], 0);
	free(longer);
	free(other);
}

static void
no_memory_for_a_client(void **state)
{
	struct raw_reply *rep = malloc(sizeof(*rep));
	struct rig *r = *state;

	for (long n = 0; n < 2; n++) {
		int sock = raw_connect(r);

		ut_alloc_budget = n;
		raw_pump(r);
		ut_alloc_budget = -1;
		assert_int_equal(raw_reply(r, sock, rep), -1);
		close(sock);
		assert_int_equal(rig_sockets(r), 0);
	}
	close(raw_attach(r));
	free(rep);
}

/* The loop sleeps when idle, wakes for a message, and does not sleep long while a client is there. */
static void
loop_naps(void **state)
{
	struct rig *r = *state;
	int sock = raw_attach(r);
	uint64_t t0, took;
	uint32_t before;

	for (int i = 0; i < 200; i++)
		loop_once(&r->loop, 1000000);
	before = r->ssd->steps;
	t0 = ut_mono_ns();
	while (ut_mono_ns() - t0 < 50000000)
		loop_once(&r->loop, UINT64_MAX);
	took = r->ssd->steps - before;
	assert_in_range(took, 2, 500); /* at least two even on a crowded machine; thousands when it does not sleep */
	close(sock);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, rig_open, rig_close)
	const struct CMUnitTest tests[] = {
		T(second_client_is_refused),	T(silent_connections), T(death_frees_everything),
		T(doorbells_are_not_inherited), T(map_rules),	       T(table_is_full),
		T(device_reaches_memory),	T(truncated_under_us), T(listening),
		T(no_memory_for_a_client),	T(loop_naps),
	};

	return cmocka_run_group_tests_name("vfu_life", tests, NULL, NULL);
}
