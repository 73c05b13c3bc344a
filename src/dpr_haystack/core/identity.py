# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The identity of encoders: which passage tower made a store's vectors, and which question towers fit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dpr_haystack.errors import InputError

# Question and passage tower are separate checkpoints: only the names tell that they belong together.
PUBLISHED_PAIRS = {
    "facebook/dpr-question_encoder-single-nq-base": "facebook/dpr-ctx_encoder-single-nq-base",
    "facebook/dpr-question_encoder-multiset-base": "facebook/dpr-ctx_encoder-multiset-base",
}

# between the hash of the weights and that of settings that are not the tower's own
_SETTINGS = "+"


@dataclass(frozen=True)
class EncoderIdentity:
    """Name and weights of a loaded tower and of its passage tower.

    :param model: The hub name or the absolute path that the tower was loaded from.
    :param fingerprint: Hash of the tower's weights, and of the dimension if embeddings are truncated; does not depend
        on where the files are. It is followed by ``+`` and a hash of the settings that are not the tower's own.
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

    def configured(self, settings: Mapping[str, Any], role: str) -> EncoderIdentity:
        """The identity of the same tower with other settings, which make other vectors, e.g. another prefix.

        A question tower does not know the settings of the passages, and they may differ from its own: whether the two
        belong together is decided by the weights alone.

        :param settings: The settings that are not the tower's own.
        :param role: ``"question"`` or ``"passage"``.
        """
        if not settings:
            return self
        digest = hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()[:8]
        fingerprint = f"{self.fingerprint}{_SETTINGS}{digest}"
        passage = fingerprint if role == "passage" else self.passage_fingerprint
        return replace(self, fingerprint=fingerprint, passage_fingerprint=passage)

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


def encoder_record(encoder: str | Mapping[str, Any] | EncoderIdentity | None) -> dict[str, Any] | None:
    """An encoder as stores record it: ``{"model": ..., "fingerprint": ...}``, the fingerprint only if it is known.

    :param encoder: The name or path of a passage tower, such a record, or an embedder's ``identity``; None if it is
        unknown. A local path becomes absolute, as towers report it.
    :raises InputError: If it is anything else, or a question tower whose passage tower is unknown.
    """
    if encoder is None:
        return None
    if isinstance(encoder, EncoderIdentity):
        return dict(encoder.passage_record())
    record = {"model": encoder} if isinstance(encoder, str) else encoder
    model = record.get("model") if isinstance(record, Mapping) else None
    if not isinstance(model, str) or not model or not isinstance(record.get("fingerprint", ""), str | None):
        msg = (
            "encoder must be the name or path of a passage tower, an embedder's identity, or "
            f'{{"model": ..., "fingerprint": ...}}: got {encoder!r:.100}'
        )
        raise InputError(msg)
    path = Path(model).expanduser()
    return {**record, "model": str(path.resolve()) if isinstance(encoder, str) and path.exists() else model}


def same_encoder(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool | None:
    """Whether two records are of the same passage tower.

    :param one: ``{"model": ..., "fingerprint": ...}``; the fingerprint may be missing.
    :param other: The other one.
    :returns: ``True``, ``False``, or ``None`` if unknown: another name may be that of a copy.
    """
    if one.get("fingerprint") and other.get("fingerprint"):
        return bool(one["fingerprint"] == other["fingerprint"])
    if one.get("model") == other.get("model"):
        return True
    both_published = {one.get("model"), other.get("model")} <= set(PUBLISHED_PAIRS.values())
    return False if both_published else None


def weights_in(fingerprint: str) -> str:
    """The part of a fingerprint that stands for weights and dimension, without the settings.

    :param fingerprint: A tower's fingerprint.
    """
    return fingerprint.partition(_SETTINGS)[0]


def belongs(question: EncoderIdentity, recorded: Mapping[str, Any] | None) -> bool | None:
    """Whether a question tower belongs to the passage tower that made a store's vectors.

    :param question: The identity of the question tower.
    :param recorded: The store's record: ``{"model": ..., "fingerprint": ...}``; both may be missing.
    :returns: ``True``, ``False`` (it belongs to another passage tower), or ``None`` if unknown.
    """
    if not recorded or question.passage_model is None:
        return None
    passage = {"model": question.passage_model, "fingerprint": question.passage_fingerprint}
    return same_encoder(_without_settings(recorded), _without_settings(passage))


def _without_settings(record: Mapping[str, Any]) -> dict[str, Any]:
    fingerprint = record.get("fingerprint")
    return {**record, "fingerprint": fingerprint and weights_in(fingerprint)}
