# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Losses beside their formulas in numpy, GradCache beside one backward pass, several processes beside one."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.multiprocessing

from dpr_haystack.core.false_negatives import FalseNegatives
from dpr_haystack.core.question_order import random_order
from dpr_haystack.core.similarity import Similarity
from dpr_haystack.core.training_set import DrawRules
from dpr_haystack.engines.training.epoch_sampler import EpochSampler
from dpr_haystack.engines.training.towers.batches import Collator
from dpr_haystack.engines.training.towers.losses import (
    Candidates,
    LossOptions,
    RetrievalLoss,
    negative_log_likelihood,
    similarities,
    triplet,
)
from dpr_haystack.engines.training.towers.trainable import TowerOptions, load_trainable, two_towers
from dpr_haystack.errors import InputError
from support.checkpoints import tiny_bert
from support.small_training import training_set

CHANCE = np.random.default_rng(0)
QUESTIONS = CHANCE.normal(size=(3, 4)).astype(np.float32)
PASSAGES = CHANCE.normal(size=(5, 4)).astype(np.float32)
TARGETS = [2, 0, 3]
# the second question has the fourth passage masked; its own positive is never one of them
NEGATIVES = np.array([[1, 1, 0, 1, 1], [0, 1, 1, 0, 1], [1, 1, 1, 0, 1]], dtype=bool)


def scores_of(similarity: str) -> Any:
    if similarity == "euclidean":
        return -np.sqrt(((QUESTIONS[:, None] - PASSAGES[None]) ** 2).sum(axis=-1))
    if similarity == "cosine":
        first, second = (each / np.linalg.norm(each, axis=1, keepdims=True) for each in (QUESTIONS, PASSAGES))
        return first @ second.T
    return QUESTIONS @ PASSAGES.T


@pytest.mark.parametrize("similarity", ["dot", "cosine", "euclidean"])
def test_similarities_are_what_they_are_called(similarity: str) -> None:
    got = similarities(torch.from_numpy(QUESTIONS), torch.from_numpy(PASSAGES), Similarity.parse(similarity)).numpy()
    np.testing.assert_allclose(got, scores_of(similarity), atol=1e-5)


def test_the_papers_loss_is_equation_2() -> None:
    scores = scores_of("dot").astype(np.float64)
    expected = []
    for row, target, negative in zip(scores, TARGETS, NEGATIVES, strict=True):
        others = sum(np.exp(score) for score, counts in zip(row, negative, strict=True) if counts)
        expected.append(-np.log(np.exp(row[target]) / (np.exp(row[target]) + others)))
    got = negative_log_likelihood(torch.from_numpy(scores), torch.tensor(TARGETS), torch.from_numpy(NEGATIVES))
    assert float(got) == pytest.approx(np.mean(expected), abs=1e-12)


def test_the_triplet_loss_is_the_mean_hinge_over_all_pairs() -> None:
    scores = scores_of("dot").astype(np.float64)
    hinges = [
        max(0.0, 1.0 - row[target] + score)
        for row, target, negative in zip(scores, TARGETS, NEGATIVES, strict=True)
        for score, counts in zip(row, negative, strict=True)
        if counts
    ]
    got = triplet(torch.from_numpy(scores), torch.tensor(TARGETS), torch.from_numpy(NEGATIVES), 1.0)
    assert float(got) == pytest.approx(np.mean(hinges), abs=1e-12)


def nothing_masked(questions: Any, passages: Any) -> Any:
    return np.tile(np.asarray(passages) < 0, (len(questions), 1))


# numbers of the passages 0..4 and of the questions' positives; the first question has one negative of its own, 11
CANDIDATES = Candidates(
    torch.tensor([100, 101, 102]),
    torch.tensor([12, 10, 13]),
    torch.tensor([[11, -1], [13, 14], [10, 11]]),
    torch.tensor([10, 11, 12, 13, 14]),
)


def loss_of(options: LossOptions, masking: Any = nothing_masked, teacher: Any = None, **changed: Any) -> float:
    loss = RetrievalLoss(torch.nn.Identity(), options, masking, teacher)
    reps = [[torch.from_numpy(QUESTIONS)], [torch.from_numpy(PASSAGES[:2]), torch.from_numpy(PASSAGES[2:])]]
    return float(loss.calculate_loss(reps, CANDIDATES._replace(**changed)))


def test_every_other_passage_of_the_batch_is_a_negative() -> None:
    scores = scores_of("dot") * 3.0
    expected = np.mean([np.log(np.exp(row).sum()) - row[target] for row, target in zip(scores, TARGETS, strict=True)])
    assert loss_of(LossOptions(scale=3.0)) == pytest.approx(expected, abs=1e-5)


def test_a_passage_that_is_there_twice_counts_once() -> None:
    scores = scores_of("dot")[:, [0, 1, 2, 3]]
    expected = np.mean([np.log(np.exp(row).sum()) - row[target] for row, target in zip(scores, TARGETS, strict=True)])
    assert loss_of(LossOptions(), passages=torch.tensor([10, 11, 12, 13, 10])) == pytest.approx(expected, abs=1e-5)


def test_masked_passages_do_not_count_and_the_positive_always_does() -> None:
    def masking(questions: Any, passages: Any) -> Any:
        assert (list(questions), list(passages)) == ([100, 101, 102], [10, 11, 12, 13, 14])
        return ~NEGATIVES

    expected = negative_log_likelihood(
        torch.from_numpy(scores_of("dot")), torch.tensor(TARGETS), torch.from_numpy(NEGATIVES)
    )
    assert loss_of(LossOptions(), masking) == pytest.approx(float(expected), abs=1e-6)


def test_a_batch_without_a_negative_is_refused() -> None:
    def everything(questions: Any, passages: Any) -> Any:
        return np.ones((len(questions), len(passages)), dtype=bool)

    with pytest.raises(InputError, match="a batch of 3 questions and 5 passages has no negatives"):
        loss_of(LossOptions(), everything)


def test_matryoshka_is_the_mean_of_the_losses_of_first_numbers() -> None:
    def part(size: int) -> float:
        scores = QUESTIONS[:, :size] @ PASSAGES[:, :size].T
        return float(
            np.mean([np.log(np.exp(row).sum()) - row[target] for row, target in zip(scores, TARGETS, strict=True)])
        )

    assert loss_of(LossOptions(dimensions=(4, 2))) == pytest.approx((part(4) + part(2)) / 2, abs=1e-5)


def test_first_numbers_of_unit_vectors_are_made_unit_vectors() -> None:
    first, second = (each[:, :2] / np.linalg.norm(each[:, :2], axis=1, keepdims=True) for each in (QUESTIONS, PASSAGES))
    scores = 20 * first @ second.T
    expected = np.mean([np.log(np.exp(row).sum()) - row[target] for row, target in zip(scores, TARGETS, strict=True)])
    assert loss_of(LossOptions(dimensions=(2,), unit=True, scale=20.0)) == pytest.approx(expected, abs=1e-4)


TAUGHT = [[5.0, 1.0, 0.0], [2.0, 3.0, -1.0], [0.5, 0.0, -4.0]]


def teacher(questions: Any, passages: Any) -> torch.Tensor:
    assert list(questions) == [100, 101, 102]
    assert passages == [[12, 11, -1], [10, 13, 14], [13, 10, 11]]
    return torch.tensor(TAUGHT)


def test_margin_mse_compares_margins_with_the_teachers() -> None:
    scores = scores_of("dot")
    pairs = [(0, 2, 1, 4.0), (1, 0, 3, -1.0), (1, 0, 4, 3.0), (2, 3, 0, 0.5), (2, 3, 1, 4.5)]
    expected = np.mean([(scores[q, p] - scores[q, n] - margin) ** 2 for q, p, n, margin in pairs])
    assert loss_of(LossOptions(loss="margin_mse"), teacher=teacher) == pytest.approx(expected, rel=1e-5)


def test_kl_compares_distributions_over_a_questions_own_passages() -> None:
    scores = scores_of("dot")
    expected = []
    for q, places in enumerate([[2, 1], [0, 3, 4], [3, 0, 1]]):
        student, wanted = scores[q, places], np.array(TAUGHT[q][: len(places)])
        log_p = student - np.log(np.exp(student).sum())
        log_t = wanted - np.log(np.exp(wanted).sum())
        expected.append((np.exp(log_t) * (log_t - log_p)).sum())
    assert loss_of(LossOptions(loss="kl"), teacher=teacher) == pytest.approx(np.mean(expected), rel=1e-5)


def test_an_unknown_loss_is_refused() -> None:
    with pytest.raises(InputError, match=r"loss must be one of nll, .*: got 'other'"):
        LossOptions(loss="other")  # type: ignore[arg-type]


def pair(folder: Path) -> Any:
    model = tiny_bert(folder / "model") if not (folder / "model").exists() else folder / "model"
    torch.manual_seed(0)
    options = TowerOptions(pooling="mean", dropout=0.2)
    return two_towers(
        load_trainable(str(model), "question", options), load_trainable(str(model), "passage", options), "cpu"
    )


def gradients(folder: Path, options: LossOptions, numbers: list[int]) -> tuple[float, dict[str, torch.Tensor]]:
    model, training = pair(folder), training_set()
    training.rows[7] = replace(training.rows[7], hard_negatives=())
    model.eval()  # no dropout: chunks draw other masks than whole batches
    towers = model[0].sub_modules["query"][0], model[0].sub_modules["document"][0]
    collator = Collator(training, DrawRules(fallback=False), *towers, EpochSampler(random_order(12, 0), 12, 12))
    batch = collator([{"question": number} for number in numbers])
    features = [
        {name.removeprefix(f"{part}_"): value for name, value in batch.items() if name.startswith(f"{part}_")}
        for part in ("question", "passage")
    ]
    loss = RetrievalLoss(model, options, FalseNegatives(training).mask)(features)
    loss.backward()
    grads = {name: each.grad.clone() for name, each in model.named_parameters() if each.grad is not None}
    return float(loss.detach()), grads


@pytest.mark.slow
@pytest.mark.parametrize("chunk_tokens", [8, 40, 10_000])
def test_chunks_and_gradcache_change_neither_loss_nor_gradients(tmp_path: Path, chunk_tokens: int) -> None:
    whole, expected = gradients(tmp_path, LossOptions(chunk_tokens=100_000), list(range(12)))
    for cached in (False, True):
        options = LossOptions(chunk_tokens=chunk_tokens, grad_cache=cached)
        loss, got = gradients(tmp_path, options, list(range(12)))
        assert loss == pytest.approx(whole, rel=1e-5)
        assert_same_gradients(got, expected)


def assert_same_gradients(got: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    assert got.keys() == expected.keys()
    assert len(got) > 50
    largest = max(float(value.abs().max()) for value in expected.values())
    for name, value in expected.items():
        torch.testing.assert_close(got[name], value, rtol=1e-3, atol=1e-5 * largest)


def _one_of_two(rank: int, folder: str, port: int) -> None:
    """A process with half of the questions; the second has a passage less."""
    torch.distributed.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    options = LossOptions(gather=True, chunk_tokens=40, grad_cache=True)
    loss, grads = gradients(Path(folder), options, [0, 1, 2, 3] if rank == 0 else [4, 5, 6, 7])
    torch.save({"loss": loss, "grads": grads}, Path(folder) / f"{rank}.pt")
    torch.distributed.destroy_process_group()


@pytest.mark.slow
def test_two_processes_are_as_one_with_all_questions(tmp_path: Path) -> None:
    pair(tmp_path)  # the model's files
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    torch.multiprocessing.spawn(_one_of_two, (str(tmp_path), port), nprocs=2)  # type: ignore[attr-defined]
    parts = [torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1)]
    whole, expected = gradients(tmp_path, LossOptions(), list(range(8)))
    assert (parts[0]["loss"] + parts[1]["loss"]) / 2 == pytest.approx(whole, rel=1e-5)
    alone, _ = gradients(tmp_path, LossOptions(), [0, 1, 2, 3])
    assert parts[0]["loss"] > alone + 1e-3
    # a process' gradients are those of all losses with its own texts: their mean is the gradient of the mean loss
    assert_same_gradients(
        {name: (each + parts[1]["grads"][name]) / 2 for name, each in parts[0]["grads"].items()}, expected
    )
