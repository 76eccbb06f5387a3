# SPDX-License-Identifier: BSD-3-Clause
"""QEMU's controller memory buffer, which nobody else can map: the drive itself puts entries and data there.

NVMe Base Specification, "Controller Memory Buffer", "CMBLOC", "CMBSZ", "CMBMSC".
"""
import struct

import pytest

import nvme as d
from nvme import IOCQ, IOSQ, PRP, SQE

CMBLOC, CMBSZ, CMBMSC = 0x38, 0x3C, 0x50
CBA = 1 << 45  # where commands address it: above all memory
PAGE = 4096


@pytest.fixture
def nvme0():
    """A controller whose buffer of 16 MiB is switched on."""
    pcie = d.Pcie("qemu:nvme?size=64M&cmb_size_mb=16")
    nvme0 = d.Controller(pcie)
    nvme0[CMBMSC] = 1  # CRE: shows CMBLOC and CMBSZ
    nvme0[CMBMSC + 4] = CBA >> 32
    nvme0[CMBMSC] = CBA & 0xFFFFFFFF | 3
    yield nvme0
    pcie.close()


@pytest.fixture
def cq(nvme0):
    return IOCQ(nvme0, 20, 16, PRP())


def carry(sq, cq, opcode, where, lba, count=PAGE // 512):
    """One command between an address and LBAs."""
    getattr(sq, opcode)(cid=1, nsid=1, lba=lba, lba_count=count, prp1=where)
    sq.tail = sq.wpointer
    cq.waitdone()
    assert cq[(cq.rpointer - 1) % cq.qsize].status == 0
    cq.head = cq.rpointer


def test_what_it_is(nvme0):
    size = (nvme0[CMBSZ] >> 12) * (PAGE << 4 * (nvme0[CMBSZ] >> 8 & 15))
    assert size == 16 << 20 and nvme0[CMBSZ] & 0x1D == 0x1D  # SQS, LISTS, RDS, WDS
    assert nvme0[CMBLOC] & 7 == 2  # BIR


def test_data(nvme0, cq):
    """Written from the host, read into the buffer, written from there, and read back by the host."""
    sq = IOSQ(nvme0, 20, 16, PRP(), cq=cq)
    out, back = d.Buffer(PAGE, pvalue=5, ptype=0xBEEF), d.Buffer(PAGE)
    carry(sq, cq, "write", out, 0)
    carry(sq, cq, "read", CBA + 0x10000, 0)
    carry(sq, cq, "write", CBA + 0x10000, 64)
    carry(sq, cq, "read", back, 64)
    assert back[:] == out[:]


def test_submission_queue(nvme0, cq):
    """Entries that a read put into the buffer are fetched from there."""
    sq = IOSQ(nvme0, 20, 16, PRP(), cq=cq)
    entries, data, back = d.Buffer(PAGE), d.Buffer(PAGE, pvalue=7, ptype=32), d.Buffer(PAGE)
    carry(sq, cq, "write", data, 100)
    entries[:64] = struct.pack("<16I", *SQE(opc=2, cid=9, nsid=1, slba=100, nlb=8, prp1=back))
    carry(sq, cq, "write", entries, 0)
    carry(sq, cq, "read", CBA, 0)
    inside = IOSQ(nvme0, 21, 16, CBA, cq=cq)
    inside.tail = 1
    cq.waitdone()
    last = cq[(cq.rpointer - 1) % cq.qsize]
    assert (last.sqid, last.cid, last.status) == (21, 9, 0) and back[:] == data[:]
