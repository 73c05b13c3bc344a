# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""DPR's training files: questions with answers, positive passages and negative passages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dpr_haystack.core.passages import Passage, make_passage
from dpr_haystack.errors import DataError
from dpr_haystack.formats.open_text import OnBad, suffix_of
from dpr_haystack.formats.records import Record, answers_of, parse_rows, read_records
from dpr_haystack.formats.writing import write_json_lines, write_json_list

_POSITIVE, _HARD, _OTHER = "positive_ctxs", "hard_negative_ctxs", "negative_ctxs"
_KNOWN = {"question", "answers", "id", _POSITIVE, _HARD, _OTHER}


@dataclass(frozen=True)
class TrainingExample:
    """A training example (Karpukhin et al. 2020, section 3.2).

    :param question: The question.
    :param positives: Passages that answer it, best first; at least one.
    :param hard_negatives: Passages that are similar and do not answer it, hardest first.
    :param negatives: Other negative passages, e.g. random ones.
    :param answers: The gold answers, if known.
    :param id: The id of the example, or its number in its file, from 1.
    :param meta: Further metadata, e.g. its origin.
    """

    question: str
    positives: tuple[Passage, ...]
    hard_negatives: tuple[Passage, ...] = ()
    negatives: tuple[Passage, ...] = ()
    answers: tuple[str, ...] = ()
    id: str = ""
    meta: Mapping[str, Any] = field(default_factory=dict)


def read_training(path: str | Path, on_bad: OnBad | None = None) -> Iterator[TrainingExample]:
    """Read the examples of a training file, a JSON list or JSON lines, one by one.

    Each is an object with ``question``, ``answers``, ``positive_ctxs``, ``hard_negative_ctxs`` and ``negative_ctxs``;
    passages have ``title`` and ``text``, and any further fields (``passage_id``, ``score``, ...) are kept. The id of a
    passage without an id is a hash of title and text.

    :param path: The file; gzipped if its name ends in ``.gz``.
    :param on_bad: Called with the error of each bad record, which is skipped; None to raise the first. A record without
        a positive passage is bad.
    :raises DataError: If the file cannot be read, or a record is not an example.
    """
    yield from parse_rows(read_records(path, on_bad), lambda record: example_of(record, path), on_bad)


def write_training(path: str | Path, examples: Iterable[TrainingExample]) -> int:
    """Write examples: JSON lines for ``.jsonl``, a JSON list for ``.json``; gzipped for ``.gz``.

    :param path: The file; replaced atomically when all examples are written.
    :param examples: The examples; consumed one by one.
    :returns: The number of examples.
    :raises DataError: If its name has another suffix, or it cannot be written.
    """
    if suffix_of(path) not in (".json", ".jsonl"):
        raise DataError(path, "the name of a training file must end in .json or .jsonl, also with .gz")
    objects = map(example_object, examples)
    return write_json_lines(path, objects) if suffix_of(path) == ".jsonl" else write_json_list(path, objects)


def example_object(example: TrainingExample) -> dict[str, Any]:
    """Convert an example to the JSON object of DPR's files.

    :param example: The example.
    """
    return {
        **({"id": example.id} if example.id else {}),
        **example.meta,
        "question": example.question,
        "answers": list(example.answers),
        _POSITIVE: [_context(passage) for passage in example.positives],
        _OTHER: [_context(passage) for passage in example.negatives],
        _HARD: [_context(passage) for passage in example.hard_negatives],
    }


def _context(passage: Passage) -> dict[str, Any]:
    return {**passage.meta, "title": passage.title, "text": passage.text, "passage_id": passage.id}


def example_of(record: Record, path: str | Path) -> TrainingExample:
    """The example in a record of :func:`read_training`.

    :param record: The record.
    :param path: Its file, for messages.
    :raises DataError: If it is not an example.
    """
    value, where = record.value, record.where
    if not isinstance(value, dict) or not isinstance(value.get("question"), str) or not value["question"].strip():
        raise DataError(path, f'{where}expected an object with a string under "question"', record.line)
    positives = _passages(value, _POSITIVE, path, record)
    if not positives:
        raise DataError(path, f"{where}must have a positive passage under {_POSITIVE!r}: got none", record.line)
    id_ = value.get("id")
    return TrainingExample(
        question=value["question"],
        positives=positives,
        hard_negatives=_passages(value, _HARD, path, record),
        negatives=_passages(value, _OTHER, path, record),
        answers=answers_of(record, path),
        id=str(record.number if id_ is None else id_),
        meta={name: entry for name, entry in value.items() if name not in _KNOWN},
    )


def _passages(value: Mapping[str, Any], name: str, path: str | Path, record: Record) -> tuple[Passage, ...]:
    entries = value.get(name) or []
    if not isinstance(entries, Sequence) or isinstance(entries, str):
        raise DataError(path, f"{record.where}{name} must be a list of passages: got {entries!r}", record.line)
    return tuple(_passage(entry, name, path, record) for entry in entries)


def _passage(value: Any, name: str, path: str | Path, record: Record) -> Passage:
    if not isinstance(value, dict) or not isinstance(value.get("text"), str) or not value["text"].strip():
        reason = f'{record.where}{name} must have a non-blank string under "text": got {str(value)[:80]}'
        raise DataError(path, reason, record.line)
    title = value.get("title") or ""
    if not isinstance(title, str):
        raise DataError(path, f"{record.where}{name}: title must be a string: got {title!r}", record.line)
    id_ = next((value[key] for key in ("passage_id", "psg_id", "id") if value.get(key) not in (None, "")), None)
    meta = {key: entry for key, entry in value.items() if key not in ("title", "text", "passage_id")}
    return make_passage(title, value["text"], meta, None if id_ is None else str(id_))
