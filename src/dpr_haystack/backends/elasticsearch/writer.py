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
from dpr_haystack.core.batching import batched
from dpr_haystack.core.encoder_mark import without_mark
from dpr_haystack.core.hits import Kept
from dpr_haystack.core.origins import ALSO_IN, FILE
from dpr_haystack.core.similarity import Similarity
from dpr_haystack.core.vector_origin import VectorOrigin
from dpr_haystack.engines.elasticsearch.bulk import BulkWriter
from dpr_haystack.engines.elasticsearch.creation import creating
from dpr_haystack.engines.elasticsearch.documents import (
    HAS_VECTOR,
    counting,
    reading_documents,
    reading_page,
    reading_vectors,
)
from dpr_haystack.engines.elasticsearch.index_facts import (
    IndexFacts,
    checking_writes,
    reading_facts,
    recording_encoder,
)
from dpr_haystack.engines.elasticsearch.layout import IndexLayout
from dpr_haystack.engines.elasticsearch.origin import finding_origin
from dpr_haystack.engines.elasticsearch.sending import PATIENT, ask
from dpr_haystack.engines.elasticsearch.vectors import VECTOR_FIELD
from dpr_haystack.errors import SearchIndexMissing

if TYPE_CHECKING:
    from haystack_integrations.document_stores.elasticsearch import ElasticsearchDocumentStore

    from dpr_haystack.engines.elasticsearch.searching import Hit


# A server that was never reached probably has another address: fail soon.
_AT_FIRST = 2
# Later a slow request must not be repeated while the server still works on it.
_SECONDS = 30.0
_FILES_AT_ONCE = 500


class ElasticsearchWriter:
    """A :class:`~dpr_haystack.backends.passage_writer.PassageWriter` to an index in Elasticsearch.

    It waits while the server is busy or unreachable. Documents carry their own ids, so that sending them twice is safe.

    :param store: The store.
    :param language: Language of an index that has to be created; None for English.
    """

    def __init__(self, store: ElasticsearchDocumentStore, language: str | None) -> None:
        self._at_first = ElasticsearchConnection(store, "indexing", None)
        has_timeout = bool(store._kwargs.get("request_timeout"))
        self._connection = ElasticsearchConnection(store, "indexing", None if has_timeout else _SECONDS)
        self._language = language
        self._is_there = self._is_new = self._is_prepared = self._is_fresh = False

    @property
    def location(self) -> str:
        """The index by its name, for messages."""
        return f"index {self._connection.index!r}"

    @property
    def base(self) -> Path | None:
        """None: paths of sources are absolute."""
        return None

    @property
    def similarity(self) -> Similarity:
        """How the mapping compares vectors; an index that is created here compares by inner product."""
        return Similarity.parse(self._facts().similarity) if self.is_there() else Similarity.DOT_PRODUCT

    def is_there(self) -> bool:
        """Whether the index exists."""
        if not self._is_there:
            steps = ask("indices.exists", retries=_AT_FIRST, index=self._connection.index)
            self._is_there = bool(self._at_first.carry_out(steps))
        return self._is_there

    @property
    def recorded_encoder(self) -> Mapping[str, Any] | None:
        """The passage tower that made the vectors, from the mapping or the documents."""
        return self.origin().encoder

    def origin(self) -> VectorOrigin:
        """See :meth:`PassageWriter.origin`."""
        return self._connection.carry_out(finding_origin(self._connection.index, self._facts().encoder, PATIENT))

    def record_encoder(self, record: Mapping[str, Any]) -> None:
        """See :meth:`PassageWriter.record_encoder`; kept in the mapping."""
        self._connection.carry_out(recording_encoder(self._connection.index, record, PATIENT))

    def prepare(self, record: Mapping[str, Any], dimension: int) -> None:
        """Create the index, or check the existing one, and record the tower.

        :param record: The tower that makes the vectors.
        :param dimension: Length of the vectors.
        :raises InputError: If the index has no vectors, vectors of another length or another language, or if the name
            stands for several indexes.
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
        """See :meth:`PassageWriter.kept`."""
        if self._is_new or not self.is_there():
            return {}
        if not self._is_fresh:
            # What an interrupted run wrote may not be visible to searches yet.
            self._refresh()
            self._is_fresh = True
        steps = reading_documents(self._connection.index, ids, self._connection.vector_fields, PATIENT)
        return {name: self._kept(hit) for name, hit in self._connection.carry_out(steps).items()}

    def vectors(self, ids: Sequence[str]) -> dict[str, Any]:
        """See :meth:`PassageWriter.vectors`."""
        return dict(self._connection.carry_out(reading_vectors(self._connection.index, ids, PATIENT)))

    def write(self, documents: Sequence[Document]) -> None:
        """See :meth:`PassageWriter.write`; sends in the background and waits while too many requests are open."""
        self._writer.write((document.id, _source(document)) for document in documents)

    def metas(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Id and the names of the files of every document."""
        yield from self._pages(None)

    def from_files(self, files: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
        """See :meth:`PassageWriter.from_files`."""
        for some in batched(files, _FILES_AT_ONCE):
            yield from self._pages(some)

    def _pages(self, files: Sequence[str] | None) -> Iterator[tuple[str, dict[str, Any]]]:
        after = None
        fields = [FILE, f"{ALSO_IN}.{FILE}"]
        while True:
            page = self._connection.carry_out(reading_page(self._connection.index, fields, after, PATIENT, files))
            yield from ((hit["_id"], hit["_source"]) for hit in page)
            if not page:
                return
            after = page[-1]["sort"]

    def delete(self, ids: Sequence[str]) -> None:
        """See :meth:`PassageWriter.delete`."""
        self._writer.delete(ids)

    def count(self) -> int:
        """How many documents there are, including those that searches do not see yet."""
        self._refresh()
        return self._connection.carry_out(counting(self._connection.index, PATIENT))

    def settle(self) -> list[NotWritten]:
        """Wait for all responses, then refresh the index once.

        :returns: The documents that were refused.
        :raises SearchIndexMissing: If the index was deleted in the meantime: the server has created another by itself.
        """
        refused = [NotWritten(*item) for item in self._writer.settle()]
        self._refresh()
        self._is_new = False  # from now on there is something to be found
        if self._is_prepared:
            self._check_still_ours()
        return refused

    def close(self) -> None:
        """Wait for open requests and close the connection."""
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
        if facts.encoder is None and facts.dimension is not None:  # an unreadable mapping has neither
            msg = f"{self.location} was deleted while indexing: delete what is there now and index again"
            raise SearchIndexMissing(msg)

    def _refresh(self) -> None:
        self._connection.carry_out(ask("indices.refresh", retries=PATIENT, index=self._connection.index))

    def _kept(self, hit: Hit) -> Kept:
        document = self._connection.document_of(hit)
        return Kept(document.content, document.meta, HAS_VECTOR in hit.get("matched_queries", ()))


def _source(document: Document) -> dict[str, Any]:
    """What the official store writes, with the vector in float32: shorter numbers, faster to send and parse."""
    # to_dict copies a vector number by number, which takes most of the client's time for a document.
    source = replace(document, embedding=None, meta=without_mark(document.meta)[0]).to_dict()
    for name in ("embedding", "blob", "score", "sparse_embedding"):
        if source.get(name) is None:
            source.pop(name, None)
    if document.embedding is not None:
        source[VECTOR_FIELD] = np.asarray(document.embedding, dtype=np.float32)
    return source
