# SPDX-License-Identifier: BSD-3-Clause
"""Controller: the admin commands, and what Identify and the logs say, decoded.

Each admin command fills its dwords and goes to the native send_cmd(); it returns the controller, so that .waitdone() follows.
"""
import logging
import os
import struct
import time
import warnings
from typing import Any, Callable, Type, TypeVar, overload

from . import _native
from .buffer import Buffer
from .pcie import Pcie
from .util import _cTIMEOUT, field

_Cb = Callable[..., Any] | None
_Self = TypeVar("_Self", bound="Controller")

# NVMe Base Specification, "Admin Command Set"
_GET_LOG_PAGE, _IDENTIFY, _ABORT, _SET_FEATURES, _GET_FEATURES, _FORMAT = 0x02, 0x06, 0x08, 0x09, 0x0A, 0x80
_LID_EFFECTS = 0x05
_FID_TIMESTAMP = 0x0E
_CSTS = 0x1C
_NSID_ALL = 0xFFFFFFFF

log = logging.getLogger("nvproof")


def _warn(cqe: _native.CQE) -> None:
    """A synchronous helper's status, in the same words as the driver's."""
    if cqe.status:
        warnings.warn(f"ERROR status: {cqe.sct:02x}/{cqe.sc:02x}", UserWarning, stacklevel=3)


class Controller(_native.Controller):
    """Controller(pcie, nvme_init_func=None)

    None: bring it up.  True: touch nothing, registers only.  NvmeEnumerateError: it does not come up.
    nvme0[offset] reads a register of 32 bits, nvme0[offset] = value writes it.  AssertionError: not a multiple of 4;
    SystemError: it reads as all ones.
    """

    def __init__(self, pcie: Pcie, nvme_init_func: bool | None = None) -> None:
        if nvme_init_func not in (None, True):
            raise ValueError("Controller: a user's init function is not supported yet; None or True")
        super().__init__(pcie, nvme_init_func is True)
        self.pcie = pcie
        self.nvme_init_func = nvme_init_func

    @property
    def addr(self) -> str:
        """The address as opened."""
        return self.pcie.addr

    @property
    def timeout_pynvme(self) -> int:
        """Seconds after which the driver gives up waiting."""
        return self.timeout // 1000 + 2 * _cTIMEOUT

    def reset(self, create_qpair: bool = True) -> None:
        """CC.EN 1, 0, 1 and bring-up.  The queue pairs that existed are created again, empty.

        NvmeEnumerateError: it does not come back; TimeoutError: ioworkers do not end.
        """
        if not create_qpair:
            raise ValueError("reset: create_qpair=False is not supported yet")
        super().reset()

    def wait_csts(self, rdy: bool | None = None) -> None:
        """Wait until CSTS.RDY is as told.  TimeoutError after CAP.TO."""
        end = time.monotonic() + (self.cap >> 24 & 0xFF) / 2 + 1
        while rdy is not None and bool(self[_CSTS] & 1) != rdy:
            if time.monotonic() > end:
                raise TimeoutError(f"CSTS.RDY did not become {int(rdy)}")
            self._pause()

    def _pause(self) -> None:
        """A moment of waiting; in a simulation time passes only while somebody waits for the device."""
        if self.addr.startswith("sim:"):
            self.waitdone(0)
        else:
            time.sleep(0.001)

    # --- admin commands ---

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
        """Identify: 4,096 bytes into buf.  NVMe Base, "Identify command"."""
        return self.send_cmd(
            _IDENTIFY,
            buf,
            nsid,
            cns & 0xFF | cntid << 16,
            nvmsetid | cns_specific_id | csi << 24,
            cdw14=cdw14,
            cb=cb,
        )

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
        """Get Features; sel: 0 current, 1 default, 2 saved, 3 supported."""
        cdw10 = fid & 0xFF | sel << 8
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
        """Set Features; sv: save across power cycles."""
        cdw10 = fid & 0xFF | sv << 31
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
        """Get Log Page: `size` bytes (None: all of buf) at `offset`; lid is 16 bits, with LSP and RAE."""
        size = buf.size if size is None else size
        assert size > 0 and size % 4 == 0 and offset % 4 == 0, "size and offset are in dwords"
        numd = size // 4 - 1
        return self.send_cmd(
            _GET_LOG_PAGE,
            buf,
            nsid,
            lid & 0xFFFF | (numd & 0xFFFF) << 16,
            numd >> 16 | log_specific_id << 16,
            offset & 0xFFFFFFFF,
            offset >> 32,
            cb=cb,
            length=size,
        )

    def abort(self: _Self, cid: int, sqid: int = 0, cb: _Cb = None) -> _Self:
        """Abort command `cid` of queue `sqid`."""
        return self.send_cmd(_ABORT, cdw10=sqid & 0xFFFF | cid << 16, cb=cb)

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
        """Format NVM; ses: 0 none, 1 user data erase, 2 cryptographic erase.  Data is lost."""
        cdw10 = lbaf & 0xF | mset << 4 | pi << 5 | pil << 8 | ses << 9 | lbaf >> 4 << 12
        return self.send_cmd(_FORMAT, nsid=nsid, cdw10=cdw10, cb=cb)

    # --- information ---

    def _identify_data(self, nsid: int, cns: int, cntid: int, csi: int, nvmsetid: int) -> bytes:
        buf = Buffer(4096, "identify")
        cqe = self.sync_cmd(_IDENTIFY, buf, nsid, cns & 0xFF | cntid << 16, nvmsetid | csi << 24)
        _warn(cqe)
        return buf[:]

    @overload
    def id_data(
        self,
        byte_end: int,
        byte_begin: int | None,
        type: Type[str],
        nsid: int = 0,
        cns: int = 1,
        cntid: int = 0,
        csi: int = 0,
        nvmsetid: int = 0,
    ) -> str:
        ...

    @overload
    def id_data(
        self,
        byte_end: int,
        byte_begin: int | None = None,
        type: Type[int] = int,
        nsid: int = 0,
        cns: int = 1,
        cntid: int = 0,
        csi: int = 0,
        nvmsetid: int = 0,
    ) -> int:
        ...

    def id_data(
        self,
        byte_end: int,
        byte_begin: int | None = None,
        type: Any = int,
        nsid: int = 0,
        cns: int = 1,
        cntid: int = 0,
        csi: int = 0,
        nvmsetid: int = 0,
    ) -> int | str:
        """Bytes byte_begin to byte_end (both included, the end first) of an Identify data structure."""
        return field(
            self._identify_data(nsid, cns, cntid, csi, nvmsetid), byte_end, byte_begin, type, "little"
        )

    def supports(self, opcode: int) -> bool:
        """Whether the log says that a command is supported; I/O commands are 256 + opcode."""
        assert 0 <= opcode < 512, "opcode is 0 to 255, for an I/O command 256 more"
        buf = Buffer(4096, "effects")
        cqe = self.sync_cmd(_GET_LOG_PAGE, buf, _NSID_ALL, _LID_EFFECTS | 1023 << 16)
        _warn(cqe)
        return bool(buf.data(opcode * 4 + 3, opcode * 4) & 1)

    def cmdname(self, opcode: int) -> str:
        """Name of an admin command."""
        return _native.admin_name(opcode)

    def timestamp(self) -> str:
        """The controller's Timestamp feature as date and time."""
        buf = Buffer(4096, "timestamp")
        _warn(self.sync_cmd(_GET_FEATURES, buf, cdw10=_FID_TIMESTAMP, length=8))
        ms = buf.data(5, 0)
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(ms // 1000)) + f".{ms % 1000:03d}"

    def get_lba_format(
        self,
        data_size: int = 512,
        meta_size: int = 0,
        pif: int = 0,
        sts: int = 0,
        nsid: int = _NSID_ALL,
    ) -> int | None:
        """Index of the LBA format with these sizes in bytes; None: there is none.

        pif: guard of its protection information (0: 16 bits, 1: 32, 2: 64); sts: bits of storage tag.
        """
        if (
            nsid == _NSID_ALL and not self.id_data(257, 256) & 8
        ):  # OACS: no Namespace Management, so no common data
            nsid = self.id_data(3, 0, nsid=0, cns=2)
        data = self._identify_data(nsid, 0, 0, 0, 0)
        # NVM Command Set, "Extended LBA Format data structure": guard and storage tag, where CTRATT.ELBAS says so
        extended = bytes(4096)
        if (meta_size or pif or sts) and self.id_data(99, 96) & 1 << 15:
            extended = self._identify_data(nsid, 5, 0, 0, 0)
        count = data[25] + 1  # NLBAF is 0's based
        for i in range(min(count, 64)):
            ms, lbads, _ = struct.unpack_from("<HBB", data, 128 + 4 * i)
            (elbaf,) = struct.unpack_from("<I", extended, 12 + 4 * i)
            if lbads and (1 << lbads, ms, elbaf >> 7 & 3, elbaf & 0x7F) == (data_size, meta_size, pif, sts):
                return i
        return None

    def get_adminq_setting(self) -> tuple[int, int, int, int]:
        """(SQ address, SQ size, CQ address, CQ size), as the registers say."""
        aqa = self[0x24]
        return (
            self[0x28] | self[0x2C] << 32,
            (aqa & 0xFFF) + 1,
            self[0x30] | self[0x34] << 32,
            (aqa >> 16 & 0xFFF) + 1,
        )

    def get_timeout_ms(self, opcode: int) -> int:
        """Timeout of an admin command, in milliseconds."""
        return self.get_opcode_timeout(False, opcode)

    def set_timeout_ms(self, opcode: int, msec: int) -> None:
        """Set the timeout of an admin command; 0: that of the controller."""
        self.set_opcode_timeout(False, opcode, msec)

    def cmdlog(self, count: int = 1000, offset: int = 0, sqid: int = 0) -> list[str]:
        """The last commands of a queue as text, newest first."""
        return self.cmdlog_text((sqid,), count, offset)

    def cmdlog_merged(self, count: int = 1000, *qlist: Any) -> list[str]:
        """The last commands of several queues (numbers or Qpairs; none: admin) in time order, newest first."""
        sqids = tuple(q if isinstance(q, int) else q.sqid for q in qlist) or (0,)
        return self.cmdlog_text(sqids, count, 0)

    def logdir_filepath(self, filename: str) -> str:
        """Path of a file in the log directory, which is made."""
        os.makedirs(self.pcie.logdir, exist_ok=True)
        return os.path.join(self.pcie.logdir, filename)

    def logdir_savefile(self, name: str, data: bytes) -> str:
        """Save bytes in the log directory."""
        path = self.logdir_filepath(name)
        with open(path, "wb") as f:
            f.write(data)
        return path
