# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The layout of an index and differences from it, without a server."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from dpr_haystack.engines.elasticsearch.layout import IndexLayout, differences, index_body
from dpr_haystack.errors import InputError

Body = dict[str, Any]


def changed(change: Callable[[Body, Body], None]) -> list[str]:
    body = copy.deepcopy(index_body(IndexLayout(encoder={"model": "m", "fingerprint": "f"})))
    change(body["mappings"], body["settings"])
    return differences(IndexLayout(), body["mappings"], body["settings"])


def test_an_index_matches_the_layout_it_was_created_with() -> None:
    def as_reported(mappings: Body, settings: Body) -> None:
        settings["index"]["similarity"]["bm25"] |= {"k1": "0.90", "b": ".4"}
        settings["index"] |= {"number_of_shards": "7", "number_of_replicas": "2", "uuid": "x"}
        mappings["properties"]["embedding"]["index_options"] |= {"m": 16, "ef_construction": 100}
        mappings["properties"]["year"] = {"type": "long"}

    assert changed(as_reported) == []
    assert changed(lambda mappings, _: mappings.pop("_meta")) == []


CHANGES: dict[str, tuple[Callable[[Body, Body], Any], str]] = {
    "similarity of the field": (
        lambda mappings, _: mappings["properties"]["content"].pop("similarity"),
        "similarity of content is BM25 with k1 1.2 and b 0.75, not BM25 with k1 0.9 and b 0.4",
    ),
    "kind of similarity": (
        lambda _, settings: settings["index"]["similarity"].update(bm25={"type": "DFR", "k1": 0.9, "b": 0.4}),
        "similarity of title.text is DFR",
    ),
    "analyzer of titles": (
        lambda mappings, _: mappings["properties"]["title"]["fields"]["text"].pop("analyzer"),
        "analyzer of title.text is standard, not english",
    ),
    "no title": (lambda mappings, _: mappings["properties"].pop("title"), "type of title is None, not keyword"),
    "title analyzed": (
        lambda mappings, _: mappings["properties"]["title"].update(type="text"),
        "type of title is text, not keyword",
    ),
    "cosine": (
        lambda mappings, _: mappings["properties"]["embedding"].update(similarity="cosine"),
        "similarity of embedding is cosine, not max_inner_product",
    ),
    "no vectors": (
        lambda mappings, _: mappings["properties"].pop("embedding"),
        "type of embedding is None, not dense_vector",
    ),
    "vectors not indexed": (
        lambda mappings, _: mappings["properties"]["embedding"].update(index=False),
        "index options of embedding is none, not hnsw",
    ),
    "metadata as text": (
        lambda mappings, _: mappings.pop("dynamic_templates"),
        "type of text in metadata is text, not keyword",
    ),
    "newer": (lambda mappings, _: mappings["_meta"]["dpr_haystack"].update(format=2), "newer version"),
}


@pytest.mark.parametrize("case", list(CHANGES))
def test_each_difference_is_reported(case: str) -> None:
    change, expected = CHANGES[case]
    assert any(expected in phrase for phrase in changed(change)), changed(change)


@pytest.mark.parametrize(
    ("wanted", "recorded", "fits"),
    [
        (None, {"model": "m"}, True),
        ({"model": "m"}, {"model": "m", "fingerprint": "f"}, True),
        ({"model": "copy of m", "fingerprint": "f"}, {"model": "m", "fingerprint": "f"}, True),
        ({"model": "m", "fingerprint": "g"}, {"model": "m", "fingerprint": "f"}, False),
        ({"model": "n"}, {"model": "m", "fingerprint": "f"}, False),
        ({"model": "m"}, None, False),
    ],
)
def test_encoders_are_compared_by_fingerprint_or_else_by_name(wanted: Any, recorded: Any, fits: bool) -> None:
    body = index_body(IndexLayout(encoder=recorded))
    found = differences(IndexLayout(encoder=wanted), body["mappings"], body["settings"])
    assert (found == []) is fits


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"embedding_dim": 0}, "1 to 4096"),
        ({"embedding_dim": 4097}, "1 to 4096"),
        ({"embedding_dim": 63, "index_options": "bbq_hnsw"}, "64 to 4096"),
        ({"index_options": "ivf"}, "int8_hnsw.*'ivf'"),
        ({"k1": -0.1}, "k1"),
        ({"k1": float("nan")}, "k1"),
        ({"b": 1.1}, "b must"),
        ({"b": float("nan")}, "b must"),
        ({"shards": 0}, "shard"),
        ({"replicas": -1}, "replicas"),
        ({"analyzer": ""}, "analyzer"),
    ],
)
def test_invalid_layouts_are_refused(settings: dict[str, Any], word: str) -> None:
    with pytest.raises(InputError, match=word):
        IndexLayout(**settings)
