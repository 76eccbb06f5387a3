# SPDX-License-Identifier: BSD-3-Clause
"""The list of commands that are sent to both devices: a name, the queue ("admin" or "io"), and the dwords.

None of them changes what a later one answers on a device of either kind.
"""
import struct
from typing import Iterator, NamedTuple

_ALL = 0xFFFFFFFF
LAST = (1 << 30) // 512 - 1  # LBA of a namespace of 1 GiB


class Command(NamedTuple):
    name: str
    queue: str
    opcode: int
    nsid: int = 0
    cdw10: int = 0
    cdw11: int = 0
    cdw12: int = 0
    cdw13: int = 0
    cdw14: int = 0
    data: bytes = b""  # at the start of the buffer of 8 KiB


def _identify() -> Iterator[Command]:
    for cns in (*range(0x30), 0x40, 0x80, 0xC0, 0xFF):
        for nsid in (0, 1, 2, 0xFFFFFFFE, _ALL):
            yield Command(f"identify cns={cns:02x} nsid={nsid:x}", "admin", 0x06, nsid, cns)
    for cns in (0x05, 0x06, 0x07, 0x08):
        yield Command(f"identify cns={cns:02x} csi=30", "admin", 0x06, 1, cns, 0x30 << 24)
    for cntid in (0, 1, 0xFFFF):
        yield Command(f"identify cns=13 cntid={cntid:x}", "admin", 0x06, 0, 0x13 | cntid << 16)


def _logs() -> Iterator[Command]:
    numd = 127
    for lid in (*range(0x30), 0x70, 0x7F, 0x80, 0x81, 0xBF, 0xC0, 0xFF):
        yield Command(f"log lid={lid:02x}", "admin", 0x02, _ALL, lid | numd << 16)
    for lid in (1, 2, 3, 4, 5, 6, 7, 8, 9, 0x0C, 0x0E, 0x12, 0x13, 0x81):
        yield Command(f"log lid={lid:02x} short", "admin", 0x02, _ALL, lid)
        yield Command(f"log lid={lid:02x} lsp=7f", "admin", 0x02, _ALL, lid | 0x7F << 8 | numd << 16)
        yield Command(f"log lid={lid:02x} lsi=ffff", "admin", 0x02, _ALL, lid | numd << 16, 0xFFFF << 16)
        yield Command(f"log lid={lid:02x} uuid=7f", "admin", 0x02, _ALL, lid | numd << 16, cdw14=0x7F)
        yield Command(f"log lid={lid:02x} index", "admin", 0x02, _ALL, lid | numd << 16, 0, 1, 0, 1 << 23)
        yield Command(f"log lid={lid:02x} nsid=0", "admin", 0x02, 0, lid | numd << 16)
        yield Command(f"log lid={lid:02x} nsid=1", "admin", 0x02, 1, lid | numd << 16)
        yield Command(f"log lid={lid:02x} nsid=2", "admin", 0x02, 2, lid | numd << 16)
        yield Command(f"log lid={lid:02x} offset=2", "admin", 0x02, _ALL, lid | numd << 16, 0, 2)
        yield Command(f"log lid={lid:02x} offset=1M", "admin", 0x02, _ALL, lid | numd << 16, 0, 1 << 20)


def _features() -> Iterator[Command]:
    for fid in (*range(0x30), 0x78, 0x79, 0x7D, 0x7E, 0x80, 0x81, 0x84, 0x85):
        for sel in (*range(4), 7):
            yield Command(f"get-feature fid={fid:02x} sel={sel}", "admin", 0x0A, 1, fid | sel << 8)
        yield Command(f"get-feature fid={fid:02x} nsid=0", "admin", 0x0A, 0, fid)
        yield Command(f"get-feature fid={fid:02x} nsid=all", "admin", 0x0A, _ALL, fid)
        yield Command(f"get-feature fid={fid:02x} nsid=2", "admin", 0x0A, 2, fid)
    for fid in (0x7F, 0x82, 0x83, 0xC0, 0xFF):
        yield Command(f"get-feature fid={fid:02x} sel=0", "admin", 0x0A, 0, fid)
        yield Command(f"set-feature fid={fid:02x}", "admin", 0x09, 0, fid)
    for fid in (0x00, 0x07, 0x0E, 0x15, 0x19, 0x20, 0x22, 0x26, 0x2F, 0x78, 0x7E):
        yield Command(f"set-feature fid={fid:02x} zeros", "admin", 0x09, 0, fid)
    for fid, cdw11 in (
        (0x01, 0xFFFFFFF8),
        (0x02, 0x1F),
        (0x04, 3 << 20),
        (0x04, 4 << 16),
        (0x05, 0xFFFF),
        (0x0B, _ALL),
    ):
        yield Command(f"set-feature fid={fid:02x} cdw11={cdw11:x}", "admin", 0x09, 0, fid, cdw11)
    for fid in (0x01, 0x04, 0x05, 0x06, 0x08, 0x0B):
        yield Command(f"set-feature fid={fid:02x} nsid=1", "admin", 0x09, 1, fid)
        yield Command(f"set-feature fid={fid:02x} nsid=fffffffe", "admin", 0x09, 0xFFFFFFFE, fid)
    yield Command("set-feature number-of-queues ffff", "admin", 0x09, 0, 0x07, 0xFFFFFFFF)
    yield Command("set-feature number-of-queues after-creation", "admin", 0x09, 0, 0x07, 0x00030003)
    for fid in (0x01, 0x04, 0x06, 0x08, 0x0B):
        yield Command(f"set-feature fid={fid:02x} save", "admin", 0x09, 0, fid | 1 << 31)


def _queues() -> Iterator[Command]:
    pc, size = 1, 7 << 16
    for qid in (0, 1, 0x7FFF, 0xFFFF):
        for name, opcode in (("delete-sq", 0x00), ("delete-cq", 0x04)):
            if qid != 1:
                yield Command(f"{name} qid={qid:x}", "admin", opcode, 0, qid)
        yield Command(f"create-cq qid={qid:x}", "admin", 0x05, 0, qid | size, pc)
        yield Command(f"create-sq qid={qid:x} cqid=1", "admin", 0x01, 0, qid | size, pc | 1 << 16)
    yield Command("create-sq unused, cqid=9", "admin", 0x01, 0, 5 | size, pc | 9 << 16)
    yield Command("create-sq unused, cqid=0", "admin", 0x01, 0, 5 | size, pc)
    yield Command("create-cq size=0", "admin", 0x05, 0, 5, pc)
    yield Command("create-cq vector=fff", "admin", 0x05, 0, 5 | size, pc | 2 | 0xFFF << 16)
    yield Command("create-cq size=ffff", "admin", 0x05, 0, 5 | 0xFFFF << 16, pc)
    yield Command("delete-cq in use", "admin", 0x04, 0, 1)


def _others() -> Iterator[Command]:
    for opcode in (
        0x03,
        0x07,
        0x0B,
        0x0E,
        0x0F,
        0x12,
        0x13,
        0x16,
        0x17,
        0x1B,
        0x1F,
        0x20,
        0x7E,
        0x7F,
        0xC0,
        0xFF,
    ):
        yield Command(f"admin opcode={opcode:02x}", "admin", opcode, 1)
    yield Command("abort unknown", "admin", 0x08, 0, 0x1234 << 16 | 1)
    yield Command("abort unknown sq", "admin", 0x08, 0, 0x1234 << 16 | 0x99)
    for name, nsid, cdw10 in (("nsid=2", 2, 0), ("nsid=0", 0, 0), ("pi=7", 1, 7 << 5)):
        yield Command(f"format {name}", "admin", 0x80, nsid, cdw10)
    for sel in (2, 0xF):
        yield Command(f"ns-attach sel={sel}", "admin", 0x15, 1, sel)
        yield Command(f"ns-management sel={sel}", "admin", 0x0D, 1, sel)
    yield Command("ns-attach nsid=0", "admin", 0x15, 0, 0)
    yield Command("ns-attach nsid=all", "admin", 0x15, _ALL, 1)


def _io() -> Iterator[Command]:
    for name, opcode in (("write", 1), ("read", 2), ("compare", 5), ("zeroes", 8), ("verify", 0x0C)):
        yield Command(f"{name} ok", "io", opcode, 1, 0, 0, 7)
        yield Command(f"{name} last", "io", opcode, 1, LAST)
        yield Command(f"{name} beyond", "io", opcode, 1, LAST + 1)
        yield Command(f"{name} across the end", "io", opcode, 1, LAST, 0, 1)
        yield Command(f"{name} wraps", "io", opcode, 1, _ALL, _ALL, 7)
        yield Command(f"{name} nsid=0", "io", opcode, 0)
        yield Command(f"{name} nsid=2", "io", opcode, 2)
        yield Command(f"{name} nsid=all", "io", opcode, _ALL)
        yield Command(f"{name} fua", "io", opcode, 1, 0, 0, 1 << 30)
        yield Command(f"{name} limited retry", "io", opcode, 1, 0, 0, 1 << 31)
        yield Command(f"{name} prinfo without pi", "io", opcode, 1, 0, 0, 0xF << 26)
    for nsid in (0, 1, 2, _ALL):
        yield Command(f"flush nsid={nsid:x}", "io", 0x00, nsid)
        yield Command(f"dsm nsid={nsid:x}", "io", 0x09, nsid, 0, 4)
    for cdw11 in (0, 1, 2):
        yield Command(f"dsm cdw11={cdw11:x}", "io", 0x09, 1, 0, cdw11)
    for opcode in (0x03, 0x06, 0x0D, 0x0E, 0x11, 0x15, 0x20, 0x7B, 0x7D, 0x80, 0xC0, 0xFF):
        yield Command(f"io opcode={opcode:02x}", "io", opcode, 1)


def _ranges(*pairs: tuple[int, int]) -> bytes:
    """Dataset Management: ranges of (LBA, number of blocks)."""
    return b"".join(struct.pack("<IIQ", 0, count, lba) for lba, count in pairs)


def _sources(*pairs: tuple[int, int], fmt: int = 0) -> bytes:
    """Copy: source ranges of (LBA, number of blocks, 1's based)."""
    return b"".join(struct.pack("<8xQH14x", lba, count - 1) + bytes(8 * fmt) for lba, count in pairs)


def _data_of_io() -> Iterator[Command]:
    """What is decided by the data, or by the length."""
    for name, data in (
        ("beyond", _ranges((LAST, 2))),
        ("far beyond", _ranges((1 << 40, 8))),
        ("nothing", _ranges((0, 0))),
        ("good, beyond", _ranges((64, 8), (LAST + 1, 8))),
    ):
        for cdw11 in (0, 4):
            yield Command(f"dsm {name} cdw11={cdw11}", "io", 0x09, 1, len(data) // 16 - 1, cdw11, data=data)
    for op, opcode in (("write", 1), ("read", 2), ("compare", 5), ("zeroes", 8), ("verify", 0x0C)):
        yield Command(f"{op} length=ffff", "io", opcode, 1, 0, 0, 65535)
    for op, opcode in (("zeroes", 8), ("verify", 0x0C)):
        yield Command(f"{op} deac", "io", opcode, 1, 0, 0, 7 | 1 << 25)
    yield Command("compare differs", "io", 0x05, 1, 0, 0, 7, data=b"different")
    for name, sources, cdw12 in (
        ("ok", _sources((0, 8)), 0),
        ("two", _sources((0, 8), (16, 8)), 1),
        ("source beyond", _sources((LAST, 2)), 0),
        ("too long", _sources((0, 65536)), 0),
        ("too many", _sources(*[(0, 1)] * 200), 199),
        ("format 1", _sources((0, 8), fmt=1), 1 << 8),
        ("format f", _sources((0, 8)), 0xF << 8),
    ):
        yield Command(f"copy {name}", "io", 0x19, 1, 1024, 0, cdw12, data=sources)
    yield Command("copy target beyond", "io", 0x19, 1, LAST, 0, 0, data=_sources((0, 8)))
    for nsid in (0, 2, _ALL):
        yield Command(f"copy nsid={nsid:x}", "io", 0x19, nsid, 1024, data=_sources((0, 8)))


def commands() -> list[Command]:
    return [*_identify(), *_logs(), *_features(), *_queues(), *_others(), *_io(), *_data_of_io()]
