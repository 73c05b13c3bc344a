# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The identity of encoders: which passage tower made a store's vectors, and which question towers fit."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from dpr_haystack.errors import InputError

# Question and passage tower are separate checkpoints: only the names tell that they belong together.
PUBLISHED_PAIRS = {
    "facebook/dpr-question_encoder-single-nq-base": "facebook/dpr-ctx_encoder-single-nq-base",
    "facebook/dpr-question_encoder-multiset-base": "facebook/dpr-ctx_encoder-multiset-base",
}


@dataclass(frozen=True)
class EncoderIdentity:
    """Name and weights of a loaded tower and of its passage tower.

    :param model: The hub name or the absolute path that the tower was loaded from.
    :param fingerprint: Hash of the tower's weights, and of the dimension if embeddings are truncated; does not depend
        on where the files are.
    :param passage_model: Name or path of the passage tower that it was trained with; ``None`` if unknown. The tower
        itself if it is a passage tower or serves as both.
    :param passage_fingerprint: The fingerprint of that passage tower; ``None`` if unknown.
    """

    model: str
    fingerprint: str
    passage_model: str | None = None
    passage_fingerprint: str | None = None

    def shortened(self, dimension: int) -> EncoderIdentity:
        """The identity of the same tower with truncated embeddings, which only match others of that dimension.

        :param dimension: The dimension after truncation.
        """
        passage = self.passage_fingerprint
        return replace(
            self,
            fingerprint=_of_shortened(self.fingerprint, dimension),
            passage_fingerprint=passage and _of_shortened(passage, dimension),
        )

    def passage_record(self) -> dict[str, str]:
        """What a store records about the passage tower that made its vectors.

        :returns: ``{"model": ..., "fingerprint": ...}``.
        :raises InputError: If this is a question tower whose passage tower is unknown.
        """
        if self.passage_model is None or self.passage_fingerprint is None:
            msg = (
                f"the passage tower of {self.model} is unknown: record the identity of the passage tower itself "
                "(DPRDocumentEmbedder)"
            )
            raise InputError(msg)
        return {"model": self.passage_model, "fingerprint": self.passage_fingerprint}


def _of_shortened(fingerprint: str, dimension: int) -> str:
    return hashlib.sha256(f"{fingerprint} {dimension}".encode()).hexdigest()[: len(fingerprint)]


def belongs(question: EncoderIdentity, recorded: Mapping[str, Any] | None) -> bool | None:
    """Whether a question tower belongs to the passage tower that made a store's vectors.

    :param question: The identity of the question tower.
    :param recorded: The store's record: ``{"model": ..., "fingerprint": ...}``; both may be missing.
    :returns: ``True``, ``False`` (it belongs to another passage tower), or ``None`` if unknown.
    """
    model = (recorded or {}).get("model")
    fingerprint = (recorded or {}).get("fingerprint")
    if fingerprint and question.passage_fingerprint:
        return bool(fingerprint == question.passage_fingerprint)
    if model and model == question.passage_model:
        return True
    # Different names prove different towers only if both are published checkpoints: others may be copies.
    if model in PUBLISHED_PAIRS.values() and question.passage_model in PUBLISHED_PAIRS.values():
        return False
    return None
