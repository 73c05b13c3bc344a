# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The known places for passages: how each is searched and written, by its document store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dpr_haystack.backends.local import LocalSearch, LocalWriter
from dpr_haystack.backends.passage_search import PassageSearch
from dpr_haystack.backends.passage_writer import PassageWriter
from dpr_haystack.errors import InputError
from dpr_haystack.store.handle import StoreHandle

_ELASTICSEARCH = "haystack_integrations.document_stores.elasticsearch"


@dataclass(frozen=True)
class Backend:
    """A place for passages.

    :param store: Its document store, for messages.
    :param owns: Whether a document store is one of this place.
    :param search: Makes its search: from the store, a purpose for messages, and how often to repeat a request.
    :param writer: Makes its writer: from the store, and the language of an index that has to be created.
    :param check_serializable: Refuses a store that would be serialised with secrets in plain text.
    """

    store: str
    owns: Callable[[Any], bool]
    search: Callable[[Any, str, int], PassageSearch]
    writer: Callable[[Any, str | None], PassageWriter]
    check_serializable: Callable[[Any], None]


def search_over(document_store: object, *, purpose: str = "a search", retries: int = 3) -> PassageSearch:
    """The search over a document store.

    :param document_store: The store.
    :param purpose: What needs it, for the message if an extra is missing.
    :param retries: How often to repeat a request while a server is busy.
    :returns: The search.
    :raises InputError: If the store is of an unknown kind.
    """
    return _backend_of(document_store).search(document_store, purpose, retries)


def writer_over(document_store: object, language: str | None = None) -> PassageWriter:
    """The writer to a document store.

    :param document_store: The store.
    :param language: Language of an index that has to be created; None for English.
    :returns: The writer.
    :raises InputError: If the store is of an unknown kind.
    """
    return _backend_of(document_store).writer(document_store, language)


def check_serializable(document_store: object) -> None:
    """Refuse to serialise a store that has secrets in plain text.

    :param document_store: The store.
    :raises InputError: If it has, or is of an unknown kind.
    """
    _backend_of(document_store).check_serializable(document_store)


def _backend_of(document_store: object) -> Backend:
    for backend in _BACKENDS:
        if backend.owns(document_store):
            return backend
    kind = type(document_store)
    known = " or ".join(backend.store for backend in _BACKENDS)
    msg = f"document_store must be a {known}: got {kind.__module__}.{kind.__name__}"
    raise InputError(msg)


def _is_elasticsearch(document_store: object) -> bool:
    # By name: the class cannot be imported where the extra is not installed.
    return any(base.__module__.startswith(_ELASTICSEARCH) for base in type(document_store).__mro__)


def _elasticsearch_search(document_store: Any, purpose: str, retries: int) -> PassageSearch:
    from dpr_haystack.backends.elasticsearch.search import ElasticsearchSearch

    return ElasticsearchSearch(document_store, purpose, retries=retries)


def _elasticsearch_writer(document_store: Any, language: str | None) -> PassageWriter:
    from dpr_haystack.backends.elasticsearch.writer import ElasticsearchWriter

    return ElasticsearchWriter(document_store, language)


def _check_elasticsearch(document_store: Any) -> None:
    from dpr_haystack.backends.elasticsearch.connection import check_serializable

    check_serializable(document_store)


_BACKENDS = (
    Backend(
        store="FAISSDocumentStore of dpr_haystack",
        owns=lambda store: isinstance(store, StoreHandle),
        search=lambda store, purpose, retries: LocalSearch(store),  # noqa: ARG005 -- a local store is never busy
        writer=lambda store, language: LocalWriter(store),  # noqa: ARG005 -- the store has its language
        check_serializable=lambda store: None,  # noqa: ARG005 -- a local store has no secrets
    ),
    Backend(
        store="ElasticsearchDocumentStore of elasticsearch-haystack",
        owns=_is_elasticsearch,
        search=_elasticsearch_search,
        writer=_elasticsearch_writer,
        check_serializable=_check_elasticsearch,
    ),
)
