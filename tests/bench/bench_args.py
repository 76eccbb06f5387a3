# SPDX-License-Identifier: BSD-3-Clause
"""What a keyword costs: submit and complete one read, called in several ways.  Prints ns a command; asserts little.

usage: bench_args.py [ADDR]    (default sim:null, so that no other process is measured)
"""
import sys
import time

import nvme as d

ROUNDS, BATCH = 40, 500
LIMIT_NS = 1000  # generous: this is no benchmark of the machine


def best(submit, qpair):
    """ns a command, the best of all rounds."""
    low = float("inf")
    for _ in range(ROUNDS):
        start = time.perf_counter_ns()
        for _ in range(BATCH):
            submit()
        took = time.perf_counter_ns() - start
        qpair.waitdone(BATCH)
        low = min(low, took / BATCH)
    return low


def main():
    pcie = d.Pcie(sys.argv[1] if len(sys.argv) > 1 else "sim:null")
    nvme0 = d.Controller(pcie)
    ns, qpair, buf = d.Namespace(nvme0), d.Qpair(nvme0, 1024), d.Buffer(4096)
    read = ns.read
    ways = {
        "positional": lambda: read(qpair, buf, 0, 8),
        "one keyword": lambda: read(qpair, buf, 0, lba_count=8),
        "all keywords": lambda: read(qpair=qpair, buf=buf, lba=0, lba_count=8),
        "seven keywords": lambda: read(
            qpair=qpair, buf=buf, lba=0, lba_count=8, io_flags=0, cdw13=0, verify_disable=False
        ),
    }
    cost = {name: best(submit, qpair) for name, submit in ways.items()}
    for name, ns_each in cost.items():
        print(f"read submitted, {name:<15} {ns_each:7.1f} ns  ({ns_each - cost['positional']:+.1f})")
    assert cost["all keywords"] - cost["positional"] < LIMIT_NS
    qpair.delete()
    pcie.close()


if __name__ == "__main__":
    main()
