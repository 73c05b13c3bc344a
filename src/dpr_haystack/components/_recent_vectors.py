# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Which question tower made a vector: the question embedder remembers its last ones.

A pipeline hands a list of floats from component to component, copies it, and has no place for anything else.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dpr_haystack.core.identity import EncoderIdentity

_REMEMBERED = 4_096

_known: OrderedDict[bytes, EncoderIdentity] = OrderedDict()
_guard = Lock()


def remember(vectors: NDArray[np.float32], identity: EncoderIdentity) -> None:
    """Remember which tower made some vectors.

    :param vectors: Shape (questions, dim).
    :param identity: The tower.
    """
    with _guard:
        for vector in vectors[-_REMEMBERED:]:
            key = _key(vector)
            _known[key] = identity
            _known.move_to_end(key)
        while len(_known) > _REMEMBERED:
            _known.popitem(last=False)


def maker_of(vector: Any) -> EncoderIdentity | None:
    """The tower that has made a vector in this process, a short time ago.

    :param vector: Shape (dim,): an array or a list of numbers.
    :returns: Its identity; None if it is not known.
    """
    try:
        array = np.asarray(vector, dtype=np.float32)
    except (TypeError, ValueError, OverflowError):
        return None  # the store says what is wrong with it
    with _guard:
        return _known.get(_key(array))


def _key(vector: NDArray[np.float32]) -> bytes:
    return hashlib.blake2b(vector.tobytes(), digest_size=16).digest()
