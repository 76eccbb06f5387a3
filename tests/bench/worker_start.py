# SPDX-License-Identifier: BSD-3-Clause
"""How far apart workers begin that are started one right after the other."""
import nvme as d
from harness import console
from nvproof import iow_save

ROUNDS = 5
TOGETHER = 16


def spread_ms(ns: d.Namespace) -> float:
    """Between the first submission of the first and that of the last."""
    workers = [ns.ioworker(time=0.3, qdepth=2, iops=200).start() for _ in range(TOGETHER)]
    for worker in workers:
        worker.close()
    begun = [worker.raw["begin_ns"] for worker in workers]
    return (max(begun) - min(begun)) / 1e6


def run() -> None:
    pcie = d.Pcie("")
    ns = d.Namespace(d.Controller(pcie))
    with iow_save.paused():
        spreads = sorted(spread_ms(ns) for _ in range(ROUNDS))
    pcie.close()
    console.print(
        f"{TOGETHER} workers begin within {spreads[ROUNDS // 2]:.1f} ms (median of {ROUNDS}, worst {spreads[-1]:.1f} ms; "
        "wanted < 10 ms)"
    )
