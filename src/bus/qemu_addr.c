/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * "nvme?size=1G&ns=2&mdts=5&...": what is ours to know becomes memory and devices; every other option goes to QEMU's
 * nvme-ns or nvme device as it is, and QEMU says itself what it does not know.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "bus/qemu_int.h"
#include "util/alloc.h"
#include "util/bits.h"

#define MAX_ARGS 160u
#define MAX_SIZE (16ull << 40)

/* Properties of nvme-ns, with which each namespace is made; whatever is neither here nor ours is one of nvme. */
static const char *const ns_options[] = {
	"discard_granularity",
	"logical_block_size",
	"physical_block_size",
	"min_io_size",
	"opt_io_size",
	"detached",
	"eui64",
	"eui64-default",
	"uuid",
	"shared",
	"mcl",
	"mssrl",
	"msrc",
	"ms",
	"mset",
	"pi",
	"pif",
	"pil",
	"zoned",
};

static int
refuse(const char *name, const char *value, const char *why)
{
	nvp_bus_set_error("\"qemu:nvme\": %s=%s: %s", name, value, why);
	return -EINVAL;
}

static int
put_size(const char *name, const char *value, uint64_t *out)
{
	char *end;
	unsigned shift = 0;
	uint64_t n;

	errno = 0;
	n = strtoull(value, &end, 10);
	if (*end)
		shift = *end == 'K' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : *end == 'T' ? 40 : 99;
	if (value[0] < '0' || value[0] > '9' || errno || shift == 99 || (*end && end[1]) || n > MAX_SIZE >> shift ||
	    n << shift < 1u << 20)
		return refuse(name, value, "a size from 1M to 16T is wanted, such as 1G");
	*out = n << shift;
	return 0;
}

static int
put_count(const char *name, const char *value, uint32_t max, uint32_t *out)
{
	char *end;
	unsigned long n = strtoul(value, &end, 10);

	if (value[0] < '1' || value[0] > '9' || *end || n > max) {
		nvp_bus_set_error("\"qemu:nvme\": %s=%s: a number from 1 to %u is wanted", name, value, max);
		return -EINVAL;
	}
	*out = (uint32_t)n;
	return 0;
}

/* ",name=value" as QEMU reads it: a comma in a value is written twice. */
static int
add_option(char *to, size_t room, const char *name, const char *value)
{
	size_t n = strlen(to);

	n += (size_t)snprintf(to + n, room - n, ",%s=", name);
	for (; *value && n + 2 < room; value++) {
		to[n++] = *value;
		if (*value == ',')
			to[n++] = ',';
	}
	if (n + 2 >= room)
		return refuse(name, value, "too many options");
	to[n] = '\0';
	return 0;
}

static bool
is_ns_option(const char *name)
{
	if (!strncmp(name, "zoned.", 6))
		return strcmp(name, "zoned.zasl") && strcmp(name, "zoned.auto_transition");
	for (size_t i = 0; i < UT_ARRAY_LEN(ns_options); i++)
		if (!strcmp(ns_options[i], name))
			return true;
	return false;
}

/* A name is part of the command line as well, and what these say is ours. */
static bool
may_pass(const char *name)
{
	static const char *const ours[] = { "drive", "bus", "addr", "id", "subsys", "pmrdev", "nsid", "multifunction" };

	for (size_t i = 0; i < UT_ARRAY_LEN(ours); i++)
		if (!strcmp(ours[i], name))
			return false;
	return name[0] && !name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-.")];
}

static int
put_option(struct qemu_args *a, const char *name, const char *value)
{
	if (!strcmp(name, "size"))
		return put_size(name, value, &a->size);
	if (!strcmp(name, "pmr"))
		return put_size(name, value, &a->pmr);
	if (!strcmp(name, "ns"))
		return put_count(name, value, QEMU_MAX_NS, &a->ns);
	if (!strcmp(name, "ctrlrs"))
		return put_count(name, value, QEMU_MAX_CTRLRS, &a->ctrlrs);
	if (!strcmp(name, "image")) {
		a->image = value;
		return *value ? 0 : refuse(name, value, "a file is wanted");
	}
	if (!may_pass(name))
		return refuse(name, value,
			      "no such option; size ns ctrlrs image pmr nqn, and those of QEMU's nvme and "
			      "nvme-ns devices");
	if (!strcmp(name, "nqn"))
		return add_option(a->subsys_opts, sizeof(a->subsys_opts), name, value);
	if (!strcmp(name, "logical_block_size")) /* never larger than the physical one, which goes first */
		add_option(a->ns_opts, sizeof(a->ns_opts), "physical_block_size", value);
	if (is_ns_option(name))
		return add_option(a->ns_opts, sizeof(a->ns_opts), name, value);
	return add_option(a->ctrlr_opts, sizeof(a->ctrlr_opts), name, value);
}

/* A drive is known by its serial number: with a new one nobody takes it for the one before, whose content is gone. */
static void
choose_serial(struct qemu_args *a)
{
	static atomic_uint count;

	if (a->image)
		snprintf(a->serial, sizeof(a->serial), "QEMU");
	else
		snprintf(a->serial, sizeof(a->serial), "QEMU-%d-%u", (int)getpid(), atomic_fetch_add(&count, 1) + 1);
}

int
qemu_args_parse(struct qemu_args *a, const char *addr)
{
	char *p, *next, *value;
	int rc = 0;

	*a = (struct qemu_args){ .size = 1ull << 30, .ns = 1, .ctrlrs = 1 };
	a->text = ut_strdup(addr);
	if (!a->text)
		return -ENOMEM;
	p = strchr(a->text, '?');
	if (p)
		*p++ = '\0';
	if (strcmp(a->text, "nvme")) {
		nvp_bus_set_error("\"qemu:%.100s\": QEMU's device is called \"qemu:nvme\"", a->text);
		return -EINVAL;
	}
	for (; p && *p && !rc; p = next) {
		next = p + strcspn(p, "&");
		if (*next)
			*next++ = '\0';
		value = p + strcspn(p, "=");
		if (*value)
			*value++ = '\0';
		rc = put_option(a, p, value);
	}
	choose_serial(a);
	return rc;
}

static int __attribute__((format(printf, 2, 3))) put(struct qemu_args *a, const char *fmt, ...)
{
	char text[2048];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(text) || a->argc + 1 >= MAX_ARGS)
		return -E2BIG;
	a->argv[a->argc] = ut_strdup(text);
	if (!a->argv[a->argc])
		return -ENOMEM;
	a->argc++;
	return 0;
}

/*
 * A board with as little as it can be made to have.  Its own memory is never used: ours is plugged in at its I/O address,
 * for which there is room from 4 GiB on.
 */
static int
put_machine(struct qemu_args *a)
{
	static const char *const words[] = {
		"-no-user-config",
		"-nodefaults",
		"-display",
		"none",
		"-accel",
		"tcg,tb-size=1",
		"-S",
		"-M",
		"q35,usb=off,sata=off,smbus=off,graphics=off,hpet=off",
		"-cpu",
		"qemu64,phys-bits=46",
		"-m",
		"2M,slots=256,maxmem=512G",
	};
	int rc = 0;

	for (size_t i = 0; i < UT_ARRAY_LEN(words) && !rc; i++)
		rc = put(a, "%s", words[i]);
	return rc;
}

static int
put_sockets(struct qemu_args *a)
{
	int rc = put(a, "-chardev");

	rc = rc ? rc : put(a, "socket,id=qtest,fd=%d", QEMU_FD_QTEST);
	rc = rc ? rc : put(a, "-object");
	rc = rc ? rc : put(a, "qtest,id=qtest0,chardev=qtest,log=/dev/null");
	rc = rc ? rc : put(a, "-chardev");
	rc = rc ? rc : put(a, "socket,id=qmp,fd=%d", QEMU_FD_QMP);
	rc = rc ? rc : put(a, "-mon");
	rc = rc ? rc : put(a, "chardev=qmp,mode=control");
	rc = rc ? rc : put(a, "-chardev");
	rc = rc ? rc : put(a, "socket,id=irq,fd=%d", QEMU_FD_IRQ);
	rc = rc ? rc : put(a, "-device");
	return rc ? rc : put(a, "ivshmem-doorbell,chardev=irq,vectors=1,ioeventfd=off,addr=3");
}

/* A controller below a root port of its own, which can reset it and switch its link. */
static int
put_ctrlr(struct qemu_args *a, uint32_t i)
{
	char serial[40] = "";
	int rc = put(a, "-device");

	if (!strstr(a->ctrlr_opts, ",serial="))
		snprintf(serial, sizeof(serial), ",serial=%s", a->serial);
	rc = rc ? rc : put(a, "pcie-root-port,id=port%u,chassis=%u,addr=%u", i, i + 1, 4 + i);
	rc = rc ? rc : put(a, "-device");
	if (a->pmr && !i && !rc)
		return put(a, "nvme,id=nvme0,bus=port0,subsys=subsys0,pmrdev=pmr%s%s", serial, a->ctrlr_opts);
	return rc ? rc : put(a, "nvme,id=nvme%u,bus=port%u,subsys=subsys0%s%s", i, i, serial, a->ctrlr_opts);
}

/* Always with a block size: without one, QEMU 7.2 dies of a division by zero where ZRWA is asked for. */
static int
put_ns(struct qemu_args *a, uint32_t i)
{
	const char *lba = strstr(a->ns_opts, ",logical_block_size=") ? "" : ",logical_block_size=512";
	const char *share = a->ctrlrs > 1 || strstr(a->ns_opts, ",shared=") ? "" : ",shared=off";
	int rc = put(a, "-drive");

	rc = rc ? rc
		: put(a, "if=none,id=media%u,file=/proc/self/fd/%u,format=raw,file.locking=off,discard=unmap", i,
		      QEMU_FD_MEDIA + i);
	rc = rc ? rc : put(a, "-device");
	return rc ? rc : put(a, "nvme-ns,drive=media%u,bus=nvme0,nsid=%u%s%s%s", i, i + 1, lba, share, a->ns_opts);
}

int
qemu_args_build(struct qemu_args *a, const char *program)
{
	int rc;

	a->argv = ut_calloc(MAX_ARGS, sizeof(*a->argv));
	rc = a->argv ? put(a, "%s", program) : -ENOMEM;
	rc = rc ? rc : put_machine(a);
	rc = rc ? rc : put_sockets(a);
	if (!rc && a->pmr)
		rc = put(a, "-object");
	if (!rc && a->pmr)
		rc = put(a, "memory-backend-file,id=pmr,mem-path=/proc/self/fd/%d,size=%llu,share=on", QEMU_FD_PMR,
			 (unsigned long long)a->pmr);
	rc = rc ? rc : put(a, "-device");
	rc = rc ? rc : put(a, "nvme-subsys,id=subsys0%s", a->subsys_opts);
	for (uint32_t i = 0; i < a->ctrlrs && !rc; i++)
		rc = put_ctrlr(a, i);
	for (uint32_t i = 0; i < a->ns && !rc; i++)
		rc = put_ns(a, i);
	if (rc == -E2BIG)
		nvp_bus_set_error("\"qemu:nvme\": too many options");
	return rc;
}

void
qemu_args_free(struct qemu_args *a)
{
	for (uint32_t i = 0; i < a->argc; i++)
		free(a->argv[i]);
	free(a->argv);
	free(a->text);
}
