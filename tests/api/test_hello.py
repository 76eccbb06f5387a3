# SPDX-License-Identifier: BSD-3-Clause
"""The first script that everybody writes."""
import nvme as d


def test_hello_world(nvme0, nvme0n1, qpair, verify):
    """A write whose callback reads the same LBA; one waitdone for both."""
    assert verify
    read_buf = d.Buffer(512)
    write_buf = d.Buffer(512)
    write_buf[10:21] = b"hello world"

    def write_cb(cdw0, status):
        nvme0n1.read(qpair, read_buf, 0, 1)

    nvme0n1.write(qpair, write_buf, 0, 1, cb=write_cb)
    assert read_buf[10:21] != b"hello world"
    qpair.waitdone(2)
    assert read_buf[10:21] == b"hello world"
    assert read_buf[:] == write_buf[:]


def test_names():
    import nvproof

    assert d.Buffer is nvproof.Buffer and d.__version__ == nvproof.__version__ and d.__author__
    assert d._cTIMEOUT == 10
    assert sorted(d.__all__) == sorted(nvproof.__all__)
    assert all(getattr(d, name) is getattr(nvproof, name) for name in d.__all__)
