# SPDX-License-Identifier: BSD-3-Clause
"""Admin commands, decoded; and one SSD with two controllers, attached twice."""
import nvme as d
from nvproof.softssd import SoftwareSSD


def test_admin_round_trip(nvme0, nvme0n1):
    print(f"model    {nvme0.id_data(63, 24, str)}")
    print(f"serial   {nvme0.id_data(23, 4, str)}")
    print(f"firmware {nvme0.id_data(71, 64, str)}")
    print(f"capacity {nvme0n1.capacity:,} bytes in LBAs of {nvme0n1.sector_size}")

    smart = d.Buffer(512)
    nvme0.getlogpage(0x02, smart, 512).waitdone()
    kelvin = smart.data(2, 1)
    print(f"SMART    {kelvin - 273} C, {smart.data(3)} % spare, {smart.data(47, 32)} data units read")
    assert 273 < kelvin < 373

    queues = nvme0.getfeatures(7).waitdone()
    print(f"queues   {(queues & 0xFFFF) + 1} SQ, {(queues >> 16) + 1} CQ")

    threshold = nvme0.getfeatures(4).waitdone() & 0xFFFF
    nvme0.setfeatures(4, cdw11=threshold - 1).waitdone()
    assert nvme0.getfeatures(4).waitdone() & 0xFFFF == threshold - 1
    nvme0.setfeatures(4, cdw11=threshold).waitdone()


def test_two_controllers():
    """What one controller writes, the other reads: two controllers, one namespace."""
    with SoftwareSSD(size="1G", ctrlrs=2) as ssd:
        attached = []
        for addr in ssd.addrs:
            pcie = d.Pcie(addr)
            nvme = d.Controller(pcie)
            attached.append((pcie, nvme, d.Namespace(nvme, 1), d.Qpair(nvme, 16)))
        (_, nvme_a, ns_a, qpair_a), (_, nvme_b, ns_b, qpair_b) = attached
        assert nvme_a.id_data(79, 78) != nvme_b.id_data(79, 78)  # CNTLID
        assert nvme_a.id_data(23, 4, str) == nvme_b.id_data(23, 4, str)

        out, back = d.Buffer(512), d.Buffer(512)
        out[:] = b"\x5a" * 512
        ns_a.write(qpair_a, out, 7).waitdone()
        ns_b.read(qpair_b, back, 7).waitdone()
        assert back[:] == out[:]
        print(f"controllers {nvme_a.id_data(79, 78)} and {nvme_b.id_data(79, 78)} share namespace 1")
        for pcie, _, ns, qpair in attached:
            qpair.delete()
            ns.close()
            pcie.close()
