# SPDX-License-Identifier: BSD-3-Clause
"""What each ioworker leaves in the folder of results: seconds and latencies as CSV, all of it as JSON.

Off unless somebody says where: the pytest plugin for each test, a script with enable(), or NVPROOF_RESULTS=folder.
"""
import csv
import json
import logging
import os
import time
from typing import Any

from . import fio_json, results
from .iow_result import merge

log = logging.getLogger("nvproof")

_prefix: str | None = None
_saved = 0


def enable(prefix: str = "") -> None:
    """From now on save results in the log directory of the Pcie, with this in front of each file's name."""
    global _prefix
    _prefix = results.safe_name(prefix) + "-" if prefix else ""


def disable() -> None:
    """Save nothing from now on."""
    global _prefix
    _prefix = None


def _base(namespace: Any) -> str | None:
    if _prefix is not None:
        return str(namespace.nvme.pcie.logdir)
    return os.environ.get("NVPROOF_RESULTS") or None


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


def _write(base: str, namespace: Any, arguments: dict[str, Any], raw: dict[str, Any]) -> str:
    global _saved
    from . import __version__

    _saved += 1
    name = f"{_prefix or ''}ioworker-{_saved:04d}"
    stem = results.path(base, name)
    _seconds(stem + ".csv", raw)
    _histogram(stem + ".hist.csv", raw)
    document = fio_json.document(name, arguments, raw, _dut(namespace, raw), __version__, time.time())
    with open(stem + ".json", "w", encoding="utf-8") as f:
        json.dump(document, f)
    return stem


def save(namespace: Any, arguments: dict[str, Any], raw: dict[str, Any]) -> None:
    """What one ioworker measured.  That it cannot be saved is logged, and costs nobody the results."""
    base = _base(namespace)
    if base is None:
        return
    try:
        log.info("ioworker results: %s.{csv,hist.csv,json}", _write(base, namespace, arguments, raw))
    except (OSError, SystemError) as e:
        log.warning("ioworker results are not saved: %s", e)
