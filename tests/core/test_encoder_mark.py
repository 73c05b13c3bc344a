# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The mark of an encoder in metadata: read as written, gone from what is kept, refused where it is something else."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from dpr_haystack.core.encoder_mark import MARK, EncoderMark, checksums, mark_of, without_mark
from dpr_haystack.errors import InputError

VECTORS = np.array([[1.0, -2.0], [0.5, 3.0]], dtype=np.float32)


@pytest.mark.parametrize("model", ["owner/name", "/a b/ä:model", "C:\\models\\x", "two\nlines"])
def test_what_is_marked_is_read_again(model):
    record = {"model": model, "fingerprint": "0f" * 16}
    meta = {"title": "t", MARK: mark_of(record, 0xAB)}
    assert without_mark(meta) == ({"title": "t"}, EncoderMark(record, 0xAB))
    assert MARK in meta


def test_metadata_without_a_mark_is_left_alone():
    meta = {"title": "t"}
    assert without_mark(meta)[0] is meta
    assert without_mark(meta)[1] is None


@pytest.mark.parametrize("value", [None, 7, "", "a model", {"model": "m"}, "f:12 m", "f:0000000g m", "f:00000000 "])
def test_another_value_under_the_reserved_name_is_refused(value):
    with pytest.raises(InputError, match=MARK):
        without_mark({MARK: value})


def test_checksums_are_those_of_the_little_endian_bytes():
    assert checksums(VECTORS) == [zlib.crc32(row.astype("<f4").tobytes()) for row in VECTORS]
    assert checksums(VECTORS.astype(np.float64)) == checksums(VECTORS)
