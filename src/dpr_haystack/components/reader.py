# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Questions and passages in, answers out: the reader of dense passage retrieval as a Haystack component."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from haystack import component, default_from_dict, default_to_dict, logging
from haystack.dataclasses import Document, ExtractedAnswer
from haystack.utils import ComponentDevice, Secret
from tqdm import tqdm

from dpr_haystack.components._answers import answers_of, check_input, has_text
from dpr_haystack.components._reading import ReaderModel, ReaderSettings, kwargs_from_plain, one_of_both, plain_kwargs
from dpr_haystack.components._towers import as_device, hub_token
from dpr_haystack.components.retrievers.common import check_default_top_k, chosen_top_k
from dpr_haystack.core.answer_ranking import RankBy
from dpr_haystack.core.lazy import Lazy
from dpr_haystack.core.spans import PassageReading
from dpr_haystack.core.text import PassageText, passage_text
from dpr_haystack.errors import InputError

if TYPE_CHECKING:
    from dpr_haystack.engines.reader.reader import Reader

logger = logging.getLogger(__name__)

Readings = list[PassageReading | None]


@component
class DPRReader:
    """Finds answers to a question in passages, and says how probable they are.

    The reader of Karpukhin et al. 2020, section 6.1: it scores every passage and every span in it. Any model for
    extractive question answering reads as well. Takes the place of ``ExtractiveReader`` of Haystack 2 and
    ``TransformersExtractiveReader``, whose arguments it understands by name.

    ```python
    from dpr_haystack import DPRReader
    from haystack import Document

    reader = DPRReader()
    document = Document(content="On the Origin of Species is a work by Charles Darwin.", meta={"title": "Darwin"})
    reader.run(query="who wrote the origin of species?", documents=[document])["answers"][0].data
    ```

    A document without text is left out, with a warning. Documents are not changed.
    """

    __module__ = "haystack_integrations.components.readers.dpr"

    def __init__(
        self,
        model: str | Path = "facebook/dpr-reader-single-nq-base",
        *,
        device: ComponentDevice | str | None = None,
        token: Secret | None = hub_token(),  # noqa: B008
        dtype: str = "auto",
        top_k: int = 5,
        max_answer_length: int | None = 10,
        rank_by: RankBy = "passage",
        passages_per_batch: int | None = None,
        no_answer: bool = False,
        retriever_weight: float = 0.0,
        score_threshold: float | None = None,
        max_seq_length: int | None = None,
        stride: int = 128,
        max_batch_size: int | None = None,
        answers_per_seq: int | None = None,
        calibration_factor: float = 1.0,
        overlap_threshold: float | None = 0.01,
        model_kwargs: dict[str, Any] | None = None,
        title_field: str | None = "title",
        progress_bar: bool = False,
    ) -> None:
        """Keep the settings; nothing is loaded before :meth:`warm_up` or the first use.

        :param model: A name on the Hugging Face hub or a path: a DPR reader, a model for extractive question answering
            of any family, or a model directory, whose reader is taken. Local paths need no network.
        :param device: A ``ComponentDevice`` or e.g. ``"cuda:0"``; ``None`` for the best there is.
        :param token: Token for the hub, for models that need one.
        :param dtype: What the model computes in: ``"float32"``, ``"bfloat16"``, ``"float16"``, or ``"auto"``
            (bfloat16 where the processor has it natively, else float32). Scores are float32 in any case.
        :param top_k: How many answers to give; "no answer" comes on top.
        :param max_answer_length: Longest answer in tokens, found whole wherever it is, up to half of what is read at
            once. ``None`` for answers of any length.
        :param rank_by: ``"passage"``: all answers of a more relevant passage come before those of a less relevant one
            (the paper). ``"span"``: answers of all passages are compared. A model that does not score passages
            always does the latter.
        :param passages_per_batch: At most this many passages (or windows of long ones) a batch; ``None`` leaves it to
            their number of tokens.
        :param no_answer: Whether to give an answer with ``data=None`` and the probability that no passage has one,
            before the first answer that is less probable.
        :param retriever_weight: How much the documents' own scores count: brought to 0 (the lowest of a run) .. 1 (the
            highest, and all where they are equal), a missing one 0, times this, added to the passage's relevance, or
            with ``"span"`` to the scores of its spans.
        :param score_threshold: Answers that are less probable are left out.
        :param max_seq_length: Longest input in tokens; ``None`` for what the model was made for, at most 350 for DPR
            readers and 384 for others. Longer passages are read in windows. A question takes at most half of it and a
            title an eighth; what is longer is cut.
        :param stride: By how many tokens windows overlap; by more where ``max_answer_length`` needs it.
        :param max_batch_size: Another name of ``passages_per_batch``.
        :param answers_per_seq: At most this many spans of each window are considered; ``None`` for all (10,000).
        :param calibration_factor: What scores are multiplied by before they become probabilities.
        :param overlap_threshold: Of two answers in one document that share more than this part of one of them, the
            better is given. ``None`` gives all that are not the same characters.
        :param model_kwargs: Further arguments for ``from_pretrained``.
        :param title_field: The key of ``meta`` with the title; ``None`` for no titles.
        :param progress_bar: Whether to show the progress.
        :raises InputError: If a setting cannot be right.
        """
        check_default_top_k(top_k)
        if not isinstance(model, (str, Path)):
            msg = f"model must be a name on the Hugging Face hub or a path: got {model!r}"
            raise InputError(msg)
        self.model = str(model)
        self.device = as_device(device)
        self.token = token
        self.dtype = dtype
        self.model_kwargs = model_kwargs
        self.title_field = title_field
        self.progress_bar = progress_bar
        self.top_k = top_k
        self.max_answer_length = max_answer_length
        self.rank_by = rank_by
        self.passages_per_batch = one_of_both(passages_per_batch, max_batch_size)
        self.no_answer = no_answer
        self.retriever_weight = retriever_weight
        self.score_threshold = score_threshold
        self.max_seq_length = max_seq_length
        self.stride = stride
        self.answers_per_seq = answers_per_seq
        self.calibration_factor = calibration_factor
        self.overlap_threshold = overlap_threshold
        self._settings  # noqa: B018 -- checks them
        model_settings = ReaderModel(self.model, self.device, token, dtype, max_seq_length, model_kwargs)
        self._reader = Lazy(model_settings.load)
        self._said = False

    def warm_up(self) -> None:
        """Load the model, if it is not loaded yet.

        :raises ModelError: If it cannot be found or loaded, or is no reader; the message says what it is.
        :raises InputError: If it is an encoder, or does not go with a setting.
        """
        self._loaded()

    async def warm_up_async(self) -> None:
        """Load the model in a thread of its own, if it is not loaded yet."""
        await asyncio.to_thread(self.warm_up)

    def close(self) -> None:
        """Let go of the model; the next use loads it again."""
        self._reader.close()

    def to_dict(self) -> dict[str, Any]:
        """The component as a dictionary, e.g. for YAML."""
        return default_to_dict(
            self,
            model=self.model,
            device=self.device,
            token=self.token,
            dtype=self.dtype,
            **asdict(self._settings),
            model_kwargs=plain_kwargs(self.model_kwargs),
            title_field=self.title_field,
            progress_bar=self.progress_bar,
        )

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> DPRReader:
        """The component from a dictionary.

        :param data: What :meth:`to_dict` gave.
        """
        return default_from_dict(cls, kwargs_from_plain(data))

    def _get_telemetry_data(self) -> dict[str, Any]:
        return {"model": self.model}

    @component.output_types(answers=list[ExtractedAnswer])
    def run(
        self,
        query: str,
        documents: list[Document],
        top_k: int | None = None,
        score_threshold: float | None = None,
        max_seq_length: int | None = None,
        stride: int | None = None,
        max_batch_size: int | None = None,
        answers_per_seq: int | None = None,
        no_answer: bool | None = None,
        overlap_threshold: float | None = None,
    ) -> dict[str, Any]:
        """Find answers to one question. ``None`` stands for what the constructor says.

        :param query: The question.
        :param documents: The passages, in any order; their scores count if ``retriever_weight`` says so.
        :param top_k: How many answers to give; 0 for none.
        :param score_threshold: Answers that are less probable are left out.
        :param max_seq_length: Longest input in tokens.
        :param stride: By how many tokens windows overlap.
        :param max_batch_size: At most this many passages a batch.
        :param answers_per_seq: At most this many spans of each window are considered.
        :param no_answer: Whether to give "no answer" as well.
        :param overlap_threshold: How much two answers in one document may overlap.
        :returns: ``answers``: best first, with probabilities as scores and places in characters of the document's
            content. ``meta`` has the title, the probability of the passage and the page, where these are known.
        :raises InputError: If the question is empty or no string, or a setting cannot be right.
        :raises ModelError: If the model cannot be loaded.
        """
        settings = self._settings.changed(
            top_k=chosen_top_k(top_k, self.top_k),
            score_threshold=score_threshold,
            max_seq_length=max_seq_length,
            stride=stride,
            passages_per_batch=max_batch_size,
            answers_per_seq=answers_per_seq,
            no_answer=no_answer,
            overlap_threshold=overlap_threshold,
        )
        return {"answers": self._read([query], [documents], settings)[0]}

    @component.output_types(answers=list[ExtractedAnswer])
    async def run_async(
        self,
        query: str,
        documents: list[Document],
        top_k: int | None = None,
        score_threshold: float | None = None,
        max_seq_length: int | None = None,
        stride: int | None = None,
        max_batch_size: int | None = None,
        answers_per_seq: int | None = None,
        no_answer: bool | None = None,
        overlap_threshold: float | None = None,
    ) -> dict[str, Any]:
        """See :meth:`run`; works in a thread."""
        sizes = (max_seq_length, stride, max_batch_size)
        choice = (answers_per_seq, no_answer, overlap_threshold)
        return await asyncio.to_thread(self.run, query, documents, top_k, score_threshold, *sizes, *choice)

    def read(
        self, questions: Sequence[str], documents: Sequence[Sequence[Document]], top_k: int | None = None
    ) -> list[list[ExtractedAnswer]]:
        """:meth:`run` for many questions: passages of all of them share batches.

        :param questions: The questions.
        :param documents: A list of passages for each question.
        :param top_k: How many answers to give for each; ``None`` for what the constructor says.
        :returns: A list of answers for each question.
        :raises InputError: If there are not as many lists as questions, or one of them cannot be used.
        """
        return self._read(questions, documents, self._changed(top_k))

    def readings(
        self, questions: Sequence[str], documents: Sequence[Sequence[Document]], top_k: int | None = None
    ) -> list[Readings]:
        """What the model makes of each passage, apart from all others: read 100 passages once, rank any of them.

        :param questions: The questions.
        :param documents: A list of passages for each question.
        :param top_k: For how many answers to keep spans; ``None`` for what the constructor says.
        :returns: For each question one reading a passage, ``None`` for a document without text.
        """
        return self._readings(questions, documents, self._changed(top_k))

    def answers(
        self,
        question: str,
        documents: Sequence[Document],
        readings: Sequence[PassageReading | None],
        top_k: int | None = None,
    ) -> list[ExtractedAnswer]:
        """Answers from readings, without the model.

        :param question: The question.
        :param documents: Its passages, or some of them.
        :param readings: The readings of these, by :meth:`readings`.
        :param top_k: How many answers to give; ``None`` for what the constructor says.
        :raises InputError: If there are not as many readings as documents.
        """
        return answers_of(question, documents, readings, self._changed(top_k), title_field=self.title_field)

    def _loaded(self) -> Reader:
        reader = self._reader.get()
        if self.rank_by == "passage" and not reader.scores_passages and not self._said:
            self._said = True
            logger.info("{model} does not score passages: answers of all passages are compared", model=self.model)
        return reader

    @property
    def _settings(self) -> ReaderSettings:
        return ReaderSettings(**{field.name: getattr(self, field.name) for field in fields(ReaderSettings)})

    def _changed(self, top_k: int | None) -> ReaderSettings:
        return self._settings.changed(top_k=chosen_top_k(top_k, self.top_k))

    def _read(
        self, questions: Sequence[str], documents: Sequence[Sequence[Document]], settings: ReaderSettings
    ) -> list[list[ExtractedAnswer]]:
        readings = self._readings(questions, documents, settings)
        each = zip(questions, documents, readings, strict=True)
        return [answers_of(*one, settings, title_field=self.title_field) for one in each]

    def _readings(
        self, questions: Sequence[str], documents: Sequence[Sequence[Document]], settings: ReaderSettings
    ) -> list[Readings]:
        check_input(questions, documents)
        places = [(i, j) for i, each in enumerate(documents) for j, document in enumerate(each) if has_text(document)]
        pairs = [(questions[i], self._passage(documents[i][j])) for i, j in places]
        readings: list[Readings] = [[None] * len(each) for each in documents]
        if pairs:
            reader = self._loaded()
            with tqdm(total=len(pairs), desc="Reading", unit=" passages", disable=not self.progress_bar) as bar:
                found = reader.read(pairs, settings.reading_options(), progress=bar.update)
            for (i, j), reading in zip(places, found, strict=True):
                readings[i][j] = reading
        return readings

    def _passage(self, document: Document) -> PassageText:
        return passage_text(document.content or "", document.meta, title_field=self.title_field)
