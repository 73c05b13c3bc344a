# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The question tower of a retriever, checked against the vectors that it is compared with."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dpr_haystack.backends.passage_search import PassageSearch
from dpr_haystack.components._basics import ComponentBasics
from dpr_haystack.components._towers import QuestionEmbedder
from dpr_haystack.core.identity import belongs
from dpr_haystack.errors import EncoderMismatch


class QuestionTower:
    """An embedder of questions, refused if it is known to belong to another passage tower than the stored vectors.

    :param search: Where the vectors are that it is compared with.
    :param embedder: Makes vectors of questions.
    """

    def __init__(self, search: PassageSearch, embedder: QuestionEmbedder) -> None:
        self._search = search
        self._embedder = embedder
        self._checked: Mapping[str, Any] | None = None
        self._is_checked = False
        self._guard = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_checked": None, "_is_checked": False, "_guard": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _guard=threading.Lock())

    def warm_up(self) -> None:
        """Load the tower and compare it with what is recorded about the vectors.

        :raises EncoderMismatch: If it belongs to another passage tower.
        """
        recorded = self._search.recorded_encoder  # raises if there is no store, before a model is loaded
        self._embedder.warm_up()
        with self._guard:
            if self._is_checked and recorded == self._checked:
                return
            identity = self._embedder.identity
            if identity is not None and belongs(identity, recorded) is False:
                msg = (
                    f"the vectors in {self._search.location} were made by the passage tower "
                    f"{(recorded or {}).get('model')}, but the question tower {identity.model} belongs to another one. "
                    "Use the question tower of that model, or embed the passages again (dpr-haystack reembed)."
                )
                raise EncoderMismatch(msg)
            self._checked, self._is_checked = recorded, True

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
        self._is_checked = False


class HasQuestionTower(ComponentBasics):
    """What all retrievers with a question tower share.

    :ivar model: The name of the tower.
    """

    model: str
    _tower: QuestionTower

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
