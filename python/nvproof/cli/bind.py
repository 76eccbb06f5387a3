# SPDX-License-Identifier: BSD-3-Clause
"""nvproof bind: hand drives to VFIO, so that tests can have them."""
import argparse
import os
import pwd
import sys

from nvproof import bind, pcidev


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("address", nargs="+", help="0000:01:00.0, 01:00.0 or /dev/nvme0")
    parser.add_argument(
        "--user", default="", help="who may open the drive (default: who called sudo, else root)"
    )
    parser.add_argument(
        "--allow-noiommu", action="store_true", help="accept that there is no IOMMU: see the warning"
    )
    parser.add_argument("-n", "--dry-run", action="store_true", help="only check")


def _sudo_user() -> str:
    uid = os.environ.get("SUDO_UID", "")
    try:
        return pwd.getpwuid(int(uid)).pw_name if uid.isdigit() and int(uid) else ""
    except KeyError:
        return ""


def run(args: argparse.Namespace) -> int:
    addresses = tuple(pcidev.normalize(a) for a in args.address)
    for a in addresses:  # all or none
        f = pcidev.Function(a)
        if not f.is_vfio:
            bind.check(f, addresses, args.allow_noiommu)
    for a in addresses:
        taken = bind.bind(a, addresses, args.user or _sudo_user(), args.allow_noiommu, args.dry_run)
        f = pcidev.Function(a)
        if not taken:
            print(f"{a}: {f.driver} has it already")
        elif args.dry_run:
            print(f"{a}: nobody uses it, it could be bound")
        else:
            print(f"{a}: bound to {f.driver}, IOMMU group {f.group}; test it with --pciaddr={a}")
        if args.allow_noiommu and f.without_iommu:
            print(
                f"{a}: WITHOUT AN IOMMU: the drive can write to all of the memory of this machine",
                file=sys.stderr,
            )
    return 0
