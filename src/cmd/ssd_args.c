/* SPDX-License-Identifier: BSD-3-Clause */
/* Parsing the command line of nvproof-ssd: every value is checked, and what is wrong is said in one line. */
#include "cmd/ssd_args.h"
#include "ssd/fault.h"
#include "util/size.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef NVP_VERSION
#define NVP_VERSION "unknown"
#endif

#define NOT_GIVEN UINT64_MAX

static const char help[] =
	"Usage: nvproof-ssd --socket PATH [OPTIONS]\n"
	"       nvproof-ssd fsck [--repair] IMAGE\n"
	"\n"
	"A software SSD: a complete NVMe controller, served over vfio-user on a UNIX socket.\n"
	"\n"
	"Serving\n"
	"  --socket PATH         listen here (mode 0600); repeat it for more controllers of the same subsystem\n"
	"  --control PATH        control socket: JSON-RPC 2.0, one message a line; methods power_off power_on "
	"power_cycle\n"
	"                        stats temperature info fault_add fault_clear\n"
	"                        fault_list shutdown  (default: the first socket + \".ctl\"; every\n"
	"                        further socket gets a link PATH.ctl to it)\n"
	"  --cpu N               run on this core only\n"
	"  --quiet               print nothing but errors\n"
	"\n"
	"Drive\n"
	"  --size SIZE           size of each namespace (default 1G, as the profile says); suffixes K M G T are powers "
	"of 1024\n"
	"  --ns N                number of namespaces (default 1), all of --size\n"
	"  --ns SIZE[:LBA]       one namespace of that size; repeat it for more\n"
	"  --lba 512|4096        LBA size (default 512)\n"
	"  --profile NAME|FILE   what drive it is: ram (default), null (keeps nothing: for measuring), client-tlc,\n"
	"                        enterprise-tlc, qlc, slow (modelled flash), zns, or a file NAME.ini; the options\n"
	"                        here say what is different\n"
	"  --ram-limit SIZE      profile ram: how much may be written before the drive is full (default: three "
	"quarters\n"
	"                        of the memory available at the start); flash: how large it may be in all\n"
	"  --image PATH          the data, or the modelled flash, is in this file; locked while in use\n"
	"  --create              make the image file when it is missing\n"
	"  --queues N            I/O queue pairs, 1 to 127 (default 127)\n"
	"  --mdts N              largest transfer, 2^N pages of 4 KiB (default 9: 2 MiB)\n"
	"  --cmb SIZE            controller memory buffer of each controller: whole 4 KiB up to 1G, 0: none (default "
	"1M)\n"
	"  --virt                SR-IOV: the first socket is a physical function, the others are its virtual "
	"functions,\n"
	"                        there while its VF Enable is set, each with a link PATH.vfN beside the first socket;\n"
	"                        their controllers are secondary ones, offline until the first one, which is primary,\n"
	"                        assigns resources to them (Virtualization Management)\n"
	"  --sn, --mn, --fr STR  serial number, model number, firmware revision\n"
	"  --seed N              seed of everything random (default 0)\n"
	"  --nasty               what is legal and unpleasant, chosen by the seed: completions out of order, and many "
	"at\n"
	"                        once, late interrupts, events at bad moments, writes that flash has in part\n"
	"\n"
	"For a program that starts it\n"
	"  --ready-fd N          write \"ready\" to this descriptor once sockets listen, or \"error: ...\", and close "
	"it\n"
	"  --lifeline-fd N       stop when the other end of this pipe is closed\n"
	"  --run-dir DIR         remove this (then empty) directory when stopping\n"
	"\n"
	"  --help  --version\n"
	"  --faults              print the firmware bugs that can be imitated: name, argument, what it does, what it "
	"violates\n"
	"\n"
	"SIGTERM and SIGINT stop it: media are flushed, sockets removed.  A client attaches with the address "
	"vfu:PATH.\n";

enum {
	OPT_SOCKET = 256,
	OPT_CONTROL,
	OPT_CPU,
	OPT_QUIET,
	OPT_SIZE,
	OPT_NS,
	OPT_LBA,
	OPT_PROFILE,
	OPT_RAM_LIMIT,
	OPT_IMAGE,
	OPT_CREATE,
	OPT_QUEUES,
	OPT_MDTS,
	OPT_CMB,
	OPT_VIRT,
	OPT_NASTY,
	OPT_SN,
	OPT_MN,
	OPT_FR,
	OPT_SEED,
	OPT_READY_FD,
	OPT_LIFELINE_FD,
	OPT_RUN_DIR,
	OPT_FAULTS,
	OPT_HELP,
	OPT_VERSION,
};

static const struct option options[] = {
	{ "socket", required_argument, NULL, OPT_SOCKET },
	{ "control", required_argument, NULL, OPT_CONTROL },
	{ "cpu", required_argument, NULL, OPT_CPU },
	{ "quiet", no_argument, NULL, OPT_QUIET },
	{ "size", required_argument, NULL, OPT_SIZE },
	{ "ns", required_argument, NULL, OPT_NS },
	{ "lba", required_argument, NULL, OPT_LBA },
	{ "profile", required_argument, NULL, OPT_PROFILE },
	{ "ram-limit", required_argument, NULL, OPT_RAM_LIMIT },
	{ "image", required_argument, NULL, OPT_IMAGE },
	{ "create", no_argument, NULL, OPT_CREATE },
	{ "queues", required_argument, NULL, OPT_QUEUES },
	{ "mdts", required_argument, NULL, OPT_MDTS },
	{ "cmb", required_argument, NULL, OPT_CMB },
	{ "virt", no_argument, NULL, OPT_VIRT },
	{ "nasty", no_argument, NULL, OPT_NASTY },
	{ "sn", required_argument, NULL, OPT_SN },
	{ "mn", required_argument, NULL, OPT_MN },
	{ "fr", required_argument, NULL, OPT_FR },
	{ "seed", required_argument, NULL, OPT_SEED },
	{ "ready-fd", required_argument, NULL, OPT_READY_FD },
	{ "lifeline-fd", required_argument, NULL, OPT_LIFELINE_FD },
	{ "run-dir", required_argument, NULL, OPT_RUN_DIR },
	{ "faults", no_argument, NULL, OPT_FAULTS },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ 0 },
};

/* While parsing: --size, --lba and --ns N mean each other's namespaces, in whatever order they come. */
struct parse {
	struct ssd_args *a;
	uint64_t size;
	uint32_t lba;
	uint32_t count; /* --ns N; 0: not given */
	const char *profile_name;
	struct ssd_profile profile;
	char *err;
	size_t errlen;
};

/* A number from lo to hi, decimal or 0x. */
static bool
number(const char *s, uint64_t lo, uint64_t hi, uint64_t *out)
{
	char *end;

	if (*s < '0' || *s > '9')
		return false;
	errno = 0;
	*out = strtoull(s, &end, 0);
	return !errno && !*end && *out >= lo && *out <= hi;
}

/* A size of something that is there, up to `end`. */
static bool
size_text(const char *s, const char **end, uint64_t *out)
{
	return ut_size(s, end, out) && *out > 0 && *out <= INT64_MAX;
}

static int
bad(struct parse *p, const char *opt, const char *val, const char *want)
{
	snprintf(p->err, p->errlen, "--%s %s: expected %s", opt, val, want);
	return -EINVAL;
}

static int
on_size(struct parse *p, const char *opt, const char *val, uint64_t *out)
{
	const char *end;

	if (!size_text(val, &end, out) || *end)
		return bad(p, opt, val, "a size such as 64G or 512M");
	return 0;
}

static bool
lba_text(const char *val, uint32_t *out)
{
	uint64_t v;

	if (!number(val, 512, 4096, &v) || (v != 512 && v != 4096))
		return false;
	*out = (uint32_t)v;
	return true;
}

/* "2": two namespaces.  "1G" or "1G:4096": one more namespace. */
static int
on_ns(struct parse *p, const char *val)
{
	struct ssd_config *cfg = &p->a->cfg;
	struct ssd_ns_config ns = { 0 };
	const char *end;
	uint64_t n;

	if (number(val, 1, SSD_MAX_NAMESPACES, &n)) {
		p->count = (uint32_t)n;
		return 0;
	}
	if (!size_text(val, &end, &ns.size) || (*end && *end != ':') ||
	    (*end == ':' && !lba_text(end + 1, &ns.lba_size)))
		return bad(p, "ns", val, "a number of namespaces up to 32, or SIZE[:LBA] such as 1G:4096");
	if (cfg->nr_ns == SSD_MAX_NAMESPACES)
		return bad(p, "ns", val, "at most 32 namespaces");
	cfg->ns[cfg->nr_ns++] = ns;
	return 0;
}

/* Printable ASCII: what Identify may contain. */
static int
on_text(struct parse *p, const char *opt, const char *val, char *out, size_t room)
{
	for (const char *s = val; *s; s++) {
		if (*s < 0x20 || *s > 0x7e)
			return bad(p, opt, val, "printable ASCII characters");
	}
	if (strlen(val) >= room) {
		snprintf(p->err, p->errlen, "--%s %s: at most %zu characters", opt, val, room - 1);
		return -EINVAL;
	}
	strcpy(out, val);
	return 0;
}

static int
on_fd(struct parse *p, const char *opt, const char *val, int *out)
{
	uint64_t v;

	if (!number(val, 0, 1 << 20, &v) || fcntl((int)v, F_SETFD, FD_CLOEXEC))
		return bad(p, opt, val, "the number of an open descriptor");
	*out = (int)v;
	return 0;
}

static int
on_number(struct parse *p, int opt, const char *val)
{
	struct ssd_config *cfg = &p->a->cfg;
	uint64_t v = 0;

	switch (opt) {
	case OPT_QUEUES:
		if (!number(val, 1, SSD_MAX_QUEUES - 1, &v))
			return bad(p, "queues", val, "1 to 127");
		cfg->queues = (uint16_t)v;
		return 0;
	case OPT_MDTS:
		if (!number(val, 1, 9, &v))
			return bad(p, "mdts", val, "1 to 9");
		cfg->mdts = (uint8_t)v;
		return 0;
	case OPT_CPU:
		if (!number(val, 0, CPU_SETSIZE - 1, &v))
			return bad(p, "cpu", val, "the number of a core");
		p->a->cpu = (int)v;
		return 0;
	default:
		return number(val, 0, UINT64_MAX, &cfg->seed) ? 0 : bad(p, "seed", val, "a number");
	}
}

static int
on_socket(struct parse *p, const char *val)
{
	struct ssd_args *a = p->a;

	if (a->nr_sockets == SSD_MAX_CTRLRS)
		return bad(p, "socket", val, "at most 8 sockets");
	for (uint32_t i = 0; i < a->nr_sockets; i++) {
		if (!strcmp(a->socket[i], val))
			return bad(p, "socket", val, "a different path for each controller");
	}
	a->socket[a->nr_sockets++] = val;
	return 0;
}

static int
on_option(struct parse *p, int opt, const char *val)
{
	struct ssd_args *a = p->a;

	switch (opt) {
	case OPT_SOCKET:
		return on_socket(p, val);
	case OPT_CONTROL:
		a->control = val;
		return 0;
	case OPT_QUIET:
		a->quiet = true;
		return 0;
	case OPT_SIZE:
		return on_size(p, "size", val, &p->size);
	case OPT_NS:
		return on_ns(p, val);
	case OPT_LBA:
		return lba_text(val, &p->lba) ? 0 : bad(p, "lba", val, "512 or 4096");
	case OPT_PROFILE:
		p->profile_name = val; /* looked for when --ready-fd is known: whoever starts us learns what is wrong */
		return 0;
	case OPT_RAM_LIMIT:
		return on_size(p, "ram-limit", val, &a->cfg.ram_limit);
	case OPT_CMB:
		a->cfg.cmb_size = 0;
		return !strcmp(val, "0") ? 0 : on_size(p, "cmb", val, &a->cfg.cmb_size);
	case OPT_NASTY:
		a->nasty = true;
		return 0;
	case OPT_VIRT:
		a->cfg.virt = true;
		return 0;
	case OPT_IMAGE:
		a->cfg.image = val;
		return 0;
	case OPT_CREATE:
		a->cfg.create = true;
		return 0;
	case OPT_SN:
		return on_text(p, "sn", val, a->cfg.sn, sizeof(a->cfg.sn));
	case OPT_MN:
		return on_text(p, "mn", val, a->cfg.mn, sizeof(a->cfg.mn));
	case OPT_FR:
		return on_text(p, "fr", val, a->cfg.fr, sizeof(a->cfg.fr));
	case OPT_READY_FD:
		return on_fd(p, "ready-fd", val, &a->ready_fd);
	case OPT_LIFELINE_FD:
		return on_fd(p, "lifeline-fd", val, &a->lifeline_fd);
	case OPT_RUN_DIR:
		a->run_dir = val;
		return 0;
	default:
		return on_number(p, opt, val);
	}
}

/* What no option said is as the profile has it. */
static void
fill(struct parse *p)
{
	struct ssd_config *cfg = &p->a->cfg, as = { 0 };

	ssd_profile_apply(&p->profile, &as);
	cfg->profile = as.profile;
	cfg->media = cfg->image && as.media == SSD_MEDIA_RAM ? SSD_MEDIA_FILE : as.media;
	cfg->queues = cfg->queues || cfg->virt ? cfg->queues : as.queues;
	cfg->mqes = as.mqes;
	cfg->mdts = cfg->mdts ? cfg->mdts : as.mdts;
	cfg->cmb_size = cfg->cmb_size == NOT_GIVEN ? as.cmb_size : cfg->cmb_size;
	if (!cfg->sn[0])
		memcpy(cfg->sn, as.sn, sizeof(cfg->sn));
	if (!cfg->mn[0])
		memcpy(cfg->mn, as.mn, sizeof(cfg->mn));
	if (!cfg->fr[0])
		memcpy(cfg->fr, as.fr, sizeof(cfg->fr));
	if (!cfg->nr_ns) {
		cfg->nr_ns = p->count ? p->count : as.nr_ns;
		for (uint32_t i = 0; i < cfg->nr_ns; i++)
			cfg->ns[i].size = p->size ? p->size : p->profile.capacity;
	}
	for (uint32_t i = 0; i < cfg->nr_ns; i++) {
		if (!cfg->ns[i].lba_size)
			cfg->ns[i].lba_size = p->lba ? p->lba : p->profile.lba;
	}
}

/* What only all options together tell. */
static int
finish(struct parse *p)
{
	struct ssd_config *cfg = &p->a->cfg;
	const char *wrong = NULL;

	if (ssd_profile_find(p->profile_name, &p->profile, p->err, p->errlen))
		return -EINVAL;
	if (!p->a->nr_sockets)
		wrong = "--socket PATH is missing; see nvproof-ssd --help";
	else if (p->count && cfg->nr_ns)
		wrong = "--ns N and --ns SIZE do not go together";
	else if (cfg->image && p->profile.media == SSD_PROFILE_NULL)
		wrong = "--image needs a profile whose media keep anything";
	if (wrong) {
		snprintf(p->err, p->errlen, "%s", wrong);
		return -EINVAL;
	}
	fill(p);
	return 0;
}

/* With tabs, for programs. */
static void
print_faults(void)
{
	const struct ssd_fault_point *p;

	for (uint32_t i = 0; (p = ssd_fault_point(i)); i++)
		printf("%s\t%s\t%s\t%s\n", p->name, p->arg, p->does, p->violates);
}

int
ssd_args_parse(struct ssd_args *a, int argc, char **argv, char *err, size_t errlen)
{
	struct parse p = { .a = a, .profile_name = "ram", .err = err, .errlen = errlen };
	int opt, rc;

	*a = (struct ssd_args){ .cpu = -1, .ready_fd = -1, .lifeline_fd = -1, .cfg.cmb_size = NOT_GIVEN };
	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		if (opt == OPT_FAULTS) {
			print_faults();
			return 1;
		}
		if (opt == OPT_HELP || opt == OPT_VERSION) {
			fputs(opt == OPT_HELP ? help : "nvproof-ssd " NVP_VERSION "\n", stdout);
			return 1;
		}
		if (opt == '?' || opt == ':') {
			snprintf(err, errlen, "%s: %s; see nvproof-ssd --help", argv[optind - 1],
				 opt == ':' ? "needs a value" : "unknown option");
			return -EINVAL;
		}
		rc = on_option(&p, opt, optarg);
		if (rc)
			return rc;
	}
	if (optind < argc) {
		snprintf(err, errlen, "%s: not an option; see nvproof-ssd --help", argv[optind]);
		return -EINVAL;
	}
	return finish(&p);
}
