# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Trainable towers give the encoder's vectors; adapters and fewer layers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dpr_haystack.engines.towers.loading import load_encoder
from dpr_haystack.engines.training.adapters import AdapterOptions, add_adapters, merge_adapters
from dpr_haystack.engines.training.towers.saving import save_pair
from dpr_haystack.engines.training.towers.trainable import TowerOptions, load_trainable
from dpr_haystack.engines.training.towers.validation import encode
from dpr_haystack.errors import InputError
from support.checkpoints import tiny_bert, tiny_dpr, tiny_roberta
from support.families import tiny_family

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


def test_a_family_whose_vectors_depend_on_padding_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tiny_family(tmp_path, "convbert")
    load_trainable(str(tmp_path), "passage", TowerOptions(max_length=64))
    assert "depend on padding (convbert)" in caplog.text
    caplog.clear()
    load_trainable(str(tiny_bert(tmp_path / "bert")), "passage", TowerOptions(max_length=64))
    assert "padding" not in caplog.text


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
    with pytest.raises(InputError, match=r"layers must be from 1 to 2, .*: got 3"):
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
    add_adapters(tower.backbone, AdapterOptions(rank=4, alpha=8))
    trained = {name: each for name, each in tower.named_parameters() if each.requires_grad}
    assert all("lora_" in name for name in trained)
    assert len(trained) == 2 * 2 * 6  # two matrices in each of six layers of both blocks
    torch.testing.assert_close(encode(tower, TEXTS, 100).detach(), before)
    with torch.no_grad():
        for each in trained.values():
            each.normal_(std=0.1)
    adapted = encode(tower, TEXTS, 100).detach()
    assert float((adapted - before).abs().max()) > 0.01
    merge_adapters(tower.backbone)
    assert not [name for name, _ in tower.named_parameters() if "lora" in name or "base_layer" in name]
    torch.testing.assert_close(encode(tower, TEXTS, 100).detach(), adapted, atol=1e-5, rtol=1e-4)
    question = load_trainable(str(tmp_path / "m"), "question", TowerOptions())
    save_pair({"question": question, "passage": tower}, tmp_path / "pair", made_from={}, training={})
    written = load_encoder(str(tmp_path / "pair"), "passage", dtype="float32").encode(TEXTS)
    np.testing.assert_allclose(written, adapted.numpy(), atol=2e-5)
