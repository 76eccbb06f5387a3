# SPDX-License-Identifier: BSD-3-Clause
"""Bad input and dying devices: a clear error within the timeout, and nothing left behind."""
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

import nvme as d
from nvproof.softssd import ControlError, SoftwareSSD


@pytest.fixture
def ssd():
    with SoftwareSSD(size="64M") as drive:
        yield drive


@pytest.fixture
def attached(ssd):
    pcie = d.Pcie(ssd.addrs[0])
    nvme0 = d.Controller(pcie)
    yield ssd, nvme0, d.Namespace(nvme0), d.Qpair(nvme0, 16)
    pcie.close()


def descriptors():
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize(
    "addr", ["nonsense", "vfu:", "vfu:/no/such.sock", "zz:00.0", "ff:1f.7", "vfu:" + "x" * 300]
)
def test_no_such_address(addr):
    d.Buffer()
    before = descriptors()
    with pytest.raises(d.NvmeEnumerateError) as e:
        d.Pcie(addr)
    assert str(e.value)
    assert descriptors() == before


def test_nobody_listens(tmp_path):
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(path)  # never listens
        with pytest.raises(d.NvmeEnumerateError):
            d.Pcie("vfu:" + path)


def test_somebody_else_listens(tmp_path):
    """Whoever accepts and says nothing does not hang us."""
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(path)
        s.listen()
        start = time.monotonic()
        with pytest.raises(d.NvmeEnumerateError):
            d.Pcie("vfu:" + path)
        assert time.monotonic() - start < 30


def test_second_client_is_refused(ssd):
    pcie = d.Pcie(ssd.addrs[0])
    with pytest.raises(d.NvmeEnumerateError):
        d.Pcie(ssd.addrs[0])
    d.Controller(pcie).getfeatures(7).waitdone()
    pcie.close()
    d.Pcie(ssd.addrs[0]).close()


@pytest.mark.parametrize("addr", ["", "ssd:", "ssd:?size=64M&ns=2"])
def test_private_drive(addr):
    """No address: the driver starts a software SSD itself, and ends it."""
    d.Buffer()  # the first one opens memory that stays
    before = descriptors()
    pcie = d.Pcie(addr)
    path = pcie.addr.removeprefix("vfu:")
    assert os.path.exists(path)
    nvme0 = d.Controller(pcie)
    d.Namespace(nvme0, 2 if "ns=2" in addr else 1)
    s = d.Subsystem(nvme0)
    s.power_cycle()
    nvme0.reset()
    pcie.close()
    for _ in range(100):
        if not os.path.exists(path):
            break
        time.sleep(0.05)
    assert not os.path.exists(os.path.dirname(path)) and descriptors() == before


@pytest.mark.parametrize("nsid", [0, 99, 0xFFFFFFFF])
def test_no_such_namespace(nvme0, nsid):
    with pytest.raises(d.NamespaceCreationError):
        d.Namespace(nvme0, nsid)
    nvme0.getfeatures(7).waitdone()


def test_closed_objects(ssd):
    pcie = d.Pcie(ssd.addrs[0])
    nvme0 = d.Controller(pcie)
    ns, qpair, buf = d.Namespace(nvme0), d.Qpair(nvme0, 8), d.Buffer(512)
    ns.read(qpair, buf, 0)
    pcie.close()
    pcie.close()
    assert pcie.closed and nvme0.closed
    for use in (
        lambda: nvme0[0],
        lambda: nvme0.cap,
        lambda: nvme0.getfeatures(7),
        lambda: nvme0.waitdone(),
        lambda: nvme0.reset(),
        lambda: nvme0.iostat(),
        lambda: ns.read(qpair, buf, 0),
        lambda: ns.id_data(7, 0),
        lambda: qpair.waitdone(),
        lambda: pcie[0],
        lambda: pcie.addr,
        lambda: pcie.flr(),
        lambda: d.Qpair(nvme0, 8),
        lambda: d.Namespace(nvme0),
    ):
        with pytest.raises(SystemError):
            use()
    with pytest.raises(d.NvmeEnumerateError):
        d.Controller(pcie)
    qpair.delete()
    ns.close()


def test_server_killed_before_a_wait(attached, caught):
    ssd, nvme0, ns, qpair = attached
    nvme0.timeout = 1000
    seen = []
    ssd.kill()
    for lba in range(4):
        ns.read(qpair, d.Buffer(512), lba, cb=lambda cpl: seen.append(cpl.status))
    start = time.monotonic()
    try:
        qpair.waitdone(4)
    except SystemError as e:
        assert "gone" in str(e)
    else:
        assert seen == [0x7FF] * 4
        assert [t for t in caught if t == "ERROR status: 07/ff"]
    assert time.monotonic() - start < 3
    with pytest.raises((SystemError, d.NvmeEnumerateError)):
        nvme0.reset()


def test_server_killed_in_the_middle(attached):
    ssd, nvme0, ns, qpair = attached
    nvme0.timeout = 1000
    buf = d.Buffer(4096)

    def again(cpl):
        if cpl.status == 0:
            ns.read(qpair, buf, 0, 8, cb=again)

    for _ in range(8):
        ns.read(qpair, buf, 0, 8, cb=again)
    killer = threading.Timer(0.2, ssd.kill)
    killer.start()
    start = time.monotonic()
    with pytest.raises((SystemError, AssertionError)), pytest.warns(UserWarning):
        qpair.waitdone(10**9)
        pytest.fail("it cannot end well")
    killer.join()
    assert time.monotonic() - start < 5


def test_server_stopped(attached, freeze):
    """A device that hangs: the driver ends each command at its timeout."""
    ssd, nvme0, ns, qpair = attached
    nvme0.timeout = 500
    seen = []
    freeze(ssd.pid)
    try:
        ns.read(qpair, d.Buffer(512), 0, cb=lambda cpl: seen.append(list(cpl)))
        cid = qpair.latest_cid
        start = time.monotonic()
        with pytest.warns(UserWarning) as warned:
            qpair.waitdone()
        took = time.monotonic() - start
    finally:
        os.kill(ssd.pid, signal.SIGCONT)
    texts = [str(w.message) for w in warned]
    assert texts == [f"drive timeout: qpair: {qpair.sqid}, cid: {cid}", "ERROR status: 07/ff"]
    assert len(seen) == 1 and seen[0][0] == 0xFFFFFFFF and seen[0][3] >> 17 & 0x7FF == 0x7FF
    assert 0.4 < took < 2
    nvme0.timeout = 10000
    nvme0.reset()
    ns.read(qpair, d.Buffer(512), 0).waitdone()


def test_interrupt_in_a_wait(attached, freeze):
    ssd, nvme0, ns, qpair = attached
    freeze(ssd.pid)
    try:
        ns.read(qpair, d.Buffer(512), 0)
        timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        start = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            qpair.waitdone()
        assert time.monotonic() - start < 2
        timer.join()
        nvme0.getfeatures(7)
        timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            nvme0.waitdone()
        timer.join()
    finally:
        os.kill(ssd.pid, signal.SIGCONT)
    nvme0.reset()
    ns.read(qpair, d.Buffer(512), 0).waitdone()


def test_other_threads_run_while_one_waits(attached, freeze):
    ssd, nvme0, ns, qpair = attached
    nvme0.timeout = 700
    freeze(ssd.pid)
    ticks, stop = [0], threading.Event()

    def tick():
        while not stop.is_set():
            ticks[0] += 1
            time.sleep(0.005)

    thread = threading.Thread(target=tick)
    thread.start()
    try:
        ns.read(qpair, d.Buffer(512), 0)
        with pytest.warns(UserWarning, match="drive timeout"):
            qpair.waitdone()
    finally:
        stop.set()
        thread.join()
        os.kill(ssd.pid, signal.SIGCONT)
    assert ticks[0] > 30


def test_control_socket(ssd):
    assert ssd.control("info")
    with pytest.raises(ControlError, match="Method not found"):
        ssd.control("no_such_method")
    ssd.kill()
    with pytest.raises(ControlError):
        ssd.control("info")


def test_server_does_not_start(tmp_path):
    with pytest.raises(RuntimeError, match="nvproof-ssd: "):
        SoftwareSSD(size="nonsense")
    image = tmp_path / "image"
    with SoftwareSSD(size="16M", image=image):
        with pytest.raises(RuntimeError, match="nvproof-ssd: "):
            SoftwareSSD(size="16M", image=image)
    with pytest.raises(RuntimeError, match="nvproof-ssd: "):
        SoftwareSSD(size="1G", image=image)


SCRIPT = """
import sys, nvme as d
from nvproof.softssd import SoftwareSSD
ssd = SoftwareSSD(size="16M")
nvme0 = d.Controller(d.Pcie(ssd.addrs[0]))
ns, qpair = d.Namespace(nvme0), d.Qpair(nvme0, 8)
ns.read(qpair, d.Buffer(512), 0)
print(ssd.pid, ssd._dir, flush=True)
{end}
"""


@pytest.mark.parametrize(
    "end",
    ["", "raise ValueError", "import os; os._exit(3)", "os = __import__('os'); os.kill(os.getpid(), 9)"],
)
def test_nothing_is_left(end):
    """However a script ends, its software SSD ends too and takes its sockets along."""
    out = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(end=end)], capture_output=True, text=True, timeout=30
    )
    pid, path = out.stdout.split()
    for _ in range(100):
        if not os.path.exists(f"/proc/{pid}") and not os.path.exists(path):
            break
        time.sleep(0.05)
    assert not os.path.exists(f"/proc/{pid}")
    assert not os.path.exists(path)


def test_import_does_nothing():
    """No descriptor, no thread, no process; as any user."""
    code = (
        "import os; n = len(os.listdir('/proc/self/fd')); import nvme, nvproof; "
        "assert len(os.listdir('/proc/self/fd')) == n; assert len(os.listdir('/proc/self/task')) == 1"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
