# SPDX-License-Identifier: BSD-3-Clause
"""Boot partitions, directives, security, management interface, error recovery: what a drive that announces them does."""
import struct

import pytest

import nvme as d

OACS, BPCAP = (257, 256), (102, 102)  # Identify Controller
SECURITY, DIRECTIVES, MI = 0x01, 0x20, 0x40
BP_WPS, UNLOCKED, LOCKED = 0x85, 1, 2


def announced(nvme0, bit, what):
    if not nvme0.id_data(*OACS) & bit:
        pytest.skip(f"the drive announces no {what} (OACS)")


def statuses(caught):
    return [text for text in caught if text.startswith("ERROR status")]


# --- boot partitions ---


@pytest.fixture
def boot(nvme0):
    """Size of a boot partition; both are write protected again afterwards."""
    if not nvme0.cap >> 45 & 1:
        pytest.skip("the drive announces no boot partitions (CAP.BPS)")
    if not nvme0.id_data(*BPCAP) & 4:
        pytest.skip("write protection of boot partitions is not by Set Features (BPCAP)")
    yield (nvme0[0x40] & 0x7FFF) * 128 * 1024
    nvme0.setfeatures(BP_WPS, cdw11=LOCKED | LOCKED << 3).waitdone()


def boot_log(nvme0, bpid, size):
    data = b""
    buf = d.Buffer(64 * 1024)
    while len(data) < size + 16:
        n = min(buf.size, size + 16 - len(data))
        nvme0.getlogpage(0x15 | bpid << 8, buf, n, offset=len(data)).waitdone()
        data += buf[:n]
    assert data[0] == 0x15
    return data[16:]


def boot_write(nvme0, bpid, image):
    piece = d.Buffer(4096)
    for off in range(0, len(image), 4096):
        piece[:] = image[off : off + 4096]
        nvme0.fw_download(piece, off, 4096).waitdone()
    nvme0.fw_commit(0, 6, bpid).waitdone()


def test_boot_partition(nvme0, boot, caught):
    before = boot_log(nvme0, 1, boot)
    image = bytes((i * 7 + i // 255) & 0xFF for i in range(8192)) + bytes(boot - 8192)
    boot_write(nvme0, 1, image)
    assert statuses(caught) == ["ERROR status: 01/1e"]
    assert boot_log(nvme0, 1, boot) == before
    nvme0.setfeatures(BP_WPS, cdw11=UNLOCKED << 3).waitdone()
    assert nvme0.getfeatures(BP_WPS).waitdone() >> 3 & 7 == UNLOCKED
    boot_write(nvme0, 1, image)
    assert boot_log(nvme0, 1, boot) == image
    boot_write(nvme0, 1, before)
    assert boot_log(nvme0, 1, boot) == before
    assert statuses(caught) == ["ERROR status: 01/1e"]


@pytest.mark.parametrize("enabled", (True, False))
def test_boot_partition_by_property(nvme0, boot, enabled):
    """BPMBL, BPRSEL, BPINFO; no queue is needed.  NVMe Base, "Reading from a Boot Partition"."""
    buf = d.Buffer(8192, pvalue=0xEE, ptype=32)
    expected = boot_log(nvme0, 0, boot)[4096 : 4096 + 8192]
    if not enabled:
        nvme0[0x14] = nvme0[0x14] & ~1
        nvme0.wait_csts(rdy=False)
    nvme0[0x48] = buf.phys_addr & 0xFFFFFFFF
    nvme0[0x4C] = buf.phys_addr >> 32
    nvme0[0x44] = 2 | 1 << 10  # 8 KiB, from 4 KiB on
    for _ in range(100000):
        if nvme0[0x40] >> 24 & 3 != 1:
            break
    assert nvme0[0x40] >> 24 & 3 == 2
    assert buf[:] == expected
    if not enabled:
        nvme0.reset()


# --- directives ---


@pytest.fixture
def streams(nvme0, nvme0n1):
    announced(nvme0, DIRECTIVES, "directives")
    buf = d.Buffer(4096)
    nvme0.directive_receive(buf, 1, 0, nsid=1).waitdone()
    if not buf[0] & 2:
        pytest.skip("the drive has directives, and not Streams")
    nvme0.directive_send(None, 1, 0, nsid=1, cdw12=1 << 8 | 1).waitdone()
    nvme0.directive_receive(buf, 1, 0, nsid=1).waitdone()
    assert buf[32] == 3
    yield buf
    nvme0.directive_send(None, 1, 0, nsid=1, cdw12=1 << 8).waitdone()


def stream_params(nvme0, buf):
    nvme0.directive_receive(buf, 1, 1, nsid=1, length=32).waitdone()
    return struct.unpack("<HHHB9xIHHH6x", buf[:32])


def test_streams(nvme0, nvme0n1, qpair, streams):
    msl, nssa, nsso, _, sws, sgs, nsa, nso = stream_params(nvme0, streams)
    assert msl and nssa <= msl and sws and sgs and nsa == nso == 0
    data = d.Buffer(4096)
    for sid in (9, 3, 9):
        nvme0n1.write(qpair, data, 0, 1, io_flags=1 << 4, cdw13=sid << 16).waitdone()
    assert stream_params(nvme0, streams)[7] == 2
    nvme0.directive_receive(streams, 2, 1, nsid=1).waitdone()
    assert struct.unpack("<3H", streams[:6]) == (2, 3, 9)
    nvme0.directive_send(None, 1, 1, dspec=3, nsid=1).waitdone()
    assert stream_params(nvme0, streams)[7] == 1
    nvme0.directive_send(None, 1, 1, dspec=9, nsid=1).waitdone()
    assert nvme0.directive_receive(None, 3, 1, nsid=1, cdw12=1).waitdone() == 1
    assert stream_params(nvme0, streams)[6] == 1
    nvme0.directive_send(None, 2, 1, nsid=1).waitdone()
    assert stream_params(nvme0, streams)[6] == 0


def test_streams_refused(nvme0, nvme0n1, qpair, streams, caught):
    nvme0n1.write(qpair, d.Buffer(4096), 0, 1, io_flags=2 << 4).waitdone()  # a directive that is not enabled
    nvme0.directive_send(None, 1, 0, nsid=1, cdw12=1 << 8).waitdone()
    nvme0.directive_receive(streams, 1, 1, nsid=1).waitdone()
    assert statuses(caught) == ["ERROR status: 00/02"] * 2
    nvme0n1.write(qpair, d.Buffer(4096), 0, 1, io_flags=1 << 4, cdw13=1 << 16).waitdone()  # ignored
    assert statuses(caught) == ["ERROR status: 00/02"] * 2


# --- security ---


def test_security_protocols(nvme0, caught):
    announced(nvme0, SECURITY, "security commands")
    buf = d.Buffer(512)
    nvme0.security_receive(buf, 0, secp=0).waitdone()
    count = int.from_bytes(buf[6:8], "big")
    protocols = list(buf[8 : 8 + count])
    assert 0 in protocols and protocols == sorted(set(protocols))
    absent = next(p for p in range(0x70, 0x100) if p not in protocols)
    nvme0.security_receive(buf, 0, secp=absent).waitdone()
    assert statuses(caught) == ["ERROR status: 00/02"]


def test_tcg_level_0(nvme0):
    announced(nvme0, SECURITY, "security commands")
    if not nvme0.tcg_feature_list:
        pytest.skip("the drive has no TCG Level 0 Discovery")
    assert 1 in nvme0.tcg_feature_list  # the TPer feature
    for code, descriptor in nvme0.tcg_feature_data.items():
        assert int.from_bytes(descriptor[:2], "big") == code and len(descriptor) == 4 + descriptor[3]


# --- management interface ---


def test_mi(nvme0):
    announced(nvme0, MI, "NVMe-MI Send and Receive")
    buf = d.Buffer(4096)
    cdw0 = nvme0.mi_receive(0, 0, 0, buf).waitdone()
    assert (
        cdw0 & 0xFF == 0 and cdw0 >> 8 == 32 and buf[1] >= 1
    )  # subsystem information: 32 bytes, NVMe-MI 1.x or later
    assert nvme0.mi_receive(1, 0, 0, buf).waitdone() == 0
    kelvin = (buf[2] if buf[2] < 0x80 else buf[2] - 256) + 273
    smart = d.Buffer(512)
    nvme0.getlogpage(2, smart, 512).waitdone()
    assert abs(kelvin - smart.data(2, 1)) <= 5 and buf[0] & 0x20  # the drive is functional
    cdw0 = nvme0.mi_receive(2, 1 << 31 | 1 << 24, 0, buf).waitdone()
    assert cdw0 & 0xFF == 0 and cdw0 >> 24 == 1 and buf[2] & 1  # a controller, and it is ready
    assert nvme0.mi_receive(0x40, 0, 0, buf).waitdone() & 0xFF == 3  # Invalid Command Opcode
    assert nvme0.mi_receive(0, 0xFF << 24, 0, buf).waitdone() & 0xFF == 4  # Invalid Parameter
    assert nvme0.mi_send(3, 2, 0xFFFF, None).waitdone() == 0
    assert (
        nvme0.mi_receive(1, 0, 0, buf).waitdone() == 0 and buf[4] == buf[5] == 0
    )  # what changed was cleared


def test_mi_vital_product_data(nvme0):
    announced(nvme0, MI, "NVMe-MI Send and Receive")
    buf = d.Buffer(4096)
    assert nvme0.mi_receive(5, 0, 8, buf).waitdone() == 0
    header = buf[:8]
    assert header[0] == 1 and sum(header) & 0xFF == 0  # IPMI FRU, version 1


# --- error recovery ---


def test_deallocated_blocks(nvme0, nvme0n1, qpair, caught):
    """DULBE: a read of blocks that are deallocated fails.  NVM Command Set, "Deallocated or Unwritten Logical Blocks"."""
    if not nvme0n1.id_data(24) & 4:
        pytest.skip("the namespace announces no error for deallocated blocks (NSFEAT)")
    buf, ranges = d.Buffer(4096), d.Buffer(4096)
    nvme0n1.write(qpair, buf, 8, 1).waitdone()
    ranges.set_dsm_range(0, 8, 8)
    nvme0n1.dsm(qpair, ranges, 1).waitdone()
    nvme0n1.read(qpair, buf, 8, 1).waitdone()
    nvme0.setfeatures(5, nsid=1, cdw11=1 << 16).waitdone()
    assert nvme0.getfeatures(5, nsid=1).waitdone() == 1 << 16
    assert not statuses(caught)
    nvme0n1.read(qpair, buf, 8, 1).waitdone()
    nvme0n1.verify(qpair, 8, 1).waitdone()
    assert statuses(caught) == ["ERROR status: 02/87"] * 2
    nvme0n1.write(qpair, buf, 8, 1).waitdone()
    nvme0n1.read(qpair, buf, 8, 1).waitdone()
    nvme0.setfeatures(5, nsid=1, cdw11=0).waitdone()
    assert statuses(caught) == ["ERROR status: 02/87"] * 2


def test_retry_and_unit_access(nvme0n1, qpair, caught):
    """Limited Retry and Force Unit Access are accepted wherever there is a place for them."""
    buf = d.Buffer(4096)
    for flags in (1 << 15, 1 << 14, 3 << 14):
        nvme0n1.write(qpair, buf, 0, 1, io_flags=flags).waitdone()
        nvme0n1.read(qpair, buf, 0, 1, io_flags=flags).waitdone()
        nvme0n1.compare(qpair, buf, 0, 1, io_flags=flags).waitdone()
        nvme0n1.verify(qpair, 0, 1, io_flags=flags).waitdone()
    assert not statuses(caught)
