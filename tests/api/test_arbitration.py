# SPDX-License-Identifier: BSD-3-Clause
"""Which submission queue is served first, seen in the order of completions on the completion queue that they share.

NVMe Base Specification, "Command Arbitration"; "Arbitration" feature.
"""
import pytest

import nvme as d
from nvme import IOCQ, IOSQ, PRP

ARBITRATION = 0x01
CC_WRR = 0x00460800
URGENT, HIGH, MEDIUM, LOW = range(4)
DEPTH = 64


def weights(burst, low=1, medium=1, high=1):
    """Dword 11 of the feature: burst is log2, weights are 0's based."""
    return burst | (low - 1) << 8 | (medium - 1) << 16 | (high - 1) << 24


def init(nvme0, cc):
    """As the driver does it, with another CC."""
    nvme0[0x14] = 0
    nvme0.wait_csts(rdy=False)
    assert nvme0.init_adminq() == 0
    nvme0[0x14] = cc
    nvme0[0x14] = cc | 1
    nvme0.wait_csts(rdy=True)
    nvme0.identify(d.Buffer(4096)).waitdone()
    assert nvme0.init_ns() >= 0
    nvme0.setfeatures(7, cdw11=0xFFFEFFFE).waitdone()
    nvme0.init_queues(nvme0.getfeatures(7).waitdone())


def controller(pcie, cc=CC_WRR):
    """Brought up with weighted round robin."""
    if cc == CC_WRR and not d.Controller(pcie, True).cap >> 17 & 1:
        pytest.skip("no weighted round robin: CAP.AMS")
    return d.Controller(pcie, lambda nvme0: init(nvme0, cc))


def order(nvme0, prios, count=32):
    """Send `count` flushes on a queue of each priority, and the identifiers of the queues in the order of their completions.

    The doorbells of an SSD in this process are all written before it looks at the first of them.
    """
    cq = IOCQ(nvme0, 1, 256, PRP(4096))
    queues = [IOSQ(nvme0, i + 1, DEPTH, PRP(4096), cq=cq, qprio=prio) for i, prio in enumerate(prios)]
    for sq in queues:
        for cid in range(count):
            sq.flush(cid, 1)
    for sq in queues:
        sq.tail = sq.wpointer
    total = count * len(queues)
    cq.waitdone(total)
    seen = [cq[i].sqid for i in range(total)]
    for sq in queues:
        sq.delete()
    cq.delete()
    return seen


@pytest.fixture
def sim():
    """A drive on virtual time, whose order can be told in advance."""
    pcie = d.Pcie("sim:?size=64M")
    yield pcie
    pcie.close()


@pytest.mark.parametrize("burst", [0, 2, 4])
def test_round_robin_with_burst(sim, burst):
    nvme0 = controller(sim, 0x00460000)
    nvme0.setfeatures(ARBITRATION, cdw11=weights(burst)).waitdone()
    seen = order(nvme0, [LOW, URGENT, HIGH])
    run = 1 << burst
    assert seen == [q for _ in range(32 // run) for q in (1, 2, 3) for _ in range(run)]


def test_weights(sim):
    """A round is three of the high, two of the medium, one of the low queue."""
    nvme0 = controller(sim)
    nvme0.setfeatures(ARBITRATION, cdw11=weights(0, 1, 2, 3)).waitdone()
    seen = order(nvme0, [HIGH, MEDIUM, LOW], count=30)
    assert seen[:60] == [1, 1, 1, 2, 2, 3] * 10
    assert sorted(seen) == [1] * 30 + [2] * 30 + [3] * 30


def test_urgent_is_first(sim):
    nvme0 = controller(sim)
    nvme0.setfeatures(ARBITRATION, cdw11=weights(1, high=256)).waitdone()
    seen = order(nvme0, [HIGH, LOW, URGENT, URGENT])
    assert set(seen[:64]) == {3, 4}
    assert set(seen[64:96]) == {1}  # up to 256 of a high one before a low one


def test_all_priorities_are_served(pcie):
    """On any drive: nobody starves, and the controller says what it was told."""
    nvme0 = controller(pcie)
    assert nvme0[0x14] >> 11 & 7 == 1
    nvme0.setfeatures(ARBITRATION, cdw11=weights(2, 4, 8, 16)).waitdone()
    assert nvme0.getfeatures(ARBITRATION).waitdone() == weights(2, 4, 8, 16)
    ns, buf = d.Namespace(nvme0), d.Buffer(4096)
    queues = [d.Qpair(nvme0, DEPTH, prio=prio) for prio in (URGENT, HIGH, MEDIUM, LOW)]
    assert [q.prio for q in queues] == [URGENT, HIGH, MEDIUM, LOW]
    for q in queues:
        for lba in range(40):
            ns.read(q, buf, lba)
    for q in reversed(queues):
        q.waitdone(40)
    for prio in (URGENT, LOW):
        r = ns.ioworker(io_size=8, io_count=200, qprio=prio, qdepth=16).start().close()
        assert r.error == 0 and r.io_count_read == 200
    ns.close()


def test_recommended_burst(nvme0):
    """Identify's RAB is the default of the feature."""
    assert nvme0.getfeatures(ARBITRATION, sel=1).waitdone() & 7 == nvme0.id_data(72)
