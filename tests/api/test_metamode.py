# SPDX-License-Identifier: BSD-3-Clause
"""Metamode: queues, doorbells and entries by hand.

NVMe Base Specification, "Queues", "Create I/O Submission Queue command" and its neighbours, "Physical Region Page Entry and List",
"Scatter Gather List (SGL)"; NVMe over PCIe Transport Specification, "Doorbell".
"""
import gc
import time
import weakref

import pytest

import nvme as d
from nvme import CQE, IOCQ, IOSQ, PRP, SQE, PRPList


QID = 20  # of the fixtures, out of the way of the driver's queue pairs


@pytest.fixture
def cq(nvme0):
    queue = IOCQ(nvme0, QID, 10, PRP())
    yield queue
    if queue.id:
        queue.delete()


@pytest.fixture
def sq(nvme0, cq):
    queue = IOSQ(nvme0, QID, 10, PRP(), cq=cq)
    yield queue
    if queue.id:
        queue.delete()


@pytest.fixture
def run(sq, cq):
    """Send what was placed, and wait for it."""

    def go(n=1):
        sq.tail = sq.wpointer
        cdw0 = cq.waitdone(n)
        cq.head = cq.rpointer
        return cdw0

    return go


def pattern(buf, seed):
    buf[:] = bytes((i // 512 + i * 7 + seed) & 0xFF for i in range(len(buf)))
    return buf


def clear_errors(nvme0):
    """An error event is masked until the host reads the error log."""
    nvme0.getlogpage(0x01, d.Buffer(64), 64).waitdone()


# --- life ---


def test_create_use_delete(nvme0, nvme0n1):
    cq = IOCQ(nvme0, 5, 10, PRP())
    sq = IOSQ(nvme0, 7, 10, PRP(), cq=cq)
    assert (cq.id, sq.id, sq.wpointer, cq.rpointer) == (5, 7, 0, 0)
    assert repr(cq) == "<IOCQ: 5>" and repr(sq) == "<IOSQ: 7>"
    out, back = pattern(PRP(), 3), PRP()
    count = 4096 // nvme0n1.sector_size

    write = SQE(1, nvme0n1.nsid)
    write.prp1, write.slba, write.nlb, write.cid = out, 40, count, 123
    sq[0] = write
    assert sq[0] == write and sq.wpointer == 1
    sq.tail = 1
    cq.wait_pbit(0, 1)
    cqe = CQE(cq[0])
    assert (cqe.status, cqe.cid, cqe.sqid, cqe.sqhd, cqe.p) == (0, 123, 7, 1, 1)
    cq.head = 1

    sq.read(cid=9, nsid=nvme0n1.nsid, lba=40, lba_count=count, prp1=back)
    assert back[:] == bytes(4096)  # not sent yet
    sq.tail = sq.wpointer
    cq.waitdone(1)
    cq.head = cq.rpointer
    assert back[:] == out[:]
    assert (sq.tail, cq.head, cq[1].cid) == (2, 2, 9)

    sq.delete()
    cq.delete()
    assert sq.id == cq.id == 0
    for queue in (sq, cq):
        with pytest.warns(UserWarning, match="ERROR status: 01/01"):
            queue.delete()


def test_both_spellings(nvme0):
    cq = IOCQ(nvme0, 1, 8, prp=PRP())
    queues = [
        IOSQ(nvme0, 1, 8, prp=PRP(), cqid=1),
        IOSQ(nvme0, 2, 8, prp1=PRP(), cq=1),
        IOSQ(nvme0, 3, 8, PRP(), cqid=cq),
        IOSQ(nvme0, 4, 8, PRP(), 1),
    ]
    for sq in queues:
        sq.flush(cid=sq.id, nsid=1)
        sq.tail = sq.wpointer
        cq.waitdone()
        cq.head = cq.rpointer
        assert cq[cq.rpointer - 1].sqid == sq.id
        sq.delete()
    cq.delete()
    with pytest.raises(AssertionError):
        IOSQ(nvme0, 1, 8, PRP())
    with pytest.raises(AssertionError):
        IOCQ(nvme0, 1, 8)


def test_names_of_pynvme_2():
    import psd
    from scripts import psd as shim

    for name in ("IOCQ", "IOSQ", "PRP", "PRPList", "SQE", "CQE"):
        assert getattr(shim, name) is getattr(psd, name) is getattr(d, name)


def test_delete_by_identifier(nvme0, cq):
    for qid in (3, 4):
        IOSQ(nvme0, qid, 8, PRP(), cq=cq)  # the object goes, the queue stays
    with pytest.warns(UserWarning, match="ERROR status: 01/01"):
        IOSQ(nvme0, 3, 8, PRP(), cq=cq)
    other = IOSQ(nvme0, 5, 8, PRP(), cq=cq)
    other.delete(3)
    assert other.id == 5
    other.delete(qid=4)
    other.delete()


def test_memory_of_a_dropped_queue_is_kept(nvme0):
    memory = PRP()
    alive = weakref.ref(memory)
    IOCQ(nvme0, 6, 8, memory)
    del memory
    gc.collect()
    assert alive() is not None
    IOCQ(nvme0, 2, 8, PRP()).delete(6)
    gc.collect()
    assert alive() is None
    nvme0.send_cmd(0x04, cdw10=2).waitdone()


def test_memory_of_a_command_is_kept(nvme0n1, sq, run):
    page = PRP()
    alive = weakref.ref(page)
    cmd = SQE(2, nvme0n1.nsid, cid=1)
    cmd.prp1 = page
    copy = SQE(*cmd)
    del page, cmd
    gc.collect()
    assert alive() is not None
    sq[0] = copy
    del copy
    sq.tail = 1
    sq[0] = SQE(0)  # the slot is free as soon as the device has fetched it, the memory is not
    gc.collect()
    assert alive() is not None
    sq.wpointer = 1
    run()
    gc.collect()
    assert alive() is None


# --- refusals: device answers ---


@pytest.mark.parametrize(
    "qid, qsize, kwargs, status",
    [
        (0, 10, {}, "01/01"),
        (0xFFFF, 10, {}, "01/01"),
        (2, 1, {}, "01/02"),
        (2, 10, {"iv": 0xFF}, "01/08"),
        (2, 10, {"iv": 2047}, "01/08"),
        (QID, 10, {}, "01/01"),  # exists
    ],
)
def test_cq_refused(nvme0, cq, qid, qsize, kwargs, status):
    with pytest.warns(UserWarning, match=f"ERROR status: {status}") as seen:
        refused = IOCQ(nvme0, qid, qsize, PRP(), **kwargs)
    assert len(seen) == 1 and seen[0].filename == __file__
    assert refused.id == 0 and refused.qsize == qsize and refused[0][3] == 0


@pytest.mark.parametrize(
    "qid, qsize, cqid, status",
    [
        (0, 10, QID, "01/01"),
        (0xDEAD, 10, QID, "01/01"),
        (2, 1, QID, "01/02"),
        (2, 10, 0, "01/01"),
        (2, 10, 0xFFFF, "01/01"),
        (2, 10, 9, "01/00"),  # no such completion queue
        (QID, 10, QID, "01/01"),  # exists
    ],
)
def test_sq_refused(nvme0, cq, sq, qid, qsize, cqid, status):
    with pytest.warns(UserWarning, match=f"ERROR status: {status}") as seen:
        refused = IOSQ(nvme0, qid, qsize, PRP(), cqid=cqid)
    assert len(seen) == 1 and seen[0].filename == __file__
    assert refused.id == 0
    refused[0] = SQE(0, 1)
    assert refused[0][1] == 1


def test_number_of_queues_and_entries(nvme0, cq):
    """One more than the controller has, and one larger than CAP.MQES."""
    granted = nvme0.getfeatures(7).waitdone()
    with pytest.warns(UserWarning, match="ERROR status: 01/01"):
        assert IOCQ(nvme0, (granted >> 16) + 2, 10, PRP()).id == 0
    with pytest.warns(UserWarning, match="ERROR status: 01/01"):
        assert IOSQ(nvme0, (granted & 0xFFFF) + 2, 10, PRP(), cq=cq).id == 0
    most = (nvme0.cap & 0xFFFF) + 1
    IOCQ(nvme0, 2, most, PRP(most * 16)).delete()
    IOSQ(nvme0, 2, most, PRP(most * 64), cq=cq).delete()
    if most < 1 << 16:
        with pytest.warns(UserWarning, match="ERROR status: 01/02"):
            IOCQ(nvme0, 2, most + 1, PRP())
        with pytest.warns(UserWarning, match="ERROR status: 01/02"):
            IOSQ(nvme0, 2, most + 1, PRP(), cq=cq)
    for size in (0, 65537):
        with pytest.raises(AssertionError):
            IOCQ(nvme0, 2, size, PRP())


@pytest.mark.parametrize("offset", [1, 16, 2048])
def test_queue_at_an_offset(nvme0, cq, offset):
    """Contiguous or not, PRP1 has offset 0h."""
    page, pages = PRP(offset=offset), PRPList()
    pages[0] = PRP()
    pages.offset = offset
    for where, pc in ((page, True), (pages, False)):
        if not pc and nvme0.cap & 1 << 16:
            continue  # CAP.CQR: refused for another reason
        with pytest.warns(UserWarning, match="ERROR status: 00/13"):
            assert IOCQ(nvme0, 2, 8, where, pc=pc).id == 0
        with pytest.warns(UserWarning, match="ERROR status: 00/13"):
            assert IOSQ(nvme0, 2, 8, where, pc=pc, cq=cq).id == 0


def test_not_contiguous(nvme0, cq):
    """PC 0 is an Invalid Field in Command where CAP.CQR is 1, and works where it is 0."""
    pages = PRPList()
    pages[0] = PRP()
    if nvme0.cap & 1 << 16:
        with pytest.warns(UserWarning, match="ERROR status: 00/02"):
            assert IOSQ(nvme0, 2, 8, pages, cq=cq, pc=False).id == 0
    else:
        IOSQ(nvme0, 2, 8, pages, cq=cq, pc=False).delete()


def test_delete_cq_before_its_sqs(nvme0):
    cq = IOCQ(nvme0, 2, 10, PRP())
    queues = [IOSQ(nvme0, 2 + i, 10, PRP(), cq=cq) for i in range(3)]
    for sq in queues:
        with pytest.warns(UserWarning, match="ERROR status: 01/0c"):
            cq.delete()
        assert cq.id == 2
        sq.delete()
    cq.delete()


# --- commands ---


def test_same_cid_twice(nvme0n1, sq, cq, run):
    """Both writes are done, or the second is refused with Command ID Conflict (00/03)."""
    size, nsid = nvme0n1.sector_size, nvme0n1.nsid
    outs = [pattern(PRP(size), seed) for seed in (1, 2)]
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
    sq.read(2, nsid, 1 << 60, prp1=PRP(), cb=lambda cdw0, status: seen.append((cdw0, status)))
    sq.flush(3, nsid)
    run(3)
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


# --- doorbells ---


@pytest.mark.parametrize("value", [10, 0xFFFF, 0x10001, 0xFFFFFFFF])
def test_tail_beyond_the_queue(nvme0, nvme0n1, sq, cq, run, value):
    """Invalid Doorbell Write Value: an error event, and the queue goes on from the last good value."""
    clear_errors(nvme0)
    sq.flush(1, nvme0n1.nsid)
    with pytest.warns(UserWarning, match="AER notification is triggered: 0x10100"):
        sq.tail = value
        nvme0.waitdone()
    assert sq.tail == value and cq[0].p == 0
    run()
    assert cq[0].status == 0 and cq[0].cid == 1
    clear_errors(nvme0)


def test_head_beyond_what_was_completed(nvme0, nvme0n1, sq, cq, run):
    """The same event, for a completion queue."""
    clear_errors(nvme0)
    for cid in range(4):
        sq.flush(cid, nvme0n1.nsid)
    sq.tail = sq.wpointer
    cq.waitdone(4)
    with pytest.warns(UserWarning, match="AER notification is triggered: 0x10100"):
        cq.head = 5
        nvme0.waitdone()
    clear_errors(nvme0)
    assert cq.rpointer == 4
    cq.head = 4
    sq.flush(9, nvme0n1.nsid)
    run()
    assert cq[4].cid == 9


def test_every_value_of_a_doorbell_is_seen(nvme0, nvme0n1):
    """Doorbells are written one by one, and an entry is fetched before the script can write the next one over it."""
    cq = IOCQ(nvme0, QID, 64, PRP())
    sq = IOSQ(nvme0, QID, 2, PRP(), cq=cq)
    for cid in range(60):
        sq[cid % 2] = SQE(cid << 16, nvme0n1.nsid)
        sq.tail = (cid + 1) % 2
    cq.waitdone(60)
    assert [cq[i].cid for i in range(60)] == list(range(60))
    sq.delete()
    cq.delete()


def test_doorbell_of_no_queue(nvme0, cq, sq):
    """Write to Invalid Doorbell Register.  A queue that was refused, or is deleted, still has its doorbell."""
    clear_errors(nvme0)
    gone = IOSQ(nvme0, 9, 8, PRP(), cq=cq)
    gone.delete()
    with pytest.warns(UserWarning, match="AER notification is triggered: 0x10000"):
        gone.tail = 1
        nvme0.waitdone()
    clear_errors(nvme0)


def test_doorbells_of_the_admin_queue_are_refused(nvme0, cq):
    with pytest.warns(UserWarning, match="ERROR status: 01/01"):
        none = IOSQ(nvme0, 0, 8, PRP(), cq=cq)
    with pytest.raises(AssertionError):
        none.tail = 1
    with pytest.raises(OverflowError):
        cq.head = 1 << 32
    with pytest.raises(OverflowError):
        cq.head = -1
    nvme0.getfeatures(7).waitdone()


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
    assert (cq[2][3], cq[0][3]) == (0x10002, 0x10004)
    cq.head = 2
    cq.wait_pbit(0, 0)
    assert cq[0][3] == 0x00001 and cq[1][3] == 0x10003
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
    assert taken == [3] and cq.rpointer == 3
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


# --- data pointers ---


def test_prp_list(nvme0n1, sq, run):
    count = 4 * 4096 // nvme0n1.sector_size
    outs, backs = [pattern(PRP(), i) for i in range(4)], [PRP() for _ in range(4)]
    for cid, pages in enumerate((outs, backs)):
        prps = PRPList()
        for i, page in enumerate(pages[1:]):
            prps[i] = page
        rw = sq.read if cid else sq.write
        rw(cid=cid, nsid=nvme0n1.nsid, lba=100, lba_count=count, prp1=pages[0], prp2=prps)
        run()
    assert [p[:] for p in outs] == [p[:] for p in backs]


def test_prp_list_at_an_offset(nvme0n1, sq, run):
    """A list of two entries at the end of its page: one of data, and since that is not enough, one that leads to another list."""
    count = 4 * 4096 // nvme0n1.sector_size
    outs, backs = [pattern(PRP(), 40 + i) for i in range(4)], [
        PRP(offset=512 if not i else 0) for i in range(5)
    ]
    first, second = PRPList(offset=4096 - 16), PRPList()
    first[510], first[511] = outs[1], second
    second[0], second[1] = outs[2], outs[3]
    sq.write(cid=1, nsid=nvme0n1.nsid, lba=200, lba_count=count, prp1=outs[0], prp2=first)
    run()
    first, second = PRPList(offset=4096 - 16), PRPList()
    first[510], first[511] = backs[1], second
    second[0], second[1], second[2] = backs[2:]
    sq.read(cid=2, nsid=nvme0n1.nsid, lba=200, lba_count=count, prp1=backs[0], prp2=first)
    run()
    got = backs[0][512:] + b"".join(p[:] for p in backs[1:4]) + backs[4][:512]
    assert got == b"".join(p[:] for p in outs)
    assert backs[4][512:] == bytes(4096 - 512)


def test_bad_prps(nvme0n1, sq, run):
    count = 3 * 4096 // nvme0n1.sector_size
    for prp1, prp2 in ((PRP(offset=1), 0), (PRP(), PRPList(offset=4))):
        sq.read(cid=1, nsid=nvme0n1.nsid, lba=0, lba_count=count, prp1=prp1, prp2=prp2)
        with pytest.warns(UserWarning, match="ERROR status: 00/13"):
            run()


def test_find_buffer_by_offset():
    pages = [PRP() for _ in range(4)]
    first, second = PRPList(offset=8 * 510), PRPList()
    first[510], first[511] = pages[0], second
    second[0], second[1] = pages[1], pages[2]
    assert first.find_buffer_by_offset(0) == (pages[0], 0)
    assert first.find_buffer_by_offset(4095, 0) == (pages[0], 4095)
    assert first.find_buffer_by_offset(4096 + 17) == (pages[1], 17)
    assert first.find_buffer_by_offset(12287 + 100, 100) == (pages[2], 4095)
    for beyond in (12288, 1 << 30):
        with pytest.raises(IndexError):
            first.find_buffer_by_offset(beyond)
    second[0] = PRP(offset=96)
    assert first.find_buffer_by_offset(4096)[1] == 96
    assert first.find_buffer_by_offset(4096 + 4000) == (pages[2], 0)
    second[0] = 0x123000  # an address, whose memory nobody knows
    assert second[0] == 0x123000 and second[0:8] == (0x123000).to_bytes(8, "little")
    with pytest.raises(IndexError):
        first.find_buffer_by_offset(4096)
    for index in (512, -1):
        with pytest.raises(AssertionError):
            second[index] = pages[3]
        with pytest.raises(AssertionError):
            second[index]


# --- SGLs ---


@pytest.fixture
def sgls(nvme0):
    if nvme0.id_data(539, 536) & 3 == 0:
        pytest.skip("no SGLs: Identify Controller, SGLS")
    return nvme0.id_data(539, 536)


def test_sgl_example_of_the_specification(nvme0n1, sq, sgls, run):
    """13 KiB are read: 3 KiB, 4 KiB, 2 KiB that go nowhere, 4 KiB; in three segments."""
    if not sgls & 1 << 16:
        pytest.skip("no bit buckets: Identify Controller, SGLS")
    size, nsid = nvme0n1.sector_size, nvme0n1.nsid
    if size != 512:
        pytest.skip("the example has LBAs of 512 bytes")
    out = pattern(PRP(13 * 1024), 99)
    sq.write(cid=1, nsid=nsid, lba=300, lba_count=26, sgl=out)
    run()

    blocks = [d.DataBlockSGL(1024 * n, "block", 0x5A5A5A5A, 32) for n in (3, 4, 4)]
    hole = d.BitBucketSGL(2 * 1024, "hole", 0x5A5A5A5A, 32)
    seg0, seg1, seg2 = d.SegmentSGL(16 * 2), d.SegmentSGL(16 * 3), d.LastSegmentSGL(16)
    seg0[0], seg0[1] = blocks[0], seg1
    seg1[0], seg1[1], seg1[2] = blocks[1], hole, seg2
    seg2[0] = blocks[2]
    sq.read(cid=2, nsid=nsid, lba=300, lba_count=26, sgl=seg0)
    assert sq[1].psdt == 1 and sq[1].sgl[15] == 0x20 and seg1[47] == 0x30 and seg1[31] == 0x10
    run()
    data = out[:]
    assert blocks[0][:] == data[: 3 * 1024]
    assert blocks[1][:] == data[3 * 1024 : 7 * 1024]
    assert blocks[2][:] == data[9 * 1024 :]
    assert hole[:] == b"\x5a" * 2048


def test_sgl_at_offsets(nvme0n1, sq, sgls, run):
    """Data blocks at any byte (SGLS 01b) or at dwords (10b)."""
    size, nsid = nvme0n1.sector_size, nvme0n1.nsid
    step = 4 if sgls & 3 == 2 else 1
    out = pattern(PRP(size), 5)
    sq.write(cid=1, nsid=nsid, lba=7, prp1=out)
    run()
    blocks = [d.DataBlockSGL(step + 8, offset=8), d.DataBlockSGL(size - step + 4, offset=4)]
    last = d.LastSegmentSGL(16 * 4, offset=16)
    last[0], last[1] = blocks
    last.size = 32
    sq.read(cid=2, nsid=nsid, lba=7, sgl=last)
    run()
    assert blocks[0][8:] + blocks[1][4:] == out[:]


def test_bad_sgls(nvme0n1, sq, sgls, run):
    """SGL Descriptor Type Invalid, Invalid SGL Segment Descriptor, Data SGL Length Invalid, and raw bytes."""
    last, nested = d.LastSegmentSGL(16), d.LastSegmentSGL(16)
    last[0] = nested
    for sgl, status in (
        (bytes(15) + b"\xe0", "00/11"),
        (last, "00/0d"),
        (d.DataBlockSGL(4), "00/0f"),
        (d.LastSegmentSGL(8), "00/0d"),
    ):
        sq.read(cid=1, nsid=nvme0n1.nsid, lba=0, sgl=sgl)
        with pytest.warns(UserWarning, match=f"ERROR status: {status}"):
            run()


def test_segments_are_buffers():
    seg = d.SegmentSGL(32)
    block = d.DataBlockSGL(512, offset=12)
    seg[1] = block
    assert seg[16:] == block.phys_addr.to_bytes(8, "little") + (500).to_bytes(8, "little") == block.descriptor
    seg[0] = 7
    seg[1:3] = b"\x01\x02"
    assert seg[:3] == b"\x07\x01\x02"
    with pytest.raises(IndexError):
        seg[2] = block
    assert d.BitBucketSGL(64).descriptor == bytes(8) + (64).to_bytes(4, "little") + b"\0\0\0\x10"
    assert all(issubclass(c, d.SGL) and issubclass(c, d.Buffer) for c in (d.SegmentSGL, d.LastSegmentSGL))


# --- beside the rest ---


def test_beside_a_qpair(nvme0, nvme0n1, qpair):
    """The driver's own queue pairs and those of metamode do not disturb each other."""
    cq = IOCQ(nvme0, 50, 10, PRP())
    sq = IOSQ(nvme0, 60, 10, PRP(), cq=cq)
    out, back = pattern(PRP(nvme0n1.sector_size), 8), d.Buffer(nvme0n1.sector_size)
    sq.write(cid=0, nsid=nvme0n1.nsid, lba=5, prp1=out)
    sq.tail = sq.wpointer
    cq.waitdone()
    nvme0n1.read(qpair, back, 5).waitdone()
    assert back[:] == out[:]
    sq.delete()
    cq.delete()


def test_after_a_reset(nvme0, nvme0n1, cq, sq, run):
    """A controller reset deletes the queues; they can be made again."""
    nvme0.reset()
    with pytest.warns(UserWarning, match="ERROR status: 01/01"):
        sq.delete()
    cq2 = IOCQ(nvme0, cq.id, 10, PRP())
    sq2 = IOSQ(nvme0, sq.id, 10, PRP(), cq=cq2)
    sq2.flush(1, nvme0n1.nsid)
    sq2.tail = 1
    cq2.waitdone()
    sq2.delete()
    cq2.delete()
    cq.id = sq.id = 0


def test_simulated():
    """An SSD in this process, which works only while somebody waits, on virtual time."""
    pcie = d.Pcie("sim:")
    nvme = d.Controller(pcie)
    cq = IOCQ(nvme, 1, 10, PRP())
    sq = IOSQ(nvme, 1, 10, PRP(), cq=cq)
    sq.flush(3, 1)
    sq.tail = sq.wpointer
    cq.waitdone()
    assert cq[0].cid == 3
    with pytest.raises(TimeoutError):
        cq.waitdone()
    pcie.close()
    with pytest.raises(SystemError):
        sq.tail = 2
