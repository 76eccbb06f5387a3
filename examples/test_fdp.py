# SPDX-License-Identifier: BSD-3-Clause
"""Two tenants on one drive, with Flexible Data Placement and without.

One keeps an index that it rewrites at random, the other a log that it writes in order, both at once.  With a placement identifier
each, what they write is in reclaim units of its own: those of the log are empty when it comes round, and nothing has to be moved
out of them.  Without, each unit has something of both.  The drive, the flash and the writes are the same.
"""
import itertools
import random

import nvme as d
from nvproof import fdp
from nvproof.softssd import SoftwareSSD

DRIVE = """
[drive]
text = small, quick, and with four reclaim unit handles
media = flash
capacity = 64M
lba = 4096

[flash]
channels = 2
dies = 2
planes = 1
page_size = 16K
pages = 32
cell = slc
read_us = 5
program_us = 10
erase_us = 100
suspend_us = 0
bus_mb_s = 10000
spare_percent = 10
capacitor = yes

[fdp]
handles = 4
enabled = yes
"""
BLOCKS = 16384
INDEX = BLOCKS // 16
ROUNDS = 8


def write_amplification(profile, pids):
    """By the drive's own statistics, once it has been full for a while."""
    with SoftwareSSD(profile=profile) as ssd:
        pcie = d.Pcie(ssd.addrs[0])
        nvme0 = d.Controller(pcie)
        ns = d.Namespace(nvme0)

        qpair = d.Qpair(nvme0, 32)
        buf, chance, log = d.Buffer(4096), random.Random(1), itertools.cycle(range(INDEX, BLOCKS))

        def write(tenant, lba):
            ns.write(qpair, buf, lba, **(fdp.mark(pids[tenant]) if pids else {}))

        def both():
            for _ in range(ROUNDS * INDEX):
                write(0, chance.randrange(INDEX))
                write(1, next(log))
                qpair.waitdone(2)

        for lba in range(BLOCKS):
            write(1, lba)
            qpair.waitdone(1)
        both()
        before = fdp.statistics(nvme0)
        both()
        after = fdp.statistics(nvme0)
        pcie.close()
    return (after.media_written - before.media_written) / (after.host_written - before.host_written)


def test_two_tenants(tmp_path, record_property):
    """Write amplification of both together: close to 1 with placement identifiers, well above without."""
    profile = tmp_path / "fdp.ini"
    profile.write_text(DRIVE)
    apart = write_amplification(str(profile), (1, 2))
    together = write_amplification(str(profile), None)
    print(f"write amplification: with placement identifiers {apart:.2f}, without {together:.2f}")
    record_property("write amplification, apart", f"{apart:.2f}")
    record_property("write amplification, together", f"{together:.2f}")
    assert apart < 1.1
    assert together > 1.3
