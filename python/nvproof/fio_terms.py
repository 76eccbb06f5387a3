# SPDX-License-Identifier: BSD-3-Clause
"""fio's words for a workload, as arguments of ioworker.  What cannot be said is an error that names the option."""
import math
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
_IGNORED = frozenset(
    """allow_mounted_write buffered clat_percentiles create_on_open description direct disk_util exitall fallocate
    filename fixedbufs gtod_reduce group_reporting hipri invalidate lat_percentiles name
    new_group norandommap nrfiles percentile_list randrepeat refill_buffers registerfiles scramble_buffers
    slat_percentiles sqthread_poll stonewall thread unlink wait_for_previous""".split()
)
# Not about one worker, but about the run around it.
_RUN = frozenset(
    "do_verify numjobs ramp_time randseed verify verify_fatal write_bw_log write_iops_log write_lat_log".split()
)
_ENGINES = (
    "libaio io_uring io_uring_cmd psync sync pvsync pvsync2 posixaio spdk xnvme nvproof windowsaio".split()
)
_DIRECTIVE_FDP = 2 << 4  # of io_flags: NVM Command Set, "Write": DTYPE is CDW12 bits 23:20


class OptionError(ValueError):
    """An option that is not known, or whose value cannot be done."""

    def __init__(self, option: str, text: str) -> None:
        super().__init__(text if option in text else f"{option}: {text}")
        self.option = option


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


def _whole(shares: list[float]) -> list[int]:
    """Weights that sum to 10000, each as near as it can be."""
    total = sum(shares)
    exact = [10000 * share / total for share in shares]
    weights = [int(value) for value in exact]
    rest = sorted(range(len(exact)), key=lambda i: weights[i] - exact[i])
    for i in rest[: 10000 - sum(weights)]:
        weights[i] += 1
    return weights


def zipf(theta: float, count: int) -> list[int]:
    """Zipf's law in steps of a percent, the most wanted blocks first.  fio strews them over all of the LBAs."""

    def below(n: float) -> float:  # the sum of k ** -theta for k from 1 to n
        head = sum(k**-theta for k in range(1, int(min(n, 1000)) + 1))
        if n <= 1000:
            return head
        return head + (
            math.log(n / 1000) if theta == 1 else (n ** (1 - theta) - 1000 ** (1 - theta)) / (1 - theta)
        )

    edges = [below(count * i / 100) for i in range(101)]
    return _whole([b - a for a, b in zip(edges, edges[1:])])


def pareto(h: float) -> list[int]:
    """A share of 1 - h of the accesses goes to a share of h of the LBAs; in steps of a percent."""
    power = math.log(1 - h) / math.log(h)
    edges = [(i / 100) ** power for i in range(101)]
    return _whole([b - a for a, b in zip(edges, edges[1:])])


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
        self.increment = 0
        self.timed = False  # the size is no limit
        self.sized = False
        self.law: tuple[str, str] | None = None

    def lbas(self, option: str, value: Any) -> int:
        percent = re.fullmatch(r"(\d+)%", str(value).strip())
        if percent:
            return self.capacity * int(percent[1]) // 100
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
        if kind in ("zipf", "pareto"):
            self.law = kind, rest
            return
        if kind != "zoned":
            raise ValueError(f"random_distribution: {kind!r} is not supported")
        pairs = [part.split("/") for part in rest.split(":")]
        if any(len(pair) != 2 for pair in pairs):
            raise ValueError("random_distribution: zoned takes percent/percent:...")
        self.args["distribution"] = zones((float(io), float(lba)) for io, lba in pairs)

    def _law(self, kind: str, rest: str) -> list[int]:
        try:
            value = float(rest or {"zipf": 1.1, "pareto": 0.2}[kind])
        except ValueError:
            raise ValueError(f"random_distribution: {kind} takes one number") from None
        if kind == "zipf":
            if not 0 < value < 100:
                raise ValueError("random_distribution: zipf takes a number above 0")
            sizes = self.args["io_size"]
            return zipf(value, max(100, self.capacity // (sizes if isinstance(sizes, int) else min(sizes))))
        if not 0 < value < 1:
            raise ValueError("random_distribution: pareto takes a number between 0 and 1")
        return pareto(value)

    def bsrange(self, value: str) -> None:
        """From the smallest on in steps of it."""
        low, _, high = value.partition("-")
        first, last = self.lbas("bsrange", low), self.lbas("bsrange", high)
        if not 0 < first <= last:
            raise ValueError("bsrange: the smaller size comes first")
        self.args["io_size"] = list(range(first, last + 1, first))

    def _region(self, clone: int) -> None:
        start = self.offset + clone * self.increment
        if start >= self.capacity:
            raise ValueError(f"offset: the namespace ends at {self.capacity * self.sector_size} bytes")
        end = min(start + self.length if self.length else self.capacity, self.capacity)
        if start or self.length:
            self.args.update(region_start=start, region_end=end)
        elif not self.random:
            self.args["region_end"] = self.capacity
        limits = self.args.keys() & {"io_count", "lba_count"}
        if "time" in self.args:
            limits |= {"time"} if self.timed or not self.sized else set()
        if not limits:  # then all of the size, once
            self.args["lba_count"] = end - start

    def finish(self, clone: int) -> dict[str, Any]:
        if self.timed and "time" not in self.args:
            raise OptionError("time_based", "needs a runtime")
        self.args.setdefault("lba_random", self.random)
        if "op_percentage" not in self.args:
            self.args["read_percentage"] = self.reads if self.mix is None or self.reads != 50 else self.mix
        self._region(clone)
        if self.law:  # the block size is known now
            self.args["distribution"] = self._law(*self.law)
        sizes = self.args["io_size"]
        if self.align:
            self.args["lba_align"] = self.align
        elif self.random:  # blockalign is the block size; with several sizes, the smallest
            self.args["lba_align"] = sizes if isinstance(sizes, int) else min(sizes)
        if (
            0 < self.args.get("iops", 0) < self.args["outstanding"]
        ):  # so many are never outstanding at that rate
            self.args["outstanding"] = self.args["iops"]
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
    lbas = {job.lbas(option, part) for part in str(value).split(",") if part}
    if len(lbas) != 1:
        raise ValueError(f"{option}: different sizes for reads and writes are not supported")
    job.args["io_size"] = lbas.pop()


def _length(job: _Job, option: str, value: Any) -> None:
    job.length, job.sized = job.lbas(option, value), True


def _rate(job: _Job, option: str, value: Any) -> None:
    rates = {int(part) for part in str(value).split(",") if part}
    if len(rates) != 1:
        raise ValueError(f"{option}: different rates for reads and writes are not supported")
    job.args["iops"] = rates.pop()


def _fdp(job: _Job, option: str, value: Any) -> None:
    """A placement identifier on every write.  NVM Command Set, "Write": DSPEC is CDW13 bits 31:16."""
    ids = [int(part) for part in str(value).split(",")]
    if len(ids) != 1:
        raise ValueError(f"{option}: one placement identifier is supported, not {len(ids)}")
    job.args.update(io_flags=_DIRECTIVE_FDP, cdw13=ids[0] << 16)


def _only(*values: str) -> Callable[[_Job, str, Any], None]:
    def check(job: _Job, option: str, value: Any) -> None:
        if str(value) not in values:
            raise ValueError(f"{option}: {value!r} is not supported (but {', '.join(values)})")

    return check


def _yes(value: Any) -> bool:
    return str(value).strip().lower() not in ("0", "false", "no")


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
    "offset_increment": _attribute("increment", lambda job, option, value: job.lbas(option, value)),
    "size": _length,
    "filesize": _length,
    "iodepth": _set("outstanding", int),
    "runtime": _set("time", seconds),
    "number_ios": _set("io_count", int),
    "rate_iops": _rate,
    "time_based": _attribute("timed", lambda job, option, value: _yes(value)),
    "bsrange": lambda job, option, value: job.bsrange(value),
    "zero_buffers": lambda job, option, value: job.args.update(
        {"ptype": 0, "pvalue": 0} if _yes(value) else {}
    ),
    "continue_on_error": lambda job, option, value: job.args.update(
        exit_on_error=str(value) in ("0", "none")
    ),
    "cpus_allowed": _set("cpu_id", lambda value: int(re.split("[,-]", str(value))[0])),
    "fdp": lambda job, option, value: _fdp(job, option, 0)
    if _yes(value) and "cdw13" not in job.args
    else None,
    "plids": _fdp,
    "fdp_pli": _fdp,
    "zonemode": _only("none"),
    "log_avg_msec": _only("1000"),
    "ioengine": _only(*_ENGINES),
    "percentage_random": _set("lba_random", int),
    "buffer_compress_percentage": _set("pvalue", lambda value: 100 - int(value)),
    "random_distribution": lambda job, option, value: job.random_distribution(value),
    "io_size": lambda job, option, value: job.args.update(lba_count=job.lbas(option, value)),
}


def split(options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The options that are about the run, and those that are about one worker."""
    run = {name: value for name, value in options.items() if name in _RUN}
    return run, {name: value for name, value in options.items() if name not in _RUN}


def known() -> list[str]:
    """All options."""
    return sorted({*_OPTIONS, *_IGNORED, *_RUN})


def arguments(options: Mapping[str, Any], sector_size: int, capacity: int, clone: int = 0) -> dict[str, Any]:
    """The options of one fio job as arguments of ioworker.  capacity: LBAs of the namespace.  clone: of numjobs.

    OptionError, a ValueError, names an option that is not known, or a value that cannot be done.
    """
    job = _Job(sector_size, capacity)
    for option, value in options.items():
        if option in _IGNORED or option in _RUN:
            continue
        if option not in _OPTIONS:
            raise OptionError(option, f"fio option {option!r} is not supported")
        try:
            _OPTIONS[option](job, option, value)
        except ValueError as e:
            raise OptionError(option, str(e)) from None
    return job.finish(clone)
