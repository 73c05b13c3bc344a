# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What our retrievers need of the official Elasticsearch document store: its clients, its filters, its documents.

The store's own clients make a missing index at their first use, by cosine and without a word. A search must not do
that, so retrievers have clients of their own, made from the store's settings.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from haystack.dataclasses import Document
from haystack.errors import FilterError

from dpr_haystack._optional import require
from dpr_haystack.core.lazy import Lazy
from dpr_haystack.errors import InputError

if TYPE_CHECKING:
    from elasticsearch import AsyncElasticsearch, Elasticsearch
    from haystack_integrations.document_stores.elasticsearch import ElasticsearchDocumentStore

    from dpr_haystack.engines.elasticsearch.sending import Steps

T = TypeVar("T")

_STORE = "haystack_integrations.document_stores.elasticsearch"
_SECRETS = ("basic_auth", "bearer_auth", "http_auth")


class ElasticsearchConnection:
    """The clients of one retriever.

    :param store: The official document store.
    :param purpose: Who needs it, for the message if the extra is missing.
    :param timeout: Seconds for each request; None for the client's own.
    :raises InputError: If it is another store.
    :raises MissingExtra: If elasticsearch-haystack is not installed.
    """

    def __init__(self, store: ElasticsearchDocumentStore, purpose: str, timeout: float | None) -> None:
        official = require(_STORE, "elasticsearch", purpose).ElasticsearchDocumentStore
        if not isinstance(store, official):
            msg = (
                "document_store must be the ElasticsearchDocumentStore of elasticsearch-haystack, "
                f"got {type(store).__module__}.{type(store).__name__}"
            )
            raise InputError(msg)
        self.store = store
        self._options: dict[str, Any] = {"max_retries": 0}  # who asks repeats: with pauses, and for more reasons
        if timeout is not None:
            self._options["request_timeout"] = timeout
        self._client: Lazy[Elasticsearch] = Lazy(self._connected)
        self._async_client: AsyncElasticsearch | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def index(self) -> str:
        """The name of the store's index."""
        return str(self.store._index)

    @property
    def vector_fields(self) -> tuple[str, ...]:
        """The fields with vectors, which a search by words need not return."""
        sparse = self.store._sparse_vector_field
        return ("embedding", sparse) if sparse else ("embedding",)

    def carry_out(self, steps: Steps[T]) -> T:
        """Do some steps and wait for them."""
        from dpr_haystack.engines.elasticsearch.sending import carry_out

        return carry_out(self._client.get(), steps)

    async def carry_out_async(self, steps: Steps[T]) -> T:
        """Do some steps without holding up the event loop."""
        from dpr_haystack.engines.elasticsearch.sending import carry_out_async

        loop = asyncio.get_running_loop()
        if self._async_client is None or self._loop is not loop:
            await self.close_async()
            self._async_client, self._loop = self.store._create_async_client().options(**self._options), loop
        return await carry_out_async(self._async_client, steps)

    def close(self) -> None:
        """Close the client that waits; the next use opens another."""
        client = self._client.peek()
        self._client.close()
        if client is not None:
            client.close()

    async def close_async(self) -> None:
        """Close the client that does not wait; the next use opens another."""
        client, self._async_client = self._async_client, None
        if client is not None:
            with suppress(RuntimeError):  # its event loop may be gone
                await client.close()

    def document_of(self, hit: Mapping[str, Any]) -> Document:
        """The document of a hit, with its score, and with ``highlights`` in its metadata if there are any."""
        document: Document = self.store._deserialize_document(
            {"_source": {"id": hit["_id"], **hit["_source"]}, "_score": hit["_score"]}
        )
        if "highlight" in hit:
            document = replace(document, meta={**document.meta, "highlights": hit["highlight"]})
        return document

    def refuse_to_write_secrets(self) -> None:
        """Before a store is serialized.

        :raises InputError: If a password or the like would be written in clear.
        """
        found = [name for name in _SECRETS if self.store._kwargs.get(name) is not None]
        hosts = self.store._hosts if isinstance(self.store._hosts, list) else [self.store._hosts]
        found += ["a password in hosts" for host in hosts if isinstance(host, str) and urlsplit(host).password]
        if found:
            msg = (
                f"the document store has {' and '.join(found)}, which would be written in clear: give it "
                "api_key=Secret.from_env_var('ELASTIC_API_KEY') instead"
            )
            raise InputError(msg)

    def _connected(self) -> Elasticsearch:
        store = self.store
        settings = {"api_key": store._handle_auth(), "headers": store._headers, **store._kwargs}
        # options once: they make another client, which takes a good part of the time of a request
        return new_client(store._hosts, settings).options(**self._options)


def new_client(hosts: Any, settings: Mapping[str, Any]) -> Elasticsearch:
    """A client of Elasticsearch.

    :raises InputError: If it cannot be made with these settings.
    """
    from elasticsearch import Elasticsearch

    try:
        return Elasticsearch(hosts, **settings)
    except (TypeError, ValueError) as error:
        # the client repeats what it does not understand: that may be an address with a password
        msg = "hosts or the client's arguments cannot be used: an address looks like http://localhost:9200"
        raise InputError(msg) from (None if "@" in str(error) else error)


def translated(filters: dict[str, Any] | None) -> list[dict[str, Any]]:
    """A Haystack filter as the official store translates it; none for no filter.

    :raises FilterError: If it is not valid.
    """
    if not filters:
        return []
    normalize = require(f"{_STORE}.filters", "elasticsearch", "a filter")._normalize_filters
    try:
        return [normalize(filters)]
    except KeyError as error:
        msg = f"{error} is no operator of filters"
        raise FilterError(msg) from error


def check_patience(timeout: float | None, retries: int) -> None:
    """Refuse settings of how long to wait for an answer, and how often.

    :raises InputError: If one cannot be.
    """
    if timeout is not None and not timeout > 0:
        msg = f"timeout must be more than 0 seconds, got {timeout}"
        raise InputError(msg)
    if not isinstance(retries, int) or isinstance(retries, bool) or retries < 0:
        msg = f"retries must be a whole number of at least 0, got {retries!r}"
        raise InputError(msg)
