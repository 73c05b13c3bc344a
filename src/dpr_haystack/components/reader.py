# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The DPR reader as a Haystack component: questions and passages in, extracted answers out."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from haystack import component, default_to_dict, logging
from haystack.dataclasses import Document, ExtractedAnswer
from haystack.utils import ComponentDevice, Secret
from tqdm import tqdm

from dpr_haystack.components._answers import Readings, answers_of, read_documents
from dpr_haystack.components._basics import ComponentBasics
from dpr_haystack.components._documents import without_dictionaries
from dpr_haystack.components._reading import ReaderAttributes, ReaderSettings, agreed_batch_size
from dpr_haystack.components._towers import as_device, hub_token
from dpr_haystack.core.answer_ranking import Probabilities, RankBy
from dpr_haystack.core.checks import check_integer
from dpr_haystack.core.spans import PassageReading
from dpr_haystack.core.text import PassageText

if TYPE_CHECKING:
    from dpr_haystack.engines.reader.reader import Reader

logger = logging.getLogger(__name__)


@component
class DPRReader(ComponentBasics, ReaderAttributes):
    """Extracts answers to a question from passages, with their probabilities.

    This is the reader of Karpukhin et al. (2020), section 6.1, which scores each passage and each span in it. Other
    models for extractive question answering can be used as well. It replaces ``ExtractiveReader`` of Haystack 2 and
    ``TransformersExtractiveReader``, and accepts their arguments by name.

    ```python
    from dpr_haystack import DPRReader
    from haystack import Document
    reader = DPRReader()
    document = Document(content="On the Origin of Species is a work by Charles Darwin.", meta={"title": "Darwin"})
    reader.run(query="who wrote the origin of species?", documents=[document])["answers"][0].data
    ```

    Documents without text are skipped with a warning. The model is loaded by :meth:`warm_up` or on first use.

    :param model: A name on the Hugging Face hub or a path: a DPR reader, any model for extractive question answering,
        or a model directory of dpr-haystack, whose reader is used. Local paths need no network.
    :param device: Where the model runs: a ``ComponentDevice``, or a name such as ``"cpu"`` or ``"cuda:0"``; ``None``
        for the best available device.
    :param token: Token for the Hugging Face hub, for gated and private models.
    :param dtype: The number format of the computation: ``"float32"``, ``"bfloat16"``, ``"float16"``, or ``"auto"``
        (bfloat16 where the processor supports it natively, else float32). Scores are always float32.
    :param top_k: The number of answers to return, not counting "no answer".
    :param max_answer_length: The longest answer in tokens; at most half of a window. Windows overlap enough for an
        answer of this length to lie within one. ``None`` for no limit.
    :param rank_by: ``"passage"``: all answers from a more relevant passage rank above those from a less relevant one,
        as in the paper. ``"span"``: the answers of all passages are compared directly, which is also done for models
        that do not score passages.
    :param probabilities: ``"softmax"``: those of all answers and of "no answer" sum to 1. ``"sigmoid"``: each answer
        has its own, as in Haystack's reader, and answers are ranked by span.
    :param passages_per_batch: The maximum number of passages (or windows of long passages) in a batch; ``None`` to
        choose it by the number of tokens.
    :param no_answer: Whether to return an additional answer with ``data=None``, whose score is the probability that
        no passage contains an answer. It precedes all answers that are less probable.
    :param retriever_weight: The weight of the documents' own scores. They are scaled from 0 (the lowest of the run) to
        1 (the highest, or all if they are equal; a missing score counts as 0), multiplied by the weight, and added to
        the relevance of the passage, or with ``rank_by="span"`` to the scores of its spans.
    :param score_threshold: Leave out answers with a lower probability; ``None`` for no threshold.
    :param max_seq_length: The longest input in tokens; ``None`` for the length the model was made for, at most 350
        for DPR readers and 384 for other models. Longer passages are split into windows. A question is cut to half of
        this length, and a title to an eighth.
    :param stride: The number of tokens by which windows overlap; more if ``max_answer_length`` requires it.
    :param max_batch_size: Another name for ``passages_per_batch``.
    :param answers_per_seq: The maximum number of spans to consider in each window; ``None`` for the limit of 10,000.
    :param calibration_factor: Scores are multiplied by it before they are converted to probabilities.
    :param overlap_threshold: If two answers from one document share more than this fraction of either of them, only
        the better one is returned. ``None`` to remove only exact duplicates.
    :param model_kwargs: Further arguments of transformers' ``from_pretrained`` for the model.
    :param title_field: The key of the title in ``meta``; ``None`` to ignore titles.
    :param progress_bar: Whether to show a progress bar.
    :param tokenizer_kwargs: The same for the tokenizer.
    :param config_kwargs: Settings that replace those of the model's ``config.json``.
    :param attn_implementation: The attention, e.g. ``"eager"``; ``None`` for the fastest one that the model has.
    :param revision: The branch, tag or commit on the hub; ``None`` for the main branch.
    :param trust_remote_code: Whether code in the model's repository may run.
    :raises InputError: If an argument is invalid.
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
        probabilities: Probabilities = "softmax",
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
        tokenizer_kwargs: dict[str, Any] | None = None,
        config_kwargs: dict[str, Any] | None = None,
        attn_implementation: str | None = None,
        revision: str | None = None,
        trust_remote_code: bool = False,
    ) -> None:
        check_integer("top_k", top_k)
        model = str(model) if isinstance(model, Path) else model
        batch_size = agreed_batch_size(passages_per_batch, max_batch_size)
        self._settings = ReaderSettings(
            model=model, device=as_device(device), token=token, dtype=dtype, top_k=top_k,
            max_answer_length=max_answer_length, rank_by=rank_by, probabilities=probabilities,
            passages_per_batch=batch_size, no_answer=no_answer, retriever_weight=retriever_weight,
            score_threshold=score_threshold, max_seq_length=max_seq_length, stride=stride,
            answers_per_seq=answers_per_seq, calibration_factor=calibration_factor, overlap_threshold=overlap_threshold,
            title_field=title_field, progress_bar=progress_bar, revision=revision, trust_remote_code=trust_remote_code,
            attn_implementation=attn_implementation, model_kwargs=model_kwargs, tokenizer_kwargs=tokenizer_kwargs,
            config_kwargs=config_kwargs,
        )  # fmt: skip
        self._load_again()
        self._is_fallback_logged = False

    def warm_up(self) -> None:
        """Load the model, if it is not loaded yet.

        :raises ModelError: If it cannot be found or loaded, or is not a reader.
        :raises InputError: If it is an encoder, or does not support a setting.
        """
        self._loaded()

    async def warm_up_async(self) -> None:
        """Load the model in a separate thread, if it is not loaded yet."""
        await asyncio.to_thread(self.warm_up)

    def close(self) -> None:
        """Release the model; the next use loads it again."""
        self._reader.close()

    def to_dict(self) -> dict[str, Any]:
        """Serialise the component to a dictionary."""
        return default_to_dict(self, **self._settings.parameters())

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
        """Extract answers to one question. Arguments that are ``None`` default to those of the constructor.

        :param query: The question.
        :param documents: The passages, in any order. Their scores matter only if ``retriever_weight`` is not 0.
        :param top_k: The number of answers to return; 0 for none.
        :param score_threshold: Leave out answers with a lower probability.
        :param max_seq_length: The longest input in tokens.
        :param stride: The number of tokens by which windows overlap.
        :param max_batch_size: The maximum number of passages in a batch.
        :param answers_per_seq: The maximum number of spans to consider in each window.
        :param no_answer: Whether to return "no answer" as well.
        :param overlap_threshold: By how much two answers from one document may overlap.
        :returns: ``answers``: best first, with probabilities as scores, and offsets in characters of the document's
            content. ``meta`` contains the title, the probability of the passage (``passage_score``) and the page
            (``answer_page_number``), if known.
        :raises InputError: If the question is not a non-blank string, or another argument is invalid.
        :raises ModelError: If the model cannot be loaded.
        """
        settings = self._settings.changed(
            top_k=top_k,
            score_threshold=score_threshold,
            max_seq_length=max_seq_length,
            stride=stride,
            passages_per_batch=max_batch_size,
            answers_per_seq=answers_per_seq,
            no_answer=no_answer,
            overlap_threshold=overlap_threshold,
        )
        return {"answers": self._read([query], [without_dictionaries("documents", documents)], settings)[0]}

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
        """See :meth:`run`; runs in a separate thread."""
        first = (query, documents, top_k, score_threshold, max_seq_length, stride)
        return await asyncio.to_thread(self.run, *first, max_batch_size, answers_per_seq, no_answer, overlap_threshold)

    def read(
        self, questions: Sequence[str], documents: Sequence[Sequence[Document]], top_k: int | None = None
    ) -> list[list[ExtractedAnswer]]:
        """Extract answers to many questions, whose passages share batches.

        :param questions: The questions.
        :param documents: A list of passages for each question.
        :param top_k: The number of answers per question; ``None`` for that of the constructor.
        :returns: A list of answers for each question, as :meth:`run` returns them.
        :raises InputError: If there is not one list of documents per question, or an argument is invalid.
        """
        return self._read(questions, documents, self._settings.changed(top_k=top_k))

    def readings(
        self, questions: Sequence[str], documents: Sequence[Sequence[Document]], top_k: int | None = None
    ) -> list[Readings]:
        """Run the model without ranking: passages that are read once can be ranked in any subset by :meth:`answers`.

        :param questions: The questions.
        :param documents: A list of passages for each question.
        :param top_k: The number of answers for which to keep spans; ``None`` for that of the constructor.
        :returns: For each question one reading per passage; ``None`` for a document without text.
        :raises InputError: If there is not one list of documents per question, or an argument is invalid.
        """
        return self._readings(questions, documents, self._settings.changed(top_k=top_k))

    def answers(
        self,
        question: str,
        documents: Sequence[Document],
        readings: Sequence[PassageReading | None],
        top_k: int | None = None,
    ) -> list[ExtractedAnswer]:
        """Rank the spans of readings, without running the model.

        :param question: The question.
        :param documents: Its passages, or some of them.
        :param readings: The readings of these passages, from :meth:`readings`.
        :param top_k: The number of answers to return; ``None`` for that of the constructor.
        :returns: The answers, as :meth:`run` returns them.
        :raises InputError: If the numbers of documents and readings differ.
        """
        return answers_of(question, documents, readings, self._settings.changed(top_k=top_k))

    def _loaded(self) -> Reader:
        reader = self._reader.get()
        if self.rank_by == "passage" and not reader.scores_passages and not self._is_fallback_logged:
            self._is_fallback_logged = True
            logger.info("{model} does not score passages: its answers are ranked by span", model=self.model)
        return reader

    def _read(
        self, questions: Sequence[str], documents: Sequence[Sequence[Document]], settings: ReaderSettings
    ) -> list[list[ExtractedAnswer]]:
        readings = self._readings(questions, documents, settings)
        items = zip(questions, documents, readings, strict=True)
        return [answers_of(question, passages, read, settings) for question, passages, read in items]

    def _readings(
        self, questions: Sequence[str], documents: Sequence[Sequence[Document]], settings: ReaderSettings
    ) -> list[Readings]:
        def read(pairs: Sequence[tuple[str, PassageText]]) -> list[PassageReading]:
            reader = self._loaded()
            with tqdm(total=len(pairs), desc="Reading", unit=" passages", disable=not self.progress_bar) as bar:
                return reader.read(pairs, settings.reading_options(), progress=bar.update)

        return read_documents(questions, documents, self.title_field, read)
