/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the media back ends share, and what an image file keeps besides the data: the format of each namespace, its LBA
 * maps, SMART counters and saved features.
 */
#pragma once
#include "ssd/ssd_int.h"

#define SSD_ZEROS (64u << 10)
#define SSD_MAX_NS_SIZE (1ull << 50)

extern const uint8_t ssd_zeros[SSD_ZEROS]; /* what unwritten space reads as */

/* Bytes of one LBA map of a namespace of `size` bytes: a bit for each 512 bytes, whole words. */
static inline uint64_t
ssd_map_bytes(uint64_t size)
{
	return (size / 512 + 63) / 64 * 8;
}

/* Bytes of the machine's memory that a drive may take. */
uint64_t ssd_memory_to_spare(void);

/* Media that lose nothing with the power. */
void ssd_media_stays(struct ssd_media *m);
uint64_t ssd_media_at_once(struct ssd_media *m);

/* Of modelled flash: what has to be the same each time.  bytes 0: a plain image, the data are the media's. */
#define SSD_IMAGE_WORDS 16u
struct ssd_image_shape {
	uint32_t word[SSD_IMAGE_WORDS]; /* image_flash.c has their names */
	uint64_t bytes, sparse; /* of its store; the first of them, which take disk space when they are written */
	char profile[24];
};
#define SSD_IMAGE_BOOT 40u

/* What an image keeps.  In memory in this form; image_hdr.c has the form on disk. */
struct ssd_image_state {
	uint64_t ns_size[SSD_MAX_NAMESPACES];
	struct ssd_format format[SSD_MAX_NAMESPACES];
	uint32_t nr_ns;
	uint64_t data_size; /* of the media; where namespaces are in it is not the image's business */
	struct ssd_image_shape shape; /* of the flash that holds them */
	bool open; /* nobody has closed it */
	char boot[SSD_IMAGE_BOOT]; /* while it is open: what the machine calls itself since it was started */
	struct ssd_smart smart;
	struct ssd_feat_saved saved[SSD_MAX_CTRLRS];
};

enum ssd_map_kind {
	SSD_MAP_ALLOC,
	SSD_MAP_BAD,
	SSD_MAP_KINDS,
};

/* For an image only; NULL for other media.  was_open: the process before did not close it. */
bool ssd_image_was_open(const struct ssd_media *m);
struct ssd_image_state *ssd_image_state(struct ssd_media *m);
/* The map of what lies at media_off, a multiple of 256 KiB. */
void *ssd_image_lba_map(struct ssd_media *m, uint64_t media_off, enum ssd_map_kind kind);
/* Write the state.  0 or -EIO. */
int ssd_image_commit(struct ssd_media *m);

/* image_hdr.c: two slots that are written in turn, so that one of them is always whole. */
#define SSD_IMAGE_HDR 4096u
/* -EUCLEAN: no slot of ours is whole. */
int ssd_image_hdr_read(const void *page, struct ssd_image_state *st, uint64_t *seq);
bool ssd_image_hdr_newer(const void *page); /* one is whole, and of a version that is not known here */
bool ssd_image_hdr_whole(const void *page, uint32_t slot);
/* Fill slot seq % 2: 2 KiB at *off of the header page. */
#define SSD_IMAGE_SLOT 2048u
void ssd_image_hdr_slot(void *slot, const struct ssd_image_state *st, uint64_t seq);

/*
 * annex.c: after the data, a place for each kind of state that parts.c keeps.  load: false when there is none that is whole (and
 * always for other media).  save: 0, or -1 when the disk is full.
 */
#define SSD_ANNEX_KINDS 16u
#define SSD_ANNEX_PLACE (512u << 10) /* two slots of half of it */
/* A slot that was never written is fine. */
bool ssd_annex_slot_ok(const struct ssd_file_media *f, uint32_t kind, uint32_t slot);
void ssd_annex_slot_clear(const struct ssd_file_media *f, uint32_t kind, uint32_t slot);
bool ssd_annex_load(struct ssd_media *m, uint32_t kind, void *buf, size_t len);
int ssd_annex_save(struct ssd_media *m, uint32_t kind, const void *buf, size_t len);

/* Between file.c (the media operations) and image.c (make, open and check an image). */
#define SSD_GRANULE \
	(64u << 10) /* disk space is taken in these, before the first store: a full disk must not become SIGBUS */

struct ssd_file_media {
	struct ssd_media base;
	int fd;
	uint8_t *va; /* the whole file */
	uint64_t file_size, data_off, data_size;
	uint64_t map_off[SSD_MAP_KINDS];
	uint64_t annex_off, annex_seq[SSD_ANNEX_KINDS]; /* beyond file_size, not mapped */
	uint64_t *written; /* granules that hold anything; others read as zeros */
	uint64_t *backed; /* granules that have all their disk space */
	uint8_t *scratch; /* a granule, for reading what cannot be backed */
	struct ssd_image_state st;
	bool was_open;
	uint64_t seq;
};
extern const struct ssd_media_ops ssd_file_ops;
/*
 * Open or make the image of cfg, whose namespaces take `size` bytes, and map it.  shape: of flash, or NULL.  Errors as of
 * ssd_subsys_open().
 */
int ssd_image_open(const struct ssd_config *cfg, uint64_t size, const struct ssd_image_shape *shape,
		   struct ssd_file_media **out, char *err, size_t errlen);
/* image_flash.c: -EINVAL, and what is different. */
int ssd_image_shape_check(const struct ssd_image_shape *is, const struct ssd_image_shape *asked, const char *path,
			  char *err, size_t errlen);
/* Offsets in the file, from the state. */
void ssd_image_place(struct ssd_file_media *f);
/* What the machine calls itself since it was started; empty where it does not. */
void ssd_image_boot_id(char *id);
/* Closed in an orderly way: all of it is on disk. */
void ssd_image_close(struct ssd_file_media *f);
/* It was not used: it stays open or closed as it was found. */
void ssd_image_give_up(struct ssd_file_media *f);
struct ssd_file_media *ssd_file_media(struct ssd_media *m); /* NULL: other media */
/* Fill `written` from the holes of the file. */
void ssd_file_scan(struct ssd_file_media *f);
void ssd_file_free(struct ssd_file_media *f);
