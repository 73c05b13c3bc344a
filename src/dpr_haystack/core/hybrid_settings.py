# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""``hybrid.json``: how BM25 and the towers of a model directory are fused best, as ``fit-hybrid`` found it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from dpr_haystack.core.checks import check_integer
from dpr_haystack.core.files import write_atomically
from dpr_haystack.core.fusion import check_options
from dpr_haystack.core.model_directory import LAYOUT, is_model_directory
from dpr_haystack.core.text import normalize_question
from dpr_haystack.errors import DataError, InputError

FORMAT_VERSION = 1
_SAMPLE = 64
SOURCES = ("bm25", "dpr")


@dataclass(frozen=True)
class HybridSettings:
    """How two lists become one; the names are those of ``DPRHybridRetriever``.

    :param weights: The weight of ``"bm25"`` and of ``"dpr"``.
    :param normalization: What is done to the scores first.
    :param fusion: How they are fused.
    :param missing: What a passage gets in the list that lacks it.
    :param exact_scores: Whether its score there is computed instead.
    :param candidates: How many passages each list has: what ``normalization`` does depends on it.
    :param rrf_k: The constant of reciprocal rank fusion.
    :param fitted: On what and with what result it was fitted, for people to read.
    :raises InputError: If they cannot be used.
    """

    weights: Mapping[str, float] = field(default_factory=lambda: dict.fromkeys(SOURCES, 1.0))
    normalization: str = "minmax"
    fusion: str = "convex"
    missing: str = "min"
    exact_scores: bool = False
    candidates: int = 100
    rrf_k: float = 60.0
    fitted: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.weights, Mapping) or set(self.weights) != set(SOURCES):
            msg = f"weights must name 'bm25' and 'dpr': got {self.weights!r}"
            raise InputError(msg)
        check_options(
            self.weights,
            fusion=self.fusion,
            normalization=self.normalization,
            missing=self.missing,
            rrf_k=self.rrf_k,
        )
        if not isinstance(self.exact_scores, bool):
            msg = f"exact_scores must be true or false: got {self.exact_scores!r}"
            raise InputError(msg)
        check_integer("candidates", self.candidates)

    def fitted_among(self, questions: Iterable[str]) -> float:
        """How many of the questions that this was fitted on are among some others.

        :param questions: The others.
        :returns: From 0 to 1; also 0 if it is not known what it was fitted on.
        """
        sample = str(self.fitted.get("sample") or "").split()
        others = set(map(_mark, questions)) if sample else set()
        return sum(mark in others for mark in sample) / max(1, len(sample))

    def parameters(self) -> dict[str, Any]:
        """The keyword arguments of ``DPRHybridRetriever``."""
        return {name: value for name, value in asdict(self).items() if name != "fitted"}


def sample_of(questions: Iterable[str]) -> str:
    """Marks of some questions, by which :meth:`HybridSettings.fitted_among` knows them again.

    :param questions: What is fitted on.
    :returns: The smallest marks, which are a random sample of all.
    """
    return " ".join(sorted(set(map(_mark, questions)))[:_SAMPLE])


def _mark(question: str) -> str:
    return hashlib.sha256(normalize_question(question).encode()).hexdigest()[:12]


def hybrid_file_of(model: str) -> Path | None:
    """Where the settings of a question tower are, whether they are there or not.

    :param model: The tower as it was named: a model directory or its question folder.
    :returns: The path; None if the tower is not in a model directory on this machine.
    """
    path = Path(model).expanduser()
    if path.name == LAYOUT.question and is_model_directory(path.parent):
        path = path.parent
    return path / LAYOUT.hybrid if is_model_directory(path) else None


def fitted_for(model: str) -> HybridSettings:
    """What was fitted for a question tower, or else equal weights.

    :param model: The tower as it was named.
    :raises DataError: If its file is broken.
    """
    path = hybrid_file_of(model)
    return read_hybrid(path) if path is not None and path.exists() else HybridSettings()


def write_hybrid(path: Path, settings: HybridSettings) -> None:
    """Write settings, in one step.

    :param path: The file.
    :param settings: What to write.
    """
    content = {"format_version": FORMAT_VERSION, **asdict(settings)}
    if settings.fusion != "rrf":
        del content["rrf_k"]  # without a meaning then, and unknown to versions that cannot fit it
    write_atomically(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def read_hybrid(path: Path) -> HybridSettings:
    """Read settings.

    :param path: The file.
    :raises DataError: If it cannot be read, is of another format, or says what cannot be.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DataError(path, f"cannot be read as JSON: {error}") from error
    if not isinstance(content, dict) or "weights" not in content:
        raise DataError(path, "has no 'weights': it is not what dpr-haystack fit-hybrid writes")
    version = content.pop("format_version", None)
    if version != FORMAT_VERSION:
        reason = f"has format version {version}, this package reads {FORMAT_VERSION}: update dpr-haystack or fit again"
        raise DataError(path, reason)
    known = {item.name for item in fields(HybridSettings)}
    if not set(content) <= known:
        raise DataError(path, f"has what this package does not know: {', '.join(sorted(set(content) - known))}")
    try:
        return HybridSettings(**content)
    except InputError as error:
        raise DataError(path, str(error)) from error
