# SPDX-License-Identifier: BSD-3-Clause
"""Taking drives from a real kernel and giving them back: nvproof list, bind, release."""
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

import nvme as d
from nvproof import bind, sysfs

sys.path.insert(0, os.path.dirname(__file__))
from conftest import DEVICES, FIRST, SECOND, SERIAL, disk, driver, forked, listed, nvproof, sh  # noqa: E402


@pytest.fixture
def second():
    """The second drive's disk, with the kernel."""
    assert driver(SECOND) == "nvme"
    return disk(SECOND)


def refused(*texts):
    status, out, err = nvproof("bind", SECOND)
    assert status == 2 and driver(SECOND) == "nvme", out + err
    for text in texts:
        assert text in err, err


def test_list():
    drives = listed()
    assert {b: f["serial"] for b, f in drives.items()} == SERIAL
    first = drives[FIRST]
    assert first["driver"] == "nvme" and first["model"] == "QEMU NVMe Ctrl" and first["size"] == 1 << 30
    assert (
        isinstance(first["iommu_group"], int)
        and first["device"].startswith("/dev/nvme")
        and not first["used_by"]
    )


def test_mounted_file_system(second, tmp_path):
    """Refused while mounted, taken afterwards; after release the file system is as it was."""
    sh("mkfs.ext4", "-q", second)
    mnt = tmp_path / "mnt"
    mnt.mkdir()
    sh("mount", second, str(mnt))
    (mnt / "file").write_text("precious")
    try:
        refused(f"{second} is mounted on {mnt}", f"umount {mnt}")
        assert listed()[SECOND]["used_by"] == [f"{second} is mounted on {mnt}"]
        with pytest.raises(
            d.NvmeEnumerateError, match=f"{second} is mounted on"
        ):  # a test gets the same message
            d.Pcie(SECOND)
        assert (mnt / "file").read_text() == "precious"
    finally:
        sh("umount", str(mnt))
    assert nvproof("bind", SECOND)[0] == 0
    assert driver(SECOND) == "vfio-pci" and listed()[SECOND]["serial"] == "SECOND"
    status, out, err = nvproof("release", SECOND)
    assert status == 0 and driver(SECOND) == "nvme", err
    sh("mount", "-o", "ro", disk(SECOND), str(mnt))
    assert (mnt / "file").read_text() == "precious"
    sh("umount", str(mnt))


def test_swap(second):
    sh("mkswap", second)
    sh("swapon", second)
    try:
        refused(f"{second} is in use as swap", f"swapoff {second}")
    finally:
        sh("swapoff", second)


def test_device_mapper(second):
    sh("dmsetup", "create", "testmap", "--noudevsync", "--table", f"0 1024 linear {second} 0")
    try:
        refused(f"{second} is held by the device mapper's testmap", "dmsetup remove testmap")
    finally:
        sh("dmsetup", "remove", "--noudevsync", "testmap")


def test_open_file(second):
    with open(second, "rb"):
        refused(f"{second} is open in", "end that program")


def test_mounted_where_we_cannot_see_it(second):
    """A mount in another mount namespace is in no file of ours: the kernel's claim tells."""
    sh("mkfs.ext4", "-q", second)
    p = subprocess.Popen(
        ["unshare", "-m", "sh", "-c", f"mount {second} /mnt && echo mounted && exec sleep 100"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert p.stdout.readline() == "mounted\n"
        refused(f"{second} is claimed inside the kernel")
    finally:
        p.kill()
        p.wait()
    for _ in range(100):
        if nvproof("bind", "--dry-run", SECOND)[0] == 0:
            return
        time.sleep(0.1)
    raise AssertionError("the namespace is gone, and its mount is not")


@pytest.mark.parametrize("step", [1, 2, 3])
def test_release_after_a_crash(second, step):
    """bind dies after some of its writes to sysfs; release puts the drive back."""
    real, done = sysfs.write, []

    def write(*args):
        real(*args)
        done.append(args)
        if len(done) == step:
            os._exit(9)

    def die():
        sysfs.write = write
        bind.bind(SECOND)

    assert os.waitstatus_to_exitcode(os.waitpid(forked(die), 0)[1]) == 9
    status, out, err = nvproof("release", SECOND)
    assert status == 0 and driver(SECOND) == "nvme", out + err
    assert (DEVICES / SECOND / "driver_override").read_text() == "(null)\n"
    disk(SECOND)


def test_address_that_is_not_bound_yet():
    """A free drive is taken by its address in a test, and stays with VFIO until it is released."""
    pcie = d.Pcie(SECOND[5:])
    assert pcie.addr == SECOND and driver(SECOND) == "vfio-pci"
    status, out, err = nvproof("release", SECOND)
    assert status == 2 and "is open in " in err, out + err
    assert listed()[SECOND]["used_by"][0].startswith("open in ")
    with pytest.raises(d.NvmeEnumerateError, match="open in this process already"):
        d.Pcie(SECOND)
    pcie.close()
    assert nvproof("release", SECOND)[0] == 0


def test_drive_that_another_process_has():
    ready, child = os.pipe()

    def hold():
        pcie = d.Pcie(SECOND)
        os.write(child, b"!")
        time.sleep(100)
        pcie.close()

    pid = forked(hold)
    try:
        assert os.read(ready, 1) == b"!"
        with pytest.raises(d.NvmeEnumerateError, match="another process has /dev/vfio/.* open"):
            d.Pcie(SECOND)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(ready)
        os.close(child)
    d.Pcie(SECOND).close()


def test_unknown_address():
    assert "there is no such PCI function" in nvproof("bind", "0000:0f:00.0")[2]
    assert "is no NVMe function" in nvproof("bind", "0000:00:06.0")[2]
    assert pathlib.Path("/sys/bus/pci/devices/0000:00:06.0").exists()
