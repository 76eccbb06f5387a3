# SPDX-License-Identifier: BSD-3-Clause
"""Verification with several processes at once: nobody is accused, nobody waits for the dead, and damage is still found."""
import os
import signal
import subprocess
import sys
import time

import pytest

import nvme as d
from nvproof.softssd import SoftwareSSD


def test_two_workers_on_the_same_lbas(nvme0n1, verify, caught):
    """More than a million commands on 64 LBAs, written and read by both; a tenth of them on an emulation that is slow."""
    count = 52_000 if nvme0n1.nvme.addr.startswith("qemu:") else 520_000
    args = dict(io_size=8, lba_align=1, lba_random=True, region_end=64, read_percentage=50, qdepth=16)
    a = nvme0n1.ioworker(io_count=count, cpu_id=0, **args).start()
    b = nvme0n1.ioworker(io_count=count, cpu_id=1, **args).start()
    results = [w.close() for w in (a, b)]
    assert [r.error for r in results] == [0, 0] and caught == []
    assert all(r.io_count_read + r.io_count_write == count for r in results)
    assert all(r.io_count_read > count * 0.38 for r in results)


def test_the_script_and_a_worker(nvme0n1, qpair, verify, caught):
    """A script's commands wait for those of a worker, and the other way round."""
    size, bufs = nvme0n1.sector_size, [d.Buffer(4096) for _ in range(4)]
    with nvme0n1.ioworker(io_size=4, lba_align=1, region_end=32, read_percentage=50, qdepth=8, time=2):
        end, n = time.monotonic() + 1.5, 0
        while time.monotonic() < end:
            for i, buf in enumerate(bufs):
                nvme0n1.write(qpair, buf, (n * 3 + i) % 28, 4096 // size if size > 1024 else 4)
                nvme0n1.read(qpair, buf, (n * 5 + i) % 28, 1)
            qpair.waitdone(8)
            n += 1
    assert n > 20 and caught == []


def test_a_killed_worker_blocks_nobody(nvme0, nvme0n1, qpair, verify, caught):
    args = dict(io_size=8, lba_align=1, region_end=64, read_percentage=0, qdepth=32)
    for _ in range(5):
        w = nvme0n1.ioworker(time=100, **args).start()
        while not w.running:
            time.sleep(0.01)
        time.sleep(0.2)
        for pid in children("nvproof-worker"):
            os.kill(pid, signal.SIGKILL)
        start, back = time.monotonic(), d.Buffer(64 * nvme0n1.sector_size)
        nvme0n1.read(qpair, back, 0, 64).waitdone()
        assert time.monotonic() - start < 2
        w.close()
        assert [t for t in caught if "07/81" in t] == []
        caught.clear()
    r = nvme0n1.ioworker(io_count=2000, **{**args, "read_percentage": 50}).start().close()
    assert r.error == 0 and caught == []


def children(name):
    """Processes of this name that this one started."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
                head, _, tail = f.read().rpartition(")")
        except OSError:
            continue
        if head.split("(", 1)[1].startswith(name[:15]) and int(tail.split()[1]) == os.getpid():
            found.append(int(pid))
    return found


OTHER = """
import time, warnings, nvme as d
warnings.simplefilter("error")
pcie = d.Pcie({addr!r})
nvme0 = d.Controller(pcie)
ns, qpair = d.Namespace(nvme0), d.Qpair(nvme0, 32)
ns.verify_enable()
bufs = [d.Buffer(2048, pvalue=i, ptype=32) for i in range(16)]
print("ready", flush=True)
end = time.monotonic() + {seconds}
n = 0
while time.monotonic() < end:
    for i in range(8):
        ns.write(qpair, bufs[i], (n * 3 + i) % 28, 4)
        ns.read(qpair, bufs[8 + i], (n * 7 + i) % 28, 4)
    qpair.waitdone(16)
    n += 1
pcie.close()
print("done", n, flush=True)
"""


def other(ssd, i, seconds):
    p = subprocess.Popen(
        [sys.executable, "-c", OTHER.format(addr=ssd.addrs[i], seconds=seconds)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert p.stdout.readline() == "ready\n"
    return p


def test_two_scripts_on_two_controllers():
    """Two processes that know nothing of each other but the drive."""
    with SoftwareSSD(size="16M", ctrlrs=2) as ssd:
        ps = [other(ssd, i, 2) for i in (0, 1)]
        out = [p.communicate(timeout=60)[0] for p in ps]
        assert [p.returncode for p in ps] == [0, 0]
        assert all(int(o.split()[1]) > 20 for o in out)


def test_a_killed_script_blocks_nobody(caught):
    """One of them is killed with commands in flight; what it had begun is in doubt, and all else is as it was."""
    with SoftwareSSD(size="16M", ctrlrs=2) as ssd:
        pcie = d.Pcie(ssd.addrs[0])
        nvme0 = d.Controller(pcie)
        ns, qpair = d.Namespace(nvme0), d.Qpair(nvme0, 32)
        ns.verify_enable()
        for _ in range(3):
            p = other(ssd, 1, 100)
            time.sleep(0.3)
            p.kill()
            p.communicate()
            start = time.monotonic()
            for lba in range(0, 28, 4):
                ns.write(qpair, d.Buffer(2048), lba, 4)
                ns.read(qpair, d.Buffer(2048), lba, 4)
            qpair.waitdone(14)
            assert time.monotonic() - start < 2 and caught == []
        pcie.close()


def test_a_sequential_worker_skips_what_is_uncorrectable(nvme0n1, qpair, verify, caught):
    args = dict(io_size=8, lba_random=False, region_end=256, qdepth=4)
    nvme0n1.ioworker(read_percentage=0, **args).start().close()
    nvme0n1.write_uncorrectable(qpair, 42).waitdone()
    nvme0n1.write_uncorrectable(qpair, 255).waitdone()
    r = nvme0n1.ioworker(read_percentage=100, **args).start().close()
    assert r.error == 0 and r.io_count_read == 30 and caught == []
    r = nvme0n1.ioworker(read_percentage=100, lba_start=0, io_count=100, **args).start().close()
    assert r.error == 0 and r.io_count_read == 100 and caught == []
    nvme0n1.ioworker(read_percentage=0, **args).start().close()
    r = nvme0n1.ioworker(read_percentage=100, **args).start().close()
    assert r.error == 0 and r.io_count_read == 32


@pytest.mark.parametrize("retry_max", [0, 3])
def test_retries(nvme0, nvme0n1, qpair, verify, caught, write_behind, retry_max):
    """What is read wrong is read again, so often; and it is one failed command."""
    args = dict(io_size=8, lba_random=False, region_end=256, qdepth=4)
    nvme0n1.ioworker(read_percentage=0, **args).start().close()
    write_behind(nvme0, 100, d.Buffer(nvme0n1.sector_size, pvalue=1, ptype=32))
    w = nvme0n1.ioworker(read_percentage=100, retry_max=retry_max, **args).start()
    r = w.close()
    assert r.error == 0x781
    assert any("07/81" in t for t in caught)


def _reset(nvme0, subsystem):
    nvme0.reset()


def _cut(nvme0, subsystem):
    subsystem.poweroff()
    subsystem.poweron()
    nvme0.reset()


def _torn(nvme0, nvme0n1, subsystem, qpair, caught, interrupt):
    """Writes of a script and of a worker, interrupted: what is torn is in doubt, and nothing is accused."""
    size = nvme0n1.sector_size
    for _ in range(5):
        for i in range(60):
            nvme0n1.write(qpair, d.Buffer(size), 3000 + i % 20)
        interrupt(nvme0, subsystem)
        nvme0n1.read(qpair, d.Buffer(20 * size), 3000, 20).waitdone()
    args = dict(io_size=8, lba_align=1, region_end=64, qdepth=16)
    with nvme0n1.ioworker(read_percentage=30, time=20, **args) as w:
        time.sleep(0.3)
        interrupt(nvme0, subsystem)
        w.close()
    caught.clear()
    r = nvme0n1.ioworker(read_percentage=70, io_count=5000, **args).start()
    assert r.close().error == 0 and caught == []


def test_after_a_reset(nvme0, nvme0n1, subsystem, qpair, verify, caught):
    _torn(nvme0, nvme0n1, subsystem, qpair, caught, _reset)


def test_after_a_power_cut(ssd, nvme0, nvme0n1, subsystem, qpair, verify, caught):
    _torn(nvme0, nvme0n1, subsystem, qpair, caught, _cut)
