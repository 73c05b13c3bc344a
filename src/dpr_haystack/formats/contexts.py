# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Passages that stand beside their question: flattened SQuAD, MRQA and HotpotQA."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dpr_haystack.core.passages import Passage, make_passage
from dpr_haystack.formats.record_kinds import joined


def contexts_of(fields: Mapping[str, Any]) -> list[Passage]:
    """The passages under ``context``: one text (with ``title``), or HotpotQA's titles with lists of sentences.

    :param fields: The fields of the question; their names in lower case.
    :returns: The passages, whose ids are hashes; none if there is no context.
    :raises TypeError: If the context has another form.
    """
    context, title = fields.get("context"), fields.get("title")
    if context is None:
        return []
    if isinstance(context, str):
        return [make_passage(title if isinstance(title, str) else "", context, {})] if context.strip() else []
    return [
        make_passage(name, text, {})
        for name, sentences in _titled(context)
        if isinstance(text := joined(sentences), str) and text
    ]


def gold_contexts_of(fields: Mapping[str, Any]) -> list[Passage]:
    """Those of :func:`contexts_of` that answer the question: all, or HotpotQA's supporting ones.

    :param fields: The fields of the question; their names in lower case.
    :raises TypeError: If context or supporting facts have another form.
    """
    passages, facts = contexts_of(fields), fields.get("supporting_facts")
    if isinstance(fields.get("context"), str):
        return passages
    if isinstance(facts, dict):
        facts = [[title] for title in facts.get("title") or []]
    if not isinstance(facts, list):
        return []
    titles = {make_passage(str(fact[0]), "", {}).title for fact in facts if isinstance(fact, list) and fact}
    return [passage for passage in passages if passage.title in titles]


def _titled(context: Any) -> Iterator[tuple[str, list[Any]]]:
    if isinstance(context, dict) and isinstance(context.get("title"), list):
        pairs: list[Any] = list(map(list, zip(context["title"], context.get("sentences") or [], strict=False)))
    else:
        pairs = context if isinstance(context, list) else [None]
    for pair in pairs:
        if not isinstance(pair, list) or len(pair) != 2 or not isinstance(pair[1], list):
            msg = f"context must be a text, or titles with lists of sentences: got {str(context)[:80]}"
            raise TypeError(msg)
        yield str(pair[0]), pair[1]
