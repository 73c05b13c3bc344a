# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
import math
import random
from copy import deepcopy
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpr_haystack.core.fusion import FusedHit, fuse
from dpr_haystack.errors import InputError

# Four hits of BM25 and three of the dense index; b and c are in both.
BM25 = {"a": 30.0, "b": 20.0, "c": 15.0, "d": 10.0}
DENSE = {"b": 80.0, "e": 78.0, "c": 70.0}
RUNS = {"bm25": BM25, "dpr": DENSE}
EVEN = {"bm25": 1.0, "dpr": 1.0}

METHODS: list[dict[str, Any]] = [
    {"fusion": "convex", "normalization": "minmax"},
    {"fusion": "convex", "normalization": "zscore"},
    {"fusion": "convex", "normalization": "none"},
    {"fusion": "convex", "normalization": "none", "missing": "zero"},
    {"fusion": "rrf"},
    {"fusion": "dbsf"},
]
SCALE_FREE = [m for m in METHODS if m.get("normalization") != "none"]
methods = pytest.mark.parametrize("method", METHODS, ids=lambda m: "-".join(m.values()))
scale_free = pytest.mark.parametrize("method", SCALE_FREE, ids=lambda m: "-".join(m.values()))


def scores(hits: list[FusedHit]) -> dict[str, float]:
    return {hit.id: hit.score for hit in hits}


def ids(hits: list[FusedHit]) -> list[str]:
    return [hit.id for hit in hits]


# ---- figures worked out by hand


def test_minmax_by_hand():
    hits = fuse(RUNS, {"bm25": 1.0, "dpr": 2.0})
    assert scores(hits) == pytest.approx({"b": 0.5 + 2.0, "e": 0.0 + 1.6, "a": 1.0, "c": 0.25, "d": 0.0})
    assert ids(hits) == ["b", "e", "a", "c", "d"]


def test_the_papers_hybrid_is_bm25_plus_lambda_times_dot():
    hits = fuse(RUNS, {"bm25": 1.0, "dpr": 1.1}, normalization="none", missing="zero")
    assert scores(hits) == pytest.approx({"a": 30.0, "b": 20 + 88.0, "c": 15 + 77.0, "d": 10.0, "e": 85.8})
    filled = fuse(RUNS, {"bm25": 1.0, "dpr": 1.1}, normalization="none", missing="min")
    expected = {"a": 30 + 77.0, "b": 20 + 88.0, "c": 15 + 77.0, "d": 10 + 77.0, "e": 10 + 85.8}
    assert scores(filled) == pytest.approx(expected)
    assert ids(filled) == ["b", "a", "e", "c", "d"]


def test_zscore_by_hand():
    hits = fuse(
        {"x": {"a": 3.0, "b": 1.0}, "y": {"c": 9.0, "a": 6.0, "d": 3.0}}, {"x": 1.0, "y": 2.0}, normalization="zscore"
    )
    third = math.sqrt(6.0)  # the deviation of 9, 6, 3; that of 3, 1 is 1
    expected = {"a": 1.0, "b": -1 - 6 / third, "c": -1 + 6 / third, "d": -1 - 6 / third}
    assert scores(hits) == pytest.approx(expected)


def test_rrf_by_hand():
    hits = fuse(RUNS, {"bm25": 1.0, "dpr": 0.5}, fusion="rrf", rrf_k=10)
    expected = {"a": 1 / 11, "b": 1 / 12 + 0.5 / 11, "c": 1 / 13 + 0.5 / 13, "d": 1 / 14, "e": 0.5 / 12}
    assert scores(hits) == pytest.approx(expected)


def test_dbsf_by_hand():
    hits = fuse({"x": {"a": 3.0, "b": 1.0}, "y": {"a": 5.0}}, {"x": 1.0, "y": 3.0}, fusion="dbsf")
    assert scores(hits) == pytest.approx({"a": 4 / 6 + 3 * 0.5, "b": 2 / 6})


def test_dbsf_clips_outliers_to_one_and_still_knows_which_was_better():
    run = {"z": 1001.0, "y": 1000.0} | {f"low{i}": float(i % 2) for i in range(40)}
    hits = fuse({"x": run}, {"x": 1.0}, fusion="dbsf")
    assert ids(hits)[:2] == ["z", "y"]
    assert [hit.score for hit in hits[:2]] == [1.0, 1.0]


def test_contributions_add_up_and_say_where_a_hit_stood():
    top = fuse(RUNS, {"bm25": 1.0, "dpr": 2.0})[0]
    assert top.contributions == {"bm25": (20.0, 2, 0.5), "dpr": (80.0, 1, 2.0)}
    bottom = fuse(RUNS, {"bm25": 1.0, "dpr": 2.0})[-1]
    assert bottom.contributions == {"bm25": (10.0, 4, 0.0), "dpr": (None, None, 0.0)}


# ---- edges that the documentation promises


@pytest.mark.parametrize("run", [{"a": 7.0}, {"a": 7.0, "b": 7.0}], ids=["one hit", "equal scores"])
def test_agreement_earns_even_where_a_run_has_one_score_only(run):
    other = {"c": 2.0, "a": 2.0}
    for method in METHODS:
        if method.get("normalization") == "none" and method.get("missing") != "zero":
            continue  # the lowest score is the only one: nothing to tell them apart
        hits = scores(fuse({"x": run, "y": other}, {"x": 1.0, "y": 1.0}, **method))
        assert hits["a"] > hits["c"], method


def test_constant_runs_by_value():
    runs = {"x": {"a": 7.0, "b": 7.0}, "y": {"c": 1.0}}
    weights = {"x": 2.0, "y": 1.0}
    assert scores(fuse(runs, weights)) == {"a": 2.0, "b": 2.0, "c": 1.0}
    assert scores(fuse(runs, weights, normalization="zscore")) == {"a": -1.0, "b": -1.0, "c": -2.0}
    assert scores(fuse(runs, weights, fusion="dbsf")) == {"a": 1.0, "b": 1.0, "c": 0.5}


@pytest.mark.parametrize("bad", [None, math.nan, -math.inf])
def test_a_hit_without_a_usable_score_counts_as_the_lowest_and_is_last(bad):
    run = {"a": 3.0, "0": bad, "b": 1.0}
    for method in METHODS:
        hits = {hit.id: hit for hit in fuse({"x": run}, {"x": 1.0}, **method)}
        assert hits["0"].contributions["x"].rank == 3
        assert hits["0"].contributions["x"].score is None
        if method["fusion"] != "rrf":
            assert hits["0"].score == hits["b"].score
    assert ids(fuse({"x": run}, {"x": 1.0})) == ["a", "b", "0"]


def test_infinity_is_first_and_counts_as_the_highest():
    hits = fuse({"x": {"a": 3.0, "z": math.inf, "b": 1.0}}, {"x": 1.0})
    assert [(hit.id, hit.score) for hit in hits] == [("z", 1.0), ("a", 1.0), ("b", 0.0)]


def test_unusable_scores_leave_mean_and_deviation_alone():
    clean = scores(fuse({"x": {"a": 3.0, "b": 1.0, "c": 2.0}}, {"x": 1.0}, normalization="zscore"))
    dirty = scores(fuse({"x": {"a": 3.0, "b": 1.0, "c": 2.0, "d": math.nan}}, {"x": 1.0}, normalization="zscore"))
    assert {id_: dirty[id_] for id_ in clean} == clean


@methods
def test_a_run_without_any_score_has_no_say_and_loses_nothing(method):
    alone = fuse({"dpr": DENSE}, EVEN, **method)
    hits = fuse({"dpr": DENSE, "bm25": {"0": math.nan, "e": None}}, EVEN, **method)
    assert [(hit.id, hit.score) for hit in hits[:3]] == [(hit.id, hit.score) for hit in alone]
    assert ids(hits[3:]) == ["0"]


@methods
def test_a_source_of_weight_zero_changes_nothing_but_keeps_its_passages_at_the_end(method):
    negative = {"b": -1.0, "e": -2.0, "c": -3.0}  # below what missing="zero" gives
    alone = fuse({"dpr": negative}, {"dpr": 1.0}, **method)
    hits = fuse({"bm25": BM25, "dpr": negative}, {"bm25": 0.0, "dpr": 1.0}, **method)
    assert [(hit.id, hit.score) for hit in hits[:3]] == [(hit.id, hit.score) for hit in alone]
    assert ids(hits[3:]) == ["a", "d"]
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


@methods
def test_empty_and_missing_runs_are_the_same(method):
    assert scores(fuse({"bm25": BM25, "dpr": {}}, EVEN, **method)) == scores(fuse({"bm25": BM25}, EVEN, **method))
    assert ids(fuse({"bm25": BM25}, EVEN, **method)) == ["a", "b", "c", "d"]
    assert fuse({}, EVEN, **method) == []


def test_ties_are_ordered_by_rank_then_id():
    hits = fuse(
        {"x": {"b": 1.0, "a": 1.0, "c": 0.0}, "y": {"z": 5.0, "m": 4.0, "k": 0.0, "h": 0.0}}, {"x": 1.0, "y": 1.0}
    )
    assert [(hit.id, hit.score) for hit in hits] == [
        ("a", 1.0),  # first of x
        ("z", 1.0),  # first of y
        ("b", 1.0),  # second of x
        ("m", 0.8),
        ("c", 0.0),  # third of x
        ("h", 0.0),  # third of y
        ("k", 0.0),
    ]


def test_pairs_are_taken_too_and_the_best_of_a_repeated_id_counts():
    pairs = [("b", 20.0), ("a", 1.0), ("a", 30.0), ("a", None), ("d", 10.0), ("c", 15.0)]
    assert fuse({"bm25": pairs}, EVEN) == fuse({"bm25": BM25}, EVEN)


def test_extreme_scores_do_not_overflow():
    run = {"a": 1.7e308, "b": 0.0, "c": -1.7e308}
    assert scores(fuse({"x": run}, {"x": 1.0})) == {"a": 1.0, "b": 0.5, "c": 0.0}
    assert scores(fuse({"x": run}, {"x": 1.0}, normalization="zscore"))["a"] == pytest.approx(math.sqrt(1.5))
    assert scores(fuse({"x": {"a": 5e-324, "b": 0.0}}, {"x": 1.0})) == {"a": 1.0, "b": 0.0}


@pytest.mark.parametrize("top_k", [0, 1, 3, 99, None])
def test_top_k(top_k):
    assert fuse(RUNS, EVEN, top_k=top_k) == fuse(RUNS, EVEN)[:top_k]


@pytest.mark.parametrize(
    ("weights", "options", "words"),
    [
        (EVEN, {"fusion": "borda"}, "'convex', 'rrf', 'dbsf': got 'borda'"),
        (EVEN, {"normalization": "softmax"}, "got 'softmax'"),
        (EVEN, {"missing": "mean"}, "got 'mean'"),
        (EVEN, {"normalization": "zscore", "missing": "zero"}, "use missing='min'"),
        (EVEN, {"rrf_k": -1}, "got -1"),
        (EVEN, {"top_k": -2}, "got -2"),
        ({"bm25": 1.0, "dpr": -0.5}, {}, "'dpr' must be a finite number of at least 0: got -0.5"),
        ({"bm25": 1.0, "dpr": math.nan}, {}, "got nan"),
        ({"bm25": 1.0, "dpr": "1"}, {}, "got '1'"),
        ({"bm25": 0.0, "dpr": 0.0}, {}, "at least one weight"),
        ({"bm25": 1.0}, {}, "got none for dpr"),
    ],
)
def test_refusals(weights, options, words):
    with pytest.raises(InputError, match=words):
        fuse(RUNS, weights, **options)


def test_a_score_that_is_no_number_is_refused():
    with pytest.raises(InputError, match="'a' from 'bm25' must be a number: got 'high'"):
        fuse({"bm25": {"a": "high"}}, EVEN)  # type: ignore[dict-item]


# ---- properties

passage_ids = st.sampled_from([f"p{i}" for i in range(12)])
finite = st.integers(-50, 50).map(float)
any_score = st.one_of(finite, st.sampled_from([None, math.nan, math.inf, -math.inf]))
runs_of = st.fixed_dictionaries({}, optional={name: st.dictionaries(passage_ids, any_score) for name in "xyz"})
weightings = st.fixed_dictionaries({name: st.sampled_from([0.0, 0.3, 1.0, 2.5]) for name in "xyz"}).filter(
    lambda weights: any(weights.values())
)


@methods
@given(runs=runs_of, weights=weightings, seed=st.randoms(use_true_random=False))
def test_order_of_sources_and_hits_is_immaterial_and_inputs_stay(method, runs, weights, seed):
    before = deepcopy((list(runs.items()), weights))
    hits = {name: list(runs[name].items()) for name in seed.sample(sorted(runs), len(runs))}
    is_by_place = method["fusion"] == "rrf"  # the order of listed hits is the ranking, and is kept
    expected = fuse(hits if is_by_place else runs, weights, **method)
    assert str((list(runs.items()), weights)) == str(before)
    shuffled = {name: of if is_by_place else seed.sample(of, len(of)) for name, of in hits.items()}
    reweighted = {name: weights[name] for name in seed.sample("xyz", 3)}
    assert fuse(shuffled, reweighted, **method) == expected
    assert sorted(ids(expected)) == sorted(set().union(*runs.values()))
    assert all(math.isfinite(hit.score) for hit in expected)
    assert [hit.score for hit in expected] == sorted((hit.score for hit in expected), reverse=True)


@scale_free
@given(
    runs=st.fixed_dictionaries({name: st.dictionaries(passage_ids, finite, min_size=1) for name in "xy"}),
    factor=st.sampled_from([0.001, 0.7, 1.0, 13.0, 1e6]),
    shift=st.sampled_from([-1000.0, 0.0, 0.1, 31.0]),
)
def test_rescaling_the_scores_of_a_source_changes_nothing(method, runs, factor, shift):
    rescaled = {"x": {id_: factor * score + shift for id_, score in runs["x"].items()}, "y": runs["y"]}
    weights = {"x": 1.0, "y": 0.7}
    assert scores(fuse(rescaled, weights, **method)) == pytest.approx(scores(fuse(runs, weights, **method)), abs=1e-7)


@methods
@given(runs=runs_of, weights=weightings, power=st.integers(-8, 8))
def test_scaling_all_weights_keeps_the_order(method, runs, weights, power):
    scaled = {name: weight * 2.0**power for name, weight in weights.items()}
    assert ids(fuse(runs, scaled, **method)) == ids(fuse(runs, weights, **method))


@methods
@given(
    runs=st.fixed_dictionaries({name: st.dictionaries(passage_ids, finite) for name in "xyz"}),
    weights=weightings,
    lead=st.fixed_dictionaries({name: st.sampled_from([1e-9, 0.5, 9.0, 1e4]) for name in "xyz"}),
)
def test_the_first_of_every_source_stays_first(method, runs, weights, lead):
    led = {name: run | {"zz": max([*run.values(), 0.0]) + lead[name]} for name, run in runs.items()}
    assert ids(fuse(led, weights, **method))[0] == "zz"


# ---- against other people's code


@pytest.mark.slow  # importing ranx takes seconds
@pytest.mark.filterwarnings("ignore:unsafe cast")
def test_against_ranx():
    """ranx gives a passage that a run lacks 0 after normalising, as minmax does here; elsewhere the runs are filled."""
    ranx = pytest.importorskip("ranx")
    source = random.Random(7)
    runs = {
        name: {f"p{i}": round(source.uniform(low, high), 6) for i in source.sample(range(60), 30)}
        for name, low, high in (("x", 5.0, 30.0), ("y", -4.0, 90.0))
    }
    weights = {"x": 0.3, "y": 0.7}
    union = set(runs["x"]) | set(runs["y"])
    filled = {name: {id_: run.get(id_, min(run.values())) for id_ in union} for name, run in runs.items()}

    def theirs(hits, norm, method, **params):
        fused = ranx.fuse([ranx.Run({"q": hits[name]}) for name in "xy"], norm=norm, method=method, params=params)
        return dict(fused["q"])

    pair = (0.3, 0.7)
    assert scores(fuse(runs, weights)) == pytest.approx(theirs(runs, "min-max", "wsum", weights=pair))
    raw = fuse(runs, weights, normalization="none", missing="zero")
    assert scores(raw) == pytest.approx(theirs(runs, None, "wsum", weights=pair))
    assert scores(fuse(runs, weights, normalization="none")) == pytest.approx(
        theirs(filled, None, "wsum", weights=pair)
    )
    equal = {"x": 1.0, "y": 1.0}  # ranx has no weights for rrf
    assert scores(fuse(runs, equal, fusion="rrf", rrf_k=33)) == pytest.approx(theirs(runs, None, "rrf", k=33))
    both = {name: {id_: run[id_] for id_ in set(runs["x"]) & set(runs["y"])} for name, run in runs.items()}
    standard = fuse(both, weights, normalization="zscore")
    assert scores(standard) == pytest.approx(theirs(both, "zmuv", "wsum", weights=pair))


@given(run=st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=40).filter(lambda xs: np.std(xs) > 1e-6))
def test_statistics_against_numpy(run):
    values = np.array(run)
    hits = scores(fuse({"x": {f"{i}": score for i, score in enumerate(run)}}, {"x": 1.0}, fusion="dbsf"))
    low, high = values.mean() - 3 * values.std(), values.mean() + 3 * values.std()
    expected = np.clip((values - low) / (high - low), 0, 1)
    assert [hits[f"{i}"] for i in range(len(run))] == pytest.approx(expected.tolist(), abs=1e-6)
