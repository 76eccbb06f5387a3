# SPDX-License-Identifier: BSD-3-Clause
"""SR-IOV of a drive that is served on a socket: its virtual functions, and where they are.

A drive that listens at PATH has its virtual function N at PATH.vfN, and only while VF Enable of its physical function is set.
PCI Express Base Specification, "Single Root I/O Virtualization and Sharing".
"""
import os
from typing import Protocol

ECAP_SRIOV = 0x10
_CONTROL, _TOTAL_VFS, _NUM_VFS = 0x08, 0x0E, 0x10
_VF_ENABLE, _VF_MEMORY = 1 << 0, 1 << 3


class Function(Protocol):
    """What is needed of a Pcie."""

    @property
    def addr(self) -> str:
        """As opened."""

    def cap_offset(self, cap_id: int, extend: bool = False) -> int | None:
        """Where a capability is."""

    def cfg_word_read(self, addr: int) -> int:
        """Two bytes."""

    def cfg_word_write(self, addr: int, value: int) -> None:
        """Two bytes."""


def _need(pf: Function, vf: int) -> int:
    at = pf.cap_offset(ECAP_SRIOV, extend=True)
    if at is None:
        raise ValueError(f"{pf.addr}: no virtual function {vf}: there is no SR-IOV capability")
    return at


def enable(pf: Function, vf: int) -> None:
    """All virtual functions of a physical function, unless some are enabled: then `vf` has to be one of them.  ValueError."""
    at = _need(pf, vf)
    total, control = pf.cfg_word_read(at + _TOTAL_VFS), pf.cfg_word_read(at + _CONTROL)
    enabled = pf.cfg_word_read(at + _NUM_VFS) if control & _VF_ENABLE else 0
    if not 1 <= vf <= total:
        raise ValueError(f"{pf.addr}: no virtual function {vf}: TotalVFs is {total}")
    if enabled >= vf:
        if not control & _VF_MEMORY:  # their registers would read as all ones
            pf.cfg_word_write(at + _CONTROL, control | _VF_MEMORY)
        return
    if enabled:
        raise ValueError(
            f"{pf.addr}: no virtual function {vf}: {enabled} are enabled, and NumVFs cannot be changed while VF Enable is set"
        )
    pf.cfg_word_write(at + _NUM_VFS, total)
    pf.cfg_word_write(at + _CONTROL, control | _VF_ENABLE | _VF_MEMORY)


def address(where: str, vf: int) -> str:
    """Of a virtual function of what is served at "vfu:PATH".  ValueError: there is none."""
    path = os.path.realpath(where[4:])
    sibling = f"{path}.vf{vf}"
    if os.path.exists(sibling):
        return f"vfu:{os.path.realpath(sibling)}"
    if not os.path.exists(path):
        raise ValueError(f"{where}: no virtual function {vf}: no drive is served there")
    raise ValueError(f"{where}: no virtual function {vf}: there is no {sibling}; nvproof-ssd --virt has them")
