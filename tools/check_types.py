#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Check calls in test scripts against the types of the API, with mypy.

usage: check_types.py FILE or FOLDER...

Scripts have no annotations: their arguments are pytest's fixtures.  Those of the plugin get their types here, in a copy of each
script, so that a wrong argument, a wrong name or a wrong attribute is an error with the script's own line.
"""
import ast
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
FIXTURES = {
    "buf": "Buffer",
    "nvme0": "Controller",
    "nvme0n1": "Namespace",
    "pcie": "Pcie",
    "qpair": "Qpair",
    "subsystem": "Subsystem",
    "tcg": "Tcg",
}
PLAIN = {"pciaddr": "str", "verify": "bool"}


def annotated(source):
    """The source with types at the arguments that are fixtures; lines stay where they are."""
    lines = source.split("\n")
    edits = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef) or not node.name.startswith("test"):
            continue
        for arg in node.args.args:
            known = f"'__import__nvme.{FIXTURES[arg.arg]}'" if arg.arg in FIXTURES else PLAIN.get(arg.arg)
            if known and arg.annotation is None:
                edits.append((arg.end_lineno, arg.end_col_offset, known))
    for line, column, known in sorted(edits, reverse=True):
        text = lines[line - 1].encode()
        lines[line - 1] = (text[:column] + f": {known}".encode() + text[column:]).decode()
    return "\n".join(lines) + "\nimport nvme as __import__nvme\n"


def scripts(words):
    for word in words:
        path = pathlib.Path(word)
        yield from sorted(path.glob("test_*.py")) if path.is_dir() else [path]


def main():
    with tempfile.TemporaryDirectory(prefix="nvproof-types-") as folder:
        names = {}
        for path in scripts(sys.argv[1:]):
            copy = pathlib.Path(folder) / path.name
            copy.write_text(annotated(path.read_text()))
            names[str(copy)] = str(path)
        words = [
            "--no-error-summary",
            "--config-file",
            str(ROOT / "tools/mypy.ini"),
            "--check-untyped-defs",
            *names,
        ]
        p = subprocess.run(["mypy", *words], cwd=ROOT, capture_output=True, text=True)
    out = p.stdout + p.stderr
    for copy, name in names.items():
        out = out.replace(copy, name)
    print(out, end="")
    return p.returncode


if __name__ == "__main__":
    sys.exit(main())
