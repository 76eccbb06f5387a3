# SPDX-License-Identifier: BSD-3-Clause
"""Zone: the states, the write pointer and the commands of a zone, as a script sees them.  On a zoned drive given with
--pciaddr the same; else on `ssd:zns`."""
import pytest

import nvme as d
from nvproof.softssd import SoftwareSSD

NLB = 8


@pytest.fixture
def drive(request):
    """A drive with a zoned namespace: the one under test, or a software SSD."""
    addr = request.config.getoption("--pciaddr")
    if addr and addr not in ("ssd", "ssd:"):
        yield addr
        return
    with SoftwareSSD(profile="zns", size="1G", lba=4096) as ssd:
        yield ssd.addrs[0]


@pytest.fixture
def zoned(drive):
    """Its namespace, with all zones empty."""
    pcie = d.Pcie(drive)
    ns = d.Namespace(d.Controller(pcie))
    if not ns.zone_size:
        pcie.close()
        pytest.skip("no zoned namespace")
    qpair = d.Qpair(ns.nvme, 64)
    ns.zns_mgmt_send(qpair, None, 0, 4, select_all=True).waitdone()
    yield ns, qpair
    pcie.close()


@pytest.fixture
def zone(zoned):
    ns, qpair = zoned
    return d.Zone(qpair, ns, 0)


@pytest.fixture
def data(zoned):
    ns, _ = zoned
    return d.Buffer(NLB * ns.sector_size, pvalue=100, ptype=0xBEEF)


def test_each_state_has_its_name(zoned, zone, data):
    _, qpair = zoned
    assert zone.state == "Empty" and zone.wpointer == 0
    zone.open()
    assert zone.state == "Explicitly Opened"
    zone.close()
    assert zone.state == "Closed"
    zone.reset()
    zone.write(qpair, data, 0, NLB).waitdone()
    assert zone.state == "Implicitly Opened" and zone.wpointer == NLB
    zone.close()
    assert zone.state == "Closed"
    zone.finish()
    assert zone.state == "Full"
    zone.reset()
    assert zone.state == "Empty" and zone.wpointer == 0 and zone.attributes == 0


def test_an_action_of_another_state_is_refused(zone):
    with pytest.warns(UserWarning, match="ERROR status: 01/bf"):  # Invalid Zone State Transition
        zone.offline()
    with pytest.warns(UserWarning, match="ERROR status: 00/02"):
        zone.action(0x3F)


def test_writes_go_to_the_write_pointer(zoned, zone, data):
    ns, qpair = zoned
    back = d.Buffer(len(data))
    with pytest.warns(UserWarning, match="ERROR status: 01/bc"):  # Zone Invalid Write
        zone.write(qpair, data, NLB, NLB).waitdone()
    zone.write(qpair, data, 0, NLB).waitdone()
    zone.read(qpair, back, 0, NLB).waitdone()
    assert back[:] == data[:]


def test_append_says_where_it_went(zoned, data):
    ns, qpair = zoned
    zone = d.Zone(qpair, ns, d.Zone(qpair, ns, 0).zsze * 2)
    back, seen = d.Buffer(len(data)), []
    assert zone.append(qpair, data, lba_count=NLB).waitdone() == zone.slba
    zone.append(qpair, data, None, NLB, cb=lambda cqe: seen.append(cqe[0] | cqe[1] << 32)).waitdone()
    assert seen == [zone.slba + NLB] and zone.wpointer == zone.slba + 2 * NLB
    zone.read(qpair, back, NLB, NLB).waitdone()
    assert back[:] == data[:]
    zone.write(qpair, data, 2 * NLB, NLB).waitdone()  # offsets count from the start of the zone
    assert zone.wpointer == zone.slba + 3 * NLB


def test_the_extension_makes_it_active(zoned, zone):
    ns, _ = zoned
    at = 2816 + 16 * (ns.id_data(26) & 0xF) + 8
    if not ns.id_data(at, cns=5, csi=2):
        pytest.skip("no zone descriptor extensions (ZDES)")
    zone.set_descriptor_extension()
    assert zone.state == "Closed" and zone.attributes & 0x80


def test_a_super_zone_is_all_its_zones(zoned, zone):
    ns, qpair = zoned
    several = d.Zone(qpair, ns, 0, 3 * zone.zsze)
    assert several.slba_list == [0, zone.zsze, 2 * zone.zsze]
    several.finish()
    assert [d.Zone(qpair, ns, slba).state for slba in several.slba_list] == ["Full"] * 3
    assert d.Zone(qpair, ns, several.elba).state == "Empty"


def test_no_zone_begins_there(zoned, zone):
    ns, qpair = zoned
    for slba, elba in ((1, None), (zone.zsze // 2, None), (0, 0), (ns.nsze, None)):
        with pytest.raises(AssertionError, match="no zone begins"):
            d.Zone(qpair, ns, slba, elba)


def test_a_namespace_without_zones(nvme0n1, qpair):
    if nvme0n1.zone_size:
        pytest.skip("the drive is zoned")
    with pytest.raises(ValueError, match="not zoned"):
        d.Zone(qpair, nvme0n1, 0)


def test_the_repr_says_it_all(zone):
    assert repr(zone) == f"<zone 0x0: Empty, capacity {zone.capacity:#x}, write pointer 0x0>"


def test_ioworker_writes_zones_and_reads_them(zoned, zone):
    """By default once, in order; what was there before is reset.  Then read at random, and each read is checked."""
    ns, qpair = zoned
    count = 2 * zone.capacity // 64
    several = d.Zone(qpair, ns, 0, 2 * zone.zsze)
    ns.verify_enable(True)
    for _ in range(2):
        r = several.ioworker(io_size=64).start().close()
        assert (r.error, r.io_count_nonread) == (0, count)
        assert [d.Zone(qpair, ns, s).state for s in several.slba_list] == ["Full", "Full"]
    r = (
        several.ioworker(io_size=8, lba_random=True, read_percentage=100, qdepth=32, io_count=5000)
        .start()
        .close()
    )
    assert (r.error, r.io_count_read) == (0, 5000)


def test_the_name_that_scripts_import():
    from scripts.zns import Zone

    assert Zone is d.Zone
