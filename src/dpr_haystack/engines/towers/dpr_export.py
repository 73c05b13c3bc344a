# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""BERT towers as the DPR classes of transformers, for programs that load only these."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from transformers import BertModel, DPRContextEncoder, DPRQuestionEncoder

from dpr_haystack.core.model_directory import Role
from dpr_haystack.engines.checkpoints.dpr_configuration import as_dpr_configuration
from dpr_haystack.engines.towers.network import split_tower
from dpr_haystack.engines.towers.tower import LoadedTower, full_dimension
from dpr_haystack.errors import InputError

_CLASSES: dict[Role, Any] = {"question": DPRQuestionEncoder, "passage": DPRContextEncoder}


def as_dpr(tower: LoadedTower, role: Role) -> LoadedTower:
    """Convert a tower's model to a ``DPRQuestionEncoder`` or ``DPRContextEncoder`` with the same vectors.

    :param tower: A tower that uses the vector of ``[CLS]`` unchanged.
    :param role: ``"question"`` or ``"passage"``.
    :returns: The converted tower.
    :raises InputError: If these classes cannot compute its vectors.
    """
    for reason in _obstacles(tower, role):
        msg = (
            f"the {role} tower cannot be written as a DPR checkpoint of transformers, which returns the vector of "
            f"[CLS] unchanged: {reason}"
        )
        raise InputError(msg)
    if isinstance(tower.model, _CLASSES[role]):
        return tower
    model = _CLASSES[role](as_dpr_configuration(tower.model.config))
    bert, _ = split_tower(model)
    weights = {name: tensor for name, tensor in tower.model.state_dict().items() if not name.startswith("pooler.")}
    bert.load_state_dict(weights, strict=True)
    return replace(tower, model=model, verbatim=False)


def _obstacles(tower: LoadedTower, role: Role) -> Iterator[str]:
    source, full = tower.source, full_dimension(tower)
    if not isinstance(tower.model, (BertModel, _CLASSES[role])):
        yield f"it is a {type(tower.model).__name__}, not BERT"
    if source.pooling != "cls":
        yield f"its pooling is {source.pooling}"
    if source.normalize:
        yield "its vectors are scaled to length 1"
    if source.dense:
        yield f"it has {len(source.dense)} linear layers after the pooling"
    if source.prompt:
        yield f"it puts the prompt {source.prompt!r} before every text"
    if source.lowercase:
        yield "it lower-cases texts before the tokenizer"
    if source.dimension is not None and source.dimension < full:
        yield f"it keeps {source.dimension} of {full} vector components"
