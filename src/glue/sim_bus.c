/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A software SSD in this process, seen as a bus.  The driver above and the model below know nothing of each other; in
 * between are function calls, and a clock that only goes on while somebody waits.
 */
#include "nvproof/sim.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "bus/bus.h"
#include "glue/sim_addr.h"
#include "ssd/fault.h"
#include "ssd/ssd.h"
#include "util/alloc.h"
#include "util/bits.h"

#define STEP_COST_NS 100u /* so that no two turns happen at the same instant */
#define IDLE_NS 1000u
#define MAX_JUMP_NS 1000000u /* the driver has deadlines of its own to look at */
#define VECTORS 128u

struct sim_map {
	struct sim_map *next;
	char *va;
	uint64_t iova, len;
};

struct sim_bus {
	struct nvp_bus base;
	struct ut_clock clock;
	uint64_t now_ns;
	struct ssd_subsys *sub;
	struct ssd *ssd;
	struct sim_map *maps;
	int irq[VECTORS]; /* eventfd + 1; 0: nobody asked for this vector */
};

static struct sim_bus *
of(struct nvp_bus *bus)
{
	return ut_container_of(bus, struct sim_bus, base);
}

/* The edge of the model: what it does to its host. */
static void *
port_map(void *port, uint64_t addr, uint64_t len)
{
	const struct sim_bus *s = port;

	for (const struct sim_map *m = s->maps; m; m = m->next)
		if (addr >= m->iova && addr - m->iova <= m->len && len <= m->len - (addr - m->iova))
			return m->va + (addr - m->iova);
	return NULL;
}

static int
port_read(void *port, uint64_t addr, void *buf, uint32_t len)
{
	const void *va = port_map(port, addr, len);

	if (!va)
		return -EFAULT;
	memcpy(buf, va, len);
	return 0;
}

static int
port_write(void *port, uint64_t addr, const void *buf, uint32_t len)
{
	void *va = port_map(port, addr, len);

	if (!va)
		return -EFAULT;
	memcpy(va, buf, len);
	return 0;
}

static void
port_irq(void *port, uint16_t vector)
{
	const struct sim_bus *s = port;
	uint64_t one = 1;

	if (vector < VECTORS && s->irq[vector])
		(void)!write(s->irq[vector] - 1, &one, sizeof(one));
}

static const struct ssd_port_ops port_ops = {
	.mem_read = port_read,
	.mem_write = port_write,
	.mem_map = port_map,
	.irq = port_irq,
};

/*
 * One turn: the device works; when there is nothing to do, time jumps to the next instant at which there is, but not
 * past `end`.
 */
static void
turn(struct sim_bus *s, uint64_t end)
{
	uint64_t next = ssd_step(s->ssd, s->now_ns), jump = IDLE_NS;

	if (ssd_was_busy(s->ssd))
		jump = STEP_COST_NS;
	else if (next > s->now_ns && next - s->now_ns <= MAX_JUMP_NS) /* what is farther away is nothing to wait for */
		jump = next - s->now_ns;
	s->now_ns += UT_MIN(jump, end - s->now_ns);
}

/* The longer nothing happened, the larger the steps: a timeout of seconds takes thousands of turns, not millions. */
static void
sim_relax(struct ut_clock *clk, uint32_t idle)
{
	struct sim_bus *s = ut_container_of(clk, struct sim_bus, clock);
	uint64_t slow = UT_MIN((uint64_t)IDLE_NS << UT_MIN(idle / 16, 10u), MAX_JUMP_NS), before = s->now_ns;

	turn(s, UINT64_MAX);
	if (s->now_ns - before == IDLE_NS)
		s->now_ns = before + slow;
}

static int
start_ssd(struct sim_bus *s, const struct ssd_config *cfg, bool nasty)
{
	char err[256] = "";
	int rc = ssd_subsys_open(cfg, &s->sub, err, sizeof(err));

	if (rc) {
		nvp_bus_set_error("sim: %s", err[0] ? err : strerror(-rc));
		return rc;
	}
	rc = ssd_ctrlr_open(s->sub, &port_ops, s, NULL, &s->ssd);
	if (!rc && nasty)
		rc = ssd_fault_nasty(s->sub, cfg->seed, err, sizeof(err));
	if (rc)
		ssd_subsys_close(s->sub);
	return rc;
}

static int
sim_open(const char *addr, struct nvp_bus **bus)
{
	struct ssd_config cfg = { 0 };
	struct sim_bus *s;
	bool nasty;
	int rc = sim_parse(addr, &cfg, &nasty);

	if (rc)
		return rc;
	s = ut_calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->clock = (struct ut_clock){ .virtual_ns = &s->now_ns, .mult = 1ull << UT_CLOCK_SHIFT, .relax = sim_relax };
	s->base.clock = &s->clock;
	rc = start_ssd(s, &cfg, nasty);
	if (rc) {
		free(s);
		return rc;
	}
	*bus = &s->base;
	return 0;
}

static void
sim_close(struct nvp_bus *bus)
{
	struct sim_bus *s = of(bus);
	struct sim_map *m;

	ssd_subsys_close(s->sub);
	while ((m = s->maps)) {
		s->maps = m->next;
		free(m);
	}
	for (size_t i = 0; i < VECTORS; i++)
		if (s->irq[i])
			close(s->irq[i] - 1);
	free(s);
}

static int
sim_cfg_read(struct nvp_bus *bus, uint32_t off, void *buf, uint32_t len)
{
	if (off > SSD_CFG_SIZE || len > SSD_CFG_SIZE - off)
		return -EINVAL;
	ssd_cfg_read(of(bus)->ssd, off, buf, len);
	return 0;
}

static int
sim_cfg_write(struct nvp_bus *bus, uint32_t off, const void *buf, uint32_t len)
{
	if (off > SSD_CFG_SIZE || len > SSD_CFG_SIZE - off)
		return -EINVAL;
	ssd_cfg_write(of(bus)->ssd, off, buf, len);
	return 0;
}

static bool
register_access(int bar, uint64_t off, uint32_t len)
{
	return bar == 0 && off <= SSD_BAR_SIZE && len <= SSD_BAR_SIZE - off && len && len <= 8 && !(len & (len - 1));
}

static int
sim_bar_read(struct nvp_bus *bus, int bar, uint64_t off, void *buf, uint32_t len)
{
	uint64_t v;

	if (!register_access(bar, off, len))
		return -EINVAL;
	v = htole64(ssd_bar_read(of(bus)->ssd, (uint32_t)off, (int)len));
	memcpy(buf, &v, len);
	return 0;
}

static int
sim_bar_write(struct nvp_bus *bus, int bar, uint64_t off, const void *buf, uint32_t len)
{
	uint64_t v = 0;

	if (!register_access(bar, off, len))
		return -EINVAL;
	memcpy(&v, buf, len);
	ssd_bar_write(of(bus)->ssd, (uint32_t)off, (int)len, le64toh(v));
	return 0;
}

static void *
cmb_map(struct nvp_bus *bus, uint64_t off, uint64_t len)
{
	uint64_t size;
	char *cmb = ssd_cmb(of(bus)->ssd, &size);

	return cmb && off <= size && len <= size - off ? cmb + off : NULL;
}

static void *
sim_bar_map(struct nvp_bus *bus, int bar, uint64_t off, uint64_t len)
{
	if (bar == SSD_CMB_BAR)
		return cmb_map(bus, off, len);
	if (bar || off < SSD_BAR_DB || off - SSD_BAR_DB > SSD_BAR_DB_SIZE || len > SSD_BAR_DB_SIZE - (off - SSD_BAR_DB))
		return NULL;
	return (char *)ssd_doorbells(of(bus)->ssd) + (off - SSD_BAR_DB);
}

/* Nothing to share: this SSD works only while this process waits. */
static int
sim_bar_fd(struct nvp_bus *bus, int bar, uint64_t off, uint64_t *fd_off)
{
	(void)bus, (void)bar, (void)off, (void)fd_off;
	return -ENOTSUP;
}

static int
sim_dma_map(struct nvp_bus *bus, void *va, uint64_t len, int fd, uint64_t *iova)
{
	struct sim_bus *s = of(bus);
	struct sim_map *m = ut_calloc(1, sizeof(*m));

	(void)fd;
	if (!m)
		return -ENOMEM;
	*m = (struct sim_map){ .next = s->maps, .va = va, .iova = *iova, .len = len };
	s->maps = m;
	ssd_port_changed(s->ssd);
	return 0;
}

static int
sim_dma_unmap(struct nvp_bus *bus, uint64_t iova, uint64_t len)
{
	struct sim_bus *s = of(bus);
	struct sim_map **at = &s->maps, *m;

	while (*at && ((*at)->iova != iova || (*at)->len != len))
		at = &(*at)->next;
	m = *at;
	if (!m)
		return -ENOENT;
	*at = m->next;
	free(m);
	ssd_port_changed(s->ssd);
	return 0;
}

static int
sim_irq_fd(struct nvp_bus *bus, uint16_t vector)
{
	struct sim_bus *s = of(bus);
	int fd;

	if (vector >= VECTORS)
		return -EINVAL;
	if (s->irq[vector])
		return s->irq[vector] - 1;
	fd = ut_alloc_spend() ? -1 : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0)
		return -ENOMEM;
	s->irq[vector] = fd + 1;
	return fd;
}

static int
sim_reset(struct nvp_bus *bus, enum nvp_reset kind)
{
	(void)kind; /* the link in between is imaginary: all of them reset the function */
	ssd_function_reset(of(bus)->ssd);
	return 0;
}

static const struct nvp_bus_ops sim_bus_ops = {
	.name = "sim",
	.has_msi = true,
	.open = sim_open,
	.close = sim_close,
	.cfg_read = sim_cfg_read,
	.cfg_write = sim_cfg_write,
	.bar_read = sim_bar_read,
	.bar_write = sim_bar_write,
	.bar_map = sim_bar_map,
	.bar_fd = sim_bar_fd,
	.dma_map = sim_dma_map,
	.dma_unmap = sim_dma_unmap,
	.irq_fd = sim_irq_fd,
	.reset = sim_reset,
};

int
nvp_sim_register(void)
{
	int rc = nvp_bus_register(&sim_bus_ops);

	return rc == -EEXIST ? 0 : rc;
}

struct ssd *
nvp_sim_ssd(struct nvp_bus *bus)
{
	return bus->ops == &sim_bus_ops ? of(bus)->ssd : NULL;
}

struct ssd_subsys *
nvp_sim_subsys(struct nvp_bus *bus)
{
	return bus->ops == &sim_bus_ops ? of(bus)->sub : NULL;
}

int
nvp_sim_fault_add(struct nvp_bus *bus, const char *rule, uint32_t *id, char *err, size_t errlen)
{
	struct ssd_subsys *sub = nvp_sim_subsys(bus);

	return sub ? ssd_fault_add(sub, rule, id, err, errlen) : -ENOTSUP;
}

uint32_t
nvp_sim_fault_clear(struct nvp_bus *bus, uint32_t id)
{
	struct ssd_subsys *sub = nvp_sim_subsys(bus);

	return sub ? ssd_fault_clear(sub, id) : 0;
}

bool
nvp_sim_fault(struct nvp_bus *bus, uint32_t i, struct nvp_sim_fault *out)
{
	struct ssd_subsys *sub = nvp_sim_subsys(bus);
	struct ssd_fault_state st;

	if (!sub || !ssd_fault_state(sub, i, &st))
		return false;
	static_assert(sizeof(out->rule) == sizeof(st.text), "a rule");
	out->id = st.id;
	out->seen = st.seen;
	out->hits = st.hits;
	memcpy(out->rule, st.text, sizeof(st.text));
	return true;
}

int
nvp_sim_power(struct nvp_bus *bus, bool on)
{
	if (bus->ops != &sim_bus_ops)
		return -ENOTSUP;
	(on ? ssd_power_on : ssd_power_off)(of(bus)->sub);
	return 0;
}

uint64_t
nvp_sim_now_ns(struct nvp_bus *bus)
{
	return bus->ops == &sim_bus_ops ? of(bus)->now_ns : 0;
}

void
nvp_sim_run(struct nvp_bus *bus, uint64_t ns)
{
	struct sim_bus *s = of(bus);
	uint64_t end = s->now_ns + ns;

	while (bus->ops == &sim_bus_ops && s->now_ns < end)
		turn(s, end);
}
