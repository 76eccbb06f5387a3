# SPDX-License-Identifier: BSD-3-Clause
"""Metamode: entries by hand, callbacks, waiting, the log; rings that wrap around.

NVMe Base Specification, "Common Command Format", "Queues", "Phase Tag".
"""
import time

import pytest

import nvme as d
from nvme import CQE, IOCQ, IOSQ, PRP, SQE, PRPList

QID = 20  # of the fixtures cq and sq, see conftest.py


# --- commands ---


def test_same_cid_twice(nvme0n1, sq, cq, run):
    """Both writes are done, or the second is refused with Command ID Conflict (00/03)."""
    size, nsid = nvme0n1.sector_size, nvme0n1.nsid
    outs = [PRP(size, pvalue=100, ptype=0xBEEF) for _ in range(2)]
    order = []
    for i, out in enumerate(outs):
        sq.write(cid=77, nsid=nsid, lba=10 + i, prp1=out, cb=lambda cqe, i=i: order.append((i, cqe.cid)))
    run(2)
    assert order == [(0, 77), (1, 77)]
    assert cq[0].cid == cq[1].cid == 77 and cq[0].status == 0
    assert cq[1].status in (0, 3)
    for i, out in enumerate(outs[: 2 if cq[1].status == 0 else 1]):
        back = PRP(size)
        sq.read(cid=i, nsid=nsid, lba=10 + i, prp1=back)
        run()
        assert back[:] == out[:]


def test_cid_of_more_than_16_bits(nvme0n1, sq, cq, run):
    """Placed as given: 1 << 16 is where CID 1 stands in dword 0."""
    cmd = SQE(cid=1 << 16, opc=1)
    assert cmd[0] == 0x10001 and cmd.cid == 1 and cmd.opc == 1
    assert SQE(opc=2, cid=0xABCD1234)[0] == 0xABCD1236
    assert SQE(cid=1 << 40 | 5)[0] == 5
    assert SQE(cid=0xFFFF)[0] == 0xFFFF0000
    sq.flush(cid=0x20000, nsid=nvme0n1.nsid)
    run()
    assert cq[0].cid == 2 and cq[0].status == 0


def test_sqe_fields():
    buf = PRP()
    cmd = SQE(2, nsid=3, cid=0x1234, mptr=0x1_0000_0004, prp1=buf, prp2=5, slba=1 << 40 | 9, nlb=8, fuse=1)
    assert cmd[:6] == [0x12340102, 3, 0, 0, 4, 1] and cmd[10:13] == [9, 1 << 8, 7]
    assert (cmd.prp1, cmd.prp2, cmd.mptr) == (buf.phys_addr, 5, 0x1_0000_0004)
    assert (cmd.opc, cmd.opcode, cmd.fuse, cmd.psdt) == (2, 2, 1, 0)
    assert (cmd.slba, cmd.nlb, cmd.nsid, cmd.cid) == (1 << 40 | 9, 8, 3, 0x1234)
    assert len(cmd) == 16 and SQE(*cmd) == cmd and isinstance(cmd, list)
    cmd.opcode = 0x1FF
    assert cmd.opc == 0xFF and cmd.fuse == 1
    cmd.sgl = d.DataBlockSGL(512)
    assert cmd.psdt == 1 and cmd.sgl[8:] == bytes((0, 2, 0, 0, 0, 0, 0, 0))
    assert SQE(8, 0, 0)[:3] == [8, 0, 0]
    with pytest.raises(TypeError):
        SQE(lba=1)
    with pytest.raises(AssertionError):
        SQE(*range(17))


def test_entries_from_lists(nvme0, sq):
    """A plain list will do; dwords that are not given are 0, bits that do not fit are cut off."""
    sq[3] = [0x50000, 1 << 32 | 7]
    assert sq[3] == [0x50000, 7] + [0] * 14 and sq.wpointer == 4
    sq[9] = SQE(0)
    assert sq.wpointer == 0
    with pytest.raises(IndexError):
        sq[64] = SQE(0)  # a page has 64
    with pytest.raises(IndexError):
        sq[-1] = SQE(0)
    with pytest.raises(AssertionError):
        sq[0] = [0] * 17


def test_helpers_place_and_do_not_send(sq, cq):
    data = PRP()
    sq.write(1, 2, 3 << 32 | 4, 5, mptr=6, prp1=data, prp2=7)
    cmd = sq[0]
    assert (cmd.opc, cmd.cid, cmd.nsid, cmd.slba, cmd.nlb) == (1, 1, 2, 3 << 32 | 4, 5)
    assert (cmd.mptr, cmd.prp1, cmd.prp2, cmd.psdt) == (6, data.phys_addr, 7, 0)
    sq.send_cmd(
        0x205, 8, 9, sgl=data, cdw02=1, cdw03=2, cdw10=10, cdw11=11, cdw12=12, cdw13=13, cdw14=14, cdw15=15
    )
    assert sq[1][:4] == [0x00084205, 9, 1, 2] and sq[1][10:] == [10, 11, 12, 13, 14, 15]
    assert sq[1].sgl == data.phys_addr.to_bytes(8, "little") + (4096).to_bytes(8, "little")
    sq.send_cmd(1, 8, 9, sgl=data, psdt=2)
    assert sq[2].psdt == 2
    sq.zns_mgmt_send(1, 2, 3 << 32 | 4, action=4, select_all=True)
    assert sq[3][0] == 0x10079 and sq[3].slba == 3 << 32 | 4 and sq[3][13] == 0x104
    sq.zns_mgmt_receive(1, 2, 5, prp1=data, extended=True, state=3, partial=True)
    assert sq[4][0] == 0x1007A and sq[4][10:14] == [5, 0, 1023, 0x10301]
    sq.zns_mgmt_receive(1, 2, 5, sgl=d.DataBlockSGL(512), dwords=3)
    assert sq[5][12] == 2 and sq[5].psdt == 1
    assert sq.wpointer == 6 and sq.tail == 0
    with pytest.raises(TimeoutError):
        cq.waitdone(1, timeout=0.01)
    assert sq.cmdlog() == []


def test_callbacks(nvme0n1, qpair, sq, cq, run, caught):
    seen, nsid = [], nvme0n1.nsid
    sq.flush(1, nsid, cb=lambda cqe: seen.append((type(cqe), cqe.cid, cqe.sqid)))
    run()  # one by one: a controller may complete them in any order
    sq.read(2, nsid, 1 << 60, prp1=PRP(), cb=lambda cdw0, status: seen.append((cdw0, status)))
    sq.flush(3, nsid)
    run(2)
    assert seen[0] == (CQE, 1, QID) and seen[1][0] == 0 and seen[1][1] & 0xFFF == 0x80 << 1 | 1
    assert caught == ["ERROR status: 00/80"]

    def wait_again(cqe):
        seen.append(cqe.cid)
        cq.waitdone(0)
        qpair.waitdone(0)

    sq.flush(4, nsid, cb=wait_again)
    run()
    assert seen[2:] == [4]
    assert list(caught)[1].startswith("ASSERT: cannot re-entry waitdone()")
    sq.flush(5, nsid, cb=lambda cqe: 1 // 0)
    run()
    assert list(caught)[2].startswith("callback: ")


def test_waits_end(sq, cq):
    start = time.monotonic()
    with pytest.raises(TimeoutError, match="0 of 2 completions"):
        cq.waitdone(2, timeout=0.05)
    with pytest.raises(TimeoutError, match="entry 3"):
        cq.wait_pbit(3, 1, timeout=0.05)
    assert 0.1 <= time.monotonic() - start < 5
    cq.wait_pbit(3, 0, timeout=0)
    assert cq.waitdone(0) == 0


def test_some_of_what_was_expected(nvme0n1, sq, cq):
    sq.flush(1, nvme0n1.nsid)
    sq.tail = 1
    with pytest.raises(TimeoutError, match="1 of 2"):
        cq.waitdone(2, timeout=0.1)
    assert cq.rpointer == 1


def test_cmdlog(nvme0n1, sq, cq, run):
    nsid = nvme0n1.nsid
    sq.read(5, nsid, 40, 2, prp1=PRP())
    sq.flush(6, nsid)
    run(2)
    sq.flush(7, nsid)
    sq.tail = sq.wpointer
    log = sq.cmdlog()
    assert len(log) == 3
    assert "Flush" in log[0] and "cid:7" in log[0] and log[0].endswith("outstanding")
    assert "cid:6" in log[1] and "SUCCESS (00/00)" in log[1] and " us" in log[1]
    assert "Read" in log[2] and f"sqid:{QID} cid:5" in log[2] and "slba:40 nlb:2" in log[2]
    assert sq.cmdlog(count=1, offset=1) == [log[1]]
    cq.waitdone()
    assert "SUCCESS" in sq.cmdlog(1)[0]


# --- rings ---


def test_wrap_and_phase(nvme0, nvme0n1):
    """A CQ of 3 entries.  The device stops when it is full, and the phase tag changes with each round."""
    cq = IOCQ(nvme0, 1, 3, PRP())
    sq = IOSQ(nvme0, 1, 4, PRP(), cqid=1)
    for i, cid in enumerate((4, 3, 2, 1)):
        sq[i] = SQE(cid << 16, nvme0n1.nsid)
        sq.tail = (i + 1) % 4
        if i < 2:
            cq.wait_pbit(i, 1)
    time.sleep(0.1)
    assert (cq[0][3], cq[1][3], cq[2][3]) == (0x10004, 0x10003, 0)
    cq.head = 1
    cq.wait_pbit(2, 1)
    first = cq[2][3] & 0xFFFF  # the last two are there together, and may complete in any order
    assert first in (1, 2) and (cq[2][3] >> 16, cq[0][3]) == (1, 0x10004)
    cq.head = 2
    cq.wait_pbit(0, 0)
    assert cq[0][3] == 3 - first and cq[1][3] == 0x10003
    sq.delete()
    cq.delete()


def test_many_rounds(nvme0, nvme0n1):
    cq = IOCQ(nvme0, 1, 5, PRP())
    sq = IOSQ(nvme0, 1, 3, PRP(), cq=cq)
    done = []
    for cid in range(40):
        sq.flush(cid, nvme0n1.nsid, cb=lambda cqe: done.append(cqe.cid))
        sq.tail = sq.wpointer
        cq.waitdone()
        cq.head = cq.rpointer
    assert done == list(range(40))
    sq.delete()
    cq.delete()


def test_waitdone_goes_on_behind_what_the_script_took(nvme0n1, sq, cq):
    taken = []
    for cid in (1, 2, 3):
        sq.flush(cid, nvme0n1.nsid, cb=lambda cqe: taken.append(cqe.cid))
    sq.tail = 3
    cq.wait_pbit(2, 1)
    cq.head = 2  # by hand
    cq.waitdone()
    assert taken == [CQE(cq[2]).cid] and cq.rpointer == 3
    cq.head = 2  # behind: nothing is taken twice
    assert cq.rpointer == 3


def test_several_sqs_on_one_cq(nvme0, nvme0n1, cq):
    queues = [IOSQ(nvme0, qid, 4 + qid, PRP(), cq=cq) for qid in (1, 2, 3)]
    done = []
    for sq in queues:
        for cid in (11, 12):
            sq.flush(cid, nvme0n1.nsid, cb=lambda cqe, qid=sq.id: done.append((qid, cqe.sqid, cqe.cid)))
    for sq in reversed(queues):
        sq.tail = sq.wpointer
    cq.waitdone(6)
    cq.head = cq.rpointer
    assert sorted(done) == [(qid, qid, cid) for qid in (1, 2, 3) for cid in (11, 12)]
    assert all(cq[i].sqhd in (1, 2) for i in range(6))
    for sq in queues:
        sq.delete()


def test_queues_in_prp_lists(nvme0, nvme0n1):
    """Pages in no order; 64 submission entries or 256 completion entries a page; three rounds."""
    if nvme0.cap & 1 << 16:
        pytest.skip("CAP.CQR: queues have to be contiguous")
    lists = PRPList(), PRPList()
    pages = [PRP() for _ in range(5)]
    for i, page in enumerate((pages[4], pages[0], pages[2])):
        lists[0][i] = page
    for i, page in enumerate((pages[3], pages[1])):
        lists[1][i] = page
    assert lists[0][1] is pages[0] and lists[0][3] is None
    cq = IOCQ(nvme0, 1, 300, lists[1], pc=False)
    sq = IOSQ(nvme0, 1, 150, lists[0], pc=False, cq=cq)
    done = []
    for cid in range(450):
        sq.flush(cid, nvme0n1.nsid, cb=lambda cqe: done.append((cqe.cid, cqe.status)))
        if cid % 50 == 49:
            sq.tail = sq.wpointer
            cq.waitdone(50)
            cq.head = cq.rpointer
    assert done == [(cid, 0) for cid in range(450)]
    assert SQE(*sq[64]).cid == pages[0].data(3, 2) and pages[2].data(3, 2) == sq[128].cid
    assert cq[256][3] & 0xFFFF == pages[1].data(13, 12)
    sq.delete()
    cq.delete()


def test_commands_go_with_their_queue(nvme0, nvme0n1):
    """What was not fetched, because the CQ was full, never completes; the next queue of that number is another one."""
    cq = IOCQ(nvme0, QID, 3, PRP())
    sq = IOSQ(nvme0, QID, 5, PRP(), cq=cq)
    done = []
    for cid in range(3):
        sq.flush(cid, nvme0n1.nsid, cb=lambda cqe: done.append(("old", cqe.cid)))
    sq.tail = sq.wpointer
    cq.waitdone(2)
    sq.delete()
    sq = IOSQ(nvme0, QID, 5, PRP(), cq=cq)
    cq.head = cq.rpointer
    sq.flush(2, nvme0n1.nsid, cb=lambda cqe: done.append(("new", cqe.cid)))
    sq.tail = sq.wpointer
    cq.waitdone()
    assert (
        [kind for kind, _ in done] == ["old", "old", "new"] and done[0] != done[1] and done[2] == ("new", 2)
    )
    sq.delete()
    cq.delete()
