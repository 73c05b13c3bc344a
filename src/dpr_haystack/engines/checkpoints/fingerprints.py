# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Hashes of weights, which identify an encoder independently of its path."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import torch
from safetensors import safe_open

# these do not change what an encoder computes, and only some programs write them
_WITHOUT_EFFECT = ("position_ids", "pooler.dense.weight", "pooler.dense.bias")

_known: dict[tuple[tuple[str, int, int], ...], str] = {}


def fingerprint_of_files(files: Sequence[Path]) -> str:
    """The fingerprint of the weights in some files, cached until one of the files changes.

    :param files: Weight files in safetensors or PyTorch format.
    :returns: 32 hexadecimal digits.
    """
    key = file_key(files)
    if key not in _known:
        _known[key] = fingerprint_of_tensors(pair for path in files for pair in read_tensors(path))
    return _known[key]


def fingerprint_of_tensors(tensors: Iterable[tuple[str, torch.Tensor]]) -> str:
    """The fingerprint of named tensors: depends on names, types, shapes and values, not on their order.

    :param tensors: Names and tensors.
    :returns: 32 hexadecimal digits.
    """
    parts = sorted(_digest(name, tensor) for name, tensor in tensors if not name.endswith(_WITHOUT_EFFECT))
    return hashlib.sha256(b"".join(parts)).hexdigest()[:32]


def file_key(files: Sequence[Path]) -> tuple[tuple[str, int, int], ...]:
    """A key that changes when one of the files changes.

    :param files: The files.
    :returns: Path, modification time and size of each.
    """
    return tuple((str(path.resolve()), path.stat().st_mtime_ns, path.stat().st_size) for path in sorted(files))


def read_tensors(path: Path) -> Iterator[tuple[str, torch.Tensor]]:
    """Read the tensors of a weight file one by one.

    :param path: A file in safetensors or PyTorch format; of the latter only tensors are read, no objects.
    """
    if path.suffix == ".safetensors":
        with safe_open(str(path), framework="pt") as file:
            for name in file.keys():  # noqa: SIM118 -- not a dict
                yield name, file.get_tensor(name)
    else:
        yield from torch.load(path, map_location="cpu", weights_only=True, mmap=True).items()


def _digest(name: str, tensor: torch.Tensor) -> bytes:
    head = f"{name} {tensor.dtype} {tuple(tensor.shape)}\n"
    digest = hashlib.sha256(head.encode())
    digest.update(tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.digest()
