/* SPDX-License-Identifier: BSD-3-Clause */
/* The part of a "sim:" address after the colon. */
#include "glue/sim_addr.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bus/bus.h"
#include "util/bits.h"

#define NOT_GIVEN UINT64_MAX

struct parsed {
	uint64_t nasty, size, ns, lba, seed, queues, mqes, mdts, cmb;
};

static const struct key {
	const char *name;
	size_t off;
	uint64_t min, max;
} keys[] = {
	{ "nasty", offsetof(struct parsed, nasty), 0, 1 },
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
	nvp_bus_set_error("sim: %s: \"%.100s\" "
			  "(sim:[PROFILE][?size=1G&ns=1&lba=512&seed=7&queues=..&mqes=..&mdts=..&cmb=..&nasty=1])",
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

/* What the address does not say is as the profile has it. */
static int
fill(const struct parsed *p, const struct ssd_profile *profile, struct ssd_config *cfg)
{
	uint64_t size = p->size ? p->size : profile->capacity, lba = p->lba ? p->lba : profile->lba;

	if (lba != 512 && lba != 4096)
		return bad("lba is 512 or 4096", "lba");
	ssd_profile_apply(profile, cfg);
	cfg->nr_ns = p->ns ? (uint32_t)p->ns : profile->namespaces;
	for (uint32_t i = 0; i < cfg->nr_ns; i++)
		cfg->ns[i] = (struct ssd_ns_config){ .size = size, .lba_size = (uint32_t)lba };
	cfg->queues = p->queues ? (uint16_t)p->queues : cfg->queues;
	cfg->mqes = p->mqes ? (uint16_t)p->mqes : cfg->mqes;
	cfg->mdts = p->mdts ? (uint8_t)p->mdts : cfg->mdts;
	cfg->seed = p->seed;
	cfg->cmb_size = p->cmb == NOT_GIVEN ? cfg->cmb_size : p->cmb;
	return 0;
}

int
sim_parse(const char *addr, struct ssd_config *cfg, bool *nasty)
{
	struct parsed p = { .seed = 1, .cmb = NOT_GIVEN };
	char text[256], *opts, *one, *save = NULL, err[256] = "";
	struct ssd_profile profile;
	int rc;

	if (strlen(addr) >= sizeof(text))
		return bad("too long", addr);
	strcpy(text, addr);
	opts = strchr(text, '?');
	if (opts)
		*opts++ = '\0';
	rc = ssd_profile_find(text[0] ? text : "ram", &profile, err, sizeof(err));
	if (rc) {
		nvp_bus_set_error("sim: %s", err);
		return -EINVAL;
	}
	for (one = opts ? strtok_r(opts, "&", &save) : NULL; one && !rc; one = strtok_r(NULL, "&", &save))
		rc = option(one, &p);
	*nasty = p.nasty;
	return rc ? rc : fill(&p, &profile, cfg);
}
