# SPDX-License-Identifier: BSD-3-Clause
"""Zones: a drive with a zoned namespace of its own, its states, appends, and an ioworker over several zones."""
import pytest

import nvme as d
from nvproof.softssd import SoftwareSSD


@pytest.fixture
def zoned():
    """The namespace of a zoned drive, and a queue pair."""
    with SoftwareSSD(profile="zns") as ssd:
        pcie = d.Pcie(ssd.addrs[0])
        nvme0 = d.Controller(pcie)
        yield d.Namespace(nvme0), d.Qpair(nvme0, 64)
        pcie.close()


def test_life_of_a_zone(zoned):
    """Empty, opened by a write, closed, full, and empty again."""
    ns, qpair = zoned
    zone, data = d.Zone(qpair, ns, 0), d.Buffer(4096, pvalue=100, ptype=0xBEEF)
    print(zone)
    zone.write(qpair, data, 0).waitdone()
    print(zone)
    with pytest.warns(
        UserWarning, match="ERROR status: 01/bc"
    ):  # Zone Invalid Write: not at the write pointer
        zone.write(qpair, data, 7).waitdone()
    where = zone.append(qpair, data).waitdone()
    print(f"appended at LBA {where}")
    assert where == 1
    zone.close()
    assert zone.state == "Closed"
    zone.finish()
    assert zone.state == "Full"
    zone.reset()
    assert zone.state == "Empty"


def test_ioworker_over_zones(zoned, record_property):
    """Four zones are written, one after the other, and read back at random, each read checked."""
    ns, qpair = zoned
    zones = d.Zone(qpair, ns, 0, 4 * d.Zone(qpair, ns, 0).zsze)
    ns.verify_enable(True)
    r = zones.ioworker(io_size=32, qdepth=16).start().close()
    assert r.error == 0
    assert [d.Zone(qpair, ns, slba).state for slba in zones.slba_list] == ["Full"] * 4
    print(f"{r.io_count_nonread:,} writes filled {len(zones.slba_list)} zones in {r.mseconds} ms")
    r = zones.ioworker(lba_random=True, read_percentage=100, qdepth=32, time=1).start().close()
    assert r.error == 0
    record_property("verified reads", f"{r.io_count_read:,}")
