/* SPDX-License-Identifier: BSD-3-Clause */
/* Finding and naming what "ssd:" starts. */
#pragma once
#include <stddef.h>

/*
 * Where nvproof-ssd is: the environment variable NVPROOF_SSD; beside this program or library, or in the build tree it belongs
 * to; in PATH; where it gets installed.  -ENOENT with a line for a person.
 */
int ssd_find_program(char *path, size_t room);
