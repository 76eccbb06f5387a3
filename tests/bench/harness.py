# SPDX-License-Identifier: BSD-3-Clause
"""What all measurements share: interleaving, medians and spread, the limits of the machine, drives, and knowing when
others were in the way."""
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any, Callable

import nvme as d
from nvproof.softssd import SoftwareSSD
from rich.console import Console
from rich.progress import track
from rich.table import Table

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PROGRAMS = ROOT / "build/tests/bench"
OUT = ROOT / "results/bench"
ROUNDS = 5
RETRIES = 3  # of a run that others disturbed
SPAN = 1 << 30
SPAN_LBAS = SPAN // 512  # random over 1 GiB
RUN_S = 0.5
HOST, DEVICE = 0, 1  # cores
TICKS = os.sysconf("SC_CLK_TCK")

console = Console(highlight=False, width=None if sys.stdout.isatty() else 110)
Figures = dict[str, list[float]]


def steal_s() -> float:
    """What the hypervisor took from all cores so far."""
    with open("/proc/stat") as f:
        return int(f.readline().split()[8]) / TICKS


def cpu_s(pid: int) -> float:
    """What a process has used."""
    return int(pathlib.Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def program(name: str, *args: Any) -> float:
    """The number that a program of this folder prints."""
    cmd = [str(PROGRAMS / name), *map(str, args)]
    return float(subprocess.run(cmd, capture_output=True, text=True, check=True).stdout)


def limit(kind: str) -> float:
    """A second: blocks copied, commands queued, round trips; from bench_limits."""
    return 1e9 / program("bench_limits", kind)


class Drive:
    """A software SSD on a core of its own, attached; its first GiB written, so that reads copy what is there."""

    disturbed = runs = 0

    def __init__(self, media: str = "ram", nlba_verify: int = 8, device_core: int = DEVICE) -> None:
        pin = ["--cpu", str(device_core)] if device_core >= 0 else []
        self.ssd = SoftwareSSD(size="2G", profile=media, args=pin)
        self.pcie = d.Pcie(self.ssd.addrs[0])
        self.nvme = d.Controller(self.pcie)
        self.ns = d.Namespace(self.nvme, 1, nlba_verify)
        if media == "ram":
            self.worker(io_count=SPAN_LBAS // 256, read_percentage=0, io_size=256, lba_random=False).close()

    def worker(self, **changed: Any) -> Any:
        args: dict[str, Any] = dict(
            io_size=8,
            lba_align=8,
            lba_random=True,
            read_percentage=100,
            qdepth=32,
            region_end=SPAN_LBAS,
            cpu_id=HOST,
            cmdlog_error_only=True,
        )
        return self.ns.ioworker(**{**args, **changed}).start()

    def pid(self) -> int:
        process = self.ssd._process  # noqa: the only place that knows
        assert process
        return process.pid

    def _once(self, **changed: Any) -> tuple[float, bool]:
        cpu, steal = cpu_s(self.pid()), steal_s()
        r = self.worker(**{"time": RUN_S, **changed}).close()
        used = cpu_s(self.pid()) - cpu
        quiet = r.cpu_usage > 0.96 and used > 0.93 * RUN_S and steal_s() - steal < 0.02 * RUN_S
        return (r.io_count_read + r.io_count_write) * 1000 / r.mseconds, quiet

    def iops(self, depth: int, **changed: Any) -> float:
        """Commands a second.  A run in which worker or SSD did not have its core is repeated, and counted."""
        changed |= {"qdepth": depth} if depth > 1 else {"outstanding": depth}
        for _ in range(RETRIES):
            value, quiet = self._once(**changed)
            Drive.runs += 1
            if quiet:
                break
            Drive.disturbed += 1
        return value

    def close(self) -> None:
        self.ns.close()
        self.pcie.close()
        self.ssd.close()


def interleave(figures: dict[str, Callable[[], float]], rounds: int = ROUNDS) -> Figures:
    """All of them in turn, so many times: what changes in the machine meanwhile changes all."""
    seen: Figures = {name: [] for name in figures}
    for _ in track(range(rounds), "measuring", console=console, transient=True):
        for name, measure in figures.items():
            seen[name].append(measure())
    return seen


def median(seen: Figures, name: str) -> float:
    return statistics.median(seen[name])


def paired(seen: Figures, name: str, base: str) -> float:
    """The median of the ratios of each round: what disturbs one round disturbs both."""
    return statistics.median(a / b for a, b in zip(seen[name], seen[base]))


def show(title: str, seen: Figures, ratios: dict[str, tuple[str, str]], unit: str = "/s") -> None:
    """ratios: of a figure to another of the same run, and what is wanted.  What disturbs a run only makes it slower, so the
    best of a figure is what the machine does when it is left alone."""
    table = Table(
        "figure", f"median {unit}", "spread", "best", "ratio", "of bests", "of", "wanted", title=title
    )
    for name, values in seen.items():
        middle = statistics.median(values)
        base, want = ratios.get(name, ("", ""))
        ratio = f"{paired(seen, name, base):.0%}" if base else ""
        bests = f"{max(values) / max(seen[base]):.0%}" if base else ""
        spread = f"{(max(values) - min(values)) / middle:.0%}"
        table.add_row(name, f"{middle:,.0f}", spread, f"{max(values):,.0f}", ratio, bests, base, want)
    console.print(table)


def callgrind(cmd: list[str], function: str | None) -> int:
    """Instructions inside `function` and what it calls, or in all of the program."""
    with tempfile.TemporaryDirectory() as tmp:
        tool = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={tmp}/out"]
        if function:
            tool.append(f"--toggle-collect={function}")
        p = subprocess.run([*tool, *cmd], capture_output=True, text=True, check=True)
    match = re.search(r"Collected *: (\d+)", p.stderr)
    assert match, p.stderr
    return int(match.group(1))


def perf(cmd: list[str]) -> int | None:
    """User instructions of a program by the processor's counter; None: it cannot be used here."""
    if not shutil.which("perf"):
        return None
    p = subprocess.run(["perf", "stat", "-x,", "-e", "instructions:u", *cmd], capture_output=True, text=True)
    match = re.search(r"^(\d+),,instructions", p.stderr, re.M)
    return int(match.group(1)) if match else None


def stopwatch(f: Callable[[], object]) -> float:
    start = time.perf_counter()
    f()
    return time.perf_counter() - start
