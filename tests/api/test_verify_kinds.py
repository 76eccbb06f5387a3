# SPDX-License-Identifier: BSD-3-Clause
"""A miscompare says what it is: the media is changed behind the driver's back, one way after the other."""
import logging

import pytest

import nvme as d

LBA = 2000
NLB = 8


@pytest.fixture
def told(caplog):
    with caplog.at_level(logging.ERROR, "nvproof"):
        yield lambda: caplog.text


@pytest.fixture
def size(nvme0n1):
    return nvme0n1.sector_size


def write(ns, qpair, size, lba=LBA, nlb=NLB):
    """Random data; what is on the media now."""
    buf = d.Buffer(nlb * size, pvalue=100, ptype=0xBEEF)
    ns.write(qpair, buf, lba, nlb).waitdone()
    return buf


def read(ns, qpair, size, caught, lba=LBA, nlb=NLB):
    ns.read(qpair, d.Buffer(nlb * size), lba, nlb).waitdone()
    assert caught == ["ERROR status: 07/81"]


def other(ns, qpair, size, code8, old, i=0):
    """Written again, until LBA i has another code than in `old`."""
    while True:
        buf = write(ns, qpair, size)
        if code8(buf[i * size : (i + 1) * size]) != code8(old[i * size : (i + 1) * size]):
            return buf


def block(data):
    buf = d.Buffer(len(data))
    buf[:] = data
    return buf


def token(buf, size, i=0):
    return buf.data((i + 1) * size - 1, (i + 1) * size - 8)


def test_stale(nvme0, nvme0n1, qpair, verify, caught, told, size, write_behind, code8):
    """The drive acknowledged a write and lost it."""
    old = write(nvme0n1, qpair, size)
    new = other(nvme0n1, qpair, size, code8, old)
    write_behind(nvme0, LBA, old)
    read(nvme0n1, qpair, size, caught)
    assert f"crc mismatch: lba 0x{LBA:x}, expected 0x" in told()
    assert f"stale version: its token is {token(old, size)}, the last write had {token(new, size)}" in told()


def test_misdirected(nvme0, nvme0n1, qpair, verify, caught, told, size, write_behind):
    """The drive put the data of one LBA in the place of another."""
    there = write(nvme0n1, qpair, size, LBA + 100)
    write(nvme0n1, qpair, size)
    write_behind(nvme0, LBA + 3, block(there[2 * size : 3 * size]))
    read(nvme0n1, qpair, size, caught)
    assert f"lba mismatch: lba 0x{LBA + 3:x}, but got 0x{LBA + 102:x}" in told()
    assert f"misdirected: the data of LBA 0x{LBA + 102:x} of namespace 1" in told()


def test_torn(nvme0, nvme0n1, qpair, verify, caught, told, size, write_behind, code8):
    """The first part of a write arrived, the last part did not."""
    old = write(nvme0n1, qpair, size)
    other(nvme0n1, qpair, size, code8, old, 5)
    write_behind(nvme0, LBA + 5, block(old[5 * size :]))
    read(nvme0n1, qpair, size, caught)
    assert f"torn: bytes 0 to {5 * size - 1} of the data are of the last write" in told()


def test_bit_flips(nvme0, nvme0n1, qpair, verify, caught, told, size, write_behind):
    """The data are still in the script's buffer, so each wrong bit has a name."""
    buf = write(nvme0n1, qpair, size)
    wrong = bytearray(buf[size : 2 * size])
    wrong[77] ^= 0x04
    wrong[200] ^= 0x80
    write_behind(nvme0, LBA + 1, block(bytes(wrong)))
    read(nvme0n1, qpair, size, caught)
    assert "bit flips: 2 bits of the LBA: byte 77 bit 2, byte 200 bit 7" in told()


def test_bit_flips_of_unknown_data(nvme0, nvme0n1, qpair, verify, caught, told, size, write_behind):
    """The script's buffer is gone: the token says that it is the right version."""
    wrong = bytearray(write(nvme0n1, qpair, size)[:size])
    wrong[77] ^= 0x04
    write_behind(nvme0, LBA, block(bytes(wrong)))
    read(nvme0n1, qpair, size, caught)
    assert "bit flips: the last version" in told()


def test_unwritten(nvme0, nvme0n1, qpair, verify, caught, told, size, write_behind, code8):
    other(nvme0n1, qpair, size, code8, d.Buffer(NLB * size), 7)
    write_behind(nvme0, LBA + 7, d.Buffer(size))
    read(nvme0n1, qpair, size, caught)
    assert f"crc mismatch: lba 0x{LBA + 7:x}," in told() and "unwritten: all zeroes" in told()


def test_an_ioworker_tells_too(nvme0, nvme0n1, qpair, verify, caught, told, size, write_behind, code8):
    fill = dict(io_size=8, lba_random=False, region_start=0, region_end=256, read_percentage=0, qdepth=8)
    nvme0n1.ioworker(**fill).start().close()
    back, now = d.Buffer(size), d.Buffer(size)
    nvme0n1.read(qpair, back, 100).waitdone()
    while code8(now[:]) == code8(back[:]) or not any(now[:8]):
        nvme0n1.ioworker(**fill).start().close()
        nvme0n1.read(qpair, now, 100).waitdone()
    write_behind(nvme0, 100, block(back[:size]))
    assert caught == []
    r = nvme0n1.ioworker(**{**fill, "read_percentage": 100}).start().close()
    assert r.error == 0x781
    assert "crc mismatch: lba 0x64" in told() and "stale version: " in told()


def test_what_is_told(nvme0, nvme0n1, qpair, verify, caught, told, caplog, size, write_behind):
    """The last commands on the LBA, and its data on request."""
    write(nvme0n1, qpair, size)
    nvme0n1.read(qpair, d.Buffer(size), LBA + 50).waitdone()
    write_behind(nvme0, LBA, d.Buffer(size, pvalue=0x44434241, ptype=32))
    read(nvme0n1, qpair, size, caught)
    lines = told().splitlines()
    assert sum(f"slba:{LBA} nlb:{NLB}" in x for x in lines) == 2  # its write and this read
    assert not any(f"slba:{LBA + 50}" in x for x in lines) and "ABCD" not in told()
    caplog.clear()
    assert nvme0n1.print_miscompare_log_disable() and nvme0n1.dump_miscompare_lba_enable()
    nvme0n1.read(qpair, d.Buffer(size), LBA).waitdone()
    assert "slba:" not in told() and "0000  41 42 43 44" in told() and "ABCDABCD" in told()
    caplog.clear()
    assert nvme0n1.print_miscompare_log_enable() and nvme0n1.dump_miscompare_lba_disable()
    nvme0n1.read(qpair, d.Buffer(size), LBA).waitdone()
    assert "slba:" in told() and "0000  41 42 43 44" not in told()
