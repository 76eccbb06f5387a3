# SPDX-License-Identifier: BSD-3-Clause
"""The command logs of running tests, of this process or another one, also while that hangs or is stopped.

Each process that uses the driver keeps the logs of all its queues in one piece of shared memory, which is found among its open
files.  It ends with the process, so nothing is ever left over.  See include/nvproof/cmdlog.h.
"""
import errno
import os
import pwd
import struct
import time
from dataclasses import dataclass
from typing import Any

from . import _native

SCHEMA_VERSION = 1
ENTRIES = 2048  # kept of each queue

# I/O commands with a range of LBAs.  NVM Command Set Specification, "I/O Commands"
_LBA_COMMANDS = {0x01, 0x02, 0x04, 0x05, 0x08, 0x0C, 0x7D}
_VIRTUAL_NS = 365 * 86400 * 10**9  # a time below is that of a simulation, which starts at 0


@dataclass(frozen=True)
class Queue:
    """Whose log it is.  number: in the shared memory; generation: that of its owner; alive: the queue exists still."""

    number: int
    generation: int
    ctrlr: int
    qid: int
    addr: str
    alive: bool
    begun_ns: int
    ended_ns: int
    commands: int


@dataclass(frozen=True)
class Command:
    """A command of a log.  Times in ns since the epoch (in a simulation: since its start); complete_ns 0: outstanding."""

    queue: Queue
    seq: int
    submit_ns: int
    complete_ns: int
    sqe: bytes
    cqe: bytes
    text: str

    @property
    def outstanding(self) -> bool:
        """Whether the device has not answered it yet."""
        return not self.complete_ns

    @property
    def virtual(self) -> bool:
        """Whether its times are those of a simulation."""
        return self.submit_ns < _VIRTUAL_NS

    def age_s(self) -> float:
        """Seconds since it was sent."""
        return max(0.0, (time.time_ns() - self.submit_ns) / 1e9)

    def decoded(self) -> dict[str, Any]:
        """All of it by name, for JSON."""
        dw, done = struct.unpack("<16I", self.sqe), struct.unpack("<4I", self.cqe)
        opcode, status = dw[0] & 0xFF, done[3] >> 17 & 0x7FF
        name = _native.io_name if self.queue.qid else _native.admin_name
        out: dict[str, Any] = {
            "submit_ns": self.submit_ns,
            "complete_ns": self.complete_ns or None,
            "latency_us": None if self.outstanding else (self.complete_ns - self.submit_ns) / 1000,
            "device": self.queue.addr,
            "sqid": self.queue.qid,
            "cid": dw[0] >> 16,
            "opcode": opcode,
            "command": name(opcode),
            "nsid": dw[1],
        }
        if self.queue.qid and opcode in _LBA_COMMANDS:
            out.update(slba=dw[11] << 32 | dw[10], nlb=(dw[12] & 0xFFFF) + 1)
        if not self.outstanding:
            text = _native.status_text(status) if status else "SUCCESS"
            out.update(status=status, status_text=text, cdw0=done[0], sqhd=done[2] & 0xFFFF)
        out.update(sqe=list(dw), cqe=None if self.outstanding else list(done))
        return out


class ProcessLog:
    """The command logs of a process.  OSError, with a text for people: there is no such process, or it has none, or they are not ours."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        try:
            self._view = _native.LogView(pid)
        except OSError as e:
            raise type(e)(_why(pid, e)) from None

    @property
    def title(self) -> str:
        """What the process is busy with: the test that runs, or how it was started."""
        return printable(self._view.title) or command_line(self.pid)

    def queues(self) -> list[Queue]:
        """All queues of the process, and those of the last deleted ones that are kept."""
        rows = self._view.queues()
        return [Queue(n, g, c, q, printable(a), bool(s), b, e, k) for n, g, c, q, a, s, b, e, k in rows]

    def read(self, queues: list[Queue] | None = None, count: int = ENTRIES) -> list[Command]:
        """The last `count` commands of these queues (None: all) in time order, newest first."""
        by_number = {queue.number: queue for queue in (self.queues() if queues is None else queues)}
        rows = self._view.read(list(by_number), count)
        return [Command(by_number[row[0]], *row[1:]) for row in rows]


def _why(pid: int, e: OSError) -> str:
    if e.errno == errno.ESRCH:
        return f"there is no process {pid}"
    if e.errno in (errno.EACCES, errno.EPERM):
        return (
            f"process {pid} belongs to user {owner(pid)}: its command logs are for that user (and root) only"
        )
    if e.errno == errno.EPROTO:
        return f"the command logs of process {pid} are of another version of nvproof"
    return f"process {pid} ({command_line(pid)}) has no command logs: it uses no device"


def printable(text: str) -> str:
    """One line, without what a terminal would take for a command: another process wrote it."""
    return "".join(c if c.isprintable() else " " for c in text)


def owner(pid: int) -> str:
    """The name of a process's user."""
    try:
        uid = os.stat(f"/proc/{pid}").st_uid
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
    except OSError:
        return "?"


def command_line(pid: int) -> str:
    """How a process was started, for people; empty when it is gone."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            words = f.read(4096).split(b"\0")
    except OSError:
        return ""
    return printable(" ".join(word.decode("utf-8", "replace") for word in words if word))[:200]


def state(pid: int) -> str:
    """What the kernel says that a process does: "running", "stopped", "ended" and so on."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
            letter = f.read().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return "ended"
    names = {"T": "stopped", "t": "stopped by a debugger", "D": "waiting for the kernel", "Z": "ended"}
    return names.get(letter, "running")


def running() -> list[ProcessLog]:
    """The processes that have command logs which we may read, except this one, oldest first."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            found.append(ProcessLog(int(name)))
        except OSError:
            continue  # no test, or not ours, or gone meanwhile
    return sorted(found, key=lambda log: log.pid)
