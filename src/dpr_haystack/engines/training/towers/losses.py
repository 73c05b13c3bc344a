# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The loss over a batch: the paper's, the ones that it was compared with, and distillation.

Every passage of the batch is a negative of every question whose positive it is not (in-batch negatives, Karpukhin et
al. 2020, section 3.2), unless it is masked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, get_args

import torch
import torch.distributed
from sentence_transformers.base.losses.gradcache import CachedLossMixin, _minibatch_ranges
from sentence_transformers.util.distributed import all_gather_with_grad
from torch import Tensor, nn

from dpr_haystack.core.false_negatives import Mask
from dpr_haystack.core.similarity import Similarity
from dpr_haystack.core.training_config import LossName
from dpr_haystack.errors import InputError

Masking = Callable[[Sequence[int], Sequence[int]], Mask]
"""From numbers of questions and passages to a mask, (questions, passages): True for pairs that are not negatives."""

Teacher = Callable[[Sequence[int], Sequence[Sequence[int]]], Tensor]
"""From numbers of questions, and for each of its positive and negatives, to another model's scores in that shape."""


@dataclass(frozen=True)
class LossOptions:
    """Settings of the loss.

    :param loss: ``"nll"``: the paper's, equation 2; ``"triplet"``: the hinge loss of its appendix; ``"margin_mse"``
        (arXiv 2010.02666) and ``"kl"``: distillation from a teacher.
    :param similarity: How vectors are compared; ``L2`` is the negative distance here.
    :param scale: Factor of the similarities: the inverse of a temperature.
    :param margin: Margin of the triplet loss.
    :param dimensions: Lengths to which vectors are also shortened in training (Matryoshka, arXiv 2205.13147); empty
        for full vectors only.
    :param unit: Whether the towers return vectors of length 1.
    :param chunk_tokens: Most tokens per chunk in which texts are encoded.
    :param grad_cache: Whether only the activations of one chunk are kept at a time (GradCache, arXiv 2101.06983):
        memory does not grow with the batch, and every text is encoded twice.
    :param gather: Whether the passages of all processes are negatives.
    :raises InputError: If ``loss`` is unknown.
    """

    loss: LossName = "nll"
    similarity: Similarity = Similarity.DOT_PRODUCT
    scale: float = 1.0
    margin: float = 1.0
    dimensions: tuple[int, ...] = ()
    unit: bool = False
    chunk_tokens: int = 2048
    grad_cache: bool = False
    gather: bool = False

    def __post_init__(self) -> None:
        if self.loss not in get_args(LossName):
            msg = f"loss must be one of {', '.join(get_args(LossName))}: got {self.loss!r}"
            raise InputError(msg)


class Candidates(NamedTuple):
    """The questions and passages that the vectors of a batch belong to.

    :param questions: Numbers of the questions, (questions,).
    :param positives: Number of the positive of each question, (questions,).
    :param negatives: Numbers of the negatives of each question, below 0 for padding, (questions, most of one).
    :param passages: Numbers of the passages, below 0 for padding, (passages,).
    """

    questions: Tensor
    positives: Tensor
    negatives: Tensor
    passages: Tensor


class RetrievalLoss(CachedLossMixin, nn.Module):  # type: ignore[misc]
    """The loss of two towers over a batch.

    :param model: Both towers.
    :param options: Settings of the loss.
    :param masking: Which passages are not negatives of a question.
    :param teacher: The teacher for distillation.
    """

    def __init__(
        self, model: nn.Module, options: LossOptions, masking: Masking, teacher: Teacher | None = None
    ) -> None:
        super().__init__()
        self.model = model
        self.options = options
        self._masking = masking
        self._teacher = teacher
        self.mini_batch_size = 1
        self.mini_batch_num_tokens = options.chunk_tokens
        self.uses_gradient_cache = options.grad_cache

    def forward(self, sentence_features: Iterable[dict[str, Any]], labels: Tensor | None = None) -> Tensor:
        """The loss of a batch.

        :param sentence_features: The questions, then the passages, as the collator returns them.
        :param labels: Ignored.
        :returns: The loss, a scalar.
        """
        questions, passages = sentence_features
        inputs = [_inputs(questions), _inputs(passages)]
        candidates = Candidates(questions["row"], questions["positive"], questions["negatives"], passages["row"])
        if self.options.grad_cache:
            loss: Tensor = self.forward_cached(inputs, candidates)  # type: ignore[operator]
            return loss
        return self.calculate_loss([self._in_chunks(features) for features in inputs], candidates)

    def _in_chunks(self, features: dict[str, Any]) -> list[Tensor]:
        chunks = _minibatch_ranges(features, self.mini_batch_size, self.mini_batch_num_tokens)
        return [self.embed_minibatch(features, *chunk, True, False)[0] for chunk in chunks]  # type: ignore[operator]

    def calculate_loss(self, reps: list[list[Tensor]], labels: Candidates, *, with_backward: bool = False) -> Tensor:
        """The loss from vectors.

        :param reps: Chunks of vectors of the questions, and of the passages.
        :param labels: The questions and passages that they belong to.
        :param with_backward: Whether gradients of the vectors are computed here.
        :returns: The loss, a scalar.
        """
        # bfloat16 has only about three digits: vectors are compared in their own precision
        with torch.autocast(reps[0][0].device.type, enabled=False):
            return self._of_vectors(torch.cat(reps[0]), torch.cat(reps[1]), labels, with_backward=with_backward)

    def _of_vectors(self, questions: Tensor, passages: Tensor, labels: Candidates, *, with_backward: bool) -> Tensor:
        numbers = labels.passages
        if self.options.gather:
            passages, numbers = _gathered(passages, numbers)
        candidates = labels._replace(passages=numbers)
        full = questions.shape[1]
        losses = [self._loss(questions[:, :d], passages[:, :d], candidates) for d in self.options.dimensions or (full,)]
        loss = torch.stack(losses).mean()
        if with_backward:
            loss.backward()  # type: ignore[no-untyped-call]
            loss = loss.detach()
        return loss

    def _loss(self, questions: Tensor, passages: Tensor, candidates: Candidates) -> Tensor:
        # shortened unit vectors are scaled to length 1 again, as they are in use
        is_cosine = self.options.dimensions and self.options.unit
        similarity = Similarity.COSINE if is_cosine else self.options.similarity
        scores = similarities(questions, passages, similarity) * self.options.scale
        if self.options.loss in ("margin_mse", "kl"):
            return self._distilled(scores, candidates)
        targets = _indices_of(candidates.positives, candidates.passages)
        allowed = self._negatives(candidates, targets)
        if self.options.loss == "triplet":
            return triplet(scores, targets, allowed, self.options.margin)
        return negative_log_likelihood(scores, targets, allowed)

    def _negatives(self, candidates: Candidates, targets: Tensor) -> Tensor:
        numbers = candidates.passages.tolist()
        masked = torch.from_numpy(self._masking(candidates.questions.tolist(), numbers)).to(targets.device)
        seen: set[int] = set()
        repeated = [number in seen or seen.add(number) is not None for number in numbers]  # type: ignore[func-returns-value]
        masked |= torch.tensor(repeated, device=masked.device)
        masked[torch.arange(len(targets), device=targets.device), targets] = True
        if bool(masked.all()):
            msg = (
                f"a batch of {len(targets)} questions and {len(numbers)} passages has no negatives: every passage "
                "answers every question (rows of one question share their positives). Raise batch_size or "
                "hard_negatives, or set mask_same_answer to false"
            )
            raise InputError(msg)
        return ~masked

    def _distilled(self, scores: Tensor, candidates: Candidates) -> Tensor:
        numbers = torch.cat([candidates.positives[:, None], candidates.negatives], dim=1)  # (questions, 1 + negatives)
        present = numbers >= 0
        if self._teacher is None:
            msg = f"loss {self.options.loss!r} needs a teacher"
            raise InputError(msg)
        teacher = self._teacher(candidates.questions.tolist(), numbers.tolist()).to(scores)
        student = scores.gather(1, _indices_of(numbers.clamp(min=0), candidates.passages))
        if self.options.loss == "margin_mse":
            difference = (student[:, :1] - student[:, 1:]) - (teacher[:, :1] - teacher[:, 1:])
            # the loss is 0 if no question of the batch has negatives
            return difference[present[:, 1:]].square().mean() if bool(present[:, 1:].any()) else student.sum() * 0.0
        lowest = torch.finfo(scores.dtype).min
        student = student.masked_fill(~present, lowest).log_softmax(dim=1)
        teacher = teacher.masked_fill(~present, lowest).log_softmax(dim=1)
        return nn.functional.kl_div(student, teacher, reduction="batchmean", log_target=True)


def similarities(questions: Tensor, passages: Tensor, similarity: Similarity) -> Tensor:
    """The similarity of every question with every passage; higher is more similar.

    :param questions: (questions, dimension).
    :param passages: (passages, dimension).
    :param similarity: How vectors are compared.
    :returns: (questions, passages).
    """
    if similarity == Similarity.L2:
        return -torch.cdist(questions, passages, compute_mode="donot_use_mm_for_euclid_dist")
    if similarity == Similarity.COSINE:
        questions, passages = (nn.functional.normalize(vectors, dim=-1) for vectors in (questions, passages))
    return questions @ passages.T


def negative_log_likelihood(scores: Tensor, targets: Tensor, negatives: Tensor) -> Tensor:
    """The paper's loss (equation 2): the negative log-likelihood of the positive, averaged over questions.

    :param scores: (questions, passages).
    :param targets: The column of each question's positive, (questions,).
    :param negatives: True for negatives of a question, (questions, passages).
    :returns: The loss, a scalar.
    """
    positives = torch.zeros_like(negatives)
    positives[torch.arange(len(targets), device=targets.device), targets] = True
    return nn.functional.cross_entropy(scores.masked_fill(~(negatives | positives), -torch.inf), targets)


def triplet(scores: Tensor, targets: Tensor, negatives: Tensor, margin: float) -> Tensor:
    """The hinge loss ``max(0, margin - positive + negative)``, averaged over all pairs of question and negative.

    :param scores: (questions, passages).
    :param targets: The column of each question's positive, (questions,).
    :param negatives: True for negatives of a question, (questions, passages).
    :param margin: How much lower than the positive a negative must score.
    :returns: The loss, a scalar.
    """
    positive = scores.gather(1, targets[:, None])  # (questions, 1)
    return (margin - positive + scores)[negatives].clamp(min=0).mean()


def _inputs(features: dict[str, Any]) -> dict[str, Any]:
    return {name: features[name] for name in ("input_ids", "attention_mask", "row", "task")}


def _indices_of(values: Tensor, numbers: Tensor) -> Tensor:
    """The first index of each value in the numbers; the shape of ``values``."""
    return (values[..., None] == numbers).int().argmax(dim=-1)


def _gathered(passages: Tensor, numbers: Tensor) -> tuple[Tensor, Tensor]:
    """The passages of all processes, with gradients; the padding of smaller batches has numbers below 0."""
    if not torch.distributed.is_initialized():
        return passages, numbers
    count = torch.tensor(len(numbers), device=numbers.device)
    torch.distributed.all_reduce(count, op=torch.distributed.ReduceOp.MAX)
    missing = int(count) - len(numbers)
    passages = nn.functional.pad(passages, (0, 0, 0, missing))
    numbers = nn.functional.pad(numbers, (0, missing), value=-1)
    gathered = [torch.empty_like(numbers) for _ in range(torch.distributed.get_world_size())]
    torch.distributed.all_gather(gathered, numbers)
    return all_gather_with_grad(passages), torch.cat(gathered)
