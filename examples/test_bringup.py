# SPDX-License-Identifier: BSD-3-Clause
"""Bring-up by the script: it writes the registers and sends the first commands itself, now and at each reset."""
import nvme as d


def test_custom_init(pcie):
    """Weighted round robin where the controller has it, an admin queue of 32 entries, and as many AERs as it takes."""
    steps = []

    def init(nvme0):
        nvme0[0x14] = 0
        nvme0.wait_csts(rdy=False)
        nvme0.init_adminq(depth=32)
        wrr = nvme0.cap >> 17 & 1  # CAP.AMS: weighted round robin with urgent priority class
        nvme0[0x14] = 0x00460000 | wrr << 11
        nvme0[0x14] = 0x00460001 | wrr << 11
        nvme0.wait_csts(rdy=True)
        nvme0.init_ns()
        nvme0.setfeatures(7, cdw11=0xFFFEFFFE).waitdone()
        nvme0.init_queues(nvme0.getfeatures(7).waitdone())
        for _ in range(nvme0.id_data(259) + 1):  # AERL is 0's based
            nvme0.aer()
        steps.append(
            f"CC {nvme0[0x14]:#010x}, CSTS {nvme0[0x1C]:#x}, {nvme0.id_data(259) + 1} event requests"
        )

    nvme0 = d.Controller(pcie, nvme_init_func=init)
    urgent = d.Qpair(nvme0, 16, prio=0)
    nvme0.reset()  # runs the same function again, and the queue pair is there again
    d.Namespace(nvme0).read(urgent, d.Buffer(4096), 0, 8).waitdone()
    print(*steps, sep="\n")
    assert len(steps) == 2 and steps[0] == steps[1]
    assert nvme0.get_adminq_setting()[1] == 32
    urgent.delete()
