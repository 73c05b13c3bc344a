# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The questions of a workspace, asked of every system, and what came of it as a table."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from haystack import Document

from dpr_haystack.backends.registry import search_over
from dpr_haystack.components.document_embedder import DPRDocumentEmbedder
from dpr_haystack.components.document_store import FAISSDocumentStore
from dpr_haystack.components.text_embedder import DPRTextEmbedder
from dpr_haystack.core.hybrid_settings import fitted_for
from dpr_haystack.core.metrics import first_gold, top_k_accuracy
from dpr_haystack.core.model_directory import read_manifest
from dpr_haystack.errors import DataError, MissingExtra
from dpr_haystack.formats.question import Question
from dpr_haystack.formats.questions import read_questions
from dpr_haystack.resources import trained_pair
from dpr_haystack.workflows.opening import hybrid_search_over
from dpr_haystack.workflows.workspace import Workspace, published_encoder

_KS = (1, 5, 20)
_COLUMNS = {"bm25": ("BM25", 6), "dpr": ("DPR", 6), "hybrid": ("hybrid", 8), "published": ("DPR as published", 18)}
_QUESTION = 58  # characters

Find = Callable[[str], Sequence[Document]]
"""For a question the passages that a system finds, the best first."""


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


def ask_all(workspace: Workspace) -> list[Asked]:
    """Ask the questions of a workspace, each of every system.

    Where the workspace has the trained pair that it came with, the encoder that this was trained from is asked too.

    :raises DataError: If there are none.
    """
    questions = list(read_questions(workspace.questions))
    if not questions:
        raise DataError(workspace.questions, "has no questions; delete it to get the sample ones again")
    store = FAISSDocumentStore.from_directory(workspace.store)
    settings = fitted_for(str(workspace.model))
    hybrid = hybrid_search_over(search_over(store), str(workspace.model), settings)
    systems: dict[str, Find] = {
        "bm25": lambda question: store.bm25_retrieval(question, max(_KS)),
        "dpr": lambda question: store.search(hybrid.embed([question])[0], max(_KS)),
        "hybrid": lambda question: hybrid.documents([question], max(_KS))[0],
    }
    if _has_the_trained_pair(workspace):
        systems["published"] = _published(store.filter_documents())
    for find in systems.values():
        find(questions[0].question)  # loads the model, so that no question pays for it
    asked = [_ask(systems, question) for question in questions]
    hybrid.tower.close()
    store.close()
    return asked


def report_lines(asked: Sequence[Asked]) -> Iterator[str]:
    """What was found, as a table: the rank of the right passage by each system, and the accuracies."""
    systems = [name for name in _COLUMNS if name in asked[0].ranks]
    yield _line("rank of the right passage", {name: _COLUMNS[name][0] for name in systems})
    for each in asked:
        ranks = {name: str(each.ranks[name] or "-") for name in systems}
        yield _line(_shortened(each.question, _QUESTION - 2), ranks)
        if any(rank != "1" for rank in ranks.values()):
            wrong = "; ".join(f"{name}: {each.titles[name]}" for name in systems if _is_wrong(each, name))
            yield f"    first, but wrong: {_shortened(wrong, 92)}" if wrong else "    nothing was found"
    yield ""
    for k in _KS:
        shares = {name: top_k_accuracy([each.ranks[name] for each in asked], [k])[k] for name in systems}
        yield _line(f"right passage in the top {k}, %", {name: f"{share:.1f}" for name, share in shares.items()})
    times = {name: sorted(each.milliseconds[name] for each in asked)[len(asked) // 2] for name in systems}
    yield _line("milliseconds a question, median", {name: f"{each:.1f}" for name, each in times.items()})


def _is_wrong(asked: Asked, system: str) -> bool:
    return asked.ranks[system] != 1 and bool(asked.titles[system])


def _line(first: str, cells: dict[str, str]) -> str:
    return f"{first:<{_QUESTION}}" + "".join(f"{text:>{_COLUMNS[name][1]}}" for name, text in cells.items())


def _ask(systems: dict[str, Find], question: Question) -> Asked:
    ranks: dict[str, int | None] = {}
    titles, milliseconds = {}, {}
    for name, find in systems.items():
        started = time.perf_counter()
        found = find(question.question)
        milliseconds[name] = 1000 * (time.perf_counter() - started)
        ranks[name] = first_gold([document.id for document in found], question.passage_ids)
        titles[name] = str(found[0].meta.get("title", "")) if found else ""
    return Asked(question.question, ranks, titles, milliseconds)


def _has_the_trained_pair(workspace: Workspace) -> bool:
    """Whether the workspace's model is the one that it came with, and the encoder before its training is there."""
    try:
        published_encoder()
    except MissingExtra:
        return False
    return read_manifest(workspace.model).training == read_manifest(trained_pair()).training


def _published(documents: Sequence[Document]) -> Find:
    """Exact search with the encoder as published, over passages that it embeds here."""
    model = str(published_encoder())
    plain = [Document(id=each.id, content=each.content, meta=each.meta) for each in documents]
    embedded = DPRDocumentEmbedder(model, progress_bar=False).run(plain)["documents"]
    vectors = np.array([document.embedding for document in embedded])
    embedder = DPRTextEmbedder(model)

    def find(question: str) -> Sequence[Document]:
        scores = vectors @ np.array(embedder.run(question)["embedding"])
        return [embedded[place] for place in np.argsort(-scores, kind="stable")[: max(_KS)]]

    return find


def _shortened(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1].rstrip() + "…"
