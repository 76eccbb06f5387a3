/* SPDX-License-Identifier: BSD-3-Clause */
/* Check an image, and mend what can be mended without a guess. */
#pragma once
#include <stdbool.h>

enum ssd_fsck {
	SSD_FSCK_CLEAN,
	SSD_FSCK_PROBLEMS, /* found; mended when that was asked for, and said so */
	SSD_FSCK_UNREADABLE, /* no image of ours, in use, or damaged beyond reading */
};

/* say: a line for each problem, and for what was done about it. */
enum ssd_fsck ssd_image_fsck(const char *path, bool repair, void (*say)(void *arg, const char *line), void *arg);
