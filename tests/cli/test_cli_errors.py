# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Invalid input: exit code 2, a one-line error on stderr, nothing on stdout, no file changed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from dpr_haystack.cli import COMMANDS, main
from dpr_haystack.store.search import StoreSearch
from support.workspace import Ran

Cli = Callable[..., Ran]

WRONG = {
    "no command": ("", "COMMAND"),
    "unknown command": ("frobnicate", "frobnicate"),
    "unknown option": ("info store --frob", "--frob"),
    "no store": ("search q", "--store"),
    "unknown store": ("search q --store nowhere", "no store at nowhere"),
    "a model is no store": ("search q --store model", "no store at model"),
    "empty question": ("search '' --store store", "question is empty"),
    "blank question": ("search '  ' --store store --mode bm25", "question is empty"),
    "top-k of nothing": ("search q --store store --top-k 0", "must be an integer of at least 1: got '0'"),
    "negative top-k": ("search q --store store --top-k=-3", "must be an integer of at least 1: got '-3'"),
    "top-k in words": ("search q --store store --top-k five", "must be an integer of at least 1: got 'five'"),
    "unknown mode": ("search q --store store --mode magic", "magic"),
    "unknown dtype": ("search q --store store --dtype int3", "int3"),
    "unknown device": ("search q --store store --device toaster", "toaster"),
    "a device that is not there": ("search q --store store --device cuda:99", "cuda:99"),
    "unknown question model": ("search q --store store --question-model nobody/nothing", "nobody/nothing"),
    "question model of another store": ("search q --store store --question-model TINY", "were made by"),
    "path of no model": ("search q --store store --question-model corpus", "corpus"),
    "evaluate: unknown store": ("evaluate --store nowhere --questions questions.jsonl", "nowhere"),
    "evaluate: no such file": ("evaluate --store store --questions nowhere.jsonl", "nowhere.jsonl does not exist"),
    "evaluate: bad line": ("evaluate --store store --questions bad.jsonl", "bad.jsonl, line 2"),
    "evaluate: no question": ("evaluate --store store --questions empty.jsonl", "needs questions: got none"),
    "evaluate: top-k": ("evaluate --store store --questions questions.jsonl --top-k 1 0", "at least 1: got '0'"),
    "evaluate: another tower": (
        "evaluate --store store --questions questions.jsonl --question-model TINY",
        "were made by",
    ),
    "build-training-data: over the questions": (
        "build-training-data questions.jsonl --store store --output ./questions.jsonl",
        "--output ./questions.jsonl would replace the questions",
    ),
    "build-training-data: a table": (
        "build-training-data questions.jsonl --store store --output new.tsv",
        "new.tsv: the name of a training file must end in .json or .jsonl",
    ),
    "fit-hybrid: over the questions": (
        "fit-hybrid --store store --questions questions.jsonl --output questions.jsonl",
        "--output questions.jsonl would replace the questions",
    ),
    "index: missing file": ("index nowhere.txt --store new --model model", "nowhere.txt does not exist"),
    "index: unknown kind": (
        "index corpus convert.rst --store new --model model",
        "unknown suffix '.rst'; known: .csv, .docx, .htm",
    ),
    "index: nothing to read": ("index pipelines --store new --model model", "no readable files in pipelines"),
    "index: unknown model": ("index corpus --store new --model nobody/nothing", "nobody/nothing"),
    "index: words": ("index corpus --store new --model model --words 0", "must be an integer of at least 1: got '0'"),
    "index: unknown index": ("index corpus --store new --model model --index Magic", "Magic"),
    "index: unknown language": ("index corpus --store new --model model --language klingon", "klingon"),
    "index: store of another model": ("index corpus --store store --model TINY", "were made by"),
    "index: store of something else": ("index corpus --store pipelines --model model", "neither empty nor a store"),
    "info: nowhere": ("info nowhere", "nowhere is neither"),
    "check: nowhere": ("check nowhere", "no store at nowhere"),
    "convert: unknown model": ("convert nobody/nothing --output new", "nobody/nothing"),
    "convert: over a store": ("convert model --output store --overwrite", "store"),
}


def state_of(root: Path) -> dict[str, int]:
    below = (path for path in root.rglob("*") if path.is_file() and not path.name.endswith(("-wal", "-shm", ".lock")))
    return {path.relative_to(root).as_posix(): path.stat().st_size for path in below}


@pytest.mark.parametrize("case", list(WRONG))
def test_bad_input(case: str, cli: Cli, own_workspace: Path, tiny_models: tuple[Path, Path]) -> None:
    import shlex

    (own_workspace / "bad.jsonl").write_text('{"question": "who?", "answers": ["me"]}\n{"question": 3}\n')
    (own_workspace / "empty.jsonl").write_text("")
    (own_workspace / "convert.rst").write_text("text")
    line, expected = WRONG[case]
    before = state_of(own_workspace)
    ran = cli(*shlex.split(line.replace("TINY", str(tiny_models[0]))))
    assert (ran.code, ran.out) == (2, ""), ran
    assert ran.err.count("\n") == 1, ran.err
    assert ran.err.endswith("\n")
    assert ran.err.startswith("dpr-haystack")
    assert expected in ran.err
    assert state_of(own_workspace) == before


def test_every_command_says_its_own_name(cli: Cli) -> None:
    for name in COMMANDS:
        ran = cli(name, "--frob", "--store")
        assert ran.err.startswith(f"dpr-haystack {name}: ") or ran.err.startswith("dpr-haystack: ")
        assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)


def test_what_the_system_refuses_is_one_line_too(
    capsys: pytest.CaptureFixture[str], own_workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", "store/documents.sqlite")

    monkeypatch.setattr(StoreSearch, "keyword_hits", refused)
    code = main(["search", "q", "--store", "store", "--mode", "bm25"])
    printed = capsys.readouterr()
    assert (code, printed.out) == (1, "")
    assert printed.err.count("\n") == 1
    assert "store/documents.sqlite" in printed.err


def test_the_errors_of_the_library_are_told_without_their_lines(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "q.jsonl").write_text(json.dumps({"question": "a\nb"}) + "\n[\n")
    ran = cli("evaluate", "--store", tmp_path, "--questions", tmp_path / "q.jsonl")
    assert (ran.code, ran.err.count("\n")) == (2, 1)


HELD = {
    "a thesis": (["thesis.doc"], "is not a workspace .*thesis.doc"),
    "a store": (["store.json", "documents.sqlite"], "is a store"),
    "a model and a store": (["model/dpr.json", "store/store.json"], "is not a workspace"),
    "a corpus": (["corpus/a.txt"], "is not a workspace"),
}


@pytest.mark.parametrize("held", HELD)
def test_quickstart_leaves_a_directory_alone_that_holds_something_else(cli: Cli, tmp_path: Path, held: str) -> None:
    files, message = HELD[held]
    for name in files:
        (tmp_path / "mine" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mine" / name).write_text("{}")
    before = sorted(tmp_path.rglob("*"))
    ran = cli("quickstart", tmp_path / "mine")
    assert ran.code == 2
    assert re.search(message, ran.err), ran.err
    assert sorted(tmp_path.rglob("*")) == before
