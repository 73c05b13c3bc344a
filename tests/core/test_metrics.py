# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
import ir_measures
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpr_haystack.core.metrics import first_gold, first_hit, hits_within, mean_reciprocal_rank, top_k_accuracy
from dpr_haystack.errors import InputError


def test_first_hit_and_first_gold():
    assert first_hit([False, False, True, True]) == 3
    assert first_hit([False]) is None
    assert first_hit([]) is None
    assert first_gold(["a", "b", "c"], ["c", "b"]) == 2
    assert first_gold(["a"], ()) is None


def test_hits_within():
    assert hits_within([1, 5, 6, None], 5) == [True, True, False, False]
    assert hits_within([], 5) == []


def test_by_hand():
    ranks = [1, 5, 6, 100, 101, None, 1, 20]
    assert top_k_accuracy(ranks) == {1: 25.0, 5: 37.5, 20: 62.5, 100: 75.0}
    assert mean_reciprocal_rank([1, 4, None]) == pytest.approx(1.25 / 3)
    assert mean_reciprocal_rank([1, 4, None], k=3) == pytest.approx(1 / 3)


ranked_ids = st.lists(st.integers(0, 30).map(str), unique=True, max_size=25)
questions = st.lists(st.tuples(ranked_ids, st.sets(st.integers(0, 30).map(str), min_size=1)), min_size=1, max_size=8)


@given(questions)
def test_against_ir_measures(pairs):
    qrels = [ir_measures.Qrel(f"{q}", gold, 1) for q, (_, golds) in enumerate(pairs) for gold in golds]
    run = [
        ir_measures.ScoredDoc(f"{q}", id_, float(-rank))
        for q, (retrieved, _) in enumerate(pairs)
        for rank, id_ in enumerate(retrieved)
    ]
    ks = (1, 3, 10)
    measures = [ir_measures.Success @ k for k in ks]
    theirs = ir_measures.calc_aggregate([*measures, ir_measures.RR, ir_measures.RR @ 5], qrels, run)
    ranks = [first_gold(retrieved, golds) for retrieved, golds in pairs]
    expected = {k: 100 * theirs[measure] for k, measure in zip(ks, measures, strict=True)}
    assert top_k_accuracy(ranks, ks) == pytest.approx(expected)
    assert mean_reciprocal_rank(ranks) == pytest.approx(theirs[ir_measures.RR])
    assert mean_reciprocal_rank(ranks, k=5) == pytest.approx(theirs[ir_measures.RR @ 5])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: top_k_accuracy([]), "no questions"),
        (lambda: mean_reciprocal_rank([]), "no questions"),
        (lambda: top_k_accuracy([0]), "ranks must be 1 or more: got 0"),
        (lambda: top_k_accuracy([1], ks=[0]), "cut-offs must be 1 or more"),
        (lambda: mean_reciprocal_rank([1], k=0), "k must be 1 or more: got 0"),
    ],
)
def test_refusals(call, words):
    with pytest.raises(InputError, match=words):
        call()
