# SPDX-License-Identifier: BSD-3-Clause
"""Zone: a zone of a zoned namespace, or several that follow each other (a super zone).

Zoned Namespace Command Set Specification: "Zone Descriptor", "Zone Management Send command", "Zone Append command".
"""
from typing import TYPE_CHECKING, Any, Callable, TypeVar

from . import _native
from .buffer import Buffer
from .ioworker import IOWorker
from .zone_report import DESCRIPTOR, EMPTY, HEADER, Descriptor, descriptor, zone_size

if TYPE_CHECKING:
    from .namespace import Namespace

_Cb = Callable[..., Any] | None
_Q = TypeVar("_Q", bound=_native.Qpair)

# "Zone Descriptor", Zone State
_STATES = {
    0x1: "Empty",
    0x2: "Implicitly Opened",
    0x3: "Explicitly Opened",
    0x4: "Closed",
    0xD: "Read Only",
    0xE: "Full",
    0xF: "Offline",
}
_CLOSE, _FINISH, _OPEN, _RESET, _OFFLINE, _SET_EXTENSION = 1, 2, 3, 4, 5, 0x10
_APPEND = 0x7D


class Zone:
    """Zone(qpair, ns, slba, elba=None)

    The zone that begins at slba.  With elba, the LBA behind it: all zones from slba on that begin before elba, a super zone; what it
    says of itself is of the first one, what is done is done to all.  Zone management goes over qpair, and waits.

    slba, elba: where it begins and ends.  slba_list: where its zones begin.  capacity: LBAs that the first one can
    hold.  zsze: LBAs from one zone to the next.  ValueError: the namespace is not zoned.  AssertionError: no zone begins at slba.
    """

    def __init__(self, qpair: _native.Qpair, ns: "Namespace", slba: int, elba: int | None = None) -> None:
        self._qpair = qpair
        self._ns = ns
        self._buf = Buffer(4096, "zone report")
        self.zsze = zone_size(ns)
        self.slba = slba
        self.elba = slba + self.zsze if elba is None else elba
        assert slba % self.zsze == 0 and slba < self.elba <= ns.nsze, f"no zone begins at LBA {slba:#x}"
        self.slba_list = list(range(slba, self.elba, self.zsze))
        self.capacity = self._report(slba).capacity

    def _report(self, slba: int | None = None) -> Descriptor:
        slba = self.slba if slba is None else slba
        self._ns.zns_mgmt_receive(self._qpair, self._buf, slba, dwords=(HEADER + DESCRIPTOR) // 4).waitdone()
        found = descriptor(self._buf, 0)
        assert found.slba == slba, "the report is of another zone"
        return found

    @property
    def state(self) -> str:
        """Empty, Implicitly Opened, Explicitly Opened, Closed, Read Only, Full, or Offline."""
        return _STATES.get(self._report().state, "Reserved")

    @property
    def attributes(self) -> int:
        """Zone Attributes: bit 0 finished by controller, 1 finish recommended, 2 reset recommended, 3 random write area, 7 extension valid."""
        return self._report().attributes

    @property
    def wpointer(self) -> int:
        """The LBA that is written next.  All ones in a state where there is none."""
        return self._report().wpointer

    def __repr__(self) -> str:
        return f"<zone {self.slba:#x}: {self.state}, capacity {self.capacity:#x}, write pointer {self.wpointer:#x}>"

    def action(self, action: int, slba: int | None = None) -> None:
        """Zone Management Send of an action to the zone at slba; None: to all of this one."""
        for each in self.slba_list if slba is None else [slba]:
            self._ns.zns_mgmt_send(self._qpair, self._buf, each, action).waitdone()

    def open(self) -> None:
        """Open the zone explicitly."""
        self.action(_OPEN)

    def close(self) -> None:
        """Close the zone."""
        self.action(_CLOSE)

    def finish(self) -> None:
        """Finish the zone: it is full."""
        self.action(_FINISH)

    def reset(self) -> None:
        """Reset the zone: it is empty, what it held is gone."""
        self.action(_RESET)

    def offline(self) -> None:
        """Take a zone that is read only offline."""
        self.action(_OFFLINE)

    def set_descriptor_extension(self, buf: _native.Buffer | None = None) -> None:
        """Set the zone descriptor extension of an empty zone to what is in buf (None: zeroes); the zone is closed then."""
        data = Buffer(4096, "zone descriptor extension") if buf is None else buf
        for slba in self.slba_list:
            self._ns.zns_mgmt_send(self._qpair, data, slba, _SET_EXTENSION).waitdone()

    def write(
        self, qpair: _Q, buf: _native.Buffer, offset: int, lba_count: int = 1, *args: Any, **kwargs: Any
    ) -> _Q:
        """Namespace.write() at LBA `offset` of the zone."""
        return self._ns.write(qpair, buf, self.slba + offset, lba_count, *args, **kwargs)

    def read(
        self, qpair: _Q, buf: _native.Buffer, offset: int, lba_count: int = 1, *args: Any, **kwargs: Any
    ) -> _Q:
        """Namespace.read() at LBA `offset` of the zone."""
        return self._ns.read(qpair, buf, self.slba + offset, lba_count, *args, **kwargs)

    def append(
        self,
        qpair: _Q,
        buf: _native.Buffer,
        slba: int | None = None,
        lba_count: int = 1,
        io_flags: int = 0,
        cb: _Cb = None,
    ) -> _Q:
        """Zone Append to the zone at slba (None: this one).  waitdone() returns the lower half of the LBA where it went, dword 0 of
        the completion; a callback gets both halves, in dwords 0 and 1."""
        slba = self.slba if slba is None else slba
        assert 1 <= lba_count <= 0x10000, "lba_count is 1 to 65536"
        return self._ns.send_cmd(
            _APPEND,
            qpair,
            buf,
            cdw10=slba & 0xFFFFFFFF,
            cdw11=slba >> 32,
            cdw12=(lba_count - 1) | io_flags << 16,
            cb=cb,
            length=lba_count * self._ns.get_sector_size(extended=True),
        )

    def ioworker(
        self,
        io_size: Any = 8,
        lba_step: int | None = None,
        lba_align: Any = None,
        lba_random: bool | int = False,
        read_percentage: int = 0,
        offset_start: int = 0,
        qdepth: int = 2,
        **kwargs: Any,
    ) -> IOWorker:
        """An ioworker on the LBAs of these zones that can be written; see IOWorker for the arguments.

        It writes the zones once, one after the other, when nothing else is said.  Zones that hold something are reset before they
        are written; with an offset_start, which is where the write pointer of the first one has to be, they are not.
        """
        if offset_start:
            where = self.wpointer - self.slba
            assert offset_start == where, f"the write pointer is at offset {where:#x}"
        writes = kwargs.get("op_percentage") is not None or read_percentage != 100
        for slba in self.slba_list:
            if writes and self._report(slba).state != EMPTY and offset_start == 0:
                self.action(_RESET, slba)
        return self._ns.ioworker(
            io_size=io_size,
            lba_step=lba_step,
            lba_align=lba_align,
            lba_random=lba_random,
            read_percentage=read_percentage,
            qdepth=qdepth,
            region_start=self.slba,
            region_end=self.elba,
            zns=True,
            **kwargs,
        )
