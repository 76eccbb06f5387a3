# SPDX-License-Identifier: BSD-3-Clause
"""Where scripts import the zone helper from: `from scripts.zns import Zone`."""
from nvproof import Zone

__all__ = ["Zone"]
