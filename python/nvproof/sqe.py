# SPDX-License-Identifier: BSD-3-Clause
"""SQE: a submission queue entry as a list of 16 dwords, with its common fields as attributes.

NVMe Base Specification, "Common Command Format"; NVM Command Set Specification, "Read command", for slba and nlb.
"""
from collections.abc import Iterable
from typing import Any

from . import _native
from .sgl import SGL, descriptor

DWORDS = 16
_PSDT_SGL = 1

Address = _native.Buffer | int | None  # what PRP1, PRP2 and MPTR take: memory, or any number; None is 0


class _Dword(int):
    """A dword of an address.  It holds the memory that is there, wherever the dword is copied to."""

    memory: Any

    @classmethod
    def of(cls, data: bytes, memory: Any) -> list[int]:
        """Little-endian bytes as dwords."""
        dwords = []
        for i in range(0, len(data), 4):
            dword = cls.from_bytes(data[i : i + 4], "little")
            dword.memory = memory
            dwords.append(dword)
        return list(dwords)


def address(where: Address) -> int:
    """The address that the device is told."""
    if where is None:
        return 0
    return where if isinstance(where, int) else where.phys_addr


def encode(dwords: Iterable[int]) -> bytes:
    """64 bytes of a submission queue; missing dwords are 0."""
    data = b"".join((dword & 0xFFFFFFFF).to_bytes(4, "little") for dword in dwords)
    assert len(data) <= 4 * DWORDS, "a submission queue entry has 16 dwords"
    return data.ljust(4 * DWORDS, b"\0")


def memory_of(dwords: Iterable[int]) -> list[Any]:
    """The memory that the addresses in an entry point to."""
    return [dword.memory for dword in dwords if isinstance(dword, _Dword)]


class SQE(list[int]):
    """SQE(dword0, dword1, ..., **fields): up to 16 dwords, the others are 0; SQE(*other) is a copy.

    Fields are the attributes below, for example SQE(opc=2, cid=7, nsid=1, slba=0, nlb=8, prp1=PRP()).  No value is checked: one
    that is too wide loses its upper bits, and a cid of more than 16 bits goes into dword 0 as it is, unshifted.
    """

    def __init__(self, *dwords: int, **fields: Any) -> None:
        assert len(dwords) <= DWORDS, "a submission queue entry has 16 dwords"
        super().__init__(dwords)
        self.extend([0] * (DWORDS - len(dwords)))
        for name in sorted(fields, key="cid".__eq__):  # cid last: a wide one covers the rest of dword 0
            if not isinstance(getattr(type(self), name, None), property):
                raise TypeError(f"SQE has no field '{name}'")
            setattr(self, name, fields[name])

    def __repr__(self) -> str:
        return f"<SQE: {', '.join(f'0x{dword:08x}' for dword in self)}>"

    def _get(self, dword: int, low: int, width: int) -> int:
        return self[dword] >> low & (1 << width) - 1

    def _set(self, dword: int, low: int, width: int, value: int) -> None:
        mask = (1 << width) - 1
        self[dword] = self[dword] & ~(mask << low) | (value & mask) << low

    def _get64(self, dword: int) -> int:
        return self[dword] | self[dword + 1] << 32

    def _set64(self, dword: int, where: Address) -> None:
        data = (address(where) & (1 << 64) - 1).to_bytes(8, "little")
        self[dword : dword + 2] = _Dword.of(data, where)

    @property
    def opc(self) -> int:
        """Opcode (OPC), bits 7:0 of dword 0."""
        return self._get(0, 0, 8)

    @opc.setter
    def opc(self, value: int) -> None:
        self._set(0, 0, 8, value)

    opcode = opc

    @property
    def fuse(self) -> int:
        """0 normal, 1 first, 2 second command of a fused operation."""
        return self._get(0, 8, 2)

    @fuse.setter
    def fuse(self, value: int) -> None:
        self._set(0, 8, 2, value)

    @property
    def psdt(self) -> int:
        """How the data pointer is to be read: 0 PRPs, 1 SGL, 2 SGL with MPTR a segment too."""
        return self._get(0, 14, 2)

    @psdt.setter
    def psdt(self, value: int) -> None:
        self._set(0, 14, 2, value)

    @property
    def cid(self) -> int:
        """Command identifier."""
        return self._get(0, 16, 16)

    @cid.setter
    def cid(self, value: int) -> None:
        if value >> 16:
            self[0] = (self[0] & 0xFFFF | value) & 0xFFFFFFFF
        else:
            self._set(0, 16, 16, value)

    @property
    def nsid(self) -> int:
        """Namespace identifier."""
        return self[1]

    @nsid.setter
    def nsid(self, value: int) -> None:
        self._set(1, 0, 32, value)

    @property
    def mptr(self) -> Any:
        """Metadata pointer, a number.  It can be set to a Buffer too, as can prp1 and prp2."""
        return self._get64(4)

    @mptr.setter
    def mptr(self, where: Address) -> None:
        self._set64(4, where)

    @property
    def prp1(self) -> Any:
        """PRP entry 1, or the first half of the SGL entry."""
        return self._get64(6)

    @prp1.setter
    def prp1(self, where: Address) -> None:
        self._set64(6, where)

    @property
    def prp2(self) -> Any:
        """PRP entry 2: a page, or a PRPList."""
        return self._get64(8)

    @prp2.setter
    def prp2(self, where: Address) -> None:
        self._set64(8, where)

    @property
    def sgl(self) -> Any:
        """SGL entry 1, 16 bytes.  Set it to an SGL, a Buffer (one data block) or 16 bytes: PSDT becomes 1."""
        return encode(self)[24:40]

    @sgl.setter
    def sgl(self, first: SGL | _native.Buffer | bytes) -> None:
        self[6:10] = _Dword.of(descriptor(first), first)
        self.psdt = _PSDT_SGL

    @property
    def slba(self) -> int:
        """First LBA of the command (SLBA)."""
        return self._get64(10)

    @slba.setter
    def slba(self, value: int) -> None:
        self._set(10, 0, 32, value)
        self._set(11, 0, 32, value >> 32)

    @property
    def nlb(self) -> int:
        """Number of LBAs, from 1 on."""
        return self._get(12, 0, 16) + 1

    @nlb.setter
    def nlb(self, value: int) -> None:
        self._set(12, 0, 16, value - 1)
