# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from dpr_haystack.engines.checkpoints import prepacked
from dpr_haystack.engines.checkpoints.prepacked import PrepackedLinear, prepack
from dpr_haystack.engines.towers import loading
from support.checkpoints import tiny_dpr


def model(dtype):
    torch.manual_seed(0)
    return (
        nn.Sequential(nn.Linear(24, 40), nn.Tanh(), nn.ModuleList([nn.Linear(40, 8, bias=False)])[0]).to(dtype).eval()
    )


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 2e-2)])
@pytest.mark.parametrize("shape", [(1, 24), (5, 24), (3, 7, 24)])
def test_the_same_products(dtype, tolerance, shape):
    plain, packed = model(dtype), model(dtype)
    if not prepack(packed):
        pytest.skip("torch has no oneDNN here")
    assert [type(layer) for layer in packed] == [PrepackedLinear, nn.Tanh, PrepackedLinear]
    rows = torch.randn(shape, dtype=dtype)
    with torch.inference_mode():
        torch.testing.assert_close(packed(rows), plain(rows), atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_weight_and_bias_can_still_be_read(dtype):
    plain, packed = model(dtype), model(dtype)
    if not prepack(packed):
        pytest.skip("torch has no oneDNN here")
    for before, after in ((plain[0], packed[0]), (plain[2], packed[2])):
        assert torch.equal(after.weight, before.weight)
        assert after.weight.dtype == dtype
        assert (after.bias is None) if before.bias is None else torch.equal(after.bias, before.bias)


def test_other_formats_are_left_alone():
    assert prepack(model(torch.float64)) == 0


@pytest.mark.parametrize("forward", [lambda self, rows: rows @ self.missing, lambda self, rows: torch.zeros(3, 40)])
def test_where_it_does_not_work_layers_stay(monkeypatch, forward):
    monkeypatch.setattr(prepacked.PrepackedLinear, "forward", forward)
    layers = model(torch.float32)
    assert prepack(layers) == 0
    assert type(layers[0]) is nn.Linear


def test_an_encoder_without_it_gives_the_same(tmp_path, monkeypatch):
    folder = str(tiny_dpr(tmp_path / "question", "question"))
    texts = [(None, "who wrote the origin of species"), ("darwin", "the beagle")]
    packed = loading.load_encoder(folder, "question", dtype="float32").encode(texts)
    monkeypatch.setattr(loading, "prepack", lambda backbone: 0)
    plain = loading.load_encoder(folder, "question", dtype="float32").encode(texts)
    np.testing.assert_allclose(packed, plain, atol=1e-5)
