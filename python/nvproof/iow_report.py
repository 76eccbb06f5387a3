# SPDX-License-Identifier: BSD-3-Clause
"""Results for people, as who comes from fio expects them; and fio's logs.  Made from the JSON document."""
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

_DIRECTIONS = ("read", "write", "trim")
_PER_LINE = 4
_UNITS = (("nsec", 1, 2_000), ("usec", 1000, 10_000_000), ("msec", 1_000_000, math.inf))


class Rates(Protocol):
    """What live_line() needs of one look at the workers."""

    running: int
    kinds: str
    share: float | None
    left_s: float | None
    ios: dict[int, float]
    size: dict[int, float]


def count(value: float) -> str:
    """fio's way to say a count: 316k, 1234, 2.5M."""
    for unit, by in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= 10 * by or (unit != "k" and value >= by):
            return f"{value / by:.4g}{unit}"
    return f"{value:.0f}"


def binary(value: float, end: str = "") -> str:
    """Bytes by 1024."""
    for unit, by in (("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if value >= by:
            return f"{value / by:.4g}{unit}{end}"
    return f"{value:.0f}B{end}"


def decimal(value: float, end: str = "") -> str:
    """Bytes by 1000."""
    for unit, by in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= by:
            return f"{value / by:.4g}{unit}{end}"
    return f"{value:.0f}B{end}"


def _unit(ns: float) -> tuple[str, float]:
    return next((name, by) for name, by, below in _UNITS if ns < below)


def said_percentile(ns: int, percent: float, commands: int, by: float) -> str:
    """A percentile that fewer than ten commands are above says nothing."""
    needed = math.ceil(10 / (1 - percent / 100) - 1e-6)
    return f"{ns / by:.0f}" if commands >= needed else f"n/a, needs {needed:,}"


# --- while it runs ---


def live_line(live: Rates) -> str:
    """One line of what happens: jobs, how far, bytes and commands a second, and how long it still takes."""
    names = {2: "r", 1: "w", 9: "t"}
    ios = {name: live.ios[op] for op, name in names.items() if op in live.ios}
    size = {name: live.size[op] for op, name in names.items() if op in live.size}
    other = sum(n for op, n in live.ios.items() if op not in names)
    parts = [f"Jobs: {live.running} (f={live.running}): [{live.kinds or '_'}]"]
    if live.share is not None:
        parts.append(f"[{100 * live.share:.1f}%]")
    parts.append("[" + ",".join(f"{name}={binary(n, '/s')}" for name, n in size.items()) + "]")
    words = [f"{name}={count(n)}" for name, n in ios.items()] + ([f"other={count(other)}"] if other else [])
    parts.append("[" + ",".join(words) + " IOPS]")
    if live.left_s is not None:
        left = round(live.left_s)
        parts.append(f"[eta {left // 60:02d}m:{left % 60:02d}s]")
    return "".join(parts)


# --- at the end ---


def _latency(lat: Mapping[str, Any]) -> list[str]:
    name, by = _unit(lat["mean"])
    words = ", ".join(f"{short}={lat[long] / by:.{2 if short in ('avg', 'stdev') else 0}f}" for short, long in
                      (("min", "min"), ("max", "max"), ("avg", "mean"), ("stdev", "stddev")))  # fmt: skip
    return [f"    clat ({name}): {words}"]


def _percentiles(lat: Mapping[str, Any], wanted: Sequence[float] | None) -> list[str]:
    found = {float(key): ns for key, ns in lat["percentile"].items()}
    name, by = _unit(found.get(50.0, 0))
    items = [
        f"{p:8g}th=[{said_percentile(ns, p, lat['N'], by):>7}]"
        for p, ns in found.items()
        if wanted is None or p in wanted
    ]
    lines = [", ".join(items[i : i + _PER_LINE]) for i in range(0, len(items), _PER_LINE)]
    return [f"    clat percentiles ({name}):", *(f"     |{line}" for line in lines)]


def _direction(name: str, side: Mapping[str, Any], wanted: Sequence[float] | None) -> list[str]:
    if not side["total_ios"]:
        return []
    rate = side["bw_bytes"]
    head = f"  {name}: IOPS={count(side['iops'])}, BW={binary(rate, '/s')} ({decimal(rate, '/s')})"
    lines = [head + f"({binary(side['io_bytes'])}/{side['runtime']}msec)"]
    lines += _latency(side["clat_ns"]) + _percentiles(side["clat_ns"], wanted)
    for what, title in (("bw", "bw (  KiB/s)"), ("iops", "iops        ")):
        low, high, mean = side[f"{what}_min"], side[f"{what}_max"], side[f"{what}_mean"]
        dev, samples = side["bw_dev" if what == "bw" else "iops_stddev"], side[f"{what}_samples"]
        lines.append(f"   {title}: min={low}, max={high}, avg={mean:.2f}, stdev={dev:.2f}, samples={samples}")
    return lines


def _shares(job: Mapping[str, Any]) -> list[str]:
    lines = []
    for key, name in (("latency_ns", "nsec"), ("latency_us", "usec"), ("latency_ms", "msec")):
        words = [f"{step}={share:.2f}%" for step, share in job[key].items() if share >= 0.005]
        if words:
            lines.append(f"  lat ({name}): " + ", ".join(words))
    return lines


def _job(job: Mapping[str, Any], wanted: Sequence[float] | None) -> list[str]:
    jobs = job["job options"]["numjobs"]
    lines = [f"{job['jobname']}: (groupid={job['groupid']}, jobs={jobs}): err={job['error']:2d}"]
    for name in _DIRECTIONS:
        lines += _direction(name, job[name], wanted)
    if job["sync"]["total_ios"]:
        lines.append(f"  sync: {job['sync']['total_ios']} flushes")
    return [*lines, *_shares(job), f"  cpu          : usr={job['usr_cpu']:.2f}%"]


def _group(number: int, jobs: Iterable[Mapping[str, Any]]) -> list[str]:
    lines = [f"Run status group {number} (all jobs):"]
    jobs = list(jobs)
    for name in _DIRECTIONS:
        sides = [job[name] for job in jobs if job[name]["total_ios"]]
        if not sides:
            continue
        rates, times = [side["bw_bytes"] for side in sides], [side["runtime"] for side in sides]
        size = sum(side["io_bytes"] for side in sides)
        total = size * 1000 / max(max(times), 1)
        lines.append(
            f"{name.upper():>7}: bw={binary(total, '/s')} ({decimal(total, '/s')}), "
            f"{binary(min(rates), '/s')}-{binary(max(rates), '/s')}, io={binary(size)} ({decimal(size)}), "
            f"run={min(times)}-{max(times)}msec"
        )
    return lines


def summary(document: Mapping[str, Any], wanted: Sequence[float] | None = None) -> str:
    """All jobs, then each group; wanted: percentiles to print, else all."""
    lines: list[str] = []
    for job in document["jobs"]:
        lines += [*_job(job, wanted), ""]
    for number in sorted({job["groupid"] for job in document["jobs"]}):
        lines += _group(number, (job for job in document["jobs"] if job["groupid"] == number))
    return "\n".join(lines) + "\n"


# --- fio's logs ---


def _value(kind: str, second: Sequence[int], index: int) -> int | None:
    """Of one second and one direction; None: there was nothing in it."""
    ios = sum(second[:3])
    if not second[index]:
        return None
    if kind == "iops":
        return second[index]
    return second[3] * second[index] // ios // 1024 if kind == "bw" else second[4] // ios


def log_lines(kind: str, seconds: Sequence[Sequence[int]]) -> list[str]:
    """Lines of fio's bw, iops or lat log: msec, value, direction, block size, offset; a line a second."""
    lines = []
    for n, second in enumerate(seconds, 1):
        for index in range(3):
            value = _value(kind, second, index)
            if value is not None:
                lines.append(f"{n * 1000}, {value}, {index}, 0, 0\n")
    return lines
