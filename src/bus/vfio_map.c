/* SPDX-License-Identifier: BSD-3-Clause */
/* BARs in this process's memory: the doorbells. */
#include "bus/vfio.h"

#include <errno.h>
#include <linux/vfio.h>
#include <sys/mman.h>
#include "util/alloc.h"
#include "util/bits.h"

#define PAGE 4096ull

static struct vfio_bus *
of(struct nvp_bus *bus)
{
	return ut_container_of(bus, struct vfio_bus, base);
}

static bool
mappable(const struct vfio_bus *b, int bar, uint64_t off, uint64_t len)
{
	const struct vfio_region *r;

	if (bar < 0 || bar > VFIO_PCI_BAR5_REGION_INDEX)
		return false;
	r = &b->region[bar];
	for (uint32_t i = 0; i < r->nr_areas; i++) {
		const struct vfio_area *a = &r->area[i];

		if (off >= a->offset && off - a->offset <= a->size && len <= a->size - (off - a->offset))
			return true;
	}
	return false;
}

/* The device's memory at va, or a new place. */
static void *
map_at(const struct vfio_bus *b, int bar, uint64_t off, uint64_t len, void *va)
{
	off_t at = (off_t)(b->region[bar].fd_offset + off);
	void *p = mmap(va, len, PROT_READ | PROT_WRITE, MAP_SHARED | (va ? MAP_FIXED : 0), b->dev, at);

	return p == MAP_FAILED ? NULL : p;
}

static void *
plain_at(void *va, uint64_t len)
{
	void *p = mmap(va, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | (va ? MAP_FIXED : 0), -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* Locked. */
static struct vfio_window *
window_of(struct vfio_bus *b, int bar, uint64_t off, uint64_t len)
{
	for (uint32_t i = 0; i < b->nr_windows; i++) {
		struct vfio_window *w = &b->window[i];

		if (w->bar == bar && off >= w->offset && off - w->offset <= w->size &&
		    len <= w->size - (off - w->offset))
			return w;
	}
	return NULL;
}

static struct vfio_window *
new_window(struct vfio_bus *b, int bar, uint64_t off, uint64_t len)
{
	uint64_t start = off & ~(PAGE - 1), size = ut_align_up(off + len, PAGE) - start;
	struct vfio_window *w = &b->window[b->nr_windows];
	void *va;

	if (b->nr_windows == VFIO_MAX_WINDOWS || !mappable(b, bar, start, size) || ut_alloc_spend())
		return NULL;
	va = b->asleep ? plain_at(NULL, size) : map_at(b, bar, start, size, NULL);
	if (!va)
		return NULL;
	*w = (struct vfio_window){ .bar = bar, .offset = start, .size = size, .va = va };
	b->nr_windows++;
	return w;
}

void *
vfio_bar_map(struct nvp_bus *bus, int bar, uint64_t off, uint64_t len)
{
	struct vfio_bus *b = of(bus);
	struct vfio_window *w;

	if (!len || !mappable(b, bar, off, len))
		return NULL;
	pthread_mutex_lock(&b->setup);
	w = window_of(b, bar, off, len);
	if (!w)
		w = new_window(b, bar, off, len);
	pthread_mutex_unlock(&b->setup);
	return w ? (char *)w->va + (off - w->offset) : NULL;
}

int
vfio_bar_fd(struct nvp_bus *bus, int bar, uint64_t off, uint64_t *fd_off)
{
	struct vfio_bus *b = of(bus);

	if (!mappable(b, bar, off, 1))
		return -ENOTSUP;
	*fd_off = b->region[bar].fd_offset + off;
	return b->dev < 0 ? -ENODEV : b->dev;
}

int
vfio_windows_off(struct vfio_bus *b)
{
	int rc = 0;

	pthread_mutex_lock(&b->setup);
	b->asleep = true;
	for (uint32_t i = 0; i < b->nr_windows; i++)
		if (!plain_at(b->window[i].va, b->window[i].size))
			rc = -ENOMEM;
	pthread_mutex_unlock(&b->setup);
	return rc;
}

int
vfio_windows_on(struct vfio_bus *b)
{
	int rc = 0;

	pthread_mutex_lock(&b->setup);
	b->asleep = false;
	for (uint32_t i = 0; i < b->nr_windows; i++) {
		const struct vfio_window *w = &b->window[i];

		if (!map_at(b, w->bar, w->offset, w->size, w->va))
			rc = -ENOMEM;
	}
	pthread_mutex_unlock(&b->setup);
	return rc;
}

void
vfio_unmap_windows(struct vfio_bus *b)
{
	for (uint32_t i = 0; i < b->nr_windows; i++)
		munmap(b->window[i].va, b->window[i].size);
	b->nr_windows = 0;
}
