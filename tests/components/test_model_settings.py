# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The arguments that Haystack's own embedders have: prefix, truncate_dim, revision, those of transformers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from haystack import Document, Pipeline
from haystack_integrations.document_stores.elasticsearch import ElasticsearchDocumentStore

import dpr_haystack
from dpr_haystack import DPRDocumentEmbedder, DPRReader, DPRTextEmbedder, FAISSDocumentStore
from dpr_haystack.core.identity import belongs
from dpr_haystack.errors import InputError, ModelError
from support.checkpoints import tiny_bert, tiny_qa

QUESTION = "who wrote the origin"
OPTIONS: dict[str, Any] = {
    "prefix": "query: ",
    "suffix": " ?",
    "truncate_dim": 8,
    "revision": "v2",
    "trust_remote_code": True,
    "attn_implementation": "eager",
    "model_kwargs": {"dtype": "float32"},
    "tokenizer_kwargs": {"do_lower_case": False},
    "config_kwargs": {"hidden_act": "relu"},
}
OF_EMBEDDERS = {"prefix", "suffix", "truncate_dim"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_bert(tmp_path_factory.mktemp("model") / "bert"))


def embed(folder: str, text: str = QUESTION, **options: Any) -> Any:
    return np.array(DPRTextEmbedder(folder, device="cpu", **{"dtype": "float32", **options}).run(text)["embedding"])


def test_prefix_and_suffix(folder: str) -> None:
    expected = embed(folder, f"who was {QUESTION} darwin")
    np.testing.assert_allclose(embed(folder, prefix="who was ", suffix=" darwin"), expected, atol=1e-5)
    documents = [Document(content="darwin", meta={"title": "england"}), Document(content="darwin")]
    plain = DPRDocumentEmbedder(folder, dtype="float32", progress_bar=False)
    embedder = DPRDocumentEmbedder(folder, dtype="float32", progress_bar=False, prefix="the ", suffix=" book")
    changed = plain.embed([("the england", "darwin book"), "the darwin book"])
    got = [document.embedding for document in embedder.run(documents)["documents"]]
    np.testing.assert_allclose(got, changed, atol=1e-5)


def test_a_prefix_replaces_the_prompt_of_the_model(tmp_path: Path) -> None:
    tiny_bert(tmp_path)
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling" / "config.json").write_text('{"pooling_mode": "mean"}')
    kinds = [("Transformer", ""), ("Pooling", "1_Pooling")]
    modules = [{"type": f"sentence_transformers.models.{kind}", "path": path} for kind, path in kinds]
    (tmp_path / "modules.json").write_text(json.dumps(modules))
    plain, prompted = embed(str(tmp_path)), embed(str(tmp_path), f"who was {QUESTION}")
    (tmp_path / "config_sentence_transformers.json").write_text('{"prompts": {"query": "who was "}}')
    for prefix, expected in ((None, prompted), ("", plain), ("who was ", prompted)):
        np.testing.assert_allclose(embed(str(tmp_path), prefix=prefix), expected, atol=1e-5)


def test_truncated_vectors(folder: str) -> None:
    whole = embed(folder)
    np.testing.assert_allclose(embed(folder, truncate_dim=8), whole[:8], atol=1e-5)
    unit = embed(folder, truncate_dim=8, normalize=True)
    np.testing.assert_allclose(unit, whole[:8] / np.linalg.norm(whole[:8]), atol=1e-5)
    with pytest.raises(InputError, match="dimension must be from 1 to 32"):
        embed(folder, truncate_dim=33)


def test_settings_of_the_configuration(folder: str, tmp_path: Path) -> None:
    changed = tiny_bert(tmp_path / "bert")
    path = changed / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "hidden_act": "relu"}))
    expected = embed(str(changed))
    np.testing.assert_allclose(embed(folder, config_kwargs={"hidden_act": "relu"}), expected, atol=1e-6)
    assert np.abs(embed(folder) - expected).max() > 0.01
    with pytest.raises(ModelError, match="hidden_act"):
        embed(folder, config_kwargs={"hidden_act": 3})


def test_settings_of_the_tokenizer(folder: str) -> None:
    assert np.array_equal(embed(folder, "Darwin"), embed(folder, "darwin"))
    cased = {"tokenizer_kwargs": {"do_lower_case": False}}
    assert np.abs(embed(folder, "London", **cased) - embed(folder, "london", **cased)).max() > 0.01


def test_attention_and_number_format(folder: str) -> None:
    embedder = DPRTextEmbedder(folder, attn_implementation="eager", model_kwargs={"dtype": "bfloat16"})
    encoder = embedder._tower.get()
    config: Any = encoder._network.backbone.config
    assert (config._attn_implementation, encoder.dtype) == ("eager", "bfloat16")
    with pytest.raises(ModelError, match="nonsense"):
        embed(folder, attn_implementation="nonsense")
    with pytest.raises(InputError, match="the dtype in model_kwargs must be one of torch"):
        embed(folder, model_kwargs={"dtype": "nonsense"})


def test_code_of_a_model_runs_only_on_request(tmp_path: Path) -> None:
    folder = tiny_bert(tmp_path / "custom")
    (folder / "custom.py").write_text(
        "from transformers import BertConfig, BertModel\n\n\n"
        'class CustomConfig(BertConfig):\n    model_type = "custom"\n\n\n'
        "class CustomModel(BertModel):\n    config_class = CustomConfig\n"
    )
    config = json.loads((folder / "config.json").read_text())
    auto_map = {"AutoConfig": "custom.CustomConfig", "AutoModel": "custom.CustomModel"}
    custom = {**config, "model_type": "custom", "architectures": ["CustomModel"], "auto_map": auto_map}
    (folder / "config.json").write_text(json.dumps(custom))
    with pytest.raises(ModelError, match="trust_remote_code=True"):
        embed(str(folder))
    expected = embed(str(tiny_bert(tmp_path / "bert")))
    np.testing.assert_allclose(embed(str(folder), trust_remote_code=True), expected, atol=1e-5)


def test_a_local_path_has_no_revisions(folder: str) -> None:
    with pytest.raises(InputError, match=r"revision='v2' is for models on the hub, but .* is a local path: omit it"):
        embed(folder, revision="v2")


def test_other_settings_are_another_encoder(folder: str) -> None:
    def passages(**options: Any) -> Any:
        return DPRDocumentEmbedder(folder, **options).identity

    settings: list[dict[str, Any]]
    settings = [{"prefix": "p "}, {"suffix": " s"}, {"truncate_dim": 8}, {"pooling": "mean"}, {"normalize": True}]
    changed: list[dict[str, Any]] = [
        {},
        *settings,
        {"config_kwargs": {"hidden_act": "relu"}},
        {"tokenizer_kwargs": {"do_lower_case": False}},
    ]
    records = [passages(**options).passage_record()["fingerprint"] for options in changed]
    assert len(set(records)) == len(changed)
    unchanged: list[dict[str, Any]] = [
        {"prefix": ""},
        {"pooling": "cls"},
        {"normalize": False},
        {"attn_implementation": "eager"},
    ]
    assert {passages(**options).fingerprint for options in unchanged} == {records[0]}
    question = DPRTextEmbedder(folder, prefix="q ").identity
    assert belongs(question, passages(prefix="p ").passage_record())
    assert belongs(question, passages().passage_record())
    assert belongs(question, passages(truncate_dim=8).passage_record()) is False
    shortened = DPRTextEmbedder(folder, prefix="q ", truncate_dim=8).identity
    assert belongs(shortened, passages(truncate_dim=8).passage_record())


@pytest.mark.parametrize("cls", [DPRTextEmbedder, DPRDocumentEmbedder, DPRReader])
def test_yaml_keeps_them(cls: type) -> None:
    options = {name: value for name, value in OPTIONS.items() if cls is not DPRReader or name not in OF_EMBEDDERS}
    pipeline = Pipeline()
    pipeline.add_component("it", cls("a/b", **{**options, "model_kwargs": {"dtype": torch.float32}}, device="cpu"))
    copied = Pipeline.loads(pipeline.dumps()).get_component("it")
    parameters = copied.to_dict()["init_parameters"]  # type: ignore[attr-defined]
    assert {name: parameters[name] for name in options} == {**options, "model_kwargs": {"dtype": "torch.float32"}}
    defaults = cls("a/b").to_dict()["init_parameters"]
    assert (defaults["trust_remote_code"], defaults["revision"], defaults["model_kwargs"]) == (False, None, None)


@pytest.mark.parametrize("name", ["DPRRetriever", "DPRHybridRetriever", "ElasticsearchDPRRetriever"])
def test_yaml_keeps_number_formats_within_arguments_of_retrievers(name: str) -> None:
    given = {"device_map": "cpu", "quantization_config": {"bnb_4bit_compute_dtype": torch.bfloat16}}
    store = ElasticsearchDocumentStore(hosts="http://localhost:9") if "Elastic" in name else FAISSDocumentStore("store")
    pipeline = Pipeline()
    pipeline.add_component("it", getattr(dpr_haystack, name)(store, "a/b", model_kwargs=given))
    copied: Any = Pipeline.loads(pipeline.dumps()).get_component("it")
    assert copied._embedder._settings.model_kwargs == given


def test_settings_that_are_assigned_take_effect(folder: str, tmp_path: Path) -> None:
    embedder = DPRTextEmbedder(folder, device="cpu", dtype="float32")
    plain = embedder.run(QUESTION)["embedding"]
    loaded = embedder._tower.get()
    embedder.batch_size = 2
    assert embedder._tower.get() is loaded
    embedder.normalize = True
    assert np.linalg.norm(plain) != pytest.approx(1)
    assert np.linalg.norm(embedder.run(QUESTION)["embedding"]) == pytest.approx(1)
    with pytest.raises(InputError, match="pooling must be one of"):
        embedder.pooling = "nonsense"
    assert embedder.to_dict()["init_parameters"]["pooling"] is None
    store = FAISSDocumentStore(str(tmp_path / "store"))
    passages = DPRDocumentEmbedder(folder, dtype="float32", progress_bar=False, max_length=9)
    store.write_documents(passages.run([Document(content="darwin")])["documents"])
    for name in ("DPRRetriever", "DPRHybridRetriever"):
        retriever = getattr(dpr_haystack, name)(store, "nowhere/at-all", device="cpu", dtype="float32")
        retriever.model = folder
        assert len(retriever.run(QUESTION)["documents"]) == 1
        assert retriever.to_dict()["init_parameters"]["model"] == folder
    store.close()


def test_a_reader_takes_them(tmp_path: Path) -> None:
    folder = str(tiny_qa(tmp_path / "reader", "bert"))
    reader = DPRReader(folder, device="cpu", attn_implementation="eager", config_kwargs={"hidden_act": "relu"})
    network: Any = reader._loaded()._network
    config = network._model.config
    assert (config._attn_implementation, config.hidden_act) == ("eager", "relu")
    reader.attn_implementation = "sdpa"
    network = reader._loaded()._network
    changed = network._model.config
    assert changed._attn_implementation == "sdpa"


WRONG: list[dict[str, Any]] = [
    {"prefix": 3},
    {"suffix": None},
    {"revision": 3},
    {"model_kwargs": ["a"]},
    {"tokenizer_kwargs": "a"},
    {"config_kwargs": 3},
    {"trust_remote_code": "yes"},
    {"attn_implementation": 3},
]


@pytest.mark.parametrize("options", WRONG)
def test_wrong_types(options: dict[str, Any]) -> None:
    for error in (TypeError, ValueError):
        with pytest.raises(error, match=f"{next(iter(options))} must be a?"):
            DPRTextEmbedder("a/b", **options)


@pytest.mark.parametrize("wrong", [3, None, ["a question"], Document(content="x")])
def test_input_of_another_type_is_a_type_error_as_in_haystack(folder: str, wrong: Any) -> None:
    for error in (TypeError, ValueError):
        with pytest.raises(error):
            DPRTextEmbedder(folder).run(wrong)
        with pytest.raises(error):
            DPRDocumentEmbedder(folder, progress_bar=False).run(wrong)


def test_the_title_is_embedded_once(folder: str) -> None:
    document = Document(content="the book", meta={"title": "darwin", "place": "london"})
    options: dict[str, Any] = {"dtype": "float32", "progress_bar": False}
    both = DPRDocumentEmbedder(folder, meta_fields_to_embed=["title", "place"], **options)
    expected = DPRDocumentEmbedder(folder, **options).embed([("darwin", "london\nthe book")])
    np.testing.assert_allclose([both.run([document])["documents"][0].embedding], expected, atol=1e-5)
    alone = DPRDocumentEmbedder(folder, title_field=None, meta_fields_to_embed=["title"], **options)
    expected = DPRDocumentEmbedder(folder, **options).embed(["darwin\nthe book"])
    np.testing.assert_allclose([alone.run([document])["documents"][0].embedding], expected, atol=1e-5)
