# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Clients for an index in Elasticsearch, made from the settings of the official document store.

The store's own clients silently create a missing index (with cosine similarity) at their first use. A search must not
do that, so these are separate clients.
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
from dpr_haystack.core.checks import check_integer
from dpr_haystack.core.encoder_mark import MARK
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
    """A synchronous and an asynchronous client, each opened at its first use.

    :param store: The official document store.
    :param purpose: What needs it, for the message if the extra is missing.
    :param timeout: Seconds for each request; None for the client's default.
    :raises InputError: If it is another store.
    :raises MissingExtra: If elasticsearch-haystack is not installed.
    """

    def __init__(self, store: ElasticsearchDocumentStore, purpose: str, timeout: float | None) -> None:
        official = require(_STORE, "elasticsearch", purpose).ElasticsearchDocumentStore
        if not isinstance(store, official):
            msg = (
                "document_store must be the ElasticsearchDocumentStore of elasticsearch-haystack: "
                f"got {type(store).__module__}.{type(store).__name__}"
            )
            raise InputError(msg)
        self.store = store
        self._options: dict[str, Any] = {"max_retries": 0}  # sending.py repeats requests itself
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
        """The fields that hold vectors, which searches leave out of their answers."""
        sparse = self.store._sparse_vector_field
        return ("embedding", sparse) if sparse else ("embedding",)

    def carry_out(self, steps: Steps[T]) -> T:
        """Perform the requests of a generator of steps.

        :param steps: See :mod:`dpr_haystack.engines.elasticsearch.sending`.
        :returns: What the generator returns.
        """
        from dpr_haystack.engines.elasticsearch.sending import carry_out

        return carry_out(self._client.get(), steps)

    async def carry_out_async(self, steps: Steps[T]) -> T:
        """See :meth:`carry_out`; does not block the event loop."""
        from dpr_haystack.engines.elasticsearch.sending import carry_out_async

        loop = asyncio.get_running_loop()
        if self._async_client is None or self._loop is not loop:
            await self.close_async()
            self._async_client, self._loop = self.store._create_async_client().options(**self._options), loop
        return await carry_out_async(self._async_client, steps)

    def close(self) -> None:
        """Close the synchronous client; the next use opens another."""
        client = self._client.peek()
        self._client.close()
        if client is not None:
            client.close()

    async def close_async(self) -> None:
        """Close the asynchronous client; the next use opens another."""
        client, self._async_client = self._async_client, None
        if client is not None:
            with suppress(RuntimeError):  # its event loop may be gone
                await client.close()

    def document_of(self, hit: Mapping[str, Any]) -> Document:
        """The document of a hit, with its score, and with ``highlights`` in its metadata if there are any.

        :param hit: A hit of a response.
        """
        source = {name: value for name, value in hit["_source"].items() if name != MARK}
        document: Document = self.store._deserialize_document(
            {"_source": {"id": hit["_id"], **source}, "_score": hit["_score"]}
        )
        if "highlight" in hit:
            document = replace(document, meta={**document.meta, "highlights": hit["highlight"]})
        return document

    def _connected(self) -> Elasticsearch:
        store = self.store
        settings = {"api_key": store._handle_auth(), "headers": store._headers, **store._kwargs}
        # Options once: setting them creates another client, which takes about as long as a request.
        return new_client(store._hosts, settings).options(**self._options)


def check_serializable(store: ElasticsearchDocumentStore) -> None:
    """Refuse to serialise a store that has secrets in plain text.

    :param store: The official document store.
    :raises InputError: If it has a password or token that would be written in plain text.
    """
    secrets = [name for name in _SECRETS if store._kwargs.get(name) is not None]
    hosts = store._hosts if isinstance(store._hosts, list) else [store._hosts]
    secrets += ["a password in hosts" for host in hosts if isinstance(host, str) and urlsplit(host).password]
    if secrets:
        msg = (
            f"the document store has {' and '.join(secrets)}, which would be written in plain text: use "
            "api_key=Secret.from_env_var('ELASTIC_API_KEY') instead"
        )
        raise InputError(msg)


def new_client(hosts: Any, settings: Mapping[str, Any]) -> Elasticsearch:
    """A client of Elasticsearch.

    :param hosts: Addresses, as the client takes them.
    :param settings: Its other arguments.
    :raises InputError: If the client refuses them.
    """
    from elasticsearch import Elasticsearch

    try:
        return Elasticsearch(hosts, **settings)
    except (TypeError, ValueError) as error:
        # The client's message repeats the address, which may hold a password.
        msg = "the Elasticsearch client refused its hosts or arguments: a host looks like http://localhost:9200"
        raise InputError(msg) from (None if "@" in str(error) else error)


def translated(filters: dict[str, Any] | None) -> list[dict[str, Any]]:
    """A Haystack filter as the official store translates it.

    :param filters: The filter; None for none.
    :returns: Queries that a document must match; empty for no filter.
    :raises FilterError: If it is not valid.
    """
    if not filters:
        return []
    normalize = require(f"{_STORE}.filters", "elasticsearch", "a filter")._normalize_filters
    try:
        return [normalize(filters)]
    except KeyError as error:
        msg = f"unknown filter operator {error}"
        raise FilterError(msg) from error


def check_patience(timeout: float | None, retries: int) -> None:
    """Refuse a timeout or a number of retries that cannot be used.

    :param timeout: Seconds for a request; None for the client's default.
    :param retries: How often to repeat a request.
    :raises InputError: If the timeout is not above 0, or the number of retries is not an integer of at least 0.
    """
    if timeout is not None and not timeout > 0:
        msg = f"timeout must be more than 0 seconds: got {timeout}"
        raise InputError(msg)
    check_integer("retries", retries, minimum=0)
