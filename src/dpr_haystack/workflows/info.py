# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Facts about a store or a model directory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dpr_haystack.core.model_directory import READER, is_model_directory
from dpr_haystack.core.model_directory import read_manifest as read_model
from dpr_haystack.errors import InputError
from dpr_haystack.store.layout import Layout
from dpr_haystack.store.manifests import manifest_of
from dpr_haystack.store.registry import is_store


def describe(directory: Path) -> dict[str, Any]:
    """Facts about a store or a model directory, by name.

    :param directory: The directory.
    :raises InputError: If it is neither.
    """
    if is_store(directory):
        return _describe_store(directory)
    if is_model_directory(directory):
        return _describe_model(directory)
    msg = f"{directory} is neither a store nor a model directory"
    raise InputError(msg)


def _describe_store(directory: Path) -> dict[str, Any]:
    from dpr_haystack.components.document_store import FAISSDocumentStore

    manifest = manifest_of(Layout(directory))
    store = FAISSDocumentStore.from_directory(directory)
    with_vector = {"field": "embedding", "operator": "!=", "value": None}
    facts = {
        "kind": "store",
        "documents": store.count_documents(),
        "vectors": store.count_documents_by_filter(with_vector),
        "dimension": manifest.dimension,
        "similarity": manifest.similarity,
        "index": manifest.index,
        "language": manifest.language,
        "encoder": (manifest.encoder or {}).get("model"),
        "fingerprint": (manifest.encoder or {}).get("fingerprint"),
        "bytes": sum(path.stat().st_size for path in directory.rglob("*") if path.is_file()),
        "fields": ", ".join(sorted(store.get_metadata_fields_info())),
    }
    store.close()
    return facts


def _describe_model(directory: Path) -> dict[str, Any]:
    manifest = read_model(directory)
    facts: dict[str, Any] = {"kind": "model directory"}
    for name, part in manifest.parts.items():
        fields = {"max_length": part.max_length} if part.role == READER else vars(part)
        facts[name] = ", ".join(f"{key} {value}" for key, value in fields.items() if value not in (None, "", ()))
    facts["training"] = manifest.training
    return facts
