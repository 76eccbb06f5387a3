# SPDX-License-Identifier: BSD-3-Clause
"""TCG Storage: what Level 0 Discovery says.  TCG Storage Architecture Core Specification, "Level 0 Discovery"."""
from typing import Any

from .buffer import Buffer

_OACS_BYTES, _OACS_SECURITY = (257, 256), 1  # Identify Controller
_SECURITY_RECEIVE = 0x82
_PROTOCOL, _COMID_DISCOVERY = 0x01, 0x0001
_HEADER = 48
_SIZE = 4096

# Feature codes, with the title of the section that defines each
_TPER, _LOCKING = 0x0001, 0x0002
_SSC = {
    0x0100: "Enterprise",
    0x0200: "Opal 1.0",
    0x0203: "Opal 2.0",
    0x0301: "Opalite",
    0x0302: "Pyrite 1.0",
    0x0303: "Pyrite 2.0",
    0x0304: "Ruby 1.0",
    0x0305: "Key Per I/O",
}


def discover(nvme: Any) -> dict[int, bytes]:
    """Feature descriptors by feature code; empty: the controller has no security commands, or no TCG."""
    if not nvme.id_data(*_OACS_BYTES) & _OACS_SECURITY:
        return {}
    buf = Buffer(_SIZE, "level 0 discovery")
    cdw10 = _PROTOCOL << 24 | _COMID_DISCOVERY << 8
    if nvme.sync_cmd(_SECURITY_RECEIVE, buf, cdw10=cdw10, cdw11=_SIZE).status:
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


class Tcg:
    """Tcg(nvme): what a drive says of its TCG storage security; empty when it has none.

    TCG Storage Architecture Core Specification, "Level 0 Discovery".
    """

    def __init__(self, nvme: Any) -> None:
        self._nvme = nvme
        self.feature_data: dict[int, bytes] = {}
        self.refresh()

    def refresh(self) -> None:
        """Ask the drive again: locking states change.  Errors as of a command: SystemError, when it is gone."""
        self.feature_data = discover(self._nvme)

    def __repr__(self) -> str:
        return f"<Tcg: {self.ssc or 'none'}>"

    @property
    def feature_list(self) -> list[int]:
        """Feature codes, in the drive's order.  "Level 0 Discovery", feature descriptors."""
        return list(self.feature_data)

    @property
    def ssc(self) -> str | None:
        """The Security Subsystem Class, for example "Opal 2.0"; None: no known one.  "SSC Feature Descriptors"."""
        return next((_SSC[code] for code in self.feature_data if code in _SSC), None)

    @property
    def base_comid(self) -> int | None:
        """The first ComID for communication with the TPer; None: the drive names none.  "SSC Feature Descriptors"."""
        return next(
            (int.from_bytes(data[4:6], "big") for code, data in self.feature_data.items() if code in _SSC),
            None,
        )

    def _bit(self, code: int, bit: int) -> bool:
        data = self.feature_data.get(code, b"")
        return len(data) > 4 and bool(data[4] & 1 << bit)

    @property
    def sync_supported(self) -> bool:
        """Whether the synchronous protocol is there.  "TPer Feature"."""
        return self._bit(_TPER, 0)

    @property
    def locking_supported(self) -> bool:
        """Whether there is a locking SP template.  "Locking Feature"."""
        return self._bit(_LOCKING, 0)

    @property
    def locking_enabled(self) -> bool:
        """Whether the locking SP was activated.  "Locking Feature"."""
        return self._bit(_LOCKING, 1)

    @property
    def locked(self) -> bool:
        """Whether some range is locked now.  "Locking Feature"."""
        return self._bit(_LOCKING, 2)

    @property
    def media_encryption(self) -> bool:
        """Whether the media is encrypted.  "Locking Feature"."""
        return self._bit(_LOCKING, 3)

    @property
    def mbr_enabled(self) -> bool:
        """Whether the MBR shadow is on.  "Locking Feature"."""
        return self._bit(_LOCKING, 4)

    @property
    def mbr_done(self) -> bool:
        """Whether the MBR shadow is out of the way until the next power cycle.  "Locking Feature"."""
        return self._bit(_LOCKING, 5)
