# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""All that training can be told, flat and checked."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

from dpr_haystack.core.model_directory import POOLINGS, Pooling
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
class TrainingConfig:
    """How two towers are trained; what is left out is as in the paper's released settings.

    :param model: The checkpoint to start from: BERT-like, DPR, sentence-transformers, or a model directory.
    :param train_file: Training examples: DPR's JSON or JSON lines, or columns in CSV or TSV; several are read as one.
    :param output_dir: Where everything goes: the trained pair in ``model/``, checkpoints, curves.
    :param dev_file: Examples to validate with; None not to validate.
    :param passage_model: The passage tower's checkpoint, where it is another one.
    :param train_questions: Train with so many of the questions, drawn by the seed; None for all.
    :param skip_bad: Pass over bad examples, and list them.
    :param tie_encoders: One tower for questions and passages.
    :param freeze_passage_tower: Leave the passage tower as it is, with its layers and its length: vectors in a store
        stay valid.
    :param freeze_embeddings: Leave the vectors of words as they are.
    :param layers: Keep so many layers of each tower, evenly spread; None for all.
    :param pooling: How token vectors become one; None for the checkpoint's own.
    :param normalize: Whether vectors get length 1; None for the checkpoint's own.
    :param max_question_length: Longest question in tokens; None for the checkpoint's own. Tied towers are one, with
        ``max_passage_length``.
    :param max_passage_length: Longest passage in tokens; None for the checkpoint's own.
    :param dropout: Of every layer; None for the checkpoint's own.
    :param lora_rank: Train low-rank adapters of this rank (LoRA, arXiv 2106.09685); 0 to train all weights.
    :param lora_alpha: Their strength; None for twice the rank.
    :param lora_dropout: What their input is thinned by.
    :param loss: ``"nll"``: the paper's (equation 2); ``"triplet"``; ``"margin_mse"`` and ``"kl"`` distil a teacher.
    :param similarity: ``"dot"``; ``"cosine"``: vectors get length 1, and a store finds them by inner product; or
        ``"euclidean"``, negated: their store is made with ``similarity="l2"``, as ``dpr-haystack index`` does.
    :param scale: What similarities are multiplied by in the loss; None for 1, or 20 where they cannot exceed 1 and the
        loss is not triplet, whose margin is in their units.
    :param margin: Of the triplet loss.
    :param teacher: A cross-encoder for distillation: a name on the hub or a path.
    :param matryoshka: Also train the first so many numbers of a vector to be used alone, e.g. [384, 128].
    :param hard_negatives: Hard negatives a question.
    :param other_negatives: Other negatives a question, from ``negative_ctxs``.
    :param positive: ``"first"``: the best positive; ``"random"``: any, another one in every epoch.
    :param negative: ``"first"``: the hardest; ``"random"``: any, others in every epoch.
    :param fallback: Whether other negatives stand in for missing hard ones.
    :param mask_same_answer: Whether passages of the batch that hold a question's answer are not its negatives.
    :param regex: Whether answers are regular expressions.
    :param batch_size: Questions a step, on each device.
    :param neighbourhood: Batches are made of so many passages at a time that are hard negatives of one another, with
        all their questions; 0 for questions at random.
    :param grad_cache: Keep the activations of one chunk at a time, so that any batch fits; None: on a GPU.
    :param chunk_tokens: Tokens in a chunk; None for what suits the device.
    :param gather: Whether passages of all devices are negatives.
    :param gradient_checkpointing: Compute activations again in the backward pass, to save memory.
    :param learning_rate: The highest learning rate.
    :param warmup_steps: Steps until it is reached; None for a tenth of all, at most the released 1,237.
    :param weight_decay: Of AdamW.
    :param max_grad_norm: Longer gradients are cut to this length.
    :param epochs: Passes over the questions.
    :param max_steps: Stop after so many steps.
    :param seed: Of everything random.
    :param device: A torch device; None for the best there is.
    :param dtype: ``"auto"``, ``"float32"`` or ``"bfloat16"``: what matrices are multiplied in.
    :param attention: transformers' name of an implementation of attention; None for the fastest to train.
    :param checkpoint_steps: Steps between checkpoints: what is lost if training is killed.
    :param keep_checkpoints: How many are kept.
    :param average_last: Also try the mean of the last so many checkpoints (0 not to), and keep it if it is better.
    :param evaluate_steps: Steps between validations; None for once an epoch.
    :param early_stopping: Stop after so many validations without a better one; None not to.
    :param best_metric: What "better" means.
    :param dev_questions: Validate with so many of them, drawn by the seed; None for all.
    :param dev_hard_negatives: Hard negatives a question in the pool of passages.
    :param dev_other_negatives: Other negatives a question in it.
    :param log_steps: Steps between two points of the curves.
    :param tensorboard: Whether TensorBoard is written too; None: if it is installed.
    :raises InputError: If a value cannot be, or two do not go together.
    """

    model: str
    train_file: str | tuple[str, ...]
    output_dir: str
    dev_file: str | None = None
    passage_model: str | None = None
    train_questions: int | None = None
    skip_bad: bool = False
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

    @property
    def train_files(self) -> tuple[str, ...]:
        """The training files, however many were named."""
        return (self.train_file,) if isinstance(self.train_file, str) else self.train_file

    @property
    def model_dir(self) -> Path:
        """Where the trained pair is written."""
        return Path(self.output_dir).expanduser() / "model"

    def _problems(self) -> Iterator[str]:
        yield from self._wrong_choices()
        yield from self._wrong_numbers()
        if not self.train_files:
            yield "train_file names no file"
        if self.batch_size < 2 and not self.hard_negatives and not self.other_negatives:
            yield (
                "a batch of 1 question without hard negatives has no negative, and nothing can be learned from it: "
                f"raise batch_size ({self.batch_size}) or hard_negatives ({self.hard_negatives})"
            )
        yield from self._do_not_go_together()

    def _wrong_choices(self) -> Iterator[str]:
        hints = get_type_hints(type(self))
        for name in ("loss", "similarity", "positive", "negative", "dtype", "best_metric"):
            choices = get_args(hints[name])
            if getattr(self, name) not in choices:
                yield f"{name} must be one of {', '.join(choices)}, got {getattr(self, name)!r}"
        if self.pooling is not None and self.pooling not in POOLINGS:
            yield f"pooling must be one of {', '.join(POOLINGS)}, got {self.pooling!r}"

    def _wrong_numbers(self) -> Iterator[str]:
        for names, least, strict in ((_POSITIVE + _OPTIONAL_POSITIVE, 0, True), (_NOT_NEGATIVE, 0, False)):
            for name in names:
                value = getattr(self, name)
                if value is None:
                    continue
                if not math.isfinite(value) or value < least or (strict and value == least):
                    yield f"{name} must be {'above 0' if strict else '0 or more'}, got {value}"
        for name in ("dropout", "lora_dropout"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < 1:
                yield f"{name} must be from 0 up to below 1, got {value}"
        if any(each < 1 for each in self.matryoshka):
            yield f"matryoshka must be numbers above 0, got {list(self.matryoshka)}"

    def _do_not_go_together(self) -> Iterator[str]:
        distilled = self.loss in ("margin_mse", "kl")
        if distilled and self.teacher is None:
            yield f"loss {self.loss} distils a cross-encoder: name it as teacher"
        if distilled and not self.hard_negatives and not self.other_negatives:
            yield f"loss {self.loss} compares a positive with negatives of its own: raise hard_negatives above 0"
        if self.similarity == "cosine" and self.normalize is False:
            yield "similarity cosine gives vectors of length 1, so that a store finds them: leave normalize out"
        if self.teacher is not None and not distilled:
            yield f"teacher is used by the losses margin_mse and kl, and loss is {self.loss}"
        if self.tie_encoders and (self.freeze_passage_tower or self.passage_model is not None):
            yield "tie_encoders makes one tower of two: no passage_model and no freeze_passage_tower beside it"
        if self.average_last > self.keep_checkpoints:
            yield (
                f"average_last is {self.average_last}, but only {self.keep_checkpoints} checkpoints are kept: raise "
                "keep_checkpoints"
            )
        name, _, number = (self.device or "").partition(":")
        if name == "cuda" and number not in ("", "0"):
            yield (
                f"device {self.device}: a training takes the first GPU that it sees; show it this one: "
                f"CUDA_VISIBLE_DEVICES={number} dpr-haystack train ..., without device"
            )
        if self.early_stopping is not None and self.dev_file is None:
            yield "early_stopping needs a dev_file to validate with"

    def as_settings(self) -> dict[str, Any]:
        """All settings by name, as YAML and JSON have them."""
        told = dataclasses.asdict(self)
        return {name: list(value) if isinstance(value, tuple) else value for name, value in told.items()}
