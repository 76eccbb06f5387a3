/* SPDX-License-Identifier: BSD-3-Clause */
/* Profile files: what is shipped, what is refused and with which words, and that the drive is as its profile says. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "nvproof/spec/id_ctrl.h"
#include "ssd_adm.h"

static char err[256];

static int
parse(const char *text, struct ssd_profile *p)
{
	err[0] = '\0';
	return ssd_profile_parse("/some/where/x.ini", text, strlen(text), p, err, sizeof(err));
}

static void
all_that_are_shipped(void **state)
{
	struct ssd_profile p;
	uint32_t n = 0;

	(void)state;
	for (; ssd_profile_name(n); n++) {
		struct ssd_config cfg = { 0 };
		struct ssd_subsys *sub;

		assert_int_equal(ssd_profile_find(ssd_profile_name(n), &p, err, sizeof(err)), 0);
		assert_string_equal(p.name, ssd_profile_name(n));
		assert_true(p.text[0]);
		ssd_profile_apply(&p, &cfg);
		cfg.ns[0].size = 64u << 20;
		assert_int_equal(ssd_subsys_open(&cfg, &sub, err, sizeof(err)), 0);
		ssd_subsys_close(sub);
	}
	assert_int_equal(n, 9);
	assert_int_equal(ssd_profile_find("butter", &p, err, sizeof(err)), -ENOENT);
	assert_non_null(strstr(err, "client-tlc"));
	assert_int_equal(ssd_profile_find("enterprise-tlc", &p, err, sizeof(err)), 0);
	assert_int_equal(p.flash.channels, 8);
	assert_int_equal(p.flash.levels, 3);
	assert_int_equal(p.flash.program_us[2], 600);
	assert_true(p.flash.capacitor);
	assert_int_equal(p.capacity, 1u << 30);
}

/* The line that is named, and a word of what is allowed. */
static void
what_is_wrong_is_said(void **state)
{
	static const struct {
		const char *text, *line, *word;
	} bad[] = {
		{ "[drive]\nmodle = x\n", ":2: ", "model" },
		{ "[drvie]\nmodel = x\n", ":2: ", "drive limits flash zones fdp temperature" },
		{ "# none\n\n[drive]\nmedia = tape\n", ":4: ", "ram null flash" },
		{ "[drive]\nlba = 513\n", ":2: ", "512 4096" },
		{ "[drive]\ncapacity = 12Q\n", ":2: ", "such as 64M" },
		{ "[drive]\ncapacity = 4097\n", ":2: ", "multiple of 4096" },
		{ "[drive]\ncapacity = 99999999999999999999\n", ":2: ", "a size" },
		{ "[drive]\nserial = 123456789012345678901\n", ":2: ", "20 characters" },
		{ "[drive]\nserial = \t\x01\n", ":2: ", "printable" },
		{ "[limits]\nqueues = -1\n", ":2: ", "1 to 127" },
		{ "[limits]\nqueues = 1\nqueues = 2\n", ":3: ", "twice" },
		{ "[limits]\nmdts\n", ":2: ", "key = value" },
		{ "mdts = 1\n", ":1: ", "no such section" },
		{ "[flash]\ncapacitor = maybe\n", ":2: ", "yes or no" },
		{ "[flash]\nread_us = 1, 2, 3, 4, 5\n", ":2: ", "1 to 4 numbers" },
		{ "[flash]\nread_us = 1 2\n", ":2: ", "commas" },
		{ "[flash]\nslc_cache = 1M\n", ":0: ", "slc_program_us" },
		{ "[flash]\nslc_dynamic = 91\n", ":2: ", "0 to 90" },
		{ "[flash]\ncollect = youngest\n", ":2: ", "greedy cost-benefit random" },
		{ "[flash]\nrefresh = yes\n", ":2: ", "on off" },
		{ "[flash]\nprogram_fail_ppm = 1000001\n", ":2: ", "0 to 1000000" },
		{ "[drive]\nmedia = flash\n", ":0: ", "needs [flash]" },
		{ "[drive]\ncommand_set = zoned\n", ":0: ", "zones" },
		{ "[zones]\nmax_open = 5\nmax_active = 4\n", ":0: ", "max_active" },
		{ "[temperature]\nload_c = 10\n", ":0: ", "settle_s" },
		{ "[drive]\nwithout = copy, paste\n", ":2: ", "paste: expected one of: compare write-uncor" },
		{ "[drive]\nwithout =\n", ":2: ", "verify copy" },
		{ "[drive]\nwithout = copy,\n", ":2: ", "verify copy" },
		{ "[drive]\nwithout = copy verify\n", ":2: ", "commas" },
		{ "[temperature]\nwarning_c = 90\n", ":0: ", "critical" },
		{ "[drive]\nnamespaces = 3\n[limits]\nnamespaces = 2\n", ":0: ", "namespaces" },
	};
	struct ssd_profile p = { .name = "old" };
	char text[400];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(parse(bad[i].text, &p), -EINVAL);
		assert_int_equal(strncmp(err, "/some/where/x.ini:", 18), 0);
		assert_int_equal(strncmp(err + 17, bad[i].line, strlen(bad[i].line)), 0);
		assert_non_null(strstr(err, bad[i].word));
		assert_string_equal(p.name, "old");
	}
	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(parse(text, &p), -EINVAL);
	assert_non_null(strstr(err, ":1: the line is too long"));
}

static void
a_drive_is_as_its_profile(void **state)
{
	static const char text[] =
		"[drive]\nserial = S1\nmodel = M1\nfirmware = F1\noui = 0x123456\ncapacity = 8M\n"
		"namespaces = 2\nlba = 4096\n[limits]\nqueues = 3\nentries = 64\nmdts = 5\naers = 2\n"
		"namespaces = 4\n[temperature]\nidle_c = 40\nwarning_c = 60\ncritical_c = 75\n";
	struct ssd_config cfg = { 0 };
	struct ssd_profile p;
	struct nvme_id_ctrl *id;
	struct io io;

	(void)state;
	assert_int_equal(parse(text, &p), 0);
	assert_string_equal(p.name, "x");
	ssd_profile_apply(&p, &cfg);
	io_init(&io, rig_open_config(&cfg));
	rig_enable(io.r, 32);
	id = adm_identify(&io);
	assert_memory_equal(id->sn, "S1  ", 4);
	assert_memory_equal(id->mn, "M1  ", 4);
	assert_memory_equal(id->fr, "F1  ", 4);
	assert_memory_equal(id->ieee, "\x56\x34\x12", 3);
	assert_int_equal(id->mdts, 5);
	assert_int_equal(id->aerl, 1);
	assert_int_equal(le32_get(id->nn), 4);
	assert_int_equal(le16_get(id->wctemp), 333);
	assert_int_equal(le16_get(id->cctemp), 348);
	assert_int_equal(nvme_get(rig_reg(io.r, NVME_REG_CAP), NVME_CAP_MQES), 63);
	assert_int_equal(io.r->ssd->nr_ioqs, 3);
	assert_int_equal(io.r->sub->temperature_k, 313);
	assert_int_equal(io.r->sub->ns[1].nsze, 2048);
	assert_memory_equal(io.r->sub->ns[1].eui64, "\x12\x34\x56", 3);
	rig_close(io.r);
}

static const struct {
	const char *word;
	uint8_t opc;
	uint64_t oncs;
} optional[] = {
	{ "compare", NVME_OPC_COMPARE, NVME_ONCS_NVMCMPS },
	{ "write-uncorrectable", NVME_OPC_WRITE_UNCOR, NVME_ONCS_NVMWUSV },
	{ "dsm", NVME_OPC_DSM, NVME_ONCS_NVMDSMSV },
	{ "write-zeroes", NVME_OPC_WRITE_ZEROES, NVME_ONCS_NVMWZSV },
	{ "verify", NVME_OPC_VERIFY, NVME_ONCS_NVMVFYS },
	{ "copy", NVME_OPC_COPY, NVME_ONCS_NVMCPYS },
};
#define NR_OPTIONAL (sizeof(optional) / sizeof(optional[0]))

static void
open_without(struct io *io, const char *words)
{
	struct ssd_config cfg = { 0 };
	struct ssd_profile p;
	char text[120];

	snprintf(text, sizeof(text), "[drive]\ncapacity = 8M\n%s%s\n", *words ? "without = " : "", words);
	assert_int_equal(parse(text, &p), 0);
	ssd_profile_apply(&p, &cfg);
	io_init(io, rig_open_config(&cfg));
	rig_enable(io->r, 32);
	rig_pair(io->r, 1, 16, -1);
}

/* Announced in ONCS and in the effects log, and carried out: all three or none of it. */
static void
expect_there(struct io *io, size_t i, bool there)
{
	const struct nvme_effects_log *log;
	struct nvme_sqe sqe;

	assert_int_equal((le16_get(adm_identify(io)->oncs) & optional[i].oncs) != 0, there);
	log = adm_log(io, NVME_LOG_EFFECTS, sizeof(*log));
	assert_int_equal(le32_get(log->iocs[optional[i].opc]) != 0, there);
	nvme_prep_lba_cmd(&sqe, optional[i].opc, 1, 0, 1);
	assert_int_equal(io_cmd(io, &sqe, 4096) != NVME_SC_INVALID_OPCODE, there);
}

/* What Identify Namespace tells of commands is there with them. */
static void
expect_namespace(struct io *io, bool copy, bool zeroes)
{
	const struct nvme_id_ns *id = (const void *)io_buf(io);
	struct nvme_sqe sqe;

	nvme_prep_identify(&sqe, NVME_CNS_NS, 1, 0);
	assert_int_equal(io_admin(io, &sqe, 4096), 0);
	assert_int_equal(le16_get(id->mssrl) && le32_get(id->mcl) && id->msrc, copy);
	assert_int_equal(nvme_get(id->dlfeat, NVME_DLFEAT_WZDS), zeroes);
}

/* Each alone; whatever is not named is there. */
static void
commands_are_left_out(void **state)
{
	struct io io;

	(void)state;
	for (size_t out = 0; out <= NR_OPTIONAL; out++) {
		open_without(&io, out < NR_OPTIONAL ? optional[out].word : "");
		assert_int_equal(le16_get(adm_identify(&io)->fuses) & 1, out != 0);
		for (size_t i = 0; i < NR_OPTIONAL; i++)
			expect_there(&io, i, i != out);
		expect_namespace(&io, out != 5, out != 3);
		assert_int_equal(io_write(&io, 1, 8, 1, 1), 0);
		assert_int_equal(io_read(&io, 1, 8, 1), 0);
		rig_close(io.r);
	}
	open_without(&io, "verify , compare,copy");
	for (size_t i = 0; i < NR_OPTIONAL; i++)
		expect_there(&io, i, i >= 1 && i <= 3);
	assert_int_equal(le16_get(adm_identify(&io)->oncs) & (NVME_ONCS_NVMCSA | NVME_ONCS_NVMAFC), 0);
	rig_close(io.r);
}

static void
a_file(void **state)
{
	char path[] = "/tmp/profile-XXXXXX.ini";
	int fd = mkstemps(path, 4);
	struct ssd_profile p;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "[limits]\nmdts = 3\n", 18), 18);
	close(fd);
	assert_int_equal(ssd_profile_find(path, &p, err, sizeof(err)), 0);
	assert_int_equal(p.mdts, 3);
	unlink(path);
	assert_int_equal(ssd_profile_find(path, &p, err, sizeof(err)), -ENOENT);
	assert_int_equal(ssd_profile_find("/tmp", &p, err, sizeof(err)), -EIO);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_that_are_shipped),
		cmocka_unit_test(what_is_wrong_is_said),
		cmocka_unit_test(a_drive_is_as_its_profile),
		cmocka_unit_test(commands_are_left_out),
		cmocka_unit_test(a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
