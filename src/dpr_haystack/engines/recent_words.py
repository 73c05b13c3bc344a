# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""BM25 over a keyword index and the few documents written since, which are scored in memory.

Adding documents to an index on disk takes a dozen durable writes. Scores are those of one index with all documents,
except that the index's own documents are compared with its own average length.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import log

import numpy as np
from numpy.typing import NDArray

from dpr_haystack.core.exact import Rows
from dpr_haystack.engines.keyword import FIELDS, KeywordIndex

_K1, _B = 1.2, 0.75


@dataclass(frozen=True)
class RecentDocument:
    """The words of a document.

    :param words: How often each word occurs in each field.
    :param lengths: The number of words of each field.
    """

    words: Mapping[str, Counter[str]]
    lengths: Mapping[str, int]


@dataclass(frozen=True)
class KeywordSearch:
    """Keyword search at one moment: an index, documents added since, and documents removed since.

    :param index: The index, pinned.
    :param recent: Documents that the index lacks, by key.
    :param removed: Keys of documents that the index has and the store no longer.
    """

    index: KeywordIndex
    recent: Mapping[int, RecentDocument] = field(default_factory=dict)
    removed: frozenset[int] = frozenset()

    def keys(self) -> set[int]:
        """The keys of all documents."""
        return (self.index.keys() - self.removed) | self.recent.keys()

    def search(self, query: str, k: int, allowed: Rows | None = None) -> tuple[Rows, NDArray[np.float64]]:
        """The k best documents for a query.

        :param query: Plain words; no character has a special meaning.
        :param k: Number of documents.
        :param allowed: Keys that may be returned, sorted; None for all.
        :returns: Keys and BM25 scores, best first; fewer if fewer contain a word of the query.
        """
        if (not self.recent and not self.removed) or k < 1:
            return self.index.search(query, k, allowed)
        words = self.index.words_of(query)
        idf = _Idf(self.index, self.recent.values(), words)
        keys, scores = self.index.search(query, k + len(self.removed), allowed, idf.factors)
        kept = ~np.isin(keys, list(self.removed))
        fresh = {key: score for key, score in self._scored(words, idf).items() if score}
        if allowed is not None:
            fresh = {key: fresh[key] for key in np.intersect1d(list(fresh), allowed).tolist()}
        keys = np.concatenate([keys[kept], np.fromiter(fresh, np.int64, len(fresh))])
        scores = np.concatenate([scores[kept], np.fromiter(fresh.values(), np.float64, len(fresh))])
        order = np.lexsort((keys, -scores))[:k]
        return keys[order], scores[order]

    def scores(self, query: str, keys: Sequence[int]) -> dict[int, float]:
        """BM25 scores of given documents; 0 for those without a word of the query.

        :param query: Plain words.
        :param keys: The documents.
        """
        words = self.index.words_of(query)
        idf = _Idf(self.index, self.recent.values(), words) if self.recent else None
        fresh = self._scored(words, idf) if idf is not None else {}
        stored = [key for key in keys if key not in fresh]
        known = self.index.scores(query, stored, idf.factors if idf is not None else None)
        return {key: fresh[key] if key in fresh else known[key] for key in keys}

    def _scored(self, words: Sequence[str], idf: _Idf) -> dict[int, float]:
        """The score of every recent document."""
        counts = Counter(words)
        averages = {name: idf.average_length(name) for name in FIELDS}
        return {key: _score(document, counts, idf, averages) for key, document in self.recent.items()}


def _score(document: RecentDocument, counts: Counter[str], idf: _Idf, averages: Mapping[str, float]) -> float:
    score = 0.0
    for name, weight in FIELDS.items():
        found = document.words[name]
        norm = _K1 * (1 - _B + _B * stored_length(document.lengths[name]) / (averages[name] or 1.0))
        for word, times in counts.items():
            if frequency := found[word]:
                score += weight * times * idf.of(name, word) * frequency * (_K1 + 1) / (frequency + norm)
    return score


class _Idf:
    """The inverse document frequencies of a query's words in all documents.

    :param index: The index.
    :param recent: The documents that it lacks.
    :param words: The words of the query.
    """

    def __init__(self, index: KeywordIndex, recent: Iterable[RecentDocument], words: Sequence[str]) -> None:
        self._index = index
        self._recent = list(recent)
        self._terms = [(name, word) for name in FIELDS for word in dict.fromkeys(words)]
        self._known = {(name, word): index.statistics(name, word) for name, word in self._terms}
        self._size = next((known.documents for known in self._known.values() if known is not None), index.size)
        self._values = {term: self._idf(*term) for term in self._terms}

    @property
    def factors(self) -> dict[tuple[str, str], float]:
        """By what to multiply the index's own score of each word of a field."""
        return {
            term: self._values[term] / _idf(known.having, known.documents)
            for term, known in self._known.items()
            if known is not None
        }

    def of(self, name: str, word: str) -> float:
        """The inverse document frequency of a word of the query in a field.

        :param name: The field.
        :param word: The word.
        """
        return self._values[name, word]

    def average_length(self, name: str) -> float:
        """The average length of a field in all documents.

        :param name: The field.
        """
        recent = sum(document.lengths[name] for document in self._recent)
        stored = self._index.average_length(name) * self._size
        return (stored + recent) / ((self._size + len(self._recent)) or 1)

    def _idf(self, name: str, word: str) -> float:
        known = self._known[name, word]
        having = sum(word in document.words[name] for document in self._recent)
        return _idf(having + (known.having if known is not None else 0), self._size + len(self._recent))


def _idf(having: int, documents: int) -> float:
    return log(1 + (documents - having + 0.5) / (having + 0.5))


def recent_document(index: KeywordIndex, content: str, title: str) -> RecentDocument:
    """The words of a document, as an index would split them.

    :param index: The index.
    :param content: The document's text.
    :param title: Its title.
    """
    words = {"content": index.words_of(content), "title": index.words_of(title)}
    return RecentDocument(
        {name: Counter(found) for name, found in words.items()}, {name: len(found) for name, found in words.items()}
    )


def stored_length(length: int) -> int:
    """A field's length as Lucene and tantivy keep it in one byte: exact up to 40, then with four significant bits.

    :param length: The number of words.
    """
    if length < 24:
        return length
    shift = max(0, (length - 24).bit_length() - 4)
    return 24 + ((length - 24) >> shift << shift)
