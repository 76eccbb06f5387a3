# SPDX-License-Identifier: BSD-3-Clause
"""Metamode: I/O queues of which the script owns every byte - memory, entries, doorbells - to break the rules on purpose.

    cq = IOCQ(nvme0, 1, 10, PRP())
    sq = IOSQ(nvme0, 1, 10, PRP(), cq=cq)
    sq[0] = SQE(opc=2, cid=7, nsid=1, slba=0, nlb=8, prp1=PRP())    # or sq.read(cid=7, nsid=1, lba=0, lba_count=8, prp1=PRP())
    sq.tail = 1                                                     # or sq.tail = sq.wpointer
    cq.waitdone(1)
    cq.head = cq.rpointer
    sq.delete()
    cq.delete()

Nothing is checked but what would harm this process.  What the device refuses is a UserWarning.  A dropped queue is not deleted on
the device, and its memory stays until it is.  NVMe Base Specification, "Queues"; NVMe over PCIe Transport Specification, "Doorbell".
"""
import struct
import time
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import _native
from ._native import CQE
from .controller import Controller
from .prp import Page, PRPList, find
from .sgl import SGL
from .sqe import SQE, Address, address, encode, memory_of
from .util import _cTIMEOUT

_Cb = Callable[..., Any] | None

# NVMe Base Specification, "Opcodes for Admin Commands"; I/O commands, NVM and Zoned Namespace Command Sets
_DELETE_SQ, _CREATE_SQ, _DELETE_CQ, _CREATE_CQ = 0x00, 0x01, 0x04, 0x05
_FLUSH, _WRITE, _READ, _ZONE_SEND, _ZONE_RECEIVE = 0x00, 0x01, 0x02, 0x79, 0x7A

_DOORBELLS = 0x1000  # in BAR0
_SQE_SIZE, _CQE_SIZE, _PHASE_BYTE = 64, 16, 14


@dataclass(eq=False)
class _Sent:
    """A command that the tail doorbell covered; its memory is kept until its completion is seen."""

    cb: _Cb
    memory: list[Any]
    log: _native.LogRing
    number: int  # in that log


@dataclass(eq=False)
class _Ring:
    """What must live as long as the device knows of a queue, whatever happens to the script's object."""

    pages: list[Page]
    keep: _native.Buffer | int
    log: _native.LogRing | None = None  # of an SQ
    slots: dict[int, tuple[list[int], _Cb]] = field(default_factory=dict)  # of an SQ: what was placed
    sent: dict[tuple[int, int], deque[_Sent]] = field(
        default_factory=lambda: defaultdict(deque)
    )  # by SQ and CID

    def take(self, ctrlr: Controller, cqe: CQE) -> _Cb:
        """Match a completion with the oldest command of its SQ and CID; that one's callback."""
        waiting = self.sent.get((cqe.sqid, cqe.cid))
        if not waiting:
            return None
        done = waiting.popleft()
        done.log.complete(ctrlr, done.number, struct.pack("<4I", *cqe))
        return done.cb

    def forget(self, sqid: int) -> None:
        """What an earlier SQ with this identifier has sent does not complete any more."""
        for key in [key for key in self.sent if key[0] == sqid]:
            del self.sent[key]


class _Queue:
    """What IOCQ and IOSQ share."""

    _create: int
    _delete: int
    _is_cq: int
    _entry: int

    def __init__(
        self, ctrlr: Controller, qid: int, qsize: int, where: _native.Buffer | int | None, pc: bool
    ) -> None:
        assert 1 <= qsize <= 1 << 16, "a queue has 1 to 65,536 entries"
        assert where is not None, "a queue needs memory: prp1"
        self.id = 0
        self.qsize = qsize
        self._ctrlr = ctrlr
        self._qid = qid
        self._where = where
        self._pc = pc
        self._doorbell = 0
        self._ring = _Ring(self._pages(), where)

    def _pages(self) -> list[Page]:
        """The queue's memory as the device sees it."""
        where, left, pages = self._where, self.qsize * self._entry, []
        if not isinstance(where, _native.Buffer):
            return []
        if self._pc:
            return [(where, where.offset, where.size)]
        for page in where.pages() if isinstance(where, PRPList) else ():
            pages.append(page)
            left -= page[2]
            if left <= 0:
                break
        return pages

    def _rings(self) -> dict[tuple[int, int], _Ring]:
        """Queues that exist on the device; on the controller's object, so that they go with it."""
        rings: dict[tuple[int, int], _Ring] = vars(self._ctrlr).setdefault("_meta_rings", {})
        return rings

    def _admin(self, opcode: int, cdw10: int, cdw11: int = 0, cdw12: int = 0, prp1: int = 0) -> bool:
        """An admin command with any PRP1; whether the device did it."""
        empty = _native.Buffer(4, fake_phys_addr=0)
        data = _native.Buffer(4, fake_phys_addr=prp1, prp2=empty)
        cqe = self._ctrlr.sync_cmd(opcode, data, 0, cdw10, cdw11, cdw12)
        _native.complete(None, cqe)
        return not cqe.status

    def _new(self, cdw11: int, cdw12: int = 0) -> None:
        cdw10 = self._qid & 0xFFFF | self.qsize - 1 << 16
        if self._admin(self._create, cdw10, cdw11, cdw12, address(self._where)):
            self.id = self._qid
            self._rings()[self._is_cq, self.id] = self._ring

    def delete(self, qid: int | None = None) -> None:
        """Delete this queue on the device, or the one with another identifier."""
        qid = self.id if qid is None else qid
        if self._admin(self._delete, qid & 0xFFFF):
            self._rings().pop((self._is_cq, qid), None)
            if qid == self.id:
                self.id = 0

    def _at(self, index: int) -> tuple[_native.Buffer, int]:
        if index < 0:
            raise IndexError("an entry's number is not negative")
        return find(self._ring.pages, index * self._entry)

    def _bytes(self, index: int) -> bytes:
        buf, at = self._at(index)
        return buf[at : at + self._entry]

    def _write_doorbell(self, value: int) -> None:
        """One write of the register.  Not a store to mapped doorbells: a device that looks at those now and then misses values."""
        assert self._qid & 0xFFFF, "the doorbells of the admin queue are the driver's"
        stride = 4 << (self._ctrlr.cap >> 32 & 0xF)  # CAP.DSTRD
        self._ctrlr.pcie.bar_write(
            _DOORBELLS + (2 * (self._qid & 0xFFFF) + self._is_cq) * stride, value.to_bytes(4, "little")
        )
        self._doorbell = value


class IOCQ(_Queue):
    """IOCQ(ctrlr, qid, qsize, prp1, iv=None, ien=None, pc=True): an I/O completion queue on memory that the script supplies.

    qsize: entries.  prp1 (or prp=): a Buffer or an address; with pc=False a PRPList.  iv: interrupt vector (None: no interrupts).
    id is its identifier, 0 when the device refuses it.  cq[i] is entry number i as a CQE; rpointer the entry that waitdone() looks
    at next.
    """

    _create, _delete, _is_cq, _entry = _CREATE_CQ, _DELETE_CQ, 1, _CQE_SIZE

    def __init__(
        self,
        ctrlr: Controller,
        qid: int,
        qsize: int,
        prp1: _native.Buffer | int | None = None,
        iv: int | None = None,
        ien: bool | None = None,
        pc: bool = True,
        *,
        prp: _native.Buffer | int | None = None,
    ) -> None:
        super().__init__(ctrlr, qid, qsize, prp if prp1 is None else prp1, pc)
        self.rpointer = 0
        self._phase = 1  # of an entry that is new; NVMe Base, "Phase Tag"
        ien = iv is not None if ien is None else ien
        if ien:
            ctrlr.use_vector((iv or 0) & 0xFFFF)
        self._new((iv or 0) << 16 | ien << 1 | pc)

    def __repr__(self) -> str:
        return f"<IOCQ: {self.id}>"

    def __getitem__(self, index: int) -> CQE:
        return CQE(struct.unpack("<4I", self._bytes(index)))

    @property
    def head(self) -> int:
        """The head doorbell, as last written.  Any 32-bit value can be written."""
        return self._doorbell

    @head.setter
    def head(self, value: int) -> None:
        self._skip_to(value)
        self._write_doorbell(value)

    def _step(self, index: int, phase: int) -> tuple[int, int]:
        return (index + 1, phase) if index + 1 < self.qsize else (0, phase ^ 1)

    def _skip_to(self, head: int) -> None:
        """The script has taken completions itself, with cq[i]: waitdone() goes on behind them, if they all are there."""
        at, phase = self.rpointer, self._phase
        taken: list[CQE] = []
        while at != head:
            if not self._ring.pages or len(taken) == self.qsize or self[at].p != phase:
                return
            taken.append(self[at])
            at, phase = self._step(at, phase)
        for cqe in taken:
            self._ring.take(self._ctrlr, cqe)
        self.rpointer, self._phase = at, phase

    def _wait(self, index: int, phase: int, end: float) -> bool:
        buf, at = self._at(index)
        return _native.wait_byte(
            self._ctrlr, buf, at + _PHASE_BYTE, 1, phase & 1, max(0.0, end - time.monotonic())
        )

    def wait_pbit(self, index: int, expected: int, timeout: float = _cTIMEOUT) -> None:
        """Wait until the phase tag of entry `index` is `expected`.  TimeoutError after `timeout` seconds."""
        if not self._wait(index, expected, time.monotonic() + timeout):
            raise TimeoutError(f"the phase tag of entry {index} is not {expected} after {timeout} s")

    def waitdone(self, expected: int = 1, timeout: float = _cTIMEOUT) -> int:
        """Take `expected` completions from entry rpointer on; dword 0 of the last.

        Each one's callback runs, then its status is warned of.  The head doorbell is left to the script.  TimeoutError: they did
        not come in `timeout` seconds.
        """
        end, cdw0 = time.monotonic() + timeout, 0
        for done in range(expected):
            if not self._wait(self.rpointer, self._phase, end):
                raise TimeoutError(f"{done} of {expected} completions after {timeout} s: {self!r}")
            cqe = self[self.rpointer]
            self.rpointer, self._phase = self._step(self.rpointer, self._phase)
            cdw0 = cqe.cdw0
            _native.complete(self._ring.take(self._ctrlr, cqe), cqe)
        return cdw0


class IOSQ(_Queue):
    """IOSQ(ctrlr, qid, qsize, prp1, cqid=None, pc=True, qprio=0, nvmsetid=0, cq=None): an I/O submission queue.

    cq (or cqid=): the IOCQ that its completions go to, or the identifier of one.  The other parameters are as in IOCQ.
    sq[i] = an SQE, or any dwords, writes entry number i; sq[i] is the SQE that stands there.  wpointer is the entry after the last
    one written, which read(), write(), send_cmd() and their like fill next.  Nothing is sent before `sq.tail = n`.
    """

    _create, _delete, _is_cq, _entry = _CREATE_SQ, _DELETE_SQ, 0, _SQE_SIZE

    def __init__(
        self,
        ctrlr: Controller,
        qid: int,
        qsize: int,
        prp1: _native.Buffer | int | None = None,
        cqid: int | IOCQ | None = None,
        pc: bool = True,
        qprio: int = 0,
        nvmsetid: int = 0,
        cq: int | IOCQ | None = None,
        *,
        prp: _native.Buffer | int | None = None,
    ) -> None:
        super().__init__(ctrlr, qid, qsize, prp if prp1 is None else prp1, pc)
        cq = cqid if cq is None else cq
        assert cq is not None, "a submission queue needs a completion queue: cq"
        cqid = cq.id if isinstance(cq, IOCQ) else cq
        self.wpointer = 0
        self._log = self._ring.log = _native.LogRing(ctrlr, qid & 0xFFFF)
        self._new(cqid << 16 | qprio << 1 | pc, nvmsetid)
        self._cq_ring = cq._ring if isinstance(cq, IOCQ) else self._rings().get((1, cqid))
        if self.id and self._cq_ring is not None:
            self._cq_ring.forget(self.id)

    def __repr__(self) -> str:
        return f"<IOSQ: {self.id}>"

    def __getitem__(self, index: int) -> SQE:
        return SQE(*struct.unpack("<16I", self._bytes(index)))

    def __setitem__(self, index: int, entry: Sequence[int]) -> None:
        self._place(index, entry, None)

    def _place(self, index: int, entry: Sequence[int], cb: _Cb) -> None:
        buf, at = self._at(index)
        buf[at : at + _SQE_SIZE] = encode(entry)
        self._ring.slots[index] = list(entry), cb
        self.wpointer = (index + 1) % self.qsize

    @property
    def tail(self) -> int:
        """The tail doorbell, as last written.  Any 32-bit value can be written."""
        return self._doorbell

    @tail.setter
    def tail(self, value: int) -> None:
        if 0 <= value < self.qsize:
            self._note_sent(self._sent_to, value)
            self._sent_to = value
        self._write_doorbell(value)

    _sent_to = 0  # the last tail that was an index of the queue

    def _note_sent(self, begin: int, end: int) -> None:
        """The commands that a new tail covers, for the log and for those who wait for their completions."""
        for index in range(begin, end if end >= begin else end + self.qsize):
            entry, cb = self._ring.slots.get(index % self.qsize, ([], None))
            raw = encode(entry)
            sent = _Sent(cb, memory_of(entry), self._log, self._log.submit(self._ctrlr, raw))
            if self._cq_ring is not None:
                self._cq_ring.sent[self._qid & 0xFFFF, int.from_bytes(raw[2:4], "little")].append(sent)

    def cmdlog(self, count: int = 1000, offset: int = 0) -> list[str]:
        """The last commands sent as text, newest first; `offset` of the newest are left out.

        Sent is when the doorbell was written, completed when waitdone() saw it.
        """
        return self._log.lines(count, offset)

    # --- commands: placed at wpointer, not sent ---

    def send_cmd(
        self,
        opcode: int,
        cid: int,
        nsid: int,
        mptr: Address = None,
        prp1: Address = None,
        prp2: Address = None,
        sgl: SGL | _native.Buffer | bytes | None = None,
        psdt: int = 0,
        cdw10: int = 0,
        cdw11: int = 0,
        cdw12: int = 0,
        cdw13: int = 0,
        cdw14: int = 0,
        cdw15: int = 0,
        cdw02: int = 0,
        cdw03: int = 0,
        cb: _Cb = None,
    ) -> SQE:
        """Place any command.  opcode: bits 15:0 of dword 0, FUSE included; sgl: in place of prp1 and prp2, and PSDT is 1 then."""
        sqe = SQE(opcode, nsid, cdw02, cdw03, 0, 0, 0, 0, 0, 0, cdw10, cdw11, cdw12, cdw13, cdw14, cdw15)
        sqe.mptr, sqe.prp1, sqe.prp2 = mptr, prp1, prp2
        if sgl is not None:
            sqe.sgl = sgl
        if psdt:
            sqe.psdt = psdt
        sqe.cid = cid
        self._place(self.wpointer, sqe, cb)
        return sqe

    def _rw(self, opcode: int, lba: int, lba_count: int, **rest: Any) -> SQE:
        return self.send_cmd(
            opcode,
            cdw10=lba & 0xFFFFFFFF,
            cdw11=lba >> 32 & 0xFFFFFFFF,
            cdw12=lba_count - 1 & 0xFFFF,
            **rest,
        )

    def read(
        self,
        cid: int,
        nsid: int,
        lba: int,
        lba_count: int = 1,
        mptr: Address = None,
        prp1: Address = None,
        prp2: Address = None,
        sgl: SGL | _native.Buffer | bytes | None = None,
        cb: _Cb = None,
    ) -> SQE:
        """Place a Read of lba_count LBAs.  "Read command"."""
        return self._rw(
            _READ, lba, lba_count, cid=cid, nsid=nsid, mptr=mptr, prp1=prp1, prp2=prp2, sgl=sgl, cb=cb
        )

    def write(
        self,
        cid: int,
        nsid: int,
        lba: int,
        lba_count: int = 1,
        mptr: Address = None,
        prp1: Address = None,
        prp2: Address = None,
        sgl: SGL | _native.Buffer | bytes | None = None,
        cb: _Cb = None,
    ) -> SQE:
        """Place a Write of lba_count LBAs.  "Write command"."""
        return self._rw(
            _WRITE, lba, lba_count, cid=cid, nsid=nsid, mptr=mptr, prp1=prp1, prp2=prp2, sgl=sgl, cb=cb
        )

    def flush(self, cid: int, nsid: int, cb: _Cb = None) -> SQE:
        """Place a Flush at wpointer.  "Flush command"."""
        return self.send_cmd(_FLUSH, cid, nsid, cb=cb)

    def zns_mgmt_send(
        self,
        cid: int,
        nsid: int,
        slba: int,
        action: int,
        prp1: Address = None,
        prp2: Address = None,
        sgl: SGL | _native.Buffer | bytes | None = None,
        select_all: bool = False,
        cb: _Cb = None,
    ) -> SQE:
        """Place a Zone Management Send.  "Zone Management Send command"."""
        return self.send_cmd(
            _ZONE_SEND,
            cid,
            nsid,
            prp1=prp1,
            prp2=prp2,
            sgl=sgl,
            cdw10=slba & 0xFFFFFFFF,
            cdw11=slba >> 32 & 0xFFFFFFFF,
            cdw13=action | select_all << 8,
            cb=cb,
        )

    def zns_mgmt_receive(
        self,
        cid: int,
        nsid: int,
        slba: int,
        prp1: Address = None,
        prp2: Address = None,
        sgl: SGL | _native.Buffer | bytes | None = None,
        dwords: int | None = None,
        extended: bool = False,
        state: int = 0,
        partial: bool = False,
        cb: _Cb = None,
    ) -> SQE:
        """Place a Zone Management Receive of `dwords` (None: as many as the memory of prp1 or sgl has).

        "Zone Management Receive command".
        """
        if dwords is None:
            memory = prp1 if sgl is None else sgl
            dwords = memory.size // 4 if isinstance(memory, _native.Buffer) else 1024
        return self.send_cmd(
            _ZONE_RECEIVE,
            cid,
            nsid,
            prp1=prp1,
            prp2=prp2,
            sgl=sgl,
            cdw10=slba & 0xFFFFFFFF,
            cdw11=slba >> 32 & 0xFFFFFFFF,
            cdw12=dwords - 1,
            cdw13=extended | state << 8 | partial << 16,
            cb=cb,
        )
