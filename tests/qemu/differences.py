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
        ("log lid=01 nsid=?", "log lid=03 nsid=?", "log lid=04 nsid=?", "log lid=05 nsid=?"),
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
    Difference(
        ("get-feature fid=?? sel=7",),
        "00/02",
        "00/00",
        "a reserved coded value of SEL; QEMU takes its lower two bits",
        _BASE + '"Get Features command" (SEL)',
    ),
    Difference(
        ("set-feature fid=04 cdw11=40000",),
        "00/02",
        "00/00",
        "a temperature sensor that there is not",
        _BASE + '"Temperature Threshold" (TMPSEL)',
    ),
    Difference(
        ("dsm *beyond cdw11=?",),
        "00/80",
        "00/00",
        "a range beyond the end references LBAs that there are not, and QEMU passes over it",
        _BASE
        + '"Status Code - Generic Command Status Values" (LBA Out of Range); '
        + _NVM
        + '"Dataset Management command"',
    ),
    Difference(
        ("copy source beyond", "copy target beyond"),
        "00/80",
        "00/06",
        "an LBA that there is not is LBA Out of Range, and no Internal Error",
        _NVM + '"Copy command"',
    ),
    Difference(
        ("copy too long",),
        "01/83",
        "00/06",
        "a source range longer than MSSRL is Command Size Limit Exceeded, and no Internal Error",
        _NVM + '"Copy command", "Command Completion" (Command Size Limit Exceeded)',
    ),
    # --- both may be ---
    Difference(
        ("set-feature fid=01 cdw11=*",),
        "00/00",
        "01/0e",
        "QEMU lets nobody change Arbitration, and says so in the supported capabilities",
        _BASE + '"Set Features command" (Feature Not Changeable)',
    ),
    Difference(
        ("set-feature fid=02 cdw11=1f",),
        "00/02",
        "01/0e",
        "QEMU lets nobody change the power state, of which it has one; ours has no state 31",
        _BASE + '"Power Management" (PS); "Set Features command" (Feature Not Changeable)',
    ),
    Difference(
        ("verify length=ffff",),
        "00/00",
        "00/02",
        "QEMU has a limit (VSL); ours has none, and says so",
        _NVM + '"I/O Command Set specific Identify Controller data structure" (VSL)',
    ),
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
            "copy nsid=*",
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
            "get-feature fid=84 nsid=*",
            "set-feature fid=8?",
        ),
        "00/0b",
        "00/02",
        "QEMU has not this data structure or feature; ours has, and the NSID is invalid",
        _BASE + '"Controller Architecture", support requirements',
    ),
    Difference(
        ("identify cns=14 nsid=*", "identify cns=15 nsid=*"),
        "00/02",
        "00/00",
        "QEMU describes virtualization resources without announcing the command; ours has none of them unless it is told to",
        _BASE + '"Identify command" (CNS 14h, 15h); "Identify Controller data structure" (OACS)',
    ),
    Difference(
        ("identify cns=1c nsid=*", "get-feature fid=19 *", "set-feature fid=19 zeros"),
        "00/02",
        "00/00",
        "QEMU has I/O command sets to choose from (CAP.CSS); ours has with zones only",
        _BASE + '"I/O Command Set data structure" (CNS 1Ch); "I/O Command Set Profile"',
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
