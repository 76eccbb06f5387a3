# SPDX-License-Identifier: BSD-3-Clause
"""The folder of results of this run: results/<time of its start>/, made when the first file goes into it."""
import os
import re
import time

_started = time.strftime("%Y%m%d-%H%M%S")
_folders: dict[str, str] = {}  # by the base folder


def folder(base: str = "results") -> str:
    """This run's folder in `base`, which is made; two runs of one second get two folders."""
    base = os.path.abspath(base)
    if base not in _folders:
        os.makedirs(base, exist_ok=True)
        name, n = os.path.join(base, _started), 1
        while True:
            try:
                os.mkdir(name)
                break
            except FileExistsError:
                n += 1
                name = os.path.join(base, f"{_started}-{n}")
        _folders[base] = name
    os.makedirs(_folders[base], exist_ok=True)  # somebody cleaned up meanwhile
    return _folders[base]


def path(base: str, filename: str) -> str:
    """Path of a file in this run's folder.  ValueError: it would be elsewhere."""
    full = os.path.normpath(os.path.join(folder(base), filename))
    if os.path.dirname(full) == full or not full.startswith(folder(base) + os.sep):
        raise ValueError(f"{filename!r} is not a name in the folder of results")
    os.makedirs(os.path.dirname(full), exist_ok=True)
    return full


def safe_name(text: str) -> str:
    """A file name made of any text, for example of a test's identifier."""
    return re.sub(r"[^\w.\-\[\]]+", "_", text).strip("_")[-150:] or "unnamed"
