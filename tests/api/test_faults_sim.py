# SPDX-License-Identifier: BSD-3-Clause
"""Firmware bugs, and what is legal and unpleasant, on drives that a test opens itself."""
import pytest

import nvme as d
from nvproof import softssd
from nvproof.faults import SimSsd


@pytest.fixture
def sim():
    """A drive in this process, and the inside of it."""
    pcie = d.Pcie("sim:?size=16M&seed=3")
    yield pcie, SimSsd(pcie)
    pcie.close()


def test_rule_on_a_simulated_drive(sim, caught):
    """Armed, counted and disarmed as on the drive of another process."""
    pcie, ssd = sim
    nvme0 = d.Controller(pcie)
    ns = d.Namespace(nvme0)
    qpair = d.Qpair(nvme0, 8)
    buf = d.Buffer(4096)
    rule = ssd.fault("status=02/81,opc=read,slba=1000,nth=2")
    for _ in range(3):
        ns.read(qpair, buf, 1000, 8).waitdone()
    assert caught == ["ERROR status: 02/81"]
    assert [(f["id"], f["seen"], f["hits"]) for f in ssd.faults()] == [(rule, 3, 1)]
    assert ssd.clear(rule) == 1 and ssd.faults() == []
    qpair.delete()


def test_wrong_rule(sim):
    """Refused with what is allowed."""
    _, ssd = sim
    with pytest.raises(softssd.ControlError, match="no-such-point"):
        ssd.fault("no-such-point")
    with pytest.raises(softssd.ControlError, match="control socket"):
        ssd.stats()


def test_not_a_simulated_drive(pcie):
    """A drive elsewhere has no inside in this process."""
    with pytest.raises(SystemError, match="in this process"):
        pcie.sim_fault_add("cqe-lost")


@pytest.mark.parametrize(
    "addr", ["ssd:client-tlc?size=64M&nasty=1&seed={}", "sim:client-tlc?size=64M&nasty=1&seed={}"]
)
@pytest.mark.parametrize("seed", [1, 2])
def test_nasty(addr, seed):
    """Whatever is legal: data is what was written, each command ends once."""
    pcie = d.Pcie(addr.format(seed))
    nvme0 = d.Controller(pcie)
    ns = d.Namespace(nvme0)
    qpair = d.Qpair(nvme0, 32)
    bufs = [d.Buffer(16384, pvalue=100, ptype=0xBEEF) for _ in range(16)]
    back = [d.Buffer(16384) for _ in bufs]
    for i, buf in enumerate(bufs):
        ns.write(qpair, buf, 32 * i, 32)
    qpair.waitdone(len(bufs))
    for i, buf in enumerate(back):
        ns.read(qpair, buf, 32 * i, 32)
    qpair.waitdone(len(back))
    assert [b[:] for b in back] == [b[:] for b in bufs]
    qpair.delete()
    pcie.close()
