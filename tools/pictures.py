# SPDX-License-Identifier: BSD-3-Clause
"""The pictures of docs/model.md: what the model of the flash does, in virtual time, so that each run draws the same.

usage: tools/pictures.py [FOLDER]   (docs/pictures)
"""
import pathlib
import subprocess
import sys

from nvproof import plot_svg as svg

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = ROOT / "build/tests/bench/bench_model"
Lines = dict[str, list[svg.Point]]
COLOURS = ("#1f6feb", "#d9730d", "#2a9d62", "#a04ad0", "#c8334a", "#5b6b7b")
STYLE = (
    "svg{background:#fff;font-family:sans-serif}.grid{stroke:#e4e8ee}.axis{stroke:#9aa4b1}"
    ".tick,.label,.mark text{font-size:12px;fill:#64707f}.label{fill:#1c2430}.line{fill:none;stroke-width:1.8}"
    ".mark line{stroke:#1c2430;stroke-opacity:.55;stroke-dasharray:3 3}"
) + "".join(
    f".line.c{n}{{stroke:{c}}}.dot.c{n},.key.c{n}{{fill:{c}}}" for n, c in enumerate(COLOURS, start=1)
)


def measure(what: str) -> Lines:
    """What bench_model prints."""
    lines: Lines = {}
    out = subprocess.run([PROGRAM, what], capture_output=True, text=True, check=True).stdout
    for row in out.splitlines():
        name, x, y = row.split(",")
        lines.setdefault(name, []).append((float(x), float(y)))
    return lines


def _top(lines: Lines) -> float:
    return max(y for points in lines.values() for _, y in points)


def _draw(chart: svg.Chart, lines: Lines, only_dots: tuple[str, ...] = (), dots: bool = False) -> svg.Chart:
    for n, (name, points) in enumerate(lines.items(), start=1):
        chart.line([] if name in only_dots else points, f"c{n}", name)
        if dots or name in only_dots:
            chart.dots(points, f"c{n}", [f"{x:g}: {y:g}" for x, y in points], 4 if name in only_dots else 2.5)
    return chart


def _without(lines: Lines, start: str) -> Lines:
    return {name: points for name, points in lines.items() if not name.startswith(start)}


def cliff(lines: Lines) -> svg.Chart:
    """Bandwidth of random writes of a fresh drive."""
    lines = _without(lines, "waf ")
    x = svg.linear(6, "written, in capacities of the drive")
    chart = svg.Chart("cliff", x, svg.linear(_top(lines), "random writes of 4 KiB, MB/s"))
    return _draw(chart, lines)


def cliff_waf(lines: Lines) -> svg.Chart:
    """The same, and what it costs."""
    lines = {name.removeprefix("waf "): points for name, points in lines.items() if name.startswith("waf ")}
    x = svg.linear(6, "written, in capacities of the drive")
    return _draw(svg.Chart("cliff-waf", x, svg.linear(_top(lines), "write amplification")), lines)


def waf(lines: Lines) -> svg.Chart:
    """Write amplification over spare area, beside the closed form."""
    lines = {name: lines[name] for name in ("greedy", "closed form", "random")}
    chart = svg.Chart(
        "waf",
        svg.linear(100, "flash in use beyond the logical space, %"),
        svg.linear(6, "write amplification"),
    )
    return _draw(chart, lines, ("greedy", "random"))


def _latencies(kind: str, lines: Lines) -> svg.Chart:
    """Percentiles on a scale of nines: the end of each decade is a nine more."""
    x = svg.logarithmic(1, max(x for points in lines.values() for x, _ in points), "percentile")
    x.ticks = [
        (10.0**n, name)
        for n, name in enumerate(("0", "90", "99", "99.9", "99.99", "99.999")[: len(x.ticks)])
    ]
    low = max(10.0, min(y for points in lines.values() for _, y in points))
    y = svg.logarithmic(low, _top(lines), "latency of a read of 4 KiB", lambda us: svg.duration(us * 1000))
    return _draw(svg.Chart(kind, x, y), lines)


def latency(lines: Lines) -> svg.Chart:
    """Reads of a drive that does nothing else."""
    return _latencies("latency", _without(lines, "mean"))


def tail(lines: Lines) -> svg.Chart:
    """Reads beside writes."""
    return _latencies("tail", lines)


def slc(lines: Lines) -> svg.Chart:
    """Bandwidth of writes in order."""
    chart = svg.Chart(
        "slc", svg.linear(192, "written, MiB"), svg.linear(_top(lines), "writes in order, MB/s")
    )
    chart.mark(128, "30 s without a command", 0)
    return _draw(chart, lines)


def zones(lines: Lines) -> svg.Chart:
    """Write amplification of eight logs."""
    x = svg.linear(5, "written, in capacities of the drive")
    return _draw(svg.Chart("zones", x, svg.linear(_top(lines), "write amplification")), lines)


PICTURES = {
    "cliff": ("cliff", cliff),
    "cliff-waf": ("cliff", cliff_waf),
    "waf": ("waf", waf),
    "latency": ("latency", latency),
    "tail": ("tail", tail),
    "slc": ("slc", slc),
    "zones": ("zones", zones),
}


def draw(folder: pathlib.Path) -> dict[str, Lines]:
    """All of them; returns what they show."""
    measured = {what: measure(what) for what in dict.fromkeys(what for what, _ in PICTURES.values())}
    folder.mkdir(parents=True, exist_ok=True)
    for name, (what, chart) in PICTURES.items():
        text = chart(measured[what]).svg().replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
        head, rest = text.split(">", 1)
        (folder / f"{name}.svg").write_text(f"{head}><style>{STYLE}</style>{rest}\n", encoding="utf-8")
    return measured


if __name__ == "__main__":
    draw(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "docs/pictures"))
