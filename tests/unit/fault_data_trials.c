/* SPDX-License-Identifier: BSD-3-Clause */
/* Faults of data: to the host, on the media, and where PRPs point. */
#include "fault_trials.h"
#include "nvproof/spec/nvm.h"

/* LBA 10 to 17 hold 10h to 17h; the buffer is all EEh and two pages longer than what is read. */
static bool
read_with(struct trial *t, const char *rule)
{
	for (uint8_t i = 0; i < 8; i++)
		put(t, 10u + i, 1, (uint8_t)(0x10 + i));
	arm(t, rule);
	memset(buf(t), 0xee, 3 * SSD_PAGE);
	return get(t, 10, 8) && status(t) == 0;
}

static bool
flip(struct trial *t)
{
	return read_with(t, "data-flip=600") && buf(t)[600] == 0x10 && buf(t)[601] == 0x11;
}

static bool
none(struct trial *t)
{
	return read_with(t, "data-none") && buf(t)[0] == 0xee && buf(t)[4095] == 0xee;
}

static bool
data_late(struct trial *t)
{
	bool early = read_with(t, "data-late=5ms") && buf(t)[0] == 0xee;

	adm_sleep(&t->io, 6 * ADM_MS);
	return early && buf(t)[0] == 0x10 && buf(t)[4095] == 0x17;
}

static bool
torn(struct trial *t)
{
	return read_with(t, "data-torn") && buf(t)[2047] == 0x13 && buf(t)[2048] == 0xee;
}

static bool
shorter(struct trial *t)
{
	return read_with(t, "data-short=512") && buf(t)[3583] == 0x16 && buf(t)[3584] == 0xee;
}

static bool
zeros(struct trial *t)
{
	return read_with(t, "data-zeros") && buf(t)[0] == 0 && buf(t)[4095] == 0;
}

static bool
beyond(struct trial *t)
{
	return read_with(t, "data-beyond") && buf(t)[4095] == 0x17 && !memcmp(buf(t) + 4096, "\xde\xad\xbe\xef\xee", 5);
}

static bool
swapped(struct trial *t)
{
	return read_with(t, "data-swapped") && buf(t)[0] == 0x14 && buf(t)[2048] == 0x10;
}

static bool
elsewhere(struct trial *t)
{
	return read_with(t, "read-elsewhere=2") && buf(t)[0] == 0x12;
}

static bool
stale(struct trial *t)
{
	put(t, 10, 2, 0x01);
	arm(t, "read-stale,slba=11,count=all");
	put(t, 10, 2, 0x02);
	get(t, 10, 2);
	return buf(t)[0] == 0x02 && buf(t)[512] == 0x01 && buf(t)[1023] == 0x01;
}

static bool
write_lost(struct trial *t)
{
	arm(t, "write-lost");
	return put(t, 5, 1, 0x11) && status(t) == 0 && holds(t, 5) == 0;
}

static bool
write_elsewhere(struct trial *t)
{
	arm(t, "write-elsewhere=3");
	return put(t, 5, 1, 0x11) && holds(t, 5) == 0 && holds(t, 8) == 0x11;
}

static bool
write_torn(struct trial *t)
{
	arm(t, "write-torn");
	return put(t, 8, 8, 0x11) && holds(t, 11) == 0x11 && holds(t, 12) == 0;
}

static bool
write_flip(struct trial *t)
{
	arm(t, "write-flip=512");
	return put(t, 8, 2, 0x11) && holds(t, 8) == 0x11 && holds(t, 9) == 0x10;
}

static bool
spill(struct trial *t)
{
	arm(t, "write-spill=4");
	return put(t, 8, 1, 0x11) && holds(t, 8) == 0x11 && holds(t, 12) == 0x11;
}

static bool
slba_bits(struct trial *t)
{
	arm(t, "slba-bits=8,opc=write");
	return put(t, 0x105, 1, 0x11) && holds(t, 5) == 0x11 && holds(t, 0x105) == 0;
}

static bool
nlb_less(struct trial *t)
{
	arm(t, "nlb-less,opc=write");
	return put(t, 8, 4, 0x11) && holds(t, 10) == 0x11 && holds(t, 11) == 0;
}

static bool
nlb_8bit(struct trial *t)
{
	arm(t, "nlb-8bit,opc=write");
	return put(t, 0, 258, 0x11) && holds(t, 1) == 0x11 && holds(t, 2) == 0;
}

/* Whether the media was told to make data durable. */
static uint32_t flushes;

static int
counting_flush(struct ssd_media *m)
{
	(void)m;
	flushes++;
	return 0;
}

static void
watch_flushes(struct trial *t)
{
	static struct ssd_media_ops ops;

	ops = *t->io.r->sub->media->ops;
	ops.flush = counting_flush;
	t->io.r->sub->media->ops = &ops;
	flushes = 0;
}

static bool
fua(struct trial *t)
{
	struct nvme_sqe sqe;

	watch_flushes(t);
	arm(t, "fua-ignored");
	nvme_prep_write(&sqe, 1, 5, 1);
	sqe.cdw12 = le32_from(le32_get(sqe.cdw12) | NVME_RW_FUA);
	return go(t, 1, &sqe, 512) && status(t) == 0 && flushes == 0;
}

static bool
flush(struct trial *t)
{
	struct nvme_sqe sqe;

	watch_flushes(t);
	arm(t, "flush-ignored");
	nvme_prep_flush(&sqe, 1);
	return go(t, 1, &sqe, 0) && status(t) == 0 && flushes == 0;
}

static bool
zeroes(struct trial *t)
{
	put(t, 5, 1, 0x11);
	arm(t, "zeroes-ignored");
	return cmd(t, NVME_OPC_WRITE_ZEROES, 1, 5, 1) && status(t) == 0 && holds(t, 5) == 0x11;
}

static bool
trim(struct trial *t, const char *rule)
{
	struct nvme_dsm_range range = { .nlb = le32_from(1), .slba = le64_from(5) };
	struct nvme_sqe sqe;

	put(t, 5, 2, 0x11);
	arm(t, rule);
	memcpy(buf(t), &range, sizeof(range));
	nvme_prep_dsm(&sqe, 1, 1, (uint32_t)NVME_DSM_AD);
	return go(t, 1, &sqe, sizeof(range)) && status(t) == 0;
}

static bool
trim_ignored(struct trial *t)
{
	return trim(t, "trim-ignored") && holds(t, 5) == 0x11;
}

static bool
trim_more(struct trial *t)
{
	return trim(t, "trim-more=1") && holds(t, 5) == 0 && holds(t, 6) == 0;
}

static bool
uncor(struct trial *t)
{
	arm(t, "uncor-ignored");
	cmd(t, NVME_OPC_WRITE_UNCOR, 1, 5, 1);
	return status(t) == 0 && get(t, 5, 1) && status(t) == 0;
}

static bool
compare_equal(struct trial *t)
{
	put(t, 5, 1, 0x11);
	arm(t, "compare-equal");
	memset(buf(t), 0x22, 512);
	return cmd(t, NVME_OPC_COMPARE, 1, 5, 1) && status(t) == 0;
}

static bool
compare_differs(struct trial *t)
{
	put(t, 5, 1, 0x11);
	arm(t, "compare-differs");
	return cmd(t, NVME_OPC_COMPARE, 1, 5, 1) && status(t) == NVME_SC_COMPARE_FAILED;
}

static bool
range_unchecked(struct trial *t)
{
	arm(t, "range-unchecked,opc=read");
	return get(t, 1ull << 40, 1) && status(t) == 0;
}

static bool
opcode_unchecked(struct trial *t)
{
	arm(t, "opcode-unchecked");
	return cmd(t, 0x7e, 1, 0, 1) && status(t) == 0;
}

static bool
field_unchecked(struct trial *t)
{
	struct nvme_sqe sqe;

	arm(t, "field-unchecked");
	nvme_prep_read(&sqe, 1, 0, 1);
	sqe.flags = 0xc0; /* PSDT 11b is reserved */
	return go(t, 1, &sqe, 512) && status(t) == 0;
}

static bool
nsid_ignored(struct trial *t)
{
	put(t, 5, 8, 0x11);
	arm(t, "nsid-ignored");
	memset(buf(t), 0, 512);
	return cmd(t, NVME_OPC_READ, 2, 5, 1) && status(t) == 0 && buf(t)[0] == 0x11;
}

static bool
nsid_swapped(struct trial *t)
{
	arm(t, "nsid-swapped,opc=write");
	memset(buf(t), 0x11, 4096);
	cmd(t, NVME_OPC_WRITE, 2, 5, 1);
	return status(t) == 0 && holds(t, 5) == 0x11;
}

/* LBAs 0 to 63 in eight pages, whose first bytes are 1 to 8. */
static void
pages(struct trial *t)
{
	for (uint8_t i = 0; i < 8; i++)
		put(t, i * 8u, 8, (uint8_t)(i + 1));
	memset(buf(t), 0xee, 10 * SSD_PAGE);
}

/* In the buffer, page 1 is where the list's second entry points to. */
static bool
prp_shift(struct trial *t)
{
	pages(t);
	arm(t, "prp-shift,opc=read");
	rig_le64(t->io.r, t->io.list)[7] = le64_from(t->io.buf + 9 * SSD_PAGE);
	return get(t, 0, 64) && buf(t)[0] == 1 && buf(t)[SSD_PAGE] == 0xee && buf(t)[2 * SSD_PAGE] == 2;
}

static bool
list_offset(struct trial *t)
{
	struct nvme_sqe sqe;
	le64 *list = rig_le64(t->io.r, t->io.list);

	pages(t);
	arm(t, "prp-list-offset,opc=read");
	nvme_prep_read(&sqe, 1, 0, 24);
	for (uint32_t i = 0; i < 8; i++)
		list[i] = le64_from(t->io.buf + (i + 1ull) * SSD_PAGE);
	sqe.prp1 = le64_from(t->io.buf);
	sqe.prp2 = le64_from(t->io.list + 8 * 4);
	return go(t, 1, &sqe, 0) && buf(t)[SSD_PAGE] == 2 && buf(t)[5 * SSD_PAGE] == 0xee;
}

static bool
prp1_offset(struct trial *t)
{
	struct nvme_sqe sqe;

	pages(t);
	arm(t, "prp1-offset,opc=read");
	nvme_prep_read(&sqe, 1, 0, 1);
	sqe.prp1 = le64_from(t->io.buf + 512);
	return go(t, 1, &sqe, 0) && buf(t)[0] == 1 && buf(t)[512] == 0xee;
}

static bool
prp2_ignored(struct trial *t)
{
	struct nvme_sqe sqe;

	pages(t);
	arm(t, "prp2-ignored,opc=read");
	nvme_prep_read(&sqe, 1, 0, 16);
	sqe.prp1 = le64_from(t->io.buf);
	sqe.prp2 = le64_from(t->io.buf + 5 * SSD_PAGE);
	return go(t, 1, &sqe, 0) && buf(t)[SSD_PAGE] == 2 && buf(t)[5 * SSD_PAGE] == 0xee;
}

const struct trial_of trials_data[] = {
	{ "data-flip", flip },
	{ "data-none", none },
	{ "data-late", data_late },
	{ "data-torn", torn },
	{ "data-short", shorter },
	{ "data-zeros", zeros },
	{ "data-beyond", beyond },
	{ "data-swapped", swapped },
	{ "read-elsewhere", elsewhere },
	{ "read-stale", stale },
	{ "write-lost", write_lost },
	{ "write-elsewhere", write_elsewhere },
	{ "write-torn", write_torn },
	{ "write-flip", write_flip },
	{ "write-spill", spill },
	{ "slba-bits", slba_bits },
	{ "nlb-less", nlb_less },
	{ "nlb-8bit", nlb_8bit },
	{ "fua-ignored", fua },
	{ "flush-ignored", flush },
	{ "zeroes-ignored", zeroes },
	{ "trim-ignored", trim_ignored },
	{ "trim-more", trim_more },
	{ "uncor-ignored", uncor },
	{ "compare-equal", compare_equal },
	{ "compare-differs", compare_differs },
	{ "range-unchecked", range_unchecked },
	{ "opcode-unchecked", opcode_unchecked },
	{ "field-unchecked", field_unchecked },
	{ "nsid-ignored", nsid_ignored },
	{ "nsid-swapped", nsid_swapped },
	{ "prp-shift", prp_shift },
	{ "prp-list-offset", list_offset },
	{ "prp1-offset", prp1_offset },
	{ "prp2-ignored", prp2_ignored },
	{ NULL, NULL },
};
