# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Checks of single arguments: integers and numbers in a range."""

from __future__ import annotations

import math

from dpr_haystack.errors import InputError


def check_integer(name: str, value: object, minimum: int = 1, error: type[InputError] = InputError) -> None:
    """Refuse what is not an integer, or too small.

    :param name: The argument's name, for the message.
    :param value: The argument.
    :param minimum: The smallest value that is allowed.
    :param error: The class of the error.
    :raises InputError: If it is not an integer (a bool is not), or below ``minimum``.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < minimum:
        msg = f"{name} must be an integer of at least {minimum}: got {value!r}"
        raise error(msg)


def check_number(name: str, value: object, minimum: float = 0.0) -> None:
    """Refuse what is not a finite number, or too small.

    :param name: The argument's name, for the message.
    :param value: The argument.
    :param minimum: The smallest value that is allowed.
    :raises InputError: If it is not a number (a bool is not), is NaN or infinite, or below ``minimum``.
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or value < minimum:  # type: ignore[arg-type, operator]
        msg = f"{name} must be a finite number of at least {minimum:g}: got {value!r}"
        raise InputError(msg)
