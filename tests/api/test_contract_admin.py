# SPDX-License-Identifier: BSD-3-Clause
"""Admin helpers: which dwords each sends, whatever this drive thinks of the command; and what they do when it supports them."""
import pytest

import nvme as d

OACS = (257, 256)  # Identify Controller


@pytest.fixture
def sent(nvme0, caught):
    """Send, and get the SQE that the device saw."""

    def send(method, *args, **kwargs):
        seen = []
        result = getattr(nvme0, method)(*args, cb=lambda cpl: seen.append(nvme0.get_cmd(cpl)), **kwargs)
        assert result is nvme0
        nvme0.waitdone()
        assert len(seen) == 1 and isinstance(seen[0], d.SQE)
        return seen[0]

    return send


@pytest.fixture
def page():
    return d.Buffer(4096)


def test_identify(sent, page):
    sqe = sent(
        "identify", page, nsid=1, cns=0, cntid=0x1234, csi=2, nvmsetid=0, cns_specific_id=0x5678, cdw14=3
    )
    assert sqe.opc == 0x06 and sqe.nsid == 1 and sqe.prp1 == page.phys_addr
    assert sqe[10:15] == [0x12340000, 2 << 24 | 0x5678, 0, 0, 3]
    assert sent("identify", page)[10] == 1  # the controller


def test_features(sent, page):
    sqe = sent("getfeatures", 0x0E, sel=3, buf=page, nsid=0, cdw11=1, cdw12=2, cdw13=3, cdw14=4, cdw15=5)
    assert sqe.opc == 0x0A and sqe[10:] == [0x30E, 1, 2, 3, 4, 5] and sqe.prp1 == page.phys_addr
    sqe = sent("setfeatures", 0x7F, sv=1, nsid=2, cdw11=1, cdw12=2, cdw13=3, cdw14=4, cdw15=5)
    assert sqe.opc == 0x09 and sqe.nsid == 2 and sqe[10:] == [0x8000007F, 1, 2, 3, 4, 5]


def test_getlogpage(sent, nvme0, page):
    sqe = sent("getlogpage", 0x8102, page, 512, offset=0x1_0000_0004, log_specific_id=0x55AA)
    assert sqe.opc == 0x02 and sqe.nsid == 0xFFFFFFFF
    assert sqe[10:14] == [0x8102 | 127 << 16, 0x55AA0000, 4, 1]
    assert sent("getlogpage", 2, page, nsid=0)[10] >> 16 == 1023  # all of the buffer
    big = d.Buffer(512 * 1024)
    sqe = sent("getlogpage", 2, big)
    assert sqe[10] >> 16 == 0xFFFF and sqe[11] == 1
    for size, offset in ((510, 0), (0, 0), (512, 2), (4100, 0)):
        with pytest.raises(AssertionError):
            nvme0.getlogpage(2, page, size, offset)


def test_abort(sent):
    sqe = sent("abort", 0x1234, 5)
    assert sqe.opc == 0x08 and sqe[10] == 0x12340005


def test_format_dwords(sent):
    sqe = sent("format", lbaf=0x35, ses=2, nsid=0x77, pil=1, pi=5, mset=1)
    assert sqe.opc == 0x80 and sqe.nsid == 0x77
    assert sqe[10] == 5 | 1 << 4 | 5 << 5 | 1 << 8 | 2 << 9 | 3 << 12


def test_sanitize_dwords(sent):
    """Sanitize Action 0 is reserved: refused everywhere, so no data is lost here."""
    sqe = sent("sanitize", option=0x100, pattern=0xA5A5A5A5)
    assert sqe.opc == 0x84 and sqe[10:12] == [0x100, 0xA5A5A5A5]


def test_dst(sent):
    sqe = sent("dst", stc=15, nsid=0)  # abort
    assert sqe.opc == 0x14 and sqe.nsid == 0 and sqe[10] == 15
    sent("dst", 15)


def test_firmware_dwords(sent, nvme0, page):
    sqe = sent("fw_download", page, 0x8000, 2048)
    assert sqe.opc == 0x11 and sqe[10:12] == [511, 0x2000] and sqe.prp1 == page.phys_addr
    assert sent("fw_download", page, 0)[10] == 1023
    sqe = sent("fw_commit", 7, 5, 1)  # action 5 is reserved
    assert sqe.opc == 0x10 and sqe[10] == 7 | 5 << 3 | 1 << 31
    with pytest.raises(AssertionError):
        nvme0.fw_download(page, 2)


def test_downfw(nvme0, tmp_path, caught):
    """The whole file in pieces, one commit, and a warning when the image is not one."""
    image = tmp_path / "fw.bin"
    image.write_bytes(bytes(range(250)) * 41)  # 10,250 bytes: not a multiple of anything
    start = len(nvme0.cmdlog())
    nvme0.downfw(str(image), slot=1, action=1)
    log = nvme0.cmdlog()[: len(nvme0.cmdlog()) - start]
    pieces = [line for line in reversed(log) if "(11h)" in line]
    assert pieces, log
    if not caught:
        assert sum(int(p.split("cdw10:")[1][:8], 16) + 1 for p in pieces) == 2563
        assert "(10h)" in log[0]
    else:
        assert all(text.startswith("ERROR status:") for text in caught)
    empty = tmp_path / "empty"
    empty.touch()
    with pytest.raises(AssertionError):
        nvme0.downfw(empty)
    with pytest.raises(FileNotFoundError):
        nvme0.downfw(tmp_path / "nothing")


@pytest.mark.parametrize("name, opc", [("directive_send", 0x19), ("directive_receive", 0x1A)])
def test_directives(sent, page, name, opc):
    sqe = sent(name, page, 0x11, 0x7E, dspec=0x3344, length=512, cdw12=12, cdw13=13, nsid=1, cdw02=2, cdw03=3)
    assert sqe.opc == opc and sqe.nsid == 1 and sqe[2:4] == [2, 3] and sqe.prp1 == page.phys_addr
    assert sqe[10:14] == [127, 0x33447E11, 12, 13]
    assert sent(name, page, 1, 0x7E)[10] == 1023 and sent(name, None, 1, 0x7E)[10] == 0


@pytest.mark.parametrize("name, opc", [("security_send", 0x81), ("security_receive", 0x82)])
def test_security(sent, page, name, opc):
    sqe = sent(name, page, 0x1234, secp=0xF1, nssf=0x9A, length=512, nsid=1)
    assert sqe.opc == opc and sqe.nsid == 1 and sqe[10:12] == [0xF112349A, 512] and sqe.prp1 == page.phys_addr
    assert sent(name, page, 0xFFFF)[10:12] == [0x01FFFF00, 4096]  # security protocol 1 by default


@pytest.mark.parametrize("name, opc", [("mi_send", 0x1D), ("mi_receive", 0x1E)])
def test_management_interface(sent, page, name, opc):
    sqe = sent(name, 0x01, dword0=0x11, dword1=0x22, buf=page, mtype=1, header=1 << 16, nsid=0)
    assert sqe.opc == opc and sqe[10:14] == [1 << 16 | 1 << 11 | 4, 0x01, 0x11, 0x22]
    assert sqe.prp1 == page.phys_addr and sent(name, 0)[10] == 0x804


def test_namespace_commands(sent, page):
    sqe = sent("ns_management", page, 2, 0x55)  # reserved SEL
    assert sqe.opc == 0x0D and sqe.nsid == 0x55 and sqe[10] == 2 and sqe.prp1 == page.phys_addr
    sqe = sent("ns_attachment", page, 3, 0x55)
    assert sqe.opc == 0x15 and sqe.nsid == 0x55 and sqe[10] == 3


def test_namespace_life():
    """Delete, create, attach, use, detach: on a drive of its own."""
    from nvproof.softssd import SoftwareSSD

    with SoftwareSSD(size="64M") as ssd:
        pcie = d.Pcie(ssd.addrs[0])
        nvme0 = d.Controller(pcie)
        if not nvme0.id_data(*OACS) & 8:
            with pytest.warns(UserWarning, match="ERROR status: 00/01"):
                assert nvme0.ns_create(d.Buffer(4096)) == 0
            pcie.close()
            pytest.skip("no Namespace Management: OACS")
        cntlid = nvme0.id_data(79, 78)
        nvme0.ns_delete(1)
        with pytest.raises(d.NamespaceCreationError):
            d.Namespace(nvme0, 1)
        spec = d.Buffer(4096)
        spec[0:8] = spec[8:16] = (8192).to_bytes(8, "little")
        nsid = nvme0.ns_create(spec)
        assert nsid >= 1
        nvme0.ns_attach(nsid, cntlid)
        ns, qpair = d.Namespace(nvme0, nsid), d.Qpair(nvme0, 8)
        assert ns.nsze == 8192
        ns.write(qpair, d.Buffer(512), 0).waitdone()
        with pytest.warns(UserWarning, match="ERROR status: 01/18"):
            nvme0.ns_attach(nsid)
        nvme0.ns_detach(nsid)
        with pytest.raises(d.NamespaceCreationError):
            d.Namespace(nvme0, nsid)
        nvme0.ns_delete(nsid)
        pcie.close()


def test_virt_mgmt(sent):
    sqe = sent("virt_mgmt", 0x1234, 9, resource=1, number=0x77)
    assert sqe.opc == 0x1C and sqe[10:12] == [0x12340109, 0x77]


def test_send_cmd(sent, page):
    """Anything, undefined opcodes too."""
    sqe = sent("send_cmd", 0xFF, page, 0x1234, 10, 11, 12, 13, 14, 15, cdw02=2, cdw03=3)
    assert (
        sqe.opc == 0xFF and sqe.nsid == 0x1234 and sqe[2:4] == [2, 3] and sqe[10:] == [10, 11, 12, 13, 14, 15]
    )
    assert sqe.prp1 == page.phys_addr


@pytest.mark.parametrize(
    "method, args",
    [
        ("identify", (0x100,)),
        ("getfeatures", (0x100,)),
        ("setfeatures", (1, 2)),
        ("abort", (0x10000,)),
        ("dst", (16,)),
        ("fw_commit", (8, 0)),
        ("fw_commit", (0, 8)),
        ("virt_mgmt", (0x10000, 0)),
    ],
)
def test_values_that_do_not_fit(nvme0, page, method, args):
    """Nothing is cut off silently."""
    args = (page, 0, *args) if method == "identify" else args
    with pytest.raises(AssertionError):
        getattr(nvme0, method)(*args)


def test_prp2_as_it_is(sent, nvme0):
    """Buffer(prp2=...): PRP1 and PRP2 of an admin command unchanged."""
    second = d.Buffer(4096, offset=64)
    first = d.Buffer(4096, offset=128, prp2=second)
    sqe = sent("identify", first)
    assert (sqe.prp1, sqe.prp2) == (first.phys_addr, second.phys_addr)


def test_callbacks_of_both_forms(nvme0):
    seen = []
    nvme0.getfeatures(7, cb=lambda cpl: seen.append(("cpl", cpl[0], len(cpl))))
    nvme0.getfeatures(7, cb=lambda cdw0, status: seen.append(("two", cdw0, status >> 1)))
    queues = nvme0.waitdone(2)
    assert sorted(seen) == [("cpl", queues, 4), ("two", queues, 0)]


def test_helpers_do_not_mix_with_callbacks(nvme0, caught):
    """A synchronous helper waits, so a callback cannot use it."""
    nvme0.getfeatures(7, cb=lambda cpl: nvme0.ns_delete(77)).waitdone()
    assert [text for text in caught if text.startswith("ASSERT: cannot re-entry waitdone()")]
