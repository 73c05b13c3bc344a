# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The keyword index: BM25 over content and title, with tantivy.

BM25 is Lucene's, with k1 = 1.2 and b = 0.75, which tantivy fixes. The score is the weighted sum of both fields. Texts
and queries are split into words by :func:`~dpr_haystack.core.segmentation.keywords`; tantivy changes words only.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tantivy
from numpy.typing import NDArray

from dpr_haystack.core.batching import batched
from dpr_haystack.core.exact import Rows
from dpr_haystack.core.segmentation import keywords
from dpr_haystack.errors import InputError

#: Languages with a stemmer; most also have stop words.
LANGUAGES = (
    "arabic", "danish", "dutch", "english", "finnish", "french", "german", "greek", "hungarian", "italian",
    "norwegian", "portuguese", "romanian", "russian", "spanish", "swedish", "tamil", "turkish",
)  # fmt: skip

_WITH_STOP_WORDS = frozenset(LANGUAGES) - {"arabic", "greek", "romanian", "tamil", "turkish"}

# On SQuAD, a weight of 1 costs more than a point of top-20 accuracy.
TITLE_WEIGHT = 0.3
FIELDS = {"content": 1.0, "title": TITLE_WEIGHT}
"""The fields of a document, with their weights."""
_ANALYZER = "dpr"
_HEAP = 128_000_000
# Up to this many keys, a filter is part of the query; above, the ranking is read until enough hits match it.
KEYS_IN_QUERY = 5_000


Factors = Mapping[tuple[str, str], float]
"""Numbers by field and word."""


def check_language(language: str | None) -> None:
    """Refuse a language without a stemmer.

    :param language: The language; None for no stemming.
    :raises InputError: With the known languages.
    """
    if language is not None and language not in LANGUAGES:
        msg = f"unknown language {language!r}; known: {', '.join(LANGUAGES)}, or None for no stemming"
        raise InputError(msg)


class Statistics(NamedTuple):
    """What BM25 knows about a word in a field.

    :param having: Number of documents that have the word.
    :param documents: Number of all documents.
    :param average: Average length of the field, in words.
    """

    having: int
    documents: int
    average: float


class KeywordIndex:
    """A BM25 index of documents, which are identified by integer keys.

    :param directory: Its directory; created if it is missing.
    :param language: Language for stemming and stop words; None for neither.
    """

    def __init__(self, directory: Path, language: str | None) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._language = language
        self._analyzer = _analyzer(language)
        schema = tantivy.SchemaBuilder()
        schema.add_unsigned_field("key", indexed=True, fast=True)
        schema.add_text_field("content", tokenizer_name=_ANALYZER, index_option="freq")
        schema.add_text_field("title", tokenizer_name=_ANALYZER, index_option="freq")
        self._schema = schema.build()
        self._index = tantivy.Index(self._schema, path=str(directory))
        self._index.register_tokenizer(_ANALYZER, self._analyzer)
        self._searcher: tantivy.Searcher | None = None
        self._statistics: dict[tuple[str, str], Statistics | None] = {}
        self._averages: dict[str, float] = {}

    @property
    def size(self) -> int:
        """Number of documents."""
        return int(self._current_searcher().num_docs)

    def pinned(self) -> KeywordIndex:
        """The index as it is now: later updates and reloads do not change what the result finds."""
        snapshot = copy(self)
        snapshot._searcher = self._index.searcher()
        snapshot._statistics, snapshot._averages = {}, {}
        return snapshot

    def _current_searcher(self) -> tantivy.Searcher:
        return self._searcher or self._index.searcher()

    def reload(self) -> None:
        """Load what another process has committed."""
        self._index.reload()

    def update(self, added: Iterable[tuple[int, str, str]], removed: Iterable[int], *, beyond: int) -> None:
        """Add and remove documents in one transaction, which is durable when this returns.

        :param added: Key, content and title of each; all keys above ``beyond``.
        :param removed: Keys to remove; missing ones are ignored.
        :param beyond: Remove all keys above this one first, which an interrupted update may have left.
        """
        writer = self._index.writer(heap_size=_HEAP, num_threads=1)
        leftover = tantivy.Query.range_query(
            self._schema, "key", tantivy.FieldType.Unsigned, lower_bound=beyond, include_lower=False
        )
        writer.delete_documents_by_query(leftover)
        for key, content, title in added:
            document = tantivy.Document()
            document.add_unsigned("key", key)
            document.add_text("content", keywords(content, self._language))
            document.add_text("title", keywords(title, self._language))
            writer.add_document(document)
        # Not by term: the Python binding converts the key to a signed number, which matches nothing.
        for batch in batched(removed, KEYS_IN_QUERY):
            writer.delete_documents_by_query(tantivy.Query.term_set_query(self._schema, "key", batch))
        writer.commit()
        writer.wait_merging_threads()
        self._index.reload()

    def search(
        self, query: str, k: int, allowed: Rows | None = None, factors: Factors | None = None
    ) -> tuple[Rows, NDArray[np.float64]]:
        """The k best documents for a query.

        :param query: Plain words; no character has a special meaning.
        :param k: Number of documents.
        :param allowed: Keys that may be returned, sorted; None for all.
        :param factors: By what the score of each word of a field is multiplied; None for nothing.
        :returns: Keys and BM25 scores, best first; fewer if fewer contain a word of the query.
        """
        words = self._query(query, factors)
        if words is None or k < 1 or (allowed is not None and not allowed.size):
            return np.empty(0, np.int64), np.empty(0)
        if allowed is None:
            return self._hits(words, k)
        if allowed.size <= KEYS_IN_QUERY:
            return self._hits(self._only(words, allowed), k)
        return self._walk(words, k, allowed)

    def scores(self, query: str, keys: Sequence[int], factors: Factors | None = None) -> dict[int, float]:
        """BM25 scores of given documents; 0 for those without a word of the query.

        :param query: Plain words.
        :param keys: The documents.
        :param factors: As for :meth:`search`.
        """
        by_key = dict.fromkeys(keys, 0.0)
        words = self._query(query, factors)
        if words is not None and keys:
            hits, scores = self._hits(self._only(words, keys), len(keys))
            by_key.update(zip(hits.tolist(), scores.tolist(), strict=True))
        return by_key

    def keys(self) -> set[int]:
        """The keys of all documents."""
        searcher = self._current_searcher()
        if not searcher.num_docs:
            return set()
        hits = searcher.search(tantivy.Query.all_query(), limit=searcher.num_docs, count=False).hits
        return {int(key) for key in searcher.fast_field_values("key", [address for _, address in hits]) if key}

    def words_of(self, text: str) -> list[str]:
        """The words of a text or query, as the index has them.

        :param text: Any string.
        """
        return list(self._analyzer.analyze(keywords(text, self._language)))

    def statistics(self, field: str, word: str) -> Statistics | None:
        """What the index knows about a word; None if no document has it in this field. Only for a pinned index.

        :param field: ``"content"`` or ``"title"``.
        :param word: One of :meth:`words_of`.
        """
        if (field, word) not in self._statistics:
            searcher, term = self._current_searcher(), self._term(field, word)
            hits = searcher.search(term, limit=1, count=False).hits if searcher.num_docs else []
            # Only an explanation tells the average length.
            known = None
            if hits:
                told = _numbers(json.loads(term.explain(searcher, hits[0][1]).to_json()))
                known = Statistics(int(told["n"]), int(told["N"]), told["avgdl"])
            self._statistics[field, word] = known
        return self._statistics[field, word]

    def average_length(self, field: str, texts: Iterable[str] = ()) -> float:
        """Average length of a field, in words; 0 if no document has it. Only for a pinned index.

        :param field: ``"content"`` or ``"title"``.
        :param texts: Texts that documents have in this field. If none of them helps, all words of the field are read,
            which takes a second for a million different words.
        """
        if field not in self._averages:
            every = (self.statistics(field, word) for word in self._words_in(field, texts))
            known = next((known for known in every if known is not None), None)
            self._averages[field] = known.average if known is not None else 0.0
        return self._averages[field]

    def _words_in(self, field: str, texts: Iterable[str]) -> Iterator[str]:
        for text in texts:
            yield from self.words_of(text)
        for word, _ in self._current_searcher().terms_with_prefix(field, ""):
            yield word

    def _term(self, field: str, word: str) -> tantivy.Query:
        return tantivy.Query.term_query(self._schema, field, word, index_option="freq")

    def _query(self, text: str, factors: Factors | None) -> tantivy.Query | None:
        clauses = []
        for word, times in Counter(self.words_of(text)).items():
            for field, weight in FIELDS.items():
                factor = weight * times * (1.0 if factors is None else factors.get((field, word), 1.0))
                boosted = tantivy.Query.boost_query(self._term(field, word), factor)
                clauses.append((tantivy.Occur.Should, boosted))
        return tantivy.Query.boolean_query(clauses) if clauses else None

    def _only(self, words: tantivy.Query, keys: Sequence[int] | Rows) -> tantivy.Query:
        among = tantivy.Query.term_set_query(self._schema, "key", [int(key) for key in keys])
        unscored = tantivy.Query.const_score_query(among, 0.0)
        return tantivy.Query.boolean_query([(tantivy.Occur.Must, words), (tantivy.Occur.Must, unscored)])

    def _hits(self, query: tantivy.Query, k: int) -> tuple[Rows, NDArray[np.float64]]:
        searcher = self._current_searcher()
        limit = min(k, searcher.num_docs)  # tantivy allocates memory for as many as are requested
        hits = searcher.search(query, limit=limit, count=False).hits if limit else []
        if not hits:
            return np.empty(0, np.int64), np.empty(0)
        keys = np.array(searcher.fast_field_values("key", [address for _, address in hits]), dtype=np.int64)
        scores = np.array([score for score, _ in hits], dtype=np.float64)
        order = np.lexsort((keys, -scores))
        return keys[order], scores[order]

    def _walk(self, words: tantivy.Query, k: int, allowed: Rows) -> tuple[Rows, NDArray[np.float64]]:
        depth, total = 4 * k, self.size
        while True:
            keys, scores = self._hits(words, min(depth, max(total, 1)))
            kept = np.isin(keys, allowed)
            if kept.sum() >= k or keys.size < depth:
                return keys[kept][:k], scores[kept][:k]
            depth *= 4


def _numbers(explanation: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of an explained score, by their symbols."""
    found = {explanation["description"].partition(",")[0]: float(explanation["value"])}
    for part in explanation.get("details", ()):
        found.update(_numbers(part))
    return found


def _analyzer(language: str | None) -> tantivy.TextAnalyzer:
    filters = [tantivy.Filter.remove_long(256), tantivy.Filter.lowercase()]
    if language == "english":
        filters.append(tantivy.Filter.ascii_fold())  # or "cliche" would lose an e that "cliché" keeps
    if language in _WITH_STOP_WORDS:
        filters.append(tantivy.Filter.stopword(language))
    if language is not None:
        filters.append(tantivy.Filter.stemmer(language))
    filters.append(tantivy.Filter.ascii_fold())  # last, because the stemmers of other languages depend on accents
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace())
    for token_filter in filters:
        builder = builder.filter(token_filter)
    return builder.build()
