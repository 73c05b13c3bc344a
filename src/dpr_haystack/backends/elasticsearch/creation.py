# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Creating an index in Elasticsearch that fits BM25 and DPR, for the official document store."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from haystack.utils import Secret

from dpr_haystack._optional import require
from dpr_haystack.backends.elasticsearch.connection import new_client
from dpr_haystack.core.identity import EncoderIdentity, encoder_record
from dpr_haystack.errors import InputError

if TYPE_CHECKING:
    from haystack_integrations.document_stores.elasticsearch import ElasticsearchDocumentStore


@dataclass(frozen=True)
class PreparedIndex:
    """An index that fits.

    :param index: Its name.
    :param created: Whether it was created now; False if it existed.
    """

    index: str
    created: bool

    def __str__(self) -> str:
        return f"index {self.index!r} {'was created' if self.created else 'exists and fits: nothing was changed'}"


def create_elasticsearch_index(
    hosts: str | Sequence[str],
    index: str,
    *,
    embedding_dim: int = 768,
    analyzer: str = "english",
    k1: float = 0.9,
    b: float = 0.4,
    index_options: str = "hnsw",
    shards: int = 1,
    replicas: int = 0,
    encoder: str | Mapping[str, Any] | EncoderIdentity | None = None,
    **client: Any,
) -> PreparedIndex:
    """Create an index for Haystack's ``ElasticsearchDocumentStore``, or check that an existing one fits.

    The index that the store itself creates has other BM25 parameters and no stemming, and compares vectors by cosine,
    which is wrong for DPR. In this index contents and titles are analysed with the given analyzer, titles and all
    other text in metadata can be filtered, and vectors are compared by inner product.

    :param hosts: Where Elasticsearch is, e.g. ``"http://localhost:9200"``.
    :param index: Name of the index, or an alias of one index.
    :param embedding_dim: Length of the vectors, 1 to 4096.
    :param analyzer: A language that the server has an analyzer for, or ``"standard"``.
    :param k1: BM25's k1.
    :param b: BM25's b; the defaults of both are the paper's (Karpukhin et al. 2020, section 5.1).
    :param index_options: "hnsw" or "flat" (exact scores), "int8_hnsw", "int4_hnsw", "int8_flat", "bbq_hnsw" or
        "bbq_flat" (less memory).
    :param shards: Primary shards of a new index.
    :param replicas: Copies of each shard of a new index.
    :param encoder: The passage tower that makes the vectors, by its name or path or an embedder's ``identity``; None
        if it is not known.
    :param client: Other arguments of the Elasticsearch client, e.g. ``api_key`` (also as a Haystack ``Secret``),
        ``basic_auth`` or ``ca_certs``.
    :returns: The index, and whether it was created.
    :raises InputError: If an index exists that does not fit, with the differences; if a parameter is out of range, or
        the server does not know the analyzer.
    :raises SearchServerError: If the server cannot be reached, refuses the credentials or fails.
    :raises MissingExtra: If the Elasticsearch client is not installed.
    """
    require("elasticsearch", "elasticsearch", "create_elasticsearch_index")
    from dpr_haystack.engines.elasticsearch.creation import creating
    from dpr_haystack.engines.elasticsearch.layout import IndexLayout
    from dpr_haystack.engines.elasticsearch.sending import carry_out

    record = encoder_record(encoder)
    layout = IndexLayout(embedding_dim, analyzer, k1, b, index_options, shards, replicas, record)
    with new_client(hosts if isinstance(hosts, str) else list(hosts), _plain(client)) as connected:
        return PreparedIndex(index, carry_out(connected, creating(index, layout)))


def credentials_from_environment() -> dict[str, Any]:
    """Credentials from environment variables, as arguments of the Elasticsearch client; empty if there are none.

    ELASTIC_API_KEY (with ELASTIC_API_KEY_ID if it is the second half of one), or ELASTIC_USER and ELASTIC_PASSWORD.

    :returns: The arguments.
    :raises InputError: If one of a pair is missing.
    """
    names = ("ELASTIC_API_KEY_ID", "ELASTIC_API_KEY", "ELASTIC_USER", "ELASTIC_PASSWORD")
    key_id, key, user, password = (os.environ.get(name, "") for name in names)
    if key:
        return {"api_key": (key_id, key) if key_id else key}
    if user and not password:
        msg = "ELASTIC_USER is set but ELASTIC_PASSWORD is not: set both, or ELASTIC_API_KEY"
        raise InputError(msg)
    return {"basic_auth": (user or "elastic", password)} if password else {}


def elasticsearch_store(hosts: Sequence[str], index: str, **client: Any) -> ElasticsearchDocumentStore:
    """The official document store over an index, with credentials from environment variables.

    :param hosts: Where Elasticsearch is.
    :param index: Name of the index.
    :param client: Other arguments of the Elasticsearch client.
    :returns: The store; no request was sent.
    :raises MissingExtra: If elasticsearch-haystack is not installed.
    """
    official = require("haystack_integrations.document_stores.elasticsearch", "elasticsearch", "--elasticsearch")
    store: ElasticsearchDocumentStore = official.ElasticsearchDocumentStore(
        hosts=list(hosts), index=index, **credentials_from_environment(), **client
    )
    return store


def _plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.resolve_value() if isinstance(value, Secret) else value for name, value in settings.items()}
