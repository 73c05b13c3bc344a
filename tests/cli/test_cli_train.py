# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""`dpr-haystack train`: arguments, output and exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from dpr_haystack import DPRTextEmbedder
from dpr_haystack.cli import main
from dpr_haystack.cli.train import training_progress
from support.checkpoints import tiny_bert
from support.small_training import small_config

pytestmark = pytest.mark.slow


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "config.yml"
    settings = small_config(tmp_path, tiny_bert(tmp_path / "model"), max_steps=3).as_settings()
    file.write_text(yaml.safe_dump(settings))
    return file


def test_it_trains_and_says_where_the_pair_is(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", str(config), "learning_rate=1e-3", f"output_dir={tmp_path / 'other'}"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == f"3 steps; the pair is in {tmp_path / 'other' / 'model'} (last weights)"
    assert second.startswith("validation: average rank ")
    record = json.loads((tmp_path / "other" / "training.json").read_text())
    assert record["settings"]["learning_rate"] == 1e-3
    assert record["finished"]["steps"] == 3
    embedder = DPRTextEmbedder(str(tmp_path / "other" / "model"), dtype="float32")
    assert len(embedder.run("what is it")["embedding"]) == 32
    assert main(["train", str(config), f"output_dir={tmp_path / 'other'}"]) == 2
    assert "is finished" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["learning_rat=1"], "unknown setting 'learning_rat'; did you mean 'learning_rate'?"),
        (["epochs"], "a setting must be NAME=VALUE, e.g. epochs=3: got 'epochs'"),
        (["epochs=[1"], "the value of a setting must be YAML: got 'epochs=[1'"),
        (["epochs=many"], "epochs must be an integer: got 'many'"),
        (["batch_size=1", "hard_negatives=0"], "has no negative"),
        (["train_file=gone.jsonl"], "gone.jsonl"),
        (["columns=[question, positive]"], "the settings columns and quoting are for TSV and CSV files: got "),
        (["quoting=some"], "quoting must be one of csv, none or null: got 'some'"),
        (["model=gone"], "gone"),
    ],
)
def test_what_cannot_be_is_exit_code_2(
    config: Path, tmp_path: Path, settings: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", str(config), *settings]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert len(said.strip().splitlines()) == 1


def test_columns_and_quoting_are_settings(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train, dev = tmp_path / "train.tsv", tmp_path / "dev.csv"
    train.write_text("".join(f'The "text" {number}.\t"what" is {number}?\n' for number in range(12)))
    dev.write_text("positive,question\n" + "".join(f"A text {number}.,what is {number}?\n" for number in range(4)))
    settings = [f"train_file={train}", f"dev_file={dev}", "columns=[positive, question]"]
    assert main(["train", str(config), *settings]) == 0
    said = capsys.readouterr().err
    assert (
        "train.tsv: questions are in 'question'; positives in 'positive'; columns positive, question (no names " in said
    )
    assert (
        "dev.csv: questions are in 'question'; positives in 'positive'; columns positive, question (named in " in said
    )
    assert said.count("the settings columns and quoting change this\n") == 2
    written = json.loads((tmp_path / "out" / "training.json").read_text())["settings"]
    assert (written["columns"], written["quoting"]) == (["positive", "question"], None)


def test_bad_examples_are_listed_and_passed_over(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train = tmp_path / "train.jsonl"
    train.write_text('{"question": "without a positive"}\nno json\n' + train.read_text())
    assert main(["train", str(config)]) == 2
    assert f"{train}, line 1" in capsys.readouterr().err
    assert main(["train", str(config), "skip_bad=true"]) == 0
    said = capsys.readouterr().err.splitlines()
    assert said[-1] == "2 bad records skipped"
    passed = [line for line in said if line.startswith("skipped: ")]
    assert [f"line {number}:" in line for number, line in enumerate(passed, 1)] == [True, True]


def test_time_left_is_that_of_each_training(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = [0.0]
    monkeypatch.setattr("dpr_haystack.cli.train.time.monotonic", lambda: clock[0])
    say = training_progress()
    for total, seconds, measuring in ((40, 10.0, 600.0), (40, 20.0, 600.0), (80, 30.0, 0.0)):
        for step in range(1, 4):
            say(step, total, {})
            clock[0] += seconds
        say(4, total, {})
        said = capsys.readouterr().err.splitlines()
        assert said[-1] == f"step 4 of {total}, {seconds:.2f} s per step, {(total - 4) * seconds / 60:.0f} min left"
        clock[0] += measuring
