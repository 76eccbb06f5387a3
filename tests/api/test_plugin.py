# SPDX-License-Identifier: BSD-3-Clause
"""The pytest layer, from outside: options, fixtures, the folder of results, reports of tests that fail."""
import re
import subprocess
import sys
import textwrap
import xml.etree.ElementTree as ElementTree

import pytest

from nvproof import programs


class Folder:
    """A user's folder with a test script; run() is what the user types."""

    def __init__(self, path):
        self.path = path

    def run(self, script, *options, status=0, rpc="off"):
        (self.path / "test_user.py").write_text("import nvme as d\nimport pytest\n" + textwrap.dedent(script))
        return self.pytest(*options, "--rpc", rpc, status=status)

    def pytest(self, *options, status=0):
        p = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *map(str, options)],
            cwd=self.path,
            capture_output=True,
            text=True,
            timeout=100,
        )
        assert p.returncode == status, p.stdout + p.stderr
        return p.stdout

    @property
    def results(self):
        (one,) = (self.path / "results").iterdir()
        return one


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


@pytest.fixture
def script():
    """The plugin's fixture of this name is not wanted here: the inner run has it."""


FAILING = """
def test_bad(nvme0, nvme0n1, buf):
    q = d.Qpair(nvme0, 16)
    nvme0n1.write_uncorrectable(q, 7).waitdone()
    with pytest.warns(UserWarning):
        nvme0n1.read(q, buf, 7).waitdone()
    q.delete()
    assert 0, "it is <bad>"

def test_good(nvme0, record_property):
    record_property("IOPS", 12)
"""


def test_commands_of_a_failed_test(folder):
    """On the terminal, in junit.xml of ours and of pytest, in report.html and in a file of their own."""
    out = folder.run(FAILING, "--junit-xml=own.xml", status=1)
    line = r"Read \(02h\) sqid:1 cid:0 nsid:1 slba:7 nlb:1 -> Unrecovered Read Error \(02/81\)"
    assert re.search(r"- NVMe commands: the last (\d+) of \1, all in results/", out)
    assert len(re.findall(line, out)) == 1
    (saved,) = folder.results.glob("*-commands.txt")
    text = saved.read_text()
    assert "test_bad" in saved.name and re.search(line, text) and "Delete I/O Submission Queue" in text
    assert text.splitlines() == sorted(text.splitlines())  # each begins with its time
    for xml in (folder.results / "junit.xml", folder.path / "own.xml"):
        bad, good = ElementTree.parse(xml).iter("testcase")
        assert (bad.get("name"), good.get("name")) == ("test_bad", "test_good")
        assert re.search(line, bad.find("failure").text) and "it is <bad>" in bad.find("failure").get(
            "message"
        )
    page = (folder.results / "report.html").read_text()
    assert re.search(line.replace("->", "-&gt;"), page) and "it is &lt;bad&gt;" in page
    assert "12 IOPS" in page and saved.name in page and "http" not in page


def test_counts_and_kinds(folder):
    """Each kind of outcome is what it is in junit.xml."""
    folder.run(
        """
        @pytest.fixture
        def broken(nvme0):
            yield
            raise ValueError("broken \\x01")
        def test_error(broken): assert d
        def test_skipped(): pytest.skip("for a reason")
        @pytest.mark.xfail(reason="known")
        def test_known(): assert 0
        def test_empty():
            \"\"\"Nothing yet.\"\"\"
            pass
        """,
        status=1,
    )
    suite = next(ElementTree.parse(folder.results / "junit.xml").iter("testsuite"))
    assert {k: suite.get(k) for k in ("tests", "failures", "errors", "skipped")} == {
        "tests": "4",
        "failures": "0",
        "errors": "1",
        "skipped": "3",
    }
    text = ElementTree.tostring(suite, encoding="unicode")
    assert "for a reason" in text and "empty test" in text and "broken ?" in text


def test_log_has_milliseconds(folder):
    """In pytest.log and on the terminal, with the seed that repeats the run."""
    script = """
        import logging
        def test_log(nvme0):
            logging.info("a line")
            import random
            print("RANDOM", random.random(), bytes(d.Buffer(8, pvalue=100, ptype=0xbeef)[:]).hex())
        """
    out = folder.run(script, "-s", "-o", "log_cli=true", "--log-cli-level=INFO")
    stamp = r"\d\d:\d\d:\d\d\.\d\d\d INFO +"
    assert re.search(stamp + "root: a line", out)
    log = (folder.results / "pytest.log").read_text()
    assert re.search(stamp + "root: a line", log) and re.search(stamp + "nvproof: test_log: [0-9.]+ s", log)
    seed = re.search(r"random seed: (0x[0-9a-f]+)", log)[1]
    again = folder.run(script, "-s", f"--srand={seed}")
    random = re.compile("RANDOM .*")
    assert random.search(again)[0] == random.search(out)[0]
    assert random.search(folder.run(script, "-s"))[0] != random.search(out)[0]


def test_nothing_without_a_device(folder):
    """Tests that use no device, --collect-only, and --results=off leave no folder."""
    (folder.path / "test_plain.py").write_text("def test_plain(): pass\ndef test_more(): assert 1\n")
    folder.pytest("test_plain.py")
    (folder.path / "test_plain.py").unlink()
    folder.run("def test_user(nvme0): pass", "--collect-only")
    assert not (folder.path / "results").exists()
    folder.run(
        "def test_user(nvme0n1): nvme0n1.ioworker(io_size=8, io_count=9).start().close()", "--results=off"
    )
    assert not (folder.path / "results").exists()
    folder.run("def test_user(nvme0): assert nvme0", "--results=elsewhere")
    assert [p.name for p in folder.path.iterdir() if p.is_dir() and p.name != "__pycache__"] == ["elsewhere"]


def test_ini(folder):
    """The options as lines of pytest.ini; an option is above its line."""
    (folder.path / "pytest.ini").write_text(
        "[pytest]\nnvproof_results = mine\nnvproof_cmdlog = 2\nnvproof_rpc = off\n"
    )
    (folder.path / "test_ini.py").write_text("def test_bad(nvme0): assert 0\n")
    assert "the last 2 of" in folder.pytest(status=1)
    assert "the last 3 of" in folder.pytest("--cmdlog=3", status=1)
    assert len(list((folder.path / "mine").iterdir())) == 2


def test_fixtures(folder):
    """Each fixture of the contract, and what it gives."""
    out = folder.run(
        """
        def test_pciaddr(pciaddr, pcie): assert isinstance(pciaddr, str) and pcie.addr == pciaddr
        def test_objects(nvme0, subsystem, nvme0n1, qpair, buf, verify):
            assert isinstance(nvme0, d.Controller) and isinstance(subsystem, d.Subsystem)
            assert isinstance(nvme0n1, d.Namespace) and nvme0n1.nsid == 1
            assert qpair.depth == min(1024, (nvme0.cap & 0xffff) + 1)
            assert len(buf) == 4096 and repr(buf) == "<buffer name: pynvme buffer>"
            assert verify is True
        def test_tcg(tcg): assert tcg.feature_list
        def test_aer(aer): assert d
        @pytest.fixture
        def after(request):
            yield
            print("PHASES", request.node.rep_setup.passed, request.node.rep_call.failed)
        def test_phases(after): assert not d
        """,
        "-s",
        "-rs",
        status=1,
    )
    assert "use nvme0.aer()" in out and "PHASES True True" in out
    assert "3 passed" in out or "2 passed, 1 skipped" in out
    assert "2 failed" not in out and "1 error" in out and "1 failed" in out
    if "skipped" in out:
        assert "no TCG storage security" in out


def test_deleted_after_the_test(folder):
    """qpair is deleted, nvme0n1 and pcie are closed, whatever the test did."""
    folder.run(
        """
        kept = []
        def test_a(pcie, nvme0, nvme0n1, qpair): kept[:] = pcie, nvme0, nvme0n1, qpair
        def test_b():
            pcie, nvme0, nvme0n1, qpair = kept
            assert pcie.closed and nvme0.closed
            with pytest.raises((SystemError, AssertionError)): qpair.waitdone()
            with pytest.raises((SystemError, AssertionError)): nvme0n1.sector_size and nvme0n1.id_data(3)
        """
    )


def test_each_warning_is_shown(folder):
    """The same status from the same line, twice: two warnings, also with Python's filters as they come."""
    out = folder.run(
        """
        def test_twice(nvme0, recwarn):
            for _ in range(2):
                nvme0.getfeatures(0xbf).waitdone()
            assert [str(w.message) for w in recwarn] == ["ERROR status: 00/02"] * 2
        def test_summary(nvme0):
            for _ in range(3):
                nvme0.getfeatures(0xbf).waitdone()
        """
    )
    assert "3 warnings" in out


def test_title_of_nvproof_log(folder):
    """Which test runs is what `nvproof log` shows."""
    folder.run(
        """
        import os, subprocess, sys
        def test_title(nvme0):
            words = [sys.executable, "-m", "nvproof", "log", "--list"]
            rows = subprocess.run(words, capture_output=True, text=True).stdout.splitlines()
            assert [r for r in rows if str(os.getpid()) in r.split() and r.endswith("test_user.py::test_title")], rows
        """
    )


def test_programs_by_environment(folder, monkeypatch):
    """NVPROOF_SSD and NVPROOF_WORKER name the two programs; what is none is said with the variable's name."""
    script = """
        def test_worker(nvme0n1): assert nvme0n1.ioworker(io_count=9).start().close().io_count_read == 9
        """
    used = folder.path / "used"
    for name, variable in (("nvproof-ssd", "NVPROOF_SSD"), ("nvproof-worker", "NVPROOF_WORKER")):
        wrapper = folder.path / name
        wrapper.write_text(f'#!/bin/sh\necho {name} >> {used}\nexec {programs.find(name)} "$@"\n')
        wrapper.chmod(0o755)
        monkeypatch.setenv(variable, str(wrapper))
    folder.run(script)
    assert used.read_text().split() == ["nvproof-ssd", "nvproof-worker"]
    monkeypatch.setenv("NVPROOF_WORKER", "/nonexistent")
    assert "NVPROOF_WORKER" in folder.run(script, status=1)
    monkeypatch.setenv("NVPROOF_SSD", "/nonexistent")
    assert "/nonexistent" in folder.run(script, status=1)


def test_without_iommu(folder):
    """--allow-noiommu is for PCI functions: their address says so; that of a software SSD is as it was."""
    folder.run("def test_one(pciaddr, nvme0): assert 'noiommu' not in pciaddr", "--allow-noiommu")
    out = folder.run(
        "def test_two(pciaddr): print('ADDRESS', pciaddr)", "-s", "--allow-noiommu", "--pciaddr=0000:ff:1f.7"
    )
    assert "ADDRESS 0000:ff:1f.7?noiommu" in out
    out = folder.run("def test_two(pciaddr): print('ADDRESS', pciaddr)", "-s", "--pciaddr=0000:ff:1f.7")
    assert "ADDRESS 0000:ff:1f.7\n" in out
