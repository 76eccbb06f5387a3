# SPDX-License-Identifier: BSD-3-Clause
"""Who uses a drive: what would lose data, or break, if it were taken from the kernel.

A drive is in use when one of its namespaces, a partition, or anything stacked on them (device mapper, LVM, encryption, md, ZFS, bcache) is
mounted, swapped on, held or open.  Last, the kernel itself is asked: whatever claims a block device for itself makes an exclusive open fail,
also a file system in another mount namespace.
"""
import errno
import os
import re
import stat
from dataclasses import dataclass

from . import sysfs
from .pcidev import Function

_BOOT_POINTS = ("/", "/boot", "/boot/efi", "/efi", "/usr")
_VFIO_FRIENDLY = ("", "pci-stub", "pcieport")  # drivers that VFIO tolerates in a group
_LOADER_PARTITION = (
    "LoaderDevicePartUUID-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"  # systemd, "The Boot Loader Interface"
)


@dataclass(frozen=True)
class Use:
    """One user: what it is, and what to do."""

    text: str
    advice: str


@dataclass(frozen=True)
class _Block:
    """A block device, and the way from the drive to it: ["nvme0n1", "nvme0n1p2", "dm-0"]."""

    name: str
    way: tuple[str, ...]

    @property
    def dir(self) -> str:
        return sysfs.path("sys/class/block", self.name)

    @property
    def dev(self) -> str:
        return sysfs.read(os.path.join(self.dir, "dev"))

    @property
    def title(self) -> str:
        """What a person calls it."""
        mapped = sysfs.read(os.path.join(self.dir, "dm/name"))
        own = f"/dev/mapper/{mapped}" if mapped else f"/dev/{self.name}"
        stacked = self.way and not self.name.startswith(self.way[-1])  # a partition's name says enough
        return f"{own} (on /dev/{self.way[-1]})" if stacked else own


def _partitions(disk: str) -> list[str]:
    folder = sysfs.path("sys/block", disk)
    return [n for n in sysfs.entries(folder) if os.path.exists(os.path.join(folder, n, "partition"))]


def _stack(name: str, way: tuple[str, ...], seen: dict[str, _Block]) -> None:
    """name, its partitions, and what holds them, into seen."""
    if name in seen:
        return
    seen[name] = _Block(name, way)
    for part in _partitions(name):
        _stack(part, (*way, name), seen)
    for holder in sysfs.entries(sysfs.path("sys/class/block", name, "holders")):
        _stack(holder, (*way, name), seen)


def blocks(disks: list[str]) -> list[_Block]:
    """The disks and everything on them."""
    seen: dict[str, _Block] = {}
    for disk in disks:
        _stack(disk, (), seen)
    return list(seen.values())


def _unescape(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda m: chr(int(m[1], 8)), text)


def _mounts() -> list[tuple[str, str, str]]:
    """(major:minor, source, mount point).  Kernel documentation, "/proc/<pid>/mountinfo"."""
    found = []
    for line in sysfs.read(sysfs.path("proc/self/mountinfo")).splitlines():
        left, _, right = line.partition(" - ")
        words, tail = left.split(" "), right.split(" ")
        if len(words) >= 5 and len(tail) >= 2:
            found.append((words[2], _unescape(tail[1]), _unescape(words[4])))
    return found


def _node_name(source: str) -> str:
    """The kernel's name of a device file: /dev/mapper/x is a link to ../dm-0."""
    return (
        os.path.basename(os.path.realpath(sysfs.path(source.lstrip("/"))))
        if source.startswith("/dev/")
        else ""
    )


def _mounted(b: _Block) -> list[Use]:
    uses = []
    for dev, source, point in _mounts():
        if dev != b.dev and _node_name(source) != b.name:  # btrfs has device numbers of its own
            continue
        if point in _BOOT_POINTS:
            uses.append(Use(f"{b.title} is mounted on {point}: this is the boot drive", "use another drive"))
        else:
            uses.append(Use(f"{b.title} is mounted on {point}", f"umount {point}"))
    return uses


def _swap(b: _Block) -> list[Use]:
    for line in sysfs.read(sysfs.path("proc/swaps")).splitlines()[1:]:
        source = _unescape(line.split()[0])
        if _node_name(source) == b.name:
            return [Use(f"{b.title} is in use as swap", f"swapoff {source}")]
    return []


def _holder(name: str, on: str) -> Use:
    folder = sysfs.path("sys/class/block", name)
    uuid, mapped = sysfs.read(f"{folder}/dm/uuid"), sysfs.read(f"{folder}/dm/name")
    if uuid.startswith("LVM-"):
        return Use(f"/dev/{on} is held by the LVM volume {mapped}", f"lvchange -an /dev/mapper/{mapped}")
    if uuid.startswith("CRYPT-"):
        return Use(f"/dev/{on} is held by the encrypted device {mapped}", f"cryptsetup close {mapped}")
    if mapped:
        return Use(f"/dev/{on} is held by the device mapper's {mapped}", f"dmsetup remove {mapped}")
    if name.startswith("md"):
        return Use(f"/dev/{on} is held by the RAID array /dev/{name}", f"mdadm --stop /dev/{name}")
    return Use(f"/dev/{on} is held by /dev/{name}", f"stop what made /dev/{name}")


def _held(b: _Block) -> list[Use]:
    return [_holder(h, b.name) for h in sysfs.entries(os.path.join(b.dir, "holders"))]


def _udev(b: _Block) -> dict[str, str]:
    """What udev knows: properties of its database."""
    lines = sysfs.read(sysfs.path("run/udev/data", f"b{b.dev}")).splitlines()
    return dict(line[2:].split("=", 1) for line in lines if line.startswith("E:") and "=" in line)


def _zfs(b: _Block) -> list[Use]:
    """ZFS has no holders in sysfs: a member of a pool that is imported now."""
    known = _udev(b)
    pool = known.get("ID_FS_LABEL", "")
    if known.get("ID_FS_TYPE") == "zfs_member" and os.path.isdir(
        sysfs.path("proc/spl/kstat/zfs", pool or "?")
    ):
        return [Use(f"/dev/{b.name} belongs to the ZFS pool {pool}", f"zpool export {pool}")]
    return []


def _booted(b: _Block) -> list[Use]:
    """The boot loader said which partition it came from, mounted or not."""
    raw = b""
    try:
        with open(sysfs.path("sys/firmware/efi/efivars", _LOADER_PARTITION), "rb") as f:
            raw = f.read()[4:]
    except OSError:
        return []
    uuid = raw.decode("utf-16-le", "replace").rstrip("\0").lower()
    if uuid and _udev(b).get("ID_PART_ENTRY_UUID", "").lower() == uuid:
        return [
            Use(
                f"/dev/{b.name} is where this machine booted from: this is the boot drive",
                "use another drive",
            )
        ]
    return []


def _claimed(b: _Block) -> list[Use]:
    """The kernel's own word: somebody has it for himself."""
    node = sysfs.path("dev", b.name)
    try:
        fd = os.open(node, os.O_RDONLY | os.O_EXCL | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as e:
        if e.errno != errno.EBUSY:
            return []  # not there, or not for us: the other checks have to do
        return [
            Use(
                f"/dev/{b.name} is claimed inside the kernel (a mount in another namespace, ZFS, a target ...)",
                f"find who: lsblk /dev/{b.name}; fuser -vm /dev/{b.name}",
            )
        ]
    os.close(fd)
    return []


# --- open files ---


def _name_of(pid: str) -> str:
    return f"{sysfs.read(sysfs.path('proc', pid, 'comm')) or 'a process'} (pid {pid})"


def openers(nodes: list[str]) -> list[tuple[str, str]]:
    """(who, node) for each process that has one of these device files open."""
    found = []
    for pid in filter(str.isdigit, sysfs.entries(sysfs.path("proc"))):
        folder = sysfs.path("proc", pid, "fd")
        for fd in sysfs.entries(folder):
            try:
                target = os.readlink(os.path.join(folder, fd))
            except OSError:
                continue
            if target in nodes and (_name_of(pid), target) not in found:
                found.append((_name_of(pid), target))
    return found


def _open_files(f: Function, all_blocks: list[_Block]) -> list[Use]:
    nodes = [f"/dev/{b.name}" for b in all_blocks]
    if f.ctrlr:
        nodes += [f"/dev/{f.ctrlr}", *(f"/dev/{d.replace('nvme', 'ng', 1)}" for d in f.disks())]
    return [Use(f"{node} is open in {who}", "end that program") for who, node in openers(nodes)]


def vfio_openers(f: Function) -> list[str]:
    """Who has the function open through VFIO."""
    nodes = [f"/dev/vfio/{f.group}", f"/dev/vfio/noiommu-{f.group}"] if f.group else []
    cdevs = sysfs.entries(os.path.join(f.dir, "vfio-dev"))
    return [who for who, _ in openers([*nodes, *(f"/dev/vfio/devices/{c}" for c in cdevs)])]


# --- all of it ---


def _drive_uses(f: Function) -> list[Use]:
    everything = blocks(f.disks())
    uses = [u for b in everything for check in (_mounted, _swap, _held, _zfs, _booted) for u in check(b)]
    uses += _open_files(f, everything)
    if not uses:  # what nothing above explains
        own = [b for b in everything if not b.way or all(w in f.disks() for w in b.way)]
        uses = [u for b in own for u in _claimed(b)]
    return uses


def users(f: Function) -> list[Use]:
    """Everybody who uses the drive itself."""
    if f.is_vfio:
        return [Use(f"open in {who}", "end that program") for who in vfio_openers(f)]
    return _drive_uses(f) if f.ctrlr else []


def group_users(f: Function, together: tuple[str, ...] = ()) -> list[Use]:
    """Other devices of its IOMMU group that a kernel driver uses; those in `together` are bound with it."""
    uses = []
    for peer in f.group_peers():
        if peer.is_bridge or peer.is_vfio or peer.driver in _VFIO_FRIENDLY or peer.bdf in together:
            continue
        what = "bind it too, in the same command" if peer.is_nvme else "move the drive to another slot"
        uses.append(
            Use(f"{peer.bdf} of the same IOMMU group {f.group} is in use by the driver {peer.driver}", what)
        )
    return uses


def is_block(node: str) -> bool:
    """Whether a path is a block device."""
    try:
        return stat.S_ISBLK(os.stat(node).st_mode)
    except OSError:
        return False
