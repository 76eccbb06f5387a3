/* SPDX-License-Identifier: BSD-3-Clause */
/* The arguments of IOWorker as a plan.  What they mean, and what is left out, is in nvproof/ioworker.py. */
#include "pyext/iow.h"

#include <stdlib.h>
#include "util/alloc.h"

static struct py_arg init_args[] = {
	{ "ns", ARG_TYPE, .type = &py_ns_type },
	{ "qpair", ARG_TYPE, .type = &py_qpair_type },
	{ "sizes", .kind = ARG_OBJ },
	{ "regions", .kind = ARG_OBJ },
	{ "ops", .kind = ARG_OBJ },
	{ "distribution", .kind = ARG_OBJ },
	{ "steps", .kind = ARG_OBJ },
	{ "data", .kind = ARG_OBJ },
	{ "lba_step", .kind = ARG_I32 },
	{ "random_percent", .kind = ARG_U32 },
	{ "sgl_percent", .kind = ARG_U32 },
	{ "qdepth", .kind = ARG_U32 },
	{ "iops", .kind = ARG_U32 },
	{ "time_ns", .kind = ARG_U64 },
	{ "io_count", .kind = ARG_U64 },
	{ "lba_count", .kind = ARG_U64 },
	{ "lba_start", .kind = ARG_U64 },
	{ "ptype", .kind = ARG_U32 },
	{ "pvalue", .kind = ARG_U32 },
	{ "slow_us", .kind = ARG_U32 },
	{ "retry_max", .kind = ARG_U32 },
	{ "log_entries", .kind = ARG_U32 },
	{ "cdw13", .kind = ARG_U32 },
	{ "io_flags", .kind = ARG_U16 },
	{ "cpu", .kind = ARG_I32 },
	{ "qprio", .kind = ARG_U32 },
	{ "flags", .kind = ARG_U32 },
	{ "zones", .kind = ARG_OBJ },
	{ "zone_width", .kind = ARG_U32 },
	{ "zone_active", .kind = ARG_U32 },
};
enum {
	A_NS,
	A_QPAIR,
	A_SIZES,
	A_REGIONS,
	A_OPS,
	A_DISTRIBUTION,
	A_STEPS,
	A_DATA,
	A_STEP,
	A_RANDOM,
	A_SGL,
	A_QDEPTH,
	A_IOPS,
	A_TIME,
	A_COUNT,
	A_LBAS,
	A_LBA,
	A_PTYPE,
	A_PVALUE,
	A_SLOW,
	A_RETRY,
	A_LOG,
	A_CDW13,
	A_FLAGS,
	A_CPU,
	A_QPRIO,
	A_BITS,
	A_ZONES,
	A_ZONE_WIDTH,
	A_ZONE_ACTIVE,
	A_NR
};

/* As nvproof/ioworker.py numbers them. */
enum {
	BIT_VERIFY = 1,
	BIT_EXIT_ON_ERROR = 2,
	BIT_WHOLE = 4,
	BIT_FW_DEBUG = 8,
	BIT_LOG_ERRORS_ONLY = 16,
	BIT_ZONE_ONE_WRITE = 32,
};

/* --- arrays: sequences of tuples of n integers --- */

static int
get_numbers(PyObject *item, uint64_t *out, Py_ssize_t n)
{
	PyObject *v;

	if (n > 1 && PySequence_Size(item) < n) {
		if (!PyErr_Occurred())
			PyErr_Format(PyExc_AssertionError, "ioworker: needs tuples of %d numbers", (int)n);
		return -1;
	}
	for (Py_ssize_t i = 0; i < n; i++) {
		v = n > 1 ? PySequence_GetItem(item, i) : Py_NewRef(item);
		out[i] = v ? PyLong_AsUnsignedLongLong(v) : 0;
		Py_XDECREF(v);
		if (PyErr_Occurred()) {
			PyErr_SetString(PyExc_AssertionError, "ioworker: needs numbers of at most 64 bits");
			return -1;
		}
	}
	return 0;
}

typedef void (*put_fn)(void *array, uint32_t i, const uint64_t *v);

static int
fill(PyObject *seq, void *array, uint32_t count, Py_ssize_t n, put_fn put)
{
	uint64_t v[4];

	for (uint32_t i = 0; i < count; i++) {
		PyObject *item = PySequence_GetItem(seq, i);
		int rc = item ? get_numbers(item, v, n) : -1;

		Py_XDECREF(item);
		if (rc < 0)
			return -1;
		put(array, i, v);
	}
	return 0;
}

/* NULL and *count 0 for None and an empty one; -1 with an exception. */
static int
take(PyObject *seq, Py_ssize_t n, size_t size, put_fn put, const void **out, uint32_t *count)
{
	Py_ssize_t len = seq ? PySequence_Size(seq) : 0;
	void *array;

	if (len < 0 || len > UINT32_MAX)
		return -1;
	if (!len)
		return 0;
	array = ut_calloc((size_t)len, size);
	if (!array) {
		PyErr_NoMemory();
		return -1;
	}
	*out = array;
	*count = (uint32_t)len;
	return fill(seq, array, (uint32_t)len, n, put);
}

static uint32_t
u32(uint64_t v)
{
	return v > UINT32_MAX ? UINT32_MAX : (uint32_t)v; /* too large stays too large */
}

static void
put_size(void *array, uint32_t i, const uint64_t *v)
{
	((struct nvp_iow_size *)array)[i] = (struct nvp_iow_size){ u32(v[0]), u32(v[1]), u32(v[2]) };
}

static void
put_region(void *array, uint32_t i, const uint64_t *v)
{
	((struct nvp_iow_region *)array)[i] = (struct nvp_iow_region){ v[0], v[1] };
}

static void
put_op(void *array, uint32_t i, const uint64_t *v)
{
	((struct nvp_iow_op *)array)[i] = (struct nvp_iow_op){ u32(v[0]), u32(v[1]) };
}

static void
put_weight(void *array, uint32_t i, const uint64_t *v)
{
	((uint16_t *)array)[i] = (uint16_t)v[0];
}

/* In the order of PyNVMe3: (slba, nlb, opcode, time_sent_us). */
static void
put_step(void *array, uint32_t i, const uint64_t *v)
{
	((struct nvp_iow_step *)array)[i] = (struct nvp_iow_step){ v[0], v[3], u32(v[1]), u32(v[2]) };
}

/* (slba, capacity, LBAs written, 1: it can be read only). */
static void
put_zone(void *array, uint32_t i, const uint64_t *v)
{
	((struct nvp_iow_zone *)array)[i] = (struct nvp_iow_zone){ v[0], v[1], v[2], v[3] != 0 };
}

static int
take_data(PyObject *bytes, struct nvp_iow_plan *p)
{
	char *from;
	Py_ssize_t len;
	void *copy;

	if (!bytes)
		return 0;
	if (PyBytes_AsStringAndSize(bytes, &from, &len) < 0)
		return -1;
	copy = ut_calloc(1, (size_t)len + 1);
	if (!copy) {
		PyErr_NoMemory();
		return -1;
	}
	p->data = memcpy(copy, from, (size_t)len);
	p->data_len = (uint64_t)len;
	return 0;
}

static int
take_arrays(struct nvp_iow_plan *p, const union py_val *v)
{
	uint32_t nweights = 0;

	if (take(v[A_SIZES].obj, 3, sizeof(*p->sizes), put_size, (const void **)&p->sizes, &p->nsizes) < 0 ||
	    take(v[A_REGIONS].obj, 2, sizeof(*p->regions), put_region, (const void **)&p->regions, &p->nregions) < 0 ||
	    take(v[A_OPS].obj, 2, sizeof(*p->ops), put_op, (const void **)&p->ops, &p->nops) < 0 ||
	    take(v[A_DISTRIBUTION].obj, 1, sizeof(*p->distribution), put_weight, (const void **)&p->distribution,
		 &nweights) < 0 ||
	    take(v[A_STEPS].obj, 4, sizeof(*p->steps), put_step, (const void **)&p->steps, &p->nsteps) < 0 ||
	    take(v[A_ZONES].obj, 4, sizeof(*p->zones), put_zone, (const void **)&p->zones, &p->nzones) < 0 ||
	    take_data(v[A_DATA].obj, p) < 0)
		return -1;
	if (p->distribution && nweights != NVP_IOW_BUCKETS) {
		PyErr_SetString(PyExc_AssertionError, "ioworker: distribution is 100 numbers");
		return -1;
	}
	return 0;
}

void
py_iow_plan_free(struct nvp_iow_plan *p)
{
	free((void *)(uintptr_t)p->sizes);
	free((void *)(uintptr_t)p->regions);
	free((void *)(uintptr_t)p->ops);
	free((void *)(uintptr_t)p->distribution);
	free((void *)(uintptr_t)p->steps);
	free((void *)(uintptr_t)p->zones);
	free((void *)(uintptr_t)p->data);
	*p = (struct nvp_iow_plan){ 0 };
}

static struct nvp_iow_plan
scalars(const union py_val *v)
{
	uint64_t bits = v[A_BITS].u;

	return (struct nvp_iow_plan){
		.lba_step = (int32_t)v[A_STEP].i,
		.random_percent = (uint32_t)v[A_RANDOM].u,
		.sgl_percent = (uint32_t)v[A_SGL].u,
		.qdepth = (uint32_t)v[A_QDEPTH].u,
		.iops = (uint32_t)v[A_IOPS].u,
		.time_ns = v[A_TIME].u,
		.io_count = v[A_COUNT].u,
		.lba_count = v[A_LBAS].u,
		.lba_start = v[A_LBA].u,
		.seed = ut_rng_next(&py_rng),
		.ptype = (uint32_t)v[A_PTYPE].u,
		.pvalue = (uint32_t)v[A_PVALUE].u,
		.slow_us = (uint32_t)v[A_SLOW].u,
		.retry_max = (uint32_t)v[A_RETRY].u,
		.log_entries = (uint32_t)v[A_LOG].u,
		.cdw13 = (uint32_t)v[A_CDW13].u,
		.io_flags = (uint16_t)v[A_FLAGS].u,
		.cpu = (int16_t)v[A_CPU].i,
		.qprio = (uint8_t)v[A_QPRIO].u,
		.verify = bits & BIT_VERIFY,
		.exit_on_error = bits & BIT_EXIT_ON_ERROR,
		.whole = bits & BIT_WHOLE,
		.fw_debug = bits & BIT_FW_DEBUG,
		.log_errors_only = bits & BIT_LOG_ERRORS_ONLY,
		.zone_width = (uint32_t)v[A_ZONE_WIDTH].u,
		.zone_active = (uint32_t)v[A_ZONE_ACTIVE].u,
		.zone_one_write = bits & BIT_ZONE_ONE_WRITE,
	};
}

int
py_iow_plan(struct py_iow *self, PyObject *args, PyObject *kwargs)
{
	union py_val v[A_NR];

	if (py_args_init("IOWorker", init_args, A_NR, A_NR, args, kwargs, v) < 0)
		return -1;
	if (!v[A_NS].obj || v[A_CPU].i > INT16_MAX || v[A_QPRIO].u > 0xff) {
		PyErr_SetString(PyExc_AssertionError, "ioworker: a namespace, a core, qprio of 0 to 3");
		return -1;
	}
	self->ns = (struct py_ns *)Py_NewRef(v[A_NS].obj);
	self->qpair = (struct py_qpair *)v[A_QPAIR].obj;
	Py_XINCREF(v[A_QPAIR].obj);
	self->plan = scalars(v);
	return take_arrays(&self->plan, v);
}

int
py_iow_plan_setup(void)
{
	return py_args_intern(init_args, A_NR);
}
