# SPDX-License-Identifier: BSD-3-Clause
"""Memory of the controller: Buffer(nvme=...), queues and data in it.

NVMe Base Specification, "Controller Memory Buffer", "CMBLOC", "CMBSZ", "CMBMSC".
"""
import gc

import pytest

import nvme as d
from nvme import IOCQ, IOSQ, PRP
from nvproof.softssd import SoftwareSSD

CAP_CMBS = 1 << 57
CMBLOC, CMBSZ, CMBMSC = 0x38, 0x3C, 0x50


@pytest.fixture
def cmb(nvme0):
    """The controller; skips where it has no such memory."""
    if not nvme0.cap & CAP_CMBS:
        pytest.skip("no controller memory buffer: CAP.CMBS")
    try:
        d.Buffer(4096, nvme=nvme0)
    except MemoryError as e:
        pytest.skip(str(e))
    return nvme0


def test_buffer(cmb):
    buf = d.Buffer(8192, "in the controller", pvalue=0x12345678, ptype=32, nvme=cmb)
    assert (len(buf), buf.name, buf[0], buf.data(3, 0)) == (8192, "in the controller", 0x78, 0x12345678)
    base = cmb[CMBMSC] & ~0xFFF | cmb[CMBMSC + 4] << 32
    size = (cmb[CMBSZ] >> 12) * (4096 << 4 * (cmb[CMBSZ] >> 8 & 15))
    assert base <= buf.phys_addr < base + size and buf.phys_addr % 4096 == 0
    other = d.Buffer(4096, nvme=cmb)
    assert other.phys_addr >= buf.phys_addr + 8192 or other.phys_addr + 4096 <= buf.phys_addr
    buf[8190:] = b"ab"
    assert buf[8188:8192] == b"\x78\x56ab"
    with pytest.raises(BufferError):
        memoryview(buf)


def test_data(cmb, nvme0n1, qpair):
    if cmb[CMBSZ] & 0x18 != 0x18:
        pytest.skip("the buffer takes no data: CMBSZ.RDS, WDS")
    count = 16384 // nvme0n1.sector_size
    src = d.Buffer(16384, pvalue=100, ptype=0xBEEF, nvme=cmb)
    back, host = d.Buffer(16384, nvme=cmb), d.Buffer(16384)
    nvme0n1.write(qpair, src, 0, count).waitdone()
    nvme0n1.read(qpair, host, 0, count).waitdone()
    nvme0n1.read(qpair, back, 0, count).waitdone()
    assert back[:] == host[:] == src[:]
    back.sgl = True
    back[:] = bytes(16384)
    nvme0n1.read(qpair, back, 0, count).waitdone()
    assert back[:] == host[:]
    back.sgl = False
    cmb.identify(back).waitdone()
    assert back[4:24] == bytes(cmb.id_data(23, 4, str).ljust(20), "ascii")[:20]


def test_queues(cmb, nvme0n1, buf):
    if not cmb[CMBSZ] & 1:
        pytest.skip("no submission queues in the buffer: CMBSZ.SQS")
    sq_buf = d.Buffer(64 * 64, nvme=cmb)
    cq_buf = d.Buffer(64 * 16, nvme=cmb) if cmb[CMBSZ] & 2 else None
    q = d.Qpair(cmb, 64, sq_buf=sq_buf, cq_buf=cq_buf)
    for i in range(300):
        nvme0n1.read(q, buf, i % 100).waitdone()
    assert sq_buf[0] == 2  # the opcode of a read, in the ring
    cmb.reset()  # the queue is created again, in the same place
    for i in range(100):
        nvme0n1.read(q, buf, i).waitdone()
    q.delete()


def test_metamode(cmb, nvme0n1):
    if cmb[CMBSZ] & 7 != 7:
        pytest.skip("no queues and lists in the buffer")
    cq = IOCQ(cmb, 30, 16, d.Buffer(4096, nvme=cmb))
    sq = IOSQ(cmb, 30, 16, d.Buffer(4096, nvme=cmb), cq=cq)
    pages = [d.Buffer(4096, nvme=cmb), PRP(), d.Buffer(4096, nvme=cmb)]
    prp_list = d.Buffer(4096, nvme=cmb)
    for i, page in enumerate(pages[1:]):
        prp_list[8 * i : 8 * i + 8] = page.phys_addr.to_bytes(8, "little")
    sq.read(cid=1, nsid=1, lba=0, lba_count=3 * 4096 // nvme0n1.sector_size, prp1=pages[0], prp2=prp_list)
    sq.tail = sq.wpointer
    cq.waitdone()
    cq.head = cq.rpointer
    assert cq[0].status == 0
    sq.delete()
    cq.delete()


def test_room(cmb):
    """All of it, and not more; what a buffer had is there again when the buffer goes."""
    size = (cmb[CMBSZ] >> 12) * (4096 << 4 * (cmb[CMBSZ] >> 8 & 15))
    gc.collect()
    everything = d.Buffer(size, nvme=cmb)
    with pytest.raises(MemoryError, match="no room"):
        d.Buffer(4096, nvme=cmb)
    del everything
    parts = [d.Buffer(size // 4, nvme=cmb) for _ in range(4)]
    del parts[1]
    d.Buffer(size // 4, nvme=cmb)


def test_after_resets(cmb, pcie, nvme0n1, qpair):
    """A reset of the function forgets where the buffer is; the driver tells it again."""
    buf = d.Buffer(4096, nvme=cmb)
    for reset in (None, pcie.flr, pcie.reset, d.Subsystem(cmb).reset):
        if reset:
            reset()
        cmb.reset()
        nvme0n1.read(qpair, buf, 0).waitdone()


def test_gone_with_its_controller(pciaddr):
    pcie = d.Pcie(pciaddr)
    nvme0 = d.Controller(pcie)
    try:
        buf = d.Buffer(4096, nvme=nvme0)
    except MemoryError as e:
        pcie.close()
        pytest.skip(str(e))
    pcie.close()
    assert len(buf) == 0 and buf[:] == b""
    with pytest.raises(IndexError):
        buf[0]
    with pytest.raises(SystemError):
        d.Buffer(4096, nvme=nvme0)


def test_wrong_type():
    with pytest.raises(TypeError):
        d.Buffer(4096, nvme=3)


def test_size_is_an_option():
    with SoftwareSSD(size="64M", args=["--cmb", "0"]) as ssd:
        pcie = d.Pcie(ssd.addrs[0])
        nvme0 = d.Controller(pcie)
        assert not nvme0.cap & CAP_CMBS and nvme0[CMBSZ] == nvme0[CMBLOC] == 0
        with pytest.raises(MemoryError, match="CAP.CMBS"):
            d.Buffer(4096, nvme=nvme0)
        pcie.close()
    pcie = d.Pcie("ssd:?size=64M&cmb=12M")
    nvme0 = d.Controller(pcie)
    assert len(d.Buffer(12 << 20, nvme=nvme0)) == 12 << 20
    pcie.close()
