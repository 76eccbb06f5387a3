/* SPDX-License-Identifier: BSD-3-Clause */
/* A miscompare in the log: the line that scripts look for, what it is, and what has happened to that LBA lately. */
#include "pyext/vtab_int.h"

#include <stdlib.h>
#include <string.h>
#include "nvproof/cmdlog.h"
#include "nvproof/spec/nvm.h"
#include "pyext/pyext.h"
#include "util/alloc.h"
#include "util/bits.h"

#define ERROR 40 /* as in Python's logging */
#define RECENT 8u /* buffers that were written from */
#define BLOCKS 512u /* of them that are looked at */
#define TOLD 8u /* commands on the LBA */
#define RINGS 64u

/* --- buffers that were written from --- */

static struct py_buffer *recent[RECENT]; /* not references */

void
py_verify_wrote(struct py_buffer *buf)
{
	uint32_t i;

	if (recent[0] == buf)
		return;
	for (i = 0; i < RECENT - 1 && recent[i] != buf; i++)
		;
	memmove(&recent[1], &recent[0], i * sizeof(*recent));
	recent[0] = buf;
}

void
py_verify_buffer_gone(struct py_buffer *buf)
{
	uint32_t i;

	for (i = 0; i < RECENT; i++)
		if (recent[i] == buf)
			recent[i] = NULL;
}

/* Their blocks, chained. */
static const struct nvp_verify_source *
sources(struct nvp_verify_source *src, uint32_t lba_size, uint32_t stride, const void *data)
{
	uint32_t i, n = 0;
	uint64_t off;

	for (i = 0; i < RECENT; i++) {
		const struct py_buffer *b = recent[i];

		if (!b || (const uint8_t *)b->mem.va + b->offset == data)
			continue;
		for (off = 0; off + lba_size <= b->size && n < BLOCKS; off += stride, n++)
			src[n] = (struct nvp_verify_source){ (uint8_t *)b->mem.va + b->offset + off,
							     n ? &src[n - 1] : NULL };
	}
	return n ? &src[n - 1] : NULL;
}

/* --- the command log --- */

static bool
concerns(const struct nvp_cmdlog_rec *r, uint32_t nsid, uint64_t lba)
{
	uint64_t slba = le32_get(r->sqe.cdw10) | (uint64_t)le32_get(r->sqe.cdw11) << 32;

	switch (r->sqe.opc) {
	case NVME_OPC_WRITE:
	case NVME_OPC_READ:
	case NVME_OPC_COMPARE:
	case NVME_OPC_WRITE_ZEROES:
	case NVME_OPC_WRITE_UNCOR:
	case NVME_OPC_VERIFY:
		return r->qid && le32_get(r->sqe.nsid) == nsid && lba >= slba &&
		       lba - slba <= nvme_get32(le32_get(r->sqe.cdw12), NVME_RW_NLB);
	default: /* ranges in their data: shown, as they may be the reason */
		return r->qid && le32_get(r->sqe.nsid) == nsid &&
		       (r->sqe.opc == NVME_OPC_DSM || r->sqe.opc == NVME_OPC_COPY);
	}
}

static void
tell_commands(struct nvp_ctrlr *c, uint32_t nsid, uint64_t lba)
{
	const struct nvp_cmdlog_ring *rings[RINGS];
	struct nvp_cmdlog_rec *rec;
	uint32_t n = 0, i, told = 0, got;
	char text[400];

	for (i = 1; i <= UINT16_MAX && n < RINGS; i++) {
		rings[n] = nvp_ctrlr_cmdlog(c, (uint16_t)i);
		n += rings[n] != NULL;
	}
	rec = ut_calloc((uint64_t)n * NVP_CMDLOG_ENTRIES + 1, sizeof(*rec));
	if (!rec)
		return;
	got = nvp_cmdlog_merge(rings, n, rec, n * NVP_CMDLOG_ENTRIES);
	for (i = 0; i < got && told < TOLD; i++) {
		if (!concerns(&rec[i], nsid, lba))
			continue;
		nvp_cmdlog_text(&rec[i], text, sizeof(text));
		py_log(ERROR, "%s", text);
		told++;
	}
	free(rec);
}

/* --- the data --- */

static void
dump(const uint8_t *d, uint32_t len)
{
	char line[100], *p;
	uint32_t i, k;

	for (i = 0; i < len; i += 16) {
		p = line + snprintf(line, sizeof(line), "%04x ", i);
		for (k = i; k < i + 16; k++)
			p += snprintf(p, 4, " %02x", d[k]);
		*p++ = ' ';
		*p++ = ' ';
		for (k = i; k < i + 16; k++)
			*p++ = d[k] >= 0x20 && d[k] < 0x7f ? (char)d[k] : '.';
		*p = 0;
		py_log(ERROR, "%s", line);
	}
}

/* --- all of it --- */

void
py_vtab_tell(struct py_vtab *vt, unsigned what, bool on)
{
	vt->tell = on ? vt->tell | what : vt->tell & ~what;
}

void
py_vtab_report(const struct py_vtab *vt, struct nvp_ctrlr *c, const struct nvp_miscompare *mis, const void *data)
{
	char text[400];

	nvp_miscompare_line(mis, text, sizeof(text));
	py_log(ERROR, "%s", text);
	nvp_miscompare_text(mis, text, sizeof(text));
	py_log(ERROR, "miscompare at lba 0x%llx of namespace %u: %s", (unsigned long long)mis->lba, vt->nsid, text);
	if (vt->tell & PY_TELL_DUMP && data)
		dump(data, vt->lba_size);
	if (vt->tell & PY_TELL_LOG && c)
		tell_commands(c, vt->nsid, mis->lba);
}

void
py_verify_explain(const struct py_vcmd *v, struct nvp_miscompare *mis)
{
	struct nvp_verify_source src[BLOCKS];
	uint32_t lba_size = v->vt->lba_size, stride = v->op.stride ? v->op.stride : lba_size;
	const uint8_t *data = v->data;

	nvp_verify_diagnose(v->vt->v, &v->op, data, sources(src, lba_size, stride, data), mis);
	py_vtab_report(v->vt, v->ctrlr, mis, data + (mis->lba - v->op.slba) * stride);
}
