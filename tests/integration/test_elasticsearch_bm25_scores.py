# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The scores of a real server are those of the formula, for given k1, b and boosts, over one shard and several."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import pytest
from haystack import Document

from dpr_haystack import ElasticsearchBM25Retriever, create_elasticsearch_index
from support.lucene import bm25, stored_length

pytestmark = pytest.mark.integration

LENGTHS = [1, 2, 3, 5, 8, 13, 24, 39, 40, 41, 42, 43, 55, 56, 57, 88, 89, 120, 151, 250, 400, 513]


def corpus(seed: int) -> tuple[list[list[str]], list[list[str]]]:
    """Contents and titles of words that no analyzer changes, rare and frequent ones; two have no title."""
    chance = random.Random(seed)
    words = [f"w{number}x" for number in range(60)]
    weights = [1 / (1 + number) for number in range(60)]
    contents = [chance.choices(words, weights, k=length) for length in LENGTHS]
    titles = [chance.choices(words, weights, k=1 + number % 5) for number in range(len(LENGTHS) - 2)] + [[], []]
    return contents, titles


@pytest.fixture
def filled(elasticsearch_url: str, index: str, store_of: Callable[..., Any]) -> Callable[..., Any]:
    def fill(contents: list[list[str]], titles: list[list[str]], **settings: Any) -> Any:
        create_elasticsearch_index(elasticsearch_url, index, embedding_dim=4, **settings)
        store = store_of(index)
        store.write_documents(
            [
                Document(id=str(number), content=" ".join(content), meta={"title": " ".join(title)} if title else {})
                for number, (content, title) in enumerate(zip(contents, titles, strict=True))
            ],
            refresh=True,
        )
        return store

    return fill


def scores_in_order(found: list[Document]) -> dict[str, float]:
    """The scores of what was found, by id; they fall."""
    scores = {each.id: each.score or 0.0 for each in found}
    assert list(scores.values()) == sorted(scores.values(), reverse=True)
    return scores


def above_zero(expected: list[float]) -> Any:
    """The expected scores of the documents that are to be found, by id."""
    return pytest.approx({str(number): score for number, score in enumerate(expected) if score > 0}, abs=1e-4)


@pytest.mark.each_version
@pytest.mark.parametrize(("k1", "b", "boost"), [(0.9, 0.4, 0.3), (1.2, 0.75, 1.0), (0.0, 0.0, 2.5), (2.0, 1.0, 0.0)])
def test_scores_are_those_of_the_formula(filled: Callable[..., Any], k1: float, b: float, boost: float) -> None:
    contents, titles = corpus(7)
    store = filled(contents, titles, k1=k1, b=b)
    given: dict[str, Any] = {} if boost == 0.3 else {"fields": {"content": 1.0, "title": boost}}
    retriever = ElasticsearchBM25Retriever(document_store=store, top_k=100, **given)
    only_contents = ElasticsearchBM25Retriever(document_store=store, top_k=100, fields=["content^2"])
    for question in (["w0x"], ["w1x", "w30x", "w59x"], ["w2x", "w2x", "w5x"], [f"w{n}x" for n in range(60)]):
        content, title = bm25(question, contents, k1, b), bm25(question, titles, k1, b)
        text = " ".join(question)
        if boost:
            both = [one + boost * two for one, two in zip(content, title, strict=True)]
            assert scores_in_order(retriever.run(text)["documents"]) == above_zero(both)
        doubled = above_zero([2 * one for one in content])
        assert scores_in_order(only_contents.run(text)["documents"]) == doubled
    retriever.close()
    only_contents.close()


@pytest.mark.each_version
def test_several_shards_score_as_one_when_asked_to(filled: Callable[..., Any]) -> None:
    contents, titles = corpus(8)
    store = filled(contents, titles, shards=3)
    question = ["w1x", "w7x", "w20x"]
    expected = [
        one + 0.3 * two
        for one, two in zip(bm25(question, contents, 0.9, 0.4), bm25(question, titles, 0.9, 0.4), strict=True)
    ]
    retriever = ElasticsearchBM25Retriever(document_store=store, top_k=100, search_type="dfs_query_then_fetch")
    assert scores_in_order(retriever.run(" ".join(question))["documents"]) == above_zero(expected)
    each_by_itself = ElasticsearchBM25Retriever(document_store=store, top_k=100)
    found = {each.id: each.score or 0.0 for each in each_by_itself.run(" ".join(question))["documents"]}
    assert set(found) == {str(number) for number, score in enumerate(expected) if score > 0}
    assert any(abs(score - expected[int(name)]) > 0.01 for name, score in found.items())
    retriever.close()
    each_by_itself.close()


def test_scaled_scores_are_those_of_the_official_retriever(filled: Callable[..., Any]) -> None:
    from haystack_integrations.components.retrievers.elasticsearch import ElasticsearchBM25Retriever as Official

    contents, titles = corpus(9)
    store = filled(contents, titles)
    ours = ElasticsearchBM25Retriever(document_store=store, fields=["content"], scale_score=True)
    plain = ElasticsearchBM25Retriever(document_store=store, fields=["content"])
    official = Official(document_store=store, fuzziness="0", scale_score=True)
    store.write_documents([Document(id="only", content="unheard")], refresh=True)
    for question in ("unheard", "w1x w3x"):
        found, raw = (each.run(question)["documents"] for each in (ours, plain))
        scaled = [1 / (1 + math.exp(-(each.score or 0.0) / 8)) for each in raw]
        assert [each.score for each in found] == pytest.approx(scaled)
    theirs = official.run("unheard")["documents"]
    assert [(each.id, each.score) for each in theirs] == [
        (each.id, pytest.approx(each.score)) for each in ours.run("unheard")["documents"]
    ]
    ours.close()
    plain.close()


def test_lengths_are_rounded_as_documented() -> None:
    assert [stored_length(each) for each in (1, 23, 24, 39, 40, 41, 42, 43, 54, 55, 56, 57, 59, 60)] == [
        *(1, 23, 24, 39, 40, 40, 42, 42, 54, 54, 56, 56, 56, 60),
    ]
