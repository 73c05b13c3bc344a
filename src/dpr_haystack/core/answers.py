# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Whether a text holds an answer, and how well a predicted answer agrees with the gold ones."""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

import regex

from dpr_haystack.errors import InputError

MATCHES = ("string", "regex")

# Runs of letters, digits and marks, or any single other character that is neither separator nor control.
_TOKEN = regex.compile(r"[\p{L}\p{N}\p{M}]+|[^\p{Z}\p{C}]", regex.IGNORECASE | regex.UNICODE | regex.MULTILINE)
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLE = re.compile(r"\b(a|an|the)\b")


class AnswerMatcher:
    """Answer matching as the evaluation of the original DPR has it, for many questions over the same passages.

    ``"string"`` takes text and answer in Unicode form NFD, cuts them into runs of letters, digits and marks and single
    other characters, lower-cases them and looks for the answer's tokens in a row. ``"regex"`` searches for the answer
    as a pattern of the ``regex`` package, pattern and text in NFD, in any case, ``^`` and ``$`` at every line; a
    pattern that cannot be compiled matches nothing. Only the text of a passage is looked at, not its title.

    In one case it differs from the original: an answer without any token (``""``, a space), or an empty pattern,
    is in no text; there it is in every text.

    Prepared texts and answers are kept, the most recently used ones. A matcher may be shared by threads.

    :param match: ``"string"`` or ``"regex"`` (CuratedTREC).
    :param cache_size: How many prepared texts to keep; one takes about the room of the text twice.
    :raises InputError: If ``match`` is neither.
    """

    def __init__(self, match: str = "string", *, cache_size: int = 50_000) -> None:
        if match not in MATCHES:
            msg = f"match must be one of {', '.join(map(repr, MATCHES))}, got {match!r}"
            raise InputError(msg)
        self.match = match
        by_tokens = match == "string"
        self._text: Callable[[str], str] = lru_cache(cache_size)(_tokens if by_tokens else _nfd)
        self._test: Callable[[str], Callable[[str], Any] | None] = lru_cache(4096)(
            _token_test if by_tokens else _pattern_test
        )

    def has_answer(self, answers: Iterable[str], text: str) -> bool:
        """Whether the text holds at least one of the answers.

        :param answers: The gold answers, or patterns.
        :param text: The text of a passage.
        """
        return self.find(answers, [text])[0]

    def find(self, answers: Iterable[str], texts: Iterable[str]) -> list[bool]:
        """For each of several texts, e.g. the passages retrieved for a question, whether it holds an answer.

        :param answers: The gold answers, or patterns.
        :param texts: The texts of the passages, in their order.
        :returns: One value for each text.
        :raises InputError: If ``answers`` is one string in place of several.
        """
        if isinstance(answers, str):
            msg = f"answers must be a list of strings, got the string {answers!r}: write [{answers!r}]"
            raise InputError(msg)
        tests = [test for answer in answers if (test := self._test(answer)) is not None]
        return [any(test(prepared) for test in tests) for prepared in map(self._text, texts)]


def has_answer(answers: Iterable[str], text: str, match: str = "string") -> bool:
    """Whether a text holds at least one of the answers, as :class:`AnswerMatcher` describes it.

    :param answers: The gold answers, or patterns.
    :param text: The text of a passage.
    :param match: ``"string"`` or ``"regex"``.
    :raises InputError: If ``match`` is neither, or ``answers`` is one string in place of several.
    """
    return AnswerMatcher(match, cache_size=0).has_answer(answers, text)


def _nfd(text: str) -> str:
    return unicodedata.normalize("NFD", text)


def _tokens(text: str) -> str:
    # No token holds a space, so tokens in a row are a substring that begins and ends with one.
    return f" {' '.join(_TOKEN.findall(_nfd(text)))} ".lower()


def _token_test(answer: str) -> Callable[[str], bool] | None:
    tokens = _tokens(answer)
    return None if not tokens.strip(" ") else lambda text: tokens in text


def _pattern_test(answer: str) -> Callable[[str], Any] | None:
    pattern = _compiled(answer)
    return pattern.search if pattern is not None else None


def _compiled(answer: str) -> regex.Pattern[str] | None:
    """The pattern of an answer; None where it is empty or cannot be compiled."""
    try:
        pattern: regex.Pattern[str] = regex.compile(_nfd(answer), regex.IGNORECASE | regex.UNICODE | regex.MULTILINE)
    except (regex.error, RecursionError, OverflowError, ValueError):
        return None
    return pattern if answer else None


def normalize_answer(answer: str) -> str:
    """An answer as SQuAD compares it: lower case, without punctuation, articles and needless space.

    :param answer: A predicted or a gold answer.
    """
    return " ".join(_ARTICLE.sub(" ", answer.lower().translate(_PUNCTUATION)).split())


def exact_match(prediction: str, answers: Sequence[str]) -> float:
    """1.0 if the prediction equals a gold answer after :func:`normalize_answer`, else 0.0.

    :param prediction: The predicted answer; ``""`` for "no answer".
    :param answers: The gold answers; none means that "no answer" is right.
    """
    normalized = normalize_answer(prediction)
    return float(any(normalized == normalize_answer(answer) for answer in answers or [""]))


def pattern_match(prediction: str, patterns: Sequence[str]) -> float:
    """1.0 if the prediction begins with a match of a pattern, else 0.0: exact match for CuratedTREC (DrQA).

    :param prediction: The predicted answer; ``""`` matches nothing.
    :param patterns: Patterns of the ``regex`` package, matched in any case; an invalid one matches nothing.
    """
    if not prediction:
        return 0.0
    text = _nfd(prediction)
    compiled = (_compiled(pattern) for pattern in patterns)
    return float(any(pattern is not None and pattern.match(text) is not None for pattern in compiled))


def f1(prediction: str, answers: Sequence[str]) -> float:
    """The best token F1 of the prediction with a gold answer, 0 to 1, both normalised (SQuAD).

    :param prediction: The predicted answer; ``""`` for "no answer".
    :param answers: The gold answers; none means that "no answer" is right.
    """
    tokens = normalize_answer(prediction).split()
    return max(_f1(tokens, normalize_answer(answer).split()) for answer in answers or [""])


def _f1(prediction: list[str], gold: list[str]) -> float:
    if not prediction or not gold:
        return float(prediction == gold)
    common = (Counter(prediction) & Counter(gold)).total()
    return 2 * common / (len(prediction) + len(gold))
