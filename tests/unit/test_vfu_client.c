/* SPDX-License-Identifier: BSD-3-Clause */
/* The vfio-user client against a scripted server: like the target in the field, dying, silent, late and lying at each step. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>
#include "bus/vfu_client.h"
#include "fake_target.h"

#define MB2 (2u << 20)
#define QUICK_MS 60u

static struct nvp_bus *
attach(struct target *t, uint32_t ms)
{
	struct vfu_bus *b = NULL;
	int rc = vfu_client_open(t->path, ms, &b);

	if (rc)
		print_error("%s\n", nvp_bus_error());
	assert_int_equal(rc, 0);
	b->base.ops = &nvp_vfu_bus_ops;
	return &b->base;
}

static void
detach(struct nvp_bus *bus)
{
	bus->ops->close(bus);
}

/* Every function of the bus once; 0 when all work, else what the first that failed said. */
static int
use_all(struct nvp_bus *bus, int fd)
{
	uint64_t iova = 0x100000000u;
	uint8_t b[8];
	int rc = bus->ops->cfg_read(bus, 4, b, 4);

	if (!rc)
		rc = bus->ops->cfg_write(bus, 4, b, 4);
	if (!rc)
		rc = bus->ops->bar_read(bus, 0, 0, b, 8);
	if (!rc)
		rc = bus->ops->bar_write(bus, 0, 0x14, b, 4);
	if (!rc)
		rc = bus->ops->dma_map(bus, NULL, MB2, fd, &iova);
	if (!rc)
		rc = bus->ops->dma_unmap(bus, iova, MB2);
	if (!rc)
		rc = bus->ops->irq_fd(bus, 1);
	if (rc > 0)
		rc = 0;
	return rc ? rc : bus->ops->reset(bus, NVP_RESET_HOT);
}

static void
like_the_target_in_the_field(void **state)
{
	struct target *t = *state;
	struct nvp_bus *bus;
	uint64_t iova = 0x7f0000000000u, off;
	int mem = memfd_create("m", MFD_CLOEXEC), fd;
	uint8_t b[8];
	uint32_t *db, *seen;

	target_start(t);
	bus = attach(t, 5000);
	assert_int_equal(ftruncate(mem, MB2), 0);
	assert_string_equal(bus->addr + 4, t->path);
	assert_int_equal(bus->ops->bar_read(bus, 0, 8, b, 8), 0);
	assert_memory_equal(b, t->bar + 8, 8);
	assert_int_equal(bus->ops->bar_read(bus, 0, 0x4000, b, 1), -EINVAL);
	assert_int_equal(bus->ops->bar_read(bus, 0, UINT64_MAX, b, 2), -EINVAL);
	assert_int_equal(bus->ops->bar_read(bus, 1, 0, b, 1), -EINVAL);
	assert_int_equal(bus->ops->bar_read(bus, 6, 0, b, 1), -EINVAL);
	assert_int_equal(bus->ops->bar_read(bus, -1, 0, b, 1), -EINVAL);
	assert_int_equal(bus->ops->bar_write(bus, 0, 0x14, "\1\2\3\4", 4), 0);
	assert_memory_equal(t->bar + 0x14, "\1\2\3\4", 4);
	assert_int_equal(bus->ops->cfg_write(bus, 4, "\6\0", 2), 0);
	assert_int_equal(t->cfg[4], 6);

	/* Doorbells: only inside the area; the same mapping for all of it. */
	db = bus->ops->bar_map(bus, 0, 0x1000, 0x1000);
	assert_non_null(db);
	assert_ptr_equal(bus->ops->bar_map(bus, 0, 0x1008, 8), (char *)db + 8);
	assert_null(bus->ops->bar_map(bus, 0, 0x1000, 0x1001));
	assert_null(bus->ops->bar_map(bus, 0, 0xfff, 8));
	assert_null(bus->ops->bar_map(bus, 0, 0, 0x1000));
	assert_null(bus->ops->bar_map(bus, 0, 0x2000, 4));
	assert_null(bus->ops->bar_map(bus, 0, 0x1000, 0));
	assert_null(bus->ops->bar_map(bus, 0, 0x1004, UINT64_MAX));
	assert_null(bus->ops->bar_map(bus, 9, 0x1000, 4));
	db[3] = 0x1234;
	seen = mmap(NULL, 0x1000, PROT_READ, MAP_SHARED, t->bar_fd, 0x1000);
	assert_int_equal(seen[3], 0x1234);
	munmap(seen, 0x1000);
	fd = bus->ops->bar_fd(bus, 0, 0x1000, &off);
	assert_true(fd >= 0);
	assert_int_equal(off, 0x1000);
	assert_int_equal(bus->ops->bar_fd(bus, 0, 0, &off), -ENOTSUP);

	assert_int_equal(bus->ops->dma_map(bus, NULL, MB2, mem, &iova), 0);
	assert_int_equal(iova, 0x7f0000000000u);
	assert_int_equal(bus->ops->dma_map(bus, NULL, MB2, -1, &iova), -ENOTSUP);
	assert_int_equal(bus->ops->dma_map(bus, NULL, 100, mem, &iova), -EINVAL);
	assert_int_equal(bus->ops->dma_unmap(bus, iova, MB2), 0);
	fd = bus->ops->irq_fd(bus, 7);
	assert_true(fd >= 0);
	assert_int_equal(bus->ops->irq_fd(bus, 7), fd);
	assert_int_equal(bus->ops->irq_fd(bus, 256), -EINVAL);
	assert_int_equal(bus->ops->reset(bus, NVP_RESET_FUNCTION), 0);
	detach(bus);
	assert_int_equal(t->maps, 1);
	assert_true(t->map_had_fd);
	assert_int_equal(t->last_map_addr, 0x7f0000000000u);
	assert_int_equal(t->unmaps, 1);
	assert_int_equal(t->irqs, 1);
	assert_int_equal(t->resets, 1);
	close(mem);
}

/* Without JSON, minor version 0, without MSI-X reset or mappable doorbells: all of that is optional. */
static void
plain_server(void **state)
{
	struct target *t = *state;
	struct nvp_bus *bus;

	t->json = NULL;
	t->minor = 0;
	t->no_sparse = true;
	t->dev_flags = 2;
	target_start(t);
	bus = attach(t, 5000);
	assert_null(bus->ops->bar_map(bus, 0, 0x1000, 4));
	assert_int_equal(bus->ops->reset(bus, NVP_RESET_HOT), -ENOTSUP);
	detach(bus);
}

static void
small_transfers(void **state)
{
	struct target *t = *state;
	struct nvp_bus *bus;
	uint8_t got[4096];

	t->json = "{\"capabilities\":{\"max_data_xfer_size\":100}}";
	t->max_xfer = 100;
	target_start(t);
	bus = attach(t, 5000);
	assert_int_equal(bus->ops->bar_read(bus, 0, 1, got, sizeof(got)), 0);
	assert_memory_equal(got, t->bar + 1, sizeof(got));
	memset(got, 0x5a, sizeof(got));
	assert_int_equal(bus->ops->bar_write(bus, 0, 0x2000, got, 1001), 0);
	assert_memory_equal(t->bar + 0x2000, got, 1001);
	assert_false(t->over_max);
	detach(bus);
}

/* Areas that are no good are not mapped: past the file, past the region, wrapping around; a whole region is one area. */
static void
areas_that_lie(void **state)
{
	static const struct {
		uint64_t off, size;
		uint32_t file;
		bool ok;
	} cases[] = {
		{ 0x1000, 0x1000, 0x2000, true },      { 0x1000, 0x1000, 0x1fff, false },
		{ 0x1000, 0x1000, 0, false },	       { 0x1000, 0x3001, 0x8000, false },
		{ 0x1000, UINT64_MAX, 0x8000, false }, { UINT64_MAX, 2, 0x8000, false },
		{ 0x1000, 0, 0x8000, false },	       { 0x800, 0x2000, 0x8000, false },
	};
	struct target *t = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct nvp_bus *bus;

		target_defaults(t);
		t->area_off = cases[i].off;
		t->area_size = cases[i].size;
		t->file_size = cases[i].file;
		target_start(t);
		bus = attach(t, 5000);
		assert_int_equal(bus->ops->bar_map(bus, 0, 0x1000, 4) != NULL, cases[i].ok);
		detach(bus);
		target_stop(t);
	}
	target_defaults(t);
	t->whole_mappable = true;
	t->file_size = 0x4000;
	target_start(t);
	{
		struct nvp_bus *bus = attach(t, 5000);

		assert_non_null(bus->ops->bar_map(bus, 0, 0, 0x4000));
		detach(bus);
	}
}

/* How many messages a whole life has: 1 + 1 + 9 + 1 + 1 to open, 8 for use_all(). */
#define OPEN_MESSAGES 13
#define ALL_MESSAGES 21

/*
 * At each message: opening fails, or the functions do, with one of these errors; nothing waits longer than the deadline,
 * nothing leaks; and once the server is gone everything is -ENODEV.
 */
static void
each_step(struct target *t, enum target_act act, int want, int want2)
{
	int mem = memfd_create("m", MFD_CLOEXEC), rc;

	assert_int_equal(ftruncate(mem, MB2), 0);
	for (int at = 0; at < ALL_MESSAGES; at++) {
		struct vfu_bus *b = NULL;
		uint64_t t0 = ut_mono_ns();

		target_defaults(t);
		t->act = act;
		t->at = at;
		t->err = -want;
		target_start(t);
		rc = vfu_client_open(t->path, QUICK_MS, &b);
		if (at < OPEN_MESSAGES - 2)
			assert_int_not_equal(rc, 0);
		if (rc) {
			assert_true(rc == want || rc == want2);
			assert_int_not_equal(nvp_bus_error()[0], 0);
		} else {
			b->base.ops = &nvp_vfu_bus_ops;
			rc = use_all(&b->base, mem);
			if (at >= OPEN_MESSAGES)
				assert_true(rc == want || rc == want2);
			if (rc == -ENODEV)
				assert_int_equal(use_all(&b->base, mem), -ENODEV);
			detach(&b->base);
		}
		assert_true(ut_mono_ns() - t0 < 2000000000u);
		target_stop(t);
	}
	target_defaults(t);
	target_start(t);
	close(mem);
}

static void
dies_at_each_step(void **state)
{
	each_step(*state, ACT_DIE, -ENODEV, -ENODEV);
}

static void
silent_at_each_step(void **state)
{
	each_step(*state, ACT_SILENT, -ETIMEDOUT, -ETIMEDOUT);
}

/* There is always something to read, and never the answer: that has to end as well. */
static void
floods_at_each_step(void **state)
{
	each_step(*state, ACT_FLOOD, -ETIMEDOUT, -ETIMEDOUT);
}

static void
stops_in_a_header_at_each_step(void **state)
{
	each_step(*state, ACT_HALF, -ETIMEDOUT, -ETIMEDOUT);
}

static void
promises_too_much_at_each_step(void **state)
{
	each_step(*state, ACT_HUGE, -EPROTO, -EPROTO);
	target_stop(*state);
	each_step(*state, ACT_TINY, -EPROTO, -EPROTO);
}

static void
errors_at_each_step(void **state)
{
	each_step(*state, ACT_ERROR, -EACCES, -EACCES);
	target_stop(*state);
	each_step(*state, ACT_ERROR_ZERO, -EIO, -EIO);
}

/* Junk in a reply: whatever comes of it, it is no crash and no hang. */
static void
junk_at_each_step(void **state)
{
	static const enum target_act acts[] = { ACT_JUNK, ACT_SHORT };
	int mem = memfd_create("m", MFD_CLOEXEC);
	struct target *t = *state;

	for (int i = 0; i < 2 * ALL_MESSAGES; i++) {
		struct vfu_bus *b;

		target_defaults(t);
		t->act = acts[i % 2];
		t->at = i / 2;
		target_start(t);
		if (vfu_client_open(t->path, QUICK_MS, &b) == 0) {
			b->base.ops = &nvp_vfu_bus_ops;
			use_all(&b->base, mem);
			b->base.ops->bar_map(&b->base, 0, 0x1000, 4);
			detach(&b->base);
		}
		target_stop(t);
	}
	target_defaults(t);
	target_start(t);
	close(mem);
}

/* Foreign answers and commands of the server in between are no reason to fail. */
static void
noise_at_each_step(void **state)
{
	static const enum target_act acts[] = { ACT_OTHER_ID, ACT_COMMAND, ACT_LATE };
	int mem = memfd_create("m", MFD_CLOEXEC);
	struct target *t = *state;

	for (int i = 0; i < 3 * ALL_MESSAGES; i++) {
		struct nvp_bus *bus;

		target_defaults(t);
		t->act = acts[i % 3];
		t->at = i / 3;
		t->late_ms = 5;
		target_start(t);
		bus = attach(t, 5000);
		assert_int_equal(use_all(bus, mem), 0);
		detach(bus);
		target_stop(t);
		assert_int_equal(t->refused, t->act == ACT_COMMAND);
	}
	target_defaults(t);
	target_start(t);
	close(mem);
}

/* The request timed out, its answer comes later: it is not taken for the answer to the next. */
static void
late_answer_is_dropped(void **state)
{
	struct target *t = *state;
	struct nvp_bus *bus;
	uint8_t b[8];

	t->act = ACT_LATE;
	t->at = OPEN_MESSAGES;
	t->late_ms = 2 * QUICK_MS;
	target_start(t);
	bus = attach(t, QUICK_MS);
	assert_int_equal(bus->ops->bar_read(bus, 0, 0, b, 8), -ETIMEDOUT);
	usleep(2 * QUICK_MS * 1000);
	assert_int_equal(bus->ops->bar_read(bus, 0, 8, b, 8), 0);
	assert_memory_equal(b, t->bar + 8, 8);
	detach(bus);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, target_setup, target_teardown)
	const struct CMUnitTest tests[] = {
		T(like_the_target_in_the_field),
		T(plain_server),
		T(small_transfers),
		T(areas_that_lie),
		T(dies_at_each_step),
		T(silent_at_each_step),
		T(floods_at_each_step),
		T(stops_in_a_header_at_each_step),
		T(promises_too_much_at_each_step),
		T(errors_at_each_step),
		T(junk_at_each_step),
		T(noise_at_each_step),
		T(late_answer_is_dropped),
	};

	return cmocka_run_group_tests_name("vfu_client", tests, NULL, NULL);
}
