# SPDX-License-Identifier: BSD-3-Clause
"""A zoned namespace of ours and one of QEMU's, of the same geometry, side by side: statuses, zones after each step, reports, fields."""
import fnmatch
import struct
import warnings

import pytest

import nvme as d
from tests.qemu.zone_differences import ZONE_DIFFERENCES
from tests.qemu.zone_steps import MAX_ACTIVE, MAX_OPEN, ZONES, report, steps

PROFILE = f"""[drive]
text = as QEMU's
media = ram
command_set = zoned
capacity = 64M
lba = 512
[zones]
size = 4M
capacity = 3M
max_open = {MAX_OPEN}
max_active = {MAX_ACTIVE}
append_limit = 512K
"""
QEMU = (
    f"qemu:nvme?size=64M&zoned=true&zoned.zone_size=4M&zoned.zone_capacity=3M"
    f"&zoned.max_open={MAX_OPEN}&zoned.max_active={MAX_ACTIVE}"
)
STATES = {
    1: "empty",
    2: "implicitly opened",
    3: "explicitly opened",
    4: "closed",
    13: "read only",
    14: "full",
    15: "offline",
}
_RECEIVE, _REPORT = 0x7A, 4096


def _zone(entry):
    """ "Zone Descriptor data structure": state, type and attributes, capacity, start, write pointer."""
    kind, state, attributes, information, capacity, start, pointer = struct.unpack_from("<4B4x3Q", entry)
    return STATES[state >> 4], (kind & 15, attributes, information, capacity, start, pointer)


def _zones(data):
    return [_zone(data[at : at + 64]) for at in range(64, 64 * (ZONES + 1), 64)]


class _Drive:
    """One of the two, and what it answered: {name of a step: (status, dword 0, zones afterwards, own report)}."""

    def __init__(self, addr):
        self.pcie = d.Pcie(addr)
        self.nvme0 = d.Controller(self.pcie)
        self.ns, self.qpair = d.Namespace(self.nvme0, 1), d.Qpair(self.nvme0, 8)
        self.buf = d.Buffer(2 << 20)
        self.answers = {}

    def send(self, step):
        done = []
        self.buf[:_REPORT] = bytes(_REPORT)
        self.ns.send_cmd(
            step.opcode,
            self.qpair,
            self.buf,
            1,
            cdw10=step.slba & 0xFFFFFFFF,
            cdw11=step.slba >> 32,
            cdw12=step.cdw12,
            cdw13=step.cdw13,
            cb=lambda cdw0, code: done.append((code >> 1 & 0x7FF, cdw0)),
        )
        self.qpair.waitdone()
        return done[0]

    def run(self):
        for step in steps():
            status, cdw0 = self.send(step)
            own = bytes(self.buf[:_REPORT]) if step.opcode == _RECEIVE else b""
            assert self.send(report("all"))[0] == 0
            text = f"{status >> 8:02x}/{status & 0xFF:02x}"
            assert step.name not in self.answers
            self.answers[step.name] = text, 0 if status else cdw0, _zones(self.buf[:_REPORT]), own

    def identify(self, cns, csi, nsid):
        buf = d.Buffer(4096)
        self.nvme0.send_cmd(0x06, buf, nsid, cdw10=cns, cdw11=csi << 24).waitdone()
        return bytes(buf[:4096])

    def close(self):
        self.qpair.delete()
        self.ns.close()
        self.pcie.close()


@pytest.fixture(scope="module")
def drives(tmp_path_factory):
    profile = tmp_path_factory.mktemp("zones") / "same.ini"
    profile.write_text(PROFILE)
    found = [_Drive(f"ssd:?profile={profile}"), _Drive(QEMU)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for drive in found:
            drive.run()
    yield found
    for drive in found:
        drive.close()


def _changed(ours, theirs):
    """Zones that differ, as a text for each side: "2: closed"."""
    pairs = [(i, a, b) for i, (a, b) in enumerate(zip(ours, theirs)) if a != b]
    sides = zip(*((f"{i}: {a[0]}", f"{i}: {b[0]}") for i, a, b in pairs))
    assert all(a[1] == b[1] for _, a, b in pairs), pairs  # never in anything but the state
    return tuple(", ".join(side) for side in sides)


@pytest.fixture(scope="module")
def differing(drives):
    """{name: (ours, QEMU's)} of all that is not the same.  Zones that differ already before a step are no news after it."""
    found, before = {}, ()
    ours, theirs = (drive.answers for drive in drives)
    for name in ours:
        (status, dw0, zones, own), (status2, dw02, zones2, own2) = ours[name], theirs[name]
        if (status, dw0) != (status2, dw02):
            found[name] = (status, status2) if status != status2 else (f"{dw0:#x}", f"{dw02:#x}")
        elif own != own2:
            found[f"report of {name}"] = ("", "")
        changed = _changed(zones, zones2)
        if changed != before and changed:
            found[f"zones after {name}"] = changed
        before = changed
    return found


def _covers(entry, name, pair):
    return pair == (entry.ours, entry.qemu) and any(fnmatch.fnmatchcase(name, p) for p in entry.names)


def test_each_difference_is_decided(differing):
    unknown = {n: p for n, p in differing.items() if not any(_covers(e, n, p) for e in ZONE_DIFFERENCES)}
    assert not unknown, "\n".join(f"{n}: ours {o}, QEMU {q}" for n, (o, q) in unknown.items())


def test_no_entry_is_out_of_date(differing):
    for entry in ZONE_DIFFERENCES:
        assert any(_covers(entry, n, p) for n, p in differing.items()), entry


def test_steps_reach_each_state(drives):
    """The comparison would show nothing if no zone ever left its first state."""
    seen = {state for _, _, zones, _ in drives[0].answers.values() for state, _ in zones}
    assert seen == {"empty", "implicitly opened", "explicitly opened", "closed", "full"}


# ZNS Command Set, "I/O Command Set Specific Identify Namespace data structure", "Identify Controller data structure";
# NVM Command Set, "Identify Namespace data structure": name, CNS, CSI, NSID, bytes.
FIELDS = [
    ("NSZE", 0x00, 0, 1, 0, 8),
    ("FLBAS format", 0x00, 0, 1, 26, 27),
    ("ZOC", 0x05, 2, 1, 0, 2),
    ("MAR", 0x05, 2, 1, 4, 8),
    ("MOR", 0x05, 2, 1, 8, 12),
    ("RRL to FRL3", 0x05, 2, 1, 12, 44),
    ("NUMZRWA to ZRWACAP", 0x05, 2, 1, 44, 53),
    ("format 0 in use: ZSZE and ZDES", 0x05, 2, 1, 2816, 2832),
    ("active namespaces with zones", 0x07, 2, 0, 0, 4096),
]


@pytest.mark.parametrize("name,cns,csi,nsid,first,end", FIELDS, ids=[f[0] for f in FIELDS])
def test_fields(drives, name, cns, csi, nsid, first, end):
    ours, theirs = (drive.identify(cns, csi, nsid)[first:end] for drive in drives)
    if name == "FLBAS format":
        ours, theirs = ours[0] & 15, theirs[0] & 15
    assert ours == theirs


def test_fields_that_differ(drives):
    """OZCS bit 0 (reads across zone boundaries): QEMU asks for an option.  ZASL: ours is that of the profile, QEMU's that of MDTS."""
    (ours, theirs) = (drive.identify(0x05, 2, 1) for drive in drives)
    assert ours[2] & 1 == theirs[2] & 1 == 0
    (ours, theirs) = (drive.identify(0x06, 2, 0) for drive in drives)
    assert (ours[0], theirs[0]) == (7, 0)
