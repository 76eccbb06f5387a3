# SPDX-License-Identifier: BSD-3-Clause
"""The name that test scripts import: `import nvme as d`.  All of it is nvproof."""
from nvproof import *  # noqa: F401,F403
