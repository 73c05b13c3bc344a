# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What is asked of Elasticsearch for BM25, as plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dpr_haystack.engines.elasticsearch.layout import TITLE_BOOST, TITLE_FIELD

#: Words of one question. Each is a clause in every field, repeated ones too, and a server allows 1,024 at the least.
MOST_TERMS = 400
#: Questions with fewer characters than this are never analyzed beforehand.
LONG_QUESTION = 1_000

_DEFAULT_FIELDS = ("content", TITLE_FIELD)


@dataclass(frozen=True)
class KeywordSearch:
    """How questions are matched.

    :param fields: What is searched, each with its boost behind ``^``; None for contents and, where the index has a
        searched title, titles.
    :param fuzziness: Edit distance at which words still match, in Elasticsearch's own words; None for exact words.
    :param operator: ``"OR"``: any word may match. ``"AND"``: a field has to have all of them.
    :param minimum_should_match: How many words a field has to have, e.g. ``"75%"``.
    :param highlight: Whether the matching passages of each field are returned as well.
    :param excludes: Fields that are not returned; None if only ids and scores are wanted.
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
    :param analyzed: One of them whose words can be counted; None if there is none.
    """

    fields: tuple[str, ...]
    analyzed: str | None


def names_of(fields: Sequence[str] | None) -> list[str]:
    """The fields whose types decide what is searched."""
    if fields is None:
        return list(_DEFAULT_FIELDS)
    names = [field.partition("^")[0] for field in fields]
    return [each for name in names for each in (name, f"{name}.text")]


def searched_fields(fields: Sequence[str] | None, types: Mapping[str, Mapping[str, Any]]) -> SearchedFields:
    """What is searched in an index.

    A field that is a keyword with a text beside it, as titles are in our indexes, is searched as that text.

    :param fields: What was asked for; None for the default.
    :param types: The types of each field as ``_field_caps`` reports them.
    """
    if fields is None:
        has_titles = "text" in types.get(TITLE_FIELD, {})
        fields = ("content", f"{TITLE_FIELD}^{TITLE_BOOST}") if has_titles else ("content",)
    found = []
    for field in fields:
        name, hat, boost = field.partition("^")
        text = f"{name}.text"
        is_text = "text" in types.get(name, {})
        found.append(f"{text}{hat}{boost}" if not is_text and "text" in types.get(text, {}) else field)
    texts = [name for name in (field.partition("^")[0] for field in found) if "text" in types.get(name, {})]
    return SearchedFields(tuple(found), next((name for name in texts if "." not in name), None))


def search_body(
    question: str, search: KeywordSearch, fields: Sequence[str], filters: Sequence[Mapping[str, Any]], top_k: int
) -> dict[str, Any]:
    """The body of one search.

    :param question: Plain text: no character has a meaning of its own.
    :param search: How it is matched.
    :param fields: What is searched, with boosts; their scores are added up.
    :param filters: Queries that all have to let a document through, and score nothing.
    :param top_k: Hits to return.
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
    """What a hit brings along of its document: all but some fields, or nothing."""
    return False if excludes is None else {"excludes": list(excludes)}


def plain(question: str) -> str:
    """A question as text that can be sent: half a surrogate pair is no character."""
    return question.encode("utf-8", "replace").decode("utf-8")


def rarest_words(question: str, terms: Mapping[str, Mapping[str, Any]]) -> str:
    """A question cut to its rarest words, each once and in their order; as it is if it has few enough.

    :param question: The question.
    :param terms: Its distinct terms as ``_termvectors`` reports them: in how many documents each is (absent: in none
        that the server looked at), and where it stands.
    """
    if sum(len(each["tokens"]) for each in terms.values()) <= MOST_TERMS:
        return question
    places = [(each.get("doc_freq"), each["tokens"][0]) for each in terms.values()]
    ranked = sorted(places, key=lambda place: (place[0] is None, place[0] or 0, place[1]["start_offset"]))
    kept = sorted((token["start_offset"], token["end_offset"]) for _, token in ranked[:MOST_TERMS])
    units = question.encode("utf-16-le")  # offsets count UTF-16 units
    return " ".join(units[2 * start : 2 * end].decode("utf-16-le", "ignore") for start, end in kept)


def first_words(question: str) -> str:
    """A question cut to its first distinct words, where their frequencies cannot be asked for."""
    words = question.split()
    return " ".join(list(dict.fromkeys(words))[:MOST_TERMS]) if len(words) > MOST_TERMS else question
