# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Opening stores, indexes, towers and readers from plain values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dpr_haystack.backends.passage_search import PassageSearch
from dpr_haystack.backends.registry import search_over
from dpr_haystack.components.document_store import FAISSDocumentStore
from dpr_haystack.components.retrievers.hybrid_search import HybridSearch
from dpr_haystack.components.retrievers.question_tower import QuestionTower
from dpr_haystack.components.text_embedder import DPRTextEmbedder
from dpr_haystack.core.hybrid_settings import HybridSettings
from dpr_haystack.core.passages import Passage
from dpr_haystack.core.similarity import Similarity
from dpr_haystack.errors import InputError
from dpr_haystack.store.registry import is_store

if TYPE_CHECKING:
    from haystack import Document
    from haystack_integrations.document_stores.elasticsearch import ElasticsearchDocumentStore

    from dpr_haystack.components.document_embedder import DPRDocumentEmbedder
    from dpr_haystack.components.reader import DPRReader
    from dpr_haystack.components.retrievers.common import AnyStore

DEFAULT_INDEX = "dpr-haystack"
"""The index that is used where none is named."""


@dataclass(frozen=True)
class Location:
    """Where passages are: a store's directory, or an index on a server.

    :param store: The store's directory.
    :param elasticsearch: Addresses of a server.
    :param index: The index there; None for :data:`DEFAULT_INDEX`.
    :param ca_certs: A file of certificates to trust for https.
    """

    store: str | None = None
    elasticsearch: Sequence[str] | None = None
    index: str | None = None
    ca_certs: str | None = None


@dataclass(frozen=True)
class Compute:
    """Where and in which number format a model computes.

    :param device: For example ``"cpu"`` or ``"cuda:0"``; None for the best there is.
    :param dtype: ``"auto"``, ``"float32"``, ``"bfloat16"`` or ``"float16"``.
    """

    device: str | None = None
    dtype: str = "auto"


_ANYWHERE = Compute()


@dataclass(frozen=True)
class Place:
    """An open store or index and its search.

    :param search: Searches it.
    :param closing: Closes what was opened for it.
    """

    search: PassageSearch
    closing: ExitStack

    def hybrid(self, model: str, settings: HybridSettings, compute: Compute) -> HybridSearch:
        """Both searches over this place; closed together with it.

        :param model: The question tower.
        :param settings: How to fuse.
        :param compute: Where the tower computes.
        :returns: The searches; the tower is loaded at the first use.
        """
        hybrid = hybrid_search_over(self.search, model, settings, compute)
        self.closing.callback(hybrid.tower.close)
        return hybrid


@contextmanager
def opened_place(location: Location) -> Iterator[Place]:
    """A store or index, closed at the end of the block.

    :param location: Where it is.
    :raises InputError: If there is no store, or an index is named without a server.
    """
    store = open_place(location)
    search = search_over(store)
    with ExitStack() as closing:
        closing.callback(search.close)
        yield Place(search, closing)


def open_place(location: Location) -> AnyStore:
    """The document store of a place.

    :param location: Where it is.
    :returns: The store, which exists, or the store over the index, of which nothing is known yet.
    :raises InputError: If there is no store, or an index is named without a server.
    """
    if location.elasticsearch is not None:
        return open_index(location)
    if location.index is not None:
        msg = "--index names an index in Elasticsearch: name the server too, --elasticsearch URL"
        raise InputError(msg)
    return open_store(location.store or "")


def open_store(directory: str | Path) -> FAISSDocumentStore:
    """A store that exists, with the settings that it was created with.

    :param directory: Its directory.
    :raises InputError: If there is no store.
    """
    return FAISSDocumentStore.from_directory(directory)


def check_directory(directory: str | Path) -> None:
    """Refuse a path at which there cannot be a store's directory.

    :param directory: The path; it need not exist.
    :raises InputError: If it, or a folder above it, is a file.
    """
    path = Path(directory)
    there = next((each for each in (path, *path.parents) if each.exists()), None)
    if there is not None and not there.is_dir():
        msg = f"--store must be a directory: {there} is a file"
        raise InputError(msg)


def open_index(location: Location) -> ElasticsearchDocumentStore:
    """The document store over an index; no request is sent yet.

    :param location: Where it is.
    :raises MissingExtra: If the client is not installed.
    """
    from dpr_haystack.backends.elasticsearch.creation import elasticsearch_store

    client = {} if location.ca_certs is None else {"ca_certs": location.ca_certs}
    return elasticsearch_store(list(location.elasticsearch or ()), location.index or DEFAULT_INDEX, **client)


def hybrid_search_over(
    search: PassageSearch, model: str, settings: HybridSettings, compute: Compute = _ANYWHERE
) -> HybridSearch:
    """Both searches over a place.

    :param search: The place.
    :param model: The question tower.
    :param settings: How to fuse.
    :param compute: Where the tower computes.
    :returns: The searches; the tower is loaded at the first use.
    """
    embedder = DPRTextEmbedder(model, device=compute.device, dtype=compute.dtype)
    return HybridSearch(search, QuestionTower(search, embedder), settings)


def passage_embedder(model: str, compute: Compute) -> DPRDocumentEmbedder:
    """A passage tower that shows no progress bar of its own.

    :param model: Its name or path.
    :param compute: Where it computes.
    """
    from dpr_haystack.components.document_embedder import DPRDocumentEmbedder

    return DPRDocumentEmbedder(model, device=compute.device, dtype=compute.dtype, progress_bar=False)


def open_reader(model: str, compute: Compute, **settings: Any) -> DPRReader:
    """A reader.

    :param model: Its name or path.
    :param compute: Where it computes.
    :param settings: Other arguments of :class:`DPRReader`.
    :raises InputError: If a setting cannot be used.
    """
    from dpr_haystack.components.reader import DPRReader

    return DPRReader(model, device=compute.device, dtype=compute.dtype, **settings)


def store_for(
    directory: str | Path,
    *,
    index: str | None = None,
    language: str | None = None,
    similarity: Similarity = Similarity.DOT_PRODUCT,
) -> FAISSDocumentStore:
    """The store in a directory with its own settings, or a new one.

    :param directory: The directory.
    :param index: The dense index, recorded in the store; None for the store's own, or Flat.
    :param language: Language of a new store's keyword index; None for English.
    :param similarity: How a new store compares vectors.
    :returns: The store.
    :raises InputError: If the store there has another language.
    """
    settings: dict[str, Any] = {}
    if index is not None:
        settings["index_string"] = index
    if language is not None:
        settings["language"] = language
    if is_store(Path(directory)):
        store = FAISSDocumentStore.from_directory(directory, **settings)
        if index is not None:
            store.record_index()
        return store
    return FAISSDocumentStore(str(directory), embedding_dim=None, similarity=similarity, **settings)


def as_passage(document: Document) -> Passage:
    """The passage of a document, whose title is in its metadata.

    :param document: The document.
    """
    return Passage(document.id, str(document.meta.get("title") or ""), document.content or "")


def all_passages(document_store: AnyStore) -> list[Passage]:
    """All passages of a store or an index, ordered by id; of their metadata only heading and section.

    :param document_store: The store, or the store over the index.
    :returns: Passages with text.
    """
    documents = document_store.filter_documents()
    return [
        Passage(
            document.id,
            str(document.meta.get("title") or ""),
            document.content,
            {name: document.meta[name] for name in ("heading", "section") if document.meta.get(name)},
        )
        for document in sorted(documents, key=lambda document: document.id)
        if document.content
    ]
