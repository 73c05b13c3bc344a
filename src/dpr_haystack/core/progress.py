# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Callbacks that report progress."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int], None]
"""Called with the number of items done since the last call."""

StepProgress = Callable[[int, int, dict[str, float]], None]
"""Called after a training step: steps done, steps in all, and what was logged since the last call."""
