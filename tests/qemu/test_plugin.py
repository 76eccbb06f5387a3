# SPDX-License-Identifier: BSD-3-Clause
"""The lists are checked both ways: what plugin.py says to entries that are not true any more."""
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
HELLO = "test_hello.py::test_hello_world"


def said(tmp_path, lists, test="tests/api/test_hello.py"):
    """(exit status, output) of pytest with other lists than ours."""
    (tmp_path / "other_lists.py").write_text(
        f"from tests.qemu.known import KNOWN, Known\nfrom tests.qemu.absent import ABSENT, Absent\n{lists}\n"
    )
    options = [
        "-q",
        "-rs",
        "-p",
        "no:cacheprovider",
        "-p",
        "other_lists",
        "-p",
        "tests.qemu.plugin",
        "--results=off",
    ]
    p = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "--pciaddr=qemu:nvme?size=64M", *test.split()],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{tmp_path}"},
        capture_output=True,
        text=True,
    )
    return p.returncode, p.stdout + p.stderr


def test_a_known_failure_that_passes(tmp_path):
    status, text = said(tmp_path, f'KNOWN[:] = [Known("{HELLO}", "does nothing wrong", "nowhere")]')
    assert status == 1 and "XPASS(strict)" in text


def test_a_known_failure_that_may_pass(tmp_path):
    status, text = said(tmp_path, f'KNOWN[:] = [Known("{HELLO}", "is slow", "nowhere", always=False)]')
    assert status == 0 and "1 xpassed" in text


def test_a_test_that_is_gone(tmp_path):
    status, text = said(tmp_path, 'KNOWN[:] = [Known("test_hello.py::test_of_yore", "", "")]')
    assert status and "known.py: there is no test test_hello.py::test_of_yore" in text


def test_a_missing_feature_that_is_there(tmp_path):
    status, text = said(tmp_path, f'ABSENT[:] = [Absent(("{HELLO}",), "no greeting", "nowhere")]')
    assert status == 1 and "absent.py says: no greeting; but the test passes" in text


def test_a_skip_that_nobody_listed(tmp_path):
    status, text = said(tmp_path, "ABSENT[:] = []", "tests/api/test_qpair.py -k uncorrectable")
    assert status == 1 and "absent.py does not list what is skipped: Skipped: no Write Uncorrectable" in text


def test_a_known_failure_that_is_skipped(tmp_path):
    lists = 'KNOWN[:] = [Known("test_qpair.py::test_uncorrectable", "", "")]'
    status, text = said(tmp_path, lists, "tests/api/test_qpair.py -k uncorrectable")
    assert status == 1 and "known.py lists test_qpair.py::test_uncorrectable, which is skipped" in text
