# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from haystack import Document, Pipeline
from haystack.core.component import component as component_registry
from haystack.utils import ComponentDevice, Device, Secret

from dpr_haystack import DPRDocumentEmbedder, DPRReader, DPRTextEmbedder
from dpr_haystack.errors import InputError, ModelError
from support.checkpoints import reference, tiny_dpr

DOOR = "haystack_integrations.components.embedders.dpr.DPRTextEmbedder"
QUESTIONS = ["who wrote the origin of species", "what was the beagle", "where in england"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_dpr(tmp_path_factory.mktemp("model") / "question", "question")


@pytest.fixture(scope="module")
def embedder(folder):
    return DPRTextEmbedder(str(folder), dtype="float32")


@pytest.fixture(scope="module")
def expected(folder):
    return reference(folder, "question", [(None, question) for question in QUESTIONS]).numpy()


def test_a_question_becomes_a_list_of_floats(embedder, expected):
    embedding = embedder.run(QUESTIONS[0])["embedding"]
    assert {type(value) for value in embedding} == {float}
    np.testing.assert_allclose(embedding, expected[0], atol=1e-5)


def test_many_questions_at_once(embedder, expected):
    got = embedder.embed(QUESTIONS)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, expected, atol=1e-5)
    assert embedder.embed([]).shape == (0, 32)


def test_typographic_apostrophes_are_read_as_plain_ones(embedder):
    assert embedder.run("darwin\u2019s book") == embedder.run("darwin's book")


def test_a_lone_surrogate_is_read_as_the_replacement_character(embedder):
    assert embedder.run("who \ud800")["embedding"] == embedder.run("who \ufffd")["embedding"]


def test_a_token_in_plain_text_is_refused():
    with pytest.raises(ValueError, match="token must be a Secret"):
        DPRTextEmbedder("some/model", token="abc").warm_up()  # type: ignore[arg-type]


def test_async_returns_the_same(embedder):
    async def ask():
        await embedder.warm_up_async()
        return await asyncio.gather(*(embedder.run_async(question) for question in QUESTIONS))

    assert asyncio.run(ask()) == [embedder.run(question) for question in QUESTIONS]


@pytest.mark.parametrize("wrong", [[Document(content="x")], ["a question"], None, 3])
def test_anything_but_a_question_is_refused(embedder, wrong):
    with pytest.raises(InputError, match="DPRDocumentEmbedder"):
        embedder.run(wrong)


@pytest.mark.parametrize("empty", ["", " \n"])
def test_an_empty_question_is_refused(embedder, empty):
    with pytest.raises(InputError, match="empty"):
        embedder.run(empty)
    with pytest.raises(InputError, match="empty"):
        embedder.embed(["fine", empty])


def test_embed_refuses_a_single_string(embedder):
    with pytest.raises(InputError, match=r"run\(text"):
        embedder.embed("who")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("model", ""),
        ("dtype", "half"),
        ("pooling", "median"),
        ("max_length", 2),
        ("max_length", "256"),
        ("batch_size", 0),
        ("batch_size", True),
    ],
)
def test_invalid_settings_are_refused_on_construction(option, value):
    with pytest.raises(InputError, match=f"{option} must be"):
        DPRTextEmbedder(**{option: value})


def test_construction_loads_nothing(tmp_path):
    embedder = DPRTextEmbedder(str(tmp_path / "nowhere"))
    with pytest.raises(ModelError, match="no model at"):
        embedder.warm_up()


def test_defaults():
    assert component_registry.registry[DOOR] is DPRTextEmbedder
    parameters = DPRTextEmbedder().to_dict()["init_parameters"]
    assert parameters == {
        "model": "facebook/dpr-question_encoder-single-nq-base",
        "device": None,
        "token": {"type": "env_var", "env_vars": ["HF_API_TOKEN", "HF_TOKEN"], "strict": False},
        "dtype": "auto",
        "max_length": None,
        "pooling": None,
        "normalize": None,
        "batch_size": None,
        "progress_bar": False,
        "prefix": None,
        "suffix": "",
        "truncate_dim": None,
        "model_kwargs": None,
        "revision": None,
        "trust_remote_code": False,
        "attn_implementation": None,
        "tokenizer_kwargs": None,
        "config_kwargs": None,
    }
    assert DPRTextEmbedder()._get_telemetry_data() == {"model": "facebook/dpr-question_encoder-single-nq-base"}


def test_round_trip_through_a_dictionary():
    options: dict[str, Any] = {
        "model": "a/b",
        "device": ComponentDevice.from_str("cpu"),
        "token": Secret.from_env_var("MY_TOKEN", strict=False),
        "dtype": "float32",
        "max_length": 64,
        "pooling": "mean",
        "normalize": True,
        "batch_size": 8,
        "progress_bar": True,
    }
    data = DPRTextEmbedder(**options).to_dict()
    assert data["type"] == DOOR
    copy = DPRTextEmbedder.from_dict(data)
    assert {name: getattr(copy, name) for name in options} == options
    assert copy.to_dict() == data == DPRTextEmbedder.from_dict(data).to_dict()


@pytest.mark.parametrize("component", [DPRTextEmbedder, DPRDocumentEmbedder, DPRReader])
def test_a_device_by_name(component):
    assert component(device="cpu").device == ComponentDevice.from_str("cpu")
    assert component(device="cuda:1").device == ComponentDevice.from_single(Device.gpu(1))
    assert component(device=ComponentDevice.from_str("cpu")).device == ComponentDevice.from_str("cpu")


@pytest.mark.parametrize("device", ["", "nowhere", "cuda:x", 0])
def test_an_unknown_device_is_refused(device):
    with pytest.raises(InputError, match=f"device must be .*: got {device!r}"):
        DPRTextEmbedder(device=device)


def test_loaded_from_yaml_and_run(folder, expected):
    pipeline = Pipeline()
    pipeline.add_component("embedder", DPRTextEmbedder(str(folder), dtype="float32"))
    loaded = Pipeline.loads(pipeline.dumps())
    np.testing.assert_allclose(
        loaded.run({"embedder": {"text": QUESTIONS[0]}})["embedder"]["embedding"], expected[0], atol=1e-5
    )


def test_close_and_reload(folder, expected):
    embedder = DPRTextEmbedder(str(folder), dtype="float32")
    embedder.warm_up()
    first = embedder._tower.get()
    embedder.warm_up()
    assert embedder._tower.get() is first
    embedder.close()
    np.testing.assert_allclose(embedder.embed(QUESTIONS), expected, atol=1e-5)
    assert embedder._tower.get() is not first


def test_several_threads_load_the_model_once(folder, monkeypatch):
    from dpr_haystack.engines.towers import loading

    loaded = []
    load = loading.load_encoder

    def counting(*args, **kwargs):
        loaded.append(args)
        return load(*args, **kwargs)

    monkeypatch.setattr(loading, "load_encoder", counting)
    embedder = DPRTextEmbedder(str(folder))
    with ThreadPoolExecutor(6) as pool:
        assert len(list(pool.map(lambda question: embedder.run(question), QUESTIONS * 4))) == 12
    assert len(loaded) == 1


def test_identity(embedder, folder):
    assert embedder.identity.model == str(folder)
    assert len(embedder.identity.fingerprint) >= 16


def test_a_passage_encoder_is_refused_by_name(tmp_path):
    passage = tiny_dpr(tmp_path / "passage", "passage")
    with pytest.raises(InputError, match="DPRDocumentEmbedder loads"):
        DPRTextEmbedder(str(passage)).warm_up()
