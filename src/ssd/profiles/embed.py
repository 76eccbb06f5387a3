#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Text files as a C table {name, text, length}.  usage: embed.py OUTPUT SYMBOL HEADER FILE..."""
import pathlib
import sys


def lines(path: pathlib.Path) -> str:
    quoted = []
    for line in path.read_text().splitlines():
        text = line.replace("\\", "\\\\").replace('"', '\\"')
        quoted.append(f'\t  "{text}\\n"')
    return "\n".join(quoted)


def main() -> None:
    output, symbol, header, *files = sys.argv[1:]
    out = [f'/* Made by embed.py. */\n#include "{header}"\n\nconst struct ssd_profile_text {symbol}[] = {{']
    for path in map(pathlib.Path, files):
        out.append(f'\t{{ "{path.stem}",\n{lines(path)} }},')
    out.append("\t{ NULL, NULL },\n};")
    pathlib.Path(output).write_text("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
