# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What kind of reader a model directory holds, for people to read, without loading it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dpr_haystack.core.model_directory import LAYOUT
from dpr_haystack.errors import DataError


def form_of_reader(folder: Path) -> str:
    """The class of a reader, and what belongs to it beside its weights.

    :param folder: The folder of the reader in a model directory.
    :returns: For example ``"DPRReader"``, ``"DPRReader: an adapter of rank 64 of some/encoder"`` or
        ``"RobertaForQuestionAnswering with passage scores"``.
    :raises DataError: If its configuration cannot be read.
    """
    adapter = folder / LAYOUT.adapter
    if adapter.is_file():
        settings = _settings(adapter)
        return f"DPRReader: an adapter of rank {settings.get('r')} of {settings.get('base_model_name_or_path')}"
    settings = _settings(folder / "config.json")
    name = next(iter(settings.get("architectures") or []), f"a reader of the family {settings.get('model_type')}")
    has_selection = (folder / LAYOUT.selection).is_file()
    return f"{name} with passage scores" if has_selection else str(name)


def _settings(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DataError(path, f"cannot be read as JSON: {error}") from error
    if not isinstance(content, dict):
        raise DataError(path, f"must hold a JSON object: got a {type(content).__name__}")
    return content
