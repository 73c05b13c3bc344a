# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Loading a transformers folder, and refusing one whose weights do not fill the model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dpr_haystack.errors import ModelError


def load_pretrained(cls: Any, folder: Path, what: str, **options: Any) -> Any:
    """A model out of a folder, whole.

    :param cls: The class of transformers.
    :param folder: The folder.
    :param what: What the model is, for messages: ``"encoder"`` or ``"reader"``.
    :param options: Further arguments of ``from_pretrained``.
    :raises ModelError: If it cannot be loaded, or weights are missing.
    """
    try:
        model, report = cls.from_pretrained(str(folder), local_files_only=True, output_loading_info=True, **options)
    except Exception as error:  # whatever a broken folder makes transformers raise
        msg = f"The {what} in {folder} cannot be loaded: {error}"
        raise ModelError(msg) from error
    # transformers fills what is missing with random numbers and goes on
    missing = sorted(key for key in report["missing_keys"] if "pooler." not in key)
    if missing:
        msg = f"The weights in {folder} lack {len(missing)} tensors of a {type(model).__name__}: {missing[:3]}."
        raise ModelError(msg)
    return model
