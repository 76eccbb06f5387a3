# SPDX-License-Identifier: BSD-3-Clause
"""Files of /sys, /proc, /dev and /run, read without exceptions for what is not there.

NVPROOF_TEST_ROOT puts a folder before all of them: tests build a machine of files there.
"""
import os


def path(*parts: str) -> str:
    """An absolute path of the machine: path("sys", "block", "nvme0n1")."""
    return os.path.join(os.environ.get("NVPROOF_TEST_ROOT") or "/", *parts)


def read(name: str) -> str:
    """The text of a file without white space around it; "" when it cannot be read."""
    try:
        with open(name, encoding="utf-8", errors="replace") as f:
            return f.read().strip()
    except OSError:
        return ""


def number(name: str, otherwise: int = 0) -> int:
    """A decimal number from a file."""
    try:
        return int(read(name))
    except ValueError:
        return otherwise


def write(name: str, text: str) -> None:
    """One write of a whole value, as the kernel wants it.  OSError."""
    fd = os.open(name, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def link(name: str) -> str:
    """The last part of where a symbolic link points; "" when there is none."""
    try:
        return os.path.basename(os.readlink(name))
    except OSError:
        return ""


def entries(name: str) -> list[str]:
    """The names in a folder, sorted; none when it cannot be read."""
    try:
        return sorted(os.listdir(name))
    except OSError:
        return []
