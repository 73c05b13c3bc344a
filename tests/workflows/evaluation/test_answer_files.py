# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The files of a reader's answers: JSON lines, and the predictions that SQuAD's scripts take."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dpr_haystack.errors import InputError
from dpr_haystack.formats.question import Question
from dpr_haystack.workflows.evaluation.files import answers_file, check_unique_ids, predictions_file
from dpr_haystack.workflows.evaluation.reader_judge import JudgedAnswer


def judged(name: str, prediction: str, system: str = "dpr", passages: int = 10) -> JudgedAnswer:
    return JudgedAnswer(name, "Who?", system, passages, ("Mars",), prediction, 0.5, "p", 100.0, 100.0, None)


def test_predictions_are_those_of_one_system_and_number_of_passages(tmp_path: Path) -> None:
    path = tmp_path / "predictions.json"
    with predictions_file(path, "dpr", 10) as record:
        for each in (judged("q1", "Mars"), judged("q2", ""), judged("q1", "x", "bm25"), judged("q1", "y", "dpr", 50)):
            record(each)
        assert not path.exists()
    assert json.loads(path.read_text()) == {"q1": "Mars", "q2": ""}


def test_nothing_is_written_if_the_evaluation_fails(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), predictions_file(tmp_path / "predictions.json", "dpr", 10):
        _ = 1 / 0
    assert list(tmp_path.iterdir()) == []


def test_answers_carry_the_id_of_their_question(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    with answers_file(path) as record:
        record(judged("q1", "Mars"))
    (line,) = map(json.loads, path.read_text().splitlines())
    assert line["id"] == "q1"
    assert line["prediction"] == "Mars"


def test_two_questions_with_one_id_are_refused() -> None:
    check_unique_ids([Question("a", id="1"), Question("b", id="2")], "SQuAD's predictions")
    with pytest.raises(
        InputError, match="question ids in SQuAD's predictions must be unique: got 2 questions with the id 1"
    ):
        check_unique_ids([Question("a", id="1"), Question("b", id="1")], "SQuAD's predictions")
