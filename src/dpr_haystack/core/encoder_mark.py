# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The mark in a document's metadata that says which passage tower made its vector.

Haystack's documents have no place for it, and metadata is what every component, store and file keeps. The mark has a
checksum of the vector, so that it says nothing about a vector that another embedder has put in its place.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dpr_haystack.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MARK = "dpr_encoder"
"""The reserved key in ``meta``. Its value is text, which every store keeps: fingerprint, checksum and model."""

_FORM = re.compile(r"(?P<fingerprint>[^\s:]+):(?P<checksum>[0-9a-f]{8}) (?P<model>.+)", re.DOTALL)


@dataclass(frozen=True)
class EncoderMark:
    """What a mark says.

    :param record: The passage tower: ``{"model": ..., "fingerprint": ...}``.
    :param checksum: The checksum of the vector that it made.
    """

    record: dict[str, str]
    checksum: int


def checksums(vectors: NDArray[np.float32]) -> list[int]:
    """A CRC-32 of every vector.

    :param vectors: Shape (n, dim).
    :returns: n checksums.
    """
    import numpy as np  # commands that only read metadata start without it

    return [zlib.crc32(vector) for vector in np.ascontiguousarray(vectors, dtype="<f4")]


def mark_of(record: Mapping[str, str], checksum: int) -> str:
    """The mark of one vector.

    :param record: The passage tower that made it: ``{"model": ..., "fingerprint": ...}``.
    :param checksum: From :func:`checksums`.
    """
    return f"{mark_prefix(record)}{checksum:08x} {record['model']}"


def mark_prefix(record: Mapping[str, str]) -> str:
    """What the marks of all vectors of a passage tower begin with, and those of no other one.

    :param record: The passage tower: ``{"model": ..., "fingerprint": ...}``.
    """
    return f"{record['fingerprint']}:"


def without_mark(meta: dict[str, Any]) -> tuple[dict[str, Any], EncoderMark | None]:
    """Metadata without its mark, and what the mark says.

    :param meta: The metadata; it is not modified.
    :returns: The same object and None if there is no mark.
    :raises InputError: If the reserved key has another value.
    """
    if MARK not in meta:
        return meta, None
    value = meta[MARK]
    found = _FORM.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        msg = (
            f"meta[{MARK!r}] is reserved for the mark of the encoder, which DPRDocumentEmbedder sets: "
            f"got {value!r:.80}; use another name"
        )
        raise InputError(msg)
    record = {"model": found["model"], "fingerprint": found["fingerprint"]}
    return {key: kept for key, kept in meta.items() if key != MARK}, EncoderMark(record, int(found["checksum"], 16))
