# SPDX-License-Identifier: BSD-3-Clause
"""pytest tests/api --pciaddr=qemu:... -p tests.qemu.plugin: what known.py lists has to fail, what absent.py lists is skipped, and
everything else has to pass.

Tests that never ask for the device under test (a machine made of files, software SSDs of their own, texts), or that ask for the inside
of a software SSD, are the business of the suite "api" alone: they are left out here, and the summary says how many.
"""
import fnmatch
import gc
import sys

import pytest

from tests.qemu.absent import ABSENT
from tests.qemu.known import KNOWN

_FOLDER = "tests/api/"
_key = pytest.StashKey()
_absent = pytest.StashKey()
_elsewhere = pytest.StashKey()


def pytest_addoption(parser):
    parser.addoption(
        "--part", default="1/1", help="N/M: every M-th test from the N-th on, for several runs at once"
    )


def pytest_collection_modifyitems(config, items):
    """Entries become strict expected failures.  One whose test is gone, though its file was collected, is an error."""
    _mark(items)
    mine = [item for item in items if _is_for_device(item)]
    config.stash[_elsewhere] = len(items) - len(mine)
    part, parts = map(int, config.getoption("--part").split("/"))
    chosen = mine[part - 1 :: parts]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(chosen)])
    items[:] = chosen


def _is_for_device(item):
    """Whether a test of the contract uses the device that --pciaddr names."""
    names = item.fixturenames
    return not item.nodeid.startswith(_FOLDER) or ("pciaddr" in names and "ssd" not in names)


def pytest_terminal_summary(terminalreporter, config):
    terminalreporter.write_line(
        f"{config.stash.get(_elsewhere, 0)} tests of {_FOLDER} are no business of this device: they are run by the suite api alone"
    )


def _mark(items):
    _mark_known(items)
    _mark_absent(items)


def _mark_absent(items):
    """Which entry explains that a test is skipped; an entry without a test, though all files were collected, is an error."""
    names = {item.nodeid.removeprefix(_FOLDER): item for item in items if _is_for_device(item)}
    for entry in ABSENT:
        for pattern in entry.tests:
            found = fnmatch.filter(names, pattern)
            if not found and any(arg.rstrip("/") == "tests/api" for arg in _arguments(items)):
                raise pytest.UsageError(f"tests/qemu/absent.py: there is no test {pattern}")
            for name in found:
                names[name].stash[_absent] = entry


def _mark_known(items):
    items_by_name = {item.nodeid.removeprefix(_FOLDER): item for item in items}
    files = {name.split("::")[0] for name in items_by_name}
    for known in KNOWN:
        item = items_by_name.get(known.test)
        if item is None:
            if known.test.split("::")[0] in files and not any("::" in arg for arg in _arguments(items)):
                raise pytest.UsageError(f"tests/qemu/known.py: there is no test {known.test}")
            continue
        if not _is_for_device(item):
            raise pytest.UsageError(f"tests/qemu/known.py: {known.test} uses no device of --pciaddr")
        reason = f"QEMU {known.does}. {known.spec}"
        item.stash[_key] = known
        item.add_marker(pytest.mark.xfail(strict=known.always, reason=reason))
        if known.limit_s:
            item.add_marker(pytest.mark.timeout(known.limit_s, func_only=True))


def _arguments(items):
    return items[0].config.args if items else []


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_makereport(item):
    """A known failure that is skipped shows nothing any more; a test is skipped exactly where absent.py says so."""
    outcome = yield
    report = outcome.get_result()
    skipped = report.skipped and not hasattr(report, "wasxfail")
    if skipped and _key in item.stash:
        _fail(report, f"tests/qemu/known.py lists {item.stash[_key].test}, which is skipped")
    elif skipped and item.nodeid.startswith(_FOLDER) and _absent not in item.stash:
        _fail(report, f"tests/qemu/absent.py does not list what is skipped: {report.longrepr[2]}")
    elif report.when == "call" and report.passed and _absent in item.stash:
        _fail(report, f"tests/qemu/absent.py says: {item.stash[_absent].what}; but the test passes")


def _fail(report, why):
    report.outcome, report.longrepr = "failed", why


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_protocol(item):
    """What failed as expected keeps none of its objects alive: Python remembers the last exception, and its frames their queues."""
    yield
    if _key in item.stash:
        sys.last_type = sys.last_value = sys.last_traceback = None
        gc.collect()
