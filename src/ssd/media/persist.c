/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What survives besides user data: formats, SMART counters and saved features.  (The LBA maps are in the image
 * themselves.) Between the subsystem's structures and the state of an image; other media have none, and nothing is
 * done.
 */
#include "ssd/media/media.h"
#include <string.h>

static void
use_format(struct ssd_ns *ns, uint8_t lbaf)
{
	ns->lbaf = lbaf;
	ns->lba_shift = lbaf ? 12 : 9;
	ns->lba_size = 1u << ns->lba_shift;
	ns->nsze = ns->media_size >> ns->lba_shift;
}

int
ssd_persist_load(struct ssd_subsys *sub)
{
	const struct ssd_image_state *st = ssd_image_state(sub->media);

	if (!st)
		return 0;
	for (uint32_t i = 0; i < st->nr_ns; i++)
		use_format(&sub->ns[i], st->lbaf[i]);
	sub->smart = st->smart;
	memcpy(sub->saved, st->saved, sizeof(sub->saved));
	return 0;
}

int
ssd_persist_save(struct ssd_subsys *sub)
{
	struct ssd_image_state *st = sub->media ? ssd_image_state(sub->media) : NULL;
	int rc;

	if (!st)
		return 0;
	for (uint32_t i = 0; i < st->nr_ns; i++)
		st->lbaf[i] = sub->ns[i].lbaf;
	st->smart = sub->smart;
	memcpy(st->saved, sub->saved, sizeof(st->saved));
	rc = ssd_image_commit(sub->media);
	return rc ? rc : sub->media->ops->flush(sub->media);
}
