# SPDX-License-Identifier: BSD-3-Clause
"""Virtualization Management: a primary controller and its secondary controllers.

NVMe Base Specification, "Virtualization Management command", "Virtualization Enhancements".
"""
import time

import pytest

import nvme as d
from nvproof.softssd import SoftwareSSD

PRIMARY, OFFLINE, ASSIGN, ONLINE = 1, 7, 8, 9
VQ, VI = 0, 1


@pytest.fixture
def drive():
    """Three controllers; the first one is brought up."""
    with SoftwareSSD(size="64M", ctrlrs=3, args=["--virt"]) as ssd:
        pcie = d.Pcie(ssd.addrs[0])
        yield ssd, d.Controller(pcie)
        pcie.close()


def secondary(nvme0, cntid):
    """Online, VQ, VI of a secondary controller."""
    buf = d.Buffer(4096)
    nvme0.identify(buf, cns=0x15, cntid=cntid).waitdone()
    assert buf[0] > 0 and buf.data(33, 32) == cntid and buf.data(35, 34) == 1
    return buf[36], buf.data(43, 42), buf.data(45, 44)


def test_online(drive):
    ssd, nvme0 = drive
    assert nvme0.id_data(257, 256) >> 7 & 1 and nvme0.supports(0x1C)
    assert secondary(nvme0, 2) == (0, 0, 0)
    assert nvme0.virt_mgmt(2, ASSIGN, VQ, 5).waitdone() == 5
    assert nvme0.virt_mgmt(2, ASSIGN, VI, 3).waitdone() == 3
    nvme0.virt_mgmt(2, ONLINE).waitdone()
    assert secondary(nvme0, 2) == (1, 5, 3)
    vf = d.Pcie(ssd.addrs[1])
    other = d.Controller(vf)
    assert other.getfeatures(7).waitdone() == 0x00030003  # four I/O queue pairs
    queues = [d.Qpair(other, 8) for _ in range(4)]
    with pytest.raises(d.QpairCreationError):
        d.Qpair(other, 8)
    ns, buf = d.Namespace(other), d.Buffer(4096, pvalue=7, ptype=32)
    ns.write(queues[3], buf, 5).waitdone()
    mine, back = d.Namespace(nvme0), d.Buffer(4096)
    pair = d.Qpair(nvme0, 8)
    mine.read(pair, back, 5).waitdone()
    assert back[0:4] == buf[0:4]
    # Offline: it fails, and its resources are free.
    nvme0.virt_mgmt(2, OFFLINE).waitdone()
    assert other[0x1C] & 2
    assert secondary(nvme0, 2) == (0, 0, 0)
    start = time.monotonic()
    vf.close()  # nobody answers: its queues are not waited for
    assert time.monotonic() - start < 2


def test_offline_cannot_be_brought_up(drive):
    ssd, nvme0 = drive
    vf = d.Pcie(ssd.addrs[2])
    assert vf.mem_dword_read(0x1C) & 2  # CSTS.CFS
    with pytest.raises(d.NvmeEnumerateError):
        d.Controller(vf)
    vf.close()
    nvme0.getfeatures(7).waitdone()


def test_capabilities(drive):
    _, nvme0 = drive
    buf = d.Buffer(4096)
    nvme0.identify(buf, cns=0x14).waitdone()
    flexible, assigned, private = buf.data(35, 32), buf.data(39, 36), buf.data(43, 42)
    assert (buf.data(1, 0), buf[4] & 3) == (1, 3) and flexible > 0 and assigned == 0
    assert nvme0.getfeatures(7).waitdone() & 0xFFFF == private - 2  # 0's based, and one is the admin queue
    # More for the primary controller itself, from its next reset on.
    assert nvme0.virt_mgmt(1, PRIMARY, VQ, 8).waitdone() == 8
    nvme0.reset()
    assert nvme0.getfeatures(7).waitdone() & 0xFFFF == private - 2 + 8


@pytest.mark.parametrize(
    "args, status",
    [
        ((2, 0), "00/02"),
        ((9, ASSIGN, VQ, 1), "01/1f"),
        ((2, PRIMARY, VQ, 1), "01/1f"),
        ((2, ONLINE), "01/20"),
        ((2, ASSIGN, VQ, 1000), "01/21"),
        ((2, ASSIGN, 2, 1), "01/22"),
    ],
)
def test_statuses(drive, args, status):
    with pytest.warns(UserWarning, match=f"ERROR status: {status}"):
        drive[1].virt_mgmt(*args).waitdone()


def test_not_announced(nvme0):
    """A drive without it: no bit, no data structure, no command."""
    if nvme0.id_data(257, 256) >> 7 & 1:
        pytest.skip("this drive has it: OACS")
    assert not nvme0.supports(0x1C)
    with pytest.warns(UserWarning, match="ERROR status: 00/01"):
        nvme0.virt_mgmt(2, ONLINE).waitdone()
    with pytest.warns(UserWarning, match="ERROR status: 00/02"):
        nvme0.identify(d.Buffer(4096), cns=0x14).waitdone()
