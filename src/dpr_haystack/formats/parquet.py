# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Read the rows of parquet files, with pyarrow."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from dpr_haystack._optional import require
from dpr_haystack.errors import DataError


def read_parquet(path: str | Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Read the rows of a file one by one, each with its number from 1.

    :param path: The file.
    :raises DataError: If the file cannot be read.
    :raises MissingExtra: If pyarrow is not installed.
    """
    parquet: Any = require("pyarrow.parquet", "files", f"Reading {Path(path).name}")
    try:
        with parquet.ParquetFile(path) as file:
            rows = chain.from_iterable(batch.to_pylist() for batch in file.iter_batches(batch_size=1024))
            for number, row in enumerate(rows, 1):
                yield number, {name: _as_json(value) for name, value in row.items()}
    except (OSError, ValueError) as error:  # pyarrow's errors are both
        raise DataError(path, f"cannot be read as parquet: {error}") from error


def _as_json(value: Any) -> Any:
    """A value as JSON can represent it: dates as text, no bytes, no NaN."""
    if isinstance(value, dict):
        return {str(name): _as_json(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [_as_json(entry) for entry in value]
    if isinstance(value, bytes) or value != value:
        return None
    return value if isinstance(value, str | int | float | None) else str(value)
