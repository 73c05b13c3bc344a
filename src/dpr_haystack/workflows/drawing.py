# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Pictures by matplotlib, without a display."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from dpr_haystack._optional import require
from dpr_haystack.core.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PICTURE_SUFFIXES = (".png", ".svg", ".pdf")


def require_drawing(purpose: str = "drawing pictures", extra: str = "evaluate") -> None:
    """See that pictures can be drawn, before the work whose result they show.

    :param purpose: Who wants to draw.
    :param extra: Which extra of this package has matplotlib for it.
    :raises MissingExtra: If matplotlib is not installed.
    """
    require("matplotlib.figure", extra, purpose)


def new_figure(width: float, height: float) -> Figure:
    """An empty picture.

    :param width: In inches.
    :param height: In inches.
    :raises MissingExtra: If matplotlib is not installed.
    """
    require_drawing()
    from matplotlib.figure import Figure  # without pyplot no display is looked for

    return Figure(figsize=(width, height), layout="constrained")


def save_figure(figure: Figure, path: Path) -> None:
    """Write a picture in one step.

    :param figure: The picture.
    :param path: The file; its suffix, one of :data:`PICTURE_SUFFIXES`, says what it becomes.
    """
    picture = io.BytesIO()
    figure.savefig(picture, format=path.suffix.lower().removeprefix("."), dpi=150)
    write_atomically(path, picture.getvalue())
