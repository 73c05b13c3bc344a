# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Loading the training sets of readers from files."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice

from dpr_haystack.core.answer_places import AnswerFinder
from dpr_haystack.core.answers import normalize_answer, token_sequence
from dpr_haystack.core.reader_rows import FoundPassage, ReaderRows
from dpr_haystack.core.reader_training_set import CharacterRange, ReaderRow, ReaderTrainingSet
from dpr_haystack.core.text import PassageText, as_title
from dpr_haystack.errors import DataError
from dpr_haystack.formats.labelled import OnNote
from dpr_haystack.formats.open_text import OnBad
from dpr_haystack.formats.reader_examples import ReaderExample, ReaderPassage, reader_examples, records_or_object
from dpr_haystack.formats.records import Record
from dpr_haystack.formats.squad import is_squad
from dpr_haystack.formats.squad_answers import squad_examples

_BEGINNING = 100

Kind = tuple[str, str]
"""What an error concerns, in the singular and in the plural."""

_BAD: Kind = ("bad record", "bad records")
_UNANSWERED: Kind = ("question without an answer in its passages", "questions without an answer in their passages")
_SHORT: Kind = ("passage of one token", "passages of one token")


def load_reader_set(
    files: Iterable[str],
    *,
    limit: int | None = None,
    seed: int | None = None,
    on_bad: OnBad | None = None,
    on_note: OnNote | None = None,
) -> ReaderTrainingSet:
    """Read questions with their passages and the places of the answers; a passage of several questions is stored once.

    The content of a file says which of these it is: SQuAD 1.1 or 2.0, where each question has its own paragraph; DPR's
    retrieval results, the input of its reader, as a list or as JSON lines; or the same with the places of the answers,
    as ``build-reader-data`` writes it. In results, a passage is a positive if
    :class:`~dpr_haystack.core.answers.AnswerMatcher` finds an answer in it; it is neither positive nor negative if only
    its file says that it has one. Rows of one question are joined as :class:`~dpr_haystack.core.reader_rows.ReaderRows`
    says.

    Bad are questions of which no passage contains an answer, unless they are marked as impossible, and passages of one
    token. All files are read before anything is told about them. A question that is marked as impossible is left out if
    the same question is answered by its only passage elsewhere (there are 7 in the development set of SQuAD 2.0).

    :param files: The files; gzipped if their names end in ``.gz``.
    :param limit: The maximum number of questions; None for all.
    :param seed: Seed to draw them with: a smaller sample is a subset of a larger one. None for the first ones.
    :param on_bad: Called with the error of each bad record, question or passage, which is skipped; None to raise.
    :param on_note: Called with a sentence about what is unusual in the files.
    :raises DataError: If a file cannot be read or contains no question with passages; or, without ``on_bad``, if there
        is anything bad: with the number of bad questions and passages of each kind, and the first one.
    """
    problems, finder = _Problems(on_bad), AnswerFinder()
    reading = _Reading(problems, finder)
    examples = _examples(files, problems)
    for path, example in examples if seed is not None or limit is None else islice(examples, limit):
        reading.add(path, example)
    whole = reading.training_set()
    if on_note is not None:
        for note in reading.notes():
            on_note(note)
    return _drawn(whole, limit, seed)


class _Problems:
    """What is bad in the files: told one by one, or counted by kind.

    :param on_bad: Called with each error; None to count them.
    """

    def __init__(self, on_bad: OnBad | None) -> None:
        self._on_bad = on_bad
        self._counts: dict[Kind, int] = {}
        self._first: DataError | None = None

    def tell(self, error: DataError, kind: Kind) -> None:
        """Tell or count an error.

        :param error: The error.
        :param kind: What it concerns, in the singular and in the plural.
        """
        if self._on_bad is not None:
            self._on_bad(error)
            return
        self._counts[kind] = self._counts.get(kind, 0) + 1
        self._first = self._first or error

    def tell_record(self, error: DataError) -> None:
        """Tell or count a record that cannot be read.

        :param error: The error.
        """
        self.tell(error, _BAD)

    def check(self) -> None:
        """Raise what was counted.

        :raises DataError: If anything was counted.
        """
        if self._first is None:
            return
        counts = [f"{count} {kind[count > 1]}" for kind, count in self._counts.items()]
        reason = f"{self._first.reason}. In all files: {', '.join(counts)}; skip_bad=true skips and lists them"
        raise DataError(self._first.path, reason, self._first.line)


class _Reading:
    """Makes the training set of questions.

    :param problems: Takes what is bad.
    :param finder: Finds answers.
    """

    def __init__(self, problems: _Problems, finder: AnswerFinder) -> None:
        self._problems = problems
        self._finder = finder
        self._rows = ReaderRows(finder)
        self._sources: list[tuple[str, ReaderExample]] = []
        self._is_short: dict[PassageText, bool] = {}
        self._files: dict[str, dict[str, None]] = {}
        self._moved = 0
        self._contradictory = 0

    def add(self, path: str, example: ReaderExample) -> None:
        """Add a question.

        :param path: Its file.
        :param example: The question with its passages.
        """
        passages = [self._found(example, each) for each in example.passages if not self._skips(path, example, each)]
        number = self._rows.add(
            example.question, example.answers, passages, id_=example.id, is_impossible=example.is_impossible
        )
        if number == len(self._sources):
            self._sources.append((path, replace(example, passages=())))
        self._files.setdefault(example.source, {})[path] = None
        self._moved += example.moved

    def notes(self) -> Iterator[str]:
        """Sentences about what is unusual."""
        old, new = self._files.get("SQuAD 1.1"), self._files.get("SQuAD 2.0")
        if old and new:
            yield (
                f"the files are mixed: {', '.join(old)} of SQuAD 1.1, where every question has an answer, and "
                f"{', '.join(new)} of SQuAD 2.0"
            )
        if self._moved:
            yield f"marked answers that were not where their file says: {self._moved}; they were looked for and moved"
        if self._contradictory:
            yield (
                "questions left out because they are marked as impossible, and their passage answers the same question "
                f"elsewhere: {self._contradictory}"
            )

    def training_set(self) -> ReaderTrainingSet:
        """The training set of the good questions.

        :raises DataError: If anything was bad, and is not to be skipped; or if no question is left.
        """
        joined, impossible = self._rows.joined(), self._rows.impossible()
        good = []
        for row, is_impossible, (path, example) in zip(joined.rows, impossible, self._sources, strict=True):
            if row.positives or (is_impossible and row.negatives):
                good.append(row)
            elif is_impossible and row.passages:
                self._contradictory += 1
            else:
                error = DataError(path, f"{example.where}{_fault(row, example)}", example.line)
                self._problems.tell(error, _UNANSWERED)
        self._problems.check()
        if not good:
            paths = ", ".join(dict.fromkeys(path for path, _ in self._sources))
            raise DataError(paths, f"all {len(self._sources)} questions are bad")
        return _compact(good, joined.passages)

    def _skips(self, path: str, example: ReaderExample, each: ReaderPassage) -> bool:
        """Whether a passage has one token only, so that it has no answer in it."""
        passage = _text_of(each)
        known = self._is_short.get(passage)
        if known is None:
            known = self._is_short[passage] = _has_one_token(each.passage.text)
            if known:
                reason = f"{example.where}the passage {each.passage.text!r} has one token: a passage is a text"
                self._problems.tell(DataError(path, reason, example.line), _SHORT)
        return known

    def _found(self, example: ReaderExample, each: ReaderPassage) -> FoundPassage:
        text, answers = each.passage.text, example.answers
        annotated = each.annotated
        if annotated and example.source == "DPR":
            annotated = tuple(self._checked(annotated, answers, text))
        spans = self._checked(each.spans or (), answers, text)
        is_open = bool(each.has_answer) or (example.is_impossible and bool(spans))
        return FoundPassage(_text_of(each), () if example.is_impossible else spans, annotated, is_open)

    def _checked(self, spans: Sequence[CharacterRange], answers: Sequence[str], text: str) -> Sequence[CharacterRange]:
        """The places of a file if each is that of an answer; otherwise those that are found."""
        if spans:
            wanted = set(map(normalize_answer, answers))
            if all(normalize_answer(text[start:end]) in wanted for start, end in spans):
                return spans
            self._moved += 1
        return self._finder.places(answers, text)


def _examples(files: Iterable[str], problems: _Problems) -> Iterator[tuple[str, ReaderExample]]:
    for file in files:
        count = 0
        for example in _examples_of(file, problems.tell_record):
            count += 1
            yield file, example
        if not count:
            problems.check()
            raise DataError(file, "contains no question with passages")


def _examples_of(file: str, on_bad: OnBad) -> Iterator[ReaderExample]:
    content = records_or_object(file, on_bad)
    if is_squad(content):
        return squad_examples(content, file, on_bad)
    records = content if isinstance(content, Iterator) else iter([Record(content, None, 1)])
    return reader_examples(records, file, on_bad)


def _fault(row: ReaderRow, example: ReaderExample) -> str:
    """What is wrong with a question without positives."""
    name, count = example.id or repr(example.question), len(row.passages)
    if not count:
        return f"question {name} has no passages"
    if not row.answers:
        return f"question {name} has no answers, and is not marked with is_impossible"
    passages = "passage" if count == 1 else f"{count} passages"
    return f"question {name}: no answer ({', '.join(map(repr, row.answers[:3]))}) is in its {passages}"


def _text_of(each: ReaderPassage) -> PassageText:
    return as_title(each.passage.title), each.passage.text


def _has_one_token(text: str) -> bool:
    # A text has at least as many tokens as its beginning, which is enough to know for almost all of them.
    return all(token_sequence(part).count(" ") <= 2 for part in (text[:_BEGINNING], text))


def _drawn(whole: ReaderTrainingSet, limit: int | None, seed: int | None) -> ReaderTrainingSet:
    """A sample of the questions; a smaller sample is a subset of a larger one."""
    if limit is None or seed is None or limit >= len(whole.rows):
        return whole
    order = random.Random(seed).sample(range(len(whole.rows)), len(whole.rows))  # noqa: S311 -- not for security
    return _compact([whole.rows[number] for number in sorted(order[:limit])], whole.passages)


def _compact(rows: Sequence[ReaderRow], passages: Sequence[PassageText]) -> ReaderTrainingSet:
    """Some of the rows, with the passages that they refer to."""
    numbers: dict[int, int] = {}
    for row in rows:
        for number in row.passages:
            numbers.setdefault(number, len(numbers))
    renumbered = [
        replace(
            row,
            positives=tuple(replace(each, passage=numbers[each.passage]) for each in row.positives),
            negatives=tuple(numbers[each] for each in row.negatives),
            passages=tuple(numbers[each] for each in row.passages),
        )
        for row in rows
    ]
    return ReaderTrainingSet(renumbered, [passages[number] for number in numbers])
