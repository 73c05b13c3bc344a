# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Values on their way into SQL."""

from __future__ import annotations

import json
from collections.abc import Iterable


def listed(values: Iterable[object]) -> str:
    """Values as JSON for SQLite's ``json_each``, without text that SQLite would change.

    :param values: The values.
    """
    kept = [value for value in values if not isinstance(value, str) or is_storable(value)]
    return json.dumps(kept, ensure_ascii=False)


def is_storable(text: str) -> bool:
    """Whether SQLite stores a text unchanged: its functions truncate at NUL, and lone surrogates have no UTF-8.

    :param text: The text.
    """
    return "\0" not in text and (text.isascii() or text.encode(errors="ignore").decode() == text)
