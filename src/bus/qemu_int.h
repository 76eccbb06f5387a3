/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The bus "qemu:nvme?...": QEMU's emulated NVMe controller without a guest.  QEMU is a child of this process, started
 * stopped; what a processor would do (registers, configuration space) is done over its qtest socket.
 *
 * qemu_addr.c: from an address to a command line.  qemu_start.c: the child's life.  qemu_line.c: lines over a socket, each
 * wait with a deadline.  qemu_qtest.c: register accesses.  qemu_qmp.c: our memory becomes the machine's, at the address
 * that it has for every device.  qemu_pci.c: the bridge and the BARs, as firmware sets them up.  qemu_irq.c: messages
 * become eventfds.  qemu_relay.c: doorbells of other processes.  qemu_bus.c: the table of bus functions.
 */
#pragma once
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "bus/bus.h"

#define QEMU_TIMEOUT_MS 10000u
#define QEMU_LINE_ROOM 16384u
#define QEMU_MAX_ASIDES 100000u /* lines in a row that are no answer */
#define QEMU_MAX_NS 32u
#define QEMU_MAX_CTRLRS 4u
#define QEMU_MAX_REGIONS 256u /* as many memory slots does QEMU have */
#define QEMU_BARS 6u
#define QEMU_VECTORS 2048u /* of a function; MSI-X has no more */

/* --- lines over a socket; qemu_line.c --- */

struct qemu_lines {
	int fd; /* -1: none */
	bool dead; /* the other end is gone, late, or does not make sense: nothing is sent any more */
	uint32_t timeout_ms;
	uint32_t begin, end; /* what of buf was not looked at yet */
	char buf[QEMU_LINE_ROOM];
};

/* 0; -ENODEV: it is gone; -ETIMEDOUT.  pass: a descriptor to go with it, or -1. */
int qemu_lines_send(struct qemu_lines *l, const char *text, size_t len, int pass);
/* The next line, without its end, valid until the next call.  0, -ENODEV, -ETIMEDOUT, -EPROTO: endless. */
int qemu_lines_next(struct qemu_lines *l, char **line);

/* --- qtest; qemu_qtest.c --- */

struct qemu_qtest {
	struct qemu_lines lines;
	uint32_t posted; /* writes whose answer was not read yet */
};

/* Reads of 1, 2, 4 or 8 bytes wait for the answer; writes do not: they are posted, as on PCI Express. */
int qemu_qtest_read(struct qemu_qtest *q, uint64_t addr, uint32_t width, uint64_t *val);
int qemu_qtest_write(struct qemu_qtest *q, uint64_t addr, uint32_t width, uint64_t val);
/* An I/O port, four bytes or one. */
int qemu_qtest_out(struct qemu_qtest *q, uint16_t port, uint32_t width, uint32_t val);
/* Wait until QEMU has done all that it was told. */
int qemu_qtest_sync(struct qemu_qtest *q);

/* --- the machine --- */

/* The parts of an address, and the command line that they become. */
struct qemu_args {
	char *text; /* the address, cut up */
	char **argv; /* NULL at the end */
	uint32_t argc;
	uint64_t size, pmr; /* bytes of a namespace, of the persistent memory region (0: none) */
	uint32_t ns, ctrlrs;
	const char *image; /* of the first namespace; NULL: memory */
	char serial[21]; /* a new drive each time, unless there is an image */
	char ctrlr_opts[1024], ns_opts[1024], subsys_opts[256];
};

/* Descriptors that the child gets, under the same numbers that the command line names. */
enum {
	QEMU_FD_ERR = 2,
	QEMU_FD_QTEST = 3,
	QEMU_FD_QMP,
	QEMU_FD_IRQ,
	QEMU_FD_PMR,
	QEMU_FD_MEDIA, /* and so on, one a namespace */
	QEMU_FD_END = QEMU_FD_MEDIA + QEMU_MAX_NS
};

struct qemu_child {
	pthread_mutex_t lock;
	pthread_cond_t forked;
	pthread_t keeper; /* forks it and waits for it: the child dies with this thread, which dies with this process */
	bool kept;
	pid_t pid; /* 0: it has ended, or was never started */
	int rc; /* of the fork; 1: not known yet */
	int status; /* as wait() says, once it has ended */
	int fd[QEMU_FD_END]; /* the child's; -1: none.  Ours no more once it was started */
	int err; /* what it writes to its standard error: a file */
	char program[512];
	char *const *argv;
};

struct qemu_region {
	uint64_t iova, len; /* len 0: a free slot */
};

struct qemu_func {
	uint8_t bus, devfn;
	uint64_t bar[QEMU_BARS], bar_size[QEMU_BARS];
};

struct qemu_bus {
	struct nvp_bus base;
	pthread_mutex_t lock; /* the two sockets: one request at a time */
	struct qemu_child child;
	struct qemu_qtest qtest;
	struct qemu_lines qmp;
	struct qemu_region region[QEMU_MAX_REGIONS];
	struct qemu_func func;
	uint8_t px_cap; /* PCI Express capability */

	int irq_sock; /* we are the server of its ivshmem device */
	uint32_t msix_table; /* offset in BAR msix_bar */
	uint32_t nr_vectors;
	uint8_t msix_bar;
	int irq_fd[QEMU_VECTORS]; /* eventfd + 1; 0: nobody asked for it */

	struct qemu_relay *relay; /* NULL: no other process has doorbells; qemu_relay.c */
};

/* qemu_addr.c: 0 or -EINVAL, -ENOMEM with a line for a person. */
int qemu_args_parse(struct qemu_args *a, const char *addr);
int qemu_args_build(struct qemu_args *a, const char *program);
void qemu_args_free(struct qemu_args *a);

/* qemu_start.c */
int qemu_child_start(struct qemu_child *c);
/* End it, however it does; nothing of it is left. */
void qemu_child_stop(struct qemu_child *c);
/* Why it ended, or does not start: its last words, for nvp_bus_error(). */
void qemu_child_explain(struct qemu_child *c, const char *what);
int qemu_find_program(char *path, size_t room);

/* qemu_qmp.c; the bus is locked */
int qemu_qmp_greet(struct qemu_lines *l);
int qemu_qmp_map(struct qemu_bus *b, int fd, uint64_t iova, uint64_t len);
int qemu_qmp_unmap(struct qemu_bus *b, uint64_t iova, uint64_t len);

/* qemu_pci.c; locked */
int qemu_pci_setup(struct qemu_bus *b);
int qemu_pci_cfg(struct qemu_bus *b, uint32_t off, void *rd, const void *wr, uint32_t len);
int qemu_pci_bar(struct qemu_bus *b, uint32_t bar, uint64_t off, void *rd, const void *wr, uint32_t len);
/* A reset forgot where the BARs were. */
int qemu_pci_restore(struct qemu_bus *b);
int qemu_pci_reset(struct qemu_bus *b, enum nvp_reset kind);

/* qemu_irq.c; locked */
#define QEMU_IVSHMEM_BASE 0xc0000000u
int qemu_irq_server(int *ours, int *theirs);
int qemu_irq_fd(struct qemu_bus *b, uint16_t vector);
/* Before a write of the driver to the MSI-X table: where the message goes is ours to know. */
int qemu_irq_before_write(struct qemu_bus *b, uint32_t bar, uint64_t off);
void qemu_irq_close(struct qemu_bus *b);

/* qemu_relay.c */
/* A page of doorbells for another process: its descriptor.  Locked. */
int qemu_relay_fd(struct qemu_bus *b, uint64_t off, uint64_t *fd_off);
/* What was written there until now goes first.  Locked. */
int qemu_relay_flush(struct qemu_bus *b);
void qemu_relay_close(struct qemu_bus *b); /* not locked */
