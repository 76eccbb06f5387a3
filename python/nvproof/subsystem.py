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

    The callbacks switch the power of a real drive (a relay, a programmable supply); without them a software SSD is switched through its
    control socket, or, in a simulation, directly.  nvme.reset() follows each method.
    """

    def __init__(
        self,
        nvme: Controller,
        poweron_cb: Callable[[], Any] | None = None,
        poweroff_cb: Callable[[], Any] | None = None,
    ) -> None:
        for name, cb in (("poweron_cb", poweron_cb), ("poweroff_cb", poweroff_cb)):
            if cb is not None and not callable(cb):
                raise TypeError(f"Subsystem: {name} is a function without arguments")
        self._nvme = nvme
        self._poweron_cb = poweron_cb
        self._poweroff_cb = poweroff_cb

    def _switch(self, on: bool) -> None:
        pcie = self._nvme.pcie
        if pcie.addr.startswith("vfu:"):
            softssd.control(pcie.addr[4:] + ".ctl", "power_on" if on else "power_off")
        elif not pcie.sim_power(on):
            raise ValueError(f"the power of {pcie.addr} cannot be switched: give poweron_cb and poweroff_cb")

    def poweroff(self) -> None:
        """Power off, without notice to the controller.  ioworkers end first.

        ControlError: the software SSD does not answer; ValueError: nothing switches this drive's power; TimeoutError: ioworkers
        do not end.
        """
        self._nvme.stop_workers()
        if self._poweroff_cb is not None:
            self._poweroff_cb()
        else:
            self._switch(False)
        self._nvme._power_event(True)

    def poweron(self, quick: bool = True) -> None:
        """Power on again.  quick is obsolete and has no meaning.  Errors as of poweroff()."""
        if self._poweron_cb is not None:
            self._poweron_cb()
        else:
            self._switch(True)

    def power_cycle(self, sec: float = 15) -> None:
        """Power off, and on again after `sec` seconds; a software SSD is not kept waiting.  Errors as of poweroff()."""
        assert sec >= 0, "power_cycle: sec is a number of seconds"
        self.poweroff()
        if self._poweron_cb is not None or self._poweroff_cb is not None:
            time.sleep(sec)
        self.poweron()

    def reset(self) -> bool:
        """NVM subsystem reset.  False, and an error in the log: the controller does not support it (CAP.NSSRS).

        TimeoutError: ioworkers do not end.  NVMe Base Specification, "NVM Subsystem Reset".
        """
        if not self._nvme.cap & _CAP_NSSRS:
            log.error("NVM subsystem reset is not supported: CAP.NSSRS is 0")
            return False
        self._nvme.stop_workers()
        self._nvme[_NSSR] = _NSSR_MAGIC
        return True

    def shutdown_notify(self, abrupt: bool = False, timeout: float = _cTIMEOUT) -> None:
        """Tell the controller that power will go (CC.SHN), and wait until it is ready (CSTS.SHST).  ioworkers end first.

        NvmeShutdownStatusTimeoutError: it is not after `timeout` seconds.  NVMe Base Specification, "Memory-based Controller Shutdown".
        """
        nvme = self._nvme
        nvme.stop_workers()
        nvme[_CC] = nvme[_CC] & ~(3 << 14) | (2 if abrupt else 1) << 14
        end = nvme._now() + timeout
        while True:
            last = nvme._now() > end
            if nvme[_CSTS] >> 2 & 3 == _SHST_COMPLETE:
                if not abrupt:
                    nvme._power_event(False)
                return
            if last:
                raise NvmeShutdownStatusTimeoutError(
                    f"CSTS.SHST does not show a completed shutdown after {timeout} s"
                )
            nvme._pause()
