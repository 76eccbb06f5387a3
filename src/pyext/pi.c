/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Between a script's buffers and the driver's protection information engine.  Off at first: then metadata is what the script
 * puts there, and nothing is looked at.
 */
#include "pyext/pi.h"

#include <stdlib.h>

#include "nvproof/spec/nvm.h"
#include "util/alloc.h"

struct py_pi {
	struct nvp_pi pi;
	struct nvp_pi_tags tags;
	bool make; /* before submission */
	unsigned check; /* NVP_PI_*, after completion; 0: nothing */
	uint64_t slba;
	uint32_t nlb;
	void *data, *meta;
};

static struct py_arg enable_args[] = {
	{ "enable", ARG_BOOL, .def = 1 },
};

static uint32_t
nlb_of(const struct nvme_sqe *sqe)
{
	return nvme_get32(le32_get(sqe->cdw12), NVME_RW_NLB) + 1;
}

static uint64_t
slba_of(const struct nvme_sqe *sqe)
{
	return le32_get(sqe->cdw10) | (uint64_t)le32_get(sqe->cdw11) << 32;
}

static void *
memory(PyObject *o)
{
	struct py_buffer *b = (struct py_buffer *)o;

	return b ? (uint8_t *)b->mem.va + b->offset : NULL;
}

/* The metadata goes through a buffer of its own, which the device would write beyond. */
static int
check_size(const struct py_cmd *cmd, uint64_t len)
{
	const struct py_buffer *meta = (struct py_buffer *)cmd->meta;

	if (!meta || meta->fake || len <= meta->size)
		return 0;
	PyErr_Format(PyExc_AssertionError, "%llu bytes of metadata do not fit: buffer '%U' has %llu bytes",
		     (unsigned long long)len, meta->name, (unsigned long long)meta->size);
	return -1;
}

static int
make_buffer(struct py_cmd *cmd, struct nvme_sqe *sqe, uint64_t len)
{
	cmd->meta = PyObject_CallFunction((PyObject *)py_buffer_type, "Ks", (unsigned long long)len, "metadata");
	if (!cmd->meta)
		return -1;
	sqe->mptr = le64_from(py_buffer_addr((struct py_buffer *)cmd->meta));
	return 0;
}

/* Types 1 and 2 count from somewhere: where the script does not say from where, from the LBA, as type 1 must. */
static void
default_tags(const struct nvp_pi *pi, struct nvme_sqe *sqe, struct nvp_pi_tags *tags)
{
	nvp_pi_get_tags(pi, sqe, tags);
	if (pi->type == 3 || le32_get(sqe->cdw14) || le32_get(sqe->cdw3) || le32_get(sqe->cdw2))
		return;
	tags->ref = slba_of(sqe);
	nvp_pi_put_tags(pi, tags, sqe);
}

/* The guard always; the application tag where the mask has bits; the storage tag where the command says so. */
static unsigned
what_to_check(const struct nvme_sqe *sqe, const struct nvp_pi_tags *tags)
{
	unsigned what = NVP_PI_GUARD | NVP_PI_REF;

	if (sqe->opc != NVME_OPC_READ)
		return 0;
	what |= tags->app_mask ? NVP_PI_APP : 0;
	what |= le32_get(sqe->cdw12) & NVME_RW_STC ? NVP_PI_STORAGE : 0;
	return what;
}

static int
engine_attach(struct py_ns *ns, struct py_cmd *cmd, struct nvme_sqe *sqe)
{
	const struct nvp_pi *pi = &ns->ns.pi;
	struct nvp_pi_tags tags;
	struct py_pi *p;

	default_tags(pi, sqe, &tags);
	if (nvp_pi_stripped(pi, sqe) || !cmd->buf || ((struct py_buffer *)cmd->buf)->fake)
		return 0; /* nothing of it is in our memory */
	if (cmd->meta && ((struct py_buffer *)cmd->meta)->fake)
		return 0;
	if (!pi->extended && !cmd->meta && make_buffer(cmd, sqe, (uint64_t)nlb_of(sqe) * pi->meta_size) < 0)
		return -1;
	p = ut_calloc(1, sizeof(*p));
	if (!p) {
		PyErr_NoMemory();
		return -1;
	}
	*p = (struct py_pi){
		.pi = *pi,
		.tags = tags,
		.make = sqe->opc != NVME_OPC_READ && !(le32_get(sqe->cdw12) & NVME_RW_PRACT),
		.check = what_to_check(sqe, &tags),
		.slba = slba_of(sqe),
		.nlb = nlb_of(sqe),
		.data = memory(cmd->buf),
		.meta = memory(cmd->meta),
	};
	cmd->pi = p;
	return 0;
}

int
py_pi_attach(struct py_ns *ns, struct py_cmd *cmd, struct nvp_req *r)
{
	struct nvme_sqe *sqe = nvp_req_sqe(r);

	if (!ns->ns.extended && !nvp_pi_stripped(&ns->ns.pi, sqe) &&
	    check_size(cmd, (uint64_t)nlb_of(sqe) * ns->ns.meta_size) < 0)
		return -1;
	return ns->pi_engine && ns->ns.pi.type ? engine_attach(ns, cmd, sqe) : 0;
}

void
py_pi_begin(struct py_pi *p)
{
	if (p->make)
		nvp_pi_make(&p->pi, &p->tags, p->data, p->meta, p->nlb);
}

void
py_pi_end(const struct py_pi *p, struct nvme_cqe *cqe)
{
	uint16_t phase = le16_get(cqe->status) & NVME_CQE_PHASE;
	struct nvp_pi_error err;

	if (py_status(cqe) || !p->check || !nvp_pi_check(&p->pi, &p->tags, p->check, p->data, p->meta, p->nlb, &err))
		return;
	py_log(40, "protection information mismatch: lba 0x%llx, %s, expected 0x%llx, but got 0x%llx",
	       (unsigned long long)(p->slba + err.block), nvp_pi_what(err.what), (unsigned long long)err.expected,
	       (unsigned long long)err.got);
	cqe->status =
		le16_from((uint16_t)(phase | nvme_put(NVME_CQE_SCT, NVME_SCT_VENDOR) | nvme_put(NVME_CQE_SC, 0x81)));
}

void
py_pi_free(struct py_pi *p)
{
	free(p);
}

PyObject *
py_ns_pi_enable(PyObject *o, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
	struct py_ns *ns = (struct py_ns *)o;
	union py_val v[1];

	if (py_args("pi_engine_enable", enable_args, 1, 0, args, nargs, kwnames, v) < 0)
		return NULL;
	ns->pi_engine = v[0].u;
	return PyBool_FromLong(!ns->pi_engine || ns->ns.pi.type);
}

PyObject *
py_ns_pi_disable(PyObject *o, PyObject *unused)
{
	(void)unused;
	((struct py_ns *)o)->pi_engine = false;
	Py_RETURN_TRUE;
}

int
py_pi_setup(void)
{
	return py_args_intern(enable_args, PY_NARGS(enable_args));
}
