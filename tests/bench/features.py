# SPDX-License-Identifier: BSD-3-Clause
"""What the command log and verification cost: the same work with and without, in turn."""
from harness import ROUNDS, Drive, interleave, limit, show


def command_log() -> None:
    ram, null = Drive("ram"), Drive("null")
    seen = interleave(
        {
            "RAM, depth 32": lambda: ram.iops(32),
            "RAM, depth 32, log": lambda: ram.iops(32, cmdlog_error_only=False),
            "null, depth 128": lambda: null.iops(128),
            "null, depth 128, log": lambda: null.iops(128, cmdlog_error_only=False),
        }
    )
    show(
        f"command log; 4 KiB random reads; median of {ROUNDS}",
        seen,
        {
            "RAM, depth 32, log": ("RAM, depth 32", ">= 85 %"),
            "null, depth 128, log": ("null, depth 128", "(no copy: the worst case)"),
        },
    )
    ram.close()
    null.close()


def verification() -> None:
    """Without: a table for 8 LBAs only, which workers do not look at, and no id and token in what is written."""
    plain, checked = Drive("ram"), Drive("ram", nlba_verify=2**64 - 1)
    plain.ns.inject_write_buffer_disable()
    plain.ns.inject_write_token_disable()
    checked.ns.verify_enable(True)
    seen = interleave(
        {
            "blocks copied, and read by the other core": lambda: limit("look"),
            "write": lambda: plain.iops(32, read_percentage=0, verify_disable=True),
            "write, verification": lambda: checked.iops(32, read_percentage=0),
            "read": lambda: plain.iops(32, verify_disable=True),
            "read, verification": lambda: checked.iops(32),
        }
    )
    show(
        f"verification (CRC, id, token, LBA lock); 4 KiB random, RAM, depth 32; median of {ROUNDS}",
        seen,
        {
            "write, verification": ("write", ">= 85 %"),
            "read, verification": ("read", ">= 85 %"),
        },
    )
    plain.close()
    checked.close()


def run() -> None:
    command_log()
    verification()
