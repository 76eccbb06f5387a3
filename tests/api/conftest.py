# SPDX-License-Identifier: BSD-3-Clause
"""What several of the contract tests need."""
import os
import pathlib
import signal
import time
import warnings

import pytest

from nvme import IOCQ, IOSQ, PRP, Namespace


# A job in a shell's background ignores SIGINT, and so do its children: tests of interrupts would wait for nothing.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def caught():
    """The texts of all warnings while the test runs."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        yield _Texts(seen)


@pytest.fixture
def freeze():
    """freeze(pid): stop a process, and come back when it has stopped; it goes on after the test."""
    frozen = []

    def state(pid):
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]

    def stop(pid):
        os.kill(pid, signal.SIGSTOP)
        frozen.append(pid)
        end = time.monotonic() + 5
        while state(pid) != "T":
            assert time.monotonic() < end, f"process {pid} does not stop"
            time.sleep(0.001)

    yield stop
    for pid in frozen:
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            pass


class _Texts:
    def __init__(self, seen):
        self._seen = seen

    def __iter__(self):
        return (str(w.message) for w in self._seen)

    def __eq__(self, other):
        return list(self) == other

    def __repr__(self):
        return repr(list(self))

    def clear(self):
        self._seen.clear()


# --- metamode: out of the way of the driver's queue pairs ---

QID = 20


@pytest.fixture
def cq(nvme0):
    queue = IOCQ(nvme0, QID, 10, PRP())
    yield queue
    if queue.id:
        queue.delete()


@pytest.fixture
def sq(nvme0, cq):
    queue = IOSQ(nvme0, QID, 10, PRP(), cq=cq)
    yield queue
    if queue.id:
        queue.delete()


@pytest.fixture
def run(sq, cq):
    """Send what was placed, and wait for it."""

    def go(n=1):
        sq.tail = sq.wpointer
        cdw0 = cq.waitdone(n)
        cq.head = cq.rpointer
        return cdw0

    return go


# --- the code that verification keeps of 512 bytes: 1 in 256 others has the same ---


@pytest.fixture
def code8():
    """code8(data): a byte of CRC-32C; data with another code is certain to be found wrong."""
    return _code8


def _code8(data):
    crc = 0xFFFFFFFF
    for byte in data[:512]:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= crc >> 16
    crc = (crc ^ crc >> 8) & 0xFF
    return crc + 0x80 if crc < 5 else crc  # the small ones are states


# --- behind the back of data verification: raw queues, of which it knows nothing ---


@pytest.fixture
def write_behind():
    """Write a whole buffer to an LBA, as it is: write_behind(nvme0, lba, buf)."""
    return _write_behind


def _write_behind(nvme0, lba, buf, nsid=1, qid=60):
    size = Namespace(nvme0, nsid, nlba_verify=1).sector_size
    cq = IOCQ(nvme0, qid, 4, PRP())
    sq = IOSQ(nvme0, qid, 4, PRP(), cq=cq)
    sq.write(0, nsid, lba, len(buf) // size, prp1=buf)
    sq.tail = sq.wpointer
    cq.waitdone(1)
    assert cq[0].status == 0
    cq.head = cq.rpointer
    sq.delete()
    cq.delete()
