#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Fail when an #include points up the layers, a file outgrew its limit, or the licence line is missing."""
import pathlib
import re
import subprocess
import sys

# Each layer may include only the layers named here, and itself.  "api": the driver's public headers.
LAYERS = {
    "util": "",
    "spec": "util wire",
    "proto": "util wire spec",
    "mem": "util wire api",
    "bus": "util wire spec proto mem api",
    "xport": "util wire spec mem bus api",
    "host": "util wire spec mem bus xport api",
    "verify": "util wire mem host api",
    "cmdlog": "util wire spec host api",
    "ioworker": "util wire spec mem bus xport host verify cmdlog api",
    "ssd": "util wire device",
    "front": "util wire spec proto device",
    "glue": "util wire mem bus device api",
    "pyext": "util wire spec mem bus host verify cmdlog ioworker glue api",
    "cmd": "util wire spec proto mem bus host verify cmdlog ioworker front glue api device",
}
# What a public header's folder counts as, and what such headers may include themselves.
PUBLIC = {"nvproof/spec": "wire", "nvproof": "api", "ssd": "device"}
PUBLIC_MAY = {"wire": "wire", "api": "wire api", "device": "device"}
MAX_LINES = 500
COMMENTED = (".c", ".h", ".py", ".build", ".sh", ".toml")


def target(inc):
    """The layer that an include path names."""
    if inc.startswith("nvproof/spec/"):
        return "wire"
    if inc.startswith("nvproof/"):
        return "api"
    if inc in ("ssd/ssd.h", "ssd/port.h", "ssd/profile.h", "ssd/fault.h", "ssd/fsck.h"):
        return "device"
    return inc.split("/")[0]


def layer_of(path):
    """(layer, allowed) of a source file, or None where every include is fine (tests, examples)."""
    parts = path.parts
    if parts[0] == "src":
        name = parts[1]
        return name, set(LAYERS[name].split()) | {name}
    if parts[0] == "include":
        name = PUBLIC.get("/".join(parts[1:-1])) or PUBLIC[parts[1]]
        return name, set(PUBLIC_MAY[name].split())
    return None


def check(path, text):
    bad = []
    where = layer_of(path) if path.suffix in (".c", ".h") else None
    if where:
        name, allowed = where
        for inc in re.findall(r'^#include "([^"]+/[^"]+)"', text, re.M):
            to = target(inc)
            if to == "device" and name == "ssd":
                continue
            if to not in allowed:
                bad.append(f"{path}: {name} may not include {inc} ({to})")
    lines = text.count("\n")
    if path.suffix in (".c", ".h", ".py") and lines > MAX_LINES:
        bad.append(f"{path}: {lines} lines, the limit is {MAX_LINES}")
    if (
        path.suffix in COMMENTED
        and text.strip()
        and "SPDX-License-Identifier: BSD-3-Clause" not in text[:300]
    ):
        bad.append(f"{path}: no SPDX line")
    return bad


def main():
    names = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True).stdout.split("\n")
    bad = []
    for name in filter(None, names):
        path = pathlib.Path(name)
        if path.exists() and (path.suffix in COMMENTED or path.suffix in (".c", ".h")):
            bad += check(path, path.read_text())
    print("\n".join(bad) or "layers, sizes and licence lines: ok")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
