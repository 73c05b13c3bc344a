# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Names that Haystack 1 and other packages have for what this package offers, and what they are called here."""

from __future__ import annotations

_GUIDE = "docs/migration.md lists every argument and method"

_TWO_PARTS = "DPRRetriever to search, and DPRDocumentEmbedder to embed documents before they are written"
_RENAMED = {
    "DensePassageRetriever": _TWO_PARTS,
    "EmbeddingRetriever": _TWO_PARTS,
    "BM25Retriever": "FAISSBM25Retriever, or ElasticsearchBM25Retriever over Elasticsearch",
    "FARMReader": "DPRReader",
    "TransformersReader": "DPRReader",
    "ExtractiveReader": "DPRReader",
    "TransformersExtractiveReader": "DPRReader",
    "JoinDocuments": "HybridJoiner",
    "DocumentJoiner": "HybridJoiner",
    "EvalDocuments": "TopKAccuracyEvaluator",
    "EvalAnswers": "AnswerMatchEvaluator",
    "ExtractiveQAPipeline": "dpr_haystack.pipelines.load_pipeline('hybrid_qa')",
    "DocumentSearchPipeline": "dpr_haystack.pipelines.load_pipeline('hybrid')",
}


def renamed(name: str) -> str | None:
    """What to say about a name that this package does not have; None if it is no old name of anything.

    :param name: The name.
    """
    if name not in _RENAMED:
        return None
    return f"dpr_haystack has no {name}: use {_RENAMED[name]}; {_GUIDE}"
