# SPDX-License-Identifier: BSD-3-Clause
"""Metamode: PRP lists and SGLs by hand, every byte checked.

NVMe Base Specification, "Physical Region Page Entry and List", "Scatter Gather List (SGL)".
"""
import gc
import weakref

import pytest

import nvme as d
from nvme import PRP, PRPList


# --- data pointers ---


def test_prp_list(nvme0n1, sq, run):
    count = 4 * 4096 // nvme0n1.sector_size
    outs, backs = [PRP(pvalue=100, ptype=0xBEEF) for i in range(4)], [PRP() for _ in range(4)]
    for cid, pages in enumerate((outs, backs)):
        prps = PRPList()
        for i, page in enumerate(pages[1:]):
            prps[i] = page
        rw = sq.read if cid else sq.write
        rw(cid=cid, nsid=nvme0n1.nsid, lba=100, lba_count=count, prp1=pages[0], prp2=prps)
        run()
    assert [p[:] for p in outs] == [p[:] for p in backs]


def test_prp_list_at_an_offset(nvme0n1, sq, run):
    """A list of two entries at the end of its page: one of data, and since that is not enough, one that leads to another list."""
    count = 4 * 4096 // nvme0n1.sector_size
    outs, backs = [PRP(pvalue=100, ptype=0xBEEF) for i in range(4)], [
        PRP(offset=512 if not i else 0) for i in range(5)
    ]
    first, second = PRPList(offset=4096 - 16), PRPList()
    first[510], first[511] = outs[1], second
    second[0], second[1] = outs[2], outs[3]
    sq.write(cid=1, nsid=nvme0n1.nsid, lba=200, lba_count=count, prp1=outs[0], prp2=first)
    run()
    first, second = PRPList(offset=4096 - 16), PRPList()
    first[510], first[511] = backs[1], second
    second[0], second[1], second[2] = backs[2:]
    sq.read(cid=2, nsid=nvme0n1.nsid, lba=200, lba_count=count, prp1=backs[0], prp2=first)
    run()
    got = backs[0][512:] + b"".join(p[:] for p in backs[1:4]) + backs[4][:512]
    assert got == b"".join(p[:] for p in outs)
    assert backs[4][512:] == bytes(4096 - 512)


def test_bad_prps(nvme0n1, sq, run):
    count = 3 * 4096 // nvme0n1.sector_size
    for prp1, prp2 in ((PRP(offset=1), 0), (PRP(), PRPList(offset=4))):
        sq.read(cid=1, nsid=nvme0n1.nsid, lba=0, lba_count=count, prp1=prp1, prp2=prp2)
        with pytest.warns(UserWarning, match="ERROR status: 00/13"):
            run()


def test_find_buffer_by_offset():
    pages = [PRP() for _ in range(4)]
    first, second = PRPList(offset=8 * 510), PRPList()
    first[510], first[511] = pages[0], second
    second[0], second[1] = pages[1], pages[2]
    assert first.find_buffer_by_offset(0) == (pages[0], 0)
    assert first.find_buffer_by_offset(4095, 0) == (pages[0], 4095)
    assert first.find_buffer_by_offset(4096 + 17) == (pages[1], 17)
    assert first.find_buffer_by_offset(12287 + 100, 100) == (pages[2], 4095)
    for beyond in (12288, 1 << 30):
        with pytest.raises(IndexError):
            first.find_buffer_by_offset(beyond)
    second[0] = PRP(offset=96)
    assert first.find_buffer_by_offset(4096)[1] == 96
    assert first.find_buffer_by_offset(4096 + 4000) == (pages[2], 0)
    second[0] = 0x123000  # an address, whose memory nobody knows
    assert second[0] == 0x123000 and second[0:8] == (0x123000).to_bytes(8, "little")
    with pytest.raises(IndexError):
        first.find_buffer_by_offset(4096)
    for index in (512, -1):
        with pytest.raises(AssertionError):
            second[index] = pages[3]
        with pytest.raises(AssertionError):
            second[index]


# --- SGLs ---


@pytest.fixture
def sgls(nvme0):
    if nvme0.id_data(539, 536) & 3 == 0:
        pytest.skip("no SGLs: Identify Controller, SGLS")
    return nvme0.id_data(539, 536)


def test_sgl_example_of_the_specification(nvme0n1, sq, sgls, run):
    """13 KiB are read: 3 KiB, 4 KiB, 2 KiB that go nowhere, 4 KiB; in three segments."""
    if not sgls & 1 << 16:
        pytest.skip("no bit buckets: Identify Controller, SGLS")
    size, nsid = nvme0n1.sector_size, nvme0n1.nsid
    if size != 512:
        pytest.skip("the example has LBAs of 512 bytes")
    out = PRP(13 * 1024, pvalue=100, ptype=0xBEEF)
    sq.write(cid=1, nsid=nsid, lba=300, lba_count=26, sgl=out)
    run()

    blocks = [d.DataBlockSGL(1024 * n, "block", 0x5A5A5A5A, 32) for n in (3, 4, 4)]
    hole = d.BitBucketSGL(2 * 1024, "hole", 0x5A5A5A5A, 32)
    seg0, seg1, seg2 = d.SegmentSGL(16 * 2), d.SegmentSGL(16 * 3), d.LastSegmentSGL(16)
    seg0[0], seg0[1] = blocks[0], seg1
    seg1[0], seg1[1], seg1[2] = blocks[1], hole, seg2
    seg2[0] = blocks[2]
    sq.read(cid=2, nsid=nsid, lba=300, lba_count=26, sgl=seg0)
    assert sq[1].psdt == 1 and sq[1].sgl[15] == 0x20 and seg1[47] == 0x30 and seg1[31] == 0x10
    run()
    data = out[:]
    assert blocks[0][:] == data[: 3 * 1024]
    assert blocks[1][:] == data[3 * 1024 : 7 * 1024]
    assert blocks[2][:] == data[9 * 1024 :]
    assert hole[:] == b"\x5a" * 2048


def test_sgl_at_offsets(nvme0n1, sq, sgls, run):
    """Data blocks at any byte (SGLS 01b) or at dwords (10b)."""
    size, nsid = nvme0n1.sector_size, nvme0n1.nsid
    step = 4 if sgls & 3 == 2 else 1
    out = PRP(size, pvalue=100, ptype=0xBEEF)
    sq.write(cid=1, nsid=nsid, lba=7, prp1=out)
    run()
    blocks = [d.DataBlockSGL(step + 8, offset=8), d.DataBlockSGL(size - step + 4, offset=4)]
    last = d.LastSegmentSGL(16 * 4, offset=16)
    last[0], last[1] = blocks
    last.size = 32
    sq.read(cid=2, nsid=nsid, lba=7, sgl=last)
    run()
    assert blocks[0][8:] + blocks[1][4:] == out[:]


def test_bad_sgls(nvme0n1, sq, sgls, run):
    """SGL Descriptor Type Invalid, Invalid SGL Segment Descriptor, Data SGL Length Invalid, and raw bytes."""
    last, nested = d.LastSegmentSGL(16), d.LastSegmentSGL(16)
    last[0] = nested
    for sgl, status in (
        (bytes(15) + b"\xe0", "00/11"),
        (last, "00/0d"),
        (d.DataBlockSGL(4), "00/0f"),
        (d.LastSegmentSGL(8), "00/0d"),
    ):
        sq.read(cid=1, nsid=nvme0n1.nsid, lba=0, sgl=sgl)
        with pytest.warns(UserWarning, match=f"ERROR status: {status}"):
            run()


def test_segments_are_buffers():
    seg = d.SegmentSGL(32)
    block = d.DataBlockSGL(512, offset=12)
    seg[1] = block
    assert seg[16:] == block.phys_addr.to_bytes(8, "little") + (500).to_bytes(8, "little") == block.descriptor
    seg[0] = 7
    seg[1:3] = b"\x01\x02"
    assert seg[:3] == b"\x07\x01\x02"
    with pytest.raises(IndexError):
        seg[2] = block
    alive = weakref.ref(block)
    del block
    gc.collect()
    assert alive() is not None  # the segment has its address
    assert d.BitBucketSGL(64).descriptor == bytes(8) + (64).to_bytes(4, "little") + b"\0\0\0\x10"
    assert all(issubclass(c, d.SGL) and issubclass(c, d.Buffer) for c in (d.SegmentSGL, d.LastSegmentSGL))
