# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Unusual and invalid input of the reader."""

from __future__ import annotations

import pytest
from haystack import Document

from dpr_haystack import DPRReader
from dpr_haystack.errors import InputError
from support.readers import DOCUMENTS, QUESTION, answers


@pytest.mark.parametrize("content", [None, "", " \n\t"])
def test_documents_without_text_are_skipped_and_listed(reader, caplog, content):
    without_text = Document(id="no-text", content=content)
    with caplog.at_level("WARNING"):
        results = answers(reader, [DOCUMENTS[0], without_text, DOCUMENTS[1]])
    assert [answer.data for answer in results] == [answer.data for answer in answers(reader, DOCUMENTS[:2])]
    assert "Documents without text are skipped (1): no-text" in caplog.text
    assert answers(reader, [without_text]) == []
    (nothing,) = answers(reader, [without_text], no_answer=True)
    assert (nothing.data, nothing.score) == (None, 1.0)


def test_no_documents_no_answers_and_no_model():
    reader = DPRReader("nowhere/to-be-found", no_answer=True)
    assert reader.run(QUESTION, []) == {"answers": []}


@pytest.mark.slow
def test_a_document_of_50000_words(reader):
    document = Document(content="darwin wrote the book " * 12_500 + "in london")
    results = answers(reader, [document, DOCUMENTS[0]], top_k=3)
    assert len(results) == 3
    for answer in results:
        assert answer.data == answer.document.content[answer.document_offset.start : answer.document_offset.end]


def test_a_document_without_valid_spans(reader):
    (nothing,) = answers(reader, [Document(content="\u200b\u0000")], no_answer=True)
    assert nothing.data is None
    assert nothing.score == pytest.approx(1)


@pytest.mark.parametrize("question", ["", " \n", None, 3, ["who"]])
def test_anything_but_a_question_is_refused(reader, question):
    with pytest.raises(InputError, match="a question must be a non-blank string: got"):
        reader.run(question, DOCUMENTS)


def test_a_document_that_comes_twice_is_read_once(reader):
    document = Document(content="Darwin was born in England and wrote a book.", meta={"title": "Darwin"})
    once, twice = (reader.run("who wrote a book?", [document] * times)["answers"] for times in (1, 2))
    assert [each.data for each in twice] == [each.data for each in once]
    assert [each.score for each in twice] == pytest.approx([each.score for each in once], rel=1e-3)


def test_lone_surrogates_do_not_shift_offsets(reader):
    text = "Dar\ud800win was born in England."
    for answer in reader.run("who \ud800 was born?", [Document(id="1", content=text, meta={"title": "\udfff"})])[
        "answers"
    ]:
        assert text[answer.document_offset.start : answer.document_offset.end] == answer.data


def test_anything_but_documents_is_refused(reader):
    for alone in (Document(content="a"), "a", None, iter([Document(content="a")])):
        with pytest.raises(InputError, match="must be a list of Haystack Documents: got"):
            reader.run("who?", alone)
    with pytest.raises(InputError, match="got a list with str"):
        reader.run(QUESTION, ["a text"])
    with pytest.raises(InputError, match="got 2 questions and 1 lists"):
        reader.read([QUESTION, QUESTION], [DOCUMENTS])
    with pytest.raises(InputError, match=r"got a string.*run\(query"):
        reader.read(QUESTION, [DOCUMENTS])
