# SPDX-License-Identifier: BSD-3-Clause
"""IOWorker: an I/O generator that runs as a process of its own."""
import os
import warnings
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

from . import _native, iow_args, iow_progress, iow_result, iow_save, programs, zone_report
from .iow_result import IOResult

_HOST_ERRORS = {
    -1: "init failed",
    -2: "io_size is larger than MDTS",
    -3: "io timeout",
    -4: "ioworker timeout",
    -5: "buffer pool allocation failed",
    -6: "io cmd error",
    -8: "the process died",
}
_TERMINATED = -7
_VERIFY, _EXIT_ON_ERROR, _WHOLE, _FW_DEBUG, _LOG_ERRORS_ONLY, _ZONE_ONE_WRITE = 1, 2, 4, 8, 16, 32
_LOG_ENTRIES = 4096  # of output_cmdlog_list when it comes empty


class _AnyCore(int):
    """The default of cpu_id: a number like any other, but one that was not asked for."""


_ANY_CORE = _AnyCore(1)
_cores_in_use: dict[int, int] = {}  # by worker


def _core(cpu_id: int, worker: int) -> int:
    """The core to pin to, counted among those that this process may use.  Not asked for: one that no other has."""
    count = len(os.sched_getaffinity(0))
    core = iow_args.number("cpu_id", cpu_id, 0, 4095) % count
    if isinstance(cpu_id, _AnyCore):
        taken = list(_cores_in_use.values())
        core = min(range(count), key=lambda c: (taken.count(c), (c - core) % count))
    _cores_in_use[worker] = core
    return core


class IOWorker:
    """ioworker(qpair=None, io_size=8, lba_step=None, lba_align=None, lba_random=True, read_percentage=100, ...)

    What to do
      io_size: LBAs of each I/O: int, range or list (equally often), dict {size: ratio}.  lba_align: int, or a
      list parallel to io_size.  lba_random: bool, or percent of random I/O.  lba_step: sequential stride,
      negative: backwards.  read_percentage: the rest are writes.  op_percentage: {opcode: percent} instead;
      overwritten with the counts at close.  sgl_percentage: how many have an SGL instead of PRPs.
      region_start, region_end: LBAs, the end excluded; lists: several regions.  region_end_truncate: cut the
      last I/O of a sequential run at the end of the region, else leave it out.  lba_start: first LBA of a
      sequential run.  distribution: 100 weights that sum to 10000, how often an I/O begins in each percent of
      the namespace.  io_flags: upper half of CDW12; cdw13.  ptype, pvalue: write data, as
      Buffer.fill_pattern().  io_sequence: a trace instead, of (slba, nlb, opcode, time_sent_us).
    How long
      time: seconds; io_count: I/Os; lba_count: LBAs; the first limit that is reached ends it.  A sequential
      one of one size with a region_end and without a limit fills its region once.  iops: at most so many a
      second.
      zns: on zones, those that begin in the region.  Writes, and Zone Appends (7Dh of op_percentage), go to write
      pointers, one zone after the other, resets (which are not counted) before those that are full; reads to what
      is written.  Without a limit all zones are filled, or read, once.  zns_zigzag: several zones in turns, as many
      as may be open.  zns_syncwrite: one write in flight in a zone, for drives that do not keep the order.
    How
      qpair: a Qpair to use instead of one of its own.  qdepth: commands kept outstanding, at least 2;
      outstanding: the same, without that limit.  qprio: of its queue.  cpu_id: core.  exit_on_error: stop at the first I/O that fails.  retry_max: read again what was
      read wrong.  verify_disable: do not check what is read.  fw_debug: at the first failure leave the queue
      as it is.  slow_latency: warn of I/Os that took longer, in us; 0: never.  cmdlog_error_only: only failed
      commands in the log.
    What comes back at close()
      output_io_per_second: a list, filled with one count a second.  output_percentile_latency: a dict whose
      keys are percentiles, filled with us; output_percentile_latency_opcode: of this opcode only.
      output_cmdlog_list: a list, filled with the last commands, oldest first: (slba, nlb, opcode,
      time_sent_us, time_cplt_us, status); it keeps its length.

    AssertionError: a bad argument.  ValueError: one that this namespace or this version cannot do; none is
    ignored.
    """

    def __init__(
        self,
        namespace: _native.Namespace,
        qpair: _native.Qpair | None = None,
        io_size: int | range | Sequence[int] | Mapping[int, int] = 8,
        lba_step: int | None = None,
        lba_align: int | Sequence[int] | None = None,
        lba_random: bool | int = True,
        read_percentage: int = 100,
        op_percentage: dict[int, int] | None = None,
        sgl_percentage: int = 0,
        time: float = 0,
        qdepth: int = 63,
        region_start: int | Sequence[int] = 0,
        region_end: int | Sequence[int] = iow_args.ALL_LBAS,
        region_end_truncate: bool = True,
        iops: int = 0,
        io_count: int = 0,
        lba_count: int = 0,
        io_flags: int = 0,
        cdw13: int = 0,
        lba_start: int = 0,
        qprio: int = 0,
        distribution: Sequence[int] | None = None,
        ptype: int = 0xBEEF,
        pvalue: Any = 100,
        io_sequence: Any = None,
        slow_latency: int = 1_000_000,
        fw_debug: bool = False,
        exit_on_error: bool = True,
        retry_max: int = 0,
        verify_disable: bool = False,
        zns: bool = False,
        zns_zigzag: bool = False,
        zns_syncwrite: bool = False,
        cpu_id: int = _ANY_CORE,
        cmdlog_error_only: bool = False,
        output_io_per_second: list[int] | None = None,
        output_percentile_latency: dict[float, int] | None = None,
        output_percentile_latency_opcode: int | None = None,
        output_cmdlog_list: list[Any] | None = None,
        outstanding: int | None = None,
    ) -> None:
        arguments = {k: v for k, v in locals().items() if k not in ("self", "namespace", "qpair")}
        number = iow_args.number
        trace = iow_args.trace(io_sequence)
        sizes = iow_args.sizes(io_size, lba_align)
        random_percent = iow_args.percent("lba_random", lba_random)
        if not (zns or zns_zigzag or zns_syncwrite):
            self._check_limits(
                bool(time or io_count or lba_count or trace), random_percent, sizes, region_end
            )
        assert 0 <= time <= iow_args.MAX_SECONDS, f"ioworker: time is 0 to {iow_args.MAX_SECONDS} s"
        assert lba_step is None or lba_step, "ioworker: lba_step is not 0"
        entries = qpair.depth if qpair is not None else None
        depth = iow_args.depth(qdepth, outstanding, namespace.nvme.cap & 0xFFFF, entries)
        assert iops == 0 or iops >= depth, "ioworker: iops is at least qdepth"
        percentiles = list(output_percentile_latency or {})
        assert all(0 < k < 100 for k in percentiles), "ioworker: a percentile is above 0 and below 100"
        weights = iow_args.buckets(distribution)
        assert weights is None or random_percent == 100, "ioworker: distribution needs lba_random"
        data_type, data_value, data = iow_args.pattern(ptype, pvalue)
        where = None if trace else iow_args.regions(region_start, region_end)
        zones = zone_report.Plan([], 0, 0)
        if zns or zns_zigzag or zns_syncwrite:
            assert trace is None and weights is None, "ioworker: zns has no io_sequence and no distribution"
            zones = zone_report.plan(namespace, qpair, where or [], zns_zigzag)
            where = zones.region
        self._seconds = output_io_per_second
        self._percentiles = output_percentile_latency
        self._percentile_opcode = output_percentile_latency_opcode
        self._log = output_cmdlog_list
        self._log_room = len(output_cmdlog_list) if output_cmdlog_list else 0
        self._ops = op_percentage
        self._slow_us = number("slow_latency", slow_latency, 0, 0xFFFFFFFF)
        self._namespace = namespace
        asked_ops = None if op_percentage is None else dict(op_percentage)  # close() overwrites the caller's
        self._arguments: dict[str, Any] = {
            **arguments,
            "qdepth": depth,
            "io_sequence": trace,
            "op_percentage": asked_ops,
        }
        self._result: IOResult | None = None
        self.started = False
        self.raw: dict[str, Any] | None = None  # all that was measured, once it is closed
        log_entries = 0 if output_cmdlog_list is None else self._log_room or _LOG_ENTRIES
        self._native = _native.IOWorker(
            namespace,
            qpair=qpair,
            sizes=None if trace else sizes,
            regions=where,
            ops=None if trace else iow_args.operations(op_percentage, read_percentage),
            distribution=weights,
            steps=trace,
            data=data,
            lba_step=0 if lba_step is None else number("lba_step", lba_step, -0x8000, 0x7FFF),
            random_percent=random_percent,
            sgl_percent=iow_args.percent("sgl_percentage", sgl_percentage),
            qdepth=depth,
            iops=number("iops", iops, 0, 0xFFFFFFFF),
            time_ns=int(time * 1e9),
            io_count=number("io_count", io_count, 0, iow_args.ALL_LBAS),
            lba_count=number("lba_count", lba_count, 0, iow_args.ALL_LBAS),
            lba_start=0 if zones.zones else number("lba_start", lba_start, 0, iow_args.ALL_LBAS),
            ptype=data_type,
            pvalue=data_value,
            slow_us=self._slow_us,
            retry_max=number("retry_max", retry_max, 0, 0xFFFFFFFF),
            log_entries=log_entries,
            cdw13=number("cdw13", cdw13, 0, 0xFFFFFFFF),
            io_flags=number("io_flags", io_flags, 0, 0xFFFF),
            cpu=_core(cpu_id, id(self)),
            qprio=number("qprio", qprio, 0, 3),
            flags=(0 if verify_disable else _VERIFY)
            | (_EXIT_ON_ERROR if exit_on_error else 0)
            | (0 if region_end_truncate else _WHOLE)
            | (_FW_DEBUG if fw_debug else 0)
            | (_LOG_ERRORS_ONLY if cmdlog_error_only else 0)
            | (_ZONE_ONE_WRITE if zns_syncwrite else 0),
            zones=zones.zones,
            zone_width=zones.width,
            zone_active=zones.active,
        )

    def __del__(self) -> None:
        _cores_in_use.pop(id(self), None)

    @staticmethod
    def _check_limits(limited: bool, random_percent: int, sizes: Any, region_end: Any) -> None:
        """Without a limit only a sequential run of one size has an end: that of the region that was named."""
        if not limited:
            assert (
                not random_percent and len(sizes) == 1 and region_end != iow_args.ALL_LBAS
            ), "ioworker: give time, io_count or lba_count (or a region_end to fill, sequentially, with one io_size)"

    @property
    def arguments(self) -> dict[str, Any]:
        """What it was asked for, all defaults filled in."""
        return self._arguments

    def start(self) -> "IOWorker":
        """Start the process; returns when it is ready.  It begins at the next tenth of a second, and those that are
        started right after it begin with it.  RuntimeError: it cannot, and why."""
        programs.tell_driver()
        self._native.start()
        self.started = True
        return self

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._native.running

    @property
    def progress(self) -> int:
        """I/Os completed so far."""
        return self._native.live()[0]

    @property
    def live(self) -> dict[int, tuple[int, int]]:
        """{opcode: (I/Os, bytes)} completed so far."""
        if self.raw is not None:
            return {op["opcode"]: (op["ios"], op["bytes"]) for op in self.raw["ops"]}
        return {opcode: (ios, size) for opcode, ios, size in self._native.live_ops()}

    def stop(self) -> None:
        """Ask it to end before its time."""
        self._native.stop()

    def close(self) -> IOResult:
        """Wait for its end; the results.  KeyboardInterrupt stops it.  Device and host errors are warnings."""
        if self._result is None:
            self._watch()
            raw = self._native.close()
            _cores_in_use.pop(id(self), None)
            self._result = self._collect(raw)
        return self._result

    def _watch(self) -> None:
        """A bar in a terminal."""
        if not self.started:
            return
        try:
            iow_progress.watch(self, self._namespace.sector_size)
        except KeyboardInterrupt:
            self.stop()
            self._native.close()
            raise

    def _collect(self, raw: dict[str, Any]) -> IOResult:
        measured = raw["measured"] or {"seconds": [], "ops": [], "log": [], "heat": []}
        self.raw = {**raw, **measured}
        found = iow_result.result(raw)
        if self._seconds is not None:
            self._seconds[:] = [sum(second[:3]) for second in measured["seconds"]]
            found.iops_consistency = self.iops_consistency() if any(self._seconds) else 0.0
        if self._percentiles is not None:
            histogram = iow_result.histogram_of(measured, self._percentile_opcode)
            for key in self._percentiles:
                within_us = iow_result.percentile_ns(histogram, key) // 1000  # the end of a bucket
                self._percentiles[key] = min(within_us, found.latency_max_us)
            found.latency_distribution = iow_result.distribution_us(histogram)
        if self._log is not None:
            self._log[:] = iow_result.last_commands(measured["log"], self._log_room)
        if self._ops is not None:
            counts = {op["opcode"]: op["ios"] for op in measured["ops"]}
            self._ops.update((opcode, counts.get(opcode, 0)) for opcode in self._ops)
        iow_save.save(self._namespace, self._arguments, self.raw)
        self._warn(raw)
        return found

    def iops_consistency(self, slowest_percentage: float = 99.9) -> float:
        """I/Os in the second that `slowest_percentage` of all seconds were faster than, relative to their average."""
        assert self._seconds is not None, "ioworker: iops_consistency needs output_io_per_second"
        return iow_result.consistency(self._seconds, slowest_percentage)

    def _warn(self, raw: dict[str, Any]) -> None:
        code, status = raw["error"], raw["status"]
        if code and code != _TERMINATED:
            text = _HOST_ERRORS.get(code, "unknown")
            more = f" ({raw['reason']})" if raw["reason"] else ""
            warnings.warn(f"ioworker host ERROR {code}: {text}{more}", UserWarning, stacklevel=4)
        if status:
            text = f"ioworker device respond an ERROR status: {status >> 8:02x}/{status & 0xff:02x}"
            warnings.warn(text, UserWarning, stacklevel=4)
        if raw["slow"]:
            slowest = raw["latency_max_ns"] // 1000
            text = (
                f"ioworker: {raw['slow']} slow IO: longer than {self._slow_us} us, the slowest {slowest} us"
            )
            warnings.warn(text, UserWarning, stacklevel=4)

    def __enter__(self) -> "IOWorker":
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, e: BaseException | None, tb: TracebackType | None
    ) -> None:
        if kind is not None:
            self.stop()
        self.close()
