# SPDX-License-Identifier: BSD-3-Clause
"""Qpair: properties, memory of the script, interrupts, lazy doorbells, one process at a time."""
import os
import time

import pytest

import nvme as d


@pytest.fixture
def settle(nvme0):
    """Let the device finish what it has."""

    def wait(qpair):
        nvme0._pause(0.05)
        return qpair

    return wait


def test_properties(nvme0):
    qpair = d.Qpair(nvme0, 16, prio=2, iv=3, sqid=5)
    assert (qpair.depth, qpair.prio, qpair.sqid, qpair.iv, qpair.ien) == (16, 2, 5, 3, True)
    assert repr(qpair) == "<qpair: 5>" and qpair.nvme is nvme0
    assert d.Qpair(nvme0, 8, ien=False).iv == 0xFFFF
    with pytest.raises(AssertionError):
        qpair.close()
    qpair.delete()
    assert qpair.sqid == 0 and repr(qpair) == "<qpair: deleted>"
    qpair.delete()


def test_same_sqid_twice(nvme0):
    qpair = d.Qpair(nvme0, 8, sqid=4)
    with pytest.raises(d.QpairCreationError):
        d.Qpair(nvme0, 8, sqid=4)
    qpair.delete()
    d.Qpair(nvme0, 8, sqid=4).delete()


@pytest.mark.parametrize("bad", [{"prio": 4}, {"iv": 0x10000}, {"sqid": 0x10000}, {"depth": 1}, {"depth": 0}])
def test_bad_values(nvme0, bad):
    with pytest.raises(AssertionError):
        d.Qpair(nvme0, **{"depth": 8, **bad})
    with pytest.raises(AssertionError):
        d.Qpair(nvme0, (nvme0.cap & 0xFFFF) + 2)


def test_bad_vector(nvme0):
    """Beyond the MSI-X table: the device's answer."""
    with pytest.warns(UserWarning, match="ERROR status: 01/08"):
        with pytest.raises(d.QpairCreationError):
            d.Qpair(nvme0, 8, iv=2047)


# --- memory ---


def test_rings_in_the_scripts_memory(nvme0, nvme0n1, buf):
    sq_buf, cq_buf = d.Buffer(64 * 8, "sq"), d.Buffer(16 * 8, "cq")
    qpair = d.Qpair(nvme0, 8, sq_buf=sq_buf, cq_buf=cq_buf)
    for lba in range(3):
        nvme0n1.read(qpair, buf, 0x1000 + lba).waitdone()
        entry = sq_buf[64 * lba : 64 * lba + 64]
        assert entry[0] == 2 and int.from_bytes(entry[40:48], "little") == 0x1000 + lba
        cqe = cq_buf[16 * lba : 16 * lba + 16]
        assert int.from_bytes(cqe[10:12], "little") == qpair.sqid and cqe[14] & 1 == 1
        assert entry[2:4] == cqe[12:14]  # CID
    assert cq_buf[48:64] == bytes(16)
    nvme0.reset()  # the same memory again
    assert sq_buf[0] == 2
    nvme0n1.write(qpair, buf, 7).waitdone()
    assert sq_buf[0] == 1 and cq_buf[14] & 1 == 1
    qpair.delete()


def test_rings_need_room(nvme0):
    for memory in ({"sq_buf": d.Buffer(64 * 8 - 1)}, {"cq_buf": d.Buffer(16 * 8 - 1)}):
        with pytest.raises(AssertionError, match="needs"):
            d.Qpair(nvme0, 8, **memory)
    with pytest.raises(TypeError):
        d.Qpair(nvme0, 8, sq_buf=b"memory")
    only_sq = d.Qpair(
        nvme0, 8, sq_buf=d.Buffer(512)
    )  # the other one is the driver's; nobody else keeps the buffer
    d.Namespace(nvme0).flush(only_sq).waitdone()


def test_queue_memory_at_an_offset(nvme0):
    """PC=1 needs the start of a page: the device's answer."""
    with pytest.warns(UserWarning, match="ERROR status: 00/13"):
        with pytest.raises(d.QpairCreationError):
            d.Qpair(nvme0, 8, sq_buf=d.Buffer(4096, offset=64))


# --- interrupts ---


@pytest.mark.parametrize("kind", ["msix", "int"])
def test_interrupt(nvme0, nvme0n1, kind, settle, buf):
    qpair = d.Qpair(nvme0, 8, iv=3)
    isset, clear = getattr(qpair, kind + "_isset"), getattr(qpair, kind + "_clear")
    mask, unmask, wait = (getattr(qpair, n) for n in (kind + "_mask", kind + "_unmask", "wait_" + kind))
    clear()
    assert not isset()
    nvme0n1.read(qpair, buf, 0)
    settle(qpair)
    assert isset() and isset()
    qpair.waitdone()
    assert isset()  # reaping does not clear it
    clear()
    assert not isset()
    nvme0n1.read(qpair, buf, 0)
    wait()
    qpair.waitdone()
    clear()
    mask()
    nvme0n1.read(qpair, buf, 0)
    settle(qpair)
    assert not isset()
    with pytest.raises(TimeoutError):
        wait(timeout=0.05)
    qpair.waitdone()
    unmask()  # the one that waited comes now
    wait(timeout=5)
    clear()
    assert not isset()


def test_vectors_are_the_queues_own(nvme0, nvme0n1, settle, buf):
    pairs = [d.Qpair(nvme0, 8) for _ in range(3)]
    assert len({q.iv for q in pairs}) == 3
    nvme0n1.read(pairs[1], buf, 0)
    settle(pairs[1])
    assert [q.msix_isset() for q in pairs] == [False, True, False]
    pairs[1].waitdone()


def test_shared_vector(nvme0, nvme0n1, settle, buf):
    a, b = d.Qpair(nvme0, 8, iv=2), d.Qpair(nvme0, 8, iv=2)
    nvme0n1.read(a, buf, 0)
    settle(a)
    assert a.msix_isset() and b.msix_isset()
    b.msix_clear()
    assert not a.msix_isset()
    a.waitdone()


def test_no_interrupts(nvme0, nvme0n1, buf):
    qpair = d.Qpair(nvme0, 8, ien=False)
    nvme0n1.read(qpair, buf, 0).waitdone()
    for call in (qpair.msix_isset, qpair.msix_clear, qpair.msix_mask, qpair.int_unmask, qpair.wait_msix):
        with pytest.raises(AssertionError, match="ien"):
            call()


@pytest.mark.parametrize("how", ["controller", "flr", "hot", "link", "nssr", "power"])
def test_interrupts_after_each_reset(nvme0, nvme0n1, subsystem, how, settle, buf):
    """The driver enables MSI-X again at each bring-up, and the table has the vector unmasked."""
    if how == "nssr" and not nvme0.cap >> 36 & 1:
        pytest.skip("no NVM subsystem reset: CAP.NSSRS")
    pcie, qpair = nvme0.pcie, d.Qpair(nvme0, 8, iv=5)
    if how == "power" and not pcie.addr.startswith(("vfu:", "ssd:", "sim:")):
        pytest.skip("nothing here switches this drive's power")
    resets = {
        "controller": lambda: None,
        "flr": pcie.flr,
        "hot": pcie.reset,
        "link": pcie.link_disable_enable,
        "nssr": subsystem.reset,
        "power": subsystem.power_cycle,
    }
    resets[how]()
    nvme0.reset()
    msix = pcie.cap_offset(0x11)
    assert pcie.cfg_word_read(msix + 2) >> 14 == 2 and pcie.bme  # enabled, not masked
    qpair.msix_clear()
    nvme0n1.read(qpair, buf, 0)
    qpair.wait_msix()
    qpair.waitdone()


def test_no_wait_in_a_callback(nvme0, nvme0n1, qpair, buf, caught):
    nvme0n1.read(qpair, buf, 0, cb=lambda cpl: qpair.wait_msix()).waitdone()
    assert any(text.startswith("ASSERT: cannot re-entry waitdone()") for text in caught)


# --- doorbells and depth ---


def test_lazy_doorbell(nvme0, nvme0n1, settle, buf):
    qpair = d.Qpair(nvme0, 8, lazy_doorbell=True)
    for ring in (qpair.ring_doorbell, lambda: None):
        nvme0n1.read(qpair, buf, 0)
        nvme0n1.read(qpair, buf, 1)
        settle(qpair)
        assert not qpair.msix_isset()
        ring()
        qpair.waitdone(2)
        settle(qpair)  # a completion may be seen before its interrupt
        qpair.msix_clear()


@pytest.mark.parametrize("depth", [2, 3, 64, 1024])
def test_depths(nvme0, nvme0n1, depth, buf):
    qpair = d.Qpair(nvme0, depth)
    for round_ in range(3):
        for lba in range(depth - 1):
            nvme0n1.read(qpair, buf, lba)
        with pytest.raises(AssertionError, match="error in submitting"):
            nvme0n1.read(qpair, buf, 0)
        qpair.waitdone(depth - 1)


# --- one process at a time ---


def in_child(func):
    """What func returns in a forked process, as text."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            text = str(func())
        except BaseException as e:
            text = f"{type(e).__name__}: {e}"
        os.write(write, text.encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as f:
        text = f.read()
    os.waitpid(pid, 0)
    return text


def test_forked_child_keeps_off(nvme0, nvme0n1, qpair, buf):
    """What the parent opened is the parent's; the child's exit, and its deletions, change nothing for it."""
    assert in_child(lambda: nvme0n1.read(qpair, buf, 0)).startswith("AssertionError")
    assert "another process" in in_child(lambda: nvme0n1.read(qpair, buf, 0))
    for use in (
        lambda: nvme0.getfeatures(7),
        lambda: nvme0[0x1C],
        lambda: nvme0.pcie.cfg_word_read(0),
        nvme0.reset,
        nvme0.close,
        lambda: d.Qpair(nvme0, 8),
        qpair.waitdone,
        qpair.delete,
    ):
        assert in_child(use).startswith("SystemError"), in_child(use)

    out, back = d.Buffer(4096, ptype=0xBEEF, pvalue=100), d.Buffer(4096)
    nvme0n1.write(qpair, out, 0, 8).waitdone()
    before = out[:]

    def drop_and_take():
        """Old buffers go, new ones come: none of it is the parent's memory."""
        nonlocal out
        out = None
        pairs = [d.Buffer(4096, pvalue=1) for _ in range(100)]
        return len(pairs), d.Buffer(1 << 21)[0]

    assert in_child(drop_and_take) == "(100, 0)"
    assert out[:] == before
    nvme0n1.read(qpair, back, 0, 8).waitdone()
    assert back[:] == before
    nvme0n1.write(qpair, buf, 1).waitdone()
    assert nvme0.getfeatures(7).waitdone() > 0


def test_two_pairs_take_turns(nvme0, nvme0n1, buf):
    a, b = d.Qpair(nvme0, 8), d.Qpair(nvme0, 8)
    start = time.monotonic()
    for lba in range(100):
        nvme0n1.read(a, buf, lba)
        nvme0n1.read(b, buf, lba)
        b.waitdone()
        a.waitdone()
    assert time.monotonic() - start < 30


def test_delete_when_the_controller_is_disabled(nvme0):
    """A reset deletes queues: nobody is asked, and nothing is waited for.  NVMe Base Specification, "Controller Level Reset"."""
    pair = d.Qpair(nvme0, 8)
    nvme0[0x14] = nvme0[0x14] & ~1  # CC.EN
    end = time.monotonic() + 5
    while nvme0[0x1C] & 1 and time.monotonic() < end:
        time.sleep(0.001)
    start = time.monotonic()
    pair.delete()
    assert time.monotonic() - start < 2
    nvme0.reset()
