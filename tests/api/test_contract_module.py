# SPDX-License-Identifier: BSD-3-Clause
"""The module itself: names, defaults, an import without side effects, an interrupt, and the two dialects of scripts."""
import inspect
import logging
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

import pytest

import nvme as d
from nvproof.softssd import SoftwareSSD

CORE = "Controller Namespace Buffer Qpair Pcie Subsystem IOWorker Tcp Tcg srand".split()
META = "IOCQ IOSQ PRP PRPList SQE CQE SGL SegmentSGL LastSegmentSGL DataBlockSGL BitBucketSGL".split()
ERRORS = """NvmeEnumerateError NvmeDeletionError NvmeShutdownStatusTimeoutError QpairCreationError QpairDeletionError
    NamespaceCreationError NamespaceDeletionError""".split()


def python(code, **more):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100, **more)


# --- names ---


@pytest.mark.parametrize("name", CORE + META + ERRORS)
def test_names(name):
    """In nvme and in nvproof, and the same there; exceptions are exceptions and none is another one's kind."""
    import nvproof

    assert getattr(d, name) is getattr(nvproof, name) and name in d.__all__
    if name in ERRORS:
        cls = getattr(d, name)
        assert issubclass(cls, Exception) and not any(
            issubclass(cls, getattr(d, e)) for e in ERRORS if e != name
        )


def test_versions():
    assert isinstance(d.__version__, str) and d.__version__[0].isdigit()
    assert isinstance(d.__author__, str) and d.__author__


def test_old_names_of_metamode():
    """Where pynvme 2's scripts import them from, and both at once with a folder `scripts` of the user."""
    import psd
    from scripts.psd import CQE, IOCQ, IOSQ, PRP, SQE, PRPList

    assert (IOCQ, IOSQ, PRP, PRPList, SQE, CQE) == (d.IOCQ, d.IOSQ, d.PRP, d.PRPList, d.SQE, d.CQE)
    assert psd.IOCQ is d.IOCQ and psd.PRPList is d.PRPList


def test_own_scripts_folder(tmp_path):
    """A user's own package folder `scripts` does not hide scripts.psd."""
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "mine.py").write_text("answer = 42\n")
    p = python(
        "from scripts.mine import answer; from scripts.psd import IOCQ; print(answer, IOCQ)", cwd=tmp_path
    )
    assert p.stdout.startswith("42 "), p.stderr


def test_srand(caplog):
    """The same seed, the same numbers: of Python, and of buffers; the log has the seed in hexadecimal."""

    def numbers():
        return random.random(), d.Buffer(64, ptype=0xBEEF, pvalue=100)[:]

    with caplog.at_level(logging.INFO, "nvproof"):
        d.srand(0xC0FFEE)
    first = numbers()
    assert "0xc0ffee" in caplog.text
    assert numbers() != first
    d.srand(0xC0FFEE)
    assert numbers() == first
    d.srand(1)
    assert numbers() != first


def test_timeout_is_the_default(nvme0):
    """Ten seconds: of a command, and of all that waits for one."""
    assert d._cTIMEOUT == 10 and nvme0.timeout == 10_000
    for function in (d.IOCQ.waitdone, d.IOCQ.wait_pbit, d.Subsystem.shutdown_notify):
        assert inspect.signature(function).parameters["timeout"].default == d._cTIMEOUT
    assert inspect.signature(d.Qpair.wait_msix).parameters["timeout"].default == d._cTIMEOUT


# --- import ---

IMPORT = """
import os, signal, sys, threading
before = set(os.listdir("/proc/self/fd")), {s: signal.getsignal(s) for s in signal.Signals}
maps = open("/proc/self/maps").read().count("memfd")
import nvme, nvproof.pytest_plugin, scripts.psd, psd
assert {s: signal.getsignal(s) for s in signal.Signals} == before[1]
assert set(os.listdir("/proc/self/fd")) == before[0]
assert open("/proc/self/maps").read().count("memfd") == maps
assert threading.active_count() == 1 and os.listdir(".") == []
print("nothing happened")
"""


def test_import_has_no_side_effect(tmp_path):
    """No file, thread, descriptor, memory, or signal handler."""
    p = python(IMPORT, cwd=tmp_path)
    assert p.stdout == "nothing happened\n", p.stderr


def test_import_needs_no_privilege():
    """As a user who may do nothing; the module was found by root, maybe in a folder that others may not read."""
    if os.getuid():
        pytest.skip("this is no root: all tests run without privilege")
    code = "import nvme, os; os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
    code += "b = nvme.Buffer(8192); b[0] = 1; print(len(b), os.getuid())"
    p = python(code)
    assert p.stdout == "8192 65534\n", p.stderr


def test_collect_only_needs_no_device(tmp_path):
    """An address where nothing is does not disturb `pytest --collect-only`."""
    (tmp_path / "test_x.py").write_text("import nvme as d\ndef test_x(nvme0, qpair): pass\n")
    words = ["-m", "pytest", "-q", "--collect-only", "--pciaddr=vfu:/no/such.sock", "-p", "no:cacheprovider"]
    p = subprocess.run([sys.executable, *words], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert p.returncode == 0 and "test_x" in p.stdout


# --- an interrupt ---

WAITING = """
import sys
import nvme as d
nvme0 = d.Controller(d.Pcie(sys.argv[1]))
qpair = d.Qpair(nvme0, 8)
cq = d.IOCQ(nvme0, 5, 8, d.PRP())
print("ready", flush=True)
WAIT
"""


@pytest.mark.parametrize(
    "wait",
    [
        "cq.waitdone(1, timeout=60)",
        "nvme0.timeout_pynvme = 60; nvme0.waitdone(1)",
        "qpair.wait_int(60)",
        "d.Namespace(nvme0).ioworker(io_size=8, time=60).start().close()",
    ],
)
def test_interrupt(wait):
    """Ctrl-C during a wait is a KeyboardInterrupt, at once, and the device is closed in order: disabled, free for the next."""
    with SoftwareSSD(size="64M") as ssd:
        p = subprocess.Popen(
            [sys.executable, "-c", WAITING.replace("WAIT", wait), ssd.addrs[0]],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert p.stdout.readline() == "ready\n"
        time.sleep(0.3)
        start = time.monotonic()
        p.send_signal(signal.SIGINT)
        _, err = p.communicate(timeout=50)
        assert time.monotonic() - start < 20
        assert p.returncode == -signal.SIGINT and "KeyboardInterrupt" in err
        pcie = d.Pcie(ssd.addrs[0])
        raw = d.Controller(pcie, True)
        assert raw[0x14] & 1 == 0 and raw[0x1C] & 1 == 0  # CC.EN, CSTS.RDY
        d.Controller(pcie).getfeatures(7).waitdone()
        pcie.close()


# --- small things of the table ---


@pytest.mark.parametrize(
    "make", [lambda: d.Tcp("127.0.0.1", port=4420), lambda: d.Pcie("127.0.0.1", port=4420)]
)
def test_tcp_that_is_not_there(make):
    """A clear error."""
    with pytest.raises(d.NvmeEnumerateError) as e:
        make()
    assert "tcp:127.0.0.1:4420" in str(e.value) or "127.0.0.1" in str(e.value)


def test_config_is_obsolete(caplog):
    """It may be called, does nothing, and the log says so."""
    with caplog.at_level(logging.WARNING, "nvproof"):
        d.Pcie._config(verify=True, ioworker_terminate=True)
    assert caplog.text.count("obsolete") == 2
    d.Pcie._config()


# --- the dialects: pynvme 2 on the left, PyNVMe3 on the right ---


def test_ioworker_positional(nvme0, nvme0n1):
    """io_size first, or the queue pair first."""
    r = nvme0n1.ioworker(8, io_count=10).start().close()
    assert r.io_count_read == 10 and r.error == 0
    qpair = d.Qpair(nvme0, 16)
    r = nvme0n1.ioworker(qpair, 8, io_count=10, qdepth=15).start().close()
    assert r.io_count_read == 10 and r.error == 0
    qpair.delete()


def test_extra_dwords(nvme0n1, qpair, buf):
    """dword13= and cdw13=."""
    for name in ("dword13", "cdw13"):
        seen = []
        nvme0n1.read(
            qpair, buf, 0, cb=lambda cpl: seen.append(qpair.get_cmd(cpl)[13]), **{name: 0x51}
        ).waitdone()
        assert seen == [0x51]


def test_cmdlog_is_a_list(nvme0, nvme0n1, qpair, buf):
    """list[str], the newest first, with offset and count."""
    for lba in range(5):
        nvme0n1.read(qpair, buf, lba).waitdone()
    lines = qpair.cmdlog(3, offset=1)
    assert [line.split("slba:")[1].split()[0] for line in lines] == ["3", "2", "1"]
    assert nvme0.cmdlog(3, 1, qpair.sqid) == lines and len(qpair.cmdlog()) == 5
    assert "Read" in nvme0.cmdlog_merged(1, qpair)[0] and nvme0.cmdlog_merged(1, qpair) == qpair.cmdlog(1)


def test_dump_returns_text(buf, capsys):
    assert isinstance(buf.dump(16), str) and "pynvme buffer" in buf.dump(16)
    assert capsys.readouterr().out == ""


def test_power_cycle_default():
    assert inspect.signature(d.Subsystem.power_cycle).parameters["sec"].default == 15


def test_reset_with_and_without_qpairs(nvme0, nvme0n1, buf):
    """Queue pairs are deleted by the script first, or are there again afterwards."""
    qpair = d.Qpair(nvme0, 8)
    nvme0.reset()
    nvme0n1.read(qpair, buf, 0).waitdone()
    qpair.delete()
    nvme0.reset()
    again = d.Qpair(nvme0, 8)
    nvme0n1.read(again, buf, 0).waitdone()
    again.delete()


def test_cq_of_a_sq(nvme0):
    """cqid= and cq=; prp= and prp1=."""
    for words in ({"cqid": 3}, {"cq": 3}, {"cq": None}):
        cq = d.IOCQ(nvme0, 3, 8, prp=d.PRP())
        words = {"cq": cq} if words == {"cq": None} else words
        sq = d.IOSQ(nvme0, 4, 8, prp1=d.PRP(), **words)
        sq.flush(cid=1, nsid=1)
        sq.tail = 1
        cq.waitdone(1)
        sq.delete()
        cq.delete()


def test_reset_by_the_user(pcie, nvme0):
    """Pcie.reset(fn), and pcie_rescan_func."""
    called = []
    pcie.reset(lambda: called.append("reset"))
    pcie.pcie_rescan_func = lambda: called.append("rescan")
    pcie.reset()
    pcie.rescan()
    nvme0.reset()
    assert called == ["reset", "rescan", "rescan"]


def test_callback_with_one_or_two_arguments(nvme0, buf):
    """(cdw0, status1) with the phase bit in status1, or one completion of four dwords."""
    seen = []
    expected = nvme0.getfeatures(7, cb=lambda cdw0, status1: seen.append((cdw0, status1))).waitdone()
    nvme0.getfeatures(7, cb=lambda cpl: seen.append(list(cpl))).waitdone()
    (cdw0, status1), dwords = seen
    assert cdw0 == expected == dwords[0] and status1 >> 1 == 0 and len(dwords) == 4 and dwords[3] >> 17 == 0


def test_make_takes_tests_and_device():
    """`make test TESTS=... pciaddr=...` runs these tests on that device."""
    root = pathlib.Path(__file__).resolve().parent.parent.parent
    p = subprocess.run(
        ["make", "-n", "test", "TESTS=examples/test_hello.py::test_hello_world", "pciaddr=vfu:/x"],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "pytest examples/test_hello.py::test_hello_world --pciaddr=vfu:/x" in p.stdout, p.stderr
