# SPDX-License-Identifier: BSD-3-Clause
"""run.py [WORD ...]: break the package in each way that wrong.py and native.py list, and see that the contract tests notice.

With words, only the mutants whose name has one of them.  It fails when a mutant survives, or is none any more.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from native import NATIVE, build
from wrong import MUTANTS, Mutant

REPO = pathlib.Path(__file__).resolve().parents[2]
TIMEOUT_S = 300
NONE_FAILED = "no test failed"


def installed() -> pathlib.Path:
    """Where the package is that the tests use."""
    import nvproof

    return pathlib.Path(nvproof.__file__).resolve().parents[1]


def broken(mutant: Mutant, where: pathlib.Path) -> bool:
    """A copy of the package with that mistake; False: the file does not say that any more."""
    for package in ("nvproof", "nvme"):
        shutil.copytree(installed() / package, where / package, ignore=shutil.ignore_patterns("__pycache__"))
    if mutant.file.startswith("src/"):
        return build(mutant, where / "nvproof")
    path = where / "nvproof" / mutant.file
    text = path.read_text()
    if text.count(mutant.old) != 1:
        return False
    path.write_text(text.replace(mutant.old, mutant.new))
    return True


def survives(mutant: Mutant, where: pathlib.Path) -> tuple[bool, str]:
    """Run its tests on the copy: whether they did not fail, as they have to; and why, or which of them did."""
    tests = [f"tests/api/{name}" for name in mutant.tests.split()]
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    env = {**os.environ, "PYTHONPATH": str(where), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            command, cwd=REPO, env=env, capture_output=True, text=True, timeout=TIMEOUT_S * len(tests)
        )
    except subprocess.TimeoutExpired:
        return True, f"no end within {TIMEOUT_S * len(tests)} s"
    failed = re.search(r"^FAILED tests/api/(\S+)", done.stdout, re.MULTILINE)
    if done.returncode == 1 and failed:
        return False, failed[1]
    return True, NONE_FAILED if done.returncode == 0 else (done.stdout + done.stderr)[-400:]


def main(words: list[str]) -> int:
    bad = 0
    chosen = [m for m in (*MUTANTS, *NATIVE) if not words or any(word in m.name for word in words)]
    tests = " ".join(sorted({test for m in chosen for test in m.tests.split()}))
    control = Mutant("nothing", "buffer.py", "class Buffer(", "class Buffer(", tests)
    for mutant in (control, *chosen):
        with tempfile.TemporaryDirectory(prefix="nvproof-mutant-") as name:
            where = pathlib.Path(name)
            lives, why = (
                survives(mutant, where)
                if broken(mutant, where)
                else (True, f"{mutant.file} is another by now")
            )
        if mutant is control:
            if why != NONE_FAILED:
                print(f"without a mistake the tests fail too: {why}")
                return 1
            continue
        print(f"{'SURVIVED' if lives else 'killed  '} {mutant.name}: {why}", flush=True)
        bad += lives
    return bad


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1:]) else 0)
