# SPDX-License-Identifier: BSD-3-Clause
"""Bring-up of a controller: the default one, and the steps for a script that does it itself.

NVMe Base Specification, "Memory-based Controller Initialization".
"""
import warnings
from typing import Any, Callable

from . import _native
from ._native import NvmeEnumerateError
from .admin import AdminCommands

_VS, _CC, _CSTS = 0x08, 0x14, 0x1C
_VS_1_1 = 0x00010100  # the first version with lists of namespaces
_IDENTIFY, _CNS_ACTIVE = 0x06, 0x02
_CC_SETTINGS, _CC_EN = 0x00460000, 1  # 64-byte SQEs, 16-byte CQEs, NVM command set, pages of 4 KiB
_CSTS_RDY, _CSTS_CFS = 1, 2
_NUMBER_OF_QUEUES, _ALL_QUEUES = 7, 0xFFFEFFFE
_RETRY_S = 1.0


class ReadyTimeout(NvmeEnumerateError, TimeoutError):
    """CSTS.RDY did not follow CC.EN within CAP.TO."""


class BringUp(AdminCommands):
    """Life of a controller between its resets; see Controller.

    A script's nvme_init_func does these steps, in its own way:

        def init(nvme0):
            nvme0[0x14] = 0                             # CC.EN
            nvme0.wait_csts(rdy=False)
            nvme0.init_adminq()
            nvme0[0x14] = 0x00460000
            nvme0[0x14] = 0x00460001
            nvme0.wait_csts(rdy=True)
            nvme0.identify(Buffer(4096)).waitdone()
            nvme0.init_ns()
            nvme0.setfeatures(7, cdw11=0xfffefffe).waitdone()
            nvme0.init_queues(nvme0.getfeatures(7).waitdone())
            nvme0.aer()
    """

    nvme_init_func: Callable[[Any], Any] | bool | None
    pcie: Any

    def _bring_up(self, create_qpair: bool) -> None:
        """Run the script's function between the driver's two halves."""
        assert callable(self.nvme_init_func)
        self.init_begin()
        try:
            self.nvme_init_func(self)
        except BaseException:
            self.init_fail()
            raise
        self.init_end(not create_qpair)

    def _check_ns(self) -> None:
        """After the default bring-up: one more try for the namespaces, after a second."""
        if self.init_ns() >= 0:
            return
        warnings.warn("init namespaces first warning", UserWarning, stacklevel=4)
        self._pause(_RETRY_S)
        if self.init_ns() < 0:
            raise NvmeEnumerateError(f"{self.pcie.addr}: Identify failed twice")

    def reset(self, create_qpair: bool = True) -> None:  # type: ignore[override]
        """CC.EN 1, 0, 1 and bring-up, by nvme_init_func if there is one.

        Commands that are outstanding end with 00/08, without a warning.  The queue pairs that existed are created again, empty;
        create_qpair=False: they are gone, as if deleted.  One Asynchronous Event Request is outstanding again; those of the script are not.
        NvmeEnumerateError: it does not come back; TimeoutError: ioworkers do not end.
        """
        if callable(self.nvme_init_func):
            self._bring_up(create_qpair)
        else:
            super().reset(not create_qpair)
        vars(self).pop("_meta_rings", None)  # metamode's queues are gone, and their memory is free

    def init_adminq(
        self,
        depth: int = 127,
        skip_register: bool = False,
        lazy_doorbell: bool = False,
        reuse_adminq: bool = False,
    ) -> int:
        """Make an admin queue of `depth` entries (2 to 4095) and write AQA, ASQ and ACQ.  The controller is disabled.

        skip_register: do not write them: get_adminq_setting() says what they should be.  lazy_doorbell: the doorbell rings in waitdone()
        and ring_doorbell() only.  reuse_adminq: the memory of the last one, if its depth is the same; the registers have kept it over a
        controller reset, not over a reset of the PCI function.  Returns 0, or a negative number when it cannot: the controller is enabled
        or gone.  AssertionError: depth.
        """
        assert 2 <= depth < 4096, "an admin queue has 2 to 4095 entries"
        return super().init_adminq(depth, skip_register, lazy_doorbell, reuse_adminq)

    def init_ns(self) -> int:
        """Identify Controller, for what the driver has to know of it, and the list of namespaces.

        Returns 0; below 0: one of them failed.
        """
        rc = self.init_identify()
        if rc < 0 or self[_VS] < _VS_1_1:
            return rc
        buf = _native.Buffer(4096, "namespaces")
        return -1 if self.sync_cmd(_IDENTIFY, buf, cdw10=_CNS_ACTIVE).status else 0

    def init_queues(self, cdw0: int) -> None:
        """How many queue pairs the controller grants: dword 0 of Get Features of Number of Queues.

        NVMe Base Specification, "Number of Queues".
        """
        super().init_queues(cdw0)

    def wait_csts(self, rdy: bool | None = None) -> None:
        """Wait until CSTS.RDY is as told; None: do not wait.

        NvmeEnumerateError (it is a TimeoutError too): not within CAP.TO; or at once when CSTS.CFS says that it never will.
        """
        limit = max((self.cap >> 24 & 0xFF) / 2, 0.5)
        end = self._now() + limit
        while rdy is not None:
            last, csts = self._now() > end, self[_CSTS]
            if bool(csts & _CSTS_RDY) == bool(rdy):
                return
            if rdy and csts & _CSTS_CFS:
                raise NvmeEnumerateError(f"{self.pcie.addr}: CSTS.CFS instead of CSTS.RDY")
            if last:
                raise ReadyTimeout(
                    f"{self.pcie.addr}: CSTS.RDY did not become {int(rdy)} in {limit} s (CAP.TO)"
                )
            self._pause()

    def _now(self) -> float:
        """Seconds of the device's clock."""
        return _native.now(self)

    def _pause(self, seconds: float = 0.001) -> None:
        """A moment of waiting; in a simulation time passes only while somebody waits for the device."""
        _native.pause(self, seconds)


def default_init(nvme: BringUp) -> None:
    """What the driver does by default, as a function of a script: to copy, or to call and add to."""
    nvme[_CC] = 0
    nvme.wait_csts(rdy=False)
    if nvme.init_adminq():
        raise NvmeEnumerateError(f"{nvme.pcie.addr}: no admin queue")
    nvme[_CC] = _CC_SETTINGS
    nvme[_CC] = _CC_SETTINGS | _CC_EN
    nvme.wait_csts(rdy=True)
    nvme._check_ns()
    nvme.setfeatures(_NUMBER_OF_QUEUES, cdw11=_ALL_QUEUES).waitdone()
    nvme.init_queues(nvme.getfeatures(_NUMBER_OF_QUEUES).waitdone())
    nvme.aer()
