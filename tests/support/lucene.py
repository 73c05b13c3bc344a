# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""BM25 as Elasticsearch computes it, from its published formula and with nothing of its code."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence


def stored_length(length: int) -> int:
    """A field's length as Lucene keeps it in one byte: exact up to 40, then three bits behind the first one."""
    if length < 24:
        return length
    beyond = length - 24
    shift = max(0, beyond.bit_length() - 4)
    return 24 + (beyond >> shift << shift)


def bm25(question: Sequence[str], documents: Sequence[Sequence[str]], k1: float, b: float) -> list[float]:
    """The score of each document for a question, both as terms. Documents without a term have no such field."""
    with_field = [each for each in documents if each]
    average = sum(len(each) for each in with_field) / len(with_field)
    containing = Counter(term for each in with_field for term in set(each))
    scores = []
    for document in documents:
        counts, score = Counter(document), 0.0
        for term in question:
            if counts[term]:
                idf = math.log(1 + (len(with_field) - containing[term] + 0.5) / (containing[term] + 0.5))
                norm = k1 * (1 - b + b * stored_length(len(document)) / average)
                score += idf * (k1 + 1) * counts[term] / (counts[term] + norm)
        scores.append(score)
    return scores
