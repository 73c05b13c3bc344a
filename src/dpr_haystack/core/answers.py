# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Answer matching: whether a passage contains a gold answer, and exact match and F1 of predicted answers."""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

import regex

from dpr_haystack.core.segmentation import normalized, separated
from dpr_haystack.errors import InputError

MATCHES = ("string", "regex")

# A run of letters, digits and marks, or any other single character except separators and control characters.
_FLAGS = regex.IGNORECASE | regex.UNICODE | regex.MULTILINE
TOKEN = regex.compile(r"[\p{L}\p{N}\p{M}]+|[^\p{Z}\p{C}]", _FLAGS)
"""A token of a text that is normalised, with spaces between the characters of scripts without spaces."""
# Other characters, such as a full-width question mark, may become special characters of patterns.
_COMPATIBLE = regex.compile(r"[\p{L}\p{M}\p{Nd}\p{Nl}\p{Zs}]+")
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLE = re.compile(r"\b(a|an|the)\b")


class AnswerMatcher:
    """Answer matching as in the evaluation of the original DPR, for many questions over the same passages.

    ``"string"`` normalises text and answer, splits them into tokens (runs of letters, digits and marks, or other single
    characters), lower-cases them and looks for the answer's tokens as a contiguous sequence. ``"regex"`` searches for
    the answer as a pattern of the ``regex`` package, ignoring case and in multi-line mode; a pattern that cannot be
    compiled matches nothing. Only the text of a passage is searched, not its title.

    Three things differ from the original, none of which changes its figures for English. Unicode is normalised to NFKC
    instead of NFD, so that full width and ligatures do not matter and a class such as ``[eé]`` matches one letter. In
    scripts without spaces between words (Chinese, Japanese, Thai, ...), each character is a token; otherwise an answer
    would have to be a whole phrase between punctuation marks. An answer without tokens (``""``, a space) or an empty
    pattern matches no text; in the original it matches every text.

    The most recently used texts and answers are cached in prepared form. A matcher is thread-safe.

    :param match: ``"string"`` or ``"regex"`` (CuratedTREC).
    :param cache_size: How many prepared texts to cache; each takes about twice the memory of the text.
    :raises InputError: If ``match`` is unknown.
    """

    def __init__(self, match: str = "string", *, cache_size: int = 50_000) -> None:
        if match not in MATCHES:
            msg = f"match must be one of {', '.join(map(repr, MATCHES))}: got {match!r}"
            raise InputError(msg)
        self.match = match
        by_tokens = match == "string"
        self._text: Callable[[str], str] = lru_cache(cache_size)(token_sequence if by_tokens else _for_patterns)
        self._test: Callable[[str], Callable[[str], Any] | None] = lru_cache(4096)(
            _token_test if by_tokens else _pattern_test
        )

    def has_answer(self, answers: Iterable[str], text: str) -> bool:
        """Whether the text contains at least one of the answers.

        :param answers: The gold answers, or patterns.
        :param text: The text of a passage.
        """
        return self.find(answers, [text])[0]

    def find(self, answers: Iterable[str], texts: Iterable[str]) -> list[bool]:
        """For each text, e.g. of the passages retrieved for a question, whether it contains an answer.

        :param answers: The gold answers, or patterns.
        :param texts: The texts of the passages.
        :returns: One value for each text.
        :raises InputError: If ``answers`` is a string instead of a list.
        """
        if isinstance(answers, str):
            msg = f"answers must be a list of strings: got the string {answers!r}; write [{answers!r}]"
            raise InputError(msg)
        tests = [test for answer in answers if (test := self._test(answer)) is not None]
        return [any(test(prepared) for test in tests) for prepared in map(self._text, texts)]


def has_answer(answers: Iterable[str], text: str, match: str = "string") -> bool:
    """Whether a text contains at least one of the answers; see :class:`AnswerMatcher`.

    :param answers: The gold answers, or patterns.
    :param text: The text of a passage.
    :param match: ``"string"`` or ``"regex"``.
    :raises InputError: If ``match`` is unknown, or ``answers`` is a string instead of a list.
    """
    return AnswerMatcher(match, cache_size=0).has_answer(answers, text)


def is_pattern(answer: str) -> bool:
    """Whether an answer is a regular expression that can match.

    :param answer: The answer.
    :returns: False if it is empty or not valid; such an answer matches no text.
    """
    return _compiled(answer) is not None


def _for_patterns(text: str) -> str:
    """Text, or a pattern, in a form that has no more special characters of patterns than before."""
    if text.isascii():
        return text
    composed = unicodedata.normalize("NFC", text).replace("\u0130", "I").replace("i\u0307", "i")
    return _COMPATIBLE.sub(lambda run: unicodedata.normalize("NFKC", run[0]), composed)


def token_sequence(text: str) -> str:
    """The tokens of a text or answer in lower case, with a space before, between and after them.

    No token contains a space, so that an answer is in a text if its sequence is a substring of that of the text.

    :param text: The text.
    """
    return f" {' '.join(TOKEN.findall(separated(normalized(text))))} ".lower()


def _token_test(answer: str) -> Callable[[str], bool] | None:
    tokens = token_sequence(answer)
    return None if not tokens.strip(" ") else lambda text: tokens in text


def _pattern_test(answer: str) -> Callable[[str], Any] | None:
    pattern = _compiled(answer)
    return pattern.search if pattern is not None else None


def _compiled(answer: str) -> regex.Pattern[str] | None:
    """The compiled pattern; None if it is empty or invalid."""
    try:
        pattern: regex.Pattern[str] = regex.compile(
            _for_patterns(answer), regex.IGNORECASE | regex.UNICODE | regex.MULTILINE
        )
    except (regex.error, RecursionError, OverflowError, ValueError):
        return None
    return pattern if answer else None


def normalize_answer(answer: str) -> str:
    """Normalise an answer as SQuAD does: lower case, without punctuation, articles and extra whitespace.

    Unlike there, Unicode is normalised to NFKC first.

    :param answer: A predicted or gold answer.
    """
    return " ".join(_ARTICLE.sub(" ", normalized(answer).lower().translate(_PUNCTUATION)).split())


def exact_match(prediction: str, answers: Sequence[str]) -> float:
    """1.0 if the prediction equals a gold answer after :func:`normalize_answer`, else 0.0.

    As in SQuAD's own script, gold answers of which nothing is left (``"the"``, ``"?"``) do not count; if no other is
    there, "no answer" is correct.

    :param prediction: The predicted answer; ``""`` for "no answer".
    :param answers: The gold answers; empty if "no answer" is correct.
    """
    normalized = normalize_answer(prediction)
    return float(any(normalized == normalize_answer(answer) for answer in _countable(answers)))


def pattern_match(prediction: str, patterns: Sequence[str]) -> float:
    """1.0 if a pattern matches at the start of the prediction, else 0.0: exact match for CuratedTREC (DrQA).

    :param prediction: The predicted answer; ``""`` matches nothing.
    :param patterns: Patterns of the ``regex`` package, ignoring case; an invalid one matches nothing.
    """
    if not prediction:
        return 0.0
    text = _for_patterns(prediction)
    compiled = (_compiled(pattern) for pattern in patterns)
    return float(any(pattern is not None and pattern.match(text) is not None for pattern in compiled))


def f1(prediction: str, answers: Sequence[str]) -> float:
    """The best token F1 of the prediction and a gold answer, 0 to 1, both normalised (SQuAD).

    In scripts without spaces between words, tokens are characters, as in the evaluation of MLQA. Gold answers count
    as for :func:`exact_match`.

    :param prediction: The predicted answer; ``""`` for "no answer".
    :param answers: The gold answers; empty if "no answer" is correct.
    """
    tokens = _answer_tokens(prediction)
    return max(_f1(tokens, _answer_tokens(answer)) for answer in _countable(answers))


def _countable(answers: Sequence[str]) -> Sequence[str]:
    """The gold answers that are not empty when normalised; "no answer" if there are none (SQuAD 2.0)."""
    return [answer for answer in answers if normalize_answer(answer)] or [""]


def _answer_tokens(answer: str) -> list[str]:
    return separated(normalize_answer(answer)).split()


def _f1(prediction: list[str], gold: list[str]) -> float:
    if not prediction or not gold:
        return float(prediction == gold)
    common = (Counter(prediction) & Counter(gold)).total()
    return 2 * common / (len(prediction) + len(gold))
