/* SPDX-License-Identifier: BSD-3-Clause */
/* A bit for each LBA of a namespace, and how many are set: which LBAs are allocated, which are uncorrectable. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct ssd_lba_map {
	uint64_t *words;
	uint64_t bytes; /* of the words */
	uint64_t count; /* bits that are set */
	bool mapped; /* our own anonymous mapping; else it belongs to the image */
};

/*
 * `bytes` of bits.  words: where they are in an image (and stay after close), or NULL: sparse memory.  -ENOMEM.
 */
int ssd_lba_map_open(void *words, uint64_t bytes, struct ssd_lba_map **out);
void ssd_lba_map_close(struct ssd_lba_map *m); /* NULL is fine */
/* The bits go to another place of the image, which may overlap; where they were is zero after it.  Not for sparse memory. */
void ssd_lba_map_move(struct ssd_lba_map *m, void *words);

/* [lba, lba + n) is within the map: the caller has checked.  n may be 0. */
void ssd_lba_map_set(struct ssd_lba_map *m, uint64_t lba, uint64_t n);
void ssd_lba_map_clear(struct ssd_lba_map *m, uint64_t lba, uint64_t n);
void ssd_lba_map_clear_all(struct ssd_lba_map *m);
/* The first LBA of the range whose bit is `set`; false: there is none. */
bool ssd_lba_map_find(const struct ssd_lba_map *m, uint64_t lba, uint64_t n, bool set, uint64_t *where);
