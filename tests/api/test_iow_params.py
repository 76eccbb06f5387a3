# SPDX-License-Identifier: BSD-3-Clause
"""Every parameter of ioworker: what it does, its limits, and what it leaves in the script's lists and dicts."""
import collections
import inspect
import time

import pytest

import nvme as d


def log_of(ns, count=2000, **args):
    """The last commands of a run."""
    log = [None] * count
    args = {"io_count": count, "qdepth": 8, **args}
    r = ns.ioworker(output_cmdlog_list=log, **args).start().close()
    assert r.error == 0
    return log


def assert_share(seen, of, share):
    """Within five standard deviations."""
    assert abs(seen - of * share) <= 5 * (of * share * (1 - share)) ** 0.5 + 1, (seen, of, share)


# --- sizes and LBAs ---


@pytest.mark.parametrize(
    "io_size, shares",
    [
        (8, {8: 1}),
        ([1, 8], {1: 0.5, 8: 0.5}),
        (range(1, 8), {n: 1 / 7 for n in range(1, 8)}),
        ({1: 2, 8: 8}, {1: 0.2, 8: 0.8}),
        ({1: 4000, 3: 6000}, {1: 0.4, 3: 0.6}),
    ],
)
def test_io_size(nvme0n1, io_size, shares):
    seen = collections.Counter(c[1] for c in log_of(nvme0n1, io_size=io_size))
    assert set(seen) == set(shares)
    for size, share in shares.items():
        assert_share(seen[size], 2000, share)


def test_lba_align_for_each_size(nvme0n1):
    for c in log_of(nvme0n1, io_size={1: 2, 8: 8, 5: 3}, lba_align=[1, 8, 7]):
        assert c[0] % {1: 1, 8: 8, 5: 7}[c[1]] == 0
    for c in log_of(nvme0n1, io_size=[3, 5], lba_align=11, count=200):
        assert c[0] % 11 == 0


def test_sequential(nvme0n1):
    log = log_of(nvme0n1, io_size=[1, 3, 8, 30, 64, 100], lba_random=False, count=1000, region_end=5000)
    for a, b in zip(log, log[1:]):
        assert a[0] + a[1] == b[0] or (a[0] + a[1] == 5000 and b[0] == 0)


@pytest.mark.parametrize("step, want", [(20, [140, 100, 120, 140]), (-8, [140, 132, 124, 116])])
def test_lba_step(nvme0n1, step, want):
    log = log_of(
        nvme0n1, lba_random=False, region_start=100, region_end=150, lba_start=140, lba_step=step, count=4
    )
    assert [c[0] for c in log] == want


def test_lba_random_percent(nvme0n1):
    log, following, at = log_of(nvme0n1, lba_random=30, region_end=100000), 0, 0
    for c in log:
        if c[0] == at:
            following, at = following + 1, at + 8
    assert_share(following, 2000, 0.7)


def test_regions(nvme0n1):
    starts, ends = [0, 1000, 9000], [100, 1100, 9800]
    log = log_of(nvme0n1, region_start=starts, region_end=ends)
    seen = [sum(s <= c[0] and c[0] + c[1] <= e for c in log) for s, e in zip(starts, ends)]
    assert sum(seen) == 2000
    for n, share in zip(seen, (0.1, 0.1, 0.8)):
        assert_share(n, 2000, share)
    log = log_of(nvme0n1, region_start=starts, region_end=ends, lba_random=False, count=14)
    assert [c[0] for c in log][11:] == [88, 96, 1000] and log[12][1] == 4


def test_region_end_truncate(nvme0n1):
    args = dict(lba_random=False, region_end=20, count=5)
    assert [c[:2] for c in log_of(nvme0n1, **args)] == [(0, 8), (8, 8), (16, 4), (0, 8), (8, 8)]
    args["region_end_truncate"] = False
    assert [c[:2] for c in log_of(nvme0n1, **args)] == [(0, 8), (8, 8), (0, 8), (8, 8), (0, 8)]


def test_region_smaller_than_io_size(nvme0n1):
    assert {c[:3] for c in log_of(nvme0n1, io_size=128, region_end=100, lba_random=False)} == {(0, 100, 2)}
    assert {c[:3] for c in log_of(nvme0n1, io_size=128, region_end=100)} == {(0, 100, 2)}
    with pytest.raises(AssertionError, match="io_size"):
        nvme0n1.ioworker(io_size=[8, 128], region_end=100, time=1).start()


def test_distribution(nvme0n1):
    weights = [1000] * 5 + [200] * 15 + [25] * 80
    blocks = nvme0n1.id_data(7, 0)
    seen = [0] * 3
    for c in log_of(nvme0n1, distribution=weights, lba_align=8):
        percent = c[0] * 100 // blocks
        seen[0 if percent < 5 else 1 if percent < 20 else 2] += 1
    for n, share in zip(seen, (0.5, 0.3, 0.2)):
        assert_share(n, 2000, share)


# --- commands ---


def test_op_percentage_and_counts(nvme0n1):
    ops = {2: 40, 9: 30, 1: 20, 0: 5, 8: 5, 12: 0}
    log = [None] * 10000
    args = dict(io_size=8, io_count=10000, region_end=10000, op_percentage=ops, output_cmdlog_list=log)
    r = nvme0n1.ioworker(**args).start().close()
    seen = collections.Counter(c[2] for c in log)
    assert ops == {2: seen[2], 9: seen[9], 1: seen[1], 0: seen[0], 8: seen[8], 12: 0}
    assert sum(ops.values()) == 10000
    for opcode, share in ((2, 0.4), (9, 0.3), (1, 0.2), (0, 0.05), (8, 0.05)):
        assert_share(ops[opcode], 10000, share)
    assert r.io_count_read == ops[2] and r.io_count_write == ops[1]
    assert r.io_count_nonread == 10000 - ops[2]


def test_compare_answers_of_the_device(nvme0n1, qpair):
    nvme0n1.write_zeroes(qpair, 0, 64).waitdone()
    args = dict(op_percentage={5: 100}, io_count=100, region_end=64, ptype=0)
    assert nvme0n1.ioworker(pvalue=0, **args).start().close().error == 0
    with pytest.warns(UserWarning, match="ERROR status: 02/85"):
        nvme0n1.ioworker(pvalue=1, **args).start().close()


def test_dsm_deallocates(nvme0n1, qpair):
    buf = d.Buffer(64 * 512, pvalue=100, ptype=0xBEEF)
    nvme0n1.write(qpair, buf, 0, 64).waitdone()
    nvme0n1.ioworker(
        op_percentage={9: 100}, io_size=16, lba_random=False, region_start=16, region_end=48
    ).start().close()
    back = d.Buffer(64 * 512)
    nvme0n1.read(qpair, back, 0, 64).waitdone()
    assert back[: 16 * 512] == buf[: 16 * 512] and back[48 * 512 :] == buf[48 * 512 :]
    assert not any(back[16 * 512 : 48 * 512])


def test_sgl_percentage(nvme0, nvme0n1, verify):
    if not nvme0.id_data(539, 536):
        pytest.skip("no SGLs")
    for percent in (30, 100):
        r = nvme0n1.ioworker(
            io_size=40, sgl_percentage=percent, io_count=2000, region_end=4000, read_percentage=50
        )
        assert r.start().close().error == 0


def test_io_flags_and_cdw13(nvme0, nvme0n1):
    w = nvme0n1.ioworker(io_count=5, io_flags=0x4000, cdw13=0x12340007, fw_debug=False)
    assert w.start().close().error == 0


def test_every_length_is_read_back(nvme0, nvme0n1, verify):
    """PRP1, two PRPs, lists, and more than one page of list, through the whole drive."""
    most = min(nvme0.mdts // 512, 5000)
    sizes = [n for n in (1, 7, 8, 9, 16, 17, 4096, 4097, 4104, 4105, most) if n <= most]
    r = nvme0n1.ioworker(io_size=sizes, io_count=300, region_end=30000, read_percentage=50, qdepth=4)
    assert r.start().close().error == 0


@pytest.mark.parametrize("ptype, pvalue", [(0, 0), (0, 1), (32, 0x12345678), (0x1234, 5), (0x4321, 9)])
def test_patterns(nvme0n1, qpair, ptype, pvalue):
    want, back = d.Buffer(8 * 512, pvalue=pvalue, ptype=ptype), d.Buffer(8 * 512)
    w = nvme0n1.ioworker(
        io_size=8, read_percentage=0, io_count=1, qdepth=2, region_end=8, ptype=ptype, pvalue=pvalue
    )
    w.start().close()
    nvme0n1.read(qpair, back, 0, 8).waitdone()
    assert back[:] == want[:]


def test_pattern_from_a_file(nvme0n1, qpair, tmp_path):
    path = tmp_path / "pattern"
    path.write_bytes(b"nvproof!" * 64 * 8)
    nvme0n1.ioworker(
        read_percentage=0, io_count=10, region_end=8, ptype=0xF17E, pvalue=str(path)
    ).start().close()
    back = d.Buffer(8 * 512)
    nvme0n1.read(qpair, back, 0, 8).waitdone()
    assert back[:] == path.read_bytes()
    with pytest.raises(FileNotFoundError):
        nvme0n1.ioworker(io_count=1, ptype=0xF17E, pvalue=str(tmp_path / "nothing"))


# --- rates and limits ---


@pytest.mark.parametrize("iops", [1234, 12345])
def test_iops(nvme0n1, iops):
    seconds = []
    r = nvme0n1.ioworker(io_size=8, iops=iops, time=3, output_io_per_second=seconds).start().close()
    assert len(seconds) == 3
    assert abs(r.io_count_read - 3 * iops) <= max(3, 3 * iops // 1000)
    # The sum is exact; on a crowded machine a worker that had to wait sends a part of a second's share in the next one.
    assert all(abs(n - iops) <= iops // 2 for n in seconds)
    assert 0.5 < r.iops_consistency <= 1


def test_slow_rate(nvme0n1):
    """Two a second: the n-th is sent at n * 0.5 s."""
    log = [None] * 11
    nvme0n1.ioworker(
        iops=2, qdepth=2, lba_random=False, time=2.2, output_cmdlog_list=log, region_end=1000
    ).start().close()
    assert log[0] == (0,) * 6  # what was not used stands in front
    sent = [c for c in log if c[1]]
    assert [c[0] for c in sent] == [0, 8, 16, 24, 32]
    assert all(abs(c[3] - n * 500_000) < 20_000 for n, c in enumerate(sent))


def test_lba_count(nvme0n1):
    assert nvme0n1.ioworker(io_size=8, lba_count=801).start().close().io_count_read == 101
    log = [None] * 3000
    nvme0n1.ioworker(io_size=[3, 10], lba_count=5000, output_cmdlog_list=log).start().close()
    assert 5000 <= sum(c[1] for c in log) <= 5009


def test_the_first_limit_ends_it(nvme0n1):
    assert nvme0n1.ioworker(io_count=100, lba_count=8000, time=60).start().close().io_count_read == 100
    assert nvme0n1.ioworker(io_count=10**9, lba_count=800).start().close().io_count_read == 100


# --- traces ---


def test_io_sequence(nvme0n1):
    trace = [(n * 8, 8, 1 + n % 2, n * 1000) for n in range(500)] + [
        (0, 0, 0, 500_000),
        (16, 70000, 9, 500_000),
    ]
    log = log_of(nvme0n1, count=502, io_sequence=trace, io_count=0)
    assert [c[:3] for c in log] == [t[:3] for t in trace]
    assert all(0 <= c[3] - t[3] < 50_000 for c, t in zip(log, trace))
    again = log_of(nvme0n1, count=502, io_sequence=log, io_count=0)  # a log can be replayed
    assert [c[:3] for c in again] == [t[:3] for t in trace]


# --- results ---


def test_percentiles(nvme0n1):
    every, reads = {50: 0, 99: 0, 99.99: 0}, {99: 0}
    args = dict(io_size=8, io_count=5000, region_end=10000, read_percentage=50)
    r = nvme0n1.ioworker(output_percentile_latency=every, **args).start().close()
    assert 0 < every[50] <= every[99] <= every[99.99] <= r.latency_max_us * 1.01 + 1
    assert len(r.latency_distribution) == 1_000_000 and sum(r.latency_distribution) == 5000
    below = sum(r.latency_distribution[: every[50] + 1])
    assert 0.45 < below / 5000 < 0.65
    r = (
        nvme0n1.ioworker(output_percentile_latency=reads, output_percentile_latency_opcode=2, **args)
        .start()
        .close()
    )
    assert sum(r.latency_distribution) == r.io_count_read


def test_consistency(nvme0n1):
    seconds = []
    w = nvme0n1.ioworker(time=3, iops=1000, output_io_per_second=seconds).start()
    r = w.close()
    assert r.iops_consistency == w.iops_consistency() == w.iops_consistency(99.99)
    seconds[:] = [100, 80, 120, 100]
    assert w.iops_consistency(99.9) == 0.8 and w.iops_consistency(50) == 1 and w.iops_consistency(1) == 1.2
    for bad in (0, 100):
        with pytest.raises(AssertionError):
            w.iops_consistency(bad)
    w = nvme0n1.ioworker(io_count=1).start()
    w.close()
    with pytest.raises(AssertionError):
        w.iops_consistency()


def test_log_list_that_comes_empty(nvme0n1):
    log = []
    nvme0n1.ioworker(io_count=100, output_cmdlog_list=log).start().close()
    assert len(log) == 100 and all(0 <= c[3] < c[4] and c[5] == 0 for c in log)


def test_log_shows_the_failure(nvme0n1, qpair):
    nvme0n1.write_uncorrectable(qpair, 80, 8).waitdone()
    nvme0n1.mark_nomapping(80, 8)  # or they would be left out
    log = [None] * 20
    with pytest.warns(UserWarning, match="02/81"):
        nvme0n1.ioworker(
            lba_random=False, region_end=160, output_cmdlog_list=log, exit_on_error=False, io_count=20
        ).start().close()
    assert [c[5] for c in log] == [0x281 if c[0] == 80 else 0 for c in log]
    nvme0n1.write_zeroes(qpair, 80, 8).waitdone()


def test_slow_latency(nvme0n1, caught):
    nvme0n1.ioworker(io_count=1000, slow_latency=1).start().close()
    assert len([t for t in caught if "slow IO" in t]) == 1


def test_running_before_the_start(nvme0n1):
    w = nvme0n1.ioworker(io_count=1)
    assert w.running
    w.start().close()
    assert not w.running


# --- how ---


def test_given_qpair(nvme0, nvme0n1):
    q, buf = d.Qpair(nvme0, 10), d.Buffer(512)
    for n in range(5):
        nvme0n1.read(q, buf, n).waitdone()
        with nvme0n1.ioworker(q, 8, time=0.3) as w:
            with pytest.raises(AssertionError, match="ioworker"):
                nvme0n1.read(q, buf, 0)
            with pytest.raises(AssertionError, match="ioworker"):
                q.delete()
            with pytest.raises(AssertionError, match="in use"):
                nvme0n1.ioworker(qpair=q, time=1).start()
        assert w.close().io_count_read > 0
    for n in range(30):
        nvme0n1.read(q, buf, n).waitdone()
    q.delete()
    with pytest.raises(AssertionError):
        nvme0n1.ioworker(qpair=q, time=1).start()


def test_given_qpair_survives(nvme0, nvme0n1, subsystem):
    """A reset under it, a worker that is stopped hard, a failed command: the queue pair is usable afterwards."""
    q, buf = d.Qpair(nvme0, 16), d.Buffer(512)
    w = nvme0n1.ioworker(qpair=q, time=60).start()
    time.sleep(0.3)
    nvme0.reset()
    w.close()
    nvme0n1.read(q, buf, 0).waitdone()
    nvme0n1.write_uncorrectable(q, 0, 8).waitdone()
    with pytest.warns(UserWarning, match="02/81"):
        nvme0n1.ioworker(qpair=q, region_end=8, lba_align=8, time=5).start().close()
    nvme0n1.write_zeroes(q, 0, 8).waitdone()
    w = nvme0n1.ioworker(qpair=q, time=60).start()
    time.sleep(0.2)
    w.stop()
    w.close()
    for n in range(40):
        nvme0n1.read(q, buf, n).waitdone()
    q.delete()


def test_fw_debug_leaves_the_queue(nvme0, nvme0n1, qpair):
    nvme0n1.write_uncorrectable(qpair, 0, 8).waitdone()
    with pytest.warns(UserWarning, match="02/81"):
        nvme0n1.ioworker(region_end=8, lba_align=8, time=5, fw_debug=True).start().close()
    kept = qpair.sqid + 1
    with pytest.warns(
        UserWarning, match="01/01"
    ):  # the device has that queue still: Invalid Queue Identifier
        cq = d.Buffer(4096)
        nvme0.send_cmd(5, cq, cdw10=kept | 3 << 16, cdw11=1).waitdone()
    nvme0.reset()
    nvme0n1.write_zeroes(qpair, 0, 8).waitdone()


def test_cmdlog_error_only(nvme0, nvme0n1):
    q = d.Qpair(nvme0, 16)
    before = len(q.cmdlog(100))
    nvme0n1.ioworker(qpair=q, io_count=50, cmdlog_error_only=True).start().close()
    assert len(q.cmdlog(100)) == before
    nvme0n1.ioworker(qpair=q, io_count=50).start().close()
    assert len(q.cmdlog(100)) == before + 50
    q.delete()


def test_verify_disable(nvme0, nvme0n1, verify, write_behind):
    """What is wrong on the media is found, or not looked for."""
    nvme0n1.ioworker(lba_random=False, read_percentage=0, region_end=800).start().close()
    write_behind(nvme0, 100, d.Buffer(512, pvalue=1, ptype=32))  # no id: found whatever its code is
    args = dict(lba_random=False, region_end=800)
    assert nvme0n1.ioworker(verify_disable=True, **args).start().close().error == 0
    with pytest.warns(UserWarning, match="07/81"):
        nvme0n1.ioworker(retry_max=2, **args).start().close()


@pytest.mark.parametrize("count", [4, 16])
def test_they_begin_together(nvme0n1, count):
    workers = [nvme0n1.ioworker(qdepth=2, iops=100, time=1).start() for _ in range(count)]
    for w in workers:
        assert w.close().error == 0
    begun = sorted(w.raw["begin_ns"] for w in workers)
    assert begun[-1] - begun[0] < 10_000_000, [n - begun[0] for n in begun]
    assert begun[0] % 100_000_000 < 50_000_000  # at a tick


def test_qprio(nvme0n1):
    for qprio in range(4):
        assert nvme0n1.ioworker(io_count=10, qprio=qprio).start().close().error == 0


# --- arguments ---


@pytest.mark.parametrize(
    "args",
    [
        {"io_size": []},
        {"io_size": [8, 0]},
        {"io_size": {8: 10001}},
        {"io_size": {8: 0}},
        {"io_size": "8"},
        {"io_size": [1, 8], "lba_align": [1]},
        {"lba_align": 0},
        {"op_percentage": {2: 99}},
        {"op_percentage": {2: 50, 256: 50}},
        {"op_percentage": {0x19: 100}},
        {"op_percentage": {}},
        {"sgl_percentage": 101},
        {"region_start": [0], "region_end": 100},
        {"region_start": [0, 1], "region_end": [100]},
        {"region_start": [0, 100], "region_end": [10, 100]},
        {"iops": 62},
        {"qdepth": 1025},
        {"io_flags": 0x10000},
        {"cdw13": 1 << 32},
        {"qprio": 4},
        {"distribution": [100] * 99},
        {"distribution": [100] * 99 + [101]},
        {"distribution": [100] * 100, "lba_random": 50},
        {"distribution": [100] * 100, "region_end": 100},
        {"io_sequence": []},
        {"io_sequence": [(0, 1, 2)]},
        {"io_sequence": [(0, 0, 2, 0)]},
        {"retry_max": -1},
        {"slow_latency": -1},
        {"output_percentile_latency": {0: 0}},
        {"cpu_id": -1},
        {"ptype": 7, "read_percentage": 0},
        {"pvalue": 101, "read_percentage": 0},
        {"time": 0, "lba_random": False, "io_size": [8, 64], "region_end": 1000},
        {"time": 0, "lba_random": False},
    ],
)
def test_bad_arguments(nvme0n1, args):
    with pytest.raises(AssertionError):
        nvme0n1.ioworker(**{"time": 1, **args}).start()


@pytest.mark.parametrize("name", ["zns", "zns_zigzag", "zns_syncwrite"])
def test_zns_is_refused_here(nvme0n1, name):
    with pytest.raises(ValueError, match="not zoned"):
        nvme0n1.ioworker(time=1, **{name: True})


def test_signature(nvme0n1):
    """Names, order and defaults that scripts rely on."""
    names = (
        "qpair io_size lba_step lba_align lba_random read_percentage op_percentage sgl_percentage time qdepth "
        "region_start region_end region_end_truncate iops io_count lba_count io_flags cdw13 lba_start qprio "
        "distribution ptype pvalue io_sequence slow_latency fw_debug exit_on_error retry_max verify_disable zns "
        "zns_zigzag zns_syncwrite cpu_id cmdlog_error_only output_io_per_second output_percentile_latency "
        "output_percentile_latency_opcode output_cmdlog_list outstanding"
    )
    parameters = dict(inspect.signature(d.IOWorker).parameters)
    del parameters["namespace"]
    assert list(parameters) == names.split()
    assert parameters["qdepth"].default == 63 and parameters["cpu_id"].default == 1
    with pytest.raises(TypeError):
        nvme0n1.ioworker(time=1, unknown=1)


def test_pynvme2_positions(nvme0n1):
    """io_size, lba_step, lba_align, lba_random, read_percentage, op_percentage, time, qdepth, ..."""
    r = nvme0n1.ioworker(8, None, 8, True, 0, None, 0, 16, 0, 1000, io_count=50).start().close()
    assert r.io_count_write == 50
    assert nvme0n1.ioworker([1, 8], io_count=50).start().close().io_count_read == 50
    with pytest.raises(TypeError, match="io_size"):
        nvme0n1.ioworker(8, io_size=8, time=1)
    assert nvme0n1.ioworker(None, 8, io_count=50).start().close().io_count_read == 50


def test_no_queue_left(nvme0, nvme0n1):
    """The device gives no queue pair: that is a result, with a reason."""
    pairs = []
    with pytest.raises(d.QpairCreationError):
        for _ in range(1000):
            pairs.append(d.Qpair(nvme0, 8))
    with pytest.warns(UserWarning, match="ioworker host ERROR -1"):
        nvme0n1.ioworker(io_count=1).start().close()
    for q in pairs:
        q.delete()
