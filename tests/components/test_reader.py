# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import copy
import inspect
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
import torch
from haystack import Document, Pipeline
from haystack.core.component import component as component_registry
from haystack.dataclasses import ExtractedAnswer
from haystack.utils import ComponentDevice, Secret

from dpr_haystack import DPRReader
from dpr_haystack.errors import InputError, ModelError
from support.checkpoints import tiny_dpr, tiny_qa
from support.readers import Reference

DOOR = "haystack_integrations.components.readers.dpr.DPRReader"
QUESTION = "who wrote the origin of species"
ALL = 10_000
DOCUMENTS = [
    Document(content="Darwin was a naturalist in England, born in London.", meta={"title": "Darwin"}, score=70.0),
    Document(content="the voyage of the beagle to the island", meta={"title": "the beagle"}, score=60.0),
    Document(content="Paris is in London. The theory of evolution.", meta={"title": " "}, score=65.0),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_dpr(tmp_path_factory.mktemp("dpr") / "reader", "reader")


@pytest.fixture(scope="module")
def qa_folder(tmp_path_factory):
    return tiny_qa(tmp_path_factory.mktemp("qa") / "reader", "distilbert")


@pytest.fixture(scope="module")
def reader(folder):
    return DPRReader(str(folder), dtype="float32")


@pytest.fixture(scope="module")
def expected(folder):
    """The reading of each document by transformers."""
    reference = Reference(folder, is_dpr=True)
    return [
        reference.read(QUESTION, (document.meta["title"] or "").strip(), document.content or "", longest=10)
        for document in DOCUMENTS
    ]


def answers(reader, documents=DOCUMENTS, **more):
    return reader.run(query=QUESTION, documents=documents, **more)["answers"]


def softmax(values):
    weights = [math.exp(value) for value in values]
    return [weight / math.fsum(weights) for weight in weights]


# ---- ranking


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


def test_by_span_the_best_span_of_all_comes_first(folder, expected):
    reader = DPRReader(str(folder), dtype="float32", rank_by="span")
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
def test_independent_probabilities_are_those_of_haystacks_reader(folder, qa_folder, kind):
    """Sigmoids of the scores, ranked over all passages; "no answer" if all of the answers are wrong."""
    path = folder if kind == "dpr" else qa_folder
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
def test_fields_of_an_answer(folder, rank_by):
    reader = DPRReader(str(folder), dtype="float32", rank_by=rank_by)
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


def test_max_answer_length(folder):
    short = DPRReader(str(folder), dtype="float32", max_answer_length=1, top_k=ALL)
    assert all(" " not in answer.data for answer in answers(short))
    free = DPRReader(str(folder), dtype="float32", max_answer_length=None, top_k=ALL, overlap_threshold=None)
    assert DOCUMENTS[0].content in {answer.data for answer in answers(free)}


def test_overlap_threshold(folder, reader):
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
    every = DPRReader(str(folder), dtype="float32", overlap_threshold=None)
    positions = [(answer.document.id, str(answer.document_offset)) for answer in answers(every, top_k=ALL)]
    assert len(positions) == len(set(positions)) > len(spans)


def test_a_document_that_comes_twice_gives_its_answers_once(reader):
    once = answers(reader, DOCUMENTS[:1], top_k=ALL)
    twice = answers(reader, [DOCUMENTS[0], replace(DOCUMENTS[0], score=1.0)], top_k=ALL)
    assert [answer.data for answer in twice] == [answer.data for answer in once]


def test_no_answer_precedes_less_probable_answers(folder):
    reader = DPRReader(str(folder), dtype="float32", no_answer=True)
    results = answers(reader, top_k=ALL)
    index = next(index for index, answer in enumerate(results) if answer.data is None)
    nothing = results.pop(index)
    assert (nothing.document, nothing.document_offset, nothing.query) == (None, None, QUESTION)
    assert all(answer.score >= nothing.score for answer in results[:index])
    assert results[index].score < nothing.score
    assert len(answers(reader, top_k=2)) == 3
    assert len(answers(reader, top_k=2, no_answer=False)) == 2
    every = DPRReader(str(folder), dtype="float32", no_answer=True, overlap_threshold=None, title_field=None)
    assert math.fsum(answer.score for answer in answers(every, top_k=ALL)) <= 1


def test_score_threshold(reader):
    results = answers(reader, top_k=ALL)
    least = sorted(answer.score for answer in results)[len(results) // 2]
    kept = answers(reader, top_k=ALL, score_threshold=least)
    assert [answer.data for answer in kept] == [answer.data for answer in results if answer.score >= least]
    assert answers(reader, top_k=ALL, score_threshold=0.0) == results


def test_zero_differs_from_none(folder):
    reader = DPRReader(str(folder), dtype="float32", score_threshold=0.9, overlap_threshold=0.6)
    assert answers(reader) == []
    assert len(answers(reader, score_threshold=0.0)) == 5
    assert answers(reader, top_k=0, score_threshold=0.0) == []
    strict = answers(reader, top_k=ALL, score_threshold=0.0, overlap_threshold=0.0)
    assert strict != answers(reader, top_k=ALL, score_threshold=0.0)
    plain = DPRReader(str(folder), dtype="float32")
    assert [answer.data for answer in strict] == [answer.data for answer in answers(plain, top_k=ALL)]


def test_retriever_weight(folder, expected):
    reader = DPRReader(str(folder), dtype="float32", retriever_weight=2.0)
    mixed = softmax([passage.relevance + 2 * share for passage, share in zip(expected, [1.0, 0.0, 0.5], strict=True)])
    results = {answer.document.id: answer.meta["passage_score"] for answer in answers(reader, top_k=ALL)}
    assert [results[document.id] for document in DOCUMENTS] == pytest.approx(mixed, abs=1e-4)
    for index, document in enumerate(DOCUMENTS):
        heavy = DPRReader(str(folder), dtype="float32", retriever_weight=50.0)
        favoured = [replace(other, score=float(other is document)) for other in DOCUMENTS]
        assert answers(heavy, favoured, top_k=1)[0].document is favoured[index]
        heavy.rank_by = "span"
        assert answers(heavy, favoured, top_k=1)[0].document is favoured[index]
    unscored = [replace(document, score=None) for document in DOCUMENTS]
    plain = DPRReader(str(folder), dtype="float32")
    assert [a.score for a in answers(reader, unscored)] == [a.score for a in answers(plain, unscored)]


def test_a_small_calibration_factor_lowers_the_best_probability(folder, reader):
    mild = answers(DPRReader(str(folder), dtype="float32", calibration_factor=0.1))
    sharp = answers(reader)
    assert [answer.data for answer in mild] == [answer.data for answer in sharp]
    assert mild[0].score < sharp[0].score


def test_answers_per_window(reader):
    assert len(answers(reader, top_k=ALL, answers_per_seq=1)) == 3


def test_title_field(folder, reader):
    other = [replace(document, meta={"headline": document.meta["title"]}) for document in DOCUMENTS]
    named = DPRReader(str(folder), dtype="float32", title_field="headline")
    assert [answer.score for answer in answers(named, other)] == [answer.score for answer in answers(reader)]
    assert answers(named, other)[0].meta["title"]
    without = DPRReader(str(folder), dtype="float32", title_field=None)
    assert [answer.score for answer in answers(without)] != [answer.score for answer in answers(reader)]


def test_the_page_of_an_answer(reader):
    text = "darwin wrote\fthe book\fin london"
    document = Document(content=text, meta={"page_number": 7})
    results = {answer.data: answer.meta["answer_page_number"] for answer in answers(reader, [document], top_k=ALL)}
    assert results
    for data, page in results.items():
        assert page == 7 + text.count("\f", 0, text.index(data))
    assert "answer_page_number" not in answers(reader)[0].meta


# ---- other models


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


# ---- many questions


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


# ---- invalid and unusual input


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


@pytest.mark.parametrize("wrong", [{"model": None}, {"model": 3}, {"token": "abc"}, {"no_answer": "yes"}])
def test_settings_of_wrong_types_are_refused(wrong):
    with pytest.raises(InputError, match="must be"):
        DPRReader(**{"model": "some/model", **wrong})


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


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("model", " "),
        ("dtype", "half"),
        ("top_k", 0),
        ("top_k", True),
        ("max_answer_length", 0),
        ("rank_by", "score"),
        ("probabilities", "logits"),
        ("passages_per_batch", 0),
        ("max_batch_size", 1.5),
        ("retriever_weight", -1.0),
        ("retriever_weight", float("nan")),
        ("score_threshold", "0.5"),
        ("max_seq_length", 15),
        ("stride", -1),
        ("answers_per_seq", 0),
        ("calibration_factor", 0),
        ("overlap_threshold", -0.1),
    ],
)
def test_invalid_settings_are_refused_on_construction(option, value):
    name = "passages_per_batch" if option == "max_batch_size" else option
    with pytest.raises(InputError, match=f"{name} must be"):
        DPRReader(**{option: value})


def test_settings_can_be_assigned_and_are_checked(folder):
    reader = DPRReader(str(folder), dtype="float32")
    reader.top_k = 2
    reader.no_answer = True
    assert (reader.top_k, reader.no_answer) == (2, True)
    assert [answer.data is None for answer in answers(reader)].count(False) == 2
    assert len(answers(reader)) == 3
    parameters = reader.to_dict()["init_parameters"]
    assert (parameters["top_k"], parameters["no_answer"], parameters["stride"]) == (2, True, 128)
    with pytest.raises(InputError, match="top_k must be an integer of at least 0: got -1"):
        reader.top_k = -1
    assert reader.top_k == 2
    assert DPRReader(str(folder)).top_k == 5
    loaded = reader._reader.get()
    reader.top_k = 3
    assert reader._reader.get() is loaded
    reader.model = "/nowhere"
    with pytest.raises(ModelError, match="no model at '/nowhere'"):
        reader.warm_up()


def test_settings_of_a_run_are_checked_as_well(reader):
    for option, value in {"top_k": -1, "stride": -1, "max_seq_length": 301, "max_batch_size": 0}.items():
        with pytest.raises(InputError, match=r"must be|at most 300"):
            answers(reader, **{option: value})


def test_two_names_of_one_setting():
    assert DPRReader(max_batch_size=4).passages_per_batch == 4
    assert DPRReader(max_batch_size=4, passages_per_batch=4).passages_per_batch == 4
    with pytest.raises(InputError, match="two names of one setting and must be equal: got 8 and 4"):
        DPRReader(max_batch_size=4, passages_per_batch=8)


def test_construction_loads_nothing(tmp_path):
    reader = DPRReader(tmp_path / "nowhere")
    with pytest.raises(ModelError, match="no model at"):
        reader.warm_up()


def test_a_question_encoder_is_refused_by_name(tmp_path):
    with pytest.raises(InputError, match="is a question encoder"):
        DPRReader(tiny_dpr(tmp_path / "question", "question")).warm_up()


# ---- Haystack


def test_defaults():
    assert component_registry.registry[DOOR] is DPRReader
    assert DPRReader().to_dict() == {
        "type": DOOR,
        "init_parameters": {
            "model": "facebook/dpr-reader-single-nq-base",
            "device": None,
            "token": {"type": "env_var", "env_vars": ["HF_API_TOKEN", "HF_TOKEN"], "strict": False},
            "dtype": "auto",
            "top_k": 5,
            "max_answer_length": 10,
            "rank_by": "passage",
            "probabilities": "softmax",
            "passages_per_batch": None,
            "no_answer": False,
            "retriever_weight": 0.0,
            "score_threshold": None,
            "max_seq_length": None,
            "stride": 128,
            "answers_per_seq": None,
            "calibration_factor": 1.0,
            "overlap_threshold": 0.01,
            "model_kwargs": None,
            "title_field": "title",
            "progress_bar": False,
            "revision": None,
            "trust_remote_code": False,
            "attn_implementation": None,
            "tokenizer_kwargs": None,
            "config_kwargs": None,
        },
    }
    assert DPRReader()._get_telemetry_data() == {"model": "facebook/dpr-reader-single-nq-base"}


def test_round_trip_through_a_dictionary():
    options: dict[str, Any] = {
        "model": "a/b",
        "device": ComponentDevice.from_str("cpu"),
        "token": Secret.from_env_var("MY_TOKEN", strict=False),
        "dtype": "float32",
        "top_k": 7,
        "max_answer_length": None,
        "rank_by": "span",
        "probabilities": "sigmoid",
        "passages_per_batch": 8,
        "no_answer": True,
        "retriever_weight": 0.5,
        "score_threshold": 0.0,
        "max_seq_length": 256,
        "stride": 64,
        "answers_per_seq": 20,
        "calibration_factor": 0.1,
        "overlap_threshold": None,
        "model_kwargs": {"torch_dtype": torch.float32, "nested": {"dtype": torch.bfloat16}},
        "title_field": None,
        "progress_bar": True,
    }
    reader = DPRReader(**options)
    data = reader.to_dict()
    kept = copy.deepcopy(data)
    again = DPRReader.from_dict(data)
    assert {name: getattr(again, name) for name in options} == options
    assert reader.model_kwargs == options["model_kwargs"]
    assert again.to_dict() == data == kept == DPRReader.from_dict(data).to_dict()


def test_loaded_from_yaml_and_run(folder, reader):
    pipeline = Pipeline()
    pipeline.add_component("reader", DPRReader(folder, dtype="float32", model_kwargs={"attn_implementation": "sdpa"}))
    loaded = Pipeline.loads(pipeline.dumps())
    results = loaded.run({"reader": {"query": QUESTION, "documents": DOCUMENTS}})["reader"]["answers"]
    assert [answer.data for answer in results] == [answer.data for answer in answers(reader)]
    loaded.close()


def test_copy_close_and_reload(folder):
    reader = DPRReader(folder, dtype="float32")
    reader.warm_up()
    first = reader._reader.get()
    reader.warm_up()
    assert reader._reader.get() is first
    twin = copy.deepcopy(reader)
    reader.close()
    assert answers(reader) == answers(twin)
    assert reader._reader.get() is not first


def test_several_threads_load_the_model_once(folder, monkeypatch):
    from dpr_haystack.engines.reader import checkpoints

    loaded = []
    load = checkpoints.load_reader

    def counting(*args, **kwargs):
        loaded.append(args)
        return load(*args, **kwargs)

    monkeypatch.setattr(checkpoints, "load_reader", counting)
    reader = DPRReader(folder, dtype="float32")
    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(lambda _: answers(reader), range(12)))
    assert all(one == results[0] for one in results)
    assert len(loaded) == 1


def test_progress_bar(folder, reader, capsys):
    answers(DPRReader(folder, dtype="float32", progress_bar=True))
    assert "3/3" in capsys.readouterr().err
    answers(reader)
    assert "3/3" not in capsys.readouterr().err
