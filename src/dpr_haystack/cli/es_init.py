# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""`dpr-haystack es-init`: an index in Elasticsearch for BM25 and DPR."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from dpr_haystack.cli.common import whole_number

SUMMARY = "create an index in Elasticsearch"
DESCRIPTION = """Creates an index for BM25 and DPR that Haystack's ElasticsearchDocumentStore can use. An existing index
with the same settings is kept; for one with other settings, the differences are reported as an error. Credentials come
from the environment: ELASTIC_API_KEY, or ELASTIC_USER and ELASTIC_PASSWORD."""
EXAMPLE = "dpr-haystack es-init http://localhost:9200 --index dpr-haystack --model demo/model"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("hosts", nargs="+", metavar="URL", help="address of the server")
    parser.add_argument(
        "--index", default="dpr-haystack", metavar="NAME", help="name of the index (default: %(default)s)"
    )
    parser.add_argument(
        "--model", metavar="M", help="passage tower, whose name and dimension are recorded in the index"
    )
    parser.add_argument(
        "--embedding-dim",
        type=whole_number,
        metavar="N",
        help="dimension of the vectors (default: that of the model, or 768)",
    )
    parser.add_argument(
        "--analyzer", default="english", metavar="A", help="analyzer: a language, or standard (default: %(default)s)"
    )
    parser.add_argument("--k1", type=float, default=0.9, help="BM25's k1 (default: %(default)s)")
    parser.add_argument("--b", type=float, default=0.4, help="BM25's b (default: %(default)s)")
    parser.add_argument(
        "--index-options",
        default="hnsw",
        metavar="O",
        help="type of the vector index: hnsw, flat, int8_hnsw, bbq_hnsw, ... (default: %(default)s)",
    )
    parser.add_argument(
        "--shards", type=whole_number, default=1, metavar="N", help="number of shards (default: %(default)s)"
    )
    parser.add_argument(
        "--replicas", type=int, default=0, metavar="N", help="number of replicas (default: %(default)s)"
    )
    parser.add_argument("--ca-certs", metavar="FILE", help="CA certificates to trust for https")


def _encoder_of(model: str) -> tuple[Mapping[str, Any], int]:
    """The record of a passage tower in an index, and its dimension."""
    from dpr_haystack.components.document_embedder import DPRDocumentEmbedder

    embedder = DPRDocumentEmbedder(model, progress_bar=False)
    embedder.warm_up()
    return embedder.identity.passage_record(), embedder.dimension


def run(arguments: argparse.Namespace) -> int:
    """Create the index and print the result."""
    from dpr_haystack.backends.elasticsearch.creation import create_elasticsearch_index, credentials_from_environment

    client = credentials_from_environment()
    encoder, dimension = (None, 768) if arguments.model is None else _encoder_of(arguments.model)
    if arguments.ca_certs is not None:
        client["ca_certs"] = arguments.ca_certs
    print(
        create_elasticsearch_index(
            arguments.hosts,
            arguments.index,
            embedding_dim=arguments.embedding_dim or dimension,
            encoder=encoder,
            analyzer=arguments.analyzer,
            k1=arguments.k1,
            b=arguments.b,
            index_options=arguments.index_options,
            shards=arguments.shards,
            replicas=arguments.replicas,
            **client,
        )
    )
    return 0
