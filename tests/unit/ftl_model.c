/* SPDX-License-Identifier: BSD-3-Clause */
#include "ftl_model.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct ftl_config
model_config(void)
{
	return (struct ftl_config){
		.units = MODEL_UNITS,
		.nand = {
			.channels = 2, .dies = 2, .blocks = 25, .pages = 8, .units = 4, .levels = 3,
			.read_ns = { 40000, 50000, 60000 },
			.program_ns = { 300000, 400000, 700000 },
			.erase_ns = 3 * MS, .suspend_ns = 5000, .unit_ns = 3400,
		},
	};
}

static void __attribute__((format(printf, 2, 3))) check(bool ok, const char *fmt, ...)
{
	va_list ap;

	if (ok)
		return;
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	_exit(1);
}

static void
may_be(struct model *m, uint32_t u, uint32_t version)
{
	m->since[u] = realloc(m->since[u], (m->nr_since[u] + 1) * sizeof(uint32_t));
	check(m->since[u] != NULL, "no memory");
	m->since[u][m->nr_since[u]++] = version;
	m->last[u] = version;
}

static void
fill(uint8_t *to, uint32_t u, uint32_t version)
{
	for (uint32_t i = 0; i < NAND_UNIT; i += 8) {
		memcpy(to + i, &u, 4);
		memcpy(to + i + 4, &version, 4);
	}
}

static uint32_t
version_of(const uint8_t *from, uint32_t u)
{
	uint32_t version, word;

	if (!from)
		return 0;
	memcpy(&version, from + 4, 4);
	for (uint32_t i = 0; i < NAND_UNIT; i += 8) {
		memcpy(&word, from + i, 4);
		check(word == (version ? u : 0), "unit %u holds what belongs to unit %u", u, word);
		memcpy(&word, from + i + 4, 4);
		check(word == version, "unit %u is a mix of versions %u and %u", u, version, word);
	}
	return version;
}

void
model_open(struct model *m, const struct ftl_config *cfg, uint64_t seed)
{
	*m = (struct model){ 0 };
	ut_rng_seed(&m->rng, seed);
	m->cuts = 1 + (uint32_t)ut_rng_below(&m->rng, 20);
	m->flushes = (uint32_t)ut_rng_below(&m->rng, 12);
	m->trims = 10 + (uint32_t)ut_rng_below(&m->rng, 60);
	check(!ftl_open(cfg, &m->f), "the FTL does not open");
}

void
model_close(struct model *m)
{
	for (uint32_t u = 0; u < MODEL_UNITS; u++)
		free(m->since[u]);
	free(m->group);
	ftl_close(m->f);
}

void
model_write(struct model *m, uint32_t u, bool whole)
{
	uint32_t place = (u % 7 ? u : m->version) % ftl_places(&m->f->cfg), was; /* some move from place to place */
	uint64_t due = m->now;
	uint8_t *to;

	if (m->f->cfg.places && u % 61 == 7)
		ftl_place_end(m->f, m->now, u % m->f->cfg.places, &due);
	to = ftl_write(m->f, m->now, u, whole ? NAND_UNIT : NAND_UNIT / 2, place, &due);

	if (!to && (ftl_health(m->f).read_only || m->ended)) {
		m->ended = true;
		return;
	}
	check(to != NULL, "no space for unit %u", u);
	was = version_of(to, u); /* whatever is not written of it stays */
	check(was == m->last[u], "unit %u: version %u is changed, not %u", u, was, m->last[u]);
	fill(to, u, ++m->version);
	may_be(m, u, m->version);
}

static void
write_one_of(struct model *m, uint32_t u, uint32_t place, uint32_t version)
{
	uint64_t due = m->now;
	uint8_t *to = ftl_write(m->f, m->now, u, NAND_UNIT, place, &due);

	if (!to && (ftl_health(m->f).read_only || m->ended)) {
		m->ended = true;
		return;
	}
	check(to != NULL, "no space for unit %u", u);
	fill(to, u, version);
	may_be(m, u, version);
}

/* As many as a page has, from u on and somewhere else. */
void
model_write_together(struct model *m, uint32_t u)
{
	struct model_group g = { .version = ++m->version };
	uint32_t n = 1 + (uint32_t)ut_rng_below(&m->rng, m->f->nand->cfg.units), other = n > 1 ? u & 1 : 0;
	uint32_t place = m->version % ftl_places(&m->f->cfg);
	uint64_t due = m->now;

	g.range[0] = (struct ftl_range){ UT_MIN(u, MODEL_UNITS - n), n - other };
	g.range[1] = (struct ftl_range){ (u + MODEL_UNITS / 2) % MODEL_UNITS, other };
	if (!ftl_together(m->f, m->now, g.range, 2, place, &due))
		check(ftl_health(m->f).read_only || m->ended, "no space for %u units", n);
	for (uint32_t r = 0; r < 2; r++) {
		for (uint32_t i = 0; i < g.range[r].count; i++)
			write_one_of(m, g.range[r].unit + i, place, g.version);
	}
	ftl_apart(m->f);
	m->group = realloc(m->group, (m->nr_groups + 1) * sizeof(g));
	check(m->group != NULL, "no memory");
	m->group[m->nr_groups++] = g;
}

void
model_read(struct model *m, uint32_t u)
{
	uint64_t due = m->now;
	uint32_t version = version_of(ftl_read(m->f, m->now, u, &due), u);

	check(version == m->last[u], "unit %u reads as version %u, not %u", u, version, m->last[u]);
}

void
model_trim(struct model *m, uint32_t u, uint32_t n)
{
	uint64_t due = m->now;

	ftl_trim(m->f, m->now, u, n, &due);
	for (uint32_t i = u; i < u + n; i++)
		may_be(m, i, 0);
}

/* What is there now survives. */
static void
all_safe(struct model *m)
{
	for (uint32_t u = 0; u < MODEL_UNITS; u++) {
		m->safe[u] = m->last[u];
		m->nr_since[u] = 0;
	}
	m->nr_groups = 0;
}

void
model_flush(struct model *m)
{
	uint64_t due = m->now;

	check(ftl_flush(m->f, m->now, &due), "no space to flush");
	m->now = due;
	all_safe(m);
}

static bool
allowed(const struct model *m, uint32_t u, uint32_t version)
{
	bool ok = version == m->safe[u];

	for (uint32_t i = 0; i < m->nr_since[u] && !ok; i++)
		ok = m->since[u][i] == version;
	return ok;
}

/* Whether what is there of this unit was written (1), overwritten or trimmed later (0), or is what was there before (-1). */
static int
survived(const struct model *m, uint32_t u, uint32_t version)
{
	uint32_t i = m->nr_since[u];

	if (m->last[u] == version)
		return 1;
	while (i && m->since[u][i - 1] != version) {
		if (m->since[u][--i] == m->last[u])
			return 0;
	}
	return -1;
}

static void
check_groups(const struct model *m)
{
	for (uint32_t n = 0; n < m->nr_groups && !m->ended; n++) {
		const struct model_group *g = &m->group[n];
		bool is = false, was = false;

		for (uint32_t r = 0; r < 2; r++) {
			for (uint32_t i = 0; i < g->range[r].count; i++) {
				int s = survived(m, g->range[r].unit + i, g->version);

				is |= s > 0;
				was |= s < 0;
			}
		}
		check(!is || !was, "units from %u survive in part: version %u", g->range[0].unit, g->version);
	}
}

/* Wear is what the NAND went through: it only grows. */
static void
check_wear(struct model *m)
{
	const struct nand *n = ftl_nand(m->f);
	uint64_t sum = 0;

	for (uint32_t b = 0; b < n->nr_blocks; b++)
		sum += n->wear[b];
	check(sum >= m->erases && sum >= ftl_stats(m->f)->collected, "blocks were erased %llu times, wear says %llu",
	      (unsigned long long)ftl_stats(m->f)->collected, (unsigned long long)sum);
	m->erases = sum;
}

void
model_power_cut(struct model *m)
{
	ftl_power_off(m->f, m->now);
	ftl_power_on(m->f);
	for (uint32_t u = 0; u < MODEL_UNITS; u++) {
		uint64_t due = m->now;
		uint32_t version = version_of(ftl_read(m->f, m->now, u, &due), u);

		check(allowed(m, u, version), "unit %u: version %u after the power loss; safe was %u, last %u", u,
		      version, m->safe[u], m->last[u]);
		m->last[u] = version;
	}
	check_groups(m);
	check_wear(m);
	all_safe(m);
}

/*
 * Rule 3 of ftl.h: units of which an old version lies among others that stay, and the newest in blocks that a trim empties.
 * When those are erased, a power loss must not bring back what is older than both.
 */
void
model_trim_empties_blocks(struct model *m)
{
	for (uint32_t u = 0; u < 400; u++)
		model_write(m, u, true);
	for (uint32_t i = 0; i < 2 * 400; i += 2) /* twice: the second time fills whole blocks of each die */
		model_write(m, i % 400, true);
	model_flush(m);
	for (uint32_t u = 0; u < 400; u += 2)
		model_trim(m, u, 1);
	for (uint32_t i = 0; i < 20; i++)
		ftl_advance(m->f, m->now += 5 * MS);
	model_power_cut(m);
}

/*
 * Rule 2 of ftl.h: units are overwritten in the order in which they lie, so that blocks become empty, and the power goes just
 * after a program failed: what it replaced must still be there.
 */
static bool
empties_a_block(const struct model *m)
{
	const struct ftl *f = m->f;
	uint32_t units = f->nand->cfg.units, at = f->nr_dirty >= units ? f->map[f->slot[f->first].unit] : NAND_NONE;

	return at != NAND_NONE && f->block[ftl_block_of(f, at)].valid <= units;
}

void
model_programs_fail(struct model *m)
{
	for (uint32_t round = 0; round < 6; round++) {
		uint64_t was = ftl_nand(m->f)->stats.failed_programs;
		uint32_t at = (uint32_t)ut_rng_below(&m->rng, 300);

		for (uint32_t u = 0; u < 400; u++)
			model_write(m, u, true);
		model_flush(m);
		ftl_advance(m->f, m->now += 100 * MS);
		for (uint32_t i = 0; i < 4000 && ftl_nand(m->f)->stats.failed_programs == was; i++) {
			if (i >= at && !m->f->nand->failing && empties_a_block(m))
				ftl_fail(m->f, NAND_PROGRAM);
			model_write(m, i % 400, true);
			ftl_advance(m->f, m->now += 250000);
		}
		ftl_advance(m->f, m->now += ut_rng_below(&m->rng, 300000));
		model_power_cut(m);
	}
}

static void
point(const struct ftl *f, uint32_t *valid, const uint32_t *at, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (at[i] != NAND_NONE)
			valid[ftl_block_of(f, at[i])]++;
	}
}

void
model_recount(const struct model *m)
{
	const struct ftl *f = m->f;
	uint32_t *valid = calloc(f->nand->nr_blocks, sizeof(valid[0]));

	check(valid != NULL, "no memory");
	point(f, valid, f->map, f->cfg.units);
	point(f, valid, f->map_at, f->nr_parts);
	point(f, valid, f->map_was, f->nr_parts);
	point(f, valid, f->journal, f->nr_journal);
	point(f, valid, &f->root, 1);
	for (uint32_t b = 0; b < f->nand->nr_blocks; b++)
		check(valid[b] == f->block[b].valid, "block %u counts %u valid units, %u are", b, f->block[b].valid,
		      valid[b]);
	free(valid);
}

/* Some are written far more often than others. */
static uint32_t
any_unit(struct model *m)
{
	bool hot = !ut_rng_below(&m->rng, 4);

	return (uint32_t)ut_rng_below(&m->rng, hot ? MODEL_UNITS / 16 : MODEL_UNITS);
}

void
model_step(struct model *m)
{
	uint32_t dice = (uint32_t)ut_rng_below(&m->rng, 1000), u = any_unit(m);

	if (dice < m->cuts)
		model_power_cut(m);
	else if (dice < m->cuts + m->flushes)
		model_flush(m);
	else if (dice < m->cuts + m->flushes + m->trims)
		model_trim(m, u, (uint32_t)(1 + ut_rng_below(&m->rng, UT_MIN(dice & 7 ? 16 : 800, MODEL_UNITS - u))));
	else if (dice < 300)
		model_read(m, u);
	else if (dice < 500)
		model_write_together(m, u);
	else
		model_write(m, u, dice < 900);
	if (!(++m->steps % 256))
		model_recount(m);
	if (m->stands)
		return;
	m->now += ut_rng_below(&m->rng, 8) ? ut_rng_below(&m->rng, 20000) : ut_rng_below(&m->rng, 2 * MS);
}
