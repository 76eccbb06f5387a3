# SPDX-License-Identifier: BSD-3-Clause
"""fio beside ours: its generator alone, and io_uring on a file in memory; IOPS over cores."""
import json
import pathlib
import shutil
import subprocess
import tempfile
from typing import Any

import picture
from harness import DEVICE, HOST, OUT, ROUNDS, RUN_S, Drive, console, interleave, median, program, show
from scale import total

FILE_DIR = "/dev/shm"
DEPTH = 32


def fio(cores: list[int], **options: Any) -> float:
    """IOPS of fio with a job on each of these cores."""
    args = dict(
        name="bench",
        rw="randread",
        bs="4k",
        size="1g",
        iodepth=DEPTH,
        time_based=1,
        runtime=f"{max(1, round(RUN_S))}",
        numjobs=len(cores),
        cpus_allowed=",".join(map(str, cores)),
        cpus_allowed_policy="split",
        group_reporting=1,
        randrepeat=0,
        norandommap=1,
        output_format="json",
    )
    cmd = [
        "fio",
        *(
            f"--{k.replace('_', '-') if k == 'output_format' else k}={v}"
            for k, v in {**args, **options}.items()
        ),
    ]
    p = subprocess.run(cmd, capture_output=True, text=True, check=True)
    return float(json.loads(p.stdout[p.stdout.index("{") :])["jobs"][0]["read"]["iops"])


def generators() -> None:
    figures = {"our generator": lambda: program("bench_gen", DEPTH)}
    if shutil.which("fio"):
        figures["fio's null engine"] = lambda: fio([HOST], ioengine="null")
    seen = interleave(figures)
    ratios = {"our generator": ("fio's null engine", ">= 400 %")} if "fio's null engine" in seen else {}
    show(f"generator alone, no device, depth {DEPTH}; median of {ROUNDS}", seen, ratios)


def cores_of(n: int) -> list[int]:
    return list(range(n))


def beside(file: str) -> None:
    """Ours on one core: worker and SSD take turns on it; on two: one each."""
    both, apart = Drive("ram", device_core=HOST), Drive("ram", device_core=DEVICE)
    uring = dict(ioengine="io_uring", filename=file)
    seen = interleave(
        {
            "nvproof, 1 core": lambda: total(both, [HOST], DEPTH),
            "fio io_uring, 1 core": lambda: fio(cores_of(1), **uring),
            "nvproof, 2 cores": lambda: total(apart, [HOST], DEPTH),
            "fio io_uring, 2 cores": lambda: fio(cores_of(2), **uring),
        }
    )
    both.close()
    apart.close()
    pairs = {f"nvproof, {n}": (f"fio io_uring, {n}", "") for n in ("1 core", "2 cores")}
    show(f"4 KiB random reads of memory, depth {DEPTH}; median of {ROUNDS}", seen, pairs)
    lines = {
        who: [
            (n, median(seen, f"{who}, {n} core{'s' * (n > 1)}"), seen[f"{who}, {n} core{'s' * (n > 1)}"])
            for n in (1, 2)
        ]
        for who in ("nvproof", "fio io_uring")
    }
    path = picture.draw(OUT / "iops_over_cores.html", "4 KiB random reads of memory, depth 32", lines)
    console.print(f"picture: {path}")


def run() -> None:
    generators()
    if not shutil.which("fio"):
        console.print("fio is not installed (apt-get install fio): no comparison with it")
        return
    with tempfile.TemporaryDirectory(dir=FILE_DIR) as tmp:
        file = pathlib.Path(tmp) / "file"
        with open(file, "wb") as f:
            for _ in range(1024):
                f.write(b"\x5a" * (1 << 20))
        try:
            beside(str(file))
        except subprocess.CalledProcessError as e:
            console.print(f"fio with io_uring does not run here: {e.stdout[-200:]}{e.stderr[-200:]}")
