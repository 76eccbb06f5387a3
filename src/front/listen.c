/* SPDX-License-Identifier: BSD-3-Clause */
/* Making and removing the socket files of a server. */
#include "front/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BACKLOG 16
#define LOCK_TRIES 200 /* of 10 ms */

/* The directory, locked: two servers that start at once must not both take a socket for stale. */
static int
lock_dir(const char *path)
{
	char dir[sizeof(((struct listener *)0)->path)];
	char *slash;
	int fd, i;

	snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	if (slash)
		slash[slash == dir] = '\0';
	fd = open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	for (i = 0; flock(fd, LOCK_EX | LOCK_NB) && i < LOCK_TRIES; i++)
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	return fd;
}

/* 0: nobody is there (any more); -EADDRINUSE: a server, or a file of somebody else. */
static int
clear_stale(const struct sockaddr_un *sa, char *err, size_t errlen)
{
	struct stat st;
	int sock, rc;

	if (lstat(sa->sun_path, &st))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode)) {
		snprintf(err, errlen, "%s: exists and is not a socket; choose another path", sa->sun_path);
		return -EADDRINUSE;
	}
	sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sock < 0)
		return -errno;
	rc = connect(sock, (const struct sockaddr *)sa, sizeof(*sa)) ? errno : 0;
	close(sock);
	if (rc == ECONNREFUSED)
		return unlink(sa->sun_path) ? -errno : 0;
	if (rc == 0 || rc == EAGAIN) {
		snprintf(err, errlen, "%s: address in use by another server; stop it or choose another path",
			 sa->sun_path);
		return -EADDRINUSE;
	}
	return -rc;
}

static int
bind_private(int sock, const struct sockaddr_un *sa)
{
	mode_t old = umask(0177);
	int rc = bind(sock, (const struct sockaddr *)sa, sizeof(*sa)) ? -errno : 0;

	umask(old);
	return rc;
}

static int
make_socket(struct listener *ln, const struct sockaddr_un *sa)
{
	struct stat st;
	int rc, sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (sock < 0)
		return -errno;
	rc = bind_private(sock, sa);
	if (rc)
		goto err_close;
	if (listen(sock, BACKLOG) || lstat(sa->sun_path, &st)) {
		rc = -errno;
		goto err_unlink;
	}
	ln->src.fd = sock;
	ln->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	ln->dev = st.st_dev;
	ln->ino = st.st_ino;
	return 0;

err_unlink:
	unlink(sa->sun_path);
err_close:
	close(sock);
	return rc;
}

int
listener_open(struct listener *ln, const char *path, char *err, size_t errlen)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int lock, rc;

	ln->src.fd = -1;
	err[0] = '\0';
	if (!path[0] || strlen(path) >= sizeof(sa.sun_path)) {
		snprintf(err, errlen, "%.40s...: a socket path has 1 to %zu characters; choose a shorter one", path,
			 sizeof(sa.sun_path) - 1);
		return -ENAMETOOLONG;
	}
	strcpy(sa.sun_path, path);
	strcpy(ln->path, path);
	lock = lock_dir(path);
	rc = lock < 0 ? lock : clear_stale(&sa, err, errlen);
	if (!rc)
		rc = make_socket(ln, &sa);
	if (lock >= 0)
		close(lock);
	if (rc && !err[0])
		snprintf(err, errlen, "%s: cannot listen: %s", path, strerror(-rc));
	return rc;
}

void
listener_close(struct listener *ln)
{
	struct stat st;

	if (ln->src.fd < 0)
		return;
	if (!lstat(ln->path, &st) && st.st_dev == ln->dev && st.st_ino == ln->ino)
		unlink(ln->path);
	close(ln->src.fd);
	if (ln->spare >= 0)
		close(ln->spare);
	ln->src.fd = ln->spare = -1;
}

int
listener_accept(struct listener *ln)
{
	int fd = accept4(ln->src.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	int rc = -errno;

	if (fd >= 0)
		return fd;
	/* Out of descriptors: turn the caller away with the spare one, or the socket would stay ready for ever. */
	if ((rc == -EMFILE || rc == -ENFILE) && ln->spare >= 0) {
		close(ln->spare);
		fd = accept4(ln->src.fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			close(fd);
		ln->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	}
	return rc;
}
