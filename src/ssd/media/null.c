/* SPDX-License-Identifier: BSD-3-Clause */
/* Media that keeps nothing: for measuring what everything but the copy costs. */
#include "ssd/media/media.h"
#include <errno.h>
#include <stdlib.h>
#include "util/alloc.h"

struct null_media {
	struct ssd_media base;
	uint8_t sink[SSD_ZEROS];
};

static void
null_close(struct ssd_media *m)
{
	free(ut_container_of(m, struct null_media, base));
}

static const void *
null_peek(struct ssd_media *m, uint64_t off, uint64_t *len)
{
	(void)m;
	(void)off;
	*len = UT_MIN(*len, SSD_ZEROS);
	return ssd_zeros;
}

static void *
null_poke(struct ssd_media *m, uint64_t off, uint64_t *len, uint32_t place)
{
	(void)place;
	(void)off;
	*len = UT_MIN(*len, SSD_ZEROS);
	return ut_container_of(m, struct null_media, base)->sink;
}

static void
null_discard(struct ssd_media *m, uint64_t off, uint64_t len)
{
	(void)m;
	(void)off;
	(void)len;
}

static int
null_flush(struct ssd_media *m)
{
	(void)m;
	return 0;
}

void
ssd_media_stays(struct ssd_media *m)
{
	(void)m;
}

uint64_t
ssd_media_at_once(struct ssd_media *m)
{
	(void)m;
	return 0;
}

static const struct ssd_media_ops null_ops = {
	.close = null_close,
	.peek = null_peek,
	.poke = null_poke,
	.discard = null_discard,
	.flush = null_flush,
	.power_off = ssd_media_stays,
	.power_on = ssd_media_at_once,
};

int
ssd_media_null(uint64_t size, struct ssd_media **out)
{
	struct null_media *n = ut_calloc(1, sizeof(*n));

	(void)size;
	if (!n)
		return -ENOMEM;
	n->base.ops = &null_ops;
	n->base.null = true;
	*out = &n->base;
	return 0;
}
