# SPDX-License-Identifier: BSD-3-Clause
"""nvproof release: give drives back to the kernel as they were."""
import argparse

from nvproof import bind, pcidev


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("address", nargs="*", help="0000:01:00.0 or 01:00.0")
    parser.add_argument("--all", action="store_true", help="every NVMe function that VFIO has")


def run(args: argparse.Namespace) -> int:
    assert args.all != bool(args.address), "name the drives, or say --all"
    addresses = [f.bdf for f in pcidev.nvme_functions() if f.is_vfio] if args.all else args.address
    for a in addresses:
        given = bind.release(a)
        f = pcidev.Function(a)
        print(f"{f.bdf}: {'given back' if given else 'nothing to give back'}, driver {f.driver or 'none'}")
    return 0
