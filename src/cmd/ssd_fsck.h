/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* "fsck" and its arguments.  The exit status: 0 clean, 1 problems were found, 2 it cannot be read. */
int ssd_fsck_main(int argc, char **argv);
