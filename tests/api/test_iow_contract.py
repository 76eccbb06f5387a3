# SPDX-License-Identifier: BSD-3-Clause
"""What scripts rely on, line by line: defaults, limits, what is in the results and when, error codes."""
import inspect
import os
import re
import resource
import select
import signal
import subprocess
import sys
import time

import pytest

import nvme as d
from nvproof.softssd import SoftwareSSD

DEFAULTS = dict(
    qpair=None, io_size=8, lba_step=None, lba_align=None, lba_random=True, read_percentage=100, op_percentage=None,
    sgl_percentage=0, time=0, qdepth=63, region_start=0, region_end=2**64 - 1, region_end_truncate=True, iops=0,
    io_count=0, lba_count=0, io_flags=0, cdw13=0, lba_start=0, qprio=0, distribution=None, ptype=0xBEEF, pvalue=100,
    io_sequence=None, slow_latency=1_000_000, fw_debug=False, exit_on_error=True, retry_max=0, verify_disable=False,
    zns=False, zns_zigzag=False, zns_syncwrite=False, cpu_id=1, cmdlog_error_only=False, output_io_per_second=None,
    output_percentile_latency=None, output_percentile_latency_opcode=None, output_cmdlog_list=None,
)  # fmt: skip


def test_defaults():
    parameters = inspect.signature(d.IOWorker).parameters
    assert {name: parameters[name].default for name in DEFAULTS} == DEFAULTS


# --- how long ---


@pytest.mark.parametrize("seconds", [0.5, 1, 2])
def test_time_within_a_tenth(nvme0n1, seconds):
    start = time.monotonic()
    r = nvme0n1.ioworker(time=seconds, qdepth=8).start().close()
    spent = time.monotonic() - start
    assert abs(r.mseconds - 1000 * seconds) <= 100
    assert (
        seconds <= spent < seconds + 0.5
    )  # it begins at a tenth of a second, and its start and end take some ms


def test_time_of_a_slow_rate(nvme0n1):
    """The last command is sent at 1.0 s, and the run takes 1.4 s."""
    r = nvme0n1.ioworker(time=1.4, iops=2, qdepth=2).start().close()
    assert r.io_count_read == 3 and abs(r.mseconds - 1400) <= 100


@pytest.mark.parametrize("iops", [0, 500])
def test_one_count_a_second(nvme0n1, iops):
    for seconds in (1, 3):
        counts = []
        r = nvme0n1.ioworker(time=seconds, iops=iops, output_io_per_second=counts).start().close()
        assert len(counts) == seconds and sum(counts) == r.io_count_read


def test_a_quiet_second_counts_too(nvme0n1):
    """Two commands, two seconds apart."""
    counts = []
    nvme0n1.ioworker(
        io_sequence=[(0, 1, 2, 0), (0, 1, 2, 2_100_000)], output_io_per_second=counts
    ).start().close()
    assert counts in ([1, 0, 1], [1, 1])  # the last one is in a second that has just begun


# --- what is outstanding ---


@pytest.mark.parametrize("qdepth", [2, 5, 16])
def test_qdepth_is_reached_and_kept(nvme0n1, qdepth):
    """Two commands at least, and never more than asked for, are under way."""
    log = []
    nvme0n1.ioworker(qdepth=qdepth, io_count=3000, output_cmdlog_list=log, lba_align=8).start().close()
    events = sorted([(sent, 1) for *_, sent, _, _ in log] + [(done, -1) for *_, done, _ in log])
    most = now = 0
    for _, by in events:
        now += by
        most = max(most, now)
    assert most == qdepth


# --- where ---


def test_region_end_behind_the_namespace(nvme0n1):
    blocks, log = nvme0n1.id_data(7, 0), []
    args = dict(region_start=blocks - 64, region_end=blocks + 1000, io_count=200, output_cmdlog_list=log)
    assert nvme0n1.ioworker(**args).start().close().error == 0
    assert all(blocks - 64 <= c[0] and c[0] + c[1] <= blocks for c in log)


def test_the_last_lbas_are_used(nvme0n1):
    """The end of a region is excluded, what is before it is not."""
    log = []
    nvme0n1.ioworker(
        io_size=3, region_start=10, region_end=20, io_count=1000, output_cmdlog_list=log
    ).start().close()
    assert {c[0] for c in log} == set(range(10, 18))


def test_alignment_of_a_sequential_run(nvme0n1):
    log = []
    nvme0n1.ioworker(
        io_size=3, lba_align=4, lba_random=False, io_count=5, region_end=1000, output_cmdlog_list=log
    ).start().close()
    assert [c[0] for c in log] == [0, 4, 8, 12, 16]


def test_a_step_back_goes_round(nvme0n1):
    log = []
    args = dict(lba_random=False, lba_step=-16, region_start=0, region_end=64, io_count=6)
    nvme0n1.ioworker(output_cmdlog_list=log, **args).start().close()
    assert [c[0] for c in log] == [56, 40, 24, 8, 56, 40]


# --- results ---


def test_results_have_what_was_asked_for(nvme0n1):
    r = nvme0n1.ioworker(io_count=10).start().close()
    names = "io_count_read io_count_nonread io_count_write mseconds latency_max_us latency_average_us cpu_usage error"
    assert set(r) == set(names.split())
    more = (
        nvme0n1.ioworker(io_count=10, output_io_per_second=[], output_percentile_latency={50: 0})
        .start()
        .close()
    )
    assert set(more) - set(r) == {"iops_consistency", "latency_distribution"}


def test_cpu_usage_is_a_fraction(nvme0n1):
    """Of the time of the run, also of a short one."""
    for args in (dict(io_count=100), dict(time=1)):
        r = nvme0n1.ioworker(**args).start().close()
        assert 0 < r.cpu_usage <= 1.2, args


def test_the_last_commands_in_a_list_of_a_size(nvme0n1):
    log = [None] * 10
    nvme0n1.ioworker(
        io_count=1000, lba_random=False, region_end=10000, qdepth=2, output_cmdlog_list=log
    ).start().close()
    assert [c[0] for c in log] == [8 * n for n in range(990, 1000)]
    assert all(c[1:3] == (8, 2) and c[3] <= c[4] and c[5] == 0 for c in log)
    assert [c[3] for c in log] == sorted(c[3] for c in log)


def test_latencies_are_those_of_the_commands(nvme0n1):
    """Average, maximum and median against the list of commands."""
    log, latency = [], {50: 0, 99: 0}
    r = (
        nvme0n1.ioworker(
            io_count=4000, iops=4000, qdepth=4, output_cmdlog_list=log, output_percentile_latency=latency
        )
        .start()
        .close()
    )
    took = sorted(c[4] - c[3] for c in log)
    assert abs(sum(took) / len(took) - r.latency_average_us) <= 0.1 * r.latency_average_us + 10
    assert abs(took[-1] - r.latency_max_us) <= 0.02 * took[-1] + 20
    for percent, us in latency.items():
        assert abs(took[len(took) * percent // 100 - 1] - us) <= 0.1 * us + 10


def test_no_latency_is_impossible(nvme0n1, verify):
    """Nobody moves 64 KiB within a microsecond: also not what completes while others are being verified."""
    blocks = 65536 // nvme0n1.sector_size
    w = nvme0n1.ioworker(
        io_size=blocks, read_percentage=50, io_count=10000, qdepth=32, region_end=100 * blocks
    )
    assert w.start().close().error == 0
    assert min(low for op in w.raw["ops"] for low, _, _ in op["buckets"]) > 1000


def test_counts_of_opcodes_after_a_failure(nvme0n1, qpair):
    """The real counts stand there however it ended."""
    nvme0n1.write_uncorrectable(qpair, 0, 8).waitdone()
    ops = {2: 50, 0: 50}
    with pytest.warns(UserWarning, match="02/81"):
        w = nvme0n1.ioworker(op_percentage=ops, region_end=8, time=5).start()
        r = w.close()
    assert ops[2] == r.io_count_read >= 1 and ops[0] == r.io_count_nonread and r.io_count_write == 0
    nvme0n1.write_zeroes(qpair, 0, 8).waitdone()


def test_retries_are_counted(nvme0, nvme0n1, qpair, verify, write_behind):
    nvme0n1.ioworker(lba_random=False, read_percentage=0, region_end=8).start().close()
    write_behind(nvme0, 0, d.Buffer(4096, pvalue=1))
    with pytest.warns(UserWarning, match="07/81"):
        w = nvme0n1.ioworker(lba_random=False, region_end=8, retry_max=3, io_count=1).start()
        assert w.close().error == 0x781
    assert w.raw["retries"] == 3 and w.raw["miscompare_lba"] == 0
    nvme0n1.write_zeroes(qpair, 0, 8).waitdone()


@pytest.mark.parametrize("qdepth", [4, 16])
def test_what_is_left_out_counts_as_done(nvme0n1, qpair, verify, qdepth):
    """A run over a region ends, also when more could be sent at once than there is."""
    nvme0n1.write_zeroes(qpair, 0, 64).waitdone()
    nvme0n1.write_uncorrectable(qpair, 24, 8).waitdone()
    r = nvme0n1.ioworker(io_size=8, lba_random=False, region_end=64, qdepth=qdepth).start().close()
    assert r.error == 0 and r.io_count_read == 7
    nvme0n1.write_zeroes(qpair, 24, 8).waitdone()


def test_exit_on_error_off(nvme0n1, qpair):
    """It goes on to its end, and the first failure is the result."""
    nvme0n1.write_uncorrectable(qpair, 8, 8).waitdone()
    nvme0n1.mark_nomapping(8, 8)  # or they would be left out
    with pytest.warns(UserWarning, match="02/81"):
        r = (
            nvme0n1.ioworker(lba_random=False, region_end=800, io_count=300, exit_on_error=False)
            .start()
            .close()
        )
    assert r.error == 0x281 and r.io_count_read == 300
    nvme0n1.write_zeroes(qpair, 8, 8).waitdone()


# --- how ---


def test_core(nvme0n1):
    """It runs on the core that was asked for, counted among those that we may use."""
    may = sorted(os.sched_getaffinity(0))
    for cpu_id in range(len(may) + 1):
        before = children()
        w = nvme0n1.ioworker(time=10, cpu_id=cpu_id, qdepth=2, iops=10).start()
        (pid,) = children() - before
        assert os.sched_getaffinity(pid) == {may[cpu_id % len(may)]}
        w.stop()
        w.close()


def children():
    """Processes of workers that this one started."""
    found = set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as f:
                name, rest = f.read().rsplit(")", 1)
        except OSError:
            continue
        if int(rest.split()[1]) == os.getpid() and "nvproof-worker" in name:
            found.add(int(pid))
    return found


def test_live_counters(nvme0n1):
    ops = {2: 50, 1: 50}
    w = nvme0n1.ioworker(op_percentage=ops, time=1).start()
    seen = []
    while w.running:
        seen.append(w.live)
        time.sleep(0.05)
    r = w.close()
    assert set(w.live) == {1, 2} and w.live[2] == (r.io_count_read, 4096 * r.io_count_read)
    reads = [live[2][0] for live in seen]
    assert reads == sorted(reads) and len(set(reads)) > 5
    assert w.progress == r.io_count_read + r.io_count_write


WATCHED = """
import nvme as d
pcie = d.Pcie("")
w = d.Namespace(d.Controller(pcie)).ioworker(time=60, iops=1000).start()
print("started", flush=True)
try:
    w.close()
except KeyboardInterrupt:
    print("interrupted", w.close().io_count_read > 0, w.running)
pcie.close()
"""


def run_watched(stderr, until, tmp_path):
    """The script above, interrupted when until() is true; its standard output and the process."""
    env = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    command = [sys.executable, "-c", WATCHED]
    p = subprocess.Popen(command, env=env, cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=stderr)
    said = p.stdout.readline()
    end = time.monotonic() + 30
    while not until() and time.monotonic() < end:
        time.sleep(0.01)
    p.send_signal(signal.SIGINT)
    out, err = p.communicate(timeout=30)
    assert said + out == "started\ninterrupted True False\n", err
    return err


def test_a_bar_in_a_terminal(tmp_path):
    master, slave = os.openpty()
    seen = b""

    def until():
        nonlocal seen
        if select.select([master], [], [], 0)[0]:
            seen += os.read(master, 65536)
        return re.search(rb"\d+ %.*IOPS, .*MB/s", seen)

    try:
        run_watched(slave, until, tmp_path)
        assert until() and b"ioworker" in seen, seen
    finally:
        os.close(slave)
        os.close(master)


def test_nothing_without_a_terminal(tmp_path):
    begun = time.monotonic()
    assert run_watched(subprocess.PIPE, lambda: time.monotonic() > begun + 3, tmp_path) == ""


# --- error codes ---


def test_stopped_is_no_error(nvme0n1, caught):
    w = nvme0n1.ioworker(time=60).start()
    w.stop()
    assert w.close().error == 0 and w.raw["error"] == -7 and caught == []


def test_larger_than_mdts(nvme0, nvme0n1):
    with pytest.warns(UserWarning) as seen:
        w = nvme0n1.ioworker(io_size=nvme0.mdts // nvme0n1.sector_size + 1, io_count=10).start()
        r = w.close()
    texts = [str(one.message) for one in seen]
    assert texts[0].startswith("ioworker host ERROR -2: ") and "MDTS" in texts[0]
    assert texts[1] == "ioworker device respond an ERROR status: 00/02"
    assert r.error == 0x0002 and w.raw["error"] == -2 and r.io_count_read == 0
    assert nvme0n1.ioworker(io_size=nvme0.mdts // nvme0n1.sector_size, io_count=10).start().close().error == 0


def test_no_memory_for_the_data(nvme0, nvme0n1):
    """The files that the memory is cut out of may not become larger: -5, and the next one works."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    w = nvme0n1.ioworker(io_size=nvme0.mdts // nvme0n1.sector_size, qdepth=1000, io_count=10, time=1)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
    try:
        with pytest.warns(UserWarning, match="ioworker host ERROR -5: "):
            w.start().close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert w.raw["error"] == -5
    assert nvme0n1.ioworker(io_count=10).start().close().error == 0


def test_a_drive_that_does_not_answer():
    """-3, with the status of a command that the driver gave up; after a reset all goes on."""
    with SoftwareSSD(size="64M") as ssd:
        pcie = d.Pcie(ssd.addrs[0])
        nvme0 = d.Controller(pcie)
        ns = d.Namespace(nvme0)
        nvme0.timeout = 500
        w = ns.ioworker(time=60).start()
        while not w.progress:
            time.sleep(0.01)
        os.kill(ssd.pid, signal.SIGSTOP)
        try:
            time.sleep(1.5)
            with pytest.warns(UserWarning, match="ioworker host ERROR -3: "):
                os.kill(ssd.pid, signal.SIGCONT)
                r = w.close()
        finally:
            os.kill(ssd.pid, signal.SIGCONT)
        assert r.error == 0x7FF and "got no completion within 500 ms" in w.raw["reason"]
        nvme0.reset()
        assert ns.ioworker(io_count=10).start().close().io_count_read == 10
        pcie.close()


# --- ZNS ---


@pytest.mark.parametrize("name", ["zns", "zns_zigzag", "zns_syncwrite"])
def test_zns_needs_zones(nvme0n1, name):
    with pytest.raises(ValueError, match="not zoned"):
        nvme0n1.ioworker(time=1, **{name: True})
