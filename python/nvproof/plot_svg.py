# SPDX-License-Identifier: BSD-3-Clause
"""Charts as SVG text: scales, axes, lines, steps, marks.  Nothing is fetched, and no script is needed to see them."""
import html
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 920, 74, 28, 30, 44
Point = tuple[float, float]


def text(value: object) -> str:
    """Safe inside of elements and attributes."""
    return html.escape(str(value), quote=True)


# --- numbers for people ---


def number(value: float) -> str:
    """12, 3.5k, 1.2M."""
    for unit, by in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= by:
            return f"{value / by:.3g}{unit}"
    return f"{value:.3g}"


def duration(ns: float) -> str:
    """A latency: 800 ns, 12.5 µs, 3 ms, 1.2 s."""
    for unit, by in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if ns >= by:
            return f"{ns / by:.3g} {unit}"
    return f"{ns:.3g} ns"


def size(value: float) -> str:
    """Bytes: 512 B, 4 KiB, 1.5 GiB."""
    for unit, by in (("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if value >= by:
            return f"{value / by:.4g} {unit}"
    return f"{value:.4g} B"


# --- scales ---


@dataclass
class Axis:
    """One direction of a chart: from low to high, on a linear or a logarithmic scale, with ticks and their names."""

    low: float
    high: float
    label: str
    log: bool = False
    ticks: Sequence[tuple[float, str]] = field(default_factory=list)

    def at(self, value: float) -> float:
        """0 at low, 1 at high."""
        if not self.log:
            return (value - self.low) / (self.high - self.low)
        return math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)


def step_for(span: float, about: int = 5) -> float:
    """1, 2 or 5 times a power of ten: about so many of them in the span."""
    raw = span / about
    base = 10.0 ** math.floor(math.log10(raw))
    return next(base * n for n in (1, 2, 5, 10) if base * n >= raw * 0.999)


def linear(high: float, label: str, name: object = number, low: float = 0) -> Axis:
    """From low to a round number not below high."""
    assert callable(name)
    step = step_for(max(high - low, 1e-9))
    count = max(1, math.ceil((high - low) / step - 1e-9))
    return Axis(
        low,
        low + count * step,
        label,
        ticks=[(low + i * step, name(low + i * step)) for i in range(count + 1)],
    )


def logarithmic(low: float, high: float, label: str, name: object = number) -> Axis:
    """From a power of ten to one; 2 and 5 have ticks too where there are few decades."""
    assert callable(name)
    first = math.floor(math.log10(max(low, 1e-9)))
    last = max(first + 1, math.ceil(math.log10(max(high, 1e-9)) - 1e-9))
    marks = (1, 2, 5) if last - first <= 3 else (1,)
    values = [n * 10.0**e for e in range(first, last) for n in marks] + [10.0**last]
    return Axis(10.0**first, 10.0**last, label, True, [(v, name(v)) for v in values])


# --- charts ---


class Chart:
    """Axes, and what is drawn between them in the order of the calls.  `kind` says in the page what it shows."""

    def __init__(self, kind: str, x: Axis, y: Axis, height: int = 300) -> None:
        self.kind, self.x, self.y, self.height = kind, x, y, height
        self.inside: list[str] = []
        self.legend: list[tuple[str, str]] = []

    def px(self, value: float) -> float:
        """Pixels from the left."""
        return LEFT + self.x.at(value) * (WIDTH - LEFT - RIGHT)

    def py(self, value: float) -> float:
        """Pixels from the top."""
        return self.height - BOTTOM - self.y.at(value) * (self.height - TOP - BOTTOM)

    def _path(self, points: Iterable[Point]) -> str:
        return "M" + "L".join(f"{self.px(x):.1f},{self.py(y):.1f}" for x, y in points)

    def line(self, points: Sequence[Point], colour: str, name: str = "") -> None:
        """Points joined by straight lines."""
        if len(points) > 1:
            self.inside.append(f'<path class="line {colour}" d="{self._path(points)}"/>')
        if name:
            self.legend.append((name, colour))

    def dots(self, points: Sequence[Point], colour: str, names: Sequence[str], radius: float = 2.5) -> None:
        """A dot a point; its name is shown where the pointer rests."""
        for (x, y), name in zip(points, names):
            self.inside.append(
                f'<circle class="dot {colour}" cx="{self.px(x):.1f}" cy="{self.py(y):.1f}" r="{radius}">'
                f"<title>{text(name)}</title></circle>"
            )

    def steps(
        self, bars: Sequence[tuple[float, float, float]], colour: str, name: str, titles: Sequence[str]
    ) -> None:
        """(from, to, height) of each bar: filled down to the axis, with a line along the top."""
        low = self.height - BOTTOM
        for (a, b, y), title in zip(bars, titles):
            left, top = self.px(a), self.py(y)
            self.inside.append(
                f'<rect class="bar {colour}" x="{left:.1f}" y="{top:.1f}" width="{max(self.px(b) - left, 1):.1f}" '
                f'height="{max(low - top, 0.5):.1f}"><title>{text(title)}</title></rect>'
            )
        self.legend.append((name, colour))

    def mark(self, x: float, label: str, row: int) -> None:
        """A vertical line with its name above the chart, in one of several rows."""
        at, top = self.px(x), TOP + 12 * row
        self.inside.append(
            f'<g class="mark"><line x1="{at:.1f}" x2="{at:.1f}" y1="{top:.1f}" y2="{self.height - BOTTOM}"/>'
            f'<text x="{at + 3:.1f}" y="{top + 9:.1f}">{text(label)}</text></g>'
        )

    def _axes(self) -> list[str]:
        low, right = self.height - BOTTOM, WIDTH - RIGHT
        out = []
        for value, name in self.y.ticks:
            y = self.py(value)
            out.append(f'<line class="grid" x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
            out.append(
                f'<text class="tick" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{text(name)}</text>'
            )
        for value, name in self.x.ticks:
            x = self.px(value)
            out.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{low}"/>')
            out.append(
                f'<text class="tick" x="{x:.1f}" y="{low + 17}" text-anchor="middle">{text(name)}</text>'
            )
        out.append(f'<line class="axis" x1="{LEFT}" x2="{right}" y1="{low}" y2="{low}"/>')
        middle = (LEFT + right) / 2
        out.append(
            f'<text class="label" x="{middle}" y="{self.height - 8}" text-anchor="middle">{text(self.x.label)}</text>'
        )
        out.append(f'<text class="label" x="{LEFT}" y="{TOP - 14}">{text(self.y.label)}</text>')
        return out

    def _legend(self) -> list[str]:
        out, x = [], float(WIDTH - RIGHT)
        for name, colour in reversed(self.legend):
            x -= 6.6 * len(name) + 4
            out.append(f'<text class="label" x="{x:.0f}" y="{TOP - 14}">{text(name)}</text>')
            out.append(
                f'<rect class="key {colour}" x="{x - 15:.0f}" y="{TOP - 23}" width="10" height="10" rx="2"/>'
            )
            x -= 36
        return out

    def svg(self) -> str:
        """The chart."""
        parts = [*self._axes(), *self.inside, *self._legend()]
        return (
            f'<svg class="chart" data-kind="{text(self.kind)}" viewBox="0 0 {WIDTH} {self.height}" role="img" '
            f'aria-label="{text(self.y.label)} by {text(self.x.label)}">{"".join(parts)}</svg>'
        )
