/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * MSI-X and MSI: the kernel owns both, and counts interrupts into eventfds.  All vectors are enabled at once, since
 * older kernels cannot add one later; those that nobody asked for have no eventfd, and stay masked.
 *
 * A vector is masked by taking its eventfd away: the kernel masks it in the device, which remembers one interrupt as
 * pending and sends it afterwards.  PCI Local Bus, "MSI-X Capability and Table Structure".
 */
#include "bus/vfio.h"

#include <errno.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "nvproof/spec/pcie.h"
#include "util/alloc.h"
#include "util/bits.h"

#define ENTRY ((uint32_t)sizeof(struct nvme_msix_entry))
#define MVC ((uint32_t)offsetof(struct nvme_msix_entry, mvc))

/* Send n eventfds from `first` on.  Negative errno; positive: the kernel has only so many. */
static int
set_fds(struct vfio_bus *b, uint32_t first, const int *fds, uint32_t n)
{
	size_t size = sizeof(struct vfio_irq_set) + n * sizeof(int);
	struct vfio_irq_set *set = ut_calloc(1, size);
	int rc;

	if (!set)
		return -ENOMEM;
	set->argsz = (uint32_t)size;
	set->flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER;
	set->index = b->irq.index;
	set->start = first;
	set->count = n;
	memcpy(set->data, fds, n * sizeof(int));
	rc = vfio_ioctl(b->dev, VFIO_DEVICE_SET_IRQS, set);
	rc = rc < 0 ? -errno : rc;
	free(set);
	return rc;
}

/* What the kernel is to signal of each vector. */
static int
signal_fd(const struct vfio_irqs *q, uint32_t v)
{
	return q->masked[v] ? -1 : q->fd[v];
}

/* Enable with what there is; a kernel that is short of vectors says how many it has. */
static int
enable(struct vfio_bus *b)
{
	struct vfio_irqs *q = &b->irq;
	int *fds = ut_calloc(q->nr, sizeof(int)), rc;

	if (!fds)
		return -ENOMEM;
	for (uint32_t v = 0; v < q->nr; v++)
		fds[v] = signal_fd(q, v);
	rc = set_fds(b, 0, fds, q->nr);
	if (rc > 0 && (uint32_t)rc < q->nr) {
		q->nr = (uint32_t)rc;
		rc = set_fds(b, 0, fds, q->nr);
	}
	free(fds);
	q->on = !rc;
	return rc > 0 ? -ENOSPC : rc;
}

static int
disable(struct vfio_bus *b)
{
	struct vfio_irq_set set = { .argsz = sizeof(set),
				    .flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER,
				    .index = b->irq.index };

	b->irq.on = false;
	return vfio_ioctl(b->dev, VFIO_DEVICE_SET_IRQS, &set) ? -errno : 0;
}

int
vfio_irq_again(struct vfio_bus *b)
{
	int rc = 0;

	pthread_mutex_lock(&b->setup);
	if (b->irq.on) {
		disable(b);
		rc = enable(b);
	}
	pthread_mutex_unlock(&b->setup);
	return rc;
}

static int
update(struct vfio_bus *b, uint32_t v)
{
	int fd = signal_fd(&b->irq, v);

	return b->irq.on ? set_fds(b, v, &fd, 1) : enable(b);
}

static int
new_vector(struct vfio_bus *b, uint32_t v)
{
	int fd = ut_alloc_spend() ? -1 : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), rc;

	if (fd < 0)
		return -ENOMEM;
	b->irq.fd[v] = fd;
	rc = update(b, v);
	if (!rc && v < b->irq.nr)
		return fd;
	b->irq.fd[v] = -1;
	close(fd);
	return rc ? rc : -ENOSPC;
}

int
vfio_irq_fd(struct nvp_bus *bus, uint16_t vector)
{
	struct vfio_bus *b = ut_container_of(bus, struct vfio_bus, base);
	int fd;

	if (vector >= b->irq.nr)
		return b->irq.nr ? -EINVAL : -ENOTSUP;
	pthread_mutex_lock(&b->setup);
	fd = b->irq.fd[vector] >= 0 ? b->irq.fd[vector] : new_vector(b, vector);
	pthread_mutex_unlock(&b->setup);
	return fd;
}

/* --- the table --- */

static void
find_table(struct vfio_bus *b)
{
	uint32_t cap = vfio_find_cap(b, NVME_PCI_CAPID_MSIX);
	le32 mtab;

	if (!cap || vfio_cfg_read(&b->base, cap + NVME_PCI_MSIX_MTAB, &mtab, sizeof(mtab)))
		return;
	b->irq.table_bir = (uint8_t)nvme_get(le32_get(mtab), NVME_PCI_MSIX_MTAB_TBIR);
	b->irq.table_off = le32_get(mtab) & (uint32_t)NVME_PCI_MSIX_MTAB_TO;
	b->irq.nr_table = nvme_get32(vfio_cfg16(b, cap + NVME_PCI_MSIX_MXC), NVME_PCI_MSIX_MXC_TS) + 1;
}

/* The vector whose Vector Control an access of four bytes means; false: no access to the table. */
static bool
control_of(const struct vfio_bus *b, int bar, uint64_t off, uint32_t len, uint32_t *v)
{
	const struct vfio_irqs *q = &b->irq;

	if (!q->nr_table || bar != q->table_bir || off < q->table_off || len != sizeof(le32))
		return false;
	off -= q->table_off;
	*v = (uint32_t)(off / ENTRY);
	return off / ENTRY < q->nr_table && off % ENTRY == MVC;
}

bool
vfio_irq_table_write(struct vfio_bus *b, int bar, uint64_t off, const void *buf, uint32_t len, int *rc)
{
	bool masked;
	uint32_t v;

	if (!control_of(b, bar, off, len, &v))
		return false;
	masked = ((const uint8_t *)buf)[0] & 1;
	*rc = 0;
	pthread_mutex_lock(&b->setup);
	if (v < b->irq.nr && b->irq.masked[v] != masked) {
		b->irq.masked[v] = masked;
		if (b->irq.fd[v] >= 0)
			*rc = update(b, v);
	}
	pthread_mutex_unlock(&b->setup);
	return true;
}

bool
vfio_irq_table_read(struct vfio_bus *b, int bar, uint64_t off, void *buf, uint32_t len)
{
	uint32_t v;
	le32 mvc;

	if (!control_of(b, bar, off, len, &v))
		return false;
	mvc = le32_from(v >= b->irq.nr || b->irq.fd[v] < 0 || b->irq.masked[v]);
	memcpy(buf, &mvc, sizeof(mvc));
	return true;
}

/* --- what there is --- */

static uint32_t
count_of(struct vfio_bus *b, uint32_t index)
{
	struct vfio_irq_info info = { .argsz = sizeof(info), .index = index };

	if (index >= b->nr_irqs || vfio_ioctl(b->dev, VFIO_DEVICE_GET_IRQ_INFO, &info) ||
	    !(info.flags & VFIO_IRQ_INFO_EVENTFD))
		return 0;
	return UT_MIN(info.count, VFIO_MAX_VECTORS);
}

/* Interrupts are optional: a device that is polled works without. */
int
vfio_irq_probe(struct vfio_bus *b)
{
	struct vfio_irqs *q = &b->irq;

	q->index = b->addr.msi ? VFIO_PCI_MSI_IRQ_INDEX : VFIO_PCI_MSIX_IRQ_INDEX;
	q->nr = count_of(b, q->index);
	if (!q->nr && b->addr.msi) {
		nvp_bus_set_error("%s: msi: the device has no MSI capability", b->addr.bdf);
		return -ENOTSUP;
	}
	if (!q->nr) {
		q->index = VFIO_PCI_MSI_IRQ_INDEX;
		q->nr = count_of(b, q->index);
	}
	find_table(b);
	if (!q->nr)
		return 0;
	q->fd = ut_calloc(q->nr, sizeof(int));
	q->masked = ut_calloc(q->nr, sizeof(bool));
	for (uint32_t v = 0; q->fd && v < q->nr; v++)
		q->fd[v] = -1;
	return q->fd && q->masked ? 0 : -ENOMEM;
}

void
vfio_irq_free(struct vfio_bus *b)
{
	for (uint32_t v = 0; b->irq.fd && v < b->irq.nr; v++)
		if (b->irq.fd[v] >= 0)
			close(b->irq.fd[v]);
	free(b->irq.fd);
	free(b->irq.masked);
	b->irq = (struct vfio_irqs){ 0 };
}
