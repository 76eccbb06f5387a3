# SPDX-License-Identifier: BSD-3-Clause
"""nvproof plot: one page with everything in it, and what a browser really draws of it."""
import html
import json
import math
import re
import shutil
import struct
import subprocess
import sys
import zlib

import pytest

from nvproof import plot_page, plot_svg

SPLIT = {2: 60, 1: 30, 9: 10}
CHARTS = ["iops", "latency", "distribution", "percentiles", "heat"]


@pytest.fixture
def results(nvme0n1, tmp_path):
    """A folder with what two workers left."""
    nvme0n1.nvme.pcie.logdir = str(tmp_path)
    nvme0n1.ioworker(io_size=8, time=1.7, iops=3000, op_percentage=dict(SPLIT)).start().close()
    half = nvme0n1.id_data(7, 0) // 2
    nvme0n1.ioworker(io_size=8, io_count=5000, region_end=half, lba_random=False).start().close()
    return next(p for p in tmp_path.iterdir() if p.is_dir())


@pytest.fixture
def page(results):
    run = [sys.executable, "-m", "nvproof", "plot", str(results)]
    p = subprocess.run(run, capture_output=True, text=True, timeout=60)
    assert p.returncode == 0, p.stderr
    assert p.stdout.strip() == str(results / "plot.html")
    return (results / "plot.html").read_text()


def test_self_contained(page, nvme0, nvme0n1):
    """No address to fetch anything from, no script; which drive and what was done in words."""
    assert not re.search(r"https?:|//|src=|<link|<script|@import|url\(", page)
    assert nvme0.id_data(63, 24, str).strip() in page and nvme0.id_data(23, 4, str).strip() in page
    assert "randrw 4 KiB, depth 63" in page and "read 4 KiB" in page
    assert re.findall(r'data-kind="(\w+)"', page) == CHARTS * 2
    for unit in ("IOPS", "time (s)", "latency", "µs", "commands", "MiB"):
        assert unit in page


def test_one_file(results, tmp_path):
    one = sorted(results.glob("*.json"))[0]
    out = tmp_path / "one.html"
    run = [sys.executable, "-m", "nvproof", "plot", str(one), "-o", str(out)]
    subprocess.run(run, check=True, timeout=60)
    assert re.findall(r'data-kind="(\w+)"', out.read_text()) == CHARTS


def test_nothing_there(tmp_path):
    (tmp_path / "other.json").write_text("[]")
    (tmp_path / "broken.json").write_text("{")
    for where in (tmp_path, tmp_path / "missing"):
        run = [sys.executable, "-m", "nvproof", "plot", str(where)]
        p = subprocess.run(run, capture_output=True, text=True, timeout=60)
        assert p.returncode == 2 and str(where) in p.stderr and "Traceback" not in p.stderr


# --- in a browser ---

MEASURE = """<script>
const seen = [...document.querySelectorAll("svg.chart")].map(chart => {
  const frame = chart.getBoundingClientRect();
  const marks = [...chart.querySelectorAll(".dot,.bar,.cell")].map(e => {
    const r = e.getBoundingClientRect(), s = getComputedStyle(e);
    const inside = r.left >= frame.left && r.right <= frame.right + 1 && r.top >= frame.top && r.bottom <= frame.bottom;
    return [e.classList[1], r.left - frame.left, r.top - frame.top, r.width, r.height, s.fill, inside];
  });
  const lines = [...chart.querySelectorAll(".line")].map(e => e.getTotalLength());
  return {kind: chart.dataset.kind, width: frame.width, marks, lines,
          names: [...chart.querySelectorAll(".mark text")].map(e => e.textContent)};
});
document.body.setAttribute("data-seen", JSON.stringify(seen));
</script>"""


@pytest.fixture
def chromium(tmp_path):
    """Runs it on a page; what it printed."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if not program:
        pytest.skip(
            "chromium is not installed, and tools/setup could not install it: nobody looks at the page"
        )

    def run(text, *options):
        path = tmp_path / "seen.html"
        path.write_text(text)
        command = [
            program,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--hide-scrollbars",
        ]
        command += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
        command += [
            f"--user-data-dir={tmp_path / 'profile'}",
            "--window-size=1040,4800",
            *options,
            path.as_uri(),
        ]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout

    return run


def test_a_browser_draws_it(page, chromium, results):
    """Points are where the numbers are: counted, inside of their chart, coloured, higher where there is more."""
    dom = chromium(page.replace("</body>", MEASURE + "</body>"), "--dump-dom")
    seen = json.loads(html.unescape(re.search(r'data-seen="([^"]*)"', dom)[1]))
    assert [chart["kind"] for chart in seen] == CHARTS * 2
    for chart in seen:
        assert chart["width"] > 500 and chart["marks"]
        assert all(mark[6] and mark[3] > 0 and mark[4] > 0 for mark in chart["marks"]), chart["kind"]
        assert all(mark[5] not in ("none", "rgba(0, 0, 0, 0)") for mark in chart["marks"])
    iops, latency, distribution, percentiles, heat = seen[:5]
    documents = plot_page.load(results)
    seconds, ops = documents[0]["nvproof"]["seconds"], documents[0]["nvproof"]["ops"]
    assert len(iops["marks"]) == 3 * len(seconds) and all(length > 100 for length in iops["lines"])
    assert len(latency["marks"]) == 2 * len(seconds)
    top = {colour: [m[2] for m in iops["marks"] if m[0] == colour] for colour in ("c1", "c2", "c3")}
    assert all(
        a < b < c for a, b, c in zip(top["c1"], top["c2"], top["c3"])
    )  # 60, 30 and 10 % of each second
    assert len(distribution["names"]) >= 3 and distribution["names"][0].startswith("50 %: ")
    assert len({m[0] for m in distribution["marks"]}) == len(ops) and len(percentiles["lines"]) == len(ops)
    assert len(heat["marks"]) == len(documents[0]["nvproof"]["heat"]["ios"])


def test_a_screenshot_shows_it(page, chromium, tmp_path):
    """It is no blank picture: many different lines of pixels."""
    chromium(page, f"--screenshot={tmp_path / 'page.png'}")
    png = (tmp_path / "page.png").read_bytes()
    width, height = struct.unpack(">II", png[16:24])
    assert (width, height) == (1040, 4800)
    data, at = b"", 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        if png[at + 4 : at + 8] == b"IDAT":
            data += png[at + 8 : at + 8 + length]
        at += 12 + length
    raw = zlib.decompress(data)
    line = len(raw) // height
    assert len({raw[i * line : (i + 1) * line] for i in range(height)}) > 1000


# --- arithmetic ---


@pytest.mark.parametrize("high", [0.3, 1, 7, 99, 1000, 123456, 9.9e6])
def test_linear_axis(high):
    axis = plot_svg.linear(high, "x")
    values = [value for value, _ in axis.ticks]
    assert values[0] == 0 and axis.high >= high and values[-1] == pytest.approx(axis.high)
    assert 2 <= len(values) <= 12 and axis.high <= 2.1 * high
    assert axis.at(0) == 0 and axis.at(axis.high) == 1


@pytest.mark.parametrize("low, high", [(1, 10), (3, 3), (800, 2.5e9), (1e-3, 5)])
def test_logarithmic_axis(low, high):
    axis = plot_svg.logarithmic(low, high, "x")
    assert axis.low <= low and axis.high >= high and axis.high / axis.low >= 10
    assert axis.at(axis.low) == 0 and axis.at(axis.high) == pytest.approx(1)
    assert axis.at(math.sqrt(axis.low * axis.high)) == pytest.approx(0.5)


def test_numbers_for_people():
    assert [plot_svg.duration(n) for n in (0, 12, 12345, 1.5e6, 2e9)] == [
        "0 ns",
        "12 ns",
        "12.3 µs",
        "1.5 ms",
        "2 s",
    ]
    assert [plot_svg.number(n) for n in (0, 12, 3500, 1.2e6)] == ["0", "12", "3.5k", "1.2M"]
    assert [plot_svg.size(n) for n in (512, 4096, 3 << 29)] == ["512 B", "4 KiB", "1.5 GiB"]


def test_percentiles_that_say_something():
    """Ten commands are above it, or it is not shown."""
    histogram = [(n, n, 1) for n in range(1, 1001)]
    assert [p for p, _ in plot_page.known_percentiles(histogram)] == [50, 90, 99]
    assert [p for p, _ in plot_page.known_percentiles(histogram[:999])] == [50, 90]
    assert plot_page.known_percentiles([]) == []


def test_text_is_no_markup():
    assert "<b>" not in plot_svg.text('<b>"') and '"' not in plot_svg.text('"')


def test_many_seconds_are_put_together():
    seconds = [[n % 7, 1, 0, 512, 100, 5] for n in range(100000)]
    chart = plot_page.iops_chart(seconds)
    assert 300 <= chart.count("<circle") <= 900
