# SPDX-License-Identifier: BSD-3-Clause
"""Results of ioworkers as one HTML page that needs nothing else: no download, no script."""
import json
import math
import os
import pathlib
import time
from collections.abc import Iterable, Sequence
from typing import Any

from . import plot_svg as svg
from .iow_result import Bucket, merge, percentile_ns

PERCENTILES = (50, 90, 99, 99.9, 99.99, 99.999, 99.9999)
_OPCODES = {
    0: "flush",
    1: "write",
    2: "read",
    4: "write uncorrectable",
    5: "compare",
    8: "write zeroes",
    9: "trim",
}
_COLOURS = ("c1", "c2", "c3", "c4", "c5", "c6")
_POINTS = 400  # more of them nobody sees: neighbours are put together
_COLUMNS, _CELL_HEIGHT, _LEVELS = 64, 14, 9
_PER_OCTAVE = 12  # bars of the distribution

_STYLE = (
    """
:root{--bg:#fff;--fg:#1c2430;--dim:#64707f;--grid:#e4e8ee;--axis:#9aa4b1;--card:#f7f9fb;
--c1:#1f6feb;--c2:#d9730d;--c3:#2a9d62;--c4:#a04ad0;--c5:#c8334a;--c6:#5b6b7b}
@media(prefers-color-scheme:dark){:root{--bg:#12161c;--fg:#e2e7ee;--dim:#98a4b3;--grid:#283039;--axis:#55606d;
--card:#1a2028;--c1:#5ea1ff;--c2:#f0983e;--c3:#4fc98a;--c4:#c58af0;--c5:#f0697e;--c6:#9babbd}}
body{background:var(--bg);color:var(--fg);font:15px/1.45 system-ui,sans-serif;max-width:980px;margin:2em auto;padding:0 1em}
h1{font-size:1.5em;margin:0 0 .2em}h2{font-size:1.2em;margin:2.2em 0 .2em;border-top:1px solid var(--grid);padding-top:1em}
h3{font-size:1em;margin:1.4em 0 .3em}p{margin:.2em 0;color:var(--dim)}
p.bad{color:var(--c5)}table{border-collapse:collapse;margin:.7em 0;font-variant-numeric:tabular-nums}
th,td{padding:.2em .8em;text-align:right;border-bottom:1px solid var(--grid)}th{font-weight:600;color:var(--dim)}
th:first-child,td:first-child{text-align:left;padding-left:0}a{color:var(--c1)}
.contents td:nth-child(2),.contents th:nth-child(2){text-align:left}
svg{width:100%;height:auto;background:var(--card);border-radius:8px}
.grid{stroke:var(--grid)}.axis{stroke:var(--axis)}.tick,.label,.mark text{font-size:12px;fill:var(--dim)}
.label{fill:var(--fg)}.line{fill:none;stroke-width:1.8}.mark line{stroke:var(--fg);stroke-opacity:.55;stroke-dasharray:3 3}
.mark text{font-size:11px;fill:var(--fg)}.bar{fill-opacity:.3;stroke-width:1;stroke-opacity:.8}
"""
    + "".join(
        f".line.c{n}{{stroke:var(--c{n})}}.dot.c{n},.bar.c{n},.key.c{n}{{fill:var(--c{n})}}.bar.c{n}{{stroke:var(--c{n})}}"
        for n in range(1, 7)
    )
    + "".join(
        f".h{n}{{fill:color-mix(in srgb,var(--c1) {round(100 * n / _LEVELS)}%,var(--grid))}}"
        for n in range(_LEVELS + 1)
    )
)


def _opcode(code: int) -> str:
    return _OPCODES.get(code, f"opcode {code:02x}h")


# --- over time ---


def _grouped(seconds: Sequence[Sequence[int]]) -> list[tuple[float, float, list[float]]]:
    """(end, length, sums of reads, writes, others, bytes, latency, and the maximum) of each point."""
    width = max(1, math.ceil(len(seconds) / _POINTS))
    found = []
    for i in range(0, len(seconds), width):
        part = seconds[i : i + width]
        sums = [float(sum(second[k] for second in part)) for k in range(5)]
        found.append(
            (float(i + len(part)), float(len(part)), [*sums, float(max(second[5] for second in part))])
        )
    return found


def _time_axis(seconds: Sequence[Any]) -> svg.Axis:
    return svg.linear(max(1, len(seconds)), "time (s)")


def _curve(
    chart: svg.Chart, points: Sequence[svg.Point], colour: str, name: str, titles: Sequence[str]
) -> None:
    chart.line(points, colour, name)
    chart.dots(points, colour, titles, 3.5 if len(points) < 30 else 1.5)


def iops_chart(seconds: Sequence[Sequence[int]]) -> str:
    """Commands in each second, by direction."""
    groups = _grouped(seconds)
    series = [(name, i) for i, name in enumerate(("read", "write", "other")) if any(g[2][i] for g in groups)]
    high = max((g[2][i] / g[1] for g in groups for _, i in series), default=1)
    chart = svg.Chart("iops", _time_axis(seconds), svg.linear(max(high, 1), "IOPS"))
    for name, i in series:
        points = [(end, sums[i] / length) for end, length, sums in groups]
        titles = [f"{end:g} s: {rate:,.0f} IOPS {name}" for end, rate in points]
        _curve(chart, points, _COLOURS[i], name, titles)
    return chart.svg()


def latency_chart(seconds: Sequence[Sequence[int]]) -> str:
    """Average and maximum of each second."""
    groups = [g for g in _grouped(seconds) if sum(g[2][:3])]
    means = [(end, sums[4] / sum(sums[:3])) for end, _, sums in groups]
    highest = [(end, max(sums[5] * 1000, 1)) for end, _, sums in groups]
    values = [y for _, y in means + highest]
    y = svg.logarithmic(min(values, default=1000), max(values, default=10000), "latency", svg.duration)
    chart = svg.Chart("latency", _time_axis(seconds), y)
    for points, colour, name in ((highest, "c5", "maximum"), (means, "c1", "average")):
        _curve(chart, points, colour, name, [f"{end:g} s: {name} {svg.duration(ns)}" for end, ns in points])
    return chart.svg()


# --- the distribution ---


def known_percentiles(histogram: Sequence[Bucket]) -> list[tuple[float, int]]:
    """(percent, ns); a percentile that fewer than 10 commands are above says nothing, and is left out."""
    total = sum(count for _, _, count in histogram)
    return [(p, percentile_ns(histogram, p)) for p in PERCENTILES if total * (100 - p) / 100 >= 10 - 1e-9]


def _bars(histogram: Sequence[Bucket]) -> list[tuple[float, float, float]]:
    """Buckets put together: so many an octave."""
    sums: dict[int, int] = {}
    for low, high, count in histogram:
        place = math.floor(_PER_OCTAVE * math.log2(max((low + high) / 2, 1)))
        sums[place] = sums.get(place, 0) + count
    return [(2 ** (k / _PER_OCTAVE), 2 ** ((k + 1) / _PER_OCTAVE), float(n)) for k, n in sorted(sums.items())]


def distribution_chart(ops: Sequence[dict[str, Any]]) -> str:
    """How many commands took how long, by opcode, both on logarithmic axes, with the percentiles of all."""
    every = merge(op["buckets"] for op in ops)
    bars = {op["opcode"]: _bars(op["buckets"]) for op in ops if op["buckets"]}
    edges = [edge for found in bars.values() for bar in found for edge in bar[:2]]
    high = max((bar[2] for found in bars.values() for bar in found), default=1)
    x = svg.logarithmic(min(edges, default=1000), max(edges, default=1e6), "latency", svg.duration)
    y = svg.logarithmic(0.5, max(high, 10), "commands")
    y.ticks = [(value, name) for value, name in y.ticks if value >= 1]
    chart = svg.Chart("distribution", x, y, 340)
    for i, (opcode, found) in enumerate(bars.items()):
        titles = [
            f"{svg.duration(a)} to {svg.duration(b)}: {n:,.0f} × {_opcode(opcode)}" for a, b, n in found
        ]
        chart.steps(found, _COLOURS[i % len(_COLOURS)], _opcode(opcode), titles)
    for row, (percent, ns) in enumerate(known_percentiles(every)):
        chart.mark(ns, f"{percent:g} %: {svg.duration(ns)}", row)
    return chart.svg()


def _tail(histogram: Sequence[Bucket]) -> list[svg.Point]:
    """(n, ns): all but one in n commands stay within ns; as far as at least 10 are above."""
    points: list[svg.Point] = []
    total, seen, known = sum(count for _, _, count in histogram), 0, known_percentiles(histogram)
    for _, high, count in histogram:
        seen += count
        if total - seen >= 10 or not points:
            points.append((max(1.0, total / max(total - seen, 10)), float(high)))
    return points + [
        (100 / (100 - percent), float(ns))
        for percent, ns in known[-1:]
        if points[-1][0] < 100 / (100 - percent)
    ]


def percentile_chart(ops: Sequence[dict[str, Any]]) -> str:
    """The latency that so many percent stay within: the tail, stretched."""
    series = [(op, _tail(op["buckets"])) for op in ops if op["buckets"]]
    top = max((x for _, points in series for x, _ in points), default=10)
    marks = [(2.0, "50 %"), *((10.0**n, f"{100 - 100 / 10**n:.{max(0, n - 2)}f} %") for n in range(1, 8))]
    x = svg.Axis(
        1, max(top, 10), "percentile", True, [mark for mark in marks if mark[0] <= max(top, 10) * 1.0001]
    )
    values = [ns for _, points in series for _, ns in points]
    y = svg.logarithmic(min(values, default=1000), max(values, default=10000), "latency", svg.duration)
    chart = svg.Chart("percentiles", x, y)
    for i, (op, points) in enumerate(series):
        colour = _COLOURS[i % len(_COLOURS)]
        chart.line(points, colour, _opcode(op["opcode"]))
        known = known_percentiles(op["buckets"])
        titles = [f"{percent:g} % within {svg.duration(ns)}" for percent, ns in known]
        chart.dots([(100 / (100 - percent), ns) for percent, ns in known], colour, titles, 3)
    return chart.svg()


# --- LBAs ---


def _level(count: int, most: int) -> int:
    return math.ceil(_LEVELS * math.sqrt(count / most)) if count else 0


def heat_map(heat: dict[str, Any], sector_size: int) -> str:
    """How many commands began where: a cell a stretch of LBAs, from left to right and from top to bottom."""
    counts, lbas = heat["ios"], heat["lbas"]
    most, rows = max(counts, default=0) or 1, max(1, math.ceil(len(counts) / _COLUMNS))
    width = (svg.WIDTH - svg.LEFT - svg.RIGHT) / _COLUMNS
    cells = []
    for i, count in enumerate(counts):
        x, y = svg.LEFT + i % _COLUMNS * width, svg.TOP + i // _COLUMNS * _CELL_HEIGHT
        title = f"LBA {i * lbas:,} to {(i + 1) * lbas - 1:,}: {count:,} commands"
        cells.append(
            f'<rect class="cell h{_level(count, most)}" x="{x:.1f}" y="{y}" width="{width - 1:.1f}" '
            f'height="{_CELL_HEIGHT - 1}"><title>{title}</title></rect>'
        )
    for row in range(0, rows, max(1, rows // 8)):
        at = svg.size(row * _COLUMNS * lbas * sector_size) if row else "0"
        y = svg.TOP + row * _CELL_HEIGHT + 11
        cells.append(f'<text class="tick" x="{svg.LEFT - 8}" y="{y}" text-anchor="end">{at}</text>')
    height = svg.TOP + rows * _CELL_HEIGHT + 44
    cells.append(_heat_legend(height - 26, most))
    across = svg.size(_COLUMNS * lbas * sector_size)
    cells.append(f'<text class="label" x="{svg.LEFT}" y="16">place in the namespace, {across} a row</text>')
    return (
        f'<svg class="chart" data-kind="heat" viewBox="0 0 {svg.WIDTH} {height}" role="img" '
        f'aria-label="commands by LBA">{"".join(cells)}</svg>'
    )


def _heat_legend(y: int, most: int) -> str:
    out = [f'<text class="label" x="{svg.LEFT}" y="{y + 11}">commands in a cell</text>']
    for level in range(_LEVELS + 1):
        x = svg.LEFT + 140 + level * 66
        top = math.floor(most * (level / _LEVELS) ** 2)
        out.append(f'<rect class="h{level}" x="{x}" y="{y}" width="12" height="12" rx="2"/>')
        label = f"≤ {svg.number(top)}" if level else "0"
        out.append(f'<text class="tick" x="{x + 17}" y="{y + 10}">{label}</text>')
    return "".join(out)


# --- the page ---


def workload(document: dict[str, Any]) -> str:
    """What was done, in a few words."""
    jobs, ours = document["jobs"], document["nvproof"]
    said, arguments = jobs[0]["job options"], ours["arguments"]
    sizes = said.get("bssplit") or svg.size(int(said["bs"]))
    words = [f"{said['rw']} {sizes}", f"depth {said['iodepth']}"]
    if len(jobs) > 1:
        words.append(f"{len(jobs)} jobs")
    if said.get("rwmixread"):
        words.append(f"{said['rwmixread']} % reads")
    if said.get("rate_iops"):
        words.append(f"at most {int(said['rate_iops']):,} IOPS")
    for name, what in (("distribution", "by distribution"), ("io_sequence", "a trace")):
        if arguments.get(name):
            words.append(what)
    return ", ".join(words)


def drive(document: dict[str, Any]) -> str:
    """Which drive it was."""
    dut = document["nvproof"]["dut"]
    return f"{dut['mn']} {dut['sn']} (firmware {dut['fr']}), namespace {dut['nsid']}, {dut['pciaddr']}"


def _row(name: str, op: dict[str, Any], seconds: float) -> str:
    known = dict(known_percentiles(op["buckets"]))
    cells = [
        name,
        f"{op['ios']:,}",
        f"{op['ios'] / seconds:,.0f}" if seconds else "",
        f"{op['bytes'] / seconds / 1e6:,.1f}" if seconds else "",
        svg.duration(op["sum_ns"] / op["ios"]) if op["ios"] else "",
        *(svg.duration(known[p]) if p in known else "n/a" for p in (50, 99, 99.9, 99.99, 99.999)),
        svg.duration(op["max_ns"]),
    ]
    return "<tr>" + "".join(f"<td>{svg.text(cell)}</td>" for cell in cells) + "</tr>"


def _table(document: dict[str, Any]) -> str:
    seconds = document["jobs"][0]["job_runtime"] / 1000
    heads = [
        "command",
        "count",
        "IOPS",
        "MB/s",
        "average",
        "50 %",
        "99 %",
        "99.9 %",
        "99.99 %",
        "99.999 %",
        "maximum",
    ]
    rows = [_row(_opcode(op["opcode"]), op, seconds) for op in document["nvproof"]["ops"]]
    return f"<table><tr>{''.join(f'<th>{h}</th>' for h in heads)}</tr>{''.join(rows)}</table>"


def _section(n: int, document: dict[str, Any]) -> str:
    ours, job = document["nvproof"], document["jobs"][0]
    bad = f'<p class="bad">{svg.text(ours["reason"])}</p>' if ours["reason"] else ""
    charts = [
        ("IOPS over time", iops_chart(ours["seconds"])),
        ("Latency over time", latency_chart(ours["seconds"])),
        ("Latency distribution", distribution_chart(ours["ops"])),
        ("Latency by percentile", percentile_chart(ours["ops"])),
        ("Where the commands went", heat_map(ours["heat"], ours["dut"]["sector_size"])),
    ]
    return (
        f'<h2 id="w{n}">{svg.text(workload(document))}</h2><p>{svg.text(job["jobname"])}</p>'
        f"<p>{svg.text(drive(document))}</p><p>{svg.text(document['time'])}, "
        f"{job['job_runtime'] / 1000:.1f} s, seed {ours['seed']:#x}</p>{bad}{_table(document)}"
        + "".join(f"<h3>{name}</h3>{chart}" for name, chart in charts)
    )


def page(documents: Sequence[dict[str, Any]]) -> str:
    """The whole page."""
    drives = sorted({document["nvproof"]["dut"]["mn"] for document in documents})
    title = f"{', '.join(drives)}: {workload(documents[0])}" if len(documents) == 1 else ", ".join(drives)
    links = "".join(
        f'<tr><td><a href="#w{n}">{svg.text(one["jobs"][0]["jobname"])}</a></td><td>{svg.text(workload(one))}</td>'
        f"<td>{sum(op['ios'] for op in one['nvproof']['ops']):,}</td></tr>"
        for n, one in enumerate(documents)
    )
    heads = "<tr><th>ioworker</th><th>workload</th><th>commands</th></tr>"
    contents = f'<table class="contents">{heads}{links}</table>' if len(documents) > 1 else ""
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{svg.text(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
        f"<h1>{svg.text(title)}</h1><p>nvproof {svg.text(documents[0]['nvproof']['version'])}, page made "
        f"{time.ctime()}</p>{contents}{''.join(_section(n, one) for n, one in enumerate(documents))}</body></html>\n"
    )


def _ours(path: pathlib.Path) -> dict[str, Any] | None:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError):
        return None
    return document if isinstance(document, dict) and "ops" in document.get("nvproof", {}) else None


def load(results: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """The results in a file or a folder, oldest first.  FileNotFoundError: there are none."""
    root = pathlib.Path(results)
    files: Iterable[pathlib.Path] = sorted(root.rglob("*.json")) if root.is_dir() else [root]
    found = [document for document in map(_ours, files) if document]
    if not found:
        raise FileNotFoundError(f"{results}: no results of an ioworker (*.json) there")
    return sorted(found, key=lambda document: document["timestamp_ms"])
