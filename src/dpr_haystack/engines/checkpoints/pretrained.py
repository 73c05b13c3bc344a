# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Loading a model from a transformers folder that has all its weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dpr_haystack.errors import ModelError


def load_pretrained(cls: Any, folder: Path, what: str, **options: Any) -> Any:
    """Load a model from a folder.

    :param cls: The transformers class.
    :param folder: The folder.
    :param what: What the model is, for messages: ``"encoder"`` or ``"reader"``.
    :param options: Further arguments of ``from_pretrained``.
    :returns: The model.
    :raises ModelError: If it cannot be loaded, or weights are missing.
    """
    try:
        model, report = cls.from_pretrained(str(folder), local_files_only=True, output_loading_info=True, **options)
    except Exception as error:  # a broken folder makes transformers raise anything
        msg = f"The {what} in {folder} cannot be loaded: {error}"
        raise ModelError(msg) from error
    # transformers fills missing weights with random numbers
    missing = sorted(key for key in report["missing_keys"] if "pooler." not in key)
    if missing:
        msg = f"The weights in {folder} lack {len(missing)} tensors of a {type(model).__name__}: {missing[:3]}."
        raise ModelError(msg)
    return model
