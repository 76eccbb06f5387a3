# SPDX-License-Identifier: BSD-3-Clause
"""The list of commands that are sent to both devices: a name, the queue ("admin" or "io"), and the dwords.

None of them changes what a later one answers on a device of either kind.  What a device may grow (virtualization, I/O
command sets) is left out.
"""
from typing import Iterator, NamedTuple

_ALL = 0xFFFFFFFF


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


def _identify() -> Iterator[Command]:
    for cns in (*range(0x14), *range(0x16, 0x1C), *range(0x1D, 0x20)):
        for nsid in (0, 1, 2, 0xFFFFFFFE, _ALL):
            yield Command(f"identify cns={cns:02x} nsid={nsid:x}", "admin", 0x06, nsid, cns)
    for cns in (0x05, 0x06, 0x07, 0x08):
        yield Command(f"identify cns={cns:02x} csi=30", "admin", 0x06, 1, cns, 0x30 << 24)
    for cntid in (0, 1, 0xFFFF):
        yield Command(f"identify cns=13 cntid={cntid:x}", "admin", 0x06, 0, 0x13 | cntid << 16)


def _logs() -> Iterator[Command]:
    numd = 127
    for lid in (*range(0x20), 0x70, 0x80, 0x81, 0xC0, 0xFF):
        yield Command(f"log lid={lid:02x}", "admin", 0x02, _ALL, lid | numd << 16)
    for lid in (1, 2, 3, 5):
        yield Command(f"log lid={lid:02x} nsid=0", "admin", 0x02, 0, lid | numd << 16)
        yield Command(f"log lid={lid:02x} nsid=1", "admin", 0x02, 1, lid | numd << 16)
        yield Command(f"log lid={lid:02x} nsid=2", "admin", 0x02, 2, lid | numd << 16)
        yield Command(f"log lid={lid:02x} offset=2", "admin", 0x02, _ALL, lid | numd << 16, 0, 2)
        yield Command(f"log lid={lid:02x} offset=1M", "admin", 0x02, _ALL, lid | numd << 16, 0, 1 << 20)


def _features() -> Iterator[Command]:
    for fid in (*range(0x19), *range(0x1A, 0x20)):
        for sel in range(4):
            yield Command(f"get-feature fid={fid:02x} sel={sel}", "admin", 0x0A, 1, fid | sel << 8)
        yield Command(f"get-feature fid={fid:02x} nsid=0", "admin", 0x0A, 0, fid)
        yield Command(f"get-feature fid={fid:02x} nsid=all", "admin", 0x0A, _ALL, fid)
        yield Command(f"get-feature fid={fid:02x} nsid=2", "admin", 0x0A, 2, fid)
    for fid in (0x7F, 0x82, 0x83, 0xC0, 0xFF):
        yield Command(f"get-feature fid={fid:02x} sel=0", "admin", 0x0A, 0, fid)
        yield Command(f"set-feature fid={fid:02x}", "admin", 0x09, 0, fid)
    for fid in (0x00, 0x07, 0x0E, 0x15):
        yield Command(f"set-feature fid={fid:02x} zeros", "admin", 0x09, 0, fid)
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
    last = (1 << 30) // 512 - 1
    for name, opcode in (("write", 1), ("read", 2), ("compare", 5), ("zeroes", 8), ("verify", 0x0C)):
        yield Command(f"{name} ok", "io", opcode, 1, 0, 0, 7)
        yield Command(f"{name} last", "io", opcode, 1, last)
        yield Command(f"{name} beyond", "io", opcode, 1, last + 1)
        yield Command(f"{name} across the end", "io", opcode, 1, last, 0, 1)
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


def commands() -> list[Command]:
    return [*_identify(), *_logs(), *_features(), *_queues(), *_others(), *_io()]
