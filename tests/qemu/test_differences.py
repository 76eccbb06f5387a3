# SPDX-License-Identifier: BSD-3-Clause
"""One list of commands, sent to QEMU's device and to ours: where the answers differ, differences.py says who is right."""
import fnmatch
import warnings

import pytest

import nvme as d
from nvproof.softssd import SoftwareSSD
from tests.qemu.commands import commands
from tests.qemu.differences import DIFFERENCES


def _statuses(addr):
    """The answer to each command, as "SCT/SC"."""
    answers = {}
    pcie = d.Pcie(addr)
    nvme0 = d.Controller(pcie)
    ns, qpair, buf = d.Namespace(nvme0, 1), d.Qpair(nvme0, 16), d.Buffer(8192)
    for c in commands():
        dwords = {"cdw10": c.cdw10, "cdw11": c.cdw11, "cdw12": c.cdw12, "cdw13": c.cdw13, "cdw14": c.cdw14}
        status = []
        buf[:] = c.data + bytes(8192 - len(c.data))
        done = lambda cdw0, code, status=status: status.append(code >> 1 & 0x7FF)  # noqa: E731
        if c.queue == "admin":
            nvme0.send_cmd(c.opcode, buf, c.nsid, **dwords, cb=done).waitdone()
        else:
            ns.send_cmd(c.opcode, qpair, buf, c.nsid, **dwords, cb=done)
            qpair.waitdone()
        answers[c.name] = f"{status[0] >> 8:02x}/{status[0] & 0xFF:02x}"
    qpair.delete()
    ns.close()
    pcie.close()
    return answers


@pytest.fixture(scope="module")
def answers():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = _statuses("qemu:nvme?size=1G")
        with SoftwareSSD(size="1G") as ssd:
            ours = _statuses(ssd.addrs[0])
    return {name: (ours[name], theirs[name]) for name in ours}


def _entry(name, pair):
    for entry in DIFFERENCES:
        if any(fnmatch.fnmatchcase(name, p) for p in entry.names) and pair == (entry.ours, entry.qemu):
            return entry
    return None


def test_each_difference_is_decided(answers):
    differing = {name: pair for name, pair in answers.items() if pair[0] != pair[1]}
    unknown = [f"{n}: ours {o}, QEMU {q}" for n, (o, q) in differing.items() if not _entry(n, (o, q))]
    assert not unknown, "\n".join(unknown)


def test_no_entry_is_out_of_date(answers):
    """Each pattern of each entry names a command that is answered so, today."""
    for entry in DIFFERENCES:
        for pattern in entry.names:
            hits = [
                n for n, pair in answers.items() if fnmatch.fnmatchcase(n, pattern) and pair == entry[1:3]
            ]
            assert hits, f"{pattern}: ours {entry.ours}, QEMU {entry.qemu}"
