# SPDX-License-Identifier: BSD-3-Clause
"""Objects may die in any order, at any time: in the middle of commands, inside callbacks, in cycles."""
import gc
import itertools
import os
import subprocess
import sys
import weakref

import pytest

import nvme as d
from nvproof.softssd import SoftwareSSD


@pytest.fixture
def addr(pciaddr):
    return pciaddr


def build(addr):
    pcie = d.Pcie(addr)
    nvme0 = d.Controller(pcie)
    ns = d.Namespace(nvme0)
    qpair = d.Qpair(nvme0, 16)
    buf = d.Buffer(4096)
    return {"pcie": pcie, "nvme0": nvme0, "ns": ns, "qpair": qpair, "buf": buf}


@pytest.mark.parametrize("order", list(itertools.permutations(["pcie", "nvme0", "ns", "qpair", "buf"]))[::7])
@pytest.mark.parametrize("outstanding", [False, True])
def test_any_order(addr, order, outstanding):
    objects = build(addr)
    if outstanding:
        for lba in range(8):
            objects["ns"].read(objects["qpair"], objects["buf"], lba, cb=lambda cpl: None)
        objects["nvme0"].getfeatures(7, cb=lambda cpl: None)
    for name in order:
        del objects[name]
        gc.collect()
    pcie = d.Pcie(addr)  # it was given back
    d.Controller(pcie).getfeatures(7).waitdone()
    pcie.close()


def test_submit_keeps_buffer_and_callback(nvme0n1, qpair):
    seen = []

    class Cb:
        def __call__(self, cpl):
            seen.append(cpl.status)

    cb, buf = Cb(), d.Buffer(4096)
    cb_ref, buf_ref = weakref.ref(cb), weakref.ref(buf)
    nvme0n1.read(qpair, buf, 0, cb=cb)
    del cb, buf
    gc.collect()
    assert cb_ref() is not None and buf_ref() is not None
    qpair.waitdone()
    assert seen == [0]
    assert cb_ref() is None and buf_ref() is None


def test_references_do_not_grow(nvme0, nvme0n1, qpair):
    buf = d.Buffer(4096)
    cb = lambda cpl: None  # noqa: E731
    before = [sys.getrefcount(x) for x in (buf, cb, qpair, nvme0)]
    for _ in range(200):
        nvme0n1.read(qpair, buf, 0, cb=cb).waitdone()
        nvme0.getlogpage(2, buf, 512, cb=cb).waitdone()
        with pytest.raises(AssertionError):
            nvme0n1.read(qpair, buf, 0, 65536)
        with pytest.raises(TypeError):
            nvme0n1.read(qpair, buf, 0, nothing=1)
    assert [sys.getrefcount(x) for x in (buf, cb, qpair, nvme0)] == before


def test_queue_full_keeps_nothing(nvme0, nvme0n1):
    qpair, buf = d.Qpair(nvme0, 2), d.Buffer(4096)
    nvme0n1.read(qpair, buf, 0)
    before = sys.getrefcount(buf)
    for _ in range(10):
        with pytest.raises(AssertionError):
            nvme0n1.read(qpair, buf, 0)
    assert sys.getrefcount(buf) == before
    qpair.waitdone()
    qpair.delete()


def test_queue_that_dies_in_a_callback(nvme0, nvme0n1, qpair, buf):
    """The last reference goes inside another queue's callback, where nothing may wait."""
    box = [d.Qpair(nvme0, 8)]
    nvme0n1.read(box[0], buf, 0)
    nvme0n1.read(qpair, buf, 0, cb=lambda cpl: box.clear())
    qpair.waitdone()
    other = d.Qpair(nvme0, 8)
    nvme0n1.read(other, buf, 0).waitdone()
    nvme0.getfeatures(7, cb=lambda cpl: globals().pop("nothing", None)).waitdone()
    other.delete()


def test_dropped_queue_is_deleted_on_the_device(nvme0):
    for _ in range(300):  # more than there are queues
        d.Qpair(nvme0, 4)
    d.Qpair(nvme0, 4).delete()


def test_cycles_are_collected(addr):
    objects = build(addr)
    ref = weakref.ref(objects["nvme0"])
    objects["nvme0"].mine = objects["qpair"]
    objects["pcie"].nvme0 = objects["nvme0"]
    objects["ns"].me = objects["ns"]
    objects.clear()
    gc.collect()
    assert ref() is None
    d.Pcie(addr).close()


def test_many_controllers(addr):
    """Nothing is left of each: descriptors, mappings."""
    for _ in range(3):
        build(addr)["pcie"].close()
    fds, maps = len(os.listdir("/proc/self/fd")), len(open("/proc/self/maps").readlines())
    for _ in range(30):
        build(addr)["pcie"].close()
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == fds
    assert len(open("/proc/self/maps").readlines()) <= maps + 4


SCRIPT = """
import nvme as d
nvme0 = d.Controller(d.Pcie({addr!r}))
ns, qpair, buf = d.Namespace(nvme0), d.Qpair(nvme0, 16), d.Buffer(4096)
for lba in range(8):
    ns.read(qpair, buf, lba, cb=lambda cpl: None)
nvme0.aer(cb=lambda cpl: None)
{end}
"""


@pytest.mark.parametrize("end", ["", "raise SystemExit(0)", "import sys; sys.exit(0)"])
def test_interpreter_ends(end):
    """With commands outstanding and nothing closed."""
    with SoftwareSSD(size="16M") as ssd:
        code = SCRIPT.format(addr=ssd.addrs[0], end=end)
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
        assert (out.returncode, out.stderr) == (0, "")
        d.Pcie(ssd.addrs[0]).close()


def test_second_init_is_refused(nvme0, nvme0n1, qpair, pcie):
    for obj, args in (
        (nvme0, (pcie,)),
        (qpair, (nvme0, 4)),
        (nvme0n1, (nvme0,)),
        (pcie, ("",)),
        (d.Buffer(16), (16,)),
    ):
        with pytest.raises(RuntimeError):
            obj.__init__(*args)


def test_objects_without_init():
    """What __new__ alone makes raises; it does not crash."""
    for cls in (d.Pcie, d.Controller, d.Namespace, d.Qpair, d.Buffer):
        raw = cls.__new__(cls)
        for name in dir(raw):
            try:
                value = getattr(raw, name)
                if callable(value) and not name.startswith("_") and name not in ("reset", "rescan"):
                    value()
            except (SystemError, TypeError, ValueError, AssertionError, AttributeError, IndexError):
                pass
        del raw
    gc.collect()
