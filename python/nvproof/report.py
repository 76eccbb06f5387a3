# SPDX-License-Identifier: BSD-3-Clause
"""What a run leaves for people and for machines: report.html, one page that needs nothing else, and junit.xml."""
import html
import os
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field

from . import cmdlogs

_STYLE = """
body{font:15px/1.45 system-ui,sans-serif;margin:2em auto;max-width:72em;padding:0 1em;color:#222;background:#fff}
h1{font-size:1.5em}table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3em .6em;border-bottom:1px solid #ddd;
vertical-align:top}td.n{text-align:right;white-space:nowrap}.passed{color:#176f2c}.failed,.error{color:#b3261e;font-weight:bold}
.skipped,.xfailed{color:#8a6d00}pre{overflow:auto;background:#f5f5f5;padding:.7em;font-size:13px;margin:.4em 0}summary{cursor:pointer}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}pre{background:#262626}td,th{border-color:#444}
.passed{color:#7fd491}.failed,.error{color:#ff8a80}.skipped,.xfailed{color:#e3c567}}
"""


@dataclass
class Result:
    """What became of one test.  outcome: passed, failed, error (in setup or teardown), skipped, xfailed; duration_s: of all phases."""

    nodeid: str
    outcome: str = "passed"
    duration_s: float = 0.0
    message: str = ""  # one line
    details: str = ""  # traceback and sections
    commands_file: str = ""  # in the folder of results
    properties: list[tuple[str, str]] = field(default_factory=list)
    sections: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class Run:
    """A whole run."""

    started: float
    device: str
    version: str
    results: list[Result] = field(default_factory=list)
    duration_s: float = 0.0

    def count(self, *outcomes: str) -> int:
        """How many tests ended so."""
        return sum(result.outcome in outcomes for result in self.results)


def _xml_text(text: str) -> str:
    """Without what XML 1.0 does not allow, "Characters"."""
    return "".join(
        c if c in "\t\n\r" or " " <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" or c > "\uffff" else "?"
        for c in text
    )


def _case(result: Result) -> ElementTree.Element:
    path, _, name = result.nodeid.partition("::")
    case = ElementTree.Element("testcase")
    case.set("classname", path.removesuffix(".py").replace("/", "."))
    case.set("name", _xml_text(name or path))
    case.set("time", f"{result.duration_s:.3f}")
    properties = [*result.properties]
    if result.commands_file:
        properties.append(("commands", result.commands_file))
    if properties:
        parent = ElementTree.SubElement(case, "properties")
        for key, value in properties:
            ElementTree.SubElement(parent, "property", name=_xml_text(key), value=_xml_text(value))
    kinds = {"failed": "failure", "error": "error", "skipped": "skipped", "xfailed": "skipped"}
    if result.outcome in kinds:
        answer = ElementTree.SubElement(case, kinds[result.outcome], message=_xml_text(result.message))
        answer.text = _xml_text(result.details)
    if result.sections and result.outcome in ("failed", "error"):
        out = ElementTree.SubElement(case, "system-out")
        out.text = _xml_text("\n".join(f"--- {title} ---\n{text}" for title, text in result.sections))
    return case


def junit(run: Run) -> bytes:
    """The run as JUnit XML, in the form that pytest writes."""
    suites = ElementTree.Element("testsuites")
    suite = ElementTree.SubElement(suites, "testsuite", name="nvproof")
    suite.set("tests", str(len(run.results)))
    suite.set("failures", str(run.count("failed")))
    suite.set("errors", str(run.count("error")))
    suite.set("skipped", str(run.count("skipped", "xfailed")))
    suite.set("time", f"{run.duration_s:.3f}")
    suite.set("timestamp", time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(run.started)))
    properties = ElementTree.SubElement(suite, "properties")
    for key, value in (("device", run.device), ("nvproof", run.version)):
        ElementTree.SubElement(properties, "property", name=key, value=_xml_text(value))
    suite.extend(_case(result) for result in run.results)
    return ElementTree.tostring(suites, encoding="utf-8", xml_declaration=True)


def _row(result: Result) -> str:
    measured = ", ".join(f"{html.escape(value)} {html.escape(name)}" for name, value in result.properties)
    more = ""
    if result.details:
        open_ = " open" if result.outcome in ("failed", "error") else ""
        sections = "".join(
            f"<h4>{html.escape(title)}</h4><pre>{html.escape(text)}</pre>" for title, text in result.sections
        )
        more = (
            f"<details{open_}><summary>{html.escape(result.message)}</summary>"
            f"<pre>{html.escape(result.details)}</pre>{sections}</details>"
        )
    if result.commands_file:
        name = html.escape(result.commands_file)
        more += f'<p>All commands: <a href="{name}">{name}</a></p>'
    return (
        f"<tr><td>{html.escape(result.nodeid)}{more}</td><td class={result.outcome}>{result.outcome}</td>"
        f"<td class=n>{result.duration_s:.2f} s</td><td>{measured}</td></tr>"
    )


def page(run: Run) -> str:
    """The run as one HTML page: what failed first, with its commands."""
    order = {"failed": 0, "error": 0}
    rows = sorted(run.results, key=lambda result: order.get(result.outcome, 1))
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(run.started))
    counts = [
        f"<span class={outcome}>{run.count(outcome)} {outcome}</span>"
        for outcome in ("failed", "error", "passed", "skipped", "xfailed")
        if run.count(outcome)
    ]
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>nvproof {when}</title><style>{_STYLE}</style>"
        f"<h1>{' &middot; '.join(counts) or 'no test ran'}</h1>"
        f"<p>{html.escape(run.device)} &middot; {when} &middot; {run.duration_s:.1f} s &middot; nvproof {run.version}</p>"
        "<table><tr><th>test<th>result<th>time<th>measured</tr>"
        f"{''.join(_row(result) for result in rows)}</table></html>\n"
    )


def commands(since_ns: int, since_mono_ns: int, count: int) -> tuple[list[cmdlogs.Command], str]:
    """The commands of this process that were sent since then, oldest first: the last `count`, and all as text.

    Also those of queues that are deleted meanwhile.  since_ns: of the wall clock; since_mono_ns: the same moment of the monotonic
    clock, for simulations, whose times are their own.
    """
    try:
        own = cmdlogs.ProcessLog(os.getpid())
    except OSError:
        return [], ""
    queues = [q for q in own.queues() if q.alive or q.ended_ns >= since_mono_ns]
    every = [
        command
        for command in own.read(queues, cmdlogs.ENTRIES * max(1, len(queues)))[::-1]
        if command.submit_ns >= since_ns
        or command.outstanding
        or (command.virtual and command.queue.begun_ns >= since_mono_ns)
    ]
    several = len({command.queue.addr for command in every}) > 1
    text = "".join(f"{c.queue.addr + ' ' if several else ''}{c.text}\n" for c in every)
    return every[-count:] if count else [], text
