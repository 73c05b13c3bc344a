# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""A training that takes a second: a tiny encoder with random weights, and questions about numbered things."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from dpr_haystack import TrainingConfig
from dpr_haystack.core.passages import make_passage
from dpr_haystack.core.training_set import TrainingSet
from dpr_haystack.formats.training import TrainingExample, write_training

_WORDS = [
    "origin",
    "species",
    "darwin",
    "beagle",
    "voyage",
    "book",
    "theory",
    "evolution",
    "island",
    "finch",
    "london",
    "paris",
    "england",
    "naturalist",
]


def example(number: int) -> TrainingExample:
    """A question, the passage with its words in another order, and two about other words."""
    chance = random.Random(number)

    def text(words: list[str]) -> str:
        return " ".join(chance.sample(words, len(words)))

    own, other, third = (chance.sample(_WORDS, 4) for _ in range(3))
    return TrainingExample(
        question=f"what is {text(own)}",
        positives=(make_passage("the book", f"{number} {text(own)}", {}),),
        hard_negatives=(
            make_passage("", f"{number} {text(other)}", {}),
            make_passage("the theory", f"{number} {text(third)}", {}),
        ),
        negatives=(make_passage("", f"{number} {text(other[::-1])}", {}),),
        answers=(f"{number}",),
    )


def training_file(path: Path, count: int = 40, first: int = 0) -> Path:
    """Examples in a file."""
    write_training(path, [example(number) for number in range(first, first + count)])
    return path


def training_set(count: int = 12) -> TrainingSet:
    """Examples as the trainer has them."""
    made = TrainingSet()
    for each in map(example, range(count)):
        made.add(each.question, each.positives, each.hard_negatives, each.negatives, each.answers)
    return made


def small_config(folder: Path, model: Path, **settings: Any) -> TrainingConfig:
    """A training of some twenty steps in a folder, with data of its own."""
    folder.mkdir(exist_ok=True)
    train, dev = folder / "train.jsonl", folder / "dev.jsonl"
    if not train.exists():
        training_file(train)
        training_file(dev, 12, first=1000)
    chosen = {
        "model": str(model),
        "train_file": str(train),
        "dev_file": str(dev),
        "output_dir": str(folder / "out"),
        "batch_size": 8,
        "epochs": 4,
        "learning_rate": 1e-2,
        "scale": 0.3,
        "checkpoint_steps": 3,
        "log_steps": 1,
        "dtype": "float32",
        "device": "cpu",
        "negative": "random",
        "seed": 5,
    }
    return TrainingConfig(**{**chosen, **settings})


def losses_of(config: Any) -> dict[int, float]:
    """The loss of every step, as the last checkpoint has it."""
    folders = (Path(config.output_dir) / "checkpoints").glob("checkpoint-*")
    last = max(folders, key=lambda path: int(path.name.rpartition("-")[2]))
    history = json.loads((last / "trainer_state.json").read_text())["log_history"]
    return {point["step"]: point["loss"] for point in history if "loss" in point}
