# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Where a checkpoint computes, and how quietly it loads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from transformers.utils import logging as transformers_logging

from dpr_haystack.errors import InputError


def chosen_device(device: str | None) -> str:
    """A device that is there: the one that was asked for, or else the first GPU, or the processor.

    :param device: A torch device; None for the best there is.
    :raises InputError: If it cannot be used on this machine.
    """
    chosen = device or ("cuda" if torch.cuda.is_available() else "cpu")
    check_device(chosen)
    return chosen


def check_device(device: str) -> None:
    """Refuse a device that is not there before a model is looked for: torch says so in many ways.

    :param device: A torch device.
    :raises InputError: If this machine has none of that name.
    """
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        msg = f"the device {device!r} cannot be used on this machine ({reason}); leave it out for the best there is"
        raise InputError(msg) from error


@contextmanager
def quiet() -> Iterator[None]:
    """Without transformers' progress bars and load reports: what matters of these is checked here."""
    level, bars = transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(level)
        if bars:
            transformers_logging.enable_progress_bar()
