/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvproof-ssd: serves a software SSD over vfio-user.  One thread does everything; SIGTERM, SIGINT, the lifeline or the
 * control socket end it, and then nothing of it is left.
 */
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cmd/ssd_args.h"
#include "cmd/ssd_fsck.h"
#include "front/control.h"
#include "front/vfu_server.h"
#include "ssd/fault.h"
#include "util/bits.h"

#ifndef NVP_VERSION
#define NVP_VERSION "unknown"
#endif

struct program {
	struct ssd_args args;
	struct loop loop;
	struct ssd_subsys *sub;
	struct vfu_server server[SSD_MAX_CTRLRS];
	struct control control;
	char control_path[PATH_MAX];
	char link[SSD_MAX_CTRLRS][PATH_MAX], vf_link[SSD_MAX_CTRLRS][PATH_MAX]; /* made by us, "" when not */
	struct loop_source signals, lifeline;
	char err[512];
};

static void
on_stop(struct loop_source *src, uint32_t events)
{
	struct program *p = ut_container_of(src, struct program, signals);

	(void)events;
	p->loop.stop = true;
}

/* Data on the lifeline means nothing; its end does. */
static void
on_lifeline(struct loop_source *src, uint32_t events)
{
	struct program *p = ut_container_of(src, struct program, lifeline);
	char scrap[64];
	ssize_t n = events & EPOLLIN ? read(src->fd, scrap, sizeof(scrap)) : 0;

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		p->loop.stop = true;
}

static int
watch_signals(struct program *p)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a limit of the file size is an error like a full disk */
	p->signals = (struct loop_source){ .fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), .ready = on_stop };
	if (p->signals.fd < 0)
		return -errno;
	return loop_add(&p->loop, &p->signals, EPOLLIN);
}

static int
watch_lifeline(struct program *p)
{
	p->lifeline = (struct loop_source){ .fd = p->args.lifeline_fd, .ready = on_lifeline };
	return p->lifeline.fd < 0 ? 0 : loop_add(&p->loop, &p->lifeline, EPOLLIN);
}

static int
pin(struct program *p)
{
	cpu_set_t set;

	if (p->args.cpu < 0)
		return 0;
	CPU_ZERO(&set);
	CPU_SET((size_t)p->args.cpu, &set);
	if (!sched_setaffinity(0, sizeof(set), &set))
		return 0;
	snprintf(p->err, sizeof(p->err), "--cpu %d: %s; choose a core that this process may use", p->args.cpu,
		 strerror(errno));
	return -EINVAL;
}

static int
open_drive(struct program *p)
{
	int rc = ssd_subsys_open(&p->args.cfg, &p->sub, p->err, sizeof(p->err));

	if (rc && !p->err[0])
		snprintf(p->err, sizeof(p->err), "cannot make the SSD: %s", strerror(-rc));
	if (!rc && p->args.nasty)
		rc = ssd_fault_nasty(p->sub, p->args.cfg.seed, p->err, sizeof(p->err));
	return rc;
}

static int
open_servers(struct program *p)
{
	int rc = 0;

	for (uint32_t i = 0; i < p->args.nr_sockets && !rc; i++) {
		rc = vfu_server_open(&p->server[i], &p->loop, p->sub, p->args.socket[i], p->err, sizeof(p->err));
		p->control.nr_servers = rc ? i : i + 1;
	}
	return rc;
}

/* A dead link of an earlier run is replaced.  On failure path is "". */
static int
make_link(struct program *p, char *path, const char *to)
{
	struct stat st;

	if (!lstat(path, &st) && S_ISLNK(st.st_mode))
		unlink(path);
	if (!symlink(to, path))
		return 0;
	snprintf(p->err, sizeof(p->err), "%s: cannot link it to %s: %s", path, to, strerror(errno));
	path[0] = '\0';
	return -EEXIST;
}

/* Whoever knows a socket finds the control socket beside it. */
static int
link_control(struct program *p, uint32_t i)
{
	char target[PATH_MAX], *path = p->link[i];

	if (snprintf(path, PATH_MAX, "%s.ctl", p->args.socket[i]) >= PATH_MAX || !strcmp(path, p->control_path) ||
	    !realpath(p->control_path, target)) {
		path[0] = '\0';
		return 0;
	}
	return make_link(p, path, target);
}

/* Whoever knows the socket of the physical function finds those of its virtual functions beside it. */
static int
link_vf(struct program *p, uint32_t i)
{
	char target[PATH_MAX], *path = p->vf_link[i];

	if (!i || !p->args.cfg.virt)
		return 0;
	if (snprintf(path, PATH_MAX, "%s.vf%u", p->args.socket[0], i) >= PATH_MAX ||
	    !realpath(p->args.socket[i], target)) {
		path[0] = '\0';
		return 0;
	}
	return make_link(p, path, target);
}

static int
open_control(struct program *p)
{
	int rc;

	if (p->args.control)
		snprintf(p->control_path, sizeof(p->control_path), "%s", p->args.control);
	else
		snprintf(p->control_path, sizeof(p->control_path), "%s.ctl", p->args.socket[0]);
	p->control.loop = &p->loop;
	p->control.sub = p->sub;
	p->control.version = NVP_VERSION;
	p->control.server = p->server;
	rc = control_open(&p->control, p->control_path, p->err, sizeof(p->err));
	for (uint32_t i = 0; i < p->args.nr_sockets && !rc; i++)
		rc = link_control(p, i);
	for (uint32_t i = 0; i < p->args.nr_sockets && !rc; i++)
		rc = link_vf(p, i);
	return rc;
}

static void
tell(struct program *p, int rc)
{
	char line[600];
	int n;

	if (p->args.ready_fd >= 0) {
		n = rc ? snprintf(line, sizeof(line), "error: %s\n", p->err) : snprintf(line, sizeof(line), "ready\n");
		(void)!write(p->args.ready_fd, line, (size_t)n);
		close(p->args.ready_fd);
	} else if (rc) {
		fprintf(stderr, "nvproof-ssd: %s\n", p->err);
	}
	if (rc || p->args.quiet)
		return;
	printf("nvproof-ssd: listening on");
	for (uint32_t i = 0; i < p->args.nr_sockets; i++)
		printf(" %s", p->args.socket[i]);
	printf(", control %s\n", p->control_path);
	fflush(stdout);
}

static void
close_all(struct program *p)
{
	for (uint32_t i = 0; i < SSD_MAX_CTRLRS; i++) {
		if (p->link[i][0])
			unlink(p->link[i]);
		if (p->vf_link[i][0])
			unlink(p->vf_link[i]);
	}
	if (p->control.loop)
		control_close(&p->control);
	while (p->control.nr_servers)
		vfu_server_close(&p->server[--p->control.nr_servers]);
	ssd_subsys_close(p->sub); /* flushes the media */
	loop_fini(&p->loop);
	if (p->args.run_dir)
		rmdir(p->args.run_dir);
}

static int
start(struct program *p)
{
	static int (*const steps[])(struct program *) = { watch_signals, watch_lifeline, pin,
							  open_drive,	 open_servers,	 open_control };
	int rc = loop_init(&p->loop);

	if (!rc)
		rc = dma_guard();
	for (size_t i = 0; i < UT_ARRAY_LEN(steps) && !rc; i++)
		rc = steps[i](p);
	if (rc && !p->err[0])
		snprintf(p->err, sizeof(p->err), "cannot start: %s", strerror(-rc));
	return rc;
}

int
main(int argc, char **argv)
{
	struct program *p;
	int rc;

	if (argc > 1 && !strcmp(argv[1], "fsck"))
		return ssd_fsck_main(argc - 1, argv + 1);
	p = calloc(1, sizeof(*p));
	if (!p)
		return EXIT_FAILURE;
	p->loop.ep = -1;
	p->control.listener.src.fd = -1;
	for (uint32_t i = 0; i < CONTROL_MAX_CLIENTS; i++)
		p->control.client[i].src.fd = -1;
	rc = ssd_args_parse(&p->args, argc, argv, p->err, sizeof(p->err));
	if (rc > 0) {
		free(p);
		return EXIT_SUCCESS;
	}
	if (!rc)
		rc = start(p);
	tell(p, rc);
	if (!rc)
		loop_run(&p->loop);
	close_all(p);
	free(p);
	return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}
