# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints of the original repository, in the forms that its versions wrote."""

from __future__ import annotations

import collections
import os
import sys
import types
from typing import Any

import numpy as np
import pytest
import torch
from transformers import DPRContextEncoder, DPRQuestionEncoder

from dpr_haystack.engines.towers.conversion import ConversionOptions, convert
from dpr_haystack.engines.towers.loading import load_encoder
from dpr_haystack.errors import ModelError
from support.checkpoints import reference, tiny_bert, tiny_dpr

pytestmark = pytest.mark.slow

TEXTS = [("Darwin", "the origin of species"), (None, "who was darwin")]
FIELDS = ["model_dict", "optimizer_dict", "scheduler_dict", "offset", "epoch", "encoder_params"]


def weights(root, projection=0):
    """The weights of two towers under the original's names, and the towers as transformers has them."""
    folders = {
        role: tiny_dpr(root / role, role, projection=projection, seed=i)
        for i, role in enumerate(["question", "passage"])
    }
    state = {}
    for role, cls, prefix in [
        ("question", DPRQuestionEncoder, "question_model."),
        ("passage", DPRContextEncoder, "ctx_model."),
    ]:
        for name, tensor in cls.from_pretrained(folders[role]).state_dict().items():
            state[prefix + name.split(".", 1)[1].removeprefix("bert_model.")] = tensor
        # what old versions of transformers saved besides
        state[prefix + "embeddings.position_ids"] = torch.arange(300)[None]
        state[prefix + "pooler.dense.weight"] = torch.ones(32, 32)
    return folders, state


def params(root):
    return {"do_lower_case": True, "pretrained_model_cfg": str(tiny_bert(root / "base")), "sequence_length": 128}


def checkpoint(root, encoder_params, projection=0):
    folders, state = weights(root, projection)
    content = dict(zip(FIELDS, [state, {"lr": 1e-5}, {"step": 1}, 0, 40, encoder_params], strict=True))
    return folders, content


def compare(path, folders, **options):
    for role, folder in folders.items():
        encoder = load_encoder(str(path), role, dtype="float32", **options)
        np.testing.assert_allclose(encoder.encode(TEXTS), reference(folder, role, TEXTS), atol=1e-5)
    return encoder


@pytest.mark.parametrize("projection", [0, 12])
def test_a_checkpoint_as_a_dictionary(tmp_path, projection):
    folders, content = checkpoint(tmp_path, params(tmp_path), projection)
    torch.save(content, tmp_path / "biencoder.cp")
    encoder = compare(tmp_path / "biencoder.cp", folders)
    assert (encoder.max_length, encoder.dimension) == (128, projection or 32)


@pytest.fixture
def fake_modules(monkeypatch):
    """Modules that exist while the file is written, as they did on the machine that trained the model."""

    def add(name: str, **members: Any) -> None:
        for index in range(len(parts := name.split("."))):
            path = ".".join(parts[: index + 1])
            if path not in sys.modules:
                monkeypatch.setitem(sys.modules, path, types.ModuleType(path))
        for key, value in members.items():
            value.__module__ = name
            setattr(sys.modules[name], key, value)

    yield add
    monkeypatch.undo()


def test_a_checkpoint_as_the_original_namedtuple(tmp_path, fake_modules, monkeypatch):
    folders, content = checkpoint(tmp_path, params(tmp_path))
    state = collections.namedtuple("CheckpointState", FIELDS)  # type: ignore[misc]
    fake_modules("dpr.utils.model_utils", CheckpointState=state)
    torch.save(state(**content), tmp_path / "biencoder.cp")
    monkeypatch.undo()
    assert "dpr.utils.model_utils" not in sys.modules
    compare(tmp_path / "biencoder.cp", folders)


def test_settings_in_the_objects_of_later_versions(tmp_path, fake_modules, monkeypatch):
    class AnyNode:
        def __init__(self, value):
            self._val = value

    class DictConfig:
        def __init__(self, **values):
            self._metadata = {"ref_type": Any, "object_type": dict, "flags": collections.defaultdict(dict)}
            self._content = {key: AnyNode(value) for key, value in values.items()}

    for name, cls in [("omegaconf.nodes", AnyNode), ("omegaconf.dictconfig", DictConfig)]:
        cls.__qualname__ = cls.__name__
        fake_modules(name, **{cls.__name__: cls})
    base = str(tiny_bert(tmp_path / "base"))
    encoder_params = {"do_lower_case": True, "encoder": DictConfig(pretrained_model_cfg=base, sequence_length=64)}
    folders, content = checkpoint(tmp_path, encoder_params)
    torch.save(content, tmp_path / "biencoder.cp")
    monkeypatch.undo()
    assert compare(tmp_path / "biencoder.cp", folders).max_length == 64


class Malicious:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("where", ["encoder_params", "optimizer_dict"])
def test_nothing_in_a_file_is_run(tmp_path, where):
    _, content = checkpoint(tmp_path, params(tmp_path))
    content[where] = Malicious(tmp_path / "was_run")
    torch.save(content, tmp_path / "evil.cp")
    with pytest.raises(ModelError, match=r"it names (posix|nt)\.system, which could run code"):
        load_encoder(str(tmp_path / "evil.cp"), "question")
    assert not (tmp_path / "was_run").exists()
    torch.load(tmp_path / "evil.cp", weights_only=False)
    assert (tmp_path / "was_run").exists()  # it would have


def test_what_is_no_checkpoint(tmp_path):
    (tmp_path / "text.cp").write_text("hello")
    with pytest.raises(ModelError, match=r"text\.cp is not a model: expected a folder"):
        load_encoder(str(tmp_path / "text.cp"), "question")
    (tmp_path / "cut.cp").write_bytes(b"PK\x03\x04 and nothing more")
    with pytest.raises(ModelError, match="not a DPR checkpoint"):
        load_encoder(str(tmp_path / "cut.cp"), "question")
    torch.save({"model_dict": {"encoder.x": torch.ones(1), "qa_outputs.bias": torch.ones(2)}}, tmp_path / "reader.cp")
    with pytest.raises(ModelError, match=r"must hold the weights of two DPR encoders: got encoder\.x"):
        load_encoder(str(tmp_path / "reader.cp"), "question")


def test_a_missing_base_is_named_with_the_way_out(tmp_path):
    settings = {"pretrained_model_cfg": str(tmp_path / "nowhere")}
    folders, content = checkpoint(tmp_path, settings)
    path = tmp_path / "biencoder.cp"
    torch.save(content, path)
    with pytest.raises(ModelError, match=r"nowhere.*\n?.*dpr-haystack convert .* --base-model"):
        load_encoder(str(path), "question")
    made = convert(str(path), None, tmp_path / "model", ConversionOptions(base_model=str(tiny_bert(tmp_path / "base"))))
    compare(made, folders)


def test_a_base_that_does_not_fit(tmp_path):
    _, content = checkpoint(tmp_path, params(tmp_path))
    del content["model_dict"]["ctx_model.embeddings.LayerNorm.weight"]
    torch.save(content, tmp_path / "biencoder.cp")
    with pytest.raises(ModelError, match=r"passage tower does not fit"):
        load_encoder(str(tmp_path / "biencoder.cp"), "passage")


def test_identity_is_that_of_the_converted_model(tmp_path):
    _, content = checkpoint(tmp_path, params(tmp_path))
    torch.save(content, tmp_path / "biencoder.cp")
    made = convert(str(tmp_path / "biencoder.cp"), None, tmp_path / "model")
    for role in ("question", "passage"):
        before = load_encoder(str(tmp_path / "biencoder.cp"), role).identity
        after = load_encoder(str(made), role).identity
        assert (before.fingerprint, before.passage_fingerprint) == (after.fingerprint, after.passage_fingerprint)
    assert before.fingerprint != load_encoder(str(made), "question").identity.fingerprint


def test_a_cased_checkpoint_keeps_its_case(tmp_path):
    settings = {**params(tmp_path), "do_lower_case": False}
    _, content = checkpoint(tmp_path, settings)
    torch.save(content, tmp_path / "biencoder.cp")
    encoder = load_encoder(str(tmp_path / "biencoder.cp"), "question")
    made = load_encoder(str(convert(str(tmp_path / "biencoder.cp"), None, tmp_path / "m")), "question")
    for candidate in (encoder, made):
        upper, lower = candidate._tokenizer.encode([(None, "London"), (None, "london")])
        assert upper != lower
