# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Text in comparable form: one Unicode form for both sides, and words also in scripts without spaces."""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

import regex

#: Increased whenever the same text gives other keywords: a keyword index of another version is rebuilt.
ANALYZER_VERSION = 3

# Chinese characters, kana, bopomofo and Yi; Thai, Lao, Khmer, Burmese and their relatives (line break class SA).
_EAST_ASIAN = r"\p{scx=Hani}\p{scx=Hira}\p{scx=Kana}\p{scx=Bopo}\p{scx=Yiii}"
_LETTERS = r"[\p{L}\p{M}\p{Nl}]"
_SPACELESS = regex.compile(rf"[[{_EAST_ASIAN}\p{{LB=SA}}]&&{_LETTERS}]+", regex.V1)
# Hangul has spaces between words, but particles are attached to them.
_RUN = regex.compile(
    rf"([[{_EAST_ASIAN}\p{{Hangul}}]&&{_LETTERS}]+)|[\p{{LB=SA}}&&{_LETTERS}]+(?:\u200b+[\p{{LB=SA}}&&{_LETTERS}]+)*",
    regex.V1,
)
# Only texts with one of these are searched for such runs, because that is slower.
_MAY_BE_SPACELESS = re.compile(r"[\u0e00-\u1fff\u2e80-\U0010ffff]")
# About as long as a word: two characters of Chinese or Japanese, four of Thai; what follows them belongs to them.
_NO_SPACE = r"[^\s\x1c-\x1f]"  # as \S of the module re
_COUNTED = regex.compile(
    rf"(?:[[{_EAST_ASIAN}]&&{_LETTERS}--\p{{M}}]\p{{M}}*){{1,2}}[{_NO_SPACE}--[\p{{L}}\p{{N}}]]*"
    rf"|(?:[\p{{LB=SA}}&&{_LETTERS}--\p{{M}}]\p{{M}}*){{1,4}}[{_NO_SPACE}--[\p{{L}}\p{{N}}]]*"
    rf"|[{_NO_SPACE}--[[{_EAST_ASIAN}\p{{LB=SA}}]&&{_LETTERS}]]+|{_NO_SPACE}",
    regex.V1,
)
_SPACED = re.compile(r"\S+")
_CLUSTER = regex.compile(r"\P{M}\p{M}*|\p{M}+")
_WORD = regex.compile(r"[\p{Alphabetic}\p{N}][\p{Alphabetic}\p{N}\p{M}]*")

# Symbols and fractions whose compatibility form is letters or digits: "Acme™" is not "AcmeTM", and "2½" not "21/2".
_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")
_APART = regex.compile(r"[^\p{L}\p{M}\p{N}\p{Z}\p{C}]|[\u00bc-\u00be\u2150-\u215f\u2189]")
_VARIATION = re.compile(r"[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
# Invisible characters inside words. In Arabic script, a zero-width non-joiner separates the parts of a word.
_INVISIBLE = regex.compile(
    r"[\u00ad\u034f\u061c\u180e\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]|(?<!\p{Arabic})[\u200c\u200d]"
)
_LATIN_MARKS = regex.compile(r"(?<=\p{Latin})[\u0300-\u036f]+")

_ASCII_WORDS = {code: code if chr(code).isalnum() else " " for code in range(128)}


def normalized(text: str) -> str:
    """The text in Unicode form NFKC, so that different encodings of the same characters are equal.

    Symbols and fractions that become letters or digits (``™``, ``½``) stay separate from the word before them.
    Variation selectors are removed, and ``İ`` becomes ``I``, so that its lower case is ``i``.

    :param text: Any string.
    """
    if text.isascii():
        return text
    text = _VARIATION.sub("", text)
    if not unicodedata.is_normalized("NFKC", text):
        text = unicodedata.normalize("NFKC", _NOT_ASCII.sub(_symbols_apart, text))
    return text.replace("\u0130", "I").replace("i\u0307", "i")


def separated(text: str) -> str:
    """The text with spaces between the characters of scripts that do not put spaces between words.

    :param text: A normalised text.
    """
    if text.isascii() or not _MAY_BE_SPACELESS.search(text):
        return text
    return _SPACELESS.sub(lambda run: f" {' '.join(_CLUSTER.findall(run[0]))} ", text)


def keywords(text: str, language: str | None = None) -> str:
    """The words of a text, with spaces between them, for a keyword index and for its queries alike.

    Words are runs of letters, digits and the marks that belong to them. In scripts without spaces between words, and in
    Hangul, they are the pairs of neighbouring characters, as in Lucene's ``CJKAnalyzer``; a single character between
    others stays alone. Lower case, stop words, stems and accents are left to the index.

    :param text: Any string.
    :param language: The language of the index; Turkish has two letters i.
    """
    if language == "turkish":
        text = unicodedata.normalize("NFC", text).replace("I", "\u0131").replace("\u0130", "i")
    if text.isascii():
        return text.translate(_ASCII_WORDS)
    text = _LATIN_MARKS.sub("", _INVISIBLE.sub("", normalized(text))).replace("\u03c2", "\u03c3")  # final sigma
    if _MAY_BE_SPACELESS.search(text):
        text = _RUN.sub(_pairs, text)
    return " ".join(_WORD.findall(text))


def counted_words(text: str) -> list[tuple[int, int]]:
    """Where the words of a text are by which its length is measured: they are separated by whitespace.

    In scripts without spaces between words, two characters count as a word, and four in Thai, Lao, Khmer and Burmese.

    :param text: Any string.
    :returns: Start and end of each word in characters; between them is nothing but whitespace.
    """
    pattern = _COUNTED if _MAY_BE_SPACELESS.search(text) else _SPACED
    return [match.span() for match in pattern.finditer(text)]


def word_spans(text: str) -> list[tuple[int, int]]:
    """Where the words of a text are, in the text as it is; in scripts without spaces, the pairs of characters.

    :param text: Any string.
    :returns: Start and end of each word in characters, by their starts; pairs overlap.
    """
    spans = []
    for word in _WORD.finditer(text):
        at, end = word.span()
        for run in _SPACELESS.finditer(text, at, end):
            spans += [(at, run.start())] if at < run.start() else []
            clusters = [match.span() for match in _CLUSTER.finditer(text, *run.span())]
            spans += [(first[0], last[1]) for first, last in pairwise(clusters)] or clusters
            at = run.end()
        spans += [(at, end)] if at < end else []
    return spans


def _pairs(run: regex.Match[str]) -> str:
    clusters = _CLUSTER.findall(run[0].replace("\u200b", ""))
    pairs = map("".join, pairwise(clusters))
    return f" {' '.join(pairs if len(clusters) > 1 else clusters)} "


def _symbols_apart(run: re.Match[str]) -> str:
    return _APART.sub(_spaced_if_changed, run[0])


def _spaced_if_changed(match: regex.Match[str]) -> str:
    character = match[0]
    return character if unicodedata.is_normalized("NFKC", character) else f" {character} "
