/* SPDX-License-Identifier: BSD-3-Clause */
/* Profile files: a table of keys, and what each may be.  inih does the lines. */
#include "ssd/profile.h"
#include <assert.h>
#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "ssd/profile_int.h"
#include "ssd/ssd.h"
#include "util/bits.h"
#include "util/size.h"

enum kind {
	NUMBER, /* uint32_t */
	SIZE, /* uint64_t, a multiple of `step` */
	YES_NO,
	TEXT, /* printable ASCII, at most `max` characters */
	WORD, /* one of `words`, in the order of the enumeration; `min` is the value of the first */
	WORDS, /* some of `words`, with commas: a bit each */
	NUMBERS, /* 1 to SSD_PROFILE_LEVELS numbers */
};

struct key {
	const char *section, *name;
	enum kind kind;
	size_t off;
	uint64_t min, max;
	const char *words;
	uint64_t step;
};

#define AT(field) offsetof(struct ssd_profile, field)
#define TIB (1ull << 40)

static const struct key keys[] = {
	{ "drive", "text", TEXT, AT(text), 0, 79, NULL, 0 },
	{ "drive", "media", WORD, AT(media), 0, 0, "ram null flash", 0 },
	{ "drive", "command_set", WORD, AT(set), 0, 0, "nvm zoned", 0 },
	{ "drive", "capacity", SIZE, AT(capacity), 4096, 1024 * TIB, NULL, 4096 },
	{ "drive", "namespaces", NUMBER, AT(namespaces), 1, SSD_MAX_NAMESPACES, NULL, 0 },
	{ "drive", "lba", WORD, AT(lba), 512, 4096, "512 4096", 0 },
	{ "drive", "serial", TEXT, AT(sn), 0, 20, NULL, 0 },
	{ "drive", "model", TEXT, AT(mn), 0, 40, NULL, 0 },
	{ "drive", "firmware", TEXT, AT(fr), 0, 8, NULL, 0 },
	{ "drive", "oui", NUMBER, AT(oui), 0, 0xffffff, NULL, 0 },
	{ "drive", "without", WORDS, AT(without), 0, 0, "compare write-uncorrectable dsm write-zeroes verify copy", 0 },
	{ "limits", "queues", NUMBER, AT(queues), 1, SSD_MAX_QUEUES - 1, NULL, 0 },
	{ "limits", "entries", NUMBER, AT(entries), 2, 65535, NULL, 0 },
	{ "limits", "mdts", NUMBER, AT(mdts), 1, 9, NULL, 0 },
	{ "limits", "aers", NUMBER, AT(aers), 1, 8, NULL, 0 },
	{ "limits", "namespaces", NUMBER, AT(max_namespaces), 1, SSD_MAX_NAMESPACES, NULL, 0 },
	{ "limits", "cmb", SIZE, AT(cmb), 0, SSD_CMB_MAX, NULL, 4096 },
	{ "flash", "channels", NUMBER, AT(flash.channels), 1, 64, NULL, 0 },
	{ "flash", "dies", NUMBER, AT(flash.dies), 1, 64, NULL, 0 },
	{ "flash", "planes", NUMBER, AT(flash.planes), 1, 8, NULL, 0 },
	{ "flash", "page_size", WORD, AT(flash.page_size), 0, 0, "4K 8K 16K 32K", 0 },
	{ "flash", "pages", NUMBER, AT(flash.pages), 4, 4096, NULL, 0 },
	{ "flash", "blocks", NUMBER, AT(flash.blocks), 0, 1u << 20, NULL, 0 },
	{ "flash", "cell", WORD, AT(flash.levels), 1, 0, "slc mlc tlc qlc", 0 },
	{ "flash", "read_us", NUMBERS, AT(flash.read_us), 1, 100000, NULL, 0 },
	{ "flash", "program_us", NUMBERS, AT(flash.program_us), 1, 1000000, NULL, 0 },
	{ "flash", "erase_us", NUMBER, AT(flash.erase_us), 1, 10000000, NULL, 0 },
	{ "flash", "suspend_us", NUMBER, AT(flash.suspend_us), 0, 10000, NULL, 0 },
	{ "flash", "bus_mb_s", NUMBER, AT(flash.bus_mb_s), 1, 100000, NULL, 0 },
	{ "flash", "link_mb_s", NUMBER, AT(flash.link_mb_s), 0, 1000000, NULL, 0 },
	{ "flash", "spare_percent", NUMBER, AT(flash.spare_percent), 1, 400, NULL, 0 },
	{ "flash", "write_buffer", SIZE, AT(flash.write_buffer), 0, 1ull << 30, NULL, 4096 },
	{ "flash", "capacitor", YES_NO, AT(flash.capacitor), 0, 0, NULL, 0 },
	{ "flash", "collect", WORD, AT(flash.collect), 0, 0, "greedy cost-benefit random", 0 },
	{ "flash", "endurance", NUMBER, AT(flash.endurance), 0, 1000000, NULL, 0 },
	{ "flash", "read_limit", NUMBER, AT(flash.read_limit), 0, 100000000, NULL, 0 },
	{ "flash", "retention_hours", NUMBER, AT(flash.retention_hours), 0, 1000000, NULL, 0 },
	{ "flash", "refresh", WORD, AT(flash.refresh), 0, 0, "on off", 0 },
	{ "flash", "recovery_ms", NUMBER, AT(flash.recovery_ms), 0, 60000, NULL, 0 },
	{ "flash", "wear_spread", NUMBER, AT(flash.wear_spread), 0, 1000000, NULL, 0 },
	{ "flash", "slc_cache", SIZE, AT(flash.slc_cache), 0, 1ull << 40, NULL, 4096 },
	{ "flash", "placements", NUMBER, AT(flash.placements), 1, 16, NULL, 0 },
	{ "flash", "slc_dynamic", NUMBER, AT(flash.slc_dynamic), 0, 90, NULL, 0 },
	{ "flash", "slc_read_us", NUMBER, AT(flash.slc_read_us), 1, 100000, NULL, 0 },
	{ "flash", "slc_program_us", NUMBER, AT(flash.slc_program_us), 1, 1000000, NULL, 0 },
	{ "flash", "slc_erase_us", NUMBER, AT(flash.slc_erase_us), 1, 10000000, NULL, 0 },
	{ "flash", "program_fail_ppm", NUMBER, AT(flash.program_fail_ppm), 0, 1000000, NULL, 0 },
	{ "zones", "size", SIZE, AT(zones.size), 4096, 1ull << 40, NULL, 4096 },
	{ "zones", "capacity", SIZE, AT(zones.capacity), 4096, 1ull << 40, NULL, 4096 },
	{ "zones", "max_open", NUMBER, AT(zones.max_open), 0, 65535, NULL, 0 },
	{ "zones", "max_active", NUMBER, AT(zones.max_active), 0, 65535, NULL, 0 },
	{ "zones", "append_limit", SIZE, AT(zones.append_limit), 0, 1ull << 31, NULL, 4096 },
	{ "zones", "zrwa", SIZE, AT(zones.zrwa), 0, 1ull << 30, NULL, 4096 },
	{ "zones", "zrwa_zones", NUMBER, AT(zones.zrwa_zones), 0, 65535, NULL, 0 },
	{ "zones", "cross_read", YES_NO, AT(zones.cross_read), 0, 0, NULL, 0 },
	{ "zones", "descriptor_bytes", NUMBER, AT(zones.descriptor_bytes), 0, 255 * 64, NULL, 0 },
	{ "fdp", "handles", NUMBER, AT(fdp.handles), 0, SSD_PROFILE_HANDLES, NULL, 0 },
	{ "fdp", "enabled", YES_NO, AT(fdp.enabled), 0, 0, NULL, 0 },
	{ "fdp", "time_limit_s", NUMBER, AT(fdp.time_limit_s), 0, 1u << 24, NULL, 0 },
	{ "temperature", "idle_c", NUMBER, AT(heat.idle_c), 1, 120, NULL, 0 },
	{ "temperature", "load_c", NUMBER, AT(heat.load_c), 0, 100, NULL, 0 },
	{ "temperature", "load_mb_s", NUMBER, AT(heat.load_mb_s), 1, 100000, NULL, 0 },
	{ "temperature", "settle_s", NUMBER, AT(heat.settle_s), 1, 100000, NULL, 0 },
	{ "temperature", "warning_c", NUMBER, AT(heat.warning_c), 1, 120, NULL, 0 },
	{ "temperature", "critical_c", NUMBER, AT(heat.critical_c), 1, 120, NULL, 0 },
};
static_assert(UT_ARRAY_LEN(keys) <= 128, "a bit each in struct parse");

struct parse {
	const char *file, *at, *end;
	uint32_t line;
	uint64_t seen[2]; /* a bit a key */
	struct ssd_profile p;
	bool failed;
	char *err;
	size_t errlen;
};

/* Only what is wrong first is told. */
static int __attribute__((format(printf, 2, 3))) bad(struct parse *p, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (p->failed)
		return 0;
	p->failed = true;
	n = snprintf(p->err, p->errlen, "%s:%u: ", p->file, p->line);
	va_start(ap, fmt);
	if (n > 0 && (size_t)n < p->errlen)
		vsnprintf(p->err + n, p->errlen - (size_t)n, fmt, ap);
	va_end(ap);
	return 0;
}

/* All keys of a section, or all sections, as one text. */
static const char *
names_of(const char *section, char *buf, size_t len)
{
	const char *last = NULL;
	size_t n = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < UT_ARRAY_LEN(keys); i++) {
		const char *name = section ? keys[i].name : keys[i].section;

		if (section ? strcmp(keys[i].section, section) : last && !strcmp(last, name))
			continue;
		last = name;
		if (n + strlen(name) + 2 < len)
			n += (size_t)snprintf(buf + n, len - n, "%s%s", n ? " " : "", name);
	}
	return buf;
}

static int
on_number(struct parse *p, const struct key *k, const char *value, uint32_t *out)
{
	const char *end;
	uint64_t v;

	if (!ut_size(value, &end, &v) || *end || v < k->min || v > k->max)
		return bad(p, "%s = %.60s: expected a number from %llu to %llu", k->name, value,
			   (unsigned long long)k->min, (unsigned long long)k->max);
	*out = (uint32_t)v;
	return 1;
}

static int
on_size(struct parse *p, const struct key *k, const char *value, uint64_t *out)
{
	const char *end;
	uint64_t v;

	if (!ut_size(value, &end, &v) || *end || v < k->min || v > k->max || v % k->step)
		return bad(p, "%s = %.60s: expected a size from %llu to %llu, a multiple of %llu, such as 64M", k->name,
			   value, (unsigned long long)k->min, (unsigned long long)k->max, (unsigned long long)k->step);
	*out = v;
	return 1;
}

static int
on_numbers(struct parse *p, const struct key *k, const char *value, uint32_t *out)
{
	uint32_t n = 0, list[SSD_PROFILE_LEVELS] = { 0 };
	const char *s = value;

	for (;;) {
		uint64_t v;

		s += strspn(s, " ");
		if (n == SSD_PROFILE_LEVELS || !ut_size(s, &s, &v) || v < k->min || v > k->max)
			break;
		list[n++] = (uint32_t)v;
		s += strspn(s, " ");
		if (!*s) {
			memcpy(out, list, sizeof(list));
			return 1;
		}
		if (*s++ != ',')
			break;
	}
	return bad(p, "%s = %.60s: expected 1 to %u numbers from %llu to %llu, with commas", k->name, value,
		   SSD_PROFILE_LEVELS, (unsigned long long)k->min, (unsigned long long)k->max);
}

/* Words that are numbers stand for those, others for their place. */
static int
on_word(struct parse *p, const struct key *k, const char *value, uint32_t *out)
{
	size_t len = strlen(value);
	uint32_t i = 0;

	for (const char *w = k->words; *w; w += strcspn(w, " "), w += *w == ' ', i++) {
		const char *end;
		uint64_t v = k->min + i;

		if (strcspn(w, " ") != len || strncmp(w, value, len))
			continue;
		if (*w >= '0' && *w <= '9')
			ut_size(value, &end, &v);
		*out = (uint32_t)v;
		return 1;
	}
	return bad(p, "%s = %.60s: expected one of: %s", k->name, value, k->words);
}
static_assert(sizeof(enum ssd_profile_media) == 4 && sizeof(enum ssd_profile_set) == 4 &&
		      sizeof(enum ssd_profile_collect) == 4 && sizeof(enum ssd_profile_switch) == 4,
	      "written as a word");

static int
on_words(struct parse *p, const struct key *k, const char *value, uint32_t *out)
{
	const char *s = value;
	uint32_t n;

	*out = 0;
	do {
		char word[32];
		size_t len;

		s += strspn(s, " ");
		len = strcspn(s, ", ");
		snprintf(word, sizeof(word), "%.*s", (int)UT_MIN(len, sizeof(word) - 1), s);
		if (!on_word(p, k, word, &n))
			return 0;
		*out |= 1u << n;
		s += len;
		s += strspn(s, " ");
	} while (*s++ == ',');
	return s[-1] ? bad(p, "%s = %.60s: expected commas between: %s", k->name, value, k->words) : 1;
}

static int
on_yes_no(struct parse *p, const struct key *k, const char *value, bool *out)
{
	if (strcmp(value, "yes") && strcmp(value, "no"))
		return bad(p, "%s = %.60s: expected yes or no", k->name, value);
	*out = !strcmp(value, "yes");
	return 1;
}

static int
on_text(struct parse *p, const struct key *k, const char *value, char *out)
{
	size_t len = strlen(value);

	for (const char *s = value; *s; s++) {
		if (*s < 0x20 || *s > 0x7e)
			return bad(p, "%s: expected printable ASCII characters", k->name);
	}
	if (len > k->max)
		return bad(p, "%s = %.60s: at most %llu characters", k->name, value, (unsigned long long)k->max);
	memcpy(out, value, len + 1);
	return 1;
}

static int
on_value(struct parse *p, const struct key *k, const char *value)
{
	void *out = (char *)&p->p + k->off;

	switch (k->kind) {
	case NUMBER:
		return on_number(p, k, value, out);
	case SIZE:
		return on_size(p, k, value, out);
	case YES_NO:
		return on_yes_no(p, k, value, out);
	case TEXT:
		return on_text(p, k, value, out);
	case WORD:
		return on_word(p, k, value, out);
	case WORDS:
		return on_words(p, k, value, out);
	default:
		return on_numbers(p, k, value, out);
	}
}

static int
on_line(void *user, const char *section, const char *name, const char *value)
{
	struct parse *p = user;
	bool there = false;
	char list[600];

	for (size_t i = 0; i < UT_ARRAY_LEN(keys); i++) {
		if (strcmp(keys[i].section, section))
			continue;
		there = true;
		if (strcmp(keys[i].name, name))
			continue;
		if (p->seen[i / 64] >> (i % 64) & 1)
			return bad(p, "%s is given twice", name);
		p->seen[i / 64] |= 1ull << (i % 64);
		return on_value(p, &keys[i], value);
	}
	if (!there)
		return bad(p, "[%.40s]: no such section; there are: %s", section, names_of(NULL, list, sizeof(list)));
	return bad(p, "%.40s: no such key in [%s]; there are: %s", name, section,
		   names_of(section, list, sizeof(list)));
}

/* What inih reads with: as fgets(), and it counts. */
static char *
next_line(char *buf, int room, void *user)
{
	struct parse *p = user;
	size_t left = (size_t)(p->end - p->at), len;
	const char *nl;

	if (!left || p->failed)
		return NULL;
	nl = memchr(p->at, '\n', left);
	len = nl ? (size_t)(nl - p->at) : left;
	p->line++;
	if (len + 2 > (size_t)room || memchr(p->at, '\0', len)) {
		bad(p, "%s", len + 2 > (size_t)room ? "the line is too long" : "not text");
		return NULL;
	}
	memcpy(buf, p->at, len);
	memcpy(buf + len, "\n", 2);
	p->at += len + (nl != NULL);
	return buf;
}

static uint32_t
listed(const uint32_t *list)
{
	uint32_t n = 0;

	while (n < SSD_PROFILE_LEVELS && list[n])
		n++;
	return n;
}

/* What only all lines together tell. */
static void
check(struct parse *p)
{
	const struct ssd_profile_flash *f = &p->p.flash;
	const struct ssd_profile_zones *z = &p->p.zones;

	p->line = 0;
	if (p->p.namespaces > p->p.max_namespaces)
		bad(p, "[drive] namespaces is more than [limits] namespaces");
	if (p->p.heat.load_c && (!p->p.heat.load_mb_s || !p->p.heat.settle_s))
		bad(p, "[temperature] load_c needs load_mb_s and settle_s");
	if (p->p.heat.warning_c > p->p.heat.critical_c)
		bad(p, "[temperature] warning_c is above critical_c");
	if (p->p.media == SSD_PROFILE_FLASH && (!f->channels || !f->dies || !f->planes || !f->page_size || !f->pages ||
						!f->levels || !f->erase_us || !f->bus_mb_s || !f->spare_percent))
		bad(p,
		    "media = flash needs [flash] channels dies planes page_size pages cell read_us program_us erase_us "
		    "bus_mb_s spare_percent");
	else if (p->p.media == SSD_PROFILE_FLASH &&
		 (listed(f->read_us) != f->levels || listed(f->program_us) != f->levels))
		bad(p, "[flash] read_us and program_us: as many numbers as the cell has bits, %u", f->levels);
	if ((f->slc_cache || f->slc_dynamic) &&
	    (f->levels < 2 || !f->slc_read_us || !f->slc_program_us || !f->slc_erase_us))
		bad(p, "[flash] slc_cache and slc_dynamic need slc_read_us slc_program_us slc_erase_us, and cells of "
		       "more bits");
	if (p->p.set == SSD_PROFILE_ZONED && (!z->size || !z->capacity || z->capacity > z->size))
		bad(p, "command_set = zoned needs [zones] size, and capacity that is not larger");
	if (p->p.fdp.handles &&
	    (p->p.media != SSD_PROFILE_FLASH || p->p.set == SSD_PROFILE_ZONED || f->slc_cache || f->slc_dynamic))
		bad(p, "[fdp] handles need media = flash, without zones and without an SLC cache");
	if (!p->p.fdp.handles && (p->p.fdp.enabled || p->p.fdp.time_limit_s))
		bad(p, "[fdp] enabled and time_limit_s need handles");
	if (z->max_active && z->max_open > z->max_active)
		bad(p, "[zones] max_open is more than max_active");
}

static int
parse(struct parse *p, const char *text, size_t len)
{
	int rc;

	p->at = text;
	p->end = text + len;
	p->line = 0;
	memset(p->seen, 0, sizeof(p->seen));
	rc = ini_parse_stream(next_line, p, on_line, p);
	if (rc && !p->failed) {
		p->line = rc > 0 ? (uint32_t)rc : 0;
		bad(p, "expected [section], or key = value");
	}
	if (!p->failed)
		check(p);
	return p->failed ? -EINVAL : 0;
}

int
ssd_profile_parse(const char *file, const char *text, size_t len, struct ssd_profile *out, char *err, size_t errlen)
{
	struct parse p = { .file = "ram", .err = err, .errlen = errlen };
	const char *base = strrchr(file, '/'), *ram = ssd_profile_shipped("ram");
	int rc = parse(&p, ram, strlen(ram));

	base = base ? base + 1 : file;
	p.file = file;
	p.p.text[0] = '\0';
	snprintf(p.p.name, sizeof(p.p.name), "%.*s", (int)strcspn(base, "."), base);
	if (!rc)
		rc = parse(&p, text, len);
	if (!rc)
		*out = p.p;
	return rc;
}
