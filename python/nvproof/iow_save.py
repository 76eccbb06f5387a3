# SPDX-License-Identifier: BSD-3-Clause
"""What each ioworker leaves in the folder of results: seconds and latencies as CSV, all of it as JSON.

They go into the log directory of the Pcie; NVPROOF_RESULTS=folder says another one, NVPROOF_RESULTS=off none.
"""
import contextlib
import csv
import json
import logging
import os
import time
from collections.abc import Iterator, Sequence
from typing import Any

from . import fio_json, results
from .fio_json import Worker
from .iow_result import merge

log = logging.getLogger("nvproof")

_prefix: str | None = ""  # None: nothing is saved
_saved = 0


def enable(prefix: str = "") -> None:
    """From now on save results, with this in front of each file's name."""
    global _prefix
    _prefix = results.safe_name(prefix) + "-" if prefix else ""


def disable() -> None:
    """Save nothing from now on."""
    global _prefix
    _prefix = None


@contextlib.contextmanager
def paused() -> Iterator[None]:
    """Inside, workers save nothing: somebody saves the results of several as one."""
    global _prefix
    was, _prefix = _prefix, None
    try:
        yield
    finally:
        _prefix = was


def _base(namespace: Any) -> str | None:
    told = os.environ.get("NVPROOF_RESULTS", "")
    if _prefix is None or told == "off":
        return None
    return told or str(namespace.nvme.pcie.logdir)


def _dut(namespace: Any, raw: dict[str, Any]) -> dict[str, Any]:
    return {
        **{name: raw[name].decode("ascii", "replace").strip("\0 ") for name in ("sn", "mn", "fr")},
        "pciaddr": namespace.nvme.addr,
        "nsid": namespace.nsid,
        "sector_size": namespace.sector_size,
    }


def _seconds(path: str, raw: dict[str, Any]) -> None:
    with open(path, "w", newline="", encoding="utf-8") as f:
        out = csv.writer(f)
        out.writerow(["second", "reads", "writes", "others", "bytes", "latency_mean_us", "latency_max_us"])
        for n, (reads, writes, others, size, sum_ns, max_us) in enumerate(raw["seconds"], 1):
            ios = reads + writes + others
            mean = round(sum_ns / ios / 1000, 3) if ios else 0
            out.writerow([n, reads, writes, others, size, mean, max_us])


def _histogram(path: str, raw: dict[str, Any]) -> None:
    """One line a bucket; the last column has the percent of all that are not slower."""
    every = merge(op["buckets"] for op in raw["ops"])
    counts = [{low: n for low, _, n in op["buckets"]} for op in raw["ops"]]
    total, seen = sum(n for _, _, n in every), 0
    with open(path, "w", newline="", encoding="utf-8") as f:
        out = csv.writer(f)
        out.writerow(["low_ns", "high_ns", *(f"opcode_{op['opcode']}" for op in raw["ops"]), "percent"])
        for low, high, count in every:
            seen += count
            out.writerow([low, high, *(c.get(low, 0) for c in counts), f"{100 * seen / total:.6f}"])


def document(namespace: Any, workers: Sequence[Worker], grouped: bool = False) -> dict[str, Any]:
    """What they measured, for fio's tools and ours."""
    from . import __version__

    dut = _dut(namespace, workers[0].raw)
    return fio_json.document(workers, dut, __version__, time.time(), grouped)


def write(base: str, name: str, namespace: Any, workers: Sequence[Worker]) -> str:
    """Three files in the folder of results; what their names begin with."""
    stem, whole = results.path(base, name), fio_json.merged([worker.raw for worker in workers])
    _seconds(stem + ".csv", whole)
    _histogram(stem + ".hist.csv", whole)
    with open(stem + ".json", "w", encoding="utf-8") as f:
        json.dump(document(namespace, workers), f)
    return stem


def save(namespace: Any, arguments: dict[str, Any], raw: dict[str, Any]) -> None:
    """What one ioworker measured.  That it cannot be saved is logged, and costs nobody the results."""
    global _saved
    base = _base(namespace)
    if base is None:
        return
    _saved += 1
    name = f"{_prefix}ioworker-{_saved:04d}"
    try:
        stem = write(base, name, namespace, [Worker(name, arguments, raw)])
        log.info("ioworker results: %s.{csv,hist.csv,json}", stem)
    except (OSError, SystemError) as e:
        log.warning("ioworker results are not saved: %s", e)
