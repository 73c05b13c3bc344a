# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Drawing with matplotlib, without a display."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from dpr_haystack._optional import require
from dpr_haystack.core.files import write_atomically
from dpr_haystack.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PICTURE_SUFFIXES = (".png", ".svg", ".pdf")


def require_drawing(purpose: str = "drawing pictures", extra: str = "evaluate") -> None:
    """Check that matplotlib is installed, before the work whose result is drawn.

    :param purpose: What is drawn, for the message.
    :param extra: The extra of this package that installs matplotlib.
    :raises MissingExtra: If matplotlib is not installed.
    """
    require("matplotlib.figure", extra, purpose)


def check_picture(option: str, path: str) -> None:
    """Check that a picture can be drawn to a file, before the work whose result is drawn.

    :param option: The option that names the file, for messages.
    :param path: The file.
    :raises InputError: If its suffix is not one of :data:`PICTURE_SUFFIXES`.
    :raises MissingExtra: If matplotlib is not installed.
    """
    if Path(path).suffix.lower() not in PICTURE_SUFFIXES:
        msg = f"{option} must end in {', '.join(PICTURE_SUFFIXES)}: got {path}"
        raise InputError(msg)
    require_drawing(option)


def new_figure(width: float, height: float) -> Figure:
    """An empty figure.

    :param width: In inches.
    :param height: In inches.
    :raises MissingExtra: If matplotlib is not installed.
    """
    require_drawing()
    from matplotlib.figure import Figure  # pyplot would look for a display

    return Figure(figsize=(width, height), layout="constrained")


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure to a file atomically.

    :param figure: The figure.
    :param path: The file; its suffix, one of :data:`PICTURE_SUFFIXES`, selects the format.
    """
    picture = io.BytesIO()
    figure.savefig(picture, format=path.suffix.lower().removeprefix("."), dpi=150)
    write_atomically(path, picture.getvalue())
