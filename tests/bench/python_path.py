# SPDX-License-Identifier: BSD-3-Clause
"""A script on one core, the SSD on another: commands a second, what a keyword costs, how long a worker takes to start."""
import os
import sysconfig
import time
from typing import Any, Callable

import nvme as d
from harness import HOST, ROUNDS, Drive, console, interleave, median, show, stopwatch

BATCH, BATCHES = 32, 2000
CALLS = 500
STARTS = 10


def batches(ns: Any, qpair: Any, buf: Any, send: Callable[..., None]) -> float:
    """Commands a second: 32 ns.read() and one waitdone(32), again and again."""
    wait = qpair.waitdone
    start = time.perf_counter()
    for _ in range(BATCHES):
        send(ns.read, qpair, buf)
        wait(BATCH)
    return BATCH * BATCHES / (time.perf_counter() - start)


def plain(read: Any, qpair: Any, buf: Any) -> None:
    for lba in range(BATCH):
        read(qpair, buf, lba, 8)


def with_callback(read: Any, qpair: Any, buf: Any) -> None:
    for lba in range(BATCH):
        read(qpair, buf, lba, 8, cb=lambda cqe: None)


def rates(drive: Drive, qpair: Any, buf: Any) -> None:
    seen = interleave(
        {
            "read, 32 a waitdone": lambda: batches(drive.ns, qpair, buf, plain),
            "the same with a callback each": lambda: batches(drive.ns, qpair, buf, with_callback),
        }
    )
    wanted = {"read, 32 a waitdone": ("", ">= 1 M"), "the same with a callback each": ("", ">= 500 k")}
    show(f"commands from Python, null media; median of {ROUNDS}", seen, wanted)
    for name, send in (("read, 32 a waitdone", plain), ("the same with a callback each", with_callback)):
        mine = 1e9 / median(seen, name)
        console.print(f"{name}: {mine:.0f} ns a command, {1 - empty_loop(send) / mine:.0%} of it in our code")


def empty_loop(send: Callable[..., None]) -> float:
    """ns a command of the script's own loop: the same calls, of a built-in function that only takes its arguments."""
    count = 500
    return (
        min(stopwatch(lambda: [send("".format, 0, 0) for _ in range(count)]) for _ in range(5))
        / count
        / BATCH
        * 1e9
    )


def submit_ns(qpair: Any, submit: Callable[[], Any]) -> float:
    took = stopwatch(lambda: [submit() for _ in range(CALLS)])
    qpair.waitdone(CALLS)
    return took / CALLS * 1e9


def keywords(drive: Drive, qpair: Any, buf: Any) -> None:
    read = drive.ns.read
    ways: dict[str, Callable[[], Any]] = {
        "positional": lambda: read(qpair, buf, 0, 8),
        "one keyword": lambda: read(qpair, buf, 0, lba_count=8),
        "two keywords": lambda: read(qpair, buf, lba=0, lba_count=8),
        "three keywords": lambda: read(qpair, buf=buf, lba=0, lba_count=8),
        "four keywords": lambda: read(qpair=qpair, buf=buf, lba=0, lba_count=8),
        "seven, three of them more": lambda: read(
            qpair=qpair, buf=buf, lba=0, lba_count=8, io_flags=0, cdw13=0, verify_disable=False
        ),
        "the same seven, positional": lambda: read(qpair, buf, 0, 8, 0, 0, 0, 0, 0, 0, None, None, False),
    }
    seen = interleave({name: lambda w=w: submit_ns(qpair, w) for name, w in ways.items()}, 40)  # type: ignore[misc]
    base = min(seen["positional"])
    for name, values in seen.items():
        console.print(f"read submitted, {name:<27} {min(values):7.1f} ns  ({min(values) - base:+.1f})")


def start_time(drive: Drive) -> None:
    """From start() to its return: the queue pair is made, the process runs and has mapped what it needs."""
    took = []
    for _ in range(STARTS):
        start = time.perf_counter()
        worker = drive.worker(io_count=1)
        took.append(time.perf_counter() - start)
        worker.close()
    console.print(
        f"ioworker started in {sorted(took)[STARTS // 2] * 1e3:.1f} ms (median of {STARTS}; wanted < 5 ms)"
    )


def run() -> None:
    mine = os.sched_getaffinity(0)
    drive = Drive("null")
    qpair, buf = d.Qpair(drive.nvme, 1024), d.Buffer(4096)
    console.print(f"Python {sysconfig.get_python_version()}")
    start_time(drive)
    os.sched_setaffinity(0, {HOST})
    try:
        rates(drive, qpair, buf)
        keywords(drive, qpair, buf)
    finally:
        os.sched_setaffinity(0, mine)
    qpair.delete()
    drive.close()
