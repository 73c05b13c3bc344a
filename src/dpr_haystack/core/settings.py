# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Settings from a file as a dataclass, with errors that name the wrong setting and the nearest correct name."""

from __future__ import annotations

import difflib
import types
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from dpr_haystack.errors import InputError

T = TypeVar("T")


def from_settings(cls: type[T], settings: Mapping[str, Any], where: str) -> T:
    """Make a dataclass from settings.

    :param cls: The dataclass.
    :param settings: Values by name; numbers may be strings, as YAML reads ``1e-5``.
    :param where: Where they come from, for messages.
    :returns: The dataclass.
    :raises InputError: If a name is unknown or missing, or a value is of the wrong type or out of range.
    """
    hints = get_type_hints(cls)
    own = [item.name for item in fields(cls)]  # type: ignore[arg-type]
    for name in settings:
        if name not in own:
            raise InputError(f"{where}: {unknown(str(name), own)}")
    try:
        return cls(**{name: _value(name, value, hints[name]) for name, value in settings.items()})
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    except TypeError as error:
        missing = str(error).rpartition("argument")[2].strip("s: ")
        msg = f"{where}: required settings are missing: {missing}"
        raise InputError(msg) from error


def unknown(name: str, known: list[str]) -> str:
    """The message for an unknown name, with the nearest known one.

    :param name: The unknown name.
    :param known: The known names.
    """
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
    return f"unknown setting {name!r}; did you mean {near[0]!r}?" if near else f"unknown setting {name!r}"


def _value(name: str, value: Any, hint: Any) -> Any:
    for kind in _kinds(hint):
        converted = _as(value, kind)
        if converted is not _NO:
            return converted
    msg = f"{name} must be {' or '.join(map(_word, _kinds(hint)))}: got {value!r}"
    raise InputError(msg)


_NO = object()
_WORDS = {int: "an integer", float: "a number", bool: "true or false", str: "a string", type(None): "null"}


def _kinds(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)


def _word(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(map(str, get_args(kind)))
    if get_origin(kind) is tuple:
        return f"a list, each {_word(get_args(kind)[0])}"
    return _WORDS[kind]


def _as(value: Any, kind: Any) -> Any:
    if get_origin(kind) is Literal:
        return value if value in get_args(kind) else _NO
    if get_origin(kind) is tuple:
        return _as_tuple(value, get_args(kind)[0])
    if kind in (int, float):
        return _as_number(value, kind)
    return value if isinstance(value, kind) else _NO


def _as_tuple(value: Any, kind: Any) -> Any:
    if not isinstance(value, (list, tuple)):
        return _NO
    each = [_as(one, kind) for one in value]
    return _NO if _NO in each else tuple(each)


def _as_number(value: Any, kind: type[int] | type[float]) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return _NO
    try:
        number = float(value)
    except ValueError:
        return _NO
    if kind is float:
        return number
    return int(number) if number.is_integer() else _NO
