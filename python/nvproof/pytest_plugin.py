# SPDX-License-Identifier: BSD-3-Clause
"""The pytest layer: option --pciaddr, and the fixtures that test scripts use.

Without --pciaddr a private software SSD is started once for the session; each test attaches to it and detaches.
"""
import inspect
import logging
import random
import time
from collections.abc import Generator, Iterator
from typing import Any

import pytest

import nvproof as d
from nvproof import iow_save
from nvproof.softssd import SoftwareSSD

_QPAIR_DEPTH = 1024
_SSD_SIZE = "1G"

log = logging.getLogger("nvproof")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("nvproof")
    group.addoption(
        "--pciaddr",
        action="store",
        default="",
        help="the device to test, for example vfu:/path.sock (default: a private software SSD)",
    )


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Generator[None, Any, None]:
    """Each phase's report is an attribute of the item: rep_setup, rep_call, rep_teardown."""
    outcome = yield
    report = outcome.get_result()
    setattr(item, f"rep_{report.when}", report)


def _is_empty(function: Any) -> bool:
    """Whether a test is only a docstring and `pass`."""
    try:
        lines = [line.strip() for line in inspect.getsource(function).splitlines()]
    except (OSError, TypeError):
        return False
    code = getattr(function, "__code__", None)
    return lines[-1:] == ["pass"] and code is not None and not code.co_names and not code.co_varnames


@pytest.fixture(autouse=True)
def script(request: pytest.FixtureRequest) -> Iterator[None]:
    """Around each test: skip an empty one, seed the random numbers, log how long it took."""
    if _is_empty(getattr(request.node, "function", None)):
        pytest.skip("empty test")
    d.srand(random.SystemRandom().getrandbits(32))
    start = time.monotonic()
    yield
    log.info("%s: %.3f s", request.node.name, time.monotonic() - start)


@pytest.fixture(scope="session")
def pciaddr(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of the device under test."""
    addr = request.config.getoption("--pciaddr")
    if addr and addr not in ("ssd", "ssd:"):
        yield addr
        return
    with SoftwareSSD(size=_SSD_SIZE) as ssd:
        yield ssd.addrs[0]


@pytest.fixture
def pcie(pciaddr: str) -> Iterator[d.Pcie]:
    """The device, closed after the test."""
    device = d.Pcie(pciaddr)
    yield device
    device.close()


@pytest.fixture
def nvme0(pcie: d.Pcie) -> d.Controller:
    """The controller, brought up."""
    return d.Controller(pcie)


@pytest.fixture
def subsystem(nvme0: d.Controller) -> d.Subsystem:
    """The NVM subsystem: reset and power."""
    return d.Subsystem(nvme0)


@pytest.fixture
def nvme0n1(nvme0: d.Controller) -> Iterator[d.Namespace]:
    """Namespace 1, closed after the test."""
    namespace = d.Namespace(nvme0, 1)
    yield namespace
    namespace.close()


@pytest.fixture
def qpair(nvme0: d.Controller) -> Iterator[d.Qpair]:
    """A queue pair with 1,024 entries, or as many as the controller has, deleted after the test."""
    pair = d.Qpair(nvme0, min(_QPAIR_DEPTH, (nvme0.cap & 0xFFFF) + 1))
    yield pair
    pair.delete()


@pytest.fixture(scope="session")
def buf() -> d.Buffer:
    """4,096 bytes for everybody."""
    return d.Buffer(4096, "pynvme buffer")


@pytest.fixture
def verify(nvme0n1: d.Namespace) -> bool:
    """Data verification is on; False: there is too little memory for it."""
    return nvme0n1.verify_enable(True)


@pytest.fixture
def aer() -> None:
    """Removed."""
    assert False, "fixture aer was removed: use nvme0.aer()"


@pytest.fixture(autouse=True)
def ioworker_results(request: pytest.FixtureRequest) -> Iterator[None]:
    """What ioworkers measure is saved in the folder of results, under the name of the test."""
    iow_save.enable(request.node.name)
    yield
    iow_save.disable()
