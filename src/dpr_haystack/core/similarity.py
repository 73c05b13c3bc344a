# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""How vectors are compared: the three similarities of this package, and what other libraries call them."""

from __future__ import annotations

from enum import StrEnum

from dpr_haystack.errors import InputError


class Similarity(StrEnum):
    """How two vectors are compared. Higher is better for all three.

    - ``DOT_PRODUCT``: the inner product, what DPR is trained with (section 3.1 of the paper).
    - ``COSINE``: the cosine of the angle between them.
    - ``L2``: ``1 / (1 + squared Euclidean distance)``.
    """

    DOT_PRODUCT = "dot_product"
    COSINE = "cosine"
    L2 = "l2"

    @classmethod
    def parse(cls, name: str) -> Similarity:
        """The similarity that a library means by a name.

        :param name: The name in this package, sentence-transformers, Elasticsearch, FAISS or Haystack.
        :returns: The similarity.
        :raises InputError: If no similarity of this package has that name, such as ``"manhattan"``.
        """
        similarity = _NAMES.get(name) if isinstance(name, str) else None
        if similarity is None:
            msg = f"similarity must be one of {', '.join(cls)}: got {name!r}"
            raise InputError(msg)
        return similarity

    @property
    def sentence_transformers_name(self) -> str:
        """What sentence-transformers, ``dpr.json`` and training configurations call it."""
        return _SENTENCE_TRANSFORMERS[self]


_SENTENCE_TRANSFORMERS = {
    Similarity.DOT_PRODUCT: "dot",
    Similarity.COSINE: "cosine",
    Similarity.L2: "euclidean",
}
_NAMES = {
    **{similarity.value: similarity for similarity in Similarity},
    **{name: similarity for similarity, name in _SENTENCE_TRANSFORMERS.items()},
    "inner_product": Similarity.DOT_PRODUCT,
    "max_inner_product": Similarity.DOT_PRODUCT,
    "l2_norm": Similarity.L2,
}
