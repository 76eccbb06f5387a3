# SPDX-License-Identifier: BSD-3-Clause
"""Data verification where metadata is interleaved with the data: the data is verified, the metadata is the script's."""
import logging

import pytest

import nvme as d

LBA, COUNT = 64, 7
PRACT = 1 << 13  # of io_flags


@pytest.fixture(params=[(512, 8), (4096, 64)], ids=str)
def ns(request, nvme0n1):
    """In a format with interleaved metadata, verified; as it was afterwards."""
    plain = nvme0n1.sector_size
    data, meta = request.param
    if nvme0n1.get_lba_format(data, meta) is None or not nvme0n1.id_data(27) & 1:
        pytest.skip(f"no LBA format of {data} + {meta} bytes with interleaved metadata")
    nvme0n1.format(data, meta, mset=1)
    assert nvme0n1.verify_enable(True) is True
    yield nvme0n1
    nvme0n1.verify_enable(False)
    nvme0n1.format(plain, 0)


def step(ns):
    return ns.sector_size + ns.meta_size


def filled(ns, count=COUNT):
    return d.Buffer(count * step(ns), pvalue=100, ptype=0xBEEF)


def change(ns, nvme0, lba, at):
    """Another byte at this offset of an LBA, unseen by the driver."""
    buf, qpair = d.Buffer(step(ns)), d.Qpair(nvme0, 8)
    ns.read(qpair, buf, lba, verify_disable=True).waitdone()
    qpair.delete()
    raw = d.Buffer(step(ns))
    raw[:] = buf[:]
    raw[at] ^= 0xFF
    cq = d.IOCQ(nvme0, 60, 4, d.PRP())
    sq = d.IOSQ(nvme0, 60, 4, d.PRP(), cq=cq)
    sq.write(0, ns.nsid, lba, 1, prp1=raw, prp2=raw.phys_addr + 4096 if len(raw) > 4096 else 0)
    sq.tail = sq.wpointer
    cq.waitdone(1)
    assert cq[0].status == 0
    sq.delete()
    cq.delete()


def test_right_data(ns, qpair, caught):
    out, back = filled(ns), d.Buffer(COUNT * step(ns))
    for i in range(20):
        ns.write(qpair, out, LBA + i, COUNT).waitdone()
        ns.read(qpair, back, LBA + i, COUNT).waitdone()
        assert back[:] == out[:]
        assert back.data(7, 0) == ns.nsid << 48 | (LBA + i)
        second = step(ns)
        assert back.data(second + 7, second) == ns.nsid << 48 | (LBA + i + 1)
    ns.read(qpair, back, LBA + 21, 2).waitdone()
    assert caught == []


def test_wrong_data_of_each_lba(nvme0, ns, qpair, caught, caplog):
    """One byte of an LBA in the middle.  A CRC is linear: which bits are wrong decides alone whether it sees them."""
    out = filled(ns)  # alive, so that the wrong LBA is compared with it
    ns.write(qpair, out, LBA, COUNT).waitdone()
    change(ns, nvme0, LBA + 3, ns.sector_size - 9)
    with caplog.at_level(logging.ERROR, "nvproof"):
        ns.read(qpair, d.Buffer(COUNT * step(ns)), LBA, COUNT).waitdone()
    assert caught == ["ERROR status: 07/81"]
    assert f"mismatch: lba 0x{LBA + 3:x}" in caplog.text and "bit flips: 8 bits" in caplog.text
    ns.read(qpair, d.Buffer(3 * step(ns)), LBA, 3).waitdone()
    ns.read(qpair, d.Buffer(3 * step(ns)), LBA + 4, 3).waitdone()
    assert len(list(caught)) == 1


def test_metadata_is_not_verified(nvme0, ns, qpair, caught):
    ns.write(qpair, filled(ns), LBA, COUNT).waitdone()
    change(ns, nvme0, LBA + 3, ns.sector_size + 1)
    ns.read(qpair, d.Buffer(COUNT * step(ns)), LBA, COUNT).waitdone()
    assert caught == []


def test_any_command(nvme0, ns, qpair, caught):
    """send_cmd() is verified like read() and write()."""
    out, back = filled(ns), d.Buffer(COUNT * step(ns))
    ns.send_cmd(1, qpair, out, cdw10=LBA, cdw12=COUNT - 1).waitdone()
    ns.send_cmd(2, qpair, back, cdw10=LBA, cdw12=COUNT - 1).waitdone()
    assert back[:] == out[:] and caught == []
    change(ns, nvme0, LBA + COUNT - 1, 100)
    ns.send_cmd(2, qpair, back, cdw10=LBA, cdw12=COUNT - 1).waitdone()
    assert caught == ["ERROR status: 07/81"]


def test_protection_information(ns, qpair, caught):
    """Made and taken away by the drive or by the driver: the data is the same for verification."""
    ns.format(ns.sector_size, ns.meta_size, mset=1, pi=1)
    assert ns.verify_enable(True)
    stripped = ns.meta_size == ns.pi_size
    short = COUNT * (ns.sector_size if stripped else step(ns))
    ns.write(
        qpair, d.Buffer(short, pvalue=100, ptype=0xBEEF), LBA, COUNT, io_flags=PRACT, cdw14=LBA
    ).waitdone()
    ns.read(qpair, d.Buffer(short), LBA, COUNT, io_flags=PRACT, cdw14=LBA).waitdone()
    ns.read(qpair, d.Buffer(COUNT * step(ns)), LBA, COUNT).waitdone()
    ns.send_cmd(2, qpair, d.Buffer(short), cdw10=LBA, cdw12=COUNT - 1 | PRACT << 16, cdw14=LBA).waitdone()
    assert caught == []
    assert ns.pi_engine_enable()
    ns.write(qpair, filled(ns), LBA, COUNT, io_flags=0x1C00).waitdone()
    ns.read(qpair, d.Buffer(COUNT * step(ns)), LBA, COUNT, io_flags=0x1C00).waitdone()
    ns.pi_engine_disable()
    assert caught == []


def test_workers(nvme0, ns, caught, qpair):
    """An ioworker verifies it as well, and what the script wrote."""
    ns.write(qpair, filled(ns), LBA, COUNT).waitdone()
    args = dict(io_size=[1, 8], region_end=256, lba_align=1, qdepth=8)
    r = ns.ioworker(io_count=20, lba_random=False, read_percentage=100, lba_start=LBA, **args).start().close()
    assert r.error == 0
    r = ns.ioworker(io_count=5000, read_percentage=50, **args).start().close()
    assert r.error == 0 and caught == []
    r = ns.ioworker(io_size=8, region_end=256, lba_random=False, read_percentage=0).start().close()
    assert r.error == 0
    change(ns, nvme0, 133, 300)
    r = ns.ioworker(io_size=8, region_end=256, lba_random=False, read_percentage=100).start().close()
    assert r.error == 0x781 and list(caught)
