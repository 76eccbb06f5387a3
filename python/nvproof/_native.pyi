# SPDX-License-Identifier: BSD-3-Clause
"""The driver as Python objects: see the docstrings of the extension, and the classes of this package on top."""
from collections.abc import Callable, Iterable, Sequence
from typing import Any, SupportsIndex, TypeVar, overload

_Cb = Callable[..., Any] | None
_Q = TypeVar("_Q", bound="Qpair")
_C = TypeVar("_C", bound="Controller")
_W = TypeVar("_W", bound="IOWorker")

class NvmeEnumerateError(Exception): ...
class NvmeDeletionError(Exception): ...
class NvmeShutdownStatusTimeoutError(Exception): ...
class QpairCreationError(Exception): ...
class QpairDeletionError(Exception): ...
class NamespaceCreationError(Exception): ...
class NamespaceDeletionError(Exception): ...

def srand(seed: int, /) -> None: ...
def admin_name(opcode: int, /) -> str: ...
def io_name(opcode: int, /) -> str: ...
def status_text(status: int, /) -> str: ...
def wait_byte(
    ctrlr: Controller, buf: Buffer, index: int, mask: int, value: int, seconds: float, /
) -> bool: ...
def complete(cb: _Cb, cqe: Sequence[int], /) -> None: ...
def cmdlog_line(
    sqid: int, dwords: Sequence[int], cqe: Sequence[int] | None, submit_ns: int, done_ns: int, /
) -> str: ...

class CQE(Sequence[int]):
    def __init__(self, dwords: Sequence[int], /) -> None: ...
    @overload
    def __getitem__(self, key: SupportsIndex, /) -> int: ...
    @overload
    def __getitem__(self, key: slice, /) -> list[int]: ...
    def __len__(self) -> int: ...
    @property
    def cdw0(self) -> int: ...
    @property
    def cdw1(self) -> int: ...
    @property
    def sqhd(self) -> int: ...
    @property
    def sqid(self) -> int: ...
    @property
    def cid(self) -> int: ...
    @property
    def p(self) -> int: ...
    @property
    def status(self) -> int: ...
    @property
    def sc(self) -> int: ...
    @property
    def sct(self) -> int: ...
    @property
    def crd(self) -> int: ...
    @property
    def m(self) -> int: ...
    @property
    def dnr(self) -> int: ...

class Buffer:
    def __init__(
        self,
        length: int = 4096,
        name: str = "buffer",
        pvalue: int | str = 0,
        ptype: int = 0,
        offset: int = 0,
        nvme: Controller | None = None,
        fake_phys_addr: int | None = None,
        align: int = 4096,
        prp2: Buffer | None = None,
        *,
        size: int = ...,
    ) -> None: ...
    def __len__(self) -> int: ...
    @overload
    def __getitem__(self, key: SupportsIndex, /) -> int: ...
    @overload
    def __getitem__(self, key: slice, /) -> bytes: ...
    @overload
    def __setitem__(self, key: SupportsIndex, value: int, /) -> None: ...
    @overload
    def __setitem__(
        self, key: slice, value: bytes | bytearray | memoryview | Iterable[int] | Buffer, /
    ) -> None: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...
    def fill_pattern(self, pvalue: int | str = 0, ptype: int = 0) -> None: ...
    offset: int
    size: int
    sgl: bool
    @property
    def phys_addr(self) -> int: ...
    @property
    def length(self) -> int: ...
    @property
    def name(self) -> str: ...

class Pcie:
    def __init__(self, addr: str, /) -> None: ...
    def close(self) -> None: ...
    def cfg_read(self, offset: int, length: int, /) -> bytes: ...
    def cfg_write(self, offset: int, data: bytes, /) -> None: ...
    def bar_read(self, offset: int, length: int, /) -> bytes: ...
    def bar_write(self, offset: int, data: bytes, /) -> None: ...
    def reset_device(self, kind: int, /) -> None: ...
    @property
    def addr(self) -> str: ...
    @property
    def closed(self) -> bool: ...

class Controller:
    def __init__(self, pcie: Pcie, no_init: bool = False) -> None: ...
    def __getitem__(self, offset: int, /) -> int: ...
    def __setitem__(self, offset: int, value: int, /) -> None: ...
    def close(self) -> None: ...
    def reset(self) -> None: ...
    def waitdone(self, expected: int = 1, interrupt_enabled: bool = True) -> int: ...
    def aer(self: _C, refill: bool = True, cb: _Cb = None) -> _C: ...
    def send_cmd(
        self: _C,
        opcode: int,
        buf: Buffer | None = None,
        nsid: int = 0,
        cdw10: int = 0,
        cdw11: int = 0,
        cdw12: int = 0,
        cdw13: int = 0,
        cdw14: int = 0,
        cdw15: int = 0,
        cdw02: int = 0,
        cdw03: int = 0,
        cb: _Cb = None,
        length: int = 0,
    ) -> _C: ...
    def sync_cmd(
        self,
        opcode: int,
        buf: Buffer | None = None,
        nsid: int = 0,
        cdw10: int = 0,
        cdw11: int = 0,
        cdw12: int = 0,
        cdw13: int = 0,
        cdw14: int = 0,
        cdw15: int = 0,
        cdw02: int = 0,
        cdw03: int = 0,
        cb: _Cb = None,
        length: int = 0,
    ) -> CQE: ...
    def get_cmd(self, cpl: Any, /) -> list[int]: ...
    def stop_workers(self) -> None: ...
    def set_opcode_timeout(self, io: bool, opcode: int, msec: int, /) -> None: ...
    def get_opcode_timeout(self, io: bool, opcode: int, /) -> int: ...
    def iostat(self) -> list[int]: ...
    def cmdlog_text(self, sqids: tuple[int, ...], count: int, offset: int, /) -> list[str]: ...
    timeout: int
    @property
    def cap(self) -> int: ...
    @property
    def mdts(self) -> int: ...
    @property
    def latest_cid(self) -> int: ...
    @property
    def latest_latency(self) -> int: ...
    @property
    def latest_status(self) -> int: ...
    @property
    def closed(self) -> bool: ...

class Qpair:
    def __init__(
        self,
        nvme: Controller,
        depth: int,
        prio: int = 0,
        ien: bool = True,
        iv: int = 0xFFFF,
        sqid: int = 0,
        lazy_doorbell: bool = False,
        sq_buf: Buffer | None = None,
        cq_buf: Buffer | None = None,
    ) -> None: ...
    def waitdone(self, expected: int = 1) -> int: ...
    def delete(self) -> None: ...
    def ring_doorbell(self) -> None: ...
    @property
    def depth(self) -> int: ...
    @property
    def prio(self) -> int: ...
    @property
    def sqid(self) -> int: ...
    @property
    def latest_cid(self) -> int: ...
    @property
    def latest_latency(self) -> int: ...
    @property
    def outstanding(self) -> int: ...
    @property
    def nvme(self) -> Any: ...

class Namespace:
    def __init__(self, nvme: Controller, nsid: int = 1, nlba_verify: int = ...) -> None: ...
    def read(
        self,
        qpair: _Q,
        buf: Buffer | None,
        lba: int,
        lba_count: int = 1,
        io_flags: int = 0,
        cdw13: int = 0,
        cdw14: int = 0,
        cdw15: int = 0,
        cdw02: int = 0,
        cdw03: int = 0,
        cb: _Cb = None,
        meta: Buffer | None = None,
        verify_disable: bool = False,
        *,
        dword13: int = ...,
        dword14: int = ...,
        dword15: int = ...,
    ) -> _Q: ...
    def write(
        self,
        qpair: _Q,
        buf: Buffer | None,
        lba: int,
        lba_count: int = 1,
        io_flags: int = 0,
        cdw13: int = 0,
        cdw14: int = 0,
        cdw15: int = 0,
        cdw02: int = 0,
        cdw03: int = 0,
        cb: _Cb = None,
        meta: Buffer | None = None,
        verify_disable: bool = False,
        *,
        dword13: int = ...,
        dword14: int = ...,
        dword15: int = ...,
    ) -> _Q: ...
    def compare(
        self,
        qpair: _Q,
        buf: Buffer | None,
        lba: int,
        lba_count: int = 1,
        io_flags: int = 0,
        cdw13: int = 0,
        cdw14: int = 0,
        cdw15: int = 0,
        cdw02: int = 0,
        cdw03: int = 0,
        cb: _Cb = None,
        meta: Buffer | None = None,
        verify_disable: bool = False,
        *,
        dword13: int = ...,
        dword14: int = ...,
        dword15: int = ...,
    ) -> _Q: ...
    def write_zeroes(
        self,
        qpair: _Q,
        lba: int,
        lba_count: int = 1,
        io_flags: int = 0,
        cdw13: int = 0,
        cdw14: int = 0,
        cdw15: int = 0,
        cdw02: int = 0,
        cdw03: int = 0,
        cb: _Cb = None,
        *,
        dword13: int = ...,
        dword14: int = ...,
        dword15: int = ...,
    ) -> _Q: ...
    def write_uncorrectable(
        self,
        qpair: _Q,
        lba: int,
        lba_count: int = 1,
        io_flags: int = 0,
        cdw13: int = 0,
        cdw14: int = 0,
        cdw15: int = 0,
        cdw02: int = 0,
        cdw03: int = 0,
        cb: _Cb = None,
        *,
        dword13: int = ...,
        dword14: int = ...,
        dword15: int = ...,
    ) -> _Q: ...
    def verify(
        self,
        qpair: _Q,
        lba: int,
        lba_count: int = 1,
        io_flags: int = 0,
        cdw13: int = 0,
        cdw14: int = 0,
        cdw15: int = 0,
        cdw02: int = 0,
        cdw03: int = 0,
        cb: _Cb = None,
        *,
        dword13: int = ...,
        dword14: int = ...,
        dword15: int = ...,
    ) -> _Q: ...
    def flush(self, qpair: _Q, cb: _Cb = None) -> _Q: ...
    def dsm(
        self, qpair: _Q, buf: Buffer | None, range_count: int, attribute: int = 4, cb: _Cb = None
    ) -> _Q: ...
    def copy(
        self,
        qpair: _Q,
        buf: Buffer | None,
        range_count: int,
        sdlba: int,
        io_flags: int = 0,
        prinfor: int = 0,
        format: int = 0,
        cdw13: int = 0,
        cdw14: int = 0,
        cdw15: int = 0,
        cdw02: int = 0,
        cdw03: int = 0,
        cb: _Cb = None,
    ) -> _Q: ...
    def send_cmd(
        self,
        opcode: int,
        qpair: _Q,
        buf: Buffer | None = None,
        nsid: int | None = None,
        cdw10: int = 0,
        cdw11: int = 0,
        cdw12: int = 0,
        cdw13: int = 0,
        cdw14: int = 0,
        cdw15: int = 0,
        cdw02: int = 0,
        cdw03: int = 0,
        meta: Buffer | None = None,
        cb: _Cb = None,
    ) -> _Q: ...
    def verify_enable(self, enable: bool = True, /) -> bool: ...
    def pi_engine_enable(self, enable: bool = True) -> bool: ...
    def pi_engine_disable(self) -> bool: ...
    @property
    def pi_type(self) -> int: ...
    @property
    def pi_size(self) -> int: ...
    def mark_nomapping(self, lba: int, lba_count: int, uncorr: bool = False, /) -> bool: ...
    def close(self) -> None: ...
    def refresh(self) -> None: ...
    @property
    def nsid(self) -> int: ...
    @property
    def sector_size(self) -> int: ...
    @property
    def meta_size(self) -> int: ...
    @property
    def nsze(self) -> int: ...
    @property
    def capacity(self) -> int: ...
    @property
    def nvme(self) -> Any: ...

class IOWorker:
    def __init__(
        self,
        ns: Namespace,
        io_size: int,
        lba_align: int,
        lba_step: int,
        random_percent: int,
        read_percent: int,
        qdepth: int,
        time_ns: int,
        io_count: int,
        region_start: int,
        region_end: int,
        lba_start: int,
        ptype: int,
        pvalue: int,
        io_flags: int,
        cpu: int,
        verify: bool,
        exit_on_error: bool,
        ppm: Sequence[int],
    ) -> None: ...
    def start(self: _W) -> _W: ...
    def stop(self) -> None: ...
    def live(self) -> tuple[int, int]: ...
    def close(self) -> Any: ...
    @property
    def running(self) -> bool: ...
