/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Disable the link to the function and enable it again, at the port above it.  The kernel knows nothing of it: what the
 * function forgets (addresses, enables, vectors) is saved and written back here, through sysfs.
 *
 * PCI Express Base, "Link Control Register": Link Disable; "Link Status Register": Data Link Layer Link Active.
 */
#include "bus/vfio.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "nvproof/spec/pcie.h"
#include "util/bits.h"

#define CFG 256u
#define LINK_DISABLE 0x10u
#define DLLLA 0x2000u /* Link Status: data link layer link active */
#define DLLLARC 0x100000u /* Link Capabilities: that bit can be trusted */
#define DISABLED_MS 20u
#define READY_MS 100u /* "Conventional Reset": so long a device may be silent after the link is up */
#define LIMIT_MS 1000u

static void
sleep_ms(uint32_t ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };

	nanosleep(&t, NULL);
}

static uint32_t
get(int fd, uint32_t off, uint32_t width)
{
	le32 v = le32_from(0);

	return pread(fd, &v, width, (off_t)off) == (ssize_t)width ? le32_get(v) : UINT32_MAX;
}

static bool
put(int fd, uint32_t off, uint32_t val, uint32_t width)
{
	le32 v = le32_from(val);

	return pwrite(fd, &v, width, (off_t)off) == (ssize_t)width;
}

static uint32_t
express_cap(int fd)
{
	uint32_t at = get(fd, NVME_PCI_CAP, 1) & 0xfc;

	for (uint32_t i = 0; i < 48 && at; i++) {
		uint32_t head = get(fd, at, 2);

		if ((head & 0xff) == NVME_PCI_CAPID_PCIE)
			return at;
		at = head >> 8 & 0xfc;
	}
	return 0;
}

/* Down and up at the port.  The device may take a while before it answers. */
static int
toggle(int port, uint32_t exp, int dev)
{
	uint32_t lc = get(port, exp + NVME_PCI_PXLC, 2), waited;

	if (!put(port, exp + NVME_PCI_PXLC, lc | LINK_DISABLE, 2))
		return -errno;
	sleep_ms(DISABLED_MS);
	if (!put(port, exp + NVME_PCI_PXLC, lc & ~LINK_DISABLE, 2))
		return -errno;
	for (waited = 0; waited < LIMIT_MS; waited += 10) {
		if (!(get(port, exp + NVME_PCI_PXLCAP, 4) & DLLLARC) || get(port, exp + NVME_PCI_PXLS, 2) & DLLLA)
			break;
		sleep_ms(10);
	}
	sleep_ms(READY_MS);
	for (waited = 0; waited < LIMIT_MS;
	     waited += 10) { /* a port that does not tell of its link is no reason to give up */
		if ((get(dev, NVME_PCI_VID, 2) & 0xffff) != 0xffff)
			return 0;
		sleep_ms(10);
	}
	return -ENODEV;
}

/* Control registers of capabilities first, then addresses; the command register last, since it lets them answer. */
static void
restore(int dev, uint32_t exp, const uint8_t *old)
{
	static const uint32_t words[] = { NVME_PCI_PXDC, NVME_PCI_PXLC, NVME_PCI_PXDC2, NVME_PCI_PXLC2 };

	for (size_t i = 0; exp && i < UT_ARRAY_LEN(words); i++)
		(void)!pwrite(dev, old + exp + words[i], 2, (off_t)(exp + words[i]));
	for (uint32_t at = NVME_PCI_HEADER_SIZE - 4; at > NVME_PCI_CMD; at -= 4)
		(void)!pwrite(dev, old + at, 4, (off_t)at);
	(void)!pwrite(dev, old + NVME_PCI_CMD, 2, NVME_PCI_CMD);
}

static int
reset_link(struct vfio_bus *b, int port, int dev)
{
	uint32_t exp = express_cap(port);
	uint8_t old[CFG];
	int rc;

	if (pread(dev, old, sizeof(old), 0) != (ssize_t)sizeof(old))
		return -EIO;
	if (!exp)
		return -ENOTSUP;
	rc = vfio_windows_off(b);
	if (!rc)
		rc = toggle(port, exp, dev);
	if (rc)
		return rc;
	restore(dev, b->exp_cap < CFG - NVME_PCI_PX_SIZE ? b->exp_cap : 0, old);
	rc = vfio_irq_again(b);
	return rc ? rc : vfio_windows_on(b);
}

int
vfio_link_reset(struct vfio_bus *b)
{
	char parent[16];
	int port, dev, rc;

	if (!vfio_parent(b->addr.bdf, parent, sizeof(parent))) {
		nvp_bus_set_error("%s: sits on a root bus: there is no port above it whose link could be disabled",
				  b->addr.bdf);
		return -ENOTSUP;
	}
	port = vfio_open_config(parent);
	dev = vfio_open_config(b->addr.bdf);
	rc = port < 0 || dev < 0 ? -errno : reset_link(b, port, dev);
	if (rc)
		nvp_bus_set_error("%s: the link at %s cannot be disabled and enabled: %s", b->addr.bdf, parent,
				  strerror(-rc));
	if (port >= 0)
		close(port);
	if (dev >= 0)
		close(dev);
	return rc;
}
