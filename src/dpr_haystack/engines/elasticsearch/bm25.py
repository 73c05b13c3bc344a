# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Many questions, one request: BM25 by Elasticsearch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dpr_haystack.engines.elasticsearch.bodies import (
    LONG_QUESTION,
    KeywordSearch,
    SearchedFields,
    chunks_of,
    first_words,
    header,
    names_of,
    plain,
    rarest_words,
    search_body,
    searched_fields,
)
from dpr_haystack.engines.elasticsearch.sending import Steps, ask, failure_of, pause_before
from dpr_haystack.errors import SearchServerError, SearchServerUnavailable

Hit = dict[str, Any]
# What the rest of an answer says is not read.
_WANTED = ["responses.status", "responses.error", "responses.hits.hits"]


def finding_fields(index: str, search: KeywordSearch, retries: int) -> Steps[SearchedFields]:
    """The steps that tell what is searched in an index; reading it is enough of a permission.

    :raises SearchIndexMissing: If there is no such index.
    """
    told = yield from ask("field_caps", retries=retries, index=index, fields=names_of(search.fields))
    return searched_fields(search.fields, told.get("fields", {}))


def searching(
    index: str,
    search: KeywordSearch,
    searched: SearchedFields,
    questions: Sequence[str],
    filters: Sequence[Mapping[str, Any]],
    top_k: int,
    retries: int,
) -> Steps[list[list[Hit]]]:
    """The steps that search for some questions.

    :returns: The hits of each question, best first.
    :raises SearchServerError: If one of them fails: there are no half results.
    """
    shorter = yield from _shortened(index, [plain(each) for each in questions], searched, retries)
    bodies = [search_body(each, search, searched.fields, filters, top_k) for each in shorter]
    hits: list[list[Hit]] = []
    for chunk in chunks_of(bodies, top_k):
        hits += yield from _searched(header(index, search), bodies[chunk.start : chunk.stop], retries)
    return hits


def _searched(above: dict[str, Any], bodies: Sequence[dict[str, Any]], retries: int) -> Steps[list[list[Hit]]]:
    """One request; what was too much for the server in it is asked again by itself."""
    found: list[list[Hit]] = [[] for _ in bodies]
    open_ = list(range(len(bodies)))
    for attempt in range(retries + 1):
        searches = [line for number in open_ for line in (above, bodies[number])]
        told = yield from ask("msearch", retries=retries - attempt, searches=searches, filter_path=_WANTED)
        failed: dict[int, SearchServerError] = {}
        for number, response in zip(open_, told["responses"], strict=True):
            if "error" in response:
                failed[number] = failure_of(response["status"], response)
            else:
                found[number] = response.get("hits", {}).get("hits", [])
        for failure in failed.values():
            if attempt == retries or not isinstance(failure, SearchServerUnavailable):
                raise failure
        if not failed:
            break
        open_ = list(failed)
        yield pause_before(attempt)
    return found


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
