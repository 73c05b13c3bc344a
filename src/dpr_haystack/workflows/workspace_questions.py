# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Asks every system the questions of a workspace and tabulates the results."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from haystack import Document

from dpr_haystack.backends.registry import search_over
from dpr_haystack.components.document_embedder import DPRDocumentEmbedder
from dpr_haystack.components.document_store import FAISSDocumentStore
from dpr_haystack.components.retrievers.hybrid_search import SYSTEMS
from dpr_haystack.components.text_embedder import DPRTextEmbedder
from dpr_haystack.core.hybrid_settings import HybridSettings, fitted_for
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
"""Returns the passages that a system finds for a question, best first."""


@dataclass(frozen=True)
class QuestionResult:
    """One question and the results of each system.

    :param question: The question.
    :param ranks: For each system the rank of the gold passage, or None.
    :param titles: For each system the title of its first passage.
    :param milliseconds: For each system the duration of the search.
    """

    question: str
    ranks: dict[str, int | None]
    titles: dict[str, str]
    milliseconds: dict[str, float]


def ask_all(workspace: Workspace) -> list[QuestionResult]:
    """Ask every system all questions of a workspace.

    If the workspace still has its original model, the encoder that it was trained from is asked too.

    :param workspace: The workspace.
    :raises DataError: If there are no questions.
    """
    questions = list(read_questions(workspace.questions))
    if not questions:
        raise DataError(workspace.questions, "contains no questions; delete it to get the sample questions again")
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
        find(questions[0].question)  # loads the model before anything is timed
    results = [_ask(systems, question) for question in questions]
    hybrid.tower.close()
    store.close()
    return results


def report_lines(results: Sequence[QuestionResult]) -> Iterator[str]:
    """The results as a table: the rank of the gold passage in each system, and accuracies.

    :param results: One per question.
    """
    systems = [name for name in _COLUMNS if name in results[0].ranks]
    yield _line("rank of the right passage", {name: _COLUMNS[name][0] for name in systems})
    for result in results:
        ranks = {name: str(result.ranks[name] or "-") for name in systems}
        yield _line(_shortened(result.question, _QUESTION - 2), ranks)
        if any(rank != "1" for rank in ranks.values()):
            wrong = "; ".join(f"{name}: {result.titles[name]}" for name in systems if _is_wrong(result, name))
            yield f"    wrong passage first: {_shortened(wrong, 92)}" if wrong else "    nothing was found"
    yield ""
    for k in _KS:
        shares = {name: top_k_accuracy([result.ranks[name] for result in results], [k])[k] for name in systems}
        yield _line(f"right passage in the top {k}, %", {name: f"{share:.1f}" for name, share in shares.items()})
    times = {name: sorted(result.milliseconds[name] for result in results)[len(results) // 2] for name in systems}
    yield _line("milliseconds per question, median", {name: f"{time_:.1f}" for name, time_ in times.items()})


def why_hybrid_is_below(results: Sequence[QuestionResult], settings: HybridSettings) -> str | None:
    """One sentence if DPR alone ranks more right passages first than hybrid search does.

    :param results: One per question.
    :param settings: How hybrid search fused.
    :returns: The sentence; None if there is nothing to explain.
    """
    share = {name: top_k_accuracy([each.ranks[name] for each in results], [1])[1] for name in SYSTEMS}
    if share["hybrid"] >= share["dpr"]:
        return None
    origin = "nothing was fitted for this model"
    if settings.fitted:
        origin = f"the weights were fitted on {settings.fitted.get('questions', 'other')} other questions"
    return (
        f"Hybrid search is below DPR here because BM25 finds so few of these passages ({share['bm25']:.1f}% in the top "
        f"1), as the questions share few words with them, and still counts ({settings.summary}; {origin})."
    )


def _is_wrong(result: QuestionResult, system: str) -> bool:
    return result.ranks[system] != 1 and bool(result.titles[system])


def _line(first: str, cells: dict[str, str]) -> str:
    return f"{first:<{_QUESTION}}" + "".join(f"{text:>{_COLUMNS[name][1]}}" for name, text in cells.items())


def _ask(systems: dict[str, Find], question: Question) -> QuestionResult:
    ranks: dict[str, int | None] = {}
    titles, milliseconds = {}, {}
    for name, find in systems.items():
        started = time.perf_counter()
        documents = find(question.question)
        milliseconds[name] = 1000 * (time.perf_counter() - started)
        ranks[name] = first_gold([document.id for document in documents], question.passage_ids)
        titles[name] = str(documents[0].meta.get("title", "")) if documents else ""
    return QuestionResult(question.question, ranks, titles, milliseconds)


def _has_the_trained_pair(workspace: Workspace) -> bool:
    """Whether the workspace has its original model, and the encoder it was trained from is installed."""
    try:
        published_encoder()
    except MissingExtra:
        return False
    return read_manifest(workspace.model).training == read_manifest(trained_pair()).training


def _published(documents: Sequence[Document]) -> Find:
    """Exact search with the published encoder, which embeds the passages here."""
    model = str(published_encoder())
    plain = [Document(id=document.id, content=document.content, meta=document.meta) for document in documents]
    embedded = DPRDocumentEmbedder(model, progress_bar=False).run(plain)["documents"]
    vectors = np.array([document.embedding for document in embedded])
    embedder = DPRTextEmbedder(model)

    def find(question: str) -> Sequence[Document]:
        scores = vectors @ np.array(embedder.run(question)["embedding"])
        return [embedded[row] for row in np.argsort(-scores, kind="stable")[: max(_KS)]]

    return find


def _shortened(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1].rstrip() + "…"
