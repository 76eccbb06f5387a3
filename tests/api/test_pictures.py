# SPDX-License-Identifier: BSD-3-Clause
"""The pictures of docs/model.md are drawn alike each time, and what the text says of them holds."""
import importlib.util
import pathlib
import re
import xml.etree.ElementTree

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
spec = importlib.util.spec_from_file_location("pictures", ROOT / "tools/pictures.py")
pictures = importlib.util.module_from_spec(spec)
spec.loader.exec_module(pictures)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """The numbers, and the folder with what was drawn from them."""
    if not pictures.PROGRAM.exists():
        pytest.skip(f"{pictures.PROGRAM} is not built")
    folder = tmp_path_factory.mktemp("pictures")
    return pictures.draw(folder), folder


def at(points, x):
    """The value at the last point that is not beyond x."""
    return [b for a, b in points if a <= x * 1.0001][-1]


def test_each_run_draws_the_same(drawn, tmp_path):
    """Two runs agree to the byte; each picture is in docs, and the text shows it."""
    measured, folder = drawn
    assert pictures.measure("slc") == measured["slc"]
    assert pictures.measure("latency") == measured["latency"]
    shown = re.findall(r"\(pictures/([\w-]+)\.svg\)", (ROOT / "docs/model.md").read_text())
    assert sorted(shown) == sorted(pictures.PICTURES)
    for name in pictures.PICTURES:
        assert xml.etree.ElementTree.parse(folder / f"{name}.svg").getroot().tag.endswith("svg")
        assert (ROOT / f"docs/pictures/{name}.svg").exists()


@pytest.mark.parametrize("spare, falls", [("spare 7 %", 4), ("spare 28 %", 2)])
def test_cliff(drawn, spare, falls):
    """A fresh drive writes at the speed of its dies until it is full once; then it falls, the deeper the less is spare."""
    speed, waf = drawn[0]["cliff"][spare], drawn[0]["cliff"]["waf " + spare]
    fresh = [b for a, b in speed if a < 1]
    assert max(fresh) < 1.2 * min(fresh)
    assert at(speed, 6) * falls < min(fresh)
    assert at(waf, 0.9) < 1.05 and at(waf, 6) > falls
    # what dies program is shared between the host and garbage collection
    assert at(speed, 6) * at(waf, 6) < 1.3 * max(fresh)


def test_write_amplification_meets_the_closed_forms(drawn):
    """Within 10 %, greedy and random."""
    greedy, form, by_chance = (drawn[0]["waf"][name] for name in ("greedy", "closed form", "random"))
    for (spare, wa), (_, want) in zip(greedy, form):
        assert wa == pytest.approx(want, rel=0.10), spare
    for spare, wa in by_chance:
        assert wa == pytest.approx((100 + spare) / spare, rel=0.10), spare
        assert wa > at(greedy, spare)


def test_latency_grows_with_the_depth(drawn):
    """From one die time alone to a queue of all on eight dies."""
    lines = dict(drawn[0]["latency"])
    means = lines.pop("mean")
    assert list(lines) == ["depth 1", "depth 4", "depth 16", "depth 64", "depth 256"]
    medians = [at(points, 2) for points in lines.values()]
    assert medians[0] == pytest.approx(50 + 1.7, rel=0.05)
    assert medians == sorted(medians)
    # Little: so many under way, and each of eight dies carries out one at a time
    assert means[-1][1] == pytest.approx(256 / 8 * means[0][1], rel=0.05)


def test_tail_of_garbage_collection(drawn):
    """The median hardly moves; the 99th percentile is that of the collection. Without suspend, even the rest waits."""
    plain, collects, waits = drawn[0]["tail"].values()
    assert at(collects, 2) < 1.3 * at(plain, 2)
    assert at(collects, 1000) > 20 * at(plain, 1000)
    assert at(waits, 10) > 5 * at(collects, 10)


def test_cache_is_exhausted_and_comes_back(drawn):
    """At the cliff the speed falls to a quarter; after a rest all of it is there."""
    before, after = drawn[0]["slc"]["at once"], drawn[0]["slc"]["after a rest"]
    assert at(before, 60) > 4 * at(before, 80)
    assert at(after, 180) == pytest.approx(at(before, 60), rel=0.05)


def test_zones(drawn):
    """Under 1.05 with zones, above 2 mapped by pages."""
    lines = drawn[0]["zones"]
    assert max(b for _, b in lines["zones"]) < 1.05
    assert min(b for a, b in lines["mapped by pages"] if a > 2) > 2
