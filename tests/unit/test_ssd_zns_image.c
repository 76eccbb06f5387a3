/* SPDX-License-Identifier: BSD-3-Clause */
/* Zones in an image file: after a clean end, and after one without a word. */
#include "ssd_zns_io.h"
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static char path[] = "/tmp/nvproof-zns-XXXXXX";

static struct io *
open_image(void)
{
	struct ssd_config cfg = config();
	void *io;

	cfg.media = SSD_MEDIA_FILE;
	cfg.image = path;
	cfg.create = true;
	setup_config(&io, &cfg);
	return io;
}

static void
write_zones(struct io *io)
{
	assert_int_equal(append(io, 0, 16, 1), 0);
	assert_int_equal(append(io, 0, 3, 2), 0);
	for (uint32_t n = 0; n < ZCAP; n += 16)
		assert_int_equal(append(io, ZSZE, 16, 3), 0);
	assert_int_equal(append(io, 2 * ZSZE, 5, 4), 0);
	assert_int_equal(send(io, 2 * ZSZE, NVME_ZSA_RESET), 0);
	assert_int_equal(append(io, 3 * ZSZE, 5, 5), 0);
	assert_int_equal(send(io, 3 * ZSZE, NVME_ZSA_FINISH), 0);
}

static void
check_zones(struct io *io)
{
	expect(io, 0, NVME_ZS_CLOSED, 19);
	expect(io, 1, NVME_ZS_FULL, 0);
	expect(io, 2, NVME_ZS_EMPTY, 0);
	expect(io, 3, NVME_ZS_FULL, 0);
	expect(io, 4, NVME_ZS_EMPTY, 0);
	io_expect(io, 1, 0, 16, 1);
	io_expect(io, 1, 16, 3, 2);
	io_expect(io, 1, ZSZE, 100, 3);
	io_expect(io, 1, 2 * ZSZE, 5, 0);
	assert_int_equal(append(io, 0, 1, 6), 0);
	assert_int_equal(le32_get(io->cqe.dw0), 19);
}

static void
close_image(struct io *io)
{
	void *state = io;

	io_teardown(&state);
}

static int
fresh(void **state)
{
	int fd;

	(void)state;
	strcpy(path + sizeof(path) - 7, "XXXXXX");
	fd = mkstemp(path);
	if (fd < 0)
		return -1;
	close(fd);
	return unlink(path);
}

static int
gone(void **state)
{
	(void)state;
	return unlink(path);
}

static void
after_a_clean_end(void **state)
{
	struct io *io = open_image();

	(void)state;
	write_zones(io);
	close_image(io);
	io = open_image();
	check_zones(io);
	close_image(io);
}

static void
after_a_crash(void **state)
{
	pid_t pid = fork();
	struct io *io;
	int status;

	(void)state;
	if (!pid) {
		write_zones(open_image());
		_exit(7);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 7);
	io = open_image();
	check_zones(io);
	close_image(io);
}

#define T(f) cmocka_unit_test_setup_teardown(f, fresh, gone)

int
main(void)
{
	const struct CMUnitTest tests[] = { T(after_a_clean_end), T(after_a_crash) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
