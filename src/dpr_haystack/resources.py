# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What travels with the package: a trained pair, pipelines, the sample corpus and its questions."""

from __future__ import annotations

from pathlib import Path

from dpr_haystack.errors import InputError

_DATA = Path(__file__).parent / "data"
_CHECKOUT = Path(__file__).parents[2]


def corpus_directory() -> Path:
    """The sample corpus: Markdown files, one passage a section."""
    return _DATA / "corpus"


def sample_questions() -> Path:
    """Questions on the sample corpus, one JSON object a line."""
    return _DATA / "questions.jsonl"


def trained_pair() -> Path:
    """Question and passage encoder as trained on SQuAD: a model directory of adapters for all-MiniLM-L6-v2."""
    return _DATA / "minilm-squad"


def pipelines_directory() -> Path:
    """The pipelines: inside an installed wheel, or at the top of a checkout.

    :raises InputError: If they are in neither place.
    """
    for directory in (_DATA / "pipelines", _CHECKOUT / "pipelines"):
        if directory.is_dir():
            return directory
    msg = f"the pipelines are missing from this installation ({_DATA}); install dpr-haystack again"
    raise InputError(msg)
