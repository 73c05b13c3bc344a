# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
import json

import pytest
import torch
from sentence_transformers import SimilarityFunction
from sentence_transformers.util import cos_sim, dot_score, euclidean_sim

from dpr_haystack.core.similarity import Similarity
from dpr_haystack.errors import InputError

# What each name means in the library that it is from.
NAMES = {
    "dot_product": Similarity.DOT_PRODUCT,  # Haystack
    "cosine": Similarity.COSINE,  # Haystack, sentence-transformers, Elasticsearch
    "l2": Similarity.L2,  # FAISS
    "dot": Similarity.DOT_PRODUCT,  # sentence-transformers
    "euclidean": Similarity.L2,  # sentence-transformers
    "inner_product": Similarity.DOT_PRODUCT,  # FAISS
    "max_inner_product": Similarity.DOT_PRODUCT,  # Elasticsearch
    "l2_norm": Similarity.L2,  # Elasticsearch
}


@pytest.mark.parametrize(("name", "similarity"), NAMES.items())
def test_names_of_other_libraries(name: str, similarity: Similarity) -> None:
    assert Similarity.parse(name) is similarity


@pytest.mark.parametrize("name", ["manhattan", "Cosine", "", None, 3])
def test_other_names_are_refused_with_the_name(name: str) -> None:
    with pytest.raises(InputError, match="similarity must be one of dot_product, cosine, l2: got") as error:
        Similarity.parse(name)
    assert str(error.value).endswith(repr(name))


def test_names_for_sentence_transformers_are_its_own() -> None:
    functions = {Similarity.DOT_PRODUCT: dot_score, Similarity.COSINE: cos_sim, Similarity.L2: euclidean_sim}
    first, second = torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, -1.0]])
    for similarity, function in functions.items():
        name = similarity.sentence_transformers_name
        assert Similarity.parse(name) is similarity
        theirs = SimilarityFunction.to_similarity_fn(name)
        assert theirs(first, second) == function(first, second)


def test_it_is_a_string_in_files() -> None:
    assert json.dumps({"similarity": Similarity.COSINE}) == '{"similarity": "cosine"}'
    assert f"{Similarity.L2}" == "l2"
