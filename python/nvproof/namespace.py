# SPDX-License-Identifier: BSD-3-Clause
"""Namespace: what Identify says of it, format, and ioworkers.  The I/O commands are native."""
from typing import Any, Callable, Concatenate, ParamSpec, Type, overload

from . import _native, iow_args
from .admin import format_cdw10, warn_status
from .controller import Controller
from .io_cmds import IOCommands
from .ioworker import IOWorker
from .util import field

_P = ParamSpec("_P")
_FORMAT_TIMEOUT_MS = 100_000
_PRACT = 1 << 13  # of io_flags


def _same_arguments(
    init: Callable[Concatenate[IOWorker, Any, _P], None]
) -> Callable[[Callable[..., IOWorker]], Callable[Concatenate[Any, _P], IOWorker]]:
    """For type checkers: a method takes what the class does, after the namespace."""
    return lambda function: function


class Namespace(IOCommands):
    """Namespace(nvme, nsid=1, nlba_verify=2**64-1, crc_snapshot=None, crc32=False)

    nlba_verify: how many LBAs data verification covers (0: all).  crc_snapshot: a file of save_crc() to verify against.
    crc32: 4 bytes of CRC an LBA instead of a byte for 512, where the table does not exist yet.  NamespaceCreationError:
    there is no such namespace.
    """

    def __init__(
        self,
        nvme: Controller,
        nsid: int = 1,
        nlba_verify: int = 2**64 - 1,
        crc_snapshot: str | None = None,
        crc32: bool = False,
    ) -> None:
        super().__init__(nvme, nsid, nlba_verify, crc32)
        if crc_snapshot is not None:
            try:
                self.load_crc(crc_snapshot)
            except Exception:
                super().close()
                raise

    def close(self, crc_snapshot: str | None = None) -> None:
        """Let go of the namespace and of its verification table, which is saved to the file crc_snapshot first."""
        if crc_snapshot is not None:
            self.save_crc(crc_snapshot)
        super().close()

    def save_crc(self, path: str) -> bool:
        """Write what verification knows to a file.  False: there is no table.  OSError: the file cannot be written."""
        return super().save_crc(path)

    def load_crc(self, path: str) -> bool:
        """Verify against a file of save_crc() from now on.  False: there is no table.

        ValueError: the file is damaged, or of another namespace; OSError: it cannot be read.
        """
        return super().load_crc(path)

    def inject_write_buffer_enable(self) -> bool:
        """Put NSID (bits 63:48) and LBA (bits 47:0) into the first 8 bytes of each LBA written, in the script's buffer.  On at first."""
        return self._inject_id(True)

    def inject_write_buffer_disable(self) -> bool:
        """Leave the first 8 bytes of each LBA to the script."""
        return self._inject_id(False)

    def inject_write_token_enable(self) -> bool:
        """Put a number that grows from write to write into the last 8 bytes of each LBA written.  On at first."""
        return self._inject_token(True)

    def inject_write_token_disable(self) -> bool:
        """Leave the last 8 bytes of each LBA to the script."""
        return self._inject_token(False)

    def dump_miscompare_lba_enable(self) -> bool:
        """Log the data of an LBA that was read wrong.  Off at first.  False: there is no table."""
        return self._tell_dump(True)

    def dump_miscompare_lba_disable(self) -> bool:
        """Do not log the data of an LBA that was read wrong."""
        return self._tell_dump(False)

    def print_miscompare_log_enable(self) -> bool:
        """Log the last commands on an LBA that was read wrong.  On at first.  False: there is no table."""
        return self._tell_log(True)

    def print_miscompare_log_disable(self) -> bool:
        """Do not log the last commands on an LBA that was read wrong."""
        return self._tell_log(False)

    @overload
    def id_data(
        self,
        byte_end: int,
        byte_begin: int | None,
        type: Type[str],
        cns: int = 0,
        cntid: int = 0,
        csi: int = 0,
    ) -> str:
        ...

    @overload
    def id_data(
        self,
        byte_end: int,
        byte_begin: int | None = None,
        type: Type[int] = int,
        cns: int = 0,
        cntid: int = 0,
        csi: int = 0,
    ) -> int:
        ...

    def id_data(
        self,
        byte_end: int,
        byte_begin: int | None = None,
        type: Any = int,
        cns: int = 0,
        cntid: int = 0,
        csi: int = 0,
    ) -> int | str:
        """Bytes byte_begin to byte_end (both included, the end first) of an Identify data structure."""
        data = self.nvme._identify_data(self.nsid, cns, cntid, csi, 0)
        return field(data, byte_end, byte_begin, type, "little")

    def cmdname(self, opcode: int) -> str:
        """Name of an I/O command."""
        return _native.io_name(opcode)

    def supports(self, opcode: int) -> bool:
        """Whether the log says that an I/O command is supported."""
        return self.nvme.supports(256 + opcode)

    def get_sector_size(self, extended: bool = False, io_flags: int = 0) -> int:
        """Bytes of an LBA; extended: with its metadata.

        With PRINFO.PRACT in io_flags, metadata that is nothing but protection information does not count: it stays in the
        drive.
        """
        stripped = io_flags & _PRACT and self.meta_size == self.pi_size
        return self.sector_size + (self.meta_size if extended and not stripped else 0)

    def get_lba_format(
        self, data_size: int = 512, meta_size: int = 0, pif: int = 0, sts: int = 0
    ) -> int | None:
        """Index of the LBA format with these sizes in bytes; None: there is none."""
        return self.nvme.get_lba_format(data_size, meta_size, pif, sts, self.nsid)

    def get_timeout_ms(self, opcode: int) -> int:
        """Timeout of an I/O command, in milliseconds."""
        return self.nvme.get_opcode_timeout(True, opcode)

    def set_timeout_ms(self, opcode: int, msec: int) -> None:
        """Set the timeout of an I/O command in milliseconds; 0: that of the controller."""
        self.nvme.set_opcode_timeout(True, opcode, msec)

    def format(
        self,
        data_size: int | None = None,
        meta_size: int = 0,
        ses: int = 0,
        pil: int = 0,
        pi: int = 0,
        mset: int = 0,
        pif: int = 0,
        sts: int = 0,
    ) -> int:
        """Format this namespace and wait for it; dword 0 of the completion.  All data is lost.  "Format NVM command".

        data_size: bytes of an LBA, None: as it is.  pi: type of protection information, 0 none; pil: 1 in the first bytes
        of the metadata; mset: 1 metadata between the data; pif, sts: as get_lba_format().  AssertionError: no such LBA
        format.
        """
        nvme: Controller = self.nvme
        lbaf = self.get_lba_format(self.sector_size if data_size is None else data_size, meta_size, pif, sts)
        assert lbaf is not None, f"no LBA format has {data_size} + {meta_size} bytes"
        cdw10 = format_cdw10(lbaf, mset, pi, pil, ses)
        before = nvme.get_opcode_timeout(False, 0x80)
        nvme.set_opcode_timeout(False, 0x80, max(before, _FORMAT_TIMEOUT_MS))
        try:
            cqe = nvme.sync_cmd(0x80, nsid=self.nsid, cdw10=cdw10)
        finally:
            nvme.set_opcode_timeout(False, 0x80, 0 if before == nvme.timeout else before)
        # FNA bit 0: a format concerns all namespaces.  NVMe Base, "Identify Controller data structure".
        nvme.ns_clear(0xFFFFFFFF if nvme.id_data(524) & 1 else self.nsid)
        warn_status(cqe)
        self.refresh()
        return cqe.cdw0

    @_same_arguments(IOWorker.__init__)
    def ioworker(self, *args: Any, **kwargs: Any) -> IOWorker:
        """An I/O generator in a process of its own; see IOWorker for the arguments.  start() or `with` starts it.

        The first positional argument is the qpair; where it is an io_size, all are in pynvme 2's order.  TypeError: an argument came
        twice.
        """
        named = iow_args.keywords(_native.Qpair, args)
        if named is None:
            return IOWorker(self, *args, **kwargs)
        if named.keys() & kwargs.keys():
            raise TypeError(f"ioworker() got repeated arguments: {', '.join(named.keys() & kwargs.keys())}")
        return IOWorker(self, **named, **kwargs)
