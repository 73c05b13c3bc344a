# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What an index says about its vectors: how they are compared, how long they are, and who made them."""

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
    """What is known of an index.

    :param similarity: How its vectors are compared.
    :param dimension: Numbers in a vector; None if that is not known.
    :param encoder: Which passage tower made them: ``{"model": ..., "fingerprint": ...}``; None if that is not known.
    :param analyzer: Analyzer of contents; None if that is not known.
    """

    similarity: str = "max_inner_product"
    dimension: int | None = None
    encoder: Mapping[str, Any] | None = None
    analyzer: str | None = None

    def check_dimension(self, dimension: int, index: str) -> None:
        """Refuse vectors of another length.

        :raises InputError: With both numbers.
        """
        if self.dimension is not None and dimension != self.dimension:
            msg = (
                f"the vectors in index {index!r} have {self.dimension} numbers, this model's have {dimension}: name "
                "the model that made them, or make another index for this one"
            )
            raise InputError(msg)

    def check_language(self, language: str | None, index: str) -> None:
        """Refuse a language that the index does not search in; None is any.

        :raises InputError: With both languages.
        """
        if language is not None and self.analyzer not in (None, language):
            msg = f"index {index!r} has the language {self.analyzer!r}, not {language!r}: make another index for that"
            raise InputError(msg)


def reading_facts(index: str, retries: int) -> Steps[IndexFacts]:
    """The steps that read them from the mapping.

    Who may search but not see the mapping gets what is usual for DPR: inner products, of nobody knows which encoder.

    :param index: Its name; behind an alias there may be several that are alike.
    :raises SearchIndexMissing: If there is none.
    :raises InputError: If it has no vectors, or there are several that differ.
    """
    try:
        told = yield from ask("indices.get_mapping", retries=retries, index=index)
    except SearchServerDenied:
        return IndexFacts()
    found = [_facts(name, each.get("mappings", {})) for name, each in told.items()]
    if not found:
        return IndexFacts()
    for other in found[1:]:
        if (other.similarity, other.dimension) != (found[0].similarity, found[0].dimension):
            msg = f"{index!r} stands for several indices whose vectors differ: {', '.join(told)}; name one of them"
            raise InputError(msg)
    return next((each for each in found if each.encoder), found[0])


def _facts(name: str, mappings: Mapping[str, Any]) -> IndexFacts:
    field = mappings.get("properties", {}).get(VECTOR_FIELD, {})
    if field.get("type") != "dense_vector" or str(field.get("index", True)).lower() == "false":
        msg = (
            f"index {name!r} has no searchable vectors: its field {VECTOR_FIELD!r} is "
            f"{field.get('type', 'not there')}; dpr-haystack es-init makes an index that has them"
        )
        raise InputError(msg)
    content = mappings.get("properties", {}).get("content", {})
    analyzer = content.get("analyzer", "standard") if content else None
    return IndexFacts(field.get("similarity", "cosine"), field.get("dims"), encoder_in(mappings), analyzer)


def encoder_in(mappings: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Who made an index's vectors, as its mapping says."""
    record: Mapping[str, Any] | None = (mappings.get("_meta", {}).get(META) or {}).get("encoder")
    return record


def checking_writes(index: str, retries: int) -> Steps[None]:
    """The steps that see that a name stands for one index to write to.

    :raises InputError: If it stands for several, as a pattern or an alias may.
    """
    try:
        told = yield from ask("indices.get_alias", retries=retries, index=index)
    except SearchServerDenied:
        return  # then the first document that is written tells
    named = [each.get("aliases", {}).get(index) for each in told.values()]
    is_one = index in told or (len(named) == 1 and named[0] is not None)
    if not is_one and not any(alias and alias.get("is_write_index") for alias in named):
        names = ", ".join(sorted(told))
        msg = f"{index!r} does not say which index to write to: it stands for {names}; name one of them"
        raise InputError(msg)


def recording_encoder(index: str, encoder: Mapping[str, Any], retries: int) -> Steps[None]:
    """The steps that note in an index who makes its vectors; what others keep in ``_meta`` stays.

    :raises SearchServerError: If the server does not do it.
    """
    told = yield from ask("indices.get_mapping", retries=retries, index=index)
    for name, each in told.items():
        meta = each.get("mappings", {}).get("_meta", {})
        record = {"format": FORMAT, **(meta.get(META) or {}), "encoder": dict(encoder)}
        yield from ask("indices.put_mapping", retries=retries, index=name, meta={**meta, META: record})
