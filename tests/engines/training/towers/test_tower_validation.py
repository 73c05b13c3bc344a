# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Validation during training against numpy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dpr_haystack.core.passages import make_passage
from dpr_haystack.engines.towers.loading import load_encoder
from dpr_haystack.engines.training.towers.trainable import TowerOptions, load_trainable, two_towers
from dpr_haystack.engines.training.towers.validation import PoolEvaluator
from support.checkpoints import tiny_bert
from support.small_training import training_set


def test_validation_is_exact_search_over_the_pool(tmp_path: Path) -> None:
    model = str(tiny_bert(tmp_path / "m"))
    towers = load_trainable(model, "question", TowerOptions()), load_trainable(model, "passage", TowerOptions())
    training = training_set(12)
    two = [make_passage("", f"the {word} of two positives", {}) for word in ("first", "second")]
    for positives in (two, two[::-1]):
        training.add("which of both?", positives, [make_passage("", "neither of them", {})], [], [])
    got = PoolEvaluator(training, hard_negatives=1, other_negatives=0)(two_towers(*towers, "cpu"))
    pool = sorted({number for row in training.rows for number in (*row.positives, *row.hard_negatives[:1])})
    questions = load_encoder(model, "question", dtype="float32").encode([(None, row.question) for row in training.rows])
    passages = load_encoder(model, "passage", dtype="float32").encode([training.passages[number] for number in pool])
    ranks = []
    for row, scores in zip(training.rows, questions @ passages.T, strict=True):
        own = [pool.index(number) for number in row.positives]
        ranks.append(1 + int((np.delete(scores, own) > scores[own].max() + 1e-4).sum()))
    assert len(pool) == 27
    assert got["average_rank"] == pytest.approx(np.mean(ranks))
    assert got["top_1"] == pytest.approx(100 * np.mean(np.array(ranks) == 1))
    assert got["top_5"] == pytest.approx(100 * np.mean(np.array(ranks) <= 5))
    assert got["mrr"] == pytest.approx(np.mean(1 / np.array(ranks)))
    assert len(set(ranks)) > 3


@pytest.mark.parametrize("number", [0.5, float("nan")])
def test_towers_for_which_all_texts_are_alike_are_no_good_ones(tmp_path: Path, number: float) -> None:
    model = str(tiny_bert(tmp_path / "m"))
    towers = load_trainable(model, "question", TowerOptions()), load_trainable(model, "passage", TowerOptions())
    for tower in towers:
        with torch.no_grad():
            backbone: Any = tower.backbone
            backbone.encoder.layer[1].output.LayerNorm.weight.fill_(0.0)
            backbone.encoder.layer[1].output.LayerNorm.bias.fill_(number)
    got = PoolEvaluator(training_set(12), hard_negatives=1, other_negatives=0)(two_towers(*towers, "cpu"))
    assert (got["average_rank"], got["top_20"]) == (24, 0)
