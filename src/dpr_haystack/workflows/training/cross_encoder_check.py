# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Removing mined negatives that a cross-encoder finds relevant (RocketQA, arXiv 2010.08191)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dpr_haystack._optional import require
from dpr_haystack.core.passages import Passage
from dpr_haystack.core.text import as_title
from dpr_haystack.errors import InputError

if TYPE_CHECKING:
    from dpr_haystack.workflows.training.mining import Check


def cross_encoder_check(
    model: str, threshold: float = 0.5, *, device: str | None = None, token: str | None = None
) -> Check:
    """A ``check`` for :func:`~dpr_haystack.mine_hard_negatives`.

    :param model: A cross-encoder: a name on the Hugging Face Hub or a path.
    :param threshold: A passage with at least this probability (the sigmoid of its score) is relevant.
    :param device: A torch device; None for the best available.
    :param token: A Hugging Face token.
    :raises InputError: If the threshold is not between 0 and 1.
    :raises ModelError: If the model cannot be loaded.
    :raises MissingExtra: If sentence-transformers is not installed.
    """
    if not 0 < threshold < 1:
        msg = f"threshold must be a probability between 0 and 1: got {threshold}"
        raise InputError(msg)
    require("sentence_transformers", "train", "checking negatives by a cross-encoder")
    from dpr_haystack.engines.training.teacher import load_cross_encoder, relevance_scores

    loaded = load_cross_encoder(model, device=device, token=token)
    limit = math.log(threshold / (1 - threshold))

    def check(question: str, passages: Sequence[Passage]) -> list[bool]:
        pairs = [(question, (as_title(passage.title), passage.text)) for passage in passages]
        return [score >= limit for score in relevance_scores(loaded, pairs)]

    return check
