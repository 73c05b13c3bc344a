# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Training examples made from a corpus without questions."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from dpr_haystack.cli import main
from dpr_haystack.core.passages import make_passage
from dpr_haystack.errors import InputError
from dpr_haystack.formats.training import read_training
from dpr_haystack.workflows.training.weak_supervision import WeakReport, pseudo_examples
from support.checkpoints import tiny_cross_encoder

POOL = [make_passage("", f"passage number {number}", {}) for number in range(20)]


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


@pytest.mark.parametrize(("kinds", "message"), [(["cloze"], "crop: got 'cloze'"), ([], "at least one kind")])
def test_kinds_that_are_none(kinds: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        pseudo_examples(POOL, kinds)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def cross_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_cross_encoder(tmp_path_factory.mktemp("cross"), seed=3)


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
        f"{len(examples)} examples from 20 passages in {pseudo}: {kinds['inverse-cloze']} by inverse-cloze"
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
    assert "relevant according to the cross-encoder" in capsys.readouterr().out
    got = list(read_training(mined))
    assert len(got) == len(examples)
    assert [each.meta["source"] for each in got[0].negatives] == ["random", "random", "gold"]


def test_questions_or_pseudo_questions(in_workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], ["questions.jsonl", "--pseudo", "crop"]):
        assert main(["build-training-data", *arguments, "--store", "store", "--output", "x.jsonl"]) == 2
        assert (
            "give either a file of questions, as PATH or with --questions, or --pseudo KIND" in capsys.readouterr().err
        )


def test_bad_questions_are_listed_and_passed_over(
    in_workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.jsonl"
    good = (in_workspace / "questions.jsonl").read_text().splitlines()
    bad.write_text(
        "\n".join([good[0], '{"question": 3}', "{no json", json.dumps({"question": " ", "answers": ["a"]}), good[1]])
    )
    command = ["build-training-data", str(bad), "--store", "store", "--output", str(tmp_path / "out.jsonl")]
    assert main(command) == 2
    assert "line 2" in capsys.readouterr().err
    assert main([*command, "--skip-bad"]) == 0
    told = capsys.readouterr()
    assert [f"line {number}:" in line for number, line in enumerate(told.err.splitlines()[:3], 2)] == [True, True, True]
    assert told.err.splitlines()[3:] == ["3 bad records skipped"]
    assert told.out.startswith("2 examples from 2 questions")
