# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""A training of a reader that takes seconds: a tiny encoder, and questions that can be learnt by heart."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from dpr_haystack import ReaderTrainingConfig

_WORDS = ["origin", "species", "darwin", "beagle", "voyage", "book", "theory", "evolution", "island", "finch"]
_PLACES = ["london", "paris", "england"]


def record(number: int) -> dict[str, Any]:
    """A question with a passage that contains its answer, and two that do not, as DPR's reader takes them."""
    chance = random.Random(number)
    own = chance.sample(_WORDS, 3)
    answer = _PLACES[number % len(_PLACES)]
    others = [" ".join(chance.sample(_WORDS, 5)) for _ in range(2)]
    texts = [f"the {own[0]} of the {own[1]} in {answer} {own[2]}", *others]
    return {
        "id": f"q{number}",
        "question": f"where is the {' '.join(own)}",
        "answers": [answer],
        "ctxs": [
            {"id": f"{number}-{place}", "title": "the book", "text": text, "score": f"{9 - place}.0"}
            for place, text in enumerate(texts)
        ],
    }


def reader_file(path: Path, count: int = 24, first: int = 0) -> Path:
    """Questions in a file."""
    lines = [json.dumps(record(number)) for number in range(first, first + count)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def small_reader_config(folder: Path, model: Path, **changed: Any) -> ReaderTrainingConfig:
    """Twelve steps: four epochs of 24 questions, eight a step."""
    settings: dict[str, Any] = {
        "model": str(model),
        "train_file": str(reader_file(folder / "train.jsonl")),
        "dev_file": str(reader_file(folder / "dev.jsonl", 9, first=100)),
        "output_dir": str(folder / "out"),
        "passages": 3,
        "no_answer": True,
        "batch_size": 8,
        "epochs": 4,
        "learning_rate": 1e-2,
        "warmup_steps": 0,
        "max_length": 48,
        "checkpoint_steps": 2,
        "log_steps": 1,
        "dtype": "float32",
        "device": "cpu",
        "tensorboard": False,
        **changed,
    }
    return ReaderTrainingConfig(**settings)
