# SPDX-License-Identifier: BSD-3-Clause
"""Pcie: a device as a PCI function: configuration space, BAR0, resets."""
import ipaddress
import logging
import os
import weakref
from typing import Any, Callable, overload

from . import _native, pcilink, programs, sriov
from ._native import NvmeEnumerateError

log = logging.getLogger("nvproof")

# PCI Express Base Specification, "Capability structures"; offsets in a capability
_CAP_POINTER = 0x34
_ECAP_FIRST = 0x100
_CAP_PM, _CAP_MSI, _CAP_EXPRESS = 0x01, 0x05, 0x10
_PMCSR = 4
_LINK_CONTROL, _LINK_CONTROL2 = 0x10, 0x30
_COMMAND = 0x04
_BUS_MASTER = 1 << 2

_FUNCTION, _HOT, _LINK, _RESCAN = 0, 1, 2, 3
_TCP_PORT = 4420


def _address(addr: str, port: int) -> str:
    """The address as the driver takes it: an IP address, alone or with a port, is an NVMe/TCP target."""
    try:
        ipaddress.ip_address(addr.strip("[]"))
    except ValueError:
        if port:
            raise NvmeEnumerateError(f"Pcie: port belongs to an IP address, not to {addr!r}") from None
        return addr
    return f"tcp:{addr}:{port or _TCP_PORT}"


def _prepare(addr: str, vf: int, msi_only: bool) -> str:
    try:
        return pcilink.prepare(addr, vf, msi_only)
    except (OSError, ValueError) as e:
        raise NvmeEnumerateError(str(e)) from None


_opened: "weakref.WeakValueDictionary[str, Pcie]" = weakref.WeakValueDictionary()


def _name(where: str) -> str:
    """One name for each socket; other addresses as they are."""
    return f"vfu:{os.path.realpath(where[4:])}" if where.startswith("vfu:") else where


def _virtual(where: str, vf: int) -> "tuple[str, Pcie | None]":
    """Where virtual function vf of a drive is that is served on a socket, and its physical function when this process has it."""
    pf = _opened.get(_name(where))
    if pf is not None and pf.closed:
        pf = None
    where = pf.addr if pf is not None else where
    if not where.startswith("vfu:"):
        return where, None
    try:
        if pf is not None:
            sriov.enable(pf, vf)
        return sriov.address(where, vf), pf
    except ValueError as e:
        raise NvmeEnumerateError(str(e)) from None


class Pcie(_native.Pcie):
    """Pcie(addr, vf=0, port=0, logdir='results', msi_only=False, core_id=0, slot_id=0)

    addr: "vfu:/path.sock", "sim:...", "" or "ssd:..." (a private software SSD), a bus/device/function, an IP address (with port: NVMe/TCP).
    logdir: the folder of results; each run has a folder of its own in it.  core_id, slot_id: first core, and slot, of this drive in a
    rack of several.  msi_only: interrupts are MSI, up to 32 vectors, masked by INTMS.  NvmeEnumerateError: it cannot be reached, or has no such virtual function, or no MSI.
    vf: virtual function 1, 2, ... of SR-IOV, of a physical function that stays open meanwhile.  Of "vfu:PATH" it is at PATH.vfN; when this
    process has the physical function open, by the same address, all virtual functions are enabled if none is.  Of a bus/device/function,
    as many as sriov_numvfs in sysfs says are there.
    """

    def __init__(
        self,
        addr: str | os.PathLike[str] = "",
        vf: int = 0,
        port: int = 0,
        logdir: str = "results",
        msi_only: bool = False,
        core_id: int = 0,
        slot_id: int = 0,
    ) -> None:
        programs.tell_driver()
        where = _address(os.fspath(addr), port)
        self._real = pcilink.is_real(where)
        if self._real:
            where, vf, msi_only = _prepare(where, vf, msi_only), 0, False
        asked, self._physical = _name(where), None
        if vf:
            where, self._physical = _virtual(where, vf)
            vf = 0 if where.startswith("vfu:") else vf
        super().__init__(where)
        self.logdir = logdir
        self.core_id = core_id
        self.slot_id = slot_id
        self.pcie_rescan_func: Callable[[], Any] | None = None
        try:
            self._refuse(vf, msi_only)
        except BaseException:
            self.close()
            raise
        if self._physical is None:
            _opened[asked] = _opened[_name(self.addr)] = self

    def _refuse(self, vf: int, msi_only: bool) -> None:
        if vf and self.cap_offset(sriov.ECAP_SRIOV, extend=True) is None:
            raise NvmeEnumerateError(f"{self.addr}: no virtual function {vf}: there is no SR-IOV capability")
        if vf and self.addr.startswith("vfu:"):
            raise NvmeEnumerateError(
                f"no virtual function {vf} of a drive that is not open: open its physical function first"
            )
        if vf:
            raise NvmeEnumerateError(f"{self.addr}: virtual function {vf} has no address on this bus")
        if msi_only and self.cap_offset(_CAP_MSI) is None:
            raise NvmeEnumerateError(f"{self.addr}: msi_only: the device has no MSI capability")
        if msi_only and not self.use_msi():
            raise NvmeEnumerateError(f"{self.addr}: msi_only: the interrupts of this bus are MSI-X")

    def __repr__(self) -> str:
        return f"<Pcie: {'closed' if self.closed else self.addr}>"

    @staticmethod
    def _config(verify: bool | None = None, ioworker_terminate: bool | None = None) -> None:
        """Obsolete: Namespace.verify_enable() and the resets themselves do this now.  A value has no effect, and the log says so."""
        for name, value in (("verify", verify), ("ioworker_terminate", ioworker_terminate)):
            if value is not None:
                log.warning("Pcie._config(%s=%r) is obsolete and has no effect", name, value)

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
        if self._real:
            return pcilink.Link(self.addr).aspm
        return self._field(_CAP_EXPRESS, "PCI Express", _LINK_CONTROL, 3)

    @aspm.setter
    def aspm(self, control: int) -> None:
        if self._real:
            pcilink.Link(self.addr).aspm = control
            return
        self._set_field(_CAP_EXPRESS, "PCI Express", _LINK_CONTROL, 3, control)

    @property
    def speed(self) -> int:
        """Target link speed: generation 1 and up."""
        if self._real:
            return pcilink.Link(self.addr).speed
        return self._field(_CAP_EXPRESS, "PCI Express", _LINK_CONTROL2, 15)

    @speed.setter
    def speed(self, generation: int) -> None:
        if self._real:
            pcilink.Link(self.addr).speed = generation
            return
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
        """Function-level reset.  c is for scripts that pass it; ValueError: it is not 0."""
        if c:
            raise ValueError("flr: c is 0")
        self.reset_device(_FUNCTION)

    def link_disable_enable(self) -> None:
        """Disable the link and enable it again."""
        self.reset_device(_LINK)
        self._rescan_hook()

    def rescan(self) -> None:
        """Find the device again: with pcie_rescan_func if there is one, else the kernel removes a PCI function and rescans.

        SystemError: nothing answers, or the kernel did not find it.
        """
        if self._real and self.pcie_rescan_func is None:
            self.reset_device(_RESCAN)
        self._rescan_hook()
        if self.cfg_word_read(0) == 0xFFFF:
            raise SystemError(f"{self.addr}: no device answers")

    def _rescan_hook(self) -> None:
        if self.pcie_rescan_func is not None:
            self.pcie_rescan_func()


class Tcp(Pcie):
    """Tcp(addr, port=4420): an NVMe/TCP target, as Pcie(addr, port=port).  NvmeEnumerateError: it cannot be reached."""

    def __init__(self, addr: str, port: int = _TCP_PORT, **kwargs: Any) -> None:
        super().__init__(addr, port=port, **kwargs)
