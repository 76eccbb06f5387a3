# SPDX-License-Identifier: BSD-3-Clause
"""Admin commands, registers, configuration space, resets and power."""
import time

import pytest

import nvme as d
from nvproof.softssd import SoftwareSSD


def test_identify(nvme0, nvme0n1):
    assert nvme0.id_data(63, 24, str)
    assert nvme0.id_data(1, 0) == nvme0.pcie.register(0, 2)  # VID
    buf = d.Buffer(4096)
    nvme0.identify(buf).waitdone()
    assert buf.data(63, 24, str) == nvme0.id_data(63, 24, str)
    assert nvme0n1.id_data(7, 0) == nvme0n1.nsze > 0
    assert nvme0n1.capacity == nvme0n1.nsze * nvme0n1.sector_size or nvme0n1.capacity > 0
    nvme0.identify(buf, nsid=0, cns=2).waitdone()
    assert buf.data(3, 0) == 1
    assert nvme0.id_data(3, 0, nsid=0, cns=2) == 1


def test_features(nvme0):
    queues = nvme0.getfeatures(7).waitdone()
    assert queues & 0xFFFF and queues >> 16
    old = nvme0.getfeatures(4).waitdone() & 0xFFFF
    nvme0.setfeatures(4, cdw11=old + 3).waitdone()
    assert nvme0.getfeatures(4).waitdone() & 0xFFFF == old + 3
    nvme0.setfeatures(4, cdw11=old).waitdone()
    assert nvme0.getfeatures(4).waitdone() & 0xFFFF == old


def test_smart(nvme0, nvme0n1, qpair, buf):
    log = d.Buffer(512)
    nvme0.getlogpage(0x02, log, 512).waitdone()
    assert 200 < log.data(2, 1) < 400
    before = log.data(79, 64)
    nvme0n1.read(qpair, buf, 0).waitdone()
    nvme0.getlogpage(0x02, log).waitdone()
    assert log.data(79, 64) >= before
    part = d.Buffer(64)
    nvme0.getlogpage(0x02, part, 4, offset=4).waitdone()
    assert part[:4] == log[4:8] and part[4:] == bytes(60)
    for args in ({"size": 3}, {"size": 0}, {"size": 4, "offset": 2}):
        with pytest.raises(AssertionError):
            nvme0.getlogpage(0x02, log, **args)


def test_error_log(nvme0, buf):
    with pytest.warns(UserWarning, match="ERROR status: 00/02"):
        nvme0.identify(buf, cns=0xFE).waitdone()
    log = d.Buffer(64)
    nvme0.getlogpage(0x01, log).waitdone()
    assert log.data(7, 0) > 0 and log.data(13, 12) >> 1 & 0x7FF == 0x002


def test_names_and_support(nvme0, nvme0n1):
    assert nvme0.cmdname(6) == "Identify" and nvme0n1.cmdname(2) == "Read"
    assert nvme0.supports(6) and nvme0n1.supports(2) and not nvme0.supports(0xBE)
    with pytest.raises(AssertionError):
        nvme0.supports(512)
    assert nvme0.get_lba_format(512) is not None or nvme0.get_lba_format(4096) is not None
    assert nvme0.get_lba_format(1 << 20) is None
    assert nvme0n1.get_lba_format(nvme0n1.sector_size, nvme0n1.meta_size) is not None


def test_registers(nvme0):
    assert nvme0[0] == nvme0.cap & 0xFFFFFFFF and nvme0[4] == nvme0.cap >> 32
    assert nvme0[0x1C] & 1 == 1 and nvme0[0x14] & 1 == 1
    assert nvme0[8] == nvme0.pcie.mem_dword_read(8) >= 0x10000
    assert nvme0.pcie.mem_qword_read(0) == nvme0.cap
    for bad in (2, 0x1D):
        with pytest.raises(AssertionError):
            nvme0[bad]
        with pytest.raises(AssertionError):
            nvme0[bad] = 0
    asq, asqs, acq, acqs = nvme0.get_adminq_setting()
    assert asq % 4096 == 0 == acq % 4096 and asqs >= 2 and acqs >= 2
    nvme0.wait_csts(rdy=True)


def test_properties(nvme0, pciaddr):
    assert nvme0.mdts >= 4096 and nvme0.timeout >= 1000 and nvme0.timeout_pynvme > nvme0.timeout / 1000
    old = nvme0.timeout
    nvme0.timeout = 2000
    assert nvme0.timeout == 2000
    nvme0.timeout = old
    with pytest.raises(AssertionError):
        nvme0.timeout = 0
    nvme0.set_timeout_ms(6, 1234)
    assert nvme0.get_timeout_ms(6) == 1234 and nvme0.get_timeout_ms(2) == old
    nvme0.id_data(3)
    nvme0.set_timeout_ms(6, 0)
    assert nvme0.get_timeout_ms(6) == old
    assert nvme0.addr == nvme0.pcie.addr


def test_config_space(pcie):
    assert pcie.register(0x08) >> 8 == 0x010802  # class code of an NVMe I/O controller
    assert pcie[0:4] == [pcie[i] for i in range(4)]
    assert pcie.cfg_word_read(0) | pcie.cfg_word_read(2) << 16 == pcie.cfg_dword_read(0)
    express = pcie.cap_offset(0x10)
    assert express and pcie[express] == 0x10
    assert pcie.cap_offset(0xEE) is None and pcie.cap_offset(0xEEEE, extend=True) is None
    assert pcie.power_state == 0 and pcie.bme in (True, False)
    with pytest.raises(IndexError):
        pcie.cfg_read(0, 0)
    with pytest.raises(AssertionError):
        pcie.register(0, 9)


def works(nvme0, qpair, ns):
    buf = d.Buffer(4096)
    nvme0.getfeatures(7).waitdone()
    ns.read(qpair, buf, 0).waitdone()


def test_controller_reset(nvme0, nvme0n1, qpair):
    for _ in range(3):
        nvme0.reset()
        works(nvme0, qpair, nvme0n1)


def test_reset_with_commands_outstanding(nvme0, nvme0n1, qpair, buf, caught):
    """They end with 00/08 (or were done already), once each, and the queue works on."""
    seen = []
    for lba in range(32):
        nvme0n1.read(qpair, buf, lba, cb=lambda cpl: seen.append(cpl.status))
    nvme0.reset()
    assert len(seen) == 32 and set(seen) <= {0, 0x008}
    assert caught == [] and qpair.outstanding == 0
    works(nvme0, qpair, nvme0n1)


@pytest.mark.parametrize("kind", ["flr", "reset", "link_disable_enable"])
def test_pcie_resets(nvme0, nvme0n1, qpair, kind):
    getattr(nvme0.pcie, kind)()
    nvme0.reset()
    works(nvme0, qpair, nvme0n1)


def test_subsystem_reset(nvme0, nvme0n1, qpair, subsystem):
    if not nvme0.cap >> 36 & 1:
        assert subsystem.reset() is False
        pytest.skip("no NVM subsystem reset: CAP.NSSRS")
    assert subsystem.reset() is True
    nvme0.reset()
    works(nvme0, qpair, nvme0n1)


def test_shutdown(nvme0, nvme0n1, qpair, subsystem):
    for abrupt in (False, True):
        subsystem.shutdown_notify(abrupt)
        assert nvme0[0x1C] >> 2 & 3 == 2
        nvme0.reset()
        works(nvme0, qpair, nvme0n1)


def test_power_cycle(nvme0, nvme0n1, qpair, subsystem, pciaddr):
    if not pciaddr.startswith("vfu:"):
        pytest.skip("nothing here switches this drive's power")
    out, back = d.Buffer(512, pvalue=55, ptype=32), d.Buffer(512)
    nvme0n1.write(qpair, out, 1).waitdone()
    nvme0n1.flush(qpair).waitdone()
    subsystem.poweroff()
    with pytest.raises(SystemError):
        nvme0[0x1C]
    subsystem.poweron()
    nvme0.reset()
    nvme0n1.read(qpair, back, 1).waitdone()
    assert back[:] == out[:]
    subsystem.power_cycle()
    nvme0.reset()
    works(nvme0, qpair, nvme0n1)


def test_power_callbacks(nvme0):
    calls = []
    s = d.Subsystem(nvme0, poweron_cb=lambda: calls.append("on"), poweroff_cb=lambda: calls.append("off"))
    s.power_cycle(sec=0)
    assert calls == ["off", "on"]


def test_no_init(pcie):
    nvme = d.Controller(pcie, True)
    assert nvme[8] >= 0x10000
    with pytest.raises(SystemError):
        nvme.getfeatures(7)
    nvme.reset()
    assert nvme.getfeatures(7).waitdone() > 0
    with pytest.raises(TypeError):
        d.Controller(pcie, 1)


def test_format():
    """On a drive of its own, since it is destructive."""
    with SoftwareSSD(size="64M") as ssd:
        pcie = d.Pcie(ssd.addrs[0])
        nvme0 = d.Controller(pcie)
        ns = d.Namespace(nvme0)
        qpair = d.Qpair(nvme0, 8)
        buf = d.Buffer(4096, pvalue=1)
        assert ns.verify_enable(True)
        ns.write(qpair, buf, 0, 8).waitdone()
        size = ns.nsze * ns.sector_size
        ns.format(4096)
        assert ns.sector_size == 4096 and ns.nsze * 4096 == size
        ns.verify_enable(True)
        ns.read(qpair, buf, 0, 1).waitdone()
        assert buf[:] == bytes(4096)
        ns.format(512)
        assert ns.sector_size == 512
        nvme0.format(ns.get_lba_format(512)).waitdone()
        with pytest.raises(AssertionError):
            ns.format(520)
        pcie.close()


def test_two_controllers():
    with SoftwareSSD(size="64M", ctrlrs=2) as ssd:
        parts = []
        for addr in ssd.addrs:
            nvme = d.Controller(d.Pcie(addr))
            parts.append((nvme, d.Namespace(nvme), d.Qpair(nvme, 8)))
        (nvme_a, ns_a, q_a), (nvme_b, ns_b, q_b) = parts
        assert nvme_a.id_data(79, 78) != nvme_b.id_data(79, 78)
        assert ns_a.verify_enable(True)
        out, back = d.Buffer(512), d.Buffer(512)
        for value in range(4):  # the verification table is one for both
            out.fill_pattern(value, 32)
            ns_a.write(q_a, out, 7).waitdone()
            ns_b.read(q_b, back, 7).waitdone()
            assert back[:] == out[:]
            ns_b.write(q_b, out, 8).waitdone()
            ns_a.read(q_a, back, 8).waitdone()
        for nvme, _, _ in parts:
            nvme.pcie.close()


def test_iostat(nvme0, nvme0n1, qpair, buf):
    nvme0.iostat()
    for _ in range(50):
        nvme0n1.read(qpair, buf, 0, 8)
    qpair.waitdone(50)
    time.sleep(0.01)
    rate, iops = nvme0.iostat()
    assert rate > 0 and iops > 0
    time.sleep(0.01)
    assert nvme0.iostat() == [0, 0]
