# SPDX-License-Identifier: BSD-3-Clause
"""Streams: what a host keeps apart is apart on the flash, and less has to be moved when it is written again."""
import pytest

import nvme as d
from nvproof.softssd import SoftwareSSD

PROFILE = """
[drive]
text = small and quick, and keeps {placements} kinds of data apart
media = flash
command_set = nvm
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
capacitor = no
placements = {placements}
"""
BLOCKS = 16384
HOT = BLOCKS // 16
STREAMS_IN_WRITE = 0x10  # DTYPE 1h, in the upper half of CDW12


def write_amplification(folder, placements, streams):
    """Of an index in a sixteenth of the drive, written at random, and of a log in the rest, written in order, both at once."""
    profile = folder / f"placements{placements}.ini"
    profile.write_text(PROFILE.format(placements=placements))
    with SoftwareSSD(profile=str(profile), size="64M", lba=4096) as ssd:
        pcie = d.Pcie(ssd.addrs[0])
        nvme0 = d.Controller(pcie)
        ns = d.Namespace(nvme0)
        # Enable Directive: Streams, in namespace 1
        nvme0.directive_send(None, 1, 0, cdw12=1 | 1 << 8, nsid=1).waitdone()

        def writes(stream, **kwargs):
            mark = {"io_flags": STREAMS_IN_WRITE, "cdw13": stream << 16} if streams else {}
            return ns.ioworker(io_size=4, lba_align=4, read_percentage=0, qdepth=8, **mark, **kwargs)

        def both(rounds):
            hot = writes(1, region_end=HOT, io_count=rounds * HOT)
            cold = writes(2, lba_random=False, region_start=HOT, region_end=BLOCKS, io_count=rounds * HOT)
            with hot, cold:
                pass

        writes(2, lba_random=False, region_end=BLOCKS).start().close()
        both(8)
        before = ssd.control("stats")
        both(8)
        after = ssd.control("stats")
        pcie.close()
    programmed, written = (after[k] - before[k] for k in ("flash_programmed_bytes", "flash_host_bytes"))
    return programmed / written


def test_streams_lower_the_write_amplification(tmp_path):
    """The same flash and the same writes; without the directive, and with a drive that has one place for all of it."""
    apart = write_amplification(tmp_path, 3, True)
    together = write_amplification(tmp_path, 3, False)
    one_place = write_amplification(tmp_path, 1, True)
    print(
        f"write amplification: streams {apart:.2f}, none {together:.2f}, streams on a drive with one place {one_place:.2f}"
    )
    assert apart < 0.9 * together
    assert apart < 0.9 * one_place


def test_a_drive_that_has_too_many(tmp_path):
    profile = tmp_path / "many.ini"
    profile.write_text(PROFILE.format(placements=17))
    with pytest.raises(RuntimeError, match="1 to 16"):
        SoftwareSSD(profile=str(profile), size="64M", lba=4096)
