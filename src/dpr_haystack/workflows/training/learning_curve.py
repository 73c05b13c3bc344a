# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Accuracy after training on increasing numbers of questions (paper, figure 1).

The first point is the untrained encoder; BM25 is the baseline.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dpr_haystack.backends.registry import search_over
from dpr_haystack.core.batching import batched
from dpr_haystack.core.exact import exact_search
from dpr_haystack.core.files import write_atomically
from dpr_haystack.core.hits import Hits
from dpr_haystack.core.model_directory import Role
from dpr_haystack.core.passages import Passage
from dpr_haystack.core.progress import StepProgress
from dpr_haystack.core.similarity import Similarity
from dpr_haystack.core.text import PassageText, as_title, normalize_question, question_key
from dpr_haystack.core.training_config import TrainingConfig
from dpr_haystack.errors import InputError
from dpr_haystack.formats.open_text import OnBad
from dpr_haystack.formats.question import Question
from dpr_haystack.workflows.evaluation.coverage import judgeable
from dpr_haystack.workflows.evaluation.retrieval_judge import Ranks, RetrievalJudge
from dpr_haystack.workflows.opening import all_passages
from dpr_haystack.workflows.training.encoder_pair import EncoderPair
from dpr_haystack.workflows.training.loading import drawn, load_training_set, tables_of
from dpr_haystack.workflows.training.run_directory import RunDirectory
from dpr_haystack.workflows.training.running import facts_of
from dpr_haystack.workflows.training.train import train_dpr

if TYPE_CHECKING:
    from dpr_haystack.backends.passage_search import PassageSearch
    from dpr_haystack.components.retrievers.common import AnyStore

BM25 = "BM25"

_AT_ONCE = 64

Notify = Callable[[str], None]
"""Called with a message about what is being done."""


@dataclass(frozen=True)
class CurveOptions:
    """Settings of a learning curve.

    :param counts: Numbers of training questions, each for a separate training; 0 is the untrained encoder.
    :param depth: How many passages are retrieved per question.
    :param match: ``"string"``, or ``"regex"`` if answers are patterns.
    :raises InputError: If counts or depth are invalid.
    """

    counts: tuple[int, ...] = (0, 1_000, 5_000, 20_000)
    depth: int = 100
    match: str = "string"

    def __post_init__(self) -> None:
        if not self.counts or min(self.counts) < 0 or len(set(self.counts)) < len(self.counts):
            msg = f"counts must be distinct numbers of questions, 0 or more: got {list(self.counts)}"
            raise InputError(msg)
        if self.depth < 1:
            msg = f"depth must be at least 1: got {self.depth}"
            raise InputError(msg)


def learning_curve(
    config: TrainingConfig,
    document_store: AnyStore,
    questions: Sequence[Question],
    options: CurveOptions | None = None,
    *,
    notify: Notify | None = None,
    on_bad: OnBad | None = None,
    progress: StepProgress | None = None,
    token: str | None = None,
) -> dict[str, Ranks]:
    """Train on increasing parts of the training file and evaluate each pair over all passages, by exact search.

    Each count has its own folder below ``config.output_dir``. Finished parts are not repeated: after an interruption,
    the same call resumes.

    :param config: The training configuration; its ``train_questions`` is set to each count. Questions are drawn with
        its seed, so that a larger part contains the smaller ones.
    :param document_store: The passages; its vectors are not used.
    :param questions: Evaluation questions, which should not be among the training questions.
    :param options: Settings of the learning curve.
    :param notify: Called with a message per count, and if evaluation questions are in the training file.
    :param on_bad: Called with the error of each bad example, if ``config.skip_bad`` is set.
    :param progress: Called after every training step.
    :param token: A Hugging Face token.
    :returns: Ranks of the first right passages: of BM25, then of each count, named ``"0 questions"`` and so on.
    :raises InputError: If there are no questions, none can be judged, there are fewer training questions than a count,
        or the folder of a count contains another training.
    """
    chosen = options or CurveOptions()
    if not questions:
        msg = "a learning curve needs evaluation questions: got none"
        raise InputError(msg)
    notify = notify or (lambda _: None)
    root = Path(config.output_dir).expanduser().absolute()
    search = search_over(document_store, purpose="a learning curve")
    try:
        questions, _ = judgeable(search, questions)
        data = _training_data(config, chosen.counts, questions, notify, on_bad) if max(chosen.counts) else {}
        evaluator = _Evaluator(search, questions, chosen, lambda: all_passages(document_store))
        ranks = {BM25: evaluator.bm25_ranks()}
        for count in sorted(chosen.counts):
            name = f"{count} questions"
            folder = root / f"{count}"
            notify(f"{name}: {folder}")
            pair = _trained(config, count, data.get(count, {}), folder, progress, token)
            path = folder / "ranks.json"
            ranks[name] = evaluator.saved_ranks(path, pair) or evaluator.dense_ranks(pair, path)
    finally:
        search.close()
    return ranks


def _training_data(
    config: TrainingConfig, counts: Sequence[int], questions: Sequence[Question], notify: Notify, on_bad: OnBad | None
) -> dict[int, dict[str, Any]]:
    """Facts that identify the data of each training; checks that there are enough before the first one begins."""
    bad = (on_bad or (lambda _: None)) if config.skip_bad else None
    whole = load_training_set(config.train_files, on_bad=bad, on_note=notify, tables=tables_of(config))
    if len(whole.rows) < max(counts):
        msg = (
            f"counts must not exceed the {len(whole.rows)} training questions in {', '.join(config.train_files)}: "
            f"got {max(counts)}"
        )
        raise InputError(msg)
    known = {question_key(row.question) for row in whole.rows}
    shared = sum(question_key(question.question) in known for question in questions)
    if shared:
        notify(
            f"{shared} of the {len(questions)} evaluation questions are also in the training file, so that the "
            "accuracy is overestimated: use other questions"
        )
    return {count: facts_of(drawn(whole, count, config.seed)) for count in counts}


def _trained(
    config: TrainingConfig,
    count: int,
    data: Mapping[str, Any],
    folder: Path,
    progress: StepProgress | None,
    token: str | None,
) -> EncoderPair:
    from dpr_haystack.engines.towers.tower import TowerUse

    options: dict[str, Any] = {"token": token, "dtype": config.dtype}
    if count == 0:
        models: dict[Role, str] = {"question": config.model, "passage": config.passage_model or config.model}
        as_trained = TowerUse(pooling=config.pooling, normalize=config.normalize)
        return EncoderPair(models, config.device, {**options, "use": as_trained}, Similarity.parse(config.similarity))
    part = replace(config, train_questions=count, output_dir=str(folder))
    if not RunDirectory(folder).is_finished(part, data):
        report = train_dpr(part, token=token, progress=progress)
        if not report.finished:
            raise KeyboardInterrupt
    model = str(folder / "model")
    return EncoderPair({"question": model, "passage": model}, config.device, options)


class _Evaluator:
    """Evaluates every pair with the same questions over the same passages.

    :param search: Searches the passages.
    :param questions: The questions.
    :param options: Settings of the learning curve.
    :param passages: Reads all passages; called once, when the first pair is evaluated.
    """

    def __init__(
        self,
        search: PassageSearch,
        questions: Sequence[Question],
        options: CurveOptions,
        passages: Callable[[], Sequence[Passage]],
    ) -> None:
        self._search = search
        self._questions = questions
        self._options = options
        self._passages = cache(passages)
        self._facts = cache(self._facts_of_evaluation)

    def bm25_ranks(self) -> Ranks:
        """BM25's ranks."""
        depth = self._options.depth
        texts = batched([question.question for question in self._questions], _AT_ONCE)
        return self._judged(hits for batch in texts for hits in self._search.keyword_hits(batch, depth, None))

    def saved_ranks(self, path: Path, pair: EncoderPair) -> Ranks | None:
        """The ranks in a file, if they are of this pair with the same questions and passages.

        :param path: The file.
        :param pair: The pair.
        """
        if not path.is_file():
            return None
        saved = json.loads(path.read_text(encoding="utf-8"))
        is_same = saved.get("of") == {**self._facts(), "pair": pair.facts()}
        return Ranks(saved["gold"], saved["answer"]) if is_same else None

    def dense_ranks(self, pair: EncoderPair, path: Path) -> Ranks:
        """A pair's ranks by exact search over all passages; they are saved to a file.

        :param pair: The pair.
        :param path: The file.
        """
        passages = self._passages()
        vectors, similarity = pair.encode("passage", [(as_title(passage.title), passage.text) for passage in passages])
        texts: list[PassageText] = [(None, normalize_question(question.question)) for question in self._questions]
        questions, _ = pair.encode("question", texts)
        results = exact_search(vectors, questions, self._options.depth, similarity)
        ranks = self._judged(Hits([passages[row].id for row in rows], scores.tolist()) for rows, scores in results)
        path.parent.mkdir(parents=True, exist_ok=True)
        of = {**self._facts(), "pair": pair.facts()}
        write_atomically(path, json.dumps({"of": of, "gold": ranks.gold, "answer": ranks.answer}) + "\n")
        return ranks

    def _facts_of_evaluation(self) -> dict[str, Any]:
        """Everything that ranks depend on apart from the pair."""
        questions = [[question.question, question.passage_ids, question.answers] for question in self._questions]
        passages = [[passage.id, passage.title, passage.text] for passage in self._passages()]
        return {
            "questions": _digest(questions),
            "passages": _digest(passages),
            "depth": self._options.depth,
            "match": self._options.match,
        }

    def _judged(self, runs: Iterable[Hits]) -> Ranks:
        judge = RetrievalJudge(self._search, ["system"], self._options.depth, self._options.match)
        for question, hits in zip(self._questions, runs, strict=True):
            judge.judge(question, {"system": hits})
        return judge.ranks["system"]


def _digest(values: Iterable[Any]) -> str:
    digest = hashlib.sha256()
    for value in values:
        digest.update(json.dumps(value).encode())
    return digest.hexdigest()[:32]
