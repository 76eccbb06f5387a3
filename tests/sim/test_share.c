/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A queue pair in another process, on a software SSD in a third one: the rings go on where the creator left them, the
 * data arrive, and whoever of the three dies, the other two go on.
 */
#include "ssd_process.h"

#include <sys/mman.h>

#include "host/share.h"
#include "nvproof/cmdlog.h"
#include "util/clock.h"

#define DEPTH 7u
#define BLOCKS 100u
#define LBA 512u
#define REGIONS 16u

static struct nvp_ctrlr *c;
static struct nvp_buf data; /* BLOCKS blocks to write, then as many to read into */

enum job {
	JOB_COPY, /* write all blocks, read them back, compare */
	JOB_FLUSH, /* until it is killed */
	JOB_STUCK, /* until a command gets no answer */
};

struct share {
	struct nvp_qpair_share q;
	struct nvp_share_region region[REGIONS];
	uint32_t regions;
	int said[2]; /* the other process says that it is at work */
};

static int
setup(void **state)
{
	char addr[160];

	(void)state;
	start_ssd();
	snprintf(addr, sizeof(addr), "vfu:%s", sock);
	c = NULL;
	if (nvp_ctrlr_open(addr, &(struct nvp_ctrlr_opts){ .timeout_ms = 2000 }, &c))
		print_error("%s\n", nvp_error());
	assert_non_null(c);
	assert_int_equal(nvp_buf_alloc(2 * BLOCKS * LBA, 0, &data), 0);
	for (uint32_t i = 0; i < BLOCKS * LBA; i++)
		((uint8_t *)data.va)[i] = (uint8_t)(i * 7 + i / LBA);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	nvp_ctrlr_close(c);
	nvp_buf_free(&data);
	stop_ssd();
	return 0;
}

/* --- the other process: no assertions, its exit code says it all --- */

struct other {
	struct nvp_qpair *q;
	struct nvp_buf buf;
	uint32_t failed;
};

static void
other_done(void *arg, const struct nvme_cqe *cqe)
{
	struct other *o = arg;

	o->failed += status_of(cqe) != 0;
}

static int
other_transfer(struct other *o, uint8_t opc, uint64_t from)
{
	for (uint32_t i = 0; i < BLOCKS; i++) {
		struct nvp_req *r = nvp_req_get(o->q);

		if (!r) {
			if (nvp_qpair_wait(o->q, 1) < 1)
				return 10;
			r = nvp_req_get(o->q);
		}
		nvme_prep_lba_cmd(nvp_req_sqe(r), opc, 1, i, 1);
		if (nvp_req_data(r, &o->buf, (from + i) * LBA, LBA))
			return 11;
		nvp_req_submit(r, other_done, o);
	}
	while (nvp_qpair_outstanding(o->q))
		if (nvp_qpair_wait(o->q, 1) < 1)
			return 12;
	return o->failed ? 13 : 0;
}

static int
other_copy(struct other *o)
{
	int rc = other_transfer(o, NVME_OPC_WRITE, 0);

	if (!rc)
		rc = other_transfer(o, NVME_OPC_READ, BLOCKS);
	return rc || !memcmp(o->buf.va, (char *)o->buf.va + BLOCKS * LBA, BLOCKS * LBA) ? rc : 14;
}

/* 0: a command was ended by the driver, in time. */
static int
other_flush(struct other *o, int fd)
{
	struct nvme_sqe sqe;
	struct nvme_cqe cqe = { 0 };
	uint64_t start = 0;

	nvme_prep_flush(&sqe, 1);
	for (int i = 0; !status_of(&cqe); i++) {
		start = ut_mono_ns();
		if (nvp_io(o->q, &sqe, NULL, 0, &cqe))
			return 20;
		if (i == 10 && write(fd, "x", 1) != 1)
			return 21;
	}
	return status_of(&cqe) == 0x7ff && ut_mono_ns() - start < 4000000000u ? 0 : 22;
}

/* As if it had got the descriptors over a socket: everything is mapped anew. */
static int
other_open(struct share *s, struct other *o)
{
	void *db = mmap(NULL, s->q.db_len, PROT_READ | PROT_WRITE, MAP_SHARED, s->q.db_fd, (off_t)s->q.db_off);

	if (db == MAP_FAILED)
		return 1;
	for (uint32_t i = 0; i < s->regions; i++)
		if (nvp_share_map(&s->region[i]))
			return 2;
	if (nvp_qpair_import(&s->q, s->region, s->regions, db, &o->q))
		return 3;
	return nvp_share_buf(s->region, s->regions, data.iova, data.len, &o->buf) ? 4 : 0;
}

static int
other_main(struct share *s, enum job job)
{
	struct other o = { 0 };
	int rc = other_open(s, &o);

	if (!rc)
		rc = job == JOB_COPY ? other_copy(&o) : other_flush(&o, s->said[1]);
	if (!rc && nvp_qpair_delete(o.q, NULL))
		rc = 5;
	for (uint32_t i = 0; i < s->regions; i++)
		nvp_share_unmap(&s->region[i]);
	return rc;
}

/* --- this process --- */

static struct nvp_qpair *export(struct share *s, uint32_t first)
{
	struct nvp_qpair *q = sim_qpair(c, DEPTH);
	struct nvme_sqe sqe;
	struct nvme_cqe cqe;

	nvme_prep_flush(&sqe, 1);
	for (uint32_t i = 0; i < first; i++)
		must(nvp_io(q, &sqe, NULL, 0, &cqe), &cqe);
	assert_int_equal(nvp_qpair_export(q, &s->q), 0);
	assert_int_equal(nvp_qpair_export(q, &s->q), -EALREADY);
	s->regions = nvp_share_regions(s->region, REGIONS);
	assert_in_range(s->regions, 1, REGIONS);
	assert_int_equal(pipe(s->said), 0);
	return q;
}

static pid_t
start(struct share *s, enum job job)
{
	pid_t pid = fork();
	char x;

	if (pid == 0)
		_exit(other_main(s, job));
	assert_true(pid > 0);
	close(s->said[1]);
	if (job != JOB_COPY)
		assert_int_equal(read(s->said[0], &x, 1), 1);
	close(s->said[0]);
	return pid;
}

static int
exit_code(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void
a_queue_of_its_own_works(void)
{
	struct nvp_qpair *q = sim_qpair(c, 4);
	struct nvme_sqe sqe;
	struct nvme_cqe cqe;

	nvme_prep_flush(&sqe, 1);
	must(nvp_io(q, &sqe, NULL, 0, &cqe), &cqe);
	assert_int_equal(nvp_qpair_delete(q, NULL), 0);
}

/* Wherever the rings stand, also in their second round. */
static void
data_arrive(void **state)
{
	struct nvp_cmdlog_rec rec[3];
	struct nvp_event ev;
	struct nvp_qpair *q;
	struct share s;

	(void)state;
	for (uint32_t first = 0; first < 2 * DEPTH; first += 3) {
		memset((char *)data.va + BLOCKS * LBA, 0, BLOCKS * LBA);
		q = export(&s, first);
		assert_int_equal(exit_code(start(&s, JOB_COPY)), 0);
		assert_memory_equal(data.va, (char *)data.va + BLOCKS * LBA, BLOCKS * LBA);
		assert_int_equal(nvp_cmdlog_read(nvp_qpair_cmdlog(q), 0, rec, 3), 3);
		assert_int_equal(rec[0].seq, first + 2 * BLOCKS); /* the log goes on, too */
		assert_true(rec[0].complete_ns > 0);
		assert_int_equal(nvp_qpair_delete(q, NULL), 0);
	}
	assert_int_equal(nvp_ctrlr_events(c, &ev, 1), 0);
	a_queue_of_its_own_works();
}

static void
the_other_process_is_killed(void **state)
{
	struct nvp_qpair *q;
	struct share s;
	pid_t pid;

	(void)state;
	for (int i = 0; i < 3; i++) {
		q = export(&s, 1);
		pid = start(&s, JOB_FLUSH);
		kill(pid, SIGKILL);
		assert_int_equal(exit_code(pid), -SIGKILL);
		assert_int_equal(nvp_qpair_delete(q, NULL), 0);
		a_queue_of_its_own_works();
	}
}

/* Its commands get no answer; each has a deadline there, too. */
static void
a_reset_under_the_other_process(void **state)
{
	struct nvp_qpair *q;
	struct share s;
	pid_t pid;

	(void)state;
	q = export(&s, 1);
	pid = start(&s, JOB_STUCK);
	assert_int_equal(nvp_ctrlr_reset(c), 0);
	assert_int_equal(exit_code(pid), 0);
	assert_int_equal(nvp_qpair_export(q, &s.q), -EALREADY);
	assert_int_equal(nvp_qpair_delete(q, NULL), 0);
	a_queue_of_its_own_works();
}

static void
the_drive_dies(void **state)
{
	struct nvp_qpair *q, *own;
	struct nvme_sqe sqe;
	struct share s;
	pid_t pid;

	(void)state;
	q = export(&s, 1);
	own = sim_qpair(c, 4);
	pid = start(&s, JOB_STUCK);
	kill(ssd, SIGKILL);
	nvme_prep_flush(&sqe, 1);
	assert_int_equal(nvp_io(own, &sqe, NULL, 0, NULL), -ENODEV);
	assert_int_equal(exit_code(pid), 0);
	assert_int_equal(nvp_qpair_delete(q, NULL), 0);
	assert_int_equal(nvp_qpair_delete(own, NULL), 0);
}

/* This one works only while its own process waits. */
static void
a_simulation_cannot_be_shared(void **state)
{
	struct nvp_ctrlr *sim = sim_ctrlr("sim:", NULL);
	struct nvp_qpair *q = sim_qpair(sim, 8);
	struct nvp_qpair_share s;
	struct nvme_sqe sqe;
	struct nvme_cqe cqe;

	(void)state;
	assert_int_equal(nvp_qpair_export(q, &s), -ENOTSUP);
	nvme_prep_flush(&sqe, 1);
	must(nvp_io(q, &sqe, NULL, 0, &cqe), &cqe); /* it is still ours */
	assert_int_equal(nvp_qpair_delete(q, NULL), 0);
	nvp_ctrlr_close(sim);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(data_arrive, setup, teardown),
		cmocka_unit_test_setup_teardown(the_other_process_is_killed, setup, teardown),
		cmocka_unit_test_setup_teardown(a_reset_under_the_other_process, setup, teardown),
		cmocka_unit_test_setup_teardown(the_drive_dies, setup, teardown),
		cmocka_unit_test(a_simulation_cannot_be_shared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
