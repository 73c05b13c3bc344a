# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Towers in training beside the encoder that will use them, adapters, fewer layers, and the validation beside numpy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dpr_haystack.core.question_order import at_random
from dpr_haystack.core.training_set import DrawRules
from dpr_haystack.engines.towers.loading import load_encoder
from dpr_haystack.engines.training.towers.adapters import AdapterOptions, add_adapters, merge_adapters
from dpr_haystack.engines.training.towers.batches import Collator, EpochSampler
from dpr_haystack.engines.training.towers.saving import save_pair
from dpr_haystack.engines.training.towers.trainable import TowerOptions, load_trainable, two_towers
from dpr_haystack.engines.training.towers.validation import PoolEvaluator, encode
from dpr_haystack.errors import InputError
from support.checkpoints import tiny_bert, tiny_dpr, tiny_roberta
from support.small_training import training_set

TEXTS = [("the book", "darwin wrote on species"), (None, "london"), ("a title", "the voyage of the beagle " * 40)]


@pytest.mark.parametrize("kind", ["bert", "dpr", "projected", "roberta"])
def test_a_tower_in_training_makes_the_encoders_vectors(tmp_path: Path, kind: str) -> None:
    if kind == "bert":
        model = tiny_bert(tmp_path / "m")
    elif kind == "roberta":
        model = tiny_roberta(tmp_path / "m", positions=300)
    else:
        model = tiny_dpr(tmp_path / "m", "passage", projection=8 if kind == "projected" else 0)
    tower = load_trainable(str(model), "passage", TowerOptions(max_length=64))
    encoder = load_encoder(str(model), "passage", dtype="float32", max_length=64)
    with torch.no_grad():
        got = encode(tower, TEXTS, 100).numpy()
    np.testing.assert_allclose(got, encoder.encode(TEXTS), atol=2e-5)
    assert all(parameter.requires_grad for name, parameter in tower.named_parameters() if ".pooler." not in name)


def test_options_change_what_is_trained_and_how(tmp_path: Path) -> None:
    model = str(tiny_bert(tmp_path / "m"))
    tower = load_trainable(
        model,
        "question",
        TowerOptions(dropout=0.25, freeze_embeddings=True, normalize=True, pooling="mean", checkpointing=True),
    )
    chances = {module.p for module in tower.modules() if isinstance(module, torch.nn.Dropout)}
    trained = {name for name, parameter in tower.named_parameters() if parameter.requires_grad}
    assert chances == {0.25}
    assert tower.training
    assert any(getattr(module, "gradient_checkpointing", False) for module in tower.modules())
    assert trained
    assert not [name for name in trained if "embeddings" in name or "pooler" in name]
    with torch.no_grad():
        assert torch.allclose(encode(tower, TEXTS, 100).norm(dim=1), torch.ones(3))


def test_every_second_layer_is_kept(tmp_path: Path) -> None:
    whole = load_trainable(str(tiny_bert(tmp_path / "m")), "question", TowerOptions())
    half = load_trainable(str(tmp_path / "m"), "question", TowerOptions(layers=1))
    half_backbone: Any = half.backbone
    layers = half_backbone.encoder.layer
    assert len(layers) == half.loaded[0].model.config.num_hidden_layers == 1
    whole_backbone: Any = whole.backbone
    first = whole_backbone.encoder.layer[0]
    assert torch.equal(layers[0].output.dense.weight, first.output.dense.weight)
    with pytest.raises(InputError, match="3 of 2 layers cannot be kept; name 1 to 2"):
        load_trainable(str(tmp_path / "m"), "question", TowerOptions(layers=3))


def test_a_frozen_tower_encodes_each_passage_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tower = load_trainable(str(tiny_bert(tmp_path / "m")), "passage", TowerOptions(frozen=True, dropout=0.5))
    tower.train()
    sizes = []
    vectors = tower.vectors
    monkeypatch.setattr(tower, "vectors", lambda tokens, mask: sizes.append(len(tokens)) or vectors(tokens, mask))

    def features(*rows: int) -> dict[str, Any]:
        ids = torch.tensor([[2, 10 + row, 3] for row in rows])
        return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "row": torch.tensor(rows)}

    first = tower(features(0, 1))["sentence_embedding"]
    again = tower(features(2, 1, 0))["sentence_embedding"]
    assert sizes == [1, 1, 1]
    assert torch.equal(again[[2, 1]], first)
    assert not again.requires_grad
    expected = encode(tower, [(None, "x")], 100)
    assert torch.equal(expected, encode(tower, [(None, "x")], 100))


def test_merged_adapters_change_nothing(tmp_path: Path) -> None:
    tower = load_trainable(str(tiny_bert(tmp_path / "m")), "passage", TowerOptions(dropout=0.0))
    before = encode(tower, TEXTS, 100).detach()
    add_adapters(tower, AdapterOptions(rank=4, alpha=8))
    trained = {name: each for name, each in tower.named_parameters() if each.requires_grad}
    assert all("lora_" in name for name in trained)
    assert len(trained) == 2 * 2 * 6  # two matrices in each of six layers of both blocks
    torch.testing.assert_close(encode(tower, TEXTS, 100).detach(), before)
    with torch.no_grad():
        for each in trained.values():
            each.normal_(std=0.1)
    adapted = encode(tower, TEXTS, 100).detach()
    assert float((adapted - before).abs().max()) > 0.01
    merge_adapters(tower)
    assert not [name for name, _ in tower.named_parameters() if "lora" in name or "base_layer" in name]
    torch.testing.assert_close(encode(tower, TEXTS, 100).detach(), adapted, atol=1e-5, rtol=1e-4)
    question = load_trainable(str(tmp_path / "m"), "question", TowerOptions())
    save_pair({"question": question, "passage": tower}, tmp_path / "pair", made_from={}, training={})
    written = load_encoder(str(tmp_path / "pair"), "passage", dtype="float32").encode(TEXTS)
    np.testing.assert_allclose(written, adapted.numpy(), atol=2e-5)


def test_a_batch_has_each_passage_once_and_the_shortest_first(tmp_path: Path) -> None:
    model = str(tiny_bert(tmp_path / "m"))
    towers = load_trainable(model, "question", TowerOptions()), load_trainable(model, "passage", TowerOptions())
    training = training_set(6)
    training.add("again?", [training_passage(training, 0)], [training_passage(training, 1)])
    sampler = EpochSampler(at_random(7, 1), 7, 4)
    batch = Collator(training, DrawRules(hard_negatives=2), *towers, sampler)([{"question": n} for n in (6, 0, 3)])
    rows = batch["passage_row"].tolist()
    assert len(rows) == len(set(rows)) == 6  # of seven that are named, one is named twice
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
    from dpr_haystack.core.passages import make_passage

    title, text = training.passages[number]
    return make_passage(title or "", text, {})


@pytest.mark.parametrize(
    ("count", "least", "sizes"), [(10, 1, [4, 4, 2]), (9, 2, [4, 4]), (9, 1, [4, 4, 1]), (8, 2, [4, 4])]
)
def test_the_last_batch_is_left_out_if_it_has_no_negative(count: int, least: int, sizes: list[int]) -> None:
    sampler = EpochSampler(at_random(count, 3), count, 4, least=least)
    first = [list(batch) for batch in sampler]
    assert [len(batch) for batch in first] == sizes
    assert len(sampler) == len(sizes)
    assert first == [list(batch) for batch in sampler]
    sampler.set_epoch(1)
    assert first != [list(batch) for batch in sampler]


def test_every_process_has_as_many_batches() -> None:
    samplers = [EpochSampler(at_random(36, 3), 36, 4, processes=processes) for processes in (1, 2, 4, 5, 10)]
    assert [len(list(sampler)) for sampler in samplers] == [9, 8, 8, 5, 0]


def test_validation_is_exact_search_over_the_pool(tmp_path: Path) -> None:
    model = str(tiny_bert(tmp_path / "m"))
    towers = load_trainable(model, "question", TowerOptions()), load_trainable(model, "passage", TowerOptions())
    training = training_set(12)
    got = PoolEvaluator(training, hard_negatives=1, other_negatives=0)(two_towers(*towers, "cpu"))
    pool = sorted({number for row in training.rows for number in (*row.positives, *row.hard_negatives[:1])})
    questions = load_encoder(model, "question", dtype="float32").encode([(None, row.question) for row in training.rows])
    passages = load_encoder(model, "passage", dtype="float32").encode([training.passages[number] for number in pool])
    ranks = []
    for row, scores in zip(training.rows, questions @ passages.T, strict=True):
        own = scores[pool.index(row.positives[0])]
        ranks.append(1 + int((scores > own + 1e-4).sum()))
    assert len(pool) == 24
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
