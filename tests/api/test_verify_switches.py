# SPDX-License-Identifier: BSD-3-Clause
"""Data verification of one command, and of another time: what is left out, what is saved and loaded."""
import nvme as d

LBA = 1000


def test_one_read_is_not_verified(nvme0, nvme0n1, qpair, verify, caught, write_behind):
    """verify_disable: of that read alone."""
    size = nvme0n1.sector_size
    nvme0n1.write(qpair, d.Buffer(size, pvalue=3, ptype=32), LBA).waitdone()
    write_behind(nvme0, LBA, d.Buffer(size, pvalue=4, ptype=32))
    back = d.Buffer(size)
    nvme0n1.read(qpair, back, LBA, verify_disable=True).waitdone()
    assert caught == [] and back[8] == 4
    nvme0n1.read(qpair, back, LBA).waitdone()
    assert caught == ["ERROR status: 07/81"]
    nvme0n1.write(qpair, d.Buffer(size), LBA).waitdone()


def test_saved_and_loaded(nvme0, nvme0n1, qpair, verify, caught, write_behind, tmp_path):
    """save_crc() is of that moment: what is written later is not what a later load_crc() expects."""
    size, path = nvme0n1.sector_size, str(tmp_path / "crc")
    old, new = d.Buffer(size, pvalue=5, ptype=32), d.Buffer(size, pvalue=6, ptype=32)
    nvme0n1.write(qpair, old, LBA).waitdone()
    assert nvme0n1.save_crc(path) is True
    nvme0n1.write(qpair, new, LBA).waitdone()
    assert nvme0n1.load_crc(path) is True
    nvme0n1.read(qpair, d.Buffer(size), LBA).waitdone()
    assert caught == ["ERROR status: 07/81"]
    write_behind(nvme0, LBA, old)
    nvme0n1.read(qpair, d.Buffer(size), LBA).waitdone()
    assert caught == ["ERROR status: 07/81"]
    nvme0n1.write(qpair, old, LBA).waitdone()
