#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Run the test suites and count them: C programs of build-asan/ (unit, sim) and pytest (api, examples, qemu; vfio: in a guest).

usage: run_tests.py [unit] [sim] [api] [examples] [qemu] [vfio]     (without arguments: all)

Prints each suite's own summary and, last, one line that counts all: "N passed, N failed, N skipped".
"""
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
NO_GUEST = 3  # tests/vfio/run.py
LIMIT_S = {"unit": 120, "sim": 240}


def c_programs(suite):
    """The test programs of a suite as meson knows them: (name, command, environment)."""
    out = subprocess.run(
        ["meson", "introspect", "--tests", "build-asan"], cwd=ROOT, capture_output=True, text=True
    )
    if out.returncode:
        sys.exit(f"run_tests: {out.stderr or out.stdout}")
    for t in json.loads(out.stdout):
        if any(s.split(":")[-1] == suite for s in t["suite"]):
            yield t["name"], t["cmd"], t["env"]


def run_c(name, cmd, env, limit):
    """(passed, failed, skipped) of one cmocka program; its output only when something went wrong."""
    start = time.monotonic()
    env = {**os.environ, **env, "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1"}
    try:
        p = subprocess.run(
            cmd,
            cwd=ROOT,
            env=env,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=limit,
            errors="replace",
        )
        text, code = p.stdout, p.returncode
    except subprocess.TimeoutExpired as e:
        raw = e.stdout or b""
        text, code = (
            raw.decode(errors="replace") if isinstance(raw, bytes) else raw,
            f"no end after {limit} s",
        )
    passed = len(re.findall(r"^\[ +OK +\]", text, re.M))
    failed = len(set(re.findall(r"^\[ +FAILED +\] (\w+)$", text, re.M)))
    skipped = len(set(re.findall(r"^\[ +SKIPPED +\] (\w+)$", text, re.M)))
    if code and not failed:
        failed = 1
    if not code and not passed + failed + skipped:
        passed = 1  # no cmocka: an example program, judged by its exit status
    if failed or skipped:
        print(text)
    if failed:
        print(f"{name}: exit status {code}")
    print(
        f"  {name:<28} {passed} passed, {failed} failed, {skipped} skipped  ({time.monotonic() - start:.1f} s)",
        flush=True,
    )
    return passed, failed, skipped


def run_c_suite(suite):
    print(f"== {suite}: cmocka, ASan and UBSan", flush=True)
    total = [0, 0, 0]
    for name, cmd, env in c_programs(suite):
        total = [a + b for a, b in zip(total, run_c(name, cmd, env, LIMIT_S[suite]))]
    return total


def pytest_counts(text):
    """[passed, failed, skipped] of all of pytest's last lines, but not of what a failed test quotes of another run."""
    total = [0, 0, 0]
    for line in re.findall(r"^(?!E ).*\d+ (?:passed|failed|skipped|error).* in [\d.]+s.*$", text, re.M):
        count = {k: int(n) for n, k in re.findall(r"(\d+) (passed|failed|skipped|errors?)", line)}
        failed = count.get("failed", 0) + count.get("error", 0) + count.get("errors", 0)
        part = [count.get("passed", 0), failed, count.get("skipped", 0)]
        total = [a + b for a, b in zip(total, part)]
    return total


def run_vfio():
    """A guest runs the tests; without one (another distribution, another processor) the suite is skipped, and says why."""
    print("== vfio: pytest in a virtual machine, on PCIe functions behind an IOMMU", flush=True)
    p = subprocess.run([sys.executable, "tests/vfio/run.py"], cwd=ROOT, text=True, stdout=subprocess.PIPE)
    print(p.stdout, end="", flush=True)
    if p.returncode == NO_GUEST:
        return [0, 0, 1]
    total = pytest_counts(p.stdout)
    if p.returncode and not total[1]:
        total[1] = 1
    return total


# Suites that pytest runs: the device, and arguments.  Of several lines of arguments all run at once, each a part.
PYTEST = [sys.executable, "-m", "pytest", "-q", "-rs", "--timeout=120", "-p", "no:cacheprovider"]
QEMU_VERSION = "7.2"  # Debian 12's
QEMU = ["--pciaddr=qemu:nvme?size=1G", "-p", "tests.qemu.plugin", "tests/api", "tests/qemu"]
PYTEST_SUITES = {
    "api": ("the software SSD", [["tests/api"]]),
    "examples": ("the software SSD", [["examples"]]),
    "qemu": ("QEMU's NVMe device, in two parts", [[f"--part={n}/2", *QEMU] for n in (1, 2)]),
}


def other_qemu():
    """Why the suite qemu cannot run: what deviates is listed for one version; "" if that is the one."""
    try:
        p = subprocess.run(["qemu-system-x86_64", "--version"], text=True, stdout=subprocess.PIPE)
    except OSError as e:
        return str(e)
    first = p.stdout.partition("\n")[0]
    return (
        "" if f" {QEMU_VERSION}." in first else f"known.py is about QEMU {QEMU_VERSION}, and this is {first}"
    )


def run_pytest(suite):
    """All parts of a suite at once, summed up."""
    device, parts = PYTEST_SUITES[suite]
    print(f"== {suite}: pytest on {device}", flush=True)
    if suite == "qemu" and other_qemu():
        print(f"qemu: {other_qemu()}")
        return [0, 0, 1]
    with concurrent.futures.ThreadPoolExecutor(len(parts)) as pool:
        counts = list(pool.map(run_part, parts))
    return [sum(column) for column in zip(*counts)]


def run_part(args):
    cmd = [*PYTEST, *args]
    p = subprocess.Popen(cmd, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    lines = []
    for line in p.stdout:
        print(line, end="", flush=True)
        lines.append(line)
    total = pytest_counts("".join(lines))
    if p.wait() and not total[1]:
        total[1] = 1
    return total


def main():
    suites = sys.argv[1:] or ["unit", "sim", "api", "examples", "qemu", "vfio"]
    total = [0, 0, 0]
    for suite in suites:
        if suite == "vfio":
            part = run_vfio()
        else:
            part = run_pytest(suite) if suite in PYTEST_SUITES else run_c_suite(suite)
        print(f"== {suite}: {part[0]} passed, {part[1]} failed, {part[2]} skipped", flush=True)
        if part[0] == 0 and not (suite in ("qemu", "vfio") and part[2]):
            part[1] += 1
            print(f"run_tests: suite {suite} ran no test")
        total = [a + b for a, b in zip(total, part)]
    print(f"{total[0]} passed, {total[1]} failed, {total[2]} skipped")
    return 1 if total[1] else 0


if __name__ == "__main__":
    sys.exit(main())
