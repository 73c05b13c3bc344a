# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The names under which Haystack's YAML knows the retrievers over Elasticsearch."""

from dpr_haystack.components.retrievers.elasticsearch_bm25 import ElasticsearchBM25Retriever
from dpr_haystack.components.retrievers.elasticsearch_dpr import ElasticsearchDPRRetriever

__all__ = ["ElasticsearchBM25Retriever", "ElasticsearchDPRRetriever"]
