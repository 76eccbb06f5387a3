/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Interrupts of completion queues.  An eventfd of the bus counts them; this file makes the function send them: MSI-X
 * is enabled and a vector unmasked when the first queue wants it, and again at each bring-up, since every reset of
 * the function (and an NVM subsystem reset, and power) clears both.  A bus whose kernel driver keeps MSI-X to itself
 * ignores these writes.
 *
 * PCI Local Bus Specification, "MSI-X Capability and Table Structure"; NVMe over PCIe Transport, "PCI Express
 * Registers".
 */
#include "host/ctrlr_int.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "nvproof/spec/pcie.h"
#include "util/bits.h"

#define MAX_CAPS 48u /* in 192 bytes, of 4 at least: a device's list may be a circle */

static int
cfg16(struct nvp_ctrlr *c, uint32_t off, uint16_t *val)
{
	le16 raw;
	int rc = c->bus->ops->cfg_read(c->bus, off, &raw, sizeof(raw));

	*val = rc ? 0 : le16_get(raw);
	return rc;
}

uint32_t
ctrlr_find_cap(struct nvp_ctrlr *c, uint8_t id)
{
	uint16_t head;

	if (cfg16(c, NVME_PCI_CAP, &head))
		return 0;
	for (uint32_t i = 0, at = head & 0xfc; i < MAX_CAPS && at; i++) {
		if (cfg16(c, at, &head))
			return 0;
		if (nvme_get(head, NVME_PCI_CAP_CID) == id)
			return at;
		at = (uint32_t)nvme_get(head, NVME_PCI_CAP_NEXT) & 0xfc;
	}
	return 0;
}

/* Once: the capability's place and what it says of the table do not change. */
static void
look_for_msix(struct nvp_ctrlr *c)
{
	struct ctrlr_irq *irq = &c->irq;
	uint16_t mxc;
	le32 mtab;

	if (irq->looked)
		return;
	irq->cap = ctrlr_find_cap(c, NVME_PCI_CAPID_MSIX);
	if (irq->cap && !cfg16(c, irq->cap + NVME_PCI_MSIX_MXC, &mxc) &&
	    !c->bus->ops->cfg_read(c->bus, irq->cap + NVME_PCI_MSIX_MTAB, &mtab, sizeof(mtab))) {
		irq->nr = nvme_get32(mxc, NVME_PCI_MSIX_MXC_TS) + 1;
		irq->bir = (uint8_t)nvme_get(le32_get(mtab), NVME_PCI_MSIX_MTAB_TBIR);
		irq->table = le32_get(mtab) & (uint32_t)NVME_PCI_MSIX_MTAB_TO;
	}
	irq->looked = true;
}

static int
set_mask(struct nvp_ctrlr *c, uint32_t v, bool masked)
{
	le32 mvc = le32_from(masked ? (uint32_t)NVME_MSIX_MVC_MASK : 0);
	uint64_t at = c->irq.table + v * sizeof(struct nvme_msix_entry) + offsetof(struct nvme_msix_entry, mvc);

	return v < c->irq.nr ? c->bus->ops->bar_write(c->bus, c->irq.bir, at, &mvc, sizeof(mvc)) : -EINVAL;
}

static int
enable_msix(struct nvp_ctrlr *c)
{
	uint32_t at = c->irq.cap + NVME_PCI_MSIX_MXC;
	uint16_t mxc;
	le16 raw;
	int rc = cfg16(c, at, &mxc);

	if (rc || (nvme_get(mxc, NVME_PCI_MSIX_MXC_MXE) && !nvme_get(mxc, NVME_PCI_MSIX_MXC_FM)))
		return rc;
	mxc = (uint16_t)((mxc | NVME_PCI_MSIX_MXC_MXE) & ~NVME_PCI_MSIX_MXC_FM);
	raw = le16_from(mxc);
	return c->bus->ops->cfg_write(c->bus, at, &raw, sizeof(raw));
}

/* What the function forgot: the first of the vectors in use enables MSI-X, each is unmasked. */
int
ctrlr_irq_up(struct nvp_ctrlr *c)
{
	int rc = 0;

	if (c->bus->msi)
		return c->irq.any ? ctrlr_msi_up(c) : 0;
	for (uint32_t v = 0; v < c->irq.nr && !rc; v++)
		if (c->irq.used[v / 64] >> v % 64 & 1)
			rc = set_mask(c, v, false);
	return rc || !c->irq.any ? rc : enable_msix(c);
}

int
ctrlr_vector_up(struct nvp_ctrlr *c, uint16_t v)
{
	int fd = v < NVME_MSIX_MAX ? c->bus->ops->irq_fd(c->bus, v) : -EINVAL, rc;

	if (fd < 0)
		return fd;
	if (c->bus->msi) {
		c->irq.any = true;
		return ctrlr_msi_up(c);
	}
	look_for_msix(c);
	if (v >= c->irq.nr)
		return 0; /* the bus says that it knows how */
	rc = set_mask(c, v, false);
	if (!rc)
		rc = enable_msix(c);
	if (rc)
		return rc;
	c->irq.used[v / 64] |= 1ull << v % 64;
	c->irq.any = true;
	return 0;
}

int
nvp_ctrlr_use_vector(struct nvp_ctrlr *c, uint16_t vector)
{
	return ctrlr_vector_up(c, vector);
}

/* --- as the owner of a queue sees it --- */

static int
queue_fd(const struct nvp_qpair *q)
{
	if (!q->ctrlr || !q->opts.ien)
		return -ENOTSUP;
	return q->ctrlr->bus->ops->irq_fd(q->ctrlr->bus, q->opts.iv);
}

int
nvp_qpair_irq_pending(const struct nvp_qpair *q)
{
	struct pollfd p = { .fd = queue_fd(q), .events = POLLIN };

	if (p.fd < 0)
		return p.fd;
	return poll(&p, 1, 0) == 1;
}

int
nvp_qpair_irq_clear(struct nvp_qpair *q)
{
	int fd = queue_fd(q);
	uint64_t count;

	if (fd < 0)
		return fd;
	return read(fd, &count, sizeof(count)) == (ssize_t)sizeof(count);
}

int
nvp_qpair_irq_mask(struct nvp_qpair *q, bool masked)
{
	int fd = queue_fd(q);

	if (fd < 0)
		return fd;
	if (q->ctrlr->bus->msi)
		return ctrlr_msi_mask(q->ctrlr, q->opts.iv, masked);
	return q->opts.iv < q->ctrlr->irq.nr ? set_mask(q->ctrlr, q->opts.iv, masked) : -ENOTSUP;
}
