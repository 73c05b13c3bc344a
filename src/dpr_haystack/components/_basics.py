# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What every component has: ``from_dict``, and a short description for agents that use it as a tool."""

from __future__ import annotations

import re
from inspect import cleandoc
from typing import Any, Self

from haystack import default_from_dict

from dpr_haystack.components._model_settings import with_model_kwargs

# A role of reStructuredText: what it names is between backquotes.
_ROLE = re.compile(r":\w+:`~?(?:[\w.]*\.)?(\w+)`")


class ComponentBasics:
    """Base of all components.

    Haystack's ``ComponentTool`` sends the docstring of the component to the model as the tool's description. That of an
    object is therefore the first paragraph of its class's.
    """

    def __new__(cls, *_: Any, **__: Any) -> Self:
        made = object.__new__(cls)
        made.__doc__ = _ROLE.sub(r"\1", cleandoc(cls.__doc__ or "").partition("\n\n")[0].replace("\n", " "))
        return made

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Make a component from its serialised settings.

        :param data: What :meth:`to_dict` returns; it is not changed.
        :returns: The component.
        """
        return default_from_dict(cls, with_model_kwargs(data))
