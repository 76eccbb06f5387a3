# SPDX-License-Identifier: BSD-3-Clause
"""Asynchronous events: what waits for them, what does not, and what is armed again.  NVMe Base, "Asynchronous Event Request command"."""
import time

import pytest

import nvme as d

TEMPERATURE = 1 << 1  # Asynchronous Event Configuration, SMART / Health Critical Warnings
EVENT = 0x020101  # log page 02h, Temperature Threshold (01h), SMART / Health Status (1h)


class Heat:
    """Temperature events on request: trigger() makes one, clear() reads the log page that arms the next."""

    def __init__(self, nvme0):
        self.nvme0 = nvme0
        self.before = nvme0.getfeatures(4).waitdone() & 0xFFFF
        self.config = nvme0.getfeatures(0x0B).waitdone()
        nvme0.setfeatures(0x0B, cdw11=TEMPERATURE).waitdone()

    def set(self, kelvin):
        return self.nvme0.setfeatures(4, cdw11=kelvin)

    def trigger(self):
        """The threshold is below the temperature; not waited for."""
        self.set(200)

    def clear(self):
        self.set(self.before).waitdone()
        self.nvme0.getlogpage(2, d.Buffer(512), 512, nsid=0xFFFFFFFF).waitdone()

    def poll(self, done):
        """Events come with the completions of the admin queue."""
        for _ in range(200):
            if done():
                return
            self.nvme0.getfeatures(7).waitdone()
            self.nvme0._pause(0.002)

    def close(self):
        self.clear()
        self.nvme0.setfeatures(0x0B, cdw11=self.config).waitdone()


@pytest.fixture
def heat(nvme0):
    found = Heat(nvme0)
    yield found
    if not nvme0.closed:
        found.close()


def events(texts):
    return [text for text in texts if text.startswith("AER")]


def test_the_exact_event(heat, caught, caplog):
    """The words, with dword 0 in hexadecimal, and a warning in the log; the one of bring-up is armed again each time."""
    for n in range(3):
        heat.trigger()
        heat.poll(lambda: len(events(caught)) == n + 1)
        assert events(caught) == [f"AER notification is triggered: {EVENT:#x}"] * (n + 1)
        heat.clear()
    told = [r for r in caplog.records if r.name == "nvproof" and f"{EVENT:#x}" in r.getMessage()]
    assert len(told) == 3 and all(r.levelname == "WARNING" for r in told)


def test_an_event_is_not_counted(heat, caught):
    """waitdone(2) waits for two commands, though an event came after the first: what it returns is the second's."""
    queues = heat.nvme0.getfeatures(7).waitdone()
    for _ in range(5):
        heat.trigger()
        heat.nvme0._pause(0.02)  # both are there now
        heat.nvme0.getfeatures(7)
        assert heat.nvme0.waitdone(2) == queues
        heat.poll(lambda: events(caught))
        assert len(events(caught)) == 1
        caught.clear()
        heat.clear()


def test_a_wait_for_an_event(heat, caught):
    """When no command is left to wait for, waitdone() waits for an event, and returns its dword 0."""
    heat.trigger()
    heat.nvme0.waitdone(1)
    if not events(caught):
        assert heat.nvme0.waitdone(1) == EVENT
    assert events(caught) == [f"AER notification is triggered: {EVENT:#x}"]


def test_without_refill(heat, caught):
    """refill=False: that request is gone after its event, and only the one of bring-up waits for the next ones."""
    seen = []
    heat.nvme0.aer(refill=False, cb=lambda cpl: seen.append(cpl[0]))
    limit = heat.nvme0.id_data(259) + 1  # AERL, 0's based
    if limit < 3:
        pytest.skip("fewer than 3 event requests: AERL")
    for _ in range(2):  # a drive takes any of the two that wait
        heat.trigger()
        heat.poll(lambda: events(caught))
        assert events(caught) == [f"AER notification is triggered: {EVENT:#x}"]
        caught.clear()
        heat.clear()
    heat.nvme0.aer()
    for _ in range(limit - 2):
        heat.nvme0.aer()
    heat.nvme0.getfeatures(7).waitdone()
    heat.nvme0.waitdone(0)
    gone = "ERROR status: 01/05" not in list(caught)
    assert gone or not seen, "a request that was not to be refilled is there after its event"
    heat.nvme0.reset()


def test_the_callback_is_kept(heat, caught):
    """A script's callback gets the next events as well."""
    seen = []
    heat.nvme0.aer(cb=lambda cdw0, status1: seen.append((cdw0, status1 >> 1)))
    for n in range(3):
        heat.trigger()
        heat.poll(lambda: len(seen) == n + 1)
        assert seen == [(EVENT, 0)] * (n + 1)
        heat.clear()


def test_it_never_times_out(nvme0, nvme0n1, qpair, buf, caught):
    """It is outstanding for as long as nothing happens, whatever the timeout of commands is."""
    nvme0.timeout = 100
    try:
        nvme0.aer()
        end = time.monotonic() + 0.5
        while time.monotonic() < end:
            nvme0.getfeatures(7).waitdone()
            nvme0n1.read(qpair, buf, 0).waitdone()
            nvme0._pause(0.05)
    finally:
        nvme0.timeout = 10_000
    assert caught == []


def test_a_reset_says_nothing(nvme0, caught):
    """Requests that end with their queue (00/08) are no news, neither for the warnings nor for the callback."""
    seen = []
    nvme0.aer(cb=seen.append)
    nvme0.reset()
    nvme0.getfeatures(7).waitdone()
    assert seen == [] and caught == []
