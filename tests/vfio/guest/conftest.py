# SPDX-License-Identifier: BSD-3-Clause
"""Inside the guest: three drives, and the program nvproof.  What a test binds is given back after it."""
import contextlib
import io
import json
import os
import pathlib
import subprocess
import sys
import time

import pytest

from nvproof import pcidev
from nvproof.cli.main import main

FIRST, SECOND, THIRD = "0000:00:04.0", "0000:00:05.0", "0000:01:00.0"
SERIAL = {FIRST: "FIRST", SECOND: "SECOND", THIRD: "THIRD"}
DEVICES = pathlib.Path("/sys/bus/pci/devices")


def nvproof(*words):
    """(exit status, standard output, standard error) of the program, in this process: under emulation a new one takes seconds."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(words)
    return status, out.getvalue(), err.getvalue()


def forked(function):
    """The process id of a child that runs a function, and ends.  Fixtures and other tests are none of its business."""
    pid = os.fork()
    if pid == 0:
        try:
            function()
        except BaseException as e:
            print(e, file=sys.stderr)
            os._exit(1)
        os._exit(0)
    return pid


def sh(*words):
    """A command of the system, which must succeed."""
    p = subprocess.run(words, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    assert p.returncode == 0, f"{' '.join(words)}: {p.stdout}{p.stderr}"
    return p.stdout


def driver(bdf):
    """The kernel driver of a function, or ""."""
    link = DEVICES / bdf / "driver"
    return os.path.basename(os.readlink(link)) if link.exists() else ""


def disk(bdf):
    """Path of the disk of namespace 1; waits until the kernel has made it."""
    for _ in range(200):
        found = [f"/dev/{name}" for name in pcidev.Function(bdf).disks() if os.path.exists(f"/dev/{name}")]
        if found:
            return found[0]
        time.sleep(0.05)
    raise AssertionError(f"{bdf}: no disk")


def listed():
    """What nvproof list says, by address."""
    status, out, err = nvproof("list", "-o", "json")
    assert status == 0, err
    return {f["address"]: f for f in json.loads(out)["functions"]}


@pytest.fixture(autouse=True)
def given_back():
    """After each test the kernel has all drives again."""
    yield
    status, out, err = nvproof("release", "--all")
    assert status == 0, err


@pytest.fixture(scope="session")
def pciaddr():
    """The drive behind a bridge, unless the run names one."""
    return THIRD
