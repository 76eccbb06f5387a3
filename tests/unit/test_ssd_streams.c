/* SPDX-License-Identifier: BSD-3-Clause */
/* Directives: Identify, and Streams with their resources, over hosts, resets and what happens to namespaces. */
#include "ssd_adm.h"
#include "ssd_second.h"
#include "nvproof/spec/directive.h"
#include "nvproof/spec/feat.h"
#include "nvproof/spec/nvm.h"

#define MSL 16u
#define WRITE_STREAM (NVME_DTYPE_STREAMS << 20)

static nvme_status
receive(struct io *io, uint32_t nsid, uint32_t doper, uint32_t dtype, uint32_t cdw12)
{
	struct nvme_sqe sqe = { .opc = NVME_ADM_DIRECTIVE_RECV, .nsid = le32_from(nsid), .cdw10 = le32_from(1023) };

	memset(io_buf(io), 0xee, 4096);
	sqe.cdw11 = le32_from(doper | dtype << 8);
	sqe.cdw12 = le32_from(cdw12);
	return io_admin(io, &sqe, 4096);
}

static nvme_status
send(struct io *io, uint32_t nsid, uint32_t cdw11, uint32_t cdw12)
{
	struct nvme_sqe sqe = { .opc = NVME_ADM_DIRECTIVE_SEND, .nsid = le32_from(nsid) };

	sqe.cdw11 = le32_from(cdw11);
	sqe.cdw12 = le32_from(cdw12);
	return io_admin(io, &sqe, 0);
}

static nvme_status
enable(struct io *io, uint32_t nsid, bool on)
{
	return send(io, nsid, NVME_DIR_SEND_ID_ENABLE, NVME_DTYPE_STREAMS << 8 | on);
}

static uint32_t
enabled(struct io *io, uint32_t nsid)
{
	const struct nvme_dir_id_params *p = (const void *)io_buf(io);

	assert_int_equal(receive(io, nsid, NVME_DIR_RECV_ID_PARAMS, NVME_DTYPE_IDENTIFY, 0), 0);
	assert_int_equal(p->supported[0], 3);
	assert_int_equal(p->persistent[0], 0);
	return p->enabled[0];
}

static nvme_status
write_stream(struct io *io, uint32_t nsid, uint16_t sid)
{
	struct nvme_sqe sqe;

	nvme_prep_write(&sqe, nsid, sid % 1024, 1);
	sqe.cdw12 = le32_from(le32_get(sqe.cdw12) | WRITE_STREAM);
	sqe.cdw13 = le32_from((uint32_t)sid << 16);
	return io_cmd(io, &sqe, 4096);
}

static struct nvme_dir_streams_params
params(struct io *io, uint32_t nsid)
{
	struct nvme_dir_streams_params p;

	assert_int_equal(receive(io, nsid, NVME_DIR_RECV_STREAMS_PARAMS, NVME_DTYPE_STREAMS, 0), 0);
	memcpy(&p, io_buf(io), sizeof(p));
	for (int i = sizeof(p); i < 4096; i++) /* NUMD asks for more than there is */
		assert_int_equal(io_buf(io)[i], 0);
	return p;
}

static void
expect(struct io *io, uint32_t nsid, uint32_t nssa, uint32_t nsso, uint32_t nsa, uint32_t nso)
{
	struct nvme_dir_streams_params p = params(io, nsid);

	assert_int_equal(le16_get(p.msl), MSL);
	assert_int_equal(le16_get(p.nssa), nssa);
	assert_int_equal(le16_get(p.nsso), nsso);
	assert_int_equal(le16_get(p.nsa), nsa);
	assert_int_equal(le16_get(p.nso), nso);
}

/* The open streams, as many as are given. */
static void
expect_open(struct io *io, uint32_t nsid, const uint16_t *sid, uint16_t n)
{
	const struct nvme_dir_streams_status *s = (const void *)io_buf(io);

	assert_int_equal(receive(io, nsid, NVME_DIR_RECV_STREAMS_STATUS, NVME_DTYPE_STREAMS, 0), 0);
	assert_int_equal(le16_get(s->osc), n);
	for (uint16_t i = 0; i < n; i++)
		assert_int_equal(le16_get(s->sid[i]), sid[i]);
	assert_int_equal(le16_get(s->sid[n]), 0);
}

static nvme_status
allocate(struct io *io, uint32_t nsid, uint32_t nsr)
{
	return receive(io, nsid, NVME_DIR_RECV_STREAMS_ALLOC, NVME_DTYPE_STREAMS, nsr);
}

static void
identify(void **state)
{
	struct io *io = *state;

	assert_int_equal(enabled(io, 1), 1);
	assert_int_equal(enable(io, 1, true), 0);
	assert_int_equal(enabled(io, 1), 3);
	assert_int_equal(enabled(io, 2), 1);
	assert_int_equal(enable(io, 1, false), 0);
	assert_int_equal(enabled(io, 1), 1);
	assert_int_equal(enable(io, NVME_NSID_ALL, true), 0);
	assert_int_equal(enabled(io, 1), 3);
	assert_int_equal(enabled(io, 2), 3);
	adm_reset(io); /* "not preserved across Controller Level Resets" */
	assert_int_equal(enabled(io, 1), 1);
}

static void
refused(void **state)
{
	struct io *io = *state;

	assert_int_equal(receive(io, NVME_NSID_ALL, 1, 0, 0), NVME_SC_INVALID_FIELD);
	assert_int_equal(io_blamed(io), 4);
	assert_int_equal(receive(io, 0, 1, 0, 0), NVME_SC_INVALID_NS);
	assert_int_equal(receive(io, 33, 1, 0, 0), NVME_SC_INVALID_NS);
	assert_int_equal(receive(io, 5, 1, 0, 0), NVME_SC_INVALID_FIELD); /* inactive */
	for (uint32_t doper = 0; doper < 256; doper++) {
		if (doper != 1)
			assert_int_equal(receive(io, 1, doper, 0, 0), NVME_SC_INVALID_FIELD);
		if (doper != 1)
			assert_int_equal(send(io, 1, doper, 0x101), NVME_SC_INVALID_FIELD);
	}
	assert_int_equal(receive(io, 1, 1, NVME_DTYPE_STREAMS, 0), NVME_SC_INVALID_FIELD); /* not enabled */
	assert_int_equal(io_blamed(io), 45);
	assert_int_equal(send(io, 1, 1 | NVME_DTYPE_STREAMS << 8, 0), NVME_SC_INVALID_FIELD);
	assert_int_equal(receive(io, NVME_NSID_ALL, 1, NVME_DTYPE_STREAMS, 0), NVME_SC_INVALID_FIELD);
	assert_int_equal(enable(io, 1, true), 0);
	for (uint32_t doper = 0; doper < 256; doper++) {
		if (doper < 1 || doper > 3)
			assert_int_equal(receive(io, 1, doper, NVME_DTYPE_STREAMS, 0), NVME_SC_INVALID_FIELD);
		if (doper < 1 || doper > 2)
			assert_int_equal(send(io, 1, doper | NVME_DTYPE_STREAMS << 8, 0), NVME_SC_INVALID_FIELD);
	}
	for (uint32_t type = 2; type < 256; type++) { /* no such directives */
		assert_int_equal(receive(io, 1, 1, type, 0), NVME_SC_INVALID_FIELD);
		assert_int_equal(send(io, 1, 1 | type << 8, 0), NVME_SC_INVALID_FIELD);
		assert_int_equal(send(io, 1, 1, type << 8 | 1), NVME_SC_INVALID_FIELD);
		assert_int_equal(send(io, 1, 1, type << 8), 0); /* it is disabled */
	}
	assert_int_equal(send(io, 1, 1, 1), NVME_SC_INVALID_FIELD); /* Identify cannot be enabled */
}

/* NVMe Base 2.2, "Directive Use in I/O Commands". */
static void
write_commands(void **state)
{
	static const uint16_t one[] = { 7 };
	struct io *io = *state;

	for (uint32_t dtype = 0; dtype < 16; dtype++) { /* none is enabled: ignored */
		struct nvme_sqe sqe;

		nvme_prep_write(&sqe, 1, 0, 1);
		sqe.cdw12 = le32_from(dtype << 20);
		sqe.cdw13 = le32_from(0x12340000);
		assert_int_equal(io_cmd(io, &sqe, 512), 0);
	}
	assert_int_equal(enable(io, 1, true), 0);
	for (uint32_t dtype = 0; dtype < 16; dtype++) {
		struct nvme_sqe sqe;

		nvme_prep_write(&sqe, 1, 0, 1);
		sqe.cdw12 = le32_from(dtype << 20);
		assert_int_equal(io_cmd(io, &sqe, 512), dtype > 1 ? NVME_SC_INVALID_FIELD : 0);
	}
	expect_open(io, 1, NULL, 0); /* DSPEC 0h is no stream */
	assert_int_equal(write_stream(io, 1, 7), 0);
	assert_int_equal(write_stream(io, 1, 7), 0);
	expect_open(io, 1, one, 1);
	expect(io, 1, MSL, 1, 0, 1);
	assert_int_equal(le32_get(params(io, 1).sws), 128); /* 64 KiB */
	assert_int_equal(enable(io, 2, true), 0);
	assert_int_equal(le32_get(params(io, 2).sws), 16);
	expect(io, NVME_NSID_ALL, MSL, 1, 0, 0);
	assert_int_equal(write_stream(io, 2, 7), 0); /* another stream: it is another namespace */
	expect(io, 2, MSL, 2, 0, 1);
	expect_open(io, NVME_NSID_ALL, one, 1); /* the number is there once */
}

/* Copy writes too, and blocks with metadata take another way. */
static void
copy_and_metadata(void **state)
{
	static const uint16_t both[] = { 21, 22 };
	struct io *io = *state;
	struct nvme_copy_range *range = (void *)io_buf(io);

	assert_int_equal(enable(io, 1, true), 0);
	for (uint32_t dtype = 0; dtype < 16; dtype++) {
		struct nvme_sqe sqe = { .opc = NVME_OPC_COPY, .nsid = le32_from(1), .cdw10 = le32_from(8) };

		memset(range, 0, sizeof(*range));
		sqe.cdw12 = le32_from(dtype << 20);
		sqe.cdw13 = le32_from(21u << 16);
		assert_int_equal(io_cmd(io, &sqe, sizeof(*range)), dtype > 1 ? NVME_SC_INVALID_FIELD : 0);
	}
	expect_open(io, 1, both, 1);
	assert_int_equal(adm_opc(io, NVME_ADM_FORMAT_NVM, 1, 2 | 1 << 4, 0), 0); /* 512 bytes and 8, interleaved */
	assert_true(io->r->sub->ns[0].meta_size);
	for (uint32_t dtype = 0; dtype < 16; dtype++) {
		struct nvme_sqe sqe;

		nvme_prep_write(&sqe, 1, 0, 1);
		sqe.cdw12 = le32_from(dtype << 20);
		sqe.cdw13 = le32_from(22u << 16);
		assert_int_equal(io_cmd(io, &sqe, 1024), dtype > 1 ? NVME_SC_INVALID_FIELD : 0);
	}
	expect_open(io, 1, both + 1, 1); /* the format closed the other one */
}

static void
open_and_close(void **state)
{
	uint16_t sid[MSL];
	struct io *io = *state;

	assert_int_equal(enable(io, 1, true), 0);
	for (uint16_t i = 0; i < MSL; i++)
		assert_int_equal(write_stream(io, 1, (uint16_t)(100 - i)), 0);
	for (uint16_t i = 0; i < MSL; i++)
		sid[i] = (uint16_t)(85 + i);
	expect_open(io, 1, sid, MSL);
	assert_int_equal(write_stream(io, 1, 100), 0); /* the oldest is 99 now */
	assert_int_equal(write_stream(io, 1, 101), 0);
	sid[14] = 100;
	sid[15] = 101;
	expect_open(io, 1, sid, MSL);
	assert_int_equal(send(io, 1, 1 | 1 << 8 | 101u << 16, 0), 0); /* Release Identifier */
	expect_open(io, 1, sid, MSL - 1);
	assert_int_equal(send(io, 1, 1 | 1 << 8 | 555u << 16, 0), 0); /* not open: no error */
	assert_int_equal(send(io, NVME_NSID_ALL, 1 | 1 << 8 | 100u << 16, 0), NVME_SC_INVALID_FIELD);
	expect(io, 1, MSL, MSL - 1, 0, MSL - 1);
	assert_int_equal(enable(io, 1, false), 0);
	assert_int_equal(enable(io, 1, true), 0);
	expect(io, 1, MSL, 0, 0, 0);
}

static void
resources(void **state)
{
	static const uint16_t last[] = { 3, 4 };
	struct io *io = *state;

	assert_int_equal(enable(io, NVME_NSID_ALL, true), 0);
	assert_int_equal(allocate(io, NVME_NSID_ALL, 2), NVME_SC_INVALID_FIELD);
	assert_int_equal(allocate(io, 1, 2), 0);
	assert_int_equal(le32_get(io->cqe.dw0), 2);
	expect(io, 1, MSL - 2, 0, 2, 0);
	assert_int_equal(allocate(io, 1, 2), NVME_SC_INVALID_FIELD); /* there are some */
	for (uint16_t i = 1; i <= 4; i++)
		assert_int_equal(write_stream(io, 1, i), 0);
	expect_open(io, 1, last, 2);
	expect(io, 1, MSL - 2, 0, 2, 2); /* they do not count as the subsystem's */
	assert_int_equal(send(io, 1, 1 | 1 << 8 | 3u << 16, 0), 0);
	expect(io, 1, MSL - 2, 0, 2, 1); /* the resource stays */
	assert_int_equal(allocate(io, 2, 100), 0);
	assert_int_equal(le32_get(io->cqe.dw0), MSL - 2); /* as many as there are */
	expect(io, 1, 0, 0, 2, 1);
	assert_int_equal(send(io, 1, 2 | 1 << 8, 0), 0); /* Release Resources */
	assert_int_equal(send(io, 1, 2 | 1 << 8, 0), 0);
	expect(io, 1, 2, 0, 0, 0);
	assert_int_equal(write_stream(io, 1, 9), 0);
	expect(io, 1, 2, 1, 0, 1);
	assert_int_equal(send(io, 2, 2 | 1 << 8, 0), 0);
	expect(io, 1, MSL, 1, 0, 1);
}

/* All are given away: nothing to allocate, and a write with a stream is one without. */
static void
exhausted(void **state)
{
	struct io *io = *state;

	assert_int_equal(enable(io, NVME_NSID_ALL, true), 0);
	assert_int_equal(allocate(io, 1, MSL), 0);
	assert_int_equal(allocate(io, 2, 1), NVME_SC_STREAM_ALLOC_FAILED);
	assert_int_equal(write_stream(io, 2, 5), 0);
	expect(io, 2, 0, 0, 0, 0);
	assert_int_equal(send(io, NVME_NSID_ALL, 2 | 1 << 8, 0), 0);
	expect(io, 2, MSL, 0, 0, 0);
	/* They are in use: none for one host alone, but it may share them. */
	for (uint16_t i = 1; i <= MSL; i++)
		assert_int_equal(write_stream(io, 2, i), 0);
	assert_int_equal(allocate(io, 1, 1), 0);
	assert_int_equal(le32_get(io->cqe.dw0), 0);
}

static void
namespaces_change(void **state)
{
	struct io *io = *state;
	struct nvme_sqe sqe;

	assert_int_equal(enable(io, NVME_NSID_ALL, true), 0);
	assert_int_equal(allocate(io, 1, 4), 0);
	assert_int_equal(write_stream(io, 1, 1), 0);
	nvme_prep_format(&sqe, 1, 0, NVME_FORMAT_SES_NONE);
	assert_int_equal(io_admin(io, &sqe, 0), 0);
	expect(io, 1, MSL - 4, 0, 4, 0); /* closed; the resources stay */
	assert_int_equal(write_stream(io, 1, 1), 0);
	assert_int_equal(io_feature_set(io, NVME_FEAT_WRITE_PROTECT, 1, 1, false), 0);
	expect(io, 1, MSL, 0, 0, 0);
	assert_int_equal(write_stream(io, 2, 1), 0);
	assert_int_equal(adm_opc(io, NVME_ADM_NS_MGMT, 2, NVME_NS_MGMT_DELETE, 0), 0);
	expect(io, 1, MSL, 0, 0, 0);
	assert_int_equal(enabled(io, 1), 3);
}

static void
host_id(struct io *io, uint8_t id)
{
	memset(io_buf(io), 0, 16);
	io_buf(io)[0] = id;
	assert_int_equal(io_feature_set(io, NVME_FEAT_HOST_ID, 0, 1, false), 0);
}

/* Two controllers: of two hosts, then of one. */
static void
hosts(void **state)
{
	struct two t;

	(void)state;
	two_open(&t, NULL);
	assert_int_equal(enable(&t.a, 1, true), 0);
	assert_int_equal(enabled(&t.b, 1), 1);
	assert_int_equal(enable(&t.b, 1, true), 0);
	assert_int_equal(write_stream(&t.a, 1, 3), 0);
	assert_int_equal(allocate(&t.b, 1, 2), 0);
	expect(&t.a, 1, MSL - 2, 1, 0, 1);
	expect(&t.b, 1, MSL - 2, 1, 2, 0);
	adm_reset(&t.b);
	expect(&t.a, 1, MSL, 1, 0, 1);
	host_id(&t.a, 9);
	host_id(&t.b, 9);
	assert_int_equal(enabled(&t.b, 1), 3); /* it is the same host */
	assert_int_equal(write_stream(&t.a, 1, 3), 0);
	expect(&t.b, 1, MSL, 2, 0, 1); /* the stream of the host without an identifier is another one */
	adm_reset(&t.a);
	expect(&t.b, 1, MSL, 1, 0, 1); /* that is gone; the host is still there */
	assert_int_equal(enabled(&t.a, 1), 1);
	adm_reset(&t.b);
	assert_int_equal(enable(&t.b, 1, true), 0);
	expect(&t.b, 1, MSL, 0, 0, 0);
	two_close(&t);
}

#define T(f) cmocka_unit_test_setup_teardown(f, io_setup, io_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(identify),  T(refused),   T(write_commands),	  T(copy_and_metadata),	   T(open_and_close),
		T(resources), T(exhausted), T(namespaces_change), cmocka_unit_test(hosts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
