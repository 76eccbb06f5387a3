# SPDX-License-Identifier: BSD-3-Clause
"""nvproof COMMAND ...: what a test engineer does from the shell.

A command is a module of this package with two functions, loaded only when it is asked for:

    def add_arguments(parser: argparse.ArgumentParser) -> None    # its options; it may have verbs of its own
    def run(args: argparse.Namespace) -> int                      # the exit status

Trouble that the user can do something about is an OSError, ValueError or AssertionError whose text says what; it is
printed without a traceback, and the exit status is 2.
"""
import argparse
import importlib
import os
import sys
from collections.abc import Sequence

COMMANDS: dict[str, str] = {  # name: one line of help
    "bench": "generate I/O with fio's options or job files, and report like fio",
    "bind": "hand drives to VFIO, so that tests can have them",
    "list": "the NVMe drives on PCI, and who uses them",
    "log": "the commands that a running test has sent, also when it hangs",
    "plot": "draw what ioworkers measured: one HTML page",
    "release": "give drives back to the kernel as they were",
    "ssd": "a software SSD that runs: firmware bugs on request, power, temperature, statistics",
}

_SIGINT_STATUS = 130


def _parser(command: str) -> argparse.ArgumentParser:
    """The parser with all names, and the options of `command` alone, so that the others need not be loaded."""
    from nvproof import __version__

    parser = argparse.ArgumentParser(prog="nvproof", description="Proves NVMe drives.")
    parser.add_argument("--version", action="version", version=f"nvproof {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, text in COMMANDS.items():
        sub = commands.add_parser(name, help=text, description=text)
        if name == command:
            importlib.import_module(f"nvproof.cli.{name}").add_arguments(sub)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    command = next((word for word in words if not word.startswith("-")), "")
    args = _parser(command).parse_args(words)
    try:
        return int(importlib.import_module(f"nvproof.cli.{args.command}").run(args))
    except (OSError, ValueError, AssertionError) as e:
        if isinstance(e, BrokenPipeError):  # `nvproof ... | head`: nobody reads on
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        print(f"nvproof {args.command}: {e}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return _SIGINT_STATUS
