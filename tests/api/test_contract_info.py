# SPDX-License-Identifier: BSD-3-Clause
"""What a controller object tells: registers, properties, timeouts, logs, support; and monitors."""
import json
import os
import pathlib
import struct
import threading
import time

import pytest

import nvme as d
from nvproof import tcg


def test_registers(nvme0):
    assert nvme0[0x08] >= 0x10000  # VS
    nvme0[0x0C] = 0x5  # INTMS
    nvme0[0x10] = 0x5  # INTMC
    for offset in (1, 2, 0x16, "8", 4.0):
        with pytest.raises(AssertionError):
            nvme0[offset]
        with pytest.raises(AssertionError):
            nvme0[offset] = 0
    with pytest.raises(OverflowError):
        nvme0[0x0C] = 1 << 32
    with pytest.raises(SystemError):
        nvme0[1 << 30]


def test_all_ones(nvme0, pcie):
    """A device that is not there reads as all ones."""
    pcie.power_state = 3
    try:
        with pytest.raises(SystemError):
            nvme0[0x1C]
    finally:
        pcie.power_state = 0
    nvme0.reset()
    assert nvme0[0x1C] & 1


def test_properties(nvme0, pcie):
    assert nvme0.addr == pcie.addr
    assert nvme0.cap == nvme0[0] | nvme0[4] << 32
    mdts, unit = nvme0.id_data(77), 12 + (nvme0.cap >> 48 & 0xF)
    assert nvme0.mdts == (1 << mdts + unit if mdts else 2**64 - 1)
    assert nvme0.timeout == 10_000 and nvme0.timeout_pynvme == 30
    nvme0.timeout = 1500
    assert nvme0.timeout == 1500 and nvme0.timeout_pynvme == 21
    nvme0.timeout_pynvme = 5
    assert nvme0.timeout_pynvme == 5
    for bad in (0, -1):
        with pytest.raises((AssertionError, OverflowError)):
            nvme0.timeout = bad
        with pytest.raises((AssertionError, OverflowError)):
            nvme0.timeout_pynvme = bad


def test_large_transfer(nvme0, nvme0n1, qpair):
    """MDTS is what can be transferred; one LBA more is refused by the device."""
    if nvme0.mdts == 2**64 - 1:
        pytest.skip("no MDTS")
    lbas = nvme0.mdts // nvme0n1.sector_size
    buf = d.Buffer(nvme0.mdts + nvme0n1.sector_size, ptype=0xBEEF, pvalue=100)
    back = d.Buffer(nvme0.mdts)
    nvme0n1.write(qpair, buf, 0, lbas).waitdone()
    nvme0n1.read(qpair, back, 0, lbas).waitdone()
    assert back[:] == buf[: nvme0.mdts]
    with pytest.warns(UserWarning, match="ERROR status: 00/02"):
        nvme0n1.read(qpair, buf, 0, lbas + 1).waitdone()


def test_latest(nvme0, caught):
    nvme0.getfeatures(7).waitdone()
    cid = nvme0.latest_cid
    assert nvme0.latest_status == 0 and 0 <= nvme0.latest_latency < 5_000_000
    seen = []
    nvme0.getfeatures(0xFF, cb=lambda cpl: seen.append(cpl.cid))
    cid = nvme0.latest_cid
    nvme0.waitdone()
    assert seen == [cid] and nvme0.latest_status == 0x002


def test_iosq_list(nvme0):
    assert nvme0.iosq_list == []
    pairs = [d.Qpair(nvme0, 8, sqid=n) for n in (3, 1)]
    cq = d.IOCQ(nvme0, 5, 4, d.PRP())
    sq = d.IOSQ(nvme0, 5, 4, d.PRP(), cq=cq)
    assert nvme0.iosq_list == [1, 3, 5]
    pairs[0].delete()
    sq.delete()
    assert nvme0.iosq_list == [1]
    nvme0.reset()
    assert nvme0.iosq_list == [1]


def test_id_data(nvme0):
    assert nvme0.id_data(1, 0) == nvme0.id_data(0) | nvme0.id_data(1) << 8
    assert isinstance(nvme0.id_data(23, 4, str), str) and len(nvme0.id_data(23, 4, str)) <= 20
    assert nvme0.id_data(7, 0, nsid=1, cns=0) > 0  # NSZE
    assert nvme0.id_data(3, 0, nsid=0, cns=2) == 1  # the first active namespace
    for end, begin in ((4096, 0), (0, 1), (-1, None)):
        with pytest.raises(AssertionError):
            nvme0.id_data(end, begin)


def test_supports(nvme0):
    """The log is read, not guessed: it says what the device does with the opcode."""
    assert nvme0.supports(0x06) and nvme0.supports(0x02) and not nvme0.supports(0x7F)
    assert nvme0.supports(256 + 1) and nvme0.supports(256 + 2) and not nvme0.supports(256 + 0x7F)
    for bad in (-1, 512):
        with pytest.raises(AssertionError):
            nvme0.supports(bad)


def test_supported_commands_are(nvme0, caught):
    """An opcode that the log does not have is refused with Invalid Command Opcode."""
    for opcode in (0x7F, 0xC5, 0x1D):
        if not nvme0.supports(opcode):
            nvme0.send_cmd(opcode).waitdone()
            assert "ERROR status: 00/01" in caught


def test_cmdname(nvme0):
    assert nvme0.cmdname(0x06) == "Identify" and nvme0.cmdname(256 + 2) == "Read"
    assert nvme0.cmdname(0xFE)
    with pytest.raises(AssertionError):
        nvme0.cmdname(512)


def test_timestamp(nvme0):
    now = int(time.time() * 1000)
    buf = d.Buffer(8)
    buf[0:6] = now.to_bytes(6, "little")
    nvme0.setfeatures(0x0E, buf=buf).waitdone()
    text = nvme0.timestamp()
    assert text.startswith(time.strftime("%Y-%m-%d %H:", time.localtime(now // 1000))) and text[-4] == "."


def test_get_lba_format(nvme0, nvme0n1):
    index = nvme0.get_lba_format(nvme0n1.sector_size, nvme0n1.meta_size, nsid=1)
    assert index is not None and nvme0.get_lba_format(nvme0n1.sector_size, nvme0n1.meta_size) == index
    assert nvme0.get_lba_format(520) is None


def test_get_adminq_setting(nvme0):
    sq, sq_size, cq, cq_size = nvme0.get_adminq_setting()
    assert nvme0[0x24] == (cq_size - 1) << 16 | sq_size - 1
    assert sq == nvme0[0x28] | nvme0[0x2C] << 32 and cq == nvme0[0x30] | nvme0[0x34] << 32


def test_timeout_of_an_opcode(nvme0, nvme0n1, qpair, caught):
    """An AER that is sent as another opcode never ends, but at the time set for that opcode."""
    assert nvme0.get_timeout_ms(0x06) == nvme0.timeout
    nvme0.set_timeout_ms(0x06, 1234)
    assert nvme0.get_timeout_ms(0x06) == 1234 and nvme0.get_timeout_ms(0x02) == nvme0.timeout
    nvme0.set_timeout_ms(0x06, 0)
    assert nvme0.get_timeout_ms(0x06) == nvme0.timeout
    assert nvme0n1.get_timeout_ms(2) == nvme0.timeout
    nvme0n1.set_timeout_ms(2, 77)
    assert nvme0n1.get_timeout_ms(2) == 77 and nvme0.get_timeout_ms(2) == nvme0.timeout
    for bad in (-1, 256):
        with pytest.raises(AssertionError):
            nvme0.set_timeout_ms(bad, 1)


def test_iostat(nvme0, nvme0n1, qpair, buf):
    nvme0.iostat()
    for _ in range(10):
        nvme0n1.read(qpair, buf, 0, 8)
    qpair.waitdone(10)
    rate, iops = nvme0.iostat()
    assert rate >= iops * 8 * nvme0n1.sector_size * 0.99 > 0


def untimed(lines):
    """Without the time in front, which is told a microsecond better or so each time that a log is read."""
    return [line.split(": ", 1)[1] for line in lines]


def test_cmdlog(nvme0, nvme0n1, qpair, buf):
    other = d.Qpair(nvme0, 8)
    for lba in range(5):
        nvme0n1.read(qpair, buf, lba).waitdone()
        nvme0n1.write(other, buf, 100 + lba).waitdone()
    log = qpair.cmdlog(3)
    assert len(log) == 3 and all(isinstance(line, str) for line in log)
    assert ["slba:4 " in log[0], "slba:3 " in log[1], "slba:2 " in log[2]] == [True] * 3
    assert untimed(log) == untimed(nvme0.cmdlog(3, sqid=qpair.sqid))
    assert untimed(qpair.cmdlog(2, 1)) == untimed(log[1:])
    assert "SUCCESS (00/00)" in log[0] and f"sqid:{qpair.sqid} " in log[0] and " us" in log[0]
    merged = nvme0.cmdlog_merged(4, qpair, other)
    assert [("Read" in line, f"slba:{n} " in line) for line, n in zip(merged, (104, 4, 103, 3))] == [
        (False, True),
        (True, True),
    ] * 2
    assert untimed(merged) == untimed(nvme0.cmdlog_merged(4, qpair.sqid, other.sqid))
    everything = nvme0.cmdlog_merged(1000)
    assert any("Identify" in line for line in everything) and set(untimed(merged)) <= set(untimed(everything))
    with pytest.raises(ValueError):
        nvme0.cmdlog(sqid=77)
    nvme0n1.read(qpair, buf, 7)
    assert "outstanding" in qpair.cmdlog(1)[0] or "SUCCESS" in qpair.cmdlog(1)[0]
    qpair.waitdone()
    nvme0.reset()  # it survives
    assert "slba:7 " in qpair.cmdlog(1)[0]


def test_cmdlog_keeps_two_thousand(nvme0, nvme0n1, qpair, buf):
    for lba in range(2100):
        nvme0n1.read(qpair, buf, lba).waitdone()
    log = qpair.cmdlog(10_000)
    assert len(log) == 2048 and "slba:2099 " in log[0] and "slba:52 " in log[-1]


def test_logdir(pciaddr, tmp_path):
    pcie = d.Pcie(pciaddr, logdir=str(tmp_path / "r"))
    nvme0 = d.Controller(pcie)
    path = nvme0.logdir_filepath("a.txt")
    folder = os.path.dirname(path)
    assert (
        os.path.dirname(folder) == str(tmp_path / "r") and os.path.isdir(folder) and not os.path.exists(path)
    )
    assert nvme0.logdir_savefile("b.bin", b"\x01\x02") == os.path.join(folder, "b.bin")
    assert open(os.path.join(folder, "b.bin"), "rb").read() == b"\x01\x02"
    buf = d.Buffer(512, pvalue=1)
    assert open(nvme0.logdir_savefile("c", buf), "rb").read() == bytes([0xFF] * 512) == buf[:]
    assert open(nvme0.logdir_savefile("sub/d", "text")).read() == "text"
    for bad in ("../x", "/etc/x", ""):
        with pytest.raises(ValueError):
            nvme0.logdir_filepath(bad)
    pcie.close()


def test_get_cmd(nvme0, nvme0n1, qpair, buf):
    seen = []

    def done(cpl):
        seen.append((nvme0.get_cmd(cpl), qpair.get_cmd(cpl)))

    nvme0n1.read(qpair, buf, 0x123456789, 2, cdw13=13, cb=done)
    with pytest.warns(UserWarning, match="ERROR status: 00/80"):
        qpair.waitdone()
    (a, b), cid = seen[0], qpair.latest_cid
    assert a == b and a.slba == 0x123456789 and a.nlb == 2 and a[13] == 13 and a.cid == cid and a.opc == 2
    with pytest.raises(AssertionError, match="callback"):
        nvme0.get_cmd(None)


# --- monitors ---


def test_monitor(nvme0, nvme0n1, qpair, buf):
    """It runs in its interval while the script sleeps or works, and may wait itself."""
    seen, threads = [], set()

    def look(controller):
        assert controller is nvme0
        smart = d.Buffer(512)
        nvme0.getlogpage(2, smart, 512).waitdone()
        seen.append(smart.data(2, 1))
        threads.add(threading.current_thread())

    nvme0.add_monitor("smart", look, interval=0.05)
    time.sleep(0.5)
    asleep = len(seen)
    assert 3 <= asleep <= 10 and all(273 < kelvin < 373 for kelvin in seen)
    end, lba = time.monotonic() + 0.5, 0
    while time.monotonic() < end:
        lba += 1
        nvme0n1.read(qpair, buf, lba).waitdone()
        assert nvme0.getfeatures(7).waitdone() > 0  # nobody takes the completion of the other
    assert lba > 10 and len(seen) >= asleep + 2
    nvme0.add_monitor("smart", None)
    count = len(seen)
    time.sleep(0.2)
    assert len(seen) == count and threading.main_thread() not in threads


def test_monitors_by_name(nvme0):
    calls = []
    nvme0.add_monitor("a", lambda _: calls.append("old"), 0.02)
    nvme0.add_monitor("a", lambda _: calls.append("new"), 0.02)
    nvme0.add_monitor("b", lambda _: calls.append("b"), 0.02)
    time.sleep(0.3)
    assert set(calls) == {"new", "b"}
    for bad in (0, -1):
        with pytest.raises(AssertionError):
            nvme0.add_monitor("a", print, bad)
    with pytest.raises(TypeError):
        nvme0.add_monitor("a", 1)


def test_monitor_that_fails(nvme0, caught):
    calls = []

    def bad(_):
        calls.append(1)
        raise KeyError("of the monitor")

    nvme0.add_monitor("bad", bad, 0.02)
    time.sleep(0.2)
    assert calls == [1] and any(text.startswith("monitor: bad:") for text in caught)
    assert nvme0.getfeatures(7).waitdone() > 0


def test_monitor_ends_with_the_controller(pciaddr):
    calls, before = [], threading.active_count()
    pcie = d.Pcie(pciaddr)
    d.Controller(pcie).add_monitor("a", lambda _: calls.append(1), 0.01)
    time.sleep(0.1)
    assert calls  # the controller lives as long as its monitors
    pcie.close()
    time.sleep(0.1)
    count = len(calls)
    time.sleep(0.05)
    assert len(calls) == count and threading.active_count() <= before  # another test's may have ended too


def test_monitor_leaves_a_command_alone(nvme0):
    """While the script has sent and not waited, it does not run; so it never takes that completion."""
    calls = []
    nvme0.add_monitor("a", lambda n: calls.append(n.getfeatures(7).waitdone()), 0.01)
    nvme0.getfeatures(7)
    count = len(calls)
    time.sleep(0.1)
    assert len(calls) == count
    assert nvme0.waitdone() > 0
    time.sleep(0.1)
    assert len(calls) > count


# --- security ---


def test_tcg(nvme0):
    data = nvme0.tcg_feature_data
    assert list(data) == nvme0.tcg_feature_list
    if not nvme0.id_data(257, 256) & 1:
        assert data == {}


def test_each_property_of_tcg(nvme0, monkeypatch):
    """What a drive of our making would answer, bit by bit; refresh() asks again."""
    assert d.Tcg(nvme0).feature_list == nvme0.tcg_feature_list
    locking = "locking_supported locking_enabled locked media_encryption mbr_enabled mbr_done".split()
    answers = {}
    monkeypatch.setattr(tcg, "discover", lambda nvme: dict(answers))
    found = d.Tcg(nvme0)
    assert found.feature_list == [] and found.ssc is None and found.base_comid is None
    assert not any(getattr(found, name) for name in [*locking, "sync_supported"]) and "none" in repr(found)
    for bit, name in enumerate(locking):
        answers[2] = bytes([0, 2, 0x10, 12, 1 << bit]) + bytes(11)
        found.refresh()
        assert [n for n in locking if getattr(found, n)] == [name]
    answers[1] = bytes([0, 1, 0x10, 12, 1]) + bytes(11)
    answers[0x203] = bytes([2, 3, 0x10, 16, 0x07, 0xFE]) + bytes(14)
    assert not found.sync_supported
    found.refresh()
    assert found.sync_supported and found.ssc == "Opal 2.0" and found.base_comid == 0x07FE
    assert found.feature_list == [2, 1, 0x203] and found.feature_data == answers


def test_tcg_parse():
    """Level 0 Discovery: header of 48 bytes, then the descriptors, big-endian."""
    body = struct.pack(">HBB12s", 1, 0x10, 12, b"\x11" * 12) + struct.pack(
        ">HBB16s", 0x203, 0x10, 16, b"o" * 16
    )
    answer = struct.pack(">I44x", 44 + len(body)) + body + b"\xee" * 100
    found = tcg.parse(answer)
    assert list(found) == [1, 0x203] and found[1] == body[:16] and found[0x203] == body[16:]
    assert tcg.parse(b"\xff" * 512) != {} and tcg.parse(bytes(512)) == {} and tcg.parse(b"") == {}


def test_fio(nvme0):
    assert (
        nvme0.fio(
            1, "--rw=randrw", "--bs=4k", "--iodepth", "8", "--size=1m", "--number_ios=1000", "--direct=1"
        )
        == 0
    )
    job = json.loads(pathlib.Path(nvme0.logdir_filepath("fio.json")).read_text())["jobs"][0]
    assert job["read"]["total_ios"] > 0 and job["write"]["total_ios"] > 0
    assert job["read"]["total_ios"] + job["write"]["total_ios"] == 1000
    with pytest.raises(ValueError, match="nonsense"):
        nvme0.fio(1, "--nonsense=1")
    with pytest.raises(d.NamespaceCreationError):
        nvme0.fio(77, "--rw=read")


def test_fio_job_file(nvme0, tmp_path):
    job = tmp_path / "two.fio"
    job.write_text("[global]\nsize=1m\nbs=4k\n[w]\nrw=write\n[r]\nstonewall\nrw=read\n")
    assert nvme0.fio(1, str(job)) == 0
    jobs = json.loads(pathlib.Path(nvme0.logdir_filepath("fio.json")).read_text())["jobs"]
    assert [j["jobname"] for j in jobs] == ["w", "r"]
    assert jobs[0]["write"]["total_ios"] == jobs[1]["read"]["total_ios"] == 256
