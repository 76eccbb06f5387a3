# SPDX-License-Identifier: BSD-3-Clause
"""pytest tests/api --pciaddr=qemu:... -p tests.qemu.plugin: what known.py lists has to fail, everything else to pass.

Tests that never ask for the device under test (a machine made of files, software SSDs of their own, texts) are the same on any,
and are the business of the suite "api" alone: they are left out here, and the summary says how many.
"""
import gc
import sys

import pytest

from tests.qemu.known import KNOWN

_FOLDER = "tests/api/"
_key = pytest.StashKey()
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
    return not item.nodeid.startswith(_FOLDER) or "pciaddr" in item.fixturenames


def pytest_terminal_summary(terminalreporter, config):
    terminalreporter.write_line(
        f"{config.stash[_elsewhere]} tests of {_FOLDER} use no device of --pciaddr: they are run by the suite api alone"
    )


def _mark(items):
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
    """A known failure that is skipped shows nothing any more."""
    outcome = yield
    report = outcome.get_result()
    if _key in item.stash and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"tests/qemu/known.py lists {item.stash[_key].test}, which is skipped"


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_protocol(item):
    """What failed as expected keeps none of its objects alive: Python remembers the last exception, and its frames their queues."""
    yield
    if _key in item.stash:
        sys.last_type = sys.last_value = sys.last_traceback = None
        gc.collect()
