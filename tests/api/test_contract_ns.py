# SPDX-License-Identifier: BSD-3-Clause
"""Namespace: which dwords each command sends, whatever this drive thinks of it; what the namespace says of itself; format."""
import pytest

import nvme as d
from nvproof.softssd import SoftwareSSD

LBA = 0x1_2345_6789


@pytest.fixture
def sent(nvme0n1, qpair, caught):
    """Send, and get the SQE that the device saw."""

    def send(method, *args, **kwargs):
        seen = []
        result = getattr(nvme0n1, method)(
            qpair, *args, cb=lambda cpl: seen.append(qpair.get_cmd(cpl)), **kwargs
        )
        assert result is qpair
        qpair.waitdone()
        assert len(seen) == 1 and seen[0].nsid in (nvme0n1.nsid, kwargs.get("nsid"))
        return seen[0]

    return send


@pytest.mark.parametrize("name, opc", [("read", 0x02), ("write", 0x01), ("compare", 0x05)])
def test_commands_with_data(sent, name, opc):
    page = d.Buffer(4096)
    sqe = sent(name, page, LBA, 8, io_flags=0x4000, cdw13=13, cdw14=14, cdw15=15, cdw02=2, cdw03=3)
    assert sqe.opc == opc and sqe.prp1 == page.phys_addr and sqe.prp2 == 0
    assert sqe[2:4] == [2, 3] and sqe[10:] == [0x23456789, 1, 0x40000007, 13, 14, 15]
    assert sqe.slba == LBA and sqe.nlb == 8
    sqe = sent(name, page, LBA, dword13=13, dword14=14, dword15=15)  # pynvme 2; one LBA by default
    assert sqe[12:] == [0, 13, 14, 15]


@pytest.mark.parametrize(
    "name, opc", [("write_zeroes", 0x08), ("verify", 0x0C), ("write_uncorrectable", 0x04)]
)
def test_commands_without_data(sent, name, opc):
    sqe = sent(name, LBA, 9, io_flags=0x0200, cdw13=13, cdw14=14, cdw15=15)
    assert sqe.opc == opc and sqe.prp1 == sqe.prp2 == 0
    assert sqe[10:] == [0x23456789, 1, 0x02000008, 13, 14, 15]
    assert sent(name, LBA, dword13=1)[12:14] == [0, 1]


def test_flush(sent):
    assert sent("flush")[10:] == [0] * 6


def test_dsm(sent):
    page = d.Buffer(4096)
    sqe = sent("dsm", page, 3)
    assert sqe.opc == 0x09 and sqe[10:12] == [2, 4] and sqe.prp1 == page.phys_addr
    assert sent("dsm", page, 256, attribute=3)[10:12] == [255, 3]


def test_copy(sent):
    page = d.Buffer(4096)
    sqe = sent("copy", page, 2, LBA, io_flags=0x4000, prinfor=5, format=1, cdw13=13, cdw14=14, cdw15=15)
    assert sqe.opc == 0x19 and sqe.slba == LBA
    # NVM Command Set Specification, "Copy command", CDW12: NR 7:0, DESFMT 11:8, PRINFOR 15:12, the rest as of Write
    assert sqe[12:] == [1 | 1 << 8 | 5 << 12 | 0x4000 << 16, 13, 14, 15]


def test_reservations(sent):
    page = d.Buffer(4096)
    sqe = sent("reservation_register", page, cptpl=3, iekey=1, rrega=2, crkey=0xA, nrkey=0xB)
    assert sqe.opc == 0x0D and sqe[10] == 3 << 30 | 1 << 3 | 2
    assert page.data(7, 0) == 0xA and page.data(15, 8) == 0xB
    sqe = sent("reservation_acquire", page, rtype=3, iekey=0, racqa=1, crkey=0xC, prkey=0xD)
    assert sqe.opc == 0x11 and sqe[10] == 3 << 8 | 1
    assert page.data(7, 0) == 0xC and page.data(15, 8) == 0xD
    sqe = sent("reservation_release", page, rtype=3, iekey=1, rrela=1, crkey=0xE)
    assert sqe.opc == 0x15 and sqe[10] == 3 << 8 | 1 << 3 | 1 and page.data(7, 0) == 0xE
    sqe = sent("reservation_report", page, numd=16, eds=1)
    assert sqe.opc == 0x0E and sqe[10:12] == [15, 1]
    assert sent("reservation_report", page)[10] == 1023


def test_zone_management(sent):
    page = d.Buffer(4096)
    sqe = sent("zns_mgmt_send", None, LBA, 4, select_all=True)
    assert sqe.opc == 0x79 and sqe[10:14] == [0x23456789, 1, 0, 0x104]
    sqe = sent("zns_mgmt_receive", page, LBA, 64, extended=True, state=2, partial=True)
    assert sqe.opc == 0x7A and sqe[10:14] == [0x23456789, 1, 63, 1 << 16 | 2 << 8 | 1]
    assert sent("zns_mgmt_receive", page, 0)[12] == 1023


def test_send_cmd(nvme0, nvme0n1, qpair, caught):
    """Anything, even opcodes that nobody defined."""
    seen = []
    values = dict(cdw10=10, cdw11=11, cdw12=12, cdw13=13, cdw14=14, cdw15=15, cdw02=2, cdw03=3)
    nvme0n1.send_cmd(0xFE, qpair, nsid=7, cb=lambda cpl: seen.append(qpair.get_cmd(cpl)), **values)
    nvme0n1.send_cmd(0xFE, qpair, cb=lambda cpl: seen.append(qpair.get_cmd(cpl)))
    qpair.waitdone(2)
    assert seen[0].nsid == 7 and seen[0][2:4] == [2, 3] and seen[0][10:] == [10, 11, 12, 13, 14, 15]
    assert seen[1].nsid == nvme0n1.nsid
    assert len(list(caught)) == 2


@pytest.mark.parametrize(
    "method, args",
    [
        ("read", (-1,)),
        ("read", (1 << 64,)),
        ("read", (0, 0)),
        ("read", (0, 0x10001)),
        ("read", (0, 1, 1 << 16)),
        ("read", (0, 1, 0, 1 << 32)),
    ],
)
def test_values_that_do_not_fit(nvme0n1, qpair, method, args):
    """An error, and nothing was sent."""
    with pytest.raises((AssertionError, OverflowError, ValueError)):
        getattr(nvme0n1, method)(qpair, d.Buffer(4096), *args)
    assert qpair.outstanding == 0


def test_properties(nvme0, nvme0n1):
    """Identify Namespace says the same.  NVM Command Set Specification, "Identify Namespace Data Structure"."""
    assert nvme0n1.nsid == 1
    assert nvme0n1.sector_size in (512, 4096) and nvme0n1.meta_size >= 0
    assert nvme0n1.capacity in (nvme0n1.id_data(63, 48), nvme0n1.id_data(15, 8))
    assert nvme0n1.nsze == nvme0n1.id_data(7, 0)
    lbaf = nvme0n1.id_data(26) & 0xF
    assert nvme0n1.sector_size == 1 << (nvme0n1.id_data(131 + 4 * lbaf, 128 + 4 * lbaf) >> 16 & 0xFF)
    assert nvme0n1.get_lba_format(nvme0n1.sector_size, nvme0n1.meta_size) is not None
    assert nvme0n1.get_lba_format(data_size=520) is None
    assert nvme0n1.supports(2) and nvme0n1.supports(1) and not nvme0n1.supports(0xFE)
    assert nvme0.supports(0x80) and not nvme0n1.supports(0x80)  # Format NVM is an admin command
    assert nvme0n1.cmdname(2) == "Read"
    assert nvme0n1.get_sector_size() == nvme0n1.sector_size
    assert nvme0n1.get_sector_size(extended=True) == nvme0n1.sector_size + nvme0n1.meta_size
    nvme0n1.set_timeout_ms(2, 4321)
    assert nvme0n1.get_timeout_ms(2) == 4321 and nvme0n1.get_timeout_ms(1) == nvme0.timeout
    nvme0n1.set_timeout_ms(2, 0)
    assert nvme0n1.get_timeout_ms(2) == nvme0.timeout


def test_fields_as_text(nvme0n1, nvme0):
    assert isinstance(nvme0.id_data(23, 4, str), str)
    assert nvme0n1.id_data(119, 104) >= 0


def test_close_and_again(nvme0, nvme0n1, qpair):
    nvme0n1.close()
    nvme0n1.close()
    with pytest.raises((ValueError, AssertionError, SystemError)):
        nvme0n1.read(qpair, d.Buffer(512), 0)
    again = d.Namespace(nvme0, nsid=1)
    again.read(qpair, d.Buffer(4096), 0).waitdone()
    again.close()


@pytest.fixture
def own():
    """A drive of the test's own: (controller, namespace, queue pair)."""
    with SoftwareSSD(size="64M") as ssd:
        pcie = d.Pcie(ssd.addrs[0])
        nvme0 = d.Controller(pcie)
        yield nvme0, d.Namespace(nvme0), d.Qpair(nvme0, 8)
        pcie.close()


def test_format_refreshes(own):
    """The driver knows the new format at once: sizes, capacity, transfers; the other handle is told too."""
    nvme0, ns, qpair = own
    size = ns.nsze * ns.sector_size
    for data_size, meta_size in ((4096, 0), (512, 8), (4096, 64), (512, 0)):
        if ns.get_lba_format(data_size, meta_size) is None:
            continue
        assert ns.format(data_size, meta_size) == 0
        assert (ns.sector_size, ns.meta_size) == (data_size, meta_size)
        assert abs(ns.nsze * data_size - size) < size // 8
        out, back = d.Buffer(data_size, pvalue=data_size, ptype=32), d.Buffer(data_size)
        meta = d.Buffer(64) if meta_size else None
        ns.write(qpair, out, 1, meta=meta).waitdone()
        ns.read(qpair, back, 1, meta=meta).waitdone()
        assert back[:] == out[:]
    with pytest.raises(AssertionError, match="no LBA format"):
        ns.format(520)
    ns.format()  # as it is


def test_format_waits_long_enough(own):
    """The timeout of Format is at least 100 s while it runs, and what it was afterwards."""
    nvme0, ns, _ = own
    seen, real = [], nvme0.set_opcode_timeout

    class Watch(type(nvme0)):
        def set_opcode_timeout(self, io, opcode, msec):
            seen.append((io, opcode, msec))
            return real(io, opcode, msec)

    nvme0.__class__ = Watch
    before = nvme0.get_timeout_ms(0x80)
    ns.format()
    assert seen[0] == (False, 0x80, 100_000)
    assert nvme0.get_timeout_ms(0x80) == before


def test_reservation_round_trip(own):
    """Register, acquire, report, release; a second release changes nothing."""
    nvme0, ns, qpair = own
    if not nvme0.id_data(521, 520) >> 5 & 1:
        pytest.skip("no reservations: ONCS")
    page = d.Buffer(4096)
    ns.reservation_register(qpair, page, rrega=0, nrkey=0x1234).waitdone()
    ns.reservation_acquire(qpair, page, rtype=1, racqa=0, crkey=0x1234).waitdone()
    ns.reservation_report(qpair, page, eds=1).waitdone()
    assert page.data(4) == 1 and page.data(6, 5) == 1  # RTYPE, one registrant
    ns.reservation_release(qpair, page, rtype=1, rrela=0, crkey=0x1234).waitdone()
    with pytest.warns(UserWarning, match="ERROR status: 00/83"):
        ns.reservation_register(qpair, page, rrega=1, crkey=0x9999).waitdone()
    ns.reservation_register(qpair, page, rrega=1, crkey=0x1234).waitdone()


def test_zone_commands_on_a_namespace_without_zones(own):
    """NVMe Base Specification, "Status Code": a command that the namespace's command set does not have."""
    nvme0, ns, qpair = own
    with pytest.warns(UserWarning, match="ERROR status: 00/01"):
        ns.zns_mgmt_send(qpair, None, 0, 4).waitdone()
    with pytest.warns(UserWarning, match="ERROR status: 00/01"):
        ns.zns_mgmt_receive(qpair, d.Buffer(4096), 0).waitdone()
