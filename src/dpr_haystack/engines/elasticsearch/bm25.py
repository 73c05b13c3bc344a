# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""BM25 with Elasticsearch: the fields that are searched, and the words they are searched for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dpr_haystack.engines.elasticsearch.bodies import (
    LONG_QUESTION,
    KeywordSearch,
    SearchedFields,
    first_words,
    names_of,
    plain,
    rarest_words,
    search_body,
    searched_fields,
)
from dpr_haystack.engines.elasticsearch.sending import Steps, ask


def finding_fields(index: str, search: KeywordSearch, retries: int) -> Steps[SearchedFields]:
    """Steps that find the searched fields of an index; the permission to read it suffices.

    :param index: The index.
    :param search: How questions are matched.
    :param retries: How often to retry while the server is busy.
    :raises SearchIndexMissing: If the index does not exist.
    """
    response = yield from ask("field_caps", retries=retries, index=index, fields=names_of(search.fields))
    return searched_fields(search.fields, response.get("fields", {}))


def keyword_bodies(
    index: str,
    search: KeywordSearch,
    searched: SearchedFields,
    questions: Sequence[str],
    filters: Sequence[Mapping[str, Any]],
    top_k: int,
    retries: int,
) -> Steps[list[dict[str, Any]]]:
    """Steps that build a search for each question; the word frequencies of very long questions are requested.

    :param index: The index.
    :param search: How questions are matched.
    :param searched: The searched fields of the index.
    :param questions: The questions.
    :param filters: Queries that a document must all match; they do not affect scores.
    :param top_k: Hits per question.
    :param retries: How often to retry while the server is busy.
    :returns: The body of each search.
    """
    shortened = yield from _shortened(index, [plain(question) for question in questions], searched, retries)
    return [search_body(question, search, searched.fields, filters, top_k) for question in shortened]


def _shortened(index: str, questions: list[str], searched: SearchedFields, retries: int) -> Steps[list[str]]:
    """The questions; those with too many words are cut to their rarest words."""
    for number, question in enumerate(questions):
        if len(question) < LONG_QUESTION:
            continue
        if searched.analyzed is None:
            questions[number] = first_words(question)
            continue
        response = yield from ask(
            "termvectors",
            retries=retries,
            index=index,
            doc={searched.analyzed: question},
            fields=[searched.analyzed],
            term_statistics=True,
            field_statistics=False,
            positions=False,
            offsets=True,
            routing="0",  # so that the counts are always of the same shard
        )
        terms = response.get("term_vectors", {}).get(searched.analyzed, {}).get("terms", {})
        questions[number] = rarest_words(question, terms)
    return questions
