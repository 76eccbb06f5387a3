#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Run tests in a guest whose kernel has VFIO: those of tests/vfio/guest, and a part of the contract on a drive behind an IOMMU.

usage: run.py [--limit SECONDS] [pytest arguments in place of the chosen tests]

Prints the log of the guest and pytest's own last lines.  junit-*.xml and log are left in build/guest/out.
"""
import argparse
import pathlib
import shutil
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/vfio"))

import image  # noqa: E402
import vm  # noqa: E402

OUT = image.CACHE / "out"
DRIVE = "0000:00:04.0"
LIMIT_S = 420  # it takes two minutes where nobody else computes
# What says most about the way to the device; features of QEMU's controller are the business of the suite "qemu".
CONTRACT = ["tests/api/test_hello.py", "examples/test_hello.py", "tests/api/test_callbacks.py"]

HEAD = """#!/bin/sh
cd ROOT
export PATH=$PATH:/usr/sbin:/sbin HOME=/tmp PYTHONDONTWRITEBYTECODE=1 NVPROOF_RESULTS=/tmp/results
python=ROOT/.venv/bin/python
run() {
	name=$1; shift
	$python -m pytest -q -rs -p no:cacheprovider --timeout=60 --junitxml=/run/out/junit-$name.xml "$@" || bad=1
}
"""
ALL = """
run guest tests/vfio/guest
$python -m nvproof bind DRIVE || bad=1
run contract --pciaddr=DRIVE CONTRACT
"""
TAIL = """
[ -n "$bad" ] && dmesg | tail -40
exit ${bad:-0}
"""


def job(words):
    """The script that the guest runs."""
    script = HEAD + (f"run guest {' '.join(words)}" if words else ALL) + TAIL
    for name, text in (("ROOT", str(ROOT)), ("DRIVE", DRIVE), ("CONTRACT", " ".join(CONTRACT))):
        script = script.replace(name, text)
    return script


def keep(guest):
    """What the guest wrote, for who wants to look."""
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    for path in guest.out.iterdir():
        if path.suffix == ".xml" or path.name == "log":
            shutil.copy(path, OUT)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--limit", type=float, default=LIMIT_S, metavar="SECONDS")
    args, rest = parser.parse_known_args()
    start = time.monotonic()
    try:
        guest = vm.boot(job(rest), args.limit)
    except image.NoGuest as e:
        print(f"vfio: {e}")
        return 3
    with guest:
        print(guest.log(), end="")
        keep(guest)
        if guest.status is None:
            print(guest.console()[-4000:])
            print(f"vfio: the guest did not finish its job within {args.limit:.0f} s")
    print(f"vfio: {guest.kind} guest, {time.monotonic() - start:.0f} s")
    return 1 if guest.status is None else guest.status


if __name__ == "__main__":
    sys.exit(main())
