# SPDX-License-Identifier: BSD-3-Clause
"""Where scripts for pynvme 2 import metamode from: `from scripts.psd import IOCQ, IOSQ, PRP, PRPList, SQE, CQE`."""
from nvproof import CQE, IOCQ, IOSQ, PRP, SQE, PRPList

__all__ = ["CQE", "IOCQ", "IOSQ", "PRP", "PRPList", "SQE"]
