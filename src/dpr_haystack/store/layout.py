# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What lies where in a store's directory, and its manifest. Reading and writing both ask here and cannot disagree."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from dpr_haystack.core.files import write_atomically
from dpr_haystack.core.similarity import Similarity
from dpr_haystack.store.errors import StoreFailure

FORMAT_VERSION = 1


@dataclass(frozen=True)
class Layout:
    """The files of one store."""

    root: Path

    @property
    def manifest(self) -> Path:
        """What the store is: a :class:`Manifest` as JSON."""
        return self.root / "store.json"

    @property
    def database(self) -> Path:
        """The truth: documents, and which row holds which vector."""
        return self.root / "documents.sqlite"

    @property
    def indexes(self) -> Path:
        """Derived indexes; deleting this folder loses nothing."""
        return self.root / "indexes"

    @property
    def keyword_position(self) -> Path:
        """Which keyword index is in use and up to which write it has seen."""
        return self.indexes / "keyword.json"

    def dense_index(self, index_string: str) -> Path:
        """An approximate index; a JSON file of the same name says what it has seen."""
        return self.indexes / f"{re.sub(r'[^A-Za-z0-9]+', '_', index_string)}.faiss"

    @property
    def staged(self) -> Path:
        """Vectors of a re-embedding that has not been switched to."""
        return self.root / "staged.f32"

    @property
    def staging_lock(self) -> Path:
        """Held by the process that embeds the store anew."""
        return self.root / "staged.lock"

    @property
    def lock(self) -> Path:
        """Held while the store is created."""
        return self.root / "store.lock"

    def vectors(self, generation: int) -> Path:
        """Raw float32 rows; each compaction writes the next generation."""
        return self.root / f"vectors-{generation}.f32"

    def vector_files(self) -> dict[int, Path]:
        """Generation and path of every vector file that is there."""
        files = {}
        for path in self.root.glob("vectors-*.f32"):
            number = path.stem.removeprefix("vectors-")
            if number.isdigit():
                files[int(number)] = path
        return files


# what manifests have had since a later release
_ADDED = ("index_options",)


@dataclass(frozen=True)
class Manifest:
    """What a store is.

    :param dimension: Length of its vectors; None until the first one is written.
    :param similarity: How its vectors are compared.
    :param index: The index it was created with, in the words of FAISS's index factory.
    :param language: Language of its keyword index; None for no stemming and no stop words.
    :param encoder: Which passage tower made its vectors, if known: ``{"model": ..., "fingerprint": ...}``.
    :param index_options: Settings of the index; None for the usual ones.
    """

    dimension: int | None
    similarity: Similarity
    index: str
    language: str | None
    encoder: dict[str, Any] | None = None
    format_version: int = FORMAT_VERSION
    index_options: dict[str, int] | None = None


def write_manifest(layout: Layout, manifest: Manifest) -> None:
    """Replace the manifest in one durable step.

    :raises StoreFailure: If the system refuses, e.g. because the disk is full.
    """
    try:
        write_atomically(layout.manifest, json.dumps(asdict(manifest), indent=2) + "\n")
    except OSError as error:
        msg = f"{layout.manifest} cannot be written ({error}); nothing was changed"
        raise StoreFailure(msg) from error


def read_manifest(layout: Layout) -> Manifest:
    """Read the manifest.

    :raises StoreFailure: If it is damaged or written by a later version.
    """
    try:
        data = json.loads(layout.manifest.read_text(encoding="utf-8"))
        version = data["format_version"]
        if version > FORMAT_VERSION:
            msg = (
                f"{layout.root} was written in store format {version}; this version reads up to {FORMAT_VERSION}. "
                "Upgrade dpr-haystack."
            )
            raise StoreFailure(msg)
        values = {
            each.name: data[each.name] for each in fields(Manifest) if each.name in data or each.name not in _ADDED
        }
        manifest = Manifest(**{**values, "similarity": Similarity(values["similarity"])})
    except (OSError, ValueError, KeyError, TypeError) as error:
        msg = f"{layout.manifest} cannot be read as a store's manifest ({error!r}); restore this file from a copy"
        raise StoreFailure(msg) from error
    return manifest
