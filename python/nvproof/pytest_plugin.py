# SPDX-License-Identifier: BSD-3-Clause
"""The pytest layer: options, the fixtures that test scripts use, and what a session leaves in its folder of results.

Without --pciaddr a private software SSD is started once for the session; each test attaches to it and detaches.  A session whose tests
use no device is let alone: nothing is written, nothing is served.
"""
import inspect
import logging
import os
import random
import time
from collections.abc import Generator, Iterator
from typing import Any

import pytest

import nvproof as d
from nvproof import _native, controller, iow_save, pcilink, rpc, session
from nvproof.faults import SimSsd, Ssd
from nvproof.softssd import SoftwareSSD

_QPAIR_DEPTH = 1024
_SSD_SIZE = "1G"
_COMMANDS = 50  # in the report of a failed test
_FIXTURES = {"pciaddr", "pcie", "ssd", "nvme0", "subsystem", "nvme0n1", "qpair", "verify", "tcg"}

log = logging.getLogger("nvproof")

_session = pytest.StashKey[session.Session]()
_rpc = pytest.StashKey[rpc.Server]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """--pciaddr and others; each but that one also as a line of pytest.ini."""
    group = parser.getgroup("nvproof")
    group.addoption(
        "--pciaddr",
        action="store",
        default="",
        help="the device to test, for example vfu:/path.sock (default: a private software SSD)",
    )
    group.addoption(
        "--allow-noiommu",
        action="store_true",
        help="use a PCI function even without an IOMMU: it could then write anywhere into memory",
    )
    group.addoption(
        "--results",
        metavar="DIR",
        help="where each run gets its folder of results (default: results; off: none; ini nvproof_results)",
    )
    group.addoption(
        "--cmdlog",
        type=int,
        metavar="N",
        help=f"how many NVMe commands to show of a test that failed (default: {_COMMANDS}; ini nvproof_cmdlog)",
    )
    group.addoption(
        "--srand",
        type=lambda text: int(text, 0),
        metavar="SEED",
        help="the seed of each test's random numbers, to repeat a run (default: another one each time; the log has it)",
    )
    group.addoption(
        "--rpc",
        metavar="PATH",
        help=f"serve JSON-RPC there while tests run (default: {rpc.PATH}; off: not at all; ini nvproof_rpc)",
    )
    parser.addini("nvproof_results", "as --results", default="results")
    parser.addini("nvproof_cmdlog", "as --cmdlog", default=str(_COMMANDS))
    parser.addini("nvproof_rpc", "as --rpc", default=rpc.PATH)


def pytest_configure(config: pytest.Config) -> None:
    """Before the first buffer."""
    if config.getoption("--allow-noiommu") and pcilink.is_real(config.getoption("--pciaddr") or ""):
        pcilink.use_physical_addresses()


def _setting(config: pytest.Config, name: str) -> str:
    """An option, or its line of the ini file."""
    value = config.getoption(f"--{name}")
    if name == "results" and value is None:
        value = os.environ.get("NVPROOF_RESULTS") or None
    return str(config.getini(f"nvproof_{name}") if value is None else value)


def _uses_device(item: pytest.Item) -> bool:
    """Whether a test has one of our fixtures, or its module something of this package."""
    if _FIXTURES & set(getattr(item, "fixturenames", ())):
        return True
    names = vars(getattr(item, "module", None) or object).values()
    return any(
        str(getattr(value, "__module__", None) or getattr(value, "__name__", "")).split(".")[0]
        in ("nvproof", "nvme")
        for value in names
    )


def _log_milliseconds(config: pytest.Config) -> None:
    """Log lines on the terminal with milliseconds, unless somebody chose a format."""
    chosen = {"log_format", "log_cli_format"} & set(config.inicfg) or config.getoption("--log-format", None)
    logging_plugin = config.pluginmanager.get_plugin("logging-plugin")
    if chosen or logging_plugin is None:
        return
    formatter = logging.Formatter(session.LOG_FORMAT, session.LOG_DATE)
    for name in ("log_cli_handler", "caplog_handler", "report_handler"):
        handler = getattr(logging_plugin, name, None)
        if handler is not None:
            handler.setFormatter(formatter)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Begin the folder of results and JSON-RPC, if there are tests of a device."""
    config = session.config
    if config.option.collectonly or not any(_uses_device(item) for item in session.items):
        return
    _begin(config)


def _begin(config: pytest.Config) -> None:
    _log_milliseconds(config)
    base = _setting(config, "results")
    if base != "off" and _session not in config.stash:
        device = config.getoption("--pciaddr") or f"ssd:?size={_SSD_SIZE}"
        one = session.Session(config, base, int(_setting(config, "cmdlog")), device, d.__version__)
        config.stash[_session] = one
        config.pluginmanager.register(one, "nvproof-session")
    path = _setting(config, "rpc")
    if path != "off" and _rpc not in config.stash:
        try:
            config.stash[_rpc] = rpc.Server(path)
        except OSError as e:
            log.info("no JSON-RPC in this session: %s", e)


def pytest_unconfigure(config: pytest.Config) -> None:
    """The end of the session."""
    if _rpc in config.stash:
        config.stash[_rpc].close()
        del config.stash[_rpc]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, None]:
    """`nvproof log` shows which test runs."""
    _native.cmdlog_title(item.nodeid)
    yield
    _native.cmdlog_title(None)


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Generator[None, Any, None]:
    """Each phase's report is an attribute of the item: rep_setup, rep_call, rep_teardown.  A failed one gets its commands."""
    outcome = yield
    report = outcome.get_result()
    setattr(item, f"rep_{report.when}", report)
    if report.failed and _session in item.config.stash:
        item.config.stash[_session].attach_commands(item, report)


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
    seed = request.config.getoption("--srand")
    d.srand(random.SystemRandom().getrandbits(32) if seed is None else seed)
    start = time.monotonic()
    yield
    log.info("%s: %.3f s", request.node.name, time.monotonic() - start)


@pytest.fixture(scope="session")
def pciaddr(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of the device under test."""
    addr = request.config.getoption("--pciaddr")
    if addr and addr not in ("ssd", "ssd:"):
        if pcilink.is_real(addr) and request.config.getoption("--allow-noiommu"):
            addr += ("&" if "?" in addr else "?") + "noiommu"
        yield addr
        return
    with SoftwareSSD(size=_SSD_SIZE) as ssd:
        yield ssd.addrs[0]


@pytest.fixture
def pcie(request: pytest.FixtureRequest, pciaddr: str) -> Iterator[d.Pcie]:
    """The device, closed after the test."""
    base = _setting(request.config, "results")
    device = d.Pcie(pciaddr, logdir=os.path.abspath("results" if base == "off" else base))
    yield device
    device.close()


@pytest.fixture
def ssd(pcie: d.Pcie) -> Iterator[Ssd]:
    """The inside of the software SSD: ssd.fault("cqe-lost,opc=read").  What is armed ends with the test.

    On another device the test is skipped.
    """

    def power_lost() -> None:  # data verification: what was not flushed may be old
        for nvme in [c for c in controller.live if c.pcie is pcie and not c.closed]:
            nvme._power_event(True)

    if pcie.addr.startswith("sim:"):
        inside: Ssd = SimSsd(pcie, power_lost)
    elif pcie.addr.startswith("vfu:") and os.path.exists(pcie.addr[4:] + ".ctl"):
        inside = Ssd(pcie.addr[4:] + ".ctl", power_lost)
    else:
        pytest.skip(f"{pcie.addr} has no control socket: firmware bugs on request are the software SSD's")
    yield inside
    inside.clear()
    inside.power(True)  # a fault may have pulled it


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
def tcg(nvme0: d.Controller) -> d.Tcg:
    """The TCG storage security of the drive; skipped when it has none."""
    found = d.Tcg(nvme0)
    if not found.feature_list:
        pytest.skip("the drive has no TCG storage security: no answer to Level 0 Discovery")
    return found


@pytest.fixture
def aer() -> None:
    """Removed."""
    assert False, "fixture aer was removed: use nvme0.aer()"


@pytest.fixture(autouse=True)
def ioworker_results(request: pytest.FixtureRequest) -> Iterator[None]:
    """What ioworkers measure is saved in the folder of results, under the name of the test."""
    if _setting(request.config, "results") != "off":
        iow_save.enable(request.node.name)
    else:
        iow_save.disable()
    yield
    iow_save.disable()
