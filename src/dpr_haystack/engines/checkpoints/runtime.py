# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Choosing a device, and silencing transformers while it loads a checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from transformers.utils import logging as transformers_logging

from dpr_haystack.errors import InputError


def chosen_device(device: str | None) -> str:
    """The device to use: the given one, or else the first GPU, or else the CPU.

    :param device: A torch device; None for the best one available.
    :returns: The device.
    :raises InputError: If it cannot be used on this machine.
    """
    chosen = device or ("cuda" if torch.cuda.is_available() else "cpu")
    check_device(chosen)
    return chosen


def check_device(device: str) -> None:
    """Check that a device can be used, before a model is loaded.

    :param device: A torch device.
    :raises InputError: If this machine does not have it.
    """
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        msg = f"the device {device!r} cannot be used on this machine ({reason}); omit it to use the best one available"
        raise InputError(msg) from error


@contextmanager
def quiet() -> Iterator[None]:
    """Switch off the progress bars and load reports of transformers; loading checks for missing weights itself."""
    level, bars = transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(level)
        if bars:
            transformers_logging.enable_progress_bar()
