# SPDX-License-Identifier: BSD-3-Clause
"""A test process that is killed, at any moment, leaves a drive that the next one uses, and nothing else."""
import os
import pathlib
import random
import select
import subprocess
import sys
import time
import uuid

import pytest

from nvproof.softssd import SoftwareSSD

_VICTIM = str(pathlib.Path(__file__).with_name("victim.py"))
_KILLS = 50
_GONE_S = 10.0


class _Marked:
    """Processes that inherited a mark in their environment, whoever their parent is by now."""

    def __init__(self, runtime):
        self._name, self._value = "NVPROOF_TEST_MARK", uuid.uuid4().hex
        self.env = {**os.environ, self._name: self._value, "XDG_RUNTIME_DIR": str(runtime)}

    def left(self):
        mark = f"{self._name}={self._value}".encode()
        return [pid for pid in filter(str.isdigit, os.listdir("/proc")) if mark in self._environ(pid)]

    @staticmethod
    def _environ(pid):
        try:
            return pathlib.Path("/proc", pid, "environ").read_bytes()
        except OSError:
            return b""  # gone, or somebody else's

    def wait_none(self):
        end = time.monotonic() + _GONE_S
        while self.left() and time.monotonic() < end:
            time.sleep(0.005)
        assert not self.left()


@pytest.fixture
def marked(tmp_path):
    runtime = tmp_path / "run"
    runtime.mkdir(mode=0o700)
    yield _Marked(runtime)
    # no socket, no file; the user's own folder may stay
    assert not [p for p in runtime.rglob("*") if p.name != f"nvproof-{os.getuid()}"]


def _start(addr, env, *words):
    return subprocess.Popen([sys.executable, _VICTIM, addr, *words], env=env, stdout=subprocess.PIPE)


def _kill_often(addr, marked, kills):
    rng = random.Random(time.time_ns())
    reached = 0
    for n in range(kills):
        with _start(addr, marked.env) as p:
            if n % 2:  # in the midst of I/O, or else anywhere: importing, starting, bringing up
                assert select.select([p.stdout], [], [], 30)[0] and p.stdout.readline() == b"ready\n"
                reached += 1
                time.sleep(rng.random() * 0.2)
            else:
                time.sleep(rng.random() * 0.6)
            p.kill()
        marked.wait_none()
    with _start(addr, marked.env, "once") as p:
        assert p.stdout.readline() == b"ready\n"
    assert p.returncode == 0 and reached == kills // 2
    marked.wait_none()


@pytest.mark.timeout(300)
def test_qemu(marked, tmp_path):
    image = tmp_path / "image"
    with image.open("wb") as f:
        f.truncate(64 << 20)
    _kill_often(f"qemu:nvme?image={image}", marked, _KILLS)


@pytest.mark.timeout(300)
def test_software_ssd(marked):
    with SoftwareSSD(size="64M") as ssd:
        _kill_often(ssd.addrs[0], marked, _KILLS)


@pytest.mark.timeout(300)
def test_private_software_ssd(marked):
    _kill_often("ssd:?size=64M", marked, _KILLS // 2)
