/* SPDX-License-Identifier: BSD-3-Clause */
/* Security Receive and Security Send: which protocols there are, what they answer, and what is refused. */
#include "ssd_adm.h"

static nvme_status
security(struct io *io, uint8_t opc, uint32_t secp, uint32_t spsp, uint32_t len)
{
	struct nvme_sqe sqe = { .opc = opc, .cdw10 = le32_from(secp << 24 | spsp << 8), .cdw11 = le32_from(len) };

	memset(io_buf(io), 0xee, 8192);
	return io_admin(io, &sqe, len);
}

static nvme_status
receive(struct io *io, uint32_t secp, uint32_t spsp, uint32_t len)
{
	return security(io, NVME_ADM_SECURITY_RECV, secp, spsp, len);
}

static uint32_t
be(const uint8_t *p, int n)
{
	uint32_t v = 0;

	while (n--)
		v = v << 8 | *p++;
	return v;
}

/* SPC-5, "Supported security protocols list". */
static void
protocols(void **state)
{
	static const uint8_t list[] = { 0, 0, 0, 0, 0, 0, 0, 2, 0x00, 0x01, 0, 0 };
	struct io *io = *state;

	assert_int_equal(receive(io, 0, 0, 512), 0);
	assert_memory_equal(io_buf(io), list, sizeof(list));
	for (int i = sizeof(list); i < 512; i++)
		assert_int_equal(io_buf(io)[i], 0);
	assert_int_equal(io_buf(io)[512], 0xee); /* not more than was asked for */
	assert_int_equal(receive(io, 0, 0, 9), 0); /* cut off */
	assert_memory_equal(io_buf(io), list, 9);
	assert_int_equal(io_buf(io)[9], 0xee);
	assert_int_equal(receive(io, 0, 0, 0), 0);
	assert_int_equal(io_buf(io)[0], 0xee);
	assert_int_equal(receive(io, 0, 1, 64), 0); /* no certificate */
	assert_int_equal(be(io_buf(io), 4), 0);
	assert_int_equal(receive(io, 0, 2, 64), 0);
	assert_int_equal(be(io_buf(io), 4), 0);
}

/* TCG Storage Architecture Core Specification, "Level 0 Discovery". */
static void
discovery(void **state)
{
	struct io *io = *state;
	const uint8_t *p = io_buf(io), *d = p + 48;

	assert_int_equal(receive(io, 1, 1, 4096), 0);
	assert_int_equal(be(p, 4), 48 + 2 * 16 - 4);
	assert_int_equal(be(p + 4, 4), 1);
	assert_int_equal(be(d, 2), 0x0001); /* TPer */
	assert_int_equal(d[2], 0x10);
	assert_int_equal(d[3], 12);
	assert_int_equal(d[4], 0); /* no synchronous protocol: there are no sessions */
	assert_int_equal(be(d + 16, 2), 0x0002); /* Locking */
	assert_int_equal(d[16 + 4] & 0x0f, 0); /* not supported, not enabled, not locked, no encryption */
	for (int i = 48 + 2 * 16; i < 4096; i++)
		assert_int_equal(p[i], 0);
}

static void
refused(void **state)
{
	struct io *io = *state;

	for (uint32_t secp = 0; secp < 256; secp++) {
		if (secp > 1) {
			assert_int_equal(receive(io, secp, 1, 512), NVME_SC_INVALID_FIELD);
			assert_int_equal(io_blamed(io), 43);
		}
		assert_int_equal(security(io, NVME_ADM_SECURITY_SEND, secp, 1, 512), NVME_SC_INVALID_FIELD);
	}
	assert_int_equal(receive(io, 0, 3, 512), NVME_SC_INVALID_FIELD);
	assert_int_equal(io_blamed(io), 41);
	for (uint32_t spsp = 0; spsp < 0x10000; spsp += spsp < 16 ? 1 : 4093) {
		if (spsp != 1)
			assert_int_equal(receive(io, 1, spsp, 512), NVME_SC_INVALID_FIELD);
	}
	{
		struct nvme_sqe sqe = { .opc = NVME_ADM_SECURITY_RECV, .cdw11 = le32_from(UINT32_MAX) };

		assert_int_equal(io_admin(io, &sqe, 4096), NVME_SC_INVALID_FIELD); /* more than MDTS */
		assert_int_equal(io_blamed(io), 44);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, io_setup, io_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = { T(protocols), T(discovery), T(refused) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
