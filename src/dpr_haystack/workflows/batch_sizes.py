# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""How many passages are embedded and written at once."""

from __future__ import annotations

# An interruption loses at most one batch: start small, then take as many as can be embedded within some seconds.
FIRST, _FEWEST, _MOST = 64, 32, 4096
_SECONDS_PER_BATCH = 5.0


def next_size(size: int, embedded: int, seconds: float) -> int:
    """The size of the next batch.

    :param size: The size of the last batch.
    :param embedded: How many of its passages were embedded.
    :param seconds: How long that took.
    """
    if not embedded:
        return size
    affordable = int(embedded / max(seconds, 1e-3) * _SECONDS_PER_BATCH)
    return min(max(affordable, _FEWEST), 2 * size, _MOST)
