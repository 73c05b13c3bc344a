# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Gold answers in the forms that they have in question and training files."""

from __future__ import annotations

import ast
import json
import math
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

ANSWER_NAMES = ("answers", "answer", "output", "pattern")
"""The names of answers in lower case: ``output`` is KILT's, ``pattern`` names a column of CuratedTREC."""


def answers_in(fields: Mapping[str, Any]) -> tuple[str, ...]:
    """The answers of a question, from all of its fields of :data:`ANSWER_NAMES`.

    A value is a string or number, or a list of those; or an object with ``text`` (SQuAD), ``answer`` (KILT), or
    ``value`` and ``aliases`` (TriviaQA), or a list of such objects. ``null`` in place of a value is no answer.

    :param fields: The fields of the question; their names in lower case.
    :raises TypeError: If a value has another form, e.g. ``true``.
    """
    return tuple(answer for name in ANSWER_NAMES for answer in strings_in(fields.get(name)))


def strings_in(value: Any) -> Iterator[str]:
    """The strings in a value of the forms that :func:`answers_in` describes.

    :param value: The value.
    :raises TypeError: If it has another form.
    """
    if value is None:
        return
    if isinstance(value, list | tuple):
        for item in value:
            yield from (_single(item),) if not isinstance(item, dict) else _of_object(item)
    elif isinstance(value, dict):
        yield from _of_object(value)
    else:
        yield _single(value)


def _of_object(value: Mapping[str, Any]) -> Iterator[str]:
    fields = {str(name).lower(): entry for name, entry in value.items()}
    known = [name for name in ("text", "answer", "value", "aliases") if name in fields]
    if not known and "provenance" not in fields:  # KILT has entries with a passage and no answer
        msg = f"expected an object with text, answer or value: got {value!r}"
        raise TypeError(msg)
    yield from dict.fromkeys(text for name in known for text in strings_in(fields[name]))


def _single(value: Any) -> str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not is_number and not isinstance(value, str):
        msg = f"expected a string or a number: got {value!r}"
        raise TypeError(msg)
    text = str(value)
    text.encode()  # raises if there is a lone surrogate
    return text


def literal(text: str) -> Any:
    """The value of a JSON or Python literal; nothing is evaluated.

    :param text: The literal.
    :raises ValueError: If it is neither; or one of the other errors of ``ast.literal_eval``.
    """
    # JSON first: a list that is valid as both has the same value, except for surrogate pairs in JSON escapes.
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        pass
    with warnings.catch_warnings():
        # Patterns often have single backslashes, which Python accepts with a warning.
        warnings.simplefilter("ignore")
        return ast.literal_eval(text.strip())


LITERAL_ERRORS = (ValueError, SyntaxError, TypeError, MemoryError, RecursionError)
"""What :func:`literal` and :func:`strings_in` raise for a bad value."""


def cell_value(text: str) -> Any:
    """The value of a cell of a table: a list or object if it is one in JSON or Python, else the text; None if blank.

    :param text: The cell.
    :raises TypeError: If it starts like a list of strings or an object, and is neither.
    """
    stripped = text.strip()
    if not stripped:
        return None
    if stripped[0] not in "[({":
        return text
    try:
        value = literal(stripped)
    except LITERAL_ERRORS as error:
        if stripped[0] == "{" or stripped[:2] in ("['", '["'):
            msg = f"expected a list of strings such as ['Paris', 'City of Light']: got {stripped[:80]!r}"
            raise TypeError(msg) from error
        return text  # a pattern, or an answer in brackets
    return value if isinstance(value, list | tuple | dict) else text
