# SPDX-License-Identifier: BSD-3-Clause
"""IOPS of driver, worker and software SSD on two cores, beside what the machine can do at best."""
from harness import ROUNDS, Drive, interleave, limit, show


def run() -> None:
    ram, null = Drive("ram"), Drive("null")
    seen = interleave(
        {
            "copy limit": lambda: limit("copy"),
            "queue limit": lambda: limit("queue"),
            "copy and round trip": lambda: limit("trip"),
            "RAM, depth 32": lambda: ram.iops(32),
            "RAM, depth 1": lambda: ram.iops(1),
            "null, depth 128": lambda: null.iops(128),
            "null, depth 1": lambda: null.iops(1),
        }
    )
    show(
        f"4 KiB random reads over 1 GiB; median of {ROUNDS}",
        seen,
        {
            "RAM, depth 32": ("copy limit", ">= 85 %"),
            "RAM, depth 1": ("copy and round trip", ">= 54 %"),
            "null, depth 128": ("queue limit", "7.2 M"),
        },
    )
    ram.close()
    null.close()
