# SPDX-License-Identifier: BSD-3-Clause
"""nvproof plot RESULTS: what ioworkers measured, as one HTML page."""
import argparse
import os
import pathlib

from nvproof import plot_page


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """RESULTS and where the page goes."""
    parser.add_argument("results", metavar="RESULTS", help="a folder of results, or one .json file of it")
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="the page (default: plot.html beside the results)"
    )


def run(args: argparse.Namespace) -> int:
    """Write the page, and say where it is."""
    documents = plot_page.load(args.results)
    root = pathlib.Path(args.results)
    output = args.output or os.fspath(root / "plot.html" if root.is_dir() else root.with_suffix(".html"))
    pathlib.Path(output).write_text(plot_page.page(documents), encoding="utf-8")
    print(output)
    return 0
