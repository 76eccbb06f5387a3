# SPDX-License-Identifier: BSD-3-Clause
"""Drives through VFIO and an IOMMU: what a PCIe function does that no socket can."""
import ctypes
import fcntl
import os
import pathlib
import signal
import struct
import sys
import time

import pytest

import nvme as d
from nvproof import pcidev

sys.path.insert(0, os.path.dirname(__file__))
from conftest import DEVICES, FIRST, SECOND, THIRD, disk, driver, forked, nvproof  # noqa: E402


def read_back(nvme0n1, qpair, lba=0):
    """One write and one read of what was written."""
    out, back = d.Buffer(4096), d.Buffer(4096)
    out[0:8] = time.monotonic_ns().to_bytes(8, "little")
    nvme0n1.write(qpair, out, lba, 8).waitdone()
    nvme0n1.read(qpair, back, lba, 8).waitdone()
    assert back[0:8] == out[0:8]


def interrupted(nvme0n1, qpair):
    """A read's completion raises the queue's interrupt."""
    qpair.msix_clear()
    nvme0n1.read(qpair, d.Buffer(4096), 0, 8)
    qpair.wait_msix(5)
    assert qpair.msix_isset()
    qpair.waitdone()
    qpair.msix_clear()


def test_identity(nvme0, pcie):
    assert pcie.addr == THIRD and nvme0.id_data(23, 4, str).startswith("THIRD")
    assert pcie.register(0, 2) == 0x1B36 and pcie.cap_offset(0x11) and pcie.cap_offset(0x10, extend=True)


def test_verified_ioworker(nvme0, nvme0n1, verify):
    assert verify
    with nvme0n1.ioworker(io_size=8, time=3, qdepth=16, read_percentage=50, region_end=4096) as w:
        pass
    r = w.close()
    assert r.error == 0 and r.io_count_read > 100 and r.io_count_write > 100


def test_interrupts(nvme0, nvme0n1):
    """MSI-X: each queue its own vector, counted; masked ones are delivered after unmasking."""
    queues = [d.Qpair(nvme0, 16, iv=v) for v in (1, 3)]
    for q in queues:
        interrupted(nvme0n1, q)
    a, b = queues
    a.msix_mask()
    nvme0n1.read(a, d.Buffer(4096), 0, 8)
    time.sleep(0.3)
    assert not a.msix_isset() and not b.msix_isset()
    a.msix_unmask()
    a.wait_msix(5)
    a.waitdone()
    for q in queues:
        q.delete()


def test_msi_only(pciaddr):
    """MSI in place of MSI-X, where the drive has it; QEMU's has none, and the message says so."""
    with pytest.raises(d.NvmeEnumerateError, match="no MSI capability"):
        d.Pcie(pciaddr, msi_only=True)


@pytest.mark.parametrize("kind", ["flr", "reset", "link_disable_enable"])
def test_resets(pcie, nvme0, nvme0n1, qpair, kind):
    """After each reset the controller is disabled (a link that QEMU does not take down: as it was), and works again."""
    interrupted(nvme0n1, qpair)
    getattr(pcie, kind)()
    assert nvme0[0x14] & 1 == (kind == "link_disable_enable")
    nvme0.reset()
    read_back(nvme0n1, qpair)
    interrupted(nvme0n1, qpair)


def test_rescan(pcie, nvme0, nvme0n1, qpair):
    """The kernel forgets the drive and finds it again: what the test has stays, and VFIO has it afterwards."""
    interrupted(nvme0n1, qpair)
    pcie.rescan()
    assert driver(THIRD) == "vfio-pci" and nvme0[0x14] & 1 == 0
    nvme0.reset()
    read_back(nvme0n1, qpair)
    interrupted(nvme0n1, qpair)


@pytest.mark.parametrize("kind", ["controller", "flr", "reset"])
def test_reset_under_io(pcie, nvme0, nvme0n1, qpair, kind):
    worker = nvme0n1.ioworker(io_size=8, time=20, qdepth=32, read_percentage=0).start()
    time.sleep(1)
    if kind != "controller":
        getattr(pcie, kind)()
    nvme0.reset()
    assert worker.close().io_count_write > 10
    read_back(nvme0n1, qpair)


def test_no_hot_reset_on_a_root_bus():
    """The first drive is part of the root complex: the message says what to use."""
    pcie = d.Pcie(FIRST)
    with pytest.raises(SystemError, match="no bridge of its own above it, use flr"):
        pcie.reset()
    with pytest.raises(SystemError, match="sits on a root bus"):
        pcie.link_disable_enable()
    pcie.close()


def test_power_states(pcie, nvme0, nvme0n1, qpair):
    """In D3hot registers read as all ones and doorbells reach nobody; in D0 it works again."""
    pcie.power_state = 3
    assert pcie.power_state == 3
    with pytest.raises(SystemError):
        nvme0[0x14]
    nvme0n1.read(qpair, d.Buffer(4096), 0, 8)
    pcie.power_state = 0
    nvme0.reset()
    read_back(nvme0n1, qpair)


def test_bus_mastering(pcie, nvme0, nvme0n1, qpair):
    """Without it the drive cannot fetch commands."""
    assert pcie.bme
    pcie.bme = False
    assert not pcie.bme
    nvme0.timeout = 500
    with pytest.warns(UserWarning, match="drive timeout"):
        nvme0n1.read(qpair, d.Buffer(4096), 0, 8).waitdone()
    pcie.bme = True
    nvme0.reset()
    nvme0.timeout = 10000
    read_back(nvme0n1, qpair)


def test_link(pcie, nvme0, nvme0n1, qpair):
    """ASPM and target speed are set at both ends of the link."""
    pcie.aspm = 0
    assert pcie.aspm == 0
    assert pcie.speed == 0 or 1 <= pcie.speed <= 6
    pcie.speed = 1
    read_back(nvme0n1, qpair)


def test_large_buffers_stay_the_device_s(nvme0, nvme0n1, qpair):
    """Memory that is freed and given out again is still what the drive sees: its pages are pinned."""
    for i in range(4):
        big = d.Buffer(2 << 20)
        big[0:4096] = bytes([i + 1]) * 4096
        nvme0n1.write(qpair, big, 8 * i, 8).waitdone()
        del big
        back = d.Buffer(2 << 20)
        nvme0n1.read(qpair, back, 8 * i, 8).waitdone()
        assert back[16:496] == bytes([i + 1]) * 480  # both ends of a block are the driver's
        del back


def test_two_drives_at_once():
    """Two workers on two drives, verified, at the same time, in address spaces of their own."""
    drives = []
    for addr in (FIRST, SECOND):
        nvme0 = d.Controller(d.Pcie(addr))
        ns = d.Namespace(nvme0, 1)
        ns.verify_enable(True)
        drives.append((nvme0, ns))
    workers = [
        ns.ioworker(io_size=8, time=3, qdepth=8, read_percentage=50, region_end=4096, cpu_id=i + 1).start()
        for i, (_, ns) in enumerate(drives)
    ]
    for w in workers:
        r = w.close()
        assert r.error == 0 and r.io_count_read > 50 and r.io_count_write > 50
    for nvme0, ns in drives:
        ns.close()
        nvme0.pcie.close()


def test_killed_and_attached_again(pciaddr):
    """A test process that is killed under I/O leaves the drive usable."""
    ready, child = os.pipe()

    def write_on():
        nvme0 = d.Controller(d.Pcie(pciaddr))
        ns, q, buf = d.Namespace(nvme0, 1), d.Qpair(nvme0, 16), d.Buffer(4096)
        os.write(child, b"!")
        while True:
            for _ in range(8):
                ns.write(q, buf, 0, 8)
            q.waitdone(8)

    for i in range(5):
        pid = forked(write_on)
        assert os.read(ready, 1) == b"!"
        time.sleep(0.05 * i)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    os.close(ready)
    os.close(child)
    nvme0 = d.Controller(d.Pcie(pciaddr))
    ns, q = d.Namespace(nvme0, 1), d.Qpair(nvme0, 16)
    read_back(ns, q)
    q.delete()
    ns.close()
    nvme0.pcie.close()


def physical(va):
    """Where a page is in physical memory.  Kernel documentation, "Examining Process Page Tables"."""
    with open("/proc/self/pagemap", "rb") as f:
        f.seek(va // 4096 * 8)
        return (int.from_bytes(f.read(8), "little") & (1 << 55) - 1) * 4096 + va % 4096


def test_physical_addresses(pciaddr):
    """What --allow-noiommu does with memory, while the IOMMU checks it: huge pages at their physical addresses."""
    pages = pathlib.Path("/proc/sys/vm/nr_hugepages")
    pages.write_text("128")

    def use():
        os.environ["NVPROOF_NOIOMMU"] = "1"
        nvme0 = d.Controller(d.Pcie(pciaddr))
        buf = d.Buffer(4096)
        assert physical(ctypes.addressof(ctypes.c_char.from_buffer(memoryview(buf)))) == buf.phys_addr
        ns, q = d.Namespace(nvme0, 1), d.Qpair(nvme0, 16)
        read_back(ns, q)
        q.delete()
        ns.close()
        nvme0.pcie.close()

    try:
        assert int(pages.read_text()) >= 64, "too few huge pages"
        assert os.waitstatus_to_exitcode(os.waitpid(forked(use), 0)[1]) == 0
    finally:
        pages.write_text("0")


# --- SR-IOV ---

_ADMIN_CMD = 0xC0484E41  # NVME_IOCTL_ADMIN_CMD: _IOWR('N', 0x41, struct nvme_admin_cmd)


def virt_mgmt(node, cntlid, resource, action, count=0):
    """Virtualization Management through the kernel's driver.  NVMe Base Specification, "Virtualization Management command"."""
    words = (
        0x1C,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        cntlid << 16 | resource << 8 | action,
        count,
        0,
        0,
        0,
        0,
        5000,
        0,
    )
    with open(node, "rb", buffering=0) as f:
        status = fcntl.ioctl(f, _ADMIN_CMD, bytearray(struct.pack("<BBHIIIQQIIIIIIIIII", *words)))
    assert status == 0, f"action {action} on controller {cntlid}: status {status:x}h"


@pytest.fixture
def virtual_function():
    """The first virtual function of the third drive, with resources and online; its address."""
    home = DEVICES / THIRD
    assert driver(THIRD) == "nvme"
    disk(THIRD)
    node = f"/dev/{pcidev.Function(THIRD).ctrlr}"
    for resource in (1, 0):
        virt_mgmt(node, 0, resource, 1, 0)
    (home / "reset").write_text("1")
    (home / "sriov_drivers_autoprobe").write_text("0")
    (home / "sriov_numvfs").write_text("1")
    disk(THIRD)
    for resource in (1, 0):
        virt_mgmt(node, 1, resource, 8, 2)
    virt_mgmt(node, 1, 0, 9)
    yield os.path.basename(os.readlink(home / "virtfn0"))
    nvproof("release", "--all")
    (home / "sriov_numvfs").write_text("0")


def test_virtual_function(virtual_function):
    """A VF is a drive of its own to a test, found by the address of its physical function; that one is refused meanwhile."""
    status, out, err = nvproof("bind", THIRD)
    assert status == 2 and "virtual functions of it are enabled" in err
    with pytest.raises(d.NvmeEnumerateError, match="no virtual function 2: 1 are enabled"):
        d.Pcie(THIRD, vf=2)
    pcie = d.Pcie(THIRD, vf=1)
    assert pcie.addr == virtual_function
    nvme0 = d.Controller(pcie)
    assert nvme0.id_data(79, 78) == 1  # CNTLID
    ns, q = d.Namespace(nvme0, 1), d.Qpair(nvme0, 16)
    read_back(ns, q)
    interrupted(ns, q)
    pcie.flr()
    nvme0.reset()
    read_back(ns, q)
    q.delete()
    ns.close()
    pcie.close()
