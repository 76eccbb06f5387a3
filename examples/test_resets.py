# SPDX-License-Identifier: BSD-3-Clause
"""What may happen to a drive in the middle of I/O: resets of all kinds, and a power cut.  It has to come back, with its data."""
import collections
import time

import pytest

import nvme as d


@pytest.mark.parametrize("kind", ["controller", "FLR", "hot reset", "NVM subsystem"])
def test_reset_during_io(pcie, nvme0, nvme0n1, qpair, subsystem, kind):
    """Each command in flight ends exactly once, and the same queue pair goes on after nvme0.reset()."""
    buf, known, back = d.Buffer(4096), d.Buffer(512, pvalue=0x600DDA7A, ptype=32), d.Buffer(512)
    nvme0n1.write(qpair, known, 0).waitdone()
    ended: collections.Counter[str] = collections.Counter()
    for i in range(64):
        nvme0n1.read(qpair, buf, i, 8, cb=lambda cqe: ended.update([f"{cqe.sct:02x}/{cqe.sc:02x}"]))
    if kind == "FLR":
        pcie.flr()
    elif kind == "hot reset":
        pcie.reset()
    elif kind == "NVM subsystem":
        subsystem.reset()
    start = time.perf_counter()
    nvme0.reset()
    ms = 1000 * (time.perf_counter() - start)
    nvme0n1.read(qpair, back, 0).waitdone()
    print(f"{kind}: 64 reads ended with {dict(ended)}; back after {ms:.1f} ms")
    assert sum(ended.values()) == 64 and back[:] == known[:]


def test_power_cycle(nvme0, nvme0n1, qpair, subsystem, record_property):
    """Power is cut under a verified load of writes; what was flushed before is there afterwards."""
    known, back = d.Buffer(4096, pvalue=100, ptype=0xBEEF), d.Buffer(4096)
    nvme0n1.write(qpair, known, 0, 8).waitdone()
    nvme0n1.flush(qpair).waitdone()
    worker = nvme0n1.ioworker(io_size=8, read_percentage=0, region_start=64, region_end=4096, time=10).start()
    time.sleep(0.5)
    try:
        subsystem.power_cycle(sec=5)
    except ValueError as e:
        pytest.skip(str(e))  # nothing here switches the power of this drive
    nvme0.reset()
    result = worker.close()
    nvme0n1.read(qpair, back, 0, 8).waitdone()
    smart = d.Buffer(512)
    nvme0.getlogpage(2, smart, 512).waitdone()
    unsafe = smart.data(159, 144)
    print(
        f"power cut after {result.io_count_nonread:,} writes; {unsafe} unsafe shutdowns so far; the data is there"
    )
    record_property("writes until the cut", f"{result.io_count_nonread:,}")
    assert back[:] == known[:] and result.io_count_nonread > 0 and unsafe > 0
