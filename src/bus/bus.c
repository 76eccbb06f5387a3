/* SPDX-License-Identifier: BSD-3-Clause */
/* From an address to a bus: the table of back ends, and the line that says why it did not work. */
#include "bus/bus.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "bus/vfio.h"
#include "util/bits.h"

#define MAX_BUSES 8u

static _Thread_local char error_line[512];

/* Those of this layer; the rest is added by nvp_bus_register(). */
static const struct nvp_bus_ops *buses[MAX_BUSES] = {
	&nvp_vfu_bus_ops,
	&nvp_ssd_bus_ops,
	&nvp_qemu_bus_ops,
	&nvp_vfio_bus_ops,
};
static pthread_mutex_t buses_lock = PTHREAD_MUTEX_INITIALIZER;

const char *
nvp_bus_error(void)
{
	return error_line;
}

void
nvp_bus_set_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(error_line, sizeof(error_line), fmt, ap);
	va_end(ap);
}

static int
register_locked(const struct nvp_bus_ops *ops)
{
	for (size_t i = 0; i < MAX_BUSES; i++) {
		if (!buses[i]) {
			buses[i] = ops;
			return 0;
		}
		if (!strcmp(buses[i]->name, ops->name))
			return -EEXIST;
	}
	return -ENOSPC;
}

int
nvp_bus_register(const struct nvp_bus_ops *ops)
{
	int rc;

	pthread_mutex_lock(&buses_lock);
	rc = register_locked(ops);
	pthread_mutex_unlock(&buses_lock);
	return rc;
}

/* The back end whose prefix addr has; *rest is what follows the colon. */
static const struct nvp_bus_ops *
find(const char *addr, const char **rest)
{
	const struct nvp_bus_ops *found = NULL;
	size_t len = strcspn(addr, ":");

	if (vfio_is_addr(addr)) { /* the one form without a name */
		*rest = addr;
		return &nvp_vfio_bus_ops;
	}
	if (addr[len] != ':')
		return NULL;
	*rest = addr + len + 1;
	pthread_mutex_lock(&buses_lock);
	for (size_t i = 0; i < MAX_BUSES && buses[i] && !found; i++)
		if (strlen(buses[i]->name) == len && !memcmp(buses[i]->name, addr, len))
			found = buses[i];
	pthread_mutex_unlock(&buses_lock);
	return found;
}

static void
explain_unknown(const char *addr)
{
	char known[128];
	size_t n = 0;

	known[0] = '\0';
	pthread_mutex_lock(&buses_lock);
	for (size_t i = 0; i < MAX_BUSES && buses[i] && n < sizeof(known) - 32; i++)
		n += (size_t)snprintf(known + n, sizeof(known) - n, " \"%.16s:\"", buses[i]->name);
	pthread_mutex_unlock(&buses_lock);
	nvp_bus_set_error("\"%.200s\" is not an address that this program can open; addresses start with one of%s",
			  addr, known);
}

int
nvp_bus_open(const char *addr, struct nvp_bus **out)
{
	const char *name = addr && addr[0] ? addr : "ssd:", *rest;
	const struct nvp_bus_ops *ops = find(name, &rest);
	struct nvp_bus *bus = NULL;
	int rc;

	error_line[0] = '\0';
	if (!ops) {
		explain_unknown(name);
		return -EINVAL;
	}
	rc = ops->open(rest, &bus);
	if (rc) {
		if (!error_line[0])
			nvp_bus_set_error("%.200s: %s", name, strerror(-rc));
		return rc;
	}
	if (!bus->ops)
		bus->ops = ops;
	if (!bus->clock)
		bus->clock = ut_clock_real();
	if (!bus->addr[0])
		snprintf(bus->addr, sizeof(bus->addr), "%s", name);
	*out = bus;
	return 0;
}

void
nvp_bus_close(struct nvp_bus *bus)
{
	if (bus)
		bus->ops->close(bus);
}
