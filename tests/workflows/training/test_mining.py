# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Hard negatives from the quickstart's store, compared with exact search in numpy and rules applied by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dpr_haystack import DPRTextEmbedder, FAISSDocumentStore
from dpr_haystack.core.answers import has_answer
from dpr_haystack.core.negatives import NegativeRules, Tally
from dpr_haystack.core.passages import Passage, make_passage
from dpr_haystack.errors import InputError
from dpr_haystack.formats import read_questions
from dpr_haystack.formats.training import TrainingExample
from dpr_haystack.workflows.opening import as_passage
from dpr_haystack.workflows.training.mining import MiningOptions, mine_hard_negatives


@pytest.fixture
def store(workspace_root: Path) -> Any:
    store = FAISSDocumentStore.from_directory(workspace_root / "store")
    yield store
    store.close()


@pytest.fixture
def model(workspace_root: Path) -> str:
    return str(workspace_root / "model")


@pytest.fixture
def examples(workspace_root: Path, store: Any) -> list[TrainingExample]:
    documents = {document.id: document for document in store.filter_documents()}
    return [
        TrainingExample(
            question=each.question,
            answers=each.answers,
            positives=tuple(as_passage(documents[name]) for name in each.passage_ids),
            hard_negatives=(make_passage("Old", f"An old negative of {each.question}", {}),),
        )
        for each in read_questions(workspace_root / "questions.jsonl")
    ]


def test_dense_negatives_are_those_of_exact_search(store: Any, model: str, examples: list[TrainingExample]) -> None:
    rules = NegativeRules(count=5, first_rank=2, last_rank=40, margin=0.9)
    tally, steps = Tally(), list[Any]()
    options = MiningOptions("dpr", rules)
    mined = list(mine_hard_negatives(examples, store, model, options=options, tally=tally, progress=steps.append))
    assert sum(steps) == tally.questions == len(examples) == 40
    documents = store.filter_documents()
    vectors = np.array([document.embedding for document in documents], dtype=np.float64)
    embeddings = DPRTextEmbedder(model).embed([example.question for example in examples]).astype(np.float64)
    for example, after, scores in zip(examples, mined, embeddings @ vectors.T, strict=True):
        assert (after.question, after.positives, after.answers) == (
            *(example.question, example.positives, example.answers),
        )
        gold = {passage.id for passage in example.positives}
        ranked = [(documents[row], scores[row]) for row in np.argsort(-scores, kind="stable")[:40]]
        positive = max(score for each, score in zip(documents, scores, strict=True) if each.id in gold)
        expected = [
            each.id
            for rank, (each, score) in enumerate(ranked, 1)
            if rank >= 2
            and each.id not in gold
            and not has_answer(example.answers, each.content)
            and score <= positive - 0.1 * abs(positive)
        ]
        assert [passage.id for passage in after.hard_negatives] == expected[:5]
        for passage in after.hard_negatives:
            assert passage.meta["source"] == "dpr"
            assert ranked[passage.meta["rank"] - 1][0].id == passage.id
            assert passage.meta["score"] == pytest.approx(ranked[passage.meta["rank"] - 1][1], abs=1e-4)
    assert tally.kept == sum(len(example.hard_negatives) for example in mined)
    assert tally.removed["margin"] > 0


@pytest.mark.parametrize("source", ["bm25", "hybrid"])
def test_other_sources(store: Any, model: str, examples: list[TrainingExample], source: Any) -> None:
    tally = Tally()
    named = None if source == "bm25" else model
    mined = list(mine_hard_negatives(examples, store, named, source=source, count=3, margin=None, tally=tally))
    for example in mined:
        gold = {passage.id for passage in example.positives}
        for passage in example.hard_negatives:
            assert passage.id not in gold
            assert not has_answer(example.answers, passage.text)
            assert passage.meta["source"] == source
        ranks = [passage.meta["rank"] for passage in example.hard_negatives]
        assert ranks == sorted(ranks)
    assert tally.kept > 40
    assert sum(tally.removed.values()) + tally.kept <= tally.candidates
    if source == "bm25":
        best = store.bm25_retrieval(examples[0].question, 100)
        allowed = [each.id for each in best if not has_answer(examples[0].answers, each.content or "")]
        gold = {passage.id for passage in examples[0].positives}
        assert [passage.id for passage in mined[0].hard_negatives] == [each for each in allowed if each not in gold][:3]


@pytest.mark.parametrize("source", ["bm25", "dpr", "hybrid"])
def test_what_ranks_before_the_positive_is_too_close_to_it(
    store: Any, model: str, examples: list[TrainingExample], source: Any
) -> None:
    named, tally = None if source == "bm25" else model, Tally()
    options = MiningOptions(source, NegativeRules(last_rank=1), filter_answers=False)
    mined = list(mine_hard_negatives(examples, store, named, options=options, tally=tally))
    assert not any(example.hard_negatives for example in mined)
    assert tally.removed["margin"] == tally.candidates - tally.removed["gold"] > 0
    # the score of a positive that is not there is not known: what is found first is taken
    gone = [replace(each, positives=(make_passage("", "elsewhere", {}),)) for each in examples]
    found = mine_hard_negatives(gone, store, named, options=options)
    assert sum(len(each.hard_negatives) for each in found) == tally.candidates


def test_a_positive_under_another_id_is_no_negative(store: Any, examples: list[TrainingExample]) -> None:
    (first, *_) = examples
    copied = tuple(Passage("elsewhere", each.title, each.text) for each in first.positives)
    other = TrainingExample(first.question, copied)
    (mined,) = mine_hard_negatives([other], store, count=100, margin=None)
    assert not {each.text for each in mined.hard_negatives} & {each.text for each in first.positives}


@pytest.mark.parametrize("as_iterator", [False, True])
def test_the_positives_of_another_row_of_the_question_are_no_negatives(
    store: Any, examples: list[TrainingExample], as_iterator: bool
) -> None:
    first, second, *_ = examples
    (found,) = mine_hard_negatives([replace(first, answers=())], store, count=2, margin=None)
    best, next_best = found.hard_negatives
    other = TrainingExample(first.question.upper(), (best,), hard_negatives=first.positives, negatives=first.positives)
    rows = [replace(first, answers=(), hard_negatives=(best,)), second, other]
    examples_of_rows = iter(rows) if as_iterator else rows
    one, _, two = mine_hard_negatives(examples_of_rows, store, count=1, margin=None, keep=True)
    assert [each.id for each in one.hard_negatives] == [each.id for each in two.hard_negatives] == [next_best.id]
    assert two.negatives == ()


def test_old_negatives_go_or_stay_and_another_model_has_a_say(store: Any, examples: list[TrainingExample]) -> None:
    (first, *_) = examples
    (without,) = mine_hard_negatives([first], store, count=2, margin=None)
    assert len(without.hard_negatives) == 2
    (kept,) = mine_hard_negatives([first], store, count=2, margin=None, keep=True)
    assert kept.hard_negatives == (*without.hard_negatives, *first.hard_negatives)
    asked: list[str] = []

    def check(question: str, passages: Sequence[Passage]) -> list[bool]:
        asked.append(question)
        return [passage.id == without.hard_negatives[0].id for passage in passages]

    tally = Tally()
    (checked,) = mine_hard_negatives([first], store, count=1, margin=None, check=check, tally=tally)
    assert checked.hard_negatives == without.hard_negatives[1:]
    assert tally.removed["check"] == 1
    assert set(asked) == {first.question}


def test_what_cannot_be(store: Any, examples: list[TrainingExample]) -> None:
    with pytest.raises(InputError, match="needs the question tower"):
        mine_hard_negatives(examples, store, source="dpr")
    with pytest.raises(InputError, match="bm25, dpr, hybrid: got 'tfidf'"):
        mine_hard_negatives(examples, store, source="tfidf")
    with pytest.raises(InputError, match="cuont"):
        mine_hard_negatives(examples, store, cuont=1)
    with pytest.raises(InputError, match="cannot be combined"):
        mine_hard_negatives(examples, store, options=MiningOptions(), count=1)
    assert list(mine_hard_negatives([], store)) == []
