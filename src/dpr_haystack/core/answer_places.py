# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Where the answers of a question are in a passage, as positions in its text as it is."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

import regex

from dpr_haystack.core.answers import TOKEN, AnswerMatcher, token_sequence
from dpr_haystack.core.reader_training_set import CharacterRange
from dpr_haystack.core.segmentation import normalized, separated

# Hangul letters of other blocks are no marks, but become one letter with the consonant before them.
_PIECE = regex.compile(r"(?=\p{Hangul})\X[\u1160-\u11ff\u3131-\u318e\uffa0-\uffdc]*|\X")


class _Tokens(NamedTuple):
    """The tokens of a text.

    :param sequence: As :func:`token_sequence` returns them.
    :param starts: Where each token starts in the text as it is.
    :param ends: Where each token ends.
    """

    sequence: str
    starts: Sequence[int]
    ends: Sequence[int]


class AnswerFinder:
    """Finds the places of answers, for many questions over the same passages.

    An answer is where :class:`~dpr_haystack.core.answers.AnswerMatcher` matches it by ``"string"``. The most recently
    used texts are cached in prepared form. A finder is thread-safe.

    :param cache_size: How many texts to cache; each takes a few times the memory of the text.
    """

    def __init__(self, *, cache_size: int = 50_000) -> None:
        self._matcher = AnswerMatcher(cache_size=cache_size)
        self._tokens = lru_cache(cache_size // 4)(_tokens)

    def has_answer(self, answers: Iterable[str], text: str) -> bool:
        """Whether there is a place; see :meth:`AnswerMatcher.has_answer`.

        :param answers: The gold answers.
        :param text: The text of a passage.
        """
        return self._matcher.has_answer(answers, text)

    def places(self, answers: Sequence[str], text: str) -> tuple[CharacterRange, ...]:
        """Every place where one of the answers is in a text.

        A place never starts or ends inside a letter with combining marks or an emoji. Places may overlap, if an answer
        overlaps itself or another one.

        :param answers: The gold answers.
        :param text: The text of a passage.
        :returns: Start and end of each place in characters, by their starts; none exactly if :meth:`has_answer` is
            false.
        :raises InputError: If ``answers`` is a string instead of a list.
        """
        if not self._matcher.has_answer(answers, text):
            return ()
        tokens = self._tokens(text)
        return tuple(sorted({place for answer in answers for place in _places(token_sequence(answer), tokens)}))


def answer_places(answers: Sequence[str], text: str) -> tuple[CharacterRange, ...]:
    """Every place where one of the answers is in a text; see :class:`AnswerFinder`.

    :param answers: The gold answers.
    :param text: The text of a passage.
    :raises InputError: If ``answers`` is a string instead of a list.
    """
    return AnswerFinder(cache_size=0).places(answers, text)


def _places(answer: str, tokens: _Tokens) -> Iterator[CharacterRange]:
    if not answer.strip(" "):
        return
    length, counted, at = answer.count(" ") - 1, 0, 0
    first = 0
    while (found := tokens.sequence.find(answer, at)) >= 0:
        first += tokens.sequence.count(" ", counted, found)
        yield tokens.starts[first], tokens.ends[first + length - 1]
        counted, at = found, found + 1


def _tokens(text: str) -> _Tokens:
    plain = normalized(text)
    spaced = separated(plain)
    found = list(TOKEN.finditer(spaced))
    places = [match.span() for match in found]
    if spaced is not plain:
        places = _without_added_spaces(places, spaced, plain)
    if not text.isascii():
        places = _in_original(places, plain, text)
    starts, ends = zip(*places, strict=True) if places else ((), ())
    return _Tokens(f" {' '.join(match[0] for match in found)} ".lower(), starts, ends)


def _without_added_spaces(places: Iterable[CharacterRange], spaced: str, plain: str) -> list[CharacterRange]:
    """Places in the text with spaces as places in the one without; the other characters are the same in both."""
    visible = [position for position, character in enumerate(plain) if character != " "]
    moved, before, at = [], 0, 0  # how many visible characters are before a position
    for start, end in places:
        before += start - at - spaced.count(" ", at, start)
        moved.append((visible[before], visible[before + end - start - 1] + 1))
        before, at = before + end - start, end
    return moved


def _in_original(places: Iterable[CharacterRange], plain: str, text: str) -> list[CharacterRange]:
    """Places in the normalised text as places in the text itself, widened to whole characters as people see them."""
    pieces = _PIECE.findall(text)
    lengths = [len(piece) for piece in pieces]
    normal = [piece if piece.isascii() else normalized(piece) for piece in pieces]
    if "".join(normal) != plain:  # a character that joins the one before it in a way that is not known here
        lengths, normal = [len(text)], [plain]
    original = list(accumulate(lengths, initial=0))
    boundaries = list(accumulate(map(len, normal), initial=0))
    return [
        (original[bisect_right(boundaries, start) - 1], original[bisect_left(boundaries, end)]) for start, end in places
    ]
