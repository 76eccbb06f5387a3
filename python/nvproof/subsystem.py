# SPDX-License-Identifier: BSD-3-Clause
"""Subsystem: reset and power of the whole drive."""
import logging
import time
from typing import Any, Callable

from . import softssd
from ._native import NvmeShutdownStatusTimeoutError
from .controller import Controller
from .util import _cTIMEOUT

log = logging.getLogger("nvproof")

# NVMe Base Specification, "Controller Properties"
_CC, _CSTS, _NSSR = 0x14, 0x1C, 0x20
_NSSR_MAGIC = 0x4E564D65  # "NVMe"
_CAP_NSSRS = 1 << 36
_SHST_COMPLETE = 2


class Subsystem:
    """Subsystem(nvme, poweron_cb=None, poweroff_cb=None)

    The callbacks switch the power of a real drive; without them a software SSD is switched through its control socket.
    nvme.reset() follows each method.
    """

    def __init__(
        self,
        nvme: Controller,
        poweron_cb: Callable[[], Any] | None = None,
        poweroff_cb: Callable[[], Any] | None = None,
    ) -> None:
        self._nvme = nvme
        self._poweron_cb = poweron_cb
        self._poweroff_cb = poweroff_cb

    def _control(self, method: str) -> None:
        addr = self._nvme.pcie.addr
        if not addr.startswith("vfu:"):
            raise ValueError(
                f"the power of {addr or 'this device'} cannot be switched: give poweron_cb and poweroff_cb"
            )
        softssd.control(addr[4:] + ".ctl", method)

    def poweroff(self) -> None:
        """Power off, without notice to the controller.  ControlError: the software SSD does not answer."""
        self._nvme.stop_workers()
        if self._poweroff_cb is not None:
            self._poweroff_cb()
        else:
            self._control("power_off")

    def poweron(self, quick: bool = True) -> None:
        """Power on again."""
        if self._poweron_cb is not None:
            self._poweron_cb()
        else:
            self._control("power_on")

    def power_cycle(self, sec: float = 15) -> None:
        """Power off, and on again after `sec` seconds (a software SSD is not kept waiting)."""
        self.poweroff()
        if self._poweron_cb is not None or self._poweroff_cb is not None:
            time.sleep(sec)
        self.poweron()

    def reset(self) -> bool:
        """NVM subsystem reset.  False: the controller does not support it."""
        if not self._nvme.cap & _CAP_NSSRS:
            log.error("NVM subsystem reset is not supported: CAP.NSSRS is 0")
            return False
        self._nvme.stop_workers()
        self._nvme[_NSSR] = _NSSR_MAGIC
        return True

    def shutdown_notify(self, abrupt: bool = False, timeout: float = _cTIMEOUT) -> None:
        """Tell the controller that power will go, and wait until it is ready.

        NvmeShutdownStatusTimeoutError: CSTS.SHST does not show it after `timeout` seconds.
        """
        self._nvme.stop_workers()
        self._nvme[_CC] = self._nvme[_CC] & ~(3 << 14) | (2 if abrupt else 1) << 14
        end = time.monotonic() + timeout
        while self._nvme[_CSTS] >> 2 & 3 != _SHST_COMPLETE:
            if time.monotonic() > end:
                raise NvmeShutdownStatusTimeoutError(
                    f"CSTS.SHST does not show a completed shutdown after {timeout} s"
                )
            self._nvme._pause()
