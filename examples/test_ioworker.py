# SPDX-License-Identifier: BSD-3-Clause
"""ioworker: a process of its own generates the load; the script looks on, or waits for the result."""
import time


def test_random_write(nvme0n1, record_property):
    """Two seconds of 4 KiB random writes."""
    r = nvme0n1.ioworker(io_size=8, lba_align=8, lba_random=True, read_percentage=0, time=2).start().close()
    assert r.error == 0
    assert r.io_count_read == 0 and r.io_count_nonread > 0
    iops = r.io_count_nonread * 1000 // r.mseconds
    print(
        f"{r.io_count_nonread:,} writes in {r.mseconds} ms: {iops:,} IOPS, latency average "
        f"{r.latency_average_us} us, maximum {r.latency_max_us} us, {r.cpu_usage:.0%} of a core"
    )
    record_property("IOPS", f"{iops:,}")


def test_verified_mix(nvme0n1, verify, record_property):
    """One second of reads and writes on the same LBAs, each read compared with what was written last."""
    r = nvme0n1.ioworker(io_size=8, lba_align=8, region_end=8192, read_percentage=50, time=1).start().close()
    assert r.error == 0
    assert r.io_count_read > 0 and r.io_count_nonread > 0
    print(f"{r.io_count_read:,} reads checked against {r.io_count_nonread:,} writes: no difference")
    record_property("verified reads", f"{r.io_count_read:,}")


def test_live_statistics(nvme0, nvme0n1, record_property):
    """Ten seconds of reads, watched while they run."""
    seen = []
    with nvme0n1.ioworker(io_size=8, time=10) as w:
        nvme0.iostat()
        while w.running:
            time.sleep(1)
            bytes_per_s, iops = nvme0.iostat()
            seen.append(iops)
            print(f"{len(seen):4d} s  {bytes_per_s / 1e6:8,.0f} MB/s  {iops:12,} IOPS", flush=True)
    assert len(seen) >= 9 and min(seen[:9]) > 0
    record_property("IOPS", f"{sorted(seen)[len(seen) // 2]:,}")
