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
		cmocka_unit_test(a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
