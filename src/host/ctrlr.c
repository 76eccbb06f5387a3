/* SPDX-License-Identifier: BSD-3-Clause */
/* Open and close a controller; what it tells about itself. */
#include "host/ctrlr_int.h"
#include "host/logbook.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

	if (rc == -ENODEV || rc == -EPIPE) /* it is gone: no reason for the others to get no memory */
		return 0;
	if (!rc && iova != r->iova) { /* one address for all devices and processes, or none */
		bus->ops->dma_unmap(bus, iova, r->len);
		rc = -EADDRNOTAVAIL;
	}
	r->pinned |= !rc && bus->pins;
	return rc;
}

/* One that does not answer is asked once and not for each region: that would be a timeout each. */
static void
unmap_region(struct nvp_region_user *u, struct nvp_region *r)
{
	struct nvp_ctrlr *c = ut_container_of(u, struct nvp_ctrlr, user);
	int rc = c->still_mapped ? 0 : c->bus->ops->dma_unmap(c->bus, r->iova, r->len);

	c->still_mapped |= rc && rc != -ENODEV && rc != -EPIPE;
}

/*
 * First take our memory from the device, then give it back to the arena.  What a device that neither stopped nor let go
 * may still write to is lost, not used for something else.
 */
static void
ctrlr_end(struct nvp_ctrlr *c)
{
	if (c->mapped)
		nvp_arena_detach(c->arena, &c->user);
	if (c->own_bus) {
		nvp_bus_close(c->bus);
		c->still_mapped = false;
	}
	if (c->adminq) {
		c->adminq->on_device &= c->still_mapped;
		qpair_free(c->adminq);
	}
	ctrlr_limbo_free(c, !c->still_mapped);
	ctrlr_cmb_forget(c);
	free(c);
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
ctrlr_make(struct nvp_bus *bus, const struct nvp_ctrlr_opts *opts, struct nvp_ctrlr **out)
{
	struct nvp_ctrlr *c = ut_calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->bus = bus;
	c->user = (struct nvp_region_user){ .add = map_region, .del = unmap_region };
	if (opts)
		c->opts = *opts;
	c->opts.admin_depth = c->opts.admin_depth ? c->opts.admin_depth : DEFAULT_ADMIN_DEPTH;
	c->timeout_ms = c->opts.timeout_ms ? c->opts.timeout_ms : DEFAULT_TIMEOUT_MS;
	c->log_id = logbook_ctrlr();
	events_init(&c->events);
	c->arena = nvp_arena_default();
	*out = c;
	return c->arena ? 0 : -ENOMEM;
}

int
ctrlr_before_enable(struct nvp_ctrlr *c)
{
	int rc = c->mapped ? 0 : ctrlr_check_disabled(c);

	if (rc || c->mapped)
		return rc == -EBUSY ? 0 : rc;
	return ctrlr_map(c);
}

int
ctrlr_map(struct nvp_ctrlr *c)
{
	int rc = c->mapped ? 0 : nvp_arena_attach(c->arena, &c->user);

	c->mapped = !rc;
	if (rc && !nvp_bus_error()[0])
		ctrlr_fail(c, rc, "no memory that the device can reach: %s", strerror(-rc));
	return rc;
}

int
nvp_ctrlr_attach(struct nvp_bus *bus, const struct nvp_ctrlr_opts *opts, struct nvp_ctrlr **out)
{
	struct nvp_ctrlr *c = NULL;
	int rc;

	nvp_bus_set_error("%s", "");
	rc = ctrlr_make(bus, opts, &c);
	if (!rc)
		rc = check_opts(c);
	if (rc) {
		if (!nvp_bus_error()[0])
			nvp_bus_set_error("%.160s: %s", bus->addr, strerror(-rc));
		free(c);
		return rc;
	}
	rc = c->opts.no_init ? 0 : ctrlr_bring_up(c);
	if (rc) {
		ctrlr_end(c);
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

/* A callback is running. */
static bool
any_in_poll(const struct nvp_ctrlr *c)
{
	const struct nvp_qpair *q;

	if (c->adminq && c->adminq->in_poll)
		return true;
	for (q = c->ioqs; q && !q->in_poll;)
		q = q->next;
	return q;
}

void
nvp_ctrlr_close(struct nvp_ctrlr *c)
{
	if (!c)
		return;
	assert(!any_in_poll(c));
	while (c->ioqs)
		nvp_qpair_delete(c->ioqs, NULL);
	if (c->adminq) {
		if (!c->gone && !ctrlr_disable(c))
			ctrlr_quiet(c);
		qpair_abort_begin(c->adminq);
		qpair_abort_finish(c->adminq, true);
	}
	ctrlr_end(c);
}

int
ctrlr_before_reset(struct nvp_ctrlr *c)
{
	struct ctrlr_watch *w, *next;

	if (any_in_poll(c))
		return -EDEADLK;
	for (w = c->watches; w; w = next) {
		next = w->next; /* it may take itself out of the list */
		w->before_reset(w);
	}
	return 0;
}

/* All queues are completed and created again by the steps of the bring-up themselves. */
static int
reset(struct nvp_ctrlr *c, bool bare)
{
	int rc = ctrlr_before_reset(c);

	if (rc)
		return rc;
	c->bare = bare;
	rc = ctrlr_bring_up(c);
	c->bare = false;
	return rc;
}

int
nvp_ctrlr_reset(struct nvp_ctrlr *c)
{
	return reset(c, false);
}

int
nvp_ctrlr_reset_bare(struct nvp_ctrlr *c)
{
	return reset(c, true);
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
