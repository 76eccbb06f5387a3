/* SPDX-License-Identifier: BSD-3-Clause */
/* Streams: the table of those that are open, and the resources.   NVMe Base 2.2, "Streams (Directive Type 01h)". */
#include "ssd/nvm/streams.h"
#include "nvproof/spec/nvm.h"
#include "ssd/fdp/fdp.h"
#include "ssd/media/flash.h"
#include <string.h>

static struct ssd_stream_host
host_of(const struct ssd *ssd)
{
	static const uint8_t none[16];
	struct ssd_stream_host h = { .cntlid = 0 };

	memcpy(h.id, ssd->feat.host_id, sizeof(h.id));
	if (!memcmp(h.id, none, sizeof(none)))
		h.cntlid = ssd->cntlid;
	return h;
}

static bool
same(const struct ssd_stream_host *a, const struct ssd_stream_host *b)
{
	return a->cntlid == b->cntlid && !memcmp(a->id, b->id, sizeof(a->id));
}

/* Of this namespace (0: any), and of this host (NULL: any). */
static bool
is_of(const struct ssd_stream *s, uint32_t nsid, const struct ssd_stream_host *h)
{
	return s->nsid && (!nsid || s->nsid == nsid) && (!h || same(&s->host, h));
}

static struct ssd_stream_share *
share_of(struct ssd_streams *t, uint32_t nsid, const struct ssd_stream_host *h)
{
	for (uint32_t i = 0; i < SSD_STREAMS; i++) {
		struct ssd_stream_share *s = &t->share[i];

		if (s->nsa && s->nsid == nsid && same(&s->host, h))
			return s;
	}
	return NULL;
}

static uint16_t
available(const struct ssd_streams *t)
{
	uint32_t used = 0;

	for (uint32_t i = 0; i < SSD_STREAMS; i++)
		used += t->share[i].nsa;
	return (uint16_t)(SSD_STREAMS - used);
}

/* How many are open, with resources of their own or with the subsystem's. */
static uint16_t
count_open(const struct ssd_streams *t, uint32_t nsid, const struct ssd_stream_host *h, bool own)
{
	uint16_t n = 0;

	for (uint32_t i = 0; i < SSD_STREAMS; i++)
		n = (uint16_t)(n + (is_of(&t->open[i], nsid, h) && t->open[i].own == own));
	return n;
}

static void
close_all(struct ssd_streams *t, uint32_t nsid, const struct ssd_stream_host *h)
{
	for (uint32_t i = 0; i < SSD_STREAMS; i++) {
		if (is_of(&t->open[i], nsid, h))
			t->open[i].nsid = 0;
	}
}

static void
release_all(struct ssd_streams *t, uint32_t nsid, const struct ssd_stream_host *h)
{
	for (uint32_t i = 0; i < SSD_STREAMS; i++) {
		struct ssd_stream_share *s = &t->share[i];

		if (s->nsa && (!nsid || s->nsid == nsid) && (!h || same(&s->host, h)))
			s->nsa = 0;
	}
	close_all(t, nsid, h);
}

/* "An arbitrary stream identifier is released": that which was written to the longest ago. */
static void
close_oldest(struct ssd_streams *t, uint32_t nsid, const struct ssd_stream_host *h, bool own)
{
	struct ssd_stream *oldest = NULL;

	for (uint32_t i = 0; i < SSD_STREAMS; i++) {
		struct ssd_stream *s = &t->open[i];

		if (is_of(s, nsid, h) && s->own == own && (!oldest || s->used < oldest->used))
			oldest = s;
	}
	if (oldest)
		oldest->nsid = 0;
}

static struct ssd_stream *
find(struct ssd_streams *t, uint32_t nsid, const struct ssd_stream_host *h, uint16_t sid)
{
	for (uint32_t i = 0; i < SSD_STREAMS; i++) {
		if (is_of(&t->open[i], nsid, h) && t->open[i].sid == sid)
			return &t->open[i];
	}
	return NULL;
}

/* Room for one more; false: all resources are given away, and the write is one without a stream. */
static bool
make_room(struct ssd_streams *t, uint32_t nsid, const struct ssd_stream_host *h, bool *own)
{
	const struct ssd_stream_share *share = share_of(t, nsid, h);

	*own = share != NULL;
	if (share) {
		if (count_open(t, nsid, h, true) >= share->nsa)
			close_oldest(t, nsid, h, true);
		return true;
	}
	if (!available(t))
		return false;
	if (count_open(t, 0, NULL, false) >= available(t))
		close_oldest(t, 0, NULL, false);
	return true;
}

static int /* its index; -1: there is no room for it */
open_stream(struct ssd_streams *t, uint32_t nsid, const struct ssd_stream_host *h, uint16_t sid)
{
	struct ssd_stream *s = find(t, nsid, h, sid);
	uint32_t i = 0;
	bool own;

	if (!s && make_room(t, nsid, h, &own)) {
		while (i < SSD_STREAMS - 1 && t->open[i].nsid)
			i++;
		s = &t->open[i];
		*s = (struct ssd_stream){ .nsid = nsid, .sid = sid, .own = own, .host = *h };
	}
	if (s)
		s->used = ++t->count;
	return s ? (int)(s - t->open) : -1;
}

/* Streams are kept apart on the flash as far as it has places for them. */
static uint32_t
place_of(const struct ssd_media *m, int i)
{
	uint32_t places = ssd_flash_places(m);

	return i >= 0 && places > 1 ? 1 + (uint32_t)i % (places - 1) : 0;
}

nvme_status
ssd_nvm_directive(struct ssd_cmd *c)
{
	uint32_t cdw12 = le32_get(c->sqe->cdw12), dtype = nvme_get32(cdw12, NVME_RW_DTYPE);
	uint32_t dspec = nvme_get32(le32_get(c->sqe->cdw13), NVME_RW_DSPEC), nsid = c->ns->nsid;
	struct ssd_stream_host h;

	if (c->ns->fdp)
		return ssd_fdp_direct(c, dtype, (uint16_t)dspec);
	if (!dtype || !ssd_streams_on(c->ssd, nsid))
		return NVME_SC_SUCCESS; /* no directive is enabled: both fields are ignored */
	if (dtype != NVME_DTYPE_STREAMS)
		return ssd_fail(c, NVME_SC_INVALID_FIELD, offsetof(struct nvme_sqe, cdw12) + 2);
	if (!dspec)
		return NVME_SC_SUCCESS;
	h = host_of(c->ssd);
	c->place = place_of(c->ns->sub->media, open_stream(&c->ssd->sub->streams, nsid, &h, (uint16_t)dspec));
	return NVME_SC_SUCCESS;
}

void
ssd_streams_count(const struct ssd *ssd, uint32_t nsid, struct ssd_streams_count *n)
{
	struct ssd_streams *t = &ssd->sub->streams;
	struct ssd_stream_host h = host_of(ssd);
	const struct ssd_stream_share *share = share_of(t, nsid, &h);

	*n = (struct ssd_streams_count){ .nssa = available(t), .nsso = count_open(t, 0, NULL, false) };
	if (nsid == NVME_NSID_ALL)
		return;
	n->nsa = share ? share->nsa : 0;
	n->nso = (uint16_t)(count_open(t, nsid, &h, false) + count_open(t, nsid, &h, true));
}

static uint16_t
insert(uint16_t *sid, uint16_t n, uint16_t v)
{
	uint16_t at = 0;

	while (at < n && sid[at] < v)
		at++;
	if (at < n && sid[at] == v)
		return n;
	memmove(sid + at + 1, sid + at, (size_t)(n - at) * sizeof(*sid));
	sid[at] = v;
	return (uint16_t)(n + 1);
}

uint16_t
ssd_streams_list(const struct ssd *ssd, uint32_t nsid, uint16_t sid[SSD_STREAMS])
{
	const struct ssd_streams *t = &ssd->sub->streams;
	struct ssd_stream_host h = host_of(ssd);
	uint16_t n = 0;

	for (uint32_t i = 0; i < SSD_STREAMS; i++) {
		const struct ssd_stream *s = &t->open[i];

		if (nsid == NVME_NSID_ALL ? s->nsid && !s->own : is_of(s, nsid, &h))
			n = insert(sid, n, s->sid);
	}
	return n;
}

static struct ssd_stream_share *
free_share(struct ssd_streams *t)
{
	uint32_t i = 0;

	while (i < SSD_STREAMS - 1 && t->share[i].nsa)
		i++;
	return &t->share[i]; /* each takes one resource at least */
}

int
ssd_streams_allocate(struct ssd *ssd, uint32_t nsid, uint16_t nsr)
{
	struct ssd_streams *t = &ssd->sub->streams;
	struct ssd_stream_host h = host_of(ssd);
	uint32_t n = available(t);

	if (share_of(t, nsid, &h))
		return -1;
	close_all(t, nsid, &h); /* what it has open there uses the subsystem's */
	n -= UT_MIN(n, count_open(t, 0, NULL, false));
	n = UT_MIN(n, nsr);
	if (n)
		*free_share(t) = (struct ssd_stream_share){ .nsid = nsid, .nsa = (uint16_t)n, .host = h };
	return (int)n;
}

void
ssd_streams_release(struct ssd *ssd, uint32_t nsid)
{
	struct ssd_streams *t = &ssd->sub->streams;
	struct ssd_stream_host h = host_of(ssd);
	struct ssd_stream_share *share = share_of(t, nsid, &h);

	if (!share)
		return;
	share->nsa = 0;
	close_all(t, nsid, &h);
}

void
ssd_streams_close(struct ssd *ssd, uint32_t nsid, uint16_t sid)
{
	struct ssd_stream_host h = host_of(ssd);
	struct ssd_stream *s = find(&ssd->sub->streams, nsid, &h, sid);

	if (s)
		s->nsid = 0;
}

bool
ssd_streams_on(const struct ssd *ssd, uint32_t nsid)
{
	return nsid == NVME_NSID_ALL ? ssd->streams_on != 0 : ssd->streams_on >> (nsid - 1) & 1;
}

static void
set(struct ssd *ssd, uint32_t nsid, bool on)
{
	struct ssd_stream_host h = host_of(ssd);

	if (on) {
		ssd->streams_on |= 1u << (nsid - 1);
		return;
	}
	ssd->streams_on &= ~(1u << (nsid - 1));
	release_all(&ssd->sub->streams, nsid, &h);
}

static void
enable_one(struct ssd_subsys *sub, uint32_t nsid, const struct ssd_stream_host *h, bool on)
{
	for (uint32_t i = 0; i < SSD_MAX_CTRLRS; i++) {
		struct ssd_stream_host other;

		if (!sub->ctrlr[i])
			continue;
		other = host_of(sub->ctrlr[i]);
		if (!h || same(&other, h))
			set(sub->ctrlr[i], nsid, on);
	}
}

void
ssd_streams_enable(struct ssd *ssd, uint32_t nsid, bool on)
{
	struct ssd_stream_host h = host_of(ssd);

	if (nsid != NVME_NSID_ALL) {
		enable_one(ssd->sub, nsid, &h, on);
		return;
	}
	for (nsid = 1; nsid <= SSD_MAX_NAMESPACES; nsid++) {
		if (ssd_ns_get(ssd->sub, nsid))
			enable_one(ssd->sub, nsid, NULL, on);
	}
}

void
ssd_streams_ns_formatted(struct ssd_ns *ns)
{
	close_all(&ns->sub->streams, ns->nsid, NULL);
}

void
ssd_streams_ns_protected(struct ssd_ns *ns)
{
	release_all(&ns->sub->streams, ns->nsid, NULL);
}

void
ssd_streams_ns_deleted(struct ssd_ns *ns)
{
	enable_one(ns->sub, ns->nsid, NULL, false);
	release_all(&ns->sub->streams, ns->nsid, NULL);
}

/* Another enabled controller of the same host. */
static const struct ssd *
companion(const struct ssd *ssd)
{
	struct ssd_stream_host h = host_of(ssd);

	for (uint32_t i = 0; i < SSD_MAX_CTRLRS; i++) {
		const struct ssd *other = ssd->sub->ctrlr[i];
		struct ssd_stream_host o;

		if (!other || other == ssd || !nvme_get(other->cc, NVME_CC_EN))
			continue;
		o = host_of(other);
		if (same(&o, &h))
			return other;
	}
	return NULL;
}

void
ssd_streams_host_id(struct ssd *ssd)
{
	const struct ssd *other = companion(ssd);

	if (other)
		ssd->streams_on = other->streams_on;
}

/* What a host has there remains as long as another controller of it is enabled. */
void
ssd_streams_reset(struct ssd *ssd)
{
	struct ssd_stream_host h = host_of(ssd), alone = { .cntlid = ssd->cntlid };

	ssd->streams_on = 0;
	release_all(&ssd->sub->streams, 0, &alone); /* from before it had a Host Identifier */
	if (!companion(ssd))
		release_all(&ssd->sub->streams, 0, &h);
}
