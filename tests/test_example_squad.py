# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The SQuAD recipe from its first to its last step, with a tiny encoder and a few articles."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.checkpoints import tiny_bert

RECIPE = Path(__file__).resolve().parents[1] / "examples" / "squad" / "reproduce.py"
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


@pytest.mark.slow
def test_the_recipe_runs_from_its_first_to_its_last_step(tmp_path: Path) -> None:
    (tmp_path / "squad").mkdir()
    squad(tmp_path / "squad" / "train-v1.1.json.gz", 0, 8)
    squad(tmp_path / "squad" / "dev-v1.1.json.gz", 8, 4)
    tiny_bert(tmp_path / "base")
    command = [sys.executable, str(RECIPE), "--squad", str(tmp_path / "squad"), "--work", str(tmp_path / "work")]
    command += ["--base", str(tmp_path / "base"), "--held-out", "3", "--rank", "4", "--rounds", "2"]
    command += ["max_steps=4", "batch_size=8"]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    commands = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("dpr-haystack ")]
    assert commands == [
        "convert", "index", "build-training-data", "build-training-data", "mine", "train", "reembed", "mine", "train",
        "convert", "convert", "reembed", "fit-hybrid", "evaluate", "evaluate",
    ]  # fmt: skip
    assert done.stdout.count("gold passage in the top k, % of 16 questions") == 2
    work = tmp_path / "work"
    assert json.loads((work / "model" / "dpr.json").read_text())["training"]["steps"] == 4
    assert (work / "model" / "hybrid.json").is_file()
    held = {article["title"] for article in json.loads((work / "held-out.json").read_text())["data"]}
    trained = {article["title"] for article in json.loads((work / "train.json").read_text())["data"]}
    assert (len(held), len(trained), held & trained) == (3, 5, set())
    again = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert again.returncode == 0
    commands = [line.split()[1] for line in again.stdout.splitlines() if line.startswith("dpr-haystack ")]
    assert commands == ["evaluate", "evaluate"]
