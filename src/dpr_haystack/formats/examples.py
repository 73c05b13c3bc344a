# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Training examples, whatever file they are in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dpr_haystack.formats.columns import read_columns
from dpr_haystack.formats.open_text import OnBad, suffix_of
from dpr_haystack.formats.training import TrainingExample, read_training


def read_examples(path: str | Path, on_bad: OnBad | None = None) -> Iterator[TrainingExample]:
    """The examples of a file, one by one: columns in ``.csv`` and ``.tsv``, else DPR's JSON list or JSON lines.

    :param path: The file; gzipped if its name ends in ``.gz``.
    :param on_bad: Told of what is no example, which is passed over; None to raise the first.
    :raises DataError: If the file cannot be read, or holds something else.
    """
    read = read_columns if suffix_of(path) in (".csv", ".tsv") else read_training
    return read(path, on_bad)
