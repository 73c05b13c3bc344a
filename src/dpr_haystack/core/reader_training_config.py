# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""All settings of reader training, flat and checked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from dpr_haystack.core.reader_training_set import Spans
from dpr_haystack.core.training_settings import TrainingSettings
from dpr_haystack.errors import InputError

ReaderMetric = Literal["em", "f1"]

_POSITIVE = (
    "batch_size",
    "accumulate",
    "passages",
    "epochs",
    "learning_rate",
    "checkpoint_steps",
    "keep_checkpoints",
    "log_steps",
    "max_steps",
    "evaluate_steps",
    "max_length",
    "max_answer_length",
    "layers",
    "early_stopping",
    "train_questions",
    "dev_questions",
    "dev_passages",
)
_NOT_NEGATIVE = ("weight_decay", "warmup_steps", "max_grad_norm", "lora_rank", "average_last", "no_answer_weight")


@dataclass(frozen=True, kw_only=True)
class ReaderTrainingConfig(TrainingSettings):
    """How a reader is trained. Defaults are the settings of the paper (Karpukhin et al. 2020, section 6).

    :param model: The checkpoint to start from: an encoder of any family, or a reader that is trained further.
    :param train_file: Questions with passages: SQuAD, DPR's retrieval results, or a file of ``build-reader-data``;
        several files are concatenated.
    :param output_dir: Output directory: the trained reader in ``model/``, checkpoints, curves.
    :param dev_file: Questions with passages for validation; None for no validation.
    :param train_questions: Train on this many questions, drawn with ``seed``; None for all.
    :param skip_bad: Skip bad questions and list them.
    :param passages: Passages per question in a step: one that contains an answer, and others that do not. 1 trains on
        passages with an answer alone: the reader then does not score passages.
    :param spans: ``"all"``: every place in the passage that matches an answer is correct, and the sum of their
        probabilities is maximised; ``"annotated"``: only those that a person marked, where there are any.
    :param no_answer: Also train "no answer": passages without an answer are to select none.
    :param no_answer_weight: The weight of that part of the loss.
    :param max_length: Longest input in tokens, question included; longer passages are read in windows.
    :param max_answer_length: Longest answer in tokens, in validation and recorded with the model.
    :param dropout: Dropout of every layer; None for the checkpoint's own.
    :param layers: Keep this many layers, evenly spread; None for all.
    :param freeze_embeddings: Do not train token embeddings.
    :param lora_rank: Train low-rank adapters of this rank (LoRA, arXiv 2106.09685); 0 to train all weights.
    :param lora_alpha: Their scaling factor; None for twice the rank.
    :param lora_dropout: Dropout of their input.
    :param batch_size: Questions per forward pass, on each device.
    :param accumulate: Forward passes per step.
    :param gradient_checkpointing: Recompute activations in the backward pass to save memory.
    :param learning_rate: The peak learning rate.
    :param warmup_steps: Steps until it is reached; None for a tenth of all steps, at most 1,237.
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
    :param best_metric: The metric that decides which weights are best: exact match or F1.
    :param dev_questions: Validate on this many questions, drawn with ``seed``; None for all.
    :param dev_passages: Read this many passages of each, in the order of the file.
    :param log_steps: Steps between two points of the curves.
    :param tensorboard: Whether to write TensorBoard logs; None for yes if it is installed.
    :raises InputError: If a value is unknown or out of range, or if two settings exclude each other.
    """

    model: str
    train_file: str | tuple[str, ...]
    output_dir: str
    dev_file: str | None = None
    train_questions: int | None = None
    skip_bad: bool = False
    passages: int = 24
    spans: Spans = "all"
    no_answer: bool = False
    no_answer_weight: float = 1.0
    max_length: int = 350
    max_answer_length: int = 10
    dropout: float | None = None
    layers: int | None = None
    freeze_embeddings: bool = False
    lora_rank: int = 0
    lora_alpha: float | None = None
    lora_dropout: float = 0.0
    batch_size: int = 16
    accumulate: int = 1
    gradient_checkpointing: bool = False
    learning_rate: float = 1e-5
    warmup_steps: int | None = None
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0
    epochs: int = 20
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
    best_metric: ReaderMetric = "em"
    dev_questions: int | None = 1_000
    dev_passages: int = 50
    log_steps: int = 20
    tensorboard: bool | None = None

    def __post_init__(self) -> None:
        for problem in self._problems():
            raise InputError(problem)

    @property
    def scores_passages(self) -> bool:
        """Whether the reader learns which passage contains the answer."""
        return self.passages > 1

    def _problems(self) -> Iterator[str]:
        yield from self._wrong_choices(("spans", "dtype", "best_metric"))
        yield from self._wrong_numbers(_POSITIVE, _NOT_NEGATIVE)
        if self.no_answer and self.passages < 2:
            yield "no_answer learns from passages without an answer: set passages to 2 or more, got 1"
        yield from self._wrong_run("train-reader")
