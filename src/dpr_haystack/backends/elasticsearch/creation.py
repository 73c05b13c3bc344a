# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""An index in Elasticsearch for the official document store, made for BM25 and DPR."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from haystack.utils import Secret

from dpr_haystack._optional import require
from dpr_haystack.backends.elasticsearch.connection import new_client
from dpr_haystack.errors import InputError

if TYPE_CHECKING:
    from haystack_integrations.document_stores.elasticsearch import ElasticsearchDocumentStore


@dataclass(frozen=True)
class PreparedIndex:
    """An index that fits.

    :param index: Its name.
    :param created: Whether it was made now; False if it was there.
    """

    index: str
    created: bool

    def __str__(self) -> str:
        return f"index {self.index!r} {'was made' if self.created else 'is there and fits: nothing was changed'}"


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
    encoder: str | Mapping[str, Any] | None = None,
    **client: Any,
) -> PreparedIndex:
    """Make an index for Haystack's ``ElasticsearchDocumentStore``, or see that the one that is there fits.

    The store's own default searches with other BM25 parameters, without the stems of a language, and compares vectors
    by cosine, which is wrong for DPR. In this index contents and titles are searched with the analyzer given, titles
    and all other text in metadata also match filters, and the score of vectors is their inner product.

    :param hosts: Where Elasticsearch is, e.g. ``"http://localhost:9200"``.
    :param index: Name of the index; an alias is looked through.
    :param embedding_dim: Numbers in a vector, 1 to 4096.
    :param analyzer: A language that the server has an analyzer for, or ``"standard"``.
    :param k1: BM25's k1.
    :param b: BM25's b; the defaults of both are the paper's (Karpukhin et al. 2020, section 5.1).
    :param index_options: "hnsw" or "flat" (exact scores), "int8_hnsw", "int4_hnsw", "int8_flat", "bbq_hnsw" or
        "bbq_flat" (less memory).
    :param shards: Primary shards of a new index.
    :param replicas: Copies of each shard of a new index.
    :param encoder: The passage tower that makes the vectors, by name or as the record that an embedder's ``identity``
        gives; None if that is not known.
    :param client: What else the Elasticsearch client takes, e.g. ``api_key`` (also as a Haystack ``Secret``),
        ``basic_auth`` or ``ca_certs``.
    :returns: The index, and whether it was made.
    :raises InputError: If an index is there that does not fit, with the differences; if a parameter cannot be or the
        server does not know the analyzer.
    :raises SearchServerError: If the server cannot be reached, takes no such credentials or fails.
    :raises MissingExtra: If the Elasticsearch client is not installed.
    """
    require("elasticsearch", "elasticsearch", "create_elasticsearch_index")
    from dpr_haystack.engines.elasticsearch.creation import creating
    from dpr_haystack.engines.elasticsearch.layout import IndexLayout
    from dpr_haystack.engines.elasticsearch.sending import carry_out

    record = {"model": encoder} if isinstance(encoder, str) else encoder
    layout = IndexLayout(embedding_dim, analyzer, k1, b, index_options, shards, replicas, record)
    with new_client(hosts if isinstance(hosts, str) else list(hosts), _plain(client)) as connected:
        return PreparedIndex(index, carry_out(connected, creating(index, layout)))


def credentials_from_environment() -> dict[str, Any]:
    """What the environment says about credentials, as arguments of the Elasticsearch client; empty if it says nothing.

    ELASTIC_API_KEY (with ELASTIC_API_KEY_ID if it is the second half of one), or ELASTIC_USER and ELASTIC_PASSWORD.

    :raises InputError: If half of a pair is missing.
    """
    names = ("ELASTIC_API_KEY_ID", "ELASTIC_API_KEY", "ELASTIC_USER", "ELASTIC_PASSWORD")
    key_id, key, user, password = (os.environ.get(name, "") for name in names)
    if key:
        return {"api_key": (key_id, key) if key_id else key}
    if user and not password:
        msg = "ELASTIC_USER is set, ELASTIC_PASSWORD is not"
        raise InputError(msg)
    return {"basic_auth": (user or "elastic", password)} if password else {}


def elasticsearch_store(hosts: Sequence[str], index: str, **client: Any) -> ElasticsearchDocumentStore:
    """The official document store over an index, with the credentials that the environment names.

    :param hosts: Where Elasticsearch is.
    :param index: Name of the index.
    :param client: What else the Elasticsearch client takes.
    :raises MissingExtra: If elasticsearch-haystack is not installed.
    """
    official = require("haystack_integrations.document_stores.elasticsearch", "elasticsearch", "--elasticsearch")
    store: ElasticsearchDocumentStore = official.ElasticsearchDocumentStore(
        hosts=list(hosts), index=index, **credentials_from_environment(), **client
    )
    return store


def _plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: each.resolve_value() if isinstance(each, Secret) else each for name, each in settings.items()}
