# SPDX-License-Identifier: BSD-3-Clause
"""Virtualization Management and SR-IOV: a primary controller, and its secondary controllers, which are virtual functions.

NVMe Base Specification, "Virtualization Management command", "Virtualization Enhancements"; PCI Express Base Specification, "Single Root
I/O Virtualization and Sharing".
"""
import os
import subprocess
import sys
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
        yield pcie, d.Controller(pcie)
        pcie.close()


def secondary(nvme0, cntid):
    """Online, VQ, VI of a secondary controller."""
    buf = d.Buffer(4096)
    nvme0.identify(buf, cns=0x15, cntid=cntid).waitdone()
    assert buf[0] > 0 and buf.data(33, 32) == cntid and buf.data(35, 34) == 1
    return buf[36], buf.data(43, 42), buf.data(45, 44)


def test_online(drive):
    pcie, nvme0 = drive
    assert nvme0.id_data(257, 256) >> 7 & 1 and nvme0.supports(0x1C)
    assert secondary(nvme0, 2) == (0, 0, 0)
    assert nvme0.virt_mgmt(2, ASSIGN, VQ, 5).waitdone() == 5
    assert nvme0.virt_mgmt(2, ASSIGN, VI, 3).waitdone() == 3
    nvme0.virt_mgmt(2, ONLINE).waitdone()
    assert secondary(nvme0, 2) == (1, 5, 3)
    vf = d.Pcie(pcie.addr, vf=1)
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
    pcie, nvme0 = drive
    vf = d.Pcie(pcie.addr, vf=2)
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


def sriov(pcie):
    """The SR-IOV capability, when it is there."""
    return pcie.cap_offset(0x10, extend=True)


def bring_online(nvme0, cntid):
    nvme0.virt_mgmt(cntid, ASSIGN, VQ, 3).waitdone()
    nvme0.virt_mgmt(cntid, ASSIGN, VI, 2).waitdone()
    nvme0.virt_mgmt(cntid, ONLINE).waitdone()


def write_and_read(vf, lba):
    """A drive of its own: data go there and come back."""
    nvme1 = d.Controller(vf)
    q, ns = d.Qpair(nvme1, 16), d.Namespace(nvme1)
    buf, back = d.Buffer(4096, pvalue=lba, ptype=32), d.Buffer(4096)
    ns.write(q, buf, lba, 8).waitdone()
    ns.read(q, back, lba, 8).waitdone()
    assert back[16:500] == buf[16:500]
    return nvme1, ns, q


def test_virtual_functions(drive):
    """As scripts do it: resources, online, open the virtual function, use it; cleared VF Enable takes it away."""
    pcie, nvme0 = drive
    at = sriov(pcie)
    assert pcie.cfg_word_read(at + 0x0E) == 2 and not pcie.cfg_word_read(at + 8) & 1
    for cntid in (2, 3):
        bring_online(nvme0, cntid)
    first = d.Pcie(pcie.addr, vf=1)
    assert pcie.cfg_word_read(at + 8) & 9 == 9 and pcie.cfg_word_read(at + 0x10) == 2
    assert first.addr != pcie.addr and sriov(first) is None
    second = d.Pcie(pcie.addr, vf=2)
    nvme1, ns, q = write_and_read(first, 8)
    nvme2, _, _ = write_and_read(second, 64)
    assert [c.id_data(79, 78) for c in (nvme0, nvme1, nvme2)] == [1, 2, 3]
    assert [c.id_data(76) >> 2 & 1 for c in (nvme0, nvme1, nvme2)] == [0, 1, 1]  # CMIC: of a virtual function
    pcie.cfg_word_write(at + 8, 0)
    assert first.cfg_word_read(0) == second.cfg_word_read(0) == 0xFFFF
    with pytest.raises(SystemError):
        nvme1[0x1C]
    assert secondary(nvme0, 2) == (0, 0, 0)
    nvme0.getfeatures(7).waitdone()
    first.close()
    second.close()
    bring_online(nvme0, 2)
    again = d.Pcie(pcie.addr, vf=1)
    write_and_read(again, 128)
    again.close()


def test_virtual_function_in_a_worker(drive):
    """An ioworker of its own process uses a virtual function, and another one the physical function."""
    pcie, nvme0 = drive
    bring_online(nvme0, 2)
    vf = d.Pcie(pcie.addr, vf=1)
    nvme1 = d.Controller(vf)
    mine, other = d.Namespace(nvme0), d.Namespace(nvme1)
    one = mine.ioworker(io_size=8, read_percentage=0, region_end=4096, io_count=500, qdepth=8)
    two = other.ioworker(
        io_size=8, read_percentage=0, region_start=4096, region_end=8192, io_count=500, qdepth=8
    )
    with one, two:
        pass
    other.close()
    mine.close()
    vf.close()


def test_enabled_without_memory_space(drive):
    pcie, nvme0 = drive
    at = sriov(pcie)
    bring_online(nvme0, 2)
    pcie.cfg_word_write(at + 0x10, 2)
    pcie.cfg_word_write(at + 8, 1)
    vf = d.Pcie(pcie.addr, vf=1)
    assert pcie.cfg_word_read(at + 8) & 9 == 9
    write_and_read(vf, 8)
    vf.close()


def test_enabled_are_too_few(drive):
    """NumVFs cannot change while VF Enable is set; so a script that enabled one has one."""
    pcie, _ = drive
    at = sriov(pcie)
    pcie.cfg_word_write(at + 0x10, 1)
    pcie.cfg_word_write(at + 8, 9)
    d.Pcie(pcie.addr, vf=1).close()
    with pytest.raises(d.NvmeEnumerateError, match="no virtual function 2: 1 are enabled"):
        d.Pcie(pcie.addr, vf=2)
    for beyond in (3, 200):
        with pytest.raises(d.NvmeEnumerateError, match=f"no virtual function {beyond}: TotalVFs is 2"):
            d.Pcie(pcie.addr, vf=beyond)


_OTHER = """
import sys, nvme as d
pcie = d.Pcie(sys.argv[1], vf=1)
print(d.Controller(pcie).id_data(79, 78))
pcie.close()
"""


def test_other_process_has_the_physical_function(drive):
    """There it is a virtual function that somebody else enables, or not."""
    pcie, nvme0 = drive

    def run():
        return subprocess.run(
            [sys.executable, "-c", _OTHER, pcie.addr], capture_output=True, text=True, timeout=60
        )

    refused = run()
    assert refused.returncode and "a virtual function that is not enabled" in refused.stderr
    bring_online(nvme0, 2)
    sriov_at = sriov(pcie)
    pcie.cfg_word_write(sriov_at + 0x10, 2)
    pcie.cfg_word_write(sriov_at + 8, 9)
    got = run()
    assert got.stdout == "2\n", got.stderr


def test_private_drive():
    """By the address that started it."""
    addr = "ssd:?size=64M&virt=1&ctrlrs=2"
    with pytest.raises(d.NvmeEnumerateError, match="open its physical function first"):
        d.Pcie(addr, vf=1)
    pcie = d.Pcie(addr)
    folder = os.path.dirname(pcie.addr[4:])
    nvme0 = d.Controller(pcie)
    bring_online(nvme0, 2)
    vf = d.Pcie(addr, vf=1)
    write_and_read(vf, 8)
    vf.close()
    pcie.close()
    assert not os.path.exists(folder)


@pytest.mark.parametrize("addr", ["sim:?size=16M", "ssd:?size=16M"])
def test_no_virtual_functions(addr):
    """A drive without the capability: whether it is open already, or not."""
    with pytest.raises(d.NvmeEnumerateError, match="no virtual function 1: there is no SR-IOV capability"):
        d.Pcie(addr, vf=1)
    pcie = d.Pcie(addr)
    assert sriov(pcie) is None
    with pytest.raises(d.NvmeEnumerateError, match="no virtual function 1: there is no SR-IOV capability"):
        d.Pcie(pcie.addr if addr.startswith("ssd") else addr, vf=1)
    pcie.close()


def test_nobody_there(tmp_path):
    with pytest.raises(d.NvmeEnumerateError, match="no virtual function 1: no drive is served there"):
        d.Pcie(f"vfu:{tmp_path}/none.sock", vf=1)
    with SoftwareSSD(size="16M") as ssd:
        with pytest.raises(
            d.NvmeEnumerateError, match="no virtual function 1: there is no .*vf1; nvproof-ssd --virt"
        ):
            d.Pcie(ssd.addrs[0], vf=1)


def test_not_announced(nvme0):
    """A drive without it: no bit, no data structure, no command."""
    if nvme0.id_data(257, 256) >> 7 & 1:
        pytest.skip("this drive has it: OACS")
    assert not nvme0.supports(0x1C)
    with pytest.warns(UserWarning, match="ERROR status: 00/01"):
        nvme0.virt_mgmt(2, ONLINE).waitdone()
    with pytest.warns(UserWarning, match="ERROR status: 00/02"):
        nvme0.identify(d.Buffer(4096), cns=0x14).waitdone()
