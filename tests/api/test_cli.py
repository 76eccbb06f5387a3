# SPDX-License-Identifier: BSD-3-Clause
"""The program nvproof: what it says of itself."""
import subprocess
import sys


def nvproof(*words):
    return subprocess.run(
        [sys.executable, "-m", "nvproof", *words], capture_output=True, text=True, timeout=60
    )


def test_version_and_help():
    assert nvproof("--version").stdout == "nvproof 0.1.0\n"
    p = nvproof("--help")
    assert p.returncode == 0 and "COMMAND" in p.stdout


def test_unknown_command():
    """The answer names the word, and is no traceback."""
    p = nvproof("frobnicate")
    assert p.returncode == 2 and "frobnicate" in p.stderr and "Traceback" not in p.stderr
