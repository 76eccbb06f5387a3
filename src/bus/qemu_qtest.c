/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Register accesses as lines of QEMU's qtest protocol: "readl 0xADDR" is answered by "OK 0xVALUE", "writel 0xADDR 0xVALUE"
 * by "OK", in order; lines that begin with "IRQ" may come in between.  The answer of a write is read when somebody waits
 * anyway: a doorbell costs one message and no waiting.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bus/qemu_int.h"

#define MAX_POSTED 256u /* so that neither end's socket buffer fills */

static char
letter(uint32_t width)
{
	return width == 1 ? 'b' : width == 2 ? 'w' : width == 4 ? 'l' : 'q';
}

/* The next answer: what follows "OK". */
static int
answer(struct qemu_qtest *q, char **rest)
{
	uint32_t n = 0;
	char *line;
	int rc;

	do
		rc = qemu_lines_next(&q->lines, &line);
	while (!rc && !strncmp(line, "IRQ", 3) && n++ < QEMU_MAX_ASIDES);
	if (rc)
		return rc;
	if (strncmp(line, "OK", 2) || (line[2] && line[2] != ' ')) {
		q->lines.dead = true;
		return -EPROTO;
	}
	*rest = line + 2;
	return 0;
}

static int
drain(struct qemu_qtest *q)
{
	char *rest;
	int rc = 0;

	while (q->posted && !rc) {
		rc = answer(q, &rest);
		q->posted--;
		if (!rc && *rest) { /* a value that nobody asked for */
			q->lines.dead = true;
			rc = -EPROTO;
		}
	}
	return rc;
}

static int
post(struct qemu_qtest *q, const char *line, int len)
{
	int rc = qemu_lines_send(&q->lines, line, (size_t)len, -1);

	if (rc)
		return rc;
	return ++q->posted < MAX_POSTED ? 0 : drain(q);
}

int
qemu_qtest_sync(struct qemu_qtest *q)
{
	uint64_t val;

	return qemu_qtest_read(q, 0, 1, &val);
}

static int
number(struct qemu_qtest *q, const char *rest, uint32_t width, uint64_t *val)
{
	char *stop;

	errno = 0;
	*val = *rest == ' ' ? strtoull(rest + 1, &stop, 0) : 0;
	if (*rest == ' ' && rest[1] == '0' && stop > rest + 1 && !*stop && !errno &&
	    (width == 8 || !(*val >> (8 * width))))
		return 0;
	q->lines.dead = true;
	return -EPROTO;
}

int
qemu_qtest_read(struct qemu_qtest *q, uint64_t addr, uint32_t width, uint64_t *val)
{
	char line[64], *rest;
	int len = snprintf(line, sizeof(line), "read%c 0x%" PRIx64 "\n", letter(width), addr);
	int rc = qemu_lines_send(&q->lines, line, (size_t)len, -1);

	if (!rc)
		rc = drain(q);
	if (!rc)
		rc = answer(q, &rest);
	return rc ? rc : number(q, rest, width, val);
}

int
qemu_qtest_write(struct qemu_qtest *q, uint64_t addr, uint32_t width, uint64_t val)
{
	char line[80];

	return post(q, line,
		    snprintf(line, sizeof(line), "write%c 0x%" PRIx64 " 0x%" PRIx64 "\n", letter(width), addr, val));
}

int
qemu_qtest_out(struct qemu_qtest *q, uint16_t port, uint32_t width, uint32_t val)
{
	char line[64];

	return post(q, line, snprintf(line, sizeof(line), "out%c 0x%x 0x%x\n", letter(width), port, val));
}
