/* SPDX-License-Identifier: BSD-3-Clause */
/* The part of a "sim:" address after the colon. */
#include "glue/sim_addr.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bus/bus.h"
#include "util/bits.h"
#include "util/size.h"

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

/* One "key=value". */
static int
option(char *text, struct parsed *p)
{
	char *eq = strchr(text, '=');
	const char *end;
	uint64_t v;

	if (!eq)
		return bad("an option is key=value", text);
	*eq = '\0';
	for (size_t i = 0; i < UT_ARRAY_LEN(keys); i++) {
		if (strcmp(keys[i].name, text))
			continue;
		if (!ut_size(eq + 1, &end, &v) || *end || v < keys[i].min || v > keys[i].max)
			return bad("not a possible value", eq + 1);
		memcpy((char *)p + keys[i].off, &v, sizeof(v));
		return 0;
	}
	return bad("unknown key", text);
}

/* As the profile has it. */
static struct parsed
defaults(const struct ssd_config *cfg)
{
	return (struct parsed){
		.size = cfg->profile.capacity,
		.ns = cfg->nr_ns,
		.lba = cfg->profile.lba,
		.seed = 1,
		.queues = cfg->queues,
		.mqes = cfg->mqes,
		.mdts = cfg->mdts,
		.cmb = cfg->cmb_size,
	};
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
sim_parse(const char *addr, struct ssd_config *cfg, bool *nasty)
{
	char text[256], *opts, *one, *save = NULL, err[256] = "";
	struct ssd_profile profile;
	struct parsed p;
	int rc;

	if (strlen(addr) >= sizeof(text))
		return bad("too long", addr);
	strcpy(text, addr);
	opts = strchr(text, '?');
	if (opts)
		*opts++ = '\0';
	if (ssd_profile_find(text[0] ? text : "ram", &profile, err, sizeof(err))) {
		nvp_bus_set_error("sim: %s", err);
		return -EINVAL;
	}
	ssd_profile_apply(&profile, cfg);
	p = defaults(cfg);
	for (one = opts ? strtok_r(opts, "&", &save) : NULL, rc = 0; one && !rc; one = strtok_r(NULL, "&", &save))
		rc = option(one, &p);
	*nasty = p.nasty;
	return rc ? rc : fill(&p, cfg);
}
