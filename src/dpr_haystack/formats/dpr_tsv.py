# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Write DPR's corpus format, ``psgs_w100.tsv``: id, text and title in tab-separated columns."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from dpr_haystack.core.passages import Passage
from dpr_haystack.formats.writing import atomic_writer


def write_dpr_tsv(path: str | Path, passages: Iterable[Passage]) -> int:
    """Write passages as DPR's ``psgs_w100.tsv``: a header line, then id, text and title.

    :param path: The file; gzipped for ``.gz``.
    :param passages: The passages; consumed one by one.
    :returns: The number of passages.
    :raises DataError: If the file cannot be written.
    """
    count = 0
    with atomic_writer(path) as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(("id", "text", "title"))
        for passage in passages:
            writer.writerow([passage.id, passage.text, passage.title])
            count += 1
    return count
