# SPDX-License-Identifier: BSD-3-Clause
"""The other name of scripts.psd, for scripts for pynvme 2 that had that folder on their path: `from psd import IOCQ, IOSQ`."""
from nvproof import CQE, IOCQ, IOSQ, PRP, SQE, PRPList

__all__ = ["CQE", "IOCQ", "IOSQ", "PRP", "PRPList", "SQE"]
