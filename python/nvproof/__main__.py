# SPDX-License-Identifier: BSD-3-Clause
"""python -m nvproof: the same as the program nvproof."""
import sys

from .cli.main import main

sys.exit(main())
