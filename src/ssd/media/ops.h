/* SPDX-License-Identifier: BSD-3-Clause */
/* What the rest of the drive sees of its media. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Where an LBA's data lives.  len and off are bytes, whole LBAs; checked by the caller. */
struct ssd_media;
struct ssd_media_ops {
	void (*close)(struct ssd_media *m);
	/*
	 * A pointer to [off, off+len) for reading (len shrinks to what is contiguous).  Never NULL: unwritten space is zeros.
	 */
	const void *(*peek)(struct ssd_media *m, uint64_t off, uint64_t *len);
	/*
	 * The same for writing; NULL: no space (NVME_SC_CAPACITY_EXCEEDED or a write fault).  place: what is written to different
	 * ones is kept apart, where the media can; 0: it belongs nowhere.
	 */
	void *(*poke)(struct ssd_media *m, uint64_t off, uint64_t *len, uint32_t place);
	void (*discard)(struct ssd_media *m, uint64_t off, uint64_t len); /* reads as zeros from now on */
	int (*flush)(struct ssd_media *m); /* what was written survives a power loss */
	/* The power goes: what was not made durable may be gone.  It comes back: how many ns until the media can be used. */
	void (*power_off)(struct ssd_media *m);
	uint64_t (*power_on)(struct ssd_media *m);
};
enum ssd_media_trouble { SSD_MEDIA_FINE, SSD_MEDIA_HARD, SSD_MEDIA_LOST }; /* hard: error recovery gets it */
struct ssd_media {
	const struct ssd_media_ops *ops;
	bool null; /* keeps nothing: commands skip the copy */
	enum ssd_media_trouble trouble; /* the worst of what the command that is carried out has read */
	uint64_t recovery_ns; /* what error recovery takes */
	uint8_t warning, warned; /* NVME_CW_*: what it has come to, and what the hosts were told */
	struct ssd_file_media *image; /* the file that it is in, or NULL */
	uint8_t *flat; /* all of it, where it is plain memory: copies can wait (gather.h); else NULL */
};
