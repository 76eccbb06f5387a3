/* SPDX-License-Identifier: BSD-3-Clause */
/* Attaching to what is no server, no NVMe device, taken, of another version; and without memory. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>
#include "bus/vfu_client.h"
#include "fake_target.h"
#include "util/alloc.h"

#define QUICK_MS 60u

static void
refusals(void **state)
{
	static const struct {
		enum target_act act;
		int err;
		uint16_t major, minor;
		uint32_t class, dev_flags;
		int rc;
		const char *text;
	} cases[] = {
		{ ACT_ERROR, EBUSY, 0, 1, 0x010802, 2, -EBUSY, "in use by another client" },
		{ ACT_ERROR, EPROTONOSUPPORT, 0, 1, 0x010802, 2, -EPROTONOSUPPORT, "refused vfio-user version" },
		{ 0, 0, 1, 0, 0x010802, 2, -EPROTO, "speaks vfio-user 1.0" },
		{ 0, 0, 0, 9, 0x010802, 2, -EPROTO, "speaks vfio-user 0.9" },
		{ 0, 0, 0, 1, 0x020000, 2, -EPROTO, "no vfio-user NVMe device" },
		{ 0, 0, 0, 1, 0x010802, 0, -EPROTO, "no vfio-user NVMe device" },
		{ 0, 0, 0, 1, 0xffffff, 2, -ENODEV, "powered off" },
		{ ACT_DIE, 0, 0, 1, 0x010802, 2, -ENODEV, "closed the connection" },
		{ ACT_SILENT, 0, 0, 1, 0x010802, 2, -ETIMEDOUT, "does not answer" },
	};
	struct target *t = *state;
	struct vfu_bus *b;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		target_defaults(t);
		t->act = cases[i].act;
		t->at = cases[i].act ? 0 : -1;
		t->err = cases[i].err;
		t->major = cases[i].major;
		t->minor = cases[i].minor;
		t->class = cases[i].class;
		t->dev_flags = cases[i].dev_flags;
		target_start(t);
		assert_int_equal(vfu_client_open(t->path, QUICK_MS, &b), cases[i].rc);
		assert_non_null(strstr(nvp_bus_error(), cases[i].text));
		assert_non_null(strstr(nvp_bus_error(), t->path));
		target_stop(t);
	}
	target_defaults(t);
	target_start(t);
}

static void
no_server(void **state)
{
	char path[128], long_path[300];
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct target *t = *state;
	struct nvp_bus *bus;
	int fd;

	target_start(t);
	snprintf(path, sizeof(path), "vfu:%s/none", t->dir);
	assert_int_equal(nvp_bus_open(path, &bus), -ENOENT);
	assert_non_null(strstr(nvp_bus_error(), "no such socket"));

	fd = open(path + 4, O_CREAT | O_WRONLY, 0600);
	close(fd);
	assert_int_equal(nvp_bus_open(path, &bus), -ENOTSOCK);
	assert_non_null(strstr(nvp_bus_error(), "is not a socket"));
	unlink(path + 4);

	strcpy(sa.sun_path, path + 4);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(nvp_bus_open(path, &bus), -ECONNREFUSED);
	assert_non_null(strstr(nvp_bus_error(), "nobody listens"));
	close(fd);
	unlink(path + 4);

	memset(long_path, 'x', sizeof(long_path));
	memcpy(long_path, "vfu:/", 5);
	long_path[299] = '\0';
	assert_int_equal(nvp_bus_open(long_path, &bus), -EINVAL);
	assert_int_equal(nvp_bus_open("vfu:", &bus), -EINVAL);
	assert_int_not_equal(nvp_bus_error()[0], 0);
}

static void
every_allocation_may_fail(void **state)
{
	struct target *t = *state;
	struct vfu_bus *b;
	long n;
	int rc;

	target_start(t);
	for (n = 0;; n++) {
		ut_alloc_budget = n;
		rc = vfu_client_open(t->path, 5000, &b);
		if (!rc) {
			rc = vfu_irq_fd(&b->base, 0) < 0 ? -ENOMEM : 0;
			vfu_client_close(&b->base);
		}
		ut_alloc_budget = -1;
		if (!rc)
			break;
		assert_int_equal(rc, -ENOMEM);
	}
	assert_true(n > 3);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, target_setup, target_teardown)
	const struct CMUnitTest tests[] = {
		T(refusals),
		T(no_server),
		T(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("vfu_attach", tests, NULL, NULL);
}
