/* SPDX-License-Identifier: BSD-3-Clause */
/* Namespace: its geometry and its verification table.  Commands are in ns_io.c and ns_raw.c. */
#include "pyext/ns.h"
#include "pyext/pi.h"

#include <errno.h>

PyTypeObject *py_ns_type;

static struct py_arg init_args[] = {
	{ "nvme", ARG_TYPE, .type = &py_ctrlr_type },
	{ "nsid", ARG_U32, .def = 1 },
	{ "nlba_verify", ARG_U64, .def = UINT64_MAX },
	{ "crc32", .kind = ARG_BOOL },
};

static struct py_ns *namespace(PyObject *o)
{
	return (struct py_ns *)o;
}

/* Identify it, and take the table that fits.  Once at the start and again after a format. */
static int
ns_load(struct py_ns *self, uint32_t nsid)
{
	struct nvme_cqe cqe = { 0 };
	const struct py_vtab_opts opts = { .limit = self->nlba_verify, .crc32 = self->crc32 };
	struct py_vtab *old = self->vtab;
	int rc = nvp_ns_open(self->ctrlr->c, nsid, &self->ns, &cqe);

	self->open = !rc;
	if (rc) {
		if (rc == -EIO && py_warn_status(py_status(&cqe)) < 0)
			return -1;
		PyErr_Format(py_exc_ns_creation, rc == -ENODEV ? "there is no namespace %u" : "namespace %u: %s", nsid,
			     rc == -EIO ? nvp_status_text(py_status(&cqe)) : strerror(-rc));
		return -1;
	}
	self->block = self->ns.lba_size + (self->ns.extended ? self->ns.meta_size : 0u);
	self->vtab = py_vtab_get(&self->ns, &opts);
	py_vtab_put(old);
	if (!self->vtab)
		py_log(30, "namespace %u is not verified: too little memory for the table", nsid);
	return 0;
}

static int
ns_init(PyObject *o, PyObject *args, PyObject *kwargs)
{
	struct py_ns *self = namespace(o);
	union py_val v[4];

	if (self->ctrlr) {
		PyErr_SetString(PyExc_RuntimeError, "Namespace is initialised already");
		return -1;
	}
	if (py_args_init("Namespace", init_args, 4, 1, args, kwargs, v) < 0)
		return -1;
	if (!v[0].obj) {
		PyErr_SetString(PyExc_TypeError, "Namespace(): needs a Controller");
		return -1;
	}
	if (!py_ctrlr_get((struct py_ctrlr *)v[0].obj) || py_wait_enter("Namespace") < 0)
		return -1;
	self->ctrlr = (struct py_ctrlr *)v[0].obj;
	Py_INCREF(v[0].obj);
	self->nlba_verify = v[2].u;
	self->crc32 = v[3].u;
	self->inject = NVP_INJECT_ID | NVP_INJECT_TOKEN;
	if (ns_load(self, (uint32_t)v[1].u) < 0) {
		py_wait_leave_quiet();
		return -1;
	}
	return py_wait_leave();
}

static void
ns_dealloc(PyObject *o)
{
	struct py_ns *self = namespace(o);

	PyObject_GC_UnTrack(o);
	py_vtab_put(self->vtab);
	Py_XDECREF((PyObject *)self->ctrlr);
	py_object_free(o);
}

static int
ns_traverse(PyObject *o, visitproc visit, void *arg)
{
	Py_VISIT(Py_TYPE(o));
	Py_VISIT((PyObject *)namespace(o)->ctrlr);
	return 0;
}

static PyObject *
ns_close(PyObject *o, PyObject *unused)
{
	struct py_ns *self = namespace(o);

	(void)unused;
	self->open = false;
	py_vtab_put(self->vtab);
	self->vtab = NULL;
	Py_RETURN_NONE;
}

static PyObject *
ns_refresh(PyObject *o, PyObject *unused)
{
	struct py_ns *self = namespace(o);

	(void)unused;
	if (!self->open || !py_ctrlr_get(self->ctrlr) || py_wait_enter("refresh") < 0) {
		if (!PyErr_Occurred())
			PyErr_SetString(PyExc_SystemError, "the namespace is closed");
		return NULL;
	}
	if (ns_load(self, self->ns.nsid) < 0) {
		py_wait_leave_quiet();
		return NULL;
	}
	if (py_wait_leave() < 0)
		return NULL;
	Py_RETURN_NONE;
}

enum { P_NSID, P_SECTOR, P_META, P_NLBA, P_CAPACITY, P_PI_TYPE, P_PI_SIZE, P_ZONE };

static PyObject *
get_number(PyObject *o, void *which)
{
	const struct nvp_ns *ns = &namespace(o)->ns;
	uint64_t v = 0;

	switch ((uintptr_t)which) {
	case P_NSID:
		v = ns->nsid;
		break;
	case P_SECTOR:
		v = ns->lba_size;
		break;
	case P_META:
		v = ns->meta_size;
		break;
	case P_PI_TYPE:
		v = ns->pi.type;
		break;
	case P_PI_SIZE:
		v = ns->pi.type ? ns->pi.size : 0;
		break;
	case P_NLBA:
		v = ns->nsze;
		break;
	case P_ZONE:
		v = ns->zsze;
		break;
	case P_CAPACITY:
		v = le64_get(ns->id.nvmcap[0]) ? le64_get(ns->id.nvmcap[0]) : ns->nsze * ns->lba_size;
		break;
	}
	return PyLong_FromUnsignedLongLong(v);
}

static PyObject *
get_nvme(PyObject *o, void *closure)
{
	PyObject *c = namespace(o)->ctrlr ? (PyObject *)namespace(o)->ctrlr : Py_None;

	(void)closure;
	Py_INCREF(c);
	return c;
}

#define CMD(name, func, doc)                                                                \
	{                                                                                   \
		name, (PyCFunction)(void (*)(void))func, METH_FASTCALL | METH_KEYWORDS, doc \
	}
#define TAIL "io_flags=0, cdw13=0, cdw14=0, cdw15=0, cdw02=0, cdw03=0, cb=None"
#define RETURNS                                                                                                       \
	"\n\nReturns the qpair.  io_flags is the upper half of CDW12.  AssertionError: the queue is full, or buf is " \
	"too small."

static PyMethodDef ns_methods[] = {
	CMD("read", py_ns_read,
	    "read($self, /, qpair, buf, lba, lba_count=1, " TAIL
	    ", meta=None, verify_disable=False)\n--\n\nRead into buf.  \"Read command\"." RETURNS),
	CMD("write", py_ns_write,
	    "write($self, /, qpair, buf, lba, lba_count=1, " TAIL
	    ", meta=None, verify_disable=False)\n--\n\nWrite from buf.  \"Write command\"." RETURNS),
	CMD("compare", py_ns_compare,
	    "compare($self, /, qpair, buf, lba, lba_count=1, " TAIL
	    ", meta=None, verify_disable=False)\n--\n\nCompare with buf.  \"Compare command\"." RETURNS),
	CMD("write_zeroes", py_ns_write_zeroes,
	    "write_zeroes($self, /, qpair, lba, lba_count=1, " TAIL
	    ")\n--\n\nThe blocks read as zeroes then.  \"Write Zeroes command\"." RETURNS),
	CMD("write_uncorrectable", py_ns_write_uncorrectable,
	    "write_uncorrectable($self, /, qpair, lba, lba_count=1, " TAIL
	    ")\n--\n\nMake reads fail with 02/81.  \"Write Uncorrectable command\"." RETURNS),
	CMD("verify", py_ns_verify,
	    "verify($self, /, qpair, lba, lba_count=1, " TAIL
	    ")\n--\n\nThe device reads and checks, no data is transferred.  \"Verify command\"." RETURNS),
	CMD("flush", py_ns_flush,
	    "flush($self, /, qpair, cb=None)\n--\n\nWhat was written becomes non-volatile.  \"Flush "
	    "command\"." RETURNS),
	CMD("dsm", py_ns_dsm,
	    "dsm($self, /, qpair, buf, range_count, attribute=4, cb=None)\n--\n\n4 deallocates.  \"Dataset Management "
	    "command\".  Ranges: Buffer.set_dsm_range()." RETURNS),
	CMD("copy", py_ns_copy,
	    "copy($self, /, qpair, buf, range_count, sdlba, io_flags=0, prinfor=0, format=0, cdw13=0, cdw14=0, "
	    "cdw15=0, cdw02=0, cdw03=0, cb=None)\n--\n\nCopy to sdlba.  \"Copy command\".  Ranges: "
	    "Buffer.set_copy_range()." RETURNS),
	CMD("send_cmd", py_ns_send_cmd,
	    "send_cmd($self, /, opcode, qpair, buf=None, nsid=None, cdw10=0, cdw11=0, cdw12=0, cdw13=0, cdw14=0, "
	    "cdw15=0, cdw02=0, cdw03=0, meta=None, cb=None, length=0)\n--\n\nAny I/O command; length: bytes of buf (0: "
	    "all).  Fused: opcode | 1 << 8, then opcode | 2 << 8." RETURNS),
	CMD("verify_enable", py_ns_verify_enable,
	    "verify_enable($self, /, enable=True)\n--\n\nCheck the data of reads from now on.  False: there is no "
	    "table."),
	CMD("mark_nomapping", py_ns_mark_nomapping,
	    "mark_nomapping($self, /, lba, lba_count, uncorr=False)\n--\n\nForget what was written there; uncorr: "
	    "reads of it have to fail.  False: no table."),
	CMD("pi_engine_enable", py_ns_pi_enable,
	    "pi_engine_enable($self, /, enable=True)\n--\n\nMake protection information for writes and check that of "
	    "reads, in the driver; a mismatch is 07/81.\n\nWith types 1 and 2, tags that a command leaves at 0 (cdw14, "
	    "cdw02, cdw03) count from its LBA.  Without `meta` the driver has a buffer of its own for separate "
	    "metadata.  False: the namespace has no protection information."),
	{ "pi_engine_disable", py_ns_pi_disable, METH_NOARGS,
	  "pi_engine_disable($self, /)\n--\n\nMetadata is what the script puts there." },
	{ "_inject_id", py_ns_inject_id, METH_O,
	  "_inject_id($self, on, /)\n--\n\nNSID and LBA go into the data written." },
	{ "_inject_token", py_ns_inject_token, METH_O,
	  "_inject_token($self, on, /)\n--\n\nA token goes into the data written." },
	{ "_tell_dump", py_ns_tell_dump, METH_O, "_tell_dump($self, on, /)\n--\n\nWrong data go into the log." },
	{ "_tell_log", py_ns_tell_log, METH_O,
	  "_tell_log($self, on, /)\n--\n\nThe last commands on a wrong LBA go into the log." },
	{ "save_crc", py_ns_save_crc, METH_O,
	  "save_crc($self, path, /)\n--\n\nWrite what verification knows to a file.  False: there is no table." },
	{ "load_crc", py_ns_load_crc, METH_O,
	  "load_crc($self, path, /)\n--\n\nVerify against a file of save_crc() from now on.  ValueError: it is "
	  "damaged, or of another namespace." },
	{ "close", ns_close, METH_NOARGS,
	  "close($self, /)\n--\n\nLet go of the namespace and its verification table." },
	{ "refresh", ns_refresh, METH_NOARGS, "refresh($self, /)\n--\n\nIdentify again, after a format." },
	{ NULL, NULL, 0, NULL },
};

static PyGetSetDef ns_getset[] = {
	{ "nsid", get_number, NULL, "namespace identifier", (void *)P_NSID },
	{ "sector_size", get_number, NULL, "data bytes of an LBA", (void *)P_SECTOR },
	{ "meta_size", get_number, NULL, "metadata bytes of an LBA", (void *)P_META },
	{ "pi_type", get_number, NULL, "type of protection information; 0: none", (void *)P_PI_TYPE },
	{ "pi_size", get_number, NULL, "bytes of protection information in the metadata", (void *)P_PI_SIZE },
	{ "nsze", get_number, NULL, "size in LBAs (NSZE)", (void *)P_NLBA },
	{ "capacity", get_number, NULL, "size in bytes (NSZE in LBAs, times the LBA)", (void *)P_CAPACITY },
	{ "zone_size", get_number, NULL, "LBAs from one zone to the next (ZSZE); 0: it is not zoned", (void *)P_ZONE },
	{ "nvme", get_nvme, NULL, "the Controller that it was made with", NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};

static PyType_Slot ns_slots[] = {
	{ Py_tp_doc, "Namespace(nvme, nsid=1, nlba_verify=2**64-1).  NamespaceCreationError: there is none." },
	{ Py_tp_init, ns_init },
	{ Py_tp_dealloc, ns_dealloc },
	{ Py_tp_traverse, ns_traverse },
	{ Py_tp_methods, ns_methods },
	{ Py_tp_getset, ns_getset },
	{ 0, NULL },
};

static PyType_Spec ns_spec = {
	.name = "nvproof._native.Namespace",
	.basicsize = sizeof(struct py_ns),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
	.slots = ns_slots,
};

int
py_ns_setup(PyObject *m)
{
	if (py_args_intern(init_args, PY_NARGS(init_args)) < 0 || py_ns_io_setup() < 0 || py_ns_raw_setup() < 0)
		return -1;
	if (py_pi_setup() < 0 || py_ns_verify_setup() < 0)
		return -1;
	return py_setup_type(m, "Namespace", &ns_spec, &py_ns_type);
}
