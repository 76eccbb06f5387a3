# SPDX-License-Identifier: BSD-3-Clause
"""Shadow doorbells: Doorbell Buffer Config.

NVMe Base Specification, "Doorbell Buffer Config command".
"""
import pytest

import nvme as d
from nvme import IOCQ, IOSQ, PRP

DBBUF = 0x7C
QID = 5


class Shadow:
    """Both buffers, and the entries of one queue pair in them."""

    def __init__(self, nvme0):
        self.nvme0 = nvme0
        self.stride = 4 << (nvme0.cap >> 32 & 15)
        self.event = d.Buffer(8192)
        self.shadow = d.Buffer(8192, prp2=self.event)

    def config(self):
        self.nvme0.send_cmd(DBBUF, self.shadow).waitdone()

    def tail_at(self, qid):
        return 2 * qid * self.stride

    def set(self, at, value):
        self.shadow[at : at + 4] = value.to_bytes(4, "little")


@pytest.fixture
def shadow(nvme0):
    if not nvme0.id_data(257, 256) >> 8 & 1:
        pytest.skip("no Doorbell Buffer Config: OACS")
    return Shadow(nvme0)


def test_doorbells_in_memory(nvme0, shadow):
    shadow.config()
    cq = IOCQ(nvme0, QID, 16, PRP())
    sq = IOSQ(nvme0, QID, 16, PRP(), cq=cq)
    tail = shadow.tail_at(QID)
    for i in range(40):
        sq.flush(i, 1)
        shadow.set(tail, sq.wpointer)
        event = shadow.event.data(tail + 3, tail)
        if event == (sq.wpointer - 1) % 16:  # passed what the drive has seen: it wants the register
            sq.tail = sq.wpointer
        cq.waitdone()
        assert cq[i % 16].cid == i and cq[i % 16].status == 0
        shadow.set(tail + shadow.stride, cq.rpointer)
        cq.head = cq.rpointer
    assert shadow.event.data(tail + 3, tail) == sq.wpointer
    nvme0.reset()  # ends it
    nvme0.getfeatures(7).waitdone()


def test_queues_that_exist(nvme0, nvme0n1, shadow, buf):
    """Their doorbells go on from where they are, and after a reset the registers are read again."""
    q = d.Qpair(nvme0, 8)
    for lba in range(3):
        nvme0n1.read(q, buf, lba).waitdone()
    shadow.config()
    tail = shadow.tail_at(q.sqid)
    assert shadow.shadow.data(tail + 3, tail) == 3
    nvme0.reset()
    for lba in range(20):
        nvme0n1.read(q, buf, lba).waitdone()
    q.delete()


@pytest.mark.parametrize("which", ["shadow", "event"])
def test_refused(nvme0, shadow, which):
    bad = d.Buffer(8192, offset=64)
    buf = d.Buffer(8192, prp2=bad) if which == "event" else d.Buffer(8192, offset=64, prp2=shadow.event)
    with pytest.warns(UserWarning, match="ERROR status: 00/(02|13)"):
        nvme0.send_cmd(DBBUF, buf).waitdone()
