# SPDX-License-Identifier: BSD-3-Clause
"""Qpair: an I/O submission queue with its completion queue."""
from typing import Any

from . import _native
from .sqe import SQE


class Qpair(_native.Qpair):
    """Qpair(nvme, depth, prio=0, ien=True, iv=0xffff, sqid=0, lazy_doorbell=False, sq_buf=None, cq_buf=None)

    prio: 0 urgent to 3 low, with weighted round robin.  ien: the completion queue has interrupts, of vector iv (0xffff: the driver
    chooses).  sqid 0: the driver chooses.  lazy_doorbell: it rings in waitdone() and ring_doorbell() only.  sq_buf, cq_buf: memory of the
    script for the two rings, 64 and 16 bytes an entry.  One process at a time uses a queue pair: AssertionError.

    depth: entries, 2 to CAP.MQES + 1; depth - 1 commands can be outstanding.  AssertionError: another depth.
    QpairCreationError: the device refuses, after its warning.  Keep a reference: a dropped one is deleted on the device.
    """

    def close(self) -> None:
        """Refused: delete() is what deletes a queue pair."""
        raise AssertionError("a queue pair is not closed: delete() deletes it")

    def cmdlog(self, count: int = 1000, offset: int = 0) -> list[str]:
        """The last commands of this queue as text, newest first; `offset` of the newest are left out."""
        return self.nvme.cmdlog_text((self.sqid,), count, offset)

    def get_cmd(self, cpl: Any) -> SQE:
        """Inside of a callback: the command that completed.  AssertionError: not in a callback."""
        return self.nvme.get_cmd(cpl)
