# SPDX-License-Identifier: BSD-3-Clause
"""IOWorker: an I/O generator that runs as a process of its own."""
import os
import warnings
from types import TracebackType
from typing import Any

from . import _native, programs

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
_MAX_SECONDS = 1000 * 3600


class IOResult(dict[str, Any]):
    """What an ioworker measured: a dictionary whose values are attributes too."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value


def _core(cpu_id: int) -> int:
    """The core to pin to; -1 when this process may not use it."""
    return cpu_id if cpu_id in os.sched_getaffinity(0) else -1


def _percent(name: str, value: bool | int) -> int:
    percent = (100 if value else 0) if isinstance(value, bool) else value
    assert isinstance(percent, int) and 0 <= percent <= 100, f"ioworker: {name} is a bool or 0 to 100"
    return percent


class IOWorker:
    """ioworker(qpair=None, io_size=8, lba_step=None, lba_align=None, lba_random=True, read_percentage=100, ...)

    io_size: LBAs of each I/O.  lba_align: LBAs.  lba_random: bool or percent.  read_percentage: the rest are writes.
    time: seconds; io_count: I/Os; lba_count: LBAs; the first limit that is reached ends it, and a sequential one without a
    limit fills its region once.  qdepth: commands kept outstanding.  region_start, region_end: LBAs, the end excluded.
    exit_on_error: stop at the first I/O that fails.  output_io_per_second: a list, filled with one count a second.
    output_percentile_latency: a dict whose keys are percentiles, filled with microseconds.

    AssertionError: a bad argument.  ValueError: an argument that is not supported yet; none is ignored.
    """

    def __init__(
        self,
        namespace: _native.Namespace,
        qpair: Any = None,
        io_size: int = 8,
        lba_step: int | None = None,
        lba_align: int | None = None,
        lba_random: bool | int = True,
        read_percentage: int = 100,
        op_percentage: dict[int, int] | None = None,
        sgl_percentage: int = 0,
        time: float = 0,
        qdepth: int = 63,
        region_start: int = 0,
        region_end: int = 2**64 - 1,
        region_end_truncate: bool = True,
        iops: int = 0,
        io_count: int = 0,
        lba_count: int = 0,
        io_flags: int = 0,
        cdw13: int = 0,
        lba_start: int = 0,
        qprio: int = 0,
        distribution: list[int] | None = None,
        ptype: int = 0xBEEF,
        pvalue: int = 100,
        io_sequence: list[Any] | None = None,
        slow_latency: int = 1_000_000,
        fw_debug: bool = False,
        exit_on_error: bool = True,
        retry_max: int = 0,
        verify_disable: bool = False,
        zns: bool = False,
        zns_zigzag: bool = False,
        zns_syncwrite: bool = False,
        cpu_id: int = 1,
        cmdlog_error_only: bool = False,
        output_io_per_second: list[int] | None = None,
        output_percentile_latency: dict[float, int] | None = None,
        output_percentile_latency_opcode: int | None = None,
        output_cmdlog_list: list[Any] | None = None,
    ) -> None:
        self._refuse(
            qpair=qpair,
            op_percentage=op_percentage,
            sgl_percentage=sgl_percentage,
            region_end_truncate=not region_end_truncate,
            iops=iops,
            cdw13=cdw13,
            qprio=qprio,
            distribution=distribution,
            io_sequence=io_sequence,
            slow_latency=slow_latency != 1_000_000,
            fw_debug=fw_debug,
            retry_max=retry_max,
            zns=zns,
            zns_zigzag=zns_zigzag,
            zns_syncwrite=zns_syncwrite,
            cmdlog_error_only=cmdlog_error_only,
            output_percentile_latency_opcode=output_percentile_latency_opcode,
            output_cmdlog_list=output_cmdlog_list,
        )
        for name, value in (("io_size", io_size), ("lba_align", lba_align), ("region_start", region_start)):
            if isinstance(value, (list, dict, range, tuple)):
                raise ValueError(f"ioworker: several values of {name} are not supported yet")
        random_percent = _percent("lba_random", lba_random)
        limited = bool(time or io_count or lba_count)
        assert limited or not random_percent, "ioworker: give time, io_count or lba_count"
        assert 1 <= io_size < 0x10000, "ioworker: io_size is 1 to 65535 LBAs"
        assert lba_step is None or -0x8000 <= lba_step < 0x8000, "ioworker: lba_step has 16 bits"
        assert lba_step != 0, "ioworker: lba_step is not 0"
        assert 0 <= time <= _MAX_SECONDS, f"ioworker: time is 0 to {_MAX_SECONDS} s"
        assert io_count >= 0 and lba_count >= 0, "ioworker: counts are not negative"
        assert qdepth >= 2, "ioworker: qdepth is at least 2"
        assert 0 <= region_start < region_end, "ioworker: region_start is below region_end"
        percentiles = list(output_percentile_latency or {})
        assert all(0 < k < 100 for k in percentiles), "ioworker: a percentile is above 0 and below 100"
        if lba_count:
            by_lba = max(1, lba_count // io_size)
            io_count = min(io_count, by_lba) if io_count else by_lba
        self._seconds = output_io_per_second
        self._percentiles = output_percentile_latency
        self._result: IOResult | None = None
        self._native = _native.IOWorker(
            namespace,
            io_size=io_size,
            lba_align=1 if lba_align is None else lba_align,
            lba_step=lba_step or 0,
            random_percent=random_percent,
            read_percent=_percent("read_percentage", read_percentage),
            qdepth=qdepth,
            time_ns=int(time * 1e9),
            io_count=io_count,
            region_start=region_start,
            region_end=region_end,
            lba_start=lba_start,
            ptype=ptype,
            pvalue=pvalue,
            io_flags=io_flags,
            cpu=_core(cpu_id),
            verify=not verify_disable,
            exit_on_error=exit_on_error,
            ppm=[round(k * 10_000) for k in percentiles],
        )

    @staticmethod
    def _refuse(**given: Any) -> None:
        for name, value in given.items():
            if value:
                raise ValueError(f"ioworker: {name} is not supported yet")

    def start(self) -> "IOWorker":
        """Start the process; returns when it runs.  RuntimeError: it cannot, and why."""
        programs.tell_driver()
        self._native.start()
        return self

    @property
    def running(self) -> bool:
        """Whether it still works."""
        return self._native.running

    def stop(self) -> None:
        """Ask it to end before its time."""
        self._native.stop()

    def close(self) -> IOResult:
        """Wait for its end; the results.  KeyboardInterrupt stops it.  Device and host errors are warnings."""
        if self._result is None:
            self._result = self._collect(self._native.close())
        return self._result

    def _collect(self, raw: dict[str, Any]) -> IOResult:
        ios, ns = raw["reads"] + raw["writes"], raw["ns"]
        if self._seconds is not None:
            self._seconds[:] = raw["seconds"]
        if self._percentiles is not None:
            for key, value in zip(list(self._percentiles), raw["percentiles_ns"]):
                self._percentiles[key] = value // 1000
        self._warn(raw)
        return IOResult(
            io_count_read=raw["reads"],
            io_count_nonread=raw["writes"],
            io_count_write=raw["writes"],
            mseconds=ns // 1_000_000,
            latency_max_us=raw["latency_max_ns"] // 1000,
            latency_average_us=raw["latency_sum_ns"] // ios // 1000 if ios else 0,
            cpu_usage=raw["cpu_ns"] / ns if ns else 0.0,
            error=raw["status"],
        )

    @staticmethod
    def _warn(raw: dict[str, Any]) -> None:
        code, status = raw["error"], raw["status"]
        if code and code != _TERMINATED:
            text = _HOST_ERRORS.get(code, "unknown")
            more = f" ({raw['reason']})" if raw["reason"] else ""
            warnings.warn(f"ioworker host ERROR {code}: {text}{more}", UserWarning, stacklevel=4)
        if status:
            text = f"ioworker device respond an ERROR status: {status >> 8:02x}/{status & 0xff:02x}"
            warnings.warn(text, UserWarning, stacklevel=4)

    def __enter__(self) -> "IOWorker":
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, e: BaseException | None, tb: TracebackType | None
    ) -> None:
        if kind is not None:
            self.stop()
        self.close()
