# SPDX-License-Identifier: BSD-3-Clause
"""pytest tests/api --pciaddr=qemu:... -p tests.qemu.plugin: what known.py lists has to fail, everything else to pass."""
import pytest

from tests.qemu.known import KNOWN

_FOLDER = "tests/api/"
_key = pytest.StashKey()


def pytest_addoption(parser):
    parser.addoption(
        "--part", default="1/1", help="N/M: every M-th test from the N-th on, for several runs at once"
    )


def pytest_collection_modifyitems(config, items):
    """Entries become strict expected failures.  One whose test is gone, though its file was collected, is an error."""
    _mark(items)
    part, parts = map(int, config.getoption("--part").split("/"))
    config.hook.pytest_deselected(items=[item for i, item in enumerate(items) if i % parts != part - 1])
    items[:] = items[part - 1 :: parts]


def _mark(items):
    items_by_name = {item.nodeid.removeprefix(_FOLDER): item for item in items}
    files = {name.split("::")[0] for name in items_by_name}
    for known in KNOWN:
        item = items_by_name.get(known.test)
        if item is None:
            if known.test.split("::")[0] in files and not any("::" in arg for arg in _arguments(items)):
                raise pytest.UsageError(f"tests/qemu/known.py: there is no test {known.test}")
            continue
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
