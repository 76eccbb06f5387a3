# SPDX-License-Identifier: BSD-3-Clause
"""Where the native programs are: environment, beside the package, beside the interpreter, build tree, PATH."""
import os
import pathlib
import shutil
import sys
import sysconfig

_VARIABLES = {"nvproof-ssd": "NVPROOF_SSD", "nvproof-worker": "NVPROOF_WORKER"}


def _candidates(name: str) -> list[pathlib.Path]:
    places = [pathlib.Path(__file__).parent / "bin"]
    if os.environ.get("NVPROOF_BUILD"):
        places.append(pathlib.Path(os.environ["NVPROOF_BUILD"]) / "src" / "cmd")
    places += [pathlib.Path(sysconfig.get_path("scripts")), pathlib.Path(sys.executable).parent]
    return [place / name for place in places]


def find(name: str) -> str:
    """The path of a program.  FileNotFoundError: it is nowhere."""
    told = os.environ.get(_VARIABLES[name])
    if told:
        return told
    for path in _candidates(name):
        if os.access(path, os.X_OK):
            return str(path)
    found = shutil.which(name)
    if not found:
        raise FileNotFoundError(f"{name} is not installed; set {_VARIABLES[name]} to its path")
    return found


def tell_driver() -> None:
    """The driver starts programs too, and looks into the environment for them."""
    for name, variable in _VARIABLES.items():
        if not os.environ.get(variable):
            try:
                os.environ[variable] = find(name)
            except FileNotFoundError:
                pass
