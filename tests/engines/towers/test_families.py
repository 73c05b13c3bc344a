# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Encoders of many families, with and without fused attention, against transformers' own output."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModel, BertTokenizer

from dpr_haystack.engines.towers.loading import load_encoder
from support.checkpoints import randomize, vocabulary, write_wordpiece

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 300,
    "vocab_size": len(vocabulary()),
}
FAMILIES: dict[str, dict[str, Any]] = {
    "albert": {"embedding_size": 32},
    "big_bird": {"attention_type": "original_full"},
    "camembert": {},
    "deberta": {"relative_attention": True, "pos_att_type": ["c2p", "p2c"]},
    "deberta-v2": {"relative_attention": True, "pos_att_type": ["c2p", "p2c"]},
    "distilbert": {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64},
    "electra": {"embedding_size": 32},
    "ernie": {},
    "longformer": {"attention_window": 16, "pad_token_id": 0},
    "megatron-bert": {},
    "mpnet": {},
    "roberta": {},
    "roformer": {"embedding_size": 32},
    "squeezebert": {
        "embedding_size": 32,
        **dict.fromkeys(["q_groups", "k_groups", "v_groups"], 1),
        **dict.fromkeys(["post_attention_groups", "intermediate_groups", "output_groups"], 1),
    },
    "xlm-roberta": {},
}
TEXTS = [(None, "who wrote the origin of species"), ("Darwin", "the naturalist was born in england " * 3)]


@pytest.mark.parametrize("family", FAMILIES)
def test_vectors_are_those_of_transformers(family: str, tmp_path: Path) -> None:
    model = randomize(AutoModel.from_config(AutoConfig.for_model(family, **{**SIZES, **FAMILIES[family]})), 1)
    model.save_pretrained(tmp_path)
    write_wordpiece(tmp_path)
    tokenizer = BertTokenizer.from_pretrained(str(tmp_path))
    expected = []
    with torch.inference_mode():
        for title, text in TEXTS:
            encoded = tokenizer(text) if title is None else tokenizer(title, text)
            output = model(input_ids=torch.tensor([encoded["input_ids"]]))
            expected.append(output.last_hidden_state[0, 0].numpy())
    encoder = load_encoder(str(tmp_path), "passage", dtype="float32")
    np.testing.assert_allclose(encoder.encode(TEXTS), np.array(expected), atol=1e-4)
