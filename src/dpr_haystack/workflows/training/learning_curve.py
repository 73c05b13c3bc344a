# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""How much training is worth: accuracy after training on more and more questions (paper, figure 1).

The first point is the encoder as it came, and BM25 is the line to beat: whoever looks sees whether training pays.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dpr_haystack.backends.registry import search_over
from dpr_haystack.core.batching import batched
from dpr_haystack.core.exact import exact_search
from dpr_haystack.core.files import write_atomically
from dpr_haystack.core.hits import Hits
from dpr_haystack.core.model_directory import ROLES, Role
from dpr_haystack.core.passages import Passage
from dpr_haystack.core.similarity import Similarity
from dpr_haystack.core.text import PassageText, as_title, normalize_question
from dpr_haystack.core.training_config import TrainingConfig
from dpr_haystack.errors import InputError
from dpr_haystack.formats.open_text import OnBad
from dpr_haystack.formats.question import Question
from dpr_haystack.workflows.evaluation.retrieval_judge import Ranks, RetrievalJudge
from dpr_haystack.workflows.opening import all_passages
from dpr_haystack.workflows.training.loading import drawn, load_training_set
from dpr_haystack.workflows.training.run_directory import RunDirectory
from dpr_haystack.workflows.training.train import Progress, facts_of, train_dpr

if TYPE_CHECKING:
    from dpr_haystack.backends.passage_search import PassageSearch
    from dpr_haystack.components.retrievers.common import AnyStore
    from dpr_haystack.engines.towers.encoder import Encoder

BM25 = "BM25"

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
    on_bad: OnBad | None = None,
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
    :param told: Told what is being done, and how many of the questions are in the training file.
    :param on_bad: Told of bad examples, where ``config.skip_bad`` passes over them.
    :param progress: Told of training steps.
    :param token: A hub token.
    :returns: Ranks of the first right passages: of BM25, then of each count, by ``"0 questions"`` and so on.
    :raises InputError: If there are no questions, or fewer training questions than a count, or another training or
        other training data are in the folder of a count.
    """
    chosen = options or CurveOptions()
    if not questions:
        msg = "there are no questions to measure with"
        raise InputError(msg)
    if not any(question.passage_ids or question.answers for question in questions):
        msg = "no question names a gold passage or an answer: there is nothing to measure"
        raise InputError(msg)
    say = told or (lambda _: None)
    root = Path(config.output_dir).expanduser().absolute()
    data = _training_data(config, chosen.counts, questions, say, on_bad) if max(chosen.counts) else {}
    search = search_over(document_store, purpose="a learning curve")
    try:
        ruler = _Ruler(search, questions, chosen, lambda: list(all_passages(document_store)))
        ranks = {BM25: ruler.by_words()}
        for count in sorted(chosen.counts):
            name = f"{count} questions"
            folder = root / f"{count}"
            say(f"{name}: {folder}")
            pair = _trained(config, count, data.get(count, {}), folder, progress, token)
            ranks[name] = ruler.noted(folder / "ranks.json", pair) or ruler.by_vectors(pair, folder / "ranks.json")
    finally:
        search.close()
    return ranks


@dataclass(frozen=True)
class _Pair:
    """Two encoders, and how they are loaded.

    :param models: The checkpoint of each role.
    :param device: Where they encode; None for the best there is.
    :param options: For loading them.
    :param similarity: What untrained ones are compared by; None for what the checkpoint says.
    """

    models: Mapping[Role, str]
    device: str | None
    options: Mapping[str, Any]
    similarity: Similarity | None = None
    _loaded: dict[Role, Encoder] = field(default_factory=dict)

    def encode(self, role: Role, texts: Sequence[PassageText]) -> tuple[NDArray[np.float32], Similarity]:
        """Vectors of some texts, (texts, dimension), and what they are compared by."""
        encoder = self._encoder(role)
        return encoder.encode(texts), self.similarity or encoder.similarity or Similarity.DOT_PRODUCT

    def facts(self) -> dict[str, Any]:
        """What tells its vectors from another pair's."""
        return {
            role: [each.identity.fingerprint, each.pooling, each.normalize, self.similarity or each.similarity]
            for role in ROLES
            for each in [self._encoder(role)]
        }

    def _encoder(self, role: Role) -> Encoder:
        from dpr_haystack.engines.checkpoints.runtime import chosen_device
        from dpr_haystack.engines.towers.loading import load_encoder

        if role not in self._loaded:
            device = chosen_device(self.device)
            self._loaded[role] = load_encoder(self.models[role], role, device=device, **self.options)
        return self._loaded[role]


def _training_data(
    config: TrainingConfig, counts: Sequence[int], questions: Sequence[Question], say: Told, on_bad: OnBad | None
) -> dict[int, dict[str, Any]]:
    """What tells the data of each training from others; that there are enough is seen before the first begins."""
    bad = (on_bad or (lambda _: None)) if config.skip_bad else None
    whole = load_training_set(config.train_files, on_bad=bad)
    if len(whole.rows) < max(counts):
        msg = (
            f"counts ask for {max(counts)} training questions, but there are {len(whole.rows)} in "
            f"{', '.join(config.train_files)}"
        )
        raise InputError(msg)
    known = {normalize_question(row.question) for row in whole.rows}
    same = sum(normalize_question(each.question) in known for each in questions)
    if same:
        say(f"{same} of the {len(questions)} questions are in the training file too, which flatters: ask others")
    return {count: facts_of(drawn(whole, count, config.seed)) for count in counts}


def _trained(
    config: TrainingConfig,
    count: int,
    data: Mapping[str, Any],
    folder: Path,
    progress: Progress | None,
    token: str | None,
) -> _Pair:
    options = {"token": token, "dtype": config.dtype}
    if count == 0:
        models: dict[Role, str] = {"question": config.model, "passage": config.passage_model or config.model}
        as_trained = {"pooling": config.pooling, "normalize": config.normalize}
        return _Pair(models, config.device, {**options, **as_trained}, Similarity.parse(config.similarity))
    own = replace(config, train_questions=count, output_dir=str(folder))
    if not RunDirectory(folder).is_finished(own, data):
        report = train_dpr(own, token=token, progress=progress)
        if not report.finished:
            raise KeyboardInterrupt
    model = str(folder / "model")
    return _Pair({"question": model, "passage": model}, config.device, options)


class _Ruler:
    """Measures every pair by the same questions over the same passages.

    :param search: Where the passages are.
    :param questions: The questions.
    :param options: How deep to look.
    :param passages: Reads all passages; asked once, and not before a pair is measured.
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
        self._measuring = cache(self._measured_by)

    def by_words(self) -> Ranks:
        """BM25's ranks."""
        depth = self._options.depth
        texts = batched([question.question for question in self._questions], _AT_ONCE)
        return self._judged(hits for batch in texts for hits in self._search.keyword_hits(batch, depth, None))

    def noted(self, path: Path, pair: _Pair) -> Ranks | None:
        """What was measured before, if it was this pair with the same questions over the same passages."""
        if not path.is_file():
            return None
        before = json.loads(path.read_text(encoding="utf-8"))
        same = before.get("of") == {**self._measuring(), "pair": pair.facts()}
        return Ranks(before["gold"], before["answer"]) if same else None

    def by_vectors(self, pair: _Pair, path: Path) -> Ranks:
        """A pair's ranks by exact search over all passages, which are noted in a file."""
        passages = self._passages()
        vectors, similarity = pair.encode("passage", [(as_title(each.title), each.text) for each in passages])
        asked, _ = pair.encode("question", [(None, normalize_question(each.question)) for each in self._questions])
        found = exact_search(vectors, asked, self._options.depth, similarity)
        ranks = self._judged(Hits([passages[row].id for row in rows], scores.tolist()) for rows, scores in found)
        path.parent.mkdir(parents=True, exist_ok=True)
        of = {**self._measuring(), "pair": pair.facts()}
        write_atomically(path, json.dumps({"of": of, "gold": ranks.gold, "answer": ranks.answer}) + "\n")
        return ranks

    def _measured_by(self) -> dict[str, Any]:
        """What ranks depend on apart from the pair."""
        asked = [[each.question, each.passage_ids, each.answers] for each in self._questions]
        passages = [[each.id, each.title, each.text] for each in self._passages()]
        return {
            "questions": _digest(asked),
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
