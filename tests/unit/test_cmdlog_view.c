/* SPDX-License-Identifier: BSD-3-Clause */
/* The command logs of a process, read from another one: stopped, killed, hostile, or not ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/log.h"
#include "host/logbook.h"
#include "nvproof/spec/prep_nvm.h"

#define COUNT 5000u

static struct nvp_cmdlog_ring *
take(uint32_t ctrlr, uint16_t qid)
{
	struct nvp_cmdlog_ring *r = NULL;

	assert_int_equal(logbook_take(ut_clock_real(), "vfu:/x.sock", ctrlr, qid, &r), 0);
	return r;
}

static void
send_one(struct nvp_cmdlog_ring *r, uint64_t lba, bool answer)
{
	struct nvme_cqe cqe = { .dw0 = le32_from((uint32_t)lba) };
	struct nvme_sqe sqe;
	uint64_t seq;

	nvme_prep_read(&sqe, 1, lba, 8);
	seq = cmdlog_submit(r, &sqe, ut_ticks(ut_clock_real()));
	if (answer)
		cmdlog_complete(r, seq, &cqe, ut_ticks(ut_clock_real()));
}

/* A process that sends COUNT commands on queue 1, one that is never answered on queue 2, and hangs. */
static void
hang(int ready)
{
	struct nvp_cmdlog_ring *a, *b;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	nvp_cmdlog_title("test_hang"); /* before there is anything to read */
	a = take(1, 1);
	b = take(1, 2);
	for (uint32_t i = 0; i < COUNT; i++)
		send_one(a, i, true);
	send_one(b, 77, false);
	(void)!write(ready, "x", 1);
	for (;;)
		pause();
}

static pid_t
start_hanging(void (*fn)(int))
{
	int fds[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (!pid)
		fn(fds[1]);
	assert_true(pid > 0);
	assert_int_equal(read(fds[0], &c, 1), 1);
	close(fds[0]);
	close(fds[1]);
	return pid;
}

static void
end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void
stopped_process(void **state)
{
	static struct nvp_cmdlog_rec rec[2 * NVP_CMDLOG_ENTRIES];
	const uint16_t both[] = { 0, 1 };
	struct nvp_cmdlog_view *v;
	struct nvp_cmdlog_slot s;
	pid_t pid = start_hanging(hang);
	char title[64];
	uint32_t n;

	(void)state;
	kill(pid, SIGSTOP);
	assert_int_equal(nvp_cmdlog_attach(pid, &v), 0);
	nvp_cmdlog_view_title(v, title, sizeof(title));
	assert_string_equal(title, "test_hang");
	assert_true(nvp_cmdlog_view_slot(v, 1, &s));
	assert_string_equal(s.addr, "vfu:/x.sock");
	assert_int_equal(s.qid, 2);
	assert_int_equal(s.state, NVP_CMDLOG_LIVE);
	assert_false(nvp_cmdlog_view_slot(v, 2, &s));
	assert_int_equal(nvp_cmdlog_view_count(v, 0), COUNT);
	n = nvp_cmdlog_view_read(v, both, 2, rec, 2 * NVP_CMDLOG_ENTRIES);
	assert_int_equal(n, NVP_CMDLOG_ENTRIES + 1);
	assert_int_equal(rec[0].slot, 1); /* the newest is the one without an answer */
	assert_int_equal(rec[0].complete_ns, 0);
	assert_int_equal(le32_get(rec[1].sqe.cdw10), COUNT - 1);
	assert_true(rec[1].complete_ns >= rec[1].submit_ns && rec[1].submit_ns >= rec[2].submit_ns);
	end(pid);
	/* What was mapped outlasts the process; who comes later finds nothing. */
	assert_int_equal(nvp_cmdlog_view_read(v, both, 2, rec, 4), 4);
	nvp_cmdlog_detach(v);
	assert_int_equal(nvp_cmdlog_attach(pid, &v), -ESRCH);
}

/* Time stamps are of the wall clock, to the microsecond, also when the reader makes its own scale. */
static void
right_time(void **state)
{
	struct nvp_cmdlog_ring *r = take(7, 1);
	struct nvp_cmdlog_rec rec;
	uint64_t before, after;

	(void)state;
	for (int round = 0; round < 2; round++) {
		before = ut_wall_ns();
		send_one(r, 1, true);
		after = ut_wall_ns();
		assert_int_equal(nvp_cmdlog_read(r, 0, &rec, 1), 1);
		assert_true(rec.submit_ns + 100000 > before && rec.complete_ns < after + 100000);
		assert_true(rec.complete_ns - rec.submit_ns <= after - before);
		usleep(1100000);
	}
	logbook_end(r);
}

/* Rings of deleted queues stay readable, the newest 32 of them; the next owner does not see what was before. */
static void
deleted_queues(void **state)
{
	struct nvp_cmdlog_ring *r[40], *again;
	struct nvp_cmdlog_rec rec;
	uint32_t i, kept = 0;

	(void)state;
	for (i = 0; i < 40; i++) {
		r[i] = take(3, (uint16_t)(i + 1));
		send_one(r[i], i, true);
		assert_ptr_equal(logbook_find(3, (uint16_t)(i + 1)), r[i]);
	}
	for (i = 0; i < 40; i++)
		logbook_end(r[i]);
	assert_null(logbook_find(3, 1));
	again = take(3, 50);
	assert_int_equal(nvp_cmdlog_read(again, 0, &rec, 1), 0);
	send_one(again, 99, true);
	assert_int_equal(nvp_cmdlog_read(again, 0, &rec, 1), 1);
	assert_int_equal(le32_get(rec.sqe.cdw10), 99);
	for (i = 0; i < 40; i++)
		kept += r[i] != again && nvp_cmdlog_read(r[i], 0, &rec, 1) == 1;
	assert_true(kept >= 32);
	logbook_end(again);
}

/* Queue after queue: the last 32 can be read, and no more memory is used than for those. */
static void
one_queue_after_the_other(void **state)
{
	struct nvp_cmdlog_ring *r[200], *most = NULL;
	struct nvp_cmdlog_rec rec;
	uint32_t i;

	(void)state;
	for (i = 0; i < 200; i++) {
		r[i] = take(6, 1);
		send_one(r[i], 1000 + i, true);
		logbook_end(r[i]);
	}
	for (i = 200 - 32; i < 200; i++) {
		assert_int_equal(nvp_cmdlog_read(r[i], 0, &rec, 1), 1);
		assert_int_equal(le32_get(rec.sqe.cdw10), 1000 + i);
	}
	for (i = 100; i < 200; i++)
		most = r[i] > most ? r[i] : most;
	assert_true(most < r[0] + 100);
}

/* Of two live queues with one number the newer one is meant. */
static void
same_number(void **state)
{
	struct nvp_cmdlog_ring *a = take(4, 1), *b = take(4, 1);

	(void)state;
	assert_ptr_equal(logbook_find(4, 1), b);
	logbook_end(b);
	assert_ptr_equal(logbook_find(4, 1), a);
	logbook_end(a);
}

static void
child_of_ours(int ready)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)!write(ready, "x", 1);
	for (;;)
		pause();
}

/* A forked child has the file open, too, but the logs are not its own. */
static void
forked_child(void **state)
{
	struct nvp_cmdlog_ring *r = take(5, 1);
	struct nvp_cmdlog_view *v;
	pid_t pid = start_hanging(child_of_ours);

	(void)state;
	assert_int_equal(nvp_cmdlog_attach(pid, &v), -ENOENT);
	assert_int_equal(nvp_cmdlog_attach(getpid(), &v), 0);
	nvp_cmdlog_detach(v);
	end(pid);
	logbook_end(r);
}

/* A file of that name with nonsense in it: all ones, or one that can be cut short, or a short one. */
static void
serve_file(int ready, size_t len, bool seal)
{
	int fd = memfd_create(NVP_CMDLOG_NAME, MFD_ALLOW_SEALING);
	struct nvp_cmdlog_book *b;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* The parent's book is open here as well; this one is to be found first. */
	if (ftruncate(fd, (off_t)len) || (seal && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK)))
		_exit(1);
	b = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	memset(b, 0xff, len);
	if (len >= sizeof(*b)) {
		b->pid = getpid();
		b->size_ring = sizeof(struct nvp_cmdlog_ring);
		b->magic = NVP_CMDLOG_MAGIC;
		for (uint32_t i = 0; i < NVP_CMDLOG_SLOTS; i++)
			b->slot[i].gen = 2;
	}
	for (int i = 3; i < fd; i++)
		if (i != ready)
			close(i);
	(void)!write(ready, "x", 1);
	for (;;)
		pause();
}

static void
nonsense(int ready)
{
	serve_file(ready, sizeof(struct nvp_cmdlog_book), true);
}

static void
unsealed(int ready)
{
	serve_file(ready, sizeof(struct nvp_cmdlog_book), false);
}

static void
too_short(int ready)
{
	serve_file(ready, 4096, true);
}

static void
hostile_process(void **state)
{
	static struct nvp_cmdlog_rec rec[64];
	static uint16_t all[NVP_CMDLOG_SLOTS];
	struct nvp_cmdlog_view *v;
	struct nvp_cmdlog_slot s;
	pid_t pid = start_hanging(nonsense);
	char text[512], title[300];

	(void)state;
	assert_int_equal(nvp_cmdlog_attach(pid, &v), 0);
	nvp_cmdlog_view_title(v, title, sizeof(title));
	assert_int_equal(strlen(title), 255);
	for (uint16_t i = 0; i < NVP_CMDLOG_SLOTS; i++) {
		all[i] = i;
		if (nvp_cmdlog_view_slot(v, i, &s))
			assert_non_null(memchr(s.addr, '\0', sizeof(s.addr)));
	}
	for (uint32_t i = 0, n = nvp_cmdlog_view_read(v, all, NVP_CMDLOG_SLOTS, rec, 64); i < n; i++)
		nvp_cmdlog_text(&rec[i], text, sizeof(text));
	nvp_cmdlog_detach(v);
	end(pid);
	pid = start_hanging(unsealed);
	assert_int_equal(nvp_cmdlog_attach(pid, &v), -EPROTO);
	end(pid);
	pid = start_hanging(too_short);
	assert_int_equal(nvp_cmdlog_attach(pid, &v), -EPROTO);
	end(pid);
}

static int
as_nobody(pid_t pid)
{
	struct nvp_cmdlog_view *v;

	if (setgid(65534) || setuid(65534))
		return 1;
	return nvp_cmdlog_attach(pid, &v) == -EACCES ? 0 : 2;
}

static void
another_user(void **state)
{
	pid_t pid, reader;
	int status;

	(void)state;
	if (getuid()) {
		print_message("only root can become somebody else\n");
		skip();
	}
	pid = start_hanging(hang);
	reader = fork();
	if (!reader)
		_exit(as_nobody(pid));
	assert_int_equal(waitpid(reader, &status, 0), reader);
	assert_int_equal(status, 0);
	end(pid);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_queue_after_the_other), /* first: it needs an empty book */
		cmocka_unit_test(stopped_process),
		cmocka_unit_test(right_time),
		cmocka_unit_test(deleted_queues),
		cmocka_unit_test(one_queue_after_the_other),
		cmocka_unit_test(same_number),
		cmocka_unit_test(forked_child),
		cmocka_unit_test(hostile_process),
		cmocka_unit_test(another_user),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
