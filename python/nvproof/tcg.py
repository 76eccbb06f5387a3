# SPDX-License-Identifier: BSD-3-Clause
"""TCG Storage: Level 0 Discovery.  TCG Storage Architecture Core Specification, "Level 0 Discovery"."""
from typing import Any

from .buffer import Buffer

_OACS_BYTES, _OACS_SECURITY = (257, 256), 1  # Identify Controller
_PROTOCOL, _COMID_DISCOVERY = 0x01, 0x0001
_HEADER = 48
_SIZE = 4096


def discover(nvme: Any) -> dict[int, bytes]:
    """Feature descriptors by feature code; empty: the controller has no security commands, or no TCG."""
    if not nvme.id_data(*_OACS_BYTES) & _OACS_SECURITY:
        return {}
    buf = Buffer(_SIZE, "level 0 discovery")
    cdw10 = _PROTOCOL << 24 | _COMID_DISCOVERY << 8
    if nvme.sync_cmd(0x82, buf, cdw10=cdw10, cdw11=_SIZE).status:
        return {}
    return parse(buf[:])


def parse(data: bytes) -> dict[int, bytes]:
    """The descriptors in the answer: big-endian, a header of 48 bytes, then code (2), version (1), length (1), data."""
    features = {}
    end, at = min(int.from_bytes(data[:4], "big") + 4, len(data)), _HEADER
    while at + 4 <= end:
        length = 4 + data[at + 3]
        features[int.from_bytes(data[at : at + 2], "big")] = data[at : min(at + length, end)]
        at += length
    return features
