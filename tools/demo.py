#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Run the example scripts on a software SSD and show what happened."""
import pathlib
import sys

import pytest
from rich.console import Console
from rich.table import Table

ROOT = pathlib.Path(__file__).resolve().parent.parent


class Summary:
    """Collects each example's outcome while pytest runs, and prints the table."""

    def __init__(self, console):
        self.console = console
        self.rows = []

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_setup(self, item):
        title = (item.function.__doc__ or item.module.__doc__ or "").strip().split("\n")[0]
        self.console.rule(f"[bold]{item.name}", align="left")
        self.console.print(title, style="dim")

    def pytest_runtest_logreport(self, report):
        if report.when == "call" or report.outcome != "passed":
            shown = ", ".join(f"{value} {name}" for name, value in report.user_properties)
            self.rows.append((report.nodeid.split("::")[-1], report.outcome, report.duration, shown))
            if report.outcome != "passed":
                self.console.print(report.longreprtext, markup=False)

    def table(self):
        table = Table("example", "result", "seconds", "measured", title="nvproof on a software SSD")
        for name, outcome, seconds, shown in self.rows:
            colour = "green" if outcome == "passed" else "red"
            table.add_row(name, f"[{colour}]{outcome}", f"{seconds:.2f}", shown)
        self.console.print(table)


def main():
    console = Console(highlight=False)
    summary = Summary(console)
    code = pytest.main(
        ["-s", "-p", "no:cacheprovider", "-p", "no:terminal", *sys.argv[1:], str(ROOT / "examples")],
        plugins=[summary],
    )
    summary.table()
    if code == 0:
        console.print(
            "The same scripts run on a drive: pytest examples --pciaddr=0000:01:00.0 (see README.md)"
        )
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
