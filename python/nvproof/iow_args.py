# SPDX-License-Identifier: BSD-3-Clause
"""The arguments of an ioworker: checked, and in the form that the driver takes."""
import operator
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

MAX_SECONDS = 1000 * 3600
MAX_DEPTH = 1024
ALL_LBAS = 2**64 - 1
PTYPE_FILE = 0xF17E

# The order in which pynvme 2 takes them; PyNVMe3 begins with the qpair.
_PYNVME2_ORDER = (
    "io_size lba_step lba_align lba_random read_percentage op_percentage time qdepth region_start region_end iops "
    "io_count lba_start qprio distribution ptype pvalue io_sequence fw_debug output_io_per_second "
    "output_percentile_latency output_cmdlog_list"
).split()


def keywords(qpair_type: type, args: tuple[Any, ...]) -> dict[str, Any] | None:
    """Positional arguments that begin with an io_size, as keywords; None: they begin with a qpair, as they should."""
    if not args or args[0] is None or isinstance(args[0], qpair_type):
        return None
    if len(args) > len(_PYNVME2_ORDER):
        raise TypeError(f"ioworker() takes at most {len(_PYNVME2_ORDER)} positional arguments")
    return dict(zip(_PYNVME2_ORDER, args))


def number(name: str, value: Any, low: int, high: int) -> int:
    """An integer within limits."""
    try:
        n = operator.index(value)
    except TypeError:
        raise AssertionError(f"ioworker: {name} is a number") from None
    assert low <= n <= high, f"ioworker: {name} is {low} to {high}"
    return n


def percent(name: str, value: bool | int) -> int:
    """0 to 100; True is 100."""
    if isinstance(value, bool):
        return 100 if value else 0
    return number(name, value, 0, 100)


def sizes(io_size: Any, lba_align: Any) -> list[tuple[int, int, int]]:
    """(LBAs, alignment, weight) of each size.  io_size: int, range, list, or dict of ratios; lba_align: int or list."""
    if isinstance(io_size, Mapping):
        nlbs, weights = list(io_size), [number("an io_size's ratio", v, 1, 10000) for v in io_size.values()]
        assert sum(weights) <= 10000, "ioworker: the ratios of io_size sum to 10000 at most"
    elif isinstance(io_size, Iterable):
        nlbs = list(io_size)
        weights = [1] * len(nlbs)
    else:
        nlbs, weights = [io_size], [1]
    assert nlbs, "ioworker: io_size is empty"
    nlbs = [number("io_size", n, 1, 0xFFFF) for n in nlbs]
    if isinstance(lba_align, Sequence):
        assert len(lba_align) == len(nlbs), "ioworker: lba_align is as long as io_size"
        aligns = list(lba_align)
    else:
        aligns = [1 if lba_align is None else lba_align] * len(nlbs)
    return [(n, number("lba_align", a, 1, 0xFFFFFFFF), w) for n, a, w in zip(nlbs, aligns, weights)]


def regions(start: Any, end: Any) -> list[tuple[int, int]]:
    """(start, end) of each region, the end excluded."""
    several = isinstance(start, Sequence), isinstance(end, Sequence)
    assert several[0] == several[1], "ioworker: region_start and region_end are both numbers or both lists"
    pairs = list(zip(start, end)) if several[0] else [(start, end)]
    assert not several[0] or len(start) == len(end) > 0, "ioworker: region_start is as long as region_end"
    found = []
    for low, high in pairs:
        low, high = number("region_start", low, 0, ALL_LBAS), number("region_end", high, 0, ALL_LBAS)
        assert low < high, "ioworker: region_start is below region_end"
        found.append((low, high))
    return found


def operations(op_percentage: Mapping[int, int] | None, read_percentage: int) -> list[tuple[int, int]]:
    """(opcode, percent) of each command."""
    if op_percentage is None:
        reads = percent("read_percentage", read_percentage)
        return [(opcode, share) for opcode, share in ((2, reads), (1, 100 - reads)) if share]
    shares = {
        number("an opcode", k, 0, 255): number("op_percentage", v, 0, 100) for k, v in op_percentage.items()
    }
    assert sum(shares.values()) == 100, "ioworker: op_percentage sums to 100"
    return [(opcode, share) for opcode, share in shares.items() if share]


def buckets(distribution: Sequence[int] | None) -> list[int] | None:
    """The weights of a distribution."""
    if distribution is None:
        return None
    assert len(distribution) == 100, "ioworker: distribution is 100 numbers"
    found = [number("distribution", n, 0, 10000) for n in distribution]
    assert sum(found) == 10000, "ioworker: distribution sums to 10000"
    return found


def trace(io_sequence: Iterable[Sequence[int]] | None) -> list[Sequence[int]] | None:
    """The commands of a trace: (slba, nlb, opcode, time_sent_us), later fields are left out."""
    if io_sequence is None:
        return None
    steps = [entry[:4] for entry in io_sequence if entry is not None]
    assert steps, "ioworker: io_sequence is empty"
    assert all(
        len(step) == 4 for step in steps
    ), "ioworker: io_sequence has (slba, nlb, opcode, time_sent_us)"
    return steps


def pattern(ptype: int, pvalue: Any) -> tuple[int, int, bytes | None]:
    """ptype, pvalue, and the content of the file that pvalue names when ptype says so."""
    if ptype != PTYPE_FILE:
        return ptype, number("pvalue", pvalue, 0, 0xFFFFFFFF), None
    with open(pvalue, "rb") as f:
        data = f.read()
    assert data, f"ioworker: {pvalue} is empty"
    return ptype, 0, data


def depth(qdepth: int, outstanding: int | None, mqes: int, entries: int | None) -> int:
    """Commands kept outstanding; a slot of the queue stays empty.  entries: of a given queue pair."""
    room = entries - 1 if entries else mqes
    if outstanding is not None:
        return number("outstanding", outstanding, 1, min(mqes, room))
    number("qdepth", qdepth, 2, min(MAX_DEPTH, mqes + 1))
    return min(qdepth, mqes, room)
