# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The loss of a reader (Karpukhin et al. 2020, section 6.1): which passage has the answer, and where it is."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

from dpr_haystack.engines.training.reader.batches import NO_ROW

_NEVER = -1e9  # a finite number: the gradient of a row without any answer stays 0 instead of NaN


def reader_loss(
    start: Tensor, end: Tensor, relevance: Tensor, batch: Mapping[str, Tensor], no_answer_weight: float = 1.0
) -> Tensor:
    """The mean over questions of the selection loss, the span loss and the loss of "no answer".

    The selection loss is the cross-entropy of the positive among the passages of its question. The span loss is
    -log of the sum of P(start) P(end) over the correct spans of the positive. For "no answer" it is the same with the
    first token as the only correct one, averaged over the negatives of the question.

    :param start: Logits, (inputs, tokens).
    :param end: Logits, (inputs, tokens).
    :param relevance: Logits, (inputs,).
    :param batch: As :class:`~dpr_haystack.engines.training.reader.batches.ReaderCollator` makes it.
    :param no_answer_weight: Weight of the loss of "no answer".
    :returns: The loss, a scalar.
    """
    rows, positive = batch["rows"], batch["positive"]
    losses = span_losses(start, end, batch)
    known = rows != NO_ROW
    of_question = torch.where(known, losses[rows.clamp(min=0)], 0.0)
    is_positive = torch.zeros_like(known)
    is_positive[:, 0] = positive
    negatives = known & ~is_positive
    spans = (of_question * is_positive).sum()
    null = ((of_question * negatives).sum(1) / negatives.sum(1).clamp(min=1)).sum()
    return (selection_losses(relevance, batch).sum() + spans + no_answer_weight * null) / len(rows)


def span_losses(start: Tensor, end: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
    """-log of the probability of all correct spans of each input together; 0 for inputs without any.

    :param start: Logits, (inputs, tokens).
    :param end: Logits, (inputs, tokens).
    :param batch: The batch.
    :returns: The losses, (inputs,).
    """
    allowed, mask = batch["allowed"], batch["span_mask"]
    starts = functional.log_softmax(start.masked_fill(~allowed, _NEVER), dim=1).gather(1, batch["span_starts"])
    ends = functional.log_softmax(end.masked_fill(~allowed, _NEVER), dim=1).gather(1, batch["span_ends"])
    correct = torch.logsumexp((starts + ends).masked_fill(~mask, _NEVER), dim=1)
    return torch.where(mask.any(dim=1), -correct, 0.0)


def selection_losses(relevance: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
    """-log of the probability of the positive among the passages of its question; 0 for questions without one.

    :param relevance: Logits, (inputs,).
    :param batch: The batch.
    :returns: The losses, (questions,).
    """
    rows = batch["rows"]
    logits = relevance[rows.clamp(min=0)].masked_fill(rows == NO_ROW, _NEVER)
    return torch.where(batch["positive"], -functional.log_softmax(logits, dim=1)[:, 0], 0.0)
