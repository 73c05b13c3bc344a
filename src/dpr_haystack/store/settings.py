# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The settings that a store is opened with; those that were not given are the store's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dpr_haystack.core.similarity import Similarity
from dpr_haystack.engines.ann import EXACT, check_index_string
from dpr_haystack.store.layout import Manifest

#: The language of the existing store, or :data:`DEFAULT_LANGUAGE` for a new one. None already means "no stemming".
STORES_OWN = "auto"
DEFAULT_LANGUAGE = "english"


@dataclass(frozen=True)
class StoreSettings:
    """The settings that were given for a store.

    :param dimension: Length of its vectors; None for that of the store, or of the first vector.
    :param similarity: How its vectors are compared; None for the store's own, or the inner product.
    :param index: The dense index; None for the store's own, or exact search.
    :param language: Language of its keyword index; None for neither stemming nor stop words.
    :param encoder: The passage tower that makes its vectors; None if it was not given.
    :param index_options: Settings of the index; None for the store's own if the index is, too.
    """

    dimension: int | None = None
    similarity: Similarity | None = None
    index: str | None = None
    language: str | None = STORES_OWN
    encoder: Mapping[str, Any] | None = None
    index_options: Mapping[str, int] | None = None

    def of_new_store(self) -> Manifest:
        """The settings of a store that is created with these.

        :raises InputError: If the options are not those of the index.
        """
        index = self.index or EXACT
        check_index_string(index, self.index_options)
        return Manifest(
            dimension=self.dimension,
            similarity=self.similarity or Similarity.DOT_PRODUCT,
            index=index,
            language=DEFAULT_LANGUAGE if self.language == STORES_OWN else self.language,
            encoder=None if self.encoder is None else dict(self.encoder),
            index_options=None if self.index_options is None else dict(self.index_options),
        )

    def index_in(self, manifest: Manifest) -> tuple[str, Mapping[str, int] | None]:
        """The dense index to search with, and its options.

        :param manifest: The store's own settings.
        :raises InputError: If the options are not those of the index.
        """
        if self.index is not None:
            return self.index, self.index_options
        if self.index_options is None:
            return manifest.index, manifest.index_options
        check_index_string(manifest.index, self.index_options)
        return manifest.index, self.index_options
