# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Indexing into Elasticsearch: the index made if need be, passages sent while others are embedded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from haystack.dataclasses import Document

from dpr_haystack.backends.elasticsearch.connection import ElasticsearchConnection
from dpr_haystack.backends.passage_writer import NotWritten
from dpr_haystack.core.exact import Similarity
from dpr_haystack.core.hits import Kept
from dpr_haystack.engines.elasticsearch.bulk import BulkWriter
from dpr_haystack.engines.elasticsearch.creation import creating
from dpr_haystack.engines.elasticsearch.documents import HAS_VECTOR, counting, reading_documents, reading_page
from dpr_haystack.engines.elasticsearch.index_facts import (
    IndexFacts,
    checking_writes,
    reading_facts,
    recording_encoder,
)
from dpr_haystack.engines.elasticsearch.layout import IndexLayout
from dpr_haystack.engines.elasticsearch.sending import PATIENT, ask
from dpr_haystack.engines.elasticsearch.vectors import VECTOR_FIELD
from dpr_haystack.errors import SearchIndexMissing

if TYPE_CHECKING:
    from haystack_integrations.document_stores.elasticsearch import ElasticsearchDocumentStore

    from dpr_haystack.engines.elasticsearch.searching import Hit


# A server that was never there may have another address: that is to be said at once.
_AT_FIRST = 2
# Later it is known to be there: then a request that takes long is not asked again while it is still being done.
_SECONDS = 30.0


_SIMILARITIES: dict[str, Similarity] = {"cosine": "cosine", "l2_norm": "l2"}


class ElasticsearchTarget:
    """An index in Elasticsearch, behind the official document store.

    Busy or gone for a while is waited for: documents carry their own ids, so that sending them again does no harm.

    :param store: The store.
    :param language: Language of an index that has to be made; None for English.
    """

    def __init__(self, store: ElasticsearchDocumentStore, language: str | None) -> None:
        self._at_first = ElasticsearchConnection(store, "indexing", None)
        told = store._kwargs.get("request_timeout")
        self._connection = ElasticsearchConnection(store, "indexing", None if told else _SECONDS)
        self._language = language
        self._is_there = self._is_new = self._is_prepared = self._is_fresh = False

    @property
    def place(self) -> str:
        """The index, by its name."""
        return f"index {self._connection.index!r}"

    @property
    def base(self) -> Path | None:
        """None: an index does not lie beside its sources."""
        return None

    @property
    def similarity(self) -> Similarity:
        """As the mapping says; an index that is made here compares by inner product."""
        return _SIMILARITIES.get(self._facts().similarity, "dot_product") if self.is_there() else "dot_product"

    def is_there(self) -> bool:
        """Whether the index exists."""
        if not self._is_there:
            steps = ask("indices.exists", retries=_AT_FIRST, index=self._connection.index)
            self._is_there = bool(self._at_first.carry_out(steps))
        return self._is_there

    @property
    def recorded_encoder(self) -> Mapping[str, Any] | None:
        """Which passage tower made the vectors, by the mapping."""
        return self._facts().encoder

    def record_encoder(self, record: Mapping[str, Any]) -> None:
        """Note it in the mapping."""
        self._connection.carry_out(recording_encoder(self._connection.index, record, PATIENT))

    def prepare(self, record: Mapping[str, Any], dimension: int) -> None:
        """Make the index, or see that its vectors are as long as these, and note the tower.

        :raises InputError: If the index has vectors of another length, or none, or another language, or the name
            stands for several.
        """
        if self._is_prepared:
            return
        if not self.is_there():
            layout = IndexLayout(dimension, self._language or "english", encoder=record)
            self._is_new = self._connection.carry_out(creating(self._connection.index, layout, PATIENT))
        else:
            facts = self._facts()
            self._connection.carry_out(checking_writes(self._connection.index, PATIENT))
            facts.check_dimension(dimension, self._connection.index)
            facts.check_language(self._language, self._connection.index)
            if facts.encoder is None:
                self.record_encoder(record)
        self._is_there = self._is_prepared = True

    def kept(self, ids: Sequence[str]) -> dict[str, Kept]:
        """Text and metadata by id, of what was there when indexing began."""
        if self._is_new or not self.is_there():
            return {}
        if not self._is_fresh:
            # what an interrupted run wrote is there, but may not be found yet
            self._refresh()
            self._is_fresh = True
        found = self._read(ids, self._connection.vector_fields)
        return {name: self._kept(hit) for name, hit in found.items()}

    def vectors(self, ids: Sequence[str]) -> dict[str, Any]:
        """Vectors by id."""
        return {name: hit["_source"].get(VECTOR_FIELD) for name, hit in self._read(ids, ()).items()}

    def write(self, documents: Sequence[Document]) -> None:
        """Hand them over; waits while too much is on its way."""
        self._writer.write((document.id, _source(document)) for document in documents)

    def metas(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Id and ``file`` of every document."""
        after = None
        while True:
            page = self._connection.carry_out(reading_page(self._connection.index, ["file"], after, PATIENT))
            yield from ((hit["_id"], hit["_source"]) for hit in page)
            if not page:
                return
            after = page[-1]["sort"]

    def delete(self, ids: Sequence[str]) -> None:
        """Take documents out."""
        self._writer.delete(ids)

    def count(self) -> int:
        """How many documents there are, also those that no search could find yet."""
        self._refresh()
        return self._connection.carry_out(counting(self._connection.index, PATIENT))

    def settle(self) -> list[NotWritten]:
        """Wait for all answers, then make everything findable, once.

        :raises SearchIndexMissing: If the index was deleted meanwhile: the server has made another by itself.
        """
        refused = [NotWritten(*each) for each in self._writer.settle()]
        self._refresh()
        if self._is_prepared:
            self._check_still_ours()
        return refused

    def close(self) -> None:
        """Wait for what is on its way, and close the connection."""
        if "_writer" in self.__dict__:
            self._writer.close()
        self._at_first.close()
        self._connection.close()

    @cached_property
    def _writer(self) -> BulkWriter:
        return BulkWriter(self._connection.carry_out, self._connection.index)

    def _facts(self) -> IndexFacts:
        return self._connection.carry_out(reading_facts(self._connection.index, PATIENT))

    def _check_still_ours(self) -> None:
        facts = self._facts()
        if facts.encoder is None and facts.dimension is not None:  # a mapping that may not be read says neither
            msg = f"{self.place} was deleted while it was written to; delete what is there now, and index again"
            raise SearchIndexMissing(msg)

    def _read(self, ids: Sequence[str], excludes: Sequence[str]) -> dict[str, Hit]:
        return self._connection.carry_out(reading_documents(self._connection.index, ids, excludes, PATIENT))

    def _refresh(self) -> None:
        self._connection.carry_out(ask("indices.refresh", retries=PATIENT, index=self._connection.index))

    def _kept(self, hit: Hit) -> Kept:
        document = self._connection.document_of(hit)
        return Kept(document.content, document.meta, HAS_VECTOR in hit.get("matched_queries", ()))


def _source(document: Document) -> dict[str, Any]:
    """What the official store writes, with the vector as it was computed: shorter numbers, sooner sent and read."""
    # to_dict copies each number of a vector by itself: most of the time that a client spends on a document
    source = replace(document, embedding=None).to_dict()
    for name in ("embedding", "blob", "score", "sparse_embedding"):
        if source.get(name) is None:
            source.pop(name, None)
    if document.embedding is not None:
        source[VECTOR_FIELD] = np.asarray(document.embedding, dtype=np.float32)
    return source
