# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Where the answers of a question are in a passage, as positions in its text as it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import regex

from dpr_haystack.core.answers import TOKEN, AnswerMatcher, token_sequence
from dpr_haystack.core.reader_training_set import CharacterRange
from dpr_haystack.core.segmentation import normalized, separated

Ints = np.ndarray[Any, np.dtype[np.int64]]

# Hangul letters of other blocks are no marks, but become one letter with the consonant before them.
_PIECE = regex.compile(r"\X[\u1160-\u11ff\u3131-\u318e\uffa0-\uffdc]*")
_SPACE = ord(" ")


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
    starts = np.fromiter((match.start() for match in found), dtype=np.int64, count=len(found))
    ends = np.fromiter((match.end() for match in found), dtype=np.int64, count=len(found))
    if spaced is not plain:
        # Only spaces were added, so the characters that are none are the same in both, in the same order.
        rank = np.cumsum(_is_visible(spaced)) - 1
        visible = np.flatnonzero(_is_visible(plain))
        starts, ends = visible[rank[starts]], visible[rank[ends - 1]] + 1
    if not text.isascii():
        starts, ends = _in_original(text, plain, starts, ends)
    return _Tokens(f" {' '.join(match[0] for match in found)} ".lower(), starts.tolist(), ends.tolist())


def _is_visible(text: str) -> np.ndarray[Any, np.dtype[np.bool_]]:
    characters = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    visible: np.ndarray[Any, np.dtype[np.bool_]] = characters != _SPACE
    return visible


def _in_original(text: str, plain: str, starts: Ints, ends: Ints) -> tuple[Ints, Ints]:
    """Places in a normalised text as places in the text itself, widened to whole characters as people see them."""
    pieces = _PIECE.findall(text)
    lengths = [len(piece) for piece in pieces]
    normal = [piece if piece.isascii() else normalized(piece) for piece in pieces]
    if "".join(normal) != plain:  # a character that joins the one before it in a way that is not known here
        lengths, normal = [len(text)], [plain]
    original = np.cumsum([0, *lengths])
    boundaries = np.cumsum([0, *map(len, normal)])
    first = np.searchsorted(boundaries, starts, side="right") - 1
    last = np.searchsorted(boundaries, ends)
    return original[first], original[last]
