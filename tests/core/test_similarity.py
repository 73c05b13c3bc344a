# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Names of similarities in this package and in other libraries."""

import pytest

from dpr_haystack.core.similarity import Similarity
from dpr_haystack.errors import InputError


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # sentence-transformers' SimilarityFunction
        ("dot", "dot_product"),
        ("cosine", "cosine"),
        ("euclidean", "l2"),
        # Elasticsearch's dense_vector
        ("max_inner_product", "dot_product"),
        ("dot_product", "dot_product"),
        ("l2_norm", "l2"),
        # other stores of Haystack
        ("inner_product", "dot_product"),
        ("l2", "l2"),
    ],
)
def test_names_of_other_libraries(name, expected):
    assert Similarity.parse(name) == expected


@pytest.mark.parametrize("name", ["manhattan", "Cosine", "", None, 1])
def test_other_names_are_refused(name):
    with pytest.raises(InputError, match=f"one of dot_product, cosine, l2: got {name!r}"):
        Similarity.parse(name)


def test_sentence_transformers_name():
    names = [similarity.sentence_transformers_name for similarity in Similarity]
    assert names == ["dot", "cosine", "euclidean"]
    assert [Similarity.parse(name) for name in names] == list(Similarity)
