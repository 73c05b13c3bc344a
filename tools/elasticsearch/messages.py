# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What the tool says to people."""

from __future__ import annotations

import sys
from typing import NoReturn

NO_MEANS = 3


def say(message: str) -> None:
    """To people: stdout is for the address."""
    print(message, file=sys.stderr, flush=True)


def give_up(message: str, code: int) -> NoReturn:
    """End with a message."""
    say(message)
    sys.exit(code)
