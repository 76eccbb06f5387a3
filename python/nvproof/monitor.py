# SPDX-License-Identifier: BSD-3-Clause
"""Monitors: functions of a script that run now and then while it does something else.  See Controller.add_monitor()."""
import logging
import threading
import time
import warnings
import weakref
from typing import Any, Callable

from . import _native

_TICK_S = 0.005  # how often to try again when the script is in the middle of something
_TRIES, _TRY_S = 20, 0.0005  # within what the script gives way for

log = logging.getLogger("nvproof")

_Func = Callable[[Any], Any]


class Monitors:
    """The monitors of one controller, in one thread that starts with the first of them and ends with the controller."""

    def __init__(self, nvme: Any) -> None:
        self._nvme = weakref.ref(nvme)  # a cycle of references would keep the controller open
        self._due: dict[str, tuple[float, float, _Func]] = {}  # by name: when next, interval, function
        self._thread: threading.Thread | None = None

    def add(self, name: str, func: _Func | None, interval: float) -> None:
        """Add, replace or (func None) remove one."""
        if func is None:
            self._due.pop(name, None)
            thread = self._thread
            if not self._due and thread is not None and thread is not threading.current_thread():
                thread.join()
            return
        if not callable(func):
            raise TypeError("add_monitor: func is a function of one argument, the controller")
        assert interval > 0, "add_monitor: interval is in seconds, above 0"
        self._due[name] = time.monotonic() + interval, interval, func
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(
                target=_run, args=(self, self._nvme()), name="nvproof monitor", daemon=True
            )
            self._thread.start()

    def next_due(self) -> str | None:
        """The name of the one that is most overdue; None: none is."""
        now = time.monotonic()
        late = [(due, name) for name, (due, _, _) in list(self._due.items()) if due <= now]
        return min(late)[1] if late else None

    def pending(self) -> bool:
        """Whether there is any."""
        return bool(self._due)

    def run(self, name: str, nvme: Any) -> None:
        """Call one, and say when it is next."""
        _, interval, func = self._due[name]
        try:
            func(nvme)
        except Exception as e:  # it must not end the script's run, nor come again and again
            log.exception("monitor %s", name)
            warnings.warn(f"monitor: {name}: {e}", UserWarning)
            self._due.pop(name, None)
            return
        if name in self._due and self._due[name][2] is func:
            self._due[name] = time.monotonic() + interval, interval, func


def _begin(nvme: Any) -> bool:
    """Whether there was a moment for it: the script makes one when it is asked to, and sends something."""
    for _ in range(_TRIES):
        if _native.monitor_begin(nvme):
            return True
        time.sleep(_TRY_S)
    return False


def _step(monitors: Monitors, nvme: Any) -> bool:
    """One turn; False: the controller is closed, or no monitor is left."""
    if nvme.closed or not monitors.pending():
        return False
    name = monitors.next_due()
    if name is None or not _begin(nvme):
        return True
    try:
        monitors.run(name, nvme)
    finally:
        _native.monitor_end()
    return True


def _run(monitors: Monitors, nvme: Any) -> None:
    """The thread.  It keeps the controller: one that nobody else keeps would be closed from here, in the middle of something."""
    while _step(monitors, nvme):
        time.sleep(_TICK_S)
