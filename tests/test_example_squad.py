# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The complete SQuAD example with a tiny encoder and a few articles."""

from __future__ import annotations

import csv
import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from dpr_haystack.cli import main as command_line
from support.checkpoints import tiny_bert

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "squad"
STEP = """
import subprocess, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from reproduce import Steps
step = Steps(Path(sys.argv[2]))
step("there", "--help")
step.done("there")
step("there", "--help")
try:
    step(None, "no-such-command")
except subprocess.CalledProcessError:
    print("the second failed")
"""
RIVERS = ["Danube", "Rhine", "Elbe", "Oder", "Seine", "Loire", "Tiber", "Ebro"]


def asked(id_: str, question: str, answer: str) -> dict[str, object]:
    return {"id": id_, "question": question, "answers": [{"text": answer, "answer_start": 0}]}


def paragraph(number: int, part: int) -> dict[str, object]:
    river, miles = RIVERS[number % 8], f"{number}{part} miles"
    questions = [
        asked(f"{number}{part}a", f"What flows by town {number} {part}?", river),
        asked(f"{number}{part}b", f"How long is the {river} {part}?", miles),
    ]
    return {"context": f"The {river} {part} flows by town {number}. It is {miles} long.", "qas": questions}


def squad(path: Path, first: int, articles: int) -> None:
    """Articles of two paragraphs with two questions each."""
    data = [
        {"title": f"River_{number}", "paragraphs": [paragraph(number, part) for part in (1, 2)]}
        for number in range(first, first + articles)
    ]
    path.write_bytes(gzip.compress(json.dumps({"version": "1.1", "data": data}).encode()))


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., list[str]]:
    """Runs an example's main with its commands in this process, which has already imported torch."""
    monkeypatch.syspath_prepend(str(EXAMPLE))

    def run(name: str, *arguments: str) -> list[str]:
        def here(step: Any, *command: str) -> None:
            with monkeypatch.context() as patched:
                patched.chdir(step.work)
                assert command_line(list(command)) == 0, capsys.readouterr().err

        monkeypatch.setattr(import_module("reproduce").Steps, "run", here)
        monkeypatch.setattr(sys, "argv", [name, *arguments])
        import_module(name).main()
        return capsys.readouterr().out.splitlines()

    return run


def commands(printed: list[str]) -> list[str]:
    return [line.split()[1] for line in printed if line.startswith("dpr-haystack ")]


@pytest.mark.slow
def test_the_recipe_runs_from_its_first_to_its_last_step(example: Callable[..., list[str]], tmp_path: Path) -> None:
    (tmp_path / "squad").mkdir()
    squad(tmp_path / "squad" / "train-v1.1.json.gz", 0, 8)
    squad(tmp_path / "squad" / "dev-v1.1.json.gz", 8, 4)
    tiny_bert(tmp_path / "base")
    places = ["--squad", str(tmp_path / "squad"), "--work", str(tmp_path / "work")]
    own = ["--base", str(tmp_path / "base"), "--held-out", "3", "--rank", "4", "--rounds", "2"]
    printed = example("reproduce", "max_steps=4", "batch_size=8", *places, *own)
    assert commands(printed) == [
        "convert", "index", "build-training-data", "build-training-data", "mine", "train", "reembed", "mine", "train",
        "convert", "convert", "reembed", "fit-hybrid", "evaluate", "evaluate",
    ]  # fmt: skip
    assert "\n".join(printed).count("gold passage in the top k, % of 16 questions") == 2
    work = tmp_path / "work"
    assert json.loads((work / "model" / "dpr.json").read_text())["training"]["steps"] == 4
    assert (work / "model" / "hybrid.json").is_file()
    held = {article["title"] for article in json.loads((work / "held-out.json").read_text())["data"]}
    trained = {article["title"] for article in json.loads((work / "train.json").read_text())["data"]}
    assert (len(held), len(trained), held & trained) == (3, 5, set())
    assert commands(example("reproduce", *places, *own)) == ["evaluate", "evaluate"]
    example("ablation", "max_steps=1", "batch_size=8", *places, "--questions", "8", "--counts", "0")
    with (work / "ablation.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["questions"] for row in rows] == ["", *["8"] * 5]
    assert rows[0]["training"] == "BM25"
    assert all(0 <= float(row["top_1"]) <= float(row["top_20"]) <= 100 for row in rows)


@pytest.mark.slow
def test_the_recipe_of_the_reader_runs_from_its_first_to_its_last_step(
    example: Callable[..., list[str]], tmp_path: Path
) -> None:
    (tmp_path / "squad").mkdir()
    squad(tmp_path / "squad" / "train-v1.1.json.gz", 0, 8)
    squad(tmp_path / "squad" / "dev-v1.1.json.gz", 8, 4)
    base = tiny_bert(tmp_path / "base")
    places = ["--squad", str(tmp_path / "squad"), "--work", str(tmp_path / "work")]
    own = ["--base", str(base), "--pair", str(base), "--held-out", "3", "--rank", "4"]
    printed = example("reader", "max_steps=2", "max_length=64", *places, *own)
    assert commands(printed) == [
        "convert", "index", "build-reader-data", "build-reader-data", "train-reader", "convert", "evaluate"
    ]  # fmt: skip
    assert "\n".join(printed).count("16 questions") >= 1
    record = json.loads((tmp_path / "work" / "model" / "dpr.json").read_text())
    assert record["reader_training"]["steps"] == 2
    held_out = [json.loads(line) for line in (tmp_path / "work" / "reader-held-out.jsonl").read_text().splitlines()]
    assert len(held_out) == 12  # all questions of three articles
    assert commands(example("reader", "max_steps=2", "max_length=64", *places, *own)) == ["evaluate"]


def test_a_step_is_a_command_that_must_succeed_and_is_not_done_twice(tmp_path: Path) -> None:
    done = [sys.executable, "-c", STEP, str(EXAMPLE), str(tmp_path)]
    ran = subprocess.run(done, capture_output=True, text=True, check=True).stdout
    assert ran.count("usage: dpr-haystack") == 1
    assert ran.endswith("the second failed\n")
