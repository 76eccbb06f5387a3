# SPDX-License-Identifier: BSD-3-Clause
"""nvproof bench: fio's words from the shell and from job files, fio's reports, and what goes wrong."""
import json
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

import nvme as d
from nvproof import fio_job, fio_json, iow_bench, iow_report, plot_page


@pytest.fixture
def bench(tmp_path):
    """Runs it in a folder of its own; CompletedProcess."""

    def run(*words, code=0):
        command = [sys.executable, "-m", "nvproof", "bench", *map(str, words)]
        p = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path)
        assert p.returncode == code, p.stderr
        assert "Traceback" not in p.stderr
        return p

    return run


def of_json(p):
    return json.loads(p.stdout)


# --- the command line ---


def test_as_in_the_manual(bench, pciaddr, tmp_path):
    """Two jobs for two seconds on a drive that is named; a line a second; a report; results that can be drawn."""
    p = bench(
        *f"--pciaddr {pciaddr} --rw randread --bs 4k --iodepth 32 --numjobs 2 --runtime 2.5 --verify".split()
    )
    live = re.findall(
        r"^Jobs: 2 \(f=2\): \[r\(2\)\]\[[\d.]+%\]\[r=.*/s\]\[r=.* IOPS\]\[eta 00m:0\ds\]$", p.stderr, re.M
    )
    assert len(live) == 2, p.stderr
    assert p.stdout.count("randread: (groupid=0, jobs=1): err= 0") == 2
    assert p.stdout.count("  read: IOPS=") == 2 and p.stdout.count("clat percentiles") == 2
    assert re.search(r"^   READ: bw=.*, io=.*, run=2[45]\d\d-2[45]\d\dmsec$", p.stdout, re.M)
    (stem,) = re.findall(r"^results: (.*)\.\{json", p.stderr, re.M)
    (document,) = plot_page.load(f"{stem}.json")
    assert len(document["jobs"]) == 2 and len(document["nvproof"]["workers"]) == 2
    assert len(document["nvproof"]["seconds"]) in (2, 3)
    both = sum(job["read"]["total_ios"] for job in document["jobs"])
    assert sum(second[0] for second in document["nvproof"]["seconds"]) == both
    assert sum(document["nvproof"]["heat"]["ios"]) >= both
    assert plot_page.page([document]).count("<svg") == 5
    assert pathlib.Path(f"{stem}.csv").exists() and pathlib.Path(f"{stem}.hist.csv").exists()


def test_json_alone_on_stdout(bench, tmp_path):
    """What existing tools take: the fields that fio-plot reads, and what fio's own converter needs."""
    words = "--rw=randrw --rwmixread=70 --bs=4k --iodepth=8 --number_ios=5000 --name=mix".split()
    p = bench(*words, "--output-format=json")
    document = of_json(p)
    (job,) = document["jobs"]
    assert document["fio version"].startswith("nvproof-") and "global options" in document
    options = job["job options"]
    assert (options["rw"], options["bs"], options["iodepth"], options["numjobs"]) == (
        "randrw",
        "4096",
        "8",
        "1",
    )
    assert job["jobname"] == "mix" and job["read"]["total_ios"] + job["write"]["total_ios"] == 5000
    assert 3200 < job["read"]["total_ios"] < 3800
    for side in (job["read"], job["write"]):
        assert side["bw"] > 0 and side["iops"] > 0 and "iops_stddev" in side
        assert side["lat_ns"]["mean"] > 0 and side["lat_ns"]["stddev"] > 0
    p = bench(*words, "--output-format=json+", "--output", "out.json")
    assert p.stdout == ""
    tool = shutil.which("fio_jsonplus_clat2csv")
    if not tool:
        pytest.skip("fio_jsonplus_clat2csv (Debian package fio) is not installed")
    subprocess.run(
        [tool, tmp_path / "out.json", tmp_path / "out.csv"], check=True, timeout=60, capture_output=True
    )
    (made,) = tmp_path.glob("out_job*.csv")
    assert len(made.read_text().splitlines()) > 10


def test_unknown_options(bench):
    assert "--verify_backlog" in bench("--verify_backlog=3", code=2).stderr
    assert "'sideways'" in bench("--rw=sideways", code=2).stderr
    assert "numjobs" in bench("--numjobs=0", code=2).stderr


def test_a_drive_that_is_not_there(bench):
    p = bench("--pciaddr=vfu:/nowhere.sock", "--number_ios=1", code=2)
    assert "/nowhere.sock" in p.stderr
    assert "namespace 99" in bench("--nsid=99", "--number_ios=1", code=2).stderr


def test_help_says_what_is_written(bench):
    text = bench("--help").stdout
    assert "software SSD" in text and re.search(r"written\s+only\s+if\s+the\s+workload\s+writes", text)


def test_device_errors(bench, pciaddr):
    """The exit status is 1, and it says which."""
    pcie = d.Pcie(pciaddr)
    ns = d.Namespace(d.Controller(pcie))
    q = d.Qpair(ns.nvme, 8)
    ns.write_uncorrectable(q, 8, 8).waitdone()
    ns.mark_nomapping(8, 8)  # or they would be left out
    pcie.close()
    p = bench("--pciaddr", pciaddr, "--rw=read", "--size=64k", "--group_reporting", code=1)
    assert "read: status 02/81: read of 8 LBAs at 8 failed" in p.stderr and "err= 6" in p.stdout
    pcie = d.Pcie(pciaddr)
    ns = d.Namespace(d.Controller(pcie))
    q = d.Qpair(ns.nvme, 8)
    ns.write_zeroes(q, 8, 8).waitdone()
    pcie.close()


def test_interrupted(tmp_path):
    """Ctrl-C ends it, and what was measured is told."""
    command = [sys.executable, "-m", "nvproof", "bench", "--runtime=60"]
    p = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    for line in p.stderr:
        if line.startswith("Jobs: 1"):
            break
    p.send_signal(signal.SIGINT)
    start = time.monotonic()
    out, err = p.communicate(timeout=30)
    assert p.returncode == 130 and time.monotonic() - start < 10
    assert "  read: IOPS=" in out and "results: " in err


# --- job files ---

FILE = """\
; two jobs
[global]
ioengine=libaio
direct=1
bs=4k
  iodepth=16
size=16m
filename=/dev/nvme9n9

[fill]
rw=write
verify=crc32c

# the second one
[look]
stonewall
rw=randread
numjobs=2
time_based
runtime=1
ramp_time=500ms
"""


def test_job_file(bench, tmp_path):
    (tmp_path / "a.fio").write_text(FILE)
    p = bench("a.fio", "--output-format=json")
    document = of_json(p)
    names = [(job["groupid"], job["jobname"]) for job in document["jobs"]]
    assert names == [(0, "fill"), (0, "fill: verify"), (1, "look"), (1, "look")]
    fill, back, *looks = document["jobs"]
    assert fill["write"]["total_ios"] == back["read"]["total_ios"] == 4096
    for look in looks:
        assert 900 <= look["read"]["runtime"] <= 1100 and look["job options"]["iodepth"] == "16"
    assert "filename=/dev/nvme9n9 is not used" in p.stderr
    heat = document["nvproof"]["heat"]
    touched = sum(1 for n in heat["ios"] if n)
    assert touched * heat["lbas"] == 32768


def test_group_reporting_and_logs(bench, tmp_path):
    (tmp_path / "a.fio").write_text(
        "[a]\nrw=randread\nnumjobs=3\nnumber_ios=1000\ngroup_reporting\nwrite_iops_log=x\nwrite_bw_log\n"
        "write_lat_log=x\nlog_avg_msec=1000\npercentile_list=50:99.9\n"
    )
    p = bench("a.fio")
    assert "a: (groupid=0, jobs=3): err= 0" in p.stdout
    assert re.search(r"50th=", p.stdout) and "95th=" not in p.stdout
    for n in (1, 2, 3):
        assert (tmp_path / f"x_iops.{n}.log").read_text() == "1000, 1000, 0, 0, 0\n"
        assert (tmp_path / f"a_bw.{n}.log").read_text() == "1000, 4000, 0, 0, 0\n"
        (value,) = (tmp_path / f"x_lat.{n}.log").read_text().splitlines()
        assert 1000 < int(value.split(", ")[1]) < 10**9


@pytest.mark.parametrize(
    "text, words",
    [
        ("[a]\nrw=read\nverify_backlog=1\n", ["a.fio:3: [a]", "'verify_backlog'"]),
        ("[global]\nbs=1000\n[a]\nrw=read\n", ["a.fio:2: [global]", "bs: 1000 bytes"]),
        ("[a]\nrw=read\n[b]\nrw=read\nthinktime=5\n", ["a.fio:5: [b]", "'thinktime'"]),
        ("[a]\nrw=read:8\n", ["a.fio:2: [a]", "read:8"]),
        ("[global]\nbs=4k\n", ["a.fio: there is no job"]),
        ("rw=read\n", ["a.fio", "no section headers"]),
    ],
)
def test_bad_job_files(bench, tmp_path, text, words):
    (tmp_path / "a.fio").write_text(text)
    err = bench("a.fio", code=2).stderr
    assert all(word in err for word in words), err


def test_job_files_as_fio_reads_them():
    """Names may repeat, [global] may come again and counts from there on, indentation means nothing."""
    jobs = fio_job.parse(
        "x",
        "[global]\nbs=4k\n\n[a]\n  rw=read\n[a]\nrw=write\n[global]\nbs=8k\n[b]\nstonewall\nRW=trim\n".splitlines(),
    )
    assert [(j.name, j.group) for j in jobs] == [("a", 0), ("a", 0), ("b", 1)]
    assert [j.options["bs"] for j in jobs] == ["4k", "4k", "8k"]
    assert [j.options["rw"] for j in jobs] == ["read", "write", "trim"]
    assert jobs[2].where["bs"] == "x:9: [global]" and jobs[2].where["rw"] == "x:12: [b]"
    assert not fio_job.is_on("0") and fio_job.is_on("1")


# --- the engine below ---


def plans(ns, *options):
    jobs = [fio_job.Job("job", dict(one)) for one in options]
    return [iow_bench.plan(job, ns.sector_size, ns.id_data(7, 0)) for job in jobs]


def test_a_seed_repeats_it(nvme0n1):
    options = {"rw": "randread", "number_ios": "2000", "randseed": "7", "numjobs": "2"}
    runs = [iow_bench.Bench(nvme0n1).run(plans(nvme0n1, options)) for _ in range(2)]
    heats = [[one.raw["heat"] for one in done] for done in runs]
    assert heats[0] == heats[1] and heats[0][0] != heats[0][1]


@pytest.mark.parametrize(
    "options", [{"rw": "randwrite", "bssplit": "4k/50:8k/50"}, {"rw": "write", "size": "8m"}]
)
def test_read_back_finds_it(nvme0, nvme0n1, qpair, write_behind, options):
    """After a job that only wrote: exactly what was written is read, and a block that is wrong is found."""

    class Corrupting(iow_bench.Bench):
        lba = None

        def _read_back(self, group, written):
            if self.lba is not None:
                write_behind(nvme0, self.lba, d.Buffer(4096, pvalue=1))
            return super()._read_back(group, written)

    all_of_it = {**options, "verify": "crc32c", "randseed": "1", "iodepth": "8"}
    all_of_it.setdefault("number_ios", "2000")
    good = Corrupting(nvme0n1)
    wrote, back = good.run(plans(nvme0n1, all_of_it))
    assert wrote.raw["writes"] == back.raw["reads"] == 2000 and not back.failed
    assert wrote.raw["heat"] == back.raw["heat"]
    nth = next(i for i, n in enumerate(wrote.raw["heat"]) if n)
    bad = Corrupting(nvme0n1)
    bad.lba = nth * wrote.raw["heat_lbas"] if options["rw"] == "write" else None
    if bad.lba is None:  # a block that is certain to be among them
        log = [None] * 10
        d.srand(1)
        nvme0n1.ioworker(
            **{**wrote.plan.arguments, "io_count": 10, "output_cmdlog_list": log}
        ).start().close()
        bad.lba = log[0][0]
    with pytest.warns(UserWarning, match="07/81"):
        wrote, back = bad.run(plans(nvme0n1, all_of_it))
    assert back.failed and back.raw["status"] == 0x781 and back.raw["reads"] <= 2000


def test_only_who_asked_is_checked(nvme0, nvme0n1, qpair, write_behind):
    """Two jobs of one group, one with verify: the other one reads the same damage and does not mind."""
    nvme0n1.ioworker(lba_random=False, read_percentage=0, region_end=8).start().close()
    write_behind(nvme0, 0, d.Buffer(4096, pvalue=1))
    read = {"rw": "read", "size": "4k", "number_ios": "1"}
    with pytest.warns(UserWarning, match="07/81"):
        done = iow_bench.Bench(nvme0n1).run(plans(nvme0n1, read, {**read, "verify": "crc32c"}))
    assert [one.raw["status"] for one in done] == [0, 0x781]
    nvme0n1.write_zeroes(qpair, 0, 8).waitdone()


# --- the report ---


def worker(name, group, ops, begin_ns=10**9, seconds=((10, 0, 0, 40960, 5, 6),)):
    raw = dict(sn=b"S", mn=b"M", fr=b"F", seed=1, error=0, status=0, reason="", slow=0, retries=0, ns=10**9)
    raw.update(reads=10, writes=0, others=0, bytes=40960, latency_sum_ns=5, latency_max_ns=6, cpu_ns=1)
    raw.update(heat=[1, 2], heat_lbas=4, begin_ns=begin_ns, seconds=[list(s) for s in seconds], ops=ops)
    arguments = dict(io_size=8, lba_random=True, qdepth=8, iops=0, io_sequence=None)
    return fio_json.Worker(name, arguments, raw, group)


def op(buckets, opcode=2):
    n = sum(b[2] for b in buckets)
    return dict(
        opcode=opcode,
        ios=n,
        bytes=n * 4096,
        sum_ns=sum(b[1] * b[2] for b in buckets),
        max_ns=buckets[-1][1],
        buckets=buckets,
    )


def test_several_as_one():
    """Histograms add up; the seconds of one that began later stand later."""
    a = worker("a", 0, [op([(100, 100, 5), (200, 200, 5)])])
    b = worker("b", 0, [op([(200, 200, 1)]), op([(300, 300, 9)], 1)], begin_ns=3 * 10**9)
    whole = fio_json.merged([a.raw, b.raw])
    read, write = whole["ops"]
    assert read["buckets"] == [(100, 100, 5), (200, 200, 6)] and read["ios"] == 11 and write["ios"] == 9
    assert [s[0] for s in whole["seconds"]] == [10, 0, 10] and whole["heat"] == [2, 4]
    assert whole["ns"] == 3 * 10**9 and whole["reads"] == 20


def test_percentiles_of_too_few_are_not_told():
    said = [
        iow_report.said_percentile(5000, p, n, 1)
        for p, n in ((99, 1000), (99, 999), (99.99, 99999), (50, 20))
    ]
    assert said == ["5000", "n/a, needs 1,000", "n/a, needs 100,000", "5000"]


def test_words_of_fio():
    assert [iow_report.count(n) for n in (999, 9999, 12345, 2.5e6)] == ["999", "9999", "12.35k", "2.5M"]
    assert iow_report.binary(1536, "/s") == "1.5KiB/s" and iow_report.decimal(1500) == "1.5kB"
    seconds = [(30, 10, 0, 163840, 4000, 9), (0, 0, 0, 0, 0, 0), (5, 0, 0, 20480, 500, 3)]
    assert iow_report.log_lines("iops", seconds) == [
        "1000, 30, 0, 0, 0\n",
        "1000, 10, 1, 0, 0\n",
        "3000, 5, 0, 0, 0\n",
    ]
    assert iow_report.log_lines("bw", seconds)[:2] == ["1000, 120, 0, 0, 0\n", "1000, 40, 1, 0, 0\n"]
    assert iow_report.log_lines("lat", seconds)[2] == "3000, 100, 0, 0, 0\n"
