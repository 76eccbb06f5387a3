/* SPDX-License-Identifier: BSD-3-Clause */
/* What QEMU may say, and what it may do instead of saying it: a scripted socket in its place. */
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "bus/qemu_int.h"
#include "util/clock.h"
#include "util/rng.h"

#define SHORT_MS 30u

struct rig {
	struct qemu_qtest q;
	int other; /* QEMU's end */
	const char *slow; /* said by a thread, byte by byte */
	pthread_t thread;
};

static void
up(struct rig *r, const char *said)
{
	int pair[2];

	memset(r, 0, sizeof(*r));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	r->q.lines.fd = pair[0];
	r->q.lines.timeout_ms = SHORT_MS;
	r->other = pair[1];
	assert_int_equal(write(r->other, said, strlen(said)), (ssize_t)strlen(said));
}

static void
down(struct rig *r)
{
	close(r->q.lines.fd);
	if (r->other >= 0)
		close(r->other);
}

/* All that was sent to QEMU until now. */
static const char *
heard(struct rig *r)
{
	static char text[4096];
	ssize_t n = recv(r->other, text, sizeof(text) - 1, MSG_DONTWAIT);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void
reads_and_posted_writes(void **state)
{
	struct rig r;
	uint64_t v = 0;

	(void)state;
	up(&r, "OK\nOK\nOK\nOK 0x000000000f0107ff\n");
	assert_int_equal(qemu_qtest_write(&r.q, 0x1000, 4, 7), 0);
	assert_int_equal(qemu_qtest_write(&r.q, 0x1004, 8, 1ull << 40), 0);
	assert_int_equal(qemu_qtest_out(&r.q, 0xcf8, 4, 0x80000060), 0);
	assert_int_equal(r.q.posted, 3);
	assert_int_equal(qemu_qtest_read(&r.q, 0xe0000000, 8, &v), 0);
	assert_int_equal(v, 0x0f0107ff);
	assert_int_equal(r.q.posted, 0);
	assert_string_equal(heard(&r), "writel 0x1000 0x7\nwriteq 0x1004 0x10000000000\noutl 0xcf8 0x80000060\n"
				       "readq 0xe0000000\n");
	down(&r);
}

static void
interrupt_lines_are_no_answers(void **state)
{
	struct rig r;
	uint64_t v = 0;

	(void)state;
	up(&r, "IRQ raise 3\nOK\nIRQ lower 3\nIRQ raise 1\r\nOK 0x12\r\nIRQ raise 2\n");
	assert_int_equal(qemu_qtest_write(&r.q, 0, 1, 1), 0);
	assert_int_equal(qemu_qtest_read(&r.q, 0, 1, &v), 0);
	assert_int_equal(v, 0x12);
	down(&r);
}

static void *
say_slowly(void *arg)
{
	struct rig *r = arg;

	for (const char *p = r->slow; *p; p++) {
		(void)!write(r->other, p, 1);
		usleep(200);
	}
	return NULL;
}

static void
an_answer_in_pieces(void **state)
{
	struct rig r;
	uint64_t v = 0;

	(void)state;
	up(&r, "");
	r.q.lines.timeout_ms = 5000;
	r.slow = "IRQ raise 0\nOK 0x00000000deadbeef\nOK 0x5\n";
	pthread_create(&r.thread, NULL, say_slowly, &r);
	assert_int_equal(qemu_qtest_read(&r.q, 0, 4, &v), 0);
	assert_int_equal(v, 0xdeadbeef);
	assert_int_equal(qemu_qtest_read(&r.q, 0, 4, &v), 0);
	assert_int_equal(v, 5);
	pthread_join(r.thread, NULL);
	down(&r);
}

static void
what_makes_no_sense_ends_it(void **state)
{
	static const char *const said[] = {
		"FAIL Unknown command\n",
		"OKAY 0x1\n",
		"OK\n",
		"OK \n",
		"OK 0x\n",
		"OK 1 2\n",
		"\n",
		"OK 0x100000000\n",
		"OK -0x1\n",
		"OK 0x1ffffffffffffffff\n",
		"ok 0x1\n",
		"ERR\n",
		"OK 0x1 0x2\n",
		"OK 0xg\n",
		"OK 12\n",
	};
	struct rig r;
	uint64_t v;

	(void)state;
	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		up(&r, said[i]);
		assert_int_equal(qemu_qtest_read(&r.q, 0, 4, &v), -EPROTO);
		assert_int_equal(qemu_qtest_read(&r.q, 0, 4, &v), -ENODEV); /* out of step for good */
		assert_int_equal(qemu_qtest_write(&r.q, 0, 4, 0), -ENODEV);
		down(&r);
	}
	up(&r, "OK 0x7\nOK 0x1\n"); /* a write has no value */
	assert_int_equal(qemu_qtest_write(&r.q, 0, 4, 0), 0);
	assert_int_equal(qemu_qtest_read(&r.q, 0, 4, &v), -EPROTO);
	down(&r);
}

static void
a_line_without_end(void **state)
{
	static char noise[QEMU_LINE_ROOM + 1];
	struct rig r;
	uint64_t v;

	(void)state;
	memset(noise, 'x', sizeof(noise) - 1);
	up(&r, noise);
	assert_int_equal(qemu_qtest_read(&r.q, 0, 4, &v), -EPROTO);
	down(&r);
}

static void
its_death_is_told_at_once(void **state)
{
	struct rig r;
	uint64_t v, before;

	(void)state;
	up(&r, "OK 0x");
	r.q.lines.timeout_ms = 60000;
	before = ut_mono_ns();
	shutdown(r.other, SHUT_WR);
	assert_int_equal(qemu_qtest_read(&r.q, 0, 4, &v), -ENODEV);
	down(&r);
	up(&r, "");
	r.q.lines.timeout_ms = 60000;
	close(r.other);
	r.other = -1;
	assert_int_equal(qemu_qtest_write(&r.q, 0, 4, 0), -ENODEV); /* and no SIGPIPE */
	assert_int_equal(qemu_qtest_read(&r.q, 0, 4, &v), -ENODEV);
	assert_true(ut_mono_ns() - before < 10000000000ull);
	down(&r);
}

/* Then the connection is over, as a late answer would confuse. */
static void
silence_has_an_end(void **state)
{
	struct rig r;
	uint64_t v, before = ut_mono_ns();

	(void)state;
	up(&r, "");
	assert_int_equal(qemu_qtest_read(&r.q, 0, 4, &v), -ETIMEDOUT);
	assert_true(ut_mono_ns() - before >= SHORT_MS * 1000000ull);
	assert_int_equal(write(r.other, "OK 0x1\n", 7), 7);
	assert_int_equal(qemu_qtest_read(&r.q, 0, 4, &v), -ENODEV);
	down(&r);
}

/* Nobody reads: a write does not block for ever. */
static void
a_full_socket_has_an_end(void **state)
{
	static char block[1 << 16];
	struct rig r;
	int rc = 0;

	(void)state;
	memset(block, 'w', sizeof(block));
	up(&r, "");
	for (int i = 0; i < 1000 && !rc; i++)
		rc = qemu_lines_send(&r.q.lines, block, sizeof(block), -1);
	assert_int_equal(rc, -ETIMEDOUT);
	assert_true(r.q.lines.dead);
	down(&r);
}

/* So many writes that nobody waits for are waited for. */
static void
posted_writes_are_bounded(void **state)
{
	struct rig r;
	int rc = 0, n = 0;

	(void)state;
	up(&r, "");
	while (!rc && n < 100000) {
		rc = qemu_qtest_write(&r.q, 0, 4, 0);
		n++;
	}
	assert_int_equal(rc, -ETIMEDOUT);
	assert_in_range(n, 2, 1000);
	down(&r);
}

static void
greetings(void **state)
{
	static const struct {
		const char *said;
		int rc;
	} cases[] = {
		{ "{\"QMP\": {}}\n{\"return\": {}}\n", 0 },
		{ "{\"QMP\": {}}\n{\"event\": \"STOP\"}\n{\"return\": {}}\n", 0 },
		{ "{\"QMP\": {}}\n{\"error\": {\"desc\": \"no\"}}\n", -EIO },
		{ "{\"QMP\": {}}\n{\"error\": 7}\n", -EIO },
		{ "{\"QMP\": {}}\n[]\n", -EPROTO },
		{ "hello\n", -EPROTO },
		{ "{\"QMP\": {}}\n", -ETIMEDOUT },
	};
	struct rig r;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		up(&r, cases[i].said);
		assert_int_equal(qemu_qmp_greet(&r.q.lines), cases[i].rc);
		down(&r);
	}
}

static void *
talk(void *arg)
{
	static char text[4096];
	struct rig *r = arg;

	for (size_t i = 0; i < sizeof(text); i += 4)
		memcpy(text + i, "IRQ\n", 4);
	while (send(r->other, text, sizeof(text), MSG_NOSIGNAL) > 0)
		;
	return NULL;
}

/* Who only ever talks of interrupts. */
static void
endless_talk_has_an_end(void **state)
{
	struct rig r;
	uint64_t v;

	(void)state;
	up(&r, "");
	r.q.lines.timeout_ms = 5000;
	pthread_create(&r.thread, NULL, talk, &r);
	assert_int_equal(qemu_qtest_read(&r.q, 0, 4, &v), -EPROTO);
	shutdown(r.q.lines.fd, SHUT_RDWR);
	pthread_join(r.thread, NULL);
	down(&r);
}

/* A line that QEMU could have said, with some of its bytes changed. */
static void
mangle(struct ut_rng *rng, char *text)
{
	size_t len = strlen(text);

	for (uint64_t n = ut_rng_next(rng) % 4; n--;)
		text[ut_rng_next(rng) % len] = (char)(1 + ut_rng_next(rng) % 255);
}

static void
random_answers(void **state)
{
	struct ut_rng rng;
	struct rig r;
	uint64_t v;
	int rc;

	(void)state;
	ut_rng_seed(&rng, 7);
	for (int i = 0; i < 20000; i++) {
		char text[] = "OK\nIRQ raise 1\nOK 0x00000000deadbeef\n{\"QMP\": {\"a\": [1, {}]}}\n{\"return\": {}}\n";

		mangle(&rng, text);
		up(&r, text);
		shutdown(r.other, SHUT_WR);
		rc = qemu_qtest_write(&r.q, 0, 4, 0);
		if (!rc)
			rc = qemu_qtest_read(&r.q, 0, 4, &v);
		assert_true(rc == 0 || rc == -EPROTO || rc == -ENODEV);
		if (!rc)
			rc = qemu_qmp_greet(&r.q.lines);
		assert_true(rc == 0 || rc == -EPROTO || rc == -ENODEV || rc == -EIO);
		down(&r);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_and_posted_writes),
		cmocka_unit_test(interrupt_lines_are_no_answers),
		cmocka_unit_test(an_answer_in_pieces),
		cmocka_unit_test(what_makes_no_sense_ends_it),
		cmocka_unit_test(a_line_without_end),
		cmocka_unit_test(its_death_is_told_at_once),
		cmocka_unit_test(silence_has_an_end),
		cmocka_unit_test(a_full_socket_has_an_end),
		cmocka_unit_test(posted_writes_are_bounded),
		cmocka_unit_test(greetings),
		cmocka_unit_test(random_answers),
		cmocka_unit_test(endless_talk_has_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
