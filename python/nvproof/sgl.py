# SPDX-License-Identifier: BSD-3-Clause
"""Scatter gather lists, piece by piece.  NVMe Base Specification, "Scatter Gather List (SGL)".

    first, last = SegmentSGL(16 * 2), LastSegmentSGL(16)
    data = DataBlockSGL(3072), DataBlockSGL(1024)
    first[0], first[1], last[0] = data[0], last, data[1]
    sq.read(cid=0, nsid=1, lba=0, lba_count=8, sgl=first)
"""
from typing import Any

from . import _native
from .buffer import Buffer

_DESCRIPTOR = 16  # bytes
_DATA_BLOCK, _BIT_BUCKET, _SEGMENT, _LAST_SEGMENT = 0, 1, 2, 3  # SGL Descriptor Type; subtype 0: an address


def _pack(addr: int, length: int, kind: int) -> bytes:
    return addr.to_bytes(8, "little") + length.to_bytes(4, "little") + bytes((0, 0, 0, kind << 4))


class SGL(Buffer):
    """SGL(length): memory, with a descriptor that tells the device where it is and of which kind.  The parameters are Buffer's."""

    _kind = _DATA_BLOCK

    @property
    def descriptor(self) -> bytes:
        """The 16 bytes that describe it."""
        return _pack(self.phys_addr, self.size, self._kind)


class DataBlockSGL(SGL):
    """DataBlockSGL(length): data of a command."""


class BitBucketSGL(SGL):
    """BitBucketSGL(length): as many bytes of what a command reads are thrown away."""

    _kind = _BIT_BUCKET

    @property
    def descriptor(self) -> bytes:
        """Its address field is reserved."""
        return _pack(0, self.size, self._kind)


class SegmentSGL(SGL):
    """SegmentSGL(16 * n): n descriptors, of which the last leads to the next segment.

    segment[i] = an SGL writes descriptor number i, and keeps that memory; all else is as in a Buffer, byte by byte.
    """

    _kind = _SEGMENT

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._members: dict[int, _native.Buffer] = {}

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(index, int) and isinstance(value, _native.Buffer):
            at = self.offset + index * _DESCRIPTOR
            super().__setitem__(slice(at, at + _DESCRIPTOR), descriptor(value))
            self._members[index] = value
        else:
            super().__setitem__(index, value)


class LastSegmentSGL(SegmentSGL):
    """LastSegmentSGL(16 * n): the segment that ends a list."""

    _kind = _LAST_SEGMENT


def descriptor(what: SGL | _native.Buffer | bytes) -> bytes:
    """The descriptor of an SGL, of a Buffer (as a data block), or 16 bytes as they are."""
    if isinstance(what, SGL):
        return what.descriptor
    if isinstance(what, _native.Buffer):
        return _pack(what.phys_addr, what.size, _DATA_BLOCK)
    assert len(what) == _DESCRIPTOR, "an SGL descriptor has 16 bytes"
    return bytes(what)
