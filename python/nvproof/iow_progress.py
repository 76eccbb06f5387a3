# SPDX-License-Identifier: BSD-3-Clause
"""While a script waits for an ioworker: a bar when it is watched in a terminal, and nothing otherwise."""
import sys
import time
from typing import Any, Protocol

_LOOK_S = 0.1
_SHORT_S = 0.5  # what ends sooner needs no bar


class Worker(Protocol):
    """What is needed of an ioworker."""

    @property
    def running(self) -> bool:
        ...

    @property
    def live(self) -> dict[int, tuple[int, int]]:
        ...

    @property
    def arguments(self) -> dict[str, Any]:
        ...


def share(arguments: dict[str, Any], seconds: float, ios: int, lbas: float) -> float | None:
    """How much of it is done, 0 to 1, by the limit that it reaches first; None: it has none that is known."""
    parts = [
        done / arguments[limit]
        for limit, done in (("time", seconds), ("io_count", ios), ("lba_count", lbas))
        if arguments.get(limit)
    ]
    if arguments.get("io_sequence"):
        parts.append(ios / len(arguments["io_sequence"]))
    return min(1.0, max(parts)) if parts else None


def _still_running(worker: Worker, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while worker.running and time.monotonic() < end:
        time.sleep(_LOOK_S / 5)
    return worker.running


def watch(worker: Worker, sector_size: int) -> None:
    """Until it ends, when standard error is a terminal; else this returns at once.  KeyboardInterrupt passes."""
    if not sys.stderr.isatty() or not _still_running(worker, _SHORT_S):
        return
    from rich.console import Console  # only who looks at it pays for it
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("ioworker"),
        BarColumn(),
        TextColumn("{task.percentage:3.0f} %"),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        begun = time.monotonic() - _SHORT_S
        while worker.running:
            now, counts = time.monotonic(), worker.live.values()
            ios, size = sum(n for n, _ in counts), sum(n for _, n in counts)
            part = share(worker.arguments, now - begun, ios, size / sector_size)
            rate = f"{ios / (now - begun):,.0f} IOPS, {size / (now - begun) / 1e6:,.0f} MB/s"
            bar.update(task, total=None if part is None else 1.0, completed=part or 0.0, description=rate)
            time.sleep(_LOOK_S)
