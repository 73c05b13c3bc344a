# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Read training examples from any supported file format."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dpr_haystack.errors import DataError
from dpr_haystack.formats.columns import read_columns
from dpr_haystack.formats.open_text import OnBad, suffix_of
from dpr_haystack.formats.training import TrainingExample, read_training


def read_examples(path: str | Path, on_bad: OnBad | None = None) -> Iterator[TrainingExample]:
    """Read examples one by one: columns in ``.csv`` and ``.tsv``, otherwise DPR's JSON list or JSON lines.

    :param path: The file; gzipped if its name ends in ``.gz``.
    :param on_bad: Called with the error of each bad row or record, which is skipped; None to raise the first.
    :raises DataError: If the file cannot be read, or is not in the format of its suffix.
    """
    read = read_columns if suffix_of(path) in (".csv", ".tsv") else read_training
    return read(path, on_bad)


class ExampleFile:
    """The examples of a file, which may be read several times.

    :param path: The file.
    :param skip_bad: Whether bad rows and records are skipped.
    """

    def __init__(self, path: str | Path, *, skip_bad: bool = False) -> None:
        self._path = path
        self._skip_bad = skip_bad
        self.bad: list[DataError] = []
        """The errors of what was skipped, as of the latest reading."""

    def __iter__(self) -> Iterator[TrainingExample]:
        bad: list[DataError] = []
        yield from read_examples(self._path, bad.append if self._skip_bad else None)
        self.bad = bad
