# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Encoders of every family that transformers has against transformers' own output, one text at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dpr_haystack.engines.checkpoints import precision
from dpr_haystack.engines.checkpoints.families import IGNORE_PADDING
from dpr_haystack.engines.towers.encoder import Encoder
from dpr_haystack.engines.towers.loading import load_encoder
from dpr_haystack.engines.towers.tower import TowerUse
from dpr_haystack.errors import InputError, ModelError
from support.families import ENCODERS, run, tiny_family, write_tokenizer

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

LONG = "the book of darwin was in england " * 15
TEXTS = [(None, "who wrote the origin"), ("darwin", "the naturalist was born in england"), (None, "a"), (None, LONG)]
DECODERS = {"bart", "bigbird_pegasus", "led", "mbart", "mvp"}
REFUSED = {
    **dict.fromkeys(DECODERS, "is not an encoder but an encoder with a decoder"),
    "canine": "its tokens are characters",
    "lxmert": "it reads images",
    "reformer": "hashes texts at random",
}
MEAN = TowerUse(pooling="mean")
# padding changes nothing here either, but these take the token with the id of the padding for padding
WITHOUT_MASK = {"flaubert", "xlm"}


def expected_vectors(model: Any, tokenizer: Any, max_length: int) -> Any:
    tokenizer.enable_truncation(max_length, strategy="longest_first")
    encodings = [tokenizer.encode(text) if title is None else tokenizer.encode(title, text) for title, text in TEXTS]
    return np.stack([run(model, encoding.ids)[0][0].mean(0).numpy() for encoding in encodings])


@pytest.mark.parametrize("family", ENCODERS)
def test_vectors_are_those_of_transformers(family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, tokenizer = tiny_family(tmp_path, family)
    if family in REFUSED:
        with pytest.raises(ModelError, match=REFUSED[family]) as caught:
            load_encoder(str(tmp_path), "passage")
        assert "\n" not in str(caught.value)
        return
    encoder = load_encoder(str(tmp_path), "passage", dtype="float32", use=MEAN)
    expected = expected_vectors(model, tokenizer, encoder.max_length)
    tolerance = 1e-4 * max(1.0, float(np.abs(expected).max()))
    np.testing.assert_allclose(encoder.encode(TEXTS), expected, atol=tolerance)
    apart = [np.abs(expected[i] - expected[j]).max() for i in range(len(TEXTS)) for j in range(i)]
    assert min(apart) > 5 * tolerance  # else the comparison would prove nothing
    assert padding_matters(encoder, expected, monkeypatch) is (family not in IGNORE_PADDING | WITHOUT_MASK)


def padding_matters(encoder: Encoder, expected: Any, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the vectors are others if all texts are in one batch."""
    monkeypatch.setattr(encoder, "_same_length", False)
    return not np.allclose(encoder.encode(TEXTS), expected, atol=1e-3 * max(1.0, float(np.abs(expected).max())))


@pytest.mark.parametrize("family", ["deberta", "fnet", "mra", "xlnet"])
def test_what_cannot_compute_in_bfloat16(family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny_family(tmp_path, family)
    monkeypatch.setattr(precision, "has_native_bfloat16", lambda device: True)
    assert load_encoder(str(tmp_path), "passage").dtype == "float32"
    with pytest.raises(ModelError, match=r"cannot encode texts in bfloat16: .* Try dtype='float32'"):
        load_encoder(str(tmp_path), "passage", dtype="bfloat16")


def test_long_texts_do_not_depend_on_what_was_read_before(tmp_path: Path) -> None:
    """Of texts with more than 7 blocks BigBird reads a random choice, until it has read a shorter one."""
    tiny_family(tmp_path, "big_bird")
    assert load_encoder(str(tmp_path), "passage").max_length == 7 * 8
    with pytest.raises(InputError, match=r"max_length must be at most 56, the limit of .*: got 57"):
        load_encoder(str(tmp_path), "passage", max_length=57)


def test_a_special_token_with_a_type_of_its_own(tmp_path: Path) -> None:
    model, _ = tiny_family(tmp_path, "xlnet")
    tokenizer = write_tokenizer(tmp_path, cls_type=2)
    encoding = tokenizer.encode("darwin wrote the book")
    with torch.inference_mode():
        output = model(torch.tensor([encoding.ids]), token_type_ids=torch.tensor([encoding.type_ids]))
    expected = output.last_hidden_state[0].mean(0).numpy()
    assert encoding.type_ids[0] == 2
    encoder = load_encoder(str(tmp_path), "passage", dtype="float32", use=MEAN)
    np.testing.assert_allclose(encoder.encode([(None, "darwin wrote the book")])[0], expected, atol=1e-5)
    assert np.abs(run(model, encoding.ids)[0][0].mean(0).numpy() - expected).max() > 1e-4
