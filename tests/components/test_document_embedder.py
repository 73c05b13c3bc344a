# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import copy
import zlib
from typing import Any

import numpy as np
import pytest
from haystack import Document, Pipeline
from haystack.utils import ComponentDevice, Secret

from dpr_haystack import DPRDocumentEmbedder
from dpr_haystack.core.encoder_mark import EncoderMark, without_mark
from dpr_haystack.errors import InputError
from support.checkpoints import reference, tiny_dpr

DOOR = "haystack_integrations.components.embedders.dpr.DPRDocumentEmbedder"
DOCUMENTS = [
    Document(content="the origin of species", meta={"title": "Darwin", "year": 1859, "place": None}),
    Document(id="mine", content="where is the island", meta={"title": " "}),
    Document(content="", meta={"title": "the beagle"}),
    Document(content="the voyage of the beagle " * 100),
    Document(content=""),
]
PAIRS = [
    ("Darwin", "the origin of species"),
    (None, "where is the island"),
    ("the beagle", ""),
    (None, "the voyage of the beagle " * 100),
    (None, ""),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_dpr(tmp_path_factory.mktemp("model") / "passage", "passage")


@pytest.fixture(scope="module")
def expected(folder):
    return reference(folder, "passage", PAIRS).numpy()


@pytest.fixture(scope="module")
def embedder(folder):
    return DPRDocumentEmbedder(str(folder), dtype="float32", progress_bar=False)


def vectors(documents):
    return np.array([document.embedding for document in documents])


def test_documents_get_their_embeddings(embedder, expected):
    before = copy.deepcopy(DOCUMENTS)
    got = embedder.run(DOCUMENTS)["documents"]
    np.testing.assert_allclose(vectors(got), expected, atol=1e-5)
    assert {type(value) for document in got for value in document.embedding} == {float}
    assert [document.id for document in got] == [document.id for document in DOCUMENTS]
    assert [without_mark(document.meta)[0] for document in got] == [document.meta for document in DOCUMENTS]
    marks = [without_mark(document.meta)[1] for document in got]
    sums = [zlib.crc32(np.array(document.embedding, dtype="<f4").tobytes()) for document in got]
    assert marks == [EncoderMark(embedder.identity.passage_record(), checksum) for checksum in sums]
    assert before == DOCUMENTS
    assert embedder.run([]) == {"documents": []}


def test_async_returns_the_same(embedder):
    async def embed():
        await embedder.warm_up_async()
        return await embedder.run_async(DOCUMENTS)

    np.testing.assert_allclose(
        vectors(asyncio.run(embed())["documents"]), vectors(embedder.run(DOCUMENTS)["documents"]), atol=1e-6
    )


def test_passages_that_are_not_documents(embedder, expected):
    passages = [PAIRS[0], PAIRS[1][1], list(PAIRS[2]), PAIRS[3], ("  ", "")]
    got = embedder.embed(passages)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_title_and_further_fields(folder):
    options: dict[str, Any] = {
        "title_field": "name",
        "meta_fields_to_embed": ["year", "place", "missing"],
        "progress_bar": False,
    }
    embedder = DPRDocumentEmbedder(str(folder), dtype="float32", **options)
    document = Document(content="born", meta={"name": "Darwin", "title": "no", "year": 1809, "place": None})
    got = embedder.run([document])["documents"]
    np.testing.assert_allclose(vectors(got), reference(folder, "passage", [("Darwin", "1809\nborn")]), atol=1e-5)


def test_no_title(folder):
    embedder = DPRDocumentEmbedder(str(folder), dtype="float32", title_field=None, progress_bar=False)
    expected = reference(folder, "passage", [(None, DOCUMENTS[0].content or "")])
    np.testing.assert_allclose(vectors(embedder.run(DOCUMENTS[:1])["documents"]), expected, atol=1e-5)


@pytest.mark.parametrize("wrong", ["a question", ["a text"], Document(content="x"), None])
def test_anything_but_documents_is_refused(embedder, wrong):
    with pytest.raises(InputError, match="DPRTextEmbedder"):
        embedder.run(wrong)


@pytest.mark.parametrize("wrong", [[("a", "b", "c")], [None], [("title", None)], "text"])
def test_anything_but_passages_is_refused(embedder, wrong):
    with pytest.raises(InputError, match="passage"):
        embedder.embed(wrong)


def test_all_documents_without_content_are_listed(embedder):
    documents = [Document(id=f"d{i}", content=None) for i in range(12)] + DOCUMENTS
    with pytest.raises(InputError, match=r"12 of 17 documents have none \(d0, d1, .*d9 and 2 more\)"):
        embedder.run(documents)


def test_the_progress_bar_counts_passages(folder, capsys):
    DPRDocumentEmbedder(str(folder)).run(DOCUMENTS)
    assert "5/5" in capsys.readouterr().err
    DPRDocumentEmbedder(str(folder), progress_bar=False).run(DOCUMENTS)
    assert "Embedding" not in capsys.readouterr().err


def test_round_trip_through_a_dictionary():
    options: dict[str, Any] = {
        "model": "a/b",
        "device": ComponentDevice.from_str("cpu"),
        "token": Secret.from_env_var("MY_TOKEN", strict=False),
        "dtype": "bfloat16",
        "max_length": 64,
        "pooling": "mean",
        "normalize": False,
        "batch_size": 8,
        "title_field": "name",
        "meta_fields_to_embed": ["year"],
        "progress_bar": False,
    }
    data = DPRDocumentEmbedder(**options).to_dict()
    assert data["type"] == DOOR
    copied = DPRDocumentEmbedder.from_dict(data)
    assert {name: getattr(copied, name) for name in options} == options
    assert copied.to_dict() == data


def test_defaults():
    parameters = DPRDocumentEmbedder().to_dict()["init_parameters"]
    assert parameters["model"] == "facebook/dpr-ctx_encoder-single-nq-base"
    assert (parameters["title_field"], parameters["meta_fields_to_embed"], parameters["progress_bar"]) == (
        "title",
        None,
        True,
    )
    assert DPRDocumentEmbedder()._get_telemetry_data() == {"model": "facebook/dpr-ctx_encoder-single-nq-base"}


def test_loaded_from_yaml_and_run(folder, expected):
    pipeline = Pipeline()
    pipeline.add_component("embedder", DPRDocumentEmbedder(str(folder), dtype="float32", progress_bar=False))
    loaded = Pipeline.loads(pipeline.dumps())
    got = loaded.run({"embedder": {"documents": DOCUMENTS}})["embedder"]["documents"]
    np.testing.assert_allclose(vectors(got), expected, atol=1e-5)


def test_a_question_encoder_is_refused_by_name(tmp_path):
    question = tiny_dpr(tmp_path / "question", "question")
    with pytest.raises(InputError, match="DPRTextEmbedder loads"):
        DPRDocumentEmbedder(str(question)).warm_up()


def test_passage_record(embedder, folder):
    record = embedder.identity.passage_record()
    assert record == {"model": str(folder), "fingerprint": embedder.identity.fingerprint}
