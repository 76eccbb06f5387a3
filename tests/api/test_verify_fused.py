# SPDX-License-Identifier: BSD-3-Clause
"""Data verification of fused Compare and Write, and what becomes of it when zones are reset."""
import pytest

import nvme as d
from nvproof.softssd import SoftwareSSD

LBA, COUNT = 700, 4
COMPARE, WRITE, FIRST, SECOND = 5, 1, 1 << 8, 1 << 9


@pytest.fixture
def fused(nvme0, nvme0n1, qpair):
    """fused(old, new): Compare and Write as one; the statuses of both."""
    if not nvme0.id_data(523, 522) & 1:
        pytest.skip("no fused Compare and Write (FUSES)")

    def send(old, new):
        seen = []
        length = COUNT * nvme0n1.sector_size
        for opcode, buf in ((COMPARE | FIRST, old), (WRITE | SECOND, new)):
            nvme0n1.send_cmd(
                opcode,
                qpair,
                buf,
                cdw10=LBA,
                cdw12=COUNT - 1,
                length=length,
                cb=lambda cpl: seen.append((cpl.sct, cpl.sc)),
            )
        qpair.waitdone(2)
        return seen

    return send


def data(ns, seed):
    return d.Buffer(COUNT * ns.sector_size, pvalue=seed, ptype=32)


def test_what_a_fused_write_wrote_is_verified(nvme0, nvme0n1, qpair, verify, fused, caught, write_behind):
    """Right data is not accused, and what differs from it is found: here the data that was there before."""
    old, new = data(nvme0n1, 1), data(nvme0n1, 0xFE)
    back = d.Buffer(len(old))
    nvme0n1.write(qpair, old, LBA, COUNT).waitdone()
    assert fused(old, new) == [(0, 0), (0, 0)]
    nvme0n1.read(qpair, back, LBA, COUNT).waitdone()
    assert back[:] == new[:] and caught == []
    write_behind(nvme0, LBA, old)
    nvme0n1.read(qpair, back, LBA, COUNT).waitdone()
    assert caught == ["ERROR status: 07/81"]


def test_a_pair_that_failed_accuses_nobody(nvme0n1, qpair, verify, fused, caught):
    old = data(nvme0n1, 1)
    nvme0n1.write(qpair, old, LBA, COUNT).waitdone()
    assert fused(data(nvme0n1, 2), data(nvme0n1, 3)) == [(2, 0x85), (0, 9)]
    caught.clear()
    back = d.Buffer(len(old))
    nvme0n1.read(qpair, back, LBA, COUNT).waitdone()
    assert back[:] == old[:] and caught == []


def test_a_pair_waits_for_nobody(nvme0n1, qpair, verify, fused, caught):
    """Its LBAs are being written: the halves go together all the same, and nobody is accused."""
    nvme0n1.inject_write_buffer_disable()
    nvme0n1.inject_write_token_disable()
    for n in range(10):
        old, new, back = data(nvme0n1, 2 * n), data(nvme0n1, 2 * n + 1), data(nvme0n1, 99)
        nvme0n1.write(qpair, old, LBA, COUNT)
        statuses = fused(old, new)
        qpair.waitdone(1)
        nvme0n1.read(qpair, back, LBA, COUNT).waitdone()
        done = statuses == [(0, 0), (0, 0)]
        assert done or statuses == [(2, 0x85), (0, 9)]  # the device chooses the order of commands in flight
        assert back[:] in ((new[:], old[:]) if done else (old[:],))
    nvme0n1.inject_write_buffer_enable()
    nvme0n1.inject_write_token_enable()
    assert all("07/81" not in text for text in caught)


@pytest.fixture
def zoned():
    """A namespace with zones, verified, its qpair, and LBAs from one zone to the next."""
    with SoftwareSSD(profile="zns", size="1G", lba=4096) as ssd:
        pcie = d.Pcie(ssd.addrs[0])
        nvme0 = d.Controller(pcie)
        ns, qpair = d.Namespace(nvme0), d.Qpair(nvme0, 16)
        assert ns.verify_enable()
        yield ns, qpair, ns.zone_size
        pcie.close()


@pytest.mark.parametrize("select_all", [False, True])
def test_a_zone_reset_forgets_that_zone(zoned, caught, select_all):
    """Data that is written behind the driver's back is found in the zones that were not reset, and only there."""
    ns, qpair, zsze = zoned
    first, second = d.Buffer(4096, pvalue=1, ptype=32), d.Buffer(4096, pvalue=0xFE, ptype=32)
    for zone in range(4):
        ns.write(qpair, first, zone * zsze).waitdone()
    ns.zns_mgmt_send(qpair, None, zsze, 4, select_all=select_all).waitdone()
    replace(ns, [0, zsze, 2 * zsze, 3 * zsze], second)
    wrong = []
    for zone in range(4):
        caught.clear()
        ns.read(qpair, d.Buffer(4096), zone * zsze).waitdone()
        if list(caught):
            assert caught == ["ERROR status: 07/81"]
            wrong.append(zone)
    assert wrong == ([] if select_all else [0, 2, 3])


def replace(ns, lbas, buf):
    """Reset the zones that begin there and write other data, with raw queues."""
    cq = d.IOCQ(ns.nvme, 60, 32, d.PRP())
    sq = d.IOSQ(ns.nvme, 60, 32, d.PRP(), cq=cq)
    n = 0
    for lba in lbas:
        sq.zns_mgmt_send(n, ns.nsid, lba, 4)
        sq.tail = sq.wpointer
        cq.waitdone(1)
        cq.head = cq.rpointer
        sq.write(n + 1, ns.nsid, lba, 1, prp1=buf)
        sq.tail = sq.wpointer
        cq.waitdone(1)
        cq.head = cq.rpointer
        assert cq[2 * (n // 2)].status == 0 and cq[2 * (n // 2) + 1].status == 0
        n += 2
    sq.delete()
    cq.delete()
