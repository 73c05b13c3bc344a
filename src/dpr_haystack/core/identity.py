# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Which encoder made a store's vectors, and whether a question tower belongs to it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from dpr_haystack.errors import InputError

# Two checkpoints each: only their names say that they belong together.
PUBLISHED_PAIRS = {
    "facebook/dpr-question_encoder-single-nq-base": "facebook/dpr-ctx_encoder-single-nq-base",
    "facebook/dpr-question_encoder-multiset-base": "facebook/dpr-ctx_encoder-multiset-base",
}


@dataclass(frozen=True)
class EncoderIdentity:
    """Name and weights of a loaded tower, and of the passage tower that it belongs to.

    :param model: The name on the hub or the absolute path that it was loaded from.
    :param fingerprint: Hash of the tower's weights, and of the vectors' length if they are cut short: the same wherever
        the files lie.
    :param passage_model: The passage tower that it was trained with, by name or path; ``None`` if that is not known.
        A passage tower, and a tower that is both, names itself.
    :param passage_fingerprint: The fingerprint of that passage tower; ``None`` if it is not known.
    """

    model: str
    fingerprint: str
    passage_model: str | None = None
    passage_fingerprint: str | None = None

    def shortened(self, dimension: int) -> EncoderIdentity:
        """The identity of a pair with the same weights whose vectors are cut short: these go with no others.

        :param dimension: How many numbers of a vector are kept.
        """
        passage = self.passage_fingerprint
        return replace(
            self,
            fingerprint=_of_shortened(self.fingerprint, dimension),
            passage_fingerprint=passage and _of_shortened(passage, dimension),
        )

    def passage_record(self) -> dict[str, str]:
        """What a store keeps about the passage tower that made its vectors.

        :returns: ``{"model": ..., "fingerprint": ...}``.
        :raises InputError: If this is a question tower and its passage tower is not known.
        """
        if self.passage_model is None or self.passage_fingerprint is None:
            msg = (
                f"Which passage tower belongs to {self.model} is not known: record the identity of the passage "
                "tower itself (DPRDocumentEmbedder)."
            )
            raise InputError(msg)
        return {"model": self.passage_model, "fingerprint": self.passage_fingerprint}


def _of_shortened(fingerprint: str, dimension: int) -> str:
    return hashlib.sha256(f"{fingerprint} {dimension}".encode()).hexdigest()[: len(fingerprint)]


def belongs(question: EncoderIdentity, recorded: Mapping[str, Any] | None) -> bool | None:
    """Whether a question tower belongs to the passage tower that made a store's vectors.

    :param question: The identity of the question tower.
    :param recorded: What the store has recorded: ``{"model": ..., "fingerprint": ...}``, either may be missing.
    :returns: ``True``, ``False`` (known to belong to another passage tower), or ``None`` where nobody knows.
    """
    model = (recorded or {}).get("model")
    fingerprint = (recorded or {}).get("fingerprint")
    if fingerprint and question.passage_fingerprint:
        return bool(fingerprint == question.passage_fingerprint)
    if model and model == question.passage_model:
        return True
    # Names prove that two towers differ only where both are published ones: anything else may be a copy.
    if model in PUBLISHED_PAIRS.values() and question.passage_model in PUBLISHED_PAIRS.values():
        return False
    return None
