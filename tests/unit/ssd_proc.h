/* SPDX-License-Identifier: BSD-3-Clause */
/* Running the program nvproof-ssd from a test, in a directory of its own. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct proc {
	pid_t pid; /* 0: not running */
	int out; /* its standard output and error, one pipe */
	char text[4096]; /* what it printed so far */
	size_t len;
};

extern char work_dir[64]; /* of the test that runs */

int work_setup(void **state); /* cmocka setup and teardown: makes the directory; it must be empty in the end */
int work_teardown(void **state);
/* Start with these arguments ("%" stands for the directory), up to NULL.  Waits until it listens or ends; true: it listens. */
bool proc_start(struct proc *p, const char *const *args);
/* Wait for its end: exit status, 128 + signal, or -1 after ms. */
int proc_wait(struct proc *p, int ms);
/* SIGTERM and wait. */
int proc_stop(struct proc *p);
/* A path in the directory, in a static buffer (four of them in turn). */
const char *work_path(const char *prefix, const char *name);
/* Wait until the path exists (or not). */
bool wait_exists(const char *path, bool exists, int ms);
/* CPU time of a process in ns. */
unsigned long long cpu_ns(pid_t pid);
int control_connect(const char *path); /* -1: no */
/* One line to a control socket, one line back.  False: no answer. */
bool control_ask(const char *path, const char *line, char *answer, size_t room);
