# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
import gzip
import json
from dataclasses import replace
from typing import Any

import ir_measures
import pytest
import pytrec_eval
from hypothesis import given
from hypothesis import strategies as st

from dpr_haystack.core.passages import Passage
from dpr_haystack.errors import DataError
from dpr_haystack.formats.beir import is_beir, read_beir_corpus, read_beir_questions, write_beir
from dpr_haystack.formats.qrels import judged_questions, read_qrels, write_qrels
from dpr_haystack.formats.question import Question
from dpr_haystack.formats.trec import read_run, run_writer, write_run

words = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=4)
# Distinct in float32, so that they are written as they are.
scores = st.integers(-(2**20), 2**20).map(lambda number: number / 8)
runs = st.dictionaries(words, st.dictionaries(words, scores, min_size=1, max_size=5), max_size=4)
grades = st.dictionaries(words, st.dictionaries(words, st.integers(-1, 3), min_size=1, max_size=5), max_size=4)


@given(runs)
def test_runs_are_written_and_read(tmp_path_factory, run):
    for name in ("run.txt", "run.txt.gz"):
        path = tmp_path_factory.getbasetemp() / name
        assert write_run(path, run) == sum(map(len, run.values()))
        again = read_run(path)
        assert {question: list(hits) for question, hits in again.items()} == {
            question: sorted(hits, key=lambda name: -hits[name]) for question, hits in run.items()
        }


@given(runs)
def test_other_tools_read_our_runs(tmp_path_factory, run):
    path = tmp_path_factory.getbasetemp() / "run.txt"
    write_run(path, run, tag="mine")
    theirs: dict[str, dict[str, float]] = {}
    for hit in ir_measures.read_trec_run(str(path)):
        theirs.setdefault(hit.query_id, {})[hit.doc_id] = hit.score
    assert {question: sorted(hits, key=lambda name: -hits[name]) for question, hits in theirs.items()} == {
        question: sorted(hits, key=lambda name: -hits[name]) for question, hits in run.items()
    }
    lines = path.read_text().splitlines()
    assert all(line.split()[1] == "Q0" and line.split()[5] == "mine" for line in lines)


ranked = st.lists(
    st.tuples(words, st.sampled_from([1.0, 1.0 + 1e-9, 0.5, 0.0])), min_size=1, unique_by=lambda hit: hit[0]
)


@given(st.dictionaries(words, ranked, min_size=1, max_size=3), st.data())
def test_trec_eval_finds_in_a_run_what_was_ranked(tmp_path_factory, lists, data):
    path = tmp_path_factory.getbasetemp() / "ties.trec"
    with run_writer(path) as write:
        for question, hits in lists.items():
            write(question, hits)
    right = {question: data.draw(st.sampled_from([name for name, _ in hits])) for question, hits in lists.items()}
    measured = pytrec_eval.RelevanceEvaluator(
        {question: {name: 1} for question, name in right.items()}, {"map"}
    ).evaluate({question: read_as_trec_eval(path)[question] for question in lists})
    for question, hits in lists.items():
        rank = [name for name, _ in hits].index(right[question]) + 1
        assert measured[question]["map"] == pytest.approx(1 / rank)
        assert list(read_run(path)[question]) == [name for name, _ in hits]


def read_as_trec_eval(path):
    with path.open() as file:
        return pytrec_eval.parse_run(file)


@given(st.dictionaries(words, st.sampled_from([1.0, 1.0 + 1e-9, 0.5]), min_size=1, max_size=6))
def test_ties_are_read_as_trec_eval_reads_them(tmp_path_factory, scores):
    path = tmp_path_factory.getbasetemp() / "others.trec"
    path.write_text("".join(f"1 Q0 {name} 1 {score!r} other\n" for name, score in scores.items()))
    ours = list(read_run(path)["1"])
    for name in scores:
        measured = pytrec_eval.RelevanceEvaluator({"1": {name: 1}}, {"map"}).evaluate(read_as_trec_eval(path))
        assert measured["1"]["map"] == pytest.approx(1 / (ours.index(name) + 1))


@given(grades, st.booleans())
def test_judgements_are_written_and_read(tmp_path_factory, qrels, beir):
    path = tmp_path_factory.getbasetemp() / "qrels"
    assert write_qrels(path, qrels, beir=beir) == sum(map(len, qrels.values()))
    assert read_qrels(path) == qrels
    if not beir:
        theirs: dict[str, dict[str, float]] = {}
        for each in ir_measures.read_trec_qrels(str(path)):
            theirs.setdefault(each.query_id, {})[each.doc_id] = each.relevance
        assert theirs == qrels


def test_a_run_is_written_question_by_question(tmp_path):
    path = tmp_path / "run"
    path.write_text("old")
    with run_writer(path, "mine") as write:
        write("1", [("b", 2.0), ("a", 2.0), ("c", 0.1)])
        write("2", [])
        write("3", iter([("a", -1.5)]))
        assert path.read_text() == "old"
    lines = ["1 Q0 b 1 2.0 mine", "1 Q0 a 2 1.9999998807907104 mine", "1 Q0 c 3 0.1 mine", "3 Q0 a 1 -1.5 mine"]
    assert path.read_text().splitlines() == lines
    with pytest.raises(DataError, match="a b"), run_writer(path) as write:
        write("1", [("x", 1.0), ("a b", 1.0)])
    assert path.read_text().splitlines() == lines
    assert [each.name for each in tmp_path.iterdir()] == ["run"]


def relevant_ids(judged):
    """The relevant passages of each judged question; questions without any are left out."""
    questions = [Question(f"Question {name}?", (), (), name) for name in judged]
    return {each.id: each.passage_ids for each in judged_questions(questions, judged)}


def test_what_runs_and_judgements_may_look_like(tmp_path):
    (tmp_path / "run").write_text("1 Q0 a 1 0.5 x\r\n\n1\tQ0\tb\t2\t1.5\tx\n1 Q0 a 3 2.5 x\n2 Q0 c 1 -1 x\n")
    assert read_run(tmp_path / "run") == {"1": {"a": 2.5, "b": 1.5}, "2": {"c": -1.0}}
    (tmp_path / "qrels").write_bytes(b"\xef\xbb\xbf1 0 a 1\n1 0 b 0\n2 0 c -1\n")
    judged = read_qrels(tmp_path / "qrels")
    assert judged == {"1": {"a": 1, "b": 0}, "2": {"c": -1}}
    assert relevant_ids(judged) == {"1": ("a",)}


QRELS: dict[str, dict[str, float]] = {"1": {"a": 1, "b": 0.5}, "2": {"c": -1}}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("qrels", "1 0 a 1.0\n1 Q0 b 0.5\n2 0 c -1\n"),
        ("qrels.tsv", "query-id\tcorpus-id\tscore\n1\ta\t1\n1\tb\t0.5\n2\tc\t-1.0\n"),
        ("qrels.tsv", "doc_id\tqid\tRelevance\na\t1\t1\nb\t1\t0.5\nc\t2\t-1\n"),
        ("qrels.txt", "topic iteration docno grade\n1 0 a 1\n1 0 b 0.5\n2 0 c -1\n"),
        ("qrels.csv", "query_id,passage_id,label\n1,a,1\n1,b,0.5\n2,c,-1\n"),
        ("qrels", "1\ta\t1\n1\tb\t.5\n2\tc\t-1\n"),
        (
            "qrels.jsonl",
            (
                '{"query-id": "1", "corpus-id": "a", "score": 1.0}\n{"query-id": 1, "corpus-id": "b", "score": 0.5}\n'
                '{"query-id": "2", "corpus-id": "c", "score": -1}\n'
            ),
        ),
    ],
)
def test_judgements_with_other_columns_and_grades(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    assert read_qrels(tmp_path / name) == QRELS
    assert relevant_ids(QRELS) == {"1": ("a", "b")}


@pytest.mark.parametrize(
    ("read", "text", "message"),
    [
        (read_run, "1 Q0 a 1 0.5\n", r"line 1: must have 6 columns"),
        (read_run, "1 Q0 a 1 x y\n", "score must be a finite number: got 'x'"),
        (read_run, "1 Q0 a 1 nan y\n", "score must be a finite number: got 'nan'"),
        (read_qrels, "1 0 a 1\n1 a\n", "line 2: .*: got 2"),
        (read_qrels, "1 0 a much\n", "grade must be a finite number: got 'much'"),
    ],
)
def test_bad_lines(tmp_path, read, text, message):
    path = tmp_path / "file"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        read(path)
    told: list[Any] = []
    read(path, told.append)
    assert len(told) == 1


def test_ids_that_the_formats_cannot_hold(tmp_path):
    for name in ("a b", "", " a", "a\n"):
        with pytest.raises(DataError, match="without whitespace"):
            write_run(tmp_path / "run", {"1": {name: 1.0}})
        with pytest.raises(DataError, match="without whitespace"):
            write_qrels(tmp_path / "qrels", {name: {"a": 1}})
    assert not list(tmp_path.iterdir())


CORPUS = [Passage("d1", "One", "First text.", {"file": "x"}), Passage("d2", "", "Zweiter Text: Ä.", {})]
ASKED = [Question("eins?", (), ("d1", "d2"), "q1"), Question("two?", (), ("d2",), "q2")]


def test_beir_folders_are_written_and_read(tmp_path):
    write_beir(tmp_path / "mine", CORPUS, ASKED, "dev")
    assert is_beir(tmp_path / "mine")
    assert not is_beir(tmp_path)
    corpus = list(read_beir_corpus(tmp_path / "mine"))
    assert [(each.id, each.title, each.text) for each in corpus] == [
        (each.id, each.title, each.text) for each in CORPUS
    ]
    assert list(read_beir_questions(tmp_path / "mine", "dev")) == [
        replace(each, grades=dict.fromkeys(each.passage_ids, 1)) for each in ASKED
    ]
    with pytest.raises(DataError, match=r"test\.tsv.*is missing; its splits are dev"):
        list(read_beir_questions(tmp_path / "mine"))
    with pytest.raises(DataError, match="has no id"):
        write_beir(tmp_path / "other", CORPUS, [Question("q", (), ("d1",))])


def test_beir_as_others_write_it(tmp_path):
    """Questions of other splits are in the same file; grades may be zero; ids may be numbers; files may be zipped."""
    (tmp_path / "qrels").mkdir()
    queries = [{"_id": "1", "text": "a?", "metadata": {}}, {"_id": 2, "text": "b?"}, {"_id": "3", "text": "c?"}]
    (tmp_path / "queries.jsonl.gz").write_bytes(gzip.compress("\n".join(map(json.dumps, queries)).encode()))
    (tmp_path / "corpus.jsonl").write_text(json.dumps({"_id": "d", "title": "T", "text": "x", "metadata": {}}))
    (tmp_path / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n2\td\t1\n3\td\t0\n")
    assert list(read_beir_questions(tmp_path)) == [Question("b?", (), ("d",), "2", {"d": 1})]
    (tmp_path / "queries.jsonl.gz").unlink()
    (tmp_path / "queries.jsonl").write_text('{"_id": "2"}\n{"_id": "2", "text": "b?"}\n')
    with pytest.raises(DataError, match=r"line 1: .*_id"):
        list(read_beir_questions(tmp_path))
    told: list[Any] = []
    assert len(list(read_beir_questions(tmp_path, on_bad=told.append))) == 1
    assert len(told) == 1
