/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Without libFuzzer (gcc): replay files, or whole directories of them, through a fuzz target; then -N changes of each,
 * seeded, so that a short run also looks a little further than its corpus.  Usage: fuzz_x [-N] [FILE|DIRECTORY]...
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "util/rng.h"

#define INPUT_ROOM 65536u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned changes, inputs;

static void
change(uint8_t *data, size_t *size, struct ut_rng *rng)
{
	for (uint64_t n = 1 + ut_rng_below(rng, 4); n && *size; n--) {
		size_t at = (size_t)ut_rng_below(rng, *size);

		switch (ut_rng_below(rng, 4)) {
		case 0:
			data[at] ^= (uint8_t)(1u << ut_rng_below(rng, 8));
			break;
		case 1:
			data[at] = (uint8_t)ut_rng_next(rng);
			break;
		case 2:
			data[at] = ut_rng_below(rng, 2) ? 0xff : 0;
			break;
		default:
			*size = at + 1;
		}
	}
}

static void
run(const uint8_t *data, size_t size)
{
	struct ut_rng rng;

	LLVMFuzzerTestOneInput(data, size);
	inputs++;
	ut_rng_seed(&rng, inputs);
	for (unsigned i = 0; i < changes; i++) {
		size_t len = size;
		uint8_t *copy = malloc(size ? size : 1);

		memcpy(copy, data, size);
		change(copy, &len, &rng);
		LLVMFuzzerTestOneInput(copy, len);
		free(copy);
	}
}

static void
run_path(const char *path)
{
	static uint8_t data[INPUT_ROOM];
	struct stat st;
	FILE *f;
	DIR *d;

	if (!stat(path, &st) && S_ISDIR(st.st_mode)) {
		d = opendir(path);
		for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
			char name[4096];

			snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
			if (e->d_name[0] != '.')
				run_path(name);
		}
		if (d)
			closedir(d);
		return;
	}
	f = fopen(path, "rb");
	if (!f) {
		perror(path);
		exit(1);
	}
	run(data, fread(data, 1, sizeof(data), f));
	fclose(f);
}

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (argv[i][0] == '-')
			changes = (unsigned)atoi(argv[i] + 1);
		else
			run_path(argv[i]);
	}
	printf("%u inputs, %u changes of each: no crash\n", inputs, changes);
	return inputs ? 0 : 1;
}
