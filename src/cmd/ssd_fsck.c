/* SPDX-License-Identifier: BSD-3-Clause */
/* nvproof-ssd fsck: check an image file, and repair it. */
#include "cmd/ssd_fsck.h"
#include <stdio.h>
#include <string.h>
#include "ssd/fsck.h"

static void
say(void *arg, const char *line)
{
	printf("%s: %s\n", (const char *)arg, line);
}

int
ssd_fsck_main(int argc, char **argv)
{
	bool repair = argc > 1 && !strcmp(argv[1], "--repair");
	char *path = argv[argc - 1];
	enum ssd_fsck rc;

	if (argc != 2 + repair || path[0] == '-') {
		fputs("Usage: nvproof-ssd fsck [--repair] IMAGE\n", stderr);
		return SSD_FSCK_UNREADABLE;
	}
	rc = ssd_image_fsck(path, repair, say, path);
	if (rc == SSD_FSCK_CLEAN)
		say(path, "clean");
	return (int)rc;
}
