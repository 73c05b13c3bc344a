# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""SQuAD 1.1 and 2.0 as training data of readers: questions with their paragraph, and where answers are marked in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dpr_haystack.core.passages import Passage
from dpr_haystack.core.text import is_blank
from dpr_haystack.errors import DataError
from dpr_haystack.formats.marked_answers import marked_places
from dpr_haystack.formats.open_text import OnBad
from dpr_haystack.formats.reader_examples import ReaderExample, ReaderPassage
from dpr_haystack.formats.records import parse_rows
from dpr_haystack.formats.squad import squad_paragraphs


def squad_examples(content: Any, path: str | Path, on_bad: OnBad | None = None) -> Iterator[ReaderExample]:
    """The questions of a SQuAD file, each with its paragraph and the places that people marked in it.

    An answer that is not where the file says is looked for in its paragraph, and is marked where it is nearest to that.
    One that is nowhere is not marked. Whitespace around an answer is not part of it.

    :param content: The parsed content of the file.
    :param path: The file, for messages.
    :param on_bad: Called with the error of each bad question, which is skipped; None to raise the first. Errors in the
        structure of the file are always raised.
    :raises DataError: If the content is not in SQuAD format.
    """
    source = f"SQuAD {squad_version(content)}"
    return parse_rows(_entries(content, path), lambda entry: _example(*entry, path, source), on_bad)


def squad_version(content: Any) -> str:
    """The version of the format: ``"2.0"`` if a question says whether its paragraph answers it, else ``"1.1"``.

    :param content: The parsed content of the file.
    """
    articles = content["data"] if isinstance(content, dict) and isinstance(content.get("data"), list) else []
    paragraphs = [each for article in articles if isinstance(article, dict) for each in article.get("paragraphs") or []]
    entries = (entry for each in paragraphs if isinstance(each, dict) for entry in each.get("qas") or [])
    return "2.0" if any(isinstance(entry, dict) and "is_impossible" in entry for entry in entries) else "1.1"


def _entries(content: Any, path: str | Path) -> Iterator[tuple[int, Passage, Any]]:
    number = 0
    for passage, paragraph in squad_paragraphs(content, path):
        for entry in paragraph.get("qas", []):
            number += 1
            yield number, passage, entry


def _example(number: int, passage: Passage, entry: Any, path: str | Path, source: str) -> ReaderExample:
    where = f"question {number}: "
    try:
        question, marked = entry["question"], entry.get("answers") or []
        impossible = entry.get("is_impossible", False)
        answers = tuple(dict.fromkeys(each["text"] for each in marked if not is_blank(each["text"])))
        places, moved = marked_places(() if impossible else marked, passage.text)
    except (KeyError, TypeError, AttributeError) as error:
        reason = f'{where}expected "question", and "answers" with "text" and "answer_start" ({error!r})'
        raise DataError(path, reason) from error
    if not isinstance(question, str) or not question.strip():
        raise DataError(path, f"{where}the question must be a non-blank string: got {question!r}")
    if not isinstance(impossible, bool):
        raise DataError(path, f"{where}is_impossible must be true or false: got {impossible!r}")
    own = ReaderPassage(passage, has_answer=not impossible, annotated=places)
    id_ = str(entry.get("id") or "")
    return ReaderExample(
        question, () if impossible else answers, (own,), id_, impossible, source=source, moved=moved, where=where
    )
