# SPDX-License-Identifier: BSD-3-Clause
"""Job files of fio: which jobs there are, with which options, and where each option was said."""
import configparser
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

_GLOBAL = "global"
_WALLS = ("stonewall", "wait_for_previous")


@dataclass
class Job:
    """One job.  where: the place of each option, for messages.  group: those of one group run at the same time."""

    name: str
    options: dict[str, str]
    where: dict[str, str] = field(default_factory=dict)
    group: int = 0


def is_on(value: Any) -> bool:
    """Whether an option that is a yes or no says yes; alone it does."""
    return str(value).strip().lower() not in ("0", "false", "no")


def _numbered(lines: Iterable[str]) -> tuple[list[str], dict[tuple[str, str], int]]:
    """The lines with a number in front of each section's name, as names may repeat; and the line of each option."""
    found, places, section = [], {}, ""
    for n, raw in enumerate(lines, 1):
        line = raw.strip()  # an indented line is no continuation here
        head = re.fullmatch(r"\[(.*)\]\s*", line)
        if head:
            section = f"{n}:{head[1]}"
            line = f"[{section}]"
        elif line and line[0] not in "#;":
            places[section, line.partition("=")[0].strip().lower()] = n
        found.append(line)
    return found, places


def _parse(path: str, lines: Iterable[str]) -> tuple[configparser.ConfigParser, dict[tuple[str, str], int]]:
    parser = configparser.ConfigParser(
        allow_no_value=True, delimiters=("=",), interpolation=None, strict=False, default_section="\n"
    )
    numbered, places = _numbered(lines)
    try:
        parser.read_string("\n".join(numbered), path)
    except configparser.Error as e:
        raise ValueError(str(e).replace("\n", " ")) from None
    return parser, places


def parse(path: str, lines: Iterable[str]) -> list[Job]:
    """The jobs in the text of a job file.  ValueError: it is none; the text says where."""
    parser, places = _parse(path, lines)
    jobs: list[Job] = []
    common, common_where, group = dict[str, str](), dict[str, str](), 0
    for section in parser.sections():
        name = section.partition(":")[2]
        own = {key: "1" if value is None else value for key, value in parser.items(section)}
        where = {key: f"{path}:{places.get((section, key), '?')}: [{name}]" for key in own}
        if name == _GLOBAL:
            common, common_where = common | own, common_where | where
            continue
        options = common | own
        if jobs and any(is_on(options[wall]) for wall in _WALLS if wall in options):
            group += 1
        jobs.append(Job(name, options, common_where | where, group))
    if not jobs:
        raise ValueError(f"{path}: there is no job in it")
    return jobs


def load(path: str | os.PathLike[str]) -> list[Job]:
    """The jobs of a file."""
    with open(path, encoding="utf-8") as f:
        return parse(os.fspath(path), f)
