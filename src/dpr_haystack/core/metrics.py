# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Retrieval metrics: top-k accuracy, MRR and average rank."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import numpy as np

from dpr_haystack.errors import InputError

KS = (1, 5, 20, 100)
"""The cut-offs of the DPR paper."""


def first_hit(hits: Iterable[bool]) -> int | None:
    """The rank, from 1, of the first hit of a question.

    :param hits: For each rank, best first, whether it is a hit, e.g. whether the passage contains an answer.
    :returns: The rank, or None if there is no hit.
    """
    return next((rank for rank, hit in enumerate(hits, 1) if hit), None)


def first_gold(retrieved: Iterable[str], gold: Collection[str]) -> int | None:
    """The rank, from 1, of the first gold passage of a question.

    :param retrieved: The ids of the retrieved passages, best first.
    :param gold: The ids of the gold passages.
    :returns: The rank, or None if none of them was retrieved.
    """
    gold_ids = frozenset(gold)
    return first_hit(passage in gold_ids for passage in retrieved)


def top_k_accuracy(ranks: Sequence[int | None], ks: Sequence[int] = KS) -> dict[int, float]:
    """The share of questions with a hit among the first k passages.

    The DPR paper calls it top-k retrieval accuracy, TREC tools call it Success@k. Some papers call it Recall@k, which
    elsewhere means the share of all relevant passages that were retrieved.

    :param ranks: For each question, the rank, from 1, of its first hit, or None: see :func:`first_hit` (answer match)
        and :func:`first_gold` (gold ids).
    :param ks: The cut-offs.
    :returns: For each cut-off, the accuracy in percent, 0 to 100.
    :raises InputError: If there are no questions, or a rank or cut-off is below 1.
    """
    if any(k < 1 for k in ks):
        msg = f"cut-offs must be 1 or more: got {list(ks)}"
        raise InputError(msg)
    first_ranks = _as_array(ranks)
    return {k: float(100.0 * np.mean(first_ranks <= k)) for k in ks}


def hits_within(ranks: Sequence[int | None], k: int) -> list[bool]:
    """For each question, whether its first hit is among the first k passages.

    :param ranks: For each question, the rank, from 1, of its first hit, or None.
    :param k: The cut-off.
    """
    return [rank is not None and rank <= k for rank in ranks]


def mean_reciprocal_rank(ranks: Sequence[int | None], k: int | None = None) -> float:
    """The mean of 1 / rank of the first hit; 0 for questions without a hit.

    :param ranks: For each question, the rank, from 1, of its first hit, or None.
    :param k: Ignore hits beyond rank k (MRR@k).
    :returns: The mean, 0 to 1.
    :raises InputError: If there are no questions, or a rank or ``k`` is below 1.
    """
    if k is not None and k < 1:
        msg = f"k must be 1 or more: got {k}"
        raise InputError(msg)
    first_ranks = _as_array(ranks)
    return float(np.mean(np.where(first_ranks <= (np.inf if k is None else k), 1.0 / first_ranks, 0.0)))


def average_rank(ranks: Sequence[int]) -> float:
    """The mean rank of the positive in a fixed pool (1 is best): the validation metric of the original code.

    :param ranks: For each question, the rank, from 1, of its positive.
    :returns: The mean, 1 or more.
    :raises InputError: If there are no questions, or a rank is below 1.
    """
    return float(np.mean(_as_array(ranks)))


def _as_array(ranks: Sequence[int | None]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    if not len(ranks):
        msg = "there are no questions to average over"
        raise InputError(msg)
    array = np.array([np.inf if rank is None else rank for rank in ranks], dtype=np.float64)
    if np.min(array) < 1:
        msg = f"ranks must be 1 or more: got {np.min(array):g}"
        raise InputError(msg)
    return array
