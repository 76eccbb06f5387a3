# SPDX-License-Identifier: BSD-3-Clause
"""Wrong implementations in the extension module, nvproof._native: one of its files is compiled with the mistake, and linked anew.

build/ has to be that of the package that is installed, as `make build` leaves it.
"""
import json
import pathlib
import shlex
import subprocess

from wrong import Mutant

REPO = pathlib.Path(__file__).resolve().parents[2]
BUILD = REPO / "build"
_MODULE = "src/pyext/_native.abi3.so"

NATIVE = (
    Mutant(
        "a callback with two arguments gets the status without the phase bit",
        "src/pyext/callback.c",
        "(unsigned long)le16_get(cqe->status));",
        "(unsigned long)le16_get(cqe->status) >> 1);",
        "test_callbacks.py",
    ),
    Mutant(
        "waitdone() of a queue pair reaps what comes beyond what is expected",
        "src/pyext/wait.c",
        "admin ? UINT32_MAX : (uint32_t)(expected - got)",
        "UINT32_MAX",
        "test_qpair.py test_contract_qpair.py test_contract_waits.py",
    ),
    Mutant(
        "a status of one digit is shown without its zero",
        "src/pyext/warn.c",
        "ERROR status: %02x/%02x",
        "ERROR status: %x/%x",
        "test_warnings.py",
    ),
    Mutant(
        "the warning comes before the callback",
        "src/pyext/queue.c",
        "	call_back(c, cqe);\n	if (pq->ending",
        "	if (py_warn_status(status) < 0)\n		py_keep_error();\n	call_back(c, cqe);\n	status = 0;\n	if (pq->ending",
        "test_callbacks.py test_warnings.py",
    ),
    Mutant(
        "io_flags are the lower half of CDW12",
        "src/pyext/ns_io.c",
        "(uint32_t)t[T_FLAGS].u << 16);",
        "(uint32_t)t[T_FLAGS].u);",
        "test_contract_ns.py",
    ),
    Mutant(
        "a negative index of a buffer counts from one byte too early",
        "src/pyext/buffer.c",
        "		i += end;\n",
        "		i += end - 1;\n",
        "test_buffer.py",
    ),
    Mutant(
        "a register's offset need not be aligned",
        "src/pyext/ctrlr_reg.c",
        "v % 4 || v > UINT32_MAX",
        "v > UINT32_MAX",
        "test_contract_info.py test_errors.py",
    ),
    Mutant(
        "FUA is not durable to verification",
        "src/pyext/ns_io.c",
        "out->op.durable = v[RW_TAIL + T_FLAGS].u & (uint32_t)NVME_RW_FUA >> 16;",
        "",
        "test_verify_power.py",
    ),
    Mutant(
        "an event counts as the command that is waited for",
        "src/pyext/ctrlr_aer.c",
        "	self->adminq->aer_reaped++;\n",
        "	self->adminq->aer_reaped++;\n	self->adminq->reaped++;\n",
        "test_aer.py",
    ),
)


def _run(command: list[str]) -> None:
    subprocess.run(command, cwd=BUILD, check=True, capture_output=True)


def build(mutant: Mutant, package: pathlib.Path) -> bool:
    """The extension with that mistake in a copy of the package; False: the file does not say what the mutant changes."""
    source = REPO / mutant.file
    text = source.read_text()
    if text.count(mutant.old) != 1:
        return False
    wrong, made = package / source.name, package / "wrong.o"
    wrong.write_text(text.replace(mutant.old, mutant.new))
    object_ = f"{_MODULE}.p/{source.name}.o"
    for entry in json.loads((BUILD / "compile_commands.json").read_text()):
        if entry["output"] == object_:
            words = {entry["file"]: str(wrong), object_: str(made)}
            _run([words.get(word, word) for word in shlex.split(entry["command"])])
    link = subprocess.check_output(["ninja", "-C", BUILD, "-t", "commands", "-s", _MODULE], text=True)
    words = {object_: str(made), _MODULE: str(package / "_native.abi3.so")}
    _run([words.get(word, word) for word in shlex.split(link.splitlines()[-1])])
    for path in (wrong, made):
        path.unlink()
    return True
