/* SPDX-License-Identifier: BSD-3-Clause */
/* Open and close a controller; what it tells about itself. */
#include "host/ctrlr_int.h"

#include <errno.h>
#include <stdlib.h>

#include "util/alloc.h"
#include "util/bits.h"

#define DEFAULT_ADMIN_DEPTH 128u
#define DEFAULT_TIMEOUT_MS 10000u

static int
map_region(struct nvp_region_user *u, struct nvp_region *r)
{
	struct nvp_bus *bus = ut_container_of(u, struct nvp_ctrlr, user)->bus;
	uint64_t iova = r->iova;
	int rc = bus->ops->dma_map(bus, r->va, r->len, r->fd, &iova);

	if (!rc && iova != r->iova) { /* one address for all devices and processes, or none */
		bus->ops->dma_unmap(bus, iova, r->len);
		rc = -EADDRNOTAVAIL;
	}
	return rc;
}

static void
unmap_region(struct nvp_region_user *u, struct nvp_region *r)
{
	struct nvp_bus *bus = ut_container_of(u, struct nvp_ctrlr, user)->bus;

	bus->ops->dma_unmap(bus, r->iova, r->len);
}

static int
memory_up(struct nvp_ctrlr *c)
{
	int rc = nvp_arena_attach(c->arena, &c->user);

	if (rc)
		return rc;
	rc = nvp_arena_alloc(c->arena, NVP_PAGE, 0, &c->page);
	if (rc)
		nvp_arena_detach(c->arena, &c->user);
	return rc;
}

static void
memory_down(struct nvp_ctrlr *c)
{
	ctrlr_adminq_free(c);
	nvp_arena_free(c->arena, &c->page);
	nvp_arena_detach(c->arena, &c->user);
}

static int
check_opts(const struct nvp_ctrlr *c)
{
	/* AQA has 12 bits, 0's based; NVMe Base, "Admin Queue Attributes". */
	if (c->opts.admin_depth < 2 || c->opts.admin_depth > 4096)
		return ctrlr_fail(c, -EINVAL, "an admin queue has 2 to 4096 entries, not %u", c->opts.admin_depth);
	return 0;
}

static int
ctrlr_start(struct nvp_ctrlr *c)
{
	int rc = check_opts(c);

	if (rc)
		return rc;
	rc = memory_up(c);
	if (rc) {
		if (!nvp_bus_error()[0])
			ctrlr_fail(c, rc, "no memory that the device can reach");
		return rc;
	}
	rc = c->opts.no_init ? 0 : ctrlr_bring_up(c);
	if (rc)
		memory_down(c);
	return rc;
}

int
nvp_ctrlr_attach(struct nvp_bus *bus, const struct nvp_ctrlr_opts *opts, struct nvp_ctrlr **out)
{
	struct nvp_ctrlr *c;
	int rc;

	nvp_bus_set_error("%s", "");
	c = ut_calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->bus = bus;
	c->user = (struct nvp_region_user){ .add = map_region, .del = unmap_region };
	if (opts)
		c->opts = *opts;
	c->opts.admin_depth = c->opts.admin_depth ? c->opts.admin_depth : DEFAULT_ADMIN_DEPTH;
	c->timeout_ms = c->opts.timeout_ms ? c->opts.timeout_ms : DEFAULT_TIMEOUT_MS;
	events_init(&c->events);
	c->arena = nvp_arena_default();
	rc = c->arena ? ctrlr_start(c) : -ENOMEM;
	if (rc) {
		free(c);
		return rc;
	}
	*out = c;
	return 0;
}

int
nvp_ctrlr_open(const char *addr, const struct nvp_ctrlr_opts *opts, struct nvp_ctrlr **out)
{
	struct nvp_bus *bus;
	int rc = nvp_bus_open(addr, &bus);

	if (rc)
		return rc;
	rc = nvp_ctrlr_attach(bus, opts, out);
	if (rc) {
		nvp_bus_close(bus);
		return rc;
	}
	(*out)->own_bus = true;
	return 0;
}

void
nvp_ctrlr_close(struct nvp_ctrlr *c)
{
	struct nvp_bus *own;

	if (!c)
		return;
	while (c->ioqs)
		nvp_qpair_delete(c->ioqs, NULL);
	if (c->adminq && !c->gone)
		(void)ctrlr_disable(c);
	if (c->adminq) {
		qpair_abort_begin(c->adminq);
		qpair_abort_finish(c->adminq, true);
	}
	memory_down(c);
	own = c->own_bus ? c->bus : NULL;
	free(c);
	nvp_bus_close(own);
}

/* All queues are completed and created again by the steps of the bring-up themselves. */
int
nvp_ctrlr_reset(struct nvp_ctrlr *c)
{
	struct ctrlr_watch *w, *next;
	struct nvp_qpair *q;

	if (c->adminq && c->adminq->in_poll)
		return -EDEADLK;
	for (q = c->ioqs; q; q = q->next)
		if (q->in_poll)
			return -EDEADLK;
	for (w = c->watches; w; w = next) {
		next = w->next; /* it may take itself out of the list */
		w->before_reset(w);
	}
	return ctrlr_bring_up(c);
}

const char *
nvp_error(void)
{
	return nvp_bus_error();
}

struct nvp_qpair *
nvp_ctrlr_adminq(struct nvp_ctrlr *c)
{
	return c->adminq;
}

uint64_t
nvp_ctrlr_cap(const struct nvp_ctrlr *c)
{
	return c->cap;
}

const struct nvme_id_ctrl *
nvp_ctrlr_id(const struct nvp_ctrlr *c)
{
	return &c->id;
}

/* NVMe Base, "Identify Controller": MDTS is a power of two, in units of the smallest page; 0 is no limit. */
uint64_t
nvp_ctrlr_mdts_bytes(const struct nvp_ctrlr *c)
{
	unsigned shift = ctrlr_page_shift(c) + (unsigned)c->id.mdts;

	return c->id.mdts && shift < 64 ? 1ull << shift : UINT64_MAX;
}

struct nvp_bus *
nvp_ctrlr_bus(struct nvp_ctrlr *c)
{
	return c->bus;
}

uint32_t
nvp_ctrlr_timeout_ms(const struct nvp_ctrlr *c)
{
	return c->timeout_ms;
}

/* Of commands submitted from now on, on all queues. */
void
nvp_ctrlr_set_timeout_ms(struct nvp_ctrlr *c, uint32_t ms)
{
	struct nvp_qpair *q;

	c->timeout_ms = ms;
	if (c->adminq)
		nvp_qpair_set_timeout_ms(c->adminq, ms);
	for (q = c->ioqs; q; q = q->next)
		nvp_qpair_set_timeout_ms(q, ms);
}
