# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""SQuAD passages and questions for the benchmarks."""

from __future__ import annotations

import gzip
import json
from pathlib import Path


def read_squad(path: Path) -> tuple[list[str], list[tuple[str, int]]]:
    """Passages, and questions with the index of their passage."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        articles = json.load(file)["data"]
    passages: list[str] = []
    questions: list[tuple[str, int]] = []
    for article in articles:
        for paragraph in article["paragraphs"]:
            questions += [(qa["question"], len(passages)) for qa in paragraph["qas"]]
            passages.append(paragraph["context"])
    return passages, questions
