# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Facts about a store or a model directory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dpr_haystack.core.hybrid_settings import fitted_for
from dpr_haystack.core.model_directory import LAYOUT, READER, is_model_directory
from dpr_haystack.core.model_directory import read_manifest as read_model
from dpr_haystack.core.reader_form import form_of_reader
from dpr_haystack.errors import InputError
from dpr_haystack.store.layout import Layout
from dpr_haystack.store.manifests import manifest_of
from dpr_haystack.store.registry import is_store
from dpr_haystack.workflows.recorded_models import found_model


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
        "unknown_origin": store.origin().unknown,
        "hybrid": _hybrid((manifest.encoder or {}).get("model"), directory),
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
    if READER in manifest.parts:
        facts["reader_form"] = form_of_reader(LAYOUT.part(directory, READER))
        facts["reader_made_from"] = manifest.made_from.get(READER)
        facts["reader_training"] = manifest.reader_training
    facts["training"] = manifest.training
    facts["hybrid"] = _hybrid(str(directory)) if "question" in manifest.parts else None
    return facts


def _hybrid(model: str | None, store: Path | None = None) -> str | None:
    """How a hybrid search with a model fuses by default; None if the model is not known, or does not exist any more."""
    try:
        settings = None if model is None else fitted_for(found_model(model, store, "--question-model"))
    except InputError:
        return None
    if settings is None:
        return None
    questions = settings.fitted.get("questions")
    origin = "default" if not settings.fitted else "fitted" + (f" on {questions} questions" if questions else "")
    return f"{settings.summary} ({origin})"
