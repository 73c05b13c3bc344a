# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Loading and writing the pipelines that travel with the package."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path

from haystack import Pipeline
from haystack.core.errors import DeserializationError, PipelineError

from dpr_haystack.errors import DataError, InputError
from dpr_haystack.resources import pipelines_directory

# The first word of a file's name, and the module without which its classes cannot be loaded.
_NEEDED = {"elasticsearch": "elasticsearch"}


def pipeline_names() -> list[str]:
    """The names of the pipelines that travel with the package, e.g. ``"hybrid"``."""
    return sorted(path.stem for path in pipelines_directory().glob("*.yml"))


def load_pipeline(pipeline: str | Path) -> Pipeline:
    """Load a pipeline by its name or from a file. ``model`` and ``store`` in it are relative to where this runs.

    :param pipeline: A name out of :func:`pipeline_names`, or the path of a YAML file.
    :returns: A Haystack pipeline, not warmed up.
    :raises InputError: If there is no such file.
    :raises DataError: If it is no pipeline, or names a class that Haystack does not load.
    """
    path = Path(pipeline)
    if path.suffix not in (".yml", ".yaml"):
        path = pipelines_directory() / f"{pipeline}.yml"
    if not path.is_file():
        msg = f"there is no pipeline {str(pipeline)!r}; there are {', '.join(pipeline_names())}, or name a YAML file"
        raise InputError(msg)
    try:
        return Pipeline.loads(path.read_text(encoding="utf-8"))
    except (PipelineError, DeserializationError, AttributeError, TypeError, ValueError) as error:
        raise DataError(path, f"cannot be loaded as a pipeline: {error}") from error


def write_pipelines(directory: Path) -> list[Path]:
    """Copy the pipelines into a folder; files of the same names that are there stay as they are.

    Pipelines that need an extra which is not installed are left out: a server that deploys the folder could not load
    them.

    :param directory: The folder; made if it is missing.
    :returns: The files in it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for source in sorted(pipelines_directory().glob("*.yml")):
        needed = _NEEDED.get(source.stem.partition("_")[0])
        if needed is not None and find_spec(needed) is None:
            continue
        target = directory / source.name
        if not target.exists():
            shutil.copyfile(source, target)
        written.append(target)
    return written
