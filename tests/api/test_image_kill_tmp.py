# SPDX-License-Identifier: BSD-3-Clause
"""Modelled flash in an image file, and nvproof-ssd killed at any instant under load: for the drive that is a loss of power.

What was acknowledged and flushed is there; of what was written since, each block is old or new, never a mix, never another's.
"""
import random
import re
import struct
import subprocess
import time

import pytest

import nvme as d
from nvproof import programs
from nvproof.cli.main import main
from nvproof.softssd import SoftwareSSD

ROUNDS = 20
UNITS = 256  # of 4 KiB that are written

PROFILE = """[drive]
text = small and quick
media = flash
[flash]
channels = 2
dies = 1
planes = 1
page_size = 16K
pages = 32
cell = tlc
read_us = 20, 25, 30
program_us = 100, 150, 200
erase_us = 1000
suspend_us = 10
bus_mb_s = 1200
spare_percent = 28
capacitor = {capacitor}
"""


class History:
    """By unit: the version that was flushed, and the last that was sent.  Versions only grow."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.durable, self.acked, self.sent = [0] * UNITS, [0] * UNITS, [0] * UNITS

    def check(self, ns, qpair):
        buf = d.Buffer(4096)
        for unit in range(UNITS):
            ns.read(qpair, buf, unit * 8, 8).waitdone()
            # the driver stamps the first and the last 8 bytes of each block
            words = {w for i, w in enumerate(struct.unpack("<512Q", buf[:])) if i % 64 not in (0, 63)}
            assert len(words) == 1, f"unit {unit} is a mix of {sorted(hex(w) for w in words)}"
            word = words.pop()
            version = word & 0xFFFFFFFF
            assert not word or word >> 32 == unit, f"unit {unit} has what belongs to {word >> 32}"
            assert self.durable[unit] <= version <= self.sent[unit], f"unit {unit}: {version}"
            self.durable[unit] = self.acked[unit] = version

    def write(self, ns, qpair, buf):
        unit = self.rng.randrange(UNITS)
        version = self.sent[unit] = self.sent[unit] + 1
        buf[:] = struct.pack("<Q", unit << 32 | version) * 512

        def done(cqe):
            if not cqe.status:
                self.acked[unit] = max(self.acked[unit], version)

        ns.write(qpair, buf, unit * 8, 8, cb=done)

    def flush(self, ns, qpair):
        was = list(self.acked)

        def done(cqe):
            if not cqe.status:
                self.durable = [max(pair) for pair in zip(self.durable, was)]

        ns.flush(qpair, cb=done)

    def load(self, ns, qpair, ssd):
        """Batches of writes and a flush; killed while one of them is under way."""
        bufs = [d.Buffer(4096) for _ in range(16)]
        for _ in range(self.rng.randrange(1, 12)):
            for buf in bufs:
                self.write(ns, qpair, buf)
            self.flush(ns, qpair)
            qpair.waitdone(len(bufs) + 1)
        for buf in bufs:
            self.write(ns, qpair, buf)
        time.sleep(self.rng.random() / 1000)
        ssd.kill()


@pytest.mark.parametrize("capacitor", ["no", "yes"])
def test_killed_under_load(tmp_path, capacitor):
    profile, image = tmp_path / "quick.ini", tmp_path / "image"
    profile.write_text(PROFILE.format(capacitor=capacitor))
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    history = History(seed)
    for round in range(ROUNDS):
        with SoftwareSSD(size="16M", profile=str(profile), image=image) as ssd:
            pcie = d.Pcie(ssd.addrs[0])
            nvme0 = d.Controller(pcie)
            ns, qpair = d.Namespace(nvme0), d.Qpair(nvme0, 64)
            history.check(ns, qpair)
            smart = d.Buffer(512)
            nvme0.getlogpage(2, smart).waitdone()
            assert smart.data(159, 144) == round  # unsafe shutdowns
            history.load(ns, qpair, ssd)
            pcie.close()
        assert (
            subprocess.run(
                [programs.find("nvproof-ssd"), "fsck", image], stdout=subprocess.DEVNULL
            ).returncode
            == 0
        )


def test_closed_and_opened_again(tmp_path):
    image = tmp_path / "image"
    buf, back = d.Buffer(4096, pvalue=7, ptype=32), d.Buffer(4096)
    for first in (True, False):
        with SoftwareSSD(size="64M", profile="client-tlc", image=image) as ssd:
            pcie = d.Pcie(ssd.addrs[0])
            nvme0 = d.Controller(pcie)
            ns, qpair = d.Namespace(nvme0), d.Qpair(nvme0, 8)
            if first:
                ns.write(qpair, buf, 800, 8).waitdone()
            ns.read(qpair, back, 800, 8).waitdone()
            assert back[:] == buf[:]
            with pytest.raises(RuntimeError, match="in use"):
                SoftwareSSD(size="64M", profile="client-tlc", image=image)
            pcie.close()
    assert image.stat().st_blocks * 512 < image.stat().st_size / 4
    with pytest.raises(RuntimeError, match='channels|profile "client-tlc"'):
        SoftwareSSD(size="64M", profile="slow", image=image)
    with pytest.raises(RuntimeError, match="modelled flash"):
        SoftwareSSD(size="64M", image=image)
    with pytest.raises(RuntimeError, match="keep anything"):
        SoftwareSSD(size="64M", profile="null", image=image)


def test_fsck_from_the_shell(tmp_path, capfd):
    image = tmp_path / "image"
    with SoftwareSSD(size="16M", profile="slow", image=image):
        assert main(["ssd", "fsck", str(image)]) == 2
        assert "in use" in capfd.readouterr().out
    assert main(["ssd", "fsck", str(image)]) == 0
    assert capfd.readouterr().out == f"{image}: clean\n"
    with open(image, "r+b") as f:
        f.seek(2000)
        f.write(b"?")
    assert main(["ssd", "fsck", str(image)]) == 1
    assert re.search("header: copy 0 is damaged", capfd.readouterr().out)
    assert main(["ssd", "fsck", "--repair", str(image)]) == 1
    assert main(["ssd", "-o", "json", "fsck", str(image)]) == 0
    assert main(["ssd", "fsck", str(tmp_path / "none")]) == 2
