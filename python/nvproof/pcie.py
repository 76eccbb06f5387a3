# SPDX-License-Identifier: BSD-3-Clause
"""Pcie: a device as a PCI function: configuration space, BAR0, resets."""
import os
from typing import Any, Callable, overload

from . import _native, programs

# PCI Express Base Specification, "Capability structures"; offsets in a capability
_CAP_POINTER = 0x34
_ECAP_FIRST = 0x100
_CAP_PM, _CAP_EXPRESS = 0x01, 0x10
_PMCSR = 4
_LINK_CONTROL, _LINK_CONTROL2 = 0x10, 0x30
_COMMAND = 0x04
_BUS_MASTER = 1 << 2

_FUNCTION, _HOT, _LINK = 0, 1, 2


class Pcie(_native.Pcie):
    """Pcie(addr, vf=0, port=0, logdir='results', msi_only=False, core_id=0, slot_id=0)

    addr: "vfu:/path.sock", "sim:...", "" or "ssd:..." (a private software SSD).  NvmeEnumerateError: it cannot be reached.
    """

    def __init__(
        self,
        addr: str = "",
        vf: int = 0,
        port: int = 0,
        logdir: str = "results",
        msi_only: bool = False,
        core_id: int = 0,
        slot_id: int = 0,
    ) -> None:
        for name, value in (("vf", vf), ("port", port), ("msi_only", msi_only)):
            if value:
                raise ValueError(f"Pcie: {name} is not supported yet")
        programs.tell_driver()
        super().__init__(os.fspath(addr))
        self.logdir = logdir
        self.core_id = core_id
        self.slot_id = slot_id
        self.pcie_rescan_func: Callable[[], Any] | None = None

    @staticmethod
    def _config(**flags: Any) -> None:
        """Obsolete driver flags (verify, ioworker_terminate): accepted, without effect."""

    # --- configuration space ---

    @overload
    def __getitem__(self, key: int) -> int:
        ...

    @overload
    def __getitem__(self, key: slice) -> list[int]:
        ...

    def __getitem__(self, key: int | slice) -> int | list[int]:
        """Bytes of configuration space."""
        if isinstance(key, slice):
            start, stop, step = key.indices(4096)
            return [self.cfg_byte_read(i) for i in range(start, stop, step)]
        return self.cfg_byte_read(key)

    def __setitem__(self, key: int, value: int) -> None:
        self.cfg_byte_write(key, value)

    def register(self, offset: int, byte_count: int = 4) -> int:
        """A register of 1 to 8 bytes in configuration space."""
        assert 1 <= byte_count <= 8, "a register has 1 to 8 bytes"
        return int.from_bytes(self.cfg_read(offset, byte_count), "little")

    def cfg_byte_read(self, addr: int) -> int:
        """One byte of configuration space."""
        return self.register(addr, 1)

    def cfg_word_read(self, addr: int) -> int:
        """Two bytes of configuration space."""
        return self.register(addr, 2)

    def cfg_dword_read(self, addr: int) -> int:
        """Four bytes of configuration space."""
        return self.register(addr, 4)

    def cfg_byte_write(self, addr: int, value: int) -> None:
        """Write one byte of configuration space."""
        self.cfg_write(addr, value.to_bytes(1, "little"))

    def cfg_word_write(self, addr: int, value: int) -> None:
        """Write two bytes of configuration space."""
        self.cfg_write(addr, value.to_bytes(2, "little"))

    def cfg_dword_write(self, addr: int, value: int) -> None:
        """Write four bytes of configuration space."""
        self.cfg_write(addr, value.to_bytes(4, "little"))

    def cap_offset(self, cap_id: int, extend: bool = False) -> int | None:
        """Where a capability (or an extended one) starts; None: there is none."""
        return self._extended_cap(cap_id) if extend else self._cap(cap_id)

    def _cap(self, cap_id: int) -> int | None:
        offset = self.cfg_byte_read(_CAP_POINTER) & 0xFC
        for _ in range(48):  # a device's list may be a circle
            if not offset:
                return None
            if self.cfg_byte_read(offset) == cap_id:
                return offset
            offset = self.cfg_byte_read(offset + 1) & 0xFC
        return None

    def _extended_cap(self, cap_id: int) -> int | None:
        offset = _ECAP_FIRST
        for _ in range(960):
            header = self.cfg_dword_read(offset)
            if header in (0, 0xFFFFFFFF):
                return None
            if header & 0xFFFF == cap_id:
                return offset
            offset = header >> 20 & 0xFFC
            if offset < _ECAP_FIRST:
                return None
        return None

    def _need_cap(self, cap_id: int, name: str) -> int:
        offset = self.cap_offset(cap_id)
        if offset is None:
            raise ValueError(f"the device has no {name} capability")
        return offset

    def _field(self, cap_id: int, name: str, offset: int, mask: int) -> int:
        return self.cfg_word_read(self._need_cap(cap_id, name) + offset) & mask

    def _set_field(self, cap_id: int, name: str, offset: int, mask: int, value: int) -> None:
        assert 0 <= value <= mask, f"{value} does not fit"
        at = self._need_cap(cap_id, name) + offset
        self.cfg_word_write(at, self.cfg_word_read(at) & ~mask | value)

    @property
    def power_state(self) -> int:
        """0 D0 to 3 D3hot."""
        return self._field(_CAP_PM, "power management", _PMCSR, 3)

    @power_state.setter
    def power_state(self, state: int) -> None:
        self._set_field(_CAP_PM, "power management", _PMCSR, 3, state)

    @property
    def aspm(self) -> int:
        """Active state power management: 0 off, 1 L0s, 2 L1, 3 both."""
        return self._field(_CAP_EXPRESS, "PCI Express", _LINK_CONTROL, 3)

    @aspm.setter
    def aspm(self, control: int) -> None:
        self._set_field(_CAP_EXPRESS, "PCI Express", _LINK_CONTROL, 3, control)

    @property
    def speed(self) -> int:
        """Target link speed: generation 1 and up."""
        return self._field(_CAP_EXPRESS, "PCI Express", _LINK_CONTROL2, 15)

    @speed.setter
    def speed(self, generation: int) -> None:
        self._set_field(_CAP_EXPRESS, "PCI Express", _LINK_CONTROL2, 15, generation)

    @property
    def bme(self) -> bool:
        """Bus master enable."""
        return bool(self.cfg_word_read(_COMMAND) & _BUS_MASTER)

    @bme.setter
    def bme(self, enable: bool) -> None:
        command = self.cfg_word_read(_COMMAND) & ~_BUS_MASTER
        self.cfg_word_write(_COMMAND, command | (_BUS_MASTER if enable else 0))

    # --- BAR0 ---

    def _mem_read(self, addr: int, width: int) -> int:
        return int.from_bytes(self.bar_read(addr, width), "little")

    def mem_byte_read(self, addr: int) -> int:
        """One byte of BAR0."""
        return self._mem_read(addr, 1)

    def mem_word_read(self, addr: int) -> int:
        """Two bytes of BAR0."""
        return self._mem_read(addr, 2)

    def mem_dword_read(self, addr: int) -> int:
        """Four bytes of BAR0."""
        return self._mem_read(addr, 4)

    def mem_qword_read(self, addr: int) -> int:
        """Eight bytes of BAR0."""
        return self._mem_read(addr, 8)

    def mem_byte_write(self, addr: int, value: int) -> None:
        """Write one byte of BAR0."""
        self.bar_write(addr, value.to_bytes(1, "little"))

    def mem_word_write(self, addr: int, value: int) -> None:
        """Write two bytes of BAR0."""
        self.bar_write(addr, value.to_bytes(2, "little"))

    def mem_dword_write(self, addr: int, value: int) -> None:
        """Write four bytes of BAR0."""
        self.bar_write(addr, value.to_bytes(4, "little"))

    def mem_qword_write(self, addr: int, value: int) -> None:
        """Write eight bytes of BAR0."""
        self.bar_write(addr, value.to_bytes(8, "little"))

    # --- resets: nvme0.reset() follows each ---

    def reset(self, rst_fn: Callable[[], Any] | None = None) -> None:
        """Hot reset; or what rst_fn does instead (for example PERST#)."""
        if rst_fn is not None:
            rst_fn()
        else:
            self.reset_device(_HOT)
        self._rescan_hook()

    def flr(self, c: int = 0) -> None:
        """Function-level reset."""
        self.reset_device(_FUNCTION)

    def link_disable_enable(self) -> None:
        """Disable the link and enable it again."""
        self.reset_device(_LINK)
        self._rescan_hook()

    def rescan(self) -> None:
        """Find the device again: what the user's pcie_rescan_func does."""
        self._rescan_hook()

    def _rescan_hook(self) -> None:
        if self.pcie_rescan_func is not None:
            self.pcie_rescan_func()
