# SPDX-License-Identifier: BSD-3-Clause
"""Subsystem, and every reset while I/O is in flight, a hundred times."""
import logging
import os
import time

import pytest

import nvme as d

_CC, _CSTS, _NSSR = 0x14, 0x1C, 0x20
ROUNDS = 100


def shut(subsystem, kind):
    """One of the ways to take the device away under its I/O; nvme0.reset() follows."""
    nvme0 = subsystem._nvme
    if kind == "nssr":
        if not subsystem.reset():
            pytest.skip("no NVM subsystem reset: CAP.NSSRS")
    elif kind == "power cycle":
        try:
            subsystem.power_cycle()
        except ValueError as e:
            pytest.skip(str(e))
    elif kind == "shutdown":
        subsystem.shutdown_notify()
    elif kind != "controller":
        getattr(nvme0.pcie, kind)()


KINDS = ["controller", "flr", "reset", "link_disable_enable", "nssr", "power cycle", "shutdown"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_hundred_resets_with_commands_in_flight(nvme0, nvme0n1, qpair, subsystem, kind):
    """Each command ends exactly once, with success or aborted; the queue pair that was there works on, and data is whole.

    NVMe Base Specification, "Controller Level Reset".
    """
    buf, known, back = d.Buffer(4096), d.Buffer(512, pvalue=0x5EED, ptype=32), d.Buffer(512)
    nvme0n1.write(qpair, known, 1).waitdone()
    nvme0n1.flush(qpair).waitdone()
    with_fds = len(os.listdir("/proc/self/fd"))
    for n in range(ROUNDS):
        ended = []
        for lba in range(8, 8 + 16):
            nvme0n1.read(qpair, buf, lba, cb=lambda cpl: ended.append(cpl.status))
        shut(subsystem, kind)
        nvme0.reset()
        assert len(ended) == 16 and set(ended) <= {0, 0x007, 0x008}, f"round {n}: {ended}"
        assert qpair.outstanding == 0
        nvme0n1.read(qpair, back, 1).waitdone()
        assert back[:] == known[:], f"round {n}"
    assert len(os.listdir("/proc/self/fd")) == with_fds


@pytest.mark.parametrize("kind", KINDS)
def test_resets_under_an_ioworker(nvme0, nvme0n1, qpair, subsystem, kind):
    """close() returns what was measured; the next reset brings the device back."""
    for n in range(ROUNDS // len(KINDS) + 1):
        worker = nvme0n1.ioworker(io_size=8, time=30, qdepth=32, cpu_id=n).start()
        while not worker.progress and worker.running:
            pass
        shut(subsystem, kind)
        nvme0.reset()
        result = worker.close()
        assert result.io_count_read > 0 and result.mseconds < 20_000 and result.error == 0
        nvme0n1.read(qpair, d.Buffer(512), 0).waitdone()


def test_nssr_says_so(nvme0, subsystem):
    """CSTS.NSSRO is set after it, until it is cleared.  NVMe Base Specification, "NVM Subsystem Reset"."""
    if not nvme0.cap >> 36 & 1:
        pytest.skip("no NVM subsystem reset: CAP.NSSRS")
    assert subsystem.reset() is True
    assert nvme0[_CSTS] >> 4 & 1
    nvme0[_CSTS] = 1 << 4
    assert not nvme0[_CSTS] >> 4 & 1
    nvme0.reset()


def test_nssr_that_is_not_supported(nvme0, subsystem, caplog, monkeypatch):
    """False, and a line in the log; nothing is written."""
    monkeypatch.setattr(type(nvme0), "cap", property(lambda self: 0))
    with caplog.at_level(logging.ERROR):
        assert subsystem.reset() is False
    assert "CAP.NSSRS" in caplog.text
    monkeypatch.undo()
    assert nvme0.getfeatures(7).waitdone() > 0  # it was not reset


def test_shutdown(nvme0, subsystem):
    """CSTS.SHST tells its end; registers go on answering; commands need a reset first."""
    subsystem.shutdown_notify()
    assert nvme0[_CSTS] >> 2 & 3 == 2 and nvme0[_CC] >> 14 & 3 == 1  # CC.SHN: normal
    nvme0.reset()
    subsystem.shutdown_notify(abrupt=True, timeout=5)
    assert nvme0[_CSTS] >> 2 & 3 == 2 and nvme0[_CC] >> 14 & 3 == 2
    nvme0.reset()
    assert nvme0.getfeatures(7).waitdone() > 0


def test_shutdown_that_does_not_end(nvme0, subsystem, monkeypatch):
    """The exception comes at the timeout that was given."""
    read = type(nvme0).__getitem__
    monkeypatch.setattr(
        type(nvme0), "__getitem__", lambda self, off: read(self, off) & (~0xC if off == _CSTS else ~0)
    )
    with pytest.raises(d.NvmeShutdownStatusTimeoutError, match="0.2 s"):
        subsystem.shutdown_notify(timeout=0.2)
    monkeypatch.undo()
    nvme0.reset()


def test_workers_end_before_the_power(nvme0, nvme0n1):
    """The user's switch is asked when no ioworker runs any more, and what they did until then counts."""
    running = []
    user = d.Subsystem(nvme0, poweron_cb=lambda: None, poweroff_cb=lambda: running.append(w.running))
    w = nvme0n1.ioworker(io_size=8, time=60, qdepth=4).start()
    time.sleep(0.2)
    user.poweroff()
    assert running == [False]
    result = w.close()
    assert result.error == 0 and result.io_count_read > 0 and result.mseconds < 10_000
    user.poweron()
    nvme0.reset()


def test_power_callbacks(nvme0):
    """A user's own switch: called instead of ours, and sec is kept between the two."""
    calls = []
    user = d.Subsystem(nvme0, poweron_cb=lambda: calls.append("on"), poweroff_cb=lambda: calls.append("off"))
    user.poweroff()
    user.poweron(quick=True)
    user.power_cycle(sec=0)
    assert calls == ["off", "on"] * 2
    with pytest.raises(TypeError):
        d.Subsystem(nvme0, poweron_cb=1)
    with pytest.raises(AssertionError):
        user.power_cycle(-1)


def test_power_off(nvme0, nvme0n1, qpair, subsystem, pciaddr):
    """Without power registers read all ones, which is a SystemError, and nothing else hangs or fails."""
    try:
        subsystem.poweroff()
    except ValueError as e:
        pytest.skip(str(e))
    with pytest.raises(SystemError):
        nvme0[_CSTS]
    with pytest.raises(SystemError):
        nvme0.getfeatures(7).waitdone()
    subsystem.poweron()
    nvme0.reset()
    nvme0n1.read(qpair, d.Buffer(512), 0).waitdone()
