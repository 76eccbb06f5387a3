# SPDX-License-Identifier: BSD-3-Clause
"""The command log from outside: `nvproof log` in a second terminal, while a test hangs, is stopped or was killed."""
import contextlib
import json
import os
import pathlib
import select
import signal
import subprocess
import sys
import time

import pytest

import nvme as d
from nvproof import cmdlogs
from nvproof.cli.main import main

SCRIPT = """
import os, sys
import nvme as d
nvme0 = d.Controller(d.Pcie("ssd:?size=64M"))
n1, buf = d.Namespace(nvme0), d.Buffer(4096)
qpair = d.Qpair(nvme0, 64)
for i in range(40):
    n1.read(qpair, buf, i, 8).waitdone()
n1.write(qpair, buf, 12345, 3)  # nobody waits for it
print("ready", nvme0.addr, flush=True)
for line in sys.stdin:
    exec(line)
    print("done", flush=True)
"""


class Running:
    """A script that has sent some commands and does nothing more than it is told."""

    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.pid = self.process.pid
        self.addr = self._said().split()[1]

    def _said(self):
        assert select.select([self.process.stdout], [], [], 60)[0], "the script does not answer"
        return self.process.stdout.readline()

    def do(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        assert self._said() == "done\n"

    def end(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def script():
    """The plugin's fixture of this name is not wanted here."""


@pytest.fixture
def running():
    one = Running()
    yield one
    one.end()


def nvproof_log(*words, status=0):
    p = subprocess.run(
        [sys.executable, "-m", "nvproof", "log", *map(str, words)], capture_output=True, text=True, timeout=60
    )
    assert p.returncode == status, p.stderr
    assert "Traceback" not in p.stderr
    return p.stdout if not status else p.stderr


def document(*words):
    return json.loads(nvproof_log("-o", "json", *words))


def test_found_by_itself(running):
    """It is in the list, with its device and its queues."""
    rows = {row["pid"]: row for row in document("--list")["processes"]}
    row = rows[running.pid]
    assert row["devices"] == [running.addr] and row["state"] == "running"
    assert [q["qid"] for q in row["queues"]] == [0, 1]
    assert row["queues"][1]["commands"] == 41
    assert str(running.pid) in nvproof_log("--list")


@pytest.mark.parametrize("sig", [0, signal.SIGSTOP])
def test_decoded(running, sig):
    """Name, LBAs, status and times of each command; of a stopped process, too."""
    os.kill(running.pid, sig)
    text = nvproof_log("--pid", running.pid, "-q", 1, "-n", 3).splitlines()
    assert len(text) == 4 and ("stopped" in text[0]) == bool(sig)
    assert "Read (02h) sqid:1" in text[1] and "slba:38 nlb:8 -> SUCCESS (00/00)" in text[1]
    commands = document("--pid", running.pid, "-n", 1000)["commands"]
    assert {c["sqid"] for c in commands} == {0, 1}
    read = next(c for c in commands if c["command"] == "Read" and c["slba"] == 7)
    assert (read["nlb"], read["nsid"], read["status"], read["status_text"]) == (8, 1, 0, "SUCCESS")
    assert 0 < read["latency_us"] < 10e6 and abs(read["submit_ns"] / 1e9 - time.time()) < 100
    times = [c["submit_ns"] for c in commands]
    assert times == sorted(times) and any(t % 1000 for t in times)  # finer than a microsecond
    assert commands[-1]["command"] == "Write" and commands[-1]["nlb"] == 3
    assert nvproof_log("--pid", running.pid, "-n", 0).count("\n") == 1


def test_outstanding(running):
    """What the script did not take is outstanding, and for how long is said; event requests are not counted."""
    row = document("--pid", running.pid)
    assert row["outstanding"] == 1 and row["schema_version"] == 1
    last = nvproof_log("--pid", running.pid, "-n", 1).splitlines()[-1]
    assert "Write" in last and "outstanding for " in last
    running.do("qpair.waitdone(1)")
    assert document("--pid", running.pid)["outstanding"] == 0


def test_survives_reset_and_deletion(running):
    """A reset empties no log, an admin queue of another depth neither; that of a deleted queue can still be read."""
    running.do("nvme0.reset()")
    before = document("--pid", running.pid, "-n", 5000)["commands"]
    assert sum(c["command"] == "Read" for c in before) == 40
    running.do("nvme0.init_begin(); nvme0.init_adminq(20); nvme0.init_fail()")
    after = document("--pid", running.pid, "-n", 5000, "-q", 0)["commands"]
    assert len(after) >= sum(c["sqid"] == 0 for c in before)
    running.do("nvme0.reset(); qpair.delete()")
    text = nvproof_log("--pid", running.pid, "-q", 1, "-n", 1000)
    assert text.count("Read (02h)") == 40


def test_workers_and_metamode(running):
    """Queues of ioworkers (other processes) and of metamode are in it as well."""
    running.do("w = n1.ioworker(io_size=8, io_count=100, qdepth=4); w.start(); w.close()")
    running.do(
        "cq = d.IOCQ(nvme0, 5, 8, d.PRP()); sq = d.IOSQ(nvme0, 5, 8, d.PRP(), cq=cq); "
        "sq.flush(cid=77, nsid=1); sq.tail = 1; cq.waitdone(1)"
    )
    commands = document("--pid", running.pid, "-n", 5000)["commands"]
    worker = [c for c in commands if c["sqid"] == 2]
    assert len(worker) == 100 and all(c["status"] == 0 for c in worker)
    (flush,) = [c for c in commands if c["sqid"] == 5]
    assert flush["command"] == "Flush" and flush["cid"] == 77 and flush["latency_us"] > 0


def test_follow(running):
    """What comes is shown as it comes, each command once, until the process ends."""
    p = subprocess.Popen(
        [sys.executable, "-m", "nvproof", "log", "--pid", str(running.pid), "-q", "1", "-n", "2", "-f"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert p.stdout.readline().startswith("#")
    assert "slba:39" in p.stdout.readline() and "outstanding" in p.stdout.readline()
    running.do("qpair.waitdone(1)")
    assert "Write" in (answer := p.stdout.readline()) and "SUCCESS" in answer
    running.do("for i in range(10): n1.read(qpair, buf, 100 + i).waitdone()")
    assert [f"slba:{100 + i} " in p.stdout.readline() for i in range(10)] == [True] * 10
    running.end()
    rest = p.stdout.read()
    assert p.wait(30) == 0
    assert "ended" in rest and "slba" not in rest


def test_nothing_left_behind(running):
    """Killed at once: the log is gone with the process, and no file remains."""
    held = set(os.listdir("/dev/shm"))
    folder = pathlib.Path(running.addr.removeprefix("vfu:")).parent
    assert folder.exists()
    running.end()
    assert running.pid not in {row["pid"] for row in document_or_none()}
    assert f"there is no process {running.pid}" in nvproof_log("--pid", running.pid, status=2)
    assert set(os.listdir("/dev/shm")) <= held
    end = time.monotonic() + 10
    while folder.exists() and time.monotonic() < end:
        time.sleep(0.05)
    assert not folder.exists()


def document_or_none():
    p = subprocess.run(
        [sys.executable, "-m", "nvproof", "log", "--list", "-o", "json"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    return json.loads(p.stdout)["processes"]


def test_wrong_choices(running):
    """Each answer says what is wrong."""
    assert "has no queue 77: it has 0, 1" in nvproof_log("--pid", running.pid, "-q", 77, status=2)
    assert "uses no device" in nvproof_log("--pid", os.getppid(), status=2)
    assert "--count" in nvproof_log("--pid", running.pid, "-n", -1, status=2)


def test_of_another_user(running):
    """Refused, with the name of the user."""
    if os.getuid():
        pytest.skip("only root can become another user")
    out, into = os.pipe()
    pid = os.fork()
    if not pid:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        with contextlib.redirect_stderr(os.fdopen(into, "w")) as f:
            code = main(["log", "--pid", str(running.pid)])
            f.flush()
        os._exit(code)
    os.close(into)
    text = os.read(out, 4096).decode()
    os.close(out)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 2
    assert "belongs to user root" in text and "Traceback" not in text


def test_own_process(nvme0):
    """The same from inside; a merged log of all queues, newest first, metamode's too."""
    cq = d.IOCQ(nvme0, 3, 8, d.PRP())
    sq = d.IOSQ(nvme0, 3, 8, d.PRP(), cq=cq)
    sq.flush(cid=5, nsid=1)
    sq.tail = 1
    cq.waitdone(1)
    nvme0.getfeatures(7).waitdone()
    lines = nvme0.cmdlog_merged(2)
    assert "Get Features" in lines[0] and "Flush" in lines[1] and "sqid:3 cid:5" in lines[1]
    assert nvme0.cmdlog(1, 0, sqid=3) == sq.cmdlog(1)
    own = cmdlogs.ProcessLog(os.getpid())
    assert own.read(count=1)[0].text == lines[0]
    assert os.getpid() not in [log.pid for log in cmdlogs.running()]
    sq.delete()
    cq.delete()
