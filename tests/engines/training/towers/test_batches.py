# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Batches for training: texts by length, no passage twice, the same order every time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dpr_haystack.core.passages import make_passage
from dpr_haystack.core.question_order import random_order
from dpr_haystack.core.training_set import DrawRules
from dpr_haystack.engines.training.epoch_sampler import EpochSampler
from dpr_haystack.engines.training.towers.batches import Collator
from dpr_haystack.engines.training.towers.trainable import TowerOptions, load_trainable
from support.checkpoints import tiny_bert
from support.small_training import training_set


def test_a_batch_has_each_passage_once_and_the_shortest_first(tmp_path: Path) -> None:
    model = str(tiny_bert(tmp_path / "m"))
    towers = load_trainable(model, "question", TowerOptions()), load_trainable(model, "passage", TowerOptions())
    training = training_set(6)
    longer = "the first one again, in a much longer question than the others?"
    training.add(longer, [training_passage(training, 0)], [training_passage(training, 1)])
    sampler = EpochSampler(random_order(7, 1), 7, 4)
    batch = Collator(training, DrawRules(hard_negatives=2), *towers, sampler)([{"question": n} for n in (6, 0, 3)])
    rows = batch["passage_row"].tolist()
    assert len(rows) == len(set(rows)) == 6  # of seven that are named, one is named twice
    assert batch["question_row"].tolist() != [6, 0, 3]
    lengths = batch["passage_attention_mask"].sum(dim=1).tolist()
    assert lengths == sorted(lengths)
    for number, positive, negatives in zip(
        batch["question_row"].tolist(),
        batch["question_positive"].tolist(),
        batch["question_negatives"].tolist(),
        strict=True,
    ):
        assert positive == training.rows[number].positives[0]
        assert [each for each in negatives if each >= 0] == list(training.rows[number].hard_negatives[:2])
        place = rows.index(positive)
        ids = batch["passage_input_ids"][place][: lengths[place]].tolist()
        assert ids == towers[1].tokenizer.encode([training.passages[positive]])[0]


def training_passage(training: Any, number: int) -> Any:
    title, text = training.passages[number]
    return make_passage(title or "", text, {})
