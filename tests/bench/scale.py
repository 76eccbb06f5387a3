# SPDX-License-Identifier: BSD-3-Clause
"""Many queue pairs, and more pollers than cores."""
from harness import HOST, PROGRAMS, ROUNDS, RUN_S, Drive, interleave, program, show


def queue_pairs() -> None:
    """One thread drives n queue pairs: 32 commands outstanding on each; and, which says what a queue itself costs, 128 in all,
    so that with 64 queues each doorbell stands for two commands."""
    drive = Drive("null")
    addr = drive.ssd.addrs[0]
    drive.ns.close()
    drive.pcie.close()
    counts = (1, 2, 8, 64)
    ways = {f"{n}, 32 each": (n, 32 * n) for n in counts} | {f"{n}, 128 in all": (n, 128) for n in counts}
    seen = interleave(
        {
            name: lambda n=n, depth=depth: program("bench_queues", addr, n, depth, RUN_S, HOST)  # type: ignore[misc]
            for name, (n, depth) in ways.items()
        }
    )
    show(
        f"queue pairs of one SSD, null media; median of {ROUNDS}",
        seen,
        {name: ("1" + name[name.index(",") :], "within 15 %") for name, (n, _) in ways.items() if n > 1},
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
