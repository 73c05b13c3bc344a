# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Makes training examples from a corpus without questions."""

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
    """Counts of passages and questions.

    :param passages: Passages read.
    :param made: Questions made, by kind.
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
    """Make pseudo-questions from passages: one of each kind per passage, where possible.

    Passages with the same title and heading would have the same title question. They share one question, with all of
    them as positives so that none becomes a negative; such questions come after all passages have been read.

    :param passages: The passages; a heading may be in their metadata, under ``heading`` or ``section``.
    :param kinds: See :func:`~dpr_haystack.core.pseudo_questions.pseudo_question`.
    :param seed: Random seed; what is drawn depends only on seed and passage.
    :param report: Counts passages and questions.
    :returns: Examples without answers. ``meta["pseudo"]`` is the kind; the positive has the passage's id, and its
        ``meta["kept"]`` says whether the words of the question are still in it.
    :raises InputError: If a kind is unknown, or there is none.
    """
    for kind in kinds:
        if kind not in KINDS:
            msg = f"the kind of pseudo-questions must be one of {', '.join(KINDS)}: got {kind!r}"
            raise InputError(msg)
    if not kinds:
        msg = f"pseudo-questions need at least one kind of {', '.join(KINDS)}: got none"
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
            rng = random.Random(f"{seed}/{kind}/{passage.id}")  # noqa: S311 -- not for security
            made = pseudo_question(kind, passage.title, heading, passage.text, rng)
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
