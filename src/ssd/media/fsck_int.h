/* SPDX-License-Identifier: BSD-3-Clause */
/* Between fsck.c (any image) and fsck_flash.c (what modelled flash has more). */
#pragma once
#include "ssd/fsck.h"
#include "ssd/media/media.h"

struct fsck {
	struct ssd_file_media *f;
	bool repair, bad_header;
	uint32_t problems;
	void (*say)(void *arg, const char *line);
	void *arg;
};

void __attribute__((format(printf, 2, 3))) fsck_problem(struct fsck *x, const char *fmt, ...);
void __attribute__((format(printf, 2, 3)))
fsck_say(struct fsck *x, const char *fmt, ...); /* no problem, or what was done */
enum ssd_fsck fsck_flash(struct fsck *x);
