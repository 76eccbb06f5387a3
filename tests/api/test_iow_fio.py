# SPDX-License-Identifier: BSD-3-Clause
"""The real fio as the other side: it writes an I/O log that we replay, and replays one that we wrote."""
import json
import shutil
import subprocess

import pytest

from nvproof import trace

SIZE = 8 << 20


@pytest.fixture
def fio():
    """Runs it; its JSON, one job."""
    program = shutil.which("fio")
    if not program:
        pytest.skip("fio (Debian package fio) is not installed")

    def run(*options):
        command = [program, "--ioengine=psync", "--output-format=json", *options]
        p = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert p.returncode == 0, p.stderr
        return json.loads(p.stdout[p.stdout.index("{") :])["jobs"][0]

    return run


@pytest.fixture
def file(tmp_path):
    """A file of zeroes."""
    path = tmp_path / "file"
    with open(path, "wb") as f:
        f.truncate(SIZE)
    return path


def test_we_replay_what_fio_wrote(fio, file, nvme0n1, tmp_path):
    """All of its commands with their times, in the same order: counts, LBAs and bytes are fio's."""
    job = fio(
        "--name=w", f"--filename={file}", "--rw=randrw", "--bs=4k", "--number_ios=300", "--thinktime=300",
        f"--size={SIZE}", f"--write_iolog={tmp_path / 'iolog'}",
    )  # fmt: skip
    steps, log = trace.load_iolog(tmp_path / "iolog", nvme0n1.sector_size), []
    assert len(steps) == 300 and all(a[3] <= b[3] for a, b in zip(steps, steps[1:]))
    took_ms = job["job_runtime"]
    assert (
        0.3 * took_ms < (steps[-1][3] - steps[0][3]) / 1000 < 1.5 * took_ms + 10
    )  # its times are microseconds
    r = nvme0n1.ioworker(io_sequence=steps, output_cmdlog_list=log).start().close()
    assert (r.io_count_read, r.io_count_write) == (job["read"]["total_ios"], job["write"]["total_ios"])
    assert [c[:3] for c in log] == [step[:3] for step in steps]
    assert all(sent[3] >= step[3] for sent, step in zip(log, steps))


@pytest.mark.parametrize("version", [2, 3])
def test_fio_replays_what_we_wrote(fio, file, nvme0n1, tmp_path, version):
    """As many commands, and what it has written lies where our writes were."""
    log, path = [], tmp_path / "iolog"
    mix = {1: 50, 2: 45, 0: 5}
    blocks = SIZE // nvme0n1.sector_size
    nvme0n1.ioworker(
        io_size=[8, 16], lba_align=8, op_percentage=mix, io_count=300, iops=5000, region_end=blocks,
        output_cmdlog_list=log,
    ).start().close()  # fmt: skip
    trace.save_iolog(path, log, nvme0n1.sector_size, version, str(file))
    job = fio("--name=r", f"--read_iolog={path}")
    assert (job["write"]["total_ios"], job["read"]["total_ios"], job["sync"]["total_ios"]) == tuple(
        mix.values()
    )
    assert job["error"] == 0
    written = {lba for slba, nlb, opcode, *_ in log if opcode == 1 for lba in range(slba, slba + nlb)}
    data, size = file.read_bytes(), nvme0n1.sector_size
    found = {lba for lba in range(blocks) if any(data[lba * size : (lba + 1) * size])}
    assert found == written
