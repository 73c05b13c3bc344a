# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""All settings of training, flat and checked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from dpr_haystack.core.model_directory import POOLINGS, Pooling
from dpr_haystack.core.training_settings import TrainingSettings
from dpr_haystack.errors import InputError

LossName = Literal["nll", "triplet", "margin_mse", "kl"]
SimilarityName = Literal["dot", "cosine", "euclidean"]
Metric = Literal["average_rank", "top_1", "top_5", "top_20"]

_POSITIVE = ("batch_size", "epochs", "learning_rate", "checkpoint_steps", "keep_checkpoints", "log_steps", "scale")
_OPTIONAL_POSITIVE = (
    "max_steps",
    "evaluate_steps",
    "max_question_length",
    "max_passage_length",
    "layers",
    "chunk_tokens",
    "early_stopping",
    "train_questions",
    "dev_questions",
)
_NOT_NEGATIVE = (
    "hard_negatives",
    "other_negatives",
    "neighbourhood",
    "weight_decay",
    "warmup_steps",
    "max_grad_norm",
    "lora_rank",
    "average_last",
    "dev_hard_negatives",
    "dev_other_negatives",
)


@dataclass(frozen=True, kw_only=True)
class TrainingConfig(TrainingSettings):
    """How two towers are trained. Defaults are the settings released with the paper.

    :param model: The checkpoint to start from: BERT-like, DPR, sentence-transformers, or a model directory.
    :param train_file: Training examples: DPR's JSON or JSON Lines, or columns in CSV or TSV; several files are
        concatenated.
    :param output_dir: Output directory: the trained pair in ``model/``, checkpoints, curves.
    :param dev_file: Examples for validation; None for no validation.
    :param passage_model: The passage tower's checkpoint, if it is another one.
    :param train_questions: Train on this many questions, drawn with ``seed``; None for all.
    :param skip_bad: Skip bad examples and list them.
    :param columns: The names of the columns of CSV and TSV files, in their order, e.g. [question, positive]; None for
        those in the first line.
    :param quoting: Whether quotes quote fields in these files (``"csv"``) or are part of the text (``"none"``); None to
        decide by the content.
    :param tie_encoders: Use one tower for questions and passages.
    :param freeze_passage_tower: Do not train the passage tower, so that the vectors in a store stay valid. Its layers
        and length stay the same too.
    :param freeze_embeddings: Do not train token embeddings.
    :param layers: Keep this many layers of each tower, evenly spread; None for all.
    :param pooling: How token vectors are pooled; None for the checkpoint's own way.
    :param normalize: Whether vectors are scaled to length 1; None for the checkpoint's own way.
    :param max_question_length: Longest question in tokens; None for the checkpoint's own limit. Tied towers use
        ``max_passage_length``.
    :param max_passage_length: Longest passage in tokens; None for the checkpoint's own limit.
    :param dropout: Dropout of every layer; None for the checkpoint's own.
    :param lora_rank: Train low-rank adapters of this rank (LoRA, arXiv 2106.09685); 0 to train all weights.
    :param lora_alpha: Their scaling factor; None for twice the rank.
    :param lora_dropout: Dropout of their input.
    :param loss: ``"nll"``: negative log likelihood (equation 2 of the paper); ``"triplet"``; ``"margin_mse"``
        and ``"kl"`` distil a teacher.
    :param similarity: ``"dot"``; ``"cosine"``: vectors are scaled to length 1, so that a store for inner products ranks
        them correctly; or ``"euclidean"``, negated: their store needs ``similarity="l2"``, which ``dpr-haystack index``
        sets.
    :param scale: Factor of the similarities in the loss; None for 1, or for 20 if similarities cannot exceed 1 and the
        loss is not triplet, whose margin has their unit.
    :param margin: Margin of the triplet loss.
    :param teacher: A cross-encoder for distillation: a name on the hub or a path.
    :param matryoshka: Also train these lengths of vector prefixes for use on their own, e.g. [384, 128].
    :param hard_negatives: Hard negatives per question.
    :param other_negatives: Other negatives per question, from ``negative_ctxs``.
    :param positive: ``"first"``: the best positive; ``"random"``: a random one in every epoch.
    :param negative: ``"first"``: the hardest negatives; ``"random"``: random ones in every epoch.
    :param fallback: Whether other negatives replace missing hard ones.
    :param mask_same_answer: Whether passages of the batch that contain a question's answer are excluded from its
        negatives.
    :param regex: Whether answers are regular expressions.
    :param batch_size: Questions per step, on each device.
    :param neighbourhood: Build batches from groups of this many passages that are hard negatives of one another, with
        all their questions; 0 for random questions.
    :param grad_cache: Keep the activations of one chunk at a time, so that any batch fits into memory; None for yes on
        a GPU and no on a processor.
    :param chunk_tokens: Tokens per chunk; None for a number that suits the device.
    :param gather: Whether the passages of all devices are negatives.
    :param gradient_checkpointing: Recompute activations in the backward pass to save memory.
    :param learning_rate: The peak learning rate.
    :param warmup_steps: Steps until it is reached; None for a tenth of all steps, at most the released 1,237.
    :param weight_decay: Weight decay of AdamW.
    :param max_grad_norm: Gradients are clipped to this norm.
    :param epochs: Passes over the questions.
    :param max_steps: Stop after this many steps; None for all epochs.
    :param seed: Seed of everything random.
    :param device: A torch device; None for the best there is.
    :param dtype: ``"auto"``, ``"float32"`` or ``"bfloat16"``: the number format of matrix products.
    :param attention: Name of an attention implementation of transformers; None for the fastest in training.
    :param checkpoint_steps: Steps between checkpoints; at most these are lost if training is killed.
    :param keep_checkpoints: How many checkpoints are kept.
    :param average_last: Also validate the mean of this many last checkpoints and keep it if it is better; 0 for no.
    :param evaluate_steps: Steps between validations; None for once per epoch.
    :param early_stopping: Stop after this many validations without improvement; None for never.
    :param best_metric: The metric that decides which weights are best.
    :param dev_questions: Validate on this many questions, drawn with ``seed``; None for all.
    :param dev_hard_negatives: Hard negatives per question in the pool of passages for validation.
    :param dev_other_negatives: Other negatives per question in that pool.
    :param log_steps: Steps between two points of the curves.
    :param tensorboard: Whether to write TensorBoard logs; None for yes if it is installed.
    :raises InputError: If a value is unknown or out of range, or if two settings exclude each other.
    """

    model: str
    train_file: str | tuple[str, ...]
    output_dir: str
    dev_file: str | None = None
    passage_model: str | None = None
    train_questions: int | None = None
    skip_bad: bool = False
    columns: tuple[str, ...] | None = None
    quoting: Literal["csv", "none"] | None = None
    tie_encoders: bool = False
    freeze_passage_tower: bool = False
    freeze_embeddings: bool = False
    layers: int | None = None
    pooling: Pooling | None = None
    normalize: bool | None = None
    max_question_length: int | None = None
    max_passage_length: int | None = None
    dropout: float | None = None
    lora_rank: int = 0
    lora_alpha: float | None = None
    lora_dropout: float = 0.0
    loss: LossName = "nll"
    similarity: SimilarityName = "dot"
    scale: float | None = None
    margin: float = 1.0
    teacher: str | None = None
    matryoshka: tuple[int, ...] = ()
    hard_negatives: int = 1
    other_negatives: int = 0
    positive: Literal["first", "random"] = "first"
    negative: Literal["first", "random"] = "first"
    fallback: bool = True
    mask_same_answer: bool = True
    regex: bool = False
    batch_size: int = 128
    neighbourhood: int = 0
    grad_cache: bool | None = None
    chunk_tokens: int | None = None
    gather: bool = True
    gradient_checkpointing: bool = False
    learning_rate: float = 2e-5
    warmup_steps: int | None = None
    weight_decay: float = 0.0
    max_grad_norm: float = 2.0
    epochs: int = 40
    max_steps: int | None = None
    seed: int = 12345
    device: str | None = None
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    attention: str | None = None
    checkpoint_steps: int = 500
    keep_checkpoints: int = 3
    average_last: int = 0
    evaluate_steps: int | None = None
    early_stopping: int | None = None
    best_metric: Metric = "average_rank"
    dev_questions: int | None = 1_000
    dev_hard_negatives: int = 30
    dev_other_negatives: int = 30
    log_steps: int = 20
    tensorboard: bool | None = None

    def __post_init__(self) -> None:
        for problem in self._problems():
            raise InputError(problem)

    def _problems(self) -> Iterator[str]:
        yield from self._wrong_choices(("loss", "similarity", "positive", "negative", "dtype", "best_metric"))
        yield from self._wrong_numbers(_POSITIVE + _OPTIONAL_POSITIVE, _NOT_NEGATIVE)
        yield from self._other_wrong_values()
        if self.batch_size < 2 and not self.hard_negatives and not self.other_negatives:
            yield (
                "a batch of 1 question without hard negatives has no negatives to learn from: "
                f"raise batch_size ({self.batch_size}) or hard_negatives ({self.hard_negatives})"
            )
        yield from self._do_not_go_together()
        yield from self._wrong_run("train")

    def _other_wrong_values(self) -> Iterator[str]:
        if self.pooling is not None and self.pooling not in POOLINGS:
            yield f"pooling must be one of {', '.join(POOLINGS)}: got {self.pooling!r}"
        if any(each < 1 for each in self.matryoshka):
            yield f"matryoshka must be numbers above 0: got {list(self.matryoshka)}"

    def _do_not_go_together(self) -> Iterator[str]:
        distilled = self.loss in ("margin_mse", "kl")
        if distilled and self.teacher is None:
            yield f"loss {self.loss} needs a cross-encoder to distil: set teacher"
        if distilled and not self.hard_negatives and not self.other_negatives:
            yield f"loss {self.loss} compares a positive with the question's own negatives: set hard_negatives above 0"
        if self.similarity == "cosine" and self.normalize is False:
            yield "similarity cosine scales vectors to length 1: do not set normalize to false"
        if self.teacher is not None and not distilled:
            yield f"teacher is only used with loss margin_mse or kl: got loss {self.loss}"
        if self.tie_encoders and (self.freeze_passage_tower or self.passage_model is not None):
            yield "tie_encoders excludes passage_model and freeze_passage_tower: both towers are the same"
