# SPDX-License-Identifier: BSD-3-Clause
"""nvproof ssd: what is no part of NVMe, on a software SSD that runs."""
import argparse
import glob
import json
import os
import subprocess
from typing import Any

from nvproof import faults, programs
from nvproof.faults import Ssd

SCHEMA_VERSION = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", "--output-format", choices=("normal", "json"), default="normal")
    parser.add_argument(
        "--at",
        metavar="ADDRESS",
        help="vfu:SOCKET, or a control socket; not needed when one software SSD runs",
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    verbs.add_parser("info", help="controllers, sockets, power")
    verbs.add_parser("stats", help="counters since it was started")
    power = verbs.add_parser("power", help="switch its power, without notice to the controller")
    power.add_argument("state", choices=("on", "off", "cycle"))
    heat = verbs.add_parser("temperature", help="tell the composite temperature, or set it")
    heat.add_argument("celsius", nargs="?", type=float)
    fsck = verbs.add_parser(
        "fsck", help="check an image file: exit status 0 clean, 1 problems were found, 2 it cannot be read"
    )
    fsck.add_argument("image")
    fsck.add_argument(
        "--repair", action="store_true", help="mend what can be mended without a guess, and say what"
    )
    fault = verbs.add_parser("fault", help="firmware bugs on request")
    actions = fault.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("list", help="all bugs that can be imitated: name, what it does, what it violates")
    actions.add_parser("show", help="the rules that are armed, and how often they struck")
    add = actions.add_parser(
        "add", help="arm a rule: POINT[=ARG][,KEY=VALUE...], such as status=02/81,opc=read,slba=1000,nth=3"
    )
    add.add_argument("rule")
    clear = actions.add_parser("clear", help="disarm a rule, or all")
    clear.add_argument("id", nargs="?", type=int)


def _running() -> list[str]:
    places = [os.environ.get("XDG_RUNTIME_DIR", "/nonexistent"), "/tmp"]
    return sorted({os.path.realpath(p) for d in places for p in glob.glob(f"{d}/nvproof-*/*.sock.ctl")})


def _ssd(at: str | None) -> Ssd:
    if at:
        path = at.removeprefix("vfu:")
        return Ssd(path if path.endswith(".ctl") else path + ".ctl")
    found = _running()
    if len(found) != 1:
        those = "\n  ".join(found)
        raise ValueError("no software SSD runs" if not found else f"which one?  Give --at:\n  {those}")
    return Ssd(found[0])


def _fault(args: argparse.Namespace) -> dict[str, Any]:
    if args.action == "list":
        return {"points": [p._asdict() for p in faults.points()]}
    ssd = _ssd(args.at)
    if args.action == "add":
        return {"id": ssd.fault(args.rule)}
    if args.action == "clear":
        return {"cleared": ssd.clear(args.id)}
    return {"faults": ssd.faults()}


def _answer(args: argparse.Namespace) -> dict[str, Any]:
    if args.verb == "fault":
        return _fault(args)
    ssd = _ssd(args.at)
    if args.verb == "power":
        for on in {"on": (True,), "off": (False,), "cycle": (False, True)}[args.state]:
            ssd.power(on)
        return {"powered": args.state != "off"}
    if args.verb == "temperature":
        return {"celsius": ssd.temperature(args.celsius)}
    return ssd.stats() if args.verb == "stats" else ssd.info()


def _print(answer: dict[str, Any]) -> None:
    for key, value in answer.items():
        if key == "points":
            for p in value:
                print(
                    f"{p['name'] + ('=' + p['arg'].upper() if p['arg'] else ''):24} {p['does']}\n{'':24} {p['violates']}"
                )
        elif key == "faults":
            for f in value:
                print(f"{f['id']:4} {f['rule']}  (about it: {f['seen']}, struck: {f['hits']})")
        elif key != "schema_version":
            print(f"{key:24} {value}")


def _fsck(args: argparse.Namespace) -> int:
    command = [programs.find("nvproof-ssd"), "fsck", *(["--repair"] if args.repair else []), args.image]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if args.output_format == "json":
        lines = [line.removeprefix(f"{args.image}: ") for line in done.stdout.splitlines()]
        print(
            json.dumps(
                {"schema_version": SCHEMA_VERSION, "status": done.returncode, "lines": lines}, indent=2
            )
        )
    else:
        print(done.stdout, end="")
    return done.returncode


def run(args: argparse.Namespace) -> int:
    if args.verb == "fsck":
        return _fsck(args)
    try:
        answer = _answer(args)
    except RuntimeError as e:  # ControlError
        raise ValueError(str(e)) from None
    if args.output_format == "json":
        print(json.dumps({"schema_version": SCHEMA_VERSION, **answer}, indent=2))
    else:
        _print(answer)
    return 0
