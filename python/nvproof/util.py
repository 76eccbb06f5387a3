# SPDX-License-Identifier: BSD-3-Clause
"""Small things that belong to no class."""
import logging
import random

from . import _native

_cTIMEOUT = 10  # seconds: of a command, and of what waits for one

log = logging.getLogger("nvproof")


def srand(seed: int) -> None:
    """Seed the random numbers of Python and of the driver; the seed is logged, so that a run can be repeated."""
    log.info("random seed: 0x%x", seed)
    random.seed(seed)
    _native.srand(seed)


def field(data: bytes, byte_end: int, byte_begin: int | None, type_: type, endian: str) -> int | str:
    """Bytes byte_begin..byte_end of a data structure, both included, as int or str."""
    begin = byte_end if byte_begin is None else byte_begin
    assert 0 <= begin <= byte_end < len(data), f"bytes {byte_end}:{begin} are outside of {len(data)} bytes"
    assert type_ in (int, str), "type is int or str"
    part = data[begin : byte_end + 1]
    if type_ is str:
        return part.decode("ascii", "replace").rstrip("\0 ")
    assert endian in ("little", "big"), "endian is 'little' or 'big'"
    return int.from_bytes(part, "big" if endian == "big" else "little")
