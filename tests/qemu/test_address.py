# SPDX-License-Identifier: BSD-3-Clause
"""Addresses that begin with `qemu:`: what options become, and what goes wrong."""
import os
import pathlib
import signal
import struct
import subprocess
import sys
import threading
import time

import pytest

import nvme as d


@pytest.fixture
def opened():
    """Open a device by its options, closed at the end."""
    devices = []

    def go(options="size=64M"):
        devices.append(d.Pcie(f"qemu:nvme?{options}"))
        return d.Controller(devices[-1])

    yield go
    for device in devices:
        device.close()


def _io(nvme0, nsid=1):
    ns, qpair = d.Namespace(nvme0, nsid), d.Qpair(nvme0, 16)
    out, back = d.Buffer(4096, pvalue=nsid, ptype=0xBEEF), d.Buffer(4096)
    ns.write(qpair, out, 8, 4096 // ns.sector_size).waitdone()
    ns.read(qpair, back, 8, 4096 // ns.sector_size).waitdone()
    qpair.delete()
    ns.close()
    return back[:] == out[:]


def _children():
    found = []
    for task in pathlib.Path("/proc/self/task").iterdir():
        found += (task / "children").read_text().split()
    return [int(pid) for pid in found if "qemu" in pathlib.Path("/proc", pid, "comm").read_text()]


def test_time_to_enabled(opened):
    """Well under a second (0.06 s on an idle machine): the best of three, since others may use the machine."""
    times = []
    for _ in range(3):
        start = time.monotonic()
        opened()
        times.append(time.monotonic() - start)
    assert min(times) < 0.5, times


def test_namespaces_and_mdts(opened):
    nvme0 = opened("size=64M&ns=3&mdts=5&logical_block_size=4096")
    assert nvme0.mdts == 4096 << 5 and all(_io(nvme0, nsid) for nsid in (1, 2, 3))


def test_metadata_and_protection(opened):
    ns = d.Namespace(opened("size=64M&ms=8&pi=1"), 1)
    assert (ns.sector_size, ns.meta_size) == (512, 8) and ns.id_data(29) == 1
    ns.close()


@pytest.mark.parametrize("extra", ["", "&zoned.zrwas=64K&zoned.zrwafg=4K&zoned.numzrwa=4"])
def test_zoned(opened, extra):
    """Eight zones open and active at most.  ZNS Command Set, "Identify Namespace data structure" (MAR, MOR; 0's based)."""
    nvme0 = opened("size=64M&zoned=true&zoned.zone_size=4M&zoned.max_open=8&zoned.max_active=8" + extra)
    data = d.Buffer(4096)
    nvme0.send_cmd(0x06, data, 1, cdw10=0x05, cdw11=0x02 << 24).waitdone()
    assert data.data(7, 4) == 7 and data.data(11, 8) == 7


def test_controller_memory(opened):
    nvme0 = opened("size=64M&cmb_size_mb=16&pmr=32M")
    assert nvme0.cap >> 57 & 1 and nvme0.cap >> 56 & 1  # CMBS, PMRS
    assert nvme0[0xE00] & 7 or _io(nvme0)  # PMRCAP; and it works with both


def test_two_controllers(opened):
    """Controller List, CNS 13h.  NVMe Base, "Controller List"."""
    nvme0, buf = opened("size=64M&ctrlrs=2"), d.Buffer(4096)
    nvme0.identify(buf, nsid=0, cns=0x13).waitdone()
    count, *found = struct.unpack_from("<3H", bytes(buf[:6]))
    assert count == 2 and found == [0, 1] and _io(nvme0)


def test_virtual_functions(opened):
    """SR-IOV, Extended Capability 10h.  PCI Express Base, "Single Root I/O Virtualization"."""
    nvme0 = opened(
        "size=64M&max_ioqpairs=8&msix_qsize=9&sriov_max_vfs=2&sriov_vq_flexible=4&sriov_vi_flexible=4"
    )
    at = 0x100
    while nvme0.pcie.cfg_word_read(at) != 0x10:
        at = nvme0.pcie.cfg_word_read(at + 2) >> 4
        assert at
    assert nvme0.pcie.cfg_word_read(at + 0x0E) == 2 and _io(nvme0)  # TotalVFs


def test_image_keeps_its_content(tmp_path):
    image = tmp_path / "drive"
    with image.open("wb") as f:
        f.truncate(16 << 20)
    for text in (None, b"kept"):
        pcie = d.Pcie(f"qemu:nvme?image={image}")
        ns, buf = d.Namespace(d.Controller(pcie), 1), d.Buffer(512)
        qpair = d.Qpair(ns.nvme, 4)
        if text:
            ns.read(qpair, buf, 3).waitdone()
            assert buf[16:20] == text
        else:
            buf[16:20] = b"kept"
            ns.write(qpair, buf, 3).waitdone()
        pcie.close()


@pytest.mark.parametrize("kind", ["flr", "reset", "link_disable_enable"])
def test_resets(opened, kind):
    nvme0 = opened()
    assert _io(nvme0)
    getattr(nvme0.pcie, kind)()
    nvme0.reset()
    assert _io(nvme0)


@pytest.mark.parametrize(
    "options, text",
    [
        ("nonsense=1", "Property 'nvme.nonsense' not found"),
        ("mdts=many", "mdts"),
        ("size=0", "a size from 1M"),
        ("size=1X", "a size from 1M"),
        ("ns=0", "a number from 1 to 32"),
        ("image=/nowhere/file", "No such file"),
        ("drive=none0", "no such option"),
        ("serial=A,drive=x&zoned=true&zoned.zone_size=3", "zone size"),
        ("ns=2&zoned.nonsense=1", "nvme-ns.zoned.nonsense"),
    ],
)
def test_options_that_are_wrong(options, text):
    with pytest.raises(d.NvmeEnumerateError, match=text):
        d.Pcie(f"qemu:nvme?{options}")
    with pytest.raises(d.NvmeEnumerateError, match="qemu:nvme"):
        d.Pcie(f"qemu:virtio?{options}")
    assert not _children()


def test_not_installed():
    """The message names the package."""
    code = "import nvme as d; d.Pcie('qemu:nvme')"
    env = {**os.environ, "PATH": "/nowhere"}
    p = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert p.returncode and "install the package qemu-system-x86" in p.stderr


def test_it_is_killed_under_us(opened):
    """Each call says so, at once."""
    nvme0 = opened()
    (child,) = _children()
    os.kill(child, signal.SIGKILL)
    start = time.monotonic()
    for _ in range(3):
        with pytest.raises(SystemError):
            nvme0[0x1C]
    assert time.monotonic() - start < 2


def test_opened_in_a_thread_that_ends():
    """It is the process that QEMU does not outlive, not who opened it."""
    found = []
    thread = threading.Thread(target=lambda: found.append(d.Pcie("qemu:nvme?size=64M")))
    thread.start()
    thread.join()
    time.sleep(0.05)
    nvme0 = d.Controller(found[0])
    assert _io(nvme0) and len(_children()) == 1
    found[0].close()
    assert not _children()
