# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import platform

import pytest
import torch

from dpr_haystack.engines.checkpoints.precision import has_native_bfloat16, resolve_dtype
from dpr_haystack.errors import InputError


def flags() -> set[str]:
    with open("/proc/cpuinfo") as file:
        line = next((line for line in file if line.startswith(("flags", "Features"))), ":")
    return set(line.split(":")[1].split())


@pytest.mark.skipif(platform.system() != "Linux", reason="asks the kernel")
def test_auto_follows_what_the_processor_says():
    native = bool(flags() & {"avx512_bf16", "amx_bf16", "bf16"})
    assert has_native_bfloat16("cpu") is native
    assert resolve_dtype("auto", "cpu") is (torch.bfloat16 if native else torch.float32)


def test_a_torch_that_cannot_tell_means_no(monkeypatch):
    monkeypatch.delattr(torch.cpu, "_is_avx512_bf16_supported", raising=False)
    monkeypatch.delattr(torch.cpu, "_is_amx_tile_supported", raising=False)
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    assert resolve_dtype("auto", "cpu") is torch.float32


def test_other_devices_take_float32():
    assert resolve_dtype("auto", "mps") is torch.float32


def test_names():
    assert resolve_dtype("float32", "cpu") is torch.float32
    with pytest.raises(InputError, match="auto, float32, bfloat16, float16: got 'half'"):
        resolve_dtype("half", "cpu")
