# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Windows over the tokens of a passage that is longer than what a model reads at once."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from dpr_haystack.errors import InputError


@dataclass(frozen=True)
class Window:
    """Some tokens of a passage. Every span of the passage belongs to one window: the one that owns its first token.

    :param start: The first token.
    :param stop: The token behind the last one.
    :param owned_from: The first token whose spans belong to this window.
    :param owned_to: The token behind the last one of these.
    """

    start: int
    stop: int
    owned_from: int
    owned_to: int

    def __len__(self) -> int:
        return self.stop - self.start


def plan_windows(tokens: int, room: int, stride: int, longest: int | None = None) -> list[Window]:
    """Cover a passage with windows so that no answer is lost at a border.

    Each span of at most ``longest`` tokens lies whole in the window that owns its first token, for ``longest`` up to
    half a window (``room // 2``). Longer spans are found where a window has them whole. Of two windows that overlap,
    the one that shows more of the text around the longest span owns it.

    :param tokens: Length of the passage.
    :param room: How many tokens of the passage fit into a window.
    :param stride: By how many tokens neighbours overlap. They overlap by more where ``longest`` wants it, and by no
        more than three quarters of a window.
    :param longest: The longest span that is looked for, in tokens; ``None`` for any.
    :returns: The windows from left to right; one, perhaps empty, where the passage fits.
    :raises InputError: If there is no room.
    """
    if room < 1:
        msg = f"A window needs room for a token of the passage: got {room}."
        raise InputError(msg)
    if tokens <= room:
        return [Window(0, tokens, 0, tokens)]
    wanted = min(longest or 1, max(1, room // 2))
    overlap = max(min(stride, room * 3 // 4), wanted - 1)
    step = room - overlap
    starts = [*range(0, tokens - room, step), tokens - room]
    borders = [0]
    for before, after in pairwise(starts):
        # in the middle of all places where the earlier window shows the longest span whole
        borders.append(after + max(0, before + room - wanted - after + 1) // 2)
    borders.append(tokens)
    return [
        Window(start, start + room, owned_from, owned_to)
        for start, (owned_from, owned_to) in zip(starts, pairwise(borders), strict=True)
    ]
