# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""BERT towers as transformers' own DPR classes, for programs that know nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from transformers import BertModel, DPRConfig, DPRContextEncoder, DPRQuestionEncoder

from dpr_haystack.core.model_directory import Role
from dpr_haystack.engines.towers.loading import LoadedTower, split_tower, whole_dimension
from dpr_haystack.errors import InputError

_CLASSES: dict[Role, Any] = {"question": DPRQuestionEncoder, "passage": DPRContextEncoder}
_OF_THEIR_OWN = {"model_type", "architectures", "projection_dim"}


def as_dpr(tower: LoadedTower, role: Role) -> LoadedTower:
    """A tower whose model is a ``DPRQuestionEncoder`` or a ``DPRContextEncoder``, with the same vectors.

    :param tower: A tower that takes the vector of ``[CLS]`` as it is.
    :param role: ``"question"`` or ``"passage"``.
    :raises InputError: If these classes cannot make its vectors.
    """
    for reason in _reasons(tower, role):
        msg = f"the {role} tower cannot be a DPR checkpoint of transformers, which gives [CLS] as it is: {reason}"
        raise InputError(msg)
    if isinstance(tower.model, _CLASSES[role]):
        return tower
    settings = {name: value for name, value in tower.model.config.to_dict().items() if name not in _OF_THEIR_OWN}
    model = _CLASSES[role](DPRConfig(**settings, projection_dim=0))
    bert, _ = split_tower(model)
    weights = {name: tensor for name, tensor in tower.model.state_dict().items() if not name.startswith("pooler.")}
    bert.load_state_dict(weights, strict=True)
    return replace(tower, model=model, verbatim=False)


def _reasons(tower: LoadedTower, role: Role) -> Iterator[str]:
    source, whole = tower.source, whole_dimension(tower)
    if not isinstance(tower.model, (BertModel, _CLASSES[role])):
        yield f"it is a {type(tower.model).__name__}, not BERT"
    if source.pooling != "cls":
        yield f"its pooling is {source.pooling}"
    if source.normalize:
        yield "its vectors get length 1"
    if source.dense:
        yield f"{len(source.dense)} linear layers follow"
    if source.prompt:
        yield f"it reads {source.prompt!r} before every text"
    if source.lowercase:
        yield "texts are lower-cased before its tokenizer"
    if source.dimension is not None and source.dimension < whole:
        yield f"it keeps {source.dimension} of {whole} numbers"
