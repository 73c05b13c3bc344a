# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The bodies of BM25 searches, as plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dpr_haystack.engines.elasticsearch.layout import TITLE_BOOST, TITLE_FIELD

#: Most words of a question. Each word, even a repeated one, is a clause per field, and servers may allow only 1,024.
MOST_TERMS = 400
#: Questions with fewer characters are not analyzed before the search.
LONG_QUESTION = 1_000

_DEFAULT_FIELDS = ("content", TITLE_FIELD)


@dataclass(frozen=True)
class KeywordSearch:
    """How questions are matched.

    :param fields: Fields, each with its boost after ``^``; None for content and, if the index has a text field for it,
        title.
    :param fuzziness: Edit distance up to which words match, in Elasticsearch's notation; None for exact words.
    :param operator: ``"OR"``: one word of the question suffices. ``"AND"``: a field must contain all of them.
    :param minimum_should_match: How many words a field must contain, e.g. ``"75%"``.
    :param highlight: Whether matching fragments of each field are returned.
    :param excludes: Fields that are not returned; None to return only ids and scores.
    """

    fields: tuple[str, ...] | None = None
    fuzziness: str | int | None = None
    operator: str = "OR"
    minimum_should_match: str | int | None = None
    highlight: bool = False
    excludes: tuple[str, ...] | None = ("embedding",)


@dataclass(frozen=True)
class SearchedFields:
    """The fields of one index that are searched.

    :param fields: Each with its boost.
    :param analyzed: One of them that is analyzed, for word frequencies; None if there is none.
    """

    fields: tuple[str, ...]
    analyzed: str | None


def names_of(fields: Sequence[str] | None) -> list[str]:
    """Names of the fields whose types decide which fields are searched.

    :param fields: Fields with boosts; None for the default.
    """
    if fields is None:
        return list(_DEFAULT_FIELDS)
    names = [field.partition("^")[0] for field in fields]
    return [candidate for name in names for candidate in (name, f"{name}.text")]


def searched_fields(fields: Sequence[str] | None, types: Mapping[str, Mapping[str, Any]]) -> SearchedFields:
    """The fields to search in an index.

    A keyword field with a ``text`` subfield, like the title of our indexes, is searched by that subfield.

    :param fields: The requested fields; None for the default.
    :param types: The types of each field as ``_field_caps`` reports them.
    """
    if fields is None:
        has_titles = "text" in types.get(TITLE_FIELD, {})
        fields = ("content", f"{TITLE_FIELD}^{TITLE_BOOST}") if has_titles else ("content",)
    searched = []
    for field in fields:
        name, caret, boost = field.partition("^")
        text = f"{name}.text"
        is_text = "text" in types.get(name, {})
        searched.append(f"{text}{caret}{boost}" if not is_text and "text" in types.get(text, {}) else field)
    texts = [name for name in (field.partition("^")[0] for field in searched) if "text" in types.get(name, {})]
    return SearchedFields(tuple(searched), next((name for name in texts if "." not in name), None))


def search_body(
    question: str, search: KeywordSearch, fields: Sequence[str], filters: Sequence[Mapping[str, Any]], top_k: int
) -> dict[str, Any]:
    """The body of one search.

    :param question: Plain text; no character has a special meaning.
    :param search: How it is matched.
    :param fields: Fields with boosts; their scores are summed.
    :param filters: Queries that a document must all match; they do not affect scores.
    :param top_k: Number of hits.
    """
    match: dict[str, Any] = {
        "query": question,
        "fields": list(fields),
        "type": "most_fields",
        "operator": search.operator.lower(),
    }
    optional = {"fuzziness": search.fuzziness, "minimum_should_match": search.minimum_should_match}
    match |= {name: value for name, value in optional.items() if value is not None}
    body: dict[str, Any] = {
        "size": top_k,
        "track_total_hits": False,
        "_source": source_without(search.excludes),
        "query": {"bool": {"must": [{"multi_match": match}], "filter": list(filters)}},
    }
    if search.highlight:
        body["highlight"] = {"fields": {field.partition("^")[0]: {} for field in fields}}
    return body


def source_without(excludes: Sequence[str] | None) -> dict[str, Any] | bool:
    """The ``_source`` of a search: which fields of a document are returned with a hit.

    :param excludes: Fields that are left out; None for no fields at all.
    """
    return False if excludes is None else {"excludes": list(excludes)}


def plain(question: str) -> str:
    """A question as valid UTF-8; lone surrogates are replaced.

    :param question: The question.
    """
    return question.encode("utf-8", "replace").decode("utf-8")


def rarest_words(question: str, terms: Mapping[str, Mapping[str, Any]]) -> str:
    """A question reduced to its rarest words, each once and in order; unchanged if it has few enough words.

    :param question: The question.
    :param terms: Its distinct terms as ``_termvectors`` reports them: the number of documents with each (missing if the
        server found none), and its positions.
    """
    if sum(len(term["tokens"]) for term in terms.values()) <= MOST_TERMS:
        return question
    counted = [(term.get("doc_freq"), term["tokens"][0]) for term in terms.values()]
    ranked = sorted(counted, key=lambda pair: (pair[0] is None, pair[0] or 0, pair[1]["start_offset"]))
    kept = sorted((token["start_offset"], token["end_offset"]) for _, token in ranked[:MOST_TERMS])
    units = question.encode("utf-16-le")  # offsets count UTF-16 units
    return " ".join(units[2 * start : 2 * end].decode("utf-16-le", "ignore") for start, end in kept)


def first_words(question: str) -> str:
    """A question reduced to its first distinct words, for indexes without word frequencies.

    :param question: The question.
    """
    words = question.split()
    return " ".join(list(dict.fromkeys(words))[:MOST_TERMS]) if len(words) > MOST_TERMS else question
