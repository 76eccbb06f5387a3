/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What firmware does on a PC: the window onto configuration space, the bus behind the root port, addresses for BARs.  And
 * what a kernel does around a reset: put the addresses back.
 *
 * PCI Express Base Specification, "PCI Express Enhanced Configuration Access Mechanism (ECAM)", "Type 1 Configuration Space
 * Header", "Function Level Reset".
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "bus/qemu_int.h"
#include "nvproof/spec/pcie.h"
#include "util/bits.h"

/* The host bridge of q35 says where configuration space is in memory; it is reached through the old ports. */
#define PORT_ADDRESS 0xcf8u
#define PORT_DATA 0xcfcu
#define PCIEXBAR 0x80000060u
#define ECAM_BASE 0xb0000000ull

/* Below the root port of each controller. */
#define PORT_DEV 4u
#define WINDOW 0xc1000000ull /* 32-bit: registers */
#define WINDOW_SIZE 0x1000000ull
#define PREF_WINDOW (2ull << 40) /* 64-bit, above all memory: controller memory buffer, persistent memory region */
#define PREF_SIZE (1ull << 40)
#define IVSHMEM_DEVFN (3u << 3)

/* Type 1 header. */
#define BRIDGE_BUSES 0x18u
#define BRIDGE_MEM 0x20u
#define BRIDGE_PREF 0x24u
#define BRIDGE_PREF_BASE_HIGH 0x28u
#define BRIDGE_PREF_LIMIT_HIGH 0x2cu
#define BRIDGE_CONTROL 0x3eu
#define BRIDGE_CONTROL_RESET 0x40u
#define CMD_ON (NVME_PCI_CMD_MSE | NVME_PCI_CMD_BME)

static uint64_t
ecam(uint8_t bus, uint8_t devfn, uint32_t off)
{
	return ECAM_BASE + ((uint64_t)bus << 20 | (uint64_t)devfn << 12) + off;
}

static int
cfg_get(struct qemu_bus *b, uint32_t off, uint32_t width, uint64_t *val)
{
	return qemu_qtest_read(&b->qtest, ecam(b->func.bus, b->func.devfn, off), width, val);
}

static int
cfg_put(struct qemu_bus *b, uint32_t off, uint32_t width, uint64_t val)
{
	return qemu_qtest_write(&b->qtest, ecam(b->func.bus, b->func.devfn, off), width, val);
}

/* The largest aligned piece. */
static uint32_t
piece(uint64_t off, uint32_t len, uint32_t most)
{
	uint32_t n = most;

	while (n > len || off % n)
		n /= 2;
	return n;
}

/* Any length, piece by piece: registers and memory alike. */
static int
access_all(struct qemu_bus *b, uint64_t addr, void *rd, const void *wr, uint32_t len, uint32_t most)
{
	int rc = 0;

	for (uint32_t done = 0, n; done < len && !rc; done += n) {
		uint64_t val = 0;

		n = piece(addr + done, len - done, most);
		if (wr) {
			memcpy(&val, (const char *)wr + done, n);
			rc = qemu_qtest_write(&b->qtest, addr + done, n, le64toh(val));
			continue;
		}
		rc = qemu_qtest_read(&b->qtest, addr + done, n, &val);
		val = htole64(val);
		memcpy((char *)rd + done, &val, n);
	}
	return rc;
}

static int
open_windows(struct qemu_bus *b)
{
	uint8_t devfn = (uint8_t)(PORT_DEV << 3), bus = b->func.bus;
	struct {
		uint32_t off, width;
		uint64_t val;
	} regs[] = {
		{ BRIDGE_BUSES, 4, (uint64_t)bus << 16 | (uint64_t)bus << 8 },
		{ BRIDGE_MEM, 4, (WINDOW + WINDOW_SIZE - 1) >> 20 << 20 | (WINDOW >> 16 & 0xfff0) },
		{ BRIDGE_PREF, 4, 0xfff00000 },
		{ BRIDGE_PREF_BASE_HIGH, 4, PREF_WINDOW >> 32 },
		{ BRIDGE_PREF_LIMIT_HIGH, 4, (PREF_WINDOW + PREF_SIZE - 1) >> 32 },
		{ NVME_PCI_CMD, 2, CMD_ON },
	};
	int rc = 0;

	for (size_t i = 0; i < UT_ARRAY_LEN(regs) && !rc; i++)
		rc = qemu_qtest_write(&b->qtest, ecam(0, devfn, regs[i].off), regs[i].width, regs[i].val);
	return rc;
}

/* Our door bell: it makes eventfds of messages. */
static int
place_ivshmem(struct qemu_bus *b)
{
	int rc = qemu_qtest_write(&b->qtest, ecam(0, IVSHMEM_DEVFN, NVME_PCI_BAR0), 4, QEMU_IVSHMEM_BASE);

	return rc ? rc : qemu_qtest_write(&b->qtest, ecam(0, IVSHMEM_DEVFN, NVME_PCI_CMD), 2, NVME_PCI_CMD_MSE);
}

/* How large BAR i is, from the bits that cannot be set; low: its lowest bits, which say what it is. */
static int
size_bar(struct qemu_bus *b, uint32_t i, uint64_t *low)
{
	uint32_t off = NVME_PCI_BAR0 + 4 * i;
	uint64_t mask = 0, high = 0xffffffff;
	int rc = cfg_put(b, off, 4, 0xffffffff);

	if (!rc)
		rc = cfg_get(b, off, 4, &mask);
	*low = mask & 0xf;
	if (!rc && nvme_get(mask, NVME_PCI_BAR_TP) == NVME_PCI_BAR_TP_64 && i + 1 < QEMU_BARS) {
		rc = cfg_put(b, off + 4, 4, 0xffffffff);
		if (!rc)
			rc = cfg_get(b, off + 4, 4, &high);
	}
	mask = high << 32 | (mask & 0xfffffff0);
	b->func.bar_size[i] = mask << 32 ? -mask : 0;
	if (!(mask & 0xffffffff) && high != 0xffffffff) /* 4 GiB or more */
		b->func.bar_size[i] = -mask;
	return rc;
}

int
qemu_pci_restore(struct qemu_bus *b)
{
	int rc = 0;

	for (uint32_t i = 0; i < QEMU_BARS && !rc; i++) {
		if (!b->func.bar_size[i])
			continue;
		rc = cfg_put(b, NVME_PCI_BAR0 + 4 * i, 4, b->func.bar[i] & 0xffffffff);
		if (!rc && (b->func.bar[i] >> 32 || i == 0)) /* BAR 0 has 64 bits: NVMe over PCIe, "PCI Header" */
			rc = cfg_put(b, NVME_PCI_BAR0 + 4 * i + 4, 4, b->func.bar[i] >> 32);
	}
	return rc ? rc : cfg_put(b, NVME_PCI_CMD, 2, NVME_PCI_CMD_MSE);
}

static int
place_bars(struct qemu_bus *b)
{
	uint64_t next = WINDOW, pref = PREF_WINDOW, low = 0;
	int rc = 0;

	for (uint32_t i = 0; i < QEMU_BARS && !rc; i++) {
		uint64_t *from;

		rc = size_bar(b, i, &low);
		from = low & NVME_PCI_BAR_PF ? &pref : &next;
		if (rc || !b->func.bar_size[i])
			continue;
		b->func.bar[i] = ut_align_up(*from, b->func.bar_size[i]);
		*from = b->func.bar[i] + b->func.bar_size[i];
		if (nvme_get(low, NVME_PCI_BAR_TP) == NVME_PCI_BAR_TP_64)
			i++;
	}
	return rc ? rc : qemu_pci_restore(b);
}

static int
find_caps(struct qemu_bus *b)
{
	uint64_t at = 0, head, mxc = 0, mtab = 0;
	int rc = cfg_get(b, NVME_PCI_CAP, 1, &at);

	for (uint32_t i = 0; !rc && at && i < 48; i++, at = head >> 8 & 0xfc) {
		rc = cfg_get(b, (uint32_t)at, 4, &head);
		if (rc)
			break;
		if ((head & 0xff) == NVME_PCI_CAPID_PCIE)
			b->px_cap = (uint8_t)at;
		if ((head & 0xff) != NVME_PCI_CAPID_MSIX)
			continue;
		mxc = head >> 16;
		rc = cfg_get(b, (uint32_t)at + NVME_PCI_MSIX_MTAB, 4, &mtab);
		b->nr_vectors = nvme_get32(mxc, NVME_PCI_MSIX_MXC_TS) + 1;
		b->msix_bar = (uint8_t)nvme_get(mtab, NVME_PCI_MSIX_MTAB_TBIR);
		b->msix_table = (uint32_t)(mtab & NVME_PCI_MSIX_MTAB_TO);
	}
	return rc;
}

int
qemu_pci_setup(struct qemu_bus *b)
{
	uint64_t class = 0;
	int rc = qemu_qtest_out(&b->qtest, PORT_ADDRESS, 4, PCIEXBAR);

	if (!rc)
		rc = qemu_qtest_out(&b->qtest, PORT_DATA, 4, (uint32_t)ECAM_BASE | 1);
	b->func = (struct qemu_func){ .bus = 1 };
	if (!rc)
		rc = open_windows(b);
	if (!rc)
		rc = place_ivshmem(b);
	if (!rc)
		rc = cfg_get(b, NVME_PCI_RID, 4, &class);
	if (!rc && class >> 8 != NVME_PCI_CLASS_IO)
		rc = -EPROTO;
	if (!rc)
		rc = place_bars(b);
	return rc ? rc : find_caps(b);
}

/* Whether the function lost its addresses: something that was written reset it. */
static int
look_at_bars(struct qemu_bus *b)
{
	uint64_t low = 0;
	int rc = cfg_get(b, NVME_PCI_BAR0, 4, &low);

	return rc || low & NVME_PCI_BAR_BA ? rc : qemu_pci_restore(b);
}

/* A write to a BAR is ignored, as behind VFIO: where a BAR is, is for the bus to say. */
static bool
is_bar_register(uint32_t off)
{
	return off >= NVME_PCI_BAR0 && off < NVME_PCI_CCPTR;
}

int
qemu_pci_cfg(struct qemu_bus *b, uint32_t off, void *rd, const void *wr, uint32_t len)
{
	int rc;

	if (off > NVME_PCI_ECFG_SIZE || len > NVME_PCI_ECFG_SIZE - off)
		return -EINVAL;
	if (wr && is_bar_register(off))
		return 0;
	rc = access_all(b, ecam(b->func.bus, b->func.devfn, off), rd, wr, len, 4);
	return rc || !wr ? rc : look_at_bars(b);
}

int
qemu_pci_bar(struct qemu_bus *b, uint32_t bar, uint64_t off, void *rd, const void *wr, uint32_t len)
{
	if (bar >= QEMU_BARS || off > b->func.bar_size[bar] || len > b->func.bar_size[bar] - off)
		return -EINVAL;
	return access_all(b, b->func.bar[bar] + off, rd, wr, len, 8);
}

/* PCI Express, "Function Level Reset": the function is left alone for 100 ms; QEMU is done before it answers. */
static int
reset_function(struct qemu_bus *b)
{
	uint64_t dc = 0;
	int rc;

	if (!b->px_cap)
		return -ENOTSUP;
	rc = cfg_get(b, b->px_cap + NVME_PCI_PXDC, 2, &dc);
	return rc ? rc : cfg_put(b, b->px_cap + NVME_PCI_PXDC, 2, dc | NVME_PCI_PXDC_IFLR);
}

/* The bridge asserts the reset of the bus behind it. */
static int
reset_bus(struct qemu_bus *b)
{
	uint64_t at = ecam(0, PORT_DEV << 3, BRIDGE_CONTROL);
	int rc = qemu_qtest_write(&b->qtest, at, 2, BRIDGE_CONTROL_RESET);

	return rc ? rc : qemu_qtest_write(&b->qtest, at, 2, 0);
}

/* QEMU's link cannot be disabled: what follows for the function, the reset, is that of the bus. */
int
qemu_pci_reset(struct qemu_bus *b, enum nvp_reset kind)
{
	int rc = kind == NVP_RESET_FUNCTION ? reset_function(b) : reset_bus(b);

	return rc ? rc : qemu_pci_restore(b);
}
