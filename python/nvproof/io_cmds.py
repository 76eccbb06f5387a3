# SPDX-License-Identifier: BSD-3-Clause
"""The I/O commands that need no speed: reservations and zone management.  Each sends, and returns the queue pair for .waitdone().

NVMe Base Specification, "Reservation Register command" and its like; Zoned Namespace Command Set Specification, "Zone Management Send
command", "Zone Management Receive command".  What the device refuses is a UserWarning.  AssertionError: a value that does not fit
its field, a buffer that is too small, or a full queue.
"""
from typing import Any, Callable, TypeVar

from . import _native
from .admin import fits

_Cb = Callable[..., Any] | None
_Q = TypeVar("_Q", bound=_native.Qpair)

_REGISTER, _REPORT, _ACQUIRE, _RELEASE, _ZONE_SEND, _ZONE_RECEIVE = 0x0D, 0x0E, 0x11, 0x15, 0x79, 0x7A


def _keys(buf: _native.Buffer, *keys: int) -> int:
    """Put 64-bit keys at the start of what the device sees; how many bytes they have."""
    data = b"".join(fits("a key", key, 64).to_bytes(8, "little") for key in keys)
    assert buf.size >= len(data), f"the buffer needs {len(data)} bytes"
    buf[buf.offset : buf.offset + len(data)] = data
    return len(data)


class IOCommands(_native.Namespace):
    """Reservations and zone management as methods; see Namespace."""

    def reservation_acquire(
        self,
        qpair: _Q,
        buf: _native.Buffer,
        rtype: int = 0,
        iekey: int = 0,
        racqa: int = 0,
        crkey: int = 0,
        prkey: int = 0,
        cb: _Cb = None,
    ) -> _Q:
        """Reservation Acquire: racqa 0 acquire, 1 preempt, 2 preempt and abort; rtype 1 to 6.  The keys are put into buf (16 bytes).

        "Reservation Acquire command".
        """
        length = _keys(buf, crkey, prkey)
        cdw10 = fits("racqa", racqa, 3) | fits("iekey", iekey, 1) << 3 | fits("rtype", rtype, 8) << 8
        return self.send_cmd(_ACQUIRE, qpair, buf, cdw10=cdw10, cb=cb, length=length)

    def reservation_register(
        self,
        qpair: _Q,
        buf: _native.Buffer,
        cptpl: int = 0,
        iekey: int = 0,
        rrega: int = 0,
        crkey: int = 0,
        nrkey: int = 0,
        cb: _Cb = None,
    ) -> _Q:
        """Reservation Register: rrega 0 register, 1 unregister, 2 replace; cptpl: 0 no change, 2 not, 3 persistent over power loss.

        The keys are put into buf (16 bytes).  "Reservation Register command".
        """
        length = _keys(buf, crkey, nrkey)
        cdw10 = fits("rrega", rrega, 3) | fits("iekey", iekey, 1) << 3 | fits("cptpl", cptpl, 2) << 30
        return self.send_cmd(_REGISTER, qpair, buf, cdw10=cdw10, cb=cb, length=length)

    def reservation_release(
        self,
        qpair: _Q,
        buf: _native.Buffer,
        rtype: int = 0,
        iekey: int = 0,
        rrela: int = 0,
        crkey: int = 0,
        cb: _Cb = None,
    ) -> _Q:
        """Reservation Release: rrela 0 release, 1 clear; rtype 1 to 6.  The key is put into buf (8 bytes).

        "Reservation Release command".
        """
        length = _keys(buf, crkey)
        cdw10 = fits("rrela", rrela, 3) | fits("iekey", iekey, 1) << 3 | fits("rtype", rtype, 8) << 8
        return self.send_cmd(_RELEASE, qpair, buf, cdw10=cdw10, cb=cb, length=length)

    def reservation_report(
        self, qpair: _Q, buf: _native.Buffer, numd: int | None = None, eds: int = 0, cb: _Cb = None
    ) -> _Q:
        """Reservation Report into buf; numd: dwords (None: all of buf); eds: 1 extended data structure (128-bit host identifiers).

        "Reservation Report command".
        """
        numd = buf.size // 4 if numd is None else numd
        assert numd >= 1, "numd is at least 1 dword"
        return self.send_cmd(
            _REPORT, qpair, buf, cdw10=numd - 1, cdw11=fits("eds", eds, 1), cb=cb, length=4 * numd
        )

    def zns_mgmt_send(
        self,
        qpair: _Q,
        buf: _native.Buffer | None,
        slba: int,
        action: int,
        select_all: bool = False,
        cb: _Cb = None,
    ) -> _Q:
        """Zone Management Send; action: 1 close, 2 finish, 3 open, 4 reset, 5 offline, 10h set zone descriptor extension (buf).

        "Zone Management Send command".
        """
        fits("slba", slba, 64)
        cdw13 = fits("action", action, 8) | bool(select_all) << 8
        return self.send_cmd(
            _ZONE_SEND, qpair, buf, cdw10=slba & 0xFFFFFFFF, cdw11=slba >> 32, cdw13=cdw13, cb=cb
        )

    def zns_mgmt_receive(
        self,
        qpair: _Q,
        buf: _native.Buffer,
        slba: int,
        dwords: int | None = None,
        extended: bool = False,
        state: int = 0,
        partial: bool = False,
        cb: _Cb = None,
    ) -> _Q:
        """Zone Management Receive: report zones from the one at slba; dwords: None: all of buf.  "Zone Management Receive command".

        extended: with zone descriptor extensions; state: 0 all zones, else only those in that state; partial: count what was transferred.
        """
        dwords = buf.size // 4 if dwords is None else dwords
        assert dwords >= 1, "at least 1 dword"
        fits("slba", slba, 64)
        cdw13 = bool(extended) | fits("state", state, 8) << 8 | bool(partial) << 16
        return self.send_cmd(
            _ZONE_RECEIVE,
            qpair,
            buf,
            cdw10=slba & 0xFFFFFFFF,
            cdw11=slba >> 32,
            cdw12=dwords - 1,
            cdw13=cdw13,
            cb=cb,
            length=4 * dwords,
        )
