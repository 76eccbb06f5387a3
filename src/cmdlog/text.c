/* SPDX-License-Identifier: BSD-3-Clause */
/* One command and its completion as a line of text. */
#include "nvproof/cmdlog.h"

#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include "nvproof/err.h"
#include "nvproof/spec/status.h"

#define NSEC_PER_SEC 1000000000ull
#define NSEC_PER_USEC 1000ull
#define YEAR_NS (365ull * 86400 * NSEC_PER_SEC)

/* "2024-05-01 10:00:00.123456"; virtual time, which starts at 0, as seconds since the start. */
static void
time_text(uint64_t ns, char *out, size_t size)
{
	time_t sec = (time_t)(ns / NSEC_PER_SEC);
	unsigned usec = (unsigned)(ns % NSEC_PER_SEC / NSEC_PER_USEC);
	char date[32];
	struct tm tm;

	if (ns < YEAR_NS) {
		snprintf(out, size, "+%llu.%06u", (unsigned long long)(ns / NSEC_PER_SEC), usec);
		return;
	}
	localtime_r(&sec, &tm);
	strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &tm);
	snprintf(out, size, "%s.%06u", date, usec);
}

static bool
has_lba_range(uint16_t qid, uint8_t opc)
{
	switch (opc) {
	case NVME_OPC_WRITE:
	case NVME_OPC_READ:
	case NVME_OPC_WRITE_UNCOR:
	case NVME_OPC_COMPARE:
	case NVME_OPC_WRITE_ZEROES:
	case NVME_OPC_VERIFY:
	case NVME_OPC_ZONE_APPEND:
		return qid != 0;
	default:
		return false;
	}
}

/* "Read sqid:1 cid:3 nsid:1 slba:0 nlb:8", or the command dwords where there is no LBA range. */
static void
sqe_text(const struct nvp_cmdlog_rec *r, char *out, size_t size)
{
	const struct nvme_sqe *s = &r->sqe;
	const char *name = r->qid ? nvp_io_name(s->opc) : nvp_admin_name(s->opc);
	uint32_t dw10 = le32_get(s->cdw10), dw11 = le32_get(s->cdw11), dw12 = le32_get(s->cdw12);
	int n = snprintf(out, size, "%s (%02xh) sqid:%u cid:%u nsid:%u", name, s->opc, r->qid, s->cid,
			 le32_get(s->nsid));

	if (n < 0 || (size_t)n >= size)
		return;
	if (has_lba_range(r->qid, s->opc))
		snprintf(out + n, size - (size_t)n, " slba:%llu nlb:%u", (unsigned long long)dw11 << 32 | dw10,
			 (dw12 & 0xffff) + 1);
	else
		snprintf(out + n, size - (size_t)n, " cdw10:%08x cdw11:%08x cdw12:%08x", dw10, dw11, dw12);
}

/* "SUCCESS (00/00) cdw0:0 sqhd:4 p:1 m:0 dnr:0 12.3 us" */
static void
cqe_text(const struct nvp_cmdlog_rec *r, char *out, size_t size)
{
	uint16_t w = le16_get(r->cqe.status), st = nvme_status_code(nvme_status_of(w));
	uint64_t ns = r->complete_ns - r->submit_ns;

	if (!r->complete_ns) {
		snprintf(out, size, "outstanding");
		return;
	}
	snprintf(out, size, "%s (%02x/%02x) cdw0:%x sqhd:%u p:%u m:%u dnr:%u %llu.%llu us",
		 st ? nvp_status_text(st) : "SUCCESS", st >> 8, st & 0xff, le32_get(r->cqe.dw0), le16_get(r->cqe.sqhd),
		 w & 1u, (unsigned)nvme_get(w, NVME_CQE_M), (unsigned)nvme_get(w, NVME_CQE_DNR),
		 (unsigned long long)(ns / NSEC_PER_USEC), (unsigned long long)(ns % NSEC_PER_USEC / 100));
}

int
nvp_cmdlog_text(const struct nvp_cmdlog_rec *rec, char *out, uint32_t size)
{
	char when[64], sqe[160], cqe[160];

	time_text(rec->submit_ns, when, sizeof(when));
	sqe_text(rec, sqe, sizeof(sqe));
	cqe_text(rec, cqe, sizeof(cqe));
	return snprintf(out, size, "%s: %s -> %s", when, sqe, cqe);
}
