# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Tests of loading the training sets of readers: joining, counting what is bad, drawing."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dpr_haystack.core.reader_set_facts import ReaderSetFacts, reader_set_facts
from dpr_haystack.core.reader_training_set import AnswerPassage, ReaderRow, ReaderTrainingSet
from dpr_haystack.errors import DataError
from dpr_haystack.workflows.training.reader_loading import load_reader_set

DEV = Path(__file__).parents[2] / "data" / "squad-dev.json.gz"
HERBERT = {"title": "Dune_(novel)", "text": "Dune is by Frank Herbert, and Frank Herbert's son."}
LYNCH = {"title": "Dune (film)", "text": "David Lynch made a film of Dune."}
SAND = {"title": "", "text": "Dunes are made of sand."}


def result(question: str, answers: list[str], *ctxs: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"question": question, "answers": answers, "ctxs": list(ctxs), **fields}


def squad(*entries: tuple[str, str, int | None], text: str = HERBERT["text"], version: str = "1.1") -> dict[str, Any]:
    """A file of SQuAD with questions about one paragraph; the position of an answer is None where there is none."""
    qas = []
    for number, (question, answer, start) in enumerate(entries):
        answers = [] if start is None else [{"text": answer, "answer_start": start}]
        mark = {"is_impossible": start is None} if version == "2.0" else {}
        qas.append({"id": f"{version}-{number}", "question": question, "answers": answers, **mark})
    return {"data": [{"title": "Dune_(novel)", "paragraphs": [{"context": text, "qas": qas}]}]}


def load(folder: Path, *contents: Any, **options: Any) -> ReaderTrainingSet:
    files = []
    for number, content in enumerate(contents):
        files.append(str(folder / f"{number}.json"))
        lines = "\n".join(map(json.dumps, content)) if isinstance(content, list) else json.dumps(content)
        Path(files[-1]).write_text(content if isinstance(content, str) else lines, encoding="utf-8")
    return load_reader_set(files, **options)


def test_positives_negatives_and_places_of_retrieval_results(tmp_path: Path) -> None:
    rows = [
        result("who wrote dune", ["frank herbert", "F. Herbert"], LYNCH, HERBERT, SAND, LYNCH, id="x"),
        result("who made the film", ["David Lynch"], HERBERT, LYNCH),
    ]
    loaded = load(tmp_path, rows)
    assert loaded.passages == [
        ("Dune (film)", LYNCH["text"]),
        ("Dune (novel)", HERBERT["text"]),
        (None, SAND["text"]),
    ]
    assert loaded.rows == [
        ReaderRow(
            "who wrote dune",
            ("frank herbert", "F. Herbert"),
            (AnswerPassage(1, ((11, 24), (30, 43))),),
            (0, 2),
            (0, 1, 2),
            "x",
        ),
        ReaderRow("who made the film", ("David Lynch",), (AnswerPassage(0, ((0, 11),)),), (1,), (1, 0)),
    ]


def test_a_real_squad_file_has_its_marked_places_and_all_that_match() -> None:
    loaded = load_reader_set([str(DEV)])
    whole = json.loads(gzip.decompress(DEV.read_bytes()))
    entries = [
        (paragraph["context"], each)
        for article in whole["data"]
        for paragraph in article["paragraphs"]
        for each in paragraph["qas"]
    ]
    assert [row.id for row in loaded.rows] == [each["id"] for _, each in entries]
    assert len({text for _, text in loaded.passages}) == len({text for text, _ in entries}) == len(loaded.passages)
    several = 0
    for row, (text, each) in zip(loaded.rows, entries, strict=True):
        (positive,) = row.positives
        marked = {(one["answer_start"], one["answer_start"] + len(one["text"])) for one in each["answers"]}
        assert loaded.passages[positive.passage][1] == text
        assert set(positive.annotated) == marked <= set(positive.spans)
        assert (row.negatives, row.passages) == ((), (positive.passage,))
        several += len(positive.spans) > len(marked)
    assert several > 5


def test_rows_of_one_question(tmp_path: Path) -> None:
    rows = [
        result("Who is it?", ["Frank Herbert"], HERBERT, LYNCH),
        result("who is  IT?", ["David Lynch"], SAND),
        result("Who is it?", ["sand"], LYNCH, SAND, id="7"),
    ]
    first, other = load(tmp_path, rows).rows
    assert first.answers == ("Frank Herbert", "David Lynch")
    assert [(each.passage, each.spans) for each in first.positives] == [(0, ((11, 24), (30, 43))), (1, ((0, 11),))]
    assert (first.negatives, first.passages) == ((), (0, 1, 2))
    assert (other.answers, other.id, other.passages) == (("sand",), "7", (1, 2))
    assert ([each.passage for each in other.positives], other.negatives) == ([2], ())


def test_marked_positives_come_first(tmp_path: Path) -> None:
    marked = {**HERBERT, "annotated_spans": [[30, 43]], "answer_spans": [[11, 24], [30, 43]]}
    found = {"text": "Frank Herbert was born in Tacoma."}
    (row,) = load(tmp_path, [result("who wrote dune", ["Frank Herbert"], found, marked, SAND)]).rows
    assert row.positives == (
        AnswerPassage(1, ((11, 24), (30, 43)), ((30, 43),)),
        AnswerPassage(0, ((0, 13),)),
    )
    assert row.passages == (0, 1, 2)


def test_places_that_are_not_those_of_an_answer_are_found_again(tmp_path: Path) -> None:
    notes: list[str] = []
    wrong = {**HERBERT, "answer_spans": [[0, 4]]}
    empty = {**LYNCH, "answer_spans": []}
    rows = [result("a", ["Frank Herbert"], wrong), result("b", ["Lynch"], empty)]
    first, second = load(tmp_path, rows, on_note=notes.append).rows
    assert first.positives[0].spans == ((11, 24), (30, 43))
    assert second.positives[0].spans == ((6, 11),)
    assert notes == ["marked answers that were not where their file says: 1; they were looked for and moved"]


def test_a_passage_that_only_its_file_says_is_right_is_neither(tmp_path: Path) -> None:
    said = {**SAND, "has_answer": True}
    (row,) = load(tmp_path, [result("who", ["Frank Herbert"], said, HERBERT, LYNCH)]).rows
    assert ([each.passage for each in row.positives], row.negatives, row.passages) == ([1], (2,), (0, 1, 2))


def test_questions_without_an_answer(tmp_path: Path) -> None:
    notes: list[str] = []
    new = squad(("Who sang Dune?", "", None), ("Who wrote Dune?", "Frank Herbert", 11), version="2.0")
    kept = result("Who paid?", ["Nobody"], SAND, LYNCH, is_impossible=True)
    loaded = load(tmp_path, squad(("Who wrote it?", "Frank Herbert", 11)), new, [kept], on_note=notes.append)
    assert [(row.answers, len(row.positives), row.negatives) for row in loaded.rows] == [
        (("Frank Herbert",), 1, ()),
        ((), 0, (0,)),
        (("Frank Herbert",), 1, ()),
        (("Nobody",), 0, (1, 2)),
    ]
    (note,) = notes
    assert "mixed" in note
    assert "0.json of SQuAD 1.1" in note
    assert "1.json of SQuAD 2.0" in note


def test_an_impossible_question_that_its_passage_answers_elsewhere_is_left_out(tmp_path: Path) -> None:
    notes: list[str] = []
    both = squad(("Who wrote it?", "", None), ("who wrote it?", "Frank Herbert", 11), version="2.0")
    (row,) = load(tmp_path, both, on_note=notes.append).rows
    assert row.id == "2.0-1"
    (note,) = notes
    assert note.startswith("questions left out because they are marked as impossible")
    assert note.endswith("elsewhere: 1")


BAD = [
    result("a", ["Frank Herbert"], HERBERT, {"text": "Herbert"}),
    result("b", ["Nobody"], HERBERT, SAND),
    {"question": "c"},
    result("d", [], HERBERT),
    result("e", ["Frank Herbert"], {"text": "Herbert"}, id="e5"),
    result("f", ["Lynch"], LYNCH, {"text": "東"}),
]


def test_what_is_bad_is_counted_in_all_files_before_anything_is_raised(tmp_path: Path) -> None:
    old = squad(("g?", "Brian Herbert", 3))
    with pytest.raises(DataError) as raised:
        load(tmp_path, BAD, old)
    assert str(raised.value) == (
        f"{tmp_path / '0.json'}, line 1: the passage 'Herbert' has one token: a passage is a text. In all files: "
        "2 passages of one token, 1 bad record, 4 questions without an answer in their passages; "
        "skip_bad=true skips and lists them"
    )


def test_what_is_bad_is_listed_and_skipped(tmp_path: Path) -> None:
    bad: list[DataError] = []
    old = squad(("g?", "Brian Herbert", 3))
    loaded = load(tmp_path, BAD, old, on_bad=bad.append)
    assert [(row.question, len(row.passages)) for row in loaded.rows] == [("a", 1), ("f", 1)]
    assert [text for _, text in loaded.passages] == [HERBERT["text"], LYNCH["text"]]
    assert [(each.line, each.reason[:60]) for each in bad] == [
        (1, "the passage 'Herbert' has one token: a passage is a text"),
        (3, 'expected a list of passages under "ctxs": got the fields que'),
        (6, "the passage '東' has one token: a passage is a text"),
        (2, "question 'b': no answer ('Nobody') is in its 2 passages"),
        (4, "question 'd' has no answers, and is not marked with is_impos"),
        (5, "question e5 has no passages"),
        (None, "question 1: question 1.1-0: no answer ('Brian Herbert') is i"),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "0.json: contains no question with passages"),
        ("[]", "0.json: contains no question with passages"),
        ({"data": []}, "0.json: contains no question with passages"),
        ({"data": [{"title": "t"}]}, "0.json: article 1 lacks a title, paragraphs or a context"),
        ({"a": 1}, 'record 1: expected an object with a string under "question"'),
        ("[{", "0.json: is not JSON"),
        ("question\tanswers\n", "0.json, line 1: is not JSON"),
        ([result("b", ["Nobody"], HERBERT)], "1 question without an answer in its passages"),
    ],
)
def test_files_of_which_nothing_can_be_used(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        load(tmp_path, content)


def test_nothing_left_is_an_error_even_if_bad_questions_are_skipped(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"0\.json: all 2 questions are bad"):
        load(tmp_path, [BAD[1], BAD[3]], on_bad=lambda _: None)
    with pytest.raises(DataError, match=r"1\.json: contains no question with passages"):
        load(tmp_path, BAD[:1], [BAD[2]], on_bad=lambda _: None)


def test_the_first_questions_or_a_sample_of_them(tmp_path: Path) -> None:
    whole = load_reader_set([str(DEV)])
    first = load_reader_set([str(DEV)], limit=5)
    assert [row.id for row in first.rows] == [row.id for row in whole.rows[:5]]
    samples = [load_reader_set([str(DEV)], limit=limit, seed=3) for limit in (10, 20, 9999)]
    small, large, everything = ({row.id for row in sample.rows} for sample in samples)
    assert small < large < everything == {row.id for row in whole.rows}
    assert small != {row.id for row in whole.rows[:10]}
    texts = {row.id: whole.passages[row.passages[0]] for row in whole.rows}
    for sample in samples:
        assert {row.id: sample.passages[row.passages[0]] for row in sample.rows}.items() <= texts.items()
        assert {row.positives[0].passage for row in sample.rows} == set(range(len(sample.passages)))


def test_the_facts_of_a_set(tmp_path: Path) -> None:
    rows = [
        result("a", ["Frank Herbert"], {**HERBERT, "annotated_spans": [[11, 24]]}, LYNCH, SAND),
        result("b", ["Dune"], HERBERT, LYNCH, SAND),
        result("c", [], LYNCH, SAND, is_impossible=True),
    ]
    facts = reader_set_facts(load(tmp_path, rows))
    assert facts == ReaderSetFacts(3, 3, 2, 1, 1, 1.0, 5 / 3)
    assert str(facts) == (
        "3 questions with 3 passages: 2 with an answer (1 of them marked), 1 without; "
        "per question 1.0 passages with an answer and 1.7 without"
    )


def test_loading_needs_none_of_the_heavy_libraries() -> None:
    code = "import sys, dpr_haystack.workflows.training.reader_loading; print(*sys.modules)"
    modules = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )
    assert "dpr_haystack.workflows.training.reader_loading" in modules
    assert not modules & {"haystack", "faiss", "tantivy", "datasets", "torch", "transformers", "pyarrow"}
