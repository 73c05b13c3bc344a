# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""TREC topics: questions between ``<top>`` tags."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path

from dpr_haystack.errors import DataError
from dpr_haystack.formats.open_text import read_text
from dpr_haystack.formats.question import Question

_TOPIC = re.compile(r"<top(?:ic)?\b([^>]*)>(.*?)(?=</top|<top\b|<topic\b|\Z)", re.DOTALL | re.IGNORECASE)
_NUMBER = re.compile(r"<num>\s*(?:number\s*:)?\s*([^\s<]+)", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"number\s*=\s*[\"']([^\"']+)", re.IGNORECASE)
_LABEL = re.compile(r"^\s*(?:topic|description|query|title)\s*:", re.IGNORECASE)


def read_topics(path: str | Path) -> Iterator[Question]:
    """Read topics, each with its number as id and its title (or query, or else its description) as the question.

    :param path: The file; gzipped if its name ends in ``.gz``.
    :raises DataError: If the file cannot be read, or a topic has no number or no text.
    """
    text, count = read_text(path), 0
    for match in _TOPIC.finditer(text):
        count += 1
        number = _NUMBER.search(match.group(2)) or _ATTRIBUTE.search(match.group(1))
        question = next((found for tag in ("title", "query", "desc") if (found := _text(match.group(2), tag))), None)
        if number is None or question is None:
            line = text.count("\n", 0, match.start()) + 1
            raise DataError(path, f"topic {count} must have <num> and <title>", line)
        yield Question(question, (), (), number.group(1))
    if not count:
        raise DataError(path, "has no topics between <top> and </top>")


def _text(topic: str, tag: str) -> str:
    found = re.search(rf"<{tag}>([^<]*)", topic, re.IGNORECASE)
    return "" if found is None else " ".join(_LABEL.sub("", html.unescape(found.group(1))).split())
