# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""ElasticsearchBM25Retriever on a real server: what is searched, filtered and returned."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from elasticsearch import Elasticsearch
from haystack import Document, Pipeline
from haystack.document_stores.errors import DocumentStoreError
from haystack.errors import FilterError
from haystack_integrations.components.retrievers.elasticsearch import ElasticsearchBM25Retriever as Official

from dpr_haystack import ElasticsearchBM25Retriever, create_elasticsearch_index
from dpr_haystack.errors import InputError

pytestmark = pytest.mark.integration

DOCUMENTS = [
    Document(
        id="ulm",
        content="Einstein was born in Ulm, a city on the Danube.",
        meta={"title": "Albert Einstein", "tenant": "a", "year": 1879},
        embedding=[1.0, 2.0, 3.0, 4.0],
    ),
    Document(
        id="warsaw",
        content="Curie was born in Warsaw and discovered polonium.",
        meta={"title": "Marie Curie", "tenant": "b", "year": 1867, "note": "danube"},
        embedding=[4.0, 3.0, 2.0, 1.0],
    ),
    Document(id="danube", content="A river: it flows through cities.", meta={"title": "Danube", "tenant": "b"}),
    Document(
        id="c", content='C++ and C# are languages; a/b AND (NOT c) title:x* \\ "quoted" ~2 ^3 café 日本語 😀 emoji'
    ),
]


@pytest.fixture
def store(elasticsearch_url: str, index: str, store_of: Callable[..., Any]) -> Any:
    create_elasticsearch_index(elasticsearch_url, index, embedding_dim=4)
    store = store_of(index)
    store.write_documents(DOCUMENTS, refresh=True)
    return store


@pytest.fixture
def retriever_of(store: Any) -> Iterator[Callable[..., ElasticsearchBM25Retriever]]:
    made: list[ElasticsearchBM25Retriever] = []

    def make(**settings: Any) -> ElasticsearchBM25Retriever:
        made.append(ElasticsearchBM25Retriever(**{"document_store": store} | settings))
        return made[-1]

    yield make
    for each in made:
        each.close()


Make = Callable[..., ElasticsearchBM25Retriever]


def ids(retriever: ElasticsearchBM25Retriever, *arguments: Any, **named: Any) -> list[str]:
    return [each.id for each in retriever.run(*arguments, **named)["documents"]]


@pytest.mark.each_version
def test_contents_and_titles_are_searched_by_stems_and_nothing_else(retriever_of: Make) -> None:
    retriever = retriever_of()
    assert ids(retriever, "Danube") == ["ulm", "danube"]  # not the note; a content counts more than a title
    assert ids(retriever, "flowing cities") == ["danube", "ulm"]
    assert ids(retriever, "Polonum") == []
    assert ids(retriever, "the of in") == []
    assert ids(retriever_of(fields=["content"]), "Danube") == ["ulm"]
    assert ids(retriever_of(fields=["content", "title^30"]), "Danube") == ["danube", "ulm"]
    assert ids(retriever_of(fields={"title.text": 1}), "Danube") == ["danube"]
    assert ids(retriever_of(fields=["note"]), "danube") == ["warsaw"]
    assert ids(retriever_of(fields=["n*"]), "danube") == ["warsaw"]


@pytest.mark.each_version
def test_documents_come_back_whole_but_for_their_vectors(retriever_of: Make) -> None:
    found = retriever_of().run("Ulm")["documents"][0]
    assert (found.id, found.content, found.meta, found.embedding) == (
        *("ulm", DOCUMENTS[0].content, DOCUMENTS[0].meta, None),
    )
    assert found.score is not None
    assert found.score > 0


@pytest.mark.each_version
def test_an_explicit_fuzziness_applies(retriever_of: Make) -> None:
    assert ids(retriever_of(fuzziness="AUTO"), "Polonum") == ["warsaw"]
    assert ids(retriever_of(fuzziness=1), "Polonum") == ["warsaw"]
    assert ids(retriever_of(fuzziness=0), "Polonum") == []


@pytest.mark.each_version
def test_operator_and_minimum_should_match(retriever_of: Make) -> None:
    assert ids(retriever_of(), "born Danube Ulm", top_k=1) == ["ulm"]
    assert ids(retriever_of(operator="AND"), "born Danube") == ["ulm"]
    assert set(ids(retriever_of(minimum_should_match=2), "born Danube polonium")) == {"warsaw", "ulm"}
    assert ids(retriever_of(minimum_should_match="100%"), "born Danube polonium") == []


def test_top_k(retriever_of: Make) -> None:
    retriever = retriever_of(top_k=1)
    assert len(ids(retriever, "born in Ulm or Warsaw")) == 1
    assert len(ids(retriever, "born in Ulm or Warsaw", top_k=2)) == 2
    assert ids(retriever, "born", top_k=0) == []
    for wrong in (-1, 1.5, True):
        with pytest.raises(InputError, match="top_k must be an integer"):
            retriever.run("born", top_k=wrong)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="10000"):
        retriever.run("born", top_k=10_001)


TENANT_A = {"field": "meta.tenant", "operator": "==", "value": "a"}
TENANT_B = {"field": "meta.tenant", "operator": "==", "value": "b"}
ANY_TENANT = {"operator": "OR", "conditions": [TENANT_A, TENANT_B]}


@pytest.mark.each_version
def test_filters_and_their_policies(retriever_of: Make) -> None:
    question = "born Danube flows"
    retriever = retriever_of(filters=TENANT_B)
    assert set(ids(retriever, question)) == {"warsaw", "danube"}
    assert set(ids(retriever, question, TENANT_A)) == {"ulm"}
    merging = retriever_of(filters=TENANT_B, filter_policy="merge")
    for filters in (ANY_TENANT, {"operator": "NOT", "conditions": [TENANT_B]}, TENANT_A, {}, None):
        assert "ulm" not in ids(merging, question, filters)
    assert set(ids(merging, question, ANY_TENANT)) == {"warsaw", "danube"}
    assert ids(merging, question, {"field": "meta.year", "operator": "<", "value": 1900}) == ["warsaw"]
    for wrong in ({"operator": "AND"}, {"field": "x", "operator": "?", "value": 1}, {"field": "x", "value": 1}):
        with pytest.raises(FilterError):
            retriever.run(question, wrong)
        with pytest.raises(FilterError):
            retriever.run(question, wrong, top_k=0)
    assert not issubclass(FilterError, DocumentStoreError)


SPECIAL = [
    "C++",
    "AND",
    "a/b",
    "(NOT",
    "title:x*",
    "\\",
    '"quoted"',
    "~2",
    "^3",
    "café",
    "日本語",
    "😀 emoji",
    "emoji\ud800",
    "\x00emoji",
]


@pytest.mark.parametrize(
    "text", [*SPECIAL, " ".join(SPECIAL), "content: ulm OR", "*", "/.*/", "{", "[1 TO 5}", "&&||!"]
)
def test_no_character_has_a_meaning_of_its_own(text: str, retriever_of: Make) -> None:
    found = ids(retriever_of(), text)
    assert found in ([], ["c"], ["ulm"])
    assert found == ["c"] or text not in ("C++", "café", "日本語", "😀 emoji", "emoji\ud800", "\x00emoji")
    assert (found == ["ulm"]) == (text == "content: ulm OR")


@pytest.mark.parametrize("text", ["", " ", "\n\t"])
def test_an_empty_question_is_refused(text: str, retriever_of: Make) -> None:
    retriever = retriever_of()
    for ask in (
        retriever.run,
        lambda text: asyncio.run(retriever.run_async(text)),
        lambda text: retriever.retrieve([text]),
    ):
        with pytest.raises(InputError, match="the question is empty"):
            ask(text)
    with pytest.raises(InputError, match="a question must be a string: got int"):
        retriever.run(3)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="list of questions"):
        retriever.retrieve(text)


@pytest.mark.each_version
def test_ten_thousand_words_are_cut_to_the_rarest(retriever_of: Make, store: Any) -> None:
    """The words before and behind are in every document; those in the middle, in one each, must be searched."""
    common = [f"common{number}" for number in range(500)]
    store.write_documents([Document(id=f"n{number}", content=" ".join(common)) for number in range(3)], refresh=True)
    rare = "😀 polonium Danubes"
    question = " ".join([*common * 10, rare, *(f"unknown{number}" for number in range(5_000))])
    assert len(question.split()) > 10_000
    found = retriever_of(top_k=100).run(question)["documents"]
    assert {each.id for each in found} == {"warsaw", "ulm", "danube", "c", "n0", "n1", "n2"}
    alone = {each.id: each.score for each in retriever_of().run(rare)["documents"]}
    scores = {each.id: each.score for each in found}
    assert {name: scores[name] for name in alone} == pytest.approx(alone)
    by_words = retriever_of(fields=["conten*"]).run(" ".join(["polonium", *common * 40, "Ulm"]))["documents"]
    assert {each.id for each in by_words} == {"warsaw", "n0", "n1", "n2"}  # where words cannot be counted: the first
    assert set(ids(retriever_of(), "日本語 " * 5_000)) == {"c"}


def test_many_questions_give_what_each_alone_gives(retriever_of: Make) -> None:
    retriever = retriever_of(top_k=2)
    questions = ["Danube", "who was born in Warsaw?", "nothing at all xyzzy", "C# language", "Danube " * 300] * 40
    alone = {each: retriever.run(each)["documents"] for each in set(questions)}
    together = retriever.retrieve(questions)
    assert [[(each.id, each.score) for each in row] for row in together] == [
        [(each.id, each.score) for each in alone[question]] for question in questions
    ]
    assert retriever.retrieve([]) == []
    assert retriever.retrieve(["Danube", "Ulm"], top_k=0) == [[], []]
    assert [[each.id for each in row] for row in retriever.retrieve(["born", "Danube"], TENANT_A)] == [["ulm"], ["ulm"]]


@pytest.mark.each_version
def test_run_async_gives_what_run_gives_from_any_loop(retriever_of: Make) -> None:
    retriever = retriever_of()
    expected = retriever.run("born Danube", TENANT_B, 5)["documents"]

    async def several() -> list[Any]:
        found = await asyncio.gather(*(retriever.run_async("born Danube", TENANT_B, 5) for _ in range(5)))
        await retriever.close_async()
        again = await retriever.run_async("born Danube", TENANT_B, 5)
        await retriever.close_async()
        return [*found, again]

    for _ in range(2):
        for result in asyncio.run(several()):
            assert [(each.id, each.score) for each in result["documents"]] == [
                (each.id, each.score) for each in expected
            ]


# Who lets a loop end without close_async leaves its sockets to the garbage collector, which says so.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_event_loop_that_is_gone_takes_nothing_with_it(retriever_of: Make) -> None:
    retriever = retriever_of()
    for _ in range(3):
        found = asyncio.run(retriever.run_async("polonium"))["documents"]
        assert [each.id for each in found] == ["warsaw"]
    asyncio.run(retriever.close_async())
    gc.collect()


def test_an_async_pipeline_closes_what_it_opened(store: Any) -> None:
    pipeline = Pipeline()
    pipeline.add_component("bm25", ElasticsearchBM25Retriever(document_store=store))

    async def once() -> Any:
        result = await pipeline.run_async({"bm25": {"query": "Danube"}})
        await pipeline.close_async()
        return result

    assert [each.id for each in asyncio.run(once())["bm25"]["documents"]] == ["ulm", "danube"]


@pytest.mark.each_version
def test_highlights_on_request(retriever_of: Make) -> None:
    found = retriever_of(highlight=True).run("Danube city")["documents"]
    assert [each.id for each in found] == ["ulm", "danube"]
    assert found[0].meta["highlights"] == {
        "content": ["Einstein was born in Ulm, a <em>city</em> on the <em>Danube</em>."]
    }
    assert found[1].meta["highlights"] == {
        "content": ["A river: it flows through <em>cities</em>."],
        "title.text": ["<em>Danube</em>"],
    }
    assert "highlights" not in retriever_of().run("Danube")["documents"][0].meta


@pytest.mark.each_version
def test_over_the_default_index_of_the_official_store_contents_are_searched(
    index: str, store_of: Callable[..., Any]
) -> None:
    store = store_of(index)
    store.write_documents(DOCUMENTS, refresh=True)
    retriever = ElasticsearchBM25Retriever(document_store=store)
    assert ids(retriever, "Danube") == ["ulm"]
    assert ids(retriever, "Danubes") == []
    assert {each.id for each in Official(document_store=store).run("danube")["documents"]} > {"ulm"}
    retriever.close()


def test_after_close_it_opens_again(retriever_of: Make) -> None:
    retriever = retriever_of()
    for _ in range(2):
        assert ids(retriever, "polonium") == ["warsaw"]
        retriever.close()


def test_one_request_for_many_questions(retriever_of: Make, caplog: pytest.LogCaptureFixture) -> None:
    retriever = retriever_of()
    retriever.run("Danube")
    with caplog.at_level(logging.INFO, "elastic_transport.transport"):
        caplog.clear()
        retriever.retrieve(["Danube"] * 64)
        assert [each.getMessage().split("?")[0].rsplit("/", 1)[1] for each in caplog.records] == ["_msearch"]
        caplog.clear()
        retriever.retrieve(["Danube"] * 130)
        assert len(caplog.records) == 3


@pytest.mark.each_version
def test_no_vector_leaves_the_server(retriever_of: Make, client: Elasticsearch, index: str) -> None:
    from dpr_haystack.engines.elasticsearch.bodies import KeywordSearch, search_body

    body = search_body("Ulm", KeywordSearch(), ["content"], [], 5)
    sources = [each["_source"] for each in client.search(index=index, body=body)["hits"]["hits"]]
    assert sources
    assert all("embedding" not in each for each in sources)
    vector = [{"field": "embedding"}]
    (there,) = client.search(index=index, query={"ids": {"values": ["ulm"]}}, fields=vector)["hits"]["hits"]
    assert there["fields"]["embedding"]
