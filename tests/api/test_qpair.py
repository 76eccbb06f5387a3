# SPDX-License-Identifier: BSD-3-Clause
"""Queue pairs: depth, completion, commands.  Status values: NVM Command Set, "Status Values"."""
import pytest

import nvme as d


def status_of(submit):
    """The status (SCT << 8 | SC) of one command; submit(cb) sends it."""
    seen = []
    with pytest.warns(UserWarning, match="ERROR status"):
        submit(lambda cpl: seen.append(cpl.status)).waitdone()
    return seen[0]


def test_properties(nvme0):
    q = d.Qpair(nvme0, 16)
    assert q.depth == 16 and q.sqid > 0 and repr(q) == f"<qpair: {q.sqid}>"
    with pytest.raises(AssertionError):
        q.close()
    q.delete()
    q.delete()
    assert q.sqid == 0
    with pytest.raises(SystemError):
        q.waitdone()


@pytest.mark.parametrize("depth", [0, 1, 1 << 17])
def test_bad_depth(nvme0, depth):
    with pytest.raises(AssertionError):
        d.Qpair(nvme0, depth)


def test_depth_four_takes_three(nvme0, nvme0n1, buf):
    q = d.Qpair(nvme0, 4)
    for lba in range(3):
        nvme0n1.read(q, buf, lba)
    with pytest.raises(AssertionError, match="error in submitting"):
        nvme0n1.read(q, buf, 3)
    q.waitdone(3)
    nvme0n1.read(q, buf, 3).waitdone()
    q.delete()


def test_many_rounds_of_a_small_queue(nvme0, nvme0n1, buf):
    q = d.Qpair(nvme0, 2)
    for i in range(70):
        nvme0n1.read(q, buf, i).waitdone()
    q.delete()


def test_waitdone_zero(qpair, nvme0):
    qpair.waitdone(0)
    nvme0.waitdone(0)


def test_waitdone_too_many(nvme0n1, qpair, buf):
    nvme0n1.read(qpair, buf, 0)
    with pytest.raises(AssertionError, match="not reap the exact completions"):
        qpair.waitdone(2)
    nvme0n1.read(qpair, buf, 0).waitdone()


def test_waitdone_exactly(nvme0n1, qpair, buf):
    done = []
    for i in range(10):
        nvme0n1.read(qpair, buf, i, cb=lambda cpl: done.append(cpl.cid))
    qpair.waitdone(4)
    assert len(done) == 4
    qpair.waitdone(6)
    assert len(done) == 10


def test_several_queues(nvme0, nvme0n1):
    queues = [d.Qpair(nvme0, 8) for _ in range(4)]
    assert len({q.sqid for q in queues}) == 4
    bufs = [d.Buffer(512, pvalue=i + 1, ptype=32) for i in range(4)]
    for i, q in enumerate(queues):
        nvme0n1.write(q, bufs[i], 100 + i)
    for q in queues:
        q.waitdone()
    back = d.Buffer(512)
    for i, q in enumerate(reversed(queues)):
        nvme0n1.read(q, back, 100 + i).waitdone()
        assert back[:] == bufs[i][:]
    for q in queues:
        q.delete()


def test_lazy_doorbell(nvme0, nvme0n1, buf):
    q = d.Qpair(nvme0, 16, ien=False, lazy_doorbell=True)
    for i in range(5):
        nvme0n1.read(q, buf, i)
    q.waitdone(5)
    q.delete()


def test_order_of_data(nvme0n1, qpair):
    size = nvme0n1.sector_size
    for lba in range(8):
        nvme0n1.write(qpair, d.Buffer(size, pvalue=lba, ptype=32), lba)
    qpair.waitdone(8)
    back = d.Buffer(8 * size)
    nvme0n1.read(qpair, back, 0, 8).waitdone()
    assert [back[i * size] for i in range(8)] == list(range(8))


def test_offset_of_a_buffer(nvme0n1, qpair):
    """PRP1 with an offset: NVMe Base, "Physical Region Page Entry and List"."""
    nvme0n1.inject_write_buffer_disable()
    nvme0n1.inject_write_token_disable()
    size = nvme0n1.sector_size
    nvme0n1.write(qpair, d.Buffer(size * 3, pvalue=0x11223344, ptype=32), 50, 3).waitdone()
    back = d.Buffer(3 * size + 4096, offset=1024)
    nvme0n1.read(qpair, back, 50, 3).waitdone()
    assert back[:1024] == bytes(1024)
    assert back[1024 : 1024 + 3 * size] == b"\x44\x33\x22\x11" * (3 * size // 4)


def test_sgl(nvme0, nvme0n1, qpair):
    if nvme0.id_data(539, 536) & 3 == 0:
        pytest.skip("no SGLs: Identify Controller, SGLS")
    out, back = d.Buffer(4096, pvalue=77, ptype=32), d.Buffer(4096)
    out.sgl = back.sgl = True
    count = 4096 // nvme0n1.sector_size
    nvme0n1.write(qpair, out, 8, count).waitdone()
    nvme0n1.read(qpair, back, 8, count).waitdone()
    assert back[:] == out[:]


def test_buffer_too_small(nvme0n1, qpair, buf):
    with pytest.raises(AssertionError, match="do not fit"):
        nvme0n1.read(qpair, buf, 0, 4096 // nvme0n1.sector_size + 1)
    nvme0n1.read(qpair, buf, 0).waitdone()


@pytest.mark.parametrize("count", [0, 65537])
def test_lba_count(nvme0n1, qpair, buf, count):
    with pytest.raises(AssertionError):
        nvme0n1.read(qpair, buf, 0, count)


def test_argument_types(nvme0n1, qpair, buf):
    for args in (
        (qpair, 3, 0),
        (3, buf, 0),
        (qpair, buf, "0"),
        (qpair, buf, 0, 1.5),
        (None, buf, 0),
        (qpair, buf),
    ):
        with pytest.raises(TypeError):
            nvme0n1.read(*args)
    with pytest.raises(TypeError):
        nvme0n1.read(qpair, buf, 0, lbas=1)
    with pytest.raises(TypeError):
        nvme0n1.read(qpair, buf, 0, lba=1)
    with pytest.raises(TypeError):
        nvme0n1.read(qpair, buf, 0, cb=3)
    for bad in (-1, 1 << 64):
        with pytest.raises(OverflowError):
            nvme0n1.read(qpair, buf, bad)


def test_both_spellings_of_dwords(nvme0, nvme0n1, qpair, buf):
    cmds = []
    cb = lambda cpl: cmds.append(nvme0.get_cmd(cpl))  # noqa: E731
    nvme0n1.read(qpair, buf, 1, io_flags=0x4000, cdw13=0x40, cb=cb).waitdone()
    nvme0n1.read(qpair, buf, 1, io_flags=0x4000, dword13=0x40, cb=cb).waitdone()
    for cmd in cmds:
        assert cmd[0] & 0xFF == 2 and cmd[1] == nvme0n1.nsid and cmd[10] == 1
        assert cmd[12] == 0x40000000 and cmd[13] == 0x40
    with pytest.raises(AssertionError):
        nvme0.get_cmd(None)


def test_beyond_the_end(nvme0n1, qpair, buf):
    end = nvme0n1.id_data(7, 0)
    assert status_of(lambda cb: nvme0n1.read(qpair, buf, end, cb=cb)) == 0x080
    assert status_of(lambda cb: nvme0n1.write(qpair, buf, end - 1, 2, cb=cb)) == 0x080


def test_uncorrectable(nvme0n1, qpair, buf):
    if not nvme0n1.supports(0x04):
        pytest.skip("no Write Uncorrectable")
    nvme0n1.write_uncorrectable(qpair, 5, 2).waitdone()
    assert status_of(lambda cb: nvme0n1.read(qpair, buf, 6, cb=cb)) == 0x281
    nvme0n1.write(qpair, buf, 5, 2).waitdone()
    nvme0n1.read(qpair, buf, 5, 2).waitdone()


def test_compare(nvme0n1, qpair):
    if not nvme0n1.supports(0x05):
        pytest.skip("no Compare")
    a = d.Buffer(512, pvalue=1, ptype=32)
    nvme0n1.write(qpair, d.Buffer(nvme0n1.sector_size, pvalue=1, ptype=32), 9).waitdone()
    if nvme0n1.sector_size == 512:
        nvme0n1.compare(qpair, a, 9).waitdone()
    b = d.Buffer(nvme0n1.sector_size, pvalue=2, ptype=32)
    assert status_of(lambda cb: nvme0n1.compare(qpair, b, 9, cb=cb)) == 0x285


def test_zeroes_trim_flush_verify(nvme0n1, qpair):
    nvme0n1.inject_write_buffer_disable()
    nvme0n1.inject_write_token_disable()
    size = nvme0n1.sector_size
    ones = d.Buffer(4 * size, pvalue=1)
    back = d.Buffer(4 * size)
    nvme0n1.write(qpair, ones, 20, 4).waitdone()
    nvme0n1.write_zeroes(qpair, 21, 2).waitdone()
    nvme0n1.read(qpair, back, 20, 4).waitdone()
    assert back[:] == b"\xff" * size + bytes(2 * size) + b"\xff" * size
    ranges = d.Buffer(4096)
    ranges.set_dsm_range(0, 20, 1)
    ranges.set_dsm_range(1, 23, 1)
    nvme0n1.dsm(qpair, ranges, 2).waitdone()
    nvme0n1.flush(qpair).waitdone()
    if nvme0n1.supports(0x0C):
        nvme0n1.verify(qpair, 20, 4).waitdone()


def test_copy(nvme0n1, qpair):
    if not nvme0n1.supports(0x19):
        pytest.skip("no Copy")
    nvme0n1.inject_write_buffer_disable()
    nvme0n1.inject_write_token_disable()
    size = nvme0n1.sector_size
    for lba, value in ((30, 3), (40, 4)):
        nvme0n1.write(qpair, d.Buffer(size, pvalue=value, ptype=32), lba).waitdone()
    ranges, back = d.Buffer(4096), d.Buffer(2 * size)
    ranges.set_copy_range(0, 40, 1)
    ranges.set_copy_range(1, 30, 1)
    nvme0n1.copy(qpair, ranges, 2, 60).waitdone()
    nvme0n1.read(qpair, back, 60, 2).waitdone()
    assert back[0] == 4 and back[size] == 3


def test_bad_namespace_in_a_command(nvme0n1, qpair):
    assert status_of(lambda cb: nvme0n1.send_cmd(0, qpair, nsid=0xFFFFFFFE, cb=cb)) == 0x00B


def test_bad_opcode(nvme0n1, qpair):
    assert status_of(lambda cb: nvme0n1.send_cmd(0xFF, qpair, cb=cb)) == 0x001


def test_raw_read_and_fused(nvme0, nvme0n1, qpair):
    size = nvme0n1.sector_size
    old, new, back = d.Buffer(size, pvalue=1, ptype=32), d.Buffer(size, pvalue=2, ptype=32), d.Buffer(size)
    nvme0n1.write(qpair, old, 70).waitdone()
    if nvme0.id_data(523, 522) & 1:
        nvme0n1.send_cmd(0x05 | 1 << 8, qpair, old, cdw10=70)
        nvme0n1.send_cmd(0x01 | 2 << 8, qpair, new, cdw10=70)
        qpair.waitdone(2)
        old = new
    nvme0n1.send_cmd(2, qpair, back, cdw10=70).waitdone()
    assert back[:] == old[:]


def test_command_log(nvme0, nvme0n1, qpair, buf):
    for lba in (11, 12, 13):
        nvme0n1.read(qpair, buf, lba).waitdone()
    log = qpair.cmdlog(2)
    assert len(log) == 2 and "slba:13" in log[0] and "slba:12" in log[1]
    assert "slba:12" in qpair.cmdlog(1, 1)[0]
    nvme0.getfeatures(7).waitdone()
    assert "Get Features" in nvme0.cmdlog(1)[0]
    merged = nvme0.cmdlog_merged(10, 0, qpair)
    assert "Get Features" in merged[0] and "slba:13" in merged[1]
    assert qpair.latest_latency >= 0 and nvme0.latest_status == 0
