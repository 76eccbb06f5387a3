# SPDX-License-Identifier: BSD-3-Clause
"""A wrong call in a script is found without running it: types of the whole API, checked by mypy."""
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

import nvproof

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

SCRIPT = '''
import nvme as d


def test_right(nvme0, nvme0n1, qpair, buf, pcie, subsystem):
    """Nothing here is an error."""
    nvme0n1.read(qpair, buf, 0, 8, cb=lambda cpl: None).waitdone()
    with nvme0n1.ioworker(io_size=[1, 8], time=1, op_percentage={2: 100}) as w:
        print(w.running, nvme0.iostat()[0], nvme0.id_data(63, 24, str).strip())
    sq = d.IOSQ(nvme0, 1, 10, d.PRP(), cq=d.IOCQ(nvme0, 1, 10, d.PRP()))
    sq[0] = d.SQE(opc=1, cid=7, nsid=1, prp1=d.PRP())
    pcie.aspm = 2
    subsystem.power_cycle(10)
    assert qpair.cmdlog()[0].startswith("2") and bytes(buf) == bytes(list(buf))


def test_wrong(nvme0, nvme0n1, qpair, buf, pcie, subsystem):
    nvme0n1.read(qpair, buf, "0")  # wrong: str
    nvme0n1.read(buf, qpair, 0)  # wrong: order
    nvme0n1.reed(qpair, buf, 0)  # wrong: name
    nvme0.getfeatures(7).waitdone("1")  # wrong: str
    nvme0.getlogpage(2)  # wrong: no buffer
    nvme0n1.ioworker(io_sizes=8)  # wrong: keyword
    nvme0n1.ioworker(io_size=8, time="1")  # wrong: str
    nvme0.id_data(63, 24, str) + 1  # wrong: a string
    d.Qpair(nvme0, depth=None)  # wrong: None
    d.Buffer(4096, colour=1)  # wrong: keyword
    d.IOSQ(nvme0, 1, "10", d.PRP())  # wrong: str
    pcie.aspm = "L1"  # wrong: str
    pcie.addr = "x"  # wrong: read only
    subsystem.shutdown_notify(abrupt=1.5)  # wrong: float
    qpair.cmdlog().lower()  # wrong: a list
'''


def test_wrong_calls_are_found(tmp_path):
    if not shutil.which("mypy"):
        pytest.skip("mypy is not installed: tools/setup lint")
    path = tmp_path / "test_script.py"
    path.write_text(SCRIPT)
    words = [sys.executable, str(ROOT / "tools/check_types.py"), str(path)]
    p = subprocess.run(words, capture_output=True, text=True, timeout=300)
    found = {
        int(line.split(":")[1]) for line in p.stdout.splitlines() if f"{path}:" in line and "error:" in line
    }
    wrong = {n for n, line in enumerate(SCRIPT.split("\n"), 1) if "# wrong" in line}
    assert found == wrong, p.stdout
    assert p.returncode


def test_the_stubs_are_true():
    """Names, parameters and defaults of the extension are those of its stubs, compared by mypy's own program."""
    if not shutil.which("stubtest"):
        pytest.skip("stubtest is not installed: tools/setup lint")
    path = os.pathsep.join(
        [str(pathlib.Path(nvproof.__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
    )
    env = {**os.environ, "PYTHONPATH": path, "MYPYPATH": path.rstrip(os.pathsep)}
    p = subprocess.run(
        ["stubtest", "nvproof._native", "--concise"], env=env, capture_output=True, text=True, timeout=300
    )
    more = (  # what text signatures and older type checkers cannot say
        r"Namespace\.\w+ is inconsistent, runtime does not have argument \"dword1[345]\"",
        r"Buffer\.__(buffer|bytes|iter)__ is not present at runtime",
    )
    wrong = [line for line in p.stdout.splitlines() if not any(re.search(text, line) for text in more)]
    assert p.stdout and wrong == [] and p.stderr == ""
