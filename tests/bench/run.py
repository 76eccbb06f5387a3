#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Measure driver, worker and software SSD, and what this machine can do at best, in one run.

Times on a shared machine move by tens of percent, so what is compared is interleaved and repeated, and told as the
median with its spread and as a ratio to something of the same run.  Instructions a command do not move.

usage: run.py [SUBJECT ...]     (default: all)
"""
import contextlib
import importlib
import pathlib
import signal
import sys
from typing import Iterator

from harness import Drive, console

SUBJECTS = {
    "io_path": "IOPS of driver, worker and SSD, beside the limits of the machine",
    "instructions": "instructions a command, by side",
    "python_path": "commands from a script, keywords, starting a worker",
    "worker_start": "sixteen workers that are started together",
    "features": "what the command log and verification cost",
    "scale": "queue pairs; more pollers than cores",
    "fio": "fio's generator and io_uring beside ours",
}

NR_HUGEPAGES = pathlib.Path("/proc/sys/vm/nr_hugepages")
RESERVE = 512  # 1 GiB: queues, buffers, verification tables


@contextlib.contextmanager
def huge_pages() -> Iterator[None]:
    """Host memory of huge pages while we measure, as for who sets up a machine for this, if we may; given back."""
    before = NR_HUGEPAGES.read_text()
    try:
        NR_HUGEPAGES.write_text(str(int(before) + RESERVE))
        console.print(f"huge pages reserved: {int(NR_HUGEPAGES.read_text()) - int(before)} of {RESERVE}")
    except PermissionError:
        console.print("huge pages: those that are free, if any (more can be reserved by root only)")
    try:
        yield
    finally:
        with contextlib.suppress(PermissionError):
            NR_HUGEPAGES.write_text(before)


def terminated(*_: object) -> None:
    sys.exit("terminated")


def main() -> int:
    unknown = [s for s in sys.argv[1:] if s not in SUBJECTS]
    if unknown:
        print(f"{' '.join(unknown)}: there is {', '.join(SUBJECTS)}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, terminated)
    with huge_pages():
        for name in sys.argv[1:] or SUBJECTS:
            console.rule(f"{name}: {SUBJECTS[name]}", align="left")
            importlib.import_module(name).run()
    if Drive.runs:
        bad = f"{Drive.disturbed} of {Drive.runs} runs of a worker were disturbed"
        console.print(f"{bad}: worker or SSD did not have a core for itself")
    return 0


if __name__ == "__main__":
    sys.exit(main())
