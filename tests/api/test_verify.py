# SPDX-License-Identifier: BSD-3-Clause
"""Data verification: what was written must come back, and nothing that is right is accused."""
import logging
import subprocess
import sys

import pytest

import nvme as d
from nvproof.softssd import SoftwareSSD

LBA = 1000


def test_enable(nvme0n1):
    assert nvme0n1.verify_enable(True) is True
    assert nvme0n1.verify_enable(False) is True


def test_right_data(nvme0n1, qpair, verify, caught):
    out, back = d.Buffer(4096, pvalue=100, ptype=0xBEEF), d.Buffer(4096)
    n = 4096 // nvme0n1.sector_size
    for i in range(50):
        nvme0n1.write(qpair, out, LBA + i, n)
        qpair.waitdone()
        nvme0n1.read(qpair, back, LBA + i, n).waitdone()
        assert back[:] == out[:]
    assert caught == []


OTHER = """
import nvme as d
pcie = d.Pcie({addr!r})
nvme0 = d.Controller(pcie)
ns, qpair = d.Namespace(nvme0), d.Qpair(nvme0, 8)
ns.write(qpair, d.Buffer(512, pvalue=2, ptype=32), {lba}).waitdone()
pcie.close()
"""


def test_processes_share_the_table(caught, write_behind):
    """Another process writes through the second controller of the drive: this one knows."""
    with SoftwareSSD(size="16M", ctrlrs=2) as ssd:
        pcie = d.Pcie(ssd.addrs[0])
        nvme0 = d.Controller(pcie)
        ns, qpair = d.Namespace(nvme0), d.Qpair(nvme0, 8)
        assert ns.verify_enable(True)
        ns.write(qpair, d.Buffer(512, pvalue=1, ptype=32), LBA).waitdone()
        subprocess.run(
            [sys.executable, "-c", OTHER.format(addr=ssd.addrs[1], lba=LBA)], check=True, timeout=30
        )
        back = d.Buffer(512)
        ns.read(qpair, back, LBA).waitdone()
        assert back[8] == 2 and caught == []
        write_behind(nvme0, LBA, d.Buffer(512, pvalue=3, ptype=32))
        ns.read(qpair, back, LBA).waitdone()
        assert caught == ["ERROR status: 07/81"]
        pcie.close()


def test_drives_of_one_serial_number_are_two(caught):
    """Two software SSDs are alike but for their process: what one holds says nothing of the other."""
    with SoftwareSSD(size="16M") as a, SoftwareSSD(size="16M") as b:
        pcies = [d.Pcie(x.addrs[0]) for x in (a, b)]
        nvmes = [d.Controller(p) for p in pcies]
        assert nvmes[0].id_data(23, 4, str) == nvmes[1].id_data(23, 4, str)
        ns = [d.Namespace(n) for n in nvmes]
        qpairs = [d.Qpair(n, 8) for n in nvmes]
        ns[0].verify_enable()
        ns[1].verify_enable()
        ns[0].write(qpairs[0], d.Buffer(512, pvalue=1, ptype=32), LBA).waitdone()
        ns[1].read(qpairs[1], d.Buffer(512), LBA).waitdone()
        assert caught == []
        for p in pcies:
            p.close()


def test_wrong_data(nvme0, nvme0n1, qpair, verify, caught, caplog, write_behind):
    """A miscompare is 07/81 for the script, once for each read, and only while verification is on."""
    size = nvme0n1.sector_size
    nvme0n1.write(qpair, d.Buffer(size, pvalue=1, ptype=32), LBA).waitdone()
    write_behind(nvme0, LBA, d.Buffer(size, pvalue=2, ptype=32))
    back, seen = d.Buffer(size), []
    with caplog.at_level(logging.ERROR, "nvproof"):
        nvme0n1.read(qpair, back, LBA, cb=lambda cpl: seen.append((cpl.sct, cpl.sc))).waitdone()
    assert seen == [(7, 0x81)] and caught == ["ERROR status: 07/81"]
    assert back[:] == d.Buffer(size, pvalue=2, ptype=32)[:]  # the data itself is the device's
    assert f"crc mismatch: lba 0x{LBA:x}, expected 0x" in caplog.text and "but got 0x" in caplog.text
    nvme0n1.read(qpair, back, LBA, verify_disable=True).waitdone()
    nvme0n1.verify_enable(False)
    nvme0n1.read(qpair, back, LBA).waitdone()
    nvme0n1.verify_enable(True)
    assert len(list(caught)) == 1
    nvme0n1.write(qpair, back, LBA).waitdone()
    nvme0n1.read(qpair, back, LBA).waitdone()
    assert len(list(caught)) == 1


@pytest.mark.parametrize("how", ["zeroes", "trim", "copy", "mark", "raw zeroes", "raw trim", "ns_clear"])
def test_no_false_hit_after(nvme0, nvme0n1, qpair, verify, caught, how, write_behind):
    """What changes LBAs without writing data: neither what was there before nor what is there now is held against the drive."""
    size = nvme0n1.sector_size
    nvme0n1.write(qpair, d.Buffer(4 * size, pvalue=100, ptype=0xBEEF), LBA, 4).waitdone()
    ranges = d.Buffer(4096)
    ranges.set_dsm_range(0, LBA, 2)
    ranges.set_dsm_range(1, LBA + 2, 2)
    if how == "zeroes":
        nvme0n1.write_zeroes(qpair, LBA, 4).waitdone()
    elif how == "raw zeroes":
        nvme0n1.send_cmd(8, qpair, cdw10=LBA, cdw12=3).waitdone()
    elif how == "trim":
        nvme0n1.dsm(qpair, ranges, 2).waitdone()
    elif how == "raw trim":
        nvme0n1.send_cmd(9, qpair, ranges, cdw10=1, cdw11=4, length=32).waitdone()
    elif how == "copy":
        ranges.set_copy_range(0, LBA + 100, 4)
        nvme0n1.copy(qpair, ranges, 1, LBA).waitdone()
    elif how == "mark":
        assert nvme0n1.mark_nomapping(LBA, 4)
        write_behind(nvme0, LBA, d.Buffer(4 * size))
    else:
        nvme0.ns_clear(nvme0n1.nsid)
        write_behind(nvme0, LBA, d.Buffer(4 * size))
    nvme0n1.read(qpair, d.Buffer(4 * size), LBA, 4).waitdone()
    assert caught == []
    nvme0n1.write(qpair, d.Buffer(4 * size, pvalue=100, ptype=0xBEEF), LBA, 4).waitdone()
    write_behind(nvme0, LBA, d.Buffer(4 * size, pvalue=7, ptype=32))
    nvme0n1.read(qpair, d.Buffer(4 * size), LBA, 4).waitdone()
    assert caught == ["ERROR status: 07/81"]


def test_what_was_copied_is_verified(nvme0, nvme0n1, qpair, verify, caught, write_behind):
    size = nvme0n1.sector_size
    ranges = d.Buffer(4096)
    nvme0n1.write(qpair, d.Buffer(4 * size, pvalue=100, ptype=0xBEEF), LBA, 4).waitdone()
    ranges.set_copy_range(0, LBA, 4)
    nvme0n1.copy(qpair, ranges, 1, LBA + 50).waitdone()
    nvme0n1.read(qpair, d.Buffer(4 * size), LBA + 50, 4).waitdone()
    assert caught == []
    # two LBAs: in one of 251 cases one's code of a byte is the same by chance
    write_behind(nvme0, LBA + 52, d.Buffer(2 * size, pvalue=9, ptype=32))
    nvme0n1.read(qpair, d.Buffer(4 * size), LBA + 50, 4).waitdone()
    assert caught == ["ERROR status: 07/81"]


@pytest.mark.parametrize("how", ["command", "mark", "failed"])
def test_uncorrectable(nvme0, nvme0n1, qpair, verify, caught, caplog, how, write_behind):
    """After Write Uncorrectable a read has to fail; one that does not is itself an error, even where the command failed."""
    size, buf = nvme0n1.sector_size, d.Buffer(4096)
    if how == "command":
        nvme0n1.write_uncorrectable(qpair, LBA).waitdone()
        nvme0n1.read(qpair, buf, LBA).waitdone()
        assert list(caught) == ["ERROR status: 02/81"]
        caught.clear()
        write_behind(nvme0, LBA, d.Buffer(size))
    elif how == "mark":
        assert nvme0n1.mark_nomapping(LBA, 1, uncorr=True)
    else:
        nvme0n1.write_uncorrectable(qpair, nvme0n1.nsze - 1, 2).waitdone()
        assert list(caught) == ["ERROR status: 00/80"]
        caught.clear()
    lba = nvme0n1.nsze - 1 if how == "failed" else LBA
    with caplog.at_level(logging.ERROR, "nvproof"):
        nvme0n1.read(qpair, buf, lba).waitdone()
    assert caught == ["ERROR status: 07/81"] and "not uncorrectable" in caplog.text
    nvme0n1.write(qpair, buf, lba).waitdone()
    nvme0n1.read(qpair, buf, lba).waitdone()
    assert caught == ["ERROR status: 07/81"]


def spoil(nvme0, nvme0n1, qpair, write_behind):
    """Known data, and other data in its place."""
    nvme0n1.write(qpair, d.Buffer(nvme0n1.sector_size, pvalue=1, ptype=32), LBA).waitdone()
    write_behind(nvme0, LBA, d.Buffer(nvme0n1.sector_size, pvalue=2, ptype=32))


def test_namespace_format_forgets(nvme0, nvme0n1, qpair, verify, caught, write_behind):
    spoil(nvme0, nvme0n1, qpair, write_behind)
    nvme0n1.format(nvme0n1.sector_size)
    nvme0n1.verify_enable(True)
    nvme0n1.read(qpair, d.Buffer(nvme0n1.sector_size), LBA).waitdone()
    assert caught == []


def test_controller_format_does_not(nvme0, nvme0n1, qpair, verify, caught):
    nvme0n1.write(qpair, d.Buffer(nvme0n1.sector_size, pvalue=1, ptype=32), LBA).waitdone()
    nvme0.format(nvme0n1.id_data(26) & 0xF, 0, nvme0n1.nsid).waitdone()
    nvme0n1.read(qpair, d.Buffer(nvme0n1.sector_size), LBA).waitdone()
    assert caught == ["ERROR status: 07/81"]


def test_sanitize_forgets_all_namespaces(caught, write_behind):
    """At the success of the command, not at the end of the operation."""
    with SoftwareSSD(size="16M", ns=2) as ssd:
        pcie = d.Pcie(ssd.addrs[0])
        nvme0 = d.Controller(pcie)
        qpair = d.Qpair(nvme0, 8)
        spaces = [d.Namespace(nvme0, nsid) for nsid in (1, 2)]
        for ns in spaces:
            ns.verify_enable(True)
            ns.write(qpair, d.Buffer(512, pvalue=1, ptype=32), LBA).waitdone()
        nvme0.sanitize(option=7).waitdone()
        refused = list(caught)
        assert refused and refused[0] == "ERROR status: 00/02"
        caught.clear()
        write_behind(nvme0, LBA, d.Buffer(512, pvalue=2, ptype=32))
        spaces[0].read(qpair, d.Buffer(512), LBA).waitdone()
        assert list(caught) == ["ERROR status: 07/81"]  # a sanitize that was refused forgets nothing
        caught.clear()
        nvme0.sanitize().waitdone()
        while sanitizing(nvme0):
            pass
        for ns in spaces:
            ns.read(qpair, d.Buffer(512), LBA).waitdone()
        assert [t for t in caught if not t.startswith("AER")] == []
        pcie.close()


def sanitizing(nvme0):
    """Whether a sanitize operation is under way: Sanitize Status log, SSTAT."""
    buf = d.Buffer(512)
    nvme0.getlogpage(0x81, buf, 512).waitdone()
    return buf.data(2) & 7 == 2


def test_injection(nvme0n1, qpair, verify):
    """NSID and LBA in the first 8 bytes, a token that grows in the last 8, in the write buffer too; each can be left out."""
    size, buf, back = nvme0n1.sector_size, d.Buffer(4 * 4096), d.Buffer(4 * 4096)
    tokens = []
    for _ in range(3):
        nvme0n1.write(qpair, buf, LBA, 4).waitdone()
        nvme0n1.read(qpair, back, LBA, 4).waitdone()
        assert back[: 4 * size] == buf[: 4 * size]
        for i in range(4):
            assert back.data(i * size + 5, i * size) == LBA + i
            assert back.data(i * size + 7, i * size + 6) == nvme0n1.nsid
        tokens += [back.data(size - 1, size - 8)]
    assert 0 < tokens[0] < tokens[1] < tokens[2]
    assert buf[8 : size - 8] == bytes(size - 16)
    buf.fill_pattern(0, 0)
    assert nvme0n1.inject_write_buffer_disable()
    nvme0n1.write(qpair, buf, LBA).waitdone()
    assert buf[:8] == bytes(8) and buf.data(size - 1, size - 8) > tokens[2]
    assert nvme0n1.inject_write_buffer_enable() and nvme0n1.inject_write_token_disable()
    buf.fill_pattern(0, 0)
    nvme0n1.write(qpair, buf, LBA).waitdone()
    assert buf.data(5, 0) == LBA and buf[size - 8 : size] == bytes(8)
    assert nvme0n1.inject_write_buffer_disable()
    buf.fill_pattern(7, 32)
    before = buf[:]
    nvme0n1.write(qpair, buf, LBA).waitdone()
    nvme0n1.read(qpair, back, LBA).waitdone()
    assert buf[:] == before and back[:size] == before[:size]
    nvme0n1.inject_write_buffer_enable()
    nvme0n1.inject_write_token_enable()


def test_one_buffer_for_many_writes(nvme0n1, qpair, verify, caught):
    """Each of them has its own id though they are in flight together."""
    size, buf, back = nvme0n1.sector_size, d.Buffer(4096, pvalue=3, ptype=32), d.Buffer(4096)
    for i in range(32):
        nvme0n1.write(qpair, buf, LBA + i)
    qpair.waitdone(32)
    for i in range(32):
        nvme0n1.read(qpair, back, LBA + i).waitdone()
        assert back.data(5, 0) == LBA + i and back[8 : size - 8] == buf[8 : size - 8]
    assert caught == []


def test_a_buffer_that_changes_on_the_way(nvme0n1, qpair, verify, caught):
    """Nobody knows what the drive took: it is not accused."""
    size = nvme0n1.sector_size
    bufs = [d.Buffer(64 * size) for _ in range(8)]
    for turn in range(20):
        for i, buf in enumerate(bufs):
            nvme0n1.write(qpair, buf, LBA + 64 * i, 64)
            buf[100] = turn + 1
        qpair.waitdone(8)
        for i, buf in enumerate(bufs):
            nvme0n1.read(qpair, buf, LBA + 64 * i, 64).waitdone()
    assert caught == []


def test_failed_write_leaves_nothing_to_accuse(nvme0n1, qpair, verify, caught):
    """A write that fails may have changed the media or not."""
    size, end = nvme0n1.sector_size, nvme0n1.nsze
    nvme0n1.write(qpair, d.Buffer(size, pvalue=5, ptype=32), end - 1).waitdone()
    nvme0n1.write(qpair, d.Buffer(2 * size, pvalue=6, ptype=32), end - 1, 2).waitdone()
    nvme0n1.read(qpair, d.Buffer(size), end - 1).waitdone()
    assert caught == ["ERROR status: 00/80"]


def test_a_read_after_a_write_sees_it(nvme0n1, qpair, verify, caught):
    """The lock of the LBA puts the read after the write, though nobody waited in between."""
    size, back = nvme0n1.sector_size, d.Buffer(4096)
    for value in range(1, 50):
        nvme0n1.write(qpair, d.Buffer(size, pvalue=value, ptype=32), LBA)
        nvme0n1.read(qpair, back, LBA)
        qpair.waitdone(2)
        assert back[9] == 0 and back[8] == value
    assert caught == []


def test_locks_across_queues_and_in_callbacks(nvme0, nvme0n1, qpair, verify, caught):
    """A wait reaps what it waits for, also when that is in another queue; commands of callbacks wait too."""
    other = d.Qpair(nvme0, 8)
    size, back, seen = nvme0n1.sector_size, d.Buffer(4096), []
    first = d.Buffer(size, pvalue=1, ptype=32)

    def again(cpl):
        seen.append(cpl.sc)
        nvme0n1.write(other, d.Buffer(size, pvalue=3, ptype=32), LBA, cb=lambda cpl: seen.append(cpl.sc))

    nvme0n1.write(qpair, first, LBA, cb=again)
    nvme0n1.write(qpair, first, LBA)
    nvme0n1.read(other, back, LBA)
    other.waitdone(1)
    qpair.waitdone(2)
    other.waitdone(1)
    nvme0n1.read(qpair, back, LBA).waitdone()
    assert seen == [0, 0] and caught == []
    other.delete()


def test_waiting_commands_fill_a_queue(nvme0, nvme0n1, verify, caught):
    """They have their place in it; and when it is deleted they end like all others."""
    q = d.Qpair(nvme0, 4)
    buf, seen = d.Buffer(4096), []
    for _ in range(3):
        nvme0n1.write(q, buf, LBA, cb=lambda cpl: seen.append(cpl.sc))
    with pytest.raises(AssertionError, match="error in submitting"):
        nvme0n1.write(q, buf, LBA)
    q.waitdone(3)
    assert seen == [0, 0, 0]
    for _ in range(3):
        nvme0n1.write(q, buf, LBA, cb=lambda cpl: seen.append(cpl.sc))
    q.delete()
    assert len(seen) == 6 and caught == []
    nvme0n1.read(d.Qpair(nvme0, 4), buf, LBA).waitdone()


def test_overlapping_commands(nvme0n1, qpair, verify, caught):
    """Reads and writes of the same LBAs at the same time: what cannot be known is not judged."""
    size = nvme0n1.sector_size
    bufs = [d.Buffer(8 * size, pvalue=100, ptype=0xBEEF) for _ in range(8)]
    back = [d.Buffer(8 * size) for _ in range(8)]
    for _ in range(40):
        for i in range(8):
            nvme0n1.write(qpair, bufs[i], LBA + i, 8)
            nvme0n1.read(qpair, back[i], LBA + 7 - i, 8)
        qpair.waitdone(16)
    assert caught == []


def test_a_thousand_writes_of_one_lba(nvme0n1, qpair, verify, caught):
    buf = d.Buffer(nvme0n1.sector_size, pvalue=100, ptype=0xBEEF)
    for _ in range(1000):
        nvme0n1.write(qpair, buf, LBA)
    qpair.waitdone(1000)
    nvme0n1.read(qpair, d.Buffer(nvme0n1.sector_size), LBA).waitdone()
    assert caught == []


def test_two_objects_share_the_table(nvme0, nvme0n1, qpair, verify, caught):
    other = d.Namespace(nvme0, nvme0n1.nsid)
    size = nvme0n1.sector_size
    for value in range(4):
        for ns in (nvme0n1, other):
            ns.write(qpair, d.Buffer(size, pvalue=value, ptype=32), LBA).waitdone()
            (other if ns is nvme0n1 else nvme0n1).read(qpair, d.Buffer(size), LBA).waitdone()
    other.close()
    nvme0n1.read(qpair, d.Buffer(size), LBA).waitdone()
    assert caught == []


def test_after_a_reset(nvme0, nvme0n1, qpair, verify, caught):
    out = d.Buffer(nvme0n1.sector_size, pvalue=8, ptype=32)
    nvme0n1.write(qpair, out, LBA).waitdone()
    for _ in range(64):
        nvme0n1.write(qpair, out, LBA + 1)
    nvme0.reset()
    nvme0n1.read(qpair, d.Buffer(2 * nvme0n1.sector_size), LBA, 2).waitdone()
    assert caught == []


def test_limited_range(nvme0, qpair):
    ns = d.Namespace(nvme0, 1, nlba_verify=16)
    assert ns.verify_enable(True)
    buf = d.Buffer(ns.sector_size)
    ns.write(qpair, buf, 15, 1).waitdone()
    ns.write(qpair, buf, 16, 1).waitdone()
    ns.read(qpair, buf, 16, 1).waitdone()
    ns.close()
    assert ns.verify_enable(True) is False


def test_beyond_the_limit_nothing_is_verified(caught, write_behind):
    with SoftwareSSD(size="16M") as ssd:
        pcie = d.Pcie(ssd.addrs[0])
        nvme0 = d.Controller(pcie)
        qpair, ns = d.Qpair(nvme0, 8), d.Namespace(nvme0, 1, nlba_verify=16)
        ns.verify_enable()
        ns.write(qpair, d.Buffer(1024), 15, 2).waitdone()
        write_behind(nvme0, 16, d.Buffer(512, pvalue=1, ptype=32))
        ns.read(qpair, d.Buffer(1024), 15, 2).waitdone()
        assert caught == []
        write_behind(nvme0, 15, d.Buffer(512, pvalue=1, ptype=32))
        ns.read(qpair, d.Buffer(1024), 15, 2).waitdone()
        assert caught == ["ERROR status: 07/81"]
        pcie.close()


SHORT = """
import logging, resource, nvme as d
logging.basicConfig()
pcie = d.Pcie({addr!r})
nvme0 = d.Controller(pcie)
qpair, buf = d.Qpair(nvme0, 8), d.Buffer(512)
resource.setrlimit(resource.RLIMIT_AS, (2**20 * 600, 2**20 * 600))
ns = d.Namespace(nvme0)
assert ns.verify_enable() is False and ns.save_crc("/tmp/x") is False
ns.write(qpair, buf, 5).waitdone()
ns.read(qpair, buf, 5).waitdone()
assert ns.mark_nomapping(5, 1) is False
print("went on")
pcie.close()
"""


def test_too_little_memory():
    """A notice, verification is off, and the I/O goes on."""
    with SoftwareSSD(size="1T") as ssd:
        p = subprocess.run(
            [sys.executable, "-c", SHORT.format(addr=ssd.addrs[0])],
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert p.returncode == 0, p.stderr
    assert "went on" in p.stdout and "not verified: too little memory" in p.stderr


@pytest.mark.parametrize("crc32", [False, True])
def test_snapshots(tmp_path, caught, crc32, write_behind):
    """What one run knows is verified in the next."""
    path = str(tmp_path / "crc")
    with SoftwareSSD(size="16M") as ssd:
        pcie = d.Pcie(ssd.addrs[0])
        nvme0 = d.Controller(pcie)
        qpair = d.Qpair(nvme0, 8)
        ns = d.Namespace(nvme0, crc32=crc32)
        ns.write(qpair, d.Buffer(1024, pvalue=1, ptype=32), LBA, 2).waitdone()
        ns.close(crc_snapshot=path)
        ns = d.Namespace(nvme0, crc32=crc32)
        ns.verify_enable()
        write_behind(nvme0, LBA, d.Buffer(512, pvalue=2, ptype=32))
        ns.read(qpair, d.Buffer(1024), LBA, 2).waitdone()
        assert caught == []  # a new table knows nothing
        assert ns.load_crc(path) is True
        ns.read(qpair, d.Buffer(512), LBA + 1).waitdone()
        assert caught == []
        ns.read(qpair, d.Buffer(1024), LBA, 2).waitdone()
        assert list(caught) == ["ERROR status: 07/81"]
        caught.clear()
        ns.close()
        ns = d.Namespace(nvme0, crc_snapshot=path, crc32=crc32)
        ns.verify_enable()
        ns.read(qpair, d.Buffer(1024), LBA, 2).waitdone()
        assert caught == ["ERROR status: 07/81"]
        with pytest.raises(FileNotFoundError):
            ns.load_crc(str(tmp_path / "nothing"))
        with open(path, "r+b") as f:
            f.seek(300)
            f.write(b"damage")
        with pytest.raises(ValueError, match="damaged"):
            ns.load_crc(path)
        ns.close()
        with pytest.raises(ValueError, match="damaged"):
            d.Namespace(nvme0, crc_snapshot=path, crc32=crc32)
        pcie.close()
