/* SPDX-License-Identifier: BSD-3-Clause */
/* The text of a rule.  What is wrong is said together with what is allowed. */
#include "ssd/fault/fault.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	uint8_t opc;
	bool admin;
} opcodes[] = {
	{ "flush", NVME_OPC_FLUSH, false },
	{ "write", NVME_OPC_WRITE, false },
	{ "read", NVME_OPC_READ, false },
	{ "write-uncorrectable", NVME_OPC_WRITE_UNCOR, false },
	{ "compare", NVME_OPC_COMPARE, false },
	{ "write-zeroes", NVME_OPC_WRITE_ZEROES, false },
	{ "dsm", NVME_OPC_DSM, false },
	{ "verify", NVME_OPC_VERIFY, false },
	{ "delete-sq", NVME_ADM_DELETE_IO_SQ, true },
	{ "create-sq", NVME_ADM_CREATE_IO_SQ, true },
	{ "get-log", NVME_ADM_GET_LOG_PAGE, true },
	{ "delete-cq", NVME_ADM_DELETE_IO_CQ, true },
	{ "create-cq", NVME_ADM_CREATE_IO_CQ, true },
	{ "identify", NVME_ADM_IDENTIFY, true },
	{ "abort", NVME_ADM_ABORT, true },
	{ "set-features", NVME_ADM_SET_FEATURES, true },
	{ "get-features", NVME_ADM_GET_FEATURES, true },
	{ "aer", NVME_ADM_ASYNC_EVENT, true },
	{ "fw-commit", NVME_ADM_FW_COMMIT, true },
	{ "format", NVME_ADM_FORMAT_NVM, true },
	{ "sanitize", NVME_ADM_SANITIZE, true },
};

struct parse {
	struct ssd_fault_rule *r;
	bool count_given;
	char *err;
	size_t errlen;
};

static int __attribute__((format(printf, 2, 3))) bad(struct parse *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p->err, p->errlen, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* Up to *end. */
static bool
number(const char *s, const char **end, uint64_t *out)
{
	char *stop;

	if (*s < '0' || *s > '9')
		return false;
	errno = 0;
	*out = strtoull(s, &stop, 0);
	*end = stop;
	return !errno;
}

static int
on_number(struct parse *p, const char *key, const char *val, uint64_t lo, uint64_t hi, uint64_t *out)
{
	const char *end;

	if (!number(val, &end, out) || *end || *out < lo || *out > hi)
		return bad(p, "%s=%.40s: expected a number from %llu to %llu", key, val, (unsigned long long)lo,
			   (unsigned long long)hi);
	return 0;
}

static int
on_time(struct parse *p, const char *key, const char *val, uint64_t *out)
{
	static const struct {
		const char *unit;
		uint64_t ns;
	} units[] = { { "ns", 1 }, { "us", 1000 }, { "ms", 1000000 }, { "s", 1000000000 } };
	const char *end;
	uint64_t n;

	if (number(val, &end, &n)) {
		for (size_t i = 0; i < UT_ARRAY_LEN(units); i++) {
			if (strcmp(end, units[i].unit) || n > 3600000000000ull / units[i].ns)
				continue;
			*out = n * units[i].ns;
			return 0;
		}
	}
	return bad(p, "%s=%.40s: expected a time up to an hour, such as 3s, 20ms, 5us or 7ns", key, val);
}

static bool
hex(const char **s, uint64_t max, uint64_t *out)
{
	char *end;

	if (!strchr("0123456789abcdefABCDEF", **s) || !**s)
		return false;
	*out = strtoull(*s, &end, 16);
	*s = end;
	return *out <= max;
}

static int
on_status(struct parse *p, const char *key, const char *val, uint64_t *out)
{
	uint64_t sct, sc;
	const char *s = val;

	if (!hex(&s, 7, &sct) || *s++ != '/' || !hex(&s, 255, &sc) || *s || !(sct | sc))
		return bad(p, "%s=%.40s: expected a status SCT/SC in hexadecimal, such as 02/81", key, val);
	*out = sct << 8 | sc;
	return 0;
}

static int
on_opc(struct parse *p, const char *val)
{
	char list[300] = "";
	uint64_t v;
	size_t n = 0;
	const char *end;

	p->r->has_opc = true;
	for (size_t i = 0; i < UT_ARRAY_LEN(opcodes); i++) {
		if (!strcmp(opcodes[i].name, val)) {
			p->r->opc = opcodes[i].opc;
			p->r->admin = opcodes[i].admin;
			return 0;
		}
		n += (size_t)snprintf(list + n, sizeof(list) - n, " %s", opcodes[i].name);
	}
	if (!number(val, &end, &v) || *end || v > 255)
		return bad(p, "opc=%.40s: expected 0 to 255 (an I/O command; with sq=0 an admin command) or one of:%s",
			   val, list);
	p->r->opc = (uint8_t)v;
	return 0;
}

/* 0 to 1, with up to six digits behind the point. */
static int
on_prob(struct parse *p, const char *val)
{
	uint32_t ppm = 0, unit = 1000000;
	const char *s = val;

	if (*s == '0' || *s == '1')
		ppm = (uint32_t)(*s++ - '0') * unit;
	if (s != val && *s == '.') {
		for (s++; *s >= '0' && *s <= '9' && unit > 1; s++) {
			unit /= 10;
			ppm += (uint32_t)(*s - '0') * unit;
		}
	}
	if (s == val || *s || ppm > 1000000)
		return bad(p, "prob=%.40s: expected a probability from 0 to 1, such as 0.01", val);
	p->r->ppm = ppm;
	return 0;
}

static int
on_count(struct parse *p, const char *val)
{
	uint64_t v = SSD_FAULT_ALL;
	int rc = strcmp(val, "all") ? on_number(p, "count", val, 1, SSD_FAULT_ALL - 1, &v) : 0;

	p->count_given = true;
	p->r->count = (uint32_t)v;
	return rc ? bad(p, "count=%.40s: expected how often, from 1 on, or all", val) : 0;
}

static int
on_key(struct parse *p, const char *key, const char *val)
{
	struct ssd_fault_rule *r = p->r;
	uint64_t v = 0;
	int rc;

	if (!strcmp(key, "opc"))
		return on_opc(p, val);
	if (!strcmp(key, "count"))
		return on_count(p, val);
	if (!strcmp(key, "prob"))
		return on_prob(p, val);
	if (!strcmp(key, "seed"))
		return on_number(p, key, val, 0, UINT64_MAX, &r->seed);
	if (!strcmp(key, "slba")) {
		r->has_slba = true;
		return on_number(p, key, val, 0, UINT64_MAX, &r->slba);
	}
	if (!strcmp(key, "sq")) {
		rc = on_number(p, key, val, 0, SSD_MAX_QUEUES - 1, &v);
		r->has_sq = true;
		r->sq = (uint16_t)v;
	} else if (!strcmp(key, "nsid")) {
		rc = on_number(p, key, val, 1, UINT32_MAX, &v);
		r->has_nsid = true;
		r->nsid = (uint32_t)v;
	} else if (!strcmp(key, "nth")) {
		rc = on_number(p, key, val, 1, UINT32_MAX, &v);
		r->nth = (uint32_t)v;
	} else
		rc = bad(p, "%.40s: no such key; there are: opc sq nsid slba nth count prob seed", key);
	return rc;
}

static int
on_arg(struct parse *p, const char *name, const char *val)
{
	switch (ssd_fault_lines[p->r->point].arg) {
	case SSD_FAULT_ARG_NUMBER:
		return on_number(p, name, val, 0, UINT64_MAX, &p->r->arg);
	case SSD_FAULT_ARG_TIME:
		return on_time(p, name, val, &p->r->arg);
	case SSD_FAULT_ARG_STATUS:
		return on_status(p, name, val, &p->r->arg);
	default:
		return bad(p, "%s takes no argument", name);
	}
}

static int
on_point(struct parse *p, const char *name, const char *val)
{
	for (uint32_t i = 0; i < SSD_FAULTS; i++) {
		if (strcmp(ssd_fault_lines[i].point.name, name))
			continue;
		p->r->point = (enum ssd_fault)i;
		p->r->arg = ssd_fault_lines[i].def;
		return val ? on_arg(p, name, val) : 0;
	}
	return bad(p, "%.40s: no such fault; `nvproof ssd fault list` prints them", name);
}

static int
finish(struct parse *p)
{
	struct ssd_fault_rule *r = p->r;
	const struct ssd_fault_line *l = &ssd_fault_lines[r->point];

	if (l->when != SSD_FAULT_AT_COMMAND && (r->has_opc || r->has_sq || r->has_nsid || r->has_slba))
		return bad(p, "%s is not about commands: opc, sq, nsid and slba do not apply", l->point.name);
	if (r->point == SSD_FAULT_READ_STALE && !r->has_slba)
		return bad(p, "%s needs slba=", l->point.name);
	if (!p->count_given)
		r->count = r->ppm < 1000000 || l->when == SSD_FAULT_AT_STATE ? SSD_FAULT_ALL : 1;
	return 0;
}

int
ssd_fault_parse(const char *text, struct ssd_fault_rule *r, char *err, size_t errlen)
{
	struct parse p = { .r = r, .err = err, .errlen = errlen };
	char copy[SSD_FAULT_TEXT], *part, *save = NULL;
	bool first = true;
	int rc = 0;

	*r = (struct ssd_fault_rule){ .nth = 1, .ppm = 1000000 };
	if (strlen(text) >= sizeof(copy))
		return bad(&p, "a rule has at most %u characters", SSD_FAULT_TEXT - 1);
	strcpy(copy, text);
	for (part = strtok_r(copy, ",", &save); part && !rc; part = strtok_r(NULL, ",", &save), first = false) {
		char *val = strchr(part, '=');

		if (val)
			*val++ = '\0';
		if (first)
			rc = on_point(&p, part, val);
		else
			rc = val ? on_key(&p, part, val) : bad(&p, "%.40s: expected key=value", part);
	}
	if (first)
		return bad(&p, "expected POINT[=ARG][,KEY=VALUE...]");
	return rc ? rc : finish(&p);
}
