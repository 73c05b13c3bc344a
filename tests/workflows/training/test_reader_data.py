# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Passages for the questions of a reader: order, gold passages, limits, counts, and reading questions as needed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from haystack import Document

from dpr_haystack import FAISSDocumentStore
from dpr_haystack.backends.passage_search import PassageSearch
from dpr_haystack.backends.registry import search_over
from dpr_haystack.core.passages import Passage
from dpr_haystack.errors import InputError
from dpr_haystack.formats.question import Question
from dpr_haystack.formats.reader_examples import ReaderExample, ReaderPassage, write_reader_examples
from dpr_haystack.workflows.training.reader_data import ReaderDataOptions, ReaderDataReport, build_reader_examples
from dpr_haystack.workflows.training.reader_loading import load_reader_set

TEXTS = {
    "danube": "The Danube flows through Ulm. It rises in the Black Forest, far from Ulm.",
    "einstein": "Einstein was born in Ulm, on the Danube.",
    "rhine": "The Rhine flows through Basel and Cologne.",
    "novel": "A novel of the Danube: Danube, Danube, the river Danube.",
    "town": "Blaubeuren is a town in the hills; it is not near the river.",
}
ULM = Question("Which city is on the river Danube?", ("Ulm",), (), "q1")


@pytest.fixture(scope="module")
def search(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PassageSearch]:
    store = FAISSDocumentStore(str(tmp_path_factory.mktemp("reader-data")), embedding_dim=4)
    store.write_documents([Document(id=name, content=text, meta={"title": name}) for name, text in TEXTS.items()])
    search = search_over(store)
    yield search
    search.close()


def built(search: PassageSearch, *questions: Question, report: Any = None, **options: Any) -> list[ReaderExample]:
    chosen = ReaderDataOptions(**{"by": "bm25", "top_k": 4, **options})
    return list(build_reader_examples(questions, search, None, chosen, report=report))


def test_passages_are_those_of_the_search_in_its_order_with_the_places_of_answers(search: PassageSearch) -> None:
    (hits,) = search.keyword_hits([ULM.question], 4, None)
    (example,) = built(search, ULM)
    assert (example.question, example.answers, example.id, example.is_impossible) == (
        ULM.question,
        ("Ulm",),
        "q1",
        False,
    )
    assert [each.passage for each in example.passages] == [Passage(name, name, TEXTS[name]) for name in hits.ids]
    assert [each.score for each in example.passages] == hits.scores
    places = {"danube": ((25, 28), (69, 72)), "einstein": ((21, 24),)}
    assert {each.passage.id: each.spans for each in example.passages} == {
        name: places.get(name, ()) for name in hits.ids
    }
    assert all(TEXTS[name][start:end] == "Ulm" for name, found in places.items() for start, end in found)
    assert all(each.has_answer == (each.passage.id in places) and not each.annotated for each in example.passages)


def with_gold(passage: Passage, *marked: tuple[int, int], answers: tuple[str, ...] = ("Ulm",)) -> Question:
    marks = {passage.id: marked} if marked else {}
    return Question(ULM.question, answers, (passage.id,), "gold", contexts=(passage,), marked=marks)


def test_a_gold_passage_that_was_not_found_comes_first(search: PassageSearch) -> None:
    gold = Passage("new", "Ulm", "Ulm, also Ulm: a city.")
    report = ReaderDataReport()
    (example,) = built(search, with_gold(gold, (10, 13)), report=report)
    assert example.passages[0] == ReaderPassage(gold, None, True, ((0, 3), (10, 13)), ((10, 13),))
    assert example.passages[1:] == built(search, ULM)[0].passages
    assert (report.written, report.gold_added, report.positives, report.negatives) == (1, 1, 3, 2)
    (example,) = built(search, with_gold(gold, (10, 13)), add_gold=False)
    assert example.passages == built(search, ULM)[0].passages


@pytest.mark.parametrize("name", ["danube", "other-id"])
def test_a_gold_passage_that_was_found_keeps_its_place(search: PassageSearch, name: str) -> None:
    gold, report = Passage(name, "danube", TEXTS["danube"]), ReaderDataReport()
    (example,) = built(search, with_gold(gold, (69, 72)), report=report)
    plain = built(search, ULM)[0].passages
    assert [each.passage.id for each in example.passages] == [each.passage.id for each in plain]
    marked = {each.passage.id: each.annotated for each in example.passages if each.annotated}
    assert (marked, report.gold_added) == ({"danube": ((69, 72),)}, 0)


def test_marks_of_another_text_are_not_used(search: PassageSearch) -> None:
    gold = Passage("danube", "danube", "An older text about Ulm.")
    (example,) = built(search, with_gold(gold, (20, 23)))
    assert [each.annotated for each in example.passages] == [()] * 4
    assert {each.passage.id: each.spans for each in example.passages}["danube"] == ((25, 28), (69, 72))


def test_a_marked_answer_that_is_part_of_a_word(search: PassageSearch) -> None:
    gold = Passage("new", "Ulm", "The Ulmers live there.")
    (example,) = built(search, with_gold(gold, (4, 7)))
    assert (example.passages[0].spans, example.passages[0].has_answer) == (((4, 7),), True)
    (example,) = built(search, with_gold(gold))
    assert example.passages[0].passage.id != "new"


def test_a_gold_passage_of_the_store(search: PassageSearch) -> None:
    asked = Question("Which town?", ("Ulm", "hills"), ("einstein", "rhine", "gone"), "stored")
    (example,) = built(search, asked, top_k=1)
    assert [(each.passage.id, each.score is None) for each in example.passages] == [("einstein", True), ("town", False)]


def test_limits_keep_the_first_passages_and_those_with_marked_answers(search: PassageSearch) -> None:
    everything = built(search, ULM)[0].passages
    (limited,) = built(search, ULM, max_positives=1, max_negatives=1)
    first = [next(each for each in everything if each.has_answer is kind) for kind in (True, False)]
    assert [each for each in everything if each in first] == list(limited.passages)
    second = [each for each in everything if each.has_answer][1]
    start, end = second.spans[0] if second.spans else (0, 0)
    (limited,) = built(search, with_gold(second.passage, (start, end)), max_positives=1, max_negatives=0)
    assert [each.passage.id for each in limited.passages] == [first[0].passage.id, second.passage.id]


UNKNOWN = Question("Which city is on the river Danube?", ("Linz",), (), "linz")
OPEN = Question("Which city is on the river Danube?", (), (), "open")


def test_questions_without_an_answer_are_left_out_or_marked(search: PassageSearch, tmp_path: Path) -> None:
    report = ReaderDataReport()
    examples = built(search, UNKNOWN, ULM, OPEN, report=report)
    assert [each.id for each in examples] == ["q1"]
    assert report == ReaderDataReport(3, 1, 2, 2, 0, 1, 1)
    kept = built(search, UNKNOWN, ULM, OPEN, keep_unanswered=True)
    assert [(each.id, each.is_impossible) for each in kept] == [("linz", True), ("q1", False)]
    assert kept[0].answers == ("Linz",)
    write_reader_examples(tmp_path / "r.jsonl", kept)
    rows = load_reader_set([str(tmp_path / "r.jsonl")]).rows
    # Without the passages with Ulm, which are right for the same question in another row.
    assert [(row.id, row.answers, len(row.positives), len(row.negatives), len(row.passages)) for row in rows] == [
        ("linz", ("Linz",), 0, 2, 4),
        ("q1", ("Ulm",), 2, 2, 4),
    ]


def test_questions_of_other_passages_are_an_error_at_the_end(search: PassageSearch) -> None:
    with pytest.raises(InputError, match=r"contains an answer to any of the 2 questions \(1 have no answers\); do the"):
        built(search, UNKNOWN, OPEN)


def test_what_is_written_is_what_training_reads(search: PassageSearch, tmp_path: Path) -> None:
    gold = Passage("new", "Ulm", "Ulm, also Ulm: a city.")
    examples = built(search, ULM, with_gold(gold, (10, 13)))
    for name in ("r.jsonl", "r.json", "r.json.gz"):
        assert write_reader_examples(tmp_path / name, examples) == 2
        loaded = load_reader_set([str(tmp_path / name)])
        for example, row in zip(examples, loaded.rows, strict=True):
            texts = {loaded.passages[each.passage][1]: (each.spans, each.annotated) for each in row.positives}
            assert texts == {
                each.passage.text: (each.spans, each.annotated) for each in example.passages if each.has_answer
            }
            assert [loaded.passages[number][1] for number in row.passages] == [
                each.passage.text for each in example.passages
            ]
            assert row.id == example.id


def test_questions_are_read_as_they_are_needed(search: PassageSearch) -> None:
    read, steps = [0], list[int]()

    def asked() -> Iterator[Question]:
        for number in range(1000):
            read[0] += 1
            yield Question(ULM.question, ("Ulm",), (), str(number), is_numbered=True)

    options = ReaderDataOptions("bm25", 4)
    examples = build_reader_examples(asked(), search, None, options, progress=steps.append)
    assert read == [0]
    assert next(examples).id == ""
    assert read == [64]
    for _ in range(64):
        next(examples)
    assert (read, steps) == ([128], [64])
    assert sum(1 for _ in examples) == 1000 - 65
    assert sum(steps) == 1000


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"by": "dpr"}, "dpr needs vectors"),
        ({"by": "tfidf"}, "system must be one of"),
        ({"top_k": 0}, "top_k must be 1 or more: got 0"),
        ({"max_positives": 0}, "max_positives must be 1 or more: got 0"),
        ({"max_negatives": -1}, "max_negatives must be 0 or more: got -1"),
    ],
)
def test_settings_that_cannot_be(search: PassageSearch, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        built(search, ULM, **options)
