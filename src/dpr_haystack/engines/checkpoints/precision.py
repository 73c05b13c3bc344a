# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The number format that a model computes in."""

from __future__ import annotations

import logging
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

import torch

from dpr_haystack.errors import InputError, ModelError

logger = logging.getLogger(__name__)

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def resolve_dtype(dtype: str, device: str) -> torch.dtype:
    """The torch dtype for a name.

    :param dtype: ``"float32"``, ``"bfloat16"``, ``"float16"``, or ``"auto"``: bfloat16 where the processor multiplies
        it natively, else float32. Without native support bfloat16 is many times slower than float32.
    :param device: A torch device, e.g. ``"cpu"`` or ``"cuda:0"``.
    :returns: The dtype.
    :raises InputError: If the name is not one of these.
    """
    if dtype == "auto":
        return torch.bfloat16 if has_native_bfloat16(device) else torch.float32
    if dtype not in DTYPES:
        msg = f"dtype must be one of auto, {', '.join(DTYPES)}: got {dtype!r}"
        raise InputError(msg)
    if dtype == "float16" and torch.device(device).type == "cpu":
        logger.warning("float16 is very slow on a CPU; dtype 'auto' chooses the fastest format of this CPU.")
    return DTYPES[dtype]


class Loaded(Protocol):
    """A model that was loaded.

    :ivar folder: Its folder.
    """

    folder: Path

    def obstacle(self) -> str | None:
        """Why it does not work, found by trying; ``None`` if it does."""


M = TypeVar("M", bound=Loaded)


def load_working(
    load: Callable[[torch.dtype], M], dtype: str, device: str, given: torch.dtype | None, *, task: str
) -> M:
    """Load a model in a number format that it can compute in.

    :param load: Loads it in a number format.
    :param dtype: See :func:`resolve_dtype`. With ``"auto"`` a model that cannot compute in bfloat16
        computes in float32.
    :param device: A torch device.
    :param given: A number format that replaces ``dtype``; ``None`` for none.
    :param task: What the model does, for the message.
    :returns: The model.
    :raises ModelError: If it works in none of these formats.
    """
    formats = [given or resolve_dtype(dtype, device)]
    if dtype == "auto" and given is None and formats[0] != torch.float32:
        formats.append(torch.float32)
    for each in formats:
        model = load(each)
        reason = model.obstacle()
        if reason is None:
            return model
    name = str(formats[-1]).removeprefix("torch.")
    advice = "" if formats[-1] == torch.float32 else " Try dtype='float32'."
    msg = f"The model in {model.folder} cannot {task} in {name}: {reason}.{advice}"
    raise ModelError(msg)


def has_native_bfloat16(device: str) -> bool:
    """Whether a device multiplies bfloat16 matrices in hardware.

    :param device: A torch device.
    :returns: ``True`` for CPUs with AVX512-BF16, AMX or Arm's BF16 and for NVIDIA GPUs from Ampere on.
    """
    device_type = torch.device(device).type
    if device_type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device_type != "cpu" or not _call(torch.backends.mkldnn, "is_available"):
        return False
    if platform.machine().lower() in {"arm64", "aarch64"}:
        return _call(torch.ops.mkldnn, "_is_mkldnn_bf16_supported")
    # oneDNN's own answer includes processors that only emulate it
    return _call(torch.cpu, "_is_avx512_bf16_supported") or _call(torch.cpu, "_is_amx_tile_supported")


def _call(owner: object, name: str) -> bool:
    # these functions are private to torch: False if a release lacks one
    try:
        return bool(getattr(owner, name)())
    except (AttributeError, RuntimeError):
        return False
