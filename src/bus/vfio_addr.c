/* SPDX-License-Identifier: BSD-3-Clause */
/* The address of a PCI function, and what sysfs says of it. */
#include "bus/vfio.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OPTION_MAX 32u

char vfio_root[128];

/* Exactly n hexadecimal digits. */
static bool
hex(const char *s, size_t n)
{
	return strspn(s, "0123456789abcdefABCDEF") >= n;
}

/* "01:00.0": where it ends, or NULL. */
static const char *
bus_dev_fn(const char *s)
{
	if (!hex(s, 2) || s[2] != ':' || !hex(s + 3, 2) || s[5] != '.' || s[6] < '0' || s[6] > '7')
		return NULL;
	return s + 7;
}

/* Where the address ends; *domain: it begins with one. */
static const char *
address_end(const char *s, bool *domain)
{
	*domain = hex(s, 4) && s[4] == ':';
	return bus_dev_fn(*domain ? s + 5 : s);
}

bool
vfio_is_addr(const char *addr)
{
	bool domain;
	const char *end = address_end(addr, &domain);

	return end && (*end == '\0' || *end == '?');
}

static int
set_option(struct vfio_addr *a, const char *word, size_t len)
{
	if (len == 3 && !memcmp(word, "msi", len))
		a->msi = true;
	else if (len == 7 && !memcmp(word, "noiommu", len))
		a->noiommu = true;
	else if (len == 7 && !memcmp(word, "iommufd", len))
		a->how = VFIO_HOW_IOMMUFD;
	else if (len == 5 && !memcmp(word, "group", len))
		a->how = VFIO_HOW_GROUP;
	else
		return -EINVAL;
	return 0;
}

static int
parse_options(struct vfio_addr *a, const char *p)
{
	while (*p) {
		size_t len = strcspn(p, "&");

		if (set_option(a, p, len)) {
			nvp_bus_set_error("%s: no option \"%.*s\"; a PCI address takes msi, noiommu, iommufd, group",
					  a->bdf, (int)(len < OPTION_MAX ? len : OPTION_MAX), p);
			return -EINVAL;
		}
		p += len + (p[len] == '&');
	}
	return 0;
}

int
vfio_parse(const char *text, struct vfio_addr *out)
{
	bool domain;
	const char *end = address_end(text, &domain);
	int len = end ? (int)(end - text) : 0;

	*out = (struct vfio_addr){ .how = VFIO_HOW_ANY };
	if (!end || (*end && *end != '?')) {
		nvp_bus_set_error("\"%.60s\" is not a PCI address such as 0000:01:00.0", text);
		return -EINVAL;
	}
	snprintf(out->bdf, sizeof(out->bdf), "%s%.*s", domain ? "" : "0000:", len, text);
	for (char *c = out->bdf; *c; c++)
		if (*c >= 'A' && *c <= 'F')
			*c = (char)(*c - 'A' + 'a');
	return *end ? parse_options(out, end + 1) : 0;
}

static void
device_path(char *path, size_t room, const char *bdf, const char *name)
{
	snprintf(path, room, "%s/sys/bus/pci/devices/%s%s%s", vfio_root, bdf, *name ? "/" : "", name);
}

bool
vfio_link(const char *bdf, const char *name, char *out, size_t room)
{
	char path[256], to[512];
	const char *last;
	ssize_t n;

	device_path(path, sizeof(path), bdf, name);
	n = readlink(path, to, sizeof(to) - 1);
	if (n <= 0)
		return false;
	to[n] = '\0';
	last = strrchr(to, '/');
	snprintf(out, room, "%s", last ? last + 1 : to);
	return true;
}

bool
vfio_parent(const char *bdf, char *out, size_t room)
{
	char path[256], *real, *cut;
	bool domain;
	bool found = false;

	device_path(path, sizeof(path), bdf, "");
	real = realpath(path, NULL);
	if (!real)
		return false;
	cut = strrchr(real, '/');
	if (cut) {
		*cut = '\0';
		cut = strrchr(real, '/');
		found = cut && address_end(cut + 1, &domain) && domain; /* "pci0000:00" is the root bus */
	}
	if (found)
		snprintf(out, room, "%s", cut + 1);
	free(real);
	return found;
}

static bool
is_vfio_driver(const char *name)
{
	return strstr(name, "vfio"); /* vfio-pci, and the variants that vendors make of it */
}

int
vfio_check_bound(const char *bdf)
{
	char path[256], driver[64] = "";

	device_path(path, sizeof(path), bdf, "");
	if (access(path, F_OK)) {
		nvp_bus_set_error("%s: there is no such PCI function; `nvproof list` shows the NVMe functions", bdf);
		return -ENODEV;
	}
	vfio_link(bdf, "driver", driver, sizeof(driver));
	if (is_vfio_driver(driver))
		return 0;
	if (driver[0])
		nvp_bus_set_error("%s: belongs to the kernel driver %s; hand it over with `nvproof bind %s`", bdf,
				  driver, bdf);
	else
		nvp_bus_set_error("%s: has no driver; hand it over with `nvproof bind %s`", bdf, bdf);
	return -EBUSY;
}

int
vfio_group_of(const char *bdf)
{
	char name[32], *end;
	long n;

	if (!vfio_link(bdf, "iommu_group", name, sizeof(name)))
		return -1;
	n = strtol(name, &end, 10);
	return *end || n < 0 || n > INT32_MAX ? -1 : (int)n;
}

bool
vfio_cdev_of(const char *bdf, char *path, size_t room)
{
	char dir[256];
	struct dirent *e;
	bool found = false;
	DIR *d;

	device_path(dir, sizeof(dir), bdf, "vfio-dev");
	d = opendir(dir);
	while (d && !found && (e = readdir(d))) {
		found = !strncmp(e->d_name, "vfio", 4);
		if (found)
			snprintf(path, room, "%s/dev/vfio/devices/%.32s", vfio_root, e->d_name);
	}
	if (d)
		closedir(d);
	return found;
}

int
vfio_open_config(const char *bdf)
{
	char path[256];

	device_path(path, sizeof(path), bdf, "config");
	return open(path, O_RDWR | O_CLOEXEC);
}
