# SPDX-License-Identifier: BSD-3-Clause
"""What an ioworker measured: percentiles, distributions, and the dictionary that scripts get."""
from collections.abc import Iterable, Sequence
from typing import Any

Bucket = tuple[int, int, int]  # lowest and highest ns, how many commands
_LAST_US = 1_000_000


class IOResult(dict[str, Any]):
    """What an ioworker measured: a dictionary whose values are attributes too."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value


def merge(histograms: Iterable[Sequence[Bucket]]) -> list[Bucket]:
    """One histogram of several."""
    counts: dict[tuple[int, int], int] = {}
    for histogram in histograms:
        for low, high, count in histogram:
            counts[low, high] = counts.get((low, high), 0) + count
    return [(low, high, count) for (low, high), count in sorted(counts.items())]


def percentile_ns(histogram: Sequence[Bucket], percent: float) -> int:
    """The latency that `percent` of the commands stayed within, to 1 %; 0 when there are none."""
    total = sum(count for _, _, count in histogram)
    rank = max(1, -(-total * percent // 100))
    seen = 0
    for _, high, count in histogram:
        seen += count
        if seen >= rank:
            return high
    return 0


def distribution_us(histogram: Sequence[Bucket]) -> list[int]:
    """Commands in each microsecond up to a second; the last entry has all that took longer.

    Buckets that are wider than a microsecond are spread evenly.
    """
    found = [0] * _LAST_US
    for low, high, count in histogram:
        first, last = min(low // 1000, _LAST_US - 1), min(high // 1000, _LAST_US - 1)
        width = last - first + 1
        for i in range(width):
            found[first + i] += count * (i + 1) // width - count * i // width
    return found


def consistency(per_second: Sequence[int], slowest_percentage: float) -> float:
    """The second that `slowest_percentage` of all were faster than, relative to their average."""
    assert 0 < slowest_percentage < 100, "ioworker: slowest_percentage is above 0 and below 100"
    assert per_second, "ioworker: there is no whole second"
    index = int(len(per_second) * slowest_percentage) // 100
    average = sum(per_second) / len(per_second)
    return sorted(per_second, reverse=True)[index] / average if average else 0.0


def histogram_of(measured: dict[str, Any], opcode: int | None) -> list[Bucket]:
    """The latencies of one opcode; None: of all."""
    return merge(op["buckets"] for op in measured["ops"] if opcode is None or op["opcode"] == opcode)


def last_commands(log: list[tuple[int, ...]], room: int) -> list[tuple[int, ...]]:
    """As a list of `room` entries, oldest first: what there is stands at its end, the rest is zero.

    (slba, nlb, opcode, time_sent_us, time_cplt_us, status)
    """
    return [(0,) * 6] * (room - len(log)) + log


def result(raw: dict[str, Any]) -> IOResult:
    """The part that every script gets."""
    ns, nonread = raw["ns"], raw["writes"] + raw["others"]
    ios = raw["reads"] + nonread
    return IOResult(
        io_count_read=raw["reads"],
        io_count_nonread=nonread,
        io_count_write=raw["writes"],
        mseconds=ns // 1_000_000,
        latency_max_us=raw["latency_max_ns"] // 1000,
        latency_average_us=raw["latency_sum_ns"] // ios // 1000 if ios else 0,
        cpu_usage=raw["cpu_ns"] / ns if ns else 0.0,
        error=raw["status"],
    )
