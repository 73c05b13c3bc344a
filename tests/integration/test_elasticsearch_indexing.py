# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""`dpr-haystack index --elasticsearch`: only what is new is embedded, and what cannot be right is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from elasticsearch import Elasticsearch
from haystack import Document

from dpr_haystack import DPRDocumentEmbedder, create_elasticsearch_index
from dpr_haystack.backends.elasticsearch.creation import elasticsearch_store
from dpr_haystack.engines.elasticsearch.layout import IndexLayout, index_body
from dpr_haystack.errors import EncoderMismatch
from dpr_haystack.workflows.indexing import index_paths
from support.files import BEES, GLACIERS, TEA, VOLCANO
from support.indexing import Cli, Indexing, contents, passages_file, vectors_of

pytestmark = pytest.mark.integration

TEXTS = {"bees": BEES[0], "frisch": BEES[1], "glaciers": GLACIERS, "volcano": VOLCANO, "tea": TEA}
FLOAT32 = ("--dtype", "float32")


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return passages_file(tmp_path / "corpus.jsonl", TEXTS)


def meta_of(client: Elasticsearch, index: str) -> dict[str, Any]:
    (told,) = client.indices.get_mapping(index=index).values()
    found: dict[str, Any] = told["mappings"].get("_meta", {})
    return found


def record_of(model: Path) -> dict[str, str]:
    embedder = DPRDocumentEmbedder(str(model), progress_bar=False)
    embedder.warm_up()
    return embedder.identity.passage_record()


@pytest.mark.each_version
def test_search_and_evaluate_find_there_what_they_find_in_our_store(
    cli: Cli, indexing: Indexing, corpus: Path, client: Elasticsearch, tiny_models: tuple[Path, Path]
) -> None:
    assert indexing(corpus, *FLOAT32) == {"read": 5, "embedded": 5, "updated": 0, "unchanged": 0, "removed": 0}
    store = corpus.parent / "store"
    assert cli("index", corpus, "--store", store, "--model", tiny_models[0], *FLOAT32).code == 0
    places = ("--store", store), indexing.place
    for mode in ("dpr", "bm25"):
        mine, theirs = (
            json.loads(cli("search", "who dances on the comb?", *place, "--mode", mode, "--json", *FLOAT32).out)
            for place in places
        )
        assert mine
        assert [hit["id"] for hit in theirs] == [hit["id"] for hit in mine]
        assert [hit["content"] for hit in theirs] == [hit["content"] for hit in mine]
        if mode == "dpr":
            assert [hit["score"] for hit in theirs] == pytest.approx([hit["score"] for hit in mine], abs=1e-4)
    questions = corpus.parent / "questions.jsonl"
    asked = [{"question": text, "answers": ["none"], "passage_ids": [name]} for name, text in TEXTS.items()]
    questions.write_text("".join(json.dumps(each) + "\n" for each in asked))
    mine, theirs = (
        json.loads(cli("evaluate", *place, "--questions", questions, "--top-k", 1, 3, "--json", *FLOAT32).out)
        for place in places
    )
    assert set(mine["systems"]) == {"bm25", "dpr", "hybrid"}
    assert theirs == mine
    assert theirs["systems"]["bm25"]["gold"]["1"] == 100.0


@pytest.mark.each_version
def test_everything_is_there_with_its_vector_and_can_be_found(
    indexing: Indexing, corpus: Path, client: Elasticsearch, index: str, tiny_models: tuple[Path, Path]
) -> None:
    ran = indexing.ran(corpus, *FLOAT32)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.endswith(f"index {index} contains 5 passages\n")
    found = contents(client, index, refresh=False)
    assert {name: source["content"] for name, source in found.items()} == TEXTS
    assert {source["file"] for source in found.values()} == {str(corpus)}
    expected = vectors_of(TEXTS, tiny_models[0])
    for name, source in found.items():
        assert np.allclose(source["embedding"], expected[name], atol=1e-5), name


@pytest.mark.each_version
def test_only_what_is_new_or_changed_is_embedded(
    indexing: Indexing, corpus: Path, client: Elasticsearch, index: str, tiny_models: tuple[Path, Path]
) -> None:
    indexing(corpus, *FLOAT32)
    written = {name: hit["version"] for name, hit in versions(client, index).items()}
    assert indexing(corpus, *FLOAT32) == {"read": 5, "embedded": 0, "updated": 0, "unchanged": 5, "removed": 0}
    assert {name: hit["version"] for name, hit in versions(client, index).items()} == written, "it was written again"

    texts = TEXTS | {"tea": "Black tea is left to oxidize.", "salt": "Salt is mined in Hallstatt."}
    passages_file(corpus, texts)
    assert indexing(corpus, *FLOAT32) == {"read": 6, "embedded": 2, "updated": 0, "unchanged": 4, "removed": 0}
    found, expected = contents(client, index, refresh=False), vectors_of(texts, tiny_models[0])
    assert {name: source["content"] for name, source in found.items()} == texts
    assert all(np.allclose(found[name]["embedding"], expected[name], atol=1e-5) for name in texts)

    moved = corpus.rename(corpus.with_name("moved.jsonl"))
    assert indexing(moved, *FLOAT32) == {"read": 6, "embedded": 0, "updated": 6, "unchanged": 0, "removed": 0}
    again, old = contents(client, index, refresh=False), {"also_in": [{"file": str(corpus)}]}
    assert {name: {**source, "file": str(moved), **old} for name, source in found.items()} == again
    assert indexing(moved.parent, "--prune", *FLOAT32)["removed"] == 0
    again = contents(client, index, refresh=False)
    assert {name: {**source, "file": str(moved)} for name, source in found.items()} == again


@pytest.mark.each_version
def test_an_edited_file_replaces_what_no_other_file_contains(
    indexing: Indexing, tmp_path: Path, client: Elasticsearch, index: str, tiny_models: tuple[Path, Path]
) -> None:
    one, other = tmp_path / "one.md", tmp_path / "other.md"
    one.write_text("# A\n\n10 euros.\n\n# B\n\nIn both.\n")
    other.write_text("# B\n\nIn both.\n")
    assert indexing(one, other)["embedded"] == 2
    one.write_text("# A\n\n12 euros.\n")
    assert indexing(one) == {"read": 1, "embedded": 1, "updated": 0, "unchanged": 0, "removed": 1}
    found = {source["content"]: source for source in contents(client, index, refresh=False).values()}
    assert set(found) == {"12 euros.", "In both."}
    assert (found["In both."]["file"], found["In both."].get("also_in")) == (str(other), None)
    assert len(found["In both."]["embedding"]) == 32
    other.write_text("")
    indexing.ran(other)
    assert client.count(index=index)["count"] == 1


@pytest.mark.each_version
def test_vectors_that_a_server_does_not_give_back_are_made_again(
    indexing: Indexing, corpus: Path, client: Elasticsearch, index: str
) -> None:
    """A passage that moved may not lose its vector. Elasticsearch 9 gives it back from where searches read it."""
    body = index_body(IndexLayout(32))
    client.indices.create(
        index=index,
        settings=body["settings"],
        mappings={**body["mappings"], "_source": {"excludes": ["embedding"]}},
    )
    assert indexing(corpus)["embedded"] == 5
    assert indexing(corpus)["unchanged"] == 5
    moved = corpus.rename(corpus.with_name("moved.jsonl"))
    is_given_back = int(client.info()["version"]["number"].partition(".")[0]) >= 9
    embedded = 0 if is_given_back else 5
    assert indexing(moved) == {"read": 5, "embedded": embedded, "updated": 5, "unchanged": 0, "removed": 0}
    assert client.count(index=index, query={"exists": {"field": "embedding"}})["count"] == 5
    assert client.count(index=index, query={"term": {"file": str(moved)}})["count"] == 5


def versions(client: Elasticsearch, index: str) -> dict[str, Any]:
    hits = client.search(index=index, version=True, size=100)["hits"]["hits"]
    return {hit["_id"]: {"version": hit["_version"]} for hit in hits}


@pytest.mark.each_version
def test_what_is_in_metadata_comes_back_and_is_not_written_again(
    indexing: Indexing, tmp_path: Path, client: Elasticsearch, index: str
) -> None:
    """Also what a flat document could take for its own fields."""
    metas = [
        {"none": None, "empty": [], "nested": {"a": [{"b": None}, {"b": 1}]}, "float": 0.1, "date": "2020-01-01"},
        {"id": "x", "content": "y", "embedding": [1, 2], "score": 3, "blob": "z", "meta": "m"},
        {"dotted.name": 1, "when": "2020-01-01", "long": "ä" * 40_000, "numbers": [0.5] * 300},
        {"numbers": [0.25] * 200},
    ]
    rows = [{"id": str(number), "text": f"text {number}", "meta": meta} for number, meta in enumerate(metas)]
    file = tmp_path / "odd.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert indexing(file)["embedded"] == 4
    assert indexing(file) == {"read": 4, "embedded": 0, "updated": 0, "unchanged": 4, "removed": 0}


@pytest.mark.each_version
def test_pruning_takes_out_what_its_source_has_no_more(
    indexing: Indexing, tmp_path: Path, client: Elasticsearch, index: str
) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    for folder in (inside, outside):
        folder.mkdir()
    many = {f"many {number}": f"text {number}" for number in range(2_100)}  # more than one page of them
    kept = passages_file(inside / "kept.jsonl", {"kept": "stays"} | many)
    gone = passages_file(inside / "gone.jsonl", {"gone": "goes"})
    other = passages_file(outside / "other.jsonl", {"other": "was never under that folder"})
    client.index(index=index, id="foreign", document={"id": "foreign", "content": "somebody else's"})
    client.indices.delete(index=index)
    assert indexing(inside, other)["embedded"] == 2_103
    client.index(index=index, id="foreign", document={"id": "foreign", "content": "somebody else's"}, refresh=True)
    gone.unlink()
    passages_file(kept, {"kept": "stays"})
    assert indexing(inside)["removed"] == 2_100
    assert indexing(inside, "--prune") == {
        "read": 1,
        "embedded": 0,
        "updated": 0,
        "unchanged": 1,
        "removed": 1,
    }
    assert set(contents(client, index, refresh=False)) == {"kept", "other", "foreign"}
    ran = indexing.ran(tmp_path / "slip", "--prune")
    assert ran.code == 2
    assert "does not exist, and no passage came from there" in ran.err
    assert client.count(index=index)["count"] == 3


def test_everything_can_be_found_after_one_refresh(
    elasticsearch_url: str, corpus: Path, client: Elasticsearch, index: str, tiny_models: tuple[Path, Path]
) -> None:
    create_elasticsearch_index(elasticsearch_url, index, embedding_dim=32)
    client.indices.put_settings(index=index, settings={"index.refresh_interval": "-1"})
    passages_file(corpus, {str(number): f"text {number}" for number in range(1_500)})

    def refreshes() -> int:
        told = client.indices.stats(index=index, metric="refresh")["indices"][index]["primaries"]["refresh"]
        return int(told["external_total"])

    before, during = refreshes(), []
    embedder = DPRDocumentEmbedder(str(tiny_models[0]), progress_bar=False)
    store = elasticsearch_store([elasticsearch_url], index)
    index_paths([corpus], store, embedder, progress=lambda _: during.append(refreshes()))
    assert len(during) > 3
    assert set(during) == {during[0]}
    assert refreshes() == during[0] + 1 <= before + 2
    assert client.count(index=index)["count"] == 1_500


# --- whose vectors they are -------------------------------------------------------------------------------------------


def test_the_encoder_is_recorded_and_another_refused(
    elasticsearch_url: str,
    indexing: Indexing,
    corpus: Path,
    client: Elasticsearch,
    index: str,
    tiny_models: tuple[Path, Path],
) -> None:
    indexing(corpus)
    assert meta_of(client, index) == {"dpr_haystack": {"format": 1, "encoder": record_of(tiny_models[0])}}
    before = contents(client, index)
    passages_file(corpus, {"new": "This is new."})
    ran = indexing.ran(corpus, model=tiny_models[1])
    assert (ran.code, ran.out) == (2, "")
    assert len(ran.err.splitlines()) == 1
    assert f"index '{index}'" in ran.err
    assert str(tiny_models[0]) in ran.err
    assert str(tiny_models[1]) in ran.err
    store = elasticsearch_store([elasticsearch_url], index)
    with pytest.raises(EncoderMismatch):
        index_paths([corpus], store, DPRDocumentEmbedder(str(tiny_models[1]), progress_bar=False))
    assert contents(client, index) == before
    # who names none gets the recorded one
    assert indexing(corpus, model=None)["embedded"] == 1


@pytest.mark.each_version
@pytest.mark.parametrize("others", [{}, {"owner": "somebody", "dpr_haystack": {"format": 1, "note": "kept"}}])
def test_an_index_without_a_record_gets_one_and_keeps_what_others_noted(
    others: dict[str, Any],
    elasticsearch_url: str,
    cli: Cli,
    indexing: Indexing,
    corpus: Path,
    client: Elasticsearch,
    index: str,
    tiny_models: tuple[Path, Path],
) -> None:
    assert cli("es-init", elasticsearch_url, "--index", index, "--embedding-dim", 32).code == 0
    assert meta_of(client, index)["dpr_haystack"]["encoder"] is None
    if others:
        client.indices.put_mapping(index=index, meta=others)
    indexing(corpus)
    record = {"format": 1, "encoder": record_of(tiny_models[0])}
    assert meta_of(client, index) == {**others, "dpr_haystack": {**others.get("dpr_haystack", {}), **record}}
    assert indexing.ran(corpus, model=tiny_models[1]).code == 2


def test_an_index_that_was_made_for_an_encoder_refuses_another(
    elasticsearch_url: str, indexing: Indexing, corpus: Path, index: str, tiny_models: tuple[Path, Path]
) -> None:
    create_elasticsearch_index(elasticsearch_url, index, embedding_dim=32, encoder=record_of(tiny_models[1]))
    assert indexing.ran(corpus).code == 2
    assert indexing(corpus, model=tiny_models[1])["embedded"] == 5


def test_what_a_pipeline_has_written_says_itself_whose_it_is(
    elasticsearch_url: str,
    cli: Cli,
    indexing: Indexing,
    corpus: Path,
    client: Elasticsearch,
    index: str,
    tiny_models: tuple[Path, Path],
) -> None:
    """The official store keeps the mark of each document: search, retrievers and `index` know the encoder by it."""
    create_elasticsearch_index(elasticsearch_url, index, embedding_dim=32)
    store = elasticsearch_store([elasticsearch_url], index)
    documents = [Document(id=f"d{number}", content=f"Tambora erupted, part {number}.") for number in range(3)]
    first, second = (DPRDocumentEmbedder(str(model), progress_bar=False) for model in tiny_models)
    store.write_documents(first.run(documents)["documents"])
    client.indices.refresh(index=index)
    place = ("--elasticsearch", elasticsearch_url, "--index", index)
    ran = cli("search", "When did Tambora erupt?", *place)
    assert (ran.code, ran.err) == (0, "")
    assert "dpr_encoder" not in ran.out
    assert cli("search", "Tambora", *place, "--question-model", tiny_models[1]).code == 2
    refused = indexing.ran(corpus, model=tiny_models[1])
    assert refused.code == 2
    assert f"the 3 vectors in index '{index}' were made by {tiny_models[0]}" in refused.err

    plain = [replace(each, id=f"p{each.id}", meta={}) for each in first.run(documents)["documents"]]
    store.write_documents(plain[:2])
    store.write_documents(second.run([Document(id="other", content="of another encoder")])["documents"])
    client.indices.refresh(index=index)
    ran = indexing.ran(corpus)
    assert ran.code == 2
    assert "of the 6 vectors" in ran.err
    assert "3 were made by" in ran.err
    assert "nothing says so of the other 3" in ran.err
    store.delete_documents([*(each.id for each in plain), "other"])
    client.indices.refresh(index=index)
    assert indexing(corpus, model=None)["embedded"] == 5
    assert meta_of(client, index)["dpr_haystack"]["encoder"] == record_of(tiny_models[0])
    assert indexing(corpus)["unchanged"] == 5


def test_an_index_for_other_vectors_is_refused_with_both_numbers(
    elasticsearch_url: str, indexing: Indexing, corpus: Path, client: Elasticsearch, index: str
) -> None:
    create_elasticsearch_index(elasticsearch_url, index, embedding_dim=48)
    ran = indexing.ran(corpus)
    assert (ran.code, ran.out) == (2, "")
    assert f"index '{index}' have dimension 48, those of this model 32" in ran.err
    assert meta_of(client, index)["dpr_haystack"]["encoder"] is None
    assert client.count(index=index)["count"] == 0


def test_an_index_without_vectors_is_refused(
    indexing: Indexing, corpus: Path, client: Elasticsearch, index: str
) -> None:
    client.indices.create(index=index, mappings={"properties": {"content": {"type": "text"}}})
    ran = indexing.ran(corpus)
    assert (ran.code, ran.out) == (2, "")
    assert f"index '{index}' has no searchable vectors" in ran.err
    assert "es-init" in ran.err
    assert client.count(index=index)["count"] == 0


def test_a_language_that_the_index_has_not_is_refused(
    indexing: Indexing, corpus: Path, client: Elasticsearch, index: str
) -> None:
    indexing(corpus, "--language", "german")
    (told,) = client.indices.get_mapping(index=index).values()
    assert told["mappings"]["properties"]["content"]["analyzer"] == "german"
    passages_file(corpus, {"new": "Das ist neu."})
    ran = indexing.ran(corpus, "--language", "english")
    assert ran.code == 2
    assert "has the language 'german', not 'english'" in ran.err
    assert indexing(corpus)["embedded"] == 1


@pytest.mark.each_version
def test_a_name_for_several_indices_is_refused_unless_one_is_to_be_written_to(
    elasticsearch_url: str, indexing: Indexing, corpus: Path, client: Elasticsearch, index: str
) -> None:
    names = [f"{index}-1", f"{index}-2"]
    try:
        for name in names:
            create_elasticsearch_index(elasticsearch_url, name, embedding_dim=32)
            client.indices.put_alias(index=name, name=f"{index}-both")
        for place in (f"{index}-both", f"{index}-*"):
            ran = indexing.ran(corpus, index=place)
            assert (ran.code, ran.out) == (2, "")
            assert f"stands for several indices ({', '.join(names)})" in ran.err
        assert [meta_of(client, name)["dpr_haystack"]["encoder"] for name in names] == [None, None]
        client.indices.put_alias(index=names[1], name=f"{index}-both", is_write_index=True)
        assert indexing(corpus, index=f"{index}-both")["embedded"] == 5
        assert [client.count(index=name)["count"] for name in names] == [0, 5]
        assert indexing(corpus, index=f"{index}-both")["unchanged"] == 5
    finally:
        client.options(ignore_status=404).indices.delete(index=names)
