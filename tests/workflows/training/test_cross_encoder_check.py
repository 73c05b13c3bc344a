# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Relevance judgements of a cross-encoder, compared with transformers' own scores."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import BertForSequenceClassification

from dpr_haystack.core.passages import make_passage
from dpr_haystack.errors import InputError, ModelError
from dpr_haystack.workflows.training.cross_encoder_check import cross_encoder_check
from support.checkpoints import tiny_cross_encoder


@pytest.fixture(scope="module")
def cross_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_cross_encoder(tmp_path_factory.mktemp("cross"), seed=3)


def test_a_cross_encoder_says_what_is_relevant(cross_encoder: Path) -> None:
    from transformers import BertTokenizer

    passages = [
        make_passage("the book" * (number % 2), f"{'darwin species london'[number:]} a", {}) for number in range(9)
    ]
    tokenizer = BertTokenizer.from_pretrained(cross_encoder)
    model = BertForSequenceClassification.from_pretrained(cross_encoder).eval()
    probabilities = []
    for passage in passages:
        text = f"{passage.title} {passage.text}" if passage.title else passage.text
        with torch.no_grad():
            scores = model(**tokenizer("who was it", text, return_tensors="pt")).logits
        probabilities.append(float(torch.sigmoid(scores)))
    limit = sorted(probabilities)[4] - 1e-4
    assert cross_encoder_check(str(cross_encoder), limit, device="cpu")("who was it", passages) == [
        each >= limit for each in probabilities
    ]
    assert 0 < sum(each >= limit for each in probabilities) < 9


def test_cross_encoders_that_cannot_be(cross_encoder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="between 0 and 1: got 1"):
        cross_encoder_check(str(cross_encoder), 1)
    with pytest.raises(ModelError, match="cannot be loaded"):
        cross_encoder_check(str(tmp_path / "gone"))
    tiny_cross_encoder(tmp_path / "two", scores=2)
    with pytest.raises(ModelError, match="one score per pair: got 2"):
        cross_encoder_check(str(tmp_path / "two"))
