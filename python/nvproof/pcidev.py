# SPDX-License-Identifier: BSD-3-Clause
"""NVMe functions on PCI, as the kernel describes them in sysfs."""
import json
import os
import re

from . import sysfs

_BDF = re.compile(r"(?:([0-9a-f]{4}):)?([0-9a-f]{2}:[0-9a-f]{2}\.[0-7])$", re.I)
_NODE = re.compile(r"(?:/dev/)?(nvme\d+)(?:n\d+(?:p\d+)?)?$")
_CLASS_NVME = (
    0x0108  # mass storage, non-volatile memory.  PCI Code and ID Assignment Specification, "Base Class 01h"
)
_CLASS_BRIDGE = 0x06
_SECTOR = 512  # what sysfs counts in


def is_bdf(addr: str) -> bool:
    """Whether an address names a PCI function (options after a question mark count not)."""
    return bool(_BDF.match(addr.partition("?")[0]))


def normalize(addr: str) -> str:
    """0000:01:00.0 from 01:00.0, 0000:01:00.0, /dev/nvme0 or nvme0n1.  ValueError: it is none of them, or not there."""
    found = _BDF.match(addr)
    if found:
        return f"{found[1] or '0000'}:{found[2]}".lower()
    node = _NODE.match(addr)
    if not node:
        raise ValueError(
            f"{addr!r} is neither a PCI address such as 0000:01:00.0 nor a device such as /dev/nvme0"
        )
    where = os.path.realpath(sysfs.path("sys/class/nvme", node[1], "device"))
    if not _BDF.match(os.path.basename(where)):
        raise ValueError(f"{addr}: there is no such NVMe device on PCI; `nvproof list` shows those there are")
    return os.path.basename(where)


def state_path(bdf: str) -> str:
    """Where bind() keeps what release() has to know; it is gone after a reboot, as all bindings are."""
    return sysfs.path("run/nvproof/bind", f"{bdf}.json")


def state(bdf: str) -> dict[str, str]:
    """What bind() has saved; empty when it did not bind this function, or its file is damaged."""
    try:
        saved = json.loads(sysfs.read(state_path(bdf)))
    except ValueError:
        return {}
    return {str(k): str(v) for k, v in saved.items()} if isinstance(saved, dict) else {}


class Function:
    """One PCI function.  ValueError: it is not there."""

    def __init__(self, addr: str) -> None:
        self.bdf = normalize(addr)
        self.dir = sysfs.path("sys/bus/pci/devices", self.bdf)
        if not os.path.isdir(self.dir):
            raise ValueError(
                f"{self.bdf}: there is no such PCI function; `nvproof list` shows the NVMe functions"
            )

    def __repr__(self) -> str:
        return f"<Function {self.bdf}>"

    def _file(self, name: str) -> str:
        return os.path.join(self.dir, name)

    @property
    def pci_class(self) -> int:
        """The upper two bytes of the class code."""
        return int(sysfs.read(self._file("class")) or "0", 16) >> 8

    @property
    def is_nvme(self) -> bool:
        """Whether it is an NVMe controller."""
        return self.pci_class == _CLASS_NVME

    @property
    def is_bridge(self) -> bool:
        """Whether it is a bridge, which VFIO tolerates in a group."""
        return self.pci_class >> 8 == _CLASS_BRIDGE

    @property
    def driver(self) -> str:
        """The kernel driver that has it; "": none."""
        return sysfs.link(self._file("driver"))

    @property
    def is_vfio(self) -> bool:
        """Whether a VFIO driver has it."""
        return "vfio" in self.driver

    @property
    def group(self) -> str:
        """The number of its IOMMU group; "": there is no IOMMU."""
        return sysfs.link(self._file("iommu_group"))

    @property
    def without_iommu(self) -> bool:
        """No IOMMU translates what it does to memory."""
        name = sysfs.read(sysfs.path("sys/kernel/iommu_groups", self.group, "name"))
        return not self.group or name.startswith("vfio-noiommu")

    def group_peers(self) -> list["Function"]:
        """The other functions of its IOMMU group."""
        names = (
            sysfs.entries(sysfs.path("sys/kernel/iommu_groups", self.group, "devices")) if self.group else []
        )
        return [Function(n) for n in names if n != self.bdf]

    @property
    def vfio_node(self) -> str:
        """The device file of its group."""
        return sysfs.path("dev/vfio", ("noiommu-" if self.without_iommu else "") + self.group)

    @property
    def numa_node(self) -> int | None:
        """The NUMA node; None: the machine does not say."""
        node = sysfs.number(self._file("numa_node"), -1)
        return None if node < 0 else node

    @property
    def virtual_functions(self) -> list[str]:
        """Addresses of its SR-IOV virtual functions that are enabled, in order."""
        names = [n for n in sysfs.entries(self.dir) if re.fullmatch(r"virtfn\d+", n)]
        return [sysfs.link(self._file(n)) for n in sorted(names, key=lambda n: int(n[6:]))]

    @property
    def physical_function(self) -> str:
        """Of a virtual function, the one it belongs to; "": it is none."""
        return sysfs.link(self._file("physfn"))

    @property
    def parent(self) -> "Function | None":
        """The port above it; None: it sits on a root bus."""
        above = os.path.basename(os.path.dirname(os.path.realpath(self.dir)))
        return Function(above) if _BDF.match(above) else None

    @property
    def link_text(self) -> str:
        """Speed and width of the link now: "8.0 GT/s x4"."""
        speed = sysfs.read(self._file("current_link_speed")).removesuffix(" PCIe")
        width = sysfs.read(self._file("current_link_width"))
        return f"{speed} x{width}" if speed and "Unknown" not in speed and width not in ("", "0") else ""

    # --- with the kernel's nvme driver on it, or as bind() found it then ---

    @property
    def ctrlr(self) -> str:
        """The kernel's name, nvme0; "": its driver does not have it."""
        return next((n for n in sysfs.entries(self._file("nvme")) if re.fullmatch(r"nvme\d+", n)), "")

    def _told(self, name: str, saved: str) -> str:
        now = sysfs.read(self._file(f"nvme/{self.ctrlr}/{name}")) if self.ctrlr else ""
        return now or state(self.bdf).get(saved, "")

    @property
    def model(self) -> str:
        """Model number."""
        return self._told("model", "model")

    @property
    def serial(self) -> str:
        """Serial number."""
        return self._told("serial", "serial")

    @property
    def firmware(self) -> str:
        """Firmware revision."""
        return self._told("firmware_rev", "firmware")

    def disks(self) -> list[str]:
        """Block devices of its namespaces.  With native multipath a namespace is under its subsystem, and a path of it here."""
        found = []
        for name in sysfs.entries(self._file(f"nvme/{self.ctrlr}")) if self.ctrlr else []:
            plain, path = re.fullmatch(r"nvme\d+n\d+", name), re.fullmatch(r"(nvme\d+)c\d+(n\d+)", name)
            disk = name if plain else path[1] + path[2] if path else ""
            if disk and os.path.isdir(sysfs.path("sys/block", disk)):
                found.append(disk)
        return found

    @property
    def size(self) -> int:
        """Bytes of all its namespaces."""
        sectors = sum(sysfs.number(sysfs.path("sys/block", d, "size")) for d in self.disks())
        saved = state(self.bdf).get("size", "")
        return sectors * _SECTOR if self.ctrlr else int(saved) if saved.isdigit() else 0


def nvme_functions() -> list[Function]:
    """All NVMe functions of the machine, by address."""
    found = (Function(n) for n in sysfs.entries(sysfs.path("sys/bus/pci/devices")) if _BDF.match(n))
    return [f for f in found if f.is_nvme]
