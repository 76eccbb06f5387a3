/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Let the kernel forget the function and find it again, as after a change of the drive's power.  Whoever has an address in
 * its BARs, an eventfd, or memory that it reaches keeps them: they are put back behind the new device.
 *
 * The kernel's own driver may be quicker than we are: then it gives it back.  Kernel documentation, sysfs-bus-pci: "remove",
 * "rescan", "driver_override", "drivers_probe", "unbind".
 */
#include "bus/vfio.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define STEP_MS 10u
#define BACK_MS 10000u

static void
bus_path(char *path, size_t room, const char *bdf, const char *name)
{
	snprintf(path, room, "%s/sys/bus/pci/%s%s%s%s", vfio_root, bdf ? "devices/" : "", bdf ? bdf : "",
		 bdf ? "/" : "", name);
}

static int
put(const char *bdf, const char *name, const char *text)
{
	char path[256];
	ssize_t n = (ssize_t)strlen(text);
	int fd, rc;

	bus_path(path, sizeof(path), bdf, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	rc = fd < 0 || write(fd, text, (size_t)n) != n ? -errno : 0;
	if (fd >= 0)
		close(fd);
	return rc;
}

static int
wait_for_it(const char *bdf)
{
	const struct timespec step = { .tv_nsec = STEP_MS * 1000000L };
	char path[256];

	bus_path(path, sizeof(path), bdf, "driver_override");
	for (uint32_t ms = 0; access(path, W_OK); ms += STEP_MS) {
		if (ms >= BACK_MS)
			return -ENODEV;
		nanosleep(&step, NULL);
	}
	return 0;
}

static int
lose_and_find(const char *bdf, const char *driver)
{
	char now[64] = "";
	int rc = put(bdf, "remove", "1");

	if (!rc)
		rc = put(NULL, "rescan", "1");
	if (!rc)
		rc = wait_for_it(bdf);
	if (!rc)
		rc = put(bdf, "driver_override", driver);
	if (!rc && vfio_link(bdf, "driver", now, sizeof(now)) && strcmp(now, driver))
		rc = put(bdf, "driver/unbind", bdf);
	return rc ? rc : put(NULL, "drivers_probe", bdf);
}

/* Everything again that the old device had. */
static int
put_back(struct vfio_bus *b, struct vfio_dma *maps)
{
	int rc = vfio_check_bound(b->addr.bdf);

	if (!rc)
		rc = vfio_attach(b);
	if (!rc)
		rc = vfio_maps_again(b, maps);
	if (!rc)
		rc = vfio_wake(b);
	return rc ? rc : vfio_irq_again(b);
}

int
vfio_rescan(struct vfio_bus *b)
{
	char driver[64] = "vfio-pci";
	struct vfio_dma *maps;
	int rc = vfio_maps_take(b, &maps);

	if (rc) {
		nvp_bus_set_error("%s: rescan: another function of its IOMMU group is open", b->addr.bdf);
		return rc;
	}
	vfio_link(b->addr.bdf, "driver", driver, sizeof(driver));
	vfio_windows_off(b);
	vfio_detach(b);
	rc = lose_and_find(b->addr.bdf, driver);
	if (rc) {
		nvp_bus_set_error("%s: remove and rescan: %s", b->addr.bdf, strerror(-rc));
		vfio_maps_free(maps);
		return rc;
	}
	return put_back(b, maps);
}
