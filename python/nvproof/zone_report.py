# SPDX-License-Identifier: BSD-3-Clause
"""What a zoned namespace says of its zones.

Zoned Namespace Command Set Specification: "Zone Management Receive command", "Zone Descriptor", "Identify Namespace data structure".
"""
from typing import Any, Iterator, NamedTuple

from . import _native
from .buffer import Buffer
from .qpair import Qpair

CSI_ZNS = 2
EMPTY, IMPLICIT, EXPLICIT, CLOSED, READ_ONLY, FULL, OFFLINE = 1, 2, 3, 4, 0xD, 0xE, 0xF
ACTIVE = (IMPLICIT, EXPLICIT, CLOSED)
HEADER, DESCRIPTOR = 64, 64  # bytes, of a report
_MAR, _MOR = 4, 8  # bytes of Identify
_REPORTED = 255  # zones a command
_NO_LIMIT = 0xFFFFFFFF


class Descriptor(NamedTuple):
    """A zone: its state, its first LBA, how many LBAs it can hold, and which is written next."""

    state: int
    attributes: int
    slba: int
    capacity: int
    wpointer: int

    @property
    def written(self) -> int:
        """LBAs that are written, from the first one on; of a zone that cannot be written, all."""
        if self.state == EMPTY:
            return 0
        return self.wpointer - self.slba if self.state in ACTIVE else self.capacity


def zone_size(ns: Any) -> int:
    """LBAs from one zone to the next.  ValueError: the namespace is not zoned."""
    if not ns.zone_size:
        raise ValueError(f"namespace {ns.nsid} is not zoned")
    return int(ns.zone_size)


def limits(ns: Any) -> tuple[int, int]:
    """How many zones may be open, and active; 0: any number."""
    found = (int(ns.id_data(at + 3, at, cns=5, csi=CSI_ZNS)) for at in (_MOR, _MAR))
    most_open, most_active = (0 if n == _NO_LIMIT else n + 1 for n in found)
    return most_open, most_active


def descriptor(buf: Buffer, index: int) -> Descriptor:
    """One zone of a report."""
    at = HEADER + DESCRIPTOR * index
    slba, wpointer = (int(buf.data(at + n + 7, at + n)) for n in (16, 24))
    return Descriptor(buf[at + 1] >> 4, buf[at + 2], slba, int(buf.data(at + 15, at + 8)), wpointer)


def all_zones(ns: Any, qpair: _native.Qpair) -> Iterator[Descriptor]:
    """Each zone of the namespace."""
    buf, slba, size = Buffer(HEADER + DESCRIPTOR * _REPORTED, "zone report"), 0, zone_size(ns)
    while slba < ns.nsze:
        ns.zns_mgmt_receive(qpair, buf, slba, partial=True).waitdone()
        count = int(buf.data(7, 0))
        yield from (descriptor(buf, i) for i in range(count))
        if not count:
            return
        slba = descriptor(buf, count - 1).slba + size


class Plan(NamedTuple):
    """What an ioworker has to know of zones."""

    zones: list[tuple[int, int, int, int]]  # (slba, capacity, LBAs written, whether it can only be read)
    width: int  # how many may be written in turns
    active: int  # how many of them may be active; 0: any number

    @property
    def region(self) -> list[tuple[int, int]]:
        """From the first to the end of the last."""
        return [(min(z[0] for z in self.zones), max(z[0] + z[1] for z in self.zones))]


def plan(ns: Any, qpair: _native.Qpair | None, regions: list[tuple[int, int]], zigzag: bool) -> Plan:
    """The zones that begin in these regions, as they are now.  ValueError: not zoned.  AssertionError: there are none."""
    zone_size(ns)
    queue = Qpair(ns.nvme, 4) if qpair is None else qpair
    try:
        found = list(all_zones(ns, queue))
    finally:
        if qpair is None:
            queue.delete()
    ours: list[Descriptor] = []
    others: list[int] = []  # states
    for z in found:
        if z.state != OFFLINE and any(low <= z.slba < high for low, high in regions):
            ours.append(z)
        else:
            others.append(z.state)
    assert ours, "ioworker: no zone begins in the region"
    most_open, most_active = limits(ns)
    if most_open:
        most_open = max(most_open - others.count(EXPLICIT), 1)
    if most_active:
        most_active = max(most_active - sum(others.count(state) for state in ACTIVE), 1)
    width = min(n for n in (len(ours), most_open, most_active) if n) if zigzag else 1
    return Plan(
        [(z.slba, z.capacity, z.written, int(z.state == READ_ONLY)) for z in ours], width, most_active
    )
