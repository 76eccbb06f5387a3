# SPDX-License-Identifier: BSD-3-Clause
"""Workloads that standards describe, as arguments of ioworker.

    nvme0n1.ioworker(**workloads.jesd219_enterprise(nvme0n1.sector_size), time=3600).start().close()

A mix is data, not code: change the tables, or the dictionary that comes back.
"""
import os
from typing import Any

from . import fio_terms, trace

# JESD219, enterprise endurance workload: bytes of an access and percent of all, and where they go: (percent of the
# accesses, percent of the LBAs).  What is 4 KiB and more begins at a multiple of 4 KiB.
JESD219_SIZES = {
    512: 4,
    1024: 1,
    1536: 1,
    2048: 1,
    2560: 1,
    3072: 1,
    3584: 1,
    4096: 67,
    8192: 10,
    16384: 7,
    32768: 3,
    65536: 3,
}
JESD219_ZONES = ((50, 5), (30, 15), (20, 80))
_ALIGNED = 4096


def sizes_in_lbas(sizes: dict[int, int], sector_size: int) -> dict[int, int]:
    """{bytes: share} as {LBAs: share}; what is smaller than an LBA becomes one."""
    found: dict[int, int] = {}
    for size, share in sizes.items():
        lbas = max(1, -(-size // sector_size))
        found[lbas] = found.get(lbas, 0) + share
    return found


def jesd219_enterprise(sector_size: int = 512, read_percentage: int = 0) -> dict[str, Any]:
    """The enterprise endurance workload of JESD219: sizes, alignment, and half of the accesses in 5 % of the LBAs.

    Endurance counts what is written, so it only writes unless read_percentage says otherwise.
    """
    sizes = sizes_in_lbas(JESD219_SIZES, sector_size)
    aligned = max(1, _ALIGNED // sector_size)
    return {
        "io_size": sizes,
        "lba_align": [aligned if lbas >= aligned else 1 for lbas in sizes],
        "lba_random": True,
        "read_percentage": read_percentage,
        "distribution": fio_terms.zones(JESD219_ZONES),
        "ptype": 0xBEEF,
        "pvalue": 100,
    }


def jesd219_enterprise_fio() -> dict[str, str]:
    """The same in fio's terms."""
    return {
        "rw": "randwrite",
        "bssplit": ":".join(f"{size}/{share}" for size, share in JESD219_SIZES.items()),
        "random_distribution": "zoned:" + ":".join(f"{io}/{lba}" for io, lba in JESD219_ZONES),
    }


def jesd219_client(
    master_trace: str | os.PathLike[str], sector_size: int = 512, most: int = 128
) -> dict[str, Any]:
    """The client endurance workload of JESD219: a replay of its master trace, as fast as the drive takes it.

    master_trace: the file that JEDEC publishes (text, or the zip that it comes in).  most: LBAs of a command; longer
    writes are split.
    """
    return {
        "io_sequence": trace.load_jesd219(master_trace, sector_size, most),
        "ptype": 0xBEEF,
        "pvalue": 100,
    }
