# SPDX-License-Identifier: BSD-3-Clause
"""Workloads of standards, fio's words for them, and traces of others."""
import collections
import zipfile

import pytest

import nvme as d
from nvproof import fio_terms, trace, workloads


def assert_share(seen, of, share):
    """Within five standard deviations."""
    assert abs(seen - of * share) <= 5 * (of * share * (1 - share)) ** 0.5 + 1, (seen, of, share)


def log_of(ns, **args):
    log = [None] * args["io_count"]
    assert ns.ioworker(output_cmdlog_list=log, **args).start().close().error == 0
    return log


# --- JESD219 ---


def check_enterprise(log, blocks):
    """The proportions of JESD219, in what was sent."""
    count = len(log)
    sizes = collections.Counter(c[1] * 512 for c in log)
    assert set(sizes) <= set(workloads.JESD219_SIZES)
    for size, share in workloads.JESD219_SIZES.items():
        assert_share(sizes[size], count, share / 100)
    zone = collections.Counter(min(2, sum(c[0] * 100 // blocks >= edge for edge in (5, 20))) for c in log)
    for n, share in enumerate((0.5, 0.3, 0.2)):
        assert_share(zone[n], count, share)
    assert all(c[0] % 8 == 0 for c in log if c[1] >= 8)
    assert any(c[0] % 8 for c in log if c[1] < 8)


def test_jesd219_enterprise(nvme0n1):
    args = workloads.jesd219_enterprise(nvme0n1.sector_size)
    log = log_of(nvme0n1, io_count=20000, qdepth=32, **args)
    check_enterprise(log, nvme0n1.id_data(7, 0))
    assert {c[2] for c in log} == {1}


def test_jesd219_enterprise_on_4096_byte_lbas():
    args = workloads.jesd219_enterprise(4096, read_percentage=40)
    assert args["io_size"] == {1: 77, 2: 10, 4: 7, 8: 3, 16: 3} and args["lba_align"] == [1] * 5
    assert args["read_percentage"] == 40


def test_jesd219_in_fios_terms(nvme0n1):
    """Both spellings are the same mix."""
    ours = workloads.jesd219_enterprise(512)
    theirs = fio_terms.arguments(workloads.jesd219_enterprise_fio(), 512, nvme0n1.id_data(7, 0))
    assert theirs["io_size"] == ours["io_size"] and theirs["distribution"] == ours["distribution"]
    assert ours["distribution"] == [1000] * 5 + [200] * 15 + [25] * 80
    assert theirs["lba_random"] == ours["lba_random"] and theirs["read_percentage"] == 0
    del theirs["lba_count"]
    log = log_of(nvme0n1, io_count=20000, **{**theirs, "lba_align": ours["lba_align"]})
    check_enterprise(log, nvme0n1.id_data(7, 0))


def test_same_seed_same_stream(nvme0n1):
    def stream(args):
        d.srand(0x1234)
        return [c[:3] for c in log_of(nvme0n1, io_count=500, **args)]

    ours = workloads.jesd219_enterprise(512)
    theirs = fio_terms.arguments(workloads.jesd219_enterprise_fio(), 512, nvme0n1.id_data(7, 0))
    del theirs["lba_count"]
    assert stream({**ours, "outstanding": 1}) == stream({**theirs, "lba_align": ours["lba_align"]})


TRACE_TEXT = '"Write" 16 8\r\n"Write" 1000 300\r\n"Flush"\r\n"Trims" 16 100000\r\n Read 0 1\r\n\r\n'
TRACE = [
    (16, 8, 1, 0),
    (1000, 128, 1, 0),
    (1128, 128, 1, 0),
    (1256, 44, 1, 0),
    (0, 0, 0, 0),
    (16, 100000, 9, 0),
    (0, 1, 2, 0),
]


def test_jesd219_client(nvme0n1, tmp_path):
    path = tmp_path / "Master.txt"
    path.write_bytes(TRACE_TEXT.encode())
    args = workloads.jesd219_client(path)
    assert args["io_sequence"] == TRACE
    with zipfile.ZipFile(tmp_path / "Master.zip", "w") as z:
        z.write(path, "Client_Master_Trace.txt")
    assert workloads.jesd219_client(tmp_path / "Master.zip") == args
    assert nvme0n1.ioworker(**args).start().close().io_count_write == 4
    path.write_text("Write 1 8\nnonsense\n")
    with pytest.raises(ValueError, match="line 2"):
        trace.load_jesd219(path)


def test_jesd219_client_on_4096_byte_lbas(tmp_path):
    path = tmp_path / "Master.txt"
    path.write_text("Write 7 2\nWrite 8 8\nTrims 0 17\n")
    assert trace.load_jesd219(path, 4096) == [(0, 2, 1, 0), (1, 1, 1, 0), (0, 3, 9, 0)]


# --- fio's words ---


@pytest.mark.parametrize(
    "options, want",
    [
        (
            {"rw": "randread", "bs": "4k", "iodepth": "32", "runtime": "10"},
            {"io_size": 8, "lba_align": 8, "lba_random": True, "read_percentage": 100, "outstanding": 32}
            | {"time": 10.0},
        ),
        (
            {"rw": "write", "bs": "128KiB"},
            {
                "io_size": 256,
                "lba_random": False,
                "read_percentage": 0,
                "outstanding": 1,
                "region_end": 100000,
            }
            | {"lba_count": 100000},
        ),
        (
            {"rw": "randrw", "rwmixread": "70", "bssplit": "4k/50:8k/30:16k/", "number_ios": "100"},
            {"io_size": {8: 50, 16: 30, 32: 20}, "lba_align": 8, "lba_random": True, "read_percentage": 70}
            | {"outstanding": 1, "io_count": 100},
        ),
        (
            {"rw": "randtrim", "bs": "4096", "offset": "1m", "size": "2m", "rate_iops": "500", "direct": "1"},
            {"io_size": 8, "lba_align": 8, "lba_random": True, "op_percentage": {9: 100}, "outstanding": 1}
            | {"region_start": 2048, "region_end": 6144, "iops": 500, "lba_count": 4096},
        ),
    ],
)
def test_fio_options(options, want):
    assert fio_terms.arguments(options, 512, 100000) == want


@pytest.mark.parametrize(
    "options, word",
    [
        ({"rw": "sideways"}, "sideways"),
        ({"verify_backlog": "1"}, "verify_backlog"),
        ({"bs": "1000"}, "bs"),
        ({"bs": "4x"}, "4x"),
        ({"runtime": "soon"}, "soon"),
        ({"bssplit": "4k/50:8k/40"}, "bssplit"),
        ({"random_distribution": "zipf:x"}, "zipf"),
        ({"random_distribution": "pareto:1"}, "pareto"),
        ({"random_distribution": "normal:5"}, "normal"),
        ({"bs": "4k,8k"}, "bs: different sizes"),
        ({"rate_iops": "1,2"}, "rate_iops: different rates"),
        ({"bsrange": "8k-4k"}, "bsrange"),
        ({"plids": "0,1"}, "plids: one placement"),
        ({"zonemode": "zbd"}, "zonemode: 'zbd'"),
        ({"time_based": "1"}, "time_based: needs a runtime"),
        ({"offset": "1t"}, "offset: the namespace ends"),
        ({"ioengine": "null"}, "ioengine"),
        ({"random_distribution": "zoned:50/5:50/90"}, "zones"),
        ({"random_distribution": "zoned:100/0.5"}, "whole percents"),
    ],
)
def test_fio_options_that_cannot_be_done(options, word):
    with pytest.raises(ValueError, match=word):
        fio_terms.arguments(options, 512, 100000)


@pytest.mark.parametrize(
    "options, want",
    [
        ({"runtime": "5"}, {"time": 5.0}),  # without a size, the time alone
        ({"runtime": "5", "size": "1m"}, {"time": 5.0, "lba_count": 2048}),
        ({"runtime": "5", "size": "1m", "time_based": "1"}, {"time": 5.0}),
        ({"size": "50%", "offset": "25%"}, {"lba_count": 50000, "region_start": 25000, "region_end": 75000}),
        ({"size": "1m", "number_ios": "7"}, {"io_count": 7}),
        ({"size": "1m", "io_size": "8m"}, {"lba_count": 16384}),
        ({"bsrange": "4k-16k"}, {"io_size": [8, 16, 24, 32]}),
        ({"bs": "8k,8k"}, {"io_size": 16}),
        ({"rate_iops": "5", "iodepth": "32"}, {"iops": 5, "outstanding": 5}),
        ({"zero_buffers": "1"}, {"ptype": 0, "pvalue": 0}),
        ({"buffer_compress_percentage": "30"}, {"pvalue": 70}),
        ({"fdp": "1", "plids": "3"}, {"io_flags": 0x20, "cdw13": 3 << 16}),
        ({"plids": "3", "fdp": "1"}, {"io_flags": 0x20, "cdw13": 3 << 16}),
        ({"continue_on_error": "all"}, {"exit_on_error": False}),
        ({"cpus_allowed": "1,3"}, {"cpu_id": 1}),
        ({"percentage_random": "20"}, {"lba_random": 20}),
    ],
)
def test_fio_options_in_part(options, want):
    found = fio_terms.arguments({"rw": "randread", **options}, 512, 100000)
    limits = ("time", "io_count", "lba_count")
    assert {k: v for k, v in found.items() if k in want} == want
    if any(k in want for k in limits):
        assert [k for k in limits if k in found] == [k for k in limits if k in want]


def test_clones_of_a_job_move():
    args = [
        fio_terms.arguments({"rw": "write", "size": "1m", "offset_increment": "4m"}, 512, 99999, n)
        for n in (0, 2)
    ]
    assert [(a["region_start"], a["region_end"]) for a in args] == [(0, 2048), (16384, 18432)]


def test_skewed_distributions():
    """Each sums to the whole; pareto:0.2 has the 80/20 that it is named after, and zipf falls all the way."""
    for options, share in (("pareto:0.2", 8000), ("pareto:0.1", 9000)):
        weights = fio_terms.arguments({"rw": "randread", "random_distribution": options}, 512, 100000)[
            "distribution"
        ]
        assert sum(weights) == 10000 and len(weights) == 100
        edge = 20 if "0.2" in options else 10
        assert abs(sum(weights[:edge]) - share) <= 2
    for theta in (0.5, 1, 1.2):
        weights = fio_terms.zipf(theta, 262144)
        assert sum(weights) == 10000 and len(weights) == 100
        assert all(a >= b - 1 for a, b in zip(weights, weights[1:])) and weights[0] > 2 * weights[50]


def test_zones_that_do_not_divide_evenly():
    weights = fio_terms.zones([(33.33, 7), (66.67, 93)])
    assert len(weights) == 100 and sum(weights) == 10000 and sum(weights[:7]) == 3333
    assert max(weights[:7]) - min(weights[:7]) <= 1


# --- traces ---


def test_pynvme2_trace(nvme0n1):
    theirs = [(0, 1, 0, 8), (200000, 2, 3, 1), (400000, 9, 16, 1)]
    ours = trace.from_pynvme2(theirs)
    assert ours == [(0, 8, 1, 0), (3, 1, 2, 200000), (16, 1, 9, 400000)]
    log = [None] * 3
    nvme0n1.ioworker(io_sequence=ours, output_cmdlog_list=log).start().close()
    assert [c[:3] for c in log] == [t[:3] for t in ours]
    assert all(abs(c[3] - t[3]) < 50000 for c, t in zip(log, ours))


def test_rebase():
    log = [(0,) * 6, (8, 8, 2, 5000, 6000, 0), (16, 8, 2, 5500, 6000, 0)]
    assert trace.rebase(log) == [(8, 8, 2, 0), (16, 8, 2, 500)]


@pytest.mark.parametrize("version", [2, 3])
def test_iolog_there_and_back(nvme0n1, tmp_path, version):
    log = log_of(nvme0n1, io_count=200, op_percentage={2: 50, 1: 30, 9: 15, 0: 5}, iops=2000, region_end=5000)
    path = tmp_path / "iolog"
    trace.save_iolog(path, log, version=version)
    back = trace.load_iolog(path)
    assert len(back) == 200
    for ours, theirs in zip(log, back):
        assert theirs[2:] == ours[2:4] if version == 3 else theirs[2] == ours[2]
        assert theirs[:2] == (ours[:2] if ours[2] else (0, 0))
    assert max(abs(a[3] - b[3]) for a, b in zip(log, back)) == 0


def test_iolog_as_fio_writes_it(tmp_path):
    path = tmp_path / "iolog"
    path.write_text(
        "fio version 2 iolog\n/dev/x add\n/dev/x open\n/dev/x write 4096 8192\n/dev/x wait 500 0\n"
        "/dev/x sync 0 0\n/dev/x wait 250 0\n/dev/x trim 0 1048576\n/dev/x read 512 512\n/dev/x close\n"
    )
    want = [(8, 16, 1, 0), (0, 0, 0, 500), (0, 2048, 9, 750), (1, 1, 2, 750)]
    assert trace.load_iolog(path) == want
    path.write_text(
        "fio version 3 iolog\n10 /dev/x add\n20 /dev/x open\n30 /dev/x write 0 65536\n40 /dev/x datasync 0 0\n"
    )
    assert trace.load_iolog(path, 4096, most=10) == [(0, 10, 1, 30), (10, 6, 1, 30), (0, 0, 0, 40)]


@pytest.mark.parametrize(
    "text, word",
    [
        ("nothing\n", "line 1"),
        ("fio version 1 iolog\n", "version 2 or 3"),
        ("fio version 2 iolog\n/dev/x fly 0 512\n", "line 2: unknown action 'fly'"),
        ("fio version 2 iolog\n/dev/x read 100 512\n", "line 2: 100 bytes"),
        ("fio version 2 iolog\n/dev/x read\n", "line 2"),
        ("fio version 3 iolog\n5 /dev/x wait 100 0\n", "line 2: unknown action 'wait'"),
    ],
)
def test_bad_iolog(tmp_path, text, word):
    path = tmp_path / "iolog"
    path.write_text(text)
    with pytest.raises(ValueError, match=word):
        trace.load_iolog(path)
