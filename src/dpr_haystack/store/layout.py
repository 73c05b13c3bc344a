# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The files of a store's directory, and its manifest."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from dpr_haystack.core.files import write_atomically
from dpr_haystack.core.similarity import Similarity
from dpr_haystack.store.errors import StoreFailure
from dpr_haystack.store.temporary import TemporaryDirectory

FORMAT_VERSION = 1


@dataclass(frozen=True)
class Layout:
    """The files of one store.

    :param root: The store's directory.
    :param temporary: Folder of the derived indexes of a store that cannot be written to.
    """

    root: Path
    temporary: TemporaryDirectory | None = None

    @property
    def manifest(self) -> Path:
        """The settings of the store: a :class:`Manifest` as JSON."""
        return self.root / "store.json"

    @property
    def database(self) -> Path:
        """The SQLite database: documents, and the row of each document's vector."""
        return self.root / "documents.sqlite"

    @property
    def indexes(self) -> Path:
        """Derived indexes; deleting this folder loses nothing."""
        return self.root / "indexes" if self.temporary is None else self.temporary.made()

    @property
    def keyword_position(self) -> Path:
        """Which keyword index is in use, and the last write it includes."""
        return self.indexes / "keyword.json"

    def dense_index(self, index_string: str) -> Path:
        """An approximate index; a JSON file of the same name records which rows it includes.

        :param index_string: Which index, as a FAISS factory string.
        """
        return self.indexes / f"{re.sub(r'[^A-Za-z0-9]+', '_', index_string)}.faiss"

    @property
    def new_vectors(self) -> Path:
        """Vectors of a re-embedding in progress."""
        return self.root / "staged.f32"

    @property
    def reembedding_lock(self) -> Path:
        """Lock file of the process that re-embeds the store."""
        return self.root / "staged.lock"

    @property
    def lock(self) -> Path:
        """Lock file held while the store is created."""
        return self.root / "store.lock"

    def vectors(self, generation: int) -> Path:
        """Raw float32 rows; each compaction or re-embedding writes the next generation.

        :param generation: Number of the generation.
        """
        return self.root / f"vectors-{generation}.f32"

    def vector_files(self) -> dict[int, Path]:
        """Path of every existing vector file, by generation."""
        files = {}
        for path in self.root.glob("vectors-*.f32"):
            number = path.stem.removeprefix("vectors-")
            if number.isdigit():
                files[int(number)] = path
        return files


# fields that manifests of earlier releases lack
_ADDED = ("index_options",)


@dataclass(frozen=True)
class Manifest:
    """The settings of a store.

    :param dimension: Length of its vectors; None until the first one is written.
    :param similarity: How its vectors are compared.
    :param index: The index it was created with, as a FAISS factory string.
    :param language: Language of its keyword index; None for neither stemming nor stop words.
    :param encoder: The passage tower that made its vectors, if known: ``{"model": ..., "fingerprint": ...}``.
    :param format_version: Version of the store's format.
    :param index_options: Settings of the index; None for the defaults.
    """

    dimension: int | None
    similarity: Similarity
    index: str
    language: str | None
    encoder: dict[str, Any] | None = None
    format_version: int = FORMAT_VERSION
    index_options: dict[str, int] | None = None


def write_manifest(layout: Layout, manifest: Manifest) -> None:
    """Replace the manifest atomically and durably.

    :param layout: The store's files.
    :param manifest: The new manifest.
    :raises StoreFailure: If the file cannot be written, e.g. because the disk is full.
    """
    try:
        write_atomically(layout.manifest, json.dumps(asdict(manifest), indent=2) + "\n")
    except OSError as error:
        msg = f"{layout.manifest} cannot be written ({error}); nothing was changed"
        raise StoreFailure(msg) from error


def read_manifest(layout: Layout) -> Manifest:
    """Read the manifest.

    :param layout: The store's files.
    :raises StoreFailure: If it is damaged or was written by a later version.
    """
    try:
        data = json.loads(layout.manifest.read_text(encoding="utf-8"))
        version = data["format_version"]
        if version > FORMAT_VERSION:
            msg = (
                f"{layout.root} has store format {version}; this version reads formats up to {FORMAT_VERSION}. "
                "Upgrade dpr-haystack."
            )
            raise StoreFailure(msg)
        values = {
            field.name: data[field.name] for field in fields(Manifest) if field.name in data or field.name not in _ADDED
        }
        manifest = Manifest(**{**values, "similarity": Similarity(values["similarity"])})
    except (OSError, ValueError, KeyError, TypeError) as error:
        msg = f"{layout.manifest} cannot be read as the manifest of a store ({error!r}); restore this file from a copy"
        raise StoreFailure(msg) from error
    return manifest
