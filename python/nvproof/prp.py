# SPDX-License-Identifier: BSD-3-Clause
"""PRP entries and lists.  NVMe Base Specification, "Physical Region Page Entry and List"."""
from collections.abc import Iterable, Iterator
from typing import Any

from . import _native
from .buffer import Buffer

Page = tuple[_native.Buffer, int, int]  # buffer, first byte, number of bytes

_PAGE = 4096  # CC.MPS as the driver sets it
_ENTRY = 8


class PRP(Buffer):
    """PRP(length=4096, ...): memory that a PRP entry points to, one page by default.  The parameters are Buffer's."""


class PRPList(PRP):
    """PRPList(length=4096, ...): a list of PRP entries, 512 in a page.

    list[i] = a Buffer (or a number, an address as it is) writes entry number i of the page, and keeps that memory; list[i] is what was
    written, None where nothing was.  A PRPList as the last entry leads on.  With an `offset` the device begins at entry offset / 8.
    AssertionError: beyond the list.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._members: dict[int, _native.Buffer | int] = {}

    def _check(self, index: int) -> int:
        assert (
            0 <= index < self.length // _ENTRY
        ), f"a PRP list of {self.length // _ENTRY} entries has no number {index}"
        return index

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return super().__getitem__(index)
        return self._members.get(self._check(index))

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(index, slice):
            super().__setitem__(index, value)
            return
        at = self._check(index) * _ENTRY
        where = value if isinstance(value, int) else value.phys_addr
        super().__setitem__(slice(at, at + _ENTRY), where.to_bytes(_ENTRY, "little"))
        self._members[index] = value

    def pages(self) -> Iterator[Page]:
        """The memory that the list describes, in order."""
        for index in range(self.offset // _ENTRY, self.length // _ENTRY):
            member = self._members.get(index)
            if isinstance(member, PRPList) and index == self.length // _ENTRY - 1:
                yield from member.pages()
                return
            if not isinstance(member, _native.Buffer):
                return  # nothing, or an address whose memory is not known
            yield member, member.offset, min(member.size, _PAGE - member.phys_addr % _PAGE)

    def find_buffer_by_offset(self, offset: int, start: int = 0) -> tuple[_native.Buffer, int]:
        """(buffer, position in it) of byte `offset` of what the list describes, whose first byte is number `start`.

        IndexError: the list ends before.
        """
        return find(self.pages(), offset - start)


def find(pages: Iterable[Page], offset: int) -> tuple[_native.Buffer, int]:
    """(buffer, position in it) of a byte of memory that consists of such pages."""
    for buf, first, length in pages:
        if offset < length:
            return buf, first + offset
        offset -= length
    raise IndexError("no memory is known there")
