# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What is minimised: the paper's loss, the ones that it was compared with, and distillation, over passages of a batch.

Every passage of the batch is a negative of every question whose positive it is not (in-batch negatives, Karpukhin et
al. 2020, section 3.2), except for those that are masked.
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
"""For numbers of questions and passages, (questions, passages): where a passage is no negative of a question."""

Teacher = Callable[[Sequence[int], Sequence[Sequence[int]]], Tensor]
"""For numbers of questions and, of each, its positive and its negatives: another model's scores, in their shape."""


@dataclass(frozen=True)
class LossOptions:
    """Which loss.

    :param loss: ``"nll"``: the paper's, equation 2; ``"triplet"``: its appendix' hinge; ``"margin_mse"`` (arXiv
        2010.02666) and ``"kl"``: distillation from a teacher.
    :param similarity: How vectors are compared; for ``L2`` the negative distance.
    :param scale: What similarities are multiplied by: the inverse of a temperature.
    :param margin: Of the triplet loss.
    :param dimensions: Also trained to be used by their first numbers (Matryoshka, arXiv 2205.13147); none for whole
        vectors only.
    :param unit: Whether the towers give vectors of length 1.
    :param chunk_tokens: Texts are encoded in chunks of so many tokens.
    :param grad_cache: Whether activations of one chunk at a time are kept (GradCache, arXiv 2101.06983): as much memory
        for any batch, and every text encoded twice.
    :param gather: Whether passages of all processes are negatives.
    :raises InputError: If one of them is unknown.
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
    """What the vectors of a batch belong to.

    :param questions: Numbers of questions, (questions,).
    :param positives: The number of each one's positive, (questions,).
    :param negatives: Numbers of each one's own negatives, below 0 for none, (questions, most that one has).
    :param passages: Numbers of the passages, below 0 for a place without one, (passages,).
    """

    questions: Tensor
    positives: Tensor
    negatives: Tensor
    passages: Tensor


class RetrievalLoss(CachedLossMixin, nn.Module):  # type: ignore[misc]
    """The loss of two towers over a batch.

    :param model: Both towers.
    :param options: Which loss.
    :param masking: Which passages are no negatives.
    :param teacher: For distillation.
    """

    def __init__(
        self, model: nn.Module, options: LossOptions, masking: Masking, teacher: Teacher | None = None
    ) -> None:
        super().__init__()
        self.model = model
        self.options = options
        self._outside = (masking, teacher)
        self.mini_batch_size = 1
        self.mini_batch_num_tokens = options.chunk_tokens
        self.uses_gradient_cache = options.grad_cache

    def forward(self, sentence_features: Iterable[dict[str, Any]], labels: Tensor | None = None) -> Tensor:
        """The loss of a batch.

        :param sentence_features: The questions, then the passages, as the collator gives them.
        """
        questions, passages = sentence_features
        inputs = [_inputs(questions), _inputs(passages)]
        candidates = Candidates(questions["row"], questions["positive"], questions["negatives"], passages["row"])
        if self.options.grad_cache:
            loss: Tensor = self.forward_cached(inputs, candidates)  # type: ignore[operator]
            return loss
        return self.calculate_loss([self._in_chunks(each) for each in inputs], candidates)

    def _in_chunks(self, features: dict[str, Any]) -> list[Tensor]:
        chunks = _minibatch_ranges(features, self.mini_batch_size, self.mini_batch_num_tokens)
        return [self.embed_minibatch(features, *chunk, True, False)[0] for chunk in chunks]  # type: ignore[operator]

    def calculate_loss(self, reps: list[list[Tensor]], labels: Candidates, *, with_backward: bool = False) -> Tensor:
        """The loss from vectors.

        :param reps: Chunks of vectors of the questions, and of the passages.
        :param labels: What they belong to.
        :param with_backward: Whether gradients are computed here, down to the vectors.
        """
        # bfloat16 has three digits: vectors are compared in the precision that they have
        with torch.autocast(reps[0][0].device.type, enabled=False):
            return self._of_vectors(torch.cat(reps[0]), torch.cat(reps[1]), labels, with_backward=with_backward)

    def _of_vectors(self, questions: Tensor, passages: Tensor, labels: Candidates, *, with_backward: bool) -> Tensor:
        numbers = labels.passages
        if self.options.gather:
            passages, numbers = _gathered(passages, numbers)
        candidates = labels._replace(passages=numbers)
        whole = questions.shape[1]
        losses = [
            self._loss(questions[:, :d], passages[:, :d], candidates) for d in self.options.dimensions or (whole,)
        ]
        loss = torch.stack(losses).mean()
        if with_backward:
            loss.backward()  # type: ignore[no-untyped-call]
            loss = loss.detach()
        return loss

    def _loss(self, questions: Tensor, passages: Tensor, candidates: Candidates) -> Tensor:
        # the first numbers of a unit vector are none: they are made one, as whoever uses them alone would
        is_cosine = self.options.dimensions and self.options.unit
        similarity = Similarity.COSINE if is_cosine else self.options.similarity
        scores = similarities(questions, passages, similarity) * self.options.scale
        if self.options.loss in ("margin_mse", "kl"):
            return self._distilled(scores, candidates)
        targets = _places(candidates.positives, candidates.passages)
        allowed = self._negatives(candidates, targets)
        if self.options.loss == "triplet":
            return triplet(scores, targets, allowed, self.options.margin)
        return negative_log_likelihood(scores, targets, allowed)

    def _negatives(self, candidates: Candidates, targets: Tensor) -> Tensor:
        numbers = candidates.passages.tolist()
        masked = torch.from_numpy(self._outside[0](candidates.questions.tolist(), numbers)).to(targets.device)
        seen: set[int] = set()
        repeated = [number in seen or seen.add(number) is not None for number in numbers]  # type: ignore[func-returns-value]
        masked |= torch.tensor(repeated, device=masked.device)
        masked[torch.arange(len(targets), device=targets.device), targets] = True
        if bool(masked.all()):
            msg = (
                f"a batch of {len(targets)} questions and {len(numbers)} passages has no negative: every passage "
                "answers every question. Raise batch_size or hard_negatives, or set mask_same_answer to false"
            )
            raise InputError(msg)
        return ~masked

    def _distilled(self, scores: Tensor, candidates: Candidates) -> Tensor:
        own = torch.cat([candidates.positives[:, None], candidates.negatives], dim=1)  # (questions, 1 + negatives)
        there = own >= 0
        teacher = self._outside[1]
        if teacher is None:
            msg = f"loss {self.options.loss!r} needs a teacher"
            raise InputError(msg)
        taught = teacher(candidates.questions.tolist(), own.tolist()).to(scores)
        learned = scores.gather(1, _places(own.clamp(min=0), candidates.passages))
        if self.options.loss == "margin_mse":
            difference = (learned[:, :1] - learned[:, 1:]) - (taught[:, :1] - taught[:, 1:])
            # a batch whose questions all lack negatives has nothing to learn from
            return difference[there[:, 1:]].square().mean() if bool(there[:, 1:].any()) else learned.sum() * 0.0
        hidden = torch.finfo(scores.dtype).min
        student = learned.masked_fill(~there, hidden).log_softmax(dim=1)
        wanted = taught.masked_fill(~there, hidden).log_softmax(dim=1)
        return nn.functional.kl_div(student, wanted, reduction="batchmean", log_target=True)


def similarities(questions: Tensor, passages: Tensor, similarity: Similarity) -> Tensor:
    """Every question with every passage, higher for nearer.

    :param questions: (questions, dimension).
    :param passages: (passages, dimension).
    :param similarity: How vectors are compared.
    :returns: (questions, passages).
    """
    if similarity == Similarity.L2:
        return -torch.cdist(questions, passages, compute_mode="donot_use_mm_for_euclid_dist")
    if similarity == Similarity.COSINE:
        questions, passages = (nn.functional.normalize(each, dim=-1) for each in (questions, passages))
    return questions @ passages.T


def negative_log_likelihood(scores: Tensor, targets: Tensor, negatives: Tensor) -> Tensor:
    """The paper's loss (equation 2): how unlikely the positive is among itself and the negatives, as a mean.

    :param scores: (questions, passages).
    :param targets: The place of each question's positive, (questions,).
    :param negatives: True for negatives of a question, (questions, passages).
    """
    own = torch.zeros_like(negatives)
    own[torch.arange(len(targets), device=targets.device), targets] = True
    return nn.functional.cross_entropy(scores.masked_fill(~(negatives | own), -torch.inf), targets)


def triplet(scores: Tensor, targets: Tensor, negatives: Tensor, margin: float) -> Tensor:
    """The hinge by which a negative comes nearer than ``margin`` behind the positive, as a mean over all pairs.

    :param scores: (questions, passages).
    :param targets: The place of each question's positive, (questions,).
    :param negatives: True for negatives of a question, (questions, passages).
    :param margin: How far a negative must lie behind.
    """
    positive = scores.gather(1, targets[:, None])  # (questions, 1)
    return (margin - positive + scores)[negatives].clamp(min=0).mean()


def _inputs(features: dict[str, Any]) -> dict[str, Any]:
    return {name: features[name] for name in ("input_ids", "attention_mask", "row", "task")}


def _places(wanted: Tensor, numbers: Tensor) -> Tensor:
    """Where each wanted number is first found among the numbers; the shape of ``wanted``."""
    return (wanted[..., None] == numbers).int().argmax(dim=-1)


def _gathered(passages: Tensor, numbers: Tensor) -> tuple[Tensor, Tensor]:
    """The passages of all processes, with gradients; places that fill up smaller batches have a number below 0."""
    if not torch.distributed.is_initialized():
        return passages, numbers
    count = torch.tensor(len(numbers), device=numbers.device)
    torch.distributed.all_reduce(count, op=torch.distributed.ReduceOp.MAX)
    missing = int(count) - len(numbers)
    passages = nn.functional.pad(passages, (0, 0, 0, missing))
    numbers = nn.functional.pad(numbers, (0, missing), value=-1)
    everywhere = [torch.empty_like(numbers) for _ in range(torch.distributed.get_world_size())]
    torch.distributed.all_gather(everywhere, numbers)
    return all_gather_with_grad(passages), torch.cat(everywhere)
