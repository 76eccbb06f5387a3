# SPDX-License-Identifier: BSD-3-Clause
"""What cannot be done is an exception of its own kind, and says what."""
import os
import subprocess
import sys

import pytest

import nvme as d
from nvproof.softssd import SoftwareSSD

DELETE_SQ, DELETE_CQ = 0x00, 0x04  # NVMe Base, "Opcodes for Admin Commands"


def test_no_queue_is_left(nvme0):
    """One queue pair more than there are is an exception and, where the drive is asked, its status; the others work on."""
    granted = nvme0.getfeatures(7).waitdone()
    count = min(granted & 0xFFFF, granted >> 16) + 1
    if count > 256:
        pytest.skip(f"{count} queue pairs are too many for this test")
    pairs = [d.Qpair(nvme0, 2) for _ in range(count)]
    assert nvme0.iosq_list == list(range(1, count + 1))
    with pytest.raises(d.QpairCreationError):
        d.Qpair(nvme0, 2)
    with pytest.warns(UserWarning, match="ERROR status: 01/01"):
        with pytest.raises(d.QpairCreationError):
            d.Qpair(nvme0, 2, sqid=count + 1)
    ns = d.Namespace(nvme0)
    for pair in pairs:
        ns.flush(pair).waitdone()
    pairs.pop(5 % count).delete()
    pairs.append(d.Qpair(nvme0, 2))
    ns.flush(pairs[-1]).waitdone()


def test_a_queue_that_is_gone_cannot_be_deleted(nvme0, nvme0n1):
    """The script deleted it by itself, so the drive refuses: its status, and an exception.  Its identifier is free again."""
    pair = d.Qpair(nvme0, 8)
    sqid = pair.sqid
    nvme0.send_cmd(DELETE_SQ, cdw10=sqid).waitdone()
    nvme0.send_cmd(DELETE_CQ, cdw10=sqid).waitdone()
    with pytest.warns(UserWarning, match="ERROR status: 01/01"):
        with pytest.raises(d.QpairDeletionError, match="01/01"):
            pair.delete()
    assert pair.sqid == 0
    pair.delete()  # it is gone, one way or the other
    again = d.Qpair(nvme0, 8, sqid=sqid)
    nvme0n1.flush(again).waitdone()
    again.delete()


UNKILLABLE = """
#define _GNU_SOURCE
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>
int kill(pid_t pid, int sig) { return sig == SIGKILL ? 0 : (int)syscall(SYS_kill, pid, sig); }
"""

SCRIPT = """
import os, signal, sys, time
import nvme as d
def children():
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            comm, _, rest = open(f"/proc/{name}/stat").read().rpartition(")")
        except OSError:
            continue
        if "nvproof-worker"[:15] in comm and int(rest.split()[1]) == os.getpid():
            yield int(name)
nvme0 = d.Controller(d.Pcie(sys.argv[1]))
ns, w = d.Namespace(nvme0), None
w = ns.ioworker(io_size=8, time=100, qdepth=4).start()
(pid,) = children()
os.kill(pid, signal.SIGSTOP)
for reset in (nvme0.reset, nvme0.pcie.flr, d.Subsystem(nvme0).shutdown_notify):
    start = time.monotonic()
    try:
        reset()
        print("done")
    except TimeoutError as e:
        print(f"{time.monotonic() - start < 5} {e}")
start = time.monotonic()
w.close()
print("closed", time.monotonic() - start < 5)
os.kill(pid, signal.SIGCONT)
os.waitpid(pid, 0)
nvme0.reset()
print("works", nvme0.getfeatures(7).waitdone() > 0)
"""


def test_workers_that_do_not_end(tmp_path):
    """One that the kernel cannot end, as in the middle of a driver that hangs: whoever resets is told, within its time.

    Here kill() does nothing.  close() gives the worker up, and the drive works on.
    """
    (tmp_path / "kill.c").write_text(UNKILLABLE)
    built = subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / "kill.so", tmp_path / "kill.c"])
    assert built.returncode == 0
    with SoftwareSSD(size="64M") as ssd:
        env = {**os.environ, "LD_PRELOAD": str(tmp_path / "kill.so")}
        p = subprocess.run(
            [sys.executable, "-c", SCRIPT, ssd.addrs[0]], env=env, capture_output=True, text=True, timeout=60
        )
    assert p.returncode == 0, p.stderr
    told = "True secondary processes are not cleared\n"
    assert p.stdout == 3 * told + "closed True\nworks True\n"
