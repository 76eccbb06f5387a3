# SPDX-License-Identifier: BSD-3-Clause
"""nvproof bench: the ioworker from the shell, in fio's words."""
import argparse
import contextlib
import json
import pathlib
import sys
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import nvproof as d
from nvproof import fio_job, fio_terms, iow_bench, iow_report, iow_save
from nvproof.fio_json import Worker

_SSD = "ssd:"
_DEFAULTS = {"rw": "randread", "bs": "4k"}
_INTERRUPTED = 130
_EPILOG = """\
Without --pciaddr the device is a private software SSD of 1 GiB that is gone afterwards.  A drive that you name is
written only if the workload writes or trims (--rw write, randwrite, rw, randrw, trim, randtrim, or a job file that says
so): nothing asks again.

fio's options are taken as fio takes them, on the command line (--bs=4k, --time_based) or in job files; an option that
is not known is an error that names it.  --verify compares each read with what this run wrote there last, and what was
only written is read back at the end.  Without --size, --runtime alone says when it ends.

Results go to DIR/TIME/bench.{json,csv,hist.csv}; `nvproof plot DIR/TIME` draws them."""


def _add_fio_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("fio's options")
    shown = {
        "rw": "read, write, randread, randwrite, rw, randrw, trim, randtrim (default randread)",
        "bs": "block size (default 4k)",
        "iodepth": "commands kept outstanding (default 1)",
        "numjobs": "workers, each a process of its own with its own queue pair",
        "runtime": "seconds",
        "size": "bytes, or percent of the namespace",
        "rwmixread": "percent of reads",
        "rate_iops": "at most so many commands a second",
        "verify": "compare what is read",
    }
    for name in fio_terms.known():
        group.add_argument(
            f"--{name}",
            nargs="?",
            const="1",
            default=argparse.SUPPRESS,
            help=shown.get(name, argparse.SUPPRESS),
        )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Ours, and all that fio_terms knows."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EPILOG
    parser.allow_abbrev = False
    parser.add_argument("jobfile", nargs="*", help="fio job files")
    parser.add_argument(
        "--pciaddr", metavar="ADDR", default=_SSD, help="the device (default: a software SSD)"
    )
    parser.add_argument("--nsid", type=int, default=1, help="namespace (default 1)")
    parser.add_argument("--output-format", choices=("normal", "json", "json+"), default="normal")
    parser.add_argument("--output", metavar="FILE", help="the report goes there instead of to the terminal")
    parser.add_argument(
        "--results", metavar="DIR", default="results", help="the folder of results (default results)"
    )
    parser.add_argument(
        "--eta", choices=("auto", "always", "never"), default="auto", help="the line each second"
    )
    _add_fio_options(parser)


def _jobs(args: argparse.Namespace) -> list[fio_job.Job]:
    given = {name: str(value) for name, value in vars(args).items() if name in fio_terms.known()}
    if not args.jobfile:
        options = {**_DEFAULTS, **given}
        return [fio_job.Job(str(options.get("name", options["rw"])), options)]
    jobs: list[fio_job.Job] = []
    for path in args.jobfile:
        after = jobs[-1].group + 1 if jobs else 0  # one file after the other
        for job in fio_job.load(path):
            job.group += after
            jobs.append(job)
    for job in jobs:  # what is said here is stronger
        job.options.update(given)
        job.where.update({name: f"--{name}" for name in given})
    return jobs


# --- the line each second ---


class _Line:
    """Overwritten in a terminal, else one after the other."""

    def __init__(self, eta: str) -> None:
        self._over = sys.stderr.isatty()
        self._on = eta != "never"
        self._open = False

    def tell(self, live: iow_bench.Live) -> None:
        """Print it."""
        if not self._on:
            return
        text = iow_report.live_line(live)
        sys.stderr.write(f"\r\033[K{text}" if self._over else f"{text}\n")
        sys.stderr.flush()
        self._open = self._over

    def end(self) -> None:
        """Go on below it."""
        if self._open:
            sys.stderr.write("\n")


# --- the device ---


def _attached(args: argparse.Namespace) -> d.Pcie:
    try:
        return d.Pcie(args.pciaddr, logdir=args.results)
    except (d.NvmeEnumerateError, RuntimeError) as e:
        raise OSError(f"{args.pciaddr}: {e}") from None


def _opened(pcie: d.Pcie, nsid: int) -> d.Namespace:
    try:
        return d.Namespace(d.Controller(pcie), nsid)
    except (d.NvmeEnumerateError, d.NamespaceCreationError) as e:
        raise OSError(f"{pcie.addr}, namespace {nsid}: {e}") from None


@contextlib.contextmanager
def _namespace(args: argparse.Namespace) -> Iterator[d.Namespace]:
    pcie = _attached(args)
    try:
        namespace = _opened(pcie, args.nsid)
        try:
            yield namespace
        finally:
            namespace.close()
    finally:
        pcie.close()


def _say_which(args: argparse.Namespace, jobs: Sequence[fio_job.Job]) -> None:
    names = sorted({job.options["filename"] for job in jobs if job.options.get("filename")})
    if names and args.pciaddr == _SSD:
        text = f"filename={', '.join(names)} is not used: this is a software SSD (--pciaddr names a drive)"
        print(f"nvproof bench: {text}", file=sys.stderr)


# --- the report ---


def _wanted(plans: Sequence[iow_bench.Plan]) -> list[float] | None:
    lists = [plan.job.options["percentile_list"] for plan in plans if "percentile_list" in plan.job.options]
    return [float(word) for word in lists[0].split(":")] if lists else None


def _write_logs(done: Sequence[iow_bench.Done]) -> None:
    for n, one in enumerate(done, 1):
        for kind in ("bw", "iops", "lat"):
            prefix = one.plan.run.get(f"write_{kind}_log")
            if prefix:
                stem = one.name if prefix == "1" else prefix
                lines = iow_report.log_lines(kind, one.raw["seconds"])
                pathlib.Path(f"{stem}_{kind}.{n}.log").write_text("".join(lines), encoding="utf-8")


def _report(args: argparse.Namespace, document: dict[str, Any], wanted: Sequence[float] | None) -> None:
    if args.output_format == "normal":
        text = iow_report.summary(document, wanted)
    else:
        text = json.dumps(document, indent=2) + "\n"
    if args.output:
        pathlib.Path(args.output).write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)


def _complain(done: Sequence[iow_bench.Done]) -> bool:
    failed = [one for one in done if one.failed]
    for one in failed:
        status = one.raw["status"]
        said = f"status {status >> 8:02x}/{status & 0xff:02x}" if status else f"host error {one.raw['error']}"
        print(f"nvproof bench: {one.name}: {said}: {one.raw['reason']}", file=sys.stderr)
    return bool(failed)


def _finish(args: argparse.Namespace, namespace: d.Namespace, bench: iow_bench.Bench, wanted: Any) -> int:
    workers = [Worker(one.name, one.arguments, one.raw, one.group) for one in bench.done]
    if not workers:
        return _INTERRUPTED
    grouped = any("group_reporting" in one.plan.job.options for one in bench.done)
    _report(args, iow_save.document(namespace, workers, grouped), wanted)
    _write_logs(bench.done)
    try:
        stem = iow_save.write(args.results, "bench", namespace, workers)
        print(f"results: {stem}.{{json,csv,hist.csv}}", file=sys.stderr)
    except OSError as e:
        print(f"nvproof bench: the results are not saved: {e}", file=sys.stderr)
    failed = _complain(bench.done)
    return _INTERRUPTED if bench.interrupted else int(failed)


def run(args: argparse.Namespace) -> int:
    """0: all went well; 1: an I/O or a worker failed; 2: it cannot be done; 130: interrupted."""
    jobs = _jobs(args)
    for job in jobs:  # what is not known is said before a device is touched
        iow_bench.plan(job, 512, 1 << 40)
    _say_which(args, jobs)
    line = _Line(args.eta)
    with warnings.catch_warnings(), _namespace(args) as namespace:
        warnings.simplefilter("ignore")  # what they say is in the results
        blocks = namespace.id_data(7, 0)
        plans = [iow_bench.plan(job, namespace.sector_size, blocks) for job in jobs]
        bench = iow_bench.Bench(namespace, line.tell)
        try:
            bench.run(plans)
        finally:
            line.end()
        return _finish(args, namespace, bench, _wanted(plans))
