# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""How long work reports its progress."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int], None]
"""Called with the number of items that were finished since the last call."""

StepProgress = Callable[[int, int, dict[str, float]], None]
"""Called after a training step with its number, the number of all steps, and what was logged."""
