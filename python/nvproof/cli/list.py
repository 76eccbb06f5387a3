# SPDX-License-Identifier: BSD-3-Clause
"""nvproof list: the NVMe functions of this machine, and who uses them."""
import argparse
import json
from typing import Any

from nvproof import inuse, pcidev
from nvproof.pcidev import Function

SCHEMA_VERSION = 1
_COLUMNS = ("address", "model", "serial", "firmware", "size", "driver", "group", "node", "link", "used by")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", "--output-format", choices=("normal", "json"), default="normal")


def _size(n: int) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if n < 10000:
            return f"{n} {unit}" if n else ""
        n = round(n / 1000)
    return f"{n / 1000:.2f} TB"


def _describe(f: Function) -> dict[str, Any]:
    return {
        "address": f.bdf,
        "model": f.model,
        "serial": f.serial,
        "firmware": f.firmware,
        "size": f.size,
        "driver": f.driver or None,
        "iommu_group": int(f.group) if f.group.isdigit() else None,
        "numa_node": f.numa_node,
        "link": f.link_text or None,
        "device": f"/dev/{f.ctrlr}" if f.ctrlr else None,
        "physical_function": f.physical_function or None,
        "used_by": [u.text for u in inuse.users(f) + ([] if f.is_vfio else inuse.group_users(f))],
    }


def _row(d: dict[str, Any]) -> list[str]:
    number = ["-" if d[k] is None else str(d[k]) for k in ("iommu_group", "numa_node")]
    texts = [d["address"], d["model"], d["serial"], d["firmware"], _size(d["size"]), d["driver"] or "-"]
    return [
        *(t or "-" for t in texts),
        *number,
        d["link"] or "-",
        d["used_by"][0] if d["used_by"] else "nobody",
    ]


def run(args: argparse.Namespace) -> int:
    drives = [_describe(f) for f in pcidev.nvme_functions()]
    if args.output_format == "json":
        print(json.dumps({"schema_version": SCHEMA_VERSION, "functions": drives}, indent=2))
        return 0
    if not drives:
        print("no NVMe function on PCI; the software SSD needs none: leave --pciaddr out")
        return 0
    rows = [list(_COLUMNS), *(_row(d) for d in drives)]
    widths = [max(len(r[i]) for r in rows) for i in range(len(_COLUMNS))]
    for d, r in zip([None, *drives], rows):
        print("  ".join(t.ljust(w) for t, w in zip(r, widths)).rstrip())
        for more in d["used_by"][1:] if d else []:
            print(" " * (sum(widths[:-1]) + 2 * len(widths) - 2) + more)
    return 0
