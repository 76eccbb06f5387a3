# SPDX-License-Identifier: BSD-3-Clause
"""Jobs in fio's words, run by ioworkers: those of one group together, group after group."""
import collections
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import nvproof as d

from . import fio_terms, iow_progress, iow_save
from .fio_job import Job, is_on
from .ioworker import IOWorker

_POLL_S = 0.02
_TERMINATED = -7


@dataclass
class Plan:
    """A job as arguments of ioworker, and what the run around them has to know."""

    job: Job
    clones: list[dict[str, Any]]
    ramp_s: float
    verify: bool
    read_back: bool
    seed: int
    run: dict[str, Any]

    @property
    def arguments(self) -> dict[str, Any]:
        """Of the first."""
        return self.clones[0]


@dataclass
class Done:
    """What one ioworker did."""

    name: str
    group: int
    plan: Plan
    arguments: dict[str, Any]
    raw: dict[str, Any]

    @property
    def failed(self) -> bool:
        """Whether something went wrong, on either side."""
        return self.raw["error"] not in (0, _TERMINATED) or bool(self.raw["status"])


@dataclass
class Live:
    """What the workers of a group did since the last look."""

    running: int
    kinds: str
    share: float | None  # of all there is to do
    left_s: float | None
    ios: dict[int, float]  # a second, by opcode
    size: dict[int, float]  # bytes a second, by opcode


def _plan(job: Job, sector_size: int, capacity: int) -> Plan:
    run, rest = fio_terms.split(job.options)
    numjobs = int(run.get("numjobs", 1))
    if numjobs < 1:
        raise fio_terms.OptionError("numjobs", "is 1 or more")
    clones = [fio_terms.arguments(rest, sector_size, capacity, n) for n in range(numjobs)]
    checked = is_on(run.get("verify", 0)) and run["verify"] != "none"
    only_writes = clones[0].get("read_percentage") == 0
    return Plan(
        job,
        clones,
        fio_terms.seconds(run.get("ramp_time", 0)),
        checked,
        checked and only_writes and is_on(run.get("do_verify", 1)),
        int(run["randseed"]) if "randseed" in run else random.getrandbits(48),
        run,
    )


def plan(job: Job, sector_size: int, capacity: int) -> Plan:
    """ValueError names the option, and where it was said, that is not known or cannot be done."""
    try:
        return _plan(job, sector_size, capacity)
    except fio_terms.OptionError as e:
        place = job.where.get(e.option, "")
        raise ValueError(f"{place}: {e}" if place else str(e)) from None


# --- one group ---


class _Group:
    """Workers that run at the same time."""

    def __init__(self, namespace: d.Namespace) -> None:
        self._namespace = namespace
        self.workers: list[tuple[str, Plan, dict[str, Any], IOWorker]] = []
        self._seen: dict[int, tuple[int, int]] = {}
        self._when = 0.0

    def add(self, name: str, plan: Plan, arguments: dict[str, Any], seed: int) -> None:
        """The same seed: the same LBAs."""
        d.srand(seed)
        worker = self._namespace.ioworker(**arguments, verify_disable=not plan.verify)
        self.workers.append((name, plan, arguments, worker))

    def _sums(self) -> dict[int, tuple[int, int]]:
        sums: dict[int, tuple[int, int]] = {}
        for *_, worker in self.workers:
            for opcode, (ios, size) in worker.live.items():
                a, b = sums.get(opcode, (0, 0))
                sums[opcode] = a + ios, b + size
        return sums

    def _share(self, seconds: float) -> float | None:
        """By the limit of each; the slowest one decides."""
        shares = [self._share_of(arguments, worker, seconds) for _, _, arguments, worker in self.workers]
        known = [one for one in shares if one is not None]
        return min(known) if known else None

    def _share_of(self, arguments: dict[str, Any], worker: IOWorker, seconds: float) -> float | None:
        if not worker.running:
            return 1.0
        ios, size = (sum(pair[i] for pair in worker.live.values()) for i in (0, 1))
        return iow_progress.share(arguments, seconds, ios, size / self._namespace.sector_size)

    def look(self, begun: float) -> Live:
        """What was done since the last look."""
        now, sums = time.monotonic(), self._sums()
        since, self._when = now - (self._when or begun), now
        ios = {op: (n - self._seen.get(op, (0, 0))[0]) / since for op, (n, _) in sums.items()}
        size = {op: (n - self._seen.get(op, (0, 0))[1]) / since for op, (_, n) in sums.items()}
        self._seen = sums
        running = [(p, w) for _, p, _, w in self.workers if w.running]
        letters = collections.Counter(_letters(p) for p, _ in running)
        kinds = ",".join(f"{letter}({n})" for letter, n in letters.items())
        share = self._share(now - begun)
        left = (now - begun) * (1 - share) / share if share else None
        return Live(len(running), kinds, share, left, ios, size)

    def run(self, tell: Callable[[Live], None] | None, every_s: float = 1.0) -> None:
        """Start all, and wait for all; KeyboardInterrupt stops them all."""
        for *_, worker in self.workers:
            worker.start()
        begun = time.monotonic()
        next_look = begun + every_s
        while any(worker.running for *_, worker in self.workers):
            time.sleep(_POLL_S)
            if tell and time.monotonic() >= next_look:
                live = self.look(begun)
                next_look += every_s
                if live.running:
                    tell(live)

    def stop(self) -> None:
        """Before its time."""
        for *_, worker in self.workers:
            worker.stop()

    def close(self, group: int) -> Iterator[Done]:
        """What each did."""
        for name, plan, arguments, worker in self.workers:
            if not worker.started:
                continue
            worker.close()
            assert worker.raw is not None
            yield Done(name, group, plan, worker.arguments, worker.raw)


def _letters(plan: Plan) -> str:
    """fio's letter for a workload."""
    arguments = plan.arguments
    shuffled, reads = bool(arguments["lba_random"]), arguments.get("read_percentage")
    if "op_percentage" in arguments:
        return "d" if shuffled else "D"
    if reads == 100:
        return "r" if shuffled else "R"
    if reads == 0:
        return "w" if shuffled else "W"
    return "m" if shuffled else "M"


# --- all of them ---


class Bench:
    """Runs plans on a namespace.  done grows while it runs, so that an interrupt loses nothing."""

    def __init__(self, namespace: d.Namespace, tell: Callable[[Live], None] | None = None) -> None:
        self._namespace, self._tell = namespace, tell
        self.done: list[Done] = []
        self.interrupted = False

    def run(self, plans: Sequence[Plan]) -> list[Done]:
        """Group after group.  An interrupt or a failure ends it; what was done until then is in the results."""
        with iow_save.paused():  # the results of all are saved together
            for group in sorted({plan.job.group for plan in plans}):
                if not self._group(group, [plan for plan in plans if plan.job.group == group]):
                    break
        return self.done

    def _group(self, group: int, plans: Sequence[Plan]) -> bool:
        wanted = any(plan.verify for plan in plans)
        if not self._namespace.verify_enable(wanted) and wanted:
            raise OSError("verify: there is too little memory for the table of this namespace")
        ramp = [plan for plan in plans if plan.ramp_s]
        if ramp:
            self._phase(
                group, ramp, lambda plan, args: {**args, "time": plan.ramp_s, "io_count": 0, "lba_count": 0}
            )
            del self.done[len(self.done) - sum(len(plan.clones) for plan in ramp) :]  # it does not count
        done = self._phase(group, plans, lambda plan, args: args)
        back = [one for one in done if one.plan.read_back and not one.failed]
        if back and not self.interrupted:
            done += self._read_back(group, back)
        return not self.interrupted and not any(one.failed for one in done)

    def _phase(
        self, group: int, plans: Sequence[Plan], change: Callable[[Plan, dict[str, Any]], dict[str, Any]]
    ) -> list[Done]:
        workers = _Group(self._namespace)
        for plan in plans:
            for n, arguments in enumerate(plan.clones):
                workers.add(plan.job.name, plan, change(plan, arguments), plan.seed + n)
        return self._wait(group, workers)

    def _read_back(self, group: int, written: Sequence[Done]) -> list[Done]:
        """The same LBAs, by the same random numbers: each is compared with what was written last."""
        workers = _Group(self._namespace)
        nth: dict[int, int] = {}
        for one in written:
            n = nth[id(one.plan)] = nth.get(id(one.plan), -1) + 1
            again = {**one.plan.clones[n], "read_percentage": 100, "io_count": one.raw["writes"]}
            again.update(time=0, lba_count=0, iops=0)
            workers.add(f"{one.name}: verify", one.plan, again, one.plan.seed + n)
        return self._wait(group, workers)

    def _wait(self, group: int, workers: _Group) -> list[Done]:
        try:
            workers.run(self._tell)
        except KeyboardInterrupt:
            self.interrupted = True
            workers.stop()
        done = list(workers.close(group))
        self.done += done
        return done
