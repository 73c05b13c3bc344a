# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
import asyncio
import itertools
import math
import subprocess
import sys
import time
from copy import deepcopy
from typing import Any

import pytest
from haystack import Document, Pipeline, component
from haystack.components.routers import ConditionalRouter
from haystack.core.component import Component

from dpr_haystack import HybridJoiner
from dpr_haystack.errors import InputError


def docs(**scores: float | None) -> list[Document]:
    return [Document(id=id_, content=f"text {id_}", score=score) for id_, score in scores.items()]


BM25 = docs(a=30.0, b=20.0, c=15.0, d=10.0)
DENSE = docs(b=80.0, e=78.0, c=70.0)


def ranking(documents: list[Document]) -> list[tuple[str, float | None]]:
    return [(document.id, document.score) for document in documents]


@component
class Retriever:
    """Returns its documents after a delay, with run and run_async."""

    def __init__(self, documents: list[Document], delay: float = 0.0):
        self.documents = documents
        self.delay = delay

    @component.output_types(documents=list[Document])
    def run(self, query: str):
        time.sleep(self.delay)
        return {"documents": self.documents}

    @component.output_types(documents=list[Document])
    async def run_async(self, query: str):
        await asyncio.sleep(self.delay)
        return {"documents": self.documents}


def hybrid(joiner: Component, delays: tuple[float, float], order: tuple[str, str]) -> Pipeline:
    """Two retrievers into a joiner, added and connected in the given order."""
    pipeline = Pipeline()
    retrievers = {"bm25": Retriever(BM25, delays[0]), "dpr": Retriever(DENSE, delays[1])}
    for name in order:
        pipeline.add_component(name, retrievers[name])
    pipeline.add_component("joiner", joiner)
    for name in order:
        pipeline.connect(f"{name}.documents", f"joiner.{name}")
    return pipeline


QUESTION = {"bm25": {"query": "?"}, "dpr": {"query": "?"}}
WEIGHTED = [("b", 0.1 / 2 + 0.9), ("e", 0.9 * 0.8), ("a", 0.1), ("c", 0.1 / 4), ("d", 0.0)]


def assert_weighted(documents: list[Document]) -> None:
    assert [document.id for document in documents] == [id_ for id_, _ in WEIGHTED]
    assert [document.score for document in documents] == pytest.approx([score for _, score in WEIGHTED])


@pytest.mark.parametrize("order", [("bm25", "dpr"), ("dpr", "bm25")])
@pytest.mark.parametrize("delays", [(0.1, 0.0), (0.0, 0.1)])
def test_weights_follow_names_in_a_pipeline_sync_and_async(order, delays):
    joiner = HybridJoiner({name: {"bm25": 0.1, "dpr": 0.9}[name] for name in order})
    pipeline = hybrid(joiner, delays, order)
    assert_weighted(pipeline.run(QUESTION)["joiner"]["documents"])
    assert_weighted(asyncio.run(pipeline.run_async(QUESTION))["joiner"]["documents"])


def test_top_k_reaches_the_joiner_through_a_pipeline():
    pipeline = hybrid(HybridJoiner(), (0, 0), ("bm25", "dpr"))
    assert len(pipeline.run({**QUESTION, "joiner": {"top_k": 2}})["joiner"]["documents"]) == 2


def test_three_sources_under_any_names():
    joiner = HybridJoiner({"title": 1.0, "text": 1.0, "vectors": 2.0}, fusion="rrf", rrf_k=1)
    documents = joiner.run(title=docs(a=2.0), text=docs(b=3.0, a=1.0), vectors=docs(b=9.0))["documents"]
    assert ranking(documents) == [("b", 1 / 2 + 2 / 2), ("a", pytest.approx(1 / 2 + 1 / 3))]


@pytest.mark.parametrize("lists", [{"bm25": BM25}, {"bm25": BM25, "dpr": []}, {"bm25": BM25, "dpr": None}])
def test_missing_and_empty_inputs_are_accepted(lists):
    assert [document.id for document in HybridJoiner().run(**lists)["documents"]] == ["a", "b", "c", "d"]


def test_an_input_that_nothing_is_connected_to_is_accepted_in_a_pipeline():
    pipeline = Pipeline()
    pipeline.add_component("bm25", Retriever(BM25))
    pipeline.add_component("joiner", HybridJoiner())
    pipeline.connect("bm25.documents", "joiner.bm25")
    assert len(pipeline.run({"bm25": {"query": "?"}})["joiner"]["documents"]) == 4
    assert HybridJoiner().run() == {"documents": []}


def test_two_senders_to_one_input_are_one_list():
    pipeline = Pipeline()
    pipeline.add_component("one", Retriever(docs(a=3.0, b=1.0)))
    pipeline.add_component("two", Retriever(docs(c=2.0, b=3.0)))
    pipeline.add_component("joiner", HybridJoiner({"bm25": 1.0}))
    pipeline.connect("one.documents", "joiner.bm25")
    pipeline.connect("two.documents", "joiner.bm25")
    documents = pipeline.run({"one": {"query": "?"}, "two": {"query": "?"}})["joiner"]["documents"]
    assert ranking(documents) == [("a", 1.0), ("b", 1.0), ("c", 0.0)]


def test_documents_without_a_score_rank_last_and_a_list_without_scores_adds_nothing():
    some = HybridJoiner().run(bm25=docs(a=None, b=2.0, c=math.nan, d=1.0))["documents"]
    assert ranking(some) == [("b", 1.0), ("d", 0.0), ("a", 0.0), ("c", 0.0)]
    none = HybridJoiner().run(bm25=docs(x=None, c=None), dpr=DENSE)["documents"]
    assert [document.id for document in none] == ["b", "e", "c", "x"]


# ---- which copy is returned

RICH = Document(id="a", content="text", meta={"title": "T", "page": 3}, embedding=[1.0, 2.0], score=1.0)
PLAIN = Document(id="a", content="text", meta={"title": "t"}, score=7.0)


@pytest.mark.parametrize("names", [("bm25", "dpr"), ("dpr", "bm25")])
def test_the_most_complete_copy_is_kept_and_supplemented_by_the_others(names):
    bare = Document(id="a", content=None, meta={"title": "x", "file": "f", "page": 9, "line": 2}, score=7.0)
    (document,) = HybridJoiner().run(**dict(zip(names, ([RICH], [bare]), strict=True)))["documents"]
    assert document.embedding == [1.0, 2.0]
    assert document.content == "text"
    assert document.meta == {"title": "T", "page": 3, "file": "f", "line": 2}


def test_a_field_that_only_a_less_complete_copy_has_is_kept():
    vector_only = Document(id="a", content=None, embedding=[5.0], score=1.0)
    with_meta = Document(id="a", content="text", meta={"title": "T"}, score=1.0)
    (document,) = HybridJoiner().run(bm25=[with_meta], dpr=[vector_only])["documents"]
    assert (document.content, document.embedding, document.meta) == ("text", [5.0], {"title": "T"})


def test_the_choice_between_equally_complete_copies_is_deterministic():
    def copy(title: str, score: float) -> Document:
        return Document(id="a", content="text", meta={"title": title}, score=score)

    copies = [copy("z", 1.0), copy("y", 2.0), copy("x", 1.0), copy("z", 3.0)]
    for order in itertools.permutations(copies):
        for split in range(len(order) + 1):
            lists: dict[str, Any] = {"bm25": list(order[:split]), "dpr": list(order[split:])}
            forward = HybridJoiner().run(**lists)["documents"]
            backward = HybridJoiner().run(**{name: lists[name][::-1] for name in ("dpr", "bm25")})["documents"]
            assert forward == backward


@pytest.mark.parametrize("explain", [True, False])
def test_inputs_are_not_modified(explain):
    lists: dict[str, Any] = {"bm25": [PLAIN, *docs(b=1.0)], "dpr": [RICH]}
    before = deepcopy(lists)
    documents = HybridJoiner(explain=explain).run(**lists)["documents"]
    documents[0].meta["title"] = "changed"
    documents[1].meta["title"] = "changed"
    assert lists == before


def test_explanation():
    joiner = HybridJoiner({"bm25": 1.0, "dpr": 2.0}, explain=True)
    first, second = joiner.run(bm25=BM25, dpr=DENSE, top_k=2)["documents"]
    assert first.meta["hybrid"] == {
        "bm25": {"score": 20.0, "rank": 2, "part": 0.5},
        "dpr": {"score": 80.0, "rank": 1, "part": 2.0},
    }
    assert second.meta["hybrid"]["bm25"] == {"score": None, "rank": None, "part": 0.0}
    assert sum(contribution["part"] for contribution in second.meta["hybrid"].values()) == second.score
    assert "hybrid" not in HybridJoiner().run(bm25=BM25)["documents"][0].meta


# ---- parameters


@pytest.mark.parametrize(
    ("default", "top_k", "count"), [(None, None, 5), (2, None, 2), (2, 4, 4), (2, 0, 0), (None, 9, 5)]
)
def test_top_k(default, top_k, count):
    assert len(HybridJoiner(top_k=default).run(top_k=top_k, bm25=BM25, dpr=DENSE)["documents"]) == count


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"top_k": 0}, "top_k must be an integer of at least 1: got 0"),
        ({"top_k": 2.5}, "top_k must be an integer of at least 1: got 2.5"),
        ({"top_k": -1}, "got -1"),
        ({"fusion": "max"}, "got 'max'"),
        ({"normalization": "softmax"}, "got 'softmax'"),
        ({"missing": "?"}, "missing must be one of"),
        ({"weights": {"top_k": 1.0}}, "a name in weights must be an identifier other than self and top_k: got 'top_k'"),
        ({"weights": {"self": 1.0}}, "other than self and top_k: got 'self'"),
        ({"weights": {"my list": 1.0}}, "must be an identifier .* got 'my list'"),
        ({"weights": {"lambda": 1.0}}, "must be an identifier .* got 'lambda'"),
        ({"weights": {1: 1.0}}, "must be an identifier .* got 1"),
        ({"weights": {"bm25": -1.0}}, "got -1.0"),
        ({"weights": {}}, "at least one weight"),
    ],
)
def test_invalid_constructor_arguments_are_refused(arguments, words):
    with pytest.raises(InputError, match=words):
        HybridJoiner(**arguments)


def test_invalid_run_arguments_are_refused():
    wrong: Any
    for wrong in (-1, 2.5, True, "3"):
        with pytest.raises(InputError, match=f"top_k must be an integer of at least 0: got {wrong!r}"):
            HybridJoiner().run(top_k=wrong, bm25=BM25)
        with pytest.raises(InputError, match="top_k must be an integer of at least 1"):
            HybridJoiner(top_k=wrong)
    with pytest.raises(InputError, match=r"lists of documents are given by name, as in run\(bm25=...\): got a list"):
        HybridJoiner().run([BM25])  # type: ignore[arg-type]
    with pytest.raises(InputError, match="unknown input 'sparse'; known: bm25, dpr"):
        HybridJoiner().run(sparse=BM25)
    for wrong, kind in (("text", "str"), (BM25[0], "Document"), ([BM25], "a list with list"), ({"a": 1}, "dict")):
        with pytest.raises(InputError, match=f"'dpr' must be a list of Documents: got {kind}"):
            HybridJoiner().run(dpr=wrong)


def test_documents_given_as_dictionaries_are_documents():
    assert HybridJoiner().run(bm25=[each.to_dict() for each in BM25], dpr=DENSE) == HybridJoiner().run(
        bm25=BM25, dpr=DENSE
    )
    for wrong in ({"content": 3}, {"id": 5}, {"content": "x", "score": "high"}, {"meta": "x"}):
        with pytest.raises(InputError, match="the input 'bm25' has a dictionary that is not a document"):
            HybridJoiner().run(bm25=[wrong])


def test_weights_are_not_shared():
    one, two = HybridJoiner(), HybridJoiner()
    assert one.weights is not None
    one.weights["bm25"] = 9.0
    assert two.weights == HybridJoiner().weights == {"bm25": 1.0, "dpr": 1.0}
    weights = {"x": 1.0}
    joiner = HybridJoiner(weights)
    weights["x"] = 5.0
    assert joiner.weights == {"x": 1.0}


# ---- YAML

OPTIONS: dict[str, Any] = {
    "weights": {"sparse": 0.4, "dense": 1.1},
    "fusion": "dbsf",
    "normalization": "zscore",
    "missing": "min",
    "rrf_k": 10,
    "top_k": 3,
    "explain": True,
    "lower_is_better": ["dense"],
    "model": None,
}


def test_yaml_round_trip():
    pipeline = Pipeline()
    pipeline.add_component("joiner", HybridJoiner(**OPTIONS))
    loaded = Pipeline.loads(pipeline.dumps()).get_component("joiner")
    assert {name: getattr(loaded, name) for name in OPTIONS} == OPTIONS
    documents = loaded.run(sparse=BM25, dense=DENSE)
    assert documents == HybridJoiner(**OPTIONS).run(sparse=BM25, dense=DENSE)


@pytest.mark.slow
def test_yaml_loads_in_a_fresh_process_without_an_allow_list():
    pipeline = Pipeline()
    pipeline.add_component("joiner", HybridJoiner(**OPTIONS))
    code = (
        "import sys; from haystack import Pipeline; print(Pipeline.loads(sys.stdin.read()).inputs()['joiner'].keys())"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        input=pipeline.dumps(),
        capture_output=True,
        text=True,
        check=True,
        env={"HAYSTACK_TELEMETRY_ENABLED": "False"},
    )
    assert "'dense', 'sparse', 'top_k'" in result.stdout


def test_a_branch_that_did_not_run_is_an_absent_list():
    """Two retrievers share one input, and a router runs only one of them: Haystack passes None for the other."""

    @component
    class Retriever:
        def __init__(self, name):
            self.name = name

        @component.output_types(documents=list[Document])
        def run(self, query: str):
            return {"documents": [Document(id=self.name, content=query, score=2.0)]}

    routes: Any = [
        {"condition": "{{ query|length < 3 }}", "output": "{{ query }}", "output_name": "short", "output_type": str},
        {"condition": "{{ query|length >= 3 }}", "output": "{{ query }}", "output_name": "long", "output_type": str},
    ]
    pipeline = Pipeline()
    pipeline.add_component("router", ConditionalRouter(routes))
    pipeline.add_component("first", Retriever("first"))
    pipeline.add_component("second", Retriever("second"))
    pipeline.add_component("joiner", HybridJoiner())
    pipeline.connect("router.short", "first.query")
    pipeline.connect("router.long", "second.query")
    pipeline.connect("first", "joiner.dpr")
    pipeline.connect("second", "joiner.dpr")
    for query, expected in (("ab", "first"), ("abcd", "second")):
        result = pipeline.run({"router": {"query": query}, "joiner": {"bm25": docs(other=1.0)}})
        assert {document.id for document in result["joiner"]["documents"]} == {expected, "other"}
    assert HybridJoiner().run(dpr=[None], bm25=None)["documents"] == []
