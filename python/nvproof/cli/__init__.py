# SPDX-License-Identifier: BSD-3-Clause
"""The program nvproof: one module a command, a line each in main.COMMANDS."""
