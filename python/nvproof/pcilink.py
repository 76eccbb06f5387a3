# SPDX-License-Identifier: BSD-3-Clause
"""A PCI function as it sits in this machine: opened by its address, and its link with the port above it.

Link registers are written through sysfs at both ends: VFIO keeps those of the function to itself.
PCI Express Base Specification, "Link Control Register", "Link Control 2 Register", "Link Status Register".
"""
import os
import time
import warnings

from . import bind
from .pcidev import Function, is_bdf

_CAP_POINTER, _CAP_EXPRESS = 0x34, 0x10
_LINK_CONTROL, _LINK_STATUS, _LINK_CONTROL2 = 0x10, 0x12, 0x30
_ASPM, _RETRAIN, _TRAINING, _TARGET_SPEED = 0x3, 1 << 5, 1 << 11, 0xF
_TRAINED_S = 1.0

_NO_IOMMU = (
    "%s is used WITHOUT AN IOMMU: the drive can read and write all of this machine's memory, so a fault of its firmware or a wrong address in a "
    "test can crash the machine or destroy its data"
)


def is_real(addr: str) -> bool:
    """Whether an address names a function of this machine: 0000:01:00.0, 01:00.0, /dev/nvme0; options may follow."""
    return is_bdf(addr) or addr.startswith("/dev/nvme")


def use_physical_addresses() -> None:
    """Buffers made from now on lie in huge pages and have physical addresses.  Before the first one."""
    os.environ.setdefault("NVPROOF_NOIOMMU", "1")


def _virtual(f: Function, vf: int) -> Function:
    found = f.virtual_functions
    if 1 <= vf <= len(found):
        return Function(found[vf - 1])
    if not os.path.exists(os.path.join(f.dir, "sriov_totalvfs")):
        raise ValueError(f"{f.bdf}: no virtual function {vf}: there is no SR-IOV capability")
    path = os.path.join(f.dir, "sriov_numvfs")
    raise ValueError(f"{f.bdf}: no virtual function {vf}: {len(found)} are enabled; echo {vf} > {path}")


def prepare(addr: str, vf: int = 0, msi_only: bool = False) -> str:
    """The address as the driver takes it, of a function that VFIO has.  OSError, ValueError: it cannot be had; the text says why."""
    name, _, rest = addr.partition("?")
    options = [o for o in rest.split("&") if o]
    f = _virtual(Function(name), vf) if vf else Function(name)
    bind.ensure(f.bdf, "noiommu" in options)
    if "noiommu" in options and f.without_iommu:
        use_physical_addresses()
        warnings.warn(_NO_IOMMU % f.bdf, RuntimeWarning, stacklevel=4)
    if msi_only and "msi" not in options:
        options.append("msi")
    return f.bdf + ("?" + "&".join(options) if options else "")


class _Config:
    """Configuration space through sysfs, two bytes at a time.  OSError: not root."""

    def __init__(self, f: Function) -> None:
        self._path = os.path.join(f.dir, "config")
        self.express = self._find_express()
        if not self.express:
            raise ValueError(f"{f.bdf}: has no PCI Express capability")

    def read(self, off: int) -> int:
        """A word."""
        with open(self._path, "rb", buffering=0) as f:
            f.seek(off)
            return int.from_bytes(f.read(2), "little")

    def set(self, off: int, mask: int, value: int) -> None:
        """The bits of mask in a word."""
        word = self.read(off) & ~mask | value
        with open(self._path, "r+b", buffering=0) as f:
            f.seek(off)
            f.write(word.to_bytes(2, "little"))

    def _find_express(self) -> int:
        at = self.read(_CAP_POINTER) & 0xFC
        for _ in range(48):  # the list may be a circle
            head = self.read(at) if at else 0
            if not at or head & 0xFF == _CAP_EXPRESS:
                return at
            at = head >> 8 & 0xFC
        return 0


class Link:
    """The link of a function to the port above it.  ValueError: it has none, as it is part of the root complex."""

    def __init__(self, bdf: str) -> None:
        f = Function(bdf)
        port = f.parent
        if port is None:
            raise ValueError(f"{bdf}: sits on a root bus: it has no link")
        self._down, self._up = _Config(f), _Config(port)

    @property
    def aspm(self) -> int:
        """0 off, 1 L0s, 2 L1, 3 both: what both ends allow."""
        return self._down.read(self._down.express + _LINK_CONTROL) & (
            self._up.read(self._up.express + _LINK_CONTROL) & _ASPM
        )

    @aspm.setter
    def aspm(self, control: int) -> None:
        assert 0 <= control <= _ASPM, f"aspm is 0 to 3, not {control}"
        # L1 is enabled above first and disabled below first; "ASPM L1 ... Enable".
        ends = [self._up, self._down] if control else [self._down, self._up]
        for end in ends:
            end.set(end.express + _LINK_CONTROL, _ASPM, control)

    @property
    def speed(self) -> int:
        """Target link speed, as a generation."""
        return self._up.read(self._up.express + _LINK_CONTROL2) & _TARGET_SPEED

    @speed.setter
    def speed(self, generation: int) -> None:
        assert 1 <= generation <= _TARGET_SPEED, f"speed is a generation from 1 on, not {generation}"
        for end in (self._down, self._up):
            end.set(end.express + _LINK_CONTROL2, _TARGET_SPEED, generation)
        self._up.set(self._up.express + _LINK_CONTROL, _RETRAIN, _RETRAIN)
        end_s = time.monotonic() + _TRAINED_S
        while self._up.read(self._up.express + _LINK_STATUS) & _TRAINING:
            if time.monotonic() > end_s:
                raise TimeoutError("the link does not end its training")
            time.sleep(0.001)

    @property
    def current_speed(self) -> int:
        """What the link runs at, as a generation."""
        return self._up.read(self._up.express + _LINK_STATUS) & 0xF
