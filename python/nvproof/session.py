# SPDX-License-Identifier: BSD-3-Clause
"""What a pytest session with device tests leaves in its folder of results, as a plugin that the plugin registers.

    pytest.log          all log lines, with milliseconds
    junit.xml           for machines
    report.html         for people
    TEST-commands.txt   of a test that failed: the commands that it sent, of all queues, in time order
"""
import logging
import os
import time
from typing import Any

import pytest

from . import report as reports
from . import results

LOG_FORMAT = "%(asctime)s.%(msecs)03d %(levelname)-7s %(name)s: %(message)s"
LOG_DATE = "%Y-%m-%d %H:%M:%S"
_STATUS = {"passed": "passed", "failed": "failed", "skipped": "skipped"}

log = logging.getLogger("nvproof")


class Session:
    """Collects what the tests of a session do.  base: the folder of results; count: commands in the report of a failed test."""

    def __init__(self, config: pytest.Config, base: str, count: int, device: str, version: str) -> None:
        self.base = os.path.abspath(base)  # a test may change the working directory
        self.folder = results.folder(self.base)
        self._config = config
        self._count = count
        self._run = reports.Run(time.time(), device, version)
        self._begun = time.monotonic()
        self._by_id: dict[str, reports.Result] = {}
        self._since = time.time_ns(), time.monotonic_ns()
        self._handler = logging.FileHandler(os.path.join(self.folder, "pytest.log"), encoding="utf-8")
        self._handler.setFormatter(logging.Formatter(LOG_FORMAT, LOG_DATE))
        logging.getLogger().addHandler(self._handler)
        self._level = logging.getLogger().level
        if self._level > logging.INFO:
            logging.getLogger().setLevel(logging.INFO)
        log.info("nvproof %s, device %s", version, device)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """A test begins."""
        self._since = time.time_ns(), time.monotonic_ns()
        self._by_id[nodeid] = result = reports.Result(nodeid)
        self._run.results.append(result)
        log.info("=== %s", nodeid)

    def attach_commands(self, item: pytest.Item, outcome: Any) -> None:
        """Save the commands of a test that failed, and attach the last of them to its report."""
        result = self._by_id.get(item.nodeid)
        if result is None or result.commands_file:
            return
        last, text = reports.commands(*self._since, self._count)
        if not text:
            return
        name = results.safe_name(item.nodeid.replace("/", ".")) + "-commands.txt"
        with open(results.path(self.base, name), "w", encoding="utf-8") as f:
            f.write(text)
        result.commands_file = name
        where = os.path.relpath(os.path.join(self.folder, name))
        title = f"NVMe commands: the last {len(last)} of {text.count(chr(10))}, all in {where}"
        body = "\n".join(command.text for command in last)
        if hasattr(outcome.longrepr, "addsection"):
            outcome.longrepr.addsection(title, body)
        else:
            outcome.sections.append((title, body))

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One phase of a test is over."""
        result = self._by_id.get(report.nodeid)
        if result is None:
            return
        result.duration_s += report.duration
        if report.when == "call" or report.outcome != "passed":
            self._judge(result, report)
        if report.when == "call":
            result.properties = [(str(name), str(value)) for name, value in report.user_properties]
        if report.when == "teardown":
            result.sections = [(title, text) for title, text in report.sections if text.strip()]
            log.info("=== %s: %s, %.3f s", result.nodeid, result.outcome, result.duration_s)

    def _judge(self, result: reports.Result, phase: pytest.TestReport) -> None:
        outcome = _STATUS[phase.outcome]
        if outcome == "skipped" and hasattr(phase, "wasxfail"):
            outcome = "xfailed"
        if outcome == "failed" and phase.when != "call":
            outcome = "error"
        if result.outcome in ("failed", "error"):  # the first reason is the one to show
            return
        result.outcome = outcome
        if isinstance(phase.longrepr, tuple):  # of a skip: file, line, reason
            result.message = result.details = str(phase.longrepr[2])
        elif phase.longrepr is not None:
            result.details = phase.longreprtext
            crash = getattr(phase.longrepr, "reprcrash", None)
            result.message = (crash.message if crash else result.details.strip()).split("\n")[0][:300]

    def pytest_sessionfinish(self) -> None:
        """All tests are over: write the reports."""
        self._run.duration_s = time.monotonic() - self._begun
        with open(results.path(self.base, "junit.xml"), "wb") as f:
            f.write(reports.junit(self._run))
        with open(results.path(self.base, "report.html"), "w", encoding="utf-8") as page:
            page.write(reports.page(self._run))

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say where it all is."""
        terminalreporter.write_line(f"results: {os.path.relpath(self.folder)}")

    def pytest_unconfigure(self) -> None:
        """Take the log file away."""
        logging.getLogger().removeHandler(self._handler)
        logging.getLogger().setLevel(self._level)
        self._handler.close()
