/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * MSI-X without an interrupt controller: the message address of each vector is the doorbell register of an ivshmem device
 * in the same machine, and its data names a peer, whose eventfd that device signals.  The peers are ours: this process
 * plays ivshmem's server (QEMU, docs/specs/ivshmem-spec).  So an interrupt is an eventfd, and nobody polls for it.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include "bus/qemu_int.h"
#include "nvproof/spec/pcie.h"
#include "util/alloc.h"
#include "util/bits.h"

#define DOORBELL (QEMU_IVSHMEM_BASE + 0x0cull)
#define OWN_ID 0
#define PEER(vector) ((uint32_t)(vector) + 1u)

/* One message of the server: a number, and maybe a descriptor. */
static int
say(int sock, int64_t number, int fd)
{
	struct qemu_lines l = { .fd = sock, .timeout_ms = QEMU_TIMEOUT_MS };
	uint64_t raw = htole64((uint64_t)number);

	return qemu_lines_send(&l, (const char *)&raw, sizeof(raw), fd);
}

/* The device wants some shared memory, too. */
static int
say_memory(int sock)
{
	int fd = ut_alloc_spend() ? -1 : memfd_create("nvproof-irq", MFD_CLOEXEC), rc;

	if (fd < 0 || ftruncate(fd, 4096)) {
		if (fd >= 0)
			close(fd);
		return -ENOMEM;
	}
	rc = say(sock, -1, fd);
	close(fd);
	return rc;
}

static int
say_eventfd(int sock, uint32_t peer, int fd)
{
	return say(sock, peer, fd);
}

/* Its own vector, which nobody rings: it is not complete without. */
static int
say_hello(int sock)
{
	int fd, rc = say(sock, 0, -1); /* the protocol's version */

	if (!rc)
		rc = say(sock, OWN_ID, -1);
	if (!rc)
		rc = say_memory(sock);
	if (rc)
		return rc;
	fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0)
		return -ENOMEM;
	rc = say_eventfd(sock, OWN_ID, fd);
	close(fd);
	return rc;
}

int
qemu_irq_server(int *ours, int *theirs)
{
	int pair[2], rc;

	if (ut_alloc_spend() || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return -ENOMEM;
	rc = say_hello(pair[0]);
	if (rc) {
		close(pair[0]);
		close(pair[1]);
		return rc;
	}
	*ours = pair[0];
	*theirs = pair[1];
	return 0;
}

/* After each reset, that is, before each time that the driver unmasks it. */
static int
put_message(struct qemu_bus *b, uint32_t vector)
{
	struct nvme_msix_entry e = { .mta = le32_from((uint32_t)DOORBELL), .mtd = le32_from(PEER(vector) << 16) };

	return qemu_pci_bar(b, b->msix_bar, b->msix_table + vector * sizeof(e), NULL, &e,
			    offsetof(struct nvme_msix_entry, mvc));
}

int
qemu_irq_before_write(struct qemu_bus *b, uint32_t bar, uint64_t off)
{
	uint64_t vector = (off - b->msix_table) / sizeof(struct nvme_msix_entry);

	if (bar != b->msix_bar || off < b->msix_table || vector >= b->nr_vectors || vector >= QEMU_VECTORS ||
	    !b->irq_fd[vector])
		return 0;
	return put_message(b, (uint32_t)vector);
}

/* Twice around: by then QEMU's main loop has been past the other socket, too. */
static int
settle(struct qemu_bus *b)
{
	int rc = qemu_qtest_sync(&b->qtest);

	return rc ? rc : qemu_qtest_sync(&b->qtest);
}

int
qemu_irq_fd(struct qemu_bus *b, uint16_t vector)
{
	int fd, rc;

	if (vector >= b->nr_vectors || vector >= QEMU_VECTORS)
		return b->nr_vectors ? -EINVAL : -ENOTSUP;
	if (b->irq_fd[vector])
		return b->irq_fd[vector] - 1;
	fd = ut_alloc_spend() ? -1 : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0)
		return -ENOMEM;
	rc = say_eventfd(b->irq_sock, PEER(vector), fd);
	if (!rc)
		rc = settle(b);
	if (!rc)
		rc = put_message(b, vector);
	if (rc) {
		close(fd);
		return rc;
	}
	b->irq_fd[vector] = fd + 1;
	return fd;
}

void
qemu_irq_close(struct qemu_bus *b)
{
	for (uint32_t i = 0; i < QEMU_VECTORS; i++)
		if (b->irq_fd[i])
			close(b->irq_fd[i] - 1);
	if (b->irq_sock >= 0)
		close(b->irq_sock);
}
