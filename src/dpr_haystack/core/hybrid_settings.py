# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""``hybrid.json``: the fusion of BM25 with the towers of a model directory, as fitted by ``fit-hybrid``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
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
# What was fitted together has a meaning only together.
_FITTED_TOGETHER = ("weights", "normalization", "fusion", "missing", "rrf_k")


@dataclass(frozen=True)
class HybridSettings:
    """How two lists are fused; the names are those of ``DPRHybridRetriever``.

    :param weights: The weight of ``"bm25"`` and of ``"dpr"``.
    :param normalization: How scores are normalised first.
    :param fusion: How they are fused.
    :param missing: The score of a passage in the list that lacks it.
    :param exact_scores: Whether that score is computed instead.
    :param candidates: How many passages each list has; the normalisation depends on it.
    :param rrf_k: The constant of reciprocal rank fusion.
    :param fitted: What it was fitted on and with what result, for people to read.
    :raises InputError: If a setting cannot be used.
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
        """The share of the questions fitted on that are among other questions.

        :param questions: The other questions.
        :returns: From 0 to 1; 0 if the questions fitted on are not known.
        """
        sample = str(self.fitted.get("sample") or "").split()
        others = set(map(_hash, questions)) if sample else set()
        return sum(value in others for value in sample) / max(1, len(sample))

    def parameters(self) -> dict[str, Any]:
        """The keyword arguments of ``DPRHybridRetriever``."""
        return {name: value for name, value in asdict(self).items() if name != "fitted"}

    @property
    def summary(self) -> str:
        """The settings in one line, e.g. ``"bm25 0.3, dpr 0.7, convex, zscore, exact scores, 100 candidates"``."""
        parts = [f"{name} {weight:g}" for name, weight in self.weights.items()]
        parts += [self.fusion, *([self.normalization] if self.fusion == "convex" else ())]
        parts += ["exact scores"] * self.exact_scores + [f"{self.candidates} candidates"]
        return ", ".join(parts)


def sample_of(questions: Iterable[str]) -> str:
    """Hashes of some questions, by which :meth:`HybridSettings.fitted_among` recognises them.

    :param questions: The questions fitted on.
    :returns: The smallest hashes, which are a random sample of all.
    """
    return " ".join(sorted(set(map(_hash, questions)))[:_SAMPLE])


def _hash(question: str) -> str:
    return hashlib.sha256(normalize_question(question).encode()).hexdigest()[:12]


def hybrid_file_of(model: str) -> Path | None:
    """The path of the settings of a question tower, whether the file exists or not.

    :param model: The tower as the user named it: a model directory or its question folder.
    :returns: The path; None if the tower is not in a local model directory.
    """
    path = Path(model).expanduser()
    if path.name == LAYOUT.question and is_model_directory(path.parent):
        path = path.parent
    return path / LAYOUT.hybrid if is_model_directory(path) else None


def fitted_for(model: str) -> HybridSettings:
    """The settings fitted for a question tower, or equal weights if there are none.

    :param model: The tower as the user named it.
    :returns: The settings.
    :raises DataError: If the file is broken.
    """
    path = hybrid_file_of(model)
    return read_hybrid(path) if path is not None and path.exists() else HybridSettings()


def completed(given: Mapping[str, Any], fitted: Callable[[], HybridSettings]) -> HybridSettings:
    """The settings of a hybrid search: those given, completed by those fitted for its question tower.

    Weights, normalisation, fusion, missing and ``rrf_k`` were fitted together: if one of them is given, the others are
    the defaults. ``exact_scores`` and ``candidates`` replace the fitted ones each by itself.

    :param given: Parameters of :class:`HybridSettings`; None for those that are not given.
    :param fitted: Returns the fitted settings; called only if they are needed.
    :returns: The settings.
    :raises InputError: If a setting cannot be used.
    :raises DataError: If the file of fitted settings is broken.
    """
    chosen = {name: value for name, value in given.items() if value is not None}
    if any(name in chosen for name in _FITTED_TOGETHER):
        return HybridSettings(**chosen)
    return replace(fitted(), **chosen)


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
    :returns: The settings.
    :raises DataError: If the file cannot be read, has another format, or holds settings that cannot be used.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(path, f"cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DataError(path, f"cannot be read as JSON: {error}") from error
    if not isinstance(content, dict) or "weights" not in content:
        raise DataError(path, "has no 'weights': not a file written by dpr-haystack fit-hybrid")
    version = content.pop("format_version", None)
    if version != FORMAT_VERSION:
        reason = f"has format version {version}, this package reads {FORMAT_VERSION}: update dpr-haystack or fit again"
        raise DataError(path, reason)
    known = {item.name for item in fields(HybridSettings)}
    if not set(content) <= known:
        raise DataError(
            path, f"has unknown settings: {', '.join(sorted(set(content) - known))}; update dpr-haystack or fit again"
        )
    try:
        return HybridSettings(**content)
    except InputError as error:
        raise DataError(path, str(error)) from error
