# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The loss of a reader, against sums of probabilities written out one by one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from dpr_haystack.engines.training.reader.batches import NO_ROW
from dpr_haystack.engines.training.reader.loss import reader_loss, selection_losses, span_losses

ALLOWED = torch.tensor(
    [
        [1, 0, 0, 1, 1, 1],
        [1, 0, 0, 1, 1, 0],
        [1, 0, 0, 1, 1, 1],
        [1, 0, 0, 1, 0, 0],
        [1, 0, 0, 1, 1, 1],
    ]
).bool()
# input 0: two answers; 1 and 2: no answer; 3: one answer; 4: a passage of a question without any answer
SPANS = [[(3, 4), (5, 5)], [(0, 0)], [(0, 0)], [(3, 3)], [(0, 0)]]
ROWS = torch.tensor([[0, 1, 2], [3, NO_ROW, NO_ROW], [4, NO_ROW, NO_ROW]])


def batch_of(spans: list[list[tuple[int, int]]]) -> dict[str, torch.Tensor]:
    width = max(1, *map(len, spans))
    places = torch.zeros(2, len(spans), width, dtype=torch.long)
    mask = torch.zeros(len(spans), width, dtype=torch.bool)
    for row, each in enumerate(spans):
        for column, (first, last) in enumerate(each):
            places[0, row, column], places[1, row, column], mask[row, column] = first, last, True
    return {
        "allowed": ALLOWED,
        "span_starts": places[0],
        "span_ends": places[1],
        "span_mask": mask,
        "rows": ROWS,
        "positive": torch.tensor([True, True, False]),
    }


@pytest.fixture
def logits() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    start, end = torch.randn(2, *ALLOWED.shape, generator=generator) * 2
    return start, end, torch.randn(len(ALLOWED), generator=generator)


def probability(values: torch.Tensor, row: int, place: int) -> float:
    exponents = {at: math.exp(values[row, at].item()) for at in range(values.shape[1]) if ALLOWED[row, at]}
    return exponents[place] / sum(exponents.values())


def expected_of_spans(start: torch.Tensor, end: torch.Tensor, spans: Any) -> list[float]:
    return [
        -math.log(sum(probability(start, row, first) * probability(end, row, last) for first, last in each))
        if each
        else 0.0
        for row, each in enumerate(spans)
    ]


def test_the_probability_of_all_correct_spans_together(logits: Any) -> None:
    start, end, _ = logits
    np.testing.assert_allclose(
        span_losses(start, end, batch_of(SPANS)), expected_of_spans(start, end, SPANS), rtol=1e-5
    )


def test_the_positive_among_the_passages_of_its_question(logits: Any) -> None:
    relevance = logits[2]
    of_first = [math.exp(value) for value in relevance[:3].tolist()]
    expected = [-math.log(of_first[0] / sum(of_first)), 0.0, 0.0]
    np.testing.assert_allclose(selection_losses(relevance, batch_of(SPANS)), expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("weight", [1.0, 0.5])
def test_all_parts_per_question(logits: Any, weight: float) -> None:
    start, end, relevance = logits
    spans = expected_of_spans(start, end, SPANS)
    selection = selection_losses(relevance, batch_of(SPANS)).sum().item()
    expected = (selection + spans[0] + spans[3] + weight * ((spans[1] + spans[2]) / 2 + spans[4])) / 3
    assert reader_loss(start, end, relevance, batch_of(SPANS), weight).item() == pytest.approx(expected, rel=1e-5)


def test_without_no_answer_only_positives_have_a_span_loss(logits: Any) -> None:
    start, end, relevance = logits
    spans: list[list[tuple[int, int]]] = [SPANS[0], [], [], SPANS[3], []]
    by_hand = expected_of_spans(start, end, spans)
    selection = selection_losses(relevance, batch_of(spans)).sum().item()
    assert reader_loss(start, end, relevance, batch_of(spans)).item() == pytest.approx(
        (selection + by_hand[0] + by_hand[3]) / 3, rel=1e-5
    )


def test_inputs_without_a_span_get_no_gradient_and_no_nan(logits: Any) -> None:
    start, end, relevance = (each.requires_grad_() for each in logits)
    reader_loss(start, end, relevance, batch_of([SPANS[0], [], [], SPANS[3], []])).backward()
    assert start.grad is not None
    assert bool(start.grad.isfinite().all())
    assert not start.grad[[1, 2, 4]].any()
    assert start.grad[0].any()
    assert not start.grad[~ALLOWED].any()
