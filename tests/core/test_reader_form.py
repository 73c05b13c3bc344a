# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dpr_haystack.core.reader_form import form_of_reader
from dpr_haystack.errors import DataError


@pytest.mark.parametrize(
    ("files", "form"),
    [
        ({"config.json": {"architectures": ["DPRReader"], "model_type": "dpr"}}, "DPRReader"),
        ({"config.json": {"model_type": "dpr"}}, "a reader of the family dpr"),
        ({"config.json": {"architectures": ["RobertaForQuestionAnswering"]}}, "RobertaForQuestionAnswering"),
        (
            {"config.json": {"architectures": ["RobertaForQuestionAnswering"]}, "passage_selection.safetensors": {}},
            "RobertaForQuestionAnswering with passage scores",
        ),
        (
            {"adapter_config.json": {"r": 64, "base_model_name_or_path": "some/encoder"}},
            "DPRReader: an adapter of rank 64 of some/encoder",
        ),
    ],
)
def test_forms(tmp_path: Path, files: dict[str, Any], form: str) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(json.dumps(content))
    assert form_of_reader(tmp_path) == form


@pytest.mark.parametrize(
    ("text", "problem"), [("{", "cannot be read as JSON"), ("[]", "got a list"), (None, "No such")]
)
def test_a_broken_configuration_is_named(tmp_path: Path, text: str | None, problem: str) -> None:
    if text is not None:
        (tmp_path / "config.json").write_text(text)
    with pytest.raises(DataError, match=rf"config.json.*{problem}"):
        form_of_reader(tmp_path)
