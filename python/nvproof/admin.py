# SPDX-License-Identifier: BSD-3-Clause
"""The admin commands: each fills its dwords, sends, and returns the controller, so that .waitdone() follows.

NVMe Base Specification, "Admin Command Set"; the section of each command has the command's name.  What the device refuses is
a UserWarning ("ERROR status: sct/sc").  AssertionError: a value that does not fit its field, or the queue is full.
"""
import os
from typing import Any, Callable, TypeVar

from . import _native
from .buffer import Buffer

_Cb = Callable[..., Any] | None
_Self = TypeVar("_Self", bound="AdminCommands")

_GET_LOG_PAGE, _IDENTIFY, _ABORT, _SET_FEATURES, _GET_FEATURES = 0x02, 0x06, 0x08, 0x09, 0x0A
_NS_MANAGEMENT, _FW_COMMIT, _FW_DOWNLOAD, _SELF_TEST, _NS_ATTACHMENT = 0x0D, 0x10, 0x11, 0x14, 0x15
_DIRECTIVE_SEND, _DIRECTIVE_RECEIVE, _VIRTUALIZATION, _MI_SEND, _MI_RECEIVE = 0x19, 0x1A, 0x1C, 0x1D, 0x1E
_FORMAT, _SECURITY_SEND, _SECURITY_RECEIVE, _SANITIZE = 0x80, 0x81, 0x82, 0x84
_NSID_ALL = 0xFFFFFFFF

_CREATE, _DELETE, _ATTACH, _DETACH = 0, 1, 0, 1  # SEL of Namespace Management and of Namespace Attachment
_MCTP_NVME_MI = 4  # message type; NVMe Management Interface Specification, "Message Header"
_FWUG_BYTE, _FWUG_UNIT = 319, 4096  # Identify Controller, Firmware Update Granularity


def fits(name: str, value: int, bits: int) -> int:
    """The value.  AssertionError: it has more bits."""
    assert 0 <= value < 1 << bits, f"{name} has {bits} bits, {value:#x} does not fit"
    return value


def dwords(name: str, size: int) -> int:
    """Bytes as a number of dwords.  AssertionError: not a multiple of 4."""
    assert size >= 0 and size % 4 == 0, f"{name} is in dwords: a multiple of 4 bytes, not {size}"
    return size // 4


def warn_status(cqe: _native.CQE) -> None:
    """A synchronous helper's status, in the same words as the driver's."""
    _native.complete(None, cqe)


def format_cdw10(lbaf: int, mset: int, pi: int, pil: int, ses: int) -> int:
    """Dword 10 of Format NVM."""
    fits("lbaf", lbaf, 6)
    fields = (
        fits("mset", mset, 1) << 4
        | fits("pi", pi, 3) << 5
        | fits("pil", pil, 1) << 8
        | fits("ses", ses, 3) << 9
    )
    return lbaf & 0xF | fields | lbaf >> 4 << 12


class AdminCommands(_native.Controller):
    """The admin command set as methods; see Controller."""

    def identify(
        self: _Self,
        buf: _native.Buffer,
        nsid: int = 0,
        cns: int = 1,
        cntid: int = 0,
        csi: int = 0,
        nvmsetid: int = 0,
        cns_specific_id: int = 0,
        cdw14: int = 0,
        cb: _Cb = None,
    ) -> _Self:
        """Identify: 4,096 bytes into buf.  "Identify command"."""
        cdw10 = fits("cns", cns, 8) | fits("cntid", cntid, 16) << 16
        cdw11 = (
            fits("nvmsetid", nvmsetid, 16)
            | fits("cns_specific_id", cns_specific_id, 16)
            | fits("csi", csi, 8) << 24
        )
        return self.send_cmd(_IDENTIFY, buf, nsid, cdw10, cdw11, cdw14=cdw14, cb=cb)

    def getfeatures(
        self: _Self,
        fid: int,
        sel: int = 0,
        buf: _native.Buffer | None = None,
        nsid: int = 0,
        cdw11: int = 0,
        cdw12: int = 0,
        cdw13: int = 0,
        cdw14: int = 0,
        cdw15: int = 0,
        cb: _Cb = None,
    ) -> _Self:
        """Get Features; sel: 0 current, 1 default, 2 saved, 3 supported.  The value is what waitdone() returns.  "Get Features command"."""
        cdw10 = fits("fid", fid, 8) | fits("sel", sel, 3) << 8
        return self.send_cmd(_GET_FEATURES, buf, nsid, cdw10, cdw11, cdw12, cdw13, cdw14, cdw15, cb=cb)

    def setfeatures(
        self: _Self,
        fid: int,
        sv: int = 0,
        buf: _native.Buffer | None = None,
        nsid: int = 0,
        cdw11: int = 0,
        cdw12: int = 0,
        cdw13: int = 0,
        cdw14: int = 0,
        cdw15: int = 0,
        cb: _Cb = None,
    ) -> _Self:
        """Set Features; sv: 1 to save across power cycles.  "Set Features command"."""
        cdw10 = fits("fid", fid, 8) | fits("sv", sv, 1) << 31
        return self.send_cmd(_SET_FEATURES, buf, nsid, cdw10, cdw11, cdw12, cdw13, cdw14, cdw15, cb=cb)

    def getlogpage(
        self: _Self,
        lid: int,
        buf: _native.Buffer,
        size: int | None = None,
        offset: int = 0,
        nsid: int = _NSID_ALL,
        log_specific_id: int = 0,
        cb: _Cb = None,
    ) -> _Self:
        """Get Log Page: `size` bytes (None: all of buf) from byte `offset` of the log.  "Get Log Page command".

        lid has 16 bits: Log Page Identifier 7:0, Log Specific Parameter 14:8, Retain Asynchronous Event 15.
        AssertionError: size and offset are multiples of 4 bytes.
        """
        size = buf.size if size is None else size
        numd = dwords("size", size) - 1
        assert numd >= 0, "size is at least 4 bytes"
        dwords("offset", offset)
        cdw10 = fits("lid", lid, 16) | (numd & 0xFFFF) << 16
        cdw11 = numd >> 16 | fits("log_specific_id", log_specific_id, 16) << 16
        low, high = offset & 0xFFFFFFFF, offset >> 32
        return self.send_cmd(_GET_LOG_PAGE, buf, nsid, cdw10, cdw11, low, high, cb=cb, length=size)

    def abort(self: _Self, cid: int, sqid: int = 0, cb: _Cb = None) -> _Self:
        """Abort command `cid` of queue `sqid`.  Bit 0 of dword 0 is 0 when it was aborted.  "Abort command"."""
        return self.send_cmd(_ABORT, cdw10=fits("sqid", sqid, 16) | fits("cid", cid, 16) << 16, cb=cb)

    def format(
        self: _Self,
        lbaf: int = 0,
        ses: int = 0,
        nsid: int = 1,
        pil: int = 0,
        pi: int = 0,
        mset: int = 0,
        cb: _Cb = None,
    ) -> _Self:
        """Format NVM; ses: 0 none, 1 user data erase, 2 cryptographic erase.  Data is lost.  "Format NVM command".

        The driver goes on with the format that it knows: Namespace.format() refreshes it.
        """
        return self.send_cmd(_FORMAT, nsid=nsid, cdw10=format_cdw10(lbaf, mset, pi, pil, ses), cb=cb)

    def sanitize(self: _Self, option: int = 2, pattern: int = 0, cb: _Cb = None) -> _Self:
        """Sanitize: all data of the subsystem is lost.  It goes on after the completion: log page 81h tells.

        option: dword 10, Sanitize Action in bits 2:0 (1 exit failure mode, 2 block erase, 3 overwrite, 4 crypto erase); pattern:
        of an overwrite, 32 bits.  "Sanitize command".
        """
        return self.send_cmd(_SANITIZE, cdw10=option, cdw11=pattern, cb=cb)

    def dst(self: _Self, stc: int = 1, nsid: int = _NSID_ALL, cb: _Cb = None) -> _Self:
        """Device Self-test; stc: 1 short, 2 extended, 15 abort.  Its progress and results: log page 06h.

        "Device Self-test command".
        """
        return self.send_cmd(_SELF_TEST, nsid=nsid, cdw10=fits("stc", stc, 4), cb=cb)

    # --- firmware ---

    def fw_download(
        self: _Self, buf: _native.Buffer, offset: int, size: int | None = None, cb: _Cb = None
    ) -> _Self:
        """Firmware Image Download: `size` bytes (None: all of buf) as the part of the image at byte `offset`.

        "Firmware Image Download command".
        """
        size = buf.size if size is None else size
        numd = dwords("size", size) - 1
        assert numd >= 0, "size is at least 4 bytes"
        return self.send_cmd(
            _FW_DOWNLOAD, buf, cdw10=numd, cdw11=dwords("offset", offset), cb=cb, length=size
        )

    def fw_commit(self: _Self, slot: int, action: int, bpid: int = 0, cb: _Cb = None) -> _Self:
        """Firmware Commit; slot 0: the controller chooses; action: 0 to 3, 6, 7 (boot partition `bpid`).  "Firmware Commit command"."""
        cdw10 = fits("slot", slot, 3) | fits("action", action, 3) << 3 | fits("bpid", bpid, 1) << 31
        return self.send_cmd(_FW_COMMIT, cdw10=cdw10, cb=cb)

    def downfw(self, filename: str | os.PathLike[str], slot: int = 0, action: int = 1) -> int:
        """Download the image in a file and commit it, and wait: dword 0 of the commit.  "Firmware Update Process".

        It goes in pieces of the Firmware Update Granularity.  It stops at the first piece that is refused.  A status that only asks for
        a reset is a warning too, since the image is not active before.
        """
        with open(filename, "rb") as f:
            image = f.read()
        assert image, f"{filename} is empty"
        image += bytes(-len(image) % 4)
        for offset in range(0, len(image), self._firmware_piece()):
            part = image[offset : offset + self._firmware_piece()]
            buf = Buffer(len(part), "firmware")
            buf[:] = part
            cqe = self.sync_cmd(_FW_DOWNLOAD, buf, cdw10=len(part) // 4 - 1, cdw11=offset // 4)
            if cqe.status:
                warn_status(cqe)
                return cqe.cdw0
        cqe = self.sync_cmd(_FW_COMMIT, cdw10=fits("slot", slot, 3) | fits("action", action, 3) << 3)
        warn_status(cqe)
        return cqe.cdw0

    def _firmware_piece(self) -> int:
        """Bytes of one download command: a multiple of the granularity, within MDTS."""
        unit = self._identify_data(0, 1)[_FWUG_BYTE]
        return min(self.mdts, _FWUG_UNIT if unit in (0, 0xFF) else unit * _FWUG_UNIT)

    # --- directives, security, management interface ---

    def _directive(self: _Self, opcode: int, buf: _native.Buffer | None, **v: Any) -> _Self:
        length = v["length"]
        if length is None:
            length = buf.size if buf is not None else 0
        numd = dwords("length", length)
        cdw11 = (
            fits("doper", v["doper"], 8)
            | fits("dtype", v["dtype"], 8) << 8
            | fits("dspec", v["dspec"], 16) << 16
        )
        return self.send_cmd(
            opcode,
            buf,
            v["nsid"],
            max(numd - 1, 0),
            cdw11,
            v["cdw12"],
            v["cdw13"],
            cdw02=v["cdw02"],
            cdw03=v["cdw03"],
            cb=v["cb"],
            length=length,
        )

    def directive_send(
        self: _Self,
        buf: _native.Buffer | None,
        doper: int,
        dtype: int,
        dspec: int = 0,
        length: int | None = None,
        cdw12: int = 0,
        cdw13: int = 0,
        nsid: int = 0,
        cdw02: int = 0,
        cdw03: int = 0,
        cb: _Cb = None,
    ) -> _Self:
        """Directive Send: operation `doper` of directive type `dtype`; length: bytes (None: all of buf).  "Directive Send command"."""
        rest = dict(length=length, cdw12=cdw12, cdw13=cdw13, nsid=nsid, cdw02=cdw02, cdw03=cdw03, cb=cb)
        return self._directive(_DIRECTIVE_SEND, buf, doper=doper, dtype=dtype, dspec=dspec, **rest)

    def directive_receive(
        self: _Self,
        buf: _native.Buffer | None,
        doper: int,
        dtype: int,
        dspec: int = 0,
        length: int | None = None,
        cdw12: int = 0,
        cdw13: int = 0,
        nsid: int = 0,
        cdw02: int = 0,
        cdw03: int = 0,
        cb: _Cb = None,
    ) -> _Self:
        """Directive Receive: operation `doper` of directive type `dtype`; length: bytes (None: all).  "Directive Receive command"."""
        rest = dict(length=length, cdw12=cdw12, cdw13=cdw13, nsid=nsid, cdw02=cdw02, cdw03=cdw03, cb=cb)
        return self._directive(_DIRECTIVE_RECEIVE, buf, doper=doper, dtype=dtype, dspec=dspec, **rest)

    def _security(self: _Self, opcode: int, buf: _native.Buffer | None, **v: Any) -> _Self:
        length = v["length"]
        if length is None:
            length = buf.size if buf is not None else 0
        cdw10 = (
            fits("nssf", v["nssf"], 8) | fits("spsp", v["spsp"], 16) << 8 | fits("secp", v["secp"], 8) << 24
        )
        return self.send_cmd(
            opcode, buf, v["nsid"], cdw10, fits("length", length, 32), cb=v["cb"], length=length
        )

    def security_send(
        self: _Self,
        buf: _native.Buffer | None,
        spsp: int,
        secp: int = 1,
        nssf: int = 0,
        length: int | None = None,
        nsid: int = 0,
        cb: _Cb = None,
    ) -> _Self:
        """Security Send: `length` bytes (None: all of buf) of security protocol `secp`, its specific field `spsp`.

        "Security Send command".
        """
        rest = dict(secp=secp, nssf=nssf, length=length, nsid=nsid, cb=cb)
        return self._security(_SECURITY_SEND, buf, spsp=spsp, **rest)

    def security_receive(
        self: _Self,
        buf: _native.Buffer | None,
        spsp: int,
        secp: int = 1,
        nssf: int = 0,
        length: int | None = None,
        nsid: int = 0,
        cb: _Cb = None,
    ) -> _Self:
        """Security Receive: `length` bytes (None: all of buf) of security protocol `secp`, its specific field `spsp`.

        "Security Receive command".
        """
        rest = dict(secp=secp, nssf=nssf, length=length, nsid=nsid, cb=cb)
        return self._security(_SECURITY_RECEIVE, buf, spsp=spsp, **rest)

    def _mi(self: _Self, opcode: int, mi_opcode: int, buf: _native.Buffer | None, **v: Any) -> _Self:
        cdw10 = v["header"] | fits("mtype", v["mtype"], 4) << 11 | _MCTP_NVME_MI
        return self.send_cmd(
            opcode, buf, v["nsid"], cdw10, fits("opcode", mi_opcode, 8), v["dword0"], v["dword1"], cb=v["cb"]
        )

    def mi_send(
        self: _Self,
        opcode: int,
        dword0: int = 0,
        dword1: int = 0,
        buf: _native.Buffer | None = None,
        mtype: int = 1,
        header: int = 0,
        nsid: int = 0,
        cb: _Cb = None,
    ) -> _Self:
        """NVMe-MI Send, in band: Management Interface command `opcode` with its NVMe Management Dwords 0 and 1.

        mtype: NVMe-MI Message Type (1: command); header: further bits of the message header, dword 10.
        NVMe Management Interface Specification, "In-Band Tunneling Message Servicing Model"; "NVMe-MI Send command".
        """
        rest = dict(dword0=dword0, dword1=dword1, mtype=mtype, header=header, nsid=nsid, cb=cb)
        return self._mi(_MI_SEND, opcode, buf, **rest)

    def mi_receive(
        self: _Self,
        opcode: int,
        dword0: int = 0,
        dword1: int = 0,
        buf: _native.Buffer | None = None,
        mtype: int = 1,
        header: int = 0,
        nsid: int = 0,
        cb: _Cb = None,
    ) -> _Self:
        """NVMe-MI Receive, in band; the parameters are as in mi_send().  "NVMe-MI Receive command"."""
        rest = dict(dword0=dword0, dword1=dword1, mtype=mtype, header=header, nsid=nsid, cb=cb)
        return self._mi(_MI_RECEIVE, opcode, buf, **rest)

    # --- namespaces and virtualization ---

    def ns_management(
        self: _Self, buf: _native.Buffer | None, select: int, nsid: int, cb: _Cb = None
    ) -> _Self:
        """Namespace Management; select: 0 create (buf: as Identify Namespace), 1 delete.  "Namespace Management command"."""
        return self.send_cmd(_NS_MANAGEMENT, buf, nsid, fits("select", select, 4), cb=cb)

    def ns_attachment(self: _Self, buf: _native.Buffer, select: int, nsid: int, cb: _Cb = None) -> _Self:
        """Namespace Attachment; select: 0 attach, 1 detach; buf: a Controller List, Buffer.set_controller_list().

        "Namespace Attachment command".
        """
        return self.send_cmd(_NS_ATTACHMENT, buf, nsid, fits("select", select, 4), cb=cb)

    def ns_create(self, buf: _native.Buffer) -> int:
        """Create a namespace as buf says (Identify Namespace layout) and wait: its NSID; 0 after a warning.

        "Namespace Management command".
        """
        cqe = self.sync_cmd(_NS_MANAGEMENT, buf, 0, _CREATE)
        warn_status(cqe)
        return 0 if cqe.status else cqe.cdw0

    def ns_delete(self, nsid: int = _NSID_ALL) -> int:
        """Delete a namespace, or all, and wait: dword 0.  Its data is lost.  "Namespace Management command"."""
        cqe = self.sync_cmd(_NS_MANAGEMENT, None, nsid, _DELETE)
        warn_status(cqe)
        if not cqe.status:
            self.ns_clear(nsid)
        return cqe.cdw0

    def _cntlid(self) -> int:
        return int.from_bytes(self._identify_data(0, 1)[78:80], "little")

    def _attachment(self, select: int, nsid: int, cntlids: tuple[int, ...]) -> int:
        buf = Buffer(4096, "controller list")
        buf.set_controller_list(*(cntlids or (self._cntlid(),)))
        cqe = self.sync_cmd(_NS_ATTACHMENT, buf, nsid, select)
        warn_status(cqe)
        return cqe.cdw0

    def ns_attach(self, nsid: int, *cntlids: int) -> int:
        """Attach a namespace to these controllers (none: this one) and wait: dword 0.  "Namespace Attachment command"."""
        return self._attachment(_ATTACH, nsid, cntlids)

    def ns_detach(self, nsid: int, *cntlids: int) -> int:
        """Detach a namespace from these controllers (none: this one) and wait: dword 0.  "Namespace Attachment command"."""
        return self._attachment(_DETACH, nsid, cntlids)

    def virt_mgmt(
        self: _Self, vf: int, action: int, resource: int = 0, number: int = 0, cb: _Cb = None
    ) -> _Self:
        """Virtualization Management of controller `vf`.  "Virtualization Management command".

        action: 1 primary's flexible, 7 secondary offline, 8 secondary's resources, 9 secondary online; resource: 0 VQ, 1 VI; number: of
        resources.
        """
        cdw10 = fits("action", action, 4) | fits("resource", resource, 3) << 8 | fits("vf", vf, 16) << 16
        return self.send_cmd(_VIRTUALIZATION, cdw10=cdw10, cdw11=fits("number", number, 16), cb=cb)

    def _identify_data(self, nsid: int, cns: int, cntid: int = 0, csi: int = 0, nvmsetid: int = 0) -> bytes:
        """The 4,096 bytes of an Identify data structure; zeros after a warning."""
        buf = Buffer(4096, "identify")
        warn_status(self.sync_cmd(_IDENTIFY, buf, nsid, cns & 0xFF | cntid << 16, nvmsetid | csi << 24))
        return buf[:]
