# SPDX-License-Identifier: BSD-3-Clause
"""The inside of a software SSD: firmware bugs on request, power, temperature, statistics."""
import subprocess
from typing import Any, Callable, NamedTuple

from . import _native, programs, softssd


class Point(NamedTuple):
    """A firmware bug that the software SSD can imitate."""

    name: str
    arg: str  # "number", "time", "status", or ""
    does: str
    violates: str


def points() -> list[Point]:
    """The table of all of them.  OSError: nvproof-ssd cannot be run."""
    text = subprocess.run(
        [programs.find("nvproof-ssd"), "--faults"], check=True, capture_output=True, text=True
    )
    return [Point(*line.split("\t")) for line in text.stdout.splitlines()]


class Ssd:
    """The software SSD at a control socket.  All methods: ControlError when it does not answer or refuses.

    on_power_loss: called when power() switches it off, and when it finds that a fault has done so.
    """

    def __init__(self, control_path: str, on_power_loss: Callable[[], Any] | None = None) -> None:
        self.control_path = control_path
        self._on_power_loss = on_power_loss
        self._told = False  # that the power is off

    def _ask(self, method: str, **params: Any) -> Any:
        return softssd.control(self.control_path, method, **params)

    def fault(self, rule: str) -> int:
        """Arm a rule, POINT[=ARG][,KEY=VALUE...]; its number."""
        return int(self._ask("fault_add", rule=rule)["id"])

    def faults(self) -> list[dict[str, Any]]:
        """The rules that are armed: id, rule, seen (commands or events that it was about), hits."""
        return list(self._ask("fault_list")["faults"])

    def clear(self, rule: int | None = None) -> int:
        """Disarm one rule, or all; how many there were.  What was held back comes at once."""
        params = {} if rule is None else {"id": rule}
        return int(self._ask("fault_clear", **params)["cleared"])

    def stats(self) -> dict[str, Any]:
        """Counters since it was started."""
        return dict(self._ask("stats"))

    def info(self) -> dict[str, Any]:
        """Controllers, sockets, power."""
        return dict(self._ask("info"))

    def power(self, on: bool) -> None:
        """Switch its power, without notice to the controller."""
        powered = bool(self.info()["powered"])
        self._ask("power_on" if on else "power_off")
        lost = powered if not on else not powered
        if lost and not self._told and self._on_power_loss is not None:
            self._on_power_loss()
        self._told = not on

    def temperature(self, celsius: float | None = None) -> float:
        """Set and tell the composite temperature."""
        params = {} if celsius is None else {"celsius": celsius}
        return float(self._ask("temperature", **params)["celsius"])


class SimSsd(Ssd):
    """The software SSD in this process that a "sim:" device is: faults and power."""

    def __init__(self, pcie: _native.Pcie, on_power_loss: Callable[[], Any] | None = None) -> None:
        super().__init__("", on_power_loss)
        self._pcie = pcie

    def fault(self, rule: str) -> int:
        """Arm a rule, POINT[=ARG][,KEY=VALUE...]; its number."""
        try:
            return self._pcie.sim_fault_add(rule)
        except ValueError as e:
            raise softssd.ControlError(str(e)) from None

    def faults(self) -> list[dict[str, Any]]:
        """The rules that are armed: id, rule, seen (commands or events that it was about), hits."""
        return [dict(zip(("id", "rule", "seen", "hits"), f)) for f in self._pcie.sim_faults()]

    def clear(self, rule: int | None = None) -> int:
        """Disarm one rule, or all; how many there were.  What was held back comes at once."""
        return self._pcie.sim_fault_clear(rule or 0)

    def power(self, on: bool) -> None:
        """Switch its power, without notice to the controller."""
        self._pcie.sim_power(on)
        if not on and not self._told and self._on_power_loss is not None:
            self._on_power_loss()
        self._told = not on

    def _ask(self, method: str, **params: Any) -> Any:
        raise softssd.ControlError(f"an SSD in this process has no control socket: {method}")
