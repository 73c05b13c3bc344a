# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Ranks of the first right passages; passages are read only when needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from haystack import Document

from dpr_haystack import FAISSDocumentStore
from dpr_haystack.backends.passage_search import PassageSearch
from dpr_haystack.backends.registry import search_over
from dpr_haystack.core.hits import Hits
from dpr_haystack.formats.question import Question
from dpr_haystack.workflows.evaluation.retrieval_judge import PassageCache, RetrievalJudge

TEXTS = {"a": "An apple.", "b": "A pear.", "c": "Cherries and a pear.", "d": "Nothing"}


class Counting:
    """A search that records which passages were read."""

    def __init__(self, search: PassageSearch) -> None:
        self.search = search
        self.read: list[list[str]] = []

    def documents(self, ids: Sequence[str]) -> dict[str, Document]:
        self.read.append(list(ids))
        return self.search.documents(ids)


@pytest.fixture
def search(tmp_path: Path) -> Iterator[Any]:
    store = FAISSDocumentStore(str(tmp_path / "store"))
    store.write_documents([Document(id=name, content=text, meta={"title": name}) for name, text in TEXTS.items()])
    yield Counting(search_over(store))
    store.close()


def hits(ids: str) -> Hits:
    return Hits(list(ids), [1.0 / place for place, _ in enumerate(ids, 1)])


def test_ranks_within_the_depth(search: Any) -> None:
    judge = RetrievalJudge(search, ["bm25", "dpr"], 3, "string")
    first = judge.judge(
        Question("?", ("pear",), ("d",)), {"bm25": hits("abcd"), "dpr": hits("dcab"), "hybrid": hits("")}
    )
    assert (first.gold_ranks, first.answer_ranks) == ({"bm25": None, "dpr": 1}, {"bm25": 2, "dpr": 2})
    assert first.runs == {"bm25": hits("abc"), "dpr": hits("dca")}
    assert [first.has_answer(name) for name in "abcd"] == [False, True, True, False]
    judge.judge(Question("?", (), ("b",)), {"bm25": hits("b"), "dpr": hits("")})
    judge.judge(Question("?", ("nothing",)), {"bm25": hits("b"), "dpr": hits("cd")})
    assert (judge.ranks["bm25"].gold, judge.ranks["dpr"].gold) == ([None, 1], [1, None])
    assert (judge.ranks["bm25"].answer, judge.ranks["dpr"].answer) == ([2, None], [2, 2])


def test_passages_are_read_once_and_only_for_answers(search: Any) -> None:
    judge = RetrievalJudge(search, ["bm25", "dpr"], 3, "string")
    judge.judge(Question("?", (), ("a",)), {"bm25": hits("abc"), "dpr": hits("dca")})
    assert search.read == []
    judge.judge(Question("?", ("x",)), {"bm25": hits("abc"), "dpr": hits("bca")})
    judge.judge(Question("?", ("x",)), {"bm25": hits("dab"), "dpr": hits("b")})
    assert search.read == [["a", "b", "c"], ["d"]]


def test_only_so_many_passages_are_kept(search: Any) -> None:
    reader = PassageCache(search, size=2)
    for ids in ("abc", "bc", "ab", "c", "abcd"):
        found = reader.read(ids)
        assert {name: (each.id, each.title, each.text) for name, each in found.items()} == {
            name: (name, name, TEXTS[name]) for name in ids
        }
        assert len(reader._passages) <= 2
    assert search.read == [["a", "b", "c"], ["a"], ["b", "d"]]


def test_a_passage_that_is_gone_holds_nothing(search: Any) -> None:
    judged = RetrievalJudge(search, ["bm25"], 3, "string").judge(Question("?", ("pear",)), {"bm25": hits("xb")})
    assert judged.answer_ranks == {"bm25": 2}
    assert (judged.passage("x").id, judged.passage("x").text) == ("x", "")
