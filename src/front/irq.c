/* SPDX-License-Identifier: BSD-3-Clause */
/* Interrupts over eventfds.  vfio-user Protocol Specification 0.9, "VFIO_USER_DEVICE_SET_IRQS". */
#include "front/irq.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void
line_close(struct irq_line *l)
{
	if (l->fd >= 0)
		close(l->fd);
	*l = (struct irq_line){ .fd = -1 };
}

void
irqs_init(struct irqs *q)
{
	q->intx = (struct irq_line){ .fd = -1 };
	for (uint32_t i = 0; i < IRQ_MSI_VECTORS; i++)
		q->msi[i] = (struct irq_line){ .fd = -1 };
	for (uint32_t i = 0; i < IRQ_MSIX_VECTORS; i++)
		q->msix[i] = (struct irq_line){ .fd = -1 };
}

void
irqs_clear(struct irqs *q)
{
	line_close(&q->intx);
	for (uint32_t i = 0; i < IRQ_MSI_VECTORS; i++)
		line_close(&q->msi[i]);
	for (uint32_t i = 0; i < IRQ_MSIX_VECTORS; i++)
		line_close(&q->msix[i]);
}

uint32_t
irqs_count(uint32_t index)
{
	if (index == VFIO_PCI_INTX_IRQ_INDEX)
		return 1;
	if (index == VFIO_PCI_MSI_IRQ_INDEX)
		return IRQ_MSI_VECTORS;
	return index == VFIO_PCI_MSIX_IRQ_INDEX ? IRQ_MSIX_VECTORS : 0;
}

static struct irq_line *
line_of(struct irqs *q, uint32_t index, uint32_t i)
{
	if (index == VFIO_PCI_INTX_IRQ_INDEX)
		return &q->intx;
	return index == VFIO_PCI_MSI_IRQ_INDEX ? &q->msi[i] : &q->msix[i];
}

/*
 * An eventfd counts, so one write is one interrupt.  A blocking one whose counter is full would stop the whole
 * server: look first.
 */
static void
signal_line(struct irq_line *l)
{
	const uint64_t one = 1;
	struct pollfd p = { .fd = l->fd, .events = POLLOUT };

	if (l->fd < 0)
		return;
	if (l->masked) {
		l->pending = true;
		return;
	}
	if (l->may_block && poll(&p, 1, 0) != 1)
		return;
	(void)!write(l->fd, &one, sizeof(one)); /* EAGAIN: the counter is full, the interrupt is pending already */
}

void
irqs_raise(struct irqs *q, uint16_t vector)
{
	if (vector < IRQ_MSIX_VECTORS && q->msix[vector].fd >= 0)
		signal_line(&q->msix[vector]);
	else if (vector < IRQ_MSI_VECTORS && q->msi[vector].fd >= 0)
		signal_line(&q->msi[vector]);
	else if (vector == 0)
		signal_line(&q->intx);
}

static bool
is_eventfd(int fd)
{
	static const char want[] = "anon_inode:[eventfd]";
	char path[32], name[32];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, name, sizeof(name));
	return n == (ssize_t)sizeof(want) - 1 && !memcmp(name, want, sizeof(want) - 1);
}

/* Without descriptors the interrupts are taken away; otherwise there must be one each, and each an eventfd. */
static int
set_eventfds(struct irqs *q, const struct vfu_irq_set *set, struct vfu_fds *fds)
{
	if (fds->n && fds->n != set->count)
		return -EINVAL;
	for (uint32_t i = 0; i < fds->n; i++) {
		if (!is_eventfd(fds->fd[i]))
			return -EINVAL;
	}
	for (uint32_t i = 0; i < set->count; i++) {
		struct irq_line *l = line_of(q, set->index, set->start + i);
		struct irq_line was = *l;

		line_close(l);
		*l = (struct irq_line){ .fd = vfu_fds_take(fds, i), .masked = was.masked, .pending = was.pending };
		l->may_block = l->fd >= 0 && !(fcntl(l->fd, F_GETFL) & O_NONBLOCK);
	}
	return 0;
}

static void
act(struct irq_line *l, uint32_t action)
{
	if (action == VFIO_IRQ_SET_ACTION_MASK) {
		l->masked = true;
	} else if (action == VFIO_IRQ_SET_ACTION_UNMASK) {
		l->masked = false;
		if (l->pending)
			signal_line(l);
		l->pending = false;
	} else {
		signal_line(l);
	}
}

bool
irqs_msix_used(const struct irqs *q)
{
	for (uint32_t i = 0; i < IRQ_MSIX_VECTORS; i++) {
		if (q->msix[i].fd >= 0)
			return true;
	}
	return false;
}

bool
irqs_msi_used(const struct irqs *q)
{
	for (uint32_t i = 0; i < IRQ_MSI_VECTORS; i++) {
		if (q->msi[i].fd >= 0)
			return true;
	}
	return false;
}

/* "count of 0 with DATA_NONE disables all interrupts of the index". */
static void
disable_all(struct irqs *q, uint32_t index)
{
	for (uint32_t i = 0; i < irqs_count(index); i++)
		line_close(line_of(q, index, i));
}

static int
check_set(const struct vfu_irq_set *set, uint32_t len)
{
	uint32_t data = set->flags & VFIO_IRQ_SET_DATA_TYPE_MASK, action = set->flags & VFIO_IRQ_SET_ACTION_TYPE_MASK;
	uint32_t count;

	if (set->argsz < sizeof(*set) || set->argsz > len || set->index >= IRQ_NR_INDEXES)
		return -EINVAL;
	if (set->flags != (data | action) || __builtin_popcount(data) != 1 || __builtin_popcount(action) != 1)
		return -EINVAL;
	count = irqs_count(set->index);
	if (set->start > count || set->count > count - set->start)
		return -EINVAL;
	if (!set->count && (data != VFIO_IRQ_SET_DATA_NONE || set->start || action != VFIO_IRQ_SET_ACTION_TRIGGER))
		return -EINVAL;
	if (data == VFIO_IRQ_SET_DATA_BOOL && set->argsz - sizeof(*set) < set->count)
		return -EINVAL;
	return 0;
}

int
irqs_set(struct irqs *q, const void *payload, uint32_t len, struct vfu_fds *fds)
{
	const uint8_t *flags = (const uint8_t *)payload + sizeof(struct vfu_irq_set);
	struct vfu_irq_set set;
	int rc;

	if (len < sizeof(set))
		return -EINVAL;
	memcpy(&set, payload, sizeof(set));
	rc = check_set(&set, len);
	if (rc)
		return rc;
	if (set.flags & VFIO_IRQ_SET_DATA_EVENTFD)
		return set.flags & VFIO_IRQ_SET_ACTION_TRIGGER ? set_eventfds(q, &set, fds) : -ENOTSUP;
	if (fds->n)
		return -EINVAL;
	if (!set.count)
		disable_all(q, set.index);
	for (uint32_t i = 0; i < set.count; i++) {
		if ((set.flags & VFIO_IRQ_SET_DATA_NONE) || flags[i])
			act(line_of(q, set.index, set.start + i), set.flags & VFIO_IRQ_SET_ACTION_TYPE_MASK);
	}
	return 0;
}
