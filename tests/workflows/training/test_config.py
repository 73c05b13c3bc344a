# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Training configurations: shipped ones and invalid ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dpr_haystack import TrainingConfig
from dpr_haystack.errors import InputError
from dpr_haystack.workflows.training.config import read_config, shipped_configs

NEEDED: dict[str, Any] = {"model": "m", "train_file": "t.jsonl", "output_dir": "out"}


def test_the_defaults_are_the_released_settings() -> None:
    config = TrainingConfig(**NEEDED)
    assert (config.batch_size, config.hard_negatives, config.learning_rate) == (128, 1, 2e-5)
    assert (config.epochs, config.max_grad_norm, config.weight_decay, config.seed) == (40, 2.0, 0.0, 12345)
    assert (config.loss, config.similarity, config.positive, config.negative) == ("nll", "dot", "first", "first")


@pytest.mark.parametrize("name", ["laptop", "one-gpu", "paper"])
def test_shipped_configurations_can_be_used(name: str) -> None:
    assert name in shipped_configs()
    config = read_config(name, NEEDED)
    assert config.model == "m"
    assert config.epochs >= 1


def test_the_shipped_paper_configuration_says_what_the_defaults_say() -> None:
    paper = read_config("paper", {"train_file": "t", "output_dir": "o"}).as_settings()
    assert paper["model"] == "bert-base-uncased"
    told = TrainingConfig(
        **{**NEEDED, "model": "bert-base-uncased", "train_file": "t", "output_dir": "o"}
    ).as_settings()
    assert {name: value for name, value in paper.items() if told[name] != value} == {
        "warmup_steps": 1237,
        "dropout": 0.1,
        "max_question_length": 256,
        "max_passage_length": 256,
        "mask_same_answer": False,
    }


def test_a_file_and_what_takes_its_place(tmp_path: Path) -> None:
    file = tmp_path / "c.yml"
    file.write_text("model: m\ntrain_file: [a, b]\noutput_dir: out\nlearning_rate: 1e-5\nepochs: 3\n")
    config = read_config(file, {"epochs": 5})
    assert config.train_files == ("a", "b")
    assert (config.learning_rate, config.epochs) == (1e-5, 5)
    assert read_config(file, config.as_settings()) == config


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch_size": 0}, "batch_size must be above 0: got 0"),
        ({"epochs": -1}, "epochs must be above 0: got -1"),
        ({"learning_rate": float("nan")}, "learning_rate must be above 0: got nan"),
        ({"dropout": 1.0}, "dropout must be from 0 up to below 1: got 1.0"),
        ({"hard_negatives": -1}, "hard_negatives must be 0 or more: got -1"),
        ({"similarity": "cosine", "normalize": False}, "scales vectors to length 1"),
        ({"loss": "nlll"}, "loss must be one of nll, triplet, margin_mse, kl: got 'nlll'"),
        ({"pooling": "first"}, "pooling must be one of cls, mean"),
        ({"batch_size": 1, "hard_negatives": 0}, "no negatives.* raise batch_size \\(1\\) or hard_negatives \\(0\\)"),
        ({"loss": "kl"}, "set teacher"),
        ({"loss": "kl", "teacher": "t", "hard_negatives": 0}, "set hard_negatives above 0"),
        ({"teacher": "t"}, "got loss nll"),
        ({"tie_encoders": True, "freeze_passage_tower": True}, "tie_encoders"),
        ({"average_last": 9}, "average_last is 9, but only 3 checkpoints are kept"),
        ({"early_stopping": 2}, "needs a dev_file"),
        ({"matryoshka": (128, 0)}, "matryoshka must be numbers above 0"),
        ({"train_file": ()}, "train_file must name at least one file"),
    ],
)
def test_what_cannot_be_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        TrainingConfig(**{**NEEDED, **settings})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model: [", "cannot be read as YAML"),
        ("- a\n- b\n", "must contain settings by name: got a list"),
        ("", "must contain settings by name: got a NoneType"),
        ("model: m\ntrain_file: t\noutput_dir: o\nlearning_rat: 1\n", "did you mean 'learning_rate'"),
    ],
)
def test_files_that_are_none(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "c.yml"
    file.write_text(text)
    with pytest.raises(InputError, match=message):
        read_config(file)


def test_a_name_that_is_no_configuration() -> None:
    with pytest.raises(InputError, match="must be a YAML file or one of laptop, one-gpu, paper: got"):
        read_config("papper")
