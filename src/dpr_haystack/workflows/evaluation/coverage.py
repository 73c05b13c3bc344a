# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Which questions can be judged in a store or index, and which of their gold passages it has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from haystack import logging

from dpr_haystack.backends.passage_search import PassageSearch
from dpr_haystack.core.batching import batched
from dpr_haystack.errors import InputError
from dpr_haystack.formats.question import Question

logger = logging.getLogger(__name__)

_AT_ONCE = 256


@dataclass(frozen=True)
class Coverage:
    """Counts of questions and of their gold passages.

    A question can be judged if it has answers, or if one of its gold passages is in the store or index.

    :param questions: Number of questions.
    :param judged: How many can be judged.
    :param gold_passages: The number of different gold passages.
    :param missing_gold_passages: How many of them are not in the store or index.
    """

    questions: int
    judged: int
    gold_passages: int
    missing_gold_passages: int


def judgeable(search: PassageSearch, questions: Sequence[Question]) -> tuple[list[Question], Coverage]:
    """The questions as they can be judged; refuses them if none can be.

    Gold passages that cannot be found count as not found, with a warning if that concerns most of the questions. If the
    store or index has no gold passage at all, and all these questions have answers, only the answers are judged.

    :param search: Searches the passages.
    :param questions: The questions.
    :raises InputError: If there are no passages, or no question can be judged.
    """
    if not search.count():
        msg = f"none of {len(questions)} questions can be judged: {search.location} contains no passages"
        raise InputError(msg)
    gold = list(dict.fromkeys(name for question in questions for name in question.passage_ids))
    stored = {name for batch in batched(gold, _AT_ONCE) for name in search.documents(batch)}
    findable = [not stored.isdisjoint(question.passage_ids) for question in questions]
    judged = sum(bool(question.answers) or found for question, found in zip(questions, findable, strict=True))
    coverage = Coverage(len(questions), judged, len(gold), len(gold) - len(stored))
    missing = f"{coverage.missing_gold_passages} of {len(gold)} gold passages are not in {search.location}"
    if not judged:
        reason = missing if gold else "none has answers or gold passages"
        msg = f"none of {len(questions)} questions can be judged: {reason}"
        raise InputError(msg)
    if gold and not stored and all(question.answers for question in questions if question.passage_ids):
        logger.warning("Only answers are judged: {reason}", reason=missing)
        return [replace(question, passage_ids=(), grades={}) for question in questions], coverage
    with_gold = sum(bool(question.passage_ids) for question in questions)
    if 2 * sum(findable) < with_gold:
        logger.warning(
            "The gold passages of {unfindable} of {count} questions cannot be found and count as not found: {reason}",
            unfindable=with_gold - sum(findable),
            count=with_gold,
            reason=missing,
        )
    return list(questions), coverage
