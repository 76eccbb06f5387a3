# SPDX-License-Identifier: BSD-3-Clause
"""Data verification over a power loss: what was flushed must be there, what was not is old or new.

NVMe Base Specification, "Volatile Write Cache", "Flush command".
"""
import pytest

import nvme as d
from nvproof.faults import Ssd
from nvproof.softssd import SoftwareSSD

LBA, NLB = 0, 8


@pytest.fixture(params=["slow", "ram"])
def drive(request):
    """(controller, namespace, queue pair, subsystem) of a drive whose power can be cut, verified.

    Of "slow", with a write buffer before its flash, what was not flushed is lost; of "ram" nothing is.
    """
    with SoftwareSSD(size="16M", profile=request.param) as ssd:
        pcie = d.Pcie(ssd.addrs[0])
        nvme0 = d.Controller(pcie)
        ns = d.Namespace(nvme0)
        assert ns.verify_enable()
        yield nvme0, ns, d.Qpair(nvme0, 64), d.Subsystem(nvme0)
        pcie.close()


def data(seed):
    return d.Buffer(4096, pvalue=seed, ptype=32)


def cut(nvme0, subsystem):
    subsystem.poweroff()
    subsystem.poweron()
    nvme0.reset()


def verified(nvme0, ns, qpair, caught, write_behind, lba):
    """Whether wrong data would be found there."""
    ns.read(qpair, data(0), lba, NLB).waitdone()
    assert caught == [], "a drive that is right is accused"
    write_behind(nvme0, lba, data(0xAA55AA55))
    ns.read(qpair, data(0), lba, NLB).waitdone()
    found = list(caught)
    caught.clear()
    assert found in ([], ["ERROR status: 07/81"])
    return bool(found)


def test_what_was_not_flushed_is_in_doubt(drive, caught, write_behind):
    nvme0, ns, qpair, subsystem = drive
    ns.write(qpair, data(1), 0, NLB).waitdone()
    ns.flush(qpair).waitdone()
    ns.write(qpair, data(2), 0, NLB).waitdone()
    ns.write(qpair, data(3), 64, NLB).waitdone()
    ns.write_uncorrectable(qpair, 128, NLB).waitdone()
    cut(nvme0, subsystem)
    assert not verified(nvme0, ns, qpair, caught, write_behind, 64)  # what was there before is not known
    assert verified(nvme0, ns, qpair, caught, write_behind, 0)  # it is neither 1 nor 2
    ns.write(qpair, data(4), 0, NLB).waitdone()
    assert verified(nvme0, ns, qpair, caught, write_behind, 0)
    ns.read(qpair, data(0), 128, NLB).waitdone()
    assert "ERROR status: 07/81" not in list(caught)


@pytest.mark.parametrize("how", ["flush", "raw flush", "FUA", "raw FUA", "shutdown"])
def test_what_was_made_durable_is_verified(drive, caught, write_behind, how):
    nvme0, ns, qpair, subsystem = drive
    if how == "raw FUA":
        ns.send_cmd(1, qpair, data(1), cdw12=1 << 30 | NLB - 1).waitdone()
    else:
        ns.write(qpair, data(1), 0, NLB, io_flags=0x4000 if how == "FUA" else 0).waitdone()
    if how == "flush":
        ns.flush(qpair).waitdone()
    elif how == "raw flush":
        ns.send_cmd(0, qpair).waitdone()
    ns.write(qpair, data(2), 64, NLB).waitdone()  # beside it, in the same place of all tables
    if how == "shutdown":
        subsystem.shutdown_notify()
    cut(nvme0, subsystem)
    assert verified(nvme0, ns, qpair, caught, write_behind, 64) == (how == "shutdown")
    assert verified(nvme0, ns, qpair, caught, write_behind, 0)


def test_a_flush_covers_what_was_complete_before_it(drive, caught, write_behind):
    """A write that is in flight with the flush is not covered by it."""
    nvme0, ns, qpair, subsystem = drive
    ns.write(qpair, data(1), 0, NLB).waitdone()
    ns.write(qpair, data(2), 64, NLB)
    ns.flush(qpair)
    qpair.waitdone(2)
    cut(nvme0, subsystem)
    assert not verified(nvme0, ns, qpair, caught, write_behind, 64)
    assert verified(nvme0, ns, qpair, caught, write_behind, 0)


def test_many_flushes(drive, caught, write_behind):
    """More of them than there are numbers for them."""
    nvme0, ns, qpair, subsystem = drive
    ns.write(qpair, data(1), 0, NLB).waitdone()
    last = {253: 64, 254: 128, 255: 192, 256: 256, 400: 320}
    for i in range(600):
        if i in last:
            ns.write(qpair, data(i), last[i], NLB).waitdone()
        ns.flush(qpair).waitdone()
    ns.write(qpair, data(2), 1024, NLB).waitdone()
    cut(nvme0, subsystem)
    assert not verified(nvme0, ns, qpair, caught, write_behind, 1024)
    assert verified(nvme0, ns, qpair, caught, write_behind, 0)
    for lba in last.values():
        assert verified(nvme0, ns, qpair, caught, write_behind, lba)


def test_a_worker_is_cut(drive, caught):
    """The workers of a script that pulls the plug: nobody is accused afterwards, ten times."""
    nvme0, ns, qpair, subsystem = drive
    args = dict(io_size=[1, 8], lba_align=1, region_end=512, qdepth=16)
    for _ in range(10):
        w = ns.ioworker(read_percentage=40, time=20, **args).start()
        while not w.running:
            pass
        ns.write(qpair, data(9), 600, NLB).waitdone()
        subsystem.poweroff()
        w.close()
        subsystem.poweron()
        nvme0.reset()
        caught.clear()
        ns.read(qpair, d.Buffer(512 * 512), 0, 512).waitdone()
        ns.read(qpair, data(0), 600, NLB).waitdone()
        r = ns.ioworker(read_percentage=70, io_count=300, **args).start().close()
        assert r.error == 0 and caught == []


def test_a_flush_that_was_ignored_is_found(caught):
    """A firmware bug: Flush says that it is done, and the write before it is lost with the power."""
    with SoftwareSSD(size="16M", profile="slow") as ssd:
        pcie = d.Pcie(ssd.addrs[0])
        nvme0 = d.Controller(pcie)
        ns, qpair = d.Namespace(nvme0), d.Qpair(nvme0, 64)
        assert ns.verify_enable()
        ns.write(qpair, data(1), 0, NLB).waitdone()
        ns.flush(qpair).waitdone()
        Ssd(ssd.control_path).fault("flush-ignored")
        ns.write(qpair, data(2), 0, NLB).waitdone()
        ns.flush(qpair).waitdone()
        cut(nvme0, d.Subsystem(nvme0))
        ns.read(qpair, data(0), 0, NLB).waitdone()
        assert caught == ["ERROR status: 07/81"]
        pcie.close()


def test_older_than_what_was_durable(caught, caplog):
    """A firmware bug: of a Flush that was ignored, the version before comes back, though a newer one may be lost with right."""
    with SoftwareSSD(size="16M", profile="slow") as ssd:
        pcie = d.Pcie(ssd.addrs[0])
        nvme0 = d.Controller(pcie)
        ns, qpair = d.Namespace(nvme0), d.Qpair(nvme0, 64)
        assert ns.verify_enable()
        inside = Ssd(ssd.control_path)
        ns.write(qpair, data(1), 0, NLB).waitdone()
        ns.flush(qpair).waitdone()
        inside.fault("flush-ignored")
        ns.write(qpair, data(2), 0, NLB).waitdone()
        ns.flush(qpair).waitdone()
        ns.write(qpair, data(3), 0, NLB).waitdone()
        ns.write(qpair, data(8), 128, NLB).waitdone()
        cut(nvme0, d.Subsystem(nvme0))
        ns.read(qpair, data(0), 128, NLB).waitdone()
        assert caught == []
        ns.read(qpair, data(0), 0, NLB).waitdone()
        assert caught == ["ERROR status: 07/81"]
        assert (
            "after the power loss neither the version that was durable nor one written since" in caplog.text
        )
        pcie.close()


@pytest.mark.parametrize("how", ["FUA", "flushes", "nothing"])
def test_durable_writes_of_a_worker(drive, caught, write_behind, how):
    """Force Unit Access, and a worker that flushes what another wrote: verified afterwards; without, all of it is in doubt."""
    nvme0, ns, qpair, subsystem = drive
    flags = {"io_flags": 0x4000} if how == "FUA" else {}
    ns.ioworker(
        io_size=8, lba_random=False, read_percentage=0, region_end=64, io_count=8, qdepth=2, **flags
    ).start().close()
    if how == "flushes":
        ns.ioworker(io_size=8, op_percentage={0: 100}, region_end=64, io_count=1, qdepth=2).start().close()
    cut(nvme0, subsystem)
    for lba in (0, 56):
        assert verified(nvme0, ns, qpair, caught, write_behind, lba) == (how != "nothing")


@pytest.mark.parametrize("how", ["power", "fault"])
def test_power_through_the_fixture(ssd, nvme0, nvme0n1, qpair, verify, caught, write_behind, how):
    """Verification learns that what was written is in doubt, also when a fault took the power."""
    nvme0n1.write(qpair, data(1), 4096, NLB).waitdone()
    assert nvme0.id_data(525) & 1 and verified(nvme0, nvme0n1, qpair, caught, write_behind, 4096)
    nvme0n1.write(qpair, data(2), 8192, NLB).waitdone()
    if how == "fault":
        nvme0.timeout = 400
        ssd.fault("remove,opc=read")
        nvme0n1.read(qpair, data(0), 0, NLB).waitdone()
        caught.clear()
    else:
        ssd.power(False)
    ssd.power(True)
    nvme0.timeout = 10000
    nvme0.reset()
    assert not verified(nvme0, nvme0n1, qpair, caught, write_behind, 8192)
