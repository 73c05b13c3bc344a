# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The question tower of a retriever, checked against the vectors that it is compared with."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from haystack import logging
from haystack.utils import ComponentDevice, Secret
from numpy.typing import NDArray

from dpr_haystack.backends.passage_search import PassageSearch
from dpr_haystack.components._model_settings import Setting
from dpr_haystack.components._towers import QuestionEmbedder, TowerSettings
from dpr_haystack.components.document_embedder import DPRDocumentEmbedder
from dpr_haystack.components.retrievers.common import RetrieverBasics
from dpr_haystack.components.text_embedder import DPRTextEmbedder
from dpr_haystack.core.identity import EncoderIdentity, belongs
from dpr_haystack.errors import InputError, ModelError

logger = logging.getLogger(__name__)

# settings of a question embedder that retrievers leave to the model
_OF_EMBEDDERS = {"pooling", "normalize", "batch_size"}


class QuestionGuard:
    """Refuses question towers that are known to belong to another passage tower than the vectors of a place.

    If that cannot be known, this is said once, in the log.

    :param search: The place.
    """

    def __init__(self, search: PassageSearch) -> None:
        self._search = search
        self._checked: tuple[Mapping[str, Any] | None, EncoderIdentity] | None = None

    def recorded(self) -> Mapping[str, Any] | None:
        """The passage tower that is recorded for the vectors.

        :raises DPRError: If there is no store or index.
        """
        return self._search.recorded_encoder

    def check(self, tower: EncoderIdentity, recorded: Mapping[str, Any] | None) -> None:
        """Compare a question tower with what is known about the vectors, unless that was done before.

        :param tower: The question tower.
        :param recorded: The result of :meth:`recorded`.
        :raises EncoderMismatch: If it belongs to another passage tower.
        """
        now = (recorded, tower)
        if now == self._checked:
            return
        origin = self._search.origin()
        if origin.encoder is not None and belongs(tower, origin.encoder) is None:
            origin = replace(origin, encoder=_with_fingerprint(origin.encoder))
        warning = origin.check_question(tower)
        if warning is not None:
            logger.warning("{warning}", warning=warning)
        self._checked = now if origin.vectors else None

    def forget(self) -> None:
        """Check again at the next use."""
        self._checked = None


def _with_fingerprint(encoder: Mapping[str, Any]) -> Mapping[str, Any]:
    """The record of an encoder of which only the path is recorded, with the fingerprint of what is there."""
    model = str(encoder.get("model"))
    if encoder.get("fingerprint") or not Path(model).exists():
        return encoder
    embedder = DPRDocumentEmbedder(model, progress_bar=False)
    try:
        return embedder.identity.passage_record()
    except (ModelError, InputError):
        return encoder  # it is no encoder any more
    finally:
        embedder.close()


class QuestionTower:
    """An embedder of questions, refused if it is known to belong to another passage tower than the stored vectors.

    :param search: Where the vectors are that it is compared with.
    :param embedder: Makes vectors of questions.
    """

    def __init__(self, search: PassageSearch, embedder: QuestionEmbedder) -> None:
        self._guard = QuestionGuard(search)
        self._embedder = embedder

    def warm_up(self) -> None:
        """Load the tower and compare it with what is recorded about the vectors.

        :raises EncoderMismatch: If it belongs to another passage tower.
        """
        recorded = self._guard.recorded()  # raises if there is no store, before a model is loaded
        self._embedder.warm_up()
        identity = self._embedder.identity
        if identity is not None:
            self._guard.check(identity, recorded)

    def embed(self, questions: Sequence[str]) -> NDArray[np.float32]:
        """Embeddings of questions.

        :param questions: The questions.
        :returns: Shape (questions, dim).
        """
        self.warm_up()
        return self._embedder.embed(questions)

    def close(self) -> None:
        """Release the model; the next use loads it again."""
        self._embedder.close()
        self._guard.forget()


class HasQuestionTower(RetrieverBasics):
    """What all retrievers with a question tower share."""

    _embedder: DPRTextEmbedder
    _tower: QuestionTower

    model = Setting[str]()
    device = Setting[ComponentDevice | None]()
    token = Setting[Secret | None]()
    dtype = Setting[str]()
    max_length = Setting[int | None]()

    @property
    def _settings(self) -> TowerSettings:
        return self._embedder._settings

    @_settings.setter
    def _settings(self, settings: TowerSettings) -> None:
        self._embedder._settings = settings

    def _load_again(self) -> None:
        self._embedder._load_again()

    def _ask(self, search: PassageSearch, embedder: DPRTextEmbedder) -> None:
        """Compare the vectors of an embedder with those of a place."""
        self._embedder = embedder
        self._tower = QuestionTower(search, embedder)

    def _parameters(self) -> dict[str, Any]:
        """The settings that all these retrievers have, for ``to_dict``."""
        of_tower = self._settings.parameters()
        return {**super()._parameters(), **{name: of_tower[name] for name in of_tower.keys() - _OF_EMBEDDERS}}

    def warm_up(self) -> None:
        """Load the question tower and check that it belongs to the vectors that are searched.

        :raises ModelError: If the model cannot be found or loaded.
        :raises EncoderMismatch: If it is known to belong to another passage tower.
        :raises SearchServerError: If the vectors are in Elasticsearch and the mapping cannot be read.
        """
        self._tower.warm_up()

    async def warm_up_async(self) -> None:
        """See :meth:`warm_up`; works in a thread."""
        await asyncio.to_thread(self.warm_up)

    def _get_telemetry_data(self) -> dict[str, Any]:
        return {"model": self.model}
