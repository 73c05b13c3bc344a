# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The model directory: its files, and ``dpr.json``, which says how each part is used.

Reading and writing share :class:`Layout`, so that they agree on names.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

from dpr_haystack.core.files import write_atomically
from dpr_haystack.core.similarity import Similarity
from dpr_haystack.errors import DataError, InputError

Role = Literal["question", "passage"]
ROLES: tuple[Role, Role] = ("question", "passage")
READER = "reader"
Pooling = Literal["cls", "mean", "max", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"]
POOLINGS: tuple[str, ...] = get_args(Pooling)
FORMAT_VERSION = 1
_NO_SIMILARITY = "none"  # what a reader has in the file


@dataclass(frozen=True)
class Layout:
    """Names of the files and folders of a model directory and of its parts."""

    manifest: str = "dpr.json"
    question: str = "question"
    passage: str = "passage"
    reader: str = "reader"
    hybrid: str = "hybrid.json"
    adapter: str = "adapter_config.json"
    selection: str = "passage_selection.safetensors"
    heads: str = "reader_heads.safetensors"

    def part(self, directory: Path, name: str) -> Path:
        """The folder of a part.

        :param directory: The model directory.
        :param name: The part, e.g. ``"question"``.
        """
        return directory / str(getattr(self, name))


LAYOUT = Layout()


@dataclass(frozen=True)
class Part:
    """How one part of a model is used, beyond what its transformers folder says.

    :param role: ``"question"``, ``"passage"`` or ``"reader"``.
    :param pooling: How token vectors are pooled: one of :data:`POOLINGS`.
    :param normalize: Whether the vector is scaled to length 1.
    :param similarity: How the towers were trained to compare vectors; None for a reader.
    :param max_length: Longest input in tokens, special tokens included.
    :param dimension: Length of the vector; 0 where there is none (a reader).
    :param prompt: A prefix of every text.
    :param lowercase: Whether texts are lower-cased before tokenization.
    :param dense: Sub-folders with linear layers that follow the pooling.
    """

    role: str
    pooling: str
    normalize: bool
    similarity: Similarity | None
    max_length: int
    dimension: int
    prompt: str = ""
    lowercase: bool = False
    dense: tuple[str, ...] = ()


def check_dimensions(models: Mapping[str, str], dimensions: Mapping[str, int]) -> None:
    """Refuse two towers whose vectors cannot be compared.

    :param models: The checkpoint of each role.
    :param dimensions: Length of the vectors of each role.
    :raises InputError: If the lengths differ.
    """
    if dimensions["question"] != dimensions["passage"]:
        msg = (
            "both towers must make vectors of the same length: got "
            f"{dimensions['question']} for {models['question']} and {dimensions['passage']} for {models['passage']}"
        )
        raise InputError(msg)


def reader_part(max_length: int) -> Part:
    """The part of a reader, which makes no vectors.

    :param max_length: Longest input in tokens: question, title and passage.
    """
    return Part(READER, pooling="none", normalize=False, similarity=None, max_length=max_length, dimension=0)


@dataclass(frozen=True)
class ModelManifest:
    """The content of ``dpr.json``.

    :param parts: The parts by name: ``"question"``, ``"passage"``, and ``"reader"`` if there is one.
    :param made_from: The source of each part, by its name: a name on the hub or a path.
    :param training: How the towers were trained, written by the trainer; empty for a converted model.
    :param reader_training: How the reader was trained.
    """

    parts: Mapping[str, Part]
    made_from: Mapping[str, str] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    reader_training: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """The text of ``dpr.json``."""
        content = {
            "format_version": FORMAT_VERSION,
            "parts": {name: _values(part) for name, part in self.parts.items()},
            "made_from": dict(self.made_from),
            "training": dict(self.training),
            **({"reader_training": dict(self.reader_training)} if self.reader_training else {}),
        }
        return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _values(part: Part) -> dict[str, Any]:
    similarity = part.similarity.sentence_transformers_name if part.similarity is not None else _NO_SIMILARITY
    return {**asdict(part), "similarity": similarity}


def is_model_directory(path: Path) -> bool:
    """Whether a folder has a ``dpr.json``.

    :param path: The folder.
    """
    return (path / LAYOUT.manifest).is_file()


def write_manifest(directory: Path, manifest: ModelManifest) -> None:
    """Write ``dpr.json`` atomically.

    :param directory: The model directory; it exists.
    :param manifest: What to write.
    """
    write_atomically(directory / LAYOUT.manifest, manifest.to_json())


def read_manifest(directory: Path) -> ModelManifest:
    """Read ``dpr.json``.

    :param directory: The model directory.
    :returns: Its content.
    :raises DataError: If it is not JSON, has a newer format, or is incomplete.
    """
    path = directory / LAYOUT.manifest
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DataError(path, f"cannot be read as JSON: {error}") from error
    if not isinstance(content, dict) or not isinstance(content.get("parts"), dict):
        raise DataError(path, "has no 'parts': not the manifest of a model directory")
    version = content.get("format_version")
    if version != FORMAT_VERSION:
        reason = f"has format version {version}, this package reads {FORMAT_VERSION}: update dpr-haystack"
        raise DataError(path, reason)
    parts = {name: _part(path, name, values) for name, values in content["parts"].items()}
    records = (content.get(name) or {} for name in ("made_from", "training", "reader_training"))
    return ModelManifest(parts, *records)


def _part(path: Path, name: str, values: Any) -> Part:
    known = {item.name for item in fields(Part)}
    if not isinstance(values, dict) or not set(values) <= known:
        unknown = sorted(set(values) - known) if isinstance(values, dict) else values
        raise DataError(path, f"part {name!r} has unknown settings: {unknown}")
    try:
        name_of_similarity = values["similarity"]
        similarity = None if name_of_similarity == _NO_SIMILARITY else Similarity.parse(name_of_similarity)
        part = Part(**{**values, "similarity": similarity, "dense": tuple(values.get("dense", ()))})
    except (KeyError, TypeError) as error:
        raise DataError(path, f"part {name!r} is incomplete: {error}") from error
    except InputError as error:
        raise DataError(path, f"part {name!r}: {error}") from error
    _check(path, name, part)
    return part


def _check(path: Path, name: str, part: Part) -> None:
    if part.pooling not in POOLINGS and part.role in ROLES:
        raise DataError(path, f"part {name!r} has pooling {part.pooling!r}, known: {', '.join(POOLINGS)}")
    if part.similarity is None and part.role in ROLES:
        raise DataError(path, f"part {name!r}: a tower must have a similarity, one of {', '.join(Similarity)}")
    if not isinstance(part.max_length, int) or part.max_length < 1:
        raise DataError(path, f"part {name!r} has max_length {part.max_length!r}, it must be 1 or more")
