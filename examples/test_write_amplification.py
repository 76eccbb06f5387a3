# SPDX-License-Identifier: BSD-3-Clause
"""A log-structured store on two drives of the same flash: one has zones, the other maps pages.

Eight logs grow side by side, each in a segment of its own; a log whose segment is full goes on in a free one, and segments are
freed in no particular order, as a store does whose data live for different times.  The writes are the same on both: a zone is reset
where the other drive is only written again.  What the flash had to program beyond what the host wrote is the difference.
"""
import random

import nvme as d
from nvproof.softssd import SoftwareSSD

CAPACITY, SEGMENT, LOGS, CHUNK = 512 << 20, 16 << 20, 8, 128 << 10  # bytes
SPARE_SEGMENTS = 1  # free, besides those that are being written
REWRITES = 3  # of all segments, after the first
PAGE_MAPPED = """
[drive]
text = the flash of zns-tlc, mapped by pages
media = flash
command_set = nvm
capacity = 512M
lba = 4096

[flash]
channels = 4
dies = 2
planes = 4
page_size = 16K
pages = 32
cell = tlc
read_us = 45, 55, 60
program_us = 400, 500, 700
erase_us = 5000
suspend_us = 20
bus_mb_s = 1600
spare_percent = 7
capacitor = no
"""


class Logs:
    """The store: which segment each log is in, and what is free."""

    def __init__(self, ns, qpair, zoned):
        self.ns, self.qpair = ns, qpair
        self.blocks = SEGMENT // ns.sector_size
        self.chunk = CHUNK // ns.sector_size
        self.zoned = zoned
        self.random = random.Random(1)
        self.free = list(range(ns.nsze // self.blocks))
        self.full = []
        self.at = [[self.free.pop(0), 0] for _ in range(LOGS)]
        self.buf = d.Buffer(CHUNK, pvalue=100, ptype=0xBEEF)

    def next_segment(self):
        """The next free one; when there are few, a full one is freed, whichever it is."""
        if len(self.free) <= SPARE_SEGMENTS:
            old = self.full.pop(self.random.randrange(len(self.full)))
            if self.zoned:
                self.ns.zns_mgmt_send(self.qpair, None, old * self.blocks, 4).waitdone()
            self.free.append(old)
        return self.free.pop(0)

    def grow(self, log):
        """One chunk more."""
        segment, offset = self.at[log]
        self.ns.write(self.qpair, self.buf, segment * self.blocks + offset, self.chunk).waitdone()
        self.at[log][1] += self.chunk
        if self.at[log][1] == self.blocks:
            self.full.append(segment)
            self.at[log] = [self.next_segment(), 0]

    def run(self, chunks):
        """So many chunks, of logs that grow at random."""
        for _ in range(chunks):
            self.grow(self.random.randrange(LOGS))


def write_amplification(profile, zoned):
    """Bytes programmed over bytes written, once the drive has been full."""
    with SoftwareSSD(profile=profile, size="512M", lba=4096) as ssd:
        pcie = d.Pcie(ssd.addrs[0])
        ns = d.Namespace(d.Controller(pcie))
        logs = Logs(ns, d.Qpair(ns.nvme, 16), zoned)
        logs.run(CAPACITY // CHUNK)
        before = ssd.control("stats")
        logs.run(REWRITES * CAPACITY // CHUNK)
        after = ssd.control("stats")
        pcie.close()
    programmed, written = (after[k] - before[k] for k in ("flash_programmed_bytes", "flash_host_bytes"))
    return programmed / written


def test_zones_against_pages(tmp_path, record_property):
    """Write amplification of the same store: below 1.05 on zones, above 2 on pages."""
    page_mapped = tmp_path / "page-mapped.ini"
    page_mapped.write_text(PAGE_MAPPED)
    zones = write_amplification("zns-tlc", zoned=True)
    pages = write_amplification(str(page_mapped), zoned=False)
    print(f"write amplification: zones {zones:.3f}, pages {pages:.3f}")
    record_property("write amplification, zones", f"{zones:.3f}")
    record_property("write amplification, pages", f"{pages:.3f}")
    assert zones < 1.05
    assert pages > 2
