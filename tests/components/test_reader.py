# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The reader's answers against those that transformers' own output gives."""

from __future__ import annotations

import asyncio
import copy
import inspect
import math
from dataclasses import replace

import pytest
from haystack import Document
from haystack.dataclasses import ExtractedAnswer

from dpr_haystack import DPRReader
from dpr_haystack.errors import InputError
from support.checkpoints import tiny_qa
from support.readers import DOCUMENTS, QUESTION, Reference, answers

ALL = 10_000


@pytest.fixture(scope="module")
def qa_folder(tmp_path_factory):
    return tiny_qa(tmp_path_factory.mktemp("qa") / "reader", "distilbert")


@pytest.fixture(scope="module")
def expected(reader_folder):
    """The reading of each document by transformers."""
    reference = Reference(reader_folder, is_dpr=True)
    return [
        reference.read(QUESTION, (document.meta["title"] or "").strip(), document.content or "", longest=10)
        for document in DOCUMENTS
    ]


def softmax(values):
    weights = [math.exp(value) for value in values]
    return [weight / math.fsum(weights) for weight in weights]


def test_the_best_span_of_the_best_passage_comes_first(reader, expected):
    best = max(range(3), key=lambda index: expected[index].relevance)
    relevances = softmax([passage.relevance for passage in expected])
    (answer,) = answers(reader, top_k=1)
    assert answer.document is DOCUMENTS[best]
    assert answer.meta["passage_score"] == pytest.approx(relevances[best], abs=1e-4)
    scores = [score for _, _, score in expected[best].spans]
    own = math.exp(scores[0]) / (math.fsum(map(math.exp, scores)) + math.exp(expected[best].null))
    assert answer.score == pytest.approx(relevances[best] * own, abs=1e-4)
    start, end, _ = expected[best].spans[0]
    assert answer.document_offset.start <= start < end <= answer.document_offset.end
    order = sorted(range(3), key=lambda index: -expected[index].relevance)
    everything = answers(reader, top_k=ALL)
    assert list(dict.fromkeys(DOCUMENTS.index(answer.document) for answer in everything)) == order
    passages = [order.index(DOCUMENTS.index(answer.document)) for answer in everything]
    assert passages == sorted(passages)


def test_by_span_the_best_span_of_all_comes_first(reader_folder, expected):
    reader = DPRReader(str(reader_folder), dtype="float32", rank_by="span")
    index, (start, end, score) = max(
        ((index, passage.spans[0]) for index, passage in enumerate(expected)), key=lambda pair: pair[1][2]
    )
    answer = answers(reader, top_k=1)[0]
    assert answer.document is DOCUMENTS[index]
    assert answer.document_offset.start <= start < end <= answer.document_offset.end
    weights = [math.exp(span[2]) for passage in expected for span in passage.spans]
    none = math.exp(min(passage.null for passage in expected))
    assert answer.score == pytest.approx(math.exp(score) / (math.fsum(weights) + none), abs=1e-4)
    results = answers(reader, top_k=ALL)
    assert [one.score for one in results] == sorted((one.score for one in results), reverse=True)


@pytest.mark.parametrize("kind", ["dpr", "qa"])
def test_independent_probabilities_are_those_of_haystacks_reader(reader_folder, qa_folder, kind):
    """Sigmoids of the scores, ranked over all passages; "no answer" if all of the answers are wrong."""
    path = reader_folder if kind == "dpr" else qa_folder
    reference = Reference(path, is_dpr=kind == "dpr")
    scores = [
        (score, index, (document.content or "")[start:end])
        for index, document in enumerate(DOCUMENTS)
        for start, end, score in reference.read(QUESTION, None, document.content or "").spans
    ]
    best = sorted(scores, reverse=True)[:5]
    reader = DPRReader(
        str(path),
        dtype="float32",
        probabilities="sigmoid",
        calibration_factor=0.1,
        max_answer_length=None,
        overlap_threshold=None,
        title_field=None,
        no_answer=True,
    )
    found = answers(reader)
    alone = [1 / (1 + math.exp(-0.1 * score)) for score, _, _ in best]
    assert [answer.score for answer in found if answer.data is not None] == pytest.approx(alone, abs=1e-5)
    assert [answer.data for answer in found if answer.data is not None] == [text for _, _, text in best]
    (none,) = [answer.score for answer in found if answer.data is None]
    assert none == pytest.approx(math.prod(1 - value for value in alone), abs=1e-5)
    assert [answer.score for answer in found] == sorted((answer.score for answer in found), reverse=True)


@pytest.mark.parametrize("rank_by", ["passage", "span"])
def test_fields_of_an_answer(reader_folder, rank_by):
    reader = DPRReader(str(reader_folder), dtype="float32", rank_by=rank_by)
    results = answers(reader, top_k=ALL)
    assert results
    for answer in results:
        span = answer.document_offset
        assert isinstance(answer, ExtractedAnswer)
        assert answer.query == QUESTION
        assert answer.document is not None
        assert answer.data == (answer.document.content or "")[span.start : span.end]
        assert answer.context == answer.document.content
        assert answer.context_offset == span
        assert 0 < answer.score < 1
        title = answer.document.meta["title"]
        assert answer.meta.get("title") == (title if title.strip() else None)
    assert len({answer.meta["passage_score"] for answer in results}) == 3
    restored = ExtractedAnswer.from_dict(results[0].to_dict())
    assert restored.document_offset == results[0].document_offset


def test_documents_are_not_modified(reader):
    before = copy.deepcopy(DOCUMENTS)
    answers(reader)
    assert before == DOCUMENTS


def test_max_answer_length(reader_folder):
    short = DPRReader(str(reader_folder), dtype="float32", max_answer_length=1, top_k=ALL)
    assert all(" " not in answer.data for answer in answers(short))
    free = DPRReader(str(reader_folder), dtype="float32", max_answer_length=None, top_k=ALL, overlap_threshold=None)
    assert DOCUMENTS[0].content in {answer.data for answer in answers(free)}


def test_overlap_threshold(reader_folder, reader):
    def shares(results):
        """The shared fraction of the shorter answer, for all pairs of answers from one document."""
        for index, answer in enumerate(results):
            for other in results[:index]:
                one, two = answer.document_offset, other.document_offset
                if answer.document is other.document:
                    shared = max(0, min(one.end, two.end) - max(one.start, two.start))
                    yield shared / min(one.end - one.start, two.end - two.start)

    spans = answers(reader, top_k=ALL)
    assert max(shares(spans)) == 0
    assert answers(reader, top_k=ALL, overlap_threshold=0.0) == spans
    assert 0.3 < max(shares(answers(reader, top_k=ALL, overlap_threshold=0.6))) <= 0.6
    every = DPRReader(str(reader_folder), dtype="float32", overlap_threshold=None)
    positions = [(answer.document.id, str(answer.document_offset)) for answer in answers(every, top_k=ALL)]
    assert len(positions) == len(set(positions)) > len(spans)


def test_a_document_that_comes_twice_gives_its_answers_once(reader):
    once = answers(reader, DOCUMENTS[:1], top_k=ALL)
    twice = answers(reader, [DOCUMENTS[0], replace(DOCUMENTS[0], score=1.0)], top_k=ALL)
    assert [answer.data for answer in twice] == [answer.data for answer in once]


def test_no_answer_precedes_less_probable_answers(reader_folder):
    reader = DPRReader(str(reader_folder), dtype="float32", no_answer=True)
    results = answers(reader, top_k=ALL)
    index = next(index for index, answer in enumerate(results) if answer.data is None)
    nothing = results.pop(index)
    assert (nothing.document, nothing.document_offset, nothing.query) == (None, None, QUESTION)
    assert all(answer.score >= nothing.score for answer in results[:index])
    assert results[index].score < nothing.score
    assert len(answers(reader, top_k=2)) == 3
    assert len(answers(reader, top_k=2, no_answer=False)) == 2
    every = DPRReader(str(reader_folder), dtype="float32", no_answer=True, overlap_threshold=None, title_field=None)
    assert math.fsum(answer.score for answer in answers(every, top_k=ALL)) <= 1


def test_score_threshold(reader):
    results = answers(reader, top_k=ALL)
    least = sorted(answer.score for answer in results)[len(results) // 2]
    kept = answers(reader, top_k=ALL, score_threshold=least)
    assert [answer.data for answer in kept] == [answer.data for answer in results if answer.score >= least]
    assert answers(reader, top_k=ALL, score_threshold=0.0) == results


def test_zero_differs_from_none(reader_folder):
    reader = DPRReader(str(reader_folder), dtype="float32", score_threshold=0.9, overlap_threshold=0.6)
    assert answers(reader) == []
    assert len(answers(reader, score_threshold=0.0)) == 5
    assert answers(reader, top_k=0, score_threshold=0.0) == []
    strict = answers(reader, top_k=ALL, score_threshold=0.0, overlap_threshold=0.0)
    assert strict != answers(reader, top_k=ALL, score_threshold=0.0)
    plain = DPRReader(str(reader_folder), dtype="float32")
    assert [answer.data for answer in strict] == [answer.data for answer in answers(plain, top_k=ALL)]


def test_retriever_weight(reader_folder, expected):
    reader = DPRReader(str(reader_folder), dtype="float32", retriever_weight=2.0)
    mixed = softmax([passage.relevance + 2 * share for passage, share in zip(expected, [1.0, 0.0, 0.5], strict=True)])
    results = {answer.document.id: answer.meta["passage_score"] for answer in answers(reader, top_k=ALL)}
    assert [results[document.id] for document in DOCUMENTS] == pytest.approx(mixed, abs=1e-4)
    for index, document in enumerate(DOCUMENTS):
        heavy = DPRReader(str(reader_folder), dtype="float32", retriever_weight=50.0)
        favoured = [replace(other, score=float(other is document)) for other in DOCUMENTS]
        assert answers(heavy, favoured, top_k=1)[0].document is favoured[index]
        heavy.rank_by = "span"
        assert answers(heavy, favoured, top_k=1)[0].document is favoured[index]
    unscored = [replace(document, score=None) for document in DOCUMENTS]
    plain = DPRReader(str(reader_folder), dtype="float32")
    assert [a.score for a in answers(reader, unscored)] == [a.score for a in answers(plain, unscored)]


def test_a_small_calibration_factor_lowers_the_best_probability(reader_folder, reader):
    mild = answers(DPRReader(str(reader_folder), dtype="float32", calibration_factor=0.1))
    sharp = answers(reader)
    assert [answer.data for answer in mild] == [answer.data for answer in sharp]
    assert mild[0].score < sharp[0].score


def test_answers_per_window(reader):
    assert len(answers(reader, top_k=ALL, answers_per_seq=1)) == 3


def test_title_field(reader_folder, reader):
    other = [replace(document, meta={"headline": document.meta["title"]}) for document in DOCUMENTS]
    named = DPRReader(str(reader_folder), dtype="float32", title_field="headline")
    assert [answer.score for answer in answers(named, other)] == [answer.score for answer in answers(reader)]
    assert answers(named, other)[0].meta["title"]
    without = DPRReader(str(reader_folder), dtype="float32", title_field=None)
    assert [answer.score for answer in answers(without)] != [answer.score for answer in answers(reader)]


def test_the_page_of_an_answer(reader):
    text = "darwin wrote\fthe book\fin london"
    document = Document(content=text, meta={"page_number": 7})
    results = {answer.data: answer.meta["answer_page_number"] for answer in answers(reader, [document], top_k=ALL)}
    assert results
    for data, page in results.items():
        assert page == 7 + text.count("\f", 0, text.index(data))
    assert "answer_page_number" not in answers(reader)[0].meta


def test_a_model_that_does_not_score_passages_compares_spans(qa_folder, caplog):
    reader = DPRReader(str(qa_folder), dtype="float32")
    with caplog.at_level("INFO"):
        reader.warm_up()
        reader.warm_up()
        results = answers(reader, top_k=ALL)
    assert caplog.text.count("does not score passages") == 1
    assert [answer.score for answer in results] == sorted((answer.score for answer in results), reverse=True)
    assert all("passage_score" not in answer.meta for answer in results)
    reference = Reference(qa_folder, is_dpr=False)
    read = [reference.read(QUESTION, None, document.content or "", longest=10) for document in DOCUMENTS]
    best = max(range(3), key=lambda index: read[index].spans[0][2])
    span = results[0].document_offset
    assert (results[0].document, span.start, span.end) == (DOCUMENTS[best], *read[best].spans[0][:2])


def test_nothing_is_logged_if_ranked_by_span_on_request(qa_folder, caplog):
    with caplog.at_level("INFO"):
        DPRReader(str(qa_folder), rank_by="span").warm_up()
    assert "does not score" not in caplog.text


def test_many_questions_at_once(reader):
    questions = [QUESTION, "what was the beagle"]
    documents = [DOCUMENTS, DOCUMENTS[1:]]
    together = reader.read(questions, documents, top_k=3)
    for question, own, results in zip(questions, documents, together, strict=True):
        alone = reader.run(question, own, top_k=3)["answers"]
        assert [answer.data for answer in results] == [answer.data for answer in alone]
        assert [answer.score for answer in results] == pytest.approx([answer.score for answer in alone], abs=1e-5)
        assert {answer.query for answer in results} == {question}
    assert reader.read([], []) == []
    assert reader.read([QUESTION], [[]]) == [[]]


def test_readings_can_be_ranked_repeatedly(reader):
    documents = [*DOCUMENTS, Document(content=None)]
    (readings,) = reader.readings([QUESTION], [documents], top_k=4)
    assert readings[3] is None
    for count in range(5):
        results = reader.answers(QUESTION, documents[:count], readings[:count], top_k=4)
        alone = answers(reader, documents[:count], top_k=4)
        assert [(a.data, a.document) for a in results] == [(a.data, a.document) for a in alone]
    with pytest.raises(InputError, match="got 4 documents and 3 readings"):
        reader.answers(QUESTION, documents, readings[:3])


def test_async_returns_the_same(reader):
    async def ask():
        await reader.warm_up_async()
        jobs = (reader.run_async(QUESTION, DOCUMENTS, 2, no_answer=True, answers_per_seq=1) for _ in range(3))
        return await asyncio.gather(*jobs)

    expected = reader.run(QUESTION, DOCUMENTS, 2, no_answer=True, answers_per_seq=1)
    assert asyncio.run(ask()) == [expected] * 3
    assert inspect.signature(DPRReader.run) == inspect.signature(DPRReader.run_async)


def test_async_passes_every_argument_on(reader, monkeypatch):
    names = list(inspect.signature(DPRReader.run).parameters)[1:]
    seen = []
    monkeypatch.setattr(reader, "run", lambda *values: seen.append(values) or {})
    asyncio.run(reader.run_async(**{name: name for name in names}))
    assert seen == [tuple(names)]
