# SPDX-License-Identifier: BSD-3-Clause
"""Buffer: a sequence of bytes that the device can reach."""
import io
import struct

import pytest

import nvme as d


def test_new_is_zero_and_aligned():
    b = d.Buffer(8192)
    assert len(b) == b.size == b.length == 8192
    assert b[:] == bytes(8192)
    assert b.phys_addr % 4096 == 0 and b.phys_addr > 0
    assert repr(b) == "<buffer name: buffer>" and b.name == "buffer"
    assert d.Buffer().size == 4096
    assert d.Buffer(size=512).size == 512
    assert repr(d.Buffer(16, "x")) == "<buffer name: x>"


def test_align():
    assert d.Buffer(4096, align=65536).phys_addr % 65536 == 0
    with pytest.raises(AssertionError):
        d.Buffer(4096, align=3000)


@pytest.mark.parametrize("args", [{"length": 0}, {"length": 16, "offset": 16}, {"ptype": 7}, {"pvalue": 2}])
def test_bad_arguments(args):
    with pytest.raises(AssertionError):
        d.Buffer(**args)


def test_no_memory():
    with pytest.raises(MemoryError):
        d.Buffer(1 << 60)
    with pytest.raises(OverflowError):
        d.Buffer(-1)
    with pytest.raises(TypeError):
        d.Buffer("4096")
    with pytest.raises(TypeError):
        d.Buffer(4096, color=3)


def test_index():
    b = d.Buffer(16)
    b[0] = 1
    b[-1] = 255
    assert b[0] == 1 and b[15] == 255 and b[-16] == 1
    for bad in (16, -17, 1 << 70):
        with pytest.raises(IndexError):
            b[bad]
        with pytest.raises(IndexError):
            b[bad] = 0
    for bad in (256, -1):
        with pytest.raises(ValueError):
            b[0] = bad
    with pytest.raises(TypeError):
        b["a"]
    with pytest.raises(TypeError):
        b[0] = "a"
    with pytest.raises(TypeError):
        del b[0]


def test_slices():
    b = d.Buffer(16)
    b[:] = range(16)
    assert b[2:5] == b"\2\3\4" and b[::5] == bytes([0, 5, 10, 15]) and b[::-1] == bytes(range(15, -1, -1))
    b[4:8] = b"abcd"
    b[0:2] = [9, 8]
    b[1::8] = b"xy"
    assert b[:10] == bytes([9, ord("x"), 2, 3]) + b"abcd" + bytes([8, ord("y")])
    b[8:] = b"short"
    assert b[8:14] == b"short\r"
    with pytest.raises(IndexError):
        b[14:] = b"long"
    with pytest.raises(ValueError):
        b[0:1] = [300]
    assert list(b) == list(b[:])
    assert b[100:] == b""


def test_buffer_protocol():
    b = d.Buffer(32)
    view = memoryview(b)
    view[3] = 7
    assert b[3] == 7 and bytes(b) == b[:] and len(view) == 32
    struct.pack_into("<HQ", b, 8, 0x1122, 1 << 63)
    assert b[8:10] == b"\x22\x11" and struct.unpack_from("<HQ", b, 8) == (0x1122, 1 << 63)
    dwords = view.cast("I")
    dwords[7] = 0xFFFFFFFF  # the same memory, not a copy of it
    assert len(dwords) == 8 and b[28:] == b"\xff" * 4 and b[27] == 0
    assert io.BytesIO(bytes(range(32))).readinto(b) == 32 and list(b) == list(range(32))
    assert (
        view.contiguous and not view.readonly and (view.format, view.itemsize, view.shape) == ("B", 1, (32,))
    )
    del b
    view[4] = 1  # the memory is still there


def test_offset_and_size():
    b = d.Buffer(4096, offset=512)
    base = b.phys_addr - 512
    assert b.size == 3584 and base % 4096 == 0
    b.offset = 16
    assert b.phys_addr == base + 16 and b.size == 4080
    b.size = 100
    assert b.size == len(b) == 100
    for name, bad in (("size", 4081), ("offset", 4096), ("offset", 1 << 40)):
        with pytest.raises(AssertionError):
            setattr(b, name, bad)
    with pytest.raises(OverflowError):
        b.size = -1


def test_fake_address():
    assert d.Buffer(4096, fake_phys_addr=0xDEAD0000, offset=4).phys_addr == 0xDEAD0004


def test_data():
    b = d.Buffer(16)
    b[:8] = b"\x01\x02\x03\x04NVMe"
    assert b.data(3, 0) == 0x04030201 and b.data(1) == 2
    assert b.data(3, 0, int, "big") == 0x01020304
    assert b.data(7, 4, str) == "NVMe"
    assert b.data(15, 4, str) == "NVMe"
    with pytest.raises(AssertionError):
        b.data(16, 0)


@pytest.mark.parametrize(
    "pvalue, ptype, head",
    [
        (0, 0, bytes(8)),
        (1, 0, b"\xff" * 8),
        (0x12345678, 32, b"\x78\x56\x34\x12" * 2),
        (0x10, 0x1234, b"\x10\0\x11\0\x12\0\x13\0"),
        (1, 0x4321, b"\1\0\0\0\xff\xff\xfe\xff"),
        (0, 0xBEEF, bytes(8)),
    ],
)
def test_patterns(pvalue, ptype, head):
    assert d.Buffer(64, pvalue=pvalue, ptype=ptype)[:8] == head


def test_random_pattern_follows_the_seed():
    d.srand(5)
    a = d.Buffer(4096, pvalue=100, ptype=0xBEEF)[:]
    b = d.Buffer(4096, pvalue=100, ptype=0xBEEF)[:]
    d.srand(5)
    assert d.Buffer(4096, pvalue=100, ptype=0xBEEF)[:] == a != b
    half = d.Buffer(4096, pvalue=50, ptype=0xBEEF)[:]
    assert 2000 < half.count(0) < 2200
    with pytest.raises(AssertionError):
        d.Buffer(4096, pvalue=101, ptype=0xBEEF)


def test_file_pattern(tmp_path):
    (tmp_path / "p").write_bytes(b"from a file")
    assert d.Buffer(64, pvalue=str(tmp_path / "p"), ptype=0xF17E)[:12] == b"from a file\0"
    with pytest.raises(FileNotFoundError):
        d.Buffer(64, pvalue=str(tmp_path / "q"), ptype=0xF17E)


def test_ranges():
    b = d.Buffer(4096)
    b.set_dsm_range(1, 0x1122334455667788, 9, attr=4)
    assert b.read_16byte(16) == (4, 9, 0x55667788, 0x11223344)
    b.write_16byte(32, 1, 2, 3, 4)
    assert b.read_16byte(32) == (1, 2, 3, 4)
    b.set_copy_range(2, 5, 8)
    assert b.data(64 + 15, 64 + 8) == 5 and b.data(64 + 17, 64 + 16) == 7
    b.set_controller_list(1, 7)
    assert b[:6] == b"\2\0\1\0\7\0"
    with pytest.raises(TypeError):
        b.set_dsm_range(0, "1", 2)
    with pytest.raises(AssertionError):
        b.set_dsm_range(0, 1, 1 << 32)
    with pytest.raises(IndexError):
        b.set_dsm_range(256, 0, 1)


def test_texts():
    a, b = d.Buffer(32, "a"), d.Buffer(32, "b")
    a[:5] = b"hello"
    assert a.dump().splitlines()[0] == "a" and "68 65 6c 6c 6f" in a.dump(16) and "hello" in a.dump(16)
    lines = d.Buffer(40, "c", pvalue=0x64636261, ptype=32).dump().splitlines()
    assert [line.split()[0] for line in lines] == ["c", "00000000", "00000010", "00000020"]
    assert [len(bytes.fromhex(line[10:57])) for line in lines[1:]] == [16, 16, 8] and lines[1].endswith(
        "abcd" * 4
    )
    assert a.distance(a) == 0 and a.distance(b) == sum(bin(c).count("1") for c in b"hello")
    assert "<table" in a.diff(b)
    assert a.crc8() != b.crc8() == 0
    a[:9], check = b"123456789", d.Buffer(9)
    check[:] = b"123456789"
    assert check.crc8() == 0xF4  # the polynomial's well-known check value
    assert a.data_head == a[:16] and a.data_tail == a[16:]
    assert check.match()[:] == b"123456789"


def test_match_of_a_file(tmp_path):
    """The part that a regular expression of bytes finds; a buffer without any when there is none."""
    b = d.Buffer(64)
    b[8:20] = b"S3RIAL-42\n\0\xff"
    (tmp_path / "p").write_bytes(b"[A-Z0-9]+-[0-9]+..\n")
    found = b.match(str(tmp_path / "p"))
    assert isinstance(found, d.Buffer) and found[:] == b"S3RIAL-42\n\0" and len(found) == found.size == 11
    (tmp_path / "p").write_bytes(b"nothing of the kind")
    assert len(b.match(str(tmp_path / "p"))) == 0
    with pytest.raises(FileNotFoundError):
        b.match(str(tmp_path / "q"))


def test_patterns_again():
    """fill_pattern() fills all of it anew, what lies before the offset as well; a pattern that there is not changes nothing."""
    b = d.Buffer(64, offset=16)
    b.fill_pattern(0x11223344, 32)
    assert b[:] == b"\x44\x33\x22\x11" * 16
    b.fill_pattern(1)
    assert b[:] == b"\xff" * 64
    b.fill_pattern()
    assert b[:] == bytes(64)
    for pvalue, ptype in ((2, 0), (0, 1), (0, 33), (101, 0xBEEF), (-1, 0xBEEF)):
        with pytest.raises((AssertionError, OverflowError)):
            b.fill_pattern(pvalue, ptype)
        assert b[:] == bytes(64)


def test_copy_ranges():
    """Every field of both formats.  NVM Command Set, "Copy command", Source Range Entries: 0h has 32 bytes, 1h 40."""
    b = d.Buffer(4096)
    b.set_copy_range(1, 0x1122334455667788, 0x10000, 0, 0xA1B2C3D4, 0x5566, 0x7788)
    entry = b[32:64]
    assert b[:32] == bytes(32) and b[64:] == bytes(4032)
    assert int.from_bytes(entry[8:16], "little") == 0x1122334455667788 and entry[16:18] == b"\xff\xff"
    assert entry[24:28] == b"\xd4\xc3\xb2\xa1" and entry[28:32] == b"\x66\x55\x88\x77"
    assert entry[:8] == bytes(8) and entry[18:24] == bytes(6)
    b.fill_pattern()
    b.set_copy_range(
        1, 5, 1, format=1, storage_reference_tag=0x0102030405060708090A, app_tag=0x5566, app_tag_mask=0x7788
    )
    entry = b[40:80]
    assert entry[8] == 5 and entry[16:18] == bytes(2) and entry[36:40] == b"\x66\x55\x88\x77"
    assert entry[26:36] == bytes(range(1, 11))  # the tags stand there with the most significant byte first
    assert b[:40] == bytes(40) and b[80:] == bytes(4016)
    for bad in ({"lba_count": 0}, {"lba_count": 0x10001}, {"format": 4}, {"app_tag": 1 << 16}):
        with pytest.raises((AssertionError, OverflowError)):
            b.set_copy_range(**{"index": 0, "lba": 0, "lba_count": 1, **bad})
