/* SPDX-License-Identifier: BSD-3-Clause */
/* The interrupts of one function: eventfds that the client gave, masks, and what is pending under a mask. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "proto/vfu.h"

#define IRQ_MSIX_VECTORS 128u
#define IRQ_MSI_VECTORS 32u
#define IRQ_NR_INDEXES 5u /* INTx, MSI, MSI-X, error, request: VFIO_PCI_NUM_IRQS */

struct irq_line {
	int fd; /* -1: nobody listens */
	bool may_block; /* not O_NONBLOCK: look before writing */
	bool masked, pending;
};

struct irqs {
	struct irq_line intx;
	struct irq_line msi[IRQ_MSI_VECTORS];
	struct irq_line msix[IRQ_MSIX_VECTORS];
};

void irqs_init(struct irqs *q);
void irqs_clear(struct irqs *q); /* closes all: the client is gone */
/* How many interrupts this VFIO index has; index < IRQ_NR_INDEXES. */
uint32_t irqs_count(uint32_t index);
/*
 * VFIO_USER_DEVICE_SET_IRQS: payload of len bytes with the descriptors that came along.  -EINVAL, -ENOTSUP; what is
 * kept is taken out of fds.
 */
int irqs_set(struct irqs *q, const void *payload, uint32_t len, struct vfu_fds *fds);
/* Whether the client listens to any MSI-X, or MSI, vector. */
bool irqs_msix_used(const struct irqs *q);
bool irqs_msi_used(const struct irqs *q);
/* The device raises a vector.  Never waits. */
void irqs_raise(struct irqs *q, uint16_t vector);
