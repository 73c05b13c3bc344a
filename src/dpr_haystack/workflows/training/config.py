# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Training configurations from YAML files, including those shipped with the package."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import yaml

from dpr_haystack.core.reader_training_config import ReaderTrainingConfig
from dpr_haystack.core.settings import from_settings
from dpr_haystack.core.training_config import TrainingConfig
from dpr_haystack.errors import InputError

T = TypeVar("T")


def shipped_configs(cls: type[Any] = TrainingConfig) -> dict[str, Path]:
    """The configurations shipped with the package, by name.

    :param cls: The kind of training: of two towers, or of a reader.
    """
    folder = Path(str(resources.files("dpr_haystack") / "data" / "configs"))
    of_reader = cls is ReaderTrainingConfig
    return {path.stem: path for path in sorted(folder.glob("*.yml")) if path.stem.startswith("reader-") == of_reader}


def read_config(source: str | Path, overrides: Mapping[str, Any] | None = None) -> TrainingConfig:
    """Read a configuration for training two towers.

    :param source: A YAML file, or the name of a shipped configuration.
    :param overrides: Settings that override those of the file.
    :raises InputError: If there is no such file, it does not contain a mapping, or a setting is unknown or invalid.
    """
    return _read(TrainingConfig, source, overrides)


def read_reader_config(source: str | Path, overrides: Mapping[str, Any] | None = None) -> ReaderTrainingConfig:
    """Read a configuration for training a reader; see :func:`read_config`.

    :param source: A YAML file, or the name of a shipped configuration.
    :param overrides: Settings that override those of the file.
    """
    return _read(ReaderTrainingConfig, source, overrides)


def _read(cls: type[T], source: str | Path, overrides: Mapping[str, Any] | None) -> T:
    shipped = shipped_configs(cls)
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
    return from_settings(cls, {**settings, **(overrides or {})}, str(source))
