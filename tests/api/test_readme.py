# SPDX-License-Identifier: BSD-3-Clause
"""README, "On your own drive": the session in it runs so on a machine made of files, and each message is one that the code has."""
import ast
import os
import pathlib
import re
import sys

import pytest

from nvproof.cli.main import main

sys.path.insert(0, os.path.dirname(__file__))
from fake_machine import Machine  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
SECTION = (ROOT / "README.md").read_text().split("## On your own drive\n")[1].split("\n## ")[0]
MESSAGES = [re.match(r"\| `(.*?)` \|", line)[1] for line in SECTION.splitlines() if line.startswith("| `")]
BOOT, SAMPLE = "0000:01:00.0", "0000:02:00.0"
GAP = "\0"  # in place of a value


def _session():
    """[(command, its output)] of the block of shell commands."""
    found = []
    for line in SECTION.split("```")[1].strip().splitlines():
        if line.startswith("$ "):
            found.append((line[2:].split("#")[0].split(), []))
        else:
            found[-1][1].append(line)
    return [(words, "\n".join(lines)) for words, lines in found]


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """The two drives of the session."""
    m = Machine(tmp_path, monkeypatch)
    for bdf, n, group, model, serial, firmware, sectors in (
        (BOOT, 0, "14", "Samsung 990", "S6Z1NJ0T", "4B2QJXD7", 1_953_525_168),
        (SAMPLE, 1, "15", "Lab sample A", "A0001", "E7", 1_875_385_008),
    ):
        m.nvme(bdf, n, group=group)
        home = f"sys/bus/pci/devices/{bdf}"
        for name, text in (("model", model), ("serial", serial), ("firmware_rev", firmware)):
            m.file(f"{home}/nvme/nvme{n}/{name}", text + "\n")
        m.file(f"{home}/current_link_speed", "16.0 GT/s PCIe\n")
        m.file(f"sys/block/nvme{n}n1/size", f"{sectors}\n")
    m.mount(m.partition("nvme0n1", 2), "/dev/nvme0n1p2", "/")
    return m


def _columns(text):
    return [re.split(r"  +", line) for line in text.splitlines()]


def test_session(machine, capsys):
    """What the README shows is what is printed; its columns stand closer together."""
    ran = []
    for words, output in _session():
        if words[:2] != ["sudo", "nvproof"]:
            continue
        assert main(words[2:]) == 0
        said = capsys.readouterr().out.rstrip()
        if output:
            assert _columns(output) == _columns(said)
        ran.append(words[2])
    assert ran == ["list", "bind", "release"] and machine.driver(SAMPLE) == "nvme"


# --- the table of messages ---


def _gaps_of_python(path):
    """Every text of a Python file, its values replaced by gaps."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.JoinedStr):
            yield "".join(p.value if isinstance(p, ast.Constant) else GAP for p in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _gaps_of_c(path):
    """Every text of a C file, put together where it is written in pieces."""
    piece = r'"((?:[^"\\\n]|\\.)*)"'
    for found in re.finditer(rf"{piece}(?:\s*{piece})*", path.read_text()):
        text = "".join(re.findall(piece, found[0]))
        text = re.sub(r"%[-0-9.*]*(?:ll|l|z|h)?[a-z]", GAP, text)
        yield text.replace(f"{GAP}:{GAP}:{GAP}.{GAP}", GAP)  # a PCI address


TEXTS = [
    *(
        t
        for name in ("bind.py", "inuse.py", "pcidev.py")
        for t in _gaps_of_python(ROOT / "python/nvproof" / name)
    ),
    *(t for path in sorted((ROOT / "src/bus").glob("vfio*.c")) for t in _gaps_of_c(path)),
]


def _gaps_of_example(text):
    """An example of a message, its values replaced by gaps."""
    values = (
        r"/dev/\S+?(?=[ ,;]|$)|/data|[0-9a-f]{4}:[0-9a-f]{2}:\d\d\.\d|xhci_hcd|pytest \(pid \d+\)|\b\d+\b"
    )
    return re.sub(values, GAP, text)


def _is_said(message):
    return all(any(_gaps_of_example(part) in text for text in TEXTS) for part in message.split("; "))


def test_table_is_there():
    assert len(MESSAGES) >= 8


@pytest.mark.parametrize("message", MESSAGES)
def test_message(message):
    assert _is_said(message)


def test_the_test_sees_what_nobody_says():
    assert not _is_said("/dev/nvme1n1p1 is mounted at /data")
    assert not _is_said("another process has /dev/vfio/15 opened")


def test_the_first_rows_as_they_are_printed(machine, capsys):
    """Those that a machine of files can bring about, to the letter."""
    data = machine.partition("nvme1n1", 1)
    machine.mount(data, "/dev/nvme1n1p1", "/data")
    machine.function("0000:03:00.0", group="15", driver="xhci_hcd", cls="0x0c0330")
    assert main(["bind", SAMPLE]) == 2
    said = capsys.readouterr().err
    assert MESSAGES[0] in said and MESSAGES[1] in said
