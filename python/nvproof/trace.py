# SPDX-License-Identifier: BSD-3-Clause
"""Traces: sequences of (slba, nlb, opcode, time_sent_us), in ioworker's io_sequence and in the files of others."""
import io
import os
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from typing import IO

Step = tuple[int, int, int, int]

FLUSH, WRITE, READ, TRIM = 0, 1, 2, 9
_MOST = 0xFFFF  # LBAs of one command
_ACTIONS = {"read": READ, "write": WRITE, "trim": TRIM, "sync": FLUSH, "datasync": FLUSH}
_NAMES = {READ: "read", WRITE: "write", TRIM: "trim", FLUSH: "sync"}
_SILENT = {"add", "open", "close"}


def from_pynvme2(io_sequence: Iterable[Sequence[int]]) -> list[Step]:
    """pynvme 2's order is (timestamp_us, opcode, slba, nlb)."""
    return [(slba, nlb, opcode, us) for us, opcode, slba, nlb in io_sequence]


def rebase(steps: Iterable[Sequence[int]]) -> list[Step]:
    """The same with times that begin at 0: the last commands of a long run are replayed at once."""
    steps = [(s[0], s[1], s[2], s[3]) for s in steps if s is not None and any(s)]
    first = min((step[3] for step in steps), default=0)
    return [(slba, nlb, opcode, us - first) for slba, nlb, opcode, us in steps]


def split(steps: Iterable[Step], most: int) -> Iterator[Step]:
    """Commands with data of at most `most` LBAs; a trim may be longer."""
    for slba, nlb, opcode, us in steps:
        while nlb > most and opcode != TRIM:
            yield slba, most, opcode, us
            slba, nlb = slba + most, nlb - most
        yield slba, nlb, opcode, us


# --- fio ---


def _lbas(value: int, sector_size: int, where: str) -> int:
    if value % sector_size:
        raise ValueError(f"{where}: {value} bytes are no multiple of {sector_size}")
    return value // sector_size


def _step(words: Sequence[str], us: int, sector_size: int, where: str) -> Step | None:
    """action [offset length]; None: it names no command."""
    if words[0] in _SILENT:
        return None
    if words[0] not in _ACTIONS:
        raise ValueError(f"{where}: unknown action {words[0]!r}")
    if _ACTIONS[words[0]] == FLUSH:
        return 0, 0, FLUSH, us
    if len(words) < 3:
        raise ValueError(f"{where}: {words[0]} needs an offset and a length")
    slba, nlb = (_lbas(int(word), sector_size, where) for word in words[1:3])
    return slba, nlb, _ACTIONS[words[0]], us


def _read_iolog(f: IO[str], sector_size: int) -> Iterator[Step]:
    head = f.readline().strip()
    match = re.fullmatch(r"fio version ([23]) iolog", head)
    if not match:
        raise ValueError(f"line 1: {head!r} is no fio iolog of version 2 or 3")
    stamped, now = match[1] == "3", 0
    for n, line in enumerate(f, 2):
        words, where = line.split(), f"line {n}"
        if not words:
            continue
        if stamped:  # microseconds since the start
            now, words = int(words[0]), words[1:]
        if len(words) < 2:
            raise ValueError(f"{where}: needs a file and an action")
        if words[1] == "wait" and not stamped:  # microseconds since the last wait
            now += int(words[2])
            continue
        step = _step(words[1:], now, sector_size, where)
        if step:
            yield step


def load_iolog(path: str | os.PathLike[str], sector_size: int = 512, most: int = _MOST) -> list[Step]:
    """An I/O log of fio, version 2 or 3 (write_iolog), for io_sequence.  ValueError: which line is wrong."""
    with open(path, encoding="utf-8") as f:
        return list(split(_read_iolog(f, sector_size), most))


def save_iolog(
    path: str | os.PathLike[str],
    steps: Iterable[Sequence[int]],
    sector_size: int = 512,
    version: int = 3,
    filename: str = "/dev/nvme0n1",
) -> None:
    """Write a trace, or what output_cmdlog_list holds, for fio's read_iolog.  What fio cannot replay is left out."""
    if version not in (2, 3):
        raise ValueError("fio's iolog has version 2 or 3")
    with open(path, "w", encoding="utf-8") as f:
        f.write(f"fio version {version} iolog\n")
        stamp = "0 " if version == 3 else ""
        f.write(f"{stamp}{filename} add\n{stamp}{filename} open\n")
        last = 0
        for slba, nlb, opcode, us, *_ in steps:
            if opcode not in _NAMES or (opcode != FLUSH and not nlb):
                continue
            if version == 2 and us > last:
                f.write(f"{filename} wait {us - last} 0\n")
            stamp = f"{us} " if version == 3 else ""
            where = (0, 0) if opcode == FLUSH else (slba * sector_size, nlb * sector_size)
            f.write(f"{stamp}{filename} {_NAMES[opcode]} {where[0]} {where[1]}\n")
            last = us
        f.write(f"{f'{last} ' if version == 3 else ''}{filename} close\n")


# --- JESD219 ---

_JEDEC_LINE = re.compile(r"\W*(write|read|trims?|flush)\b\W*(\d+)?\W*(\d+)?", re.IGNORECASE)
_JEDEC_OPS = {"w": WRITE, "r": READ, "t": TRIM, "f": FLUSH}


def _read_jesd219(f: Iterable[str], sector_size: int) -> Iterator[Step]:
    """Lines of a command with its first LBA and its length, in sectors of 512 bytes."""
    unit = max(1, sector_size // 512)
    for n, line in enumerate(f, 1):
        if not line.strip():
            continue
        match = _JEDEC_LINE.match(line)
        if not match:
            raise ValueError(f"line {n}: {line.strip()[:40]!r} is no command of the master trace")
        opcode = _JEDEC_OPS[match[1][0].lower()]
        if opcode == FLUSH:
            yield 0, 0, FLUSH, 0
            continue
        if match[3] is None:
            raise ValueError(f"line {n}: {match[1]} needs an LBA and a length")
        first, count = int(match[2]), int(match[3])
        if count:
            yield first // unit, max(1, -(-(first + count) // unit) - first // unit), opcode, 0


def load_jesd219(path: str | os.PathLike[str], sector_size: int = 512, most: int = 128) -> list[Step]:
    """The master trace of the client endurance workload; a zip holds it as its only text file."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as z:
            names = [name for name in z.namelist() if name.endswith(".txt")]
            if len(names) != 1:
                raise ValueError(f"{os.fspath(path)!r} holds {len(names)} text files, not one")
            with z.open(names[0]) as raw:
                lines = io.TextIOWrapper(raw, encoding="ascii", errors="replace")
                return list(split(_read_jesd219(lines, sector_size), most))
    with open(path, encoding="ascii", errors="replace") as f:
        return list(split(_read_jesd219(f, sector_size), most))
