# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Training examples out of a corpus alone."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import get_args

from dpr_haystack.core.passages import Passage
from dpr_haystack.core.pseudo_questions import PseudoKind, pseudo_question
from dpr_haystack.errors import InputError
from dpr_haystack.formats.training import TrainingExample

KINDS: tuple[PseudoKind, ...] = get_args(PseudoKind)


@dataclass
class WeakReport:
    """What became of the passages.

    :param passages: How many were read.
    :param made: How many questions of each kind were made.
    """

    passages: int = 0
    made: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))


def pseudo_examples(
    passages: Iterable[Passage],
    kinds: Sequence[PseudoKind] = ("inverse-cloze",),
    *,
    seed: int = 0,
    report: WeakReport | None = None,
) -> Iterator[TrainingExample]:
    """Make questions of passages: of each passage one of each kind, where that can be done.

    Passages below the same title and heading would all be asked for in the same words: of these one question is made,
    with the first as its positive and the others as further ones, so that none of them is its negative. It comes after
    all passages have been read.

    :param passages: The passages; a heading may be in their metadata, under ``heading`` or ``section``.
    :param kinds: See :func:`~dpr_haystack.core.pseudo_questions.pseudo_question`.
    :param seed: What is drawn from a passage depends on it and the passage alone.
    :param report: Counts.
    :returns: Examples without answers. ``meta`` has ``pseudo``, the kind; the positive has the passage's id, and its
        own metadata says whether the question's words are in it still (``kept``).
    :raises InputError: If a kind is unknown, or none is named.
    """
    for kind in kinds:
        if kind not in KINDS:
            msg = f"there are no pseudo-questions {kind!r}; there are {', '.join(KINDS)}"
            raise InputError(msg)
    if not kinds:
        msg = f"name a kind of pseudo-questions: {', '.join(KINDS)}"
        raise InputError(msg)
    return _made(passages, kinds, seed, report or WeakReport())


def _made(
    passages: Iterable[Passage], kinds: Sequence[PseudoKind], seed: int, report: WeakReport
) -> Iterator[TrainingExample]:
    titled: dict[str, list[Passage]] = {}
    for passage in passages:
        report.passages += 1
        heading = str(passage.meta.get("heading") or passage.meta.get("section") or "")
        for kind in kinds:
            chance = random.Random(f"{seed}/{kind}/{passage.id}")  # noqa: S311 -- no secret
            made = pseudo_question(kind, passage.title, heading, passage.text, chance)
            if made is None:
                continue
            positive = replace(passage, text=made.text, meta={"kept": made.kept})
            if kind == "title":
                titled.setdefault(made.question, []).append(positive)
            else:
                yield _example(kind, made.question, [positive], report)
    for question, positives in titled.items():
        yield _example("title", question, positives, report)


def _example(kind: PseudoKind, question: str, positives: Sequence[Passage], report: WeakReport) -> TrainingExample:
    report.made[kind] += 1
    return TrainingExample(
        question=question,
        positives=tuple(positives),
        id=f"{kind}-{positives[0].id}",
        meta={"provenance": "pseudo", "pseudo": kind},
    )
