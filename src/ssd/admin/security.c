/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Security Receive and Security Send.  There are two protocols: 00h, which tells what there is, and 01h of the Trusted
 * Computing Group, with Level 0 Discovery alone.  It says what is true: no sessions, no locking, no encryption.  Neither
 * protocol takes data, so that Security Send finds nothing to send to.
 *
 * NVMe Base 2.2, "Security Receive command", "Security Send command"; SPC-5, "Security protocol information protocol"; TCG
 * Storage Architecture Core Specification 2.01, "Level 0 Discovery"; TCG Storage Interface Interactions Specification, "NVMe".
 */
#include "ssd/admin/admin.h"
#include "ssd/media/media.h"
#include <string.h>

#define CDW(n) offsetof(struct nvme_sqe, cdw##n)
#define SECP (CDW(10) + 3)
#define SPSP (CDW(10) + 1)

enum secp {
	SECP_INFO = 0x00,
	SECP_TCG = 0x01,
};

enum {
	SPSP_INFO_PROTOCOLS = 0x0000,
	SPSP_INFO_CERTIFICATE = 0x0001,
	SPSP_INFO_COMPLIANCE = 0x0002,
	SPSP_TCG_DISCOVERY = 0x0001, /* the ComID of Level 0 Discovery */
};

enum {
	TCG_TPER = 0x0001,
	TCG_LOCKING = 0x0002,
};
#define TCG_HEADER 48u
#define TCG_LOCKING_NO_MBR_SHADOWING 0x40u

/* Big-endian, as SPC and TCG have it. */
static void
put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static uint32_t
protocols(uint8_t *buf)
{
	put16(buf + 6, 2);
	buf[8] = SECP_INFO;
	buf[9] = SECP_TCG;
	return 10;
}

/* A feature descriptor: code, version 1 in the upper half of a byte, length of what follows: 12 bytes. */
static uint8_t *
descriptor(uint8_t *p, uint32_t code, uint8_t flags)
{
	put16(p, code);
	p[2] = 1 << 4;
	p[3] = 12;
	p[4] = flags;
	return p + 16;
}

/* The length does not count itself. */
static uint32_t
discovery(uint8_t *buf)
{
	uint8_t *p = descriptor(buf + TCG_HEADER, TCG_TPER, 0);

	p = descriptor(p, TCG_LOCKING, TCG_LOCKING_NO_MBR_SHADOWING);
	put16(buf + 2, (uint32_t)(p - buf) - 4);
	put16(buf + 6, 1); /* data structure revision 0.1 */
	return (uint32_t)(p - buf);
}

/* 0: there is no such thing.  Empty lists have a length, which is 0. */
static uint32_t
answer(uint32_t secp, uint32_t spsp, uint8_t *buf)
{
	if (secp == SECP_TCG)
		return spsp == SPSP_TCG_DISCOVERY ? discovery(buf) : 0;
	switch (spsp) {
	case SPSP_INFO_PROTOCOLS:
		return protocols(buf);
	case SPSP_INFO_CERTIFICATE:
	case SPSP_INFO_COMPLIANCE:
		return 4;
	default:
		return 0;
	}
}

/* What is longer than the allocation is cut off, what is shorter is filled with zeros. */
static nvme_status
reply(struct ssd_cmd *c, uint64_t have, uint64_t al)
{
	nvme_status st = ssd_data(c, al);
	uint64_t n;

	have = UT_MIN(have, al);
	if (!st)
		st = ssd_to_host(c, 0, c->ssd->bounce, have);
	for (; !st && have < al; have += n) {
		n = UT_MIN(al - have, SSD_ZEROS);
		st = ssd_to_host(c, have, ssd_zeros, n);
	}
	return st;
}

static nvme_status
check(struct ssd_cmd *c)
{
	uint32_t secp = nvme_get32(le32_get(c->sqe->cdw10), NVME_SECURITY_SECP);

	if (secp != SECP_INFO && secp != SECP_TCG)
		return ssd_fail(c, NVME_SC_INVALID_FIELD, SECP);
	if (le32_get(c->sqe->cdw11) > ssd_max_xfer(c->ssd->sub))
		return ssd_fail(c, NVME_SC_INVALID_FIELD, CDW(11));
	return NVME_SC_SUCCESS;
}

nvme_status
ssd_adm_security_recv(struct ssd_cmd *c)
{
	uint32_t cdw10 = le32_get(c->sqe->cdw10), al = le32_get(c->sqe->cdw11), have;
	nvme_status st = check(c);

	if (st)
		return st;
	memset(c->ssd->bounce, 0, 512);
	have = answer(nvme_get32(cdw10, NVME_SECURITY_SECP), nvme_get32(cdw10, NVME_SECURITY_SPSP), c->ssd->bounce);
	if (!have)
		return ssd_fail(c, NVME_SC_INVALID_FIELD, SPSP);
	return al ? reply(c, have, al) : NVME_SC_SUCCESS;
}

/* Protocol 00h is for receiving; of TCG's, Level 0 Discovery is too, and there is no other ComID. */
nvme_status
ssd_adm_security_send(struct ssd_cmd *c)
{
	nvme_status st = check(c);

	if (st)
		return st;
	return ssd_fail(c, NVME_SC_INVALID_FIELD,
			nvme_get(le32_get(c->sqe->cdw10), NVME_SECURITY_SECP) == SECP_INFO ? SECP : SPSP);
}
