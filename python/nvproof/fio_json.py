# SPDX-License-Identifier: BSD-3-Clause
"""Results of an ioworker as fio's json+: what reads fio's files reads these, and more is in one "nvproof" object."""
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .iow_result import Bucket, merge, percentile_ns

SCHEMA_VERSION = 1
PERCENTILES = (50, 70, 90, 95, 99, 99.5, 99.9, 99.95, 99.99, 99.999, 99.9999)
_DIRECTIONS = {"read": 2, "write": 1, "trim": 9}
_FLUSH = 0
# fio: 29 groups of 64 buckets; the first two groups are exact
_SUB_BITS, _GROUPS = 6, 29
_SECOND_NS = 1_000_000_000
_STEPS = (2, 4, 10, 20, 50, 100, 250, 500, 750, 1000)


@dataclass
class Worker:
    """What one ioworker was asked for, and what it measured; or several of them as one."""

    name: str
    arguments: dict[str, Any]
    raw: dict[str, Any]
    group: int = 0
    numjobs: int = 1


def _merged_ops(raws: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    found: dict[int, list[dict[str, Any]]] = {}
    for raw in raws:
        for op in raw["ops"]:
            found.setdefault(op["opcode"], []).append(op)
    return [
        {
            "opcode": opcode,
            "max_ns": max(op["max_ns"] for op in ops),
            "buckets": merge(op["buckets"] for op in ops),
        }
        | {name: sum(op[name] for op in ops) for name in ("ios", "bytes", "sum_ns")}
        for opcode, ops in found.items()
    ]


def _begun(raws: Sequence[dict[str, Any]]) -> int:
    """When the first of those that began did."""
    return min((raw["begin_ns"] for raw in raws if raw.get("begin_ns")), default=0)


def _later_ns(raw: dict[str, Any], first_ns: int) -> int:
    return max(0, raw.get("begin_ns", 0) - first_ns)


def _merged_seconds(raws: Sequence[dict[str, Any]]) -> list[list[int]]:
    """Second by second, counted from the beginning of the first."""
    first = _begun(raws)
    found: list[list[int]] = []
    for raw in raws:
        skip = round(_later_ns(raw, first) / _SECOND_NS)
        found += [[0] * 6 for _ in range(skip + len(raw["seconds"]) - len(found))]
        for n, second in enumerate(raw["seconds"], skip):
            found[n] = [a + b for a, b in zip(found[n][:5], second[:5])] + [max(found[n][5], second[5])]
    return found


def merged(raws: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What several measured, as if it had been one; its error is that of the first that has one."""
    bad = next((raw for raw in raws if raw["error"] not in (0, -7) or raw["status"]), raws[0])
    heats = [raw["heat"] for raw in raws if raw["heat"]]
    begin = _begun(raws)
    sums = ("reads", "writes", "others", "bytes", "latency_sum_ns", "cpu_ns", "slow", "retries")
    return {
        **bad,
        **{name: sum(raw[name] for raw in raws) for name in sums},
        "latency_max_ns": max(raw["latency_max_ns"] for raw in raws),
        "ns": max(raw["ns"] + _later_ns(raw, begin) for raw in raws),
        "begin_ns": begin,
        "ops": _merged_ops(raws),
        "seconds": _merged_seconds(raws),
        "heat": [sum(counts) for counts in zip(*heats)],
    }


def by_group(workers: Sequence[Worker]) -> list[Worker]:
    """Those of one name in one group as one."""
    found: dict[tuple[int, str], list[Worker]] = {}
    for worker in workers:
        found.setdefault((worker.group, worker.name), []).append(worker)
    return [
        Worker(name, same[0].arguments, merged([one.raw for one in same]), group, len(same))
        for (group, name), same in found.items()
    ]


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


def _job(worker: Worker, sector_size: int) -> dict[str, Any]:
    name, arguments, raw = worker.name, worker.arguments, worker.raw
    ops = {op["opcode"]: op for op in raw["ops"]}
    every = merge(op["buckets"] for op in raw["ops"])
    flush = ops.get(_FLUSH)
    job: dict[str, Any] = {
        "jobname": name,
        "groupid": worker.group,
        "error": 0 if raw["error"] in (0, -7) else -raw["error"],
        "eta": 0,
        "elapsed": raw["ns"] // 1_000_000_000 + 1,
        "job options": {**job_options(name, arguments, raw, sector_size), "numjobs": str(worker.numjobs)},
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


def _plain_arguments(arguments: dict[str, Any]) -> dict[str, Any]:
    plain = {name: _plain(value) for name, value in arguments.items() if not name.startswith("output_")}
    plain["io_sequence"] = len(arguments["io_sequence"]) if arguments["io_sequence"] else None
    return plain


def _outcome(raw: dict[str, Any]) -> dict[str, Any]:
    return {name: raw[name] for name in ("error", "status", "reason", "slow", "retries")} | {
        "begin_ns": raw.get("begin_ns", 0)
    }


def document(
    workers: Sequence[Worker], dut: dict[str, Any], version: str, when: float, grouped: bool = False
) -> dict[str, Any]:
    """The whole file; plain data: json.dump() takes it.  grouped: one job for all that have a name and a group."""
    whole = merged([worker.raw for worker in workers])
    jobs = by_group(workers) if grouped else workers
    first = workers[0]
    return {
        "fio version": f"nvproof-{version}",
        "timestamp": int(when),
        "timestamp_ms": int(when * 1000),
        "time": time.ctime(when),
        "global options": {},
        "jobs": [_job(job, dut["sector_size"]) for job in jobs],
        "nvproof": {
            "schema_version": SCHEMA_VERSION,
            "version": version,
            "seed": first.raw["seed"],
            "dut": dut,
            "arguments": _plain_arguments(first.arguments),
            **_outcome(whole),
            "ns": whole["ns"],
            "ops": whole["ops"],
            "seconds": whole["seconds"],
            "seconds_fields": ["reads", "writes", "others", "bytes", "latency_sum_ns", "latency_max_us"],
            "heat": {"lbas": whole.get("heat_lbas", 0), "ios": whole["heat"]},
            "workers": [
                {"name": one.name, "group": one.group, "seed": one.raw["seed"], **_outcome(one.raw)}
                | {"arguments": _plain_arguments(one.arguments)}
                for one in workers
            ],
        },
    }
