# SPDX-License-Identifier: BSD-3-Clause
"""fio's words for a workload, as arguments of ioworker.  What cannot be said is an error that names the option."""
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "ms": 1e-3, "us": 1e-6}
_RW = {
    "read": (False, 100),
    "write": (False, 0),
    "randread": (True, 100),
    "randwrite": (True, 0),
    "rw": (False, 50),
    "readwrite": (False, 50),
    "randrw": (True, 50),
    "trim": (False, None),
    "randtrim": (True, None),
}
# Said by who has another device below, or true here anyway.
_IGNORED = {
    "ioengine",
    "direct",
    "filename",
    "name",
    "group_reporting",
    "time_based",
    "norandommap",
    "thread",
    "randrepeat",
    "stonewall",
    "description",
    "numjobs",
    "percentile_list",
    "invalidate",
    "refill_buffers",
}


def size(text: Any) -> int:
    """Bytes: "4k", "64KiB", "1m", "512"."""
    match = re.fullmatch(r"(\d+)\s*([kmgt]?)i?b?", str(text).strip().lower())
    if not match:
        raise ValueError(f"{text!r} is no size")
    return int(match[1]) * _UNITS[match[2]]


def seconds(text: Any) -> float:
    """Seconds: "10", "5m", "500ms"."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhdu]*)", str(text).strip().lower())
    if not match or match[2] not in _SECONDS:
        raise ValueError(f"{text!r} is no time")
    return float(match[1]) * _SECONDS[match[2]]


def zones(pairs: Iterable[tuple[float, float]]) -> list[int]:
    """(percent of the I/O, percent of the LBAs) of each zone as the 100 weights of a distribution."""
    weights: list[int] = []
    for io_percent, lba_percent in pairs:
        count = int(lba_percent)
        if count != lba_percent or count < 1:
            raise ValueError("random_distribution: a zone has whole percents of the LBAs")
        total, done = round(io_percent * 100), 0
        for i in range(count):  # what does not divide evenly is spread
            share = total * (i + 1) // count - done
            weights.append(share)
            done += share
    if len(weights) != 100 or sum(weights) != 10000:
        raise ValueError("random_distribution: the zones sum to 100 percent of the I/O and of the LBAs")
    return weights


class _Job:
    """Collects the arguments while the options are read, in any order."""

    def __init__(self, sector_size: int, capacity: int) -> None:
        self.sector_size = sector_size
        self.capacity = capacity
        self.args: dict[str, Any] = {"io_size": max(1, 4096 // sector_size), "outstanding": 1}
        self.random, self.reads = False, 100
        self.mix: int | None = None
        self.offset, self.length = 0, 0
        self.align: int | None = None

    def lbas(self, option: str, value: Any) -> int:
        n = size(value)
        if n % self.sector_size:
            raise ValueError(f"{option}: {n} bytes are no multiple of {self.sector_size}")
        return n // self.sector_size

    def rw(self, value: str) -> None:
        if value not in _RW:
            raise ValueError(f"rw: {value!r} is not known")
        self.random, reads = _RW[value]
        if reads is None:
            self.args["op_percentage"] = {9: 100}
        else:
            self.reads = reads

    def bssplit(self, value: str) -> None:
        """size/percent:size/percent; those without a percent share what is left."""
        parts = [part.split("/") for part in value.split(":") if part]
        given = {part[0]: int(part[1]) for part in parts if len(part) > 1 and part[1]}
        rest = [part[0] for part in parts if part[0] not in given]
        left = 100 - sum(given.values())
        if left < 0 or (left and not rest):
            raise ValueError("bssplit: the percents sum to 100")
        for i, name in enumerate(rest):
            given[name] = left * (i + 1) // len(rest) - left * i // len(rest)
        shares: dict[int, int] = {}
        for name, share in given.items():
            lbas = self.lbas("bssplit", name)
            shares[lbas] = shares.get(lbas, 0) + share
        self.args["io_size"] = {lbas: share for lbas, share in shares.items() if share}

    def random_distribution(self, value: str) -> None:
        kind, _, rest = value.partition(":")
        if kind == "random":
            return
        if kind != "zoned":
            raise ValueError(f"random_distribution: {kind!r} is not supported")
        pairs = [part.split("/") for part in rest.split(":")]
        if any(len(pair) != 2 for pair in pairs):
            raise ValueError("random_distribution: zoned takes percent/percent:...")
        self.args["distribution"] = zones((float(io), float(lba)) for io, lba in pairs)

    def finish(self) -> dict[str, Any]:
        self.args.setdefault("lba_random", self.random)
        if "op_percentage" not in self.args:
            self.args["read_percentage"] = self.reads if self.mix is None or self.reads != 50 else self.mix
        if self.offset or self.length:
            end = self.offset + self.length if self.length else self.capacity
            self.args.update(region_start=self.offset, region_end=min(end, self.capacity))
        elif not self.random:
            self.args["region_end"] = self.capacity
        if not self.args.keys() & {"time", "io_count", "lba_count"}:  # then all of the size, once
            self.args["lba_count"] = self.length or self.capacity - self.offset
        sizes = self.args["io_size"]
        if self.align:
            self.args["lba_align"] = self.align
        elif self.random:  # blockalign is the block size; with several sizes, the smallest
            self.args["lba_align"] = min(sizes) if isinstance(sizes, Mapping) else sizes
        return self.args


def _set(name: str, convert: Callable[[Any], Any]) -> Callable[[_Job, str, Any], None]:
    def put(job: _Job, option: str, value: Any) -> None:
        job.args[name] = convert(value)

    return put


def _attribute(name: str, convert: Callable[[_Job, str, Any], Any]) -> Callable[[_Job, str, Any], None]:
    def put(job: _Job, option: str, value: Any) -> None:
        setattr(job, name, convert(job, option, value))

    return put


def _one_size(job: _Job, option: str, value: Any) -> None:
    job.args["io_size"] = job.lbas(option, value)


_OPTIONS: dict[str, Callable[[_Job, str, Any], None]] = {
    "rw": lambda job, option, value: job.rw(value),
    "readwrite": lambda job, option, value: job.rw(value),
    "bs": _one_size,
    "blocksize": _one_size,
    "bssplit": lambda job, option, value: job.bssplit(value),
    "blockalign": _attribute("align", lambda job, option, value: job.lbas(option, value)),
    "ba": _attribute("align", lambda job, option, value: job.lbas(option, value)),
    "rwmixread": _attribute("mix", lambda job, option, value: int(value)),
    "rwmixwrite": _attribute("mix", lambda job, option, value: 100 - int(value)),
    "offset": _attribute("offset", lambda job, option, value: job.lbas(option, value)),
    "size": _attribute("length", lambda job, option, value: job.lbas(option, value)),
    "iodepth": _set("outstanding", int),
    "runtime": _set("time", seconds),
    "number_ios": _set("io_count", int),
    "rate_iops": _set("iops", int),
    "percentage_random": _set("lba_random", int),
    "buffer_compress_percentage": _set("pvalue", lambda value: 100 - int(value)),
    "random_distribution": lambda job, option, value: job.random_distribution(value),
    "io_size": lambda job, option, value: job.args.update(lba_count=job.lbas(option, value)),
}


def arguments(options: Mapping[str, Any], sector_size: int, capacity: int) -> dict[str, Any]:
    """The options of one fio job as arguments of ioworker.  capacity: LBAs of the namespace.

    ValueError names an option that is not known, or a value that cannot be done.
    """
    job = _Job(sector_size, capacity)
    for option, value in options.items():
        if option in _IGNORED:
            continue
        if option not in _OPTIONS:
            raise ValueError(f"fio option {option!r} is not supported")
        _OPTIONS[option](job, option, value)
    return job.finish()
