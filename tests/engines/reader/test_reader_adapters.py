# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Readers as adapters, beside the whole readers that they stand for."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BertModel

from dpr_haystack.core.model_directory import read_manifest
from dpr_haystack.core.spans import SpanChoice
from dpr_haystack.core.text import PassageText
from dpr_haystack.engines.checkpoints.fingerprints import fingerprint_of_files
from dpr_haystack.engines.checkpoints.tokenization import load_tokenizer
from dpr_haystack.engines.reader.checkpoints import load_reader
from dpr_haystack.engines.reader.inspection import inspect_reader
from dpr_haystack.engines.reader.model_directory import add_reader, add_reader_as_adapter
from dpr_haystack.engines.reader.reader import Reader, ReadingOptions
from dpr_haystack.engines.reader.saving import save_reader
from dpr_haystack.errors import InputError, ModelError
from support.checkpoints import tiny_bert, tiny_qa, tiny_roberta
from support.workspace import Ran

# peft asks transformers by a name that this one calls old
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning")]

PAIRS: list[tuple[str, PassageText]] = [
    ("who wrote the book", ("darwin", "the book of darwin was in london")),
    ("who", (None, "darwin wrote on species " * 20)),
]
OPTIONS = ReadingOptions(SpanChoice(count=3))
RANK = 4


def scores(reader: Reader) -> torch.Tensor:
    """Everything that a reader says about the pairs, as one row of numbers."""
    readings = reader.read(PAIRS, OPTIONS)
    rows = [[each.relevance, each.null, *(span.logit for span in each.spans)] for each in readings]
    return torch.tensor(rows, dtype=torch.float64).flatten()


def of(model: Path | str, **more: Any) -> Reader:
    return load_reader(str(model), dtype="float32", **more)


def trained(base: Path, target: Path, change: Callable[[str, torch.Tensor], torch.Tensor | None]) -> Path:
    """A reader whose encoder is changed by a function of name and weight."""
    backbone: Any = BertModel.from_pretrained(base, add_pooling_layer=False).eval()
    torch.manual_seed(5)
    with torch.no_grad():
        for name, parameter in backbone.named_parameters():
            difference = change(name, parameter)
            if difference is not None:
                parameter.add_(difference)
    return save_reader(
        target,
        backbone=backbone,
        qa_outputs=torch.nn.Linear(32, 2),
        qa_classifier=torch.nn.Linear(32, 1),
        tokenizer=load_tokenizer(base, backbone.config),
        max_length=60,
        training={"steps": 3},
    )


def low_rank(name: str, weight: torch.Tensor) -> torch.Tensor | None:
    """What LoRA changes, and small weights beside it."""
    if "word_embeddings" in name:
        return None
    if weight.dim() == 1 or "embeddings" in name:
        return 0.05 * torch.randn(weight.shape)
    rows, columns = weight.shape
    return 0.05 * torch.randn(rows, RANK) @ torch.randn(RANK, columns)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A base and a reader trained from it."""
    folder = tmp_path_factory.mktemp("made")
    base = tiny_bert(folder / "base")
    return base, trained(base, folder / "trained", low_rank)


@pytest.fixture
def pair(tmp_path: Path, tiny_models: tuple[Path, Path]) -> Path:
    return Path(shutil.copytree(tiny_models[0], tmp_path / "pair"))


def test_a_change_of_that_rank_is_kept_whole(made: tuple[Path, Path], pair: Path) -> None:
    base, whole = made
    share = add_reader_as_adapter(str(whole), str(base), pair, rank=RANK)
    assert share > 0.9999
    reader = of(pair)
    assert (reader.scores_passages, reader.max_length) == (True, 60)
    expected = scores(of(whole))
    torch.testing.assert_close(scores(reader), expected, atol=2e-2, rtol=0)
    untrained = trained(base, pair.parent / "untrained", lambda *_: None)
    heads = load_file(whole / "reader" / "model.safetensors")
    weights = load_file(untrained / "reader" / "model.safetensors")
    weights |= {name: tensor for name, tensor in heads.items() if "span_predictor.qa_" in name}
    save_file(weights, untrained / "reader" / "model.safetensors", metadata={"format": "pt"})
    assert float((scores(of(untrained)) - expected).abs().max()) > 0.3  # the adapter matters
    files = {path.name for path in (pair / "reader").iterdir()}
    assert files == {"adapter_config.json", "adapter_model.safetensors", "reader_heads.safetensors"}
    theirs: Any = peft.PeftModel.from_pretrained(BertModel.from_pretrained(base), str(pair / "reader"))
    name = "encoder.layer.1.output.dense.weight"
    merged = dict(theirs.merge_and_unload().named_parameters())[name]
    torch.testing.assert_close(merged, heads[f"span_predictor.encoder.bert_model.{name}"], atol=1e-3, rtol=1e-2)


def test_a_lower_rank_is_smaller_and_less_exact(made: tuple[Path, Path], pair: Path) -> None:
    base, whole = made
    assert 0.4 < add_reader_as_adapter(str(whole), str(base), pair, rank=2) < 0.9
    size = (pair / "reader" / "adapter_model.safetensors").stat().st_size
    add_reader_as_adapter(str(whole), str(base), pair, rank=RANK, overwrite=True)
    assert size < (pair / "reader" / "adapter_model.safetensors").stat().st_size


def test_it_is_a_part_of_a_model_directory_like_any_other(made: tuple[Path, Path], pair: Path) -> None:
    base, whole = made
    before = {path: path.read_bytes() for path in pair.rglob("*.safetensors")}
    add_reader_as_adapter(str(whole), str(base), pair, rank=RANK)
    assert {path: path.read_bytes() for path in before} == before
    manifest = read_manifest(pair)
    assert list(manifest.parts) == ["question", "passage", "reader"]
    assert manifest.made_from["reader"] == str(base)
    assert manifest.reader_training == {"steps": 3}
    torch.testing.assert_close(scores(of(pair / "reader")), scores(of(pair)))
    with pytest.raises(InputError, match="already has a reader"):
        add_reader_as_adapter(str(whole), str(base), pair, rank=RANK)
    with pytest.raises(InputError, match="is not a model directory"):
        add_reader_as_adapter(str(whole), str(base), pair / "question", rank=RANK)


def test_its_fingerprint_covers_base_adapter_and_output_layers(made: tuple[Path, Path], pair: Path) -> None:
    base, whole = made
    copied = Path(shutil.copytree(base, pair.parent / "copy"))
    add_reader_as_adapter(str(whole), str(copied), pair, rank=RANK)
    files = [
        copied / "model.safetensors",
        pair / "reader" / "adapter_model.safetensors",
        pair / "reader" / "reader_heads.safetensors",
    ]
    assert list(inspect_reader(pair).weights) == files
    found = {fingerprint_of_files(inspect_reader(pair).weights)}
    for file in files:
        tensors = load_file(file)
        name = min(tensors)
        save_file({**tensors, name: tensors[name] + 1}, file, metadata={"format": "pt"})
        found.add(fingerprint_of_files(inspect_reader(pair).weights))
    assert len(found) == 4


def test_a_missing_base_is_named_and_another_copy_can_be_given(made: tuple[Path, Path], pair: Path) -> None:
    base, whole = made
    add_reader_as_adapter(str(whole), str(base), pair, rank=RANK, base_name="some/encoder")
    with pytest.raises(
        ModelError, match=r"is an adapter of some/encoder, which is not available\. .*--base-model PATH"
    ):
        of(pair)
    expected = scores(of(pair, base_model=str(base)))
    target = Path(shutil.copytree(pair, pair.parent / "whole"))
    add_reader(str(pair), target, base_model=str(base), overwrite=True)
    torch.testing.assert_close(scores(of(target)), expected)
    assert not (target / "reader" / "adapter_config.json").exists()
    assert (of(target).max_length, read_manifest(target).reader_training) == (60, {"steps": 3})
    add_reader(str(pair / "reader"), pair, base_model=str(base), overwrite=True)  # in its own place
    torch.testing.assert_close(scores(of(pair)), expected)


def test_what_an_adapter_cannot_store_is_refused(made: tuple[Path, Path], pair: Path, tmp_path: Path) -> None:
    base, whole = made
    words = trained(base, tmp_path / "words", lambda name, weight: 0.1 + 0 * weight if "word_e" in name else None)
    other = tiny_bert(tmp_path / "other")
    lines = (other / "vocab.txt").read_text(encoding="utf-8").splitlines()
    (other / "vocab.txt").write_text("\n".join([*lines[:5], *reversed(lines[5:])]), encoding="utf-8")
    short = tiny_bert(tmp_path / "short")
    settings = json.loads((short / "tokenizer_config.json").read_text())
    (short / "tokenizer_config.json").write_text(json.dumps({**settings, "model_max_length": 30}))
    qa = tiny_qa(tmp_path / "qa", "bert")
    cases: list[tuple[Path, Path, int, type[Exception], str]] = [
        (words, base, 2, InputError, r"word_embeddings.weight was trained too.*freeze_embeddings"),
        (qa, base, 2, InputError, "is not a DPRReader: only a DPRReader"),
        (whole, other, 2, InputError, "the tokenizer of .* is not that of its base"),
        (whole, short, 2, InputError, "stops at 30 tokens, but the reader reads 60"),
        (whole, tiny_roberta(tmp_path / "roberta"), 2, ModelError, "of the family roberta: the base of a DPR reader"),
        (whole, pair, 2, ModelError, "is a model directory, but the base of a reader is one encoder"),
        (whole, base, 0, InputError, "must be at least 1: got 0"),
    ]
    for model, of_base, rank, error, message in cases:
        with pytest.raises(error, match=message):
            add_reader_as_adapter(str(model), str(of_base), pair, rank=rank)
    assert not (pair / "reader").exists()
    assert list(read_manifest(pair).parts) == ["question", "passage"]


def test_damaged_adapters_are_refused_by_name(made: tuple[Path, Path], pair: Path, tmp_path: Path) -> None:
    base, whole = made
    add_reader_as_adapter(str(whole), str(base), pair, rank=RANK)
    heads = pair / "reader" / "reader_heads.safetensors"
    good = load_file(heads)
    save_file({**good, "qa_outputs.weight": torch.ones(3, 32)}, heads)
    with pytest.raises(ModelError, match=r"reader_heads.safetensors does not fit its model"):
        of(pair)
    heads.write_bytes(b"damaged")
    with pytest.raises(ModelError, match=r"reader_heads.safetensors cannot be read: .* Copy the reader again"):
        of(pair)
    heads.unlink()
    with pytest.raises(ModelError, match="is not a reader but an adapter"):
        of(pair)
    save_file(good, heads)
    wide: Any = BertModel.from_pretrained(base).config
    wide.intermediate_size = 128
    BertModel(wide).save_pretrained(tmp_path / "wide")
    shutil.copy(base / "vocab.txt", tmp_path / "wide")
    with pytest.raises(ModelError, match="belongs to another base"):
        of(pair, base_model=str(tmp_path / "wide"))


def test_by_command(made: tuple[Path, Path], pair: Path, cli: Callable[..., Ran], tmp_path: Path) -> None:
    base, whole = made
    command = ("convert", "--reader", whole, "--adapter-rank", RANK, "--output", pair)
    ran = cli(*command)
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "--base-model, the model it was trained from" in ran.err
    ran = cli(*command, "--base-model", base, "--base-name", "some/encoder")
    assert (ran.code, ran.out) == (0, f"reader: 100.0% of the trained changes kept\n{pair}\n")
    facts = json.loads(cli("info", pair, "--json").out)
    assert facts["reader_form"] == f"DPRReader: an adapter of rank {RANK} of some/encoder"
    assert (facts["reader"], facts["reader_made_from"]) == ("max_length 60", "some/encoder")
    assert facts["reader_training"] == {"steps": 3}
    alone = json.loads(cli("info", whole, "--json").out)
    assert (alone["reader_form"], alone["hybrid"]) == ("DPRReader", None)
    ran = cli("convert", "--reader", pair, "--base-model", base, "--output", pair, "--overwrite")
    assert (ran.code, ran.out) == (0, f"{pair}\n")
    torch.testing.assert_close(scores(of(pair)), scores(of(whole)), atol=2e-2, rtol=0)
    both = tmp_path / "both"
    ran = cli("convert", base, "--reader", whole, "--adapter-rank", 2, "--base-model", base, "--output", both)
    assert ran.code == 0
    assert [path.parent.name for path in sorted(both.glob("*/adapter_config.json"))] == [
        "passage",
        "question",
        "reader",
    ]
    ran = cli(*command, "--base-model", base, "--overwrite", "--dimension", 4)
    assert (ran.code, "cannot be combined with --dimension" in ran.err) == (2, True)
