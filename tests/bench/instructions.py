# SPDX-License-Identifier: BSD-3-Clause
"""User instructions a command: they do not move with the load of the machine.  The difference of two runs of different
length, so that starting and ending do not count."""
import shutil

from harness import PROGRAMS, callgrind, console, perf
from rich.table import Table

FEW, MANY = 20000, 120000
PARTS = {
    "worker and driver": ("iow_engine_turn", "<= 250"),
    "software SSD": ("ssd_step", "<= 400"),
}


def difference(count: object, cmd: str, *args: str) -> float:
    few, many = (count([str(PROGRAMS / cmd), str(n)], *args) for n in (FEW, MANY))  # type: ignore[operator]
    return (many - few) / (MANY - FEW)


def flash(table: Table) -> None:
    """Per access of modelled flash behind the command: copying the data apart, which is what any media costs."""
    for what in ("read", "write"):
        runs = [[str(PROGRAMS / "bench_ftl"), str(n), "enterprise-tlc", what] for n in (FEW, MANY)]
        all_of_it, copies = (
            (callgrind(runs[1], function) - callgrind(runs[0], function)) / (MANY - FEW)
            for function in (None, "nand_copy")
        )
        name = f"enterprise-tlc, 4 KiB random {what}, {copies:.0f} of copying not counted"
        table.add_row(name, f"{all_of_it - copies:.0f}", "<= 1000")


def run() -> None:
    table = Table(
        "part", "instructions", "wanted", title="user instructions a 4 KiB read, null media, depth 32"
    )
    if perf([str(PROGRAMS / "bench_sim"), "1"]) is not None:
        table.add_row("all, by perf stat", f"{difference(perf, 'bench_sim'):.0f}", "<= 650")
    else:
        console.print(
            "perf stat cannot count instructions here (no counter in a virtual machine): callgrind does"
        )
    if shutil.which("valgrind"):
        for name, (function, want) in PARTS.items():
            table.add_row(name, f"{difference(callgrind, 'bench_sim', function):.0f}", want)
        flash(table)
    else:
        console.print("by part: not measured, valgrind is not installed (apt-get install valgrind)")
    console.print(table)
