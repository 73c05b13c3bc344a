# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Sets of questions: from a file, from questions and qrels, or from a BEIR folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from dpr_haystack.core.reader_training_set import CharacterRange
from dpr_haystack.core.text import question_key
from dpr_haystack.errors import InputError
from dpr_haystack.formats.beir import is_beir, read_beir_questions
from dpr_haystack.formats.open_text import OnBad
from dpr_haystack.formats.qrels import judged_questions, read_qrels
from dpr_haystack.formats.question import Question
from dpr_haystack.formats.questions import read_questions
from dpr_haystack.formats.tables import TableOptions


@dataclass(frozen=True)
class QuestionSource:
    """Where questions come from.

    :param path: A file of questions, or a BEIR folder.
    :param split: The split of a BEIR folder; None for ``"test"``.
    :param qrels: Qrels for a file of questions; None if it says itself what is right.
    :param tables: How to read a file that is a table.
    :raises InputError: If these do not go together.
    """

    path: Path
    split: str | None = None
    qrels: Path | None = None
    tables: TableOptions = field(default_factory=TableOptions)

    def __post_init__(self) -> None:
        if self.path.is_dir():
            if not is_beir(self.path):
                msg = f"{self.path} is no file, and no BEIR folder: that has corpus.jsonl, queries.jsonl and qrels/"
                raise InputError(msg)
            if self.qrels is not None:
                msg = f"{self.path} is a BEIR folder, which has qrels: got other qrels, {self.qrels}; name its file "
                msg += f"{self.path / 'queries.jsonl'} to use them"
                raise InputError(msg)
            self.tables.check_table(self.path)
        elif self.split is not None:
            msg = f"a split is that of a BEIR folder: got the split {self.split!r} and {self.path}"
            raise InputError(msg)


def load_questions(source: QuestionSource, *, limit: int | None = None, on_bad: OnBad | None = None) -> list[Question]:
    """Read questions. Without qrels, rows of one question become one: see :func:`merged`.

    With qrels, only questions with a relevant passage are read, and each question id is a question of its own.

    :param source: Where they come from.
    :param limit: The maximum number of questions; None for all.
    :param on_bad: Called with the error of each bad question, which is skipped; None to raise the first.
    :raises InputError: If no question has a relevant passage in the qrels.
    :raises DataError: If a file cannot be read.
    """
    if source.qrels is None and not source.path.is_dir():
        return merged(read_questions(source.path, on_bad, tables=source.tables))[:limit]
    return list(islice(_judged(source, on_bad), limit))


def _judged(source: QuestionSource, on_bad: OnBad | None) -> Iterator[Question]:
    found = False
    if source.qrels is None:
        judged = read_beir_questions(source.path, source.split or "test", on_bad)
    else:
        questions = read_questions(source.path, on_bad, ids=True, tables=source.tables)
        judged = judged_questions(questions, read_qrels(source.qrels, on_bad))
    for question in judged:
        found = True
        yield question
    if not found:
        qrels = source.qrels or source.path / "qrels"
        msg = f"no question of {source.path} has a relevant passage in {qrels}; do the question ids belong together?"
        raise InputError(msg)


def merged(questions: Iterable[Question]) -> list[Question]:
    """The questions, rows of the same one (see :func:`~dpr_haystack.core.text.question_key`) as one with all gold
    passages.

    Rows without ids of their own, or with the same id, become one question with all answers. Rows with different ids
    stay, as runs and answers are told apart by id: each with its own answers, and with the gold passages of all, its
    own first.

    :param questions: The questions.
    :returns: The questions in the order of their first rows.
    """
    groups: dict[str, list[Question]] = {}
    rows: dict[tuple[str, str], list[Question]] = {}
    for question in questions:
        key = question_key(question.question)
        groups.setdefault(key, []).append(question)
        rows.setdefault((key, "" if question.is_numbered else question.id), []).append(question)
    return [_as_one(same, groups[key]) for (key, _), same in rows.items()]


def _as_one(same: Sequence[Question], group: Sequence[Question]) -> Question:
    """One question of some rows, with the gold passages of all rows that ask it."""
    if len(group) == 1:
        return same[0]
    return replace(
        same[0],
        answers=tuple(dict.fromkeys(answer for row in same for answer in row.answers)),
        passage_ids=tuple(dict.fromkeys(id_ for row in (*same, *group) for id_ in row.passage_ids)),
        contexts=tuple({passage.id: passage for row in group for passage in row.contexts}.values()),
        marked=_marked(same),
    )


def _marked(rows: Sequence[Question]) -> dict[str, tuple[CharacterRange, ...]]:
    places: dict[str, set[CharacterRange]] = {}
    for row in rows:
        for id_, found in row.marked.items():
            places.setdefault(id_, set()).update(found)
    return {id_: tuple(sorted(found)) for id_, found in places.items()}
