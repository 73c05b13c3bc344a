# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Towers that can be trained, as modules of sentence-transformers."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Module, Router
from torch import Tensor

from dpr_haystack.core.model_directory import Part, Role
from dpr_haystack.core.similarity import Similarity
from dpr_haystack.engines.checkpoints.families import ignores_padding, type_of_cls
from dpr_haystack.engines.checkpoints.tokenization import PairTokenizer
from dpr_haystack.engines.towers.loading import load_tower
from dpr_haystack.engines.towers.network import TowerNetwork
from dpr_haystack.engines.towers.tower import LoadedTower, TowerUse, as_part, used_with
from dpr_haystack.engines.training.preparing import keep_layers, prepare_transformer
from dpr_haystack.errors import InputError

logger = logging.getLogger(__name__)

ROUTES: dict[Role, str] = {"question": "query", "passage": "document"}
"""The names of the two roles in sentence-transformers."""


@dataclass(frozen=True)
class TowerOptions:
    """How a tower is prepared for training.

    :param max_length: Longest input in tokens; None for the checkpoint's own.
    :param pooling: How token vectors become one vector; None for the checkpoint's own.
    :param normalize: Whether vectors are scaled to length 1; None for the checkpoint's own setting.
    :param similarity: How vectors will be compared.
    :param dropout: The probability of every dropout layer; None for the checkpoint's own.
    :param layers: How many of the transformer's layers are kept, evenly spaced; None for all.
    :param frozen: Whether the tower is not trained.
    :param freeze_embeddings: Whether its word, position and type embeddings are not trained.
    :param attention: The attention implementation; None for the fastest one for training on the device.
    :param checkpointing: Whether activations are recomputed in the backward pass to save memory.
    """

    max_length: int | None = None
    pooling: str | None = None
    normalize: bool | None = None
    similarity: Similarity = Similarity.DOT_PRODUCT
    dropout: float | None = None
    layers: int | None = None
    frozen: bool = False
    freeze_embeddings: bool = False
    attention: str | None = None
    checkpointing: bool = False


class TrainableTower(Module):  # type: ignore[misc]
    """One tower: token ids in, vectors out, with gradients.

    :param loaded: The loaded tower; its model is trained in place.
    :param part: How it is used.
    :param frozen: Whether it is not trained: then each passage is encoded once and its vector is cached.
    """

    def __init__(self, loaded: LoadedTower, part: Part, *, frozen: bool = False) -> None:
        super().__init__()
        cls_type = type_of_cls(loaded.model, loaded.tokenizer)
        network = TowerNetwork(loaded.model, loaded.dense, part, cls_type=cls_type)
        self.backbone, self.head = network.backbone, network.head  # under these names in training checkpoints
        self._network = (network,)  # in a tuple so that torch does not register the same weights twice
        self.loaded = (loaded,)  # in a tuple so that torch does not register it as a sub-module
        self.part = part
        self.frozen = frozen
        self.tokenizer = PairTokenizer(loaded.tokenizer, max_length=part.max_length)
        self._cache: dict[int, Tensor] = {}

    def forward(self, features: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """Encode a batch.

        :param features: ``input_ids`` and ``attention_mask``, (texts, tokens), and ``row``, the number of each text.
        :param kwargs: Ignored.
        :returns: The features with ``sentence_embedding``, (texts, dimension), in float32.
        """
        if self.frozen:
            return {**features, "sentence_embedding": self._frozen_vectors(features)}
        return {**features, "sentence_embedding": self.vectors(features["input_ids"], features["attention_mask"])}

    def train(self, mode: bool = True) -> TrainableTower:
        """Switch dropout on or off; a frozen tower never has any.

        :param mode: Whether dropout is on.
        :returns: The tower itself.
        """
        super().train(mode and not self.frozen)
        return self

    @property
    def role(self) -> Role:
        """The role that it was loaded for; a tied tower has both."""
        return "question" if self.part.role == "question" else "passage"

    def part_for(self, role: Role) -> Part:
        """How it is used in a role: its own, or the other one for a tied tower.

        :param role: ``"question"`` or ``"passage"``.
        :returns: The part.
        """
        return replace(self.part, role=role)

    def save(self, output_path: str, *args: Any, **kwargs: Any) -> None:
        """Write only the transformer; :mod:`~dpr_haystack.engines.training.towers.saving` writes a pair.

        :param output_path: The folder to write.
        :param args: Ignored.
        :param kwargs: Ignored.
        """
        self.loaded[0].model.save_pretrained(output_path)

    def vectors(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Encode texts.

        :param tokens: Token ids, (texts, tokens).
        :param mask: 1 for tokens, 0 for the padding after them, (texts, tokens).
        :returns: float32, (texts, dimension).
        """
        vectors: Tensor = self._network[0](tokens, mask)
        return vectors

    def _frozen_vectors(self, features: dict[str, Any]) -> Tensor:
        rows = features["row"].tolist()
        missing = [index for index, row in enumerate(rows) if row not in self._cache]
        if missing:
            tokens, mask = features["input_ids"][missing], features["attention_mask"][missing]
            with torch.no_grad():
                vectors = self._one_by_one(tokens, mask) if tokens.device.type == "cpu" else self.vectors(tokens, mask)
            self._cache.update((rows[index], vector) for index, vector in zip(missing, vectors, strict=True))
        return torch.stack([self._cache[row] for row in rows])

    def _one_by_one(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """As :meth:`vectors`, but bit-identical whatever the other texts of the batch are: a resumed training encodes
        a passage in another batch."""
        lengths = mask.sum(dim=1).tolist()
        vectors = [
            self.vectors(tokens[row : row + 1, :length], mask[row : row + 1, :length])
            for row, length in enumerate(lengths)
        ]
        return torch.cat(vectors)


def load_trainable(
    model: str, role: Role, options: TowerOptions, *, device: str = "cpu", token: str | None = None
) -> TrainableTower:
    """Load a tower and prepare it for training.

    :param model: Any model that :func:`~dpr_haystack.engines.towers.loading.load_encoder` loads.
    :param role: ``"question"`` or ``"passage"``.
    :param options: How to prepare it.
    :param device: A torch device.
    :param token: A hub token.
    :returns: The tower.
    :raises ModelError: If it cannot be loaded.
    :raises InputError: If the model does not support an option.
    """
    original = load_tower(model, role, token=token)
    if not ignores_padding(original.model.config):
        logger.warning(
            "the vectors of %s depend on padding (%s): in training they also depend on the other texts of a batch",
            model,
            original.model.config.model_type,
        )
    loaded = used_with(original, TowerUse(pooling=options.pooling, normalize=options.normalize))
    if options.frozen and loaded.source != original.source:
        msg = (
            "a frozen passage tower must keep its pooling and normalize, so that the vectors of a store stay valid: "
            f"got other settings than those of {model} (pooling {original.source.pooling}, normalize "
            f"{str(original.source.normalize).lower()}); omit pooling and normalize, and similarity cosine if its "
            "vectors are not normalised"
        )
        raise InputError(msg)
    part = replace(as_part(loaded, role, max_length=options.max_length), similarity=options.similarity)
    if options.layers is not None:
        keep_layers(loaded.model, options.layers)
    tower = TrainableTower(loaded, part, frozen=options.frozen)
    _prepare(tower, options, device)
    return tower


def two_towers(question: TrainableTower, passage: TrainableTower, device: str) -> SentenceTransformer:
    """Both towers as one model of sentence-transformers.

    :param question: The question tower.
    :param passage: The passage tower; the same object if they are tied.
    :param device: A torch device.
    :returns: The model.
    """
    router = Router.for_query_document([question], [passage])
    return SentenceTransformer(modules=[router], device=device, similarity_fn_name="dot")


def tower_of(model: SentenceTransformer, role: Role) -> TrainableTower:
    """The tower for a role from a model made by :func:`two_towers`.

    :param model: The model.
    :param role: ``"question"`` or ``"passage"``.
    :returns: The tower.
    """
    tower: TrainableTower = model[0].sub_modules[ROUTES[role]][0]
    return tower


def _prepare(tower: TrainableTower, options: TowerOptions, device: str) -> None:
    prepare_transformer(
        tower.loaded[0].model,
        device,
        attention=options.attention,
        dropout=options.dropout,
        checkpointing=options.checkpointing,
    )
    for name, parameter in tower.named_parameters():
        # a pooler after the transformer is not used: DPR uses the vector of [CLS] itself
        parameter.requires_grad_(not options.frozen and ".pooler." not in f".{name}")
    if options.freeze_embeddings:
        tower.backbone.embeddings.requires_grad_(False)
    tower.train(not options.frozen)
