# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Files that are part of the package: a trained pair, pipelines, the sample corpus and its questions."""

from __future__ import annotations

from pathlib import Path

from dpr_haystack.errors import InputError

_DATA = Path(__file__).parent / "data"
_CHECKOUT = Path(__file__).parents[2]


def corpus_directory() -> Path:
    """The sample corpus: Markdown files with one passage per section."""
    return _DATA / "corpus"


def sample_questions() -> Path:
    """Questions about the sample corpus, one JSON object per line."""
    return _DATA / "questions.jsonl"


def trained_pair() -> Path:
    """A question and a passage encoder trained on SQuAD: a model directory with adapters for all-MiniLM-L6-v2."""
    return _DATA / "minilm-squad"


def pipelines_directory() -> Path:
    """The folder of the pipelines, in an installed wheel or in a source checkout.

    :raises InputError: If it is in neither.
    """
    for directory in (_DATA / "pipelines", _CHECKOUT / "pipelines"):
        if directory.is_dir():
            return directory
    msg = f"the pipelines are missing from this installation ({_DATA}): reinstall dpr-haystack"
    raise InputError(msg)
