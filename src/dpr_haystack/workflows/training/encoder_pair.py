# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Two encoders that are loaded when they are needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dpr_haystack.core.model_directory import ROLES, Role
from dpr_haystack.core.similarity import Similarity
from dpr_haystack.core.text import PassageText

if TYPE_CHECKING:
    from dpr_haystack.engines.towers.encoder import Encoder


@dataclass(frozen=True)
class EncoderPair:
    """Two encoders, loaded when they are needed.

    :param models: The checkpoint of each role.
    :param device: The device they run on; None for the best available.
    :param options: Options for loading them.
    :param similarity: The similarity of untrained encoders; None for that of the checkpoint.
    """

    models: Mapping[Role, str]
    device: str | None
    options: Mapping[str, Any]
    similarity: Similarity | None = None
    _loaded: dict[Role, Encoder] = field(default_factory=dict)

    def encode(self, role: Role, texts: Sequence[PassageText]) -> tuple[NDArray[np.float32], Similarity]:
        """Vectors of texts, shape (texts, dimension), and their similarity.

        :param role: The role of the encoder.
        :param texts: The texts.
        """
        encoder = self._encoder(role)
        return encoder.encode(texts), self.similarity or encoder.similarity or Similarity.DOT_PRODUCT

    def facts(self) -> dict[str, Any]:
        """Everything that its vectors depend on."""
        return {
            role: [tower.identity.fingerprint, tower.pooling, tower.normalize, self._similarity(tower)]
            for role in ROLES
            for tower in [self._encoder(role)]
        }

    def _similarity(self, tower: Encoder) -> str | None:
        # as in dpr.json, so that earlier results are recognised
        similarity = self.similarity or tower.similarity
        return None if similarity is None else similarity.sentence_transformers_name

    def _encoder(self, role: Role) -> Encoder:
        from dpr_haystack.engines.checkpoints.runtime import chosen_device
        from dpr_haystack.engines.towers.loading import load_encoder

        if role not in self._loaded:
            device = chosen_device(self.device)
            self._loaded[role] = load_encoder(self.models[role], role, device=device, **self.options)
        return self._loaded[role]
