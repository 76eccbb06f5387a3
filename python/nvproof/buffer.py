# SPDX-License-Identifier: BSD-3-Clause
"""Buffer: memory that host and device share."""
import difflib
import re
from typing import Any, Type, overload

from . import _native
from .util import field

_DSM_RANGE = 16  # bytes; NVM Command Set, "Dataset Management command"
_COPY_RANGE = 32  # bytes of Source Range Entries descriptor formats 0h and 2h; 40 of 1h and 3h


def _crc8_table() -> list[int]:
    table = []
    for n in range(256):
        for _ in range(8):
            n = (n << 1) ^ 0x107 if n & 0x80 else n << 1
        table.append(n)
    return table


_CRC8 = _crc8_table()


class Buffer(_native.Buffer):
    """Zero-filled memory that the device can reach, contiguous for it.

    Buffer(length=4096, name='buffer', pvalue=0, ptype=0, offset=0, nvme=None, fake_phys_addr=None, align=4096, prp2=None)

    offset: first byte that the device sees; size is the rest.  MemoryError: no DMA memory.
    nvme: a Controller: the memory is in its controller memory buffer (MemoryError: it has none), as long as it is open.
    ptype, pvalue: see fill_pattern().  prp2: PRP1 and PRP2 go to an admin command as they are.
    """

    @property
    def data_head(self) -> bytes:
        """The first 16 bytes that the device sees."""
        return self[self.offset : self.offset + min(16, self.size)]

    @property
    def data_tail(self) -> bytes:
        """The last 16 bytes that the device sees."""
        end = self.offset + self.size
        return self[max(self.offset, end - 16) : end]

    @overload
    def data(self, byte_end: int, byte_begin: int | None, type: Type[str], endian: str = "little") -> str:
        ...

    @overload
    def data(
        self, byte_end: int, byte_begin: int | None = None, type: Type[int] = int, endian: str = "little"
    ) -> int:
        ...

    def data(
        self, byte_end: int, byte_begin: int | None = None, type: Any = int, endian: str = "little"
    ) -> int | str:
        """Bytes byte_begin to byte_end, both included and the end first, as in the specification's tables."""
        return field(self[:], byte_end, byte_begin, type, endian)

    def dump(self, size: int | None = None) -> str:
        """A hex dump of the first `size` bytes: 16 a line, with ASCII."""
        data = self[: self.size if size is None else size]
        lines = [self.name]
        for off in range(0, len(data), 16):
            part = data[off : off + 16]
            text = "".join(chr(b) if 32 <= b < 127 else "." for b in part)
            lines.append(f"{off:08x}  {part.hex(' '):<47}  {text}")
        return "\n".join(lines)

    def diff(self, buf2: _native.Buffer) -> str:
        """An HTML table that shows where the two differ."""
        a, b = (x[:].hex(" ", 16).split(" ") for x in (self, buf2))
        lines = [[r if r else "" for r in rows] for rows in (a, b)]
        return difflib.HtmlDiff().make_table(lines[0], lines[1], self.name, buf2.name, context=True)

    def distance(self, buf2: _native.Buffer) -> int:
        """How many bits differ."""
        a, b = self[:], buf2[:]
        n = max(len(a), len(b))
        return (
            int.from_bytes(a.ljust(n, b"\0"), "little") ^ int.from_bytes(b.ljust(n, b"\0"), "little")
        ).bit_count()

    def crc8(self) -> int:
        """CRC-8 (polynomial 07h) of all bytes."""
        crc = 0
        for b in self[:]:
            crc = _CRC8[crc ^ b]
        return crc

    def match(self, file_ptn: str | None = None) -> "Buffer":
        """A buffer with the part that matches the regular expression in file `file_ptn`, or a copy of all."""
        data = self[:]
        if file_ptn is not None:
            with open(file_ptn, "rb") as f:
                found = re.search(f.read().rstrip(b"\n"), data, re.DOTALL)
            data = found.group(0) if found else b""
        out = Buffer(max(len(data), 1), f"{self.name} match")
        out[: len(data)] = data
        out.size = len(data)
        return out

    def read_16byte(self, offset: int) -> tuple[int, int, int, int]:
        """Four dwords at byte `offset`.  IndexError: they are not all in the buffer."""
        data = self[offset : offset + 16]
        if len(data) != 16:
            raise IndexError(f"16 bytes at {offset} are outside of the buffer")
        d = [int.from_bytes(data[i : i + 4], "little") for i in range(0, 16, 4)]
        return d[0], d[1], d[2], d[3]

    def write_16byte(self, offset: int, dword0: int, dword1: int, dword2: int, dword3: int) -> None:
        """Four dwords at byte `offset`.  IndexError: they are not all in the buffer."""
        self._put(offset, 16, (dword0, 4), (dword1, 4), (dword2, 4), (dword3, 4))

    def set_dsm_range(self, index: int, lba: int, lba_count: int, attr: int = 0) -> None:
        """Range number `index` of a Dataset Management command."""
        self._put(index * _DSM_RANGE, _DSM_RANGE, (attr, 4), (lba_count, 4), (lba, 8))

    def set_copy_range(
        self,
        index: int,
        lba: int,
        lba_count: int,
        format: int = 0,
        storage_reference_tag: int = 0,
        app_tag: int = 0,
        app_tag_mask: int = 0,
    ) -> None:
        """Source range number `index` of a Copy command; lba_count counts from 1."""
        assert format in (0, 1), "descriptor format is 0 or 1"
        tag = storage_reference_tag.to_bytes(4 if format == 0 else 10, "little" if format == 0 else "big")
        size = _COPY_RANGE + 8 * format
        pad = 24 - 18 if format == 0 else 26 - 18
        head = (0, 8), (lba, 8), (lba_count - 1, 2), (0, pad)
        self._put(
            index * size,
            size,
            *head,
            (int.from_bytes(tag, "little"), len(tag)),
            (app_tag, 2),
            (app_tag_mask, 2),
        )

    def set_controller_list(self, *cntlids: int) -> None:
        """A Controller List: the number of identifiers, then the identifiers."""
        self._put(0, 2 + 2 * len(cntlids), (len(cntlids), 2), *((c, 2) for c in cntlids))

    def _put(self, offset: int, total: int, *fields: tuple[int, int]) -> None:
        for value, _ in fields:
            if not isinstance(value, int):
                raise TypeError(f"an integer is needed, not {type(value).__name__}")
        try:
            data = b"".join(value.to_bytes(width, "little") for value, width in fields)
        except OverflowError:
            raise AssertionError(f"a value does not fit its field: {fields}") from None
        assert len(data) == total and offset >= 0
        if offset + total > self.offset + self.size:
            raise IndexError(f"bytes {offset} to {offset + total} are outside of the buffer")
        self[offset : offset + total] = data
