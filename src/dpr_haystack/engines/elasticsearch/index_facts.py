# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Reading and recording facts about an index: similarity, dimension, encoder and analyzer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dpr_haystack.engines.elasticsearch.layout import FORMAT, META
from dpr_haystack.engines.elasticsearch.sending import Steps, ask
from dpr_haystack.engines.elasticsearch.vectors import VECTOR_FIELD
from dpr_haystack.errors import InputError, SearchServerDenied


@dataclass(frozen=True)
class IndexFacts:
    """Known facts about an index.

    :param similarity: How its vectors are compared.
    :param dimension: Length of a vector; None if unknown.
    :param encoder: The passage tower that made them: ``{"model": ..., "fingerprint": ...}``; None if unknown.
    :param analyzer: Analyzer of the content field; None if unknown.
    """

    similarity: str = "max_inner_product"
    dimension: int | None = None
    encoder: Mapping[str, Any] | None = None
    analyzer: str | None = None

    def check_dimension(self, dimension: int, index: str) -> None:
        """Refuse vectors of another length.

        :param dimension: Length of the vectors.
        :param index: Name of the index, for the error.
        :raises InputError: With both lengths.
        """
        if self.dimension is not None and dimension != self.dimension:
            msg = (
                f"the vectors of index {index!r} have dimension {self.dimension}, those of this model {dimension}: use "
                "the model that made them, or create another index for this model"
            )
            raise InputError(msg)

    def check_language(self, language: str | None, index: str) -> None:
        """Refuse a language other than that of the index.

        :param language: The language; None for any.
        :param index: Name of the index, for the error.
        :raises InputError: With both languages.
        """
        if language is not None and self.analyzer not in (None, language):
            msg = f"index {index!r} has the language {self.analyzer!r}, not {language!r}: create another index for it"
            raise InputError(msg)


def reading_facts(index: str, retries: int) -> Steps[IndexFacts]:
    """Steps that read the facts from the mapping.

    Without permission to read the mapping, the result is the default for DPR: inner products and an unknown encoder.

    :param index: The index, or an alias of indices with equal vectors.
    :param retries: How often to retry while the server is busy.
    :raises SearchIndexMissing: If the index does not exist.
    :raises InputError: If it has no vectors, or an alias stands for indices whose vectors differ.
    """
    try:
        descriptions = yield from ask("indices.get_mapping", retries=retries, index=index)
    except SearchServerDenied:
        return IndexFacts()
    facts = [_facts(name, description.get("mappings", {})) for name, description in descriptions.items()]
    if not facts:
        return IndexFacts()
    first = facts[0]
    for other in facts[1:]:
        if (other.similarity, other.dimension) != (first.similarity, first.dimension):
            names = ", ".join(descriptions)
            msg = f"{index!r} stands for several indices whose vectors differ: {names}; use one of them"
            raise InputError(msg)
    return next((candidate for candidate in facts if candidate.encoder), first)


def _facts(name: str, mappings: Mapping[str, Any]) -> IndexFacts:
    field = mappings.get("properties", {}).get(VECTOR_FIELD, {})
    if field.get("type") != "dense_vector" or str(field.get("index", True)).lower() == "false":
        msg = (
            f"index {name!r} has no searchable vectors: its field {VECTOR_FIELD!r} is "
            f"{field.get('type', 'missing')}; create an index with dpr-haystack es-init"
        )
        raise InputError(msg)
    content = mappings.get("properties", {}).get("content", {})
    analyzer = content.get("analyzer", "standard") if content else None
    return IndexFacts(field.get("similarity", "cosine"), field.get("dims"), encoder_in(mappings), analyzer)


def encoder_in(mappings: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The encoder that an index's mapping records; None if there is none.

    :param mappings: The mappings of the index.
    """
    record: Mapping[str, Any] | None = (mappings.get("_meta", {}).get(META) or {}).get("encoder")
    return record


def checking_writes(index: str, retries: int) -> Steps[None]:
    """Steps that check that a name stands for exactly one index to write to.

    :param index: The name.
    :param retries: How often to retry while the server is busy.
    :raises InputError: If it is a pattern or alias of several indices.
    """
    try:
        descriptions = yield from ask("indices.get_alias", retries=retries, index=index)
    except SearchServerDenied:
        return  # writing the first document will show it
    aliases = [description.get("aliases", {}).get(index) for description in descriptions.values()]
    is_single = index in descriptions or (len(aliases) == 1 and aliases[0] is not None)
    if not is_single and not any(alias and alias.get("is_write_index") for alias in aliases):
        names = ", ".join(sorted(descriptions))
        msg = f"{index!r} stands for several indices ({names}) and none is its write index; use one of them"
        raise InputError(msg)


def recording_encoder(index: str, encoder: Mapping[str, Any], retries: int) -> Steps[None]:
    """Steps that record the encoder in the ``_meta`` of an index; other entries of ``_meta`` are kept.

    :param index: The index.
    :param encoder: The passage tower that makes its vectors.
    :param retries: How often to retry while the server is busy.
    :raises SearchServerError: If the request fails.
    """
    descriptions = yield from ask("indices.get_mapping", retries=retries, index=index)
    for name, description in descriptions.items():
        meta = description.get("mappings", {}).get("_meta", {})
        record = {"format": FORMAT, **(meta.get(META) or {}), "encoder": dict(encoder)}
        yield from ask("indices.put_mapping", retries=retries, index=name, meta={**meta, META: record})
