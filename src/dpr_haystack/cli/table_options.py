# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The options `--columns` and `--quoting`, which say how TSV and CSV files are read."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dpr_haystack.formats.tables import TableOptions


def add_table_options(parser: argparse.ArgumentParser, example: str, default: str) -> None:
    """Add `--columns` and `--quoting`.

    :param parser: The parser.
    :param example: An example of columns.
    :param default: What the columns are without the option.
    """
    parser.add_argument(
        "--columns",
        metavar="NAMES",
        help=f"TSV and CSV: the columns in their order, e.g. {example} (default: {default})",
    )
    parser.add_argument(
        "--quoting",
        choices=("csv", "none"),
        help="TSV and CSV: whether quotes quote fields or are part of the text (default: decided by the content)",
    )


def table_options(arguments: argparse.Namespace) -> TableOptions:
    """How tables are read; what was decided is printed on stderr.

    :param arguments: The parsed arguments, with those of :func:`add_table_options`.
    """
    from dpr_haystack.formats.tables import TableOptions

    columns = arguments.columns and tuple(name.strip() for name in arguments.columns.split(","))
    return TableOptions(columns, arguments.quoting, lambda decision: print(decision, file=sys.stderr))
