#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Measure driver, worker and software SSD, and what this machine can do at best, in one run.

Times on a shared machine move by tens of percent, so what is compared is interleaved, repeated ROUNDS times, and told
as the median with its spread and as a ratio to the limit of the same run.  Instructions a command do not move: they
come from callgrind, as the difference of two runs of different length.
"""
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

import nvme as d
from nvproof.softssd import SoftwareSSD
from rich.console import Console
from rich.progress import track
from rich.table import Table

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / "build"
ROUNDS = 5
SPAN_LBAS = (1 << 30) // 512  # random over 1 GiB


def limit(kind):
    """ns a block copied, or a command queued, from bench_limits."""
    out = subprocess.run(
        [BUILD / "tests/bench/bench_limits", kind], capture_output=True, text=True, check=True
    )
    return float(out.stdout)


class Drive:
    """A private software SSD, attached; its first GiB written so that reads copy real pages."""

    def __init__(self, media):
        self.ssd = SoftwareSSD(size="2G", media=media)
        self.pcie = d.Pcie(self.ssd.addrs[0])
        self.nvme = d.Controller(self.pcie)
        self.ns = d.Namespace(self.nvme, 1)
        if media == "ram":
            self.run(32, io_count=SPAN_LBAS // 256, read_percentage=0, io_size=256, lba_random=False)

    def run(self, qdepth, **changed):
        args = dict(
            io_size=8, lba_align=8, lba_random=True, read_percentage=100, qdepth=qdepth, region_end=SPAN_LBAS
        )
        return self.ns.ioworker(**{**args, **changed}).start().close()

    def iops(self, qdepth):
        r = self.run(qdepth, time=1)
        return r.io_count_read * 1000 / r.mseconds

    def close(self):
        self.ns.close()
        self.pcie.close()
        self.ssd.close()


def throughput(console):
    """IOPS of the I/O path, interleaved with the limits of the machine."""
    ram, null = Drive("ram"), Drive("null")
    figures = {
        "copy limit, 4 KiB": lambda: 1e9 / limit("copy"),
        "queue limit, depth 32": lambda: 1e9 / limit("queue"),
        "4 KiB random read, RAM, depth 32": lambda: ram.iops(32),
        "4 KiB random read, RAM, depth 2": lambda: ram.iops(2),
        "4 KiB random read, null, depth 128": lambda: null.iops(128),
    }
    seen = {name: [] for name in figures}
    for _ in track(range(ROUNDS), "measuring", console=console, transient=True):
        for name, measure in figures.items():
            seen[name].append(measure())
    table = Table("figure", "median /s", "spread", "of its limit", title=f"interleaved, median of {ROUNDS}")
    for name, values in seen.items():
        middle = statistics.median(values)
        base = "queue limit, depth 32" if "null" in name else "copy limit, 4 KiB"
        ratio = "" if "limit" in name else f"{middle / statistics.median(seen[base]):.0%}"
        table.add_row(name, f"{middle:,.0f}", f"{(max(values) - min(values)) / middle:.0%}", ratio)
    console.print(table)
    ram.close()
    null.close()


def instructions(count, function):
    """Instructions inside `function` (and what it calls) of bench_sim with `count` reads."""
    with tempfile.TemporaryDirectory() as tmp:
        cmd = [
            "valgrind",
            "--tool=callgrind",
            f"--callgrind-out-file={tmp}/out",
            BUILD / "tests/bench/bench_sim",
        ]
        if function:
            cmd.insert(2, f"--toggle-collect={function}")
        p = subprocess.run([*cmd, str(count)], capture_output=True, text=True, check=True)
    return int(re.search(r"Collected *: (\d+)", p.stderr).group(1))


def instruction_counts(console):
    if not shutil.which("valgrind"):
        console.print(
            "instructions a command: not measured, valgrind is not installed (apt-get install valgrind)"
        )
        return
    few, many = 20000, 120000
    per = {
        name: (instructions(many, function) - instructions(few, function)) / (many - few)
        for name, function in {"all": None, "ssd": "ssd_step"}.items()
    }
    table = Table(
        "side", "instructions", title="user instructions a 4 KiB read, null media, depth 32 (callgrind)"
    )
    table.add_row("driver and generator", f"{per['all'] - per['ssd']:.0f}")
    table.add_row("software SSD", f"{per['ssd']:.0f}")
    console.print(table)


def main():
    console = Console(highlight=False)
    throughput(console)
    instruction_counts(console)
    subprocess.run([sys.executable, ROOT / "tests/bench/bench_args.py"], check=True)


if __name__ == "__main__":
    main()
