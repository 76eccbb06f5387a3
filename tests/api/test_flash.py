# SPDX-License-Identifier: BSD-3-Clause
"""A software SSD of modelled flash: what a script sees of its write buffer, its time, and a power loss."""
import json

import pytest

import nvme as d
from nvproof import softssd
from nvproof.softssd import SoftwareSSD


@pytest.fixture
def slow():
    """A drive with one die, where a program takes 5 ms: (controller, namespace, queue pair, its software SSD)."""
    with SoftwareSSD(size="16M", profile="slow") as ssd:
        pcie = d.Pcie(ssd.addrs[0])
        nvme0 = d.Controller(pcie)
        yield nvme0, d.Namespace(nvme0), d.Qpair(nvme0, 64), ssd
        pcie.close()


def test_flush_takes_a_program(slow):
    nvme0, ns, qpair, _ = slow
    ns.write(qpair, d.Buffer(4096, pvalue=1), 0, 8).waitdone()
    ns.flush(qpair).waitdone()
    assert qpair.latest_latency >= 5000  # us


def test_power_loss_forgets_what_was_not_flushed(slow):
    nvme0, ns, qpair, _ = slow
    subsystem = d.Subsystem(nvme0)
    old, new, back = d.Buffer(4096, pvalue=1, ptype=32), d.Buffer(4096, pvalue=2, ptype=32), d.Buffer(4096)
    ns.write(qpair, old, 0, 8).waitdone()
    ns.flush(qpair).waitdone()
    ns.write(qpair, new, 0, 8).waitdone()
    ns.read(qpair, back, 0, 8).waitdone()
    assert back[:] == new[:]
    subsystem.power_cycle()
    nvme0.reset()
    ns.read(qpair, back, 0, 8).waitdone()
    assert back[:] == old[:]


def test_without_write_cache_nothing_is_forgotten(slow):
    """Volatile Write Cache feature (06h) off: a write is there when it is complete.  FUA does the same for one command."""
    nvme0, ns, qpair, _ = slow
    subsystem = d.Subsystem(nvme0)
    fua, off, back = d.Buffer(4096, pvalue=3, ptype=32), d.Buffer(4096, pvalue=4, ptype=32), d.Buffer(4096)
    ns.write(qpair, fua, 0, 8, io_flags=0x4000).waitdone()
    nvme0.setfeatures(6, cdw11=0).waitdone()
    ns.write(qpair, off, 8, 8).waitdone()
    subsystem.power_cycle()
    nvme0.reset()
    for lba, expected in ((0, fua), (8, off)):
        ns.read(qpair, back, lba, 8).waitdone()
        assert back[:] == expected[:]


def test_write_amplification_is_counted(slow):
    _, ns, qpair, ssd = slow
    for n in range(64):
        ns.write(qpair, d.Buffer(4096, pvalue=n, ptype=32), 8 * (n % 8), 8).waitdone()
    ns.flush(qpair).waitdone()
    stats = softssd.control(ssd.addrs[0][4:] + ".ctl", "stats")
    stats = json.loads(stats) if isinstance(stats, str) else stats
    assert stats["flash_host_bytes"] == 64 * 4096
    assert 0 < stats["flash_programmed_bytes"] <= (64 + 16) * 4096
    assert stats["flash_write_amplification"] == stats["flash_programmed_bytes"] / stats["flash_host_bytes"]


def test_no_such_profile():
    with pytest.raises(Exception, match="no such profile"):
        SoftwareSSD(size="16M", profile="butter")
