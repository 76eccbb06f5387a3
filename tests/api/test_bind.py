# SPDX-License-Identifier: BSD-3-Clause
"""nvproof list, bind and release on a machine made of files: who keeps a drive, what the message says, and that all comes back."""
import errno
import json
import os
import sys

import pytest

import nvme as d
from nvproof import bind, inuse, pcidev, sysfs
from nvproof.cli.main import main

sys.path.insert(0, os.path.dirname(__file__))
from fake_machine import Machine  # noqa: E402

A, B = "0000:01:00.0", "0000:02:00.0"


@pytest.fixture
def machine(tmp_path, monkeypatch):
    m = Machine(tmp_path, monkeypatch)
    m.nvme(A, 0, group="7")
    return m


def refused(machine, *words):
    """Binding is refused, nothing was written, and the message has these words."""
    with pytest.raises(bind.InUse) as e:
        bind.bind(A)
    for word in words:
        assert word in str(e.value), str(e.value)
    assert machine.driver(A) == "nvme" and not machine.written and machine.saved(A) is None
    return str(e.value)


# --- free drives ---


def test_bind_and_release(machine):
    assert bind.bind(A) is True
    assert machine.driver(A) == "vfio-pci" and machine.override(A) == "vfio-pci\n"
    assert machine.saved(A)["driver"] == "nvme" and machine.saved(A)["serial"] == "SN0"
    assert bind.release(A) is True
    assert machine.driver(A) == "nvme" and machine.override(A) == "(null)\n" and machine.saved(A) is None


def test_bind_again_changes_nothing(machine):
    bind.bind(A)
    before = list(machine.written)
    assert bind.bind(A) is False
    assert machine.written == before


def test_release_what_was_not_bound(machine):
    assert bind.release(A) is False
    assert not machine.written


def test_release_without_the_saved_file(machine):
    """A reboot of /run, or a crash before it was written: the kernel's own choice of driver."""
    bind.bind(A)
    os.unlink(pcidev.state_path(A))
    assert bind.release(A) is True
    assert machine.driver(A) == "nvme" and machine.override(A) == "(null)\n"


def test_release_with_a_damaged_file(machine):
    bind.bind(A)
    machine.file(f"run/nvproof/bind/{A}.json", "{broken")
    assert bind.release(A) is True
    assert machine.driver(A) == "nvme" and machine.saved(A) is None


@pytest.mark.parametrize("step", range(3))
def test_release_after_a_crash_at_each_step(machine, monkeypatch, step):
    """The process dies after 0, 1, 2 of its writes: release puts everything back."""

    class Died(BaseException):
        pass

    def dying(name, text):
        if len(machine.written) == step:
            raise Died
        machine._write(name, text)

    monkeypatch.setattr(sysfs, "write", dying)
    with pytest.raises(Died):
        bind.bind(A)
    assert machine.saved(A)["driver"] == "nvme"
    monkeypatch.setattr(sysfs, "write", machine._write)
    assert bind.release(A) is True
    assert machine.driver(A) == "nvme" and machine.override(A) == "(null)\n" and machine.saved(A) is None


def test_driver_override_of_before_comes_back(machine):
    machine.file(f"sys/bus/pci/devices/{A}/driver_override", "nvme\n")
    bind.bind(A)
    bind.release(A)
    assert machine.override(A) == "nvme\n" and machine.driver(A) == "nvme"


def test_a_function_without_driver_gets_none_back(machine):
    machine.function(B, group="8", driver="")
    bind.bind(B)
    assert machine.driver(B) == "vfio-pci"
    bind.release(B)
    assert machine.driver(B) == "" and machine.override(B) == "(null)\n"


def test_vfio_that_does_not_take_it(machine):
    """The kernel has it again, and the message says so."""
    machine.refuse["vfio-pci"] = True
    with pytest.raises(OSError, match="did not take it"):
        bind.bind(A)
    assert machine.driver(A) == "nvme" and machine.override(A) == "(null)\n" and machine.saved(A) is None


def test_write_that_the_kernel_refuses(machine, monkeypatch):
    def denied(name, text):
        raise PermissionError(errno.EACCES, "Permission denied", name)

    monkeypatch.setattr(sysfs, "write", denied)
    with pytest.raises(OSError, match="run it as root"):
        bind.bind(A)
    assert machine.driver(A) == "nvme"


def test_module_that_is_missing(machine, monkeypatch):
    (machine.root / "sys/bus/pci/drivers/vfio-pci").rmdir()
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(bind.shutil, "which", lambda *a, **k: None)
    with pytest.raises(OSError, match="modprobe vfio-pci"):
        bind.bind(A)
    assert machine.driver(A) == "nvme" and not machine.written


# --- drives that stay ---


def test_mounted_disk(machine):
    machine.mount("259:1", "/dev/nvme0n1", "/mnt/data")
    refused(machine, A, "/dev/nvme0n1 is mounted on /mnt/data", "umount /mnt/data")


def test_mounted_partition_with_a_space(machine):
    machine.mount(machine.partition("nvme0n1", 1), "/dev/nvme0n1p1", "/mnt/my\\040data")
    refused(machine, "/dev/nvme0n1p1 is mounted on /mnt/my data")


def test_mounted_btrfs(machine):
    """Its device number is its own: the source tells."""
    machine.partition("nvme0n1", 1)
    machine.mount("0:44", "/dev/nvme0n1p1", "/srv", fs="btrfs")
    refused(machine, "/dev/nvme0n1p1 is mounted on /srv")


@pytest.mark.parametrize("point", ["/", "/boot", "/boot/efi", "/usr"])
def test_boot_drive(machine, point):
    machine.mount(machine.partition("nvme0n1", 2), "/dev/nvme0n1p2", point)
    refused(machine, f"mounted on {point}: this is the boot drive", "use another drive")


def test_boot_drive_that_is_not_mounted(machine):
    """The boot loader's own word."""
    dev = machine.partition("nvme0n1", 1)
    uuid = "c0ffee00-1111-2222-3333-444455556666"
    machine.file(f"run/udev/data/b{dev}", f"E:ID_PART_ENTRY_UUID={uuid}\n")
    efi = machine.root / "sys/firmware/efi/efivars" / inuse._LOADER_PARTITION
    efi.parent.mkdir(parents=True)
    efi.write_bytes(b"\6\0\0\0" + (uuid.upper() + "\0").encode("utf-16-le"))
    refused(machine, "/dev/nvme0n1p1 is where this machine booted from")


def test_swap(machine):
    machine.partition("nvme0n1", 3)
    machine.append("proc/swaps", "/dev/nvme0n1p3 partition 1000 0 -2\n")
    refused(machine, "/dev/nvme0n1p3 is in use as swap", "swapoff /dev/nvme0n1p3")


@pytest.mark.parametrize(
    "uuid, mapped, words, advice",
    [
        ("LVM-abc", "vg-root", "held by the LVM volume vg-root", "lvchange -an /dev/mapper/vg-root"),
        ("CRYPT-LUKS2-abc", "secret", "held by the encrypted device secret", "cryptsetup close secret"),
        ("", "linear", "held by the device mapper's linear", "dmsetup remove linear"),
    ],
)
def test_device_mapper(machine, uuid, mapped, words, advice):
    machine.partition("nvme0n1", 1)
    machine.holder("nvme0n1p1", "dm-0", uuid, mapped)
    refused(machine, f"/dev/nvme0n1p1 is {words}", advice)


def test_raid(machine):
    machine.holder("nvme0n1", "md127")
    refused(machine, "/dev/nvme0n1 is held by the RAID array /dev/md127", "mdadm --stop /dev/md127")


def test_another_holder(machine):
    machine.holder("nvme0n1", "bcache0")
    refused(machine, "/dev/nvme0n1 is held by /dev/bcache0")


def test_mounted_volume_on_a_volume(machine):
    """LVM on LUKS on a partition: all three are named, and what is mounted on top."""
    machine.partition("nvme0n1", 2)
    machine.holder("nvme0n1p2", "dm-0", "CRYPT-LUKS2-x", "crypt")
    machine.mount(machine.holder("dm-0", "dm-1", "LVM-y", "vg-home"), "/dev/mapper/vg-home", "/home")
    text = refused(machine, "/dev/mapper/vg-home (on /dev/dm-0) is mounted on /home", "umount /home")
    assert "held by the encrypted device crypt" in text and "held by the LVM volume vg-home" in text


def test_swap_on_a_volume(machine):
    machine.holder("nvme0n1", "dm-0", "LVM-z", "vg-swap")
    machine.append("proc/swaps", "/dev/mapper/vg-swap partition 1000 0 -2\n")
    refused(machine, "/dev/mapper/vg-swap (on /dev/nvme0n1) is in use as swap")


def test_zfs(machine):
    dev = machine.partition("nvme0n1", 1)
    machine.file(f"run/udev/data/b{dev}", "E:ID_FS_TYPE=zfs_member\nE:ID_FS_LABEL=tank\n")
    assert not inuse.users(pcidev.Function(A))  # exported: nobody uses it
    (machine.root / "proc/spl/kstat/zfs/tank").mkdir(parents=True)
    refused(machine, "/dev/nvme0n1p1 belongs to the ZFS pool tank", "zpool export tank")


@pytest.mark.parametrize("node", ["/dev/nvme0n1", "/dev/nvme0n1p1", "/dev/nvme0", "/dev/ng0n1"])
def test_open_file(machine, node):
    machine.partition("nvme0n1", 1)
    machine.opened(node)
    refused(machine, f"{node} is open in dd (pid 4321)", "end that program")


def test_claimed_by_who_knows(machine, monkeypatch):
    """Nothing in files explains it, but an exclusive open fails: the kernel's word counts."""
    real = os.open

    def busy(path, flags, *more, **kwargs):
        if str(path).endswith("dev/nvme0n1") and flags & os.O_EXCL:
            raise OSError(errno.EBUSY, "Device or resource busy", path)
        return real(path, flags, *more, **kwargs)

    monkeypatch.setattr(inuse.os, "open", busy)
    refused(machine, "/dev/nvme0n1 is claimed inside the kernel", "lsblk /dev/nvme0n1")


def test_multipath_namespace(machine):
    """The disk is under the subsystem; under the function there is only a path to it."""
    home = machine.root / f"sys/bus/pci/devices/{A}/nvme/nvme0"
    (home / "nvme0n1").rename(home / "nvme0c0n1")
    machine.mount("259:1", "/dev/nvme0n1", "/mnt")
    refused(machine, "/dev/nvme0n1 is mounted on /mnt")


def test_second_namespace(machine):
    machine.mount(machine.disk("nvme0n2"), "/dev/nvme0n2", "/mnt")
    (machine.root / f"sys/bus/pci/devices/{A}/nvme/nvme0/nvme0n2").mkdir()
    refused(machine, "/dev/nvme0n2 is mounted on /mnt")


def test_all_users_are_named(machine):
    machine.mount(machine.partition("nvme0n1", 1), "/dev/nvme0n1p1", "/a")
    machine.mount(machine.partition("nvme0n1", 2), "/dev/nvme0n1p2", "/b")
    refused(machine, "mounted on /a", "mounted on /b")


def test_other_drives_do_not_matter(machine):
    machine.nvme(B, 1, group="8")
    machine.mount("259:2", "/dev/nvme1n1", "/mnt")
    machine.append("proc/swaps", "/dev/sda2 partition 1000 0 -2\n")
    assert bind.bind(A)


# --- the IOMMU group ---


def test_group_with_a_device_in_use(machine):
    machine.function("0000:03:00.0", group="7", driver="xhci_hcd", cls="0x0c0330")
    refused(
        machine, "0000:03:00.0 of the same IOMMU group 7 is in use by the driver xhci_hcd", "another slot"
    )


def test_group_with_bridges_and_idle_devices(machine):
    machine.function("0000:00:01.0", group="7", driver="pcieport", cls="0x060400")
    machine.function("0000:03:00.0", group="7", driver="", cls="0x0c0330")
    machine.function("0000:04:00.0", group="7", driver="vfio-pci", cls="0x0c0330")
    assert bind.bind(A)


def test_group_with_two_drives(machine, capsys):
    """One alone is refused and the message says how; both together work."""
    machine.nvme(B, 1, group="7")
    refused(machine, f"{B} of the same IOMMU group", "bind it too, in the same command")
    assert main(["bind", A, B]) == 0
    assert machine.driver(A) == machine.driver(B) == "vfio-pci"
    assert capsys.readouterr().out.count("bound to vfio-pci") == 2


def test_all_or_none(machine, capsys):
    machine.nvme(B, 1, group="8")
    machine.mount("259:2", "/dev/nvme1n1", "/mnt")
    assert main(["bind", A, B]) == 2
    assert "mounted on /mnt" in capsys.readouterr().err
    assert machine.driver(A) == "nvme" and not machine.written


def test_no_iommu(machine, capsys):
    machine.nvme(B, 1, group="")
    with pytest.raises(bind.InUse, match="there is no IOMMU.*--allow-noiommu"):
        bind.bind(B)
    for mode, words in (("", "built without CONFIG_VFIO_NOIOMMU"), ("N\n", "yet: echo 1 >")):
        if mode:
            machine.file("sys/module/vfio/parameters/enable_unsafe_noiommu_mode", mode)
        assert main(["bind", B, "--allow-noiommu"]) == 2
        assert words in capsys.readouterr().err
        assert machine.driver(B) == "nvme" and not machine.written and machine.saved(B) is None
    machine.file("sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "Y\n")
    assert main(["bind", B, "--allow-noiommu"]) == 0
    assert "WITHOUT AN IOMMU" in capsys.readouterr().err
    assert machine.driver(B) == "vfio-pci"


def test_virtual_functions_first(machine):
    machine.function("0000:01:00.1", group="9", driver="")
    machine.link(f"sys/bus/pci/devices/{A}/virtfn0", "sys/bus/pci/devices/0000:01:00.1")
    refused(machine, "1 virtual functions of it are enabled", "sriov_numvfs")


# --- addresses ---


@pytest.mark.parametrize(
    "name", [A, "01:00.0", "/dev/nvme0", "nvme0", "/dev/nvme0n1", "/dev/nvme0n1p1", A.upper()]
)
def test_names_of_a_drive(machine, name):
    assert pcidev.normalize(name) == A


@pytest.mark.parametrize("name", ["0000:09:00.0", "/dev/nvme9"])
def test_unknown_drive(machine, name):
    with pytest.raises(ValueError, match="there is no such"):
        bind.bind(name)


def test_not_a_drive(machine):
    machine.function("0000:03:00.0", group="9", driver="xhci_hcd", cls="0x0c0330")
    with pytest.raises(ValueError, match="no NVMe function.*0c03h"):
        bind.bind("0000:03:00.0")
    with pytest.raises(ValueError, match="neither a PCI address"):
        bind.bind("sda")


def test_release_of_an_open_drive(machine):
    """The kernel would wait until it is closed: said instead."""
    bind.bind(A)
    machine.opened("/dev/vfio/7", comm="pytest")
    with pytest.raises(bind.InUse, match=r"open in pytest \(pid 4321\)"):
        bind.release(A)
    assert machine.driver(A) == "vfio-pci"


# --- in a test, and from the shell ---


def test_address_in_a_test_gets_the_same_message(machine):
    machine.mount("259:1", "/dev/nvme0n1", "/mnt/data")
    with pytest.raises(d.NvmeEnumerateError, match="/dev/nvme0n1 is mounted on /mnt/data; umount /mnt/data"):
        d.Pcie("01:00.0")
    assert not machine.written


def test_address_in_a_test_takes_a_free_drive(machine, caplog):
    """Its checks passed, so it is bound; then VFIO itself is missing on this machine of files."""
    with pytest.raises(d.NvmeEnumerateError, match=A):
        d.Pcie("01:00.0")
    assert machine.driver(A) == "vfio-pci" and "nvproof release" in caplog.text


def test_virtual_function_by_number(machine):
    from nvproof import pcilink

    with pytest.raises(ValueError, match="no SR-IOV capability"):
        pcilink.prepare(A, vf=1)
    machine.file(f"sys/bus/pci/devices/{A}/sriov_totalvfs", "2\n")
    with pytest.raises(ValueError, match="0 are enabled; echo 1 > .*sriov_numvfs"):
        pcilink.prepare(A, vf=1)
    machine.function("0000:01:00.1", group="9", driver="vfio-pci")
    machine.link(f"sys/bus/pci/devices/{A}/virtfn0", "sys/bus/pci/devices/0000:01:00.1")
    assert pcilink.prepare(A, vf=1) == "0000:01:00.1"
    assert pcilink.prepare("01:00.1?iommufd", msi_only=True) == "0000:01:00.1?iommufd&msi"


def test_list(machine, capsys):
    machine.nvme(B, 1, group="8")
    machine.function("0000:03:00.0", group="9", driver="xhci_hcd", cls="0x0c0330")
    machine.mount("259:1", "/dev/nvme0n1", "/mnt")
    bind.bind(B)
    machine.opened("/dev/vfio/8", comm="python")
    assert main(["list", "-o", "json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["schema_version"] == 1 and [f["address"] for f in answer["functions"]] == [A, B]
    first, second = answer["functions"]
    assert first == {
        "address": A,
        "model": "A Drive",
        "serial": "SN0",
        "firmware": "1.0",
        "size": 2_000_000_000 * 512,
        "driver": "nvme",
        "iommu_group": 7,
        "numa_node": 0,
        "link": "8.0 GT/s x4",
        "device": "/dev/nvme0",
        "physical_function": None,
        "used_by": ["/dev/nvme0n1 is mounted on /mnt"],
    }
    assert second["driver"] == "vfio-pci" and second["serial"] == "SN1"  # from before it was bound
    assert second["used_by"] == ["open in python (pid 4321)"]
    assert main(["list"]) == 0
    text = capsys.readouterr().out
    assert "1024 GB" in text and "mounted on /mnt" in text and text.splitlines()[0].startswith("address")


def test_shell(machine, capsys):
    assert main(["bind", "--dry-run", "nvme0"]) == 0
    assert "could be bound" in capsys.readouterr().out and not machine.written
    assert main(["bind", "nvme0"]) == 0
    assert "--pciaddr=0000:01:00.0" in capsys.readouterr().out
    assert main(["bind", A]) == 0
    assert "has it already" in capsys.readouterr().out
    assert main(["release", "--all"]) == 0
    assert "given back, driver nvme" in capsys.readouterr().out
    assert main(["release", A]) == 0
    assert "nothing to give back" in capsys.readouterr().out
    assert main(["release"]) == 2
    assert main(["bind", "0000:09:00.0"]) == 2
    assert "no such PCI function" in capsys.readouterr().err
