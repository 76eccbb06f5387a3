/* SPDX-License-Identifier: BSD-3-Clause */
/* What a worker measured, as Python objects. */
#include "pyext/iow.h"

#include <stdlib.h>
#include "util/alloc.h"
#include "util/hist.h"

#define K(x) ((unsigned long long)(x))

/* Append and let go of v.  -1: v is NULL, or there is no memory. */
static int
append(PyObject *list, PyObject *v)
{
	int rc = v ? PyList_Append(list, v) : -1;

	Py_XDECREF(v);
	return rc;
}

/* The list, or NULL when something was wrong. */
static PyObject *
checked(PyObject *list, int rc)
{
	if (rc < 0)
		Py_CLEAR(list);
	return list;
}

static PyObject *
seconds(const struct nvp_iow *w)
{
	uint32_t n, i;
	const struct nvp_iow_second *s = nvp_iow_seconds(w, &n);
	PyObject *list = PyList_New(0);
	int rc = list ? 0 : -1;

	for (i = 0; !rc && i < n; i++, s++)
		rc = append(list, Py_BuildValue("(IIIKKI)", s->reads, s->writes, s->others, K(s->bytes),
						K(s->latency_sum_ns), s->latency_max_us));
	return checked(list, rc);
}

static PyObject *
buckets(const struct nvp_iow *w, uint32_t op)
{
	struct nvp_iow_bucket *b = ut_calloc(UT_HIST_BUCKETS, sizeof(*b));
	uint32_t n = b ? nvp_iow_hist(w, op, b, UT_HIST_BUCKETS) : 0, i;
	PyObject *list = b ? PyList_New(0) : PyErr_NoMemory();
	int rc = list ? 0 : -1;

	for (i = 0; !rc && i < n; i++)
		rc = append(list, Py_BuildValue("(KKK)", K(b[i].low_ns), K(b[i].high_ns), K(b[i].count)));
	free(b);
	return checked(list, rc);
}

static PyObject *
ops(const struct nvp_iow *w)
{
	PyObject *list = PyList_New(0), *hist;
	struct nvp_iow_op_result r;
	int rc = list ? 0 : -1;
	uint32_t i;

	for (i = 0; !rc && nvp_iow_op(w, i, &r); i++) {
		hist = buckets(w, i);
		rc = hist ? append(list, Py_BuildValue("{sI sK sK sK sK sN}", "opcode", r.opc, "ios", K(r.ios), "bytes",
						       K(r.bytes), "sum_ns", K(r.latency_sum_ns), "max_ns",
						       K(r.latency_max_ns), "buckets", hist))
			  : -1;
	}
	return checked(list, rc);
}

static PyObject *
last_commands(const struct nvp_iow *w, uint32_t max)
{
	struct nvp_iow_log_entry *l = ut_calloc(max ? max : 1, sizeof(*l));
	uint32_t n = l ? nvp_iow_log(w, l, max) : 0, i;
	PyObject *list = l ? PyList_New(0) : PyErr_NoMemory();
	int rc = list ? 0 : -1;

	for (i = 0; !rc && i < n; i++)
		rc = append(list, Py_BuildValue("(KIIKKI)", K(l[i].slba), l[i].nlb, (unsigned)l[i].opc, K(l[i].sent_us),
						K(l[i].completed_us), (unsigned)l[i].status));
	free(l);
	return checked(list, rc);
}

static PyObject *
heat(const struct nvp_iow *w, uint64_t *lbas)
{
	uint32_t n, i;
	const uint32_t *h = nvp_iow_heat(w, &n, lbas);
	PyObject *list = PyList_New(0);
	int rc = list ? 0 : -1;

	for (i = 0; !rc && i < n; i++)
		rc = append(list, PyLong_FromUnsignedLong(h[i]));
	return checked(list, rc);
}

PyObject *
py_iow_measured(const struct nvp_iow *w, uint32_t log_entries)
{
	uint64_t lbas = 0;
	PyObject *s = seconds(w), *o = ops(w), *l = last_commands(w, log_entries), *h = heat(w, &lbas);

	if (s && o && l && h)
		return Py_BuildValue("{sN sN sN sN sK sK}", "seconds", s, "ops", o, "log", l, "heat", h, "heat_lbas",
				     K(lbas), "begin_ns", K(nvp_iow_begin_ns(w)));
	Py_XDECREF(s);
	Py_XDECREF(o);
	Py_XDECREF(l);
	Py_XDECREF(h);
	return NULL;
}
