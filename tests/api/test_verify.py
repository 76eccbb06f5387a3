# SPDX-License-Identifier: BSD-3-Clause
"""Data verification: what was written must come back, and nothing that is right is accused."""
import logging
import subprocess
import sys

import pytest

import nvme as d
from nvproof.softssd import SoftwareSSD

LBA = 1000


def test_enable(nvme0n1):
    assert nvme0n1.verify_enable(True) is True
    assert nvme0n1.verify_enable(False) is True


def test_right_data(nvme0n1, qpair, verify, caught):
    out, back = d.Buffer(4096, pvalue=100, ptype=0xBEEF), d.Buffer(4096)
    n = 4096 // nvme0n1.sector_size
    for i in range(50):
        nvme0n1.write(qpair, out, LBA + i, n)
        qpair.waitdone()
        nvme0n1.read(qpair, back, LBA + i, n).waitdone()
        assert back[:] == out[:]
    assert caught == []


STRANGER = """
import nvme as d
pcie = d.Pcie({addr!r})
nvme0 = d.Controller(pcie)
ns, qpair = d.Namespace(nvme0), d.Qpair(nvme0, 8)
ns.write(qpair, d.Buffer(512, pvalue=2, ptype=32), {lba}).waitdone()
pcie.close()
"""


def test_wrong_data(caught, caplog):
    """Another process writes through the second controller: what this one knows is wrong then."""
    with SoftwareSSD(size="16M", ctrlrs=2) as ssd:
        pcie = d.Pcie(ssd.addrs[0])
        nvme0 = d.Controller(pcie)
        ns, qpair = d.Namespace(nvme0), d.Qpair(nvme0, 8)
        assert ns.verify_enable(True)
        ns.write(qpair, d.Buffer(512, pvalue=1, ptype=32), LBA).waitdone()
        subprocess.run(
            [sys.executable, "-c", STRANGER.format(addr=ssd.addrs[1], lba=LBA)], check=True, timeout=30
        )

        back, seen = d.Buffer(512), []
        with caplog.at_level(logging.ERROR, "nvproof"):
            ns.read(qpair, back, LBA, cb=lambda cpl: seen.append((cpl.sct, cpl.sc))).waitdone()
        assert seen == [(7, 0x81)] and caught == ["ERROR status: 07/81"]
        assert back[0] == 2  # the data itself is the device's
        assert f"crc mismatch: lba 0x{LBA:x}, expected 0x" in caplog.text and "but got 0x" in caplog.text
        ns.read(qpair, back, LBA, verify_disable=True).waitdone()
        ns.verify_enable(False)
        ns.read(qpair, back, LBA).waitdone()
        ns.verify_enable(True)
        assert len(list(caught)) == 1
        ns.write(qpair, back, LBA).waitdone()
        ns.read(qpair, back, LBA).waitdone()
        assert len(list(caught)) == 1
        pcie.close()


@pytest.mark.parametrize("how", ["zeroes", "trim", "uncorrectable", "copy", "mark", "raw zeroes"])
def test_forgotten(nvme0, nvme0n1, qpair, verify, caught, how):
    size = nvme0n1.sector_size
    nvme0n1.write(qpair, d.Buffer(4 * size, pvalue=100, ptype=0xBEEF), LBA, 4).waitdone()
    ranges = d.Buffer(4096)
    if how == "zeroes":
        nvme0n1.write_zeroes(qpair, LBA, 4).waitdone()
    elif how == "raw zeroes":
        nvme0n1.send_cmd(8, qpair, cdw10=LBA, cdw12=3).waitdone()
    elif how == "trim":
        ranges.set_dsm_range(0, LBA, 2)
        ranges.set_dsm_range(1, LBA + 2, 2)
        nvme0n1.dsm(qpair, ranges, 2).waitdone()
    elif how == "copy":
        ranges.set_copy_range(0, LBA + 100, 4)
        nvme0n1.copy(qpair, ranges, 1, LBA).waitdone()
    elif how == "mark":
        assert nvme0n1.mark_nomapping(LBA, 4)
    else:
        nvme0n1.write_uncorrectable(qpair, LBA, 4).waitdone()
    nvme0n1.read(qpair, d.Buffer(4 * size), LBA, 4).waitdone()
    assert [t for t in caught if t != "ERROR status: 02/81"] == []


def test_failed_write_leaves_nothing_to_accuse(nvme0n1, qpair, verify, caught):
    """A write that fails may have changed the media or not."""
    size, end = nvme0n1.sector_size, nvme0n1.nsze
    nvme0n1.write(qpair, d.Buffer(size, pvalue=5, ptype=32), end - 1).waitdone()
    nvme0n1.write(qpair, d.Buffer(2 * size, pvalue=6, ptype=32), end - 1, 2).waitdone()
    nvme0n1.read(qpair, d.Buffer(size), end - 1).waitdone()
    assert caught == ["ERROR status: 00/80"]


def test_overlapping_commands(nvme0n1, qpair, verify, caught):
    """Reads and writes of the same LBAs at the same time: what cannot be known is not judged."""
    size = nvme0n1.sector_size
    bufs = [d.Buffer(8 * size, pvalue=100, ptype=0xBEEF) for _ in range(8)]
    back = [d.Buffer(8 * size) for _ in range(8)]
    for _ in range(40):
        for i in range(8):
            nvme0n1.write(qpair, bufs[i], LBA + i, 8)
            nvme0n1.read(qpair, back[i], LBA + 7 - i, 8)
        qpair.waitdone(16)
    assert caught == []


def test_a_thousand_writes_of_one_lba(nvme0n1, qpair, verify, caught):
    buf = d.Buffer(nvme0n1.sector_size, pvalue=100, ptype=0xBEEF)
    for _ in range(1000):
        nvme0n1.write(qpair, buf, LBA)
    qpair.waitdone(1000)
    nvme0n1.read(qpair, d.Buffer(nvme0n1.sector_size), LBA).waitdone()
    assert caught == []


def test_two_objects_share_the_table(nvme0, nvme0n1, qpair, verify, caught):
    other = d.Namespace(nvme0, nvme0n1.nsid)
    size = nvme0n1.sector_size
    for value in range(4):
        for ns in (nvme0n1, other):
            ns.write(qpair, d.Buffer(size, pvalue=value, ptype=32), LBA).waitdone()
            (other if ns is nvme0n1 else nvme0n1).read(qpair, d.Buffer(size), LBA).waitdone()
    other.close()
    nvme0n1.read(qpair, d.Buffer(size), LBA).waitdone()
    assert caught == []


def test_after_a_reset(nvme0, nvme0n1, qpair, verify, caught):
    out = d.Buffer(nvme0n1.sector_size, pvalue=8, ptype=32)
    nvme0n1.write(qpair, out, LBA).waitdone()
    for _ in range(64):
        nvme0n1.write(qpair, out, LBA + 1)
    nvme0.reset()
    nvme0n1.read(qpair, d.Buffer(2 * nvme0n1.sector_size), LBA, 2).waitdone()
    assert caught == []


def test_limited_range(nvme0, qpair):
    ns = d.Namespace(nvme0, 1, nlba_verify=16)
    assert ns.verify_enable(True)
    buf = d.Buffer(ns.sector_size)
    ns.write(qpair, buf, 15, 1).waitdone()
    ns.write(qpair, buf, 16, 1).waitdone()
    ns.read(qpair, buf, 16, 1).waitdone()
    ns.close()
    assert ns.verify_enable(True) is False
