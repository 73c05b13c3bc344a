# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Evaluation: refused input and progress."""

from __future__ import annotations

from pathlib import Path

import pytest
from haystack import Document

from dpr_haystack import FAISSDocumentStore
from dpr_haystack.backends.registry import search_over
from dpr_haystack.errors import InputError
from dpr_haystack.formats.question import Question
from dpr_haystack.workflows.evaluation.coverage import Coverage
from dpr_haystack.workflows.evaluation.evaluate import EvaluationOptions, evaluate


def made(path: Path, encoder: str | None) -> FAISSDocumentStore:
    store = FAISSDocumentStore(str(path), embedding_dim=None, encoder=encoder)
    store.write_documents([Document(id="1", content="apple")])
    return store


def test_what_cannot_be_evaluated(tmp_path: Path) -> None:
    store = made(tmp_path / "store", None)
    with pytest.raises(InputError, match="evaluation needs questions: got none"):
        evaluate(search_over(store), [], None)
    for ks in ([], [0, 1], [-1]):
        with pytest.raises(InputError, match="k must be at least 1"):
            EvaluationOptions(ks=ks)
    store.close()


def test_an_evaluation_tells_how_far_it_is(tmp_path: Path) -> None:
    store = made(tmp_path / "store", None)
    steps: list[int] = []
    asked = [Question("apple", ("apple",), ("1",))] * 300 + [Question("pear", ("apple",), ("1",))] * 100
    report = evaluate(search_over(store), asked, None, EvaluationOptions(ks=[1]), progress=steps.append)
    assert sum(steps) == 400
    assert len(steps) > 1
    assert report.questions == 400
    assert (report.systems["bm25"].gold, report.systems["bm25"].answer) == ({1: 75.0}, {1: 75.0})
    store.close()


def test_questions_of_which_none_can_be_judged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = made(tmp_path / "store", None)
    search = search_over(store)
    with pytest.raises(InputError, match="none of 2 questions can be judged: none has answers or gold passages"):
        evaluate(search, [Question("apple", (), ()), Question("pear", (), ())], None)
    gone = [Question("apple", (), ("2",)), Question("pear", (), ("2", "3"))]
    with pytest.raises(InputError, match=r"none of 2 questions can be judged: 2 of 2 gold passages are not in .*store"):
        evaluate(search, gone, None)
    empty = FAISSDocumentStore(str(tmp_path / "empty"))
    empty.write_documents([Document(content="apple")])
    empty.delete_all_documents()
    with pytest.raises(InputError, match=r"none of 1 questions can be judged: .*empty contains no passages"):
        evaluate(search_over(empty), [Question("apple", ("apple",), ())], None)
    assert evaluate(search, [*gone, Question("apple", (), ("1",))], None, EvaluationOptions(ks=[1])).questions == 3
    assert (
        "gold passages of 2 of 3 questions cannot be found and count as not found: 2 of 3 gold passages are not"
        in caplog.text
    )
    caplog.clear()
    report = evaluate(search, [Question("apple", ("apple",), ("2",))], None, EvaluationOptions(ks=[1]))
    assert "Only answers are judged: 1 of 1 gold passages are not in" in caplog.text
    assert (report.systems["bm25"].gold, report.systems["bm25"].answer) == ({}, {1: 100.0})
    assert report.coverage == Coverage(questions=1, judged=1, gold_passages=1, missing_gold_passages=1)
    caplog.clear()
    half = [Question("apple", (), ("1",)), Question("pear", (), ("2",))]
    evaluate(search, half, None, EvaluationOptions(ks=[1]))
    evaluate(search, [Question("apple", (), ("1",)), *[Question("pear", (), ())] * 3], None, EvaluationOptions(ks=[1]))
    evaluate(search, [Question("apple", ("apple",), ()), Question("pear", (), ())], None, EvaluationOptions(ks=[1]))
    assert caplog.text == ""
    store.close()
