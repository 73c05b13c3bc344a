# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Examples out of a corpus alone, negatives that are not hard, and a cross-encoder's opinion."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
import torch
from transformers import BertForSequenceClassification

from dpr_haystack.cli import main
from dpr_haystack.core.passages import make_passage
from dpr_haystack.errors import InputError, ModelError
from dpr_haystack.formats.training import TrainingExample, read_training
from dpr_haystack.workflows.training.cross_encoder_check import cross_encoder_check
from dpr_haystack.workflows.training.other_negatives import add_random_negatives
from dpr_haystack.workflows.training.weak_supervision import WeakReport, pseudo_examples
from support.checkpoints import tiny_cross_encoder

POOL = [make_passage("", f"passage number {number}", {}) for number in range(20)]


def example(positive: int = 0, *answers: str) -> TrainingExample:
    return TrainingExample("which one?", (POOL[positive],), (POOL[1],), answers=answers, id="7")


def test_pseudo_examples_are_marked_and_name_their_passage() -> None:
    passages = [
        make_passage("Ulm", "It lies on the Danube. It has a tall minster.", {"heading": "Place"}),
        make_passage("", "short", {}),
    ]
    report = WeakReport()
    made = list(pseudo_examples(passages, ["inverse-cloze", "title"], report=report))
    assert [each.meta for each in made] == [
        {"provenance": "pseudo", "pseudo": "inverse-cloze"},
        {"provenance": "pseudo", "pseudo": "title"},
    ]
    assert made[1].question == "Ulm Place"
    assert {each.positives[0].id for each in made} == {passages[0].id}
    assert made[0].positives[0].title == "Ulm"
    assert (report.passages, report.made) == (2, {"inverse-cloze": 1, "title": 1, "crop": 0})
    assert made == list(pseudo_examples(passages[:1], ["inverse-cloze", "title"]))


def test_passages_with_one_title_are_asked_for_once() -> None:
    passages = [
        make_passage("Ulm", "It lies on the Danube.", {"section": "Place"}),
        make_passage("Ulm", "Its minster is tall.", {}),
        make_passage("Bonn", "It lies on the Rhine.", {}),
        make_passage("Ulm", "Einstein was born there.", {}),
    ]
    report = WeakReport()
    made = list(pseudo_examples(passages, ["title"], report=report))
    assert [(each.question, [passage.text for passage in each.positives]) for each in made] == [
        ("Ulm Place", ["It lies on the Danube."]),
        ("Ulm", ["Its minster is tall.", "Einstein was born there."]),
        ("Bonn", ["It lies on the Rhine."]),
    ]
    assert (report.passages, report.made["title"]) == (4, 3)


@pytest.mark.parametrize(("kinds", "message"), [(["cloze"], "no pseudo-questions 'cloze'"), ([], "name a kind")])
def test_kinds_that_are_none(kinds: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        pseudo_examples(POOL, kinds)  # type: ignore[arg-type]


def test_random_negatives_are_neither_named_nor_hold_an_answer() -> None:
    counted: Counter[str] = Counter()
    for seed in range(200):
        (got,) = add_random_negatives([example(0, "number 3")], POOL, 4, seed=seed)
        assert len({each.id for each in got.negatives}) == 4
        assert all(each.meta == {"source": "random"} for each in got.negatives)
        counted.update(each.text for each in got.negatives)
    assert set(counted) == {passage.text for number, passage in enumerate(POOL) if number not in (0, 1, 3)}
    assert min(counted.values()) > 20


def test_a_pool_with_few_that_will_do_gives_those() -> None:
    (got,) = add_random_negatives([example()], POOL[:4], 9, source="gold")
    assert sorted(each.text for each in got.negatives) == ["passage number 2", "passage number 3"]
    (again,) = add_random_negatives([got], POOL[:5], 9)
    assert [each.text for each in again.negatives[2:]] == ["passage number 4"]
    with pytest.raises(InputError, match="count must be 0 or more, got -1"):
        add_random_negatives([], POOL, -1)
    with pytest.raises(InputError, match="no passages to draw"):
        add_random_negatives([], [], 1)


@pytest.fixture(scope="module")
def cross_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_cross_encoder(tmp_path_factory.mktemp("cross"), seed=3)


def test_a_cross_encoder_says_what_is_relevant(cross_encoder: Path) -> None:
    from transformers import BertTokenizer

    passages = [
        make_passage("the book" * (number % 2), f"{'darwin species london'[number:]} a", {}) for number in range(9)
    ]
    tokenizer = BertTokenizer.from_pretrained(cross_encoder)
    model = BertForSequenceClassification.from_pretrained(cross_encoder).eval()
    probabilities = []
    for passage in passages:
        text = f"{passage.title} {passage.text}" if passage.title else passage.text
        with torch.no_grad():
            scores = model(**tokenizer("who was it", text, return_tensors="pt")).logits
        probabilities.append(float(torch.sigmoid(scores)))
    limit = sorted(probabilities)[4] - 1e-4
    assert cross_encoder_check(str(cross_encoder), limit, device="cpu")("who was it", passages) == [
        each >= limit for each in probabilities
    ]
    assert 0 < sum(each >= limit for each in probabilities) < 9


def test_cross_encoders_that_cannot_be(cross_encoder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="between 0 and 1, got 1"):
        cross_encoder_check(str(cross_encoder), 1)
    with pytest.raises(ModelError, match="cannot be loaded"):
        cross_encoder_check(str(tmp_path / "gone"))
    tiny_cross_encoder(tmp_path / "two", scores=2)
    with pytest.raises(ModelError, match="must return one score per pair: got 2"):
        cross_encoder_check(str(tmp_path / "two"))


def test_from_the_command_line(
    in_workspace: Path, cross_encoder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pseudo, mined = tmp_path / "pseudo.jsonl", tmp_path / "mined.jsonl"
    make = [
        "build-training-data",
        "--pseudo",
        "inverse-cloze",
        "crop",
        "--store",
        "store",
        "--output",
        str(pseudo),
        "--limit",
        "20",
    ]
    assert main(make) == 0
    out = capsys.readouterr().out
    examples = list(read_training(pseudo))
    kinds = Counter(each.meta["pseudo"] for each in examples)
    assert out.startswith(
        f"{len(examples)} examples of 20 passages in {pseudo}: {kinds['inverse-cloze']} by inverse-cloze"
    )
    assert kinds["crop"] > 10
    assert all(each.hard_negatives[0].id != each.positives[0].id for each in examples if each.hard_negatives)
    command = [
        "mine",
        str(pseudo),
        "--store",
        "store",
        "--output",
        str(mined),
        "--random",
        "2",
        "--gold-of-others",
        "1",
    ]
    assert main([*command, "--cross-encoder", str(cross_encoder), "--relevant-from", "1e-9", "--last-rank", "5"]) == 0
    assert "relevant to the other model" in capsys.readouterr().out
    got = list(read_training(mined))
    assert len(got) == len(examples)
    assert [each.meta["source"] for each in got[0].negatives] == ["random", "random", "gold"]


def test_questions_or_pseudo_questions(in_workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], ["questions.jsonl", "--pseudo", "crop"]):
        assert main(["build-training-data", *arguments, "--store", "store", "--output", "x.jsonl"]) == 2
        assert "name a file of questions, or --pseudo KIND" in capsys.readouterr().err


def test_bad_questions_are_listed_and_passed_over(
    in_workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.jsonl"
    good = (in_workspace / "questions.jsonl").read_text().splitlines()
    bad.write_text(
        "\n".join([good[0], '{"question": 3}', "{no json", json.dumps({"question": "q", "answers": 3}), good[1]])
    )
    command = ["build-training-data", str(bad), "--store", "store", "--output", str(tmp_path / "out.jsonl")]
    assert main(command) == 2
    assert "line 2" in capsys.readouterr().err
    assert main([*command, "--skip-bad"]) == 0
    told = capsys.readouterr()
    assert [f"line {number}:" in line for number, line in enumerate(told.err.splitlines()[:3], 2)] == [True, True, True]
    assert told.err.splitlines()[3:] == ["3 bad records passed over"]
    assert told.out.startswith("2 examples of 2 questions")
