# SPDX-License-Identifier: BSD-3-Clause
"""Host memory buffer: memory that the host lends to the drive.

NVMe Base Specification, "Host Memory Buffer" feature and section.
"""
import time

import pytest

import nvme as d

HMB = 0x0D
EHM, MR = 1, 2


class Lent:
    """Memory in `pieces` of equal size, and the list that describes it."""

    def __init__(self, nvme0, pages, pieces=1):
        self.nvme0, self.pages, self.count = nvme0, pages, pieces
        self.memory = [d.Buffer(4096 * pages // pieces) for _ in range(pieces)]
        self.list = d.Buffer(max(4096, 16 * pieces))
        for i, buf in enumerate(self.memory):
            self.list[16 * i : 16 * i + 8] = buf.phys_addr.to_bytes(8, "little")
            self.list[16 * i + 8 : 16 * i + 12] = (pages // pieces).to_bytes(4, "little")

    def set(self, cdw11=EHM, hsize=None, at=None, count=None):
        """Set Features; the list is where it is unless something else is asked for."""
        at = self.list.phys_addr if at is None else at
        self.nvme0.setfeatures(
            HMB,
            cdw11=cdw11,
            cdw12=self.pages if hsize is None else hsize,
            cdw13=at & 0xFFFFFFFF,
            cdw14=at >> 32,
            cdw15=self.count if count is None else count,
        ).waitdone()


@pytest.fixture
def sizes(nvme0):
    """HMPRE and HMMIN in 4 KiB; skips without the feature, and switches it off at the end."""
    preferred, least = nvme0.id_data(275, 272), nvme0.id_data(279, 276)
    if not preferred:
        pytest.skip("no host memory buffer: HMPRE")
    yield preferred, least
    nvme0.setfeatures(HMB, cdw11=0).waitdone()


def attributes(nvme0):
    """EHM, HSIZE, list address, entries."""
    buf = d.Buffer(4096)
    enabled = nvme0.getfeatures(HMB, buf=buf).waitdone()
    return enabled, buf.data(3, 0), buf.data(11, 4), buf.data(15, 12)


def test_recipe(nvme0, nvme0n1, qpair, buf, sizes):
    """One piece of the preferred size; I/O goes on with it, and without it."""
    lent = Lent(nvme0, sizes[0])
    lent.set()
    assert attributes(nvme0) == (EHM, sizes[0], lent.list.phys_addr, 1)
    for lba in range(100):
        nvme0n1.read(qpair, buf, lba).waitdone()
    nvme0.setfeatures(HMB, cdw11=0).waitdone()
    assert attributes(nvme0)[0] == 0
    for lba in range(100):
        nvme0n1.read(qpair, buf, lba).waitdone()


def test_pages_one_by_one(nvme0, sizes):
    pages = min(sizes[0], 128)
    if pages < sizes[1] or nvme0.id_data(335, 332) > 1:
        pytest.skip("single pages are too small: HMMIN, HMMINDS")
    lent = Lent(nvme0, pages, pages)
    lent.set()
    assert attributes(nvme0) == (EHM, pages, lent.list.phys_addr, pages)


def test_the_drive_uses_it(nvme0, sizes):
    """Something is in it, and after the command that takes it away nothing changes any more."""
    lent = Lent(nvme0, sizes[0])
    lent.set()
    deadline = time.monotonic() + 2
    while not any(lent.memory[0][:]) and time.monotonic() < deadline:
        time.sleep(0.05)
    if not any(lent.memory[0][:4096]):
        pytest.skip("the drive wrote nothing yet")
    nvme0.setfeatures(HMB, cdw11=0).waitdone()
    lent.memory[0][:] = bytes([0x5A]) * len(lent.memory[0])
    time.sleep(0.3)
    assert lent.memory[0][:] == bytes([0x5A]) * len(lent.memory[0])


def test_software_ssd_keeps_a_record(nvme0, sizes):
    """What the software SSD writes: a record at the start of each piece, which it renews and finds again."""
    lent = Lent(nvme0, 64, 2)
    lent.set()
    if lent.memory[0][:8] != b"nvproof\0":
        pytest.skip("not the software SSD")
    times = [buf.data(15, 12) for buf in lent.memory]
    assert times == [1, 1]
    first = lent.memory[1].data(23, 16)
    if not nvme0.addr.startswith("sim:"):
        time.sleep(0.35)
        assert lent.memory[1].data(23, 16) > first
    nvme0.setfeatures(HMB, cdw11=0).waitdone()
    lent.set(EHM | MR)  # returned as it was
    assert [buf.data(15, 12) for buf in lent.memory] == [2, 2]
    nvme0.reset()
    lent.set(EHM | MR)
    assert lent.memory[0].data(15, 12) == 3
    nvme0.setfeatures(HMB, cdw11=0).waitdone()
    lent.memory[1][20] ^= 1
    lent.set(EHM | MR)  # not as it was
    assert lent.memory[0].data(15, 12) == 1


def test_reset_takes_it_away(nvme0, sizes):
    lent = Lent(nvme0, sizes[0])
    lent.set()
    nvme0.reset()
    assert attributes(nvme0)[0] == 0
    lent.set()
    assert attributes(nvme0)[0] == EHM


def test_twice(nvme0, sizes):
    lent = Lent(nvme0, sizes[0])
    lent.set()
    with pytest.warns(UserWarning, match="ERROR status: 00/0c"):
        lent.set()


@pytest.mark.parametrize(
    "wrong", [{"hsize": 0}, {"at": 8}, {"count": 0}, {"cdw11": EHM | 4}], ids=["size", "list", "count", "bit"]
)
def test_refused(nvme0, sizes, wrong):
    lent = Lent(nvme0, sizes[0])
    if "at" in wrong:
        wrong = {"at": lent.list.phys_addr + wrong["at"]}
    with pytest.warns(UserWarning, match="ERROR status: 00/02"):
        lent.set(**wrong)
    assert attributes(nvme0)[0] == 0
