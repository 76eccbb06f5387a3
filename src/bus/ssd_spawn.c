/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The bus "ssd:PROFILE?size=64G&ns=2": starts a private nvproof-ssd and attaches to it over vfio-user.
 *
 * The server lives in a directory of its own (mode 0700) and holds the read end of a pipe, its lifeline: when this process
 * ends, however it ends, the pipe closes, and the server removes its sockets and its directory and exits.
 */
#include "bus/ssd_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "bus/vfu_client.h"
#include "util/alloc.h"
#include "util/bits.h"

#define MAX_SOCKETS 8u
#define MAX_OPTIONS 64u
#define START_MS 10000u /* until it listens: an image may have to be checked */
#define STOP_MS 5000u /* until it has flushed */
#define READY_FD 3 /* in the server */
#define LIFELINE_FD 4

extern char **environ;

struct vfu_child {
	pid_t pid;
	int lifeline; /* the end that keeps it alive */
	char dir[PATH_MAX / 2];
	uint32_t nr_sockets;
};

/* The command line that is put together from an address. */
struct command {
	char program[PATH_MAX];
	char sockets[MAX_SOCKETS][PATH_MAX];
	char *text; /* the options of the address, cut at '&' and '=' */
	char names[MAX_OPTIONS][24];
	char *argv[2 * MAX_OPTIONS + 32];
	uint32_t argc;
	uint32_t nr_sockets;
};

static const char *const plain_options[] = {
	"size", "ns", "lba", "profile", "image", "queues", "mdts", "sn", "mn", "fr", "seed", "cpu", "cmb",
};

static void
put(struct command *c, const char *arg)
{
	c->argv[c->argc++] = (char *)(uintptr_t)arg;
}

static int
put_option(struct command *c, uint32_t i, const char *name, char *value)
{
	for (size_t k = 0; k < UT_ARRAY_LEN(plain_options); k++) {
		if (!strcmp(plain_options[k], name)) {
			snprintf(c->names[i], sizeof(c->names[i]), "--%s", name);
			put(c, c->names[i]);
			put(c, value);
			return 0;
		}
	}
	if (!strcmp(name, "create") && (!strcmp(value, "1") || !*value)) {
		put(c, "--create");
		return 0;
	}
	if (!strcmp(name, "virt") && (!strcmp(value, "1") || !*value)) {
		put(c, "--virt");
		return 0;
	}
	if (!strcmp(name, "nasty") && (!strcmp(value, "1") || !*value)) {
		put(c, "--nasty");
		return 0;
	}
	if (!strcmp(name, "ctrlrs") && value[0] >= '1' && value[0] <= '8' && !value[1]) {
		c->nr_sockets = (uint32_t)(value[0] - '0');
		return 0;
	}
	nvp_bus_set_error(
		"\"ssd:\": unknown option or value %s=%s; known are size ns lba profile image create queues mdts sn mn "
		"fr seed cpu cmb virt nasty ctrlrs",
		name, value);
	return -EINVAL;
}

/* "PROFILE?name=value&name=value". */
static int
parse_address(struct command *c, const char *addr)
{
	char *p, *next;
	uint32_t i = 0;
	int rc = 0;

	c->nr_sockets = 1;
	c->text = ut_strdup(addr);
	if (!c->text)
		return -ENOMEM;
	p = strchr(c->text, '?');
	if (p)
		*p++ = '\0';
	if (c->text[0]) {
		put(c, "--profile");
		put(c, c->text);
	}
	for (; p && *p && !rc; p = next) {
		char *value;

		next = p + strcspn(p, "&");
		if (*next)
			*next++ = '\0';
		value = p + strcspn(p, "=");
		if (*value)
			*value++ = '\0';
		if (i == MAX_OPTIONS) {
			nvp_bus_set_error("\"ssd:\": too many options");
			return -EINVAL;
		}
		rc = put_option(c, i++, p, value);
	}
	return rc;
}

/* $XDG_RUNTIME_DIR when it is usable; its name may be too long for a socket. */
static int
make_dir(char *dir, size_t room)
{
	const char *base = getenv("XDG_RUNTIME_DIR");

	if (base && base[0] == '/' && strlen(base) < 60) {
		snprintf(dir, room, "%s/nvproof-XXXXXX", base);
		if (mkdtemp(dir))
			return 0;
	}
	snprintf(dir, room, "/tmp/nvproof-XXXXXX");
	if (mkdtemp(dir))
		return 0;
	nvp_bus_set_error("cannot make a private directory: %s", strerror(errno));
	return -errno;
}

/* First of all, so that the server can tell us what is wrong with the rest. */
static void
put_pipes(struct command *c)
{
	put(c, c->program);
	put(c, "--ready-fd");
	put(c, "3");
	put(c, "--lifeline-fd");
	put(c, "4");
}

static void
put_server(struct command *c, const char *dir)
{
	for (uint32_t i = 0; i < c->nr_sockets; i++) {
		snprintf(c->sockets[i], sizeof(c->sockets[i]), "%s/ssd%u.sock", dir, i);
		put(c, "--socket");
		put(c, c->sockets[i]);
	}
	put(c, "--quiet");
	put(c, "--run-dir");
	put(c, dir);
	put(c, NULL);
}

/* A pipe whose ends are out of the way of the numbers that the server gets. */
static int
high_pipe(int fd[2])
{
	int low[2];

	if (ut_alloc_spend() || pipe2(low, O_CLOEXEC))
		return -ENOMEM;
	fd[0] = fcntl(low[0], F_DUPFD_CLOEXEC, 16);
	fd[1] = fcntl(low[1], F_DUPFD_CLOEXEC, 16);
	close(low[0]);
	close(low[1]);
	if (fd[0] >= 0 && fd[1] >= 0)
		return 0;
	close(fd[0]);
	close(fd[1]);
	return -ENOMEM;
}

/*
 * Its own session: Ctrl-C in the terminal is for the tests, which then end the server in good order.  Nothing is inherited
 * but standard error and the two pipes.
 */
static int
spawn(struct command *c, int ready, int lifeline, pid_t *pid)
{
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int rc;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&fa);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&fa, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&fa, ready, READY_FD);
	posix_spawn_file_actions_adddup2(&fa, lifeline, LIFELINE_FD);
	posix_spawn_file_actions_addclosefrom_np(&fa, LIFELINE_FD + 1);
	rc = posix_spawn(pid, c->program, &fa, &attr, c->argv, environ);
	posix_spawn_file_actions_destroy(&fa);
	posix_spawnattr_destroy(&attr);
	if (rc)
		nvp_bus_set_error("cannot start %s: %s", c->program, strerror(rc));
	return -rc;
}

/* One line: "ready", or why not; or the end of the pipe when it died. */
static int
wait_ready(int fd)
{
	uint64_t end = ut_mono_ns() + START_MS * 1000000ull;
	char line[512];
	size_t n = 0;

	while (n < sizeof(line) - 1) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		uint64_t now = ut_mono_ns();
		ssize_t got;

		if (now >= end || poll(&p, 1, (int)((end - now) / 1000000) + 1) == 0) {
			nvp_bus_set_error("nvproof-ssd does not get ready within %u s", START_MS / 1000);
			return -ETIMEDOUT;
		}
		got = read(fd, line + n, sizeof(line) - 1 - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	line[n] = '\0';
	if (!strcmp(line, "ready\n"))
		return 0;
	line[strcspn(line, "\n")] = '\0';
	nvp_bus_set_error("the software SSD does not start: %s",
			  strncmp(line, "error: ", 7) ? "it died; see its standard error" : line + 7);
	return strncmp(line, "error: ", 7) ? -EIO : -EINVAL;
}

/* Wait for its end: 0, or -ETIMEDOUT.  Somebody else's wait() may have collected it (ECHILD): then it is gone, too. */
static int
wait_gone(pid_t pid, uint32_t ms)
{
	uint64_t end = ut_mono_ns() + (uint64_t)ms * 1000000u;
	long nap = 100000;

	for (;;) {
		pid_t got = waitpid(pid, NULL, WNOHANG);

		if (got == pid || (got < 0 && errno == ECHILD))
			return 0;
		if (ut_mono_ns() >= end)
			return -ETIMEDOUT;
		nanosleep(&(struct timespec){ .tv_nsec = nap }, NULL);
		nap = UT_MIN(2 * nap, 10000000l);
	}
}

/* What a server that was killed could not remove. */
static void
remove_dir(const struct vfu_child *ch)
{
	static const char *const suffixes[] = { ".sock", ".sock.ctl" };
	char path[PATH_MAX];

	for (uint32_t i = 0; i < ch->nr_sockets; i++) {
		for (size_t k = 0; k < UT_ARRAY_LEN(suffixes); k++) {
			snprintf(path, sizeof(path), "%s/ssd%u%s", ch->dir, i, suffixes[k]);
			unlink(path);
		}
		snprintf(path, sizeof(path), "%s/ssd0.sock.vf%u", ch->dir, i);
		unlink(path);
	}
	rmdir(ch->dir);
}

static void
stop_child(struct vfu_child *ch)
{
	close(ch->lifeline);
	if (ch->pid > 0) {
		if (wait_gone(ch->pid, 0))
			kill(ch->pid, SIGTERM);
		if (wait_gone(ch->pid, STOP_MS)) {
			kill(ch->pid, SIGKILL);
			wait_gone(ch->pid, STOP_MS);
		}
	}
	remove_dir(ch);
	free(ch);
}

/* Start it and wait until it listens.  On failure nothing of it is left. */
static int
start_child(struct command *c, struct vfu_child *ch)
{
	int ready[2], life[2], rc;

	rc = high_pipe(ready);
	if (rc)
		return rc;
	rc = high_pipe(life);
	if (rc) {
		close(ready[0]);
		close(ready[1]);
		return rc;
	}
	ch->lifeline = life[1];
	rc = spawn(c, ready[1], life[0], &ch->pid);
	if (rc)
		ch->pid = 0;
	close(ready[1]);
	close(life[0]);
	if (!rc)
		rc = wait_ready(ready[0]);
	close(ready[0]);
	return rc;
}

static int
new_child(struct command *c, struct vfu_child **out)
{
	struct vfu_child *ch = ut_calloc(1, sizeof(*ch));
	int rc;

	if (!ch)
		return -ENOMEM;
	ch->lifeline = -1;
	ch->nr_sockets = c->nr_sockets;
	rc = make_dir(ch->dir, sizeof(ch->dir));
	if (rc) {
		free(ch);
		return rc;
	}
	put_server(c, ch->dir);
	rc = start_child(c, ch);
	if (rc)
		stop_child(ch);
	else
		*out = ch;
	return rc;
}

static int
attach(struct command *c, struct vfu_child *ch, struct nvp_bus **bus)
{
	struct vfu_bus *b;
	int rc = vfu_client_open(c->sockets[0], VFU_TIMEOUT_MS, &b);

	if (rc) {
		stop_child(ch);
		return rc;
	}
	b->child = ch;
	b->base.ops = &nvp_ssd_bus_ops;
	*bus = &b->base;
	return 0;
}

static int
ssd_open(const char *addr, struct nvp_bus **bus)
{
	struct command *c = ut_calloc(1, sizeof(*c));
	struct vfu_child *ch = NULL;
	int rc;

	if (!c)
		return -ENOMEM;
	rc = ssd_find_program(c->program, sizeof(c->program));
	if (!rc) {
		put_pipes(c);
		rc = parse_address(c, addr);
	}
	if (!rc)
		rc = new_child(c, &ch);
	if (!rc)
		rc = attach(c, ch, bus);
	free(c->text);
	free(c);
	return rc;
}

static void
ssd_close(struct nvp_bus *bus)
{
	struct vfu_child *ch = ut_container_of(bus, struct vfu_bus, base)->child;

	vfu_client_close(bus);
	stop_child(ch);
}

const struct nvp_bus_ops nvp_ssd_bus_ops = {
	.name = "ssd",
	.open = ssd_open,
	.close = ssd_close,
	.cfg_read = vfu_cfg_read,
	.cfg_write = vfu_cfg_write,
	.bar_read = vfu_bar_read,
	.bar_write = vfu_bar_write,
	.bar_map = vfu_bar_map,
	.bar_fd = vfu_bar_fd,
	.dma_map = vfu_dma_map,
	.dma_unmap = vfu_dma_unmap,
	.irq_fd = vfu_irq_fd,
	.reset = vfu_reset,
};
