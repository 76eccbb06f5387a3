# SPDX-License-Identifier: BSD-3-Clause
"""Controller.fio(): fio's words, carried out by ioworkers, each of which is a process of its own."""
import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

from . import fio_job, fio_terms, iow_bench, iow_save
from .fio_json import Worker
from .namespace import Namespace

LONGEST_S = 12 * 3600
_DEFAULTS = {"rw": "read", "bs": "4k"}  # as fio's


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ValueError(f"fio: {message}")


def _jobs(args: Sequence[str]) -> list[fio_job.Job]:
    parser = _Parser(prog="fio", add_help=False, allow_abbrev=False)
    parser.add_argument("jobfile", nargs="*")
    for name in fio_terms.known():
        parser.add_argument(f"--{name}", nargs="?", const="1", default=argparse.SUPPRESS)
    found = vars(parser.parse_args(list(args)))
    jobs = [job for path in found.pop("jobfile") for job in fio_job.load(path)]
    given = {name: str(value) for name, value in found.items()}
    for job in jobs:  # what is said here is stronger
        job.options.update(given)
    return jobs or [fio_job.Job(given.get("name", "fio"), {**_DEFAULTS, **given})]


def _run(namespace: Namespace, args: Sequence[str], folder: str) -> int:
    blocks = namespace.id_data(7, 0)
    plans = [iow_bench.plan(job, namespace.sector_size, blocks) for job in _jobs(args)]
    for clone in (clone for plan in plans for clone in plan.clones):
        clone["time"] = min(clone.get("time") or LONGEST_S, LONGEST_S)
    bench = iow_bench.Bench(namespace)
    bench.run(plans)
    workers = [Worker(one.name, one.arguments, one.raw, one.group) for one in bench.done]
    if workers:
        iow_save.write(folder, "fio", namespace, workers)
    if bench.interrupted:
        raise KeyboardInterrupt
    return int(any(one.failed for one in bench.done))


def run(nvme0: Any, nsid: int, args: Sequence[str]) -> int:
    """0: all went well; 1: something failed.  ValueError names an option that is not known."""
    namespace = Namespace(nvme0, nsid)
    try:
        return _run(namespace, args, nvme0.pcie.logdir)
    finally:
        namespace.close()
