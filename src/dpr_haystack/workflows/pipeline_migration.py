# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""YAML pipelines for faiss-haystack and Haystack's extractive reader, converted to the components of this package."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from dpr_haystack.core.files import write_atomically
from dpr_haystack.engines.ann import check_index_string
from dpr_haystack.errors import DataError, InputError

Parameters = dict[str, Any]

# The reader's defaults in Haystack, where they differ from ours.
_READER_DEFAULTS: Parameters = {
    "model": "deepset/roberta-base-squad2-distilled",
    "top_k": 20,
    "no_answer": True,
    "calibration_factor": 0.1,
    "answers_per_seq": 20,
    "max_seq_length": 384,
    "max_answer_length": None,
    "rank_by": "span",
    "probabilities": "sigmoid",
    "title_field": None,
}


def _store(parameters: Parameters) -> Parameters:
    index = parameters.get("index_string", "Flat")
    check_index_string(index, None)
    return {**parameters, "similarity": parameters.get("similarity", "l2")}


def _reader(parameters: Parameters) -> Parameters:
    return {**_READER_DEFAULTS, **parameters}


def _unchanged(parameters: Parameters) -> Parameters:
    return parameters


# Old types, the types that replace them, and how their parameters change.
_TYPES: dict[str, tuple[str, Callable[[Parameters], Parameters]]] = {
    "haystack_integrations.document_stores.faiss.document_store.FAISSDocumentStore": (
        "haystack_integrations.document_stores.dpr.FAISSDocumentStore",
        _store,
    ),
    "haystack_integrations.components.retrievers.faiss.embedding_retriever.FAISSEmbeddingRetriever": (
        "haystack_integrations.components.retrievers.dpr.FAISSEmbeddingRetriever",
        _unchanged,
    ),
    "haystack.components.readers.extractive.ExtractiveReader": (
        "haystack_integrations.components.readers.dpr.DPRReader",
        _reader,
    ),
    "haystack_integrations.components.readers.transformers.extractive_reader.TransformersExtractiveReader": (
        "haystack_integrations.components.readers.dpr.DPRReader",
        _reader,
    ),
}


def convert_pipeline(source: str | Path, target: str | Path, *, overwrite: bool = False) -> list[str]:
    """Write a pipeline with the components of this package in place of those that they replace.

    Comments in the file are lost. Results stay as they were: stores compare vectors by L2 distance, as faiss-haystack
    does, and readers get Haystack's defaults.

    :param source: A YAML file.
    :param target: The file to write.
    :param overwrite: Whether to replace an existing file.
    :returns: What was changed, one line each.
    :raises InputError: If the target exists, or an index string is not known.
    :raises DataError: If the source cannot be read, or has nothing to convert.
    """
    source, target = Path(source), Path(target)
    if target.exists() and not overwrite:
        msg = f"{target} already exists; --overwrite replaces it"
        raise InputError(msg)
    changes: list[str] = []
    converted = _converted(_read(source), source, changes)
    if not changes:
        known = ", ".join(sorted({old.rpartition(".")[2] for old in _TYPES}))
        raise DataError(source, f"has no component to convert; those of other packages that are known: {known}")
    write_atomically(target, yaml.safe_dump(converted, sort_keys=False, allow_unicode=True))
    return changes


def _read(source: Path) -> Any:
    try:
        return yaml.safe_load(source.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(source, f"cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DataError(source, f"is not valid YAML: {' '.join(str(error).split())}") from error


def _converted(node: Any, source: Path, changes: list[str]) -> Any:
    if isinstance(node, list):
        return [_converted(part, source, changes) for part in node]
    if not isinstance(node, dict):
        return node
    node = {key: _converted(part, source, changes) for key, part in node.items()}
    if node.get("type") not in _TYPES:
        return node
    new, change = _TYPES[node["type"]]
    parameters = node.get("init_parameters") or {}
    if not isinstance(parameters, dict):
        raise DataError(source, f"init_parameters of {node['type']} must be a mapping: got {type(parameters).__name__}")
    changed = change(parameters)
    added = ", ".join(f"{name}={value!r}" for name, value in changed.items() if name not in parameters)
    changes.append(f"{node['type']} -> {new}{f', with {added}' if added else ''}")
    return {**node, "type": new, "init_parameters": changed}
