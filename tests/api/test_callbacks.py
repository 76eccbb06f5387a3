# SPDX-License-Identifier: BSD-3-Clause
"""Callbacks: their two forms, and what they may do."""
import functools
import threading

import pytest

import nvme as d


def read(ns, qpair, buf, cb, lba=0):
    ns.read(qpair, buf, lba, cb=cb)
    return qpair.waitdone()


def test_one_argument(nvme0n1, qpair, buf):
    seen = []
    read(nvme0n1, qpair, buf, seen.append)
    cpl = seen[0]
    assert isinstance(cpl, d.CQE) and len(cpl) == 4 and list(cpl) == cpl
    assert cpl.cdw0 == cpl[0] and cpl.sqid == qpair.sqid == cpl[2] >> 16 and cpl.sqhd == cpl[2] & 0xFFFF
    assert cpl.status == 0 == cpl.sc == cpl.sct and cpl[3] >> 17 == 0 and cpl.p in (0, 1)
    assert cpl.cid == cpl[3] & 0xFFFF == qpair.latest_cid
    assert cpl[-1] == cpl[3] and cpl[1:3] == [cpl[1], cpl[2]] and cpl.dnr == cpl.m == cpl.crd == 0
    with pytest.raises(IndexError):
        cpl[4]


def test_two_arguments_with_the_phase(nvme0n1, qpair, buf):
    phases = []

    def cb(cdw0, status1):
        assert status1 >> 1 == 0
        phases.append(status1 & 1)

    for _ in range(qpair.depth + 1):
        read(nvme0n1, qpair, buf, cb)
    assert set(phases) == {0, 1}  # the ring was passed once


def test_status_of_both_forms(nvme0n1, qpair, buf):
    seen = []
    end = nvme0n1.id_data(7, 0)
    with pytest.warns(UserWarning, match="ERROR status: 00/80"):
        read(nvme0n1, qpair, buf, lambda cpl: seen.append(cpl[3] >> 17 & 0x7FF), end)
    with pytest.warns(UserWarning, match="ERROR status: 00/80"):
        read(nvme0n1, qpair, buf, lambda cdw0, status1: seen.append(status1 >> 1 & 0x7FF), end)
    assert seen == [0x80, 0x80]


class Calls:
    def __init__(self):
        self.seen = []

    def one(self, cpl):
        self.seen.append(len(cpl))

    def two(self, cdw0, status1):
        self.seen.append("two")

    def __call__(self, cdw0, status1):
        self.seen.append("call")


def test_every_kind_of_callable(nvme0n1, qpair, buf):
    calls, seen = Calls(), []

    def default(cpl, more=5):
        seen.append(len(cpl))

    def varargs(*args):
        seen.append(len(args))

    def bound(tag, cpl):
        seen.append((tag, len(cpl)))

    for cb in (calls.one, calls.two, calls, default, varargs, functools.partial(bound, "tag"), calls.one):
        read(nvme0n1, qpair, buf, cb)
    assert calls.seen == [4, "two", "call", 4] and seen == [4, 1, ("tag", 4)]


def test_write_then_read(nvme0n1, qpair):
    out, back = d.Buffer(512, pvalue=9, ptype=32), d.Buffer(512)
    order = []

    def written(cpl):
        order.append("write")
        nvme0n1.read(qpair, back, 3, cb=lambda cpl: order.append("read"))

    nvme0n1.write(qpair, out, 3, cb=written)
    qpair.waitdone(2)
    assert order == ["write", "read"] and back[:] == out[:]


def test_chain_of_a_thousand(nvme0n1, qpair, buf):
    left = [1000]

    def again(cpl):
        left[0] -= 1
        if left[0]:
            nvme0n1.read(qpair, buf, left[0], cb=again)

    nvme0n1.read(qpair, buf, 0, cb=again)
    qpair.waitdone(1000)
    assert left == [0]


@pytest.mark.parametrize(
    "what",
    [
        lambda nvme0, ns, q: q.waitdone(),
        lambda nvme0, ns, q: nvme0.waitdone(),
        lambda nvme0, ns, q: nvme0.id_data(3),
        lambda nvme0, ns, q: d.Qpair(nvme0, 4),
        lambda nvme0, ns, q: nvme0.reset(),
        lambda nvme0, ns, q: q.delete(),
        lambda nvme0, ns, q: nvme0.pcie.close(),
    ],
)
def test_no_waiting_inside(nvme0, nvme0n1, qpair, buf, what):
    with pytest.warns(UserWarning, match=r"ASSERT: cannot re-entry waitdone\(\)"):
        read(nvme0n1, qpair, buf, lambda cpl: what(nvme0, nvme0n1, qpair))
    read(nvme0n1, qpair, buf, None)


def test_assertion_inside(nvme0n1, qpair, buf):
    def cb(cpl):
        assert False, "my words"

    with pytest.warns(UserWarning, match="ASSERT: my words"):
        read(nvme0n1, qpair, buf, cb)


def test_exceptions_never_stop_reaping(nvme0n1, qpair, buf, caught):
    def bad(cpl):
        raise [TypeError, ValueError, KeyError, ZeroDivisionError][cpl.cid % 4]("inside")

    for i in range(8):
        nvme0n1.read(qpair, buf, i, cb=bad)
    qpair.waitdone(8)
    assert [t[:9] for t in caught] == ["callback:"] * 8


def test_a_type_error_inside_is_not_arity(nvme0n1, qpair, buf):
    """The callback is called once, whatever it raises."""
    calls = []

    def cb(cpl):
        calls.append(1)
        raise TypeError("mine")

    with pytest.warns(UserWarning, match="callback: mine"):
        read(nvme0n1, qpair, buf, cb)
    assert calls == [1]


def test_wrong_arity(nvme0n1, qpair, buf):
    with pytest.warns(UserWarning, match="callback: "):
        read(nvme0n1, qpair, buf, lambda: None)
    with pytest.warns(UserWarning, match="callback: "):
        read(nvme0n1, qpair, buf, lambda a, b, c: None)


def test_keyboard_interrupt_inside(nvme0n1, qpair, buf):
    def cb(cpl):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read(nvme0n1, qpair, buf, cb)
    read(nvme0n1, qpair, buf, None)


def test_only_inside_of_a_wait(nvme0, nvme0n1, qpair, buf):
    """Not when the completion comes, not in calls that do not wait for it, and not in another thread."""
    seen = []
    nvme0n1.read(qpair, buf, 0, cb=lambda cpl: seen.append(threading.current_thread()))
    nvme0.getfeatures(7, cb=lambda cpl: seen.append("admin"))
    nvme0._pause(0.05)  # both are complete
    nvme0n1.read(qpair, buf, 1)
    qpair.cmdlog(2), nvme0.iostat(), nvme0[0x1C]
    assert seen == []
    qpair.waitdone(2)
    assert seen == [threading.main_thread()]
    nvme0.waitdone()
    assert seen == [threading.main_thread(), "admin"]


def test_admin_callbacks(nvme0):
    seen = []
    nvme0.getfeatures(7, cb=lambda cdw0, status1: seen.append(cdw0))
    nvme0.getfeatures(7, cb=lambda cpl: seen.append(cpl[0]))
    last = nvme0.waitdone(2)
    assert seen == [last, last] and last > 0


def test_each_field_of_an_entry():
    """A completion made of each bit alone.  NVMe Base, "Completion Queue Entry"."""
    fields = {
        "cdw0": (0, 0, 32),
        "cdw1": (1, 0, 32),
        "sqhd": (2, 0, 16),
        "sqid": (2, 16, 16),
        "cid": (3, 0, 16),
        "p": (3, 16, 1),
        "status": (3, 17, 11),
        "sc": (3, 17, 8),
        "sct": (3, 25, 3),
        "crd": (3, 28, 2),
        "m": (3, 30, 1),
        "dnr": (3, 31, 1),
    }
    for name, (dword, low, width) in fields.items():
        for bit in range(128):
            dwords = [1 << bit - 32 * i if bit // 32 == i else 0 for i in range(4)]
            inside = dword == bit // 32 and low <= bit % 32 < low + width
            assert getattr(d.CQE(dwords), name) == (1 << bit % 32 - low if inside else 0), (name, bit)
        with pytest.raises(AttributeError):
            setattr(d.CQE([0] * 4), name, 1)
    with pytest.raises((ValueError, AssertionError, TypeError)):
        d.CQE([0] * 3)
