# SPDX-License-Identifier: BSD-3-Clause
"""Where a zoned namespace of ours and one of QEMU's (7.2) with the same geometry differ: who is right, by which section."""
from tests.qemu.differences import Difference

_ZNS = "ZNS Command Set Specification, "
_NVM = "NVM Command Set Specification, "
_BASE = "NVMe Base Specification, "

# Of a status, or of a field of a data structure as text.
ZONE_DIFFERENCES = [
    Difference(
        ("write across the zone's end",),
        "01/b8",
        "01/bc",
        "wrong twice, not at the write pointer and across the boundary; which is looked at first is open",
        _ZNS + '"Sequential Write Required Zones" (Zone Boundary Error, Zone Invalid Write)',
    ),
    Difference(
        ("flush without ZRWA",),
        "00/02",
        "01/b6",
        "without Zone Random Write Areas (OZCS) the action is reserved; QEMU has it, and the zone has no area",
        _ZNS + '"Zone Management Send command" (Flush Explicit ZRWA Range)',
    ),
    Difference(
        ("report shorter than a header",),
        "00/00",
        "00/02",
        "ours gives as much as was asked for, QEMU wants room for the header; the section has no least length",
        _ZNS + '"Zone Management Receive command" (NUMD)',
    ),
    # Changes of zones that only one of the two made
    Difference(
        ("zones after write zone 5 at its start",),
        "2: implicitly opened",
        "2: closed",
        "the write is refused by both, for too many active zones; QEMU closed an implicitly opened zone before, as it may",
        _ZNS + '"Zone State Machine" (ZSIO:Implicitly Opened to ZSC:Closed by the controller)',
    ),
]
