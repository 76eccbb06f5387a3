# SPDX-License-Identifier: BSD-3-Clause
"""Controller: bring-up, admin commands, and what Identify and the logs say, decoded."""
import struct
import time
import weakref
from typing import Any, Callable, Type, overload

from . import _native, monitor, results, tcg
from .admin import warn_status
from .bringup import BringUp
from .buffer import Buffer
from .pcie import Pcie
from .sqe import SQE
from .util import field

# NVMe Base Specification, "Admin Command Set"
_GET_LOG_PAGE, _GET_FEATURES = 0x02, 0x0A
_LID_EFFECTS = 0x05
_FID_TIMESTAMP = 0x0E
_NSID_ALL = 0xFFFFFFFF

live: "weakref.WeakSet[Controller]" = weakref.WeakSet()  # for who wants to see all command logs


class Controller(BringUp):
    """Controller(pcie, nvme_init_func=None)

    None: the driver brings it up (default_init() in nvproof/bringup.py says how).  A function: it gets the controller and does that
    itself, now and at each reset().  True: touch nothing, registers only.  NvmeEnumerateError: it does not come up.

    nvme0[offset] reads a register of 32 bits, nvme0[offset] = value writes it.  AssertionError: offset is not a multiple of 4;
    SystemError: it reads as all ones.  NVMe Base Specification, "Controller Properties".
    """

    def __init__(self, pcie: Pcie, nvme_init_func: Callable[[Any], Any] | bool | None = None) -> None:
        if nvme_init_func is not None and nvme_init_func is not True and not callable(nvme_init_func):
            raise TypeError("Controller: nvme_init_func is None, True or a function")
        self.pcie = pcie
        self.nvme_init_func = nvme_init_func
        self._monitors = monitor.Monitors(self)
        super().__init__(pcie, nvme_init_func is not None)
        live.add(self)
        if callable(nvme_init_func):
            self._bring_up(True)
        elif nvme_init_func is None:
            self._check_ns()

    def __repr__(self) -> str:
        return f"<Controller: {self.pcie!r}>"

    @property
    def addr(self) -> str:
        """The address as opened."""
        return self.pcie.addr

    # --- information ---

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
        """Whether the log says that a command is supported; I/O commands are 256 + opcode.

        NVMe Base Specification, "Commands Supported and Effects log page".
        """
        assert 0 <= opcode < 512, "opcode is 0 to 255, for an I/O command 256 more"
        buf = Buffer(4096, "effects")
        cqe = self.sync_cmd(_GET_LOG_PAGE, buf, _NSID_ALL, _LID_EFFECTS | 1023 << 16)
        warn_status(cqe)
        return bool(buf.data(opcode * 4 + 3, opcode * 4) & 1)

    def cmdname(self, opcode: int) -> str:
        """Name of an admin command; of an I/O command for 256 + opcode."""
        assert 0 <= opcode < 512, "opcode is 0 to 255, for an I/O command 256 more"
        return _native.admin_name(opcode) if opcode < 256 else _native.io_name(opcode - 256)

    def get_cmd(self, cpl: Any) -> SQE:  # type: ignore[override]
        """Inside of a callback: the command that completed.  AssertionError: not in a callback."""
        return SQE(*super().get_cmd(cpl))

    def timestamp(self) -> str:
        """The controller's Timestamp feature as date and time."""
        buf = Buffer(4096, "timestamp")
        warn_status(self.sync_cmd(_GET_FEATURES, buf, cdw10=_FID_TIMESTAMP, length=8))
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
        """(SQ address, SQ entries, CQ address, CQ entries) of the driver's admin queue, whatever the registers say."""
        return self.adminq

    @property
    def iosq_list(self) -> list[int]:
        """Identifiers of the I/O submission queues that this object and metamode created, in order."""
        return sorted({*self.sqids, *(qid for is_cq, qid in vars(self).get("_meta_rings", {}) if not is_cq)})

    def get_timeout_ms(self, opcode: int) -> int:
        """Timeout of an admin command, in milliseconds."""
        return self.get_opcode_timeout(False, opcode)

    def set_timeout_ms(self, opcode: int, msec: int) -> None:
        """Set the timeout of an admin command in milliseconds; 0: that of the controller."""
        self.set_opcode_timeout(False, opcode, msec)

    def cmdlog(self, count: int = 1000, offset: int = 0, sqid: int = 0) -> list[str]:
        """The last `count` commands of a queue as text, newest first, without the `offset` newest.

        Each line: when it was sent, the command, its completion and how long that took in microseconds, or "outstanding".
        """
        return self.cmdlog_text((sqid,), count, offset)

    def cmdlog_merged(self, count: int = 1000, *qlist: Any) -> list[str]:
        """The last commands of several queues (numbers or Qpairs; none: of all) in time order, newest first."""
        sqids = tuple(q if isinstance(q, int) else q.sqid for q in qlist)
        return self.cmdlog_text(sqids or (0, *self.iosq_list), count, 0)

    def logdir_filepath(self, filename: str) -> str:
        """Path of a file in this run's folder of results, which is made: results/<time of the start>/filename."""
        return results.path(self.pcie.logdir, filename)

    def logdir_savefile(self, name: str, data: bytes | bytearray | memoryview | str | _native.Buffer) -> str:
        """Save data in this run's folder of results; the path."""
        path = self.logdir_filepath(name)
        raw = data.encode() if isinstance(data, str) else bytes(memoryview(data))  # type: ignore[arg-type]
        with open(path, "wb") as f:
            f.write(raw)
        return path

    def add_monitor(self, name: str, func: Callable[["Controller"], Any], interval: float = 1) -> None:
        """Call func(nvme0) every `interval` seconds from now on, until the controller is closed.

        It runs in a thread, between the waits of the script and while that sleeps or waits for ioworkers; it may send admin commands and
        wait for them.  The script is held up meanwhile.  An exception is logged, becomes a warning, and ends that monitor.  The same
        name again replaces it; func None removes it.
        """
        self._monitors.add(name, func, interval)

    @property
    def tcg_feature_list(self) -> list[int]:
        """Feature codes of TCG Level 0 Discovery; empty when the controller has no TCG security."""
        return list(self.tcg_feature_data)

    @property
    def tcg_feature_data(self) -> dict[int, bytes]:
        """The descriptor of each feature of TCG Level 0 Discovery, by feature code."""
        return tcg.discover(self)

    def fio(self, nsid: int, *args: str) -> int:
        """Run fio's options or job files ("--rw=randread", "--bs=4k", "job.fio") on a namespace: by ioworkers, each a process of its
        own, for at most 12 hours, as fio itself has no engine for this driver.  0: all went well; 1: something failed.  What was
        measured is in the results folder (fio.json, as fio writes it, and CSV).  ValueError: an option that is not known.

        Options that name a file or an engine are taken and not used: the device is this controller.
        """
        from . import fio_run  # which needs Namespace, and that this module

        return fio_run.run(self, nsid, args)
