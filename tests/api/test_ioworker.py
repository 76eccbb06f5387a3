# SPDX-License-Identifier: BSD-3-Clause
"""ioworker: a process of its own; arguments, results, and every way in which it can end."""
import gc
import os
import signal
import threading
import time

import pytest

import nvme as d
from nvproof.softssd import SoftwareSSD


def children():
    """Processes that this one started and that still are there."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as f:
                name, rest = f.read().rsplit(")", 1)
        except OSError:
            continue
        if int(rest.split()[1]) == os.getpid() and "nvproof-worker" in name:
            found.append(int(pid))
    return found


def begun(worker):
    """Start it, and wait until it does something: it begins at the next tenth of a second."""
    worker.start()
    end = time.monotonic() + 5
    while not worker.progress and time.monotonic() < end:
        time.sleep(0.01)
    assert worker.progress
    return worker


@pytest.fixture(autouse=True)
def no_worker_is_left():
    fds = len(os.listdir("/proc/self/fd"))
    yield
    gc.collect()
    assert children() == []
    assert len(os.listdir("/proc/self/fd")) <= fds + 1


def test_time(nvme0n1):
    w = nvme0n1.ioworker(io_size=8, lba_align=8, lba_random=True, read_percentage=0, time=1).start()
    assert w.running
    r = w.close()
    assert not w.running and w.close() is r
    assert r.error == 0 and r["error"] == 0
    assert r.io_count_read == 0 and r.io_count_nonread == r.io_count_write > 0
    assert 900 <= r.mseconds <= 1300
    assert 0 < r.latency_average_us <= r.latency_max_us and r.cpu_usage > 0
    with pytest.raises(AttributeError):
        r.nothing


@pytest.mark.parametrize("count", [1, 2, 1000, 12345])
def test_io_count_is_exact(nvme0n1, count):
    r = nvme0n1.ioworker(io_size=1, io_count=count, read_percentage=50, qdepth=16).start().close()
    assert r.io_count_read + r.io_count_nonread == count and r.error == 0


def test_lba_count(nvme0n1):
    assert nvme0n1.ioworker(io_size=8, lba_count=800).start().close().io_count_read == 100


def test_sequential_fills_the_region_once(nvme0n1, qpair, caught):
    size = nvme0n1.sector_size
    nvme0n1.write_zeroes(qpair, 0, 64).waitdone()
    r = nvme0n1.ioworker(
        io_size=4, lba_random=False, read_percentage=0, region_start=16, region_end=48, ptype=32, pvalue=0x5A
    )
    assert r.start().close().io_count_nonread == 8
    back = d.Buffer(64 * size)
    nvme0n1.read(qpair, back, 0, 64).waitdone()
    # data pattern: the first byte of each LBA
    assert [back[i * size] for i in range(64)] == [0] * 16 + [0x5A] * 32 + [0] * 16
    assert caught == []


def test_mix(nvme0n1):
    r = nvme0n1.ioworker(io_size=1, io_count=10000, read_percentage=30, region_end=10000).start().close()
    assert 2700 < r.io_count_read < 3300


def test_verified(nvme0n1, verify, caught):
    r = (
        nvme0n1.ioworker(io_size=4, lba_align=4, region_end=4096, read_percentage=50, io_count=20000)
        .start()
        .close()
    )
    assert r.error == 0 and caught == []


def test_four_together_on_the_same_lbas(nvme0n1, verify, caught):
    """They share the verification table."""
    ws = [
        nvme0n1.ioworker(io_size=2, region_end=512, read_percentage=50, time=1, qdepth=8).start()
        for _ in range(4)
    ]
    assert len(children()) == 4
    assert all(w.running for w in ws)
    for w in ws:
        r = w.close()
        assert r.error == 0 and r.io_count_read > 0
    assert caught == []


def test_with_and_statistics(nvme0, nvme0n1):
    with nvme0n1.ioworker(io_size=8, time=2) as w:
        nvme0.iostat()
        rates = []
        while w.running:
            time.sleep(0.3)
            rates.append(nvme0.iostat())
            nvme0.getfeatures(7).waitdone()  # admin commands are legal inside
    assert len(rates) >= 5
    for rate, iops in rates[:5]:
        assert iops > 0 and abs(rate / iops - 8 * nvme0n1.sector_size) < 8 * nvme0n1.sector_size * 0.01 + 4096


def test_outputs(nvme0n1):
    seconds, latency = [], {50: 0, 99.9: 0}
    r = (
        nvme0n1.ioworker(io_size=8, time=2, output_io_per_second=seconds, output_percentile_latency=latency)
        .start()
        .close()
    )
    assert len(seconds) in (2, 3) and sum(seconds) == r.io_count_read
    assert 0 < latency[50] <= latency[99.9] <= r.latency_max_us + 1


@pytest.mark.parametrize(
    "args",
    [
        {},
        {"io_size": 0, "time": 1},
        {"io_size": 0x10000, "time": 1},
        {"time": -1},
        {"time": 1000 * 3600 + 1},
        {"time": 1, "qdepth": 1},
        {"time": 1, "lba_random": 101},
        {"time": 1, "read_percentage": -1},
        {"time": 1, "region_start": 5, "region_end": 5},
        {"time": 1, "lba_step": 0},
        {"time": 1, "lba_step": 0x8000},
        {"time": 1, "output_percentile_latency": {100: 0}},
    ],
)
def test_bad_arguments(nvme0n1, args):
    with pytest.raises(AssertionError):
        nvme0n1.ioworker(**args)


@pytest.mark.parametrize(
    "args",
    [
        {"region_start": 1 << 50, "region_end": 1 << 51},
        {"qdepth": 1 << 20},
        {"ptype": 7, "read_percentage": 0},
    ],
)
def test_bad_arguments_at_the_start(nvme0n1, args):
    with pytest.raises(AssertionError, match="ioworker: "):
        nvme0n1.ioworker(time=1, **args).start()


def test_larger_than_mdts(nvme0, nvme0n1):
    size = nvme0.mdts // nvme0n1.sector_size + 1
    with pytest.warns(UserWarning, match="ioworker host ERROR -2: "):
        nvme0n1.ioworker(io_size=size, io_count=10).start().close()


def test_device_error(nvme0n1, qpair):
    nvme0n1.write_uncorrectable(qpair, 0, 8).waitdone()
    with pytest.warns(UserWarning) as seen:
        r = nvme0n1.ioworker(io_size=8, region_end=8, lba_align=8, time=5).start().close()
    assert r.error == 0x281 and r.mseconds < 3000
    texts = [str(w.message) for w in seen]
    assert texts[0].startswith("ioworker host ERROR -6: ")
    assert texts[1] == "ioworker device respond an ERROR status: 02/81"
    nvme0n1.write_zeroes(qpair, 0, 8).waitdone()


def test_start_twice(nvme0n1):
    w = nvme0n1.ioworker(io_count=10).start()
    with pytest.raises(AssertionError):
        w.start()
    w.close()
    with pytest.raises(AssertionError):
        w.start()
    with pytest.raises(AssertionError):
        nvme0n1.ioworker(io_count=10).close()


def test_stop(nvme0n1, caught):
    w = begun(nvme0n1.ioworker(time=60))
    w.stop()
    start = time.monotonic()
    assert w.close().io_count_read > 0
    assert time.monotonic() - start < 3 and caught == []


def test_interrupt(nvme0n1):
    w = nvme0n1.ioworker(time=60).start()
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        w.close()
    assert time.monotonic() - start < 4 and not w.running
    timer.join()


def test_exception_inside_with(nvme0n1):
    start = time.monotonic()
    with pytest.raises(ZeroDivisionError), nvme0n1.ioworker(time=60) as w:
        1 / 0
    assert not w.running and time.monotonic() - start < 5


def test_dropped(nvme0n1):
    nvme0n1.ioworker(time=60).start()
    gc.collect()
    assert children() == []


@pytest.mark.parametrize("how", ["reset", "flr", "hot", "nssr"])
def test_reset_under_it(nvme0, nvme0n1, qpair, subsystem, how, caught):
    for _ in range(3):
        w = begun(nvme0n1.ioworker(io_size=8, time=60))
        {"reset": nvme0.reset, "flr": nvme0.pcie.flr, "hot": nvme0.pcie.reset, "nssr": subsystem.reset}[how]()
        start = time.monotonic()
        if how != "reset":
            nvme0.reset()
        r = w.close()
        assert r.io_count_read > 0 and time.monotonic() - start < 5
        nvme0n1.read(qpair, d.Buffer(512), 0).waitdone()
    assert [t for t in caught if "host ERROR" in t] == []


def test_power_cut_under_it(nvme0, nvme0n1, qpair, subsystem, pciaddr):
    if not pciaddr.startswith("vfu:"):
        pytest.skip("nothing here switches this drive's power")
    w = begun(nvme0n1.ioworker(io_size=8, read_percentage=0, time=60))
    subsystem.power_cycle()
    nvme0.reset()
    assert w.close().io_count_nonread > 0
    nvme0n1.read(qpair, d.Buffer(512), 0).waitdone()


def test_worker_killed(nvme0n1, qpair):
    w = nvme0n1.ioworker(time=60).start()
    os.kill(children()[0], signal.SIGKILL)
    with pytest.warns(UserWarning, match="ioworker host ERROR -8"):
        w.close()
    nvme0n1.read(qpair, d.Buffer(512), 0).waitdone()


def test_drive_dies():
    with SoftwareSSD(size="64M") as ssd:
        pcie = d.Pcie(ssd.addrs[0])
        nvme0 = d.Controller(pcie)
        ns = d.Namespace(nvme0)
        nvme0.timeout = 1000
        w = begun(ns.ioworker(time=60))
        ssd.kill()
        start = time.monotonic()
        try:
            with pytest.warns(UserWarning):
                w.close()
        except pytest.fail.Exception:
            pass  # terminated, which is no warning, is an answer too
        assert time.monotonic() - start < 10
        pcie.close()


def test_close_under_it(pciaddr):
    """The device is closed while a worker runs: it ends, and its object keeps what was measured."""
    pcie = d.Pcie(pciaddr)
    w = begun(d.Namespace(d.Controller(pcie)).ioworker(time=60))
    pcie.close()
    assert children() == []
    assert w.close().io_count_read > 0
