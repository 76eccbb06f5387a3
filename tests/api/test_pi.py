# SPDX-License-Identifier: BSD-3-Clause
"""Metadata and end-to-end protection information: formats, both ways of transfer, what drive and driver each refuse.

NVM Command Set, "End-to-end Data Protection".
"""
import logging

import pytest

import nvme as d

LBA = 64
PRACT, GUARD, APP, REF = 1 << 13, 1 << 12, 1 << 11, 1 << 10  # of io_flags
PRCHK = GUARD | APP | REF
# data, metadata, guard (PIF), storage tag
FORMATS = [
    (512, 8, 0, 0),
    (4096, 64, 0, 0),
    (512, 8, 0, 16),
    (4096, 16, 1, 16),
    (512, 16, 1, 64),
    (4096, 64, 2, 0),
]


@pytest.fixture
def ns(nvme0, nvme0n1):
    """A namespace that is as it was afterwards; its data go as they are, since scripts make guards of them."""
    data = nvme0n1.sector_size
    nvme0n1.inject_write_buffer_disable()
    nvme0n1.inject_write_token_disable()
    yield nvme0n1
    nvme0n1.format(data, 0)


def _format(ns, data, meta, pif=0, sts=0, **how):
    if ns.get_lba_format(data, meta, pif, sts) is None:
        pytest.skip(f"no LBA format of {data} + {meta} bytes, PIF {pif}, STS {sts}")
    ns.format(data, meta, pif=pif, sts=sts, **how)


def _buffers(ns, count):
    return d.Buffer(count * ns.get_sector_size(extended=True)), d.Buffer(count * ns.meta_size)


@pytest.mark.parametrize("mset", [0, 1])
@pytest.mark.parametrize("data,meta,pif,sts", FORMATS)
def test_format(ns, data, meta, pif, sts, mset):
    _format(ns, data, meta, pif, sts, mset=mset, pi=1)
    assert (ns.sector_size, ns.meta_size, ns.pi_type, ns.pi_size) == (data, meta, 1, 8 if pif == 0 else 16)
    assert ns.id_data(26) >> 4 & 1 == mset
    assert ns.id_data(29) == 1
    assert ns.get_sector_size() == data
    assert ns.get_sector_size(extended=True) == data + meta
    stripped = meta == ns.pi_size
    assert ns.get_sector_size(True, PRACT) == (data if stripped else data + meta)


def test_get_lba_format(nvme0, nvme0n1):
    assert nvme0n1.get_lba_format(512, 0) == 0
    assert nvme0n1.get_lba_format(512, 3) is None
    assert nvme0n1.get_lba_format(512, 0, pif=2) is None
    assert nvme0n1.get_lba_format(4096, 16, pif=1) is None  # a 32-bit guard comes with a storage tag
    wide = nvme0n1.get_lba_format(4096, 16, pif=2)
    assert wide is not None and wide == nvme0.get_lba_format(4096, 16, pif=2)
    assert wide != nvme0n1.get_lba_format(4096, 16)


@pytest.mark.parametrize("mset", [0, 1])
def test_metadata(ns, qpair, mset):
    _format(ns, 4096, 64, mset=mset)
    out, back = d.Buffer(3 * 4160, pvalue=100, ptype=0xBEEF), d.Buffer(3 * 4160)
    meta, meta_back = d.Buffer(3 * 64, pvalue=100, ptype=0xBEEF), d.Buffer(3 * 64)
    ns.write(qpair, out, LBA, 3, meta=meta).waitdone()
    ns.read(qpair, back, LBA, 3, meta=meta_back).waitdone()
    length = 3 * (4160 if mset else 4096)
    assert back[:length] == out[:length]
    if not mset:
        assert meta_back[:] == meta[:]
    ns.compare(qpair, out, LBA, 3, meta=meta).waitdone()
    (out if mset else meta)[4096 if mset else 0] ^= 1
    with pytest.warns(UserWarning, match="ERROR status: 02/85"):
        ns.compare(qpair, out, LBA, 3, meta=meta).waitdone()


def test_metadata_too_short(ns, qpair):
    _format(ns, 512, 8)
    with pytest.raises(AssertionError, match="metadata"):
        ns.read(qpair, d.Buffer(512 * 4), LBA, 4, meta=d.Buffer(31))
    ns.read(qpair, d.Buffer(512 * 4), LBA, 4, meta=d.Buffer(32)).waitdone()


@pytest.mark.parametrize("mset", [0, 1])
@pytest.mark.parametrize("pil", [0, 1])
@pytest.mark.parametrize("pi", [1, 2, 3])
@pytest.mark.parametrize("data,meta,pif,sts", FORMATS)
def test_engine(ns, qpair, caught, data, meta, pif, sts, pi, pil, mset):
    """What the driver makes the drive finds right, and the other way round."""
    _format(ns, data, meta, pif, sts, pi=pi, pil=pil, mset=mset)
    check = PRCHK if pi < 3 else GUARD | APP
    assert ns.pi_engine_enable() is True
    buf, tags = _buffers(ns, 4)
    buf.fill_pattern(100, 0xBEEF)
    args = {"cdw15": 0xFFFF5AA5, "meta": tags}
    ns.write(qpair, buf, LBA, 4, check, **args).waitdone()
    ns.read(qpair, buf, LBA, 4, check, **args).waitdone()
    ns.read(qpair, buf, LBA + 2, 1, check, **args).waitdone()
    ns.compare(qpair, buf, LBA + 2, 1, check, **args).waitdone()
    ns.verify(qpair, LBA, 4, GUARD | APP, cdw15=0xFFFF5AA5).waitdone()
    ns.write(qpair, buf, LBA, 4, PRACT, **args).waitdone()
    ns.read(qpair, buf, LBA, 4, check, **args).waitdone()
    assert ns.pi_engine_disable() is True
    assert caught == []


def test_engine_has_its_own_metadata(ns, qpair, caught):
    _format(ns, 512, 8, pi=1)
    ns.pi_engine_enable()
    buf = d.Buffer(512 * 8, pvalue=100, ptype=0xBEEF)
    back = d.Buffer(512 * 8)
    ns.write(qpair, buf, LBA, 8, PRCHK).waitdone()
    ns.read(qpair, back, LBA, 8, PRCHK).waitdone()
    assert back[:] == buf[:] and caught == []


def test_no_engine_without_protection(nvme0n1):
    assert nvme0n1.pi_engine_enable() is False
    assert nvme0n1.pi_engine_disable() is True


@pytest.mark.parametrize("mset", [0, 1])
@pytest.mark.parametrize(
    "byte,status,what,expected",
    [
        (0, "02/82", "guard", None),
        (3, "02/83", "application tag", "0x5aa5"),
        (7, "02/84", "reference tag", f"{LBA + 1:#x}"),
    ],
)
def test_wrong_on_the_way(ns, qpair, caplog, mset, byte, status, what, expected):
    """A byte is wrong: the drive says so if it is to check, and the driver if it did not."""
    _format(ns, 512, 8, pi=1, mset=mset)
    buf, tags = _buffers(ns, 2)
    args = {"cdw14": LBA, "cdw15": 0xFFFF5AA5, "meta": tags}
    ns.pi_engine_enable()
    ns.write(qpair, buf, LBA, 2, PRCHK, **args).waitdone()
    ns.read(qpair, buf, LBA, 2, PRCHK, **args).waitdone()
    ns.pi_engine_disable()
    place, index = (buf, 520 + 512 + byte) if mset else (tags, 8 + byte)
    place[index] ^= 4
    with pytest.warns(UserWarning, match=f"ERROR status: {status}"):
        ns.write(qpair, buf, LBA, 2, PRCHK, **args).waitdone()
    ns.read(qpair, d.Buffer(1040), LBA, 2, PRCHK, cdw14=LBA, cdw15=0xFFFF5AA5, meta=d.Buffer(16)).waitdone()
    ns.write(qpair, buf, LBA, 2, **args).waitdone()
    with pytest.warns(UserWarning, match=f"ERROR status: {status}"):
        ns.read(qpair, buf, LBA, 2, PRCHK, **args).waitdone()
    ns.pi_engine_enable()
    with caplog.at_level(logging.ERROR), pytest.warns(UserWarning, match="ERROR status: 07/81"):
        ns.read(qpair, buf, LBA, 2, **args).waitdone()
    line = [r.getMessage() for r in caplog.records if "protection information" in r.getMessage()][-1]
    assert f"lba {LBA + 1:#x}, {what}, expected {expected or '0x'}" in line and "but got 0x" in line


def test_status_in_callback(ns, qpair):
    """The callback of a read that the driver refuses sees 07/81."""
    _format(ns, 512, 8, pi=1)
    ns.write(qpair, d.Buffer(512), LBA, 1, meta=d.Buffer(8, pvalue=0x12345678, ptype=32)).waitdone()
    ns.pi_engine_enable()
    seen = []
    with pytest.warns(UserWarning, match="ERROR status: 07/81"):
        ns.read(qpair, d.Buffer(512), LBA, 1, cb=lambda cqe: seen.append((cqe.sct, cqe.sc))).waitdone()
    assert seen == [(7, 0x81)]


def test_invalid(ns, qpair):
    """01/81: a reference tag that is not the LBA with type 1, one that cannot be checked with type 3."""
    _format(ns, 512, 8, pi=1)
    buf, tags = _buffers(ns, 1)
    with pytest.warns(UserWarning, match="ERROR status: 01/81"):
        ns.read(qpair, buf, LBA, 1, REF, cdw14=LBA + 1, meta=tags).waitdone()
    with pytest.warns(UserWarning, match="ERROR status: 01/81"):
        ns.verify(qpair, LBA, 1, PRACT).waitdone()
    ns.format(512, 8, pi=3)
    with pytest.warns(UserWarning, match="ERROR status: 01/81"):
        ns.read(qpair, buf, LBA, 1, REF, cdw14=LBA, meta=tags).waitdone()


def test_no_room(nvme0, ns):
    """01/0a: protection information needs metadata."""
    with pytest.warns(UserWarning, match="ERROR status: 01/0a"):
        ns.format(512, 0, pi=1)


def test_unwritten(ns, qpair, caught):
    """Deallocated blocks have all ones, which nobody checks."""
    _format(ns, 512, 8, pi=1)
    ns.pi_engine_enable()
    buf, tags = d.Buffer(512, pvalue=1), d.Buffer(8)
    ns.read(qpair, buf, LBA, 1, PRCHK, cdw14=LBA, cdw15=0xFFFF1234, meta=tags).waitdone()
    assert buf[:] == bytes(512) and tags[:] == b"\xff" * 8
    assert caught == []


@pytest.mark.parametrize("data,meta,pif,sts", FORMATS)
def test_copy(ns, qpair, caught, data, meta, pif, sts):
    """Copy takes the tags of the source away and makes those of the destination."""
    _format(ns, data, meta, pif, sts, pi=1)
    ns.pi_engine_enable()
    buf, tags = _buffers(ns, 2)
    buf.fill_pattern(100, 0xBEEF)
    ns.write(qpair, buf, LBA, 2, PRCHK, cdw15=0xFFFF0001, meta=tags).waitdone()
    ranges = d.Buffer(4096)
    wide = int(pif > 0)
    ranges.set_copy_range(0, LBA, 2, wide, LBA, 1, 0xFFFF)
    prinfo = (PRACT | PRCHK) >> 10
    ns.copy(qpair, ranges, 1, LBA + 9, PRACT, prinfo, wide, cdw14=LBA + 9, cdw15=0xFFFF0002).waitdone()
    back, tags_back = _buffers(ns, 2)
    ns.read(qpair, back, LBA + 9, 2, PRCHK, cdw15=0xFFFF0002, meta=tags_back).waitdone()
    assert back[: 2 * data] == buf[: 2 * data]
    assert caught == []
