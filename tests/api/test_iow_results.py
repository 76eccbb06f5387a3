# SPDX-License-Identifier: BSD-3-Clause
"""What ioworkers leave in the folder of results, and that fio's tools can read it."""
import copy
import csv
import json
import pathlib
import random
import shutil
import subprocess

import pytest

import nvme as d
from nvproof import fio_json, iow_result, iow_save


@pytest.fixture
def saved(nvme0n1, tmp_path):
    """Runs a worker; (its JSON, path of it without the end)."""

    def run(**args):
        nvme0n1.nvme.pcie.logdir = str(tmp_path)
        nvme0n1.ioworker(**copy.deepcopy(args)).start().close()
        newest = max(tmp_path.rglob("*.json"), key=lambda p: p.stat().st_mtime_ns)
        return json.loads(newest.read_text()), newest.with_suffix("")

    return run


MIX = dict(op_percentage={2: 50, 1: 30, 9: 15, 0: 5}, region_end=10000, io_size=8)


def test_three_files_each(saved, request):
    document, stem = saved(io_count=1000)
    assert stem.name.startswith(request.node.name + "-ioworker-")
    assert stem.with_suffix(".csv").exists() and pathlib.Path(f"{stem}.hist.csv").exists()


def test_seconds(saved):
    document, stem = saved(time=2.2, iops=1000, **MIX)
    with open(f"{stem}.csv") as f:
        rows = list(csv.DictReader(f))
    assert len(rows) == 2 and rows[0]["second"] == "1"
    for row, second in zip(rows, document["nvproof"]["seconds"]):
        ios = sum(int(row[name]) for name in ("reads", "writes", "others"))
        assert ios == sum(second[:3]) and 900 < ios < 1400
        assert 0 < float(row["latency_mean_us"]) <= int(row["latency_max_us"]) + 1


def test_histogram(saved):
    document, stem = saved(io_count=5000, **MIX)
    with open(f"{stem}.hist.csv") as f:
        rows = list(csv.DictReader(f))
    for op in document["nvproof"]["ops"]:
        assert sum(int(row[f"opcode_{op['opcode']}"]) for row in rows) == op["ios"]
        assert sum(count for _, _, count in op["buckets"]) == op["ios"]
    assert float(rows[-1]["percent"]) == 100


def test_json_is_what_fios_tools_expect(saved):
    document, _ = saved(io_count=5000, **MIX)
    assert {"fio version", "timestamp", "timestamp_ms", "time", "global options", "jobs"} <= document.keys()
    (job,) = document["jobs"]
    assert all(isinstance(v, str) for v in job["job options"].values())
    assert {"rw", "bs", "iodepth", "numjobs"} <= job["job options"].keys()
    assert {"latency_ns", "latency_us", "latency_ms", "usr_cpu", "sys_cpu"} <= job.keys()
    total = 0
    for name in ("read", "write", "trim"):
        side = job[name]
        assert {"bw", "iops", "iops_stddev", "slat_ns", "clat_ns", "lat_ns", "runtime"} <= side.keys()
        lat = side["lat_ns"]
        assert lat["min"] <= lat["mean"] <= lat["max"] and lat["N"] == side["total_ios"]
        assert sum(lat["bins"].values()) == side["total_ios"]
        assert list(lat["percentile"])[8] == "99.990000" and len(lat["percentile"]) <= 20
        assert side["io_bytes"] == side["total_ios"] * 4096
        total += side["total_ios"]
    assert total + job["sync"]["total_ios"] == 5000
    shares = sum(sum(job[f"latency_{unit}"].values()) for unit in ("ns", "us", "ms"))
    assert abs(shares - 100) < 1e-6


def test_one_object_of_ours(saved, nvme0):
    document, _ = saved(io_count=100, region_end=1000)
    ours = document["nvproof"]
    assert ours["schema_version"] == 1 and ours["version"] == d.__version__
    assert ours["dut"]["sn"] == nvme0.id_data(23, 4, str) and ours["dut"]["mn"] == nvme0.id_data(63, 24, str)
    assert ours["seed"] and ours["error"] == 0 and ours["arguments"]["io_count"] == 100
    assert sum(ours["heat"]["ios"]) == 100


@pytest.mark.parametrize(
    "args",
    [
        {"io_size": {1: 50, 8: 50}, "lba_align": [1, 8]},
        {"io_size": range(1, 9), "lba_random": 30},
        {"region_start": [0, 100], "region_end": [50, 200]},
        {"lba_random": False, "region_end": 10000},
        {"io_sequence": [(0, 8, 2, 0)] * 10},
        {"distribution": [100] * 100, "output_io_per_second": [], "output_percentile_latency": {99: 0}},
    ],
)
def test_any_arguments_can_be_saved(saved, args):
    document, _ = saved(**{"io_count": 100, **args})
    assert document["jobs"][0]["read"]["total_ios"] in (10, 100)


def test_a_failure_is_saved_too(saved, nvme0n1, qpair):
    nvme0n1.write_uncorrectable(qpair, 0, 8).waitdone()
    with pytest.warns(UserWarning):
        document, _ = saved(region_end=8, lba_align=8, time=5)
    assert document["nvproof"]["status"] == 0x281 and "failed" in document["nvproof"]["reason"]
    assert document["jobs"][0]["error"] == 6
    nvme0n1.write_zeroes(qpair, 0, 8).waitdone()


def test_always_saved(nvme0n1, tmp_path, monkeypatch):
    """A script need not ask for it; who does not want it says so."""
    monkeypatch.chdir(tmp_path)  # a folder named "off" would be here
    iow_save.enable()
    nvme0n1.nvme.pcie.logdir = str(tmp_path / "logdir")
    nvme0n1.ioworker(io_count=1).start().close()
    assert len(list((tmp_path / "logdir").rglob("*.json"))) == 1
    monkeypatch.setenv("NVPROOF_RESULTS", str(tmp_path / "env"))
    nvme0n1.ioworker(io_count=1).start().close()
    assert len(list((tmp_path / "env").rglob("*.json"))) == 1
    monkeypatch.setenv("NVPROOF_RESULTS", "off")
    nvme0n1.ioworker(io_count=1).start().close()
    with iow_save.paused():
        monkeypatch.delenv("NVPROOF_RESULTS")
        nvme0n1.ioworker(io_count=1).start().close()
    assert len(list(tmp_path.rglob("*.json"))) == 2


def test_a_folder_that_cannot_be_written(nvme0n1, tmp_path, caught):
    (tmp_path / "file").write_text("")
    nvme0n1.nvme.pcie.logdir = str(tmp_path / "file" / "below")
    assert nvme0n1.ioworker(io_count=5).start().close().io_count_read == 5
    assert caught == []


@pytest.fixture
def clat2csv():
    """fio's own converter: (document's path, prefix) to the rows of all that it wrote."""
    tool = shutil.which("fio_jsonplus_clat2csv")
    if not tool:
        pytest.skip("fio_jsonplus_clat2csv (Debian package fio) is not installed")

    def run(path, stem):
        subprocess.run([tool, path, f"{stem}.csv"], check=True, capture_output=True, timeout=60)
        made = sorted(p for p in pathlib.Path(stem).parent.glob(f"{pathlib.Path(stem).name}*.csv"))
        return [list(csv.reader(p.read_text().splitlines())) for p in made]

    return run


def test_fios_own_converter(saved, clat2csv, tmp_path):
    """It counts what we counted: the last cumulative count of each direction is all of its I/Os."""
    document, stem = saved(io_count=5000, **MIX)
    (rows,) = clat2csv(f"{stem}.json", tmp_path / "converted")
    assert len(rows) > 10
    for name in ("read", "write", "trim"):
        column = next(i for i, head in enumerate(rows[0]) if head.strip() == f"{name}_clat_ns_cumulative")
        assert (
            max(int(row[column]) for row in rows[1:] if row[column].strip())
            == document["jobs"][0][name]["total_ios"]
        )


# --- arithmetic ---


def fio_bucket(ns):
    """fio's bucket of a value, the other way round: by its index."""
    msb = ns.bit_length() - 1 if ns else 0
    if msb <= 6:
        return ns
    error_bits = msb - 6
    return ((error_bits + 1) << 6) + ((ns >> error_bits) & 63)


def fio_middle(index):
    if index < 128:
        return index
    error_bits = (index >> 6) - 1
    return (1 << (error_bits + 6)) + int((index % 64 + 0.5) * (1 << error_bits))


def test_bins_are_fios():
    rng = random.Random(1)
    values = [*range(5000), *(rng.getrandbits(rng.randrange(1, 34)) for _ in range(5000))]
    for ns in values:
        assert fio_json.bin_of(ns) == fio_middle(fio_bucket(ns)), ns
    assert fio_json.bin_of(1 << 40) == fio_json.bin_of((1 << 34) - 1)


def test_pairs_merge_exactly():
    """Each of our buckets lies in one of fio's."""
    low = 0
    for shift in range(27):
        for _ in range(128 if shift else 256):
            high = low + (1 << max(0, shift)) - 1
            assert fio_json.bin_of(low) == fio_json.bin_of(high)
            low = high + 1


def test_percentiles_of_a_known_histogram():
    histogram = [(i, i, 1) for i in range(1, 1001)]
    for percent in (50, 90, 99, 99.9):
        assert iow_result.percentile_ns(histogram, percent) == int(percent * 10)
    assert iow_result.percentile_ns([], 50) == 0
    lat = fio_json.latency(histogram, sum(range(1, 1001)), 1000)
    assert lat["mean"] == 500.5 and abs(lat["stddev"] - 288.675) < 0.01 and lat["min"] == 1


def test_distribution_in_microseconds():
    spread = iow_result.distribution_us([(0, 999, 5), (1000, 4999, 10), (3_000_000_000, 3_000_001_000, 7)])
    assert spread[0] == 5 and spread[1:5] == [2, 3, 2, 3] and spread[-1] == 7 and sum(spread) == 22
