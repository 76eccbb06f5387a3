# SPDX-License-Identifier: BSD-3-Clause
"""Many queue pairs, and more pollers than cores."""
from harness import HOST, PROGRAMS, ROUNDS, RUN_S, Drive, interleave, program, show


def queue_pairs() -> None:
    """One thread drives n queue pairs with 128 commands outstanding in all."""
    drive = Drive("null")
    addr = drive.ssd.addrs[0]
    drive.ns.close()
    drive.pcie.close()
    seen = interleave(
        {
            f"{n} queue pairs": lambda n=n: program("bench_queues", addr, n, 128, RUN_S, HOST)  # type: ignore[misc]
            for n in (1, 2, 8, 64)
        }
    )
    show(
        f"queue pairs of one SSD; null, 128 outstanding in all; median of {ROUNDS}",
        seen,
        {f"{n} queue pairs": ("1 queue pairs", "within 15 %") for n in (2, 8, 64)},
    )
    drive.ssd.close()


def total(drive: Drive, cores: list[int], depth: int) -> float:
    """Commands a second of one worker for each core listed, all at the same time."""
    workers = [drive.worker(qdepth=depth, time=RUN_S, cpu_id=c) for c in cores]
    results = [w.close() for w in workers]
    return sum(r.io_count_read * 1000 / r.mseconds for r in results)


def crowd() -> None:
    alone, shared = Drive("ram"), Drive("ram", device_core=-1)
    seen = interleave(
        {
            "one worker": lambda: total(alone, [0], 32),
            "one worker, deep": lambda: total(alone, [0], 128),
            "four workers": lambda: total(shared, [0, 1, 0, 1], 32),
        }
    )
    seen["best"] = [max(a, b) for a, b in zip(seen["one worker"], seen["one worker, deep"])]
    show(
        f"workers and SSD on two cores; 4 KiB random reads, RAM; median of {ROUNDS}",
        seen,
        {"four workers": ("best", ">= 70 %")},
    )
    alone.close()
    shared.close()


def run() -> None:
    assert (PROGRAMS / "bench_queues").exists()
    queue_pairs()
    crowd()
