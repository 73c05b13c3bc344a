# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Which encoder made the vectors of a store or an index, and which other encoders may be used with them.

The same checks guard commands, components and pipelines: every writer and every reader of vectors asks here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dpr_haystack.core.identity import EncoderIdentity, belongs, same_encoder
from dpr_haystack.errors import EncoderMismatch


@dataclass(frozen=True)
class VectorOrigin:
    """What is known about the vectors of one place.

    :param location: The store or index, for messages.
    :param encoder: The passage tower that made the vectors of known origin; ``None`` if there are none.
    :param vectors: Number of vectors.
    :param unknown: Number of vectors that other programs made, or that say nothing about their encoder.
    :param remedy: The command that makes all vectors anew, where there is one for this kind of place.
    """

    location: str
    encoder: Mapping[str, Any] | None
    vectors: int
    unknown: int
    remedy: str = ""

    def __str__(self) -> str:
        known, total = self.vectors - self.unknown, self.vectors
        model = (self.encoder or {}).get("model")
        if not total:
            return f"{self.location} has no vectors" + ("" if model is None else f" and is meant for those of {model}")
        if not known:
            return f"{self.location} does not record which encoder made its {total} vectors"
        if not self.unknown:
            return f"the {total} vectors in {self.location} were made by {model}"
        return (
            f"of the {total} vectors in {self.location}, {known} were made by {model}; "
            f"nothing says so of the other {self.unknown}"
        )

    def check_addition(self, record: Mapping[str, Any]) -> None:
        """Check that vectors of a passage tower may be added to the present ones.

        :param record: The passage tower: ``{"model": ..., "fingerprint": ...}``.
        :raises EncoderMismatch: If the place is for the vectors of another tower, or perhaps of another one, even
            while it has none.
        """
        if self.encoder is None:
            return
        same = same_encoder(self.encoder, record)
        if same:
            return
        model = str(record.get("model"))
        if model == self.encoder.get("model"):
            model += " as it is now, with other weights"
        problem = (
            f"vectors of {model} cannot be compared with them"
            if same is False
            else f"only its name is recorded, so whether vectors of {model} can be compared with them is not known"
        )
        msg = f"{self}; {problem}. Use another store or index for this model{self._or_anew(record)}"
        raise EncoderMismatch(msg)

    def check_continuation(self, record: Mapping[str, Any]) -> None:
        """Check that all present vectors were made by a passage tower, so that the place can be completed with it.

        :param record: The passage tower.
        :raises EncoderMismatch: If some were made by another tower, or their origin is not known.
        """
        self.check_addition(record)
        if self.unknown:
            msg = (
                f"{self}; vectors of different encoders cannot be compared, so none of {record.get('model')} are "
                f"added. Use another store or index for this model{self._or_anew(record)}"
            )
            raise EncoderMismatch(msg)

    def check_question(self, tower: EncoderIdentity) -> str | None:
        """Check that questions of a question tower may be compared with the vectors.

        :param tower: The question tower.
        :returns: A warning if that cannot be known; ``None`` if it is known for all vectors, or there are none.
        :raises EncoderMismatch: If it belongs to another passage tower than the vectors of known origin.
        """
        belonging = belongs(tower, self.encoder)
        if belonging is False:
            msg = (
                f"{self}, but the question tower {tower.model} belongs to another passage tower. Use the question "
                f"tower of that model{self._or_anew({'model': tower.passage_model})}"
            )
            raise EncoderMismatch(msg)
        if not self.vectors or (belonging and not self.unknown):
            return None
        if self.unknown:
            anew = f"{self.remedy} --model {tower.passage_model or 'M'}"
            return (
                f"{self}: results are wrong unless it was the one that belongs to the question tower {tower.model}"
                f"{f'. If it was not, embed everything anew: {anew}' if self.remedy else ''}"
            )
        return f"{self}; whether the question tower {tower.model} belongs to it is not known"

    def _or_anew(self, record: Mapping[str, Any]) -> str:
        return f", or embed everything anew: {self.remedy} --model {record.get('model')}" if self.remedy else ""
