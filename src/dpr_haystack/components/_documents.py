# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Documents as a component's input: Documents, or the dictionaries that they become over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from haystack import Document

from dpr_haystack.errors import InputError


def as_documents(name: str, values: Any) -> list[Document]:
    """The documents of an input.

    :param name: The input's name, for messages.
    :param values: A list of Documents, or of dictionaries as :meth:`Document.to_dict` makes them. Haystack and Hayhooks
        pass on what a server has got.
    :returns: Documents.
    :raises InputError: If it is not such a list.
    """
    if not isinstance(values, list | tuple):
        msg = f"the input {name!r} must be a list of Documents: got {_kind(values)}"
        raise InputError(msg)
    for value in values:
        if not isinstance(value, Document | Mapping):
            msg = f"the input {name!r} must be a list of Documents: got a list with {_kind(value)}"
            raise InputError(msg)
    documents: list[Document] = list(without_dictionaries(name, values))
    return documents


def without_dictionaries(name: str, values: Any) -> Any:
    """The values with Documents in place of dictionaries, for components that check the rest by themselves.

    :param name: The input's name, for messages.
    :param values: What the component got.
    :returns: A list if there are dictionaries in it, else the values as they are.
    :raises InputError: If a dictionary is not a document.
    """
    if not isinstance(values, list | tuple) or not any(isinstance(value, Mapping) for value in values):
        return values
    return [_document(name, value) if isinstance(value, Mapping) else value for value in values]


def _document(name: str, value: Mapping[str, Any]) -> Document:
    try:
        document = Document.from_dict(dict(value))
        if not isinstance(document.id, str) or not isinstance(document.score, int | float | None):
            msg = f"id {document.id!r} and score {document.score!r} must be a string and a number"
            raise TypeError(msg)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        msg = f"the input {name!r} has a dictionary that is not a document: {error}; got {value!r:.120}"
        raise InputError(msg) from error
    return document


def _kind(value: Any) -> str:
    return "None" if value is None else type(value).__name__
