# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""`dpr-haystack evaluate`: its figures compared with ones computed here from the search results."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytrec_eval
from haystack import Document

from dpr_haystack import DPRTextEmbedder, FAISSDocumentStore, HybridJoiner
from dpr_haystack.formats.beir import write_beir
from dpr_haystack.formats.question import Question
from support.workspace import Ran

pytestmark = pytest.mark.slow

Cli = Callable[..., Ran]
KS = (1, 5, 20, 100)


def plain(text: str | None) -> str:
    """Lower-cased words and punctuation separated by single spaces: enough for the sample answers."""
    words = re.findall(r"[^\W_]+|[^\w\s]", (text or "").lower())
    return f" {' '.join(words)} "


def share(hits: list[list[bool]], k: int) -> float:
    return 100.0 * sum(any(row[:k]) for row in hits) / len(hits)


@pytest.fixture(scope="module")
def runs(workspace_root: Path) -> dict[str, list[list[Document]]]:
    """For each system and question the first hundred passages, computed here from the two searches."""
    store = FAISSDocumentStore.from_directory(workspace_root / "store")
    embedder = DPRTextEmbedder(str(workspace_root / "model"))
    found: dict[str, list[list[Document]]] = {"bm25": [], "dpr": [], "hybrid": []}
    asked = [entry["question"] for entry in questions(workspace_root)]
    for question, embedding in zip(asked, embedder.embed(asked), strict=True):
        words = store.bm25_retrieval(question, 100)
        near = store.search(embedding, 100)
        found["bm25"].append(words)
        found["dpr"].append(near)
        found["hybrid"].append(HybridJoiner().run(bm25=words, dpr=near)["documents"][:100])
    store.close()
    return found


def questions(root: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (root / "questions.jsonl").read_text().splitlines()]


def evaluated(cli: Cli, *arguments: object) -> dict[str, Any]:
    ran = cli("evaluate", "--store", "store", "--json", *arguments)
    is_table = str(arguments[1]).endswith(".csv")
    assert (ran.code, ran.err.count("\n")) == (0, is_table)
    assert ran.err.startswith(f"{arguments[1]}: columns question, answers (no names in the first line); " * is_table)
    return dict(json.loads(ran.out))


def test_the_figures_are_those_counted_here(
    cli: Cli, in_workspace: Path, runs: dict[str, list[list[Document]]]
) -> None:
    report = evaluated(cli, "--questions", "questions.jsonl")
    asked = questions(in_workspace)
    assert list(report) == ["questions", "judged", "coverage", "systems", "significance"]
    assert report["questions"] == len(asked) == 40
    assert list(report["systems"]) == ["bm25", "dpr", "hybrid"]
    for name, found in runs.items():
        gold = [[each.id in entry["passage_ids"] for each in run] for entry, run in zip(asked, found, strict=True)]
        answer = [
            [any(plain(text) in plain(each.content) for text in entry["answers"]) for each in run]
            for entry, run in zip(asked, found, strict=True)
        ]
        for what, hits in (("gold", gold), ("answer", answer)):
            told = report["systems"][name][what]
            assert list(told) == [str(k) for k in KS]
            for k in KS:
                assert told[str(k)] == pytest.approx(share(hits, k))
    assert report["systems"]["hybrid"]["gold"]["5"] > report["systems"]["bm25"]["gold"]["5"]


def test_figures_by_hand(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five passages without vectors, with obvious BM25 ranks."""
    monkeypatch.chdir(tmp_path)
    texts = ["apple apple apple", "apple apple pear", "apple pear pear", "cherry", "no fruit at all"]
    store = FAISSDocumentStore("store")
    store.write_documents([Document(id=str(number), content=text) for number, text in enumerate(texts, 1)])
    order = [document.id for document in store.bm25_retrieval("apple", 10)]
    store.close()
    assert order == ["1", "2", "3"]
    lines = [
        {"question": "apple", "answers": ["apple"], "passage_ids": ["1"]},
        {"question": "apple?", "answers": ["pear"], "passage_ids": ["3", "9"]},
        {"question": "apple!", "answers": ["Cherry"], "passage_ids": ["4"]},
        {"question": "cherry", "answers": ["CHERRY"]},
    ]
    Path("questions.jsonl").write_text("\n".join(map(json.dumps, lines)))
    report = evaluated(cli, "--questions", "questions.jsonl", "--top-k", 3, 1, 2, 1)
    third = pytest.approx(100 / 3)
    assert (report["questions"], report["judged"]) == (4, {"gold": 3, "answer": 4})
    heading, *_, last = cli("evaluate", "--store", "store", "--questions", "questions.jsonl").out.splitlines()
    assert last == "4 of 4 questions can be judged; 1 of 4 gold passages are missing"
    assert heading == "gold passage in the top k, % of 3 questions, the other 1 name none (95% intervals)"
    assert list(report["systems"]) == ["bm25"]
    bm25 = report["systems"]["bm25"]
    assert bm25["gold"] == {"1": third, "2": third, "3": pytest.approx(200 / 3)}
    assert bm25["answer"] == {"1": 50, "2": 75, "3": 75}
    assert bm25["mrr"] == {"gold": pytest.approx(100 * (1 + 1 / 3) / 3), "answer": pytest.approx(100 * 2.5 / 4)}
    limited = evaluated(cli, "--questions", "questions.jsonl", "--top-k", 1, "--limit", 1)
    assert limited == {
        "questions": 1,
        "judged": {"gold": 1, "answer": 1},
        "coverage": {"questions": 1, "judged": 1, "gold_passages": 1, "missing_gold_passages": 0},
        "systems": {
            "bm25": {
                "gold": {"1": 100.0},
                "answer": {"1": 100.0},
                "gold_intervals": {"1": [100.0, 100.0]},
                "answer_intervals": {"1": [100.0, 100.0]},
                "mrr": {"gold": 100.0, "answer": 100.0},
            }
        },
    }


def test_a_beir_folder_and_its_files(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """nDCG is that of trec_eval on the run that was written."""
    monkeypatch.chdir(tmp_path)
    texts = ["apple apple apple", "apple apple pear", "apple pear pear", "cherry", "no fruit at all"]
    store = FAISSDocumentStore("store")
    store.write_documents([Document(id=str(number), content=text) for number, text in enumerate(texts, 1)])
    store.close()
    asked = [
        Question("apple", (), ("1", "3"), "q1", {"1": 1, "3": 3, "2": 0, "4": -1}),
        Question("cherry", (), ("4",), "q2", {"4": 2}),
    ]
    write_beir("beir", [], asked, "dev")
    of_folder = ("--questions", "beir", "--split", "dev")
    of_files = ("--questions", "beir/queries.jsonl", "--qrels", "beir/qrels/dev.tsv")
    reports = [
        evaluated(cli, *source, "--top-k", 3, "--measures", "nDCG@3", "--trec-run", "run.trec")
        for source in (of_folder, of_files)
    ]
    assert reports[0] == reports[1]
    with Path("run.trec").open() as run:
        judge = pytrec_eval.RelevanceEvaluator(
            {each.id: {name: int(grade) for name, grade in each.grades.items()} for each in asked}, {"ndcg_cut.3"}
        )
        theirs = judge.evaluate(pytrec_eval.parse_run(run))
    expected = 100 * sum(each["ndcg_cut_3"] for each in theirs.values()) / 2
    assert reports[0]["systems"]["bm25"]["measures"] == {"nDCG@3": pytest.approx(expected)}
    assert expected < 95
    for arguments, words in (
        (("--questions", "beir"), "test.tsv: is missing; its splits are dev"),
        (("--questions", "beir/qrels/dev.tsv"), "is a qrels file, not a file of questions"),
        ((*of_folder, "--qrels", "beir/qrels/dev.tsv"), "is a BEIR folder, which has qrels"),
        ((*of_files, "--trec-run", "beir/qrels/dev.tsv"), "would replace the questions"),
    ):
        ran = cli("evaluate", "--store", "store", *arguments)
        assert ran.code in (1, 2)
        assert words in ran.err


def test_answers_as_patterns(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = FAISSDocumentStore("store")
    store.write_documents([Document(content="It was built in 1889.")])
    store.close()
    Path("q.csv").write_text("built\t['18[0-9]{2}']\n")
    assert evaluated(cli, "--questions", "q.csv", "--top-k", 1)["systems"]["bm25"]["answer"] == {"1": 0.0}
    told = evaluated(cli, "--questions", "q.csv", "--top-k", 1, "--regex")
    bm25 = told["systems"]["bm25"]
    assert (bm25["gold"], bm25["answer"], bm25["mrr"]) == ({}, {"1": 100.0}, {"answer": 100.0})
    Path("q.csv").write_text("built\t['18[0-9]{2}']\nbuilt when\t['18(', '*']\n")
    ran = cli("evaluate", "--store", "store", "--questions", "q.csv", "--modes", "bm25", "--regex")
    assert "2 answers are not regular expressions and match nothing, e.g. '18('; without --regex" in ran.err


@pytest.mark.parametrize("kind", ["csv", "squad", "jsonl.gz"])
def test_question_files_of_every_kind(cli: Cli, in_workspace: Path, tmp_path: Path, kind: str) -> None:
    import gzip

    entry = questions(in_workspace)[0]
    path = tmp_path / f"q.{kind}"
    if kind == "csv":
        with path.open("w", newline="") as file:
            csv.writer(file, delimiter="\t").writerow([entry["question"], repr(entry["answers"])])
    elif kind == "squad":
        path = path.with_suffix(".json")
        asked = {
            "id": "1",
            "question": entry["question"],
            "answers": [{"text": entry["answers"][0], "answer_start": 0}],
        }
        paragraph = {"context": f"{entry['answers'][0]} and more", "qas": [asked]}
        path.write_text(json.dumps({"data": [{"title": "T", "paragraphs": [paragraph]}]}))
    else:
        path.write_bytes(gzip.compress(json.dumps(entry).encode()))
    report = evaluated(cli, "--questions", path)
    assert report["questions"] == 1
    assert report["systems"]["hybrid"]["answer"]["100"] == 100.0
    assert (report["systems"]["hybrid"]["gold"] != {}) is (kind == "jsonl.gz")  # SQuAD's passage is not in the store


def test_the_table_has_the_same_figures(cli: Cli, in_workspace: Path, tmp_path: Path) -> None:
    (tmp_path / "q.jsonl").write_text("\n".join(json.dumps(entry) for entry in questions(in_workspace)[:6]))
    report = evaluated(cli, "--questions", tmp_path / "q.jsonl", "--top-k", 1, 5)
    out = cli("evaluate", "--store", "store", "--questions", tmp_path / "q.jsonl", "--top-k", 1, 5).out
    lines = [line.split() for line in out.splitlines()]
    for name, system in report["systems"].items():
        rows = [line[1:] for line in lines if line and line[0] == name and line[1] != "-"]
        expected = []
        for what in ("gold", "answer"):
            cells = zip(system[what].values(), system[f"{what}_intervals"].values(), strict=True)
            told = [(f"{value:.1f}", f"({low:.1f}-{high:.1f})") for value, (low, high) in cells]
            expected.append([*sum(told, ()), f"{system['mrr'][what]:.1f}"])
        assert rows == expected
    for kind, pairs in report["significance"].items():
        for pair, by_k in pairs.items():
            columns = [(f"{each['difference']:+.1f}", f"(p={each['p']:.3f})") for each in by_k.values()]
            assert [*pair.split(), *sum(columns, ())] in lines, (kind, pair)
    assert "% of 6 questions" in out


def test_bad_questions_are_passed_over_where_that_is_asked_for(cli: Cli, own_workspace: Path) -> None:
    file = own_workspace / "questions.jsonl"
    file.write_bytes(b'{no json\n{"question": "caf\xe9"}\n' + file.read_bytes())
    assert cli("evaluate", "--store", "store", "--questions", "questions.jsonl").code == 2
    ran = cli("evaluate", "--store", "store", "--questions", "questions.jsonl", "--skip-bad", "--json")
    assert json.loads(ran.out)["questions"] == 40
    said = ran.err.splitlines()
    assert [line.split(":")[0] for line in said] == ["skipped", "skipped", "2 bad records skipped"]
    assert ["line 1" in said[0], "line 2" in said[1]] == [True, True]
