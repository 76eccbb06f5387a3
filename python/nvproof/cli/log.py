# SPDX-License-Identifier: BSD-3-Clause
"""nvproof log: the commands that a running test has sent, also when it hangs or is stopped.

Without --pid the running tests are found: one is shown, several are listed.  Nothing is asked of the test and nothing is changed in
it: its memory is read.
"""
import argparse
import json
import sys
import time
from collections.abc import Iterable
from typing import Any

from nvproof import cmdlogs
from nvproof.cmdlogs import Command, ProcessLog, Queue

_DEFAULT_COUNT = 30
_POLL_S = 0.1
_OVERDUE_S = 1.0  # --follow shows a command that is outstanding for so long


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `nvproof log`."""
    parser.add_argument("--pid", type=int, help="the process to look at; default: the only running test")
    parser.add_argument(
        "-q", "--queue", type=int, help="of this queue alone, 0: admin; default: all, in time order"
    )
    parser.add_argument(
        "-n", "--count", type=int, help=f"how many of the last commands; default: {_DEFAULT_COUNT}"
    )
    parser.add_argument(
        "-f", "--follow", action="store_true", help="go on with what comes, until the process ends"
    )
    parser.add_argument("-l", "--list", action="store_true", help="list the running tests and their queues")
    parser.add_argument("-o", "--output-format", choices=("normal", "json"), default="normal")


def run(args: argparse.Namespace) -> int:
    """Show the log; 1: no test is running."""
    assert args.count is None or args.count >= 0, "--count is not negative"
    logs = [ProcessLog(args.pid)] if args.pid is not None else cmdlogs.running()
    if args.list or len(logs) > 1:
        _list(logs, args.output_format == "json")
    if not logs:
        print("no test is running", file=sys.stderr)
        return 1
    if args.list:
        return 0
    if len(logs) > 1:
        print("several tests are running: choose one with --pid", file=sys.stderr)
        return 0
    _show(logs[0], args)
    return 0


# --- which tests ---


def _summary(log: ProcessLog) -> dict[str, Any]:
    queues = log.queues()
    waiting = [c for c in log.read([q for q in queues if q.alive]) if c.outstanding and not _is_event(c)]
    return {
        "pid": log.pid,
        "state": cmdlogs.state(log.pid),
        "title": log.title,
        "devices": sorted({q.addr for q in queues}),
        "queues": [
            {"device": q.addr, "qid": q.qid, "alive": q.alive, "commands": q.commands} for q in queues
        ],
        "outstanding": len(waiting),
    }


def _is_event(command: Command) -> bool:
    """An Asynchronous Event Request waits for an event, not for the device."""
    return command.queue.qid == 0 and command.sqe[0] == 0x0C


def _list(logs: list[ProcessLog], as_json: bool) -> None:
    rows = [_summary(log) for log in logs]
    if as_json:
        print(json.dumps({"schema_version": cmdlogs.SCHEMA_VERSION, "processes": rows}))
        return
    if rows:
        print(f"{'PID':>8}  {'STATE':<9} {'QUEUES':>6} {'COMMANDS':>12} {'OUTSTANDING':>11}  TEST")
    for row in rows:
        alive = sum(q["alive"] for q in row["queues"])
        commands = sum(q["commands"] for q in row["queues"])
        print(
            f"{row['pid']:>8}  {row['state']:<9} {alive:>6} {commands:>12,} {row['outstanding']:>11}  {row['title']}"
        )


# --- what it has sent ---


def _chosen(log: ProcessLog, qid: int | None) -> list[Queue]:
    queues = [q for q in log.queues() if qid is None or q.qid == qid]
    if not queues and qid is not None:
        known = ", ".join(str(q) for q in sorted({q.qid for q in log.queues()})) or "none"
        raise ValueError(f"process {log.pid} has no queue {qid}: it has {known}")
    return queues


def _line(command: Command, several: bool) -> str:
    text = command.text
    if command.outstanding and not command.virtual and not _is_event(command):
        text += f" for {command.age_s():.3f} s"
    return f"{command.queue.addr} {text}" if several else text


def _print(commands: Iterable[Command], several: bool, as_lines: bool) -> None:
    for command in commands:
        if as_lines:
            print(json.dumps({"schema_version": cmdlogs.SCHEMA_VERSION, **command.decoded()}))
        else:
            print(_line(command, several))
    sys.stdout.flush()


def _show(log: ProcessLog, args: argparse.Namespace) -> None:
    count = _DEFAULT_COUNT if args.count is None else args.count
    queues = _chosen(log, args.queue)
    every = log.read(queues, cmdlogs.ENTRIES * len(queues))[::-1]
    commands = every[-count:] if count else []
    as_json = args.output_format == "json"
    several = len({q.addr for q in queues}) > 1
    if as_json and not args.follow:
        document: dict[str, Any] = {"schema_version": cmdlogs.SCHEMA_VERSION, **_summary(log)}
        document["commands"] = [command.decoded() for command in commands]
        print(json.dumps(document))
        return
    if not as_json:
        s = _summary(log)
        print(f"# {log.pid} ({s['state']}): {s['title']}; {', '.join(s['devices']) or 'no device'}; ", end="")
        print(f"{s['outstanding']} outstanding")
    _print(commands, several, as_json)
    if args.follow:
        seen = _Seen()
        seen.news(every)
        _follow(log, args, seen)


class _Seen:
    """What --follow has shown."""

    def __init__(self) -> None:
        self._last: dict[tuple[int, int], int] = {}  # by queue: number of its last command
        self._waiting: dict[tuple[int, int, int], bool] = {}  # without an answer; true: shown as such
        self.missed = 0

    def _is_news(self, command: Command) -> bool:
        queue = command.queue.number, command.queue.begun_ns
        before, key = self._last.get(queue), (*queue, command.seq)
        new = before is None or command.seq > before
        if new:
            self.missed += command.seq - before - 1 if before else 0
            self._last[queue] = command.seq
        if not command.outstanding:
            return self._waiting.pop(key, None) is not None or new
        told = self._waiting.get(key, False)
        overdue = not _is_event(command) and command.age_s() >= _OVERDUE_S
        self._waiting[key] = told or overdue
        return overdue and not told

    def news(self, commands: list[Command]) -> list[Command]:
        """What is to be shown of the commands there are, oldest first as they come."""
        return [command for command in commands if self._is_news(command)]


def _follow(log: ProcessLog, args: argparse.Namespace, seen: _Seen) -> None:
    as_json = args.output_format == "json"
    ended = False
    while not ended:
        time.sleep(_POLL_S)
        ended = cmdlogs.state(log.pid) == "ended"
        queues = [q for q in log.queues() if args.queue is None or q.qid == args.queue]
        commands = seen.news(log.read(queues, cmdlogs.ENTRIES * max(1, len(queues)))[::-1])
        if seen.missed and not as_json:
            print(f"# {seen.missed} commands were too quick to be shown")
        seen.missed = 0
        _print(commands, len({q.addr for q in queues}) > 1, as_json)
    if not as_json:
        print(f"# process {log.pid} ended")
