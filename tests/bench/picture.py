# SPDX-License-Identifier: BSD-3-Clause
"""IOPS over cores as one self-contained page: a line for each contender, with the spread of its runs."""
import html
import pathlib

W, H, LEFT, BOTTOM, TOP, RIGHT = 760, 440, 90, 60, 60, 170
COLOURS = ("#1769aa", "#c2571a", "#3a7d34")
Points = list[tuple[int, float, list[float]]]  # cores, median, all runs


def _nice(top: float) -> float:
    """The end of the axis: a round number not below top."""
    step = 10 ** len(str(int(top))) / 10
    return step * next(k for k in (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 12) if step * k >= top)


def _text(x: float, y: float, s: str, extra: str = "") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" {extra}>{html.escape(s)}</text>'


def _short(v: float) -> str:
    return f"{v / 1e6:.2f} M" if v >= 1e6 else f"{v / 1e3:.0f} k"


def svg(title: str, lines: dict[str, Points]) -> str:
    cores = sorted({n for points in lines.values() for n, _, _ in points})
    top = _nice(max(max(runs) for points in lines.values() for _, _, runs in points))
    inner = W - LEFT - RIGHT

    def x(n: int) -> float:
        return LEFT + inner * (0.5 if len(cores) == 1 else 0.08 + 0.84 * cores.index(n) / (len(cores) - 1))

    def y(v: float) -> float:
        return H - BOTTOM - (H - BOTTOM - TOP) * v / top

    out = [_text(LEFT, 30, title, 'font-size="18" font-weight="bold"')]
    for i in range(6):
        v = top * i / 5
        out.append(f'<line x1="{LEFT}" x2="{W - RIGHT}" y1="{y(v):.1f}" y2="{y(v):.1f}" stroke="#ddd"/>')
        out.append(_text(LEFT - 8, y(v) + 4, _short(v) if v else "0", 'text-anchor="end"'))
    for n in cores:
        out.append(_text(x(n), H - BOTTOM + 22, f"{n} core{'s' * (n > 1)}", 'text-anchor="middle"'))
    out.append(_text(18, TOP - 12, "IOPS"))
    for (name, points), colour in zip(lines.items(), COLOURS):
        path = " ".join(f"{x(n):.1f},{y(v):.1f}" for n, v, _ in points)
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
        for n, v, runs in points:
            low, high = y(min(runs)), y(max(runs))
            out.append(
                f'<line x1="{x(n):.1f}" x2="{x(n):.1f}" y1="{low:.1f}" y2="{high:.1f}" stroke="{colour}"/>'
            )
            out.append(f'<circle cx="{x(n):.1f}" cy="{y(v):.1f}" r="4.5" fill="{colour}"/>')
            out.append(_text(x(n) + 9, y(v) - 8, _short(v), f'fill="{colour}"'))
        last = points[-1]
        out.append(_text(x(last[0]) + 16, y(last[1]) + 16, name, f'fill="{colour}" font-weight="bold"'))
    body = "\n".join(out)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{W}" height="{H}" font-family="sans-serif" font-size="13">'
    return f"{head}\n{body}\n</svg>"


def draw(path: pathlib.Path, title: str, lines: dict[str, Points]) -> pathlib.Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    note = "Points: medians; bars: lowest and highest run. The device's core is among those counted."
    head = f"<!doctype html><meta charset=utf-8><title>{html.escape(title)}</title>"
    path.write_text(f"{head}{svg(title, lines)}<p style='font:13px sans-serif'>{note}</p>")
    return path
