# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The four retrievers: what Haystack expects of them, and that they find what numpy finds."""

from __future__ import annotations

import asyncio
import copy
import inspect
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from haystack import Document, Pipeline
from haystack.components.retrievers import (
    MultiQueryEmbeddingRetriever,
    MultiQueryTextRetriever,
    MultiRetriever,
    TextEmbeddingRetriever,
)
from haystack.components.retrievers.types import EmbeddingRetriever, TextRetriever
from haystack.core.serialization import component_from_dict, component_to_dict
from haystack.document_stores.errors import DocumentStoreError
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack.document_stores.types import FilterPolicy

from dpr_haystack import DPRRetriever, FAISSDocumentStore
from dpr_haystack.errors import InputError
from support.retrievers import KINDS, QUESTION, Asking, make_retriever
from support.stores import make_tenant_store, tenant_documents

every_kind = pytest.mark.parametrize("kind", KINDS)
with_question = pytest.mark.parametrize("kind", ["bm25", "dpr", "hybrid"])
QUESTIONS = [QUESTION, "Who wrote the laws of motion?", "How is bread made?"]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FAISSDocumentStore:
    return make_tenant_store(tmp_path_factory.mktemp("retrievers") / "store")


@pytest.fixture(scope="module")
def asking() -> Asking:
    return Asking()


@pytest.fixture(scope="module")
def retrievers(store: FAISSDocumentStore) -> dict[str, Any]:
    """One of each kind with its default settings; the models of two are loaded once."""
    return {kind: make_retriever(kind, store) for kind in KINDS}


def pairs(found: list[Document]) -> list[tuple[str, float]]:
    return [(document.id, round(document.score or 0.0, 5)) for document in found]


def exact(store: FAISSDocumentStore, embedding: Any) -> list[str]:
    """Ids by inner product, best first, computed with numpy from the vectors that the store keeps."""
    kept = store.filter_documents()
    scores = np.array([document.embedding for document in kept]) @ np.asarray(embedding)
    return [kept[position].id for position in np.argsort(-scores, kind="stable")]


@every_kind
def test_it_finds_the_right_passage_first(kind: str, retrievers: dict[str, Any], asking: Asking) -> None:
    found = retrievers[kind].run(**asking.inputs(kind, QUESTION))["documents"]
    assert found[0].meta["title"] == "Seine"
    scores = [document.score for document in found]
    assert scores == sorted(scores, reverse=True)
    assert len(found) == 10


@pytest.mark.parametrize("kind", ["embedding", "dpr"])
def test_dense_results_are_those_of_numpy(
    kind: str, retrievers: dict[str, Any], store: FAISSDocumentStore, asking: Asking
) -> None:
    for question in QUESTIONS:
        embedding = asking.embedder.run(question)["embedding"]
        found = retrievers[kind].run(**asking.inputs(kind, question), top_k=16)["documents"]
        assert [document.id for document in found] == exact(store, embedding)
        vectors = {document.id: np.array(document.embedding) for document in store.filter_documents()}
        for document in found:
            assert document.score == pytest.approx(float(np.dot(vectors[document.id], embedding)), abs=1e-5)


@every_kind
def test_documents_come_whole_but_without_vectors(kind: str, retrievers: dict[str, Any], asking: Asking) -> None:
    known = {document.id: document for document in tenant_documents()}
    found = retrievers[kind].run(**asking.inputs(kind, QUESTION))["documents"]
    assert found
    for document in found:
        assert document.embedding is None
        assert (document.content, document.meta) == (known[document.id].content, known[document.id].meta)


@every_kind
def test_results_can_be_changed_without_changing_the_store(
    kind: str, retrievers: dict[str, Any], asking: Asking
) -> None:
    first = retrievers[kind].run(**asking.inputs(kind, QUESTION))["documents"]
    first[0].meta["title"] = "changed"
    first.clear()
    assert retrievers[kind].run(**asking.inputs(kind, QUESTION))["documents"][0].meta["title"] == "Seine"


@every_kind
@pytest.mark.parametrize("top_k", [0, -1, True, 2.5, "3"])
def test_the_default_number_must_be_positive(kind: str, store: FAISSDocumentStore, top_k: Any) -> None:
    with pytest.raises(ValueError, match="top_k must be an integer of at least 1"):
        make_retriever(kind, store, top_k=top_k)


@every_kind
def test_the_number_of_one_run(
    kind: str, store: FAISSDocumentStore, asking: Asking, retrievers: dict[str, Any]
) -> None:
    retriever = retrievers[kind]
    inputs = asking.inputs(kind, QUESTION)
    everything = pairs(retriever.run(**inputs)["documents"])
    assert pairs(retriever.run(**inputs, top_k=None)["documents"]) == everything
    assert pairs(retriever.run(**inputs, top_k=3)["documents"]) == everything[:3]
    assert retriever.run(**inputs, top_k=0)["documents"] == []
    assert len(retriever.run(**inputs, top_k=1000)["documents"]) >= len(everything)
    for bad in (-1, 2.5, True):
        with pytest.raises(ValueError, match="at least 0"):
            retriever.run(**inputs, top_k=bad)


@every_kind
def test_the_number_of_the_constructor(kind: str, store: FAISSDocumentStore, asking: Asking) -> None:
    retriever = make_retriever(kind, store, top_k=2)
    assert len(retriever.run(**asking.inputs(kind, QUESTION))["documents"]) == 2
    assert len(retriever.run(**asking.inputs(kind, QUESTION), top_k=4)["documents"]) == 4


@every_kind
def test_many_questions_at_once_are_as_one_by_one(kind: str, retrievers: dict[str, Any], asking: Asking) -> None:
    retriever = retrievers[kind]
    found = retriever.retrieve(asking.batch(kind, QUESTIONS), top_k=5)
    for question, together in zip(QUESTIONS, found, strict=True):
        alone = retriever.run(**asking.inputs(kind, question), top_k=5)["documents"]
        assert [document.id for document in together] == [document.id for document in alone]
        assert [document.score for document in together] == pytest.approx(
            [document.score for document in alone], abs=1e-4
        )
    assert retriever.retrieve(asking.batch(kind, QUESTIONS), top_k=0) == [[], [], []]


@every_kind
def test_no_questions_at_all(kind: str, retrievers: dict[str, Any]) -> None:
    assert retrievers[kind].retrieve([]) == []


@pytest.mark.parametrize("kind", ["dpr", "hybrid"])
@pytest.mark.parametrize("question", ["", "  \n", None, 7])
def test_what_is_no_question_is_refused(kind: str, retrievers: dict[str, Any], question: Any) -> None:
    with pytest.raises(ValueError, match="question"):
        retrievers[kind].run(question)


def test_one_question_is_not_taken_for_a_list_of_letters(retrievers: dict[str, Any]) -> None:
    for kind in ("bm25", "dpr", "hybrid"):
        with pytest.raises(ValueError, match="list"):
            retrievers[kind].retrieve("ab")


@pytest.mark.parametrize("embedding", [[1.0] * 383, [float("nan")] * 384, []])
def test_what_is_no_embedding_is_refused(retrievers: dict[str, Any], embedding: list[float]) -> None:
    with pytest.raises(ValueError):
        retrievers["embedding"].run(embedding)


def test_a_question_in_words_is_sent_to_the_right_retriever(retrievers: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"got the text 'what'.*DPRRetriever"):
        retrievers["embedding"].run("what")


@every_kind
def test_another_store_is_refused_by_name(kind: str) -> None:
    with pytest.raises(InputError, match=r"FAISSDocumentStore of dpr_haystack.*: got haystack.*InMemoryDocumentStore"):
        make_retriever(kind, InMemoryDocumentStore())


@every_kind
def test_run_async_gives_what_run_gives(kind: str, retrievers: dict[str, Any], asking: Asking) -> None:
    retriever = retrievers[kind]
    inputs = asking.inputs(kind, QUESTION)
    filters = {"field": "meta.tenant", "operator": "==", "value": "a"}
    found = asyncio.run(retriever.run_async(**inputs, filters=filters, top_k=4))["documents"]
    assert pairs(found) == pairs(retriever.run(**inputs, filters=filters, top_k=4)["documents"])
    assert inspect.signature(retriever.run) == inspect.signature(retriever.run_async)


@every_kind
def test_run_async_leaves_the_event_loop_free(
    kind: str, store: FAISSDocumentStore, asking: Asking, monkeypatch: pytest.MonkeyPatch, retrievers: dict[str, Any]
) -> None:
    """The search waits for something that only the event loop can do."""
    inputs = asking.inputs(kind, QUESTION)
    released = threading.Event()
    searching = FAISSDocumentStore.searching

    def held_back(self: FAISSDocumentStore) -> Any:
        assert released.wait(20), "the event loop was blocked"
        return searching(self)

    monkeypatch.setattr(FAISSDocumentStore, "searching", held_back)

    async def scenario() -> Any:
        asyncio.get_running_loop().call_later(0.05, released.set)
        return await retrievers[kind].run_async(**inputs)

    assert asyncio.run(scenario())["documents"]


@every_kind
def test_settings_survive_a_round_trip(kind: str, store: FAISSDocumentStore) -> None:
    filters = {"field": "meta.tenant", "operator": "==", "value": "a"}
    retriever = make_retriever(kind, store, top_k=7, filters=filters, filter_policy="merge")
    data = component_to_dict(retriever, "it")
    assert data["type"] == f"haystack_integrations.components.retrievers.dpr.{type(retriever).__name__}"
    assert data["init_parameters"]["filter_policy"] == "merge"
    kept = copy.deepcopy(data)
    again = component_from_dict(type(retriever), data, "it")
    assert data == kept  # loading twice from one dictionary must work
    assert component_to_dict(again, "it") == data
    assert (again.top_k, again.filters, again.filter_policy) == (7, filters, FilterPolicy.MERGE)
    assert again.document_store.index_path == store.index_path


@every_kind
def test_every_setting_of_the_constructor_is_serialized(kind: str, store: FAISSDocumentStore) -> None:
    retriever = make_retriever(kind, store)
    names = [name for name in inspect.signature(type(retriever).__init__).parameters if name != "self"]
    assert sorted(component_to_dict(retriever, "it")["init_parameters"]) == sorted(names)


@every_kind
def test_a_pipeline_survives_yaml(kind: str, store: FAISSDocumentStore, asking: Asking) -> None:
    pipeline = Pipeline()
    pipeline.add_component("retriever", make_retriever(kind, store, top_k=3))
    text = pipeline.dumps()
    again = Pipeline.loads(text)
    assert again.dumps() == text
    data = {"retriever": asking.inputs(kind, QUESTION)}
    assert pairs(again.run(data)["retriever"]["documents"]) == pairs(pipeline.run(data)["retriever"]["documents"])


@every_kind
def test_an_unknown_filter_policy_is_refused(kind: str, store: FAISSDocumentStore) -> None:
    with pytest.raises(ValueError, match="union"):
        make_retriever(kind, store, filter_policy="union")


@pytest.mark.slow
@every_kind
def test_closed_it_opens_again(kind: str, tmp_path: Path, store: FAISSDocumentStore, asking: Asking) -> None:
    copied = tmp_path / "copy"
    store.save(copied)
    retriever = make_retriever(kind, FAISSDocumentStore.from_directory(copied))
    inputs = asking.inputs(kind, QUESTION)
    before = pairs(retriever.run(**inputs)["documents"])
    for _ in range(2):
        retriever.close()
        retriever.close()
        assert pairs(retriever.run(**inputs)["documents"]) == before
    retriever.close()


def test_haystack_puts_them_behind_its_own_retrievers(
    store: FAISSDocumentStore, asking: Asking, retrievers: dict[str, Any]
) -> None:
    dense: EmbeddingRetriever = retrievers["embedding"]
    first = TextEmbeddingRetriever(retriever=dense, text_embedder=asking.embedder).run(QUESTION, top_k=3)["documents"]
    assert pairs(first) == pairs(retrievers["dpr"].run(QUESTION, top_k=3)["documents"])
    many = MultiQueryEmbeddingRetriever(retriever=dense, query_embedder=asking.embedder).run(QUESTIONS)["documents"]
    assert {"Seine", "Newton", "Sourdough"} <= {document.meta["title"] for document in many}
    for kind in ("bm25", "dpr", "hybrid"):
        text: TextRetriever = retrievers[kind]
        found = MultiQueryTextRetriever(retriever=text).run(QUESTIONS)["documents"]
        assert {"Seine", "Newton"} <= {document.meta["title"] for document in found}


@pytest.mark.filterwarnings("ignore::haystack.utils.experimental.ExperimentalWarning")
def test_several_of_them_behind_one_multi_retriever(retrievers: dict[str, Any]) -> None:
    multi = MultiRetriever(retrievers={"bm25": retrievers["bm25"], "dpr": retrievers["dpr"]}, top_k=5)
    found = multi.run(QUESTION, filters={"field": "meta.tenant", "operator": "==", "value": "b"})["documents"]
    assert found[0].id == "Seine-b"
    assert {document.meta["tenant"] for document in found} == {"b"}


def test_threads_may_share_one(retrievers: dict[str, Any]) -> None:
    alone = [pairs(found) for found in (retrievers["hybrid"].run(q)["documents"] for q in QUESTIONS)]

    async def scenario() -> list[Any]:
        return await asyncio.gather(*(retrievers["hybrid"].run_async(question) for question in QUESTIONS * 4))

    together = [pairs(found["documents"]) for found in asyncio.run(scenario())]
    assert [[name for name, _ in found] for found in together] == [[name for name, _ in found] for found in alone] * 4


def test_loading_a_model_on_the_way_does_not_block_the_loop(store: FAISSDocumentStore, asking: Asking) -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0.002)

    async def scenario() -> Any:
        ticking = asyncio.create_task(tick())
        pipeline = Pipeline()
        pipeline.add_component("dpr", make_retriever("dpr", store))
        found = await pipeline.run_async({"dpr": {"query": QUESTION}})
        ticking.cancel()
        return found

    assert asyncio.run(scenario())["dpr"]["documents"][0].meta["title"] == "Seine"
    assert ticks > 5


def test_an_empty_store_finds_nothing(tmp_path: Path, asking: Asking, caplog: pytest.LogCaptureFixture) -> None:
    for kind in KINDS:
        empty = FAISSDocumentStore(str(tmp_path / kind))
        with pytest.raises(DocumentStoreError, match="no store at"):
            make_retriever(kind, empty).run(**asking.inputs(kind, QUESTION))
        assert list(tmp_path.iterdir()) == []
        empty = FAISSDocumentStore(None)
        assert make_retriever(kind, empty).run(**asking.inputs(kind, QUESTION))["documents"] == []
    assert "vector" not in caplog.text


@pytest.mark.slow
def test_hybrid_search_over_a_store_without_vectors_is_keyword_search(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for dimension in (None, 384):
        words = FAISSDocumentStore(str(tmp_path / f"words-{dimension}"), embedding_dim=dimension)
        words.write_documents(tenant_documents())
        found = make_retriever("hybrid", words).run(QUESTION)["documents"]
        assert [each.id for each in found] == [each.id for each in words.bm25_retrieval(QUESTION, 10)]
        assert "no vectors: embed documents" in caplog.text
        caplog.clear()
        assert make_retriever("dpr", words).run(QUESTION)["documents"] == []
        assert "no vectors: embed documents" in caplog.text
        caplog.clear()


def test_telemetry_names_the_model_only(store: FAISSDocumentStore) -> None:
    assert DPRRetriever(store, "some/model")._get_telemetry_data() == {"model": "some/model"}
