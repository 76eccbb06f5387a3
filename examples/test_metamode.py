# SPDX-License-Identifier: BSD-3-Clause
"""Metamode: the script owns the queues, the entries and the doorbells, and may break the rules."""
import pytest

import nvme as d
from nvme import IOCQ, IOSQ, PRP, SQE, PRPList


def test_same_cid_twice(nvme0, nvme0n1):
    """Two writes with one command identifier: both are done, or the second is refused (00/03)."""
    cq = IOCQ(nvme0, 1, 10, PRP())
    sq = IOSQ(nvme0, 1, 10, PRP(), cq=cq)
    write = SQE(opc=1, cid=7, nsid=nvme0n1.nsid, prp1=PRP(pvalue=0x11111111, ptype=32))
    sq[0] = write
    write.slba = 1
    sq[1] = write
    sq.tail = 2
    cq.wait_pbit(1, 1)
    print(f"first: {cq[0]}, second: {cq[1]}")
    assert cq[0].cid == cq[1].cid == 7
    assert cq[0].status == 0 and cq[1].status in (0, 3)
    cq.head = 2
    sq.delete()
    cq.delete()


def test_doorbell_out_of_range(nvme0, nvme0n1):
    """A tail beyond the queue is an error event; the queue goes on from the last good one."""
    cq = IOCQ(nvme0, 1, 4, PRP())
    sq = IOSQ(nvme0, 1, 4, PRP(), cq=cq)
    sq.flush(cid=1, nsid=nvme0n1.nsid)
    with pytest.warns(UserWarning, match="AER notification is triggered: 0x10100"):
        sq.tail = 4
        nvme0.waitdone()
    nvme0.getlogpage(0x01, d.Buffer(64), 64).waitdone()  # arms the event again
    sq.tail = sq.wpointer
    cq.waitdone()
    cq.head = cq.rpointer
    print(*sq.cmdlog(), sep="\n")
    sq.delete()
    cq.delete()


def test_two_sqs_on_one_cq(nvme0, nvme0n1):
    """Queues in pages that do not follow each other; 16 KiB through a PRP list; callbacks by queue and command."""
    pages, done = PRPList(), []
    for i in range(2):
        pages[i] = PRP()
    cq = IOCQ(nvme0, 1, 300, pages, pc=False)
    sqs = [IOSQ(nvme0, qid, 10, PRP(), cq=cq) for qid in (1, 2)]
    for sq in sqs:
        prp_list = PRPList()
        for i in range(3):
            prp_list[i] = PRP()
        count = 16384 // nvme0n1.sector_size
        sq.write(9, nvme0n1.nsid, 0, count, prp1=PRP(), prp2=prp_list, cb=lambda cqe: done.append(cqe.sqid))
    for sq in reversed(sqs):
        sq.tail = sq.wpointer
    cq.waitdone(2)
    cq.head = cq.rpointer
    print(f"completions in the order of submission queues {done}")
    assert sorted(done) == [1, 2]
    for queue in (*sqs, cq):
        queue.delete()


def test_sgl_chain(nvme0, nvme0n1, qpair):
    """The specification's example: 13 KiB read as 3 KiB, 4 KiB, a hole of 2 KiB, and 4 KiB, in three segments."""
    lbas = 13 * 1024 // nvme0n1.sector_size
    if nvme0n1.sector_size != 512 or not nvme0.id_data(539, 536) & 1 << 16:
        pytest.skip("needs LBAs of 512 bytes and SGLs with bit buckets")
    data = d.Buffer(13 * 1024, ptype=0xBEEF, pvalue=100)
    nvme0n1.write(qpair, data, 0, lbas).waitdone()

    blocks = [d.DataBlockSGL(size) for size in (3072, 4096, 4096)]
    seg0, seg1, seg2 = d.SegmentSGL(16 * 2), d.SegmentSGL(16 * 3), d.LastSegmentSGL(16)
    seg0[0], seg0[1] = blocks[0], seg1
    seg1[0], seg1[1], seg1[2] = blocks[1], d.BitBucketSGL(2048), seg2
    seg2[0] = blocks[2]
    cq = IOCQ(nvme0, 2, 10, PRP())
    sq = IOSQ(nvme0, 2, 10, PRP(), cq=cq)
    sq.read(cid=0, nsid=nvme0n1.nsid, lba=0, lba_count=lbas, sgl=seg0)
    sq.tail = sq.wpointer
    cq.waitdone(1)
    cq.head = cq.rpointer
    assert blocks[0][:] + blocks[1][:] == data[:7168] and blocks[2][:] == data[9216:]
    sq.delete()
    cq.delete()
