# SPDX-License-Identifier: BSD-3-Clause
"""Protection information made by QEMU's device and by ours, of the same data: the same bytes, and each finds the other's right.

NVM Command Set, "16b Guard Protection Information", "64b Guard Protection Information", "PRACT Bit".
"""
import os

import pytest

import nvme as d

LBA, COUNT = 64, 4
PRACT, GUARD, APP, REF = 1 << 13, 1 << 12, 1 << 11, 1 << 10  # of io_flags
TAG = 0x5AA5


def _qemu(data, meta, pif, pi, pil, mset):
    pcie = d.Pcie(
        f"qemu:nvme?size=64M&logical_block_size={data}&ms={meta}&pif={pif}&pi={pi}&pil={pil}&mset={mset}"
    )
    return pcie, d.Namespace(d.Controller(pcie), 1)


def _ours(data, meta, pif, pi, pil, mset):
    pcie = d.Pcie("ssd:?size=64M")
    ns = d.Namespace(d.Controller(pcie), 1)
    ns.format(data, meta, pif=pif, pi=pi, pil=pil, mset=mset)
    return pcie, ns


class _Drive:
    """A namespace with protection, and what goes to it and comes from it as it is."""

    def __init__(self, made, data, meta, mset):
        self.pcie, self.ns = made
        self.ns.inject_write_buffer_disable()
        self.ns.inject_write_token_disable()
        self.size = data + (meta if mset else 0)
        self.meta = meta
        self.qpair = d.Qpair(self.ns.nvme, 8)

    def go(self, what, flags, data, tags):
        getattr(self.ns, what)(
            self.qpair, data, LBA, COUNT, flags, cdw14=LBA, cdw15=0xFFFF << 16 | TAG, meta=tags
        ).waitdone()

    def buffers(self):
        return d.Buffer(COUNT * self.size), d.Buffer(COUNT * self.meta)

    def close(self):
        self.qpair.delete()
        self.ns.close()
        self.pcie.close()


@pytest.mark.parametrize("mset", [0, 1])
@pytest.mark.parametrize("pil", [0, 1])
@pytest.mark.parametrize("pi", [1, 3])
@pytest.mark.parametrize("data,meta,pif", [(512, 8, 0), (4096, 64, 0), (4096, 64, 2), (4096, 16, 2)])
def test_same_bytes(data, meta, pif, pi, pil, mset, recwarn):
    """The drive inserts (PRACT) into metadata of its own; read back as it is, and written to the other one, which checks."""
    format_ = data, meta, pif, pi, pil, mset
    drives = [_Drive(make(*format_), data, meta, mset) for make in (_qemu, _ours)]
    check = GUARD | APP | (REF if pi < 3 else 0)
    try:
        seen, content = [], os.urandom(COUNT * drives[0].size)
        for drive in drives:
            out, tags = drive.buffers()
            out[:] = content
            drive.go("write", PRACT, out, tags)
            drive.go("read", 0, out, tags)
            seen.append((out, tags))
        assert seen[0][0][:] == seen[1][0][:]
        assert mset or seen[0][1][:] == seen[1][1][:]
        for drive, (out, tags) in zip(drives, reversed(seen)):
            drive.go("write", check, out, tags)
        assert not recwarn.list
    finally:
        for drive in drives:
            drive.close()
