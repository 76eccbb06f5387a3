/* SPDX-License-Identifier: BSD-3-Clause */
/* The bus "0000:01:00.0": a PCIe function through VFIO. */
#include "bus/vfio.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "util/alloc.h"
#include "util/bits.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct vfio_bus *all; /* open in this process */
static pid_t owner; /* whose list that is: a forked child begins with none */

static void
vfio_free(struct vfio_bus *b)
{
	vfio_unmap_windows(b);
	vfio_irq_free(b);
	vfio_detach(b);
	pthread_mutex_destroy(&b->setup);
	free(b);
}

static void
vfio_close(struct nvp_bus *bus)
{
	struct vfio_bus *b = ut_container_of(bus, struct vfio_bus, base), **at = &all;

	pthread_mutex_lock(&lock);
	while (*at && *at != b)
		at = &(*at)->next;
	if (*at)
		*at = b->next;
	pthread_mutex_unlock(&lock);
	vfio_free(b);
}

/* Twice in one process would be two drivers on one controller. */
static int
enlist(struct vfio_bus *b)
{
	const struct vfio_bus *o;

	pthread_mutex_lock(&lock);
	if (owner != getpid())
		all = NULL;
	owner = getpid();
	for (o = all; o && strcmp(o->addr.bdf, b->addr.bdf);)
		o = o->next;
	if (!o) {
		b->next = all;
		all = b;
	}
	pthread_mutex_unlock(&lock);
	if (!o)
		return 0;
	nvp_bus_set_error("%s: is open in this process already", b->addr.bdf);
	return -EBUSY;
}

static int
bring_in(struct vfio_bus *b)
{
	int rc = vfio_check_bound(b->addr.bdf);

	if (!rc)
		rc = vfio_attach(b);
	return rc ? rc : vfio_probe(b);
}

static int
vfio_open(const char *addr, struct nvp_bus **bus)
{
	struct vfio_addr a;
	struct vfio_bus *b;
	int rc = vfio_parse(addr, &a);

	if (rc)
		return rc;
	b = ut_calloc(1, sizeof(*b));
	if (!b)
		return -ENOMEM;
	b->addr = a;
	b->dev = -1;
	b->base.pins = true;
	snprintf(b->base.addr, sizeof(b->base.addr), "%s", b->addr.bdf);
	pthread_mutex_init(&b->setup, NULL);
	rc = enlist(b);
	if (rc) {
		vfio_free(b);
		return rc;
	}
	rc = bring_in(b);
	if (rc) {
		vfio_close(&b->base);
		return rc;
	}
	*bus = &b->base;
	return 0;
}

const struct nvp_bus_ops nvp_vfio_bus_ops = {
	.name = "vfio",
	.open = vfio_open,
	.close = vfio_close,
	.cfg_read = vfio_cfg_read,
	.cfg_write = vfio_cfg_write,
	.bar_read = vfio_bar_read,
	.bar_write = vfio_bar_write,
	.bar_map = vfio_bar_map,
	.bar_fd = vfio_bar_fd,
	.dma_map = vfio_dma_map,
	.dma_unmap = vfio_dma_unmap,
	.irq_fd = vfio_irq_fd,
	.reset = vfio_reset,
};
