# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""BM25 by Elasticsearch: which fields are searched, and for which words."""

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
    """The steps that tell what is searched in an index; reading it is enough of a permission.

    :raises SearchIndexMissing: If there is no such index.
    """
    told = yield from ask("field_caps", retries=retries, index=index, fields=names_of(search.fields))
    return searched_fields(search.fields, told.get("fields", {}))


def keyword_bodies(
    index: str,
    search: KeywordSearch,
    searched: SearchedFields,
    questions: Sequence[str],
    filters: Sequence[Mapping[str, Any]],
    top_k: int,
    retries: int,
) -> Steps[list[dict[str, Any]]]:
    """The steps that make a search of each question; of a very long one the rarest words have to be asked for."""
    shorter = yield from _shortened(index, [plain(each) for each in questions], searched, retries)
    return [search_body(each, search, searched.fields, filters, top_k) for each in shorter]


def _shortened(index: str, questions: list[str], searched: SearchedFields, retries: int) -> Steps[list[str]]:
    """The questions, those with too many words cut to the rarest of them."""
    for number, question in enumerate(questions):
        if len(question) < LONG_QUESTION:
            continue
        if searched.analyzed is None:
            questions[number] = first_words(question)
            continue
        told = yield from ask(
            "termvectors",
            retries=retries,
            index=index,
            doc={searched.analyzed: question},
            fields=[searched.analyzed],
            term_statistics=True,
            field_statistics=False,
            positions=False,
            offsets=True,
            routing="0",  # always the same shard's counts
        )
        terms = told.get("term_vectors", {}).get(searched.analyzed, {}).get("terms", {})
        questions[number] = rarest_words(question, terms)
    return questions
