# SPDX-License-Identifier: BSD-3-Clause
"""Flexible Data Placement in a few calls; each is one command that the drive can refuse, as all others.

NVMe Base 2.2, "Flexible Data Placement".
"""
from __future__ import annotations

import struct
from typing import Any, NamedTuple

import nvme as d

DIRECTIVE = 2 << 4  # of io_flags: DTYPE is CDW12 bits 23:20
_RECEIVE, _SEND = 0x12, 0x1D  # I/O Management
_STATISTICS = 0x22


class Handle(NamedTuple):
    """What I/O Management Receive tells of a placement identifier."""

    pid: int
    ruhid: int
    seconds_left: int
    blocks_left: int


class Statistics(NamedTuple):
    """The FDP Statistics log: bytes since FDP was enabled."""

    host_written: int
    media_written: int
    erased: int


def mark(pid: int) -> dict[str, Any]:
    """Arguments of ns.write() and ns.ioworker() that put what is written where this placement identifier says."""
    return {"io_flags": DIRECTIVE, "cdw13": pid << 16}


def handles(ns: Any, qpair: Any) -> list[Handle]:
    """Reclaim Unit Handle Status."""
    buf = d.Buffer(4096)
    ns.send_cmd(_RECEIVE, qpair, buf, cdw10=1, cdw11=4096 // 4 - 1).waitdone()
    data = bytes(buf[:])
    (n,) = struct.unpack_from("<H", data, 14)
    return [Handle(*struct.unpack_from("<HHIQ", data, 16 + 32 * i)) for i in range(n)]


def update(ns: Any, qpair: Any, *pids: int) -> None:
    """Reclaim Unit Handle Update: what is written next begins in other reclaim units."""
    buf = d.Buffer(4096)
    buf[: 2 * len(pids)] = struct.pack(f"<{len(pids)}H", *pids)
    ns.send_cmd(_SEND, qpair, buf, cdw10=1 | (len(pids) - 1) << 16).waitdone()


def statistics(nvme: Any, group: int = 1) -> Statistics:
    """The counters of an endurance group."""
    buf = d.Buffer(64)
    nvme.send_cmd(
        0x02, buf, 0xFFFFFFFF, cdw10=_STATISTICS | (64 // 4 - 1) << 16, cdw11=group << 16
    ).waitdone()
    data = bytes(buf[:])
    return Statistics(*(int.from_bytes(data[16 * i : 16 * i + 16], "little") for i in range(3)))
