/* SPDX-License-Identifier: BSD-3-Clause */
/* The part of a "sim:" address after the colon. */
#include "glue/sim_addr.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bus/bus.h"
#include "util/bits.h"

#define DEFAULT_SIZE (1ull << 30)
#define DEFAULT_CMB (1ull << 20)

struct parsed {
	uint64_t size, ns, lba, seed, queues, mqes, mdts, cmb;
};

static const struct key {
	const char *name;
	size_t off;
	uint64_t min, max;
} keys[] = {
	{ "size", offsetof(struct parsed, size), 4096, 1ull << 50 },
	{ "ns", offsetof(struct parsed, ns), 1, SSD_MAX_NAMESPACES },
	{ "lba", offsetof(struct parsed, lba), 512, 4096 },
	{ "seed", offsetof(struct parsed, seed), 0, UINT64_MAX },
	{ "queues", offsetof(struct parsed, queues), 1, SSD_MAX_QUEUES - 1 },
	{ "mqes", offsetof(struct parsed, mqes), 1, UINT16_MAX },
	{ "mdts", offsetof(struct parsed, mdts), 1, 9 },
	{ "cmb", offsetof(struct parsed, cmb), 0, SSD_CMB_MAX },
};

static int
bad(const char *what, const char *text)
{
	nvp_bus_set_error(
		"sim: %s: \"%.100s\" (sim:[ram|null][?size=1G&ns=1&lba=512&seed=7&queues=..&mqes=..&mdts=..&cmb=..])",
		what, text);
	return -EINVAL;
}

/* A decimal or 0x number with an optional K, M, G or T.  false: not a number, or too large. */
static bool
number(const char *s, uint64_t *out)
{
	static const char units[] = "KMGT";
	const char *unit;
	char *end;
	unsigned long long v;

	if (*s < '0' || *s > '9') /* strtoull() takes signs and blanks */
		return false;
	errno = 0;
	v = strtoull(s, &end, 0);
	if (errno)
		return false;
	unit = *end ? strchr(units, *end) : NULL;
	if (unit) {
		unsigned shift = 10u * (unsigned)(unit - units + 1);

		if (v > UINT64_MAX >> shift)
			return false;
		v <<= shift;
		end++;
	}
	*out = v;
	return *end == '\0';
}

/* One "key=value". */
static int
option(char *text, struct parsed *p)
{
	char *eq = strchr(text, '=');
	uint64_t v;

	if (!eq)
		return bad("an option is key=value", text);
	*eq = '\0';
	for (size_t i = 0; i < UT_ARRAY_LEN(keys); i++) {
		if (strcmp(keys[i].name, text))
			continue;
		if (!number(eq + 1, &v) || v < keys[i].min || v > keys[i].max)
			return bad("not a possible value", eq + 1);
		memcpy((char *)p + keys[i].off, &v, sizeof(v));
		return 0;
	}
	return bad("unknown key", text);
}

static int
profile(const char *name, struct ssd_config *cfg)
{
	if (!*name || !strcmp(name, "ram"))
		cfg->media = SSD_MEDIA_RAM;
	else if (!strcmp(name, "null"))
		cfg->media = SSD_MEDIA_NULL;
	else if (strlen(name) < sizeof(cfg->profile)) {
		cfg->media = SSD_MEDIA_FLASH; /* whether there is such a profile is the drive's to say */
		strcpy(cfg->profile, name);
	} else
		return bad("unknown profile", name);
	return 0;
}

static int
fill(const struct parsed *p, struct ssd_config *cfg)
{
	if (p->lba != 512 && p->lba != 4096)
		return bad("lba is 512 or 4096", "lba");
	cfg->nr_ns = (uint32_t)p->ns;
	for (uint32_t i = 0; i < cfg->nr_ns; i++)
		cfg->ns[i] = (struct ssd_ns_config){ .size = p->size, .lba_size = (uint32_t)p->lba };
	cfg->queues = (uint16_t)p->queues;
	cfg->mqes = (uint16_t)p->mqes;
	cfg->mdts = (uint8_t)p->mdts;
	cfg->seed = p->seed;
	cfg->cmb_size = p->cmb;
	return 0;
}

int
sim_parse(const char *addr, struct ssd_config *cfg)
{
	struct parsed p = { .size = DEFAULT_SIZE, .ns = 1, .lba = 512, .seed = 1, .cmb = DEFAULT_CMB };
	char text[256], *opts, *one, *save = NULL;
	int rc;

	if (strlen(addr) >= sizeof(text))
		return bad("too long", addr);
	strcpy(text, addr);
	opts = strchr(text, '?');
	if (opts)
		*opts++ = '\0';
	rc = profile(text, cfg);
	for (one = opts ? strtok_r(opts, "&", &save) : NULL; one && !rc; one = strtok_r(NULL, "&", &save))
		rc = option(one, &p);
	return rc ? rc : fill(&p, cfg);
}
