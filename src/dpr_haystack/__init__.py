# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Dense Passage Retrieval (Karpukhin et al. 2020, arXiv 2004.04906) for Haystack 3.

The public names, each loaded when it is first used: importing this package imports neither Haystack nor torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dpr_haystack.backends.elasticsearch.creation import create_elasticsearch_index
    from dpr_haystack.components.answer_evaluator import AnswerMatchEvaluator
    from dpr_haystack.components.document_embedder import DPRDocumentEmbedder
    from dpr_haystack.components.document_store import FAISSDocumentStore
    from dpr_haystack.components.file_converter import DPRFileConverter
    from dpr_haystack.components.joiner import HybridJoiner
    from dpr_haystack.components.passage_writer import DPRPassageWriter
    from dpr_haystack.components.reader import DPRReader
    from dpr_haystack.components.retrievers.bm25 import FAISSBM25Retriever
    from dpr_haystack.components.retrievers.dpr import DPRRetriever
    from dpr_haystack.components.retrievers.elasticsearch_bm25 import ElasticsearchBM25Retriever
    from dpr_haystack.components.retrievers.elasticsearch_dpr import ElasticsearchDPRRetriever
    from dpr_haystack.components.retrievers.embedding import FAISSEmbeddingRetriever
    from dpr_haystack.components.retrievers.hybrid import DPRHybridRetriever
    from dpr_haystack.components.text_embedder import DPRTextEmbedder
    from dpr_haystack.components.top_k_evaluator import TopKAccuracyEvaluator
    from dpr_haystack.core.reader_training_config import ReaderTrainingConfig
    from dpr_haystack.core.training_config import TrainingConfig
    from dpr_haystack.pipelines import load_pipeline
    from dpr_haystack.workflows.indexing import index_paths
    from dpr_haystack.workflows.reembedding import reembed
    from dpr_haystack.workflows.training.mining import mine_hard_negatives
    from dpr_haystack.workflows.training.train import train_dpr
    from dpr_haystack.workflows.training.train_reader import train_reader

__version__ = "0.1.0"

_HOMES = {
    "AnswerMatchEvaluator": "components.answer_evaluator",
    "DPRDocumentEmbedder": "components.document_embedder",
    "DPRFileConverter": "components.file_converter",
    "DPRHybridRetriever": "components.retrievers.hybrid",
    "DPRPassageWriter": "components.passage_writer",
    "DPRReader": "components.reader",
    "DPRRetriever": "components.retrievers.dpr",
    "DPRTextEmbedder": "components.text_embedder",
    "ElasticsearchBM25Retriever": "components.retrievers.elasticsearch_bm25",
    "ElasticsearchDPRRetriever": "components.retrievers.elasticsearch_dpr",
    "FAISSBM25Retriever": "components.retrievers.bm25",
    "FAISSDocumentStore": "components.document_store",
    "FAISSEmbeddingRetriever": "components.retrievers.embedding",
    "HybridJoiner": "components.joiner",
    "ReaderTrainingConfig": "core.reader_training_config",
    "TrainingConfig": "core.training_config",
    "TopKAccuracyEvaluator": "components.top_k_evaluator",
    "create_elasticsearch_index": "backends.elasticsearch.creation",
    "index_paths": "workflows.indexing",
    "load_pipeline": "pipelines",
    "mine_hard_negatives": "workflows.training.mining",
    "reembed": "workflows.reembedding",
    "train_dpr": "workflows.training.train",
    "train_reader": "workflows.training.train_reader",
}

__all__ = [
    "AnswerMatchEvaluator",
    "DPRDocumentEmbedder",
    "DPRFileConverter",
    "DPRHybridRetriever",
    "DPRPassageWriter",
    "DPRReader",
    "DPRRetriever",
    "DPRTextEmbedder",
    "ElasticsearchBM25Retriever",
    "ElasticsearchDPRRetriever",
    "FAISSBM25Retriever",
    "FAISSDocumentStore",
    "FAISSEmbeddingRetriever",
    "HybridJoiner",
    "ReaderTrainingConfig",
    "TopKAccuracyEvaluator",
    "TrainingConfig",
    "__version__",
    "create_elasticsearch_index",
    "index_paths",
    "load_pipeline",
    "mine_hard_negatives",
    "reembed",
    "train_dpr",
    "train_reader",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        from dpr_haystack.core.renamed import renamed

        if (advice := renamed(name)) is not None:
            # an AttributeError would become "cannot import name", without the advice
            raise ImportError(advice, name=__name__)
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
