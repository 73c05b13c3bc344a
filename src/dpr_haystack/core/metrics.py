# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Retrieval accuracy from ranked lists."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import numpy as np

from dpr_haystack.errors import InputError

KS = (1, 5, 20, 100)
"""The cut-offs of the DPR paper."""


def first_hit(hits: Iterable[bool]) -> int | None:
    """The rank, from 1, of the first hit of a question.

    :param hits: For each rank, best first, whether it is one, e.g. whether the passage holds an answer.
    :returns: The rank, or None if there is none.
    """
    return next((rank for rank, hit in enumerate(hits, 1) if hit), None)


def first_gold(retrieved: Iterable[str], gold: Collection[str]) -> int | None:
    """The rank, from 1, of the first gold passage of a question.

    :param retrieved: The ids of the retrieved passages, best first.
    :param gold: The ids of the gold passages.
    :returns: The rank, or None if none of them was retrieved.
    """
    wanted = frozenset(gold)
    return first_hit(passage in wanted for passage in retrieved)


def top_k_accuracy(ranks: Sequence[int | None], ks: Sequence[int] = KS) -> dict[int, float]:
    """The share of questions with a hit among the first k passages.

    The DPR paper calls it top-k retrieval accuracy, TREC tools Success@k. What some papers call Recall@k is this too,
    and not the share of all relevant passages that were found.

    :param ranks: For each question the rank, from 1, of its first hit, or None: see :func:`first_hit` (answer match)
        and :func:`first_gold` (gold ids).
    :param ks: The cut-offs.
    :returns: For each cut-off the accuracy in percent, 0 to 100.
    :raises InputError: If there are no questions, or a rank or cut-off is below 1.
    """
    if any(k < 1 for k in ks):
        msg = f"cut-offs start at 1, got {list(ks)}"
        raise InputError(msg)
    found = _as_array(ranks)
    return {k: float(100.0 * np.mean(found <= k)) for k in ks}


def hits_within(ranks: Sequence[int | None], k: int) -> list[bool]:
    """For each question whether its first hit is among the first k passages.

    :param ranks: For each question the rank, from 1, of its first hit, or None.
    :param k: The cut-off.
    """
    return [rank is not None and rank <= k for rank in ranks]


def mean_reciprocal_rank(ranks: Sequence[int | None], k: int | None = None) -> float:
    """The mean of 1 / rank of the first hit, 0 for questions without one.

    :param ranks: For each question the rank, from 1, of its first hit, or None.
    :param k: Look at the first k passages only (MRR@k).
    :returns: The mean, 0 to 1.
    :raises InputError: If there are no questions, or a rank or ``k`` is below 1.
    """
    if k is not None and k < 1:
        msg = f"k starts at 1, got {k}"
        raise InputError(msg)
    found = _as_array(ranks)
    return float(np.mean(np.where(found <= (np.inf if k is None else k), 1.0 / found, 0.0)))


def average_rank(ranks: Sequence[int]) -> float:
    """The mean rank of the positive in a fixed pool, 1 is best: what the original code validates by.

    :param ranks: For each question the rank, from 1, of its positive.
    :returns: The mean, 1 or more.
    :raises InputError: If there are no questions, or a rank is below 1.
    """
    return float(np.mean(_as_array(ranks)))


def _as_array(ranks: Sequence[int | None]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    if not len(ranks):
        msg = "there are no questions to average over"
        raise InputError(msg)
    found = np.array([np.inf if rank is None else rank for rank in ranks], dtype=np.float64)
    if np.min(found) < 1:
        msg = f"ranks start at 1, got {np.min(found):g}"
        raise InputError(msg)
    return found
