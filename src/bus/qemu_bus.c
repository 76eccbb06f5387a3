/* SPDX-License-Identifier: BSD-3-Clause */
/* The bus "qemu:nvme?...": opened, closed, and its table of functions. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include "bus/qemu_int.h"
#include "util/alloc.h"
#include "util/bits.h"

static struct qemu_bus *
of(struct nvp_bus *bus)
{
	return ut_container_of(bus, struct qemu_bus, base);
}

/* --- what the child gets --- */

static int
memory(const char *name, uint64_t size, int *fd)
{
	*fd = ut_alloc_spend() ? -1 : memfd_create(name, MFD_CLOEXEC);
	return *fd < 0 || ftruncate(*fd, (off_t)size) ? -ENOMEM : 0;
}

static int
open_image(const char *path, int *fd)
{
	*fd = open(path, O_RDWR | O_CLOEXEC);
	if (*fd >= 0)
		return 0;
	nvp_bus_set_error("\"qemu:nvme\": image=%s: %s", path, strerror(errno));
	return -errno;
}

static int
channel(int *ours, int *theirs)
{
	int pair[2];

	if (ut_alloc_spend() || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return -ENOMEM;
	*ours = pair[0];
	*theirs = pair[1];
	return 0;
}

static int
prepare(struct qemu_bus *b, const struct qemu_args *a)
{
	int *fd = b->child.fd, rc = channel(&b->qtest.lines.fd, &fd[QEMU_FD_QTEST]);

	if (!rc)
		rc = channel(&b->qmp.fd, &fd[QEMU_FD_QMP]);
	if (!rc)
		rc = qemu_irq_server(&b->irq_sock, &fd[QEMU_FD_IRQ]);
	if (!rc && a->pmr)
		rc = memory("nvproof-pmr", a->pmr, &fd[QEMU_FD_PMR]);
	for (uint32_t i = 0; i < a->ns && !rc; i++)
		rc = i || !a->image ? memory("nvproof-media", a->size, &fd[QEMU_FD_MEDIA + i])
				    : open_image(a->image, &fd[QEMU_FD_MEDIA]);
	if (!rc)
		rc = memory("nvproof-qemu-stderr", 0, &b->child.err);
	return rc ? rc : fcntl(b->child.err, F_SETFL, O_APPEND);
}

/* --- its life --- */

static void
destroy(struct qemu_bus *b)
{
	qemu_relay_close(b);
	qemu_irq_close(b);
	if (b->qtest.lines.fd >= 0)
		close(b->qtest.lines.fd);
	if (b->qmp.fd >= 0)
		close(b->qmp.fd);
	qemu_child_stop(&b->child);
	pthread_mutex_destroy(&b->child.lock);
	pthread_cond_destroy(&b->child.forked);
	pthread_mutex_destroy(&b->lock);
	free(b);
}

static struct qemu_bus *
create(void)
{
	struct qemu_bus *b = ut_calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	pthread_mutex_init(&b->lock, NULL);
	pthread_mutex_init(&b->child.lock, NULL);
	pthread_cond_init(&b->child.forked, NULL);
	b->qtest.lines.fd = b->qmp.fd = b->irq_sock = b->child.err = -1;
	b->qtest.lines.timeout_ms = b->qmp.timeout_ms = QEMU_TIMEOUT_MS;
	for (int i = 0; i < QEMU_FD_END; i++)
		b->child.fd[i] = -1;
	return b;
}

static int
start(struct qemu_bus *b, struct qemu_args *a)
{
	int rc = qemu_find_program(b->child.program, sizeof(b->child.program));

	if (!rc)
		rc = qemu_args_build(a, b->child.program);
	if (!rc)
		rc = prepare(b, a);
	if (rc)
		return rc;
	b->child.argv = a->argv;
	rc = qemu_child_start(&b->child);
	if (rc)
		return rc;
	rc = qemu_qtest_sync(&b->qtest);
	if (!rc)
		rc = qemu_qmp_greet(&b->qmp);
	if (!rc)
		rc = qemu_pci_setup(b);
	if (rc)
		qemu_child_explain(&b->child, "does not start");
	return rc == -ENODEV ? -EINVAL : rc;
}

static int
qemu_open(const char *addr, struct nvp_bus **bus)
{
	struct qemu_args a = { 0 };
	struct qemu_bus *b = NULL;
	int rc = qemu_args_parse(&a, addr);

	if (!rc) {
		b = create();
		rc = b ? start(b, &a) : -ENOMEM;
	}
	qemu_args_free(&a);
	if (rc && b)
		destroy(b);
	if (!rc)
		*bus = &b->base;
	return rc;
}

static void
qemu_close(struct nvp_bus *bus)
{
	destroy(of(bus));
}

/* --- what is done with it --- */

/* Locked work; where QEMU is gone, a person is told how it ended. */
static struct qemu_bus *
enter(struct nvp_bus *bus)
{
	struct qemu_bus *b = of(bus);

	pthread_mutex_lock(&b->lock);
	return b;
}

static int
leave(struct qemu_bus *b, int rc)
{
	bool news = rc < 0 && (b->qtest.lines.dead || b->qmp.dead) && rc != -ENODEV;

	pthread_mutex_unlock(&b->lock);
	return news ? -ENODEV : rc; /* out of step is as good as gone */
}

static int
qemu_cfg_read(struct nvp_bus *bus, uint32_t off, void *buf, uint32_t len)
{
	struct qemu_bus *b = enter(bus);

	return leave(b, qemu_pci_cfg(b, off, buf, NULL, len));
}

static int
qemu_cfg_write(struct nvp_bus *bus, uint32_t off, const void *buf, uint32_t len)
{
	struct qemu_bus *b = enter(bus);

	return leave(b, qemu_pci_cfg(b, off, NULL, buf, len));
}

static int
qemu_bar_read(struct nvp_bus *bus, int bar, uint64_t off, void *buf, uint32_t len)
{
	struct qemu_bus *b = enter(bus);

	return leave(b, qemu_pci_bar(b, (uint32_t)bar, off, buf, NULL, len));
}

static int
qemu_bar_write(struct nvp_bus *bus, int bar, uint64_t off, const void *buf, uint32_t len)
{
	struct qemu_bus *b = enter(bus);
	int rc = qemu_relay_flush(b);

	if (!rc)
		rc = qemu_irq_before_write(b, (uint32_t)bar, off);
	return leave(b, rc ? rc : qemu_pci_bar(b, (uint32_t)bar, off, NULL, buf, len));
}

/* Registers are reached by messages. */
static void *
qemu_bar_map(struct nvp_bus *bus, int bar, uint64_t off, uint64_t len)
{
	(void)bus, (void)bar, (void)off, (void)len;
	return NULL;
}

static int
qemu_bar_fd(struct nvp_bus *bus, int bar, uint64_t off, uint64_t *fd_off)
{
	struct qemu_bus *b = enter(bus);

	return leave(b, bar ? -ENOTSUP : qemu_relay_fd(b, off, fd_off));
}

static int
qemu_dma_map(struct nvp_bus *bus, void *va, uint64_t len, int fd, uint64_t *iova)
{
	struct qemu_bus *b = enter(bus);

	(void)va;
	return leave(b, fd < 0 ? -ENOTSUP : qemu_qmp_map(b, fd, *iova, len));
}

static int
qemu_dma_unmap(struct nvp_bus *bus, uint64_t iova, uint64_t len)
{
	struct qemu_bus *b = enter(bus);

	return leave(b, qemu_qmp_unmap(b, iova, len));
}

static int
qemu_vector_fd(struct nvp_bus *bus, uint16_t vector)
{
	struct qemu_bus *b = enter(bus);

	return leave(b, qemu_irq_fd(b, vector));
}

static int
qemu_reset(struct nvp_bus *bus, enum nvp_reset kind)
{
	struct qemu_bus *b = enter(bus);

	return leave(b, qemu_pci_reset(b, kind));
}

const struct nvp_bus_ops nvp_qemu_bus_ops = {
	.name = "qemu",
	.open = qemu_open,
	.close = qemu_close,
	.cfg_read = qemu_cfg_read,
	.cfg_write = qemu_cfg_write,
	.bar_read = qemu_bar_read,
	.bar_write = qemu_bar_write,
	.bar_map = qemu_bar_map,
	.bar_fd = qemu_bar_fd,
	.dma_map = qemu_dma_map,
	.dma_unmap = qemu_dma_unmap,
	.irq_fd = qemu_vector_fd,
	.reset = qemu_reset,
};
