/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The controller memory buffer as BAR 2: a file that the client maps as a whole, and the memory of the model at the same time.
 * Sealed, because a client has the descriptor and could shrink it under us.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "front/vfu_server.h"

static int
open_file(struct vfu_server *s, int *fd, void **va, void *at)
{
	int flags = MAP_SHARED | (at ? MAP_FIXED : 0), rc;

	*fd = memfd_create("nvproof-cmb", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (*fd < 0)
		return -errno;
	if (ftruncate(*fd, (off_t)s->cmb_size) || fcntl(*fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		goto err;
	*va = mmap(at, s->cmb_size, PROT_READ | PROT_WRITE, flags, *fd, 0);
	if (*va != MAP_FAILED)
		return 0;
err:
	rc = -errno;
	close(*fd);
	*fd = -1;
	return rc;
}

int
vfu_cmb_open(struct vfu_server *s)
{
	int rc;

	s->cmb_fd = -1;
	s->cmb_size = ssd_cmb_bar_size(s->ssd);
	if (!s->cmb_size)
		return 0;
	rc = open_file(s, &s->cmb_fd, &s->cmb, NULL);
	if (!rc)
		ssd_cmb_place(s->ssd, s->cmb);
	return rc;
}

/* Whoever had it may still have it mapped: the next client gets other memory, at the same address for the model. */
void
vfu_cmb_renew(struct vfu_server *s)
{
	void *va;
	int fd;

	if (!s->cmb_size)
		return;
	if (open_file(s, &fd, &va, s->cmb)) {
		memset(s->cmb, 0, s->cmb_size);
		return;
	}
	close(s->cmb_fd);
	s->cmb_fd = fd;
}

/* After the controller. */
void
vfu_cmb_close(struct vfu_server *s)
{
	if (s->cmb_fd < 0)
		return;
	munmap(s->cmb, s->cmb_size);
	close(s->cmb_fd);
	s->cmb_fd = -1;
}
