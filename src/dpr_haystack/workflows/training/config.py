# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Training configurations from YAML files, including those shipped with the package."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from dpr_haystack.core.settings import from_settings
from dpr_haystack.core.training_config import TrainingConfig
from dpr_haystack.errors import InputError


def shipped_configs() -> dict[str, Path]:
    """The configurations shipped with the package, by name."""
    folder = Path(str(resources.files("dpr_haystack") / "data" / "configs"))
    return {path.stem: path for path in sorted(folder.glob("*.yml"))}


def read_config(source: str | Path, overrides: Mapping[str, Any] | None = None) -> TrainingConfig:
    """Read a configuration.

    :param source: A YAML file, or the name of a shipped configuration.
    :param overrides: Settings that override those of the file.
    :raises InputError: If there is no such file, it does not contain a mapping, or a setting is unknown or invalid.
    """
    shipped = shipped_configs()
    path = Path(source)
    if not path.is_file() and str(source) in shipped:
        path = shipped[str(source)]
    if not path.is_file():
        msg = f"a configuration must be a YAML file or one of {', '.join(shipped)}: got {source}"
        raise InputError(msg)
    try:
        settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        msg = f"{source} cannot be read as YAML: {error}"
        raise InputError(msg) from error
    if not isinstance(settings, dict):
        msg = f"{source} must contain settings by name: got a {type(settings).__name__}"
        raise InputError(msg)
    return from_settings(TrainingConfig, {**settings, **(overrides or {})}, str(source))
