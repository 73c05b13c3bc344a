# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

import pytest

from dpr_haystack.core.model_directory import (
    LAYOUT,
    ModelManifest,
    Part,
    is_model_directory,
    read_manifest,
    reader_part,
    write_manifest,
)
from dpr_haystack.core.similarity import Similarity
from dpr_haystack.errors import DataError

QUESTION = Part("question", "cls", False, Similarity.DOT_PRODUCT, 64, 768)
PASSAGE = Part(
    "passage", "mean", True, Similarity.COSINE, 256, 768, prompt="passage: ", lowercase=True, dense=("2_Dense",)
)


def test_what_is_written_is_read(tmp_path):
    manifest = ModelManifest({"question": QUESTION, "passage": PASSAGE}, {"question": "a/b"}, {"epochs": 40})
    write_manifest(tmp_path, manifest)
    assert read_manifest(tmp_path) == manifest
    assert is_model_directory(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["dpr.json"]


def test_a_reader_is_a_part_that_makes_no_vectors(tmp_path):
    manifest = ModelManifest({"question": QUESTION, "passage": PASSAGE, "reader": reader_part(350)})
    write_manifest(tmp_path, manifest)
    assert read_manifest(tmp_path) == manifest
    assert (manifest.parts["reader"].role, manifest.parts["reader"].max_length) == ("reader", 350)


def test_parts_lie_where_the_layout_says(tmp_path):
    assert LAYOUT.part(tmp_path, "reader") == tmp_path / "reader"


def content(**changes):
    part = {"role": "question", "pooling": "cls", "normalize": False, "similarity": "dot"}
    part |= {"max_length": 64, "dimension": 768} | changes.pop("part", {})
    return {"format_version": 1, "parts": {"question": part}} | changes


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "no 'parts'"),
        (json.dumps(content(format_version=2)), "format version 2, this package reads 1"),
        (json.dumps(content(part={"pooling": "median"})), "pooling 'median'"),
        (
            json.dumps(content(part={"similarity": "dots"})),
            "one of dot_product, cosine, l2: got 'dots'",
        ),
        (json.dumps(content(part={"max_length": 0})), "max_length 0"),
        (json.dumps(content(part={"colour": "red"})), r"unknown settings: \['colour'\]"),
        (json.dumps({"format_version": 1, "parts": {"question": {"role": "question"}}}), "incomplete"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(tmp_path, text, reason):
    (tmp_path / "dpr.json").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=reason):
        read_manifest(tmp_path)


def test_a_complete_manifest_of_the_test_is_accepted(tmp_path):
    (tmp_path / "dpr.json").write_text(json.dumps(content()), encoding="utf-8")
    assert read_manifest(tmp_path).parts["question"].dimension == 768
