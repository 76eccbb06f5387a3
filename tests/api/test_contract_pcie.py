# SPDX-License-Identifier: BSD-3-Clause
"""Pcie: configuration space and BAR0 in every width, capabilities, power, link, and the resets of a function."""
import pytest

import nvme as d

_CAP, _VS, _CC, _CSTS, _AQA = 0x00, 0x08, 0x14, 0x1C, 0x24
_ILINE = 0x3C  # Interrupt Line: software's own byte; NVMe over PCIe Transport, "PCI Header"
_PM, _MSIX, _EXPRESS, _AER = 0x01, 0x11, 0x10, 0x0001


def works(nvme0, ns, qpair):
    ns.read(qpair, d.Buffer(4096), 0).waitdone()
    return nvme0.getfeatures(7).waitdone() > 0


def test_configuration_space_in_every_width(pcie):
    assert bytes(pcie[0x100:0x104]) == pcie.cfg_dword_read(0x100).to_bytes(4, "little")  # extended space
    whole = pcie[0:64]
    assert len(whole) == 64 and all(isinstance(b, int) for b in whole)
    for off in (0, 4, 0x2C):
        assert pcie[off] == pcie.cfg_byte_read(off) == whole[off]
        assert pcie.cfg_word_read(off) == int.from_bytes(bytes(whole[off : off + 2]), "little")
        assert pcie.cfg_dword_read(off) == pcie.register(off) == pcie.register(off, byte_count=4)
        assert pcie.register(off, 8) == pcie.cfg_dword_read(off) | pcie.cfg_dword_read(off + 4) << 32
    with pytest.raises(AssertionError):
        pcie.register(0, 9)


def test_configuration_space_is_written(pcie):
    before = pcie[_ILINE]
    try:
        pcie[_ILINE] = before ^ 0x5A
        assert pcie[_ILINE] == before ^ 0x5A
        pcie.cfg_byte_write(_ILINE, 0x11)
        assert pcie.cfg_byte_read(_ILINE) == 0x11
        pcie.cfg_word_write(_ILINE, pcie.cfg_word_read(_ILINE) & 0xFF00 | 0x22)
        assert pcie[_ILINE] == 0x22
        pcie.cfg_dword_write(_ILINE, pcie.cfg_dword_read(_ILINE) & ~0xFF | 0x33)
        assert pcie[_ILINE] == 0x33
        vendor = pcie.cfg_dword_read(0)
        pcie.cfg_dword_write(0, ~vendor & 0xFFFFFFFF)
        assert pcie.cfg_dword_read(0) == vendor  # read only
    finally:
        pcie[_ILINE] = before


@pytest.mark.parametrize("value", [-1, 256, 1 << 40])
def test_values_that_do_not_fit(pcie, value):
    with pytest.raises((OverflowError, AssertionError)):
        pcie[_ILINE] = value


def test_bar_in_every_width(nvme0, pcie):
    cap = nvme0.cap
    assert pcie.mem_qword_read(_CAP) == cap
    assert pcie.mem_dword_read(_CAP) | pcie.mem_dword_read(_CAP + 4) << 32 == cap
    assert pcie.mem_dword_read(_VS) == nvme0[_VS]
    pcie.mem_dword_write(_CC, nvme0[_CC] & ~1)
    nvme0.wait_csts(rdy=False)
    pcie.mem_dword_write(_AQA, 0x001F001F)
    assert pcie.mem_dword_read(_AQA) == 0x001F001F
    pcie.mem_qword_write(0x28, 0x12345000)
    assert pcie.mem_qword_read(0x28) == 0x12345000
    nvme0.reset()
    assert nvme0.getfeatures(7).waitdone() > 0


def test_narrow_accesses(nvme0, pcie):
    """Accesses smaller than a register are the host's to avoid; a device may do with them what it likes, but lives on.

    NVMe over PCIe Transport, "Controller Properties": 32-bit aligned accesses.
    """
    pcie.mem_byte_read(_VS)
    pcie.mem_word_read(_VS)
    pcie.mem_byte_write(0x0C, 0)  # INTMS: zeros change nothing
    pcie.mem_word_write(0x0C, 0)
    assert nvme0.getfeatures(7).waitdone() > 0


def test_capabilities(pcie):
    for cap in (_PM, _MSIX, _EXPRESS):
        assert pcie[pcie.cap_offset(cap)] == cap
    assert pcie.cap_offset(0xEE) is None
    aer = pcie.cap_offset(_AER, extend=True)
    if aer is not None:
        assert aer >= 0x100 and pcie.cfg_word_read(aer) == _AER
    assert pcie.cap_offset(0xEEEE, True) is None


@pytest.mark.parametrize("control", [1, 2, 3, 0])
def test_aspm(pcie, nvme0, nvme0n1, qpair, control):
    pcie.aspm = control
    assert pcie.aspm == control
    assert works(nvme0, nvme0n1, qpair)
    with pytest.raises(AssertionError):
        pcie.aspm = 4
    pcie.aspm = 0


def test_speed(pcie, nvme0, nvme0n1, qpair):
    fastest = pcie.speed
    for generation in range(1, fastest + 1):
        pcie.speed = generation
        assert pcie.speed == generation
        assert works(nvme0, nvme0n1, qpair)
    with pytest.raises(AssertionError):
        pcie.speed = 16


def test_power_state(pcie, nvme0, nvme0n1, qpair):
    """In D3hot memory space does not answer; back in D0 the function is usable after a reset.

    PCI Express Base Specification, "D3 State".
    """
    assert pcie.power_state == 0
    pcie.power_state = 3
    assert pcie.power_state == 3
    with pytest.raises(SystemError):
        nvme0[_CSTS]
    pcie.power_state = 0
    assert pcie.power_state == 0
    nvme0.reset()
    assert works(nvme0, nvme0n1, qpair)
    with pytest.raises(AssertionError):
        pcie.power_state = 4


def test_bus_master(pcie, nvme0, nvme0n1, qpair, caught):
    """Without it the function does not reach memory, so that commands are not answered."""
    assert pcie.bme is True
    pcie.bme = False
    assert pcie.bme is False
    nvme0.timeout = 100
    try:
        nvme0n1.read(qpair, d.Buffer(512), 0).waitdone()
    finally:
        nvme0.timeout = 10_000
    assert any(text.startswith("drive timeout: qpair: ") for text in caught), caught
    assert "ERROR status: 07/ff" in list(caught)
    pcie.bme = True
    nvme0.reset()
    assert works(nvme0, nvme0n1, qpair)


@pytest.mark.parametrize("kind", ["flr", "reset", "link_disable_enable"])
def test_resets_put_registers_to_their_defaults(pcie, nvme0, nvme0n1, qpair, kind):
    """AQA survives a controller reset, and none of these.  NVMe Base Specification, "Controller Level Reset"."""
    assert nvme0[_AQA] and nvme0[_CC] & 1
    getattr(pcie, kind)()
    found = nvme0[_AQA], nvme0[_CC] & 1, nvme0[_CSTS] & 1
    nvme0.reset()
    assert works(nvme0, nvme0n1, qpair)
    assert found == (0, 0, 0)


def test_reset_by_the_users_hand(pcie, nvme0, nvme0n1, qpair):
    """pynvme 2's reset(rst_fn), and PyNVMe3's pcie_rescan_func, which runs after each."""
    calls = []
    pcie.reset(lambda: calls.append("PERST#"))
    assert calls == ["PERST#"]
    pcie.pcie_rescan_func = lambda: calls.append("rescan")
    pcie.reset()
    pcie.link_disable_enable()
    pcie.rescan()
    assert calls == ["PERST#", "rescan", "rescan", "rescan"]
    pcie.pcie_rescan_func = None
    nvme0.reset()
    assert works(nvme0, nvme0n1, qpair)


def test_rescan(pcie, nvme0, nvme0n1, qpair):
    pcie.rescan()
    nvme0.reset()
    assert works(nvme0, nvme0n1, qpair)
    assert pcie.flr(c=0) is None
    nvme0.reset()
    assert works(nvme0, nvme0n1, qpair)


def test_arguments(pciaddr, tmp_path):
    pcie = d.Pcie(pciaddr, vf=0, port=0, logdir=str(tmp_path), msi_only=False, core_id=0, slot_id=0)
    assert pcie.addr and pcie.logdir == str(tmp_path)
    pcie.close()
    pcie.close()  # harmless
    with pytest.raises(d.NvmeEnumerateError):
        d.Pcie("00:00.9")
    with pytest.raises(d.NvmeEnumerateError):
        d.Pcie("00:1f.0x")
