# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The reader against transformers' own output and a search over every span."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from dpr_haystack.core.spans import SpanChoice
from dpr_haystack.engines.reader.checkpoints import load_reader
from dpr_haystack.engines.reader.reader import ReadingOptions
from dpr_haystack.errors import InputError, ModelError
from support.checkpoints import tiny_dpr, tiny_qa
from support.readers import Reference

pytestmark = pytest.mark.slow

QUESTION = "who wrote the origin of species"
PASSAGES = [
    ("Charles Darwin", "Darwin was a naturalist in England, born in London."),
    ("the beagle", "the voyage of the beagle to the island"),
    (None, "Paris is in London. The theory of evolution (natural selection) was in the book, 1859."),
    ("", "over the finch"),
]
ALL = 10_000


@pytest.fixture(scope="module")
def dpr_folder(tmp_path_factory):
    return tiny_dpr(tmp_path_factory.mktemp("dpr") / "reader", "reader")


@pytest.fixture(scope="module")
def dpr(dpr_folder):
    return load_reader(str(dpr_folder), dtype="float32")


@pytest.fixture(scope="module", params=["bert", "distilbert", "roberta"])
def qa_folder(request, tmp_path_factory):
    return tiny_qa(tmp_path_factory.mktemp(request.param) / "reader", request.param)


def options(longest=10, count=ALL, **more):
    return ReadingOptions(SpanChoice(count, longest, overlap=None), **more)


def distinct(spans):
    """The best score of each pair of places."""
    best: dict[tuple[Any, Any], float] = {}
    for start, end, score in spans:
        best[start, end] = max(score, best.get((start, end), -math.inf))
    return best


def read(reader, passages=PASSAGES, **more):
    return reader.read([(QUESTION, passage) for passage in passages], options(**more))


def words(text, start, end):
    """The characters of the words that a range lies in; punctuation is a word of its own."""
    while start > 0 and text[start - 1].isalnum() and text[start].isalnum():
        start -= 1
    while end < len(text) and text[end].isalnum() and text[end - 1].isalnum():
        end += 1
    return start, end


def stripped(text, start, end, score):
    """The same without space around it: tokens of bytes count the space before a word."""
    answer = text[start:end]
    return start + len(answer) - len(answer.lstrip()), end - len(answer) + len(answer.rstrip()), score


def agrees(reading, text, expected, *, whole_words):
    assert reading.null == pytest.approx(expected.null, abs=1e-4)
    visible = [stripped(text, *span) for span in expected.spans if text[span[0] : span[1]].strip()]
    assert reading.total == pytest.approx(np.logaddexp.reduce([score for _, _, score in visible]), abs=1e-4)
    places = [words(text, start, end) if whole_words else (start, end) for start, end, _ in visible]
    scores = distinct((*place, span[2]) for place, span in zip(places, visible, strict=True))
    assert {(span.start, span.end): span.logit for span in reading.spans} == pytest.approx(scores, abs=1e-4)
    assert (reading.spans[0].start, reading.spans[0].end) == places[0]


def test_a_dpr_reader_scores_passages_and_spans_as_transformers_does(dpr, dpr_folder):
    reference = Reference(dpr_folder, is_dpr=True)
    relevances = []
    for reading, (title, text) in zip(read(dpr), PASSAGES, strict=True):
        expected = reference.read(QUESTION, title, text, longest=10)
        assert reading.relevance == pytest.approx(expected.relevance, abs=1e-4)
        agrees(reading, text, expected, whole_words=True)
        relevances.append(reading.relevance)
    assert np.diff(sorted(relevances)).min() > 0.01  # else a mistake would not show


def test_other_models_score_spans_as_transformers_does(qa_folder):
    reader, reference = load_reader(str(qa_folder), dtype="float32"), Reference(qa_folder, is_dpr=False)
    assert reader.scores_passages is False
    for longest in (10, None):
        for reading, (title, text) in zip(read(reader, longest=longest), PASSAGES, strict=True):
            assert reading.relevance is None
            agrees(reading, text, reference.read(QUESTION, title, text, longest), whole_words=False)


def test_a_long_passage_is_read_in_windows(dpr, dpr_folder):
    body = " ".join(f"darwin {number} wrote the book in {chr(97 + number % 26)}" for number in range(90))
    (reading,) = read(dpr, [("the book", body)], max_length=64, stride=16, longest=6)
    used = len(QUESTION.split()) + 2 + 3  # question, title, special tokens
    expected = Reference(dpr_folder, is_dpr=True).read_window(QUESTION, "the book", body, 64 - used, 16, 6)
    assert reading.relevance == pytest.approx(expected.relevance, abs=1e-4)
    agrees(reading, body, expected, whole_words=True)


@pytest.mark.parametrize("batch_size", [1, 3, None])
def test_neither_batches_nor_chunks_change_what_is_read(dpr, batch_size):
    passages = [("t", "darwin " * (1 + 7 * i % 40) + "island") for i in range(40)]
    expected = [read(dpr, [passage])[0] for passage in passages]
    done: list[Any] = []
    pairs = [(QUESTION, passage) for passage in passages]
    chunked = options(batch_size=batch_size, chunk_passages=16, chunk_characters=1500)
    got = dpr.read(pairs, chunked, progress=done.append)
    assert sum(done) == 40
    assert len(done) > 3
    for reading, other in zip(got, expected, strict=True):
        assert (reading.relevance, reading.null, reading.total) == pytest.approx(
            (other.relevance, other.null, other.total), abs=1e-4
        )
        assert reading.spans[0].logit == pytest.approx(other.spans[0].logit, abs=1e-4)


def test_questions_share_batches(dpr):
    pairs = [("who was darwin", PASSAGES[0]), ("what was the beagle and where", PASSAGES[0]), ("who", PASSAGES[1])]
    together = dpr.read(pairs, options())
    for pair, reading in zip(pairs, together, strict=True):
        (alone,) = dpr.read([pair], options())
        assert reading.relevance == pytest.approx(alone.relevance, abs=1e-4)
        assert reading.spans[0].logit == pytest.approx(alone.spans[0].logit, abs=1e-4)


def test_a_passage_of_50000_words(dpr):
    text = "darwin wrote the book in london " * 8333 + "the finch"
    (reading,) = dpr.read([(QUESTION, ("title", text))], options(count=3))
    assert len(reading.spans) == 3
    assert all(text[span.start : span.end].strip() for span in reading.spans)
    # every span of at most ten tokens is there once
    tokens = 6 * 8333 + 2
    flat = read(load_flat(dpr), [("title", text)])[0]
    assert math.exp(flat.total) == pytest.approx(10 * tokens - 45)


def load_flat(reader):
    """The same reader with all scores 0: then the weight of all spans is their number."""
    import copy

    flat = copy.copy(reader)
    network = copy.copy(reader._network)
    network.forward = lambda ids, types, first: _zeros(reader._network.forward(ids, types))
    flat._network = network
    return flat


def _zeros(logits):
    from dataclasses import replace

    return replace(logits, start=logits.start * 0, end=logits.end * 0)


def test_a_question_or_title_that_is_too_long_leaves_room(dpr):
    long = "origin of species " * 200
    (asked,) = dpr.read([(long, ("t", "darwin wrote"))], options())
    (cut,) = dpr.read([(long + " more", ("t", "darwin wrote"))], options())
    assert asked.relevance == pytest.approx(cut.relevance, abs=1e-5)
    (titled,) = dpr.read([("who", (long, "darwin wrote the book " * 200))], options(max_length=40))
    assert titled.spans


def test_a_text_without_a_token_has_no_span(dpr):
    (reading,) = dpr.read([(QUESTION, (None, "\u0000\u200b"))], options())
    assert reading.spans == ()
    assert reading.total == -math.inf
    assert math.isfinite(reading.null)


STRANGE = [
    "cafe\u0301 darwin \U0001f469\u200d\U0001f469\u200d\U0001f467 \u65e5\u672c\u8a9e born",
    "\tdarwin\t\tstra\u00dfe\r\n\u0130x \ufb01nch \U0001f44d\U0001f3fd",
    "a\u0301\u0323b zz \u09b9\u09df\u09c7 \U0001f1e9\U0001f1ea!",
]


@pytest.mark.parametrize("text", STRANGE)
def test_places_are_exact_in_any_text(dpr, qa_folder, text):
    import regex

    borders = {0, *(match.end() for match in regex.finditer(r"\X", text))}
    for reader in (dpr, load_reader(str(qa_folder), dtype="float32")):
        (reading,) = read(reader, [(None, text)])
        assert reading.spans
        for span in reading.spans:
            assert {span.start, span.end} <= borders
            answer = text[span.start : span.end]
            assert answer == answer.strip() != ""
        if reader is dpr:
            found = {text[span.start : span.end] for span in reading.spans}
            assert set(regex.findall(r"[\p{L}\p{M}]+", text)) - {"\u65e5\u672c\u8a9e"} <= found


def test_a_typographic_apostrophe_is_read_as_a_plain_one(dpr):
    first, second = (dpr.read([(f"darwin{mark}s book", PASSAGES[0])], options())[0] for mark in "\u2019'")
    assert first == second


def test_threads_do_not_disturb_each_other(dpr):
    jobs = [[("t", f"darwin {i} " * (i % 9 + 1)), ("title", "the book " * (i + 1))] for i in range(16)]
    expected = [read(dpr, job) for job in jobs]
    with ThreadPoolExecutor(4) as pool:
        for got, want in zip(pool.map(lambda job: read(dpr, job), jobs), expected, strict=True):
            assert [one.relevance for one in got] == pytest.approx([one.relevance for one in want], abs=1e-5)


def test_nothing_to_read(dpr):
    assert dpr.read([], options()) == []


@pytest.mark.parametrize(("length", "says"), [(301, r"at most 300, .*: got 301"), (15, "16 or more: got 15")])
def test_lengths_that_cannot_be(dpr, dpr_folder, length, says):
    with pytest.raises(InputError, match=says):
        read(dpr, max_length=length)
    with pytest.raises(InputError, match=says):
        load_reader(str(dpr_folder), max_length=length)


def test_scores_that_are_no_numbers_are_said(tmp_path):
    from transformers import DPRReader

    folder = tiny_dpr(tmp_path / "reader", "reader")
    model = DPRReader.from_pretrained(folder)
    model.span_predictor.qa_outputs.bias.data.fill_(float("nan"))
    model.save_pretrained(folder)
    with pytest.raises(ModelError, match="contain NaN or infinity in float32"):
        read(load_reader(str(folder), dtype="float32"))
