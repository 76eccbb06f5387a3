# SPDX-License-Identifier: BSD-3-Clause
"""Keyword arguments: which parameter a name is, is remembered by call site, and must stay right for each of them."""
import pytest

import nvme as d


def test_same_site_same_meaning(nvme0n1, qpair, buf):
    """One call site, many times: the values are taken by name, whatever the order in which they are written."""
    for i in range(200):
        buf[0] = 0
        nvme0n1.read(lba_count=1 + i % 8, lba=i, buf=buf, qpair=qpair).waitdone()
        nvme0n1.read(qpair=qpair, buf=buf, lba=i, lba_count=1 + i % 8).waitdone()
        nvme0n1.read(qpair, buf, lba_count=1 + i % 8, lba=i).waitdone()


def test_names_reach_their_parameters(nvme0n1, qpair):
    """What is written through each spelling is what is read back at the LBA that was named."""
    nvme0n1.inject_write_buffer_disable()
    for i in range(20):
        w, r = d.Buffer(512), d.Buffer(512)
        w[0:4] = bytes([i, 1, 2, 3])
        nvme0n1.write(lba=i, buf=w, qpair=qpair, lba_count=1).waitdone()
        nvme0n1.read(buf=r, qpair=qpair, lba=i).waitdone()
        assert bytes(r[0:4]) == bytes([i, 1, 2, 3])


def test_dictionaries(nvme0n1, qpair, buf):
    """Names from a dictionary come in a new tuple each time."""
    for i in range(100):
        nvme0n1.read(**{"qpair": qpair, "buf": buf, "lba": i, "lba_count": 2}).waitdone()
        nvme0n1.read(**{"lba_count": 2, "lba": i}, qpair=qpair, buf=buf).waitdone()


def test_errors_are_not_remembered_away(nvme0n1, qpair, buf):
    """A wrong call is wrong each time that its line runs."""
    for _ in range(5):
        with pytest.raises(TypeError, match="unexpected argument 'lbas'"):
            nvme0n1.read(qpair, buf, lbas=0)
        with pytest.raises(TypeError, match="repeated argument 'qpair'"):
            nvme0n1.read(qpair, buf, 0, qpair=qpair)
        with pytest.raises(TypeError, match="repeated argument 'dword13'"):
            nvme0n1.read(qpair, buf, 0, cdw13=0, dword13=0)
        with pytest.raises(TypeError, match="needs lba"):
            nvme0n1.read(qpair=qpair, buf=buf)
        nvme0n1.read(qpair=qpair, buf=buf, lba=0, dword13=0).waitdone()


def test_more_sites_than_are_remembered(nvme0n1, qpair, buf):
    """Thousands of call sites with the same names, and others in between: they take each other's place, no more."""
    code = [
        compile("ns.read(qpair=q, buf=b, lba=%d, lba_count=1 + %d).waitdone()" % (i, i % 4), "site", "eval")
        for i in range(1500)
    ]
    for _ in range(2):
        for c in code:
            eval(c, {"ns": nvme0n1, "q": qpair, "b": buf})


def test_positional_after_names(nvme0n1, qpair, buf):
    """The same tuple of names with more positional arguments than fit beside it is refused, remembered or not."""
    names = {"lba": 0}
    for args, ok in (((qpair, buf), True), ((qpair, buf, 0), False), ((qpair, buf), True)):
        if ok:
            nvme0n1.read(*args, **names).waitdone()
        else:
            with pytest.raises(TypeError, match="repeated argument 'lba'"):
                nvme0n1.read(*args, **names)
