# SPDX-License-Identifier: BSD-3-Clause
"""Whatever happens while workers run: each ends within a second with what it measured and why; nobody else is harmed."""
import contextlib
import os
import signal
import time

import pytest

import nvme as d
from nvproof.softssd import SoftwareSSD

LIMIT_S = 1.0


class Drive:
    """One controller of a software SSD of our own."""

    def __init__(self, addr):
        self.pcie = d.Pcie(addr)
        self.nvme = d.Controller(self.pcie)
        self.subsystem = d.Subsystem(self.nvme)
        self.ns = d.Namespace(self.nvme, 1)

    def works(self):
        return self.ns.ioworker(io_count=100).start().close().io_count_read == 100


@contextlib.contextmanager
def drives(**options):
    with SoftwareSSD(size="64M", **options) as ssd:
        found = [Drive(addr) for addr in ssd.addrs]
        yield found
        for one in found:
            one.pcie.close()


def running(ns, count=1, **args):
    """So many workers that do something."""
    workers = [ns.ioworker(**{"io_size": 8, "time": 60, "qdepth": 8, **args}).start() for _ in range(count)]
    end = time.monotonic() + 10
    while not all(w.progress for w in workers) and time.monotonic() < end:
        time.sleep(0.01)
    assert all(w.progress for w in workers)
    return workers


def closed(workers):
    """Their results; each within its time."""
    results = []
    for w in workers:
        start = time.monotonic()
        results.append(w.close())
        assert time.monotonic() - start < LIMIT_S
        assert not w.running
    return results


EVENTS = {
    "reset": lambda drive: drive.nvme.reset(),
    "function level reset": lambda drive: drive.pcie.flr(),
    "hot reset": lambda drive: drive.pcie.reset(),
    "subsystem reset": lambda drive: drive.subsystem.reset(),
    "power cycle": lambda drive: drive.subsystem.power_cycle(),
    "power off": lambda drive: (drive.subsystem.poweroff(), drive.subsystem.poweron()),
    "disabled": lambda drive: drive.nvme.__setitem__(0x14, 0),
}


@pytest.mark.parametrize("event", EVENTS)
def test_reset_under_four(event, caught):
    """Results of what was done until then, a reason, no warning; the next reset brings the drive back."""
    with drives() as (drive,):
        workers = running(drive.ns, 4, read_percentage=50)
        EVENTS[event](drive)
        for w, r in zip(workers, closed(workers)):
            assert r.io_count_read > 0 and r.error == 0 and r.mseconds >= 0
            assert w.raw["error"] == -7 and w.raw["reason"], event
        drive.nvme.reset()
        assert drive.works()
    assert [text for text in caught if "ERROR" in text] == []


@pytest.mark.parametrize("event", ["reset", "function level reset", "hot reset"])
def test_the_other_controller_is_not_harmed(event, caught):
    with drives(ctrlrs=2) as (one, other):
        (victim,) = running(one.ns)
        (bystander,) = running(other.ns, time=3)
        EVENTS[event](one)
        closed([victim])
        before = bystander.progress
        time.sleep(0.3)
        assert bystander.running and bystander.progress > before
        r = bystander.close()
        assert r.error == 0 and abs(r.mseconds - 3000) <= 100
        one.nvme.reset()
        assert one.works() and other.works()
    assert [text for text in caught if "ERROR" in text] == []


def test_namespace_deleted():
    """The drive answers with an error: that ends it; who works on another namespace goes on."""
    with drives(ns=2) as (drive,):
        second = d.Namespace(drive.nvme, 2)
        (victim,) = running(second)
        (bystander,) = running(drive.ns, time=2)
        drive.nvme.ns_delete(2)
        with pytest.warns(UserWarning, match="ioworker host ERROR -6: .*") as seen:
            (r,) = closed([victim])
        assert any("ERROR status: 00/0b" in str(w.message) for w in seen)
        assert r.io_count_read > 0 and r.error == 0x000B
        assert bystander.running
        r = bystander.close()
        assert r.error == 0 and abs(r.mseconds - 2000) <= 100
        second.close()
        drive.nvme.reset()
        assert drive.works()


def workers_of(pid):
    """Processes named nvproof-worker whose parent it is."""
    found = set()
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{name}/stat") as f:
            comm, rest = f.read().rsplit(")", 1)
            if int(rest.split()[1]) == pid and "nvproof-worker" in comm:
                found.add(int(name))
    return found


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSEGV])
def test_one_of_four_is_killed(how, nvme0, nvme0n1, qpair, verify):
    """-8 and which signal; the three others work on the same LBAs, verified, to their end."""
    others = running(nvme0n1, 3, time=2, read_percentage=50, region_end=4096)
    before = workers_of(os.getpid())
    (victim,) = running(nvme0n1, read_percentage=50, region_end=4096)
    (pid,) = workers_of(os.getpid()) - before
    os.kill(pid, how)
    with pytest.warns(UserWarning, match=f"ioworker host ERROR -8: .*signal {int(how)}"):
        (r,) = closed([victim])
    assert r.io_count_read > 0 and r.mseconds > 0
    for w in others:
        r = w.close()
        assert r.error == 0 and w.raw["error"] == 0 and r.io_count_read > 0
    nvme0n1.read(qpair, d.Buffer(512), 0).waitdone()


def test_stopped_by_the_shell(nvme0n1, caught):
    """SIGTERM to a worker is no crash: it ends with its results."""
    before = workers_of(os.getpid())
    (w,) = running(nvme0n1)
    (pid,) = workers_of(os.getpid()) - before
    os.kill(pid, signal.SIGTERM)
    (r,) = closed([w])
    assert r.io_count_read > 0 and w.raw["error"] == -7 and caught == []


def test_a_worker_that_hangs(nvme0n1, qpair, caught):
    """One that was stopped by a signal does not listen any more: it is ended by force."""
    before = workers_of(os.getpid())
    (w,) = running(nvme0n1)
    (pid,) = workers_of(os.getpid()) - before
    os.kill(pid, signal.SIGSTOP)
    w.stop()
    start = time.monotonic()
    r = w.close()
    assert time.monotonic() - start < 5 and r.io_count_read > 0
    assert pid not in workers_of(os.getpid())
    nvme0n1.read(qpair, d.Buffer(512), 0).waitdone()


def test_many_resets(nvme0, nvme0n1, qpair):
    """Nothing is left over: no process, no descriptor, no queue pair.  The first workers may make what all of them share."""
    for n in range(20):
        if n == 1:
            fds = len(os.listdir("/proc/self/fd"))
        workers = running(nvme0n1, 2, qdepth=4)
        nvme0.reset()
        closed(workers)
    assert len(os.listdir("/proc/self/fd")) <= fds and not workers_of(os.getpid())
    nvme0n1.read(qpair, d.Buffer(512), 0).waitdone()
    sqids = []
    for _ in range(3):
        pair = d.Qpair(nvme0, 8)
        sqids.append(pair.sqid)
        pair.delete()
    assert len(set(sqids)) == 1 and sqids[0] <= 3
