# SPDX-License-Identifier: BSD-3-Clause
"""Virtualization Management on QEMU's primary controller and on ours: the same statuses, resources and states.

NVMe Base Specification 2.2, 5.2.6 "Virtualization Management command", 8.2.6 "Virtualization Enhancements".
"""
import warnings

import pytest

import nvme as d
from nvproof.softssd import SoftwareSSD

PRIMARY, OFFLINE, ASSIGN, ONLINE = 1, 7, 8, 9
VQ, VI = 0, 1
QEMU = (
    "qemu:nvme?size=64M&max_ioqpairs=8&msix_qsize=9&sriov_max_vfs=2&sriov_vq_flexible=4&sriov_vi_flexible=4"
)


@pytest.fixture(params=["qemu", "ours"])
def drive(request):
    """The primary controller, and the identifier of the first secondary one."""
    if request.param == "qemu":
        pcie = d.Pcie(QEMU)
        yield d.Controller(pcie), 1
        pcie.close()
        return
    with SoftwareSSD(size="64M", ctrlrs=3, args=["--virt"]) as ssd:
        pcie = d.Pcie(ssd.addrs[0])
        yield d.Controller(pcie), 2
        pcie.close()


def answer(nvme0, *args):
    """(Dword 0, warnings) of one command."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        dw0 = nvme0.virt_mgmt(*args).waitdone()
    return dw0, [str(w.message) for w in seen]


def secondary(nvme0, cntid):
    """Online, VQ, VI: "Secondary Controller List" (CNS 15h)."""
    buf = d.Buffer(4096)
    nvme0.identify(buf, nsid=0, cns=0x15, cntid=cntid).waitdone()
    assert buf[0] == 2 and buf.data(33, 32) == cntid
    return buf[36], buf.data(43, 42), buf.data(45, 44)


@pytest.mark.parametrize(
    "cntid, action, resource, count, status",
    [
        (0, 0, VQ, 0, "00/02"),
        (9, ASSIGN, VQ, 1, "01/1f"),
        (0, PRIMARY, VQ, 1, "01/1f"),
        (0, ONLINE, VQ, 0, "01/20"),
        (0, ASSIGN, VQ, 1000, "01/21"),
        (0, ASSIGN, 2, 1, "01/22"),
    ],
)
def test_refused(drive, cntid, action, resource, count, status):
    """cntid counts from the first secondary controller."""
    nvme0, first = drive
    assert answer(nvme0, first + cntid, action, resource, count)[1] == [f"ERROR status: {status}"]


def test_resources(drive):
    """What is assigned is in the list; offline, it is free again."""
    nvme0, first = drive
    assert secondary(nvme0, first) == (0, 0, 0)
    assert answer(nvme0, first, ASSIGN, VQ, 2) == (2, [])
    assert answer(nvme0, first, ASSIGN, VI, 2) == (2, [])
    assert secondary(nvme0, first) == (0, 2, 2)
    assert answer(nvme0, first, OFFLINE, VQ, 0)[1] == []
    assert secondary(nvme0, first) == (0, 0, 0)


def test_capabilities(drive):
    """Both types of resource, and none of the flexible ones assigned at first: CNS 14h."""
    nvme0, _ = drive
    buf = d.Buffer(4096)
    nvme0.identify(buf, nsid=0, cns=0x14).waitdone()
    assert buf[4] & 3 == 3 and buf.data(35, 32) >= 4 and buf.data(39, 36) == 0 and buf.data(43, 42) >= 2
