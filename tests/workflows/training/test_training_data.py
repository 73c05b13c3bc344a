# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Positives from an index: gold passages, pieces of them, or the best result with an answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from haystack import Document

from dpr_haystack import FAISSDocumentStore
from dpr_haystack.core.answers import has_answer
from dpr_haystack.core.passages import Passage
from dpr_haystack.formats.question import Question
from dpr_haystack.workflows.training.training_data import BuildReport, build_examples

WHOLE = "The Danube rises in the Black Forest. It flows through Ulm and Vienna.\nIt ends in the Black Sea."
PIECES = ["The Danube rises in the Black Forest. It flows", "through Ulm and Vienna. It ends in the Black Sea."]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[FAISSDocumentStore]:
    texts = {
        "piece-1": PIECES[0],
        "piece-2": PIECES[1],
        "other": "Ulm Ulm Ulm: which river flows through Ulm? A river, a river, a river.",
        "einstein": "Einstein was born in Ulm, as everybody knows.",
        "rhine": "The Rhine flows through Basel and Cologne.",
    }
    store = FAISSDocumentStore(str(tmp_path / "store"), embedding_dim=4)
    store.write_documents([Document(id=name, content=text, meta={"title": name}) for name, text in texts.items()])
    yield store
    store.close()


def test_where_positives_come_from(store: FAISSDocumentStore) -> None:
    questions = [
        Question("Who was born there?", ("Ulm",), ("einstein",), "gold"),
        Question("Which city on the river?", ("Ulm",), ("whole",), "mapped"),
        Question("Where was Einstein born?", ("Ulm",), (), "found"),
        Question("Where is it?", ("Atlantis",), ("nowhere",), "no passage has it"),
        Question("Where is nothing?", (), (), "nothing is known"),
    ]
    report, steps = BuildReport(), list[Any]()
    gold = {"whole": Passage("whole", "Danube", WHOLE)}
    made = list(build_examples(questions, store, gold_passages=gold, report=report, progress=steps.append))
    assert [(each.id, each.positives[0].id, each.meta["provenance"]) for each in made] == [
        ("gold", "einstein", "gold"),
        ("mapped", "piece-2", "mapped"),  # though another passage is better by BM25, and holds the answer too
        ("found", "einstein", "found"),
    ]
    assert made[1].positives[0].title == "piece-2"
    assert made[0].question == questions[0].question
    assert made[0].answers == ("Ulm",)
    assert (report.questions, report.positives, report.left_out) == (5, {"gold": 1, "mapped": 1, "found": 1}, 2)
    assert steps == [5]


def test_without_its_text_a_gold_passage_is_looked_for_by_the_answer(store: FAISSDocumentStore) -> None:
    (made,) = build_examples([Question("Which city on the river?", ("Ulm",), ("whole",))], store)
    best = store.bm25_retrieval("Which city on the river? Ulm", 100)
    first = next(each for each in best if has_answer(["Ulm"], each.content or ""))
    assert (made.positives[0].id, made.meta["provenance"]) == (first.id, "found")
    assert best[made.positives[0].meta["rank"] - 1].id == first.id


def test_patterns_and_depth(store: FAISSDocumentStore) -> None:
    asked = Question("Which cities does the Rhine flow through?", (r"Col\w+",))
    assert not list(build_examples([asked], store))
    (made,) = build_examples([asked], store, match="regex")
    assert made.positives[0].id == "rhine"
    hidden = Question("Which river flows through Ulm? A river", ("everybody",))
    assert list(build_examples([hidden], store, depth=100))
    assert not list(build_examples([hidden], store, depth=1))
    assert not list(build_examples([], store))
