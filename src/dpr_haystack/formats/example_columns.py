# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Training data in named fields: which field is what, and the passages and labels in them.

The names are those of sentence-transformers, simpletransformers, BGE (``query``, ``pos``, ``neg``), Tevatron
(``query``, ``positive_passages``, ``negative_passages``) and flattened SQuAD.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dpr_haystack.core.passages import Passage, make_passage
from dpr_haystack.formats.answers import LITERAL_ERRORS, literal

QUESTION_NAMES = ("query_text", "question", "query", "anchor", "sentence1")
POSITIVE_NAMES = (
    *("gold_passage", "positive_passages", "positives", "positive", "pos"),
    *("passage", "document", "context", "sentence2"),
)
NEGATIVE_NAMES = ("hard_negative", "hard_negatives", "negative_passages", "negatives", "negative", "neg")
"""The names of each part; ``hard_negative_1``, ``negative_2`` and so on are further negatives."""

LABEL_NAMES = ("label", "labels", "is_relevant", "relevance", "relevant", "score", "similarity_score", "similarity")
"""The names of a field that says whether the passage is a positive."""

_TEXT_NAMES = ("text", "contents", "passage", "content")
_ID_NAMES = ("passage_id", "psg_id", "docid", "doc_id", "id", "_id")


@dataclass(frozen=True)
class Columns:
    """Which field is what.

    :param question: The name of the field with the question.
    :param positive: The name of that with the positive passages, or those that the label is about.
    :param negatives: The names of those with hard negatives.
    :param label: The name of the label; None if all passages of ``positive`` are positives.
    """

    question: str
    positive: str
    negatives: tuple[str, ...] = ()
    label: str | None = None

    def __str__(self) -> str:
        parts = [f"questions are in {self.question!r}"]
        if self.label is None:
            parts.append(f"positives in {self.positive!r}")
        else:
            parts.append(f"passages in {self.positive!r}: positives where {self.label!r} is 1, hard negatives where 0")
        if self.negatives:
            parts.append(f"hard negatives in {', '.join(map(repr, self.negatives))}")
        return "; ".join(parts)


def columns_of(names: Iterable[str]) -> Columns:
    """Decide which field is what, by the names.

    :param names: The names of the fields, in lower case.
    :raises ValueError: If there is no question or no positive.
    """
    listed = list(names)
    chosen: dict[str, str] = {}
    for part, known in (("question", QUESTION_NAMES), ("positive", POSITIVE_NAMES)):
        found = [name for name in known if name in listed]
        if not found:
            msg = f"the column of the {part} must be one of {', '.join(known)}: got {', '.join(listed)}"
            raise ValueError(msg)
        chosen[part] = found[0]
    label = next((name for name in LABEL_NAMES if name in listed), None)
    return Columns(**chosen, negatives=tuple(filter(_is_negative, listed)), label=label)


def _is_negative(name: str) -> bool:
    base, _, number = name.rpartition("_")
    return name in NEGATIVE_NAMES or (base in NEGATIVE_NAMES and number.isdigit())


def is_positive(value: Any) -> bool | None:
    """Whether a label says that a passage is a positive; None if that is not clear.

    :param value: The label: 1 or 0, true or false, as number, text or boolean.
    """
    text = str(value).strip().lower()
    try:
        number = float(text)
    except ValueError:
        return {"true": True, "false": False}.get(text)
    return {1.0: True, 0.0: False}.get(number)


def passages_in(value: Any, title: str = "") -> Iterator[Passage]:
    """The passages in a field: a text, an object with ``text``, or a list of these; blank texts are left out.

    :param value: The field.
    :param title: The title of a text.
    :raises ValueError: If it is something else.
    """
    values = value if isinstance(value, list | tuple) else [value]
    for entry in values:
        if entry is None or (isinstance(entry, str) and not entry.strip()):
            continue
        if isinstance(entry, str):
            yield make_passage(title if len(values) == 1 else "", entry, {})
        elif isinstance(entry, dict):
            yield _of_object(entry)
        else:
            msg = f"a passage must be a text, or an object with text: got {str(entry)[:80]}"
            raise ValueError(msg)


def _of_object(value: Mapping[str, Any]) -> Passage:
    text = next((value[name] for name in _TEXT_NAMES if value.get(name) is not None), None)
    title = value.get("title") or ""
    if not isinstance(text, str) or not text.strip() or not isinstance(title, str):
        msg = f'a passage must have a non-blank string under "text": got {str(value)[:80]}'
        raise ValueError(msg)
    id_ = next((value[name] for name in _ID_NAMES if value.get(name) not in (None, "")), None)
    return make_passage(title, text, {}, None if id_ is None else str(id_))


def listed_in(cell: str) -> str | Sequence[str]:
    """The texts of a cell that is a list of strings in JSON or Python; otherwise the cell itself.

    :param cell: The cell of a table.
    """
    if cell.lstrip()[:2] not in ('["', "['"):
        return cell
    try:
        value = literal(cell)
    except LITERAL_ERRORS:
        return cell
    is_list = isinstance(value, list) and all(isinstance(entry, str) for entry in value)
    return value if is_list else cell
