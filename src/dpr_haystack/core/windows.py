# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Overlapping windows over the tokens of passages that exceed a model's maximum input length."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from dpr_haystack.errors import InputError


@dataclass(frozen=True)
class Window:
    """A range of tokens of a passage. Every span belongs to exactly one window: the one that owns its first token.

    :param start: The first token.
    :param stop: The token after the last one.
    :param owned_from: The first token that the window owns.
    :param owned_to: The token after the last one that the window owns.
    """

    start: int
    stop: int
    owned_from: int
    owned_to: int

    def __len__(self) -> int:
        return self.stop - self.start


def plan_windows(tokens: int, room: int, stride: int, longest: int | None = None) -> list[Window]:
    """Cover a passage with overlapping windows so that no answer is lost at a boundary.

    A span of at most ``longest`` tokens is completely inside the window that owns its first token, for ``longest`` up
    to half a window (``room // 2``). Longer spans are found only if the window contains them completely. Of two
    overlapping windows, the one with more context around the longest span owns it.

    :param tokens: The length of the passage in tokens.
    :param room: How many tokens of the passage fit into a window.
    :param stride: By how many tokens neighbouring windows overlap. The overlap is larger if ``longest`` requires it,
        and at most three quarters of a window.
    :param longest: The length of the longest answer, in tokens; ``None`` for any length.
    :returns: The windows from left to right; a single one, possibly empty, if the passage fits.
    :raises InputError: If ``room`` is below 1.
    """
    if room < 1:
        msg = f"a window must have room for 1 token of the passage or more: got {room}"
        raise InputError(msg)
    if tokens <= room:
        return [Window(0, tokens, 0, tokens)]
    span_length = min(longest or 1, max(1, room // 2))
    overlap = max(min(stride, room * 3 // 4), span_length - 1)
    step = room - overlap
    starts = [*range(0, tokens - room, step), tokens - room]
    boundaries = [0]
    for previous, following in pairwise(starts):
        # In the middle of all positions where the earlier window contains the longest span completely.
        boundaries.append(following + max(0, previous + room - span_length - following + 1) // 2)
    boundaries.append(tokens)
    return [
        Window(start, start + room, owned_from, owned_to)
        for start, (owned_from, owned_to) in zip(starts, pairwise(boundaries), strict=True)
    ]
