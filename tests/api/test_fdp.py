# SPDX-License-Identifier: BSD-3-Clause
"""Flexible Data Placement by plain commands, and by the small calls of nvproof.fdp.  NVMe Base 2.2, "Flexible Data Placement"."""
import pytest

import nvme as d
from nvproof import fdp
from nvproof.softssd import SoftwareSSD

UNIT = 16 << 20  # of the profile "fdp": a block of each die
BLOCKS = UNIT // 4096


@pytest.fixture
def drive():
    with SoftwareSSD(profile="fdp", size="64M") as ssd:
        pcie = d.Pcie(ssd.addrs[0])
        ns = d.Namespace(d.Controller(pcie))
        yield ns, d.Qpair(ns.nvme, 16)
        pcie.close()


def test_handles(drive):
    """Each handle is at a unit of its own, and a write with the directive uses up that of its identifier."""
    ns, qpair = drive
    assert fdp.handles(ns, qpair) == [fdp.Handle(i, i, 0, BLOCKS) for i in range(8)]
    buf = d.Buffer(4096 * 8)
    ns.write(qpair, buf, 0, 8, **fdp.mark(3)).waitdone()
    ns.write(qpair, buf, 8, 8).waitdone()  # no directive: placement handle 0
    assert [h.blocks_left for h in fdp.handles(ns, qpair)] == [
        BLOCKS - 8,
        *[BLOCKS] * 2,
        BLOCKS - 8,
        *[BLOCKS] * 4,
    ]
    fdp.update(ns, qpair, 3, 0)
    assert [h.blocks_left for h in fdp.handles(ns, qpair)] == [BLOCKS] * 8
    assert fdp.statistics(ns.nvme).host_written == 16 * 4096


def test_refused(drive):
    """An identifier that is not there is refused in an update, and is placement handle 0 in a write."""
    ns, qpair = drive
    status = []
    buf = d.Buffer(4096)
    buf[0] = 8
    ns.send_cmd(0x1D, qpair, buf, cdw10=1, cb=lambda cqe: status.append(cqe.status)).waitdone()
    ns.write(qpair, buf, 0, 1, **fdp.mark(8)).waitdone()
    assert status == [0x02]
    assert fdp.handles(ns, qpair)[0].blocks_left == BLOCKS - 1


def test_ioworker(drive):
    """The fields of an ioworker's commands carry the directive, and its identifier."""
    ns, qpair = drive
    ns.ioworker(
        io_size=1, lba_align=1, read_percentage=0, qdepth=8, region_end=1000, io_count=500, **fdp.mark(5)
    ).start().close()
    left = [h.blocks_left for h in fdp.handles(ns, qpair)]
    assert left[5] < BLOCKS - 300  # an LBA that is still in the write buffer is not written twice
    assert left[:5] + left[6:] == [BLOCKS] * 7


def test_not_there():
    """On a drive without it the commands do not exist."""
    with SoftwareSSD(size="16M") as ssd:
        pcie = d.Pcie(ssd.addrs[0])
        ns = d.Namespace(d.Controller(pcie))
        status = []
        ns.send_cmd(
            0x12, d.Qpair(ns.nvme, 16), d.Buffer(4096), cdw10=1, cb=lambda cqe: status.append(cqe.status)
        ).waitdone()
        assert status == [0x01]
        pcie.close()
