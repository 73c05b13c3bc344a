# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The names under which Haystack's YAML knows the retrievers of dpr-haystack."""

from dpr_haystack.components.retrievers.bm25 import FAISSBM25Retriever
from dpr_haystack.components.retrievers.dpr import DPRRetriever
from dpr_haystack.components.retrievers.embedding import FAISSEmbeddingRetriever
from dpr_haystack.components.retrievers.hybrid import DPRHybridRetriever

__all__ = ["DPRHybridRetriever", "DPRRetriever", "FAISSBM25Retriever", "FAISSEmbeddingRetriever"]
