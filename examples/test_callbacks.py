# SPDX-License-Identifier: BSD-3-Clause
"""A chain of callbacks: each completion sends the next command, and one waitdone() waits for all of them."""
import nvme as d


def test_callback_chain(nvme0n1, qpair):
    """Write, read it back, compare, deallocate: each step is sent by the callback of the one before."""
    data, back, ranges = d.Buffer(4096, pvalue=100, ptype=0xBEEF), d.Buffer(4096), d.Buffer(4096)
    ranges.set_dsm_range(0, 0, 8)
    done = []

    def note(name, cqe):
        done.append(f"{name}: {cqe.sct:02x}/{cqe.sc:02x}, {qpair.latest_latency} us")

    def deallocated(cqe):
        note("deallocate", cqe)

    def compared(cqe):
        note("compare", cqe)
        nvme0n1.dsm(qpair, ranges, 1, cb=deallocated)

    def was_read(cqe):
        note("read", cqe)
        nvme0n1.compare(qpair, back, 0, 8, cb=compared)

    def written(cqe):
        note("write", cqe)
        nvme0n1.read(qpair, back, 0, 8, cb=was_read)

    nvme0n1.write(qpair, data, 0, 8, cb=written)
    assert done == []  # callbacks run only inside of waitdone()
    qpair.waitdone(4)
    print(*done, sep="\n")
    assert [line.split(":")[0] for line in done] == ["write", "read", "compare", "deallocate"]
    assert back[:] == data[:]
