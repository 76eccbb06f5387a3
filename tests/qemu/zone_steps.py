# SPDX-License-Identifier: BSD-3-Clause
"""A day in the life of a zoned namespace: the steps that are sent to both devices, in this order.

The drive has 16 zones of 4 MiB, 3 MiB of them writable, LBAs of 512 bytes; 3 zones may be open and 5 active.
ZNS Command Set, "Zone State Machine", "Zone Management Send command", "Zone Management Receive command", "Zone Append command".
"""
from typing import Iterator, NamedTuple

ZONES, SIZE, CAPACITY = 16, 8192, 6144
MAX_OPEN, MAX_ACTIVE = 3, 5
BLOCKS = 8
CLOSE, FINISH, OPEN, RESET, OFFLINE, DESCRIPTOR, FLUSH = 1, 2, 3, 4, 5, 0x10, 0x11
ALL = 1 << 8
_WRITE, _READ, _ZEROES, _DSM, _SEND, _RECEIVE, _APPEND = 1, 2, 8, 9, 0x79, 0x7A, 0x7D


class Step(NamedTuple):
    name: str
    opcode: int
    slba: int
    cdw12: int = 0
    cdw13: int = 0
    data: bytes = b""


def _write(name: str, slba: int, blocks: int = BLOCKS) -> Step:
    return Step(f"write {name}", _WRITE, slba, blocks - 1)


def _read(name: str, slba: int, blocks: int = BLOCKS) -> Step:
    return Step(f"read {name}", _READ, slba, blocks - 1)


def _append(name: str, slba: int, blocks: int = BLOCKS) -> Step:
    return Step(f"append {name}", _APPEND, slba, blocks - 1)


def _send(name: str, action: int, zone: float, flags: int = 0) -> Step:
    return Step(name, _SEND, int(zone * SIZE), 0, action | flags)


def report(
    name: str, slba: int = 0, what: int = 0, only: int = 0, partial: int = 0, dwords: int = 1024
) -> Step:
    return Step(f"report {name}", _RECEIVE, slba, dwords - 1, what | only << 8 | partial << 16)


def _fill(zone: int) -> Iterator[Step]:
    """All of a zone, in pieces as large as the buffer."""
    for at in range(0, CAPACITY, 128):
        yield _write(f"fill zone {zone} at {at}", zone * SIZE + at, 128)


def _writes() -> Iterator[Step]:
    yield _write("an empty zone, not at its start", 8)
    yield _write("an empty zone", 0)
    yield _write("at the write pointer", 8)
    yield _write("behind the write pointer", 8)
    yield _write("beyond the write pointer", 100)
    yield _write("across the zone's end", SIZE - 4)
    yield _write("beyond the last zone", ZONES * SIZE)
    yield _read("what was written", 0, 16)
    yield _read("beyond the write pointer", 64)
    yield _read("across two zones", SIZE - 4)
    yield Step("zeroes at the write pointer", _ZEROES, 16, BLOCKS - 1)
    yield Step("zeroes behind the write pointer", _ZEROES, 16, BLOCKS - 1)


def _appends() -> Iterator[Step]:
    yield _append("to an empty zone", SIZE)
    yield _append("to an open zone", SIZE)
    yield _append("not at a zone's start", SIZE + 8)
    yield _append("more than ZASL", SIZE, 4096)
    yield _append("beyond the last zone", ZONES * SIZE)


def _states() -> Iterator[Step]:
    yield _send("open an empty zone", OPEN, 2)
    yield _send("open an open zone", OPEN, 2)
    yield _send("open an implicitly opened zone", OPEN, 0)
    yield _send("close an empty zone", CLOSE, 9)
    yield _send("close an open zone without data", CLOSE, 2)
    yield _send("close an implicitly opened zone", CLOSE, 1)
    yield _send("close a closed zone", CLOSE, 1)
    yield _write("a closed zone", SIZE + 16)
    yield _send("finish an empty zone", FINISH, 10)
    yield _send("finish an open zone", FINISH, 1)
    yield _send("finish a full zone", FINISH, 1)
    yield _send("open a full zone", OPEN, 1)
    yield _send("close a full zone", CLOSE, 1)
    yield _write("a full zone", SIZE + 24)
    yield _append("to a full zone", SIZE)
    yield _send("reset a full zone", RESET, 1)
    yield _send("reset an empty zone", RESET, 1)
    yield _send("offline an empty zone", OFFLINE, 1)
    yield _send("offline all", OFFLINE, 0, ALL)
    yield _send("action 0", 0, 1)
    yield _send("action 7", 7, 1)
    yield _send("descriptor without room", DESCRIPTOR, 1)
    yield _send("flush without ZRWA", FLUSH, 1)
    yield _send("open inside of a zone", OPEN, 1.5)
    yield _send("open beyond the last zone", OPEN, ZONES)
    yield _send("open all closed", OPEN, 0, ALL)
    yield _send("close all open", CLOSE, 0, ALL)


def _limits() -> Iterator[Step]:
    yield _send("reset all", RESET, 0, ALL)
    for zone in range(MAX_OPEN + 1):
        yield _send(f"open number {zone + 1}", OPEN, zone)
    yield _write("one more zone than may be open", 8 * SIZE)
    yield _append("to one more zone than may be open", 8 * SIZE)
    for zone in range(MAX_OPEN):
        yield _send(f"close number {zone + 1}", CLOSE, zone)
    for zone in range(MAX_ACTIVE + 1):
        yield _write(f"zone {zone} at its start", zone * SIZE)
    yield _append("to one more zone than may be active", 9 * SIZE)
    yield _send("open one more zone than may be active", OPEN, 9)
    yield _send("finish one to make room", FINISH, 4)
    yield _write("after one was finished", 9 * SIZE)


def _reports() -> Iterator[Step]:
    """One zone in each state that a host can bring about."""
    yield _send("reset all again", RESET, 0, ALL)
    yield _write("zone 0, which opens it", 0)
    yield _write("zone 1, which opens it", SIZE)
    yield _send("close zone 1", CLOSE, 1)
    yield _send("open zone 2", OPEN, 2)
    yield _send("finish zone 3", FINISH, 3)
    yield from _fill(4)
    for only in range(10):
        yield report(f"only={only}", only=only)
        yield report(f"only={only}, partial", only=only, partial=1, dwords=64)
    yield report("from the middle of a zone", slba=5 * SIZE + 100)
    yield report("from the last zone", slba=(ZONES - 1) * SIZE)
    yield report("from beyond", slba=ZONES * SIZE)
    yield report("of a header alone", dwords=16)
    yield report("shorter than a header", dwords=8)
    yield report("extended without extensions", what=1)
    yield report("action 2", what=2)


def steps() -> list[Step]:
    return [*_writes(), *_appends(), *_states(), *_limits(), *_reports()]
