# SPDX-License-Identifier: BSD-3-Clause
"""End-to-end protection: the driver makes guard and tags, the drive checks them, and the other way round."""
import pytest

import nvme as d

GUARD_APP_REF = 7 << 10  # PRINFO.PRCHK, in io_flags


def test_protection_information(nvme0n1, qpair):
    """A reference tag that was changed on the way is refused with 02/84.  NVM Command Set, "End-to-end Data Protection"."""
    if nvme0n1.get_lba_format(512, 8) is None:
        pytest.skip("no LBA format of 512 + 8 bytes")
    nvme0n1.format(512, 8, pi=1)
    nvme0n1.inject_write_buffer_disable()  # the guards are of the data as they are: no LBA and token in them
    nvme0n1.inject_write_token_disable()
    assert nvme0n1.pi_engine_enable()
    buf, meta = d.Buffer(512 * 4, pvalue=100, ptype=0xBEEF), d.Buffer(8 * 4)
    nvme0n1.write(qpair, buf, 100, 4, io_flags=GUARD_APP_REF, meta=meta).waitdone()
    nvme0n1.read(qpair, buf, 100, 4, io_flags=GUARD_APP_REF, meta=meta).waitdone()
    assert meta.data(7, 4, endian="big") == 100  # the reference tag of the first block
    nvme0n1.pi_engine_disable()
    meta[7] ^= 1
    with pytest.warns(UserWarning, match="ERROR status: 02/84"):
        nvme0n1.write(qpair, buf, 100, 4, io_flags=GUARD_APP_REF, cdw14=100, meta=meta).waitdone()
    nvme0n1.format(512)
