# SPDX-License-Identifier: BSD-3-Clause
"""ioworker on zones: write pointers, capacities and limits are kept to, and what was written is verified."""
import pytest

import nvme as d
from nvproof.softssd import SoftwareSSD
from nvproof.zone_report import ACTIVE, EMPTY, FULL, all_zones

ZSZE, ZCAP, ZONES = 256, 160, 16  # blocks of 4 KiB
PROFILE = """
[drive]
text = zones of 1 MiB, of which 640 KiB can be written
media = ram
command_set = zoned
capacity = 16M
lba = 4096

[zones]
size = 1M
capacity = 640K
max_open = 3
max_active = 5
append_limit = 128K
"""


class Rig:
    """A drive of small zones."""

    def __init__(self, folder):
        profile = folder / "small.ini"
        profile.write_text(PROFILE)
        self.ssd = SoftwareSSD(profile=str(profile), size="16M", lba=4096)
        self.pcie = d.Pcie(self.ssd.addrs[0])
        self.nvme0 = d.Controller(self.pcie)
        self.ns = d.Namespace(self.nvme0)
        self.ns.verify_enable(True)
        self.qpair = d.Qpair(self.nvme0, 64)

    def zone(self, i):
        return d.Zone(self.qpair, self.ns, i * ZSZE)

    def zones(self):
        return list(all_zones(self.ns, self.qpair))

    def states(self, first=0, end=ZONES):
        return [z.state for z in self.zones()[first:end]]

    def run(self, **kwargs):
        r = self.ns.ioworker(zns=True, **kwargs).start().close()
        assert r.error == 0
        return r

    def reads_back(self, **kwargs):
        r = self.run(io_size=[1, 8, 32], io_count=3000, qdepth=32, **kwargs)
        assert r.io_count_read == 3000

    def close(self):
        self.pcie.close()
        self.ssd.close()


@pytest.fixture
def rig(tmp_path):
    found = Rig(tmp_path)
    yield found
    found.close()


def test_fills_its_zones_once(rig):
    """The last write of a zone is as long as what is left of the capacity."""
    r = rig.run(io_size=24, lba_random=False, read_percentage=0, region_end=4 * ZSZE, qdepth=16)
    assert r.io_count_write == 4 * 7  # 6 of 24 blocks, and one of 16
    assert rig.states() == [FULL] * 4 + [EMPTY] * 12
    rig.reads_back(region_end=4 * ZSZE)


def test_goes_on_at_the_write_pointer(rig):
    rig.zone(1).write(rig.qpair, d.Buffer(4096 * 10), 0, 10).waitdone()
    rig.zone(2).finish()
    r = rig.run(io_size=10, lba_random=False, read_percentage=0, region_end=3 * ZSZE)
    assert r.io_count_write == 16 + 15  # what is full is left alone
    assert rig.states(0, 4) == [FULL] * 3 + [EMPTY]


def test_reads_what_is_written(rig):
    rig.zone(1).write(rig.qpair, d.Buffer(4096 * 10), 0, 10).waitdone()
    log = [None] * 500
    rig.run(io_size=4, io_count=500, region_end=4 * ZSZE, output_cmdlog_list=log)
    assert all(ZSZE <= c[0] and c[0] + c[1] <= ZSZE + 10 for c in log)
    r = rig.run(io_size=4, lba_random=False, region_end=4 * ZSZE)
    assert r.io_count_read == 3  # once, to the write pointer


@pytest.mark.parametrize("zigzag", [False, True])
def test_appends_are_verified(rig, zigzag):
    """Where each went is in its completion: read back at random, all of it is what was sent."""
    ops = {0x7D: 100}
    r = rig.run(
        io_size=[1, 3, 8],
        op_percentage=ops,
        io_count=600,
        region_end=8 * ZSZE,
        qdepth=32,
        zns_zigzag=zigzag,
    )
    assert ops[0x7D] == r.io_count_nonread == 600
    rig.reads_back(region_end=8 * ZSZE)


def test_appends_with_interleaved_metadata(rig):
    rig.ns.format(4096, 8, mset=1)
    rig.ns.verify_enable(True)
    rig.run(io_size=4, op_percentage={0x7D: 100}, io_count=100, region_end=4 * ZSZE, qdepth=8)
    rig.reads_back(region_end=4 * ZSZE)


def test_a_wrong_block_of_an_append_is_found(rig):
    rig.run(io_size=8, op_percentage={0x7D: 100}, io_count=20, region_end=ZSZE)
    rig.ssd.control("fault_add", rule="data-flip,opc=read,count=1")
    with pytest.warns(UserWarning, match="07/81"):
        r = rig.ns.ioworker(zns=True, io_size=8, lba_random=False, region_end=ZSZE).start().close()
    assert r.error == 0x781


def test_an_append_that_lies_about_its_place_is_found(rig):
    rig.ssd.control("fault_add", rule="zone-append-lba=3,opc=125,count=1")
    with pytest.warns(UserWarning, match="07/81"):
        w = rig.ns.ioworker(
            zns=True, io_size=8, op_percentage={0x7D: 100}, region_end=ZSZE, io_count=20, outstanding=1
        )
        r = w.start().close()
    assert r.error and "cannot be at LBA" in w.raw["reason"]


def test_zigzag_writes_as_many_as_may_be_open(rig):
    log = [None] * 30
    rig.run(io_size=8, read_percentage=0, io_count=30, qdepth=8, zns_zigzag=True, output_cmdlog_list=log)
    assert [s in ACTIVE for s in rig.states()].count(True) == 3
    assert [c[0] // ZSZE for c in log] == [0, 1, 2] * 10
    rig.reads_back()


def test_active_zones_of_others_count(rig):
    """Five zones may be active: four are, so one is left, and the next one waits until it is full."""
    for i in range(12, 16):
        rig.zone(i).write(rig.qpair, d.Buffer(4096), 0, 1).waitdone()
    rig.run(io_size=8, read_percentage=0, lba_random=False, region_end=8 * ZSZE, qdepth=16, zns_zigzag=True)
    assert rig.states(0, 8) == [FULL] * 8


def test_one_write_in_a_zone(rig):
    """Without zns_syncwrite writes to a zone overlap; with it none does, and several zones still do."""

    def overlaps(**kwargs):
        log = [None] * 200
        rig.run(io_size=8, read_percentage=0, io_count=200, qdepth=8, output_cmdlog_list=log, **kwargs)
        return [
            (a, b)
            for a in log
            for b in log
            if a[0] < b[0] and a[2] == b[2] == 1 and b[3] < a[4] and a[3] < b[4]
        ]

    def same(pairs):
        return [p for p in pairs if p[0][0] // ZSZE == p[1][0] // ZSZE]

    assert same(overlaps())
    several = overlaps(zns_syncwrite=True, zns_zigzag=True)
    assert several and not same(several)
    assert not same(overlaps(zns_syncwrite=True))


def test_resets_what_is_full_and_writes_it_again(rig):
    """Reads, writes and appends on four zones, ten times as much as they can hold: each read is checked."""
    ops = {2: 40, 1: 30, 0x7D: 30}
    r = rig.run(
        io_size=[1, 2, 8],
        op_percentage=ops,
        lba_count=4 * ZCAP * 25,
        qdepth=32,
        region_end=4 * ZSZE,
        zns_zigzag=True,
        time=60,
    )
    assert ops[1] > 0 and ops[0x7D] > 0 and ops[2] > 0 and r.mseconds < 60000
    assert rig.states(4) == [EMPTY] * 12
    rig.reads_back(region_end=4 * ZSZE)


def test_zones_of_two_workers(rig):
    with rig.ns.ioworker(
        zns=True, io_size=8, read_percentage=30, region_end=4 * ZSZE, time=1
    ) as a, rig.ns.ioworker(
        zns=True, io_size=8, read_percentage=30, region_start=4 * ZSZE, region_end=8 * ZSZE, time=1
    ) as b:
        pass
    assert a.close().error == b.close().error == 0
    assert a.close().io_count_write and b.close().io_count_write


def test_a_region_without_a_zone(rig):
    with pytest.raises(AssertionError, match="no zone begins"):
        rig.ns.ioworker(zns=True, region_start=1, region_end=ZSZE, io_count=1)
    with pytest.raises(AssertionError, match="says when to end"):
        rig.run(read_percentage=0)


@pytest.mark.parametrize("opcode", [0x00, 0x08, 0x0C])
def test_other_commands(rig, opcode):
    rig.run(io_size=8, op_percentage={1: 50, opcode: 50}, io_count=200, qdepth=8)


def test_what_cannot_be(rig):
    for opcode in (4, 9):
        with pytest.raises(AssertionError, match="no command with that opcode"):
            rig.run(op_percentage={opcode: 100}, io_count=1)
    with pytest.raises(AssertionError, match="io_sequence"):
        rig.run(io_sequence=[(0, 1, 2, 0)])
