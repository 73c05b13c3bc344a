# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Files written by `dpr-haystack evaluate`: other tools read them and compute the same figures."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ir_measures
import pytest
from haystack import Document
from ir_measures import RR, R, nDCG

from dpr_haystack import FAISSDocumentStore
from dpr_haystack.core.answers import has_answer
from support.workspace import Ran

pytestmark = pytest.mark.slow

Cli = Callable[..., Ran]
SYSTEMS = ("bm25", "dpr", "hybrid")


def questions(root: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (root / "questions.jsonl").read_text().splitlines()]


def evaluated(cli: Cli, *arguments: object) -> dict[str, Any]:
    ran = cli("evaluate", "--store", "store", "--questions", "questions.jsonl", "--json", *arguments)
    assert (ran.code, ran.err) == (0, "")
    return dict(json.loads(ran.out))


@pytest.fixture(scope="module")
def written(workspace_root: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """The report of one evaluation, and the folder with its files."""
    import contextlib
    import io

    from dpr_haystack.cli import main

    folder = tmp_path_factory.mktemp("written")
    (folder / "runs").mkdir()
    out = io.StringIO()
    files = {"per-question": "asked.jsonl.gz", "trec-run": "runs", "results": "found.json", "plot": "curve.png"}
    arguments = [part for name, file in files.items() for part in (f"--{name}", str(folder / file))]
    place = ["--store", str(workspace_root / "store"), "--questions", str(workspace_root / "questions.jsonl")]
    with contextlib.redirect_stdout(out):
        assert main(["evaluate", *place, "--top-k", "1", "20", "--json", "--measures", *arguments]) == 0
    return json.loads(out.getvalue()), folder


def test_files_and_nothing_else(written: tuple[dict[str, Any], Path]) -> None:
    _, folder = written
    found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert found == [
        "asked.jsonl.gz", "curve.png", "found.bm25.json", "found.dpr.json", "found.hybrid.json",
        "runs/bm25.trec", "runs/dpr.trec", "runs/hybrid.trec",
    ]  # fmt: skip
    assert (folder / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_trec_runs_have_the_same_figures(written: tuple[dict[str, Any], Path], workspace_root: Path) -> None:
    """ir_measures computes the figures of the report from the files."""
    report, folder = written
    qrels = [
        ir_measures.Qrel(str(number), gold, 1)
        for number, entry in enumerate(questions(workspace_root), 1)
        for gold in entry["passage_ids"]
    ]
    for system in SYSTEMS:
        run = list(ir_measures.read_trec_run(str(folder / "runs" / f"{system}.trec")))
        assert max(sum(hit.query_id == str(number) for hit in run) for number in range(1, 41)) == 20
        theirs = ir_measures.calc_aggregate([R @ 1, R @ 20, nDCG @ 1, nDCG @ 20, RR], qrels, run)
        told = report["systems"][system]
        assert told["measures"] == {
            str(name): pytest.approx(100 * value) for name, value in theirs.items() if name != RR
        }
        assert told["mrr"]["gold"] == pytest.approx(100 * theirs[RR])
        # every question here has one gold passage: its recall is its top-k accuracy
        assert told["gold"] == {"1": pytest.approx(100 * theirs[R @ 1]), "20": pytest.approx(100 * theirs[R @ 20])}


def test_results_say_which_passages_answer(written: tuple[dict[str, Any], Path], workspace_root: Path) -> None:
    report, folder = written
    asked = questions(workspace_root)
    store = FAISSDocumentStore.from_directory(workspace_root / "store")
    documents = {document.id: document for document in store.filter_documents()}
    store.close()
    for system in SYSTEMS:
        listed = json.loads((folder / f"found.{system}.json").read_text())
        assert [(each["question"], each["answers"]) for each in listed] == [
            (entry["question"], entry["answers"]) for entry in asked
        ]
        for each in listed:
            scores = [float(found["score"]) for found in each["ctxs"]]
            assert scores == sorted(scores, reverse=True)
            for found in each["ctxs"]:
                document = documents[found["id"]]
                assert (found["title"], found["text"]) == (document.meta["title"], document.content)
                assert found["has_answer"] is has_answer(each["answers"], found["text"])
        for k in (1, 20):
            right = sum(any(found["has_answer"] for found in each["ctxs"][:k]) for each in listed)
            assert report["systems"][system]["answer"][str(k)] == pytest.approx(100 * right / len(asked))


def test_ranks_question_by_question(written: tuple[dict[str, Any], Path], workspace_root: Path) -> None:
    report, folder = written
    lines = [json.loads(line) for line in gzip.decompress((folder / "asked.jsonl.gz").read_bytes()).splitlines()]
    assert [(line["id"], line["question"]) for line in lines] == [
        (str(number), entry["question"]) for number, entry in enumerate(questions(workspace_root), 1)
    ]
    for system in SYSTEMS:
        listed = json.loads((folder / f"found.{system}.json").read_text())
        for line, each, entry in zip(lines, listed, questions(workspace_root), strict=True):
            told, ids = line["systems"][system], [found["id"] for found in each["ctxs"]]
            assert list(told) == ["gold_rank", "answer_rank", "passage_ids"]
            assert told["passage_ids"] == ids[:10]
            golds = [place for place, name in enumerate(ids, 1) if name in entry["passage_ids"]]
            right = [place for place, found in enumerate(each["ctxs"], 1) if found["has_answer"]]
            assert (told["gold_rank"], told["answer_rank"]) == (min(golds, default=None), min(right, default=None))
        shares = [line["systems"][system]["gold_rank"] in range(1, 21) for line in lines]
        assert report["systems"][system]["gold"]["20"] == pytest.approx(100 * sum(shares) / 40)


def test_one_system_has_the_file_to_itself(cli: Cli, in_workspace: Path, tmp_path: Path) -> None:
    arguments = ("--modes", "bm25", "--top-k", 2, "--measures", "AP", "P@2")
    report = evaluated(cli, *arguments, "--trec-run", tmp_path / "run.gz", "--results", tmp_path / "found.json")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["found.json", "run.gz"]
    assert {line.split()[-1] for line in gzip.decompress((tmp_path / "run.gz").read_bytes()).decode().splitlines()} == {
        "bm25"
    }
    assert list(report["systems"]["bm25"]["measures"]) == ["AP", "P@2"]
    assert "significance" not in report
    two = ("--modes", "bm25", "dpr", "--limit", 2, "--trec-run", tmp_path / "two.trec.gz")
    assert list(evaluated(cli, *two)["significance"]["gold"]) == ["dpr - bm25"]
    assert {path.name for path in tmp_path.iterdir()} >= {"two.bm25.trec.gz", "two.dpr.trec.gz"}


def test_what_is_known_of_a_question_only(cli: Cli, own_workspace: Path) -> None:
    lines = [{"question": "a river", "answers": ["x"]}, {"question": "Ulm", "passage_ids": ["p"], "id": "u"}]
    Path("questions.jsonl").write_text("\n".join(map(json.dumps, lines)))
    evaluated(cli, "--modes", "bm25", "--per-question", "asked.jsonl", "--results", "found.json")
    first, second = map(json.loads, Path("asked.jsonl").read_text().splitlines())
    assert list(first["systems"]["bm25"]) == ["answer_rank", "passage_ids"]
    assert list(second["systems"]["bm25"]) == ["gold_rank", "passage_ids"]
    assert (first["id"], second["id"]) == ("1", "u")
    found = json.loads(Path("found.json").read_text())
    assert [{"has_answer" in each for each in one["ctxs"]} for one in found] == [{True}, {False}]


def refused(cli: Cli, folder: Path, *arguments: object) -> str:
    """The error message, after a check that nothing was changed."""
    before = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    ran = cli("evaluate", "--store", "store", "--questions", folder / "questions.jsonl", *arguments)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert {path: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before
    return ran.err


@pytest.fixture
def folder(in_workspace: Path, tmp_path: Path) -> Path:
    text = (in_workspace / "questions.jsonl").read_text()
    for name in ("questions.jsonl", "dpr.jsonl", "a.dpr.jsonl"):
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize("name", ["per-question", "trec-run", "results", "plot"])
def test_the_questions_are_spared(cli: Cli, folder: Path, name: str) -> None:
    assert "would replace the questions" in refused(cli, folder, f"--{name}", folder / "questions.jsonl")
    (folder / "link").symlink_to(folder / "questions.jsonl")
    assert "would replace the questions" in refused(cli, folder, f"--{name}", folder / "link")
    assert "cannot be written" in refused(cli, folder, f"--{name}", folder / "nowhere" / "file.png")
    assert "must be a file" in refused(cli, folder, f"--{name}", f"{folder / 'file'}/")
    if name in ("trec-run", "results"):
        (folder / "questions.jsonl").rename(folder / "questions.dpr.jsonl")
        (folder / "questions.jsonl").symlink_to(folder / "questions.dpr.jsonl")
        assert "would replace the questions" in refused(cli, folder, f"--{name}", folder / "questions.jsonl")
    else:
        assert "must be a file: got" in refused(cli, folder, f"--{name}", folder)


def test_derived_names_spare_the_questions_too(cli: Cli, folder: Path) -> None:
    arguments = ("evaluate", "--store", "store", "--questions", folder / "a.dpr.jsonl", "--results", folder / "a.jsonl")
    ran = cli(*arguments)
    assert (ran.code, "would replace the questions" in ran.err) == (2, True)


def test_two_outputs_need_two_files(cli: Cli, folder: Path) -> None:
    arguments = ("--results", folder / "x.json", "--per-question", folder / "x.dpr.json")
    assert "would both write" in refused(cli, folder, *arguments)
    assert "would both write" in refused(cli, folder, "--trec-run", folder / "x", "--per-question", folder / "x")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--plot", "curve.jpg"), ".png"),
        (("--measures", "nDCG@200"), "must be 1 to 100: got 200"),
        (("--measures", "foo"), "unknown measure 'foo'"),
    ],
)
def test_what_cannot_be_had(cli: Cli, folder: Path, arguments: tuple[str, ...], message: str) -> None:
    assert message in refused(cli, folder, "--modes", "bm25", *arguments)


@pytest.mark.parametrize(
    ("lines", "arguments", "message"),
    [
        ([{"question": "a", "id": "1 2"}], ("--trec-run", "run"), "'1 2'"),
        ([{"question": "a", "id": "x"}, {"question": "b", "id": "x"}], ("--trec-run", "run"), "2 questions"),
        ([{"question": "a", "answers": ["x"]}], ("--measures",), "no question names one"),
        ([], ("--trec-run", "run"), "evaluation needs questions: got none"),
    ],
)
def test_questions_that_do_not_do(
    cli: Cli, folder: Path, lines: list[dict[str, str]], arguments: tuple[str, ...], message: str
) -> None:
    (folder / "questions.jsonl").write_text("\n".join(map(json.dumps, lines)))
    named = [folder / part if part == "run" else part for part in arguments]
    assert message in refused(cli, folder, "--modes", "bm25", *named)


@pytest.mark.parametrize(
    ("module", "arguments"), [("ir_measures", ("--measures",)), ("matplotlib.figure", ("--plot",))]
)
def test_what_is_not_installed_is_named(
    cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch, module: str, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    named = (*arguments, folder / "curve.png") if arguments == ("--plot",) else arguments
    assert "pip install 'ir-measures>=0.4' 'matplotlib'" in refused(cli, folder, "--modes", "bm25", *named)
    ran = cli("evaluate", "--store", "store", "--questions", folder / "questions.jsonl", "--modes", "bm25")
    assert (ran.code, ran.err) == (0, "")


def test_a_file_takes_its_place_when_all_went_well(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A passage id that is invalid in a TREC run ends the evaluation; existing files stay."""
    monkeypatch.chdir(tmp_path)
    store = FAISSDocumentStore("store")
    store.write_documents([Document(id="1", content="apple"), Document(id="2 3", content="pear")])
    store.close()
    lines = [json.dumps({"question": word, "answers": [word]}) for word in ("apple", "pear")]
    Path("questions.jsonl").write_text("\n".join(lines))
    for name in ("run", "asked"):
        Path(name).write_text("old")
    before = sorted(tmp_path.iterdir())
    arguments = ("--trec-run", "run", "--per-question", "asked")
    ran = cli("evaluate", "--store", "store", "--questions", "questions.jsonl", *arguments)
    assert (ran.code, "'2 3'" in ran.err) == (2, True)
    assert (Path("run").read_text(), Path("asked").read_text()) == ("old", "old")
    assert sorted(tmp_path.iterdir()) == before
