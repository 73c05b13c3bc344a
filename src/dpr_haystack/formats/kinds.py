# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The kinds of files that passages come from, by suffix."""

from __future__ import annotations

from dpr_haystack.formats import PASSAGE_SUFFIXES

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
HTML, PDF = "text/html", "application/pdf"

CONVERTED = {".docx": DOCX, ".html": HTML, ".htm": HTML, ".pdf": PDF}
"""Media types of the files that Haystack's converters read."""

SUFFIXES = tuple(sorted({*PASSAGE_SUFFIXES, *CONVERTED}))
"""The suffixes of all files that can be read, each also with ``.gz``."""


def known_suffixes() -> str:
    """The suffixes of the files that can be read, as a list in words."""
    return f"{', '.join(SUFFIXES)}, each also with .gz"
