# SPDX-License-Identifier: BSD-3-Clause
"""Metamode: creating and deleting queues, what the device refuses, doorbells.

NVMe Base Specification, "Create I/O Submission Queue command" and its neighbours; NVMe over PCIe Transport Specification, "Doorbell".
"""
import gc
import weakref

import pytest

import nvme as d
from nvme import CQE, IOCQ, IOSQ, PRP, SQE, PRPList

QID = 20  # of the fixtures cq and sq, see conftest.py


def clear_errors(nvme0):
    """An error event is masked until the host reads the error log."""
    nvme0.getlogpage(0x01, d.Buffer(64), 64).waitdone()


# --- life ---


def test_create_use_delete(nvme0, nvme0n1):
    cq = IOCQ(nvme0, 5, 10, PRP())
    sq = IOSQ(nvme0, 7, 10, PRP(), cq=cq)
    assert (cq.id, sq.id, sq.wpointer, cq.rpointer) == (5, 7, 0, 0)
    assert repr(cq) == "<IOCQ: 5>" and repr(sq) == "<IOSQ: 7>"
    out, back = PRP(pvalue=100, ptype=0xBEEF), PRP()
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


def test_memory_of_a_command_is_kept(nvme0n1, cq, sq, run):
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
    cq.wait_pbit(0, 1)  # the device has fetched and completed it, and nobody has looked
    sq[0] = SQE(0)  # the slot is free then, the memory is not
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


# --- beside the rest ---


def test_beside_a_qpair(nvme0, nvme0n1, qpair):
    """The driver's own queue pairs and those of metamode do not disturb each other."""
    cq = IOCQ(nvme0, 50, 10, PRP())
    sq = IOSQ(nvme0, 60, 10, PRP(), cq=cq)
    out, back = PRP(nvme0n1.sector_size, pvalue=100, ptype=0xBEEF), d.Buffer(nvme0n1.sector_size)
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
