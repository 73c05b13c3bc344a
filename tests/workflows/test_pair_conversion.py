# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""A pair is converted with the reader beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from dpr_haystack.core.model_directory import read_manifest
from dpr_haystack.engines.reader.model_directory import add_reader
from dpr_haystack.engines.towers.conversion import ConversionOptions, convert
from dpr_haystack.errors import InputError
from dpr_haystack.workflows.conversion import convert_model, reader_beside
from support.checkpoints import tiny_bert, tiny_dpr


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    """A pair with a reader beside it."""
    folder = convert(str(tiny_bert(tmp_path / "m")), None, tmp_path / "pair")
    return add_reader(str(tiny_dpr(tmp_path / "reader", "reader")), folder)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "reader" / "model.safetensors")


def test_the_reader_comes_along(pair: Path, tmp_path: Path) -> None:
    assert reader_beside(str(pair)) == str(pair)
    written = convert_model(str(pair), None, tmp_path / "copy", ConversionOptions(dimension=8))
    assert set(read_manifest(written).parts) == {"question", "passage", "reader"}
    assert all(torch.equal(tensor, weights(pair)[name]) for name, tensor in weights(written).items())
    other = tiny_dpr(tmp_path / "other", "reader", seed=9)
    replaced = convert_model(
        str(pair), str(pair), tmp_path / "copy", ConversionOptions(), reader=str(other), overwrite=True
    )
    assert any(not torch.equal(tensor, weights(pair)[name]) for name, tensor in weights(replaced).items())


def test_towers_of_two_places_have_no_reader(pair: Path, tmp_path: Path) -> None:
    alone = tiny_bert(tmp_path / "b", seed=3)
    assert reader_beside(str(pair), str(alone)) is None
    assert reader_beside(str(alone)) is None
    written = convert_model(str(pair), str(alone), tmp_path / "copy", ConversionOptions())
    assert set(read_manifest(written).parts) == {"question", "passage"}


def test_a_pair_is_not_replaced_by_itself_without_its_reader(pair: Path) -> None:
    with pytest.raises(InputError, match="holds the reader itself: choose another path"):
        convert_model(str(pair), None, pair, ConversionOptions(dimension=8), overwrite=True)
    assert set(read_manifest(pair).parts) == {"question", "passage", "reader"}


def test_adapters_of_a_pair_say_that_its_reader_is_left_out(pair: Path, tmp_path: Path, cli: Any) -> None:
    small = ["--adapter-rank", "2", "--base-model", tmp_path / "m"]
    ran = cli("convert", pair, *small, "--output", tmp_path / "small")
    assert ran.code == 0, ran.err
    assert f"the reader of {pair} is left out: --reader {pair} writes it as an adapter too" in ran.err
