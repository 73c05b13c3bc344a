# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What indexing did."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from dpr_haystack.backends.passage_writer import NotWritten
from dpr_haystack.errors import DataError


@dataclass
class IndexReport:
    """What indexing did, in numbers of passages unless another unit is named.

    Every passage that was read is new, replaced, updated, unchanged, a duplicate, or left out.

    :param files: Files read.
    :param passed_over: Files in folders that were passed over, by the reason or suffix: ``{".csv": 2}``.
    :param read: Passages read from the files.
    :param new: Passages that were not there.
    :param replaced: Passages that were there under their id with another text.
    :param updated: Passages that were there with other metadata, or without a vector.
    :param unchanged: Passages that were there as they are.
    :param duplicates: Passages whose id and text had been read before, in this run.
    :param removed: Passages that were there and are in none of their files any more.
    :param embedded: Passages that were embedded.
    :param replaced_elsewhere: For each replaced passage that another source had contributed, that source.
    :param empty: Files without text.
    :param bad: Errors of files that could not be read completely.
    :param bad_records: Errors of lines and records that were skipped.
    :param failed: Documents that the store rejected, and why.
    :param left_out: Ids that were read again with another text; the first text of a run is kept.
    """

    files: int = 0
    passed_over: dict[str, int] = field(default_factory=dict)
    read: int = 0
    new: int = 0
    replaced: int = 0
    updated: int = 0
    unchanged: int = 0
    duplicates: int = 0
    removed: int = 0
    embedded: int = 0
    replaced_elsewhere: dict[str, str | None] = field(default_factory=dict)
    empty: list[Path] = field(default_factory=list)
    bad: list[DataError] = field(default_factory=list)
    bad_records: list[DataError] = field(default_factory=list)
    failed: list[NotWritten] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
