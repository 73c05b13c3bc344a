# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The number format that a model computes in."""

from __future__ import annotations

import logging
import platform
from pathlib import Path

import torch

from dpr_haystack.errors import InputError

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


def cannot_compute(folder: Path, task: str, reason: str, dtype: torch.dtype) -> str:
    """The error message for a model that was loaded and does not work.

    :param folder: The model's folder.
    :param task: What it cannot do.
    :param reason: The error.
    :param dtype: The number format that it was to compute in.
    """
    name = str(dtype).removeprefix("torch.")
    advice = "" if dtype == torch.float32 else " Try dtype='float32'."
    return f"The model in {folder} cannot {task} in {name}: {reason}.{advice}"


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
