# SPDX-License-Identifier: BSD-3-Clause
"""Where our SSD and QEMU's device (7.2) answer the same command differently: who is right, by which section.

names: patterns of commands.py's names, each of which some command has to match with these two answers.
"""
from typing import NamedTuple

_BASE = "NVMe Base Specification, "
_NVM = "NVM Command Set Specification, "


class Difference(NamedTuple):
    names: tuple[str, ...]
    ours: str
    qemu: str
    why: str
    spec: str


DIFFERENCES = [
    # --- QEMU deviates ---
    Difference(
        ("identify cns=00 nsid=ffffffff", "identify cns=05 nsid=ffffffff"),
        "00/00",
        "00/0b",
        "Namespace Management is announced, so FFFFFFFFh is answered with what is common to all namespaces",
        _BASE + '"Identify Namespace data structure for the specified NSID"',
    ),
    Difference(
        ("log lid=*",),
        "01/09",
        "00/02",
        "a log page that there is not is an Invalid Log Page",
        _BASE + '"Get Log Page command", "Command Completion"',
    ),
    Difference(
        ("log lid=01 nsid=?", "log lid=03 nsid=?", "log lid=05 nsid=?"),
        "00/02",
        "00/00",
        "a log page of the controller is asked for with 0h or FFFFFFFFh",
        _BASE + '"Get Log Page command" (NSID)',
    ),
    Difference(
        ("log lid=02 nsid=0",),
        "00/00",
        "00/0b",
        "0h asks for the controller's, as FFFFFFFFh does",
        _BASE + '"SMART / Health Information"',
    ),
    Difference(
        ("delete-cq qid=*", "create-sq unused, cqid=0"),
        "01/01",
        "01/00",
        "an identifier that is no I/O completion queue's at all is an Invalid Queue Identifier",
        _BASE + '"Delete I/O Completion Queue command", "Create I/O Submission Queue command"',
    ),
    Difference(
        ("ns-attach sel=*",),
        "00/02",
        "01/1c",
        "a reserved SEL is an invalid field, whatever the namespace is",
        _BASE + '"Namespace Attachment command"',
    ),
    Difference(
        ("abort unknown sq",),
        "00/00",
        "00/02",
        "what there is not is not aborted, which dword 0 says",
        _BASE + '"Abort command"',
    ),
    # --- both may be ---
    Difference(
        ("log lid=02 nsid=1",),
        "00/02",
        "00/00",
        "QEMU has the health of a namespace, which LPA says; ours has not, and says so",
        _BASE + '"SMART / Health Information"; "Identify Controller data structure" (LPA)',
    ),
    Difference(
        ("log lid=02 nsid=2",),
        "00/02",
        "00/0b",
        "of no use to a controller without logs of namespaces; not active, with QEMU",
        _BASE + '"NSID and Namespace Usage"',
    ),
    Difference(
        ("set-feature number-of-queues ffff",),
        "00/02",
        "00/0c",
        "both are wrong here: 65,535 is reserved, and there are queues; which is looked at first is open",
        _BASE + '"Number of Queues"',
    ),
    Difference(
        ("format pi=7",),
        "00/02",
        "01/0a",
        "a reserved type of protection is a reserved coded value, and a format that there is not",
        _NVM + '"Format NVM command"',
    ),
    Difference(
        ("ns-attach nsid=all",),
        "00/0b",
        "00/02",
        "the broadcast value is of no use to this command",
        _BASE + '"NSID and Namespace Usage"',
    ),
    Difference(
        ("identify cns=12 nsid=0", "identify cns=12 nsid=fffffffe", "identify cns=12 nsid=ffffffff"),
        "00/0b",
        "00/02",
        "not a valid NSID, so Invalid Namespace or Format; QEMU knows no difference",
        _BASE + '"NSID and Namespace Usage"',
    ),
    Difference(
        ("identify cns=12 nsid=2", "identify cns=03 nsid=2"),
        "00/00",
        "00/02",
        "an NSID that is valid and not in use: ours has an empty list, QEMU refuses",
        _BASE + '"Identify command"',
    ),
    # --- QEMU is right by the letter, ours is so on purpose ---
    Difference(
        (
            "read nsid=*",
            "write nsid=*",
            "compare nsid=*",
            "zeroes nsid=*",
            "verify nsid=*",
            "flush nsid=2",
            "dsm nsid=*",
        ),
        "00/0b",
        "00/02",
        "a valid NSID that is not active is an Invalid Field; drives in the field say Invalid Namespace or Format, scripts "
        "expect it, and ours does as they do (find_ns() in src/ssd/exec.c)",
        _BASE + '"Common Command Format" (NSID)',
    ),
    # --- what one of them has not; all of it is optional ---
    Difference(
        ("log lid=*", "get-feature fid=*", "identify cns=08 *", "identify cns=1f *"),
        "00/00",
        "00/02",
        "QEMU has not this log page, feature or data structure",
        _BASE + '"Controller Architecture", support requirements',
    ),
    Difference(
        (
            "identify cns=08 nsid=*",
            "identify cns=1f nsid=*",
            "get-feature fid=8? sel=0",
            "set-feature fid=8?",
        ),
        "00/0b",
        "00/02",
        "QEMU has not this data structure or feature; ours has, and the NSID is invalid",
        _BASE + '"Controller Architecture", support requirements',
    ),
    Difference(
        ("log lid=0d",),
        "00/0c",
        "00/02",
        "QEMU has no Persistent Event log; ours has, and no context was established",
        _BASE + '"Persistent Event"',
    ),
    Difference(
        ("set-feature fid=?? save",),
        "00/00",
        "01/0d",
        "QEMU saves no feature, and says so in ONCS",
        _BASE + '"Set Features command" (SV)',
    ),
    Difference(
        ("ns-management sel=*",),
        "00/02",
        "00/01",
        "QEMU has no Namespace Management command, though it announces it; ours has, and SEL is reserved",
        _BASE + '"Namespace Management command"',
    ),
    Difference(
        ("io opcode=*",),
        "00/02",
        "00/01",
        "QEMU has no reservations; ours has, and the dwords make no sense",
        _BASE + '"Reservation Register command"',
    ),
    Difference(
        ("io opcode=*",),
        "00/83",
        "00/01",
        "QEMU has no reservations; ours has, and this host is not registered",
        _BASE + '"Reservation Release command"',
    ),
    Difference(
        ("io opcode=*",),
        "00/00",
        "00/01",
        "QEMU has no reservations; ours has",
        _BASE + '"Reservation Report command"',
    ),
]
