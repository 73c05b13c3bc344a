# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""How much training is worth: accuracy after training on more and more questions (paper, figure 1).

The first point is the encoder as it came, and BM25 is the line to beat: whoever looks sees whether training pays.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dpr_haystack.components.searches.any_store import search_over
from dpr_haystack.core.exact import Similarity, exact_search
from dpr_haystack.core.files import write_atomically
from dpr_haystack.core.passages import Passage
from dpr_haystack.core.text import as_title, normalize_question
from dpr_haystack.core.training_config import TrainingConfig
from dpr_haystack.errors import InputError
from dpr_haystack.formats.question import Question
from dpr_haystack.store.search import Hits
from dpr_haystack.training.run_directory import RunDirectory
from dpr_haystack.training.running import Progress, train_dpr
from dpr_haystack.workflows.judging import Ranks, RetrievalJudge
from dpr_haystack.workflows.stores import all_passages

if TYPE_CHECKING:
    from dpr_haystack.components.searches.any_store import AnyStore
    from dpr_haystack.components.searches.passage_search import PassageSearch

BM25 = "BM25"

_SIMILARITIES: dict[str, Similarity] = {"dot": "dot_product", "cosine": "cosine", "euclidean": "l2"}
_AT_ONCE = 64

Told = Callable[[str], None]
"""Told what is being done."""


@dataclass(frozen=True)
class CurveOptions:
    """How a learning curve is measured.

    :param counts: With how many questions to train, each a training of its own; 0 is the encoder as it came.
    :param depth: How many passages are looked at.
    :param match: ``"string"``, or ``"regex"`` where answers are patterns.
    :raises InputError: If there is nothing to measure.
    """

    counts: tuple[int, ...] = (0, 1_000, 5_000, 20_000)
    depth: int = 100
    match: str = "string"

    def __post_init__(self) -> None:
        if not self.counts or min(self.counts) < 0 or len(set(self.counts)) < len(self.counts):
            msg = f"counts must be different numbers of questions, 0 or more, got {list(self.counts)}"
            raise InputError(msg)
        if self.depth < 1:
            msg = f"depth must be at least 1, got {self.depth}"
            raise InputError(msg)


def learning_curve(
    config: TrainingConfig,
    document_store: AnyStore,
    questions: Sequence[Question],
    options: CurveOptions | None = None,
    *,
    told: Told | None = None,
    progress: Progress | None = None,
    token: str | None = None,
) -> dict[str, Ranks]:
    """Train on growing parts of the training file and measure each pair over all passages, by exact search.

    Everything goes into a folder a count below ``config.output_dir``. What is finished is not done again: the same call
    goes on.

    :param config: How to train; its ``train_questions`` is set to each count, drawn by its seed, so that a larger part
        holds the smaller ones.
    :param document_store: The passages; vectors that it has are not used.
    :param questions: To measure with: none that is trained on.
    :param options: The counts.
    :param told: Told what is being done.
    :param progress: Told of training steps.
    :param token: A hub token.
    :returns: Ranks of the first right passages: of BM25, then of each count, by ``"0 questions"`` and so on.
    :raises InputError: If there are no questions, or fewer training questions than a count.
    """
    chosen = options or CurveOptions()
    if not questions:
        msg = "there are no questions to measure with"
        raise InputError(msg)
    if not any(question.passage_ids or question.answers for question in questions):
        msg = "no question names a gold passage or an answer: there is nothing to measure"
        raise InputError(msg)
    say = told or (lambda _: None)
    search = search_over(document_store, purpose="a learning curve")
    root = Path(config.output_dir).expanduser().absolute()
    try:
        ranks = {BM25: _bm25(search, questions, chosen)}
        for count in sorted(chosen.counts):
            name = f"{count} questions"
            folder = root / f"{count}"
            say(f"{name}: {folder}")
            model = _trained(config, count, folder, progress, token)
            ranks[name] = _measured(model, folder, config, document_store, search, questions, chosen, token)
    finally:
        search.close()
    return ranks


def _trained(
    config: TrainingConfig, count: int, folder: Path, progress: Progress | None, token: str | None
) -> Mapping[str, str]:
    """The model of each role."""
    if count == 0:
        return {"question": config.model, "passage": config.passage_model or config.model}
    own = replace(config, train_questions=count, output_dir=str(folder))
    if not RunDirectory(folder).is_finished(own):
        report = train_dpr(own, token=token, progress=progress)
        if not report.finished:
            raise KeyboardInterrupt
    return dict.fromkeys(("question", "passage"), str(folder / "model"))


def _measured(
    model: Mapping[str, str],
    folder: Path,
    config: TrainingConfig,
    document_store: AnyStore,
    search: PassageSearch,
    questions: Sequence[Question],
    options: CurveOptions,
    token: str | None,
) -> Ranks:
    noted = folder / "ranks.json"
    key = {"questions": [question.question for question in questions], "depth": options.depth, "match": options.match}
    if noted.is_file():
        before = json.loads(noted.read_text(encoding="utf-8"))
        if before["of"] == key:
            return Ranks(before["gold"], before["answer"])
    encode = _encoder(model, config, token)
    passages = all_passages(document_store)
    vectors, similarity = encode("passage", [(as_title(each.title), each.text) for each in passages])
    asked, _ = encode("question", [(None, normalize_question(question.question)) for question in questions])
    ranks = _judged(_dense_runs(asked, vectors, similarity, passages, options.depth), search, questions, options)
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(noted, json.dumps({"of": key, "gold": ranks.gold, "answer": ranks.answer}) + "\n")
    return ranks


def _encoder(model: Mapping[str, str], config: TrainingConfig, token: str | None) -> Any:
    from dpr_haystack.engines.towers.checkpoints import load_encoder

    def encode(role: Any, texts: Any) -> tuple[NDArray[np.float32], Similarity]:
        untrained = model[role] in (config.model, config.passage_model)
        encoder = load_encoder(
            model[role],
            role,
            device=config.device or "cpu",
            token=token,
            dtype=config.dtype,
            pooling=config.pooling if untrained else None,
            normalize=config.normalize if untrained else None,
        )
        similarity = config.similarity if untrained else encoder.similarity
        return encoder.encode(texts), _SIMILARITIES[similarity]

    return encode


def _dense_runs(
    questions: NDArray[np.float32],
    vectors: NDArray[np.float32],
    similarity: Similarity,
    passages: Sequence[Passage],
    depth: int,
) -> Iterator[Hits]:
    for start in range(0, len(questions), _AT_ONCE):
        for rows, scores in exact_search(vectors, questions[start : start + _AT_ONCE], depth, similarity):
            yield Hits([passages[row].id for row in rows], list(map(float, scores)))


def _bm25(search: PassageSearch, questions: Sequence[Question], options: CurveOptions) -> Ranks:
    def runs() -> Iterator[Hits]:
        remaining = iter(questions)
        while batch := list(islice(remaining, _AT_ONCE)):
            yield from search.keyword_hits([question.question for question in batch], options.depth, None)

    return _judged(runs(), search, questions, options)


def _judged(runs: Iterator[Hits], search: PassageSearch, questions: Sequence[Question], options: CurveOptions) -> Ranks:
    judge = RetrievalJudge(search, ["system"], options.depth, options.match)
    for question, hits in zip(questions, runs, strict=True):
        judge.judge(question, {"system": hits})
    return judge.ranks["system"]
