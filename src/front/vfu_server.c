/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of a server and of its client: accept, attach, the client's death, and the port to its memory. */
#include "front/vfu_server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "util/bits.h"

static int
port_read(void *port, uint64_t addr, void *buf, uint32_t len)
{
	return dma_read(&((struct vfu_server *)port)->dma, addr, buf, len);
}

static int
port_write(void *port, uint64_t addr, const void *buf, uint32_t len)
{
	return dma_write(&((struct vfu_server *)port)->dma, addr, buf, len);
}

static void *
port_map(void *port, uint64_t addr, uint64_t len)
{
	return dma_pointer(&((struct vfu_server *)port)->dma, addr, len);
}

static void
port_irq(void *port, uint16_t vector)
{
	irqs_raise(&((struct vfu_server *)port)->irqs, vector);
}

static const struct ssd_port_ops port_ops = {
	.mem_read = port_read,
	.mem_write = port_write,
	.mem_map = port_map,
	.irq = port_irq,
};

/*
 * The doorbells: a file whose offsets are those of BAR0, so that a client maps its area at the offset of the area.
 * Sealed, because a client has the descriptor and could shrink it under us.
 */
static int
open_doorbells(int *fd, void **va, void *at)
{
	int flags = MAP_SHARED | (at ? MAP_FIXED : 0), rc;

	*fd = memfd_create("nvproof-doorbells", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (*fd < 0)
		return -errno;
	if (ftruncate(*fd, SSD_BAR_DB + SSD_BAR_DB_SIZE) ||
	    fcntl(*fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		goto err;
	*va = mmap(at, SSD_BAR_DB_SIZE, PROT_READ | PROT_WRITE, flags, *fd, SSD_BAR_DB);
	if (*va != MAP_FAILED)
		return 0;
err:
	rc = -errno;
	close(*fd);
	*fd = -1;
	return rc;
}

/*
 * The old client, or a child of it, may still have the page mapped and write to it: the next client gets another page,
 * at the same address for the model.
 */
static void
renew_doorbells(struct vfu_server *s)
{
	int fd;
	void *va;

	if (open_doorbells(&fd, &va, s->db) == 0) {
		close(s->db_fd);
		s->db_fd = fd;
	} else {
		memset(s->db, 0, SSD_BAR_DB_SIZE);
	}
}

/* Whatever the client left: no command is executed any more before its memory goes. */
static void
client_gone(struct vfu_server *s)
{
	s->client = NULL;
	s->loop->attached--;
	ssd_function_reset(s->ssd);
	irqs_clear(&s->irqs);
	while (s->dma.n) {
		struct dma_map gone = s->dma.map[--s->dma.n];

		ssd_port_changed(s->ssd);
		dma_release(&gone);
	}
	renew_doorbells(s);
	vfu_cmb_renew(s);
}

static void
on_close(struct vfu_conn *c)
{
	struct vfu_server *s = c->owner;

	if (s->client == c)
		client_gone(s);
	c->attached = false;
}

int
vfu_server_attach(struct vfu_server *s, struct vfu_conn *c)
{
	/* It may have closed just before this one came, and we have not looked yet. */
	if (s->client)
		conn_pump(s->client);
	if (s->client) {
		s->nr_refused++;
		return -EBUSY;
	}
	s->client = c;
	s->loop->attached++;
	c->attached = true;
	return 0;
}

/* A free place; or that of the one who has waited longest without saying what it wants. */
static struct vfu_conn *
place(struct vfu_server *s)
{
	struct vfu_conn *oldest = NULL;

	for (uint32_t i = 0; i < SERVER_MAX_CONNS; i++) {
		struct vfu_conn *c = &s->conn[i];

		if (c->src.fd < 0)
			return c;
		if (c != s->client && (!oldest || c->since < oldest->since))
			oldest = c;
	}
	conn_close(oldest);
	return oldest;
}

int
vfu_server_adopt(struct vfu_server *s, int fd)
{
	struct vfu_conn *c = place(s);

	c->owner = s;
	c->on_msg = vfu_dispatch;
	c->on_close = on_close;
	c->since = s->nr_accepted++;
	return conn_open(c, s->loop, fd);
}

static void
on_connect(struct loop_source *src, uint32_t events)
{
	struct listener *ln = ut_container_of(src, struct listener, src);
	struct vfu_server *s = ut_container_of(ln, struct vfu_server, listener);
	int fd = listener_accept(ln);

	(void)events;
	if (fd >= 0)
		vfu_server_adopt(s, fd);
}

static int
start_listening(struct vfu_server *s, const char *path, char *err, size_t errlen)
{
	int rc = listener_open(&s->listener, path, err, errlen);

	if (rc)
		return rc;
	s->listener.src.ready = on_connect;
	rc = loop_add(s->loop, &s->listener.src, EPOLLIN);
	if (rc)
		listener_close(&s->listener);
	return rc;
}

int
vfu_server_open(struct vfu_server *s, struct loop *l, struct ssd_subsys *sub, const char *path, char *err,
		size_t errlen)
{
	int rc;

	memset(s, 0, sizeof(*s));
	s->loop = l;
	s->listener.src.fd = -1;
	for (uint32_t i = 0; i < SERVER_MAX_CONNS; i++)
		s->conn[i].src.fd = -1;
	irqs_init(&s->irqs);
	rc = open_doorbells(&s->db_fd, &s->db, NULL);
	if (rc)
		goto err;
	rc = ssd_ctrlr_open(sub, &port_ops, s, s->db, &s->ssd);
	if (rc)
		goto err_doorbells;
	rc = vfu_cmb_open(s);
	if (!rc && path)
		rc = start_listening(s, path, err, errlen);
	if (rc)
		goto err_ctrlr;
	dma_init(&s->dma);
	loop_add_ssd(l, s->ssd);
	return 0;

err_ctrlr:
	ssd_ctrlr_close(s->ssd);
	vfu_cmb_close(s);
err_doorbells:
	munmap(s->db, SSD_BAR_DB_SIZE);
	close(s->db_fd);
err:
	if (!err[0])
		snprintf(err, errlen, "cannot serve a controller: %s", strerror(-rc));
	return rc;
}

void
vfu_server_close(struct vfu_server *s)
{
	for (uint32_t i = 0; i < SERVER_MAX_CONNS; i++)
		conn_close(&s->conn[i]);
	loop_del(s->loop, &s->listener.src);
	listener_close(&s->listener);
	loop_del_ssd(s->loop, s->ssd);
	ssd_ctrlr_close(s->ssd);
	vfu_cmb_close(s);
	dma_fini(&s->dma);
	munmap(s->db, SSD_BAR_DB_SIZE);
	close(s->db_fd);
}
