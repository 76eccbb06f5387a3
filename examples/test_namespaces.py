# SPDX-License-Identifier: BSD-3-Clause
"""Namespace management: a drive of its own is cut into namespaces of several sizes and formats."""
import pytest

import nvme as d
from nvproof.softssd import SoftwareSSD


def test_namespace_management():
    """Delete the namespace that is there, create three, attach them, use them side by side."""
    with SoftwareSSD(size="64M") as ssd:
        pcie = d.Pcie(ssd.addrs[0])
        nvme0 = d.Controller(pcie)
        if not nvme0.id_data(257, 256) & 8:
            pytest.skip("no namespace management (OACS)")
        nvme0.ns_delete(1)
        qpair, data, back = d.Qpair(nvme0, 16), d.Buffer(4096), d.Buffer(4096)
        for n, (mib, lba_bytes) in enumerate([(4, 512), (8, 4096), (16, 512)], 1):
            lbaf = nvme0.get_lba_format(lba_bytes, 0)
            assert lbaf is not None
            spec = d.Buffer(4096)
            spec[0:8] = spec[8:16] = ((mib << 20) // lba_bytes).to_bytes(8, "little")
            spec[26] = lbaf
            nsid = nvme0.ns_create(spec)
            nvme0.ns_attach(nsid)
            ns = d.Namespace(nvme0, nsid)
            data.fill_pattern(n, 32)
            ns.write(qpair, data, ns.nsze - 4096 // ns.sector_size, 4096 // ns.sector_size).waitdone()
            ns.read(qpair, back, ns.nsze - 4096 // ns.sector_size, 4096 // ns.sector_size).waitdone()
            print(f"namespace {nsid}: {ns.nsze:,} LBAs of {ns.sector_size} bytes, {ns.capacity >> 20} MiB")
            assert back[:] == data[:] and ns.capacity == mib << 20
            ns.close()
        with pytest.warns(UserWarning, match="ERROR status: 00/0b"):  # Invalid Namespace or Format
            nvme0.send_cmd(0x80, nsid=77).waitdone()
        pcie.close()
