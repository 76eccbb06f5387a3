/* SPDX-License-Identifier: BSD-3-Clause */
/* What Read, Write and Compare with metadata have in common. */
#include "ssd/nvm/meta_io.h"

nvme_status
nvm_meta_start(struct ssd_cmd *c, struct nvm_meta_io *io)
{
	struct nvm_pi_fields fields = nvm_pi_fields(c->sqe);
	nvme_status st = ssd_nvm_range(c, &io->r);

	io->pi = (struct nvm_pi){ 0 };
	if (!st)
		st = nvm_pi_known(c);
	if (!st && c->ns->pi.type)
		st = nvm_pi_parse(c, &fields, io->r.slba, &io->pi);
	io->stripped = nvm_pi_stripped(c->ns, &io->pi);
	io->extended = c->ns->format.extended && !io->stripped;
	return st;
}

/* The metadata counts for MDTS when it is between the data (CTRATT.MEM is 0), and not when it is separate. */
nvme_status
nvm_meta_attach(struct ssd_cmd *c, struct nvm_meta_io *io)
{
	uint64_t nlb = io->r.nlb, block = c->ns->lba_size + (io->extended ? c->ns->meta_size : 0u);
	nvme_status st = ssd_nvm_mdts(c, nlb * block);

	if (!st)
		st = ssd_data(c, nlb * block);
	if (!st && !io->stripped && !io->extended)
		st = ssd_meta(c, nlb * c->ns->meta_size, &io->meta);
	return st;
}

struct nvm_blocks
nvm_meta_chunk(const struct ssd_cmd *c, const struct nvm_meta_io *io, uint32_t first, uint8_t *buf)
{
	return nvm_blocks_lay(c->ns, buf, UT_MIN(io->r.nlb - first, nvm_blocks_max(c->ns)), io->extended);
}

/* Of the separate buffer: an error is MPTR's, not the data pointer's. */
static nvme_status
meta_error(struct ssd_cmd *c, nvme_status st)
{
	return st ? ssd_fail(c, st, offsetof(struct nvme_sqe, mptr)) : st;
}

nvme_status
nvm_meta_from_host(struct ssd_cmd *c, struct nvm_meta_io *io, uint32_t first, const struct nvm_blocks *b)
{
	uint64_t at = first, nlb = b->nlb, size = c->ns->meta_size;
	nvme_status st = ssd_from_host(c, at * b->data_step, b->data, nlb * b->data_step);

	if (st || io->stripped || io->extended)
		return st;
	return meta_error(c, ssd_from_host(&io->meta, at * size, b->meta, nlb * size));
}

nvme_status
nvm_meta_to_host(struct ssd_cmd *c, struct nvm_meta_io *io, uint32_t first, const struct nvm_blocks *b)
{
	uint64_t at = first, nlb = b->nlb, size = c->ns->meta_size;
	nvme_status st = ssd_to_host(c, at * b->data_step, b->data, nlb * b->data_step);

	if (st || io->stripped || io->extended)
		return st;
	return meta_error(c, ssd_to_host(&io->meta, at * size, b->meta, nlb * size));
}
