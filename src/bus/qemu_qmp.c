/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Our memory in QEMU: a region's file becomes a memory module, plugged in at the address that the region has for every
 * device.  So buffers are at the same I/O address whichever bus they are used on, and nothing is copied.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bus/qemu_int.h"
#include "util/bits.h"

/* ACPI memory hot-plug registers of q35; docs/specs/acpi_mem_hotplug of QEMU. */
#define HOTPLUG_PORT 0x0a00u
#define HOTPLUG_SELECT 0x00u
#define HOTPLUG_STATUS 0x14u
#define HOTPLUG_EJECT 0x08u

/* The answer, past events.  An error of QEMU's is -EIO with its text. */
static int
answer(struct qemu_lines *l, json_t **out)
{
	json_t *root;
	const char *why;
	char *line;
	uint32_t n = 0;
	int rc;

	for (;;) {
		rc = qemu_lines_next(l, &line);
		if (rc)
			return rc;
		root = json_loads(line, 0, NULL);
		if (json_object_get(root, "return") || json_object_get(root, "error") || json_object_get(root, "QMP"))
			break;
		if (!json_object_get(root, "event") || n++ == QEMU_MAX_ASIDES)
			l->dead = true;
		json_decref(root);
		if (l->dead)
			return -EPROTO;
	}
	why = json_string_value(json_object_get(json_object_get(root, "error"), "desc"));
	if (json_object_get(root, "error")) {
		nvp_bus_set_error("QEMU: %s", why ? why : "it refuses a command");
		json_decref(root);
		return -EIO;
	}
	*out = root;
	return 0;
}

static int __attribute__((format(printf, 4, 5)))
call(struct qemu_lines *l, int pass, json_t **reply, const char *fmt, ...)
{
	char text[512];
	json_t *root = NULL;
	va_list ap;
	int rc, n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	rc = qemu_lines_send(l, text, (size_t)n, pass);
	if (!rc)
		rc = answer(l, &root);
	if (reply)
		*reply = root;
	else
		json_decref(root);
	return rc;
}

int
qemu_qmp_greet(struct qemu_lines *l)
{
	json_t *hello = NULL;
	int rc = answer(l, &hello);

	json_decref(hello);
	return rc ? rc : call(l, -1, NULL, "{\"execute\":\"qmp_capabilities\"}\n");
}

static int
pass_fd(struct qemu_lines *l, int fd, int64_t *set, int64_t *number)
{
	const json_t *got;
	json_t *reply = NULL;
	int rc = call(l, fd, &reply, "{\"execute\":\"add-fd\"}\n");

	got = json_object_get(reply, "return");
	*set = json_integer_value(json_object_get(got, "fdset-id"));
	*number = json_integer_value(json_object_get(got, "fd"));
	json_decref(reply);
	return rc;
}

static int
plug(struct qemu_lines *l, uint32_t slot, int64_t number, uint64_t iova, uint64_t len)
{
	int rc =
		call(l, -1, NULL,
		     "{\"execute\":\"object-add\",\"arguments\":{\"qom-type\":\"memory-backend-file\",\"id\":\"mem%u\","
		     "\"mem-path\":\"/proc/self/fd/%" PRId64 "\",\"size\":%" PRIu64 ",\"share\":true}}\n",
		     slot, number, len);

	if (rc)
		return rc;
	rc = call(l, -1, NULL,
		  "{\"execute\":\"device_add\",\"arguments\":{\"driver\":\"pc-dimm\",\"id\":\"dimm%u\",\"memdev\":"
		  "\"mem%u\","
		  "\"slot\":%u,\"addr\":%" PRIu64 "}}\n",
		  slot, slot, slot, iova);
	if (rc)
		(void)call(l, -1, NULL, "{\"execute\":\"object-del\",\"arguments\":{\"id\":\"mem%u\"}}\n", slot);
	return rc;
}

/* It has its own mapping of the file by then. */
static void
drop_fd(struct qemu_lines *l, int64_t set)
{
	(void)call(l, -1, NULL, "{\"execute\":\"remove-fd\",\"arguments\":{\"fdset-id\":%" PRId64 "}}\n", set);
}

int
qemu_qmp_map(struct qemu_bus *b, int fd, uint64_t iova, uint64_t len)
{
	uint32_t slot = 0;
	int64_t set, number;
	int rc;

	while (slot < QEMU_MAX_REGIONS && b->region[slot].len)
		slot++;
	if (slot == QEMU_MAX_REGIONS)
		return -ENOSPC;
	rc = pass_fd(&b->qmp, fd, &set, &number);
	if (rc)
		return rc;
	rc = plug(&b->qmp, slot, number, iova, len);
	drop_fd(&b->qmp, set);
	if (!rc)
		b->region[slot] = (struct qemu_region){ .iova = iova, .len = len };
	return rc;
}

/* What an operating system does when it is asked to let a module go. */
static int
eject(struct qemu_bus *b, uint32_t slot)
{
	int rc = qemu_qtest_out(&b->qtest, HOTPLUG_PORT + HOTPLUG_SELECT, 4, slot);

	if (!rc)
		rc = qemu_qtest_out(&b->qtest, HOTPLUG_PORT + HOTPLUG_STATUS, 1, HOTPLUG_EJECT);
	return rc ? rc : qemu_qtest_sync(&b->qtest);
}

int
qemu_qmp_unmap(struct qemu_bus *b, uint64_t iova, uint64_t len)
{
	uint32_t slot = 0;
	int rc;

	while (slot < QEMU_MAX_REGIONS && (b->region[slot].iova != iova || b->region[slot].len != len))
		slot++;
	if (slot == QEMU_MAX_REGIONS)
		return -ENOENT;
	rc = call(&b->qmp, -1, NULL, "{\"execute\":\"device_del\",\"arguments\":{\"id\":\"dimm%u\"}}\n", slot);
	if (!rc)
		rc = eject(b, slot);
	if (!rc)
		rc = call(&b->qmp, -1, NULL, "{\"execute\":\"object-del\",\"arguments\":{\"id\":\"mem%u\"}}\n", slot);
	if (!rc)
		b->region[slot].len = 0;
	return rc;
}
