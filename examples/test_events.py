# SPDX-License-Identifier: BSD-3-Clause
"""Asynchronous events: the drive tells on its own that something happened."""
import pytest

import nvme as d


def test_temperature_event(nvme0):
    """A temperature threshold below the temperature is an event; the log page that it names arms the next one."""
    seen = []
    smart = d.Buffer(512)
    nvme0.aer(cb=lambda cpl: seen.append(cpl[0]))
    nvme0.setfeatures(0x0B, cdw11=2).waitdone()  # Asynchronous Event Configuration: temperature
    threshold = nvme0.getfeatures(4).waitdone() & 0xFFFF
    nvme0.getlogpage(2, smart, 512).waitdone()
    kelvin = smart.data(2, 1)
    for below in (5, 20):
        with pytest.warns(UserWarning, match="AER notification is triggered: 0x2..01"):
            nvme0.setfeatures(4, cdw11=kelvin - below).waitdone()
            while not seen:
                nvme0.getfeatures(7).waitdone()  # events come with the completions of the admin queue
        dword0 = seen.pop()
        kind, log_page = f"type {dword0 & 7}, information {dword0 >> 8 & 0xFF}", dword0 >> 16 & 0xFF
        print(f"{kelvin} K is above {kelvin - below} K: event of {kind}, log page {log_page:02x}h")
        nvme0.setfeatures(4, cdw11=threshold).waitdone()
        nvme0.getlogpage(log_page, smart, 512).waitdone()
        seen.clear()
