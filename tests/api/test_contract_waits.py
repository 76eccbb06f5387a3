# SPDX-License-Identifier: BSD-3-Clause
"""Waits that end although nothing comes: each has a deadline, and says what it waited for."""
import os
import pathlib
import time

import pytest

import nvme as d


def test_polling_admin_wait(nvme0):
    """interrupt_enabled=False: the queue is looked at, whatever interrupts there are."""
    value = nvme0.getfeatures(7).waitdone(interrupt_enabled=False)
    assert value == nvme0.getfeatures(7).waitdone(1, True) > 0


def test_a_wait_for_no_admin_command_ends(nvme0):
    """The backstop of the driver, at the time that the script set; the controller is as it was."""
    before = nvme0.timeout_pynvme
    nvme0.timeout_pynvme = 1
    start = time.monotonic()
    with pytest.raises(TimeoutError, match="pynvme timeout in driver"):
        nvme0.waitdone(1)
    assert 0.9 < time.monotonic() - start < 5
    nvme0.timeout_pynvme = before
    assert nvme0.getfeatures(7).waitdone() > 0


def workers():
    """Processes of ioworkers that this one started."""
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            head, _, tail = stat.read_text(errors="replace").rpartition(")")
        except OSError:
            continue
        if "nvproof-worker"[:15] in head and int(tail.split()[1]) == os.getpid():
            found.append(int(stat.parent.name))
    return found


def test_a_worker_that_does_not_answer(nvme0, nvme0n1, freeze, caught):
    """It is stopped in the middle: a reset ends all the same, close() returns, and nobody is left."""
    w = nvme0n1.ioworker(io_size=8, time=100, qdepth=4).start()
    pids = workers()
    if not pids:
        pytest.skip("ioworkers are no processes on this device")
    for pid in pids:
        freeze(pid)
    start = time.monotonic()
    nvme0.reset()
    w.close()
    assert time.monotonic() - start < 10
    assert workers() == []
    assert nvme0.getfeatures(7).waitdone() > 0
    d.Qpair(nvme0, 4).delete()


@pytest.fixture
def deaf(pcie, nvme0):
    """The drive gets commands and reaches no memory, so that it answers none; all is well again after the test."""
    pcie.bme = False
    nvme0.timeout = 900
    yield nvme0
    nvme0.timeout = 10_000
    pcie.bme = True
    nvme0.reset()


def seconds(wait):
    start = time.monotonic()
    wait()
    return time.monotonic() - start


def test_timeout_of_an_admin_opcode(deaf, caught):
    """That of its opcode ends a command, and that of the controller all others."""
    deaf.set_timeout_ms(0x0A, 150)
    assert 0.1 < seconds(deaf.getfeatures(7).waitdone) < 0.8
    assert [text[:14] for text in caught] == ["drive timeout:", "ERROR status: "]
    assert 0.85 < seconds(deaf.setfeatures(7).waitdone) < 5
    deaf.set_timeout_ms(0x0A, 0)
    assert 0.85 < seconds(deaf.getfeatures(7).waitdone) < 5
    assert list(caught)[1::2] == ["ERROR status: 07/ff"] * 3


def test_timeout_of_an_io_opcode(nvme0, nvme0n1, qpair, buf, deaf, caught):
    """The same of a namespace's commands, which have opcodes of their own."""
    nvme0n1.set_timeout_ms(2, 150)
    seen = []
    took = seconds(nvme0n1.read(qpair, buf, 0, cb=lambda cpl: seen.append((cpl[0], cpl.status))).waitdone)
    assert 0.1 < took < 0.8 and seen == [(0xFFFFFFFF, 0x7FF)]
    assert 0.85 < seconds(nvme0n1.write(qpair, buf, 0).waitdone) < 5
    assert nvme0.get_timeout_ms(2) == 900
    nvme0n1.set_timeout_ms(2, 0)
    assert list(caught)[1::2] == ["ERROR status: 07/ff"] * 2
