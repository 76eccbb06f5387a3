# SPDX-License-Identifier: BSD-3-Clause
"""Results of an ioworker as fio's json+: what reads fio's files reads these, and more is in one "nvproof" object."""
import math
import time
from collections.abc import Sequence
from typing import Any

from .iow_result import Bucket, merge, percentile_ns

SCHEMA_VERSION = 1
PERCENTILES = (50, 70, 90, 95, 99, 99.5, 99.9, 99.95, 99.99, 99.999, 99.9999)
_DIRECTIONS = {"read": 2, "write": 1, "trim": 9}
_FLUSH = 0
# fio: 29 groups of 64 buckets; the first two groups are exact
_SUB_BITS, _GROUPS = 6, 29
_STEPS = (2, 4, 10, 20, 50, 100, 250, 500, 750, 1000)


def bin_of(ns: int) -> int:
    """fio's name for the bucket that a latency falls into: its middle, in ns."""
    if ns < 2 << _SUB_BITS:
        return ns
    group = ns.bit_length() - 1 - _SUB_BITS
    if group >= _GROUPS - 1:  # 17 s and more
        group, ns = _GROUPS - 2, (1 << (_GROUPS - 2 + _SUB_BITS + 1)) - 1
    return (ns >> group << group) + (1 << (group - 1))


def bins(histogram: Sequence[Bucket]) -> dict[str, int]:
    """Our buckets, of which fio's are pairs."""
    found: dict[int, int] = {}
    for low, _, count in histogram:
        name = bin_of(low)
        found[name] = found.get(name, 0) + count
    return {str(name): count for name, count in sorted(found.items())}


def _empty() -> dict[str, Any]:
    return {"min": 0, "max": 0, "mean": 0.0, "stddev": 0.0, "N": 0}


def latency(histogram: Sequence[Bucket], sum_ns: int, max_ns: int) -> dict[str, Any]:
    """A latency object; the deviation is that of the histogram."""
    count = sum(n for _, _, n in histogram)
    if not count:
        return _empty()
    mean = sum_ns / count
    spread = sum(n * ((low + high) / 2 - mean) ** 2 for low, high, n in histogram) / count
    found = {
        "min": histogram[0][0],
        "max": max_ns,
        "mean": mean,
        "stddev": math.sqrt(spread),
        "N": count,
        "percentile": {f"{p:f}": min(percentile_ns(histogram, p), max_ns) for p in PERCENTILES},
        "bins": bins(histogram),
    }
    return found


def _spread(values: Sequence[float]) -> tuple[float, float, float, float]:
    """min, max, mean, standard deviation."""
    if not values:
        return 0, 0, 0.0, 0.0
    mean = sum(values) / len(values)
    return min(values), max(values), mean, math.sqrt(sum((v - mean) ** 2 for v in values) / len(values))


def _direction(
    op: dict[str, Any] | None, ns: int, iops: Sequence[float], bw: Sequence[float]
) -> dict[str, Any]:
    ios, size = (op["ios"], op["bytes"]) if op else (0, 0)
    lat = latency(op["buckets"], op["sum_ns"], op["max_ns"]) if op else _empty()
    iops_min, iops_max, iops_mean, iops_dev = _spread(iops)
    bw_min, bw_max, bw_mean, bw_dev = _spread(bw)
    per_second = 1e9 / ns if ns else 0.0
    return {
        "io_bytes": size,
        "io_kbytes": size >> 10,
        "bw_bytes": int(size * per_second),
        "bw": int(size * per_second) >> 10,
        "iops": ios * per_second,
        "runtime": ns // 1_000_000 if ios else 0,
        "total_ios": ios,
        "short_ios": 0,
        "drop_ios": 0,
        "slat_ns": _empty(),
        "clat_ns": lat,
        "lat_ns": lat,
        "bw_min": int(bw_min),
        "bw_max": int(bw_max),
        "bw_agg": 100.0 if ios else 0.0,
        "bw_mean": bw_mean,
        "bw_dev": bw_dev,
        "bw_samples": len(bw),
        "iops_min": int(iops_min),
        "iops_max": int(iops_max),
        "iops_mean": iops_mean,
        "iops_stddev": iops_dev,
        "iops_samples": len(iops),
    }


def _shares(histogram: Sequence[Bucket], unit: int, above: int, last: bool) -> dict[str, float]:
    """Percent of the commands in each of fio's steps of one unit; what is below or above belongs to other units."""
    total = sum(n for _, _, n in histogram) or 1
    limits = _STEPS + ((2000,) if last else ())
    found = {str(step): 0.0 for step in limits}
    if last:
        found[">=2000"] = 0.0
    for low, _, count in histogram:
        if low < above or (not last and low >= 1000 * unit):
            continue
        name = next((str(step) for step in limits if low < step * unit), ">=2000")
        found[name] += 100 * count / total
    return found


def _series(raw: dict[str, Any], name: str) -> tuple[list[float], list[float]]:
    """I/Os and KiB of each second of one direction; bytes are shared out by I/Os."""
    index = {"read": 0, "write": 1, "trim": 2}[name]
    iops = [float(second[index]) for second in raw["seconds"]]
    bw = [second[3] / 1024 * second[index] / max(1, sum(second[:3])) for second in raw["seconds"]]
    return iops, bw


def job_options(
    name: str, arguments: dict[str, Any], raw: dict[str, Any], sector_size: int
) -> dict[str, str]:
    """The job in fio's words, all of them text."""
    size, shuffled = arguments["io_size"], arguments["lba_random"]
    ios = {op["opcode"]: op["ios"] for op in raw["ops"]}
    kind = (
        "trim"
        if set(ios) == {9}
        else "rw"
        if ios.get(2) and ios.get(1)
        else "write"
        if ios.get(1)
        else "read"
    )
    options = {
        "name": name,
        "ioengine": "nvproof",
        "rw": ("rand" if shuffled and int(shuffled) * (100 if shuffled is True else 1) >= 50 else "") + kind,
        "bs": str(size * sector_size) if isinstance(size, int) else "4096",
        "iodepth": str(arguments["qdepth"]),
        "numjobs": "1",
        "direct": "1",
    }
    if isinstance(size, dict):
        whole = sum(size.values())
        options["bssplit"] = ":".join(
            f"{n * sector_size}/{100 * share / whole:g}" for n, share in size.items()
        )
    if kind == "rw":
        options["rwmixread"] = str(round(100 * ios[2] / (ios[2] + ios[1])))
    if arguments["iops"]:
        options["rate_iops"] = str(arguments["iops"])
    return options


def _job(name: str, arguments: dict[str, Any], raw: dict[str, Any], sector_size: int) -> dict[str, Any]:
    ops = {op["opcode"]: op for op in raw["ops"]}
    every = merge(op["buckets"] for op in raw["ops"])
    flush = ops.get(_FLUSH)
    job: dict[str, Any] = {
        "jobname": name,
        "groupid": 0,
        "error": 0 if raw["error"] in (0, -7) else -raw["error"],
        "eta": 0,
        "elapsed": raw["ns"] // 1_000_000_000 + 1,
        "job options": job_options(name, arguments, raw, sector_size),
    }
    for direction, opcode in _DIRECTIONS.items():
        job[direction] = _direction(ops.get(opcode), raw["ns"], *_series(raw, direction))
    lat = latency(flush["buckets"], flush["sum_ns"], flush["max_ns"]) if flush else _empty()
    job["sync"] = {"total_ios": flush["ios"] if flush else 0, "lat_ns": lat}
    job |= {
        "job_runtime": raw["ns"] // 1_000_000,
        "usr_cpu": 100 * raw["cpu_ns"] / raw["ns"] if raw["ns"] else 0.0,
        "sys_cpu": 0.0,
        "ctx": 0,
        "majf": 0,
        "minf": 0,
        "latency_ns": _shares(every, 1, 0, False),
        "latency_us": _shares(every, 1000, 1000, False),
        "latency_ms": _shares(every, 1_000_000, 1_000_000, True),
        "latency_depth": arguments["qdepth"],
        "latency_target": 0,
        "latency_percentile": 100.0,
        "latency_window": 0,
    }
    return job


def _plain(value: Any) -> Any:
    """For JSON: numbers, text, lists, and dictionaries with text as keys."""
    if isinstance(value, dict):
        return {str(k): v for k, v in value.items()}
    if isinstance(value, (int, float, str, list, type(None))):
        return value
    return list(value) if isinstance(value, (tuple, range)) else str(value)


def document(
    name: str, arguments: dict[str, Any], raw: dict[str, Any], dut: dict[str, Any], version: str, when: float
) -> dict[str, Any]:
    """The whole file.  Plain data: json.dump() takes it."""
    plain = {name: _plain(value) for name, value in arguments.items() if not name.startswith("output_")}
    plain["io_sequence"] = len(arguments["io_sequence"]) if arguments["io_sequence"] else None
    return {
        "fio version": f"nvproof-{version}",
        "timestamp": int(when),
        "timestamp_ms": int(when * 1000),
        "time": time.ctime(when),
        "global options": {},
        "jobs": [_job(name, arguments, raw, dut["sector_size"])],
        "nvproof": {
            "schema_version": SCHEMA_VERSION,
            "version": version,
            "seed": raw["seed"],
            "dut": dut,
            "arguments": plain,
            "error": raw["error"],
            "status": raw["status"],
            "reason": raw["reason"],
            "slow": raw["slow"],
            "retries": raw["retries"],
            "begin_ns": raw.get("begin_ns", 0),
            "ops": raw["ops"],
            "seconds": raw["seconds"],
            "seconds_fields": ["reads", "writes", "others", "bytes", "latency_sum_ns", "latency_max_us"],
            "heat": {"lbas": raw.get("heat_lbas", 0), "ios": raw["heat"]},
        },
    }
