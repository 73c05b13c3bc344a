# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Load and write the pipelines that are part of the package."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path

from haystack import Pipeline
from haystack.core.errors import DeserializationError, PipelineError

from dpr_haystack.errors import DataError, InputError
from dpr_haystack.resources import pipelines_directory

_WRAPPER = "pipeline_wrapper.py"
# The prefix of a pipeline's file name, and the module that its classes need.
_REQUIRED_MODULES = {"elasticsearch": "elasticsearch"}


def pipeline_names() -> list[str]:
    """The names of the pipelines that are part of the package, e.g. ``"hybrid"``."""
    return sorted(path.stem for path in pipelines_directory().glob("*.yml"))


def load_pipeline(pipeline: str | Path) -> Pipeline:
    """Load a pipeline by name or from a file. Its paths ``model`` and ``store`` are relative to the working directory.

    :param pipeline: A name from :func:`pipeline_names`, or the path of a YAML file.
    :returns: A Haystack pipeline, not warmed up.
    :raises InputError: If there is no such file.
    :raises DataError: If the file is not a valid pipeline, or names a class that Haystack does not load.
    """
    path = Path(pipeline)
    if path.suffix not in (".yml", ".yaml"):
        path = pipelines_directory() / f"{pipeline}.yml"
    if not path.is_file():
        msg = f"unknown pipeline {str(pipeline)!r}; known: {', '.join(pipeline_names())}, or the path of a YAML file"
        raise InputError(msg)
    try:
        return Pipeline.loads(path.read_text(encoding="utf-8"))
    except (PipelineError, DeserializationError, AttributeError, TypeError, ValueError) as error:
        raise DataError(path, f"cannot be loaded as a pipeline: {error}") from error


def write_pipelines(directory: Path) -> list[Path]:
    """Copy the pipelines, and the wrappers that serve them with Hayhooks, into a folder; existing files are kept.

    Pipelines that need an extra that is not installed are skipped: a server that deploys the folder could not load
    them.

    :param directory: The folder; created if missing.
    :returns: The paths of the pipelines in the folder.
    """
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for source in sorted(pipelines_directory().glob("*.yml")):
        module = _REQUIRED_MODULES.get(source.stem.partition("_")[0])
        if module is not None and find_spec(module) is None:
            continue
        target = directory / source.name
        if not target.exists():
            shutil.copyfile(source, target)
        written.append(target)
    for source in sorted(pipelines_directory().glob(f"*/{_WRAPPER}")):
        target = directory / source.parent.name / _WRAPPER
        target.parent.mkdir(exist_ok=True)
        if not target.exists():
            shutil.copyfile(source, target)
    return written
