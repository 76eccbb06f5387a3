/* SPDX-License-Identifier: BSD-3-Clause */
/* The VFIO bus on a kernel that is a fake: addresses, messages, memory, windows, vectors, resets; each step may fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <errno.h>
#include <linux/vfio.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "bus/vfio.h"
#include "fake_vfio.h"
#include "nvproof/spec/pcie.h"
#include "util/alloc.h"
#include "util/bits.h"

#define MIB2 (2u << 20)
#define IOVA (4ull << 30)

static int
up(void **state)
{
	(void)state;
	fv_up();
	return 0;
}

static int
down(void **state)
{
	(void)state;
	fv_down();
	return 0;
}

static struct nvp_bus *
attach(const char *addr)
{
	struct nvp_bus *bus = NULL;
	int rc = nvp_bus_open(addr, &bus);

	if (rc)
		print_error("%s\n", nvp_bus_error());
	assert_int_equal(rc, 0);
	return bus;
}

/* Opening fails so, and the line for a person has that. */
static void
refused(const char *addr, int want, const char *text)
{
	struct nvp_bus *bus = NULL;

	assert_int_equal(nvp_bus_open(addr, &bus), want);
	if (!strstr(nvp_bus_error(), text))
		fail_msg("\"%s\" is not in \"%s\"", text, nvp_bus_error());
}

static void
addresses(void **state)
{
	static const char *const good[] = { "0000:01:00.0", "01:00.0", "0000:01:00.0?msi",
					    "vfio:01:00.0?group&noiommu" };
	static const char *const bad[] = { "0000:01:00", "1:00.0",	 "0000:01:00.8",
					   "01:00.0x",	 "000g:01:00.0", "0000:01:00.0 " };
	struct vfio_addr a;

	(void)state;
	for (size_t i = 0; i < UT_ARRAY_LEN(bad); i++)
		assert_false(vfio_is_addr(bad[i]));
	for (size_t i = 0; i < 3; i++)
		assert_true(vfio_is_addr(good[i]));
	assert_int_equal(vfio_parse("AB:0F.7?iommufd&msi", &a), 0);
	assert_string_equal(a.bdf, "0000:ab:0f.7");
	assert_true(a.msi && a.how == VFIO_HOW_IOMMUFD && !a.noiommu);
	nvp_bus_close(attach(good[0]));
	nvp_bus_close(attach(good[1]));
	nvp_bus_close(attach(good[3]));
	refused("01:00.0?speed", -EINVAL, "no option \"speed\"");
	refused("vfio:nonsense", -EINVAL, "is not a PCI address");
}

static void
who_keeps_it(void **state)
{
	(void)state;
	refused("0000:09:00.0", -ENODEV, "no such PCI function");
	fv_link("sys/bus/pci/devices/" FV_BDF "/driver", "../drivers/nvme");
	refused(FV_BDF, -EBUSY, "belongs to the kernel driver nvme; hand it over with `nvproof bind " FV_BDF "`");
	fv_link("sys/bus/pci/devices/" FV_BDF "/driver", NULL);
	refused(FV_BDF, -EBUSY, "has no driver");
	fv_link("sys/bus/pci/devices/" FV_BDF "/driver", "../drivers/vfio-pci");
	fv.viable = false;
	refused(FV_BDF, -EPERM, "IOMMU group 7 cannot be used");
	fv.viable = true;
	fv_file("dev/vfio/7", NULL);
	refused(FV_BDF, -ENOENT, "the kernel made no VFIO group of it");
	fv_file("dev/vfio/vfio", NULL);
	refused(FV_BDF, -ENOENT, "modprobe vfio-pci");
}

static void
without_an_iommu(void **state)
{
	struct nvp_bus *bus;
	uint64_t iova = IOVA;

	(void)state;
	fv_file("sys/kernel/iommu_groups/7/name", "vfio-noiommu\n");
	refused(FV_BDF, -EPERM, "--allow-noiommu");
	refused(FV_BDF "?noiommu", -ENOENT, "noiommu-7");
	fv_file("dev/vfio/noiommu-7", "");
	bus = attach(FV_BDF "?noiommu");
	/* Nobody translates: an address that is not the physical one would be somebody else's memory. */
	assert_true(bus->ops->dma_map(bus, &iova, MIB2, -1, &iova) < 0);
	assert_non_null(strstr(nvp_bus_error(), "NVPROOF_NOIOMMU=1"));
	assert_int_equal(fv.maps, 0);
	nvp_bus_close(bus);
	fv_link("sys/bus/pci/devices/" FV_BDF "/iommu_group", NULL);
	refused(FV_BDF, -EPERM, "no IOMMU translates");
	refused(FV_BDF "?noiommu", -ENOTSUP, "enable_unsafe_noiommu_mode");
}

/* Where there is an IOMMU, asking for none does not switch it off. */
static void
iommu_stays_on(void **state)
{
	struct nvp_bus *bus = attach(FV_BDF "?noiommu");
	uint64_t iova = IOVA;

	(void)state;
	assert_int_equal(bus->ops->dma_map(bus, NULL, MIB2, -1, &iova), 0);
	assert_int_equal(fv.maps, 1);
	nvp_bus_close(bus);
}

static void
each_request_may_fail(void **state)
{
	static const struct {
		unsigned long request;
		int err, want;
		const char *text;
	} t[] = {
		{ VFIO_GET_API_VERSION, EINVAL, -ENOTSUP, "no type1 IOMMU" },
		{ VFIO_GROUP_GET_STATUS, EIO, -EIO, "cannot be used" },
		{ VFIO_GROUP_SET_CONTAINER, EBUSY, -EBUSY, "the IOMMU cannot be used" },
		{ VFIO_SET_IOMMU, EPERM, -EPERM, "cannot remap interrupts" },
		{ VFIO_GROUP_GET_DEVICE_FD, ENODEV, -ENODEV, "does not hand it out" },
		{ VFIO_DEVICE_GET_INFO, EIO, -EIO, "does not say what it is" },
		{ VFIO_DEVICE_GET_REGION_INFO, EIO, -EIO, "does not say what it is" },
	};

	(void)state;
	for (size_t i = 0; i < UT_ARRAY_LEN(t); i++) {
		fv.fail = t[i].request;
		fv.fail_errno = t[i].err;
		refused(FV_BDF, t[i].want, t[i].text);
	}
	fv.fail = 0;
	nvp_bus_close(attach(FV_BDF)); /* nothing was left behind */
}

static void
what_is_no_drive(void **state)
{
	(void)state;
	fv_set(FV_CFG + NVME_PCI_RID, 0x0c033000);
	refused(FV_BDF, -EPROTO, "is no NVMe function");
	fv_set(FV_CFG + NVME_PCI_RID, 0xffffffff);
	refused(FV_BDF, -ENODEV, "does not answer");
}

static void
twice_in_a_process(void **state)
{
	struct nvp_bus *bus = attach(FV_BDF);

	(void)state;
	refused(FV_BDF, -EBUSY, "open in this process already");
	nvp_bus_close(bus);
	nvp_bus_close(attach(FV_BDF));
}

static void
registers(void **state)
{
	struct nvp_bus *bus = attach(FV_BDF);
	uint8_t id[4];
	uint32_t v = 0x460001;

	(void)state;
	assert_true(fv_get(FV_CFG + NVME_PCI_CMD) & NVME_PCI_CMD_MSE); /* registers answer from the start */
	assert_int_equal(bus->ops->bar_write(bus, 0, 0x14, &v, 4), 0);
	assert_int_equal(fv_get(FV_BAR0 + 0x14), v);
	assert_int_equal(bus->ops->cfg_read(bus, 1, id, 3), 0);
	assert_int_equal(id[0], 0x1b);
	assert_int_equal(bus->ops->bar_read(bus, 0, FV_BAR0_SIZE - 2, &v, 4), -EINVAL);
	assert_int_equal(bus->ops->bar_read(bus, 2, 0, &v, 4), -EINVAL);
	assert_int_equal(bus->ops->bar_read(bus, 6, 0, &v, 4), -EINVAL);
	assert_int_equal(bus->ops->cfg_read(bus, NVME_PCI_ECFG_SIZE, &v, 4), -EINVAL);
	nvp_bus_close(bus);
}

static void
memory(void **state)
{
	struct nvp_bus *bus = attach(FV_BDF);
	uint64_t iova = IOVA;

	(void)state;
	assert_true(bus->pins);
	assert_int_equal(bus->ops->dma_map(bus, NULL, MIB2, -1, &iova), 0);
	assert_int_equal(fv.last_iova, IOVA);
	assert_int_equal(fv.last_len, MIB2);
	assert_int_equal(bus->ops->dma_map(bus, NULL, MIB2, -1, &iova), 0); /* as another function of the group does */
	assert_int_equal(fv.maps, 1);
	assert_int_equal(bus->ops->dma_unmap(bus, IOVA, MIB2), 0);
	assert_int_equal(fv.unmaps, 0);
	assert_int_equal(bus->ops->dma_unmap(bus, IOVA, MIB2), 0);
	assert_int_equal(fv.unmaps, 1);
	assert_int_equal(bus->ops->dma_unmap(bus, IOVA, MIB2), -ENOENT);
	fv.fail = VFIO_IOMMU_MAP_DMA;
	fv.fail_errno = ENOMEM;
	assert_int_equal(bus->ops->dma_map(bus, NULL, MIB2, -1, &iova), -ENOMEM);
	assert_non_null(strstr(nvp_bus_error(), "ulimit -l"));
	fv.fail_errno = EINVAL;
	assert_int_equal(bus->ops->dma_map(bus, NULL, MIB2, -1, &iova), -EINVAL);
	assert_non_null(strstr(nvp_bus_error(), "100000000h"));
	fv.fail = 0;
	nvp_bus_close(bus);
}

/* One address space for all devices; asked for, or because the kernel has no groups any more. */
static void
iommufd(void **state)
{
	struct nvp_bus *bus;
	uint64_t iova = IOVA;

	(void)state;
	refused(FV_BDF "?iommufd", -ENOTSUP, "no VFIO device files");
	fv_file("sys/devices/pci0000:00/0000:00:06.0/" FV_BDF "/vfio-dev/vfio0/dev", "");
	refused(FV_BDF "?iommufd", -ENOENT, "modprobe iommufd");
	fv_file("dev/iommu", "");
	nvp_bus_close(attach(FV_BDF));
	assert_int_equal(fv.bound, 0); /* the group is preferred while there is one */
	fv_file("dev/vfio/7", NULL);
	bus = attach(FV_BDF);
	assert_int_equal(fv.bound, 1);
	assert_int_equal(bus->ops->dma_map(bus, NULL, MIB2, -1, &iova), 0);
	assert_int_equal(fv.last_iova, IOVA);
	assert_int_equal(fv.last_len, MIB2);
	assert_int_equal(bus->ops->reset(bus, NVP_RESET_HOT), 0);
	assert_int_equal(fv.hot_groups, 0); /* the kernel knows what the iommufd has */
	assert_int_equal(bus->ops->dma_unmap(bus, IOVA, MIB2), 0);
	assert_int_equal(fv.unmaps, 1);
	nvp_bus_close(bus);
}

/* The page of the MSI-X table is the kernel's; what is around it can be mapped. */
static void
windows(void **state)
{
	struct nvp_bus *bus = attach(FV_BDF);
	uint64_t fd_off = 0;
	uint32_t *db = bus->ops->bar_map(bus, 0, 0x1000, 0x1000);

	(void)state;
	assert_non_null(db);
	db[2] = 77;
	assert_int_equal(fv_get(FV_BAR0 + 0x1008), 77);
	assert_ptr_equal(bus->ops->bar_map(bus, 0, 0x1000, 8), db);
	assert_null(bus->ops->bar_map(bus, 0, FV_TABLE, 0x1000));
	assert_null(bus->ops->bar_map(bus, 0, 0x1000, 0x2000));
	assert_non_null(bus->ops->bar_map(bus, 0, FV_TABLE + 0x1000, 0x1000));
	assert_null(bus->ops->bar_map(bus, 0, FV_BAR0_SIZE, 4));
	assert_null(bus->ops->bar_map(bus, 1, 0, 4));
	assert_true(bus->ops->bar_fd(bus, 0, 0x1000, &fd_off) >= 0);
	assert_int_equal(fd_off, FV_BAR0 + 0x1000);
	assert_int_equal(bus->ops->bar_fd(bus, 0, FV_TABLE, &fd_off), -ENOTSUP);
	nvp_bus_close(bus);
}

/* Doorbells of a function that sleeps reach nobody, and are its own again afterwards, at the same address. */
static void
asleep(struct nvp_bus *bus, uint32_t *db, uint32_t at, uint16_t off, uint16_t on)
{
	uint32_t before = fv_get(FV_BAR0 + 0x1000);

	assert_int_equal(bus->ops->cfg_write(bus, at, &off, 2), 0);
	db[0] = before + 1;
	assert_int_equal(fv_get(FV_BAR0 + 0x1000), before);
	assert_int_equal(bus->ops->cfg_write(bus, at, &on, 2), 0);
	db[0] = before + 2;
	assert_int_equal(fv_get(FV_BAR0 + 0x1000), before + 2);
}

static void
sleeping_device(void **state)
{
	struct nvp_bus *bus = attach(FV_BDF);
	uint32_t *db = bus->ops->bar_map(bus, 0, 0x1000, 0x1000);

	(void)state;
	asleep(bus, db, NVME_PCI_CMD, 0, NVME_PCI_CMD_MSE);
	asleep(bus, db, FV_PM + NVME_PCI_PMCS, 3, 0);
	nvp_bus_close(bus);
}

static uint32_t
mask_at(uint32_t v)
{
	return FV_TABLE + v * 16 + 12;
}

static void
vectors(void **state)
{
	struct nvp_bus *bus = attach(FV_BDF);
	uint32_t one = 1, zero = 0, got;
	int fd = bus->ops->irq_fd(bus, 3), other;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(fv.irq_index, VFIO_PCI_MSIX_IRQ_INDEX);
	assert_int_equal(fv.irq_fd[3], fd);
	assert_int_equal(fv.irq_fd[0], -1);
	assert_int_equal(bus->ops->irq_fd(bus, 3), fd);
	assert_int_equal(fv.irq_calls, 1);
	other = bus->ops->irq_fd(bus, 0);
	assert_true(other >= 0 && fv.irq_fd[0] == other && fv.irq_fd[3] == fd);
	/* The table is the kernel's: a mask takes the eventfd away and gives it back. */
	assert_int_equal(bus->ops->bar_write(bus, 0, mask_at(3), &one, 4), 0);
	assert_int_equal(fv.irq_fd[3], -1);
	assert_int_equal(bus->ops->bar_read(bus, 0, mask_at(3), &got, 4), 0);
	assert_int_equal(got, 1);
	assert_int_equal(bus->ops->bar_write(bus, 0, mask_at(3), &zero, 4), 0);
	assert_int_equal(fv.irq_fd[3], fd);
	assert_int_equal(bus->ops->irq_fd(bus, FV_VECTORS), -EINVAL);
	nvp_bus_close(bus);
}

/* A kernel that is short of vectors says how many it has. */
static void
few_vectors(void **state)
{
	struct nvp_bus *bus = attach(FV_BDF);

	(void)state;
	fv.fail = VFIO_DEVICE_SET_IRQS;
	fv.fail_errno = 0;
	fv.fail_value = 3;
	assert_int_equal(bus->ops->irq_fd(bus, 5), -ENOSPC);
	fv.fail_errno = ENOSPC;
	assert_int_equal(bus->ops->irq_fd(bus, 1), -ENOSPC);
	fv.fail = 0;
	assert_true(bus->ops->irq_fd(bus, 1) >= 0);
	assert_int_equal(bus->ops->irq_fd(bus, 5), -EINVAL);
	nvp_bus_close(bus);
}

static void
msi(void **state)
{
	struct nvp_bus *bus;

	(void)state;
	refused(FV_BDF "?msi", -ENOTSUP, "no MSI capability");
	fv.has_msi = true;
	bus = attach(FV_BDF "?msi");
	assert_true(bus->ops->irq_fd(bus, 1) >= 0);
	assert_int_equal(fv.irq_index, VFIO_PCI_MSI_IRQ_INDEX);
	assert_int_equal(bus->ops->irq_fd(bus, 2), -EINVAL);
	nvp_bus_close(bus);
}

static void
resets(void **state)
{
	struct nvp_bus *bus = attach(FV_BDF);

	(void)state;
	assert_int_equal(bus->ops->reset(bus, NVP_RESET_FUNCTION), 0);
	assert_int_equal(fv.resets, 1);
	assert_int_equal(bus->ops->reset(bus, NVP_RESET_HOT), 0);
	assert_int_equal(fv.hot_groups, 1);
	fv.behind_group = 9; /* of somebody else */
	assert_int_equal(bus->ops->reset(bus, NVP_RESET_HOT), -EPERM);
	assert_non_null(strstr(nvp_bus_error(), "0000:01:01.1"));
	fv.fail = VFIO_DEVICE_GET_PCI_HOT_RESET_INFO;
	fv.fail_errno = ENODEV;
	assert_int_equal(bus->ops->reset(bus, NVP_RESET_HOT), -ENODEV);
	assert_non_null(strstr(nvp_bus_error(), "use flr()"));
	nvp_bus_close(bus);
}

static int
scenario(void)
{
	struct nvp_bus *bus = NULL;
	uint64_t iova = IOVA;
	int rc = nvp_bus_open(FV_BDF, &bus);

	if (rc)
		return rc;
	rc = bus->ops->dma_map(bus, NULL, MIB2, -1, &iova);
	if (!rc && !bus->ops->bar_map(bus, 0, 0x1000, 0x1000))
		rc = -ENOMEM;
	if (!rc)
		rc = bus->ops->irq_fd(bus, 0);
	if (rc > 0)
		rc = bus->ops->reset(bus, NVP_RESET_HOT);
	nvp_bus_close(bus);
	return rc;
}

static void
every_allocation_may_fail(void **state)
{
	int n, rc;

	(void)state;
	for (n = 0;; n++) {
		ut_alloc_budget = n;
		rc = scenario();
		ut_alloc_budget = -1;
		if (!rc)
			break;
		assert_int_equal(rc, -ENOMEM);
	}
	assert_true(n > 8);
}

#define T(f) cmocka_unit_test_setup_teardown(f, up, down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(addresses),
		T(who_keeps_it),
		T(without_an_iommu),
		T(iommu_stays_on),
		T(each_request_may_fail),
		T(what_is_no_drive),
		T(twice_in_a_process),
		T(registers),
		T(memory),
		T(iommufd),
		T(windows),
		T(sleeping_device),
		T(vectors),
		T(few_vectors),
		T(msi),
		T(resets),
		T(every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
