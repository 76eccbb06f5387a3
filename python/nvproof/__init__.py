# SPDX-License-Identifier: BSD-3-Clause
"""nvproof: proves NVMe drives.  `import nvme as d` and `import nvproof as d` are the same.

Importing has no side effect and needs no privilege.  What the device answers with an error status is a UserWarning
("ERROR status: sct/sc"); exceptions are for trouble on the host's side.
"""
import os as _os

# A build tree instead of an installed package: its extension module is found there.
if _os.environ.get("NVPROOF_BUILD"):
    __path__.append(_os.path.join(_os.environ["NVPROOF_BUILD"], "src", "pyext"))

from ._native import (
    CQE,
    NamespaceCreationError,
    NamespaceDeletionError,
    NvmeDeletionError,
    NvmeEnumerateError,
    NvmeShutdownStatusTimeoutError,
    QpairCreationError,
    QpairDeletionError,
)
from .buffer import Buffer
from .controller import Controller
from .ioworker import IOWorker
from .metamode import IOCQ, IOSQ
from .namespace import Namespace
from .pcie import Pcie, Tcp
from .prp import PRP, PRPList
from .qpair import Qpair
from .sgl import SGL, BitBucketSGL, DataBlockSGL, LastSegmentSGL, SegmentSGL
from .sqe import SQE
from .subsystem import Subsystem
from .tcg import Tcg
from .util import _cTIMEOUT, srand
from .zone import Zone

__version__ = "0.1.0"
__author__ = "The nvproof authors"

__all__ = [
    "BitBucketSGL",
    "Buffer",
    "CQE",
    "Controller",
    "DataBlockSGL",
    "IOCQ",
    "IOSQ",
    "IOWorker",
    "LastSegmentSGL",
    "Namespace",
    "NamespaceCreationError",
    "NamespaceDeletionError",
    "NvmeDeletionError",
    "NvmeEnumerateError",
    "NvmeShutdownStatusTimeoutError",
    "PRP",
    "PRPList",
    "Pcie",
    "Qpair",
    "QpairCreationError",
    "QpairDeletionError",
    "SGL",
    "SQE",
    "SegmentSGL",
    "Subsystem",
    "Tcg",
    "Tcp",
    "Zone",
    "__author__",
    "__version__",
    "_cTIMEOUT",
    "srand",
]
