# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Towers as adapters: beside peft in both directions, and beside the towers that they stand for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import peft
import pytest
import torch
from transformers import BertModel

from dpr_haystack.cli import main
from dpr_haystack.core.model_directory import read_manifest
from dpr_haystack.engines.checkpoints.adapters import apply_adapter
from dpr_haystack.engines.towers.adapter_conversion import convert_to_adapters
from dpr_haystack.engines.towers.conversion import ConversionOptions, convert
from dpr_haystack.engines.towers.loading import load_encoder
from dpr_haystack.errors import InputError, ModelError
from support.checkpoints import tiny_bert, tiny_dpr

# peft asks transformers by a name that this one calls old
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning")]

TEXTS = [("the book", "darwin wrote on species"), (None, "london")]


def bert(folder: Path) -> BertModel:
    return BertModel.from_pretrained(folder).eval()


def vectors(model: BertModel, ids: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return model(input_ids=ids).last_hidden_state[:, 0]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return tiny_bert(tmp_path / "base")


def trained(base: Path, folder: Path, *, embeddings: bool = False, seed: int = 7) -> Path:
    """Another checkpoint, a little away from its base in all but the embeddings."""
    model = bert(base)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if embeddings or "embeddings" not in name:
                parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
    model.save_pretrained(folder)
    for name in ("vocab.txt", "tokenizer_config.json"):
        (folder / name).write_text((base / name).read_text())
    return folder


@pytest.mark.parametrize("rslora", [False, True])
def test_an_adapter_that_peft_has_trained_is_read(base: Path, tmp_path: Path, rslora: bool) -> None:
    config = peft.LoraConfig(r=4, lora_alpha=10, target_modules=["query", "dense"], use_rslora=rslora)
    model = peft.get_peft_model(bert(base), config)
    torch.manual_seed(0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                parameter.normal_(std=0.2)
    model.save_pretrained(tmp_path / "adapter")
    ids = torch.tensor([[2, 20, 30, 40, 3]])
    ours = bert(base)
    apply_adapter(ours, tmp_path / "adapter")
    torch.testing.assert_close(vectors(ours, ids), vectors(model.merge_and_unload(), ids), atol=1e-5, rtol=1e-5)
    assert float((vectors(ours, ids) - vectors(bert(base), ids)).abs().max()) > 0.01


def test_an_adapter_of_full_rank_is_the_tower_and_peft_reads_its_matrices(base: Path, tmp_path: Path) -> None:
    convert(str(trained(base, tmp_path / "q")), str(trained(base, tmp_path / "p", seed=8)), tmp_path / "pair")
    shares = convert_to_adapters(str(tmp_path / "pair"), str(base), tmp_path / "small", rank=40)
    assert min(shares.values()) > 0.9999
    for role in ("question", "passage"):
        expected = load_encoder(str(tmp_path / "pair"), role, dtype="float32").encode(TEXTS)
        got = load_encoder(str(tmp_path / "small"), role, dtype="float32").encode(TEXTS)
        np.testing.assert_allclose(got, expected, atol=5e-3)
        assert np.abs(expected - load_encoder(str(base), role, dtype="float32").encode(TEXTS)).max() > 0.1
    theirs = peft.PeftModel.from_pretrained(bert(base), str(tmp_path / "small" / "passage")).merge_and_unload()
    name = "encoder.layer.1.output.dense.weight"
    wanted = dict(bert(tmp_path / "p").named_parameters())[name]
    torch.testing.assert_close(dict(theirs.named_parameters())[name], wanted, atol=1e-3, rtol=1e-2)


def test_a_lower_rank_holds_what_the_largest_singular_values_hold(base: Path, tmp_path: Path) -> None:
    convert(str(trained(base, tmp_path / "t")), None, tmp_path / "pair")
    shares = convert_to_adapters(str(tmp_path / "pair"), str(base), tmp_path / "small", rank=5)
    before, after = (dict(bert(folder).named_parameters()) for folder in (base, tmp_path / "t"))
    held = whole = 0.0
    for name, parameter in before.items():
        difference = (after[name] - parameter).detach().double()
        squares = float(difference.square().sum())
        if "pooler" in name or "embeddings" in name:
            continue
        whole += squares
        held += (
            squares if difference.dim() == 1 else float(torch.linalg.svdvals(difference.detach())[:5].square().sum())
        )
    assert shares["question"] == pytest.approx(held / whole, abs=1e-3)
    sizes = [(path / "adapter_model.safetensors").stat().st_size for path in (tmp_path / "small").glob("*/")]
    assert max(sizes) < (tmp_path / "pair" / "question" / "model.safetensors").stat().st_size / 4


def test_identities_and_conversions_of_adapters(base: Path, tmp_path: Path) -> None:
    convert(str(trained(base, tmp_path / "q")), str(trained(base, tmp_path / "p", seed=8)), tmp_path / "pair")
    convert_to_adapters(str(tmp_path / "pair"), str(base), tmp_path / "small", rank=3, base_name="../../base")
    assert (
        json.loads((tmp_path / "small/question/adapter_config.json").read_text())["base_model_name_or_path"]
        == "../../base"
    )
    question, passage = (
        load_encoder(str(tmp_path / "small"), role, dtype="float32") for role in ("question", "passage")
    )
    assert question.identity.passage_fingerprint == passage.identity.fingerprint
    assert question.identity.fingerprint != passage.identity.fingerprint
    convert(str(tmp_path / "small"), None, tmp_path / "whole")
    assert not (tmp_path / "whole" / "question" / "adapter_config.json").exists()
    role: Any
    for role, encoder in (("question", question), ("passage", passage)):
        again = load_encoder(str(tmp_path / "whole"), role, dtype="float32")
        np.testing.assert_allclose(again.encode(TEXTS), encoder.encode(TEXTS), atol=1e-6)
    (tmp_path / "base").rename(tmp_path / "elsewhere")
    with pytest.raises(ModelError, match="base"):
        load_encoder(str(tmp_path / "small"), "question")
    convert(
        str(tmp_path / "small"), None, tmp_path / "named", ConversionOptions(base_model=str(tmp_path / "elsewhere"))
    )
    again = load_encoder(str(tmp_path / "named"), "question", dtype="float32")
    np.testing.assert_allclose(again.encode(TEXTS), question.encode(TEXTS), atol=1e-6)


def test_the_base_may_be_a_pair_itself(base: Path, tmp_path: Path) -> None:
    convert(str(base), str(tiny_bert(tmp_path / "other", seed=3)), tmp_path / "start")
    convert(str(trained(base, tmp_path / "q")), str(trained(tmp_path / "other", tmp_path / "p")), tmp_path / "pair")
    convert_to_adapters(str(tmp_path / "pair"), str(tmp_path / "start"), tmp_path / "small", rank=40)
    for role in ("question", "passage"):
        expected = load_encoder(str(tmp_path / "pair"), role, dtype="float32").encode(TEXTS)
        got = load_encoder(str(tmp_path / "small"), role, dtype="float32").encode(TEXTS)
        np.testing.assert_allclose(got, expected, atol=5e-3)
    convert_to_adapters(str(tmp_path / "pair"), str(tmp_path / "start"), tmp_path / "x", rank=2)
    config = tmp_path / "x" / "question" / "adapter_config.json"
    named = {**json.loads(config.read_text()), "base_model_name_or_path": str(tmp_path / "small")}
    config.write_text(json.dumps(named))
    with pytest.raises(ModelError, match="cannot be the base of another adapter"):
        load_encoder(str(tmp_path / "x"), "question")


def test_how_it_was_trained_goes_along(base: Path, tmp_path: Path) -> None:
    convert(str(base), None, tmp_path / "pair")
    manifest = json.loads((tmp_path / "pair" / "dpr.json").read_text())
    (tmp_path / "pair" / "dpr.json").write_text(json.dumps({**manifest, "training": {"steps": 3}}))
    shares = convert_to_adapters(str(tmp_path / "pair"), str(base), tmp_path / "small", rank=2)
    assert shares == {"question": 1.0, "passage": 1.0}
    assert read_manifest(tmp_path / "small").training == {"steps": 3}


def test_what_is_no_small_adapter_is_refused(base: Path, tmp_path: Path) -> None:
    other = trained(base, tmp_path / "other", embeddings=True)
    with pytest.raises(InputError, match=r"word_embeddings.weight was trained too.*freeze_embeddings"):
        convert_to_adapters(str(other), str(base), tmp_path / "small", rank=2)
    with pytest.raises(InputError, match="was not trained from"):
        convert_to_adapters(str(base), str(tiny_dpr(tmp_path / "dpr", "question")), tmp_path / "small", rank=2)
    with pytest.raises(InputError, match="must be at least 1: got 0"):
        convert_to_adapters(str(base), str(base), tmp_path / "small", rank=0)
    assert not (tmp_path / "small").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"peft_type": "IA3"}, "an unsupported kind \\(IA3\\)"),
        ({"use_dora": True}, "use_dora"),
        ({"base_model_name_or_path": ""}, "does not name its base model"),
    ],
)
def test_adapters_that_cannot_be_read(base: Path, tmp_path: Path, changes: dict[str, object], message: str) -> None:
    convert_to_adapters(str(trained(base, tmp_path / "t")), str(base), tmp_path / "small", rank=2)
    file = tmp_path / "small" / "question" / "adapter_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))
    with pytest.raises(ModelError, match=message):
        load_encoder(str(tmp_path / "small"), "question")


def test_an_adapter_of_another_base_is_refused(base: Path, tmp_path: Path) -> None:
    convert_to_adapters(str(trained(base, tmp_path / "t")), str(base), tmp_path / "small", rank=2)
    with pytest.raises(ModelError, match="belongs to another base"):
        apply_adapter(torch.nn.Linear(2, 2), tmp_path / "small" / "question")


def test_from_the_command_line(base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = str(trained(base, tmp_path / "t"))
    command = ["convert", model, "--adapter-rank", "4", "--output", str(tmp_path / "small")]
    assert main(command) == 2
    assert "--base-model, the model it was trained from" in capsys.readouterr().err
    assert main([*command, "--base-model", str(base), "--base-name", "of/the-hub"]) == 0
    assert "% of the trained changes kept" in capsys.readouterr().out
    config = json.loads((tmp_path / "small" / "question" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "of/the-hub"
    convert(str(tmp_path / "small"), None, tmp_path / "whole", ConversionOptions(base_model=str(base)))
    assert load_encoder(str(tmp_path / "whole"), "question").dimension == 32
    for more in (["--max-length", "9"], ["--dimension", "9"], ["--dpr-classes"]):
        assert main([*command, "--base-model", str(base), *more]) == 2
        assert f"cannot be combined with {more[0]}" in capsys.readouterr().err
    assert main(["convert", model, "--output", str(tmp_path / "x"), "--base-name", "of/the-hub"]) == 2
    assert "needs --adapter-rank" in capsys.readouterr().err


@pytest.mark.parametrize("more", [{"bias": "all"}, {"modules_to_save": ["LayerNorm"]}])
def test_an_adapter_with_more_than_low_ranks_is_refused(base: Path, tmp_path: Path, more: dict[str, object]) -> None:
    model = peft.get_peft_model(bert(base), peft.LoraConfig(r=2, target_modules=["query"], **more))
    model.save_pretrained(tmp_path / "adapter")
    with pytest.raises(ModelError, match=r"holds the unsupported tensor .*: merge it into its base with peft"):
        apply_adapter(bert(base), tmp_path / "adapter")
