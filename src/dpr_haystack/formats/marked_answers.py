# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Answers that people marked in a passage, by their first character."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dpr_haystack.core.answer_places import answer_places
from dpr_haystack.core.reader_training_set import CharacterRange
from dpr_haystack.core.text import is_blank


def marked_places(answers: Sequence[Mapping[str, Any]], text: str) -> tuple[tuple[CharacterRange, ...], int]:
    """Where the marked answers of a question are.

    :param answers: Objects with ``text`` and ``answer_start``.
    :param text: The text of the paragraph.
    :returns: The distinct places, and how many of the answers are not where the file says.
    :raises KeyError: If an object lacks ``text`` or ``answer_start``.
    :raises TypeError: If these are no string and no integer.
    """
    places: dict[CharacterRange, None] = {}
    moved = 0
    for answer in answers:
        wanted, start = answer["text"], answer["answer_start"]
        if not isinstance(wanted, str) or type(start) is not int:
            msg = f"expected a string and an integer: got {wanted!r} and {start!r}"
            raise TypeError(msg)
        if is_blank(wanted):
            continue
        start += len(wanted) - len(wanted.lstrip())
        wanted = wanted.strip()
        if start >= 0 and text.startswith(wanted, start):
            places[start, start + len(wanted)] = None
            continue
        moved += 1
        found = list(_occurrences(wanted, text)) or answer_places([wanted], text)
        if found:
            places[min(found, key=lambda place: abs(place[0] - start))] = None
    return tuple(sorted(places)), moved


def _occurrences(wanted: str, text: str) -> Iterator[CharacterRange]:
    at = text.find(wanted)
    while at >= 0:
        yield at, at + len(wanted)
        at = text.find(wanted, at + 1)
